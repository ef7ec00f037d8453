"""Pictures a second from one folder to another: ours, onnxruntime with the same weights, and the reference's test.py.

    python benchmarks/translation.py [--reference PATH] [--count 500] [--out benchmarks/results/translation.json]

All of them read the same PNG files and write PNG files. `translate` is the library's translate_files. `one after the other` is the
plain loop that it replaces: read, translate, write. onnxruntime gets the generator by export_onnx and is measured in the
plain loop with all threads for each picture, and the way translate_files does it: a picture for each thread. These take turns in
one process; medians over the turns are shown. The reference's test.py runs as its users run it, twice, with all pictures and with
a few, so that its start is not counted. It writes the input again, beside each result, and a page.

Networks: `shipped`, the 12 channels of the weights that the package brings; `paper`, ResNet-9 of 64 channels with random weights, the
only one of the two that the reference can build. onnxruntime, onnx and (for test.py) dominate must be installed.
"""

import argparse
import copy
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch
from machine import machine

from minicyclegan.course.files import shipped_weights
from minicyclegan.cyclegan import CycleGAN
from minicyclegan.data import load_seasons
from minicyclegan.fast.norm import use_quick_norms
from minicyclegan.parameters import Config
from minicyclegan.pictures.images import as_batch, list_images, read_image, to_image
from minicyclegan.pictures.prefetch import read_all
from minicyclegan.runs.checkpoint import load
from minicyclegan.serve.export import to_onnx
from minicyclegan.translate import save_picture, translate_files

FEW = 5  # pictures of the run of test.py that shows what its start costs


def write_pictures(folder: Path, count: int, size: int) -> list[Path]:
    """`count` drawn landscapes as PNG; beyond 100, the same ones under other names."""
    folder.mkdir()
    drawn = load_seasons(size, n_train=min(count, 100), n_test=1).train_a
    for i in range(count):
        path = folder / f"{i:04d}.png"
        if i < len(drawn):
            to_image(drawn[i] / 127.5 - 1).save(path)
        else:
            shutil.copyfile(folder / f"{i % len(drawn):04d}.png", path)
    return list_images(folder)


def one_after_the_other(compute, paths: list[Path], out: Path) -> None:
    out.mkdir()
    for path in paths:
        save_picture(compute(read_image(path)), out / path.name)


def side_by_side(compute, paths: list[Path], out: Path, workers: int) -> None:
    out.mkdir()
    for outcome in read_all(
        lambda path: save_picture(compute(read_image(path)), out / path.name), paths, workers
    ):
        if outcome is not None:
            raise outcome


def onnx_translator(content: bytes, threads: int):
    """A function from a picture to its translation by onnxruntime, each operation shared among `threads`."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])

    def translate(image):
        batch, restore = as_batch(image)
        return restore(torch.from_numpy(session.run(None, {"pictures": batch.numpy()})[0]))

    return translate


def measure(contenders: dict, paths: list[Path], work: Path, turns: int) -> dict[str, float]:
    """Pictures a second of each contender, a function of paths and an output folder; they take turns."""
    seconds = {name: [] for name in contenders}
    for turn in range(turns + 1):
        for name, contender in contenders.items():
            shown, out = (paths[:FEW] if turn == 0 else paths), work / "out"  # the first turn warms up
            started = time.perf_counter()
            contender(shown, out)
            if turn:
                seconds[name].append(time.perf_counter() - started)
            assert len(list(out.iterdir())) == len(shown)
            shutil.rmtree(out)
    return {name: len(paths) / statistics.median(values) for name, values in seconds.items()}


def reference_speed(checkout: Path, model: CycleGAN, paths: list[Path], work: Path, threads: int) -> float:
    """Pictures a second of the reference's test.py, without its start."""
    sys.path.insert(0, str(Path(__file__).parent))
    from reference import build_reference, copy_weights, networks_of

    config = model.config
    theirs = build_reference(str(checkout), config.base_channels, config.n_blocks)
    copy_weights({"generator_ab": model.generator_ab}, {"generator_ab": networks_of(theirs)["generator_ab"]})
    (work / "checkpoints/ours").mkdir(parents=True, exist_ok=True)
    torch.save(theirs.netG_A.state_dict(), work / "checkpoints/ours/latest_net_G.pth")
    took = []
    for count in (FEW, len(paths)):
        words = ["--dataroot", paths[0].parent, "--name", "ours", "--model", "test", "--no_dropout"]
        words += ["--preprocess", "none", "--gpu_ids", -1, "--num_test", count]
        words += ["--netG", f"resnet_{config.n_blocks}blocks", "--ngf", config.base_channels]
        words += ["--checkpoints_dir", work / "checkpoints", "--results_dir", work / f"results{count}"]
        started = time.perf_counter()
        command = [sys.executable, str(Path(checkout).resolve() / "test.py"), *map(str, words)]
        subprocess.run(command, check=True, cwd=work, capture_output=True, text=True)
        took.append(time.perf_counter() - started)
        written = list((work / f"results{count}").rglob("*_fake.png"))
        assert len(written) == count, f"test.py wrote {len(written)} pictures"
        shutil.rmtree(work / f"results{count}")
    return (len(paths) - FEW) / (took[1] - took[0])


