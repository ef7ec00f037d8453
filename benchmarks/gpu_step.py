"""One training step: the reference's and ours, in turn in one process; speed, memory, arithmetic, and the losses beside it.

    python benchmarks/gpu_step.py --reference PATH --minutes 9 --out benchmarks/results/gpu_step.json
    python benchmarks/gpu_step.py --reference PATH --device cpu --sizes 128x1,64x8x32 --rounds 3 --turn 6

PATH is a checkout of junyanz/pytorch-CycleGAN-and-pix2pix; its optimize_parameters() runs at its defaults. Ours has the same networks,
batch and losses (the paper's Config). Each variant of ours takes turns with the reference; shown are the medians over the turns.
TFLOP/s are the useful work: the arithmetic of the reference's own step, counted by FlopCounterMode, divided by each one's time. A size is
SIDExBATCH[xCHANNELS[xBLOCKS]], by default 64 channels and 9 blocks from 256 px on, 6 below. "Images a second" counts the
pictures of one domain. Peak memory is what a contender itself takes: weights, gradients, optimisers and one step.

With --out every row is written as it comes, and a run with the same file continues where the last one stopped, on the same kind of
machine; with --again it measures again, including what failed. --recipe projects the paper's 267,000 steps. See gpu_variants.py on what
no test runs.
"""

import argparse
import gc
import json
import os
import statistics
import subprocess
import time
from pathlib import Path

import torch
import torch._dynamo
from flops import count_flops, matmul_peak, synchronize
from gpu_variants import (
    LOSSES,
    ON_CPU,
    ON_CUDA,
    VARIANTS,
    HostBatches,
    ReadyBatches,
    Reference,
    Setting,
    Variant,
    build,
    named_networks,
)
from machine import machine
from reference import copy_weights
from torch import nn

from minicyclegan.cyclegan import CycleGAN
from minicyclegan.errors import MiniCycleGANError, ParameterError, RunError
from minicyclegan.fast.batches import ResidentBatches
from minicyclegan.runs.devices import choose_device

RECIPE_STEPS = 267_000
# What is counted and compared with. The library itself uses two threads on a CPU, and a counter sees only its own.
PLAIN = Variant("", "fp32", channels_last=False)


def read_sizes(text: str) -> list[Setting]:
    """`256x1,64x8x32` as settings; ParameterError for anything else."""
    settings = []
    for word in text.split(","):
        numbers = word.split("x")
        if not (2 <= len(numbers) <= 4 and all(n.isdecimal() and int(n) > 0 for n in numbers)):
            raise ParameterError(
                f"{word!r} is no size; write SIDExBATCH[xCHANNELS[xBLOCKS]], for example 256x8"
            )
        side, batch, channels, blocks = [int(n) for n in numbers] + [None] * (4 - len(numbers))
        settings.append(Setting(side, batch, channels or 64, blocks or (9 if side >= 256 else 6)))
    return settings


def read_variants(text: str | None, device: torch.device) -> list[str]:
    """Names of variants that this device can run; ParameterError, in a sentence, for any other."""
    names = text.split(",") if text else ON_CUDA if device.type == "cuda" else ON_CPU
    for name in names:
        if name not in VARIANTS:
            raise ParameterError(f"there is no variant {name!r}; known: {', '.join(VARIANTS)}")
        if VARIANTS[name].needs_cuda and device.type != "cuda":
            raise ParameterError(f"variant {name} exists on CUDA only; choose from {', '.join(ON_CPU)}")
    return names


def allow(contender) -> None:
    """Set what this contender, or variant, expects of the whole process: TF32 or not, cuDNN trying its algorithms or not.

    By PyTorch's older names: torch.compile of 2.11 still reads them, and refuses a mix of both.
    """
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = contender.tf32
    torch.backends.cudnn.benchmark = contender.benchmark


def free(device: torch.device) -> int:
    """Free what is no longer in use; returns the bytes still held on the GPU."""
    gc.collect()
    torch.compiler.reset()
    if device.type != "cuda":
        return 0
    torch.cuda.synchronize()
    torch.cuda.empty_cache()
    return torch.cuda.memory_allocated()


