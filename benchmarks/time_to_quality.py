"""How long until the translations are good? Held-out error against training time, ours and the reference's, side by side.

    python benchmarks/time_to_quality.py [--reference PATH] [--minutes 20] [--seeds 3] [--out benchmarks/results/time_to_quality.json]

Data: `seasons` at 64 px, the same pictures for both. The reference is junyanz/pytorch-CycleGAN-and-pix2pix, a checkout of which is at
PATH, with its own network and recipe: ResNet-9 of 64 channels, batch 1, Adam at 0.0002 (which it would hold for 100 epochs). Ours is
notebooks/configs/cpu.yaml, one seed after the other. They take turns of a few seconds in one process, so that whatever else the
machine does affects both. Each has a clock that counts its training steps and the making of its batches; measuring is not counted.

Quality is the share of the way from doing nothing (0 %) to the supervised twin (100 %), the worse of the two directions, on the
first 50 held-out pairs. --set tries another recipe, for example --seeds 1 --set steps=1300 --set learning_rate=0.0015. The twin is the shipped one: the generator of configs/cpu.yaml, trained on true pairs.
"""

import argparse
import json
import time
from pathlib import Path

import torch
import yaml
from machine import machine
from reference import build_reference, train_once
from torch import nn

from minicyclegan import Config, Trainer, UnpairedBatches, held_out_error, load_seasons
from minicyclegan.course.files import shipped_weights
from minicyclegan.data import to_float
from minicyclegan.quality.twins import read_twins, twin_path
from minicyclegan.runs.devices import choose_device

LEVELS = (80, 90, 95)
TURN = 15  # seconds of training in one turn, then the error is measured
PAIRS = 50


class Pair(nn.Module):
    """Two generators under the names that `held_out_error` asks for."""

    def __init__(self, generator_ab: nn.Module, generator_ba: nn.Module):
        super().__init__()
        self.generator_ab, self.generator_ba = generator_ab, generator_ba


class Ours:
    def __init__(self, config: Config, domains, precision: str):
        device, dtype, sentence = choose_device("cpu", precision)
        print(sentence)
        words = "bf16" if dtype == torch.bfloat16 else "fp32"
        self.name, self.steps = f"miniCycleGAN, cpu.yaml, {words}, seed {config.seed}", config.steps
        self.trainer = Trainer(config, device, dtype)
        self.batches = UnpairedBatches(
            domains.train_a, domains.train_b, config.image_size, config.batch_size, config.seed
        )

    @property
    def step(self) -> int:
        return self.trainer.step

    def train_once(self) -> None:
        self.trainer.train_on(*self.batches.batch(self.trainer.step))

    def translator(self) -> nn.Module:
        return self.trainer.translator


class Reference:
    def __init__(self, path: str, domains):
        torch.manual_seed(0)
        self.name, self.step, self.steps = "the reference: ResNet-9, batch 1", 0, 200 * len(domains.train_a)
        self.model = build_reference(path)
        self.batches = UnpairedBatches(domains.train_a, domains.train_b, 64, 1, 0)

    def train_once(self) -> None:
        train_once(self.model, *self.batches.batch(self.step))
        self.step += 1

    def translator(self) -> nn.Module:
        return Pair(self.model.netG_A, self.model.netG_B)


class Runner:
    """One contender, its clock, and the quality measured so far: rows of (seconds, step, share ab, share ba)."""

    def __init__(self, contender, share_of):
        self.contender, self.share_of, self.clock, self.rows = contender, share_of, 0.0, []

    def turn(self, seconds: float) -> None:
        end = self.clock + seconds
        while self.clock < end and self.contender.step < self.contender.steps:
            started = time.perf_counter()
            self.contender.train_once()
            self.clock += time.perf_counter() - started
        shares = self.share_of(self.contender.translator())
        self.rows.append((round(self.clock, 1), self.contender.step, *(round(share, 4) for share in shares)))
        print(f"{self.contender.name:<36}{self.clock:8.1f} s  step {self.contender.step:6d}  "
              f"{100 * shares[0]:6.1f} %{100 * shares[1]:6.1f} %", flush=True)  # fmt: skip

    @property
    def over(self) -> bool:
        return self.contender.step >= self.contender.steps

    def reached(self, level: int) -> float | None:
        """The first time at which both directions were measured at `level` per cent or better."""
        return next((row[0] for row in self.rows if min(row[2:]) >= level / 100), None)

    def figures(self) -> dict:
        return {
            "name": self.contender.name,
            "seconds_per_step": round(self.clock / max(1, self.contender.step), 4),
            "reached": {f"{level} %": self.reached(level) for level in LEVELS},
            "rows": self.rows,
        }


