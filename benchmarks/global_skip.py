"""What a global skip brings: on the photographs that ship, where the truth is known, and on other pictures.

    python benchmarks/global_skip.py old_photos OUT.json [--photographs FOLDER] [--steps 1500]
    python benchmarks/global_skip.py elsewhere OUT.json DATA [DATA ...] [--steps 600]

`old_photos` trains three departures from the preset, and measures them, the shipped weights (the preset) and their twin on the
test photographs and on the photographs of FOLDER, aged by the same process. `elsewhere` trains the settings for photographs
(configs/photographs_64.yaml; configs/faces_64.yaml for face_restoration:FOLDER) as they are and with the recipe of old_photos.
Each training keeps a sheet of its test pictures beside OUT.json.
"""

import argparse
import json
import tempfile
import time
from pathlib import Path

import torch
import yaml
from machine import machine
from PIL import ImageOps

from minicyclegan import Config, load, train
from minicyclegan.course.files import course_folder, shipped_weights
from minicyclegan.data import to_float
from minicyclegan.datasets.named import load_domains
from minicyclegan.datasets.old_photos import SIDES, age, cropped
from minicyclegan.evaluation import bootstrap, colour_transfer, interval, psnr, summary, translate_all
from minicyclegan.pictures.images import list_images, read_image, to_image, to_tensor
from minicyclegan.quality.distance import distances
from minicyclegan.quality.twins import known_twins

SIZE = 64
RECIPE = ("global_skip", "lambda_cycle", "lambda_identity", "discriminator_noise")
CHANGES = {
    "without the global skip": {"global_skip": False},
    "identity 0.5, lambda_cycle 10": {"lambda_identity": 0.5, "lambda_cycle": 10.0},
    "old_photos:strong": {"data": "old_photos:strong"},
}


def settings(name: str) -> dict:
    values = yaml.safe_load((course_folder() / "configs" / f"{name}.yaml").read_text())
    return {name: value for name, value in values.items() if name in Config.__dataclass_fields__}


def trained(config: Config):
    """The translator of a training, and the seconds it took."""
    started = time.monotonic()
    domains = load_domains(config.data, config.image_size, config.load_size, "skip")
    with tempfile.TemporaryDirectory() as folder:
        quiet = {"checkpoint_every": 10**6, "sample_every": 10**6, "progress": lambda line: None}
        trainer = train(config, domains, Path(folder) / "run", precision="fp32", **quiet)
    return trainer.translator, time.monotonic() - started


def by_photograph(values: torch.Tensor, count: int) -> torch.Tensor:
    """One mean for each photograph: the squares of one are no strangers to each other, and an interval must know that."""
    return values.view(count, -1).mean(0)  # the squares come in turn from each photograph


def measured(guess, truth, nothing, colours, count: int) -> dict:
    """L1 (0 to 1) and PSNR of a direction, with intervals, and by how much L1 is below the two simple ways."""
    found = {}
    for name, values in (("l1", (guess - truth).abs().mean((1, 2, 3)) / 2), ("psnr", psnr(guess, truth))):
        found[name] = summary(by_photograph(values, count))
    for name, other in (("below_nothing", nothing), ("below_colours", colours)):
        better = (other - truth).abs().mean((1, 2, 3)) / 2 - (guess - truth).abs().mean((1, 2, 3)) / 2
        better = by_photograph(better, count)
        found[name] = {
            "mean": float(better.mean()),
            **dict(zip(("low", "high"), interval(bootstrap(better)))),
        }
    return found