def differences(losses: dict, expected: dict) -> float:
    """The largest relative difference of any loss."""
    return max(abs(float(losses[name]) - expected[name]) / abs(expected[name]) for name in expected)


class Runner:
    """A contender and the batches it is shown, its turns, and how much memory it took."""

    def __init__(self, name: str, words: str, contender, source, held_before: int):
        self.name, self.words, self.contender, self.source = name, words, contender, source
        self.held_before, self.number, self.turns = held_before, 0, []
        self.memory = self.reserved = None

    def once(self) -> dict:
        self.number += 1
        return self.contender.step(*self.source.batch(self.number - 1))

    def first_steps(self, expected: list[dict]) -> list[float]:
        """Train some steps from equal weights: how far the losses of each are from the expected ones."""
        allow(self.contender)
        return [differences(self.once(), losses) for losses in expected]

    def warm_up(self, turn_seconds: float) -> None:
        """Full pools, some steps, the memory of two, and how many steps make one turn."""
        device = self.contender.device
        allow(self.contender)
        self.contender.fill_pools()
        self.once()
        if device.type == "cuda":
            self.once()
            torch.cuda.synchronize()
            torch.cuda.reset_peak_memory_stats()
        synchronize(device)
        started = time.perf_counter()
        for _ in range(2 if device.type == "cuda" else 1):
            self.once()
        synchronize(device)
        seconds = (time.perf_counter() - started) / (2 if device.type == "cuda" else 1)
        self.steps = max(1, round(turn_seconds / seconds))
        if device.type == "cuda":
            peak = max(torch.cuda.max_memory_allocated(), self.contender.captured_bytes)
            self.memory = (peak - self.held_before) / 2**30
            self.reserved = torch.cuda.memory_reserved() / 2**30

    def turn(self) -> None:
        allow(self.contender)
        synchronize(self.contender.device)
        started = time.perf_counter()
        for _ in range(self.steps):
            self.once()
        synchronize(self.contender.device)
        self.turns.append((time.perf_counter() - started) / self.steps)


def row_of(runner: Runner, setting: Setting, flops: int, peak: float) -> dict:
    """The figures of one contender; `peak` in TFLOP/s."""
    seconds = statistics.median(runner.turns)
    return {
        "size": setting.name,
        "side": setting.side,
        "batch": setting.batch,
        "variant": runner.name,
        "words": runner.words,
        "ms": 1000 * seconds,
        "ms_from": 1000 * min(runner.turns),
        "ms_to": 1000 * max(runner.turns),
        "turns": len(runner.turns),
        "steps_per_turn": runner.steps,
        "images_per_second": setting.batch / seconds,
        "memory_gib": runner.memory,
        "reserved_gib": runner.reserved,
        "tflops": flops / seconds / 1e12,
        "share_of_peak": flops / seconds / 1e12 / peak,
    }


