"""Which files are pictures here, and what is refused before their pixels are decoded."""

import functools
import importlib.util
import logging
import os
import stat
import warnings
import zlib
from pathlib import Path
from typing import BinaryIO

from PIL import Image

from minicyclegan.errors import DataError, printable

# The types that are read, by what is in the file, whatever its name says. Pillow knows more, but some start another program
# (EPS), some are not pictures (PDF), and some unpack to any size (FITS); the tests try damaged files of each type listed.
# HEIF (.heic) is read where the extra `heic` is installed
FORMATS = ("AVIF", "BMP", "GIF", "HEIF", "JPEG", "JPEG2000", "MPO", "PNG", "PPM", "TGA", "TIFF", "WEBP")
MAX_PIXELS = 100_000_000  # of one picture: 10,000 x 10,000. A small file can claim any number
MAX_BYTES = 512 * 1024**2  # of one file; some types are read whole before anything is known about them
MAX_PASSES = 500  # of a progressive JPEG: common ones have ten
TOO_LARGE = f"it has more than {MAX_PIXELS // 10**6} million pixels and must be scaled down"
# Otherwise Pillow's remarks on odd files go to the screen
logging.getLogger("PIL").addHandler(logging.NullHandler())


@functools.cache
def know_all_formats() -> None:
    """Load Pillow's plugins, and the one for HEIC where the extra `heic` is installed; once in a process."""
    Image.init()
    if importlib.util.find_spec("pillow_heif") is not None:
        import pillow_heif

        # One thread for each file, as for the other types, and never the preview instead of the picture
        pillow_heif.register_heif_opener(decode_threads=1, thumbnails=False)


def formats() -> list[str]:
    """The types of FORMATS that this machine reads."""
    know_all_formats()
    return [kind for kind in FORMATS if kind in Image.OPEN]


@functools.cache
def suffixes() -> frozenset[str]:
    """The endings of the file names that are taken for pictures, in small letters: ".jpg", ".png", ..."""
    known = formats()
    return frozenset(suffix for suffix, kind in Image.registered_extensions().items() if kind in known)


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
    image = Image.open(source, formats=formats())
    passes = 0
    if image.format in ("JPEG", "MPO"):  # 119 bytes can ask for one more pass over the whole picture
        image.fp.seek(0)
        passes = image.fp.read().count(b"\xff\xda")
    if image.width * image.height > MAX_PIXELS or passes > MAX_PASSES:
        image.close()
        raise DataError(f"it is packed in {passes} passes" if passes > MAX_PASSES else TOO_LARGE)
    return image


def looks_whole(path: Path) -> bool:
    """Whether a file begins and ends as a whole picture does, and the checksums of a PNG are right.

    A glance that takes a tenth of the time of decoding, or less: damage in the middle of a JPEG, a WebP or a TIFF escapes it,
    and of the rarer types whatever is behind the header. Where it is False, `can_be_decoded` tells.
    """
    try:
        require_file(path)
        with open(path, "rb") as file:
            head = file.read(64)
            if head.startswith(b"\x89PNG\r\n\x1a\n"):
                return sound_png(head + file.read())
            size = file.seek(0, os.SEEK_END)
            if head.startswith(b"\xff\xd8\xff"):
                file.seek(max(0, size - 4096))
                return b"\xff\xd9" in file.read()  # behind the end there may be a little more
        if head.startswith(b"RIFF") and int.from_bytes(head[4:8], "little") + 8 > size:  # WebP
            return False
        with quietly(), open_picture(path) as image:
            return end_of_tiff(image) <= size
    except Exception:  # Pillow's plugins raise nearly anything on damaged files
        return False


def end_of_tiff(image: Image.Image) -> int:
    """The byte behind the last strip or tile of a TIFF, by its tags; 0 for other types."""
    tags = getattr(image, "tag_v2", {})
    starts, sizes = (tags.get(strips, tags.get(tiles, ())) for strips, tiles in ((273, 324), (279, 325)))
    return max((start + size for start, size in zip(starts, sizes)), default=0)


def sound_png(content: bytes) -> bool:
    """Whether a PNG has no more pixels than are read, and all its chunks up to the last, with the right checksums."""
    width, height = (int.from_bytes(content[at : at + 4], "big") for at in (16, 20))
    if not 0 < width * height <= MAX_PIXELS:
        return False
    view, at = memoryview(content), 8
    while at + 12 <= len(content):
        end = at + 8 + int.from_bytes(view[at : at + 4], "big")
        if zlib.crc32(view[at + 4 : end]) != int.from_bytes(view[end : end + 4], "big"):
            return False
        if view[at + 4 : at + 8] == b"IEND":
            return True
        at = end + 4
    return False


def can_be_decoded(path: Path) -> bool:
    """Whether Pillow opens and decodes a file. Where it does not, `images.read_image` refuses the file with the reason."""
    try:
        require_file(path)
        with quietly(), open_picture(path) as image:
            image.load()
    except Exception:
        return False
    return True


def quietly():
    """A block without Pillow's warnings of odd files; for the main thread alone."""
    return warnings.catch_warnings(action="ignore")
