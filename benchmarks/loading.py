"""How fast are pictures available? Reading a folder, drawing the seasons, and how long a training step waits for its batch.

    python benchmarks/loading.py [--photos FOLDER] [--count 10000] [--only index,seasons,waiting] [--out benchmarks/results/loading.json]

`--photos` is any folder of photographs, at any depth; from them, cut and mirrored anew each time, `--count` JPEG files of 256 px
with different content are made in a temporary folder. Without it drawn landscapes with grain take their place; their files are
as large. The files have just been written, so the table of reading says nothing about a slow disk.

Waiting: the same steps with each batch made when it is asked for, and with Prefetch; they take turns in one process, and the medians
over the turns are shown. The share of waiting is the time until a batch is there, as a share of the time of all steps. The GPU is simulated: a
step of 12 ms sleeps, as a program does that waits for its GPU, and in one row works in Python for the first half, as a program
does that tells the GPU what to do.
"""

import argparse
import json
import resource
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
import yaml
from machine import machine
from PIL import Image, ImageOps

import minicyclegan.pictures.prefetch
from minicyclegan import Config, Trainer, load_seasons
from minicyclegan.data import ImageFolder, UnpairedBatches
from minicyclegan.pictures.images import to_image
from minicyclegan.pictures.prefetch import Prefetch

CPU_YAML = Path(__file__).parent.parent / "notebooks/configs/cpu.yaml"


def make_photographs(folder: Path, sources: list[Path], count: int) -> None:
    """JPEG files of 256 px, no two of them equal."""
    random = np.random.RandomState(0)
    drawn = [] if sources else load_seasons(256, n_train=100, n_test=1).train_a
    for i in range(count):
        if sources:
            image = ImageOps.fit(Image.open(sources[i % len(sources)]).convert("RGB"), (300, 300))
        else:
            image = to_image(drawn[i % 100] / 127.5 - 1).resize((300, 300))
        left, top = random.randint(0, 45, 2).tolist()
        image = image.crop((left, top, left + 256, top + 256))
        if not sources:
            grain = np.asarray(image) + random.normal(0, 6, (256, 256, 3))
            image = Image.fromarray(grain.clip(0, 255).astype(np.uint8))
        if random.randint(2):
            image = ImageOps.mirror(image)
        image.save(folder / f"{i:05d}.jpg", quality=90)


