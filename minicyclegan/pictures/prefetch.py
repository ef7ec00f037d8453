"""Work that other threads do: reading many pictures at once, and making the next batch while a step runs."""

import os
import threading
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait

from torch import Tensor

from minicyclegan.errors import DataError

THREADS = min(4, os.cpu_count() or 1)  # that read at once; Pillow lets the others work while it decodes
WAITING = 64  # the most results that are ready and not yet taken


class NoWarnings:
    """`with no_warnings:` silences what Pillow says about odd files, in any number of threads at once.

    Python has one list of filters for all threads. If two changed it in turn, the last could put back what the first had
    set, forever; so the first that enters changes it and the last that leaves restores it. Where threads begin and end
    inside a block of the main thread, they change nothing at all.
    """

    def __init__(self):
        self.lock, self.inside = threading.Lock(), 0

    def __enter__(self) -> None:
        with self.lock:
            if self.inside == 0:
                self.filters = warnings.catch_warnings()
                self.filters.__enter__()
                warnings.filterwarnings("ignore", module=r"PIL\.|pillow_heif|minicyclegan\.pictures\.")
            self.inside += 1

    def __exit__(self, *error) -> None:
        with self.lock:
            self.inside -= 1
            if self.inside == 0:
                self.filters.__exit__()


no_warnings = NoWarnings()


def read_all(read: Callable, paths: Iterable, threads: int | None = None) -> Iterator:
    """For each path, in order, what `read(path)` returns, or the DataError it raises; by several threads (THREADS).

    Any other exception is raised. At most WAITING results are held, however slowly they are taken, and no thread is
    left when the loop over them ends or breaks off.
    """

    def attempt(path):
        try:
            return read(path)
        except DataError as error:
            return error

    workers, waiting = ThreadPoolExecutor(threads or THREADS, "read_all"), deque()
    try:
        with no_warnings:
            for path in paths:
                waiting.append(workers.submit(attempt, path))
                if len(waiting) == WAITING:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
    finally:
        workers.shutdown(cancel_futures=True)


class Prefetch:
    """The batches `make(step)` of steps 0 to `end` - 1, the next ones made in threads of their own while a step runs.

        with Prefetch(batches.batch, end=steps) as source:
            real_a, real_b = source.batch(step)

    Only those threads ever call `make`, several at once. The batches are those of `make`, to the bit; what it raises comes
    out of `batch` at the step it belongs to. At most two batches for each thread wait, and none is made for a step past the
    end. After the block the threads are gone, whatever ended the block.
    """

    def __init__(self, make: Callable[[int], tuple[Tensor, ...]], end: int, threads: int | None = None):
        self.make, self.end, self.threads = make, end, threads or THREADS
        self.coming = {}  # step to the batch being made, or made already

    def __enter__(self) -> "Prefetch":
        no_warnings.__enter__()
        self.workers = ThreadPoolExecutor(self.threads, "prefetch")
        # All threads start here, not where Ctrl-C could come between a thread and its entry in the pool's list. If one
        # cannot start, the others do not wait forever
        begun = threading.Barrier(self.threads, timeout=60)
        wait([self.workers.submit(begun.wait) for _ in range(self.threads)])
        return self

    def __exit__(self, *error) -> None:
        try:
            self.workers.shutdown(cancel_futures=True)
        finally:
            self.coming.clear()
            no_warnings.__exit__()

    def batch(self, step: int) -> tuple[Tensor, ...]:
        """The batch of this step, waiting for it if it must; the next ones are started. Best called for one step after another."""
        self.coming = {number: coming for number, coming in self.coming.items() if number >= step}
        # Two for each thread: some pictures are read faster than others
        for number in (step, *range(step + 1, min(step + 1 + 2 * self.threads, self.end))):
            if number not in self.coming:
                self.coming[number] = self.workers.submit(self.make, number)
        return self.coming.pop(step).result()