class Bench:
    """All measurements of one run, and the file they are kept in."""

    def __init__(self, args, device: torch.device):
        self.args, self.device = args, device
        self.end = time.monotonic() + 60 * args.minutes
        self.found = {"machine": described(device), "peaks": {}, "flops": {}, "parity": {}, "rows": []}
        if args.out and args.out.exists():
            old = json.loads(args.out.read_text())
            keys = ("gpu", "torch") if device.type == "cuda" else ("cpu", "torch")
            same = all(old["machine"].get(key) == self.found["machine"].get(key) for key in keys)
            if not same:
                raise ParameterError(
                    f"{args.out} was measured on another machine or PyTorch; name another file"
                )
            self.found |= {key: old[key] for key in ("peaks", "flops", "parity", "rows")}

    @property
    def over(self) -> bool:
        return time.monotonic() > self.end

    def keep(self) -> None:
        if self.args.out:
            self.args.out.parent.mkdir(parents=True, exist_ok=True)
            new = self.args.out.with_suffix(".new")
            new.write_text(json.dumps(self.found, indent=1) + "\n")
            os.replace(new, self.args.out)

    def add(self, row: dict) -> None:
        """Keep a row in place of an older one of the same variant and size, and print it."""
        key = (row["size"], row["variant"])
        self.found["rows"] = [r for r in self.found["rows"] if (r["size"], r["variant"]) != key] + [row]
        print(table_line(row), flush=True)
        self.keep()

    def measure_peaks(self) -> None:
        """Products of random matrices: of side 8192 on a GPU, 2048 on a CPU."""
        cuda, found = self.device.type == "cuda", {}
        for name, dtype in (("bf16", torch.bfloat16), ("tf32", torch.float32), ("fp32", torch.float32)):
            if name == "tf32" and not cuda:
                continue
            torch.backends.cuda.matmul.allow_tf32 = name == "tf32"
            found[name] = matmul_peak(self.device, dtype, 8192 if cuda else 2048, 10 if cuda else 2)
        self.found["peaks"] = found
        print("matrix products, TFLOP/s:", ", ".join(f"{name} {value:.4g}" for name, value in found.items()))

    @property
    def peak(self) -> float:
        return self.found["peaks"]["bf16" if self.device.type == "cuda" else "fp32"]

    def parity(self, setting: Setting, ready: ReadyBatches) -> None:
        """Both from the same weights on the same pictures, pools off: the losses of the first steps.

        In fp64, where only an error could make them differ, and in fp32, where Adam soon amplifies a little rounding: it
        divides by the size of a gradient, however small that is. fp64 only up to 256 px at batch 1: it is slow.
        """
        found = self.found["parity"][setting.name] = {}
        small = setting.batch * setting.side**2 <= 256**2
        for name, dtype in (
            (("fp64", torch.float64), ("fp32", torch.float32)) if small else (("fp32", torch.float32),)
        ):
            reference = Reference(self.args.reference, setting, self.device, tf32=False, pool_size=0)
            ours = build(VARIANTS["fp32"], setting, self.device, reference.networks)
            ours.trainer.pool_a.size = ours.trainer.pool_b.size = 0
            reference.benchmark = ours.benchmark = False  # trying algorithms would take longer than the steps
            for network in (*reference.networks.values(), reference.model.criterionGAN, ours.trainer.model):
                network.to(dtype)
            found[name] = steps = []
            for step in range(self.args.parity_steps):
                pictures, losses = [part.to(dtype) for part in ready.batch(step)], []
                for contender in (reference, ours):
                    allow(contender)
                    losses.append({n: float(x) for n, x in contender.step(*pictures).items()})
                difference = differences(losses[1], losses[0])
                steps.append({"reference": losses[0], "ours": losses[1], "difference": difference})
            shown = ", ".join(f"{step['difference']:.1e}" for step in steps)
            print(
                f"largest relative difference of a loss from the reference's, equal weights, {name}, steps 1 to {len(steps)}: {shown}",
                flush=True,
            )

    def source(self, variant: Variant, setting: Setting, ready: ReadyBatches):
        if variant.data == "ready":
            return ready
        load = round(setting.side * 286 / 256)
        pictures = [torch.randint(256, (64, 3, load, load), dtype=torch.uint8) for _ in range(2)]
        if variant.data == "resident":
            return ResidentBatches(*pictures, setting.side, setting.batch, 0, self.device)
        return HostBatches(*pictures, setting, self.device)

    def build(self, name: str, setting: Setting, weights: dict):
        if name != "reference-fp32":
            return build(VARIANTS[name], setting, self.device, weights)
        if not self.args.reference:
            raise ParameterError("reference-fp32 needs --reference")
        contender = Reference(self.args.reference, setting, self.device, tf32=False)
        copy_weights(weights, contender.networks)
        return contender

    def attempt(
        self, name: str, setting: Setting, weights: dict, ready, expected: list[dict], partner, flops: int
    ) -> None:
        """One variant, taking turns with the reference; or the first line of its exception where it fails."""
        row = {"size": setting.name, "side": setting.side, "batch": setting.batch, "variant": name}
        row["words"] = VARIANTS[name].words
        try:
            held, started = free(self.device), time.perf_counter()
            allow(VARIANTS[name])
            contender = self.build(name, setting, weights)
            runner = Runner(name, VARIANTS[name].words, contender, ready, held)
            synchronize(self.device)
            row["differences"] = runner.first_steps(expected)
            row["start_seconds"] = time.perf_counter() - started
            runner.source = self.source(VARIANTS[name], setting, ready)
            runner.warm_up(self.args.turn)
            ratios = []
            for number in range(self.args.rounds):
                if self.over and number >= 3:
                    break
                if partner is not None:
                    partner.turn()
                runner.turn()
                if partner is not None:
                    ratios.append(partner.turns[-1] / runner.turns[-1])
            row |= row_of(runner, setting, flops, self.peak)
            row["ratio"] = statistics.median(ratios) if ratios else None
        except Exception as error:  # a variant that fails is a result too
            row["error"] = f"{type(error).__name__}: {error}".splitlines()[0][:300]
        self.add(row)
        if "error" in row and self.device.type == "cuda":
            try:
                torch.cuda.synchronize()
            except Exception as error:  # such as an illegal access: nothing works in this process any more
                raise RunError(
                    f"after variant {name} the GPU refuses all work; run again with the same --out to go on with the next"
                ) from error

    def run(self, setting: Setting, names: list[str]) -> None:
        done = {r["variant"] for r in self.found["rows"] if r["size"] == setting.name and not self.args.again}
        names = [name for name in names if name not in done]
        if not names or self.over:
            return
        print(f"\n{setting.name}\n{HEADER}", flush=True)
        torch.manual_seed(0)
        ready = ReadyBatches(setting, self.device)
        if self.args.reference and setting.name not in self.found["parity"]:
            self.parity(setting, ready)
        weights, expected, flops = self.begin(setting, ready)
        partner = None
        if self.args.reference:
            held = free(self.device)
            reference = Reference(self.args.reference, setting, self.device)
            copy_weights(weights, reference.networks)
            partner = Runner(
                "reference", "its optimize_parameters, PyTorch's defaults", reference, ready, held
            )
            first = partner.first_steps(expected)
            partner.warm_up(self.args.turn)
        for name in names:
            if self.over:
                print(f"the time is over before {name}; run again with the same --out to go on")
                break
            self.attempt(name, setting, weights, ready, expected, partner, flops)
        if partner is not None and partner.turns:
            row = row_of(partner, setting, flops, self.peak)
            self.add(row | {"differences": first, "ratio": 1.0})

    def begin(self, setting: Setting, ready: ReadyBatches) -> tuple[dict[str, nn.Module], list[dict], int]:
        """The weights all begin with, the losses of ours in fp32 at the first steps, and the useful arithmetic of one step."""
        torch.manual_seed(0)
        weights = named_networks(CycleGAN(setting.config()).to(self.device))
        plain = build(PLAIN, setting, self.device, weights)
        allow(plain)
        expected = []

        def one_step():
            losses = plain.step(*ready.batch(len(expected)))
            expected.append({name: float(losses[name]) for name in LOSSES})

        counted = {"ours": count_flops(one_step)}
        # At most 48 pictures: the pools give back what they get
        for _ in range(min(3, self.args.parity_steps) - 1):
            one_step()
        if self.args.reference:
            reference = Reference(self.args.reference, setting, self.device, tf32=False)
            counted["reference"] = count_flops(lambda: reference.step(*ready.batch(0)))
        self.found["flops"][setting.name] = counted
        print("arithmetic of one step, TFLOP:", ", ".join(f"{k} {v / 1e12:.4g}" for k, v in counted.items()))
        return weights, expected, counted.get("reference", counted["ours"])


