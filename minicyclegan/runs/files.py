"""Files written whole or not at all, and what to do when the disk refuses."""

import contextlib
import errno
import json
import os
from pathlib import Path

from minicyclegan.errors import RunError

# What the system says, and what it means to the person who reads it
REMEDIES = {
    errno.ENOSPC: "the disk is full; free some space or choose another folder",
    errno.EFBIG: "files may not grow that large here (a limit of this account or disk); choose another folder",
    errno.EROFS: "that disk is read-only; choose another folder",
    errno.EACCES: "writing is not allowed there; choose another folder",
    errno.EPERM: "writing is not allowed there; choose another folder",
    errno.ENOENT: "its folder is gone: it was moved or removed; choose another folder",
}


if hasattr(errno, "EDQUOT"):  # Windows does not
    REMEDIES[errno.EDQUOT] = "your share of the disk is full; free some space or choose another folder"


def cannot_write(path: Path, error: Exception) -> RunError:
    """The sentence for a write that failed. `error` may be torch's RuntimeError, which hides the system's own error."""
    while not isinstance(error, OSError) and error.__context__ is not None:
        error = error.__context__
    number = getattr(error, "errno", None)
    if number == errno.ENOENT and path.parent.is_dir():
        number = None  # not the folder: perhaps the name is impossible
    reason = getattr(error, "strerror", None) or str(error)
    return RunError(
        f"cannot write {path}: {REMEDIES.get(number, f'{reason}; free some space or choose another folder')}"
    )


def write_file(path: str | Path, write, flush: bool = True) -> None:
    """Call `write(file)` on a temporary file beside `path`, flush it to the disk, then rename it. Raises RunError.

    Without `flush`, for what can be made again, the system decides when it reaches the disk: much faster for many files.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with open(temporary, "wb") as file:
            write(file)
            if flush:
                file.flush()
                os.fsync(file.fileno())
        os.replace(temporary, path)
        if flush:
            flush_folder(path.parent)
    except (OSError, RuntimeError) as error:  # torch reports a full disk as a RuntimeError
        raise cannot_write(path, error) from error
    finally:
        with contextlib.suppress(OSError):  # on a read-only disk even this fails
            temporary.unlink(missing_ok=True)


def flush_folder(folder: Path) -> None:
    """Flush the names in a folder to the disk too: a rename must survive a power cut. Windows does this itself."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        except OSError as error:
            if error.errno != errno.EINVAL:  # some network drives cannot, and need not
                raise
        finally:
            os.close(handle)


def append_line(path: str | Path, line: str) -> None:
    """Add a line to a text file. Raises RunError."""
    try:
        with open(path, "a", encoding="utf-8") as file:
            file.write(line + "\n")
            file.flush()
            os.fsync(file.fileno())  # a checkpoint on the disk must not lack its line
    except OSError as error:
        raise cannot_write(Path(path), error) from error


def write_json(path: str | Path, value: dict) -> None:
    write_file(path, lambda file: file.write((json.dumps(value, indent=2) + "\n").encode()))


def read_json(path: Path) -> dict | None:
    """The content of a JSON file, or None if the file is missing. Raises RunError for a damaged one."""
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RecursionError) as error:
        raise RunError(f"cannot read {path}: {error}; remove its folder to run it again") from error