def test_sets(folder: Path | None, strong: bool) -> dict[str, tuple]:
    """By name: fresh and old pictures, and how many of them are of one photograph."""
    sets = {"test photographs": (cropped(SIZE, "test"), SIDES["test"])}
    if folder:
        paths = list_images(folder)
        squares = [
            to_tensor(ImageOps.fit(read_image(p), (SIZE, SIZE)))
            for p in paths[:: max(1, len(paths) // 120)][:120]
        ]
        sets["other photographs"] = torch.stack(squares), 1
    return {
        n: (to_float(fresh), to_float(age(fresh, strong=strong)), count) for n, (fresh, count) in sets.items()
    }


def sheet(path: Path, *rows: torch.Tensor) -> None:
    picked = [row[:: max(1, len(row) // 10)][:10] for row in rows]
    to_image(torch.cat([torch.cat(list(row), 2) for row in picked], 1)).save(path)


def old_photos(out: Path, folder: Path | None, steps: int) -> dict:
    base, rows = settings("old_photos_64") | {"steps": steps}, []
    domains = load_domains("old_photos", SIZE)
    train_sets = {"ab": to_float(domains.train_b), "ba": to_float(domains.train_a)}
    ways = {"doing nothing": (None, None), "colour transfer": (None, None)}
    shipped = load(shipped_weights("old_photos"))
    twins, about = known_twins(shipped_weights("old_photos"), shipped.config)
    ways["supervised twin"] = (twins, None)
    ways["shipped weights"] = ({"ab": shipped.generator_ab, "ba": shipped.generator_ba}, None)
    for name, change in CHANGES.items():
        model, seconds = trained(Config(**(base | change)))
        ways[name] = ({"ab": model.generator_ab, "ba": model.generator_ba}, seconds)
    for name, (generators, seconds) in ways.items():
        for test, (fresh, old, count) in test_sets(folder, "strong" in name).items():
            row = {"way": name, "test": test, "seconds": seconds}
            guesses = []
            for way, source, truth in (("ab", fresh, old), ("ba", old, fresh)):
                colours = colour_transfer(source, train_sets[way])
                simple = {"doing nothing": source, "colour transfer": colours}
                guesses.append(simple[name] if name in simple else translate_all(generators[way], source))
                row[way] = measured(guesses[-1], truth, source, colours, count)
            rows.append(row)
            sheet(
                out.with_name(f"{out.stem}_{name}_{test}.png".replace(" ", "_")),
                fresh,
                guesses[0],
                old,
                guesses[1],
            )
            print(
                f"{name:<32}{test:<20}" + "".join(f"  {row[w]['l1']['mean']:.4f}" for w in ("ab", "ba")),
                flush=True,
            )
    return {"steps": steps, "shipped_steps": shipped.config.steps, "twin_steps": about["steps"], "rows": rows}


def elsewhere(out: Path, data: list[str], steps: int) -> dict:
    recipe, rows = {n: v for n, v in settings("old_photos_64").items() if n in RECIPE}, []
    for one in data:
        faces = one.startswith("face_restoration")
        base = settings("faces_64" if faces else "photographs_64") | {"data": one, "steps": steps}
        domains = load_domains(one, SIZE, 0, "skip")
        a, b = (to_float(part[list(range(min(100, len(part))))]) for part in (domains.test_a, domains.test_b))
        for name, change in (("as they are", {}), ("recipe of old_photos", recipe)):
            model, seconds = trained(Config(**(base | change)))
            fake_b, fake_a = translate_all(model.generator_ab, a), translate_all(model.generator_ba, b)
            row = {
                "data": f"{'faces: ' if faces else ''}{Path(one).name}",
                "settings": name,
                "seconds": seconds,
            }
            for way, fake, source, real in (("ab", fake_b, a, b), ("ba", fake_a, b, a)):
                row[way] = {
                    "distance": distances(
                        {"doing nothing": source, "translation": fake}, real, domains.paired
                    )
                }
                row[way]["moved"] = float((fake - source).abs().mean() / 2)
                if domains.paired:
                    row[way]["l1"] = summary((fake - real).abs().mean((1, 2, 3)) / 2)
                    row[way]["nothing"] = float((source - real).abs().mean() / 2)
            rows.append(row)
            sheet(
                out.with_name(f"{out.stem}_{row['data']}_{name}.png".replace(" ", "_")), a, fake_b, b, fake_a
            )
            print(json.dumps(row), flush=True)
    return {"steps": steps, "rows": rows}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["old_photos", "elsewhere"])
    parser.add_argument("out", type=Path)
    parser.add_argument("data", nargs="*", help="folders, or face_restoration:FOLDER")
    parser.add_argument("--photographs", type=Path, help="a folder of photographs that nobody trained on")
    parser.add_argument("--steps", type=int, default=1500)
    options = parser.parse_args()
    if options.what == "old_photos":
        found = old_photos(options.out, options.photographs, options.steps)
    else:
        found = elsewhere(options.out, options.data, options.steps)
    options.out.write_text(json.dumps(machine() | found, indent=1) + "\n")


if __name__ == "__main__":
    main()
