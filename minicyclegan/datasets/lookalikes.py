"""A quick look at many picture files: kind, size, and which of them show the same picture."""

import hashlib
import io
import os
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from minicyclegan.pictures.formats import open_picture, reason_of, require_file
from minicyclegan.pictures.images import orientation, to_uint8_rgb
from minicyclegan.pictures.values import Range, is_deep, numbers_of, strips, tags_of

ONE_AT_A_TIME = threading.Lock()  # for large pictures, so that several threads need no more memory than one
ALIKE = 0.99  # correlation of two 16 x 16 thumbnails from which two pictures count as the same one


@dataclass
class Look:
    """What is kept of one picture: size as shown, words for its kind, a fingerprint of the file, a thumbnail (16, 16, 3)."""

    path: Path
    size: tuple[int, int]
    kinds: list[str]
    fingerprint: bytes
    thumbnail: np.ndarray


def look_at(path: Path) -> Look | str:
    """Decode one picture and return its Look, or the reason in words if that fails."""
    try:
        require_file(path)
        content = path.read_bytes()
        with open_picture(io.BytesIO(content)) as image, ONE_AT_A_TIME if is_large(image) else nullcontext():
            turned = orientation(image) >= 5  # the camera was held sideways
            size = image.size[::-1] if turned else image.size
            kinds = kinds_of(image)
            image.draft(None, (64, 64))  # JPEG is decoded at a fraction of its size: several times faster
            small = to_uint8_rgb(image, own_range(image)).resize((16, 16), Image.Resampling.BILINEAR)
    except Exception as error:  # Pillow's plugins raise nearly anything on damaged files
        return reason_of(error)
    return Look(path, size, kinds, hashlib.blake2b(content).digest(), np.asarray(small, dtype=np.float32))


def own_range(image: Image.Image) -> Range | None:
    """The least and the largest number of a picture of more than 8 bits, enough to see what it shows; None for others."""
    if not is_deep(image):
        return None
    tags = tags_of(image)
    image.load()
    ends = [(part.min(), part.max()) for part in (numbers_of(image.crop(box), tags) for box in strips(image))]
    low, high = float(np.min(ends)), float(np.max(ends))
    return low, max(high, low + 1e-12 * abs(low) + 1e-12)


def is_large(image: Image.Image) -> bool:
    return image.width * image.height > 10_000_000


def kinds_of(image: Image.Image) -> list[str]:
    """What makes a picture other than plain 8-bit colour, in words."""
    deep = image.mode in ("I", "F") or image.mode.startswith("I;16")
    # MPO is a phone's JPEG with a preview
    several = getattr(image, "n_frames", 1) > 1 and image.format != "MPO"
    words = {
        "grey": deep or image.mode in ("1", "L", "LA", "La"),
        "more than 8 bits": deep,
        "transparent": image.has_transparency_data,
        "animated or with several pages": several,
    }
    return [word for word, applies in words.items() if applies]


def look_at_all(paths: list[Path]) -> tuple[list[Look], dict[Path, str]]:
    """Look at many files, several at a time. Returns the readable ones in order, and the reasons for the others."""
    # Pillow warns of odd tags and of huge pictures; the report says what matters
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as threads:
            results = list(threads.map(look_at, paths))
    looks = [result for result in results if isinstance(result, Look)]
    return looks, {path: result for path, result in zip(paths, results) if isinstance(result, str)}


def centred(thumbnails: np.ndarray) -> np.ndarray:
    """Thumbnails without their mean and of length 1, so that a product of two is their correlation; (N, 16, 16, C)."""
    values = thumbnails - thumbnails.mean((1, 2, 3), keepdims=True)
    # A picture without contrast resembles nothing, not even itself; only equal files show that it is a copy
    return values / np.maximum(np.sqrt((values**2).sum((1, 2, 3), keepdims=True)), 64)


def alike_groups(looks: list[Look]) -> list[int]:
    """A number for each picture, equal for pictures that show the same thing.

    Equal files are alike, and so are pictures whose thumbnails, or one and the mirror image of the other, correlate by
    more than ALIKE; where one of the two is grey, the other is compared in grey. Brightness, contrast, size and
    compression do not matter; cropping more than about a fiftieth at the border does.
    """
    n, first = len(looks), {}
    groups = np.array([first.setdefault(look.fingerprint, i) for i, look in enumerate(looks)], dtype=int)
    if n < 2:
        return groups.tolist()
    colour = np.stack([look.thumbnail for look in looks])
    is_grey = np.ptp(colour, axis=3).max((1, 2)) < 8
    grey = colour @ np.array([[0.299], [0.587], [0.114]], dtype=np.float32)  # as Pillow makes colour grey
    views = [(centred(colour), None), (centred(grey), is_grey)]
    for start in range(0, n, 512):  # a block of rows at a time keeps the memory small
        rows = slice(start, start + 512)
        near = np.zeros((len(groups[rows]), n), dtype=bool)
        for view, counts in views:
            flat = view.reshape(n, -1)
            for other in (flat, view[:, :, ::-1].reshape(n, -1)):
                found = flat[rows] @ other.T > ALIKE
                near |= found if counts is None else found & (counts[rows, None] | counts)
        for k in np.flatnonzero(near.sum(1) > 1):
            near[k, start + k] = True
            touched = np.unique(groups[near[k]])
            if len(touched) > 1:
                groups[np.isin(groups, touched)] = touched[0]
    return groups.tolist()
