"""Folders of pictures: what is in them, what is left out of them, and what to do where there is nothing."""

import os
from collections import Counter
from itertools import islice
from pathlib import Path

from minicyclegan.errors import DataError, printable
from minicyclegan.pictures.formats import reason_of, suffixes

PARTS = ("trainA", "trainB", "testA", "testB")  # the folders of a data set
LITTER = {"thumbs.db", "ehthumbs.db", "desktop.ini", "__macosx", "@eadir"}  # of systems
RAW = (".3fr", ".arw", ".cr2", ".cr3", ".dng", ".nef", ".orf", ".pef", ".raf", ".raw", ".rw2", ".sr2", ".srw")
ADVICE = {
    **dict.fromkeys((".heic", ".heif", ".hif"), 'to read them: pip install "minicyclegan[heic]"'),
    **dict.fromkeys(RAW, "develop them as JPEG or PNG"),
    **dict.fromkeys((".dcm", ".dicom"), "convert them to TIFF, with their own numbers"),
    **dict.fromkeys((".nii", ".mha", ".nrrd"), "save their slices as TIFF, with their own numbers"),
    **dict.fromkeys(
        (".npy", ".npz", ".mat", ".h5", ".hdr", ".exr"), "save them as TIFF, with their own numbers"
    ),
    **dict.fromkeys((".psd", ".xcf", ".svg", ".eps", ".pdf", ".ai"), "export them as PNG"),
    **dict.fromkeys((".mp4", ".mov", ".avi", ".mkv"), "save their frames as pictures"),
    **dict.fromkeys((".zip", ".tar", ".gz", ".tgz", ".rar", ".7z"), "unpack them"),
}
MOST = 10_000  # files of inner folders that are counted


def list_images(folder: str | Path) -> list[Path]:
    """The picture files directly in `folder`, by name; hidden files, other types and links to nowhere are left out.

    Raises DataError for a folder that cannot be listed.
    """
    return sorted((path for path in entries_of(folder) if is_image(path)), key=lambda path: path.name)


def entries_of(folder: str | Path) -> list[Path]:
    """What lies directly in a folder. Raises DataError for one that cannot be listed."""
    try:
        return list(Path(folder).iterdir())
    except OSError as error:
        raise DataError(
            f"cannot list the folder {folder}: {reason_of(error)}; check the path and its permissions"
        ) from error


def is_image(path: Path) -> bool:
    """Whether a path has the name of a picture and is a file."""
    # os.path.isfile, because Path.is_file raises where a link leads to something that may not be looked at
    return path.suffix.lower() in suffixes() and not path.name.startswith(".") and os.path.isfile(path)


def images_below(folder: Path) -> int:
    """How many pictures are in a folder and the folders within it, at most MOST."""
    within = (Path(place) / name for place, _, names in os.walk(folder) for name in names)
    return sum(is_image(path) for path in islice(within, MOST))


def left_out(folder: str | Path, inner: str | None = "only what lies directly in the folder is used") -> str:
    """What `list_images` leaves out of a folder, counted by kind, with what to do: one line, empty where it is nothing.

    For instance `5 .heic (to read them: pip install "minicyclegan[heic]"), 2 folders with 31 pictures in them (...)`.
    `inner` stands in the last brackets; with None, inner folders do not count. Nor do hidden files and what systems leave
    behind, such as Thumbs.db. Raises DataError for a folder that cannot be listed.
    """
    kinds, folders = Counter(), []
    for path in entries_of(folder):
        if path.name.startswith(".") or path.name.lower() in LITTER or is_image(path):
            continue
        if os.path.isdir(path):
            folders += [path] if inner is not None else []
        else:
            name = path.suffix.lower() or "of no type"
            kinds[name if os.path.isfile(path) else "that are links to nowhere, or no files"] += 1
    found = [
        f"{n} {kind}" + (f" ({ADVICE[kind]})" if kind in ADVICE else "") for kind, n in kinds.most_common()
    ]
    if folders:
        n = sum(map(images_below, folders))
        count = "1 folder" if len(folders) == 1 else f"{len(folders)} folders"
        holds = (
            f"{n} {'picture' if n == 1 else 'pictures'} in {'it' if len(folders) == 1 else 'them'} ({inner})"
        )
        found.append(f"{count} with {holds}" if n else f"{count} without pictures")
    return printable(", ".join(found))


def no_folder(folder: str | Path) -> str:
    """The sentence for a part of a data set, such as X/trainA, that is not there: it names a folder nearby that has one."""
    folder = Path(folder)
    whole, part = folder.parent, folder.name
    if os.path.isdir(whole):
        below = (path.parent for pattern in (f"*/{part}", f"*/*/{part}") for path in whole.glob(pattern))
        for place in (whole.resolve().parent, *islice(below, 1)):
            if os.path.isdir(place / part):
                return f"there is no {part} in {whole}, but {place} has one; give {place}"
    return f"there is no folder {folder}; a data set needs trainA, trainB, testA and testB"


def no_image(folder: str | Path) -> str:
    """The sentence for a folder without a readable picture: it says what is there instead."""
    others = left_out(folder, inner="move them up into the folder")
    instead = f"it holds {others}" if others else "put some there (jpg, png, webp, tiff, ...)"
    return f"no readable picture in {folder}; {instead}"
