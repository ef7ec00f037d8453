"""Pictures in and out: files, PIL images, arrays and tensors (plumbing; no notebook builds it)."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from minicyclegan.errors import DataError

# What Pillow can decode but is no picture on its own
NOT_PICTURES = {".pdf", ".eps", ".ps", ".mpg", ".mpeg", ".h5", ".hdf", ".wmf", ".emf", ".grib", ".bufr"}


def to_uint8_rgb(image: Image.Image) -> Image.Image:
    """Any PIL mode to RGB: rotation from EXIF applied, transparency over white, 16-bit scaled to 8."""
    sixteen_bit = image.mode.startswith("I;16") or (image.mode == "I" and image.format == "PNG")
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I") or image.mode == "F":  # more than 8 bits: Pillow would clip at 255
        values = np.asarray(image, dtype=np.float64)
        low, high = float(values.min()), float(values.max())
        if not np.isfinite([low, high]).all():
            raise DataError("it holds values that are no numbers")
        if low < 0 or high > 65535:  # no known scale: use the whole range
            values = (values - low) * 255 / max(high - low, 1e-12)
        elif sixteen_bit or high > 255:
            values = values / 257
        elif image.mode == "F" and high <= 1:
            values = values * 255
        image = Image.fromarray(values.round().astype(np.uint8))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, (255, 255, 255, 255))
        image = Image.alpha_composite(white, image)
    return image.convert("RGB")


def read_image(path: str | Path) -> Image.Image:
    """Read one image file of any type Pillow knows as 8-bit RGB. Raises DataError, naming the file."""
    path = Path(path)
    try:
        with Image.open(path) as image:
            return to_uint8_rgb(image)
    except FileNotFoundError:
        raise DataError(f"there is no image at {path}; check the path") from None
    except Exception as error:  # Pillow's plugins raise nearly anything on damaged files
        reason = (
            "it is not an image"
            if isinstance(error, Image.UnidentifiedImageError)
            else str(error) or type(error).__name__
        )
        raise DataError(f"cannot read the image {path}: {reason}; replace or remove it") from error


def list_images(folder: str | Path) -> list[Path]:
    """The image files directly in `folder`, by name; hidden files and other types are left out."""
    suffixes = set(Image.registered_extensions()) - NOT_PICTURES
    return sorted(
        (
            p
            for p in Path(folder).iterdir()
            if p.suffix.lower() in suffixes and not p.name.startswith(".") and p.is_file()
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


def as_batch(image) -> tuple[Tensor, Callable[[Tensor], object]]:
    """Any kind of picture as a float batch (N, 3, H, W) in [-1, 1], and the function that turns a result back.

    Accepts a path (comes back as a PIL image), a PIL image, a numpy array (H, W), (H, W, 3) or (H, W, 4), uint8 in
    [0, 255] or float in [0, 1], or a float tensor (3, H, W) or (N, 3, H, W) in [-1, 1]. A grey or transparent picture
    comes back as RGB, because colour is what a translation changes. Raises DataError for anything else.
    """
    if isinstance(image, (str, Path)):
        image = read_image(image)
    if isinstance(image, Image.Image):
        return to_tensor(to_uint8_rgb(image))[None].float() / 127.5 - 1, lambda batch: to_image(batch[0])
    if isinstance(image, np.ndarray):
        floating = np.issubdtype(image.dtype, np.floating)
        shape_fits = image.ndim == 2 or (image.ndim == 3 and image.shape[2] in (3, 4))
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
        if (
            not image.is_floating_point()
            or image.ndim not in (3, 4)
            or image.shape[-3] != 3
            or 0 in image.shape
        ):
            raise DataError(
                f"a tensor must be float in [-1, 1] of shape (3, H, W) or (N, 3, H, W); this one is {tuple(image.shape)} of {image.dtype}"
            )
        if not image.isfinite().all() or image.min() < -1.01 or image.max() > 1.01:
            raise DataError(
                "a tensor must be in [-1, 1]; this one is not: scale it with x / 127.5 - 1 if it runs from 0 to 255"
            )
        batch = image if image.ndim == 4 else image[None]
        return batch.float(), lambda result: (result if image.ndim == 4 else result[0]).to(
            image.device, image.dtype
        )
    raise DataError(
        f"cannot make a picture of {type(image).__name__}; give a path, a PIL image, an array or a tensor"
    )
