"""Real photographs (A) and other photographs made to look old (B), with true pairs to test on; shipped in data/old_photos."""

import math
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageFilter
from torch import Tensor

from minicyclegan.data import Domains
from minicyclegan.datasets.packs import Pack
from minicyclegan.datasets.wear import random_for, random_of, worn
from minicyclegan.errors import DataError
from minicyclegan.pictures.images import to_tensor
from minicyclegan.pictures.prefetch import read_all

COLUMNS = ("file", "side", "width", "height", "author", "licence", "origin")
SIDES = {"A": 44, "B": 44, "test": 15}  # crops of each photograph, by side
SMALLEST = 0.25  # side of the smallest crop, as a share of the photograph's shorter side
PACK = Pack("data/old_photos", "pack of photographs", "data/build_old_photos.py")

# What `age` does to a picture, in this order, each strength drawn uniformly between two limits. Values run from 0 to 1.
AGEING = {
    "blur": (0.3, 0.7),  # standard deviation of a Gaussian blur, in pixels
    "colour": (0.35, 0.7),  # what is left of the saturation
    "black": (0.10, 0.22),  # black has faded to this
    "white": (0.78, 0.92),  # and white has darkened to this
    "tint": (0.5, 1.0),  # of the full brown in TINT
    "vignette": (0.0, 0.3),  # how much darker the corners are
    "grain": (0.004, 0.012),  # standard deviation of the noise
}
TINT = (1.04, 0.96, 0.72)  # what is left of red, green and blue where the brown is full

# Heavier damage for a lesson: no translator can draw these scratches, for the fresh picture does not say where they are
STRONG = AGEING | {"blur": (0.8, 1.4), "grain": (0.04, 0.08)}
SCRATCHES, SPECKS = (2, 5), (5, 15)  # fewest and most in one picture of STRONG


def photographs_folder() -> Path:
    """Where the photographs are. Raises DataError."""
    return PACK.place()


def read_table(folder: str | Path | None = None) -> list[dict[str, str]]:
    """One row for each photograph, with the names in COLUMNS. Raises DataError."""
    path = Path(folder or photographs_folder()) / "photographs.csv"
    rows = PACK.rows(path, COLUMNS)
    if {row["side"] for row in rows} != set(SIDES):
        raise PACK.damaged(path)
    return rows


def held_out_photograph(name: str) -> Image.Image:
    """A photograph that nothing was trained on, such as "temple.jpg", as it ships: RGB. Raises DataError."""
    names = [row["file"] for row in read_table() if row["side"] == "test"]
    if name not in names:
        raise DataError(f"there is no test photograph {name}; there are {', '.join(names)}")
    return PACK.picture(photographs_folder() / name)


def crops(image: Image.Image, size: int, count: int, key: str) -> list[Tensor]:
    """Square crops at random places and of random scales, each scaled to uint8 (3, size, size)."""
    random, found = random_for(key.encode()), []
    for _ in range(count):
        side = min(image.size) * math.exp(random.uniform(math.log(SMALLEST), 0))
        left, top = (random.uniform(0, whole - side) for whole in image.size)
        box = left, top, left + side, top + side
        found.append(to_tensor(image.resize((size, size), Image.Resampling.LANCZOS, box, reducing_gap=3)))
    return found


def age(pictures: Tensor, seed: int = 0, strong: bool = False) -> Tensor:
    """Old copies of the pictures: soft, faded, brown, darker in the corners, grainy. See AGEING and STRONG.

    uint8 (N, 3, H, W) in and out. What happens to a picture depends on its own pixels and on `seed`, not on its place or
    its neighbours. The numbers are the same everywhere; the last step of a pixel may depend on the version of Pillow.
    """
    return worn(pictures, lambda pixels: age_one(pixels, seed, strong), "age")


def age_one(pixels: np.ndarray, seed: int, strong: bool = False) -> Tensor:
    """One picture, uint8 (H, W, 3), to its old copy, uint8 (3, H, W)."""
    random = random_of(pixels, seed)
    limits = STRONG if strong else AGEING
    strength = {name: random.uniform(low, high) for name, (low, high) in limits.items()}
    soft = Image.fromarray(pixels).filter(ImageFilter.GaussianBlur(strength["blur"]))
    values = np.asarray(soft).astype(np.float64) / 255
    grey = (values @ np.array([0.299, 0.587, 0.114]))[..., None]
    values = grey + strength["colour"] * (values - grey)
    values = strength["black"] + (strength["white"] - strength["black"]) * values
    values = values * (1 + strength["tint"] * (np.array(TINT) - 1))
    height, width = pixels.shape[:2]
    down, right = np.linspace(-1, 1, height)[:, None], np.linspace(-1, 1, width)
    values = values * (1 - strength["vignette"] * (down**2 + right**2)[..., None] / 2)
    if strong:
        values = scratched(values, random)
    values = values + strength["grain"] * random.standard_normal((height, width, 1))
    return to_tensor(Image.fromarray((255 * values).round().clip(0, 255).astype(np.uint8)))


def scratched(values: np.ndarray, random: np.random.RandomState) -> np.ndarray:
    """Pale scratches from top to bottom and specks of dust on one picture (H, W, 3)."""
    height, width = values.shape[:2]
    damage = np.zeros((height, width))
    for _ in range(random.randint(*SCRATCHES)):
        start, slope = random.uniform(0, width), random.uniform(-0.2, 0.2)
        columns = (start + slope * np.arange(height)).astype(int) % width
        damage[np.arange(height), columns] = random.uniform(0.3, 0.8)
    for _ in range(random.randint(*SPECKS)):
        top, left = random.randint(height), random.randint(width)
        reach = random.randint(1, 3)
        damage[top : top + reach, left : left + reach] = random.uniform(0.3, 0.9)
    return values + damage[..., None] * (0.95 - values)


def cropped(size: int, side: str, folder: str | Path | None = None) -> Tensor:
    """The crops of one side, A, B or test, as they are: uint8 (N, 3, size, size), in turn from each photograph.

    Raises DataError.
    """
    if size < 1:
        raise DataError(f"the size of a photograph must be at least 1 px, but it is {size}")
    folder = Path(folder or photographs_folder())
    names = [row["file"] for row in read_table(folder) if row["side"] == side]

    def crops_of(name: str) -> list[Tensor]:
        return crops(PACK.picture(folder / name), size, SIDES[side], name)

    found = list(read_all(crops_of, names))
    for result in found:
        if isinstance(result, DataError):
            raise result
    # One crop of each photograph, then the next of each, so that the first few already show different things
    return torch.stack([crop for of_each in zip(*found) for crop in of_each])


def load_old_photos(size: int, strong: bool = False, folder: str | Path | None = None) -> Domains:
    """Photographs (A) and old photographs (B), uint8 (N, 3, size, size): squares of 38 photographs at many scales.

    Training A shows photographs as they are, training B others, aged; the test pairs are of yet others, and test B is
    the aged copy of test A. No photograph is on two sides. `strong` ages with scratches, dust and heavy grain.
    Raises DataError.
    """
    fresh = {side: cropped(size, side, folder) for side in SIDES}
    old_b, old_test = age(fresh["B"], strong=strong), age(fresh["test"], strong=strong)
    return Domains(fresh["A"], old_b, fresh["test"], old_test, paired=True, notes=[])


def training_pairs(size: int, strong: bool = False) -> tuple[Tensor, Tensor]:
    """True pairs for the supervised twin, uint8 (N, 3, size, size) each: the photographs of training A and B, and aged."""
    fresh = torch.cat([cropped(size, "A"), cropped(size, "B")])
    return fresh, age(fresh, strong=strong)
