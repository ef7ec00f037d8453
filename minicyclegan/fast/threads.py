"""Two directions side by side on a CPU: one thread for each.

PyTorch shares out each operation among the cores and waits for all of them before the next. The operations of small
networks are too short for that: at 64 px two cores are hardly faster than one. But the two directions of the cycle, A to B
to A and B to A to B, have nothing to say to each other before their gradients are added, so each can have a core of its own.
"""

import contextlib
import gc
import importlib
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait

import torch

from minicyclegan.cyclegan import CycleGAN, learn_from
from minicyclegan.parameters import Config

SECOND = ThreadPoolExecutor(1, "second direction")


def in_two_threads(first: Callable, second: Callable) -> list[tuple]:
    """Like `cyclegan.in_turn`, but both jobs at once, each with as many threads for its operations as are set: half the cores.

    Every run gives the same results: a weight that both jobs use receives one gradient from each, and a sum of two is the
    same in either order. Where both directions share a network it would be a sum of four, and `in_turn` is the one to use.
    """
    threads = torch.get_num_threads()
    return sum(side_by_side(threads, lambda job: learn_from([job()]), (first,), (second,)), [])


@contextlib.contextmanager
def threads_for_each(number: int):
    """Within the block PyTorch shares each operation among `number` threads, here and in threads that start there."""
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def import_ahead(name: str) -> None:
    """Begin to import a module in another thread; whoever imports it later waits for the rest, or finds it there.

    When it is there, Python looks for garbage again, for which the caller has switched it off, but not among what was imported.
    """

    def load() -> None:
        try:
            importlib.import_module(name)
        finally:
            gc.freeze()
            gc.enable()

    threading.Thread(target=load, name="import ahead", daemon=True).start()


@contextlib.contextmanager
def set_by_ctrl_c(event: threading.Event):
    """Within the block Ctrl-C first sets the event, which other threads look at, and then does what it did before.

    Otherwise they would hear of it only after the main thread has waited for them.
    """
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(before):
        yield
        return

    def handle(number, frame) -> None:
        event.set()
        before(number, frame)

    signal.signal(signal.SIGINT, handle)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def side_by_side(threads: int, function, first: tuple, second: tuple) -> tuple:
    """function(*first) in this thread and function(*second) in another, which uses `threads` for each operation."""

    def in_the_other():
        torch.set_num_threads(threads)
        return function(*second)

    other = SECOND.submit(in_the_other)
    try:
        mine = function(*first)
    finally:
        wait([other])  # no further while it computes
    return mine, other.result()


def two_thread_cyclegan(config: Config, dtype: torch.dtype = torch.float32) -> CycleGAN:
    """A CycleGAN that halves the threads for itself, as the Trainer in notebook 07 of the first edition expects it."""
    model = CycleGAN(config, dtype)
    model.learn = in_two_halves
    return model


def in_two_halves(first: Callable, second: Callable) -> list[tuple]:
    with threads_for_each(max(1, torch.get_num_threads() // 2)):
        return in_two_threads(first, second)
