"""A look at the headers of many picture files: what will be done to them, and what will be left out."""

import os
from dataclasses import dataclass
from pathlib import Path

from minicyclegan.errors import DataError
from minicyclegan.pictures.folders import left_out, list_images, no_folder
from minicyclegan.pictures.formats import open_picture, require_file
from minicyclegan.pictures.prefetch import read_all
from minicyclegan.pictures.ranges import range_of_set
from minicyclegan.pictures.values import depth_of, has_transparency, surplus_bands


@dataclass
class Facts:
    """What the header of a picture file says: `values.depth_of`, `values.surplus_bands`, and whether it has transparency."""

    path: Path
    depth: str
    surplus: int
    transparent: bool


def facts_of(path: Path) -> Facts | None:
    """The facts of one file that is more than plain 8-bit colour; None for all others, and for one that cannot be opened."""
    try:
        with open(path, "rb") as file:
            head = file.read(2**14)
        # The two usual types are told from their first bytes, much faster than by Pillow
        if head.startswith(b"\xff\xd8"):  # JPEG has 8 bits and no transparency
            return None
        if head.startswith(b"\x89PNG") and head[24:25] != b"\x10":  # PNG of at most 8 bits
            transparent = head[25] in (4, 6) or b"tRNS" in head.partition(b"IDAT")[0]
            return Facts(path, "known", 0, True) if transparent else None
        require_file(path)
        with open_picture(path) as image:
            facts = Facts(path, depth_of(image), surplus_bands(image), has_transparency(image))
    except Exception:  # whoever reads it says what is wrong with it
        return None
    return facts if facts.depth != "known" or facts.surplus or facts.transparent else None


def facts_of_all(paths: list[Path]) -> list[Facts]:
    """The facts of those files that are more than plain 8-bit colour, in order."""
    shares = (paths[first : first + 50] for first in range(0, len(paths), 50))
    found = read_all(lambda share: [facts_of(path) for path in share], shares)
    return [facts for share in found for facts in share if facts is not None]


TRAINING = {"trainA": "A", "trainB": "B"}  # part: domain


def survey(
    parts: dict[str, list[Path]], value_range: str = "auto", training: dict[str, str] = TRAINING
) -> tuple[str, list[str]]:
    """What reading some pictures will do to them: the `value_range` of the set, and lines to say.

    `parts` has the files by the name of their part. `training` names the parts that decide the range, each with its
    domain. Raises DataError or ParameterError, as `range_of_set`.
    """
    facts = {name: facts_of_all(paths) for name, paths in parts.items()}
    deep = {
        training[name]: [(one.path, one.depth) for one in found if one.depth != "known"]
        for name, found in facts.items()
        if name in training
    }
    value_range, lines = range_of_set(value_range, deep)
    return value_range, lines + remarks(facts)


def remarks(facts: dict[str, list[Facts]]) -> list[str]:
    """What does not come through of the pictures of some parts: a line for each kind, none where all of it does."""
    lines = []
    for attribute, words in (
        ("surplus", "with bands beside red, green and blue (or grey), which are not used"),
        (
            "transparent",
            "with transparency, which becomes white (if that band is something else, save them without it)",
        ),
    ):
        found = {name: [one for one in many if getattr(one, attribute)] for name, many in facts.items()}
        counts = [
            f"{len(many)} in {name}, such as {many[0].path.name}" for name, many in found.items() if many
        ]
        if counts:
            lines.append(f"pictures {words}: {'; '.join(counts)}")
    return lines


def survey_folders(folders: dict[str, Path], value_range: str = "auto") -> tuple[str, list[str]]:
    """`survey` of the pictures in some folders, by the names of the parts, with what is left out of each folder.

    Raises DataError where there is no such folder.
    """
    for folder in folders.values():
        if not os.path.isdir(folder):
            raise DataError(no_folder(folder))
    value_range, lines = survey({name: list_images(folder) for name, folder in folders.items()}, value_range)
    others = {name: left_out(folder) for name, folder in folders.items()}
    return value_range, lines + [f"left out of {name}: {text}" for name, text in others.items() if text]
