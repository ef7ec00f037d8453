"""The memory that a training step needs, for each way to compute its two directions.

    python benchmarks/step_memory.py [--size 128] [--batches 1 4] [--out benchmarks/results/step_memory.json]

The paper's networks on a CPU in fp32. Each figure is the highest resident memory of a process of its own that takes three steps, less what
that process held before the first. "At once" is one backward through both directions together, as the library did until it was
changed to a backward after each; two threads, where both directions are also in memory at the same time, are what a CPU run uses.
"""

import argparse
import json
import resource
import subprocess
import sys
from pathlib import Path

import torch
from machine import machine

from minicyclegan import Config, Trainer
from minicyclegan.cyclegan import in_turn, learn_from, run_both
from minicyclegan.fast.threads import in_two_threads


def at_once(first, second) -> list[tuple]:
    """Both directions, and then one backward through the sum of all losses."""
    return learn_from(run_both(first, second))


WAYS = {"at once": at_once, "in turn": in_turn, "in two threads": in_two_threads}


def highest() -> float:
    """The highest resident memory of this process so far, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measure(way: str, size: int, batch: int) -> None:
    """In a process of its own: print the MiB that three steps add."""
    blocks = 9 if size >= 256 else 6
    trainer = Trainer(Config(image_size=size, batch_size=batch, n_blocks=blocks), torch.device("cpu"))
    trainer.model.learn = WAYS[way]
    print(added_by_three_steps(trainer))


def added_by_three_steps(trainer: Trainer) -> float:
    """The MiB that three steps add to the highest resident memory of this process."""
    batch, size = trainer.config.batch_size, trainer.config.image_size
    pictures = torch.rand(2, batch, 3, size, size) * 2 - 1
    before = highest()
    for _ in range(3):
        trainer.train_on(*pictures)
    return highest() - before


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 4])
    parser.add_argument("--out", type=Path)
    parser.add_argument("--one", choices=WAYS, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        return measure(args.one, args.size, args.batches[0])
    print(f"{', '.join(f'{name} {value}' for name, value in machine().items())}\n")
    print(f"| {args.size} px, the paper's networks | batch | MiB that a step adds |\n| --- | --: | --: |")
    rows = []
    for batch in args.batches:
        for way in WAYS:
            words = ["--size", str(args.size), "--batches", str(batch), "--one", way]
            found = subprocess.run(
                [sys.executable, __file__, *words], capture_output=True, text=True, check=True
            )
            rows.append({"way": way, "batch": batch, "mib": round(float(found.stdout))})
            print(f"| {way} | {batch} | {rows[-1]['mib']:,} |", flush=True)
    if args.out:
        args.out.write_text(
            json.dumps({"machine": machine(), "size": args.size, "rows": rows}, indent=1) + "\n"
        )


if __name__ == "__main__":
    main()
