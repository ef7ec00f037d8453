"""Settings for a folder of pictures that brings none: those that suit its pictures and this machine."""

import os
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from PIL import Image

from minicyclegan.errors import DataError
from minicyclegan.pictures.folders import PARTS, list_images, no_folder, no_image

SKIP = "it changes colours and light and keeps shapes; where shapes must change: -f notebooks/configs/photographs_64.yaml"
LOOKED_AT = 500  # pictures of a part whose sizes are read; more would not change the choice


@dataclass(frozen=True)
class Survey:
    """What a folder holds by its files' names and headers: the number of pictures by part, and their usual size."""

    counts: dict[str, int] = field(default_factory=dict)
    width: int = 0
    height: int = 0

    @property
    def side(self) -> int:
        """The shorter side of the usual picture, in pixels."""
        return min(self.width, self.height)

    def __str__(self) -> str:
        a, b, test_a, test_b = (self.counts[part] for part in PARTS)
        return (
            f"{a:,} pictures of A and {b:,} of B to train on, {test_a:,} and {test_b:,} to test, most of "
            f"{self.width} x {self.height} px"
        )


def images_of_parts(folder: str | Path) -> dict[str, list[Path]]:
    """The picture files in trainA, trainB, testA and testB of a folder, by part. Raises DataError where there are none."""
    parts = {}
    for part in PARTS:
        if not os.path.isdir(Path(folder) / part):
            raise DataError(no_folder(Path(folder) / part))
        parts[part] = list_images(Path(folder) / part)
        if not parts[part]:
            raise DataError(no_image(Path(folder) / part))
    return parts


def require_batch(folder: str | Path, batch_size: int) -> None:
    """Raise DataError where a folder has a domain of fewer training pictures than a batch, or lacks a part."""
    parts = images_of_parts(folder)
    for part in PARTS[:2]:
        if len(parts[part]) < batch_size:
            raise DataError(
                f"a batch has {batch_size} pictures of each domain, but {part} has {len(parts[part])}; use a smaller --batch"
            )


def sizes_in(folder: str | Path) -> Survey:
    """Look at a folder with trainA, trainB, testA and testB without decoding a picture. Raises DataError."""
    parts, sizes = images_of_parts(folder), []
    for path in (path for paths in parts.values() for path in paths[:LOOKED_AT]):
        try:
            with Image.open(path) as picture:
                sizes.append(picture.size)
        except Exception:  # damaged: loading it says so, or skips it
            continue
    if not sizes:
        raise DataError(f"no readable picture in {folder}; put some there (jpg, png, webp, tiff, ...)")
    counts = {part: len(paths) for part, paths in parts.items()}
    return Survey(counts, *(int(median(side)) for side in zip(*sizes)))


def suiting(found: Survey, gpu: bool) -> tuple[str, dict, str]:
    """The file of settings in notebooks/configs/ that suits these pictures, what to change in it, and why, in words.

    The numbers are those of the presets: on a CPU 64 px in minutes, on a GPU the paper's networks at the size of the pictures,
    for 200 epochs.
    """
    train = found.counts["trainA"], found.counts["trainB"]
    stem, changes, why = suiting_sizes(found.side, 200 * max(train), gpu)
    if min(train) < 4:  # fewer than the largest batch below
        changes = changes | {"batch_size": 1}
    return stem, changes, why


def suiting_sizes(side: int, epochs: int, gpu: bool) -> tuple[str, dict, str]:
    """The same for pictures of `side` px, of which 200 epochs are so many pictures."""
    if not gpu:
        if side >= 64:
            return "colours_64", {}, f"a CPU trains 64 px in minutes, a larger --size takes hours; {SKIP}"
        return "colours_64", {"image_size": 32, "discriminator_layers": 2}, f"the pictures are small; {SKIP}"
    if side >= 256:
        return "horse2zebra", {"steps": epochs}, "the paper's recipe at 256 px, for 200 epochs"
    size = 128 if side >= 128 else 64
    changes = {"image_size": size, "steps": max(5_000, epochs // 4)}
    return "cats_dogs_128", changes, f"the paper's networks for pictures of {size} px, for 200 epochs"
