"""Hostile pictures: nothing but our own errors comes out, nothing crashes or hangs, and memory stays under a bound.

Damaged files are read in another process, so that a crash, a hang, a message on the screen and the memory it takes can be
seen and assigned to one file. This file is also the program of that process; a fork of it reads, and is replaced if it dies.
"""

import contextlib
import functools
import io
import json
import os
import random
import re
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import traceback
import warnings
import zlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import records
import torch
from click.testing import CliRunner
from conftest import make_folder, tiny_config, tiny_run
from forked import processes_forked
from hypothesis import given, settings
from hypothesis import strategies as st
from mutations import mutate, mutate_picture, png_chunks, png_file
from PIL import EpsImagePlugin, Image, ImageCms, features
from PIL.PngImagePlugin import PngInfo
from test_bad_input import refused

from minicyclegan.cli.translate import translate
from minicyclegan.cyclegan import CycleGAN
from minicyclegan.data import Domains, ImageFolder, load_folder
from minicyclegan.datasets.inspection import check_folder, check_two_folders
from minicyclegan.datasets.lookalikes import look_at_all
from minicyclegan.datasets.named import load_domains
from minicyclegan.datasets.suiting import unreadable
from minicyclegan.errors import DataError, RunError
from minicyclegan.pictures.formats import formats
from minicyclegan.pictures.images import MAX_MEMORY, MAX_PIXELS, as_batch, list_images, read_image
from minicyclegan.pictures.prefetch import THREADS
from minicyclegan.runs.checkpoint import read_checkpoint
from minicyclegan.serve.app import read_upload
from minicyclegan.translate import save_picture, translate_files

SECONDS = 60  # a picture that takes longer than this hangs
RANGE = (0, 1000)  # black and white of pictures of more than 8 bits, some of which are refused without
READ, REFUSED, WRONG, CRASH, HANG = "read", "refused", "wrong exception", "crash", "hang"


# The corpus: small pictures of every format and mode, and their damaged copies


def noise(mode: str, size: tuple[int, int], seed: int) -> Image.Image:
    """Coarse noise with some flat parts, so that every kind of packing has something to do."""
    rng = random.Random(seed)
    small = Image.frombytes("RGB", (7, 5), rng.randbytes(105)).resize(size, Image.Resampling.NEAREST)
    small.paste(Image.frombytes("RGB", (9, 9), rng.randbytes(243)), (3, 3))
    if mode == "I;16":
        return Image.frombytes("I;16", size, rng.randbytes(2 * size[0] * size[1]))
    if mode == "RGBA":
        small.putalpha(small.convert("L"))
        return small
    return small.convert(mode)


def packed(image: Image.Image, kind: str, **options) -> bytes:
    content = io.BytesIO()
    for frame in options.get("append_images", ()):
        frame.encoderconfig = ()  # Pillow keeps here what the last format wanted
    image.copy().save(content, kind, **options)
    return content.getvalue()


