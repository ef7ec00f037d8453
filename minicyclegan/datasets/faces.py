"""Face restoration: any folder of faces becomes two domains, worn pictures (A) and clean ones (B)."""

import hashlib
import io
import os
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageFilter, ImageOps
from torch import Tensor

from minicyclegan.data import Domains
from minicyclegan.datasets.wear import random_of, worn
from minicyclegan.errors import DataError, ParameterError
from minicyclegan.parameters import value_range_of
from minicyclegan.pictures.folders import left_out, list_images
from minicyclegan.pictures.formats import require_file
from minicyclegan.pictures.images import read_image, to_tensor
from minicyclegan.pictures.prefetch import read_all
from minicyclegan.pictures.survey import survey

# What `degrade` does to a picture, in this order, each strength drawn uniformly between two limits
DAMAGE = {
    "blur": (0.4, 1.2),  # standard deviation of a Gaussian blur, in pixels
    "shrink": (2.0, 4.0),  # the picture is made this many times smaller and then enlarged again, both bicubic
    "colour": (0.5, 0.9),  # what is left of the saturation
    "contrast": (0.75, 0.95),  # what is left of the distance from middle grey
    "noise": (2.0, 10.0),  # standard deviation of the grain, of 255
    "quality": (30.0, 75.0),  # of the JPEG file it goes through at the end
}
NEAR = 0.02  # of the whole range: thumbnails of 8 px that differ less, on average, show one picture
FEWEST = 4  # pictures in each of training A, training B and test
MEMORY = 2 * 1024**3  # bytes for the pictures that are kept


def degrade(pictures: Tensor, seed: int = 0) -> Tensor:
    """Worn copies of the pictures: blurred, of low resolution, faded, grainy, with the marks of JPEG. See DAMAGE.

    uint8 (N, 3, H, W) in and out. What happens to a picture depends on its own pixels and on `seed`, not on its place or
    its neighbours. The numbers are the same everywhere; the last step of a pixel may depend on the version of Pillow.
    """
    return worn(pictures, lambda pixels: degrade_one(pixels, seed), "degrade")


def degrade_one(pixels: np.ndarray, seed: int) -> Tensor:
    """One picture, uint8 (H, W, 3), to its worn copy, uint8 (3, H, W)."""
    random = random_of(pixels, seed)
    strength = {name: random.uniform(low, high) for name, (low, high) in DAMAGE.items()}
    image = Image.fromarray(pixels).filter(ImageFilter.GaussianBlur(strength["blur"]))
    small = [max(1, round(side / strength["shrink"])) for side in image.size]
    values = np.asarray(
        image.resize(small, Image.Resampling.BICUBIC).resize(image.size, Image.Resampling.BICUBIC)
    )
    values = values.astype(np.float64)
    grey = values @ np.array([0.299, 0.587, 0.114])
    values = grey[..., None] + strength["colour"] * (values - grey[..., None])
    values = 127.5 + strength["contrast"] * (values - 127.5)
    values = values + strength["noise"] * random.standard_normal(values.shape)
    file = io.BytesIO()
    image = Image.fromarray(values.round().clip(0, 255).astype(np.uint8))
    image.save(file, "JPEG", quality=round(strength["quality"]), subsampling=2)
    return to_tensor(Image.open(file).convert("RGB"))


def find_faces(folder: str | Path) -> list[Path]:
    """The picture files in `folder` and in its subfolders, one level deep, hidden ones left out. Raises DataError."""
    if not str(folder) or not os.path.isdir(folder):
        raise DataError(f"there is no folder {str(folder)!r} of faces; name one: face_restoration:FOLDER")
    paths = list_images(folder)
    paths += [path for place in inner_folders(folder) for path in list_images(place)]
    if not paths:
        raise DataError(
            f"no picture in {folder} or one level below it; put pictures of faces there (jpg, png, ...)"
        )
    return paths


def inner_folders(folder: str | Path) -> list[Path]:
    """The folders directly in `folder`, hidden ones left out."""
    return sorted(p for p in Path(folder).iterdir() if os.path.isdir(p) and not p.name.startswith("."))


def digest_of(path: Path) -> str:
    """SHA-256 of a file's content; of its path where it cannot be read: `read_image` will meet the same error."""
    try:
        require_file(path)
        content = path.read_bytes()
    except (OSError, DataError):
        content = str(path).encode()
    return hashlib.sha256(content).hexdigest()


def side_of(digest: str) -> str:
    """Where a file belongs, by its SHA-256 alone: a tenth to the test pictures, the rest half to A and half to B."""
    share = int(digest[:8], 16) / 2**32
    return "test" if share < 0.1 else "A" if share < 0.55 else "B"


def is_near(pictures: Tensor, others: Tensor) -> Tensor:
    """Which of the pictures (N, 3, 8, 8) look like one of the others (M, 3, 8, 8), both float in [0, 1]: bool (N,).

    Finds a picture saved again, in another format, size or quality. It does not find one cut or lit differently.
    """
    if not len(others):
        return torch.zeros(len(pictures), dtype=torch.bool)
    others = others.flatten(1)
    nearest = [torch.cdist(chunk, others, p=1).amin(1) for chunk in pictures.flatten(1).split(256)]
    return torch.cat(nearest) / others.shape[1] < NEAR


