"""Files of notebooks: read whatever program wrote them, a place for a new one, and their paths as papermill takes them."""

import os
from pathlib import Path

from minicyclegan.errors import RunError


def notebook_text(path: str | Path) -> str:
    """The text of a notebook file, without the byte order mark that some editors put first.

    Raises OSError and UnicodeDecodeError as `open` does.
    """
    return Path(path).read_text(encoding="utf-8-sig")


def read_notebook(path: str | Path):
    """A notebook file, in nbformat 4. Raises RunError."""
    import nbformat

    try:
        return nbformat.reads(notebook_text(path), as_version=4)
    except FileNotFoundError:
        raise RunError(f"there is no notebook {path}; check the path") from None
    except Exception as error:  # nbformat raises many kinds
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise RunError(f"{path} is not a notebook: {reason[:100]}") from error


def literal(path: str | Path) -> str:
    """An absolute path for papermill, which would put parameters in place of what stands in braces.

    Absolute, because papermill takes `-x.ipynb` for the standard input, and the beginning of some other names for servers.
    """
    return str(Path(path).absolute()).replace("{", "{{").replace("}", "}}")


def require_place(output: str | Path) -> None:
    """Refuse a place where no file can be written, before time is spent on what would go there. Raises RunError."""
    output = Path(output)
    try:
        if os.path.isdir(output):
            raise RunError(f"{output} is a folder; give the name of a file")
        if not os.path.lexists(output):
            nearest = next(folder for folder in output.absolute().parents if folder.exists())
            if not os.access(nearest, os.W_OK):
                raise RunError(
                    f"cannot write {output}: writing is not allowed in {nearest}; choose another place"
                )
            os.lstat(output.with_name(f".{output.name}.{os.getpid()}.tmp"))  # where write_file begins
    except FileNotFoundError:
        pass
    except (
        OSError,
        ValueError,
    ) as error:  # the name is too long, or leads through a file, or holds a zero byte
        raise RunError(
            f"cannot write {output}: {getattr(error, 'strerror', error)}; choose another place"
        ) from error