def tiled_tiff(size: tuple[int, int] = (40, 32), tile: int = 16) -> bytes:
    """A grey TIFF in tiles, packed with zlib; Pillow reads these but does not write them."""
    columns, rows = -(-size[0] // tile), -(-size[1] // tile)
    rng = random.Random(7)
    tiles = [zlib.compress(rng.randbytes(tile * tile)) for _ in range(columns * rows)]
    start, n = 8 + 2 + 12 * 11 + 4, len(tiles)
    offsets = [start + 8 * n + sum(map(len, tiles[:i])) for i in range(n)]
    entries = [(256, 4, 1, size[0]), (257, 4, 1, size[1]), (258, 3, 1, 8), (259, 3, 1, 8), (262, 3, 1, 1)]
    entries += [(277, 3, 1, 1), (284, 3, 1, 1), (322, 4, 1, tile), (323, 4, 1, tile)]
    entries += [(324, 4, n, start), (325, 4, n, start + 4 * n)]
    directory = struct.pack("<H", 11) + b"".join(struct.pack("<HHII", *e) for e in entries) + bytes(4)
    tables = struct.pack(f"<{2 * n}I", *offsets, *map(len, tiles))
    return b"II*\0" + struct.pack("<I", 8) + directory + tables + b"".join(tiles)


def rgb_tiff(
    size: tuple[int, int],
    pixels: bytes,
    bits: int = 8,
    bands: int = 3,
    extra: tuple[int, ...] | None = None,
    pack: bool = False,
) -> bytes:
    """An RGB TIFF, packed with zlib or not, with any number of bands after the colours; `extra` says what these are."""
    pixels = zlib.compress(pixels) if pack else pixels
    extra = (0,) * (bands - 3) if extra is None else extra
    entries = [
        (256, 3, [size[0]]),
        (257, 3, [size[1]]),
        (258, 3, [bits] * bands),
        (259, 3, [8 if pack else 1]),
        (262, 3, [2]),
    ]
    entries += [(273, 4, [0]), (277, 3, [bands]), (278, 3, [size[1]]), (279, 4, [len(pixels)])]
    entries += [(338, 3, list(extra))] if extra else []
    start = 8 + 2 + 12 * len(entries) + 4
    tables, directory = b"", struct.pack("<H", len(entries))
    for tag, kind, numbers in entries:
        content = struct.pack(f"<{len(numbers)}{'H' if kind == 3 else 'I'}", *numbers)
        if tag == 273:
            content = struct.pack("<I", start + 100)
        if len(content) > 4:
            content, tables = struct.pack("<I", start + len(tables)), tables + content
        directory += struct.pack("<HHI", tag, kind, len(numbers)) + content.ljust(4, b"\0")
    return b"II*\0" + struct.pack("<I", 8) + directory + bytes(4) + tables.ljust(100, b"\0") + pixels


def png_of_16_bits(size: tuple[int, int], pixels: bytes) -> bytes:
    """A PNG in colour of 16 bits, the larger byte of each first."""
    row = 6 * size[0]
    rows = b"".join(b"\0" + pixels[at : at + row] for at in range(0, len(pixels), row))
    header = struct.pack(">IIBBBBB", *size, 16, 2, 0, 0, 0)
    return png_file([(b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")])


@functools.cache
def pictures() -> dict[str, tuple[str, bytes]]:
    """Small intact files: name -> (suffix, content). The same on every call."""
    size = (40, 32)
    exif, text = Image.Exif(), PngInfo()
    exif[0x0112], exif[0x010F] = 6, "camera"
    exif.get_ifd(0x8769)[0x9286] = b"comment"
    text.add_text("Title", "a picture" * 9, zip=True)
    text.add_itxt("Word", "größer" * 20, zip=True)
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    frames = [noise("RGB", size, seed) for seed in (1, 2, 3)]
    several = dict(save_all=True, append_images=frames[1:])
    found = {}

    def add(kind: str, suffix: str, name: str, image: Image.Image, **options) -> None:
        found[f"{kind} {name}"] = (suffix, packed(image, kind, **options))

    for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16"):
        add("PNG", "png", mode, noise(mode, size, 0))
    add("PNG", "png", "P, transparent", noise("P", size, 0), transparency=bytes(range(250)))
    add("PNG", "png", "EXIF, text, profile", frames[0], exif=exif, pnginfo=text, icc_profile=profile)
    add("PNG", "png", "animated", frames[0], **several)
    for mode in ("L", "RGB", "CMYK"):
        add("JPEG", "jpg", mode, noise(mode, size, 0))
    add("JPEG", "jpg", "progressive", frames[0], progressive=True, quality=90)
    add("JPEG", "jpg", "EXIF, profile", frames[0], exif=exif, icc_profile=profile)
    with contextlib.suppress(OSError), warnings.catch_warnings(action="ignore"):
        phone = packed(frames[0], "MPO", **several)
        Image.open(io.BytesIO(phone)).load()  # the oldest Pillow that is allowed writes these wrong
        found["MPO three pictures"] = ("jpg", phone)
    add("GIF", "gif", "L", noise("L", size, 0))
    add("GIF", "gif", "P", noise("P", size, 0))
    add("GIF", "gif", "transparent", noise("P", size, 0), transparency=3, interlace=1)
    add("GIF", "gif", "animated", frames[0], disposal=2, loop=0, **several)
    add("WEBP", "webp", "RGB", frames[0])
    add("WEBP", "webp", "RGBA", noise("RGBA", size, 0))
    add("WEBP", "webp", "lossless, EXIF", noise("RGBA", size, 0), lossless=True, exif=exif)
    add("WEBP", "webp", "animated", frames[0], **several)
    for mode in ("L", "P", "RGB", "CMYK", "I;16", "F", "I"):
        add("TIFF", "tiff", mode, noise(mode, size, 0))
    add("TIFF", "tiff", "1, fax", noise("1", size, 0), compression="group4")
    add("TIFF", "tiff", "RGBA, LZW", noise("RGBA", size, 0), compression="tiff_lzw")
    add("TIFF", "tiff", "RGB, zlib, EXIF", frames[0], compression="tiff_adobe_deflate", exif=exif)
    add("TIFF", "tiff", "RGB, JPEG", frames[0], compression="jpeg")
    add("TIFF", "tiff", "RGB, packbits", frames[0], compression="packbits")
    add("TIFF", "tiff", "pages", frames[0], **several)
    add("TIFF", "tiff", "RGB, 64-bit offsets", frames[0], big_tiff=True)
    add(
        "TIFF",
        "tiff",
        "I;16B, the other byte order",
        Image.frombytes("I;16B", size, noise("I;16", size, 0).tobytes()),
    )
    found["TIFF tiled"] = ("tif", tiled_tiff())
    for mode in ("1", "L", "P", "RGB", "RGBA"):
        add("BMP", "bmp", mode, noise(mode, size, 0))
    add("PPM", "ppm", "RGB", frames[0])
    add("TGA", "tga", "RGBA, packed", noise("RGBA", size, 0), compression="tga_rle")
    if features.check("jpg_2000"):
        add("JPEG2000", "jp2", "RGB", frames[0])
    if features.check("avif"):
        add("AVIF", "avif", "RGBA", noise("RGBA", size, 0))
    if "HEIF" in formats():  # with the extra `heic`
        add("HEIF", "heic", "RGB", frames[0], exif=exif.tobytes())
        add("HEIF", "heic", "RGBA", noise("RGBA", size, 0))
    numbers = random.Random(9).randbytes(6 * size[0] * size[1])
    found["PNG RGB, 16 bits"] = ("png", png_of_16_bits(size, numbers))
    found["TIFF RGB, 16 bits"] = ("tif", rgb_tiff(size, numbers, bits=16))
    found["TIFF RGB, 16 bits, zlib"] = ("tif", rgb_tiff(size, numbers, bits=16, pack=True))
    found["TIFF six bands"] = ("tif", rgb_tiff(size, numbers, bands=6))
    return found


def damaged(index: int, sound: dict[str, tuple[str, bytes]]) -> tuple[str, str, str, bytes]:
    """File number `index` of the corpus: (picture it was, kind of damage, suffix, content)."""
    rng = random.Random(f"pictures {index}")
    name = list(sound)[index % len(sound)]
    suffix, content = sound[name]
    what, content = (mutate if rng.random() < 0.4 else mutate_picture)(content, rng)
    if rng.random() < 0.03:
        suffix = rng.choice(("png", "jpg", "tiff", "webp"))  # a wrong one, or by chance the right one
    return name, what, suffix, content


# Hostile files: bombs, odd files and odd entries of a folder


@functools.cache
def zeros(n: int) -> bytes:
    """`n` zero bytes, packed: about a thousandth of their number."""
    pack, part = zlib.compressobj(9), bytes(2**20)
    return b"".join(pack.compress(part[: min(2**20, n - at)]) for at in range(0, n, 2**20)) + pack.flush()


def png_of_zeros(
    width: int, height: int, depth: int = 1, colour: int = 0, real_rows: int | None = None
) -> bytes:
    """A black PNG. `colour` 0 is grey, 6 RGBA; with `real_rows` the header promises more rows than there are."""
    row = 1 + -(-width * depth * {0: 1, 6: 4}[colour] // 8)
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    content = zeros(row * (height if real_rows is None else real_rows))
    return png_file([(b"IHDR", header), (b"IDAT", content), (b"IEND", b"")])


def png_with(kind: bytes, content: bytes) -> bytes:
    chunks = png_chunks(pictures()["PNG RGB"][1])
    return png_file([chunks[0], (kind, content), *chunks[1:]])


def changed(name: str, at: int, content: bytes) -> bytes:
    """An intact picture with different bytes at one place."""
    data = pictures()[name][1]
    return data[:at] + content + data[at + len(content) :]


def bombs() -> dict[str, tuple[str, bytes, str]]:
    """Small files that would fill the memory: name -> (suffix, content, what the sentence says)."""
    large = "more than 100 million pixels and must be scaled down"
    jpeg = pictures()["JPEG RGB"][1]
    jpeg_size = jpeg.index(b"\xff\xc0") + 5
    tile = tiled_tiff()
    side = tile.index(struct.pack("<HHI", 322, 4, 1)) + 8
    huge_canvas = b"VP8X" + struct.pack("<I", 10) + b"\x10\0\0\0" + b"\xfe\x3f\0" * 2 + b"ALPH\x01\0\0\0\0\0"
    return {
        "PNG of 30,000 x 30,000 zeros": ("png", png_of_zeros(30_000, 30_000), large),
        # Pillow only warns of this
        "PNG of 13,000 x 13,000 zeros": ("png", png_of_zeros(13_000, 13_000), large),
        "PNG that says four billion": ("png", png_of_zeros(2**31 - 1, 2**31 - 1, real_rows=0), large),
        "JPEG that says 65,500 x 65,500": (
            "jpg",
            jpeg[:jpeg_size] + b"\xff\xdc" * 2 + jpeg[jpeg_size + 4 :],
            large,
        ),
        "JPEG of 10,000 passes": ("jpg", jpeg_of_passes(10_000), "packed in 10006 passes"),
        "GIF with a canvas of 65,535": ("gif", changed("GIF P", 6, b"\xff" * 4), large),
        "GIF with a frame of 65,535": ("gif", gif_with_a_frame_of(65_535), large),
        "BMP that says 2 billion": (
            "bmp",
            changed("BMP RGB", 18, struct.pack("<ii", 2**31 - 1, 2**31 - 1)),
            large,
        ),
        "TIFF of 4 billion columns": (
            "tiff",
            tile[:18] + struct.pack("<I", 2**32 - 1) + tile[22:],
            "cannot read",
        ),
        "TIFF of 2 billion columns": ("tiff", tile[:18] + struct.pack("<I", 2**31 - 1) + tile[22:], large),
        "TIFF with a tile of 1,000,000 px": (
            "tiff",
            tile[:side]
            + struct.pack("<I", 10**6)
            + tile[side + 4 : side + 12]
            + struct.pack("<I", 10**6)
            + tile[side + 16 :],
            "cannot read",
        ),
        "WEBP with a canvas of 16,383": (
            "webp",
            b"RIFF" + struct.pack("<I", 4 + len(huge_canvas)) + b"WEBP" + huge_canvas,
            "cannot read",
        ),
        "PPM that says 100,000 x 100,000": ("ppm", b"P6 100000 100000 255\n" + bytes(99), large),
        "TGA of 65,535 x 65,535": ("tga", changed("TGA RGBA, packed", 12, b"\xff" * 4), large),
        "PNG with 100 MB of text": ("png", png_with(b"zTXt", b"Title\0\0" + zeros(10**8)), "cannot read"),
        "PNG with 100 MB of text in iTXt": (
            "png",
            png_with(b"iTXt", b"Title\0\x01\0\0\0" + zeros(10**8)),
            "cannot read",
        ),
        "PNG with a profile of 100 MB": ("png", png_with(b"iCCP", b"p\0\0" + zeros(10**8)), "cannot read"),
    }


def largest_pictures() -> dict[str, tuple[str, bytes]]:
    """Intact pictures of 100 million pixels, of the kinds that take the most memory, turned by EXIF where that is possible."""
    size, exif = (10_000, 10_000), Image.Exif()
    exif[0x0112] = 6
    found = {}

    def add(kind: str, suffix: str, mode: str, **options) -> None:
        image = Image.new(mode, size, (9, 20, 200, 100) if mode == "RGBA" else None)
        found[f"{kind} {mode}"] = (suffix, packed(image, kind, **options))

    add("PNG", "png", "RGBA", compress_level=1, exif=exif)
    add("PNG", "png", "I;16", compress_level=1)
    add("JPEG", "jpg", "CMYK", progressive=True, exif=exif)
    add("GIF", "gif", "P", transparency=3)
    add("WEBP", "webp", "RGBA", lossless=True, quality=0, method=0, exif=exif)
    add("TIFF", "tiff", "F", compression="tiff_adobe_deflate", exif=exif)
    add("TIFF", "tiff", "RGBA", compression="tiff_lzw", exif=exif)
    add("BMP", "bmp", "RGB")
    add("TGA", "tga", "RGBA", compression="tga_rle")
    found["PNG RGBA, 16 bits"] = ("png", png_of_zeros(*size, depth=16, colour=6))
    if features.check("jpg_2000"):
        add("JPEG2000", "jp2", "RGBA", quality_layers=[100])
    if features.check("avif"):
        add("AVIF", "avif", "RGBA", speed=10, exif=exif)
    if "HEIF" in formats():
        add("HEIF", "heic", "RGBA", quality=20)
    return found


def jpeg_of_passes(more: int) -> bytes:
    """A progressive JPEG of 25 million pixels and a megabyte, each pass of which takes some hundredths of a second."""
    data = packed(Image.new("L", (5000, 5000)), "JPEG", progressive=True)
    last = data[data.rindex(b"\xff\xda") : -2]
    return data[:-2] + more * last + data[-2:]


def gif_with_a_frame_of(side: int) -> bytes:
    """A small canvas and a frame that reaches far beyond it."""
    data = bytearray(pictures()["GIF P"][1])
    at = 13 + 3 * 2 ** ((data[10] & 7) + 1)
    at = data.index(b"\x2c", at)
    data[at + 5 : at + 9] = struct.pack("<HH", side, side)
    return bytes(data)


def odd_entries(folder: Path) -> dict[str, tuple[Path, str]]:
    """Things with the name of a picture that are not pictures: name -> (path, what the sentence says)."""
    places = {
        "empty file": "empty",
        "folder": "folder",
        "pipe": "pipe",
        "socket": "pipe or a device",
        "link to nothing": "there is no picture",
        "link to itself": "symbolic links",
        "link to /dev/zero": "device",
        "link to a name too long": "name too long",
        "file of 1 TiB": "larger than 512 MiB",
        "file of zeros": "not a picture",
        "text": "not a picture",
        "nothing at all": "there is no picture",
    }
    found = {name: (folder / f"{name.replace('/', ' ')}.png", words) for name, words in places.items()}
    path = {name: entry[0] for name, entry in found.items()}
    path["empty file"].touch()
    path["folder"].mkdir()
    os.mkfifo(path["pipe"])
    # A socket's whole path must be short
    with socket.socket(socket.AF_UNIX) as server, contextlib.chdir(folder):
        server.bind(path["socket"].name)
    path["link to nothing"].symlink_to(folder / "nowhere.png")
    path["link to itself"].symlink_to(path["link to itself"])
    path["link to /dev/zero"].symlink_to("/dev/zero")
    path["link to a name too long"].symlink_to("x" * 300)
    with open(path["file of 1 TiB"], "wb") as file:
        file.write(b"RIFF\xff\xff\xff\x7fWEBPVP8 ")  # a type that Pillow reads whole
        file.truncate(2**40)
    path["file of zeros"].write_bytes(bytes(100_000))
    path["text"].write_text("not a picture\n")
    return found


# The processes: this part runs outside pytest


def work_through(jobs: list, write_end: int, screen) -> None:
    """The child: do one job after the other, and report what became of it, what it printed, and the peak so far in MiB."""
    import resource

    os.dup2(screen.fileno(), 1)
    os.dup2(screen.fileno(), 2)
    for job in jobs:
        signal.alarm(SECONDS)  # ends this process, also from inside of C
        os.truncate(screen.fileno(), 0)
        screen.seek(0)
        try:
            outcome = job()
        except BaseException:
            traceback.print_exc()
            outcome = WRONG
        sys.stdout.flush()
        sys.stderr.flush()
        printed = os.pread(screen.fileno(), 10_000, 0).decode(errors="backslashreplace")
        mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        os.write(
            write_end, (json.dumps({"outcome": outcome, "printed": printed, "mib": mib}) + "\n").encode()
        )
    os._exit(0)


def in_children(jobs: list) -> Iterator[dict]:
    """The results of jobs done in forks of this process: a new one whenever one dies, which counts as a job's result."""
    done = 0
    while done < len(jobs):
        read_end, write_end = os.pipe()
        with tempfile.TemporaryFile() as screen:
            child = os.fork()
            if not child:
                work_through(jobs[done:], write_end, screen)
            os.close(write_end)
            with open(read_end) as lines:
                for line in lines:
                    done += 1
                    yield json.loads(line)
            _, status = os.waitpid(child, 0)
            if done < len(jobs):
                hang = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGALRM
                done += 1
                yield {"outcome": HANG if hang else CRASH, "printed": f"status {status}", "mib": 0}


def attempt(read):
    """What `read()` gives, or its DataError, which must be one good sentence; any other exception passes through."""
    try:
        return read()
    except DataError as error:
        text = str(error)
        assert text.isprintable() and 20 < len(text) < 500 and text.count("; ") == 1, (
            f"no good sentence: {text!r}"
        )
        return error


def read_every_way(path: Path) -> str:
    """Read a file as a path and, where Pillow opens it, as a PIL image that is not decoded yet."""
    image = attempt(lambda: read_image(path, RANGE))
    if isinstance(image, DataError):
        assert str(path) in str(image)
    else:
        assert not unreadable([path]), "the command would refuse what the training reads"
        assert (
            type(image) is Image.Image
            and image.mode == "RGB"
            and 0 < image.width * image.height <= MAX_PIXELS
        )
        assert len(image.tobytes()) == 3 * image.width * image.height
    try:
        with warnings.catch_warnings(action="ignore"):
            lazy = Image.open(path)
    except Exception:  # what Pillow says to its own callers is not our business
        return REFUSED
    with lazy:
        batch = attempt(lambda: as_batch(lazy, RANGE))
    if not isinstance(batch, DataError):
        pixels = batch[0]
        assert pixels.shape[:2] == (1, 3) and 0 not in pixels.shape and float(pixels.abs().max()) <= 1
    return REFUSED if isinstance(image, DataError) else READ


def only_read(path: str) -> str:
    """Read one file, and return the sentence if it is refused."""
    image = attempt(lambda: read_image(path, RANGE))
    if isinstance(image, DataError):
        print(image)
        return REFUSED
    return READ


def worker(first: int, last: int, paths: list[str]) -> None:
    """Read files `first` to `last` of the corpus, then `paths`; one JSON line for each."""
    sound = pictures()
    with tempfile.TemporaryDirectory() as folder:

        def usual() -> str:
            path = Path(folder) / "sound.png"
            path.write_bytes(sound["PNG RGBA"][1])
            return read_every_way(path)

        def one_of_the_corpus(index: int) -> str:
            _, _, suffix, content = damaged(index, sound)
            path = Path(folder) / f"{index}.{suffix}"
            path.write_bytes(content)
            return read_every_way(path)

        corpus = [functools.partial(one_of_the_corpus, index) for index in range(first, last)]
        for jobs in (corpus, [functools.partial(only_read, path) for path in paths]):
            results = in_children([usual, *jobs])  # children of their own, whose peak is theirs
            before = next(results)["mib"]
            for result in results:
                print(json.dumps(result | {"mib": max(0, result["mib"] - before)}), flush=True)


def read_in_children(first: int, last: int, paths: list[Path] | tuple = ()) -> list[dict]:
    """What became of files `first` to `last` of the corpus and of `paths`, read in another process, and its peak so far."""
    if sys.platform != "linux":
        pytest.skip("processes that may crash, and their memory, are counted on Linux only")
    command = [sys.executable, __file__, str(first), str(last), *map(str, paths)]
    with processes_forked():
        done = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parent.parent)
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(rows) == last - first + len(paths)
    sound = pictures()
    for index, row in zip(range(first, last), rows):
        row["index"], (row["name"], row["what"], _, _) = index, damaged(index, sound)
    return rows


def told(row: dict) -> str:
    """What a child printed that is ours: libtiff, the C library inside Pillow, adds lines of its own that nothing stops."""
    tiff = row.get("name", "").startswith("TIFF")
    lines = row["printed"].splitlines()
    return "\n".join(line for line in lines if not (tiff and re.fullmatch(r"[\w.]+: [ -~]+", line)))


def corpus_figures(rows: list[dict]) -> dict:
    """The counts of damaged files that were read in children; fails with the list of what went wrong."""
    bound = MAX_MEMORY / 2**20
    wrong = [
        f"{row['index']} ({row['name']}, {row['what']}): {row['outcome']}, {row['mib']:.0f} MiB {told(row)}"
        for row in rows
        if row["outcome"] not in (READ, REFUSED) or told(row) or row["mib"] >= bound
    ]
    assert not wrong, "\n".join(wrong)
    formats, outcomes = {}, Counter(row["outcome"] for row in rows)
    for row in rows:
        formats.setdefault(row["name"].split()[0], Counter())[row["outcome"]] += 1
    return {
        "files": len(rows),
        "refused": outcomes[REFUSED],
        "read": outcomes[READ],
        "wrong_exceptions": outcomes[WRONG],
        "crashes": outcomes[CRASH],
        "hangs": outcomes[HANG],
        "peak_mib": round(max(row["mib"] for row in rows)),
        "bound_mib": round(bound),
        "by_format": {kind: dict(counts) for kind, counts in formats.items()},
    }


# Damaged files


@pytest.fixture(scope="module")
def few(tmp_path_factory) -> tuple[list[dict], dict[str, tuple[Path, str, dict]]]:
    """What became of 150 damaged files, and of each bomb and odd entry: name -> (path, expected words, result)."""
    folder = tmp_path_factory.mktemp("hostile")
    expected = odd_entries(folder)
    for name, (suffix, content, words) in bombs().items():
        expected[name] = (folder / f"{name}.{suffix}", words)
        expected[name][0].write_bytes(content)
    rows = read_in_children(0, 150, [path for path, _ in expected.values()])
    results = zip(expected.items(), rows[150:], strict=True)
    return rows[:150], {name: (*entry, row) for (name, entry), row in results}


def test_150_damaged_files_are_read_or_refused_with_one_sentence_and_nothing_crashes_or_hangs(few):
    figures = corpus_figures(few[0])
    assert figures["files"] == 150
    assert figures["refused"] > 40 and figures["read"] > 30, (
        "the damage is too weak or too strong to show anything"
    )


@pytest.mark.long
def test_a_crash_a_hang_and_a_wrong_exception_would_be_seen():
    """The watch over the damaged files works: three jobs that misbehave, between two that do not."""
    program = """
import os, json, test_faults_images as t
t.SECONDS = 2
def hang():
    while True: pass
jobs = [lambda: "read", lambda: os.kill(os.getpid(), 11), hang, lambda: 1 / 0, lambda: print("noise") or "refused"]
print(json.dumps(list(t.in_children(jobs))))
"""
    command = [sys.executable, "-c", program]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), os.getcwd()])}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    rows = json.loads(done.stdout)
    assert [row["outcome"] for row in rows] == [READ, CRASH, HANG, WRONG, REFUSED]
    assert "ZeroDivisionError" in rows[3]["printed"] and rows[4]["printed"] == "noise\n"


