"""What the numbers in a picture mean: which value is black and which is white, and which bands are its colours."""

import sys
from collections.abc import Iterator

import numpy as np
from PIL import Image

from minicyclegan.errors import DataError

Range = tuple[float, float]  # the value that is black, and the one that is white
SIXTEEN_BITS: Range = (0.0, 65535.0)
# How many bands of a TIFF are colours, by its way to store them
COLOURS = {0: 1, 1: 1, 2: 3, 3: 1, 5: 4, 6: 3, 8: 3}
BAND_TAGS = {"ways": 262, "bits": 258, "bands": 277, "planes": 284, "extra": 338, "sign": 339}


class UnknownRange(DataError):
    """A picture whose numbers could mean any brightness."""


def strips(image: Image.Image) -> Iterator[tuple[int, int, int, int]]:
    """Boxes (left, top, right, bottom) of some rows each that make up the picture: work on one needs little memory."""
    rows = max(1, 2**22 // image.width)
    for top in range(0, image.height, rows):
        yield 0, top, image.width, min(top + rows, image.height)


def raw_mode(image: Image.Image) -> str:
    """How the file packs its pixels, in Pillow's words, such as "RGB;16B"; "" where the pixels are decoded already."""
    tiles = getattr(image, "tile", None)
    words = tiles[0][3] if tiles else ""
    words = words[0] if isinstance(words, tuple) and words else words
    return words if isinstance(words, str) else ""


def depth_of(image: Image.Image) -> str:
    """What its values need to become 8 bits. To be asked before the pixels are decoded.

    "known": nothing, or the type of the file says it. "16 bits", or "16 bits in colour", of which Pillow shows the upper
    eight: any of them may be in use. "numbers": fractions, or whole numbers of 32 bits or with a sign, of any meaning.
    """
    # These two say what is white, and Pillow uses it
    if (image.format in ("PPM", "JPEG2000") and image.mode != "F") or raw_mode(image) == "I;12":
        return "known"
    if image.mode.startswith("I;16") or (image.mode == "I" and image.format == "PNG"):
        return "16 bits"
    if image.mode in ("I", "F"):
        return "numbers"
    return "16 bits in colour" if raw_mode(image)[:-1].endswith(";16") else "known"


def range_by_type(image: Image.Image) -> Range | None:
    """Black and white as the type of a deep picture says; None where it does not. To be asked before decoding."""
    if raw_mode(image) == "I;12":
        return 0.0, 4095.0
    return None if depth_of(image) == "numbers" else SIXTEEN_BITS


def is_deep(image: Image.Image) -> bool:
    """Whether one number for each pixel has more than 8 bits, of which Pillow alone would cut what is over 255."""
    return image.mode.startswith("I") or image.mode == "F"


def numbers_of(part: Image.Image, tags: dict[str, object]) -> np.ndarray:
    """The values of a deep picture, or of a part of one, as float64."""
    values = np.asarray(part)
    if part.mode == "I" and tags.get("sign") == 1 and tags.get("bits") == 32:
        values = values.view(np.uint32)  # Pillow has no such mode and takes large ones for negative
    return values.astype(np.float64)


def to_bytes(values: np.ndarray, value_range: Range) -> np.ndarray:
    """Values to uint8: black and what is below it is 0, white and what is above it 255."""
    low, high = value_range
    return ((values - low) * (255 / (high - low))).clip(0, 255).round().astype(np.uint8)


def tags_of(image: Image.Image) -> dict[str, object]:
    """The tags of a TIFF that say what its bands and numbers are, by the names in BAND_TAGS; empty for other types."""
    tags = getattr(image, "tag_v2", None)
    if tags is None:
        return {}
    found = {name: tags.get(number) for name, number in BAND_TAGS.items()}
    first = {name: value[0] if isinstance(value, tuple) and value else value for name, value in found.items()}
    return first | {"extra": found["extra"] or ()}


def surplus_bands(image: Image.Image) -> int:
    """How many bands a TIFF has that are neither colours nor declared to be transparency; 0 for other types."""
    tags = tags_of(image)
    if not tags or tags["ways"] not in COLOURS:
        return 0
    beside = (tags["bands"] or 1) - COLOURS[tags["ways"]]
    return max(0, beside - declares_alpha(tags))


def has_transparency(image: Image.Image) -> bool:
    """Whether a part of the picture may be transparent: by Pillow's word, and for a TIFF by the file's own."""
    tags = tags_of(image)
    return image.has_transparency_data and (not tags or image.mode != "RGBA" or declares_alpha(tags))


def declares_alpha(tags: dict[str, object]) -> bool:
    """Whether a TIFF with these tags says that the band after its colours is transparency; 999 is Corel Draw's word for it."""
    extra = tags["extra"]
    return bool(extra) and extra[0] in (1, 2, 999)


def require_known_bands(image: Image.Image) -> None:
    """Refuse the TIFFs whose numbers Pillow mistakes for others. Raises DataError."""
    tags = tags_of(image)
    if tags and tags["bits"] == 16 and raw_mode(image) in ("R", "G", "B", "A"):
        raise DataError(
            "it holds 16 bits for each colour in separate planes, which must be saved interleaved"
        )
    if tags and tags["bits"] == 8 and tags["sign"] == 2:
        raise DataError("it holds whole numbers of 8 bits with a sign, which must be saved without")


def without_surplus(image: Image.Image) -> Image.Image:
    """The picture without a fourth band that Pillow takes for transparency, though the file does not say so."""
    tags = tags_of(image)
    return image.convert("RGB") if image.mode == "RGBA" and tags and not declares_alpha(tags) else image


def use_all_bits(image: Image.Image, again: Image.Image, value_range: Range) -> None:
    """Give a picture of 16 bits in colour its values between black and white, where Pillow alone keeps the upper 8 bits.

    `image` is decoded, and `again` is the same file opened once more: decoded with the two bytes of each number in the
    other order, it shows the lower 8 bits. Raises DataError where that cannot be done.
    """
    names = {"L": "B", "B": "L", "N": "B" if sys.byteorder == "little" else "L"}
    swapped = raw_mode(again)[:-1] + names.get(raw_mode(again)[-1:], "")
    in_planes = tags_of(again).get("planes") == 2
    if again.mode not in ("RGB", "RGBA") or swapped.startswith(("LA", "RGBa")) or in_planes:
        raise DataError("it holds 16 bits in a rare way, and must be saved as plain RGB")
    tiles = []
    for tile in again.tile:
        words = (swapped, *tile[3][1:]) if isinstance(tile[3], tuple) else swapped
        # Plain tuples before Pillow 11
        tiles.append(tile._replace(args=words) if hasattr(tile, "_replace") else (*tile[:3], words))
    again.tile = tiles
    again.load()
    for box in strips(image):
        upper, lower = (np.asarray(one.crop(box)).astype(np.float64) for one in (image, again))
        pixels = to_bytes(upper * 256 + lower, value_range)
        if image.mode == "RGBA":
            pixels[..., 3] = upper[..., 3]  # what is opaque is no matter of brightness
        image.paste(Image.fromarray(pixels), box)
