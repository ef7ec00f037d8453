"""Where the time of a small step goes: the step of notebook 06 and what the library adds to it, one thing at a time.

    python benchmarks/small_step.py [--batch 2] [--rounds 12] [--profile] [--out benchmarks/results/small_step.json]

The networks of notebooks/configs/cpu.yaml at 64 px. All forms are built in one process, take turns, and compute the same losses (the
largest difference in the first step is shown). The arithmetic of a step is counted; the limit beside it is what a product of
two matrices of 1024 x 1024 reaches on as many threads. --profile prints the operations of the plain and of the last form.
"""

import argparse
import json
import statistics
import time
from pathlib import Path

import torch
import yaml
from flops import count_flops, matmul_peak
from machine import machine
from torch.profiler import ProfilerActivity, profile

from minicyclegan import Config, Trainer
from minicyclegan.cyclegan import CycleGAN, in_turn
from minicyclegan.fast.norm import use_quick_norms
from minicyclegan.fast.threads import in_two_threads

CPU_YAML = Path(__file__).parent.parent / "notebooks/configs/cpu.yaml"


def trainer_of(config: Config, last: bool, quick: bool, fused: bool, two: bool) -> Trainer:
    """A Trainer whose parts are chosen here."""
    trainer = Trainer(config, torch.device("cpu"))
    torch.manual_seed(config.seed)
    model = CycleGAN(config)
    model.learn = in_two_threads if two else in_turn
    if last:
        model.to(memory_format=torch.channels_last)
    if quick:
        use_quick_norms(model)
    model.random = torch.Generator()
    trainer.model, half = model, []
    for networks in (
        (model.generator_ab, model.generator_ba),
        (model.discriminator_a, model.discriminator_b),
    ):
        weights = [p for network in networks for p in network.parameters()]
        half.append(
            torch.optim.Adam(weights, config.learning_rate, betas=(config.beta1, 0.999), fused=fused or None)
        )
    trainer.optimizer_g, trainer.optimizer_d = half
    return trainer


FORMS = {
    "the step of notebook 06": (False, False, False, False),
    "+ channels last": (True, False, False, False),
    "+ norms as batch norms of one picture": (True, True, False, False),
    "+ fused Adam": (True, True, True, False),
    "+ a direction for each core (the library)": (True, True, True, True),
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--batch", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--profile", action="store_true")
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    settings = yaml.safe_load(CPU_YAML.read_text())
    settings = {name: value for name, value in settings.items() if name in Config.__dataclass_fields__}
    config = Config(**settings | {"batch_size": args.batch})
    torch.manual_seed(0)
    shape = (2, args.batch, 3, config.image_size, config.image_size)
    pictures = torch.rand(shape) * 2 - 1
    trainers = {name: trainer_of(config, *parts) for name, parts in FORMS.items()}
    losses, seconds = {}, {name: [] for name in trainers}
    for name, trainer in trainers.items():
        trainer.step = config.steps // 2  # most steps have no identity loss any more
        losses[name] = trainer.train_on(*pictures)
    for turn in range(args.rounds + 1):
        for name, trainer in trainers.items():
            for _ in range(5):
                started = time.perf_counter()
                trainer.train_on(*pictures)
                if turn:
                    seconds[name].append(time.perf_counter() - started)
    first = next(iter(trainers))
    counted = trainer_of(config, *FORMS[first])
    counted.step = config.steps // 2
    flops = count_flops(lambda: counted.train_on(*pictures))
    peak = matmul_peak(torch.device("cpu"), torch.float32, 1024)
    print(", ".join(f"{name} {value}" for name, value in machine().items()))
    print(
        f"batch {args.batch}: {flops / 1e9:.2f} GFLOP in a step; matrix products: {1000 * peak:.0f} GFLOP/s\n"
    )
    print("| form | ms a step | 10th to 90th percentile, ms | share of the limit | largest difference of a first loss |")  # fmt: skip
    print("| --- | --: | --: | --: | --: |")
    rows = []
    for name, values in seconds.items():
        median, tenths = statistics.median(values), statistics.quantiles(values, n=10)
        off = max(
            float((losses[name][key] - losses[first][key]).abs() / losses[first][key])
            for key in losses[first]
            if "accuracy" not in key
        )
        rows.append({"form": name, "ms": 1000 * median, "share": flops / median / 1e12 / peak, "difference": off})  # fmt: skip
        print(f"| {name} | {1000 * median:.1f} | {1000 * tenths[0]:.1f} to {1000 * tenths[-1]:.1f} | {rows[-1]['share']:.0%} | {off:.0e} |")  # fmt: skip
    if args.out:
        found = {"machine": machine(), "batch": args.batch, "gflop": flops / 1e9, "peak_gflops": 1000 * peak, "rows": rows}  # fmt: skip
        args.out.write_text(json.dumps(found, indent=1) + "\n")
    if args.profile:
        for name in (first, "+ fused Adam"):
            with profile(activities=[ProfilerActivity.CPU]) as seen:
                for _ in range(10):
                    trainers[name].train_on(*pictures)
            print(f"\n{name}, ten steps")
            print(seen.key_averages().table(sort_by="self_cpu_time_total", row_limit=16, max_name_column_width=40))  # fmt: skip


if __name__ == "__main__":
    main()