def load_faces(
    folder: str | Path, size: int, on_bad_image: str = "refuse", seed: int = 0, value_range: str = "auto"
) -> Domains:
    """Worn faces (A) and clean faces (B), uint8 (N, 3, size, size), from any folder of faces, flat or one level deep.

    Each picture is cut to a centred square and scaled. Training A holds worn copies of some faces, training B others
    as they are, and the test pairs yet others: test A is the worn copy of test B. A face's side follows from the content
    of its file, so a picture that is added moves no other; a copy of a picture on another side is left out.
    `on_bad_image` is "refuse" or "skip". `value_range` is black and white for pictures of more than 8 bits. Raises
    DataError, also when one of the three has fewer than 4 pictures.
    """
    value_range, remarks = look_through(folder, value_range)
    faces, notes = split_faces(folder, size, on_bad_image, value_range)
    test, old = faces["test"], degrade(faces["test"], seed)
    return Domains(degrade(faces["A"], seed), faces["B"], old, test, True, notes + remarks, value_range)


def training_pairs(
    folder: str | Path, size: int, on_bad_image: str = "refuse", seed: int = 0, value_range: str = "auto"
) -> tuple[Tensor, Tensor]:
    """True pairs for the supervised twin, uint8 (N, 3, size, size) each: training B, worn and clean."""
    value_range, _ = look_through(folder, value_range)
    clean = split_faces(folder, size, on_bad_image, value_range)[0]["B"]
    return degrade(clean, seed), clean


def look_through(folder: str | Path, value_range: str) -> tuple[str, list[str]]:
    """The value_range of all faces of a folder, and lines on that and on what is left out. Raises DataError."""
    value_range, lines = survey({"faces": find_faces(folder)}, value_range, {"faces": "A"})
    for place in (Path(folder), *inner_folders(folder)):
        others = left_out(place, inner=None if place == Path(folder) else "one level is looked into")
        if others:
            lines.append(f"left out of {place.name}: {others}")
    return value_range, lines


def split_faces(
    folder: str | Path, size: int, on_bad_image: str, value_range: str = "auto"
) -> tuple[dict[str, Tensor], list[str]]:
    """The clean faces of "test", "B" and "A", uint8 (N, 3, size, size), and notes on what was left out."""
    if on_bad_image not in ("refuse", "skip"):
        raise ParameterError(f"on_bad_image must be refuse or skip, but it is {on_bad_image!r}")
    if size < 1:
        raise DataError(f"the size of a face must be at least 1 px, but it is {size}")
    most = MEMORY // (4 * 3 * size * size)  # the pictures, their worn copies, and room to put them together
    paths, first, notes, enlarged = find_faces(folder), {}, [], 0
    black_and_white = value_range_of(value_range, "A")

    def read_face(path: Path) -> tuple[Tensor, Tensor, bool]:
        image = read_image(path, black_and_white)
        picture = to_tensor(ImageOps.fit(image, (size, size), Image.Resampling.BICUBIC))
        thumbnail = to_tensor(ImageOps.fit(image, (8, 8), Image.Resampling.BOX)).float() / 255
        return picture, thumbnail, min(image.size) < size

    for path, digest in zip(paths, read_all(digest_of, paths)):
        first.setdefault(digest, path)
    if len(first) > most:
        notes.append(f"took {most} of {len(first)} faces, chosen by their content: no more fit into memory")
    faces, thumbnails = ({side: [] for side in ("test", "B", "A")} for _ in range(2))
    chosen = sorted(first, key=lambda digest: digest[8:])[:most]  # the first 8 digits decide the side
    for digest, result in zip(chosen, read_all(read_face, [first[digest] for digest in chosen])):
        if isinstance(result, DataError):
            if on_bad_image == "refuse":
                raise result
            notes.append(f"skipped: {result}")
            continue
        picture, thumbnail, is_small = result
        enlarged += is_small
        faces[side_of(digest)].append(picture)
        thumbnails[side_of(digest)].append(thumbnail)
    kept, seen, copies = {}, torch.empty(0, 3, 8, 8), len(paths) - len(first)
    for side, pictures in faces.items():  # the test comes first: a copy of a test picture leaves the training
        if pictures:
            small = torch.stack(thumbnails[side])
            new = ~is_near(small, seen)
            kept[side], seen = torch.stack(pictures)[new], torch.cat([seen, small[new]])
            copies += int((~new).sum())
    counts = [len(kept.get(side, ())) for side in ("A", "B", "test")]
    if min(counts) < FEWEST:
        raise DataError(
            f"{folder} gives {counts[0]} faces to training A, {counts[1]} to training B and {counts[2]} to the test; "
            f"each needs {FEWEST}, so add different pictures (100 are enough)"
        )
    if copies:
        notes.append(f"left out {copies} of {len(paths)} faces because they are copies of others")
    if enlarged:
        notes.append(f"{enlarged} faces are smaller than {size} px and were enlarged")
    return kept, notes
