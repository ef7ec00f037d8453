"""One process at a time in a folder."""

import contextlib
import os
import signal
import threading
from pathlib import Path

from minicyclegan.errors import MiniCycleGANError, RunError


@contextlib.contextmanager
def only_one(path: str | Path, busy: str, error: type[MiniCycleGANError] = RunError):
    """Hold the lock file `path`, or raise `error` with the sentence `busy`.

    The lock is the operating system's: it ends with its process, however that ends. Raises OSError where the file cannot
    be made.
    """
    path = Path(path)
    while True:
        with open(path, "a+b") as file:
            try:
                lock(file)
            except (BlockingIOError, PermissionError):
                raise error(busy) from None
            except OSError:  # some network drives know no locks: better without one than not at all
                pass
            if not same_file(file, path):  # who had the lock has removed the file: this one locks nobody out
                continue
            try:
                yield
            finally:
                with contextlib.suppress(OSError):  # Windows keeps a file that is open
                    path.unlink()
            return


def lock(file) -> None:
    if os.name == "nt":
        import msvcrt

        file.seek(0)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def same_file(file, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False




