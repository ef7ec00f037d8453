"""What a training step costs with each method: time side by side, and memory in a process of its own.

    python benchmarks/methods.py --out notebooks/sweeps/methods_cost.json [--rounds 12]

Time: for each sweep notebooks/sweeps/methods_*.yaml the settings of its cases, and the paper's networks at 128 px and batch 1, on
this machine's threads, in turns in one process, the quicker of two tries; means over the whole run. "One direction" computes A to B alone, which CUT and
FastCUT can do and CycleGAN cannot. Memory: the paper's networks again, the highest resident memory that three steps add, with
both directions at once as on two cores.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

import torch
from machine import machine
from step_memory import added_by_three_steps

from minicyclegan import Config, Trainer
from minicyclegan.course.files import course_folder
from minicyclegan.cyclegan import learn_from
from minicyclegan.parameters import METHODS
from minicyclegan.sweep.plan import read_sweep

PAPER = "the paper's networks, 128 px"


def one_direction(first, second) -> list[tuple]:
    """A `learn` that computes the first job alone."""
    return learn_from([first()]) * 2


def configs_of(sweep) -> dict[str, Config]:
    """The settings of each method in a sweep, the first case of each."""
    found = {}
    for member in sweep.members:
        values = {name: v for name, v in member.parameters.items() if name in Config.__dataclass_fields__}
        found.setdefault(values["method"], Config(**values))
    return found


PAPERS = {method: Config(image_size=128, n_blocks=6, method=method, ema_decay=0.0) for method in METHODS}


def seconds_of(trainer: Trainer, pictures, steps: int) -> float:
    started = time.perf_counter()
    for _ in range(steps):
        trainer.train_on(*pictures)
    return (time.perf_counter() - started) / steps


def times(name: str, configs: dict[str, Config], rounds: int, steps: int) -> list[dict]:
    """Milliseconds a step of each method, with both directions and, where it can be, with one."""
    trainers, kinds = {}, {}
    for method, config in configs.items():
        for way in ("both",) if method == "cyclegan" else ("both", "one"):
            trainer = Trainer(config, torch.device("cpu"))
            if way == "one":
                trainer.model.learn = one_direction
            trainers[method, way], kinds[method, way] = trainer, []
    shape = (config.batch_size, 3, config.image_size, config.image_size)
    pictures = [torch.rand(shape) * 2 - 1 for _ in "ab"]
    for n in range(-1, rounds):
        for key, trainer in trainers.items():
            # All over the run: with `identity_share` its first steps cost more
            trainer.step = int((max(n, 0) + 0.5) / rounds * config.steps)
            if n >= 0:
                kinds[key].append(min(seconds_of(trainer, pictures, steps) for _ in range(2)))
            else:
                seconds_of(trainer, pictures, 1)
    found = {key: 1000 * statistics.fmean(seconds) for key, seconds in kinds.items()}
    rows = []
    for method in METHODS:
        row = {"data": name, "method": method, "ms": round(found[method, "both"], 1)}
        row["ratio"] = round(found[method, "both"] / found["cyclegan", "both"], 3)
        if (method, "one") in found:
            row["ms_one_direction"] = round(found[method, "one"], 1)
        rows.append(row)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path)
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--memory", choices=METHODS, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.memory:
        return print(added_by_three_steps(Trainer(PAPERS[args.memory], torch.device("cpu"))))
    found = {"machine": machine(), "steps": [], "memory": []}
    for (
        method
    ) in METHODS:  # first: what this process holds at its highest would count for those that it starts
        words = [sys.executable, __file__, "--memory", method]
        mib = float(subprocess.run(words, capture_output=True, text=True, check=True).stdout)
        found["memory"].append({"method": method, "mib": round(mib)})
        print(found["memory"][-1], flush=True)
    for path in sorted((course_folder() / "sweeps").glob("methods_*.yaml")):
        sweep = read_sweep(path)
        found["steps"] += times(sweep.base["data"], configs_of(sweep), args.rounds, steps=4)
    found["steps"] += times(PAPER, PAPERS, rounds=3, steps=1)
    for row in found["steps"]:
        print(row, flush=True)
    if args.out:
        args.out.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
