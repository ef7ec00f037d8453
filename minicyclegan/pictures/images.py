"""Pictures in and out: files, PIL images, arrays and tensors."""

import math
import threading
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import BinaryIO

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from minicyclegan.errors import DataError
from minicyclegan.pictures import values
from minicyclegan.pictures.folders import list_images as list_images
from minicyclegan.pictures.formats import MAX_PIXELS, TOO_LARGE, open_picture, reason_of, require_file
from minicyclegan.pictures.prefetch import no_warnings
from minicyclegan.pictures.values import Range, UnknownRange, strips

MAX_MEMORY = 3 * 1024**3  # bytes that reading one picture takes at most: see the limits in formats.py
LARGE = 10_000_000  # pixels from which pictures wait for each other, so that several threads need little more memory than one
ONE_AT_A_TIME = threading.Lock()
GIVE_RANGE = "give these two as value_range, on the command line --value-range LOW..HIGH"
TURNS = {  # the EXIF orientation and what undoes it; 1 is upright
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def orientation(image: Image.Image) -> int:
    """What the EXIF block says about how the picture is turned, 2 to 8; 1 where it says nothing, or nonsense."""
    try:
        value = image.getexif().get(0x0112)
        return value if value in TURNS else 1
    except Exception:  # nearly anything, as for the pixels; but it spoils no picture
        return 1


def to_uint8_rgb(image: Image.Image, value_range: Range | None = None) -> Image.Image:
    """Any PIL mode to RGB: rotation from EXIF applied, transparency over white, more bits made 8. A new picture.

    `value_range` says what is black and what is white where a pixel has more than 8 bits; None takes it from the type.
    Raises UnknownRange where the type does not say it, DataError for a size or values that cannot be used, and whatever
    Pillow raises on a damaged file.
    """
    require_size(image)
    deep, scale = values.is_deep(image), values.range_by_type(image)
    if values.depth_of(image) != "known" and value_range is not None:
        scale = value_range
    if deep and scale is None:
        kind = "fractions" if image.mode == "F" else "whole numbers that may be of any size"
        raise UnknownRange(f"it holds {kind}, and nothing says which of them are black and white")
    image.load()
    require_size(image)  # some types know it only now
    turn, tags = TURNS.get(orientation(image)), values.tags_of(image)
    image = values.without_surplus(image)
    if turn is not None:
        image = image.transpose(turn)
    if deep and tags.get("ways") == 0:  # Pillow turns this round for 8 bits, not for more
        scale = scale[::-1]
    result = Image.new("RGB", image.size, None)  # of any colour; every pixel is set below
    if image.mode == "RGB" and not image.has_transparency_data:  # nothing to convert, as in most files
        result.paste(image)
        return result
    for box in strips(image):
        part = image.crop(box)
        if deep:
            numbers = values.numbers_of(part, tags)
            if not np.isfinite(numbers).all():
                raise DataError("it holds values that are not finite numbers")
            part = Image.fromarray(values.to_bytes(numbers, scale))
        if part.has_transparency_data:
            part = part.convert("RGBA")
            part = Image.alpha_composite(Image.new("RGBA", part.size, (255, 255, 255, 255)), part)
        result.paste(part.convert("RGB"), box)
    return result


def one_at_a_time(large: bool):
    """A block in which only one large picture is at work, and any number of others."""
    return ONE_AT_A_TIME if large else nullcontext()


def require_size(image: Image.Image) -> None:
    """Refuse a picture of no pixels or of too many. Raises DataError."""
    if not 0 < image.width * image.height <= MAX_PIXELS:
        raise DataError(TOO_LARGE if image.width * image.height else "it has no pixels")


def decode(
    source: Path | BinaryIO, name: str, advice: str = "replace or remove it", value_range: Range | None = None
) -> Image.Image:
    """A picture in a file or in bytes as 8-bit RGB. Raises DataError, a sentence with `name` and `advice`.

    `value_range` is (black, white) for pictures of more than 8 bits; see `read_image`.
    """
    try:
        if isinstance(source, Path):
            require_file(source)
        with no_warnings, open_picture(source) as image:
            with one_at_a_time(image.width * image.height > LARGE):
                values.require_known_bands(image)
                in_colour = values.depth_of(image) == "16 bits in colour"
                if in_colour and value_range not in (None, values.SIXTEEN_BITS):
                    image.load()
                    if not isinstance(source, Path):
                        source.seek(0)
                    with open_picture(source) as again:
                        values.use_all_bits(image, again, value_range)
                return to_uint8_rgb(image, value_range)
    except FileNotFoundError:
        raise DataError(f"there is no picture at {name}; check the path") from None
    except UnknownRange as error:
        raise UnknownRange(f"cannot read the picture {name}: {error}; {GIVE_RANGE}") from error
    except Exception as error:  # Pillow's plugins raise nearly anything on damaged files
        raise DataError(f"cannot read the picture {name}: {reason_of(error)}; {advice}") from error


def read_image(path: str | Path, value_range: Range | None = None) -> Image.Image:
    """Read one picture file of a type in FORMATS as 8-bit RGB, in less than MAX_MEMORY. Raises DataError, naming the file.

    A picture of 8 bits is taken as it is. One of more has `value_range`, the values of black and of white; without it
    16 bits run from 0 to 65535, and fractions and other whole numbers are refused. `parameters.value_range_of` makes the
    range of a text such as "0..4095", and `pictures.ranges.range_of_set` finds the one for a data set.
    """
    return decode(Path(path), str(path), value_range=value_range)


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


def as_batch(image, value_range: Range | None = None) -> tuple[Tensor, Callable[[Tensor], object]]:
    """Any kind of picture as a float batch (N, 3, H, W) in [-1, 1], and the function that turns a result back.

    Accepts a path (comes back as a PIL image), a PIL image, a numpy array (H, W), (H, W, 3) or (H, W, 4), uint8 in
    [0, 255] or float in [0, 1], or a float tensor (3, H, W) or (N, 3, H, W) in [-1, 1]. A grey or transparent picture
    comes back as RGB, because colour is what a translation changes. `value_range` is (black, white) for a path or a PIL
    image of more than 8 bits, as in `read_image`. Raises DataError for anything else.
    """
    if isinstance(image, (str, Path)):
        image = read_image(image, value_range)
    if isinstance(image, Image.Image):
        try:
            with no_warnings:
                pixels = to_tensor(to_uint8_rgb(image, value_range))
        except UnknownRange as error:
            raise UnknownRange(f"cannot use this picture: {error}; {GIVE_RANGE}") from error
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
