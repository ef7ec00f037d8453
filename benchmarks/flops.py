"""How much arithmetic a step does, and how much the machine could do at best."""

import time
from collections.abc import Callable

import torch
from torch.utils.flop_counter import FlopCounterMode


def count_flops(work: Callable) -> int:
    """Floating-point operations of all convolutions and matrix products in `work()`, forward and backward.

    A multiplication and its addition count as two. Norms, paddings and Adam are not counted: on the networks of the paper
    they are under one per cent of the arithmetic (they may be far more of the time). Not for compiled or captured work, which
    hides what it calls: count the plain form of the same step.
    """
    counter = FlopCounterMode(display=False)
    with counter:
        work()
    return counter.get_total_flops()


def synchronize(device: torch.device) -> None:
    """Wait until the device has done everything it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def matmul_peak(
    device: torch.device, dtype: torch.dtype, side: int, repeats: int = 10, turns: int = 5
) -> float:
    """TFLOP/s of a product of two random square matrices, the best of some turns; the caller allows TF32 or not."""
    a, b = (torch.randn(side, side, device=device, dtype=dtype) for _ in range(2))
    out = torch.empty_like(a)
    torch.mm(a, b, out=out)
    seconds = []
    for _ in range(turns):
        synchronize(device)
        started = time.perf_counter()
        for _ in range(repeats):
            torch.mm(a, b, out=out)
        synchronize(device)
        seconds.append((time.perf_counter() - started) / repeats)
    return 2 * side**3 / min(seconds) / 1e12