@pytest.mark.long
def test_20_000_damaged_files_are_read_or_refused_with_one_sentence_and_nothing_crashes_or_hangs():
    figures = corpus_figures(read_in_children(0, 20_000))
    assert figures["files"] == 20_000
    for kind, counts in figures["by_format"].items():
        assert counts[REFUSED] and counts[READ], (
            f"{kind}: the damage is too weak or too strong to show anything"
        )
    records.record("images", **figures)


@pytest.mark.long
def test_the_largest_pictures_are_read_and_take_less_memory_than_the_stated_bound(tmp_path):
    paths = {}
    for name, (suffix, content) in largest_pictures().items():
        paths[name] = tmp_path / f"{name.replace(';', '')}.{suffix}"
        paths[name].write_bytes(content)
    rows = {name: read_in_children(0, 0, [path])[0] for name, path in paths.items()}
    peaks = {name: round(row["mib"]) for name, row in rows.items()}
    assert {row["outcome"] for row in rows.values()} == {READ}, rows
    assert max(peaks.values()) * 2**20 < MAX_MEMORY and min(peaks.values()) > 300, peaks
    records.record("images_memory", pixels=MAX_PIXELS, bound_mib=MAX_MEMORY // 2**20, peak_mib_by_type=peaks)


BOMBS = [
    "PNG of 30,000 x 30,000 zeros",
    "PNG of 13,000 x 13,000 zeros",
    "PNG that says four billion",
    "JPEG that says 65,500 x 65,500",
    "JPEG of 10,000 passes",
    "GIF with a canvas of 65,535",
    "GIF with a frame of 65,535",
    "BMP that says 2 billion",
    "TIFF of 4 billion columns",
    "TIFF of 2 billion columns",
    "TIFF with a tile of 1,000,000 px",
    "WEBP with a canvas of 16,383",
    "PPM that says 100,000 x 100,000",
    "TGA of 65,535 x 65,535",
    "PNG with 100 MB of text",
    "PNG with 100 MB of text in iTXt",
    "PNG with a profile of 100 MB",
]
ODD = ["empty file", "folder", "pipe", "socket", "link to nothing", "link to itself", "link to /dev/zero"]
ODD += ["link to a name too long", "file of 1 TiB", "file of zeros", "text", "nothing at all"]


@pytest.mark.parametrize("name", [*BOMBS, *ODD])
def test_a_bomb_or_an_odd_entry_is_refused_with_one_sentence_before_it_takes_time_or_memory(few, name):
    path, words, row = few[1][name]
    assert row["outcome"] == REFUSED, row
    text = row["printed"].rstrip("\n")
    assert words in text and str(path) in text and "\n" not in text
    assert row["mib"] < 300, "it was unpacked before it was refused"


def test_every_bomb_and_every_odd_entry_is_tried(few):
    assert sorted(few[1]) == sorted([*BOMBS, *ODD])


def test_of_odd_entries_only_files_are_listed(tmp_path):
    folder = tmp_path / "odd"
    folder.mkdir()
    entries = odd_entries(folder)
    files = {"empty file", "file of 1 TiB", "file of zeros", "text"}
    assert list_images(folder) == sorted(entries[name][0] for name in files)
    (folder / "sound.jpg").write_bytes(pictures()["JPEG RGB"][1])
    pictures_of = ImageFolder(folder, 16, on_bad_image="skip")
    assert [path.name for path in pictures_of.paths] == ["sound.jpg"] and len(pictures_of.skipped) == 4


def test_where_memory_runs_out_the_sentence_says_so(tmp_path):
    resource = pytest.importorskip("resource", reason="Windows has no limit for the memory of a process")
    if sys.platform != "linux":
        pytest.skip("only Linux keeps this limit")
    (tmp_path / "large.png").write_bytes(png_of_zeros(9000, 9000))
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    held = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (held + 200 * 2**20, hard))
    try:
        with refused(DataError, tmp_path / "large.png", "does not fit into memory"):
            read_image(tmp_path / "large.png")
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
    assert read_image(tmp_path / "large.png").size == (9000, 9000)


