"""Pictures in and out: files, PIL images, arrays and tensors."""

import logging
import math
import os
import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import BinaryIO

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from minicyclegan.errors import DataError, printable
from minicyclegan.pictures.prefetch import no_warnings

# The types that are read, by what is in the file, whatever its name says. Pillow knows more, but some start another program
# (EPS), some are not pictures (PDF), and some unpack to any size (FITS); the tests try damaged files of each type listed
FORMATS = ("AVIF", "BMP", "GIF", "JPEG", "JPEG2000", "MPO", "PNG", "PPM", "TGA", "TIFF", "WEBP")
MAX_PIXELS = 100_000_000  # of one picture: 10,000 x 10,000. A small file can claim any number
MAX_BYTES = 512 * 1024**2  # of one file; some types are read whole before anything is known about them
MAX_PASSES = 500  # of a progressive JPEG: common ones have ten
MAX_MEMORY = 3 * 1024**3  # bytes that reading one picture takes at most: what the two limits above lead to
LARGE = 10_000_000  # pixels from which pictures wait for each other, so that several threads need little more memory than one
ONE_AT_A_TIME = threading.Lock()
TOO_LARGE = f"it has more than {MAX_PIXELS // 10**6} million pixels and must be scaled down"
TURNS = {  # the EXIF orientation and what undoes it; 1 is upright
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# Otherwise Pillow's remarks on odd files go to the screen
logging.getLogger("PIL").addHandler(logging.NullHandler())


def orientation(image: Image.Image) -> int:
    """What the EXIF block says about how the picture is turned, 2 to 8; 1 where it says nothing, or nonsense."""
    try:
        value = image.getexif().get(0x0112)
        return value if value in TURNS else 1
    except Exception:  # nearly anything, as for the pixels; but it spoils no picture
        return 1


def bands(image: Image.Image) -> Iterator[tuple[int, int, int, int]]:
    """Boxes (left, top, right, bottom) of some rows each that make up the picture: work on one needs little memory."""
    rows = max(1, 2**22 // image.width)
    for top in range(0, image.height, rows):
        yield 0, top, image.width, min(top + rows, image.height)


def to_uint8_rgb(image: Image.Image) -> Image.Image:
    """Any PIL mode to RGB: rotation from EXIF applied, transparency over white, 16-bit scaled to 8. A new picture.

    Raises DataError for a size or values that cannot be used, and whatever Pillow raises on a damaged file.
    """
    if not 0 < image.width * image.height <= MAX_PIXELS:
        raise DataError(TOO_LARGE if image.width * image.height else "it has no pixels")
    image.load()
    sixteen_bit = image.mode.startswith("I;16") or (image.mode == "I" and image.format == "PNG")
    deep = image.mode.startswith("I") or image.mode == "F"  # more than 8 bits: Pillow would clip at 255
    turn = TURNS.get(orientation(image))
    if turn is not None:
        image = image.transpose(turn)
    if deep:
        ends = [(part.min(), part.max()) for part in (np.asarray(image.crop(box)) for box in bands(image))]
        low, high = (float(np.min(ends)), float(np.max(ends)))
        if not np.isfinite([low, high]).all():
            raise DataError("it holds values that are not finite numbers")
    result = Image.new("RGB", image.size, None)  # of any colour; every pixel is set below
    if image.mode == "RGB" and not image.has_transparency_data:  # nothing to convert, as in most files
        result.paste(image)
        return result
    for box in bands(image):
        part = image.crop(box)
        if deep:
            values = np.asarray(part, dtype=np.float64)
            if low < 0 or high > 65535:  # no known scale: use the whole range
                values = (values - low) * 255 / max(high - low, 1e-12)
            elif sixteen_bit or high > 255:
                values = values / 257
            elif part.mode == "F" and high <= 1:
                values = values * 255
            part = Image.fromarray(values.round().astype(np.uint8))
        if part.has_transparency_data:
            part = part.convert("RGBA")
            part = Image.alpha_composite(Image.new("RGBA", part.size, (255, 255, 255, 255)), part)
        result.paste(part.convert("RGB"), box)
    return result


def reason_of(error: Exception) -> str:
    """Why a picture could not be read, in a few words on one line."""
    if isinstance(error, Image.UnidentifiedImageError):
        return "it is not a picture, or of a type that is not read here"
    if isinstance(error, Image.DecompressionBombError):  # Pillow stops some before we see their size
        return TOO_LARGE
    if isinstance(error, MemoryError):
        return "it does not fit into memory"
    return printable(getattr(error, "strerror", None) or str(error) or type(error).__name__)[:200]


def require_file(path: Path) -> None:
    """Refuse what is not a file to read: a folder, a pipe, a device, an empty or a huge file. Raises DataError or OSError."""
    facts = path.stat()
    if not stat.S_ISREG(facts.st_mode):
        raise DataError("it is a folder" if path.is_dir() else "it is not a file but a pipe or a device")
    if not facts.st_size:
        raise DataError("the file is empty")
    if facts.st_size > MAX_BYTES:
        raise DataError(f"the file is larger than {MAX_BYTES // 1024**2} MiB")


def open_picture(source: Path | BinaryIO) -> Image.Image:
    """Open a file or bytes, without decoding the pixels yet. Raises DataError where that would take too much, or Pillow's errors."""
    Image.init()
    image = Image.open(source, formats=[kind for kind in FORMATS if kind in Image.OPEN])
    passes = 0
    if image.format in ("JPEG", "MPO"):  # 119 bytes can ask for one more pass over the whole picture
        image.fp.seek(0)
        passes = image.fp.read().count(b"\xff\xda")
    if image.width * image.height > MAX_PIXELS or passes > MAX_PASSES:
        image.close()
        raise DataError(f"it is packed in {passes} passes" if passes > MAX_PASSES else TOO_LARGE)
    return image


def decode(source: Path | BinaryIO, name: str, advice: str = "replace or remove it") -> Image.Image:
    """A picture in a file or in bytes as 8-bit RGB. Raises DataError, a sentence with `name` and `advice`."""
    try:
        if isinstance(source, Path):
            require_file(source)
        with no_warnings, open_picture(source) as image:
            large = image.width * image.height > LARGE
            with ONE_AT_A_TIME if large else nullcontext():
                return to_uint8_rgb(image)
    except FileNotFoundError:
        raise DataError(f"there is no picture at {name}; check the path") from None
    except Exception as error:  # Pillow's plugins raise nearly anything on damaged files
        raise DataError(f"cannot read the picture {name}: {reason_of(error)}; {advice}") from error


def read_image(path: str | Path) -> Image.Image:
    """Read one picture file of a type in FORMATS as 8-bit RGB, in less than MAX_MEMORY. Raises DataError, naming the file."""
    return decode(Path(path), str(path))


def list_images(folder: str | Path) -> list[Path]:
    """The picture files directly in `folder`, by name; hidden files, other types and links to nowhere are left out.

    Raises DataError for a folder that cannot be listed.
    """
    suffixes = {suffix for suffix, kind in Image.registered_extensions().items() if kind in FORMATS}
    try:
        entries = list(Path(folder).iterdir())
    except OSError as error:
        raise DataError(
            f"cannot list the folder {folder}: {reason_of(error)}; check the path and its permissions"
        ) from error
    return sorted(
        (
            p
            for p in entries
            # os.path.isfile, because Path.is_file raises where a link leads to something that may not be looked at
            if p.suffix.lower() in suffixes and not p.name.startswith(".") and os.path.isfile(p)
        ),
        key=lambda p: p.name,
    )


def to_tensor(image: Image.Image) -> Tensor:
    """RGB image to a uint8 tensor (3, H, W) in [0, 255]."""
    return torch.from_numpy(np.array(image)).permute(2, 0, 1).contiguous()


def to_image(tensor: Tensor) -> Image.Image:
    """Float tensor (3, H, W) in [-1, 1] to an RGB image."""
    values = ((tensor.detach().float().cpu() + 1) * 127.5).round().clamp(0, 255)
    return Image.fromarray(values.to(torch.uint8).permute(1, 2, 0).numpy())


def require_pixels(size) -> None:
    """Refuse more than MAX_PIXELS before anything is copied: a large array can hold one number. Raises DataError."""
    if math.prod(size) > MAX_PIXELS:
        raise DataError(f"this picture cannot be used: {TOO_LARGE}")


def as_batch(image) -> tuple[Tensor, Callable[[Tensor], object]]:
    """Any kind of picture as a float batch (N, 3, H, W) in [-1, 1], and the function that turns a result back.

    Accepts a path (comes back as a PIL image), a PIL image, a numpy array (H, W), (H, W, 3) or (H, W, 4), uint8 in
    [0, 255] or float in [0, 1], or a float tensor (3, H, W) or (N, 3, H, W) in [-1, 1]. A grey or transparent picture
    comes back as RGB, because colour is what a translation changes. Raises DataError for anything else.
    """
    if isinstance(image, (str, Path)):
        image = read_image(image)
    if isinstance(image, Image.Image):
        try:
            with no_warnings:
                pixels = to_tensor(to_uint8_rgb(image))
        except Exception as error:  # it may come from a damaged file and not be decoded yet
            raise DataError(f"cannot use this picture: {reason_of(error)}; give another") from error
        return pixels[None].float().div_(127.5).sub_(1), lambda batch: to_image(batch[0])
    if isinstance(image, np.ndarray):
        floating = np.issubdtype(image.dtype, np.floating)
        shape_fits = image.ndim == 2 or (image.ndim == 3 and image.shape[2] in (3, 4))
        require_pixels(image.shape[:2])
        range_fits = image.dtype == np.uint8 or (
            floating and image.size and 0 <= image.min() and image.max() <= 1
        )
        if not shape_fits or not range_fits or 0 in image.shape:
            raise DataError(
                f"an array must be (H, W), (H, W, 3) or (H, W, 4), uint8 in [0, 255] or float in [0, 1]; "
                f"this one is {image.shape} of {image.dtype}"
            )
        pixels = (image * 255).round().astype(np.uint8) if floating else image
        batch, _ = as_batch(Image.fromarray(pixels))

        def restore(result: Tensor) -> np.ndarray:
            array = np.asarray(to_image(result[0]))
            return (array / 255).astype(image.dtype) if floating else array

        return batch, restore
    if torch.is_tensor(image):
        plain = image.layout == torch.strided and not image.is_meta and image.is_floating_point()
        if not plain or image.ndim not in (3, 4) or image.shape[-3] != 3 or 0 in image.shape:
            raise DataError(
                f"a tensor must be float in [-1, 1] of shape (3, H, W) or (N, 3, H, W); this one is {tuple(image.shape)} of {image.dtype}"
            )
        require_pixels(image.shape[-2:])
        values = image.float()  # the smallest types cannot be compared
        if not values.isfinite().all() or values.min() < -1.01 or values.max() > 1.01:
            raise DataError(
                "a tensor must be in [-1, 1]; this one is not: scale it with x / 127.5 - 1 if it runs from 0 to 255"
            )
        return values if image.ndim == 4 else values[None], lambda result: (
            result if image.ndim == 4 else result[0]
        ).to(image.device, image.dtype)
    raise DataError(
        f"cannot make a picture of {type(image).__name__}; give a path, a PIL image, an array or a tensor"
    )