HEADER = (
    "| variant | ms a step | from - to | images/s | x reference | peak GiB | TFLOP/s | of the peak | loss difference, first and last of 3 | ready after s |\n"
    "| --- | --: | --: | --: | --: | --: | --: | --: | --: | --: |"
)


def table_line(row: dict) -> str:
    """One row in Markdown."""
    name = f"{row['variant']}: {row['words']}"
    if "error" in row:
        return f"| {name} | failed: {row['error']} |" + " |" * 8
    cells = [
        name, f"{row['ms']:.4g}", f"{row['ms_from']:.4g} - {row['ms_to']:.4g}", f"{row['images_per_second']:.4g}",
        f"{row['ratio']:.2f}" if row["ratio"] else "", f"{row['memory_gib']:.2f}" if row["memory_gib"] else "",
        f"{row['tflops']:.4g}", f"{row['share_of_peak']:.1%}", ", ".join(f"{row['differences'][i]:.1e}" for i in (0, -1)),
        f"{row['start_seconds']:.1f}" if "start_seconds" in row else "",
    ]  # fmt: skip
    return "| " + " | ".join(cells) + " |"


def print_recipe(rows: list[dict]) -> None:
    """How long the paper's horse2zebra recipe would take: 267,000 pictures of each domain at 256 px."""
    print(f"\nthe paper's recipe, {RECIPE_STEPS:,} pictures of each domain at 256 px\n")
    print("| batch | variant | steps | hours |\n| --: | --- | --: | --: |")
    rows = [row for row in rows if row["side"] == 256 and "error" not in row]
    if not rows:
        print("no size of 256 px was measured")
    for row in sorted(rows, key=lambda row: (row["batch"], row["ms"])):
        steps = RECIPE_STEPS / row["batch"]
        print(f"| {row['batch']} | {row['variant']} | {steps:,.0f} | {steps * row['ms'] / 3.6e6:.2f} |")