@torch.no_grad()
def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--reference", type=Path, help="a checkout of the reference")
    parser.add_argument("--count", type=int, default=500, help="pictures in the folder")
    parser.add_argument("--large", type=int, default=40, help="pictures of 256 px for the paper's network, which needs a second for each")  # fmt: skip
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--only", metavar="NETWORK-PX", help="measure only these rows, for example paper-256, and keep the others in --out")  # fmt: skip
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    threads, rows = torch.get_num_threads(), []
    print(", ".join(f"{name} {value}" for name, value in machine().items()))
    torch.manual_seed(0)
    networks = {"shipped": load(shipped_weights(), "cpu"), "paper": CycleGAN(Config()).eval()}
    for network, model in networks.items():
        content = to_onnx(model.generator_ab)
        # As `minicyclegan translate` does
        quick = use_quick_norms(copy.deepcopy(model)).to(memory_format=torch.channels_last)
        alone, each = onnx_translator(content, threads), onnx_translator(content, 1)
        for size in (64, 256):
            if args.only not in (None, f"{network}-{size}"):
                continue
            count = args.large if network == "paper" and size == 256 else args.count
            with tempfile.TemporaryDirectory() as folder:
                work = Path(folder)
                paths = write_pictures(work / "in", count, size)
                contenders = {
                    "translate": lambda paths, out: translate_files(quick, paths, out),
                    "one after the other": lambda paths, out: one_after_the_other(model.translate, paths, out),
                    "onnxruntime, all threads": lambda paths, out: one_after_the_other(alone, paths, out),
                    "onnxruntime, a picture each": lambda paths, out: side_by_side(each, paths, out, threads),
                }  # fmt: skip
                found = measure(contenders, paths, work, args.turns)
                if args.reference and network == "paper":
                    found["the reference's test.py"] = reference_speed(args.reference, model, paths, work, threads)  # fmt: skip
            for name, speed in found.items():
                rows.append({"network": network, "px": size, "pictures": count, "how": name, "pictures_per_second": round(speed, 2)})  # fmt: skip
                print(f"{network:<9}{size:>4} px {count:>4} pictures  {name:<29}{speed:8.2f} a second", flush=True)  # fmt: skip
    if args.out:
        import onnxruntime

        about = machine() | {"onnxruntime": onnxruntime.__version__}
        if args.only:
            new = {(row["network"], row["px"], row["how"]): row for row in rows}
            rows = json.loads(args.out.read_text())["rows"]
            rows = [new.get((row["network"], row["px"], row["how"]), row) for row in rows]
        args.out.write_text(json.dumps({"machine": about, "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
