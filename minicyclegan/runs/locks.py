"""One process at a time in a folder."""

import contextlib
import errno
from pathlib import Path

import filelock

from minicyclegan.errors import MiniCycleGANError, RunError


@contextlib.contextmanager
def only_one(path: str | Path, busy: str, error: type[MiniCycleGANError] = RunError):
    """Hold the lock file `path`, or raise `error` with the sentence `busy`.

    The lock is the operating system's: it ends with its process, however that ends. Raises OSError where the file cannot
    be made.
    """
    lock = filelock.FileLock(path, blocking=False)
    try:
        lock.acquire()
    except filelock.Timeout:
        raise error(busy) from None
    except OSError as failure:
        # Some network drives have no locks: better without one than not at all
        if failure.errno not in (errno.ENOLCK, errno.EOPNOTSUPP):
            raise
    try:
        yield
    finally:
        with contextlib.suppress(OSError):  # Windows keeps a file that is open
            Path(path).unlink()
        lock.release()