def peak_mib() -> float:
    """The most memory that this process has used, in MiB (Linux)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def index_table(folder: Path) -> list[dict]:
    rows = []
    all_threads = minicyclegan.pictures.prefetch.THREADS
    count = len(list(folder.iterdir()))
    print(f"\n{count} photographs of 256 px read by ImageFolder")
    print(f"{'image_size':>10}{'kept':>6}{'threads':>9}{'seconds':>9}{'memory, MiB':>13}")
    for image_size in (256, 128):
        size = round(image_size * 286 / 256)
        seconds = {1: [], all_threads: []}
        kept, before = None, peak_mib()
        for threads in (all_threads, 1) * 3 if all_threads > 1 else (1,) * 3:
            del kept
            minicyclegan.pictures.prefetch.THREADS = threads
            started = time.perf_counter()
            # Not kept at 256 px, as two full domains would not be, however many there are here
            kept = ImageFolder(folder, size, memory_budget=0 if image_size == 256 else 2**31)
            seconds[threads].append(time.perf_counter() - started)
        for threads, times in seconds.items():
            row = {
                "photographs": count,
                "image_size": image_size,
                "kept": kept.pictures is not None,
                "threads": threads,
                "seconds": round(statistics.median(times), 2),
                "memory_mib": round(peak_mib() - before),
                "pictures_mib": round(kept.pictures.numel() / 2**20) if kept.pictures is not None else 0,
            }
            rows.append(row)
            print(
                f"{image_size:>10}{'yes' if row['kept'] else 'no':>6}{threads:>9}{row['seconds']:>9.2f}{row['memory_mib']:>13}",
                flush=True,
            )
    minicyclegan.pictures.prefetch.THREADS = all_threads
    return rows


def seasons_table() -> list[dict]:
    rows, most = [], torch.get_num_threads()
    print(f"\nload_seasons\n{'px':>4}{'threads':>9}{'images a second':>17}")
    for size, n in ((64, 500), (128, 150), (256, 40)):
        speeds = {threads: [] for threads in (1, most)}
        for _ in range(5):
            for threads in speeds:
                torch.set_num_threads(threads)
                started = time.perf_counter()
                load_seasons(size, n_train=n, n_test=n // 5)
                speeds[threads].append((2 * n + 2 * (n // 5)) / (time.perf_counter() - started))
        for threads, values in speeds.items():
            rows.append(
                {"px": size, "threads": threads, "images_per_second": round(statistics.median(values))}
            )
            print(f"{size:>4}{threads:>9}{rows[-1]['images_per_second']:>17}", flush=True)
    return rows


def sleeping_step(real_a, real_b) -> None:
    time.sleep(0.012)


def busy_step(real_a, real_b) -> None:
    limit = time.perf_counter() + 0.006
    while time.perf_counter() < limit:
        pass
    time.sleep(0.006)


def measure(name: str, batches: UnpairedBatches, step, steps: int, turns: int) -> dict:
    """Milliseconds of a step and the share of waiting, plain and with Prefetch, which take turns."""
    found = {"plain": [], "ahead": []}
    for turn in range(turns + 1):
        for way in found:
            first, waited = turn * (steps + 1), 0.0
            with Prefetch(batches.batch, first + steps + 1) as ahead:
                source = ahead if way == "ahead" else batches
                source.batch(first)  # nothing has been made ahead of the first one
                started = time.perf_counter()
                for number in range(first + 1, first + 1 + steps):
                    asked = time.perf_counter()
                    batch = source.batch(number)
                    waited += time.perf_counter() - asked
                    step(*batch)
                    del batch  # here, since freeing its memory is not waiting for the next one
                total = time.perf_counter() - started
            if turn:  # turn 0 warms up
                found[way].append((total / steps * 1000, waited / total))
    row = {"what": name}
    for way, values in found.items():
        row[f"{way}_ms"], row[f"{way}_waiting"] = (statistics.median(column) for column in zip(*values))
    print(
        f"{name:<62}{row['plain_ms']:>9.1f}{row['plain_waiting']:>9.2%}{row['ahead_ms']:>9.1f}{row['ahead_waiting']:>9.2%}",
        flush=True,
    )
    return row


def waiting_table(folder: Path) -> list[dict]:
    profile = yaml.safe_load(CPU_YAML.read_text())
    profile = {name: value for name, value in profile.items() if name in Config.__dataclass_fields__}
    cpu, rows = torch.device("cpu"), []
    print(
        f"\n{'':<62}{'plain':>18}{'ahead':>18}\n{'a step and its batch':<62}{'ms':>9}{'waits':>9}{'ms':>9}{'waits':>9}"
    )

    def trainer(size: int) -> Trainer:
        return Trainer(Config(**(profile | {"image_size": size})), cpu)

    seasons = load_seasons(64, n_train=300, n_test=1)
    drawn = UnpairedBatches(seasons.train_a, seasons.train_b, 64, profile["batch_size"], 0)
    rows.append(measure("seasons 64 px, configs/cpu.yaml", drawn, trainer(64).train_on, 30, 5))
    few = folder / "few"
    few.mkdir(exist_ok=True)
    for path in sorted(folder.glob("*.jpg"))[:1000]:
        if not (few / path.name).exists():
            (few / path.name).hardlink_to(path)

    def photographs(size: int, batch_size: int, kept: bool) -> UnpairedBatches:
        pictures = ImageFolder(few, round(size * 286 / 256), memory_budget=2**31 if kept else 0)
        return UnpairedBatches(pictures, pictures, size, batch_size, 0)

    def row(size, batch_size, kept, step, words, steps, turns):
        where = "kept" if kept else "read on demand"
        name = f"photographs {size} px {where}, batch {batch_size}, {words}"
        rows.append(measure(name, photographs(size, batch_size, kept), step, steps, turns))

    row(128, 2, True, trainer(128).train_on, "cpu.yaml", 8, 5)
    row(128, 2, False, trainer(128).train_on, "cpu.yaml", 8, 5)
    row(256, 1, False, trainer(256).train_on, "cpu.yaml", 5, 5)
    for size, batch_size in ((256, 1), (256, 2)):
        for kept in (True, False):
            row(size, batch_size, kept, sleeping_step, "GPU sleeps 12 ms", 200, 3)
            row(size, batch_size, kept, busy_step, "GPU, 6 of 12 ms Python", 200, 3)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--photos", type=Path, help="a folder of photographs, at any depth")
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--only", default="index,seasons,waiting")
    parser.add_argument(
        "--made", type=Path, help="a folder with the JPEG files made before, or to make them in"
    )
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    only, found = options.only.split(","), {"machine": machine()}
    print(", ".join(f"{name} {value}" for name, value in found["machine"].items()))
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.made or Path(temporary)
        if {"index", "waiting"} & {*only} and len(list(folder.glob("*.jpg"))) < options.count:
            sources = sorted(options.photos.rglob("*.jpg")) if options.photos else []
            folder.mkdir(parents=True, exist_ok=True)
            make_photographs(folder, sources, options.count)
        if "index" in only:
            found["index"] = index_table(folder)
        if "seasons" in only:
            found["seasons"] = seasons_table()
        if "waiting" in only:
            found["waiting"] = waiting_table(folder)
    if options.out:
        options.out.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
