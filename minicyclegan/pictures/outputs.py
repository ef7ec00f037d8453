"""Where translations go: a name for each that no other has, the folders of the pictures kept, other sizes and back."""

import contextlib
import math
import os
import unicodedata
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from PIL import Image

from minicyclegan.errors import DataError, ParameterError, RunError, printable
from minicyclegan.pictures.folders import LITTER, list_images
from minicyclegan.pictures.formats import MAX_PIXELS, formats, know_all_formats
from minicyclegan.pictures.prefetch import no_warnings

SMALLEST = 16  # px of the shorter side at which a picture can be translated
FAR = 3  # times as large as the training pictures, or as small


def folders_below(folder: str | Path, but: str | Path) -> list[Path]:
    """A folder and all folders within it, by name, without hidden ones, those that links lead to, and `but`.

    Raises DataError for a folder that cannot be listed.
    """

    def refuse(error: OSError) -> None:
        raise DataError(
            f"cannot list the folder {error.filename}: {error.strerror}; check its permissions"
        ) from error

    found = []
    for place, names, _ in os.walk(folder, onerror=refuse):
        found.append(Path(place))
        names[:] = sorted(
            name
            for name in names
            if not name.startswith(".")
            and name.lower() not in LITTER
            and os.path.realpath(Path(place) / name) != os.path.realpath(but)
        )
    return found


def images_in(folders: list[Path]) -> list[Path]:
    return [path for folder in folders for path in list_images(folder)]


def as_file(out: str | Path, single: bool) -> bool:
    """Whether `out` is the file for a single picture, and not the folder for some. Raises RunError where it seems to be a file of a
    type that cannot be written.
    """
    suffix = Path(out).suffix
    if not single or not suffix or os.path.isdir(out) or str(out).endswith(("/", os.sep)):
        return False
    know_all_formats()
    if Image.registered_extensions().get(suffix.lower()) in Image.SAVE:
        return True
    raise RunError(
        f"{out} does not end in a type of picture that can be written; use .png, or {Path(out)}{os.sep} if it is to be a folder"
    )


def alike(path: Path) -> str:
    """Equal for names that some file systems, such as those of macOS and Windows, take for the same."""
    return unicodedata.normalize("NFC", str(path)).casefold()


def result_paths(paths: list[Path], out: Path, root: Path | None = None) -> tuple[list[Path], str]:
    """The PNG file in the folder `out` for each picture, and a line about those that could not just be NAME.png, or "".

    a.jpg becomes a.png. Where that would also be the result of another, as of a.webp or A.jpg, only these get their
    old suffix as well: a.jpg.png and a.webp.png. Below `root` the folders are kept. Raises DataError where two have the
    same name.
    """
    folders = [out if root is None else out / path.parent.relative_to(root) for path in paths]
    short = [folder / f"{path.stem}.png" for folder, path in zip(folders, paths)]
    long = [folder / f"{path.name}.png" for folder, path in zip(folders, paths)]
    renamed = set()
    while True:  # a new name may be that of another result
        results = [long[i] if i in renamed else short[i] for i in range(len(paths))]
        counts = Counter(map(alike, results))
        more = {i for i, result in enumerate(results) if counts[alike(result)] > 1} - renamed
        if not more:
            break
        renamed |= more
    if len(set(results)) < len(results):
        raise DataError("two of the pictures have the same name; translate one folder at a time")
    line = ""
    if renamed:
        first = min(renamed)
        line = (
            f"{len(renamed)} pictures share their names, and keep their old endings: {paths[first].name} becomes {results[first].name}; "
            "the others become NAME.png"
        )
    return results, printable(line)


@contextlib.contextmanager
def all_or_nothing(results: list[Path]) -> Iterator[list[Path]]:
    """For a block that writes files, and says which by appending them to the list it gets: if it fails, they and new folders go.

    Raises RunError, before anything else happens, where one of the results exists.
    """
    for result in results:
        if os.path.lexists(result):
            raise RunError(f"{result} exists; choose another output")
    new_folders = {folder for result in results for folder in result.parents if not os.path.lexists(folder)}
    written = []
    try:
        yield written
    except BaseException:  # also after Ctrl-C: the next try must find the output free
        for result in written:
            result.unlink(missing_ok=True)
        for folder in sorted(new_folders, key=lambda folder: -len(folder.parts)):
            with contextlib.suppress(OSError):  # not there yet, or somebody else uses it by now
                folder.rmdir()
        raise


def require_size(size: int | None) -> None:
    """Raises ParameterError for a shorter side, in px, at which nothing can be translated; None is a picture's own."""
    if size is not None and (isinstance(size, bool) or not isinstance(size, int) or size < SMALLEST):
        raise ParameterError(f"size must be a whole number of px, at least {SMALLEST}, but it is {size!r}")


def at_size(image: Image.Image, size: int | None) -> Image.Image:
    """A picture whose shorter side is `size` px; itself for None. Raises DataError where that is too many pixels."""
    if size is None or size == min(image.size):
        return image
    width, height = (max(1, round(side * size / min(image.size))) for side in image.size)
    if width * height > MAX_PIXELS:
        raise DataError(
            f"a picture of {image.width} x {image.height} px would have {width} x {height} px at size {size}; choose a smaller one"
        )
    return image.resize((width, height), Image.Resampling.LANCZOS)


def shorter_sides(paths: list[Path]) -> list[int]:
    """The shorter side in px of each picture, by its header; those that cannot be opened are left to whoever reads them."""
    sides = []
    with no_warnings:
        for path in paths:
            try:
                with Image.open(path, formats=formats()) as image:
                    sides.append(min(image.size))
            except Exception:  # Pillow's plugins raise nearly anything on damaged files
                continue
    return sides


def far_from_training(sides: list[int], trained: int) -> str:
    """A line about pictures of a size far from that of the training pictures, by their shorter sides in px; "" where all are near."""
    far = [side for side in sides if not trained / FAR <= side <= trained * FAR]
    if not far:
        return ""
    extreme = max(far, key=lambda side: abs(math.log(side / trained)))
    larger = extreme > trained
    times = f"{max(extreme / trained, trained / extreme):.0f} times {'larger' if larger else 'smaller'}"
    if len(sides) == 1:
        which = f"this one has {extreme} px (its shorter side)"
    else:
        number = (
            f"all {len(sides)} pictures" if len(far) == len(sides) else f"{len(far)} of these {len(sides)}"
        )
        which = f"{number} are far from that, {'up' if larger else 'down'} to {extreme} px (the shorter side)"
    return (
        f"these weights were trained on pictures of {trained} px; {which}, where things are {times} than those they learned "
        f"to change; try --size {2 * trained if larger else trained}"
    )
