"""Settings for a folder of pictures that brings none: those that suit its pictures and this machine."""

import os
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from PIL import Image

from minicyclegan.errors import DataError, ParameterError
from minicyclegan.parameters import brings_its_data
from minicyclegan.pictures.folders import PARTS, list_images, no_folder, no_image
from minicyclegan.pictures.formats import can_be_decoded, looks_whole

SKIP = "it changes colours and light and keeps shapes; where shapes must change: -f notebooks/configs/photographs_64.yaml"
LOOKED_AT = 500  # pictures of a part whose sizes are read; more would not change the choice
FACES = 2 * 1024**3  # bytes of `faces.MEMORY`: where the faces need more, only some of them are read
DOUBTFUL = 4_000_000  # bytes of doubtful files of a part that are decoded; the rest is left to the training


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


def require_loadable(data: str, size: int, load_size: int, paired: str) -> None:
    """Refuse what loading the data refuses before it looks at them; only then torch is imported, which takes two seconds."""
    if paired not in ("auto", "yes", "no"):
        from minicyclegan.pictures.pairs import check_paired

        check_paired(paired)
    if 0 < load_size < size and os.path.isdir(data) and not brings_its_data(data):
        from minicyclegan.data import load_folder

        load_folder(data, size, load_size)


def images_to_read(data: str, size: int) -> dict[str, list[Path]]:
    """The files that a training on `data` will surely read, by part; none where it brings its pictures. Raises DataError."""
    if brings_its_data(data):
        return {}
    name, _, folder = data.partition(":")
    if name != "face_restoration":
        return images_of_parts(data)
    paths = faces_in(folder)
    return {"faces": paths} if len(paths) <= FACES // (4 * 3 * size * size) else {}


def faces_in(folder: str) -> list[Path]:
    """`faces.find_faces`, which imports torch: the pictures in a folder, and one level below. Raises DataError for none."""
    places = sorted(p for p in Path(folder).iterdir() if os.path.isdir(p) and not p.name.startswith("."))
    paths = [path for place in (Path(folder), *places) for path in list_images(place)]
    if not paths:
        from minicyclegan.datasets.faces import find_faces

        find_faces(folder)  # raises: it knows the sentence
    return paths


def require_batch(parts: dict[str, list[Path]], batch_size: int) -> None:
    """Raise DataError where a domain has fewer training pictures than a batch."""
    for part in PARTS[:2]:
        if part in parts and len(parts[part]) < batch_size:
            raise DataError(
                f"a batch has {batch_size} pictures of each domain, but {part} has {len(parts[part])} that can be read; "
                "use a smaller --batch"
            )


def readable(parts: dict[str, list[Path]], on_bad_image: str) -> dict[str, list[Path]]:
    """The pictures by part, without those of which a glance shows that they cannot be read.

    Refuses nothing that the training would read, and not all that it will refuse: see `formats.looks_whole`. Raises
    DataError where `on_bad_image` is "refuse", and where nothing is left of a part.
    """
    if on_bad_image not in ("refuse", "skip"):
        raise ParameterError(f"on_bad_image must be refuse or skip, but it is {on_bad_image!r}")
    left = {}
    for part, paths in parts.items():
        bad = unreadable(paths)
        if bad and on_bad_image == "refuse":
            from minicyclegan.pictures.images import read_image  # here, because it imports torch
            from minicyclegan.pictures.values import SIXTEEN_BITS

            read_image(bad[0], SIXTEEN_BITS)  # raises: it knows the reason
        if bad and len(bad) == len(paths):
            raise DataError(no_image(paths[0].parent))
        left[part] = sorted(set(paths) - set(bad))
    return left


def unreadable(paths: list[Path]) -> list[Path]:
    """Those of some files that surely cannot be read; as far as a glance shows, and as far as DOUBTFUL goes."""
    found, spent = [], 0
    for path in paths:
        if looks_whole(path):
            continue
        if spent and spent + size_of(path) > DOUBTFUL:
            break
        spent += size_of(path)
        if not can_be_decoded(path):
            found.append(path)
    return found


def size_of(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:  # removed a moment ago
        return 0


def sizes_in(parts: dict[str, list[Path]]) -> Survey:
    """Look at the pictures of a data set, by part, without decoding one. Raises DataError where none can be opened."""
    sizes = []
    for path in (path for paths in parts.values() for path in paths[:LOOKED_AT]):
        try:
            with Image.open(path) as picture:
                sizes.append(picture.size)
        except Exception:  # damaged: loading it says so, or skips it
            continue
    if not sizes:
        folder = next(paths[0].parent.parent for paths in parts.values())
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