def share_function(config: Config, domains):
    """A function from a translator to the share of the way from doing nothing to the twin, in both directions."""
    test_a, test_b = domains.test_a[:PAIRS], domains.test_b[:PAIRS]
    nothing = float((to_float(test_a) - to_float(test_b)).abs().mean()) / 2
    twins, _ = read_twins(twin_path(shipped_weights()), config)
    twin = held_out_error(Pair(twins["ab"], twins["ba"]), test_a, test_b)

    def shares(model: nn.Module) -> tuple[float, float]:
        found = held_out_error(model, test_a, test_b)
        return tuple((nothing - found[way]) / (nothing - twin[way]) for way in ("held_out_ab", "held_out_ba"))

    return shares


def draw_figure(rows: list[dict], path: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(7, 4))
    for entry in rows:
        ours = entry["name"].startswith("mini")
        seconds, share = zip(*[(row[0], 100 * max(0, min(row[2:]))) for row in entry["rows"]])
        axes.plot(seconds, share, color="tab:blue" if ours else "tab:orange", label=entry["name"], marker=".")
    for level in LEVELS:
        axes.axhline(level, color="grey", linewidth=0.5)
    axes.set(xscale="log", xlabel="seconds of training", ylabel="% of the way to the twin", ylim=(0, 100))
    longest = max(row[0] for entry in rows for row in entry["rows"])
    ticks = [seconds for seconds in (15, 30, 60, 120, 240, 480, 960, 1920) if seconds <= max(30, longest)]
    axes.set_xticks(ticks, labels=ticks)
    axes.minorticks_off()
    axes.legend()
    figure.savefig(path, dpi=100, bbox_inches="tight")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--reference", help="a checkout of the reference; without it only ours is measured")
    parser.add_argument("--minutes", type=float, default=20, help="no turn starts later than this")
    parser.add_argument("--seeds", type=int, default=3, help="trainings of ours, one after the other")
    parser.add_argument("--precision", help="another one than configs/cpu.yaml has: fp32, bf16 or fast")
    parser.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", help="another value in our recipe"
    )
    parser.add_argument("--out", type=Path, help="a .json file; the figure goes beside it as .png")
    args = parser.parse_args()
    settings = yaml.safe_load((Path(__file__).parent.parent / "notebooks/configs/cpu.yaml").read_text())
    precision = args.precision or settings["precision"]
    settings = {name: value for name, value in settings.items() if name in Config.__dataclass_fields__}
    domains = load_seasons(64)
    share_of = share_function(Config(**settings), domains)
    settings |= {name: yaml.safe_load(value) for name, _, value in (word.partition("=") for word in args.set)}
    waiting = [Config(**settings | {"seed": seed}) for seed in range(args.seeds)]
    reference = Runner(Reference(args.reference, domains), share_of) if args.reference else None
    runners, ours = [reference] if reference else [], None
    end = time.monotonic() + 60 * args.minutes
    while time.monotonic() < end and (ours is None or not ours.over or waiting or reference):
        if waiting and (ours is None or ours.over):
            ours = Runner(Ours(waiting.pop(0), domains, precision), share_of)
            runners.append(ours)
        for runner in (ours, reference):
            if runner is not None and not runner.over:
                runner.turn(TURN)
    figures = [runner.figures() for runner in runners]
    for entry in figures:
        print(entry["name"], f"{entry['seconds_per_step']} s a step,", entry["reached"])
    if args.out:
        args.out.write_text(json.dumps(machine() | {"runs": figures}, indent=1) + "\n")
        draw_figure(figures, args.out.with_suffix(".png"))


if __name__ == "__main__":
    main()
