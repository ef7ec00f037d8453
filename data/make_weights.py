"""Makes the shipped weights, their supervised twin and the README's picture from a finished run. Takes seconds.

    minicyclegan train seasons -f notebooks/configs/cpu.yaml -p steps=2600 -p discriminator_lr_factor=0.3 -p precision=fp32 -o runs/release
    minicyclegan evaluate runs/release --twin-steps 2600
    python data/make_weights.py runs/release

The three commands, in the repository's root, are all that the files come from. data/MODEL_CARD.md describes what comes out.
"""

import shutil
import sys
from pathlib import Path

import torch

from minicyclegan.data import load_seasons
from minicyclegan.pictures.images import to_image
from minicyclegan.runs.checkpoint import export_weights, load
from minicyclegan.samples import sample_sheet


def main(run_dir: str) -> None:
    data = Path(__file__).parent
    export_weights(Path(run_dir) / "last.pt", data / "seasons_64px.pt")
    shutil.copy(Path(run_dir) / "twin.pt", data / "seasons_64px_twin.pt")
    model = load(data / "seasons_64px.pt")
    domains = load_seasons(model.config.image_size, n_train=1)
    sheet = sample_sheet(model, domains.test_a[:8], domains.test_b[:8])
    large = torch.nn.functional.interpolate(sheet[None], scale_factor=2, mode="nearest")[0]
    to_image(large).save(data / "seasons_64px.png", optimize=True)
    for name in ("seasons_64px.pt", "seasons_64px_twin.pt", "seasons_64px.png"):
        print(data / name, (data / name).stat().st_size, "bytes")


if __name__ == "__main__":
    main(sys.argv[1])
