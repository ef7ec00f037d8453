"""One process at a time in a folder, and signals that wait for the end of a step (plumbing)."""

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


@contextlib.contextmanager
def signals_noted(act=lambda: None, second_acts: bool = True):
    """Inside the block, SIGINT (Ctrl-C, Jupyter's interrupt), SIGTERM and SIGHUP are noted in the list this yields, and `act` is called.

    The same signal a second time does at once what it does elsewhere, unless `second_acts` is false. Outside of the main
    thread Python hands out no signals, so there nothing changes; a signal that is ignored (nohup) stays ignored.
    """
    noted, before = [], {}

    def give_back():
        for number, handler in before.items():
            signal.signal(number, handler)

    def note(number, frame):
        if number in noted and second_acts:
            give_back()
            signal.raise_signal(number)
        noted.append(number)
        act()

    if threading.current_thread() is threading.main_thread():
        for name in ("SIGINT", "SIGTERM", "SIGHUP"):
            number = getattr(signal, name, None)  # Windows has no SIGHUP
            if number is not None and signal.getsignal(number) not in (signal.SIG_IGN, None):
                before[number] = signal.signal(number, note)
    try:
        yield noted
    finally:
        give_back()


@contextlib.contextmanager
def signals_wait():
    """Signals that come inside the block act when it has ended: an interrupt raises KeyboardInterrupt, the others end the process.

    Yields the list of those that came. See `signals_noted`.
    """
    with signals_noted() as noted:
        yield noted
    if noted:
        signal.raise_signal(noted[0])