def test_every_picture_cut_off_anywhere_is_read_or_refused(tmp_path):
    rng = random.Random(3)
    outcomes = Counter()
    for name, (suffix, content) in pictures().items():
        path = tmp_path / f"cut.{suffix}"
        path.write_bytes(content)
        assert read_every_way(path) == READ, f"{name} is not sound"
        for length in sorted(
            {1, 2, 3, 8, len(content) - 1, *(rng.randrange(len(content)) for _ in range(12))}
        ):
            path.write_bytes(content[:length])
            with warnings.catch_warnings(record=True) as said:
                warnings.simplefilter("always")
                outcomes[outcome := read_every_way(path)] += 1
            seen = outcome == READ or suffix not in ("jpg", "png", "webp") or unreadable([path])
            assert seen, f"{name} cut off after {length} bytes is not seen at a glance"
            assert not said, f"{name} cut off after {length} bytes: {said[0].message}"
    assert outcomes[REFUSED] > 500 and outcomes[READ] > 20, outcomes


@pytest.mark.parametrize("name", list(pictures()))
def test_the_suffix_does_not_matter_the_content_does(tmp_path, name):
    suffix, content = pictures()[name]
    right, wrong = tmp_path / f"x.{suffix}", tmp_path / ("y.png" if suffix != "png" else "y.jpg")
    right.write_bytes(content)
    wrong.write_bytes(content)
    assert read_image(right, RANGE).tobytes() == read_image(wrong, RANGE).tobytes()


