"""Makes the shipped weights, their supervised twins and the README's pictures from finished runs. Takes seconds.

    minicyclegan train seasons -f notebooks/configs/cpu.yaml -p steps=2600 -p discriminator_lr_factor=0.3 -p precision=fp32 -o runs/release
    minicyclegan evaluate runs/release --twin-steps 2600
    python data/make_weights.py seasons runs/release

    minicyclegan train old_photos -p precision=fp32 -o runs/photos
    minicyclegan evaluate runs/photos --twin-steps 1500
    python data/make_weights.py old_photos runs/photos

The commands, in the repository's root, are all that the files come from. data/MODEL_CARD.md describes what comes out.
"""

import shutil
import sys
from pathlib import Path

import torch
from PIL import Image, ImageOps

from minicyclegan.cyclegan import CycleGAN
from minicyclegan.data import load_seasons, to_float
from minicyclegan.datasets.old_photos import age, held_out_photograph
from minicyclegan.pictures.images import to_image, to_tensor
from minicyclegan.runs.checkpoint import export_weights, load
from minicyclegan.samples import sample_sheet
from minicyclegan.widgets.figures import training_health

SHOWN = (
    "autumn_mountain",
    "brushes",
    "dandelions",
    "temple",
    "dogs",
    "dune",
)  # six of the eleven test photographs


def seasons_picture(model: CycleGAN) -> Image.Image:
    domains = load_seasons(model.config.image_size, n_train=1)
    sheet = sample_sheet(model, domains.test_a[:8], domains.test_b[:8])
    return to_image(torch.nn.functional.interpolate(sheet[None], scale_factor=2, mode="nearest")[0])


def old_photos_picture(model: CycleGAN) -> Image.Image:
    """Rows: photograph, made old by the network, made old by the program, restored by the network."""
    squares = [ImageOps.fit(held_out_photograph(f"{name}.jpg"), (168, 168)) for name in SHOWN]
    fresh = torch.stack([to_tensor(square) for square in squares])
    old = age(fresh)
    rows = (
        to_float(fresh),
        model.translate(to_float(fresh), to="b"),
        to_float(old),
        model.translate(to_float(old), to="a"),
    )
    return to_image(torch.cat([torch.cat(list(row), 2) for row in rows], 1))


def main(name: str, run_dir: str) -> None:
    data = Path(__file__).parent
    export_weights(Path(run_dir) / "last.pt", data / f"{name}_64px.pt")
    shutil.copy(Path(run_dir) / "twin.pt", data / f"{name}_64px_twin.pt")
    model = load(data / f"{name}_64px.pt")
    if name == "seasons":
        seasons_picture(model).save(data / "seasons_64px.png", optimize=True)
    else:
        old_photos_picture(model).save(data / "old_photos_64px.jpg", quality=88, optimize=True)
        training_health(run_dir).savefig(data / "old_photos_64px_curves.png", dpi=80, facecolor="white")
    for path in sorted(data.glob(f"{name}_64px*")):
        print(path, path.stat().st_size, "bytes")


if __name__ == "__main__":
    main(*sys.argv[1:])