def described(device: torch.device) -> dict:
    """machine() with the driver's version; without the GPU if the CPU is measured."""
    found = machine()
    if device.type != "cuda":
        found.pop("gpu", None)
        return found
    found |= {"cuda": torch.version.cuda, "cudnn": torch.backends.cudnn.version()}
    query = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    try:
        found["driver"] = subprocess.run(query, capture_output=True, text=True, timeout=30).stdout.split(
            "\n"
        )[0]
    except (OSError, subprocess.TimeoutExpired):
        found["driver"] = "unknown"
    return found


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--reference", help="a checkout of the reference; without it only ours is measured")
    parser.add_argument("--device", default="auto", help="auto, cuda or cpu")
    parser.add_argument("--sizes", default="256x1,256x8,128x16")
    parser.add_argument("--variants", help=f"of {', '.join(VARIANTS)}")
    parser.add_argument("--minutes", type=float, default=9, help="no variant begins later than this")
    parser.add_argument("--rounds", type=int, default=7, help="turns of each variant")
    parser.add_argument("--turn", type=float, default=0.5, help="seconds of one turn, at least one step")
    parser.add_argument("--parity-steps", type=int, default=5)
    parser.add_argument("--out", type=Path, help="a .json file, written after each row")
    parser.add_argument("--again", action="store_true", help="measure anew what the file has already")
    parser.add_argument(
        "--recipe", action="store_true", help="project the paper's recipe from the steps at 256 px"
    )
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> dict:
    args = parse(arguments)
    device, _, _ = choose_device(args.device)
    settings, names = read_sizes(args.sizes), read_variants(args.variants, device)
    # All variants compile the same source lines, each in its own way: more versions than PyTorch keeps by default
    torch._dynamo.config.recompile_limit = 64
    bench = Bench(args, device)
    print(", ".join(f"{name} {value}" for name, value in bench.found["machine"].items()))
    bench.measure_peaks()
    for setting in settings:
        bench.run(setting, names)
        free(device)
    for setting in settings:
        rows = [row for row in bench.found["rows"] if row["size"] == setting.name]
        print(f"\n{setting.name}\n\n{HEADER}", *[table_line(row) for row in rows], sep="\n")
    if args.recipe:
        print_recipe(bench.found["rows"])
    bench.keep()
    return bench.found


if __name__ == "__main__":
    try:
        main()
    except MiniCycleGANError as error:
        raise SystemExit(f"gpu_step: {error}")