def test_a_postscript_file_with_the_name_of_a_picture_starts_no_program(tmp_path, monkeypatch):
    """Pillow hands such a file to Ghostscript, another program, to decode it; here that program leaves a mark."""
    eps, mark = tmp_path / "x.png", tmp_path / "ran"
    eps.write_bytes(packed(noise("RGB", (8, 8), 0), "EPS"))
    program = tmp_path / "gs"
    program.write_text(f"#!/bin/sh\ntouch '{mark}'\n")
    program.chmod(0o755)
    monkeypatch.setattr(EpsImagePlugin, "gs_binary", str(program))
    with refused(DataError, eps, "not a picture"):
        read_image(eps)
    assert not mark.exists()
    with contextlib.suppress(Exception):
        Image.open(eps).load()
    assert mark.exists() or sys.platform == "win32", (
        "this test proves nothing: Pillow alone starts no program either"
    )


@contextlib.contextmanager
def as_nobody():
    """Not root, for whom every file is open."""
    if not hasattr(os, "geteuid"):
        pytest.skip("Windows keeps permissions otherwise")
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(user)


def test_a_file_and_a_folder_that_may_not_be_read(tmp_path):
    for folder in [tmp_path, *tmp_path.parents]:
        if folder == Path(tempfile.gettempdir()):
            break
        folder.chmod(0o755)
    locked, folder = tmp_path / "locked.png", tmp_path / "folder"
    noise("RGB", (20, 20), 0).save(locked)
    folder.mkdir()
    noise("RGB", (20, 20), 0).save(folder / "x.png")
    (tmp_path / "way.png").symlink_to(folder / "x.png")
    noise("RGB", (20, 20), 0).save(tmp_path / "sound.png")
    locked.chmod(0)
    folder.chmod(0)
    try:
        with as_nobody():
            with refused(DataError, locked, "Permission denied", "replace or remove it"):
                read_image(locked)
            with refused(DataError, folder, "Permission denied", "check the path"):
                list_images(folder)
            with refused(DataError, folder / "x.png", "Permission denied"):
                read_image(folder / "x.png")
            assert [path.name for path in ImageFolder(tmp_path, 16, "skip").paths] == ["sound.png"]
    finally:
        folder.chmod(0o755)
        locked.chmod(0o644)


