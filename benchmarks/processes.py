"""Two processes with one thread each against one process with two, on the same batch: what does data-parallel training cost here?

    torchrun --standalone --nproc-per-node 2 benchmarks/processes.py [--out FILE.json]

Everything is measured in one job, in turns: while one process works alone the other one waits. The pictures are noise, which
does not change the times. Prints the median seconds of a step for the networks of configs/cpu.yaml and for larger ones.
"""

import argparse
import json
import os
import statistics
import sys
import time
from pathlib import Path

import torch
import torch.distributed as dist

sys.path.insert(0, str(Path(__file__).parent))
from machine import machine

from minicyclegan.distributed.ddp import ParallelTrainer
from minicyclegan.distributed.processes import own
from minicyclegan.parameters import Config
from minicyclegan.training import Trainer

SMALL = {"image_size": 64, "base_channels": 12, "n_blocks": 3, "n_downsamplings": 1, "upsampling": "resize"}
SMALL |= {"discriminator_channels": 24, "cycle_noise": 0.1, "discriminator_noise": 0.2, "ema_decay": 0.99}
SETTINGS = {
    "configs/cpu.yaml, batch 2": SMALL | {"batch_size": 2},
    "configs/cpu.yaml, batch 8": SMALL | {"batch_size": 8},
    "64 px, width 32, 6 blocks, batch 8": {
        "image_size": 64,
        "base_channels": 32,
        "n_blocks": 6,
        "batch_size": 8,
    },
}
THREADS = 2  # of the machine; each of the two processes gets half


def seconds(trainer, real_a, real_b, steps: int) -> float:
    started = time.perf_counter()
    for _ in range(steps):
        trainer.train_on(real_a, real_b)
    return (time.perf_counter() - started) / steps


def measure(changes: dict, rounds: int, budget: float) -> dict[str, float]:
    """Median seconds of one step on the whole batch: by one process, by both, and on half of the batch by one thread."""
    config, first, cpu = Config(**changes), dist.get_rank() == 0, torch.device("cpu")
    generator = torch.Generator().manual_seed(0)
    shape = (config.batch_size, 3, config.image_size, config.image_size)
    real_a, real_b = (torch.rand(shape, generator=generator) * 2 - 1 for _ in "ab")
    torch.set_num_threads(THREADS)
    alone = Trainer(config, cpu)  # made with two threads: it may choose networks that suit them
    torch.set_num_threads(1)
    both, half = ParallelTrainer(config, cpu), Trainer(config, cpu)
    own_a, own_b = own(real_a), own(real_b)

    def by_one(trainer, threads, *batch, steps):
        took = 0.0
        torch.set_num_threads(threads)
        if first:
            took = seconds(trainer, *batch, steps)
        torch.set_num_threads(1)
        dist.barrier()
        return took

    by_one(alone, THREADS, real_a, real_b, steps=2)
    by_one(half, 1, own_a, own_b, steps=2)
    pace = torch.tensor(seconds(both, own_a, own_b, 3))
    dist.broadcast(pace, 0)
    steps = max(1, round(budget / rounds / 3 / float(pace)))
    took = {"one process, 2 threads": [], "2 processes, 1 thread each": [], "half of the batch, 1 thread": []}
    for _ in range(rounds):
        took["one process, 2 threads"].append(by_one(alone, THREADS, real_a, real_b, steps=steps))
        took["2 processes, 1 thread each"].append(seconds(both, own_a, own_b, steps))
        dist.barrier()
        took["half of the batch, 1 thread"].append(by_one(half, 1, own_a, own_b, steps=steps))
    weights = sum(w.numel() for w in both.model.parameters())
    medians = {name: statistics.median(values) for name, values in took.items()}
    return medians | {"bytes of gradients": 4 * weights, "rounds": rounds, "steps in a round": steps}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=45, help="about so long for each setting")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    if "RANK" not in os.environ:
        parser.error("start it with torchrun, as the first lines of this file say")
    dist.init_process_group("gloo")
    results = {}
    for name, changes in SETTINGS.items():
        results[name] = found = measure(changes, given.rounds, given.seconds)
        if dist.get_rank() == 0:
            one, two, half = list(found.values())[:3]
            print(
                f"{name:<36}  1 process {1000 * one:7.1f} ms   2 processes {1000 * two:7.1f} ms   ratio {two / one:.2f}   "
                f"half batch alone {1000 * half:7.1f} ms   gradients {found['bytes of gradients'] / 1e6:.1f} MB",
                flush=True,
            )
    if given.out and dist.get_rank() == 0:
        given.out.write_text(json.dumps({"machine": machine(), "seconds": results}, indent=2) + "\n")
    dist.destroy_process_group()
    sys.stdout.flush()
    os._exit(0)  # as in train_distributed: gloo's threads can make Python abort at its end


if __name__ == "__main__":
    main()
