"""What the processes of one training agree on: faults, signals, devices, and who has which pictures."""

import contextlib
import os
import re
import sys
import time
from pathlib import Path

import torch
import torch.distributed as dist

from minicyclegan.errors import MiniCycleGANError, ParameterError, RunError
from minicyclegan.runs.devices import choose_device


@contextlib.contextmanager
def together():
    """What is wrong for one process is wrong for all: they leave the block at the same time, and the first one says why.

    It raises RunError, the others exit silently with code 1. No communication belongs inside the block.
    """
    fault = ""
    try:
        yield
    except MiniCycleGANError as error:
        fault = str(error)
    faults = [""] * dist.get_world_size()
    dist.all_gather_object(faults, fault)
    for rank, fault in enumerate(faults):
        if fault and dist.get_rank() == 0:
            raise RunError(f"process {rank}: {fault}" if rank else fault)
        if fault:
            sys.exit(1)


def agreed(signals: list[int]) -> int:
    """A signal that any of the processes has received, 0 for none; the same answer on all. It costs one small message."""
    # On the CPU: a GPU would have to finish its work first
    received = torch.tensor(signals[0] if signals else 0)
    dist.all_reduce(received, dist.ReduceOp.MAX)
    return int(received)


@contextlib.contextmanager
def losing_others(run_dir: Path):
    """Turn torch's errors about a process that is gone into RunError with one sentence."""
    try:
        yield
    except RuntimeError as error:
        lost = r"gloo|nccl|connection (closed|reset|refused)|broken pipe|timed? ?out|recv|socket"
        if isinstance(error, MiniCycleGANError) or not re.search(lost, str(error), re.IGNORECASE):
            raise
        time.sleep(1)  # torchrun looks ten times a second, and must see first who was gone first
        kept = (run_dir / "last.pt").exists()
        how = f"{run_dir / 'last.pt'} is whole: go on with the same command and -p resume=true"
        raise RunError(
            f"process {dist.get_rank()} stops because another process of this job is gone; torchrun says below which one "
            "and how it ended (exit code -9: it was killed, often because memory was full); "
            f"{how if kept else 'there is no checkpoint yet: start again'}"
        ) from error


def device_of_process(device: str, precision: str) -> tuple[torch.device, torch.dtype, str]:
    """Like choose_device, but each process of a machine takes a GPU of its own. Raises ParameterError."""
    chosen, dtype, sentence = choose_device(device, precision)
    if chosen.type == "mps" or chosen.index is not None:
        raise ParameterError(f"device must be auto, cuda or cpu for several processes, but it is {chosen}")
    if chosen.type == "cuda":
        number, there = int(os.environ.get("LOCAL_RANK", 0)), torch.cuda.device_count()
        if number >= there:
            raise ParameterError(f"this machine has {there} CUDA devices; use --nproc-per-node {there}")
        chosen = torch.device("cuda", number)
        torch.cuda.set_device(chosen)
    return chosen, dtype, sentence


def own(whole):
    """This process's part of a list or tensor with one entry for each picture of the whole batch."""
    size = len(whole) // dist.get_world_size()
    first = dist.get_rank() * size
    return whole[first : first + size]