def test_a_folder_that_is_not_there_or_is_a_file_cannot_be_listed(tmp_path):
    (tmp_path / "file").touch()
    for path in (tmp_path / "nowhere", tmp_path / "file"):
        with refused(DataError, "cannot list the folder", path):
            list_images(path)


# Metadata

NONSENSE = {
    "no EXIF at all": b"",
    "only a name": b"Exif\0\0",
    "random bytes": b"Exif\0\0" + random.Random(0).randbytes(200),
    "no TIFF header": b"Exif\0\0MM\0\x01\0\0\0\x08\0\x01",
    "a directory far behind the end": b"Exif\0\0II*\0\xff\xff\xff\xff",
    "a directory in itself": b"Exif\0\0II*\0\x08\0\0\0\x01\0\x69\x87\x04\0\x01\0\0\0\x08\0\0\0\x08\0\0\0",
    "an orientation of 4 billion": b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x04\0\x01\0\0\0\xff\xff\xff\xff\0\0\0\0",
    "an orientation that is text": b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x02\0\x04\0\0\0up!\0\0\0\0\0",
    "an orientation of 0 by 0": b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x05\0\x01\0\0\0\x1a\0\0\0\0\0\0\0"
    + bytes(8),
    "orientations by the thousand": b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\xff\xff\0\0\x08\0\0\0\0\0\0\0",
}


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("name", list(NONSENSE))
def test_nonsense_in_the_exif_block_does_not_spoil_a_sound_picture(tmp_path, kind, name):
    image = noise("RGB", (20, 12), 0)
    options = {"lossless": True} if kind == "WEBP" else {}
    (tmp_path / "plain").write_bytes(packed(image, kind, **options))
    (tmp_path / "exif").write_bytes(packed(image, kind, exif=NONSENSE[name], **options))
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        assert read_image(tmp_path / "exif").tobytes() == read_image(tmp_path / "plain").tobytes()
    assert not said


# The same files by other routes: the check, the faces, the app, the command


def test_the_check_of_a_folder_names_the_bombs_and_the_odd_entries_on_lines_of_their_own(tmp_path):
    folder, other = tmp_path / "odd", tmp_path / "other"
    folder.mkdir()
    other.mkdir()
    entries = odd_entries(folder)
    for name, (suffix, content, _) in bombs().items():
        (folder / f"{name}.{suffix}").write_bytes(content)
    named(folder, "terminal").write_text("no picture")
    noise("RGB", (20, 20), 0).save(other / "x.png")
    with warnings.catch_warnings(record=True) as said:
        report = check_two_folders(folder, other)
    assert not said and all(line.isprintable() for line in report.lines)
    bad = {*list_images(folder)}
    assert set(report.unreadable) == bad and len(bad) == len(BOMBS) + 5
    assert report.unreadable[entries["file of 1 TiB"][0]] == "the file is larger than 512 MiB"


def test_faces_among_bombs_and_odd_entries_are_found(tmp_path):
    (tmp_path / "odd").mkdir()
    odd_entries(tmp_path / "odd")
    for i in range(40):
        noise("RGB", (20, 20), i).save(tmp_path / f"{i}.png")
    domains = load_domains(f"face_restoration:{tmp_path}", 16, on_bad_image="skip")
    assert sum("skipped" in note for note in domains.notes) == 4 and len(domains.train_a) >= 4


@pytest.mark.parametrize("name", list(NONSENSE))
def test_the_check_reads_what_the_training_reads_whatever_the_exif_block_says(tmp_path, name):
    (tmp_path / "x.png").write_bytes(packed(noise("RGB", (20, 12), 0), "PNG", exif=NONSENSE[name]))
    (look,), _ = look_at_all([tmp_path / "x.png"])
    assert look.size == (20, 12)


def test_an_uploaded_bomb_or_damaged_file_is_refused_by_the_app_without_a_warning():
    sound = pictures()
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        for suffix, content, _ in bombs().values():
            with refused(DataError, "cannot read the picture \\x1b[2J." + suffix, "upload another"):
                read_upload(f"\x1b[2J.{suffix}", content)
        for index in range(200):
            attempt(lambda: read_upload("x", damaged(index, sound)[3]))
    assert not said


def test_a_path_too_long_for_the_system_or_with_escapes_is_one_sentence(tmp_path):
    model, picture = CycleGAN(tiny_config()).eval(), tmp_path / "x.png"
    noise("RGB", (16, 16), 0).save(picture)
    long = "x" * 300
    for use in (load_domains, check_folder):
        for path in (long, f"face_restoration:{long}", "\x1b[2J\n"):
            with pytest.raises(DataError) as error:
                use(path, 16)
            assert str(error.value).isprintable()
    for out in (tmp_path / long, tmp_path / f"{long}.png", tmp_path / "\x1b[2J" / "x.webp" / "y"):
        (tmp_path / "\x1b[2J").mkdir(exist_ok=True)
        (tmp_path / "\x1b[2J" / "x.webp").touch()
        with pytest.raises(RunError) as error:
            translate_files(model, [picture], out)
        assert str(error.value).isprintable()


@pytest.mark.parametrize("suffix", ["webp", "gif", "tga", "jpg", "blp", "h5"])
def test_a_result_that_its_type_cannot_hold_is_one_sentence_and_leaves_nothing(tmp_path, suffix):
    path = tmp_path / f"x.{suffix}"
    with refused(RunError, path, "use .png"):
        save_picture(Image.new("RGB", (70_000, 1)), path)
    assert not list(tmp_path.iterdir())


def test_a_picture_too_large_for_the_memory_to_translate_is_one_sentence(tmp_path):
    """The generator needs about a kilobyte for each pixel; here it gets less."""
    resource = pytest.importorskip("resource", reason="Windows has no limit for the memory of a process")
    if sys.platform != "linux":
        pytest.skip("only Linux keeps this limit")
    model = CycleGAN(tiny_config(base_channels=16)).eval()
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    held = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (held + 300 * 2**20, hard))
    try:
        with refused(DataError, "3000 x 2000 px", "make it smaller"):
            model.translate(np.zeros((2000, 3000, 3), np.uint8))
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


# Hypothesis: pictures and arrays of every kind

DRAWN = settings(derandomize=True, database=None, deadline=None, max_examples=60)
MODES = ["1", "L", "LA", "La", "P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr", "LAB", "HSV"]
MODES += ["I", "F", "I;16", "I;16L", "I;16B", "I;16N"]


@st.composite
def images(draw, modes=tuple(MODES), least: int = 1) -> Image.Image:
    """A PIL image of any mode, from nothing to long and thin, of any bytes, perhaps with an orientation of any value."""
    long, short = draw(st.integers(least, 400)), draw(st.integers(least, 5))
    size = draw(st.sampled_from([(long, short), (short, long), (short, short)]))
    mode = draw(st.sampled_from(modes))
    image = Image.new(mode, size)
    n = len(image.tobytes()) if 0 not in size else 0
    if n:
        image.frombytes(random.Random(draw(st.integers(0, 99))).randbytes(n))
    if mode in ("P", "PA"):
        image.putpalette(random.Random(1).randbytes(768))
    if draw(st.booleans()):
        image.info["transparency"] = draw(
            st.one_of(st.integers(0, 255), st.binary(max_size=9), st.just((1, 2, 3)))
        )
    if draw(st.booleans()):
        values = st.one_of(
            st.integers(0, 9), st.integers(), st.text(max_size=3), st.binary(max_size=3), st.none()
        )
        image.getexif()[0x0112] = draw(values)
    return image


