"""Signals that wait for the end of a step."""

import contextlib
import signal
import threading


@contextlib.contextmanager
def signals_noted(act=lambda: None, second_acts: bool = True):
    """Inside the block, SIGINT (Ctrl-C, Jupyter's interrupt), SIGTERM and SIGHUP are noted in the list this yields, and `act` is called.

    The same signal a second time immediately does what it does elsewhere, unless `second_acts` is false. Python delivers
    signals to the main thread only, so in other threads nothing changes; a signal that is ignored (nohup) stays ignored.
    """
    noted, before = [], {}

    def restore():
        for number, handler in before.items():
            signal.signal(number, handler)

    def note(number, frame):
        if number in noted and second_acts:
            restore()
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
        restore()


@contextlib.contextmanager
def signals_wait():
    """Signals that arrive inside the block act when it has ended: an interrupt raises KeyboardInterrupt, the others end the process.

    Yields the list of those that arrived. See `signals_noted`.
    """
    with signals_noted() as noted:
        yield noted
    if noted:
        signal.raise_signal(noted[0])
