"""Seconds and memory of one large picture: at once, and in strips, with numbers stored in 32 or in 16 bits.

    python benchmarks/large_translation.py [--sizes 1600x1200 4000x3000] [--threads 1] [--out benchmarks/results/large_translation.json]

Each figure comes from a process of its own: the seconds (and the processor's) of the translation alone, and the highest resident
memory of the whole process, with Python and PyTorch, of which `before` was held when the translation began. `differs` is the
difference to the picture that went through at once, in steps of 8 bits. What would need more than --most GB is not tried at once.
The picture is a drawn summer. Networks: `shipped`, the 12 channels of the weights that the package brings; `paper`, ResNet-9 of
64 channels with random weights: time and memory do not depend on them.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from machine import machine
from PIL import Image

from minicyclegan.course.files import shipped_weights
from minicyclegan.cyclegan import CycleGAN
from minicyclegan.fast import large
from minicyclegan.fast.norm import use_quick_norms
from minicyclegan.parameters import Config
from minicyclegan.pictures.images import to_image
from minicyclegan.runs.checkpoint import load
from minicyclegan.seasons import draw, sample_scenes

WAYS = {"at once": None, "in strips": torch.float32, "in strips, 16 bits": torch.float16}


def highest() -> float:
    """The highest resident memory of this process so far, in MiB. Linux only.

    `getrusage` would count what the process that started this one held.
    """
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))


def model_of(network: str) -> CycleGAN:
    """As `minicyclegan translate` has it."""
    torch.manual_seed(0)
    model = load(shipped_weights(), "cpu") if network == "shipped" else CycleGAN(Config()).eval()
    model.discriminator_a = model.discriminator_b = None
    return use_quick_norms(model).to(memory_format=torch.channels_last)


def measure(network: str, way: str, source: Path, result: Path) -> None:
    """In a process of its own: translate one file; print what it took."""
    model = model_of(network)
    with Image.open(source) as image:
        image.load()
    model.translate(image.crop((0, 0, 64, 64)))
    before, started, used = highest(), time.perf_counter(), time.process_time()
    if WAYS[way] is None:
        translation = model.translate(image)
    else:
        pictures = large.LargePictures(lambda device: 1e12, say=lambda line: None)
        plan = pictures.plan(model.generator_ab, image, torch.device("cpu"))
        plan.dtype = WAYS[way]
        pictures.plan = lambda *arguments: plan
        started, used = time.perf_counter(), time.process_time()
        translation = pictures.translate(model.generator_ab, image)
    found = {"seconds": round(time.perf_counter() - started, 1), "cpu": round(time.process_time() - used, 1)}
    found |= {"peak": round(highest()), "before": round(before)}
    translation.save(result, compress_level=1)
    print(json.dumps(found))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", nargs="+", default=["1600x1200", "4000x3000"])
    parser.add_argument("--networks", nargs="+", default=["shipped", "paper"], choices=["shipped", "paper"])
    parser.add_argument("--most", type=float, default=6.0, help="GB that a translation at once may need")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--out", type=Path)
    parser.add_argument("--one", nargs=4, help=argparse.SUPPRESS)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    if args.one:
        return measure(*args.one)
    rows = []
    print(", ".join(f"{name} {value}" for name, value in machine().items()))
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        for size in args.sizes:
            width, height = map(int, size.split("x"))
            scene = to_image(draw(sample_scenes(1, seed=77), "summer", min(width, height))[0])
            scene.resize((width, height), Image.Resampling.LANCZOS).save(work / "in.png")
            for network in args.networks:
                need = large.memory_at_once(model_of(network).generator_ab, width, height)
                (work / "at once.png").unlink(missing_ok=True)
                for way in WAYS:
                    if way == "at once" and need > args.most * 1e9:
                        continue
                    command = [
                        sys.executable,
                        __file__,
                        "--threads",
                        str(args.threads),
                        "--one",
                        network,
                        way,
                    ]
                    command += [str(work / "in.png"), str(work / f"{way}.png")]
                    done = subprocess.run(command, capture_output=True, text=True, check=True)
                    row = {"network": network, "px": size, "how": way} | json.loads(done.stdout)
                    if way != "at once" and (work / "at once.png").exists():
                        first, second = (np.asarray(Image.open(work / f"{w}.png"), dtype=int) for w in ("at once", way))  # fmt: skip
                        difference = np.abs(first - second)
                        row["differs"] = {"max": int(difference.max()), "mean": round(float(difference.mean()), 5)}  # fmt: skip
                    rows.append(row)
                    print(row, flush=True)
    if args.out:
        args.out.write_text(json.dumps({"machine": machine(), "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