@DRAWN
@given(images(least=0), st.sampled_from([None, RANGE, (-3e38, 3e38)]))
def test_any_pil_image_becomes_a_batch_or_is_refused(image, value_range):
    size, before = image.size, image.tobytes() if 0 not in image.size else b""
    orientation = image.getexif().get(0x0112)
    result = attempt(lambda: as_batch(image, value_range))
    if isinstance(result, DataError):
        refused_modes = ("LAB", "La", "RGBa", "I;16N", "F") + (("I",) if value_range is None else ())
        assert 0 in size or image.mode in refused_modes or "transparency" in image.info, result
        return
    batch, restore = result
    turned = orientation in (5, 6, 7, 8)
    assert batch.shape == (1, 3, *(size if turned else size[::-1]))
    assert batch.dtype == torch.float32 and float(batch.abs().max()) <= 1
    assert restore(batch).size == (size[::-1] if turned else size)
    assert image.size == size and (image.tobytes() if 0 not in size else b"") == before, (
        "the caller's picture changed"
    )


@DRAWN
@given(images(modes=("1", "L", "LA", "P", "RGB", "RGBA", "I;16")), st.integers(0, 9))
def test_any_picture_saved_with_any_orientation_is_read_upright(tmp_path_factory, image, orientation):
    path = tmp_path_factory.mktemp("drawn") / "x.png"
    exif = Image.Exif()
    exif[0x0112] = orientation
    image.info.pop("transparency", None)
    image.save(path, exif=exif)
    plain = path.with_name("plain.png")
    image.save(plain)
    expected = read_image(plain)
    turns = {2: 0, 3: 3, 4: 1, 5: 5, 6: 4, 7: 6, 8: 2}  # orientation: number of Pillow's transposition
    if orientation in turns:
        expected = expected.transpose(turns[orientation])
    found = read_image(path)
    assert found.size == expected.size and found.tobytes() == expected.tobytes()


KINDS_OF_NUMBER = [
    "uint8",
    "int8",
    "uint16",
    "int64",
    "float16",
    "float32",
    "float64",
    ">f4",
    "complex64",
    "bool",
    "object",
]
KINDS_OF_NUMBER += ["U3", "S2", "M8[s]", "longdouble"]


@st.composite
def arrays(draw) -> np.ndarray:
    """An array of any type and shape, of zeros, ones, numbers in or out of the range, or no numbers."""
    shape = draw(st.lists(st.sampled_from([0, 1, 2, 3, 4, 17]), max_size=5))
    values = np.full(shape, draw(st.sampled_from([0, 1, 0.5, -1, 200, float("nan"), float("inf")])))
    with np.errstate(all="ignore"), warnings.catch_warnings(action="ignore"):
        values = values.astype(draw(st.sampled_from(KINDS_OF_NUMBER)))
    return values[::-1] if values.ndim and draw(st.booleans()) else values


@DRAWN
@given(arrays())
def test_any_array_becomes_a_batch_or_is_refused(array):
    fits = array.ndim == 2 or (array.ndim == 3 and array.shape[2] in (3, 4))
    right = array.dtype == np.uint8 or (
        array.dtype.kind == "f" and array.size and bool(((array >= 0) & (array <= 1)).all())
    )
    result = attempt(lambda: as_batch(array))
    assert isinstance(result, DataError) == (not (fits and array.size and right))
    if not isinstance(result, DataError):
        batch, restore = result
        assert batch.shape == (1, 3, *array.shape[:2]) and float(batch.abs().max()) <= 1
        back = restore(batch)
        assert back.dtype == array.dtype and back.shape == (*array.shape[:2], 3)


@pytest.mark.parametrize(
    "picture",
    [
        np.broadcast_to(np.uint8(7), (100_000, 100_000, 3)),
        np.broadcast_to(np.float32(0.5), (100_000, 100_000)),
        torch.zeros(1).expand(3, 100_000, 100_000),
        Image.new("1", (20_000, 20_000)),
    ],
    ids=["array", "array of fractions", "tensor", "PIL image"],
)
def test_a_huge_picture_in_a_few_bytes_is_refused_before_it_is_copied(picture):
    with refused(DataError, "more than 100 million pixels", "scaled down"):
        as_batch(picture)


@pytest.mark.parametrize(
    "tensor",
    [
        torch.zeros(3, 8, 8, device="meta"),
        torch.zeros(3, 8, 8).to_sparse(),
        torch.zeros(3, 8, 8, dtype=torch.complex64),
        torch.zeros(3, 8, 8, dtype=torch.bool),
        torch.zeros(2, 0, 3, 8, 8),
        torch.tensor(0.0),
    ],
    ids=["meta", "sparse", "complex", "bool", "five axes", "a number"],
)
def test_tensors_of_the_rarer_kinds_are_refused(tensor):
    with refused(DataError, "a tensor must be float"):
        as_batch(tensor)


def test_tensors_of_8_bit_fractions_are_taken():
    values = torch.tensor([-1.0, 0.0, 0.5]).view(3, 1, 1).expand(3, 4, 4).to(torch.float8_e4m3fn)
    batch, restore = as_batch(values)
    assert batch.dtype == torch.float32 and torch.equal(batch[0], values.float())
    assert restore(batch).dtype == values.dtype


# Sizes


@pytest.mark.parametrize("size", [(1, 1), (10_000, 3), (3, 10_000), (1, 65_000)], ids=str)
def test_a_picture_of_any_shape_is_trained_on_and_translated(tmp_path, size):
    noise("RGB", size, 0).save(tmp_path / "x.png")
    assert read_image(tmp_path / "x.png").size == size
    folder = ImageFolder(tmp_path, 16)
    assert folder[[0]].shape == (1, 3, 16, 16) and folder.enlarged == {tmp_path / "x.png"}
    torch.manual_seed(0)
    assert CycleGAN(tiny_config()).eval().translate(tmp_path / "x.png").size == size


# File names

NAMES = {
    "new line": b"two\nlines",
    "terminal": b"\x1b]0;owned\x07\x1b[2J\x1b[31m",
    "carriage return": b"good.png\rbad",
    "right to left": "تجربة שלום".encode(),
    "turned round": "\u202egnp.exe".encode(),
    "emoji": "👩\u200d🚀 🇪🇺".encode(),
    "other scripts": "日本語 Ελληνικά ภาษา नमस्ते".encode(),
    "no text at all": b"\xff\xfe\x80",
    "line separator": "a\u2028b".encode(),
    "spaces and quotes": b" a 'b' \"c\" $(d) `e` %s {f} <g> & \\h",
    "long": b"n" * 251,
}


def named(folder: Path, name: str) -> Path:
    path = folder / os.fsdecode(NAMES[name] + b".png")
    try:
        path.touch()
    except OSError:
        pytest.skip("this file system refuses the name")
    return path


@pytest.mark.parametrize("name", list(NAMES))
def test_a_picture_of_any_name_is_listed_read_and_translated(tmp_path, name):
    (tmp_path / "in").mkdir()
    path = named(tmp_path / "in", name)
    noise("RGB", (16, 16), 0).save(path, "PNG")
    assert list_images(tmp_path / "in") == [path] and read_image(path).size == (16, 16)
    assert len(ImageFolder(tmp_path / "in", 16)) == 1
    if name != "long":  # its temporary file would need a longer name than the file system takes
        torch.manual_seed(0)
        (written,) = translate_files(CycleGAN(tiny_config()).eval(), [path], tmp_path / "out")
        assert written.name == path.name and read_image(written).size == (16, 16)


@pytest.mark.parametrize("name", list(NAMES))
def test_a_bad_picture_of_any_name_is_named_on_one_line_that_any_screen_can_show(tmp_path, name):
    path = named(tmp_path, name)
    path.write_text("no picture")
    (tmp_path / "sound.png").write_bytes(pictures()["PNG RGB"][1])
    with pytest.raises(DataError) as error:
        read_image(path)
    skipped = ImageFolder(tmp_path, 16, on_bad_image="skip").skipped
    assert skipped == [str(error.value)]
    text = skipped[0]
    assert text.splitlines() == [text] and text.replace("\u200d", "").isprintable()
    assert text.encode("utf-8") and "not a picture" in text
    plain = path.name.isprintable()
    assert (path.name in text) == (plain or name == "emoji"), "a harmless name must be shown as it is"
    lines = []
    model = CycleGAN(tiny_config()).eval()
    translate_files(
        model, [path, tmp_path / "sound.png"], tmp_path / "out", on_bad_image="skip", say=lines.append
    )
    assert lines == [f"skipped: {text}"] and [p.name for p in (tmp_path / "out").iterdir()] == ["sound.png"]


def test_the_command_shows_no_escape_sequence_from_a_file_name(tmp_path, checkpoint):
    (tmp_path / "in").mkdir()
    named(tmp_path / "in", "terminal").write_text("no picture")
    noise("RGB", (16, 16), 0).save(tmp_path / "in" / "sound.png")
    arguments = [str(checkpoint), str(tmp_path / "in"), "-o", str(tmp_path / "out"), "--device", "cpu"]
    result = CliRunner().invoke(translate, [*arguments, "--on-bad-image", "skip"])
    assert (
        result.exit_code == 0 and "1 of 2 images" in result.output and "\\x1b]0;owned\\x07" in result.output
    )
    assert "\x1b" not in result.output and "\x07" not in result.output


# Training


def half_damaged(folder: Path, damage: bool) -> Path:
    """A data set of six intact pictures in each part, and between them, if wanted, eight files of the corpus that are refused."""
    make_folder(folder, n=6)
    sound = pictures()
    for k, part in enumerate(("trainA", "trainB", "testA", "testB") if damage else ()):
        added, index = 0, 1000 * k
        while added < 8:
            _, _, suffix, content = damaged(index, sound)
            path = folder / part / f"{added % 6}-bad{added}.{suffix}"
            path.write_bytes(content)
            index += 1
            try:
                read_image(path, RANGE)
                path.unlink()
            except DataError:
                added += 1
    return folder


def weights(trainer) -> dict[str, torch.Tensor]:
    return trainer.model.state_dict()


@pytest.mark.parametrize("budget", [2 * 1024**3, 0], ids=["in memory", "read again each time"])
def test_training_goes_on_without_the_bad_files_to_the_same_weights_as_if_they_were_not_there(
    tmp_path, monkeypatch, budget
):
    monkeypatch.setattr(ImageFolder.__init__, "__defaults__", ("refuse", budget, None))
    clean, mixed = half_damaged(tmp_path / "clean", False), half_damaged(tmp_path / "mixed", True)
    with pytest.raises(DataError, match="cannot read the picture .*bad"):
        load_folder(mixed, 16)
    expected = load_folder(clean, 16)
    domains = load_folder(mixed, 16, on_bad_image="skip")
    assert (domains.train_a.pictures is None) == (budget == 0)
    skipped = [note for note in domains.notes if note.startswith("skipped: cannot read")]
    assert len(skipped) == 32
    listed = {path.name for path in mixed.rglob("*bad*")}
    assert {name for note in domains.notes for name in listed if name in note} == listed
    assert not domains.paired and "too few" in domains.notes[-1]
    assert len(domains.train_a) == len(domains.test_a) == 6
    one = tiny_run(tmp_path / "run-clean", expected, data=str(clean))
    other = tiny_run(tmp_path / "run-mixed", domains, data=str(clean))
    assert one.step == other.step == 6
    for name, value in weights(one).items():
        assert torch.equal(value, weights(other)[name]), f"{name} differs"


@pytest.mark.parametrize("how", ["damaged", "removed", "a pipe"])
def test_a_picture_that_becomes_bad_during_the_run_ends_it_with_its_name_and_the_checkpoint_whole(
    tmp_path, how
):
    folder = make_folder(tmp_path / "noise", n=2)
    parts = [
        ImageFolder(folder / part, 16, memory_budget=0) for part in ("trainA", "trainB", "testA", "testB")
    ]
    bad = folder / "trainA" / "1.png"
    sound = bad.read_bytes()

    class Spoiler:
        """Asked before every step whether to stop: it never does, but after the third checkpoint it spoils the file."""

        asked = 0

        def is_set(self) -> bool:
            self.asked += 1
            if self.asked == 4:
                bad.unlink()
                if how == "damaged":
                    bad.write_bytes(bytes(100))
                elif how == "a pipe":
                    os.mkfifo(bad)
            return False

    domains, ahead = Domains(*parts, True, []), 2 * THREADS
    steps = 9 + ahead
    with refused(DataError, bad):
        tiny_run(tmp_path / "run", domains, steps=steps, batch_size=1, checkpoint_every=1, stop=Spoiler())
    step = read_checkpoint(tmp_path / "run" / "last.pt")["step"]
    # The batches ahead had been read; then it came at once, or after the other picture, once or twice
    assert 3 <= step <= 5 + ahead
    bad.unlink(missing_ok=True)
    bad.write_bytes(sound)
    mended = tiny_run(tmp_path / "run", domains, steps=steps, batch_size=1, resume=True)
    undisturbed = tiny_run(tmp_path / "other", domains, steps=steps, batch_size=1)
    for name, value in weights(undisturbed).items():
        assert torch.equal(value, weights(mended)[name]), f"{name} differs"


def test_ten_thousand_files_in_one_folder_are_listed_and_training_starts(tmp_path):
    folder = make_folder(tmp_path / "noise", n=3, size=(4, 4))
    for i in range(10_000):
        os.link(folder / "testA" / f"{i % 3}.png", folder / "trainA" / f"{i:05d}.png")
    assert len(list_images(folder / "trainA")) == 10_003
    domains = load_folder(folder, 16)
    assert len(domains.train_a) == 10_003
    assert tiny_run(tmp_path / "run", domains, steps=2).step == 2


if __name__ == "__main__":
    worker(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])
