"""What ships with the package, and where it is: beside the package in a checkout, inside it in an installed wheel."""

from pathlib import Path

from minicyclegan.errors import DataError, RunError

PACKAGE = Path(__file__).parent.parent


def shipped(name: str) -> Path | None:
    """The file or folder `name` of the repository, such as `data/emoji`; None where it is missing."""
    for folder in (PACKAGE, PACKAGE.parent):
        if (folder / name).exists():
            return folder / name
    return None


def course_folder() -> Path:
    """The folder of the notebooks. Raises RunError."""
    folder = shipped("notebooks")
    if folder is None:
        raise RunError(
            "the notebooks are not beside this package; clone the repository and install from there"
        )
    return folder


def shipped_weights(name: str = "seasons") -> Path:
    """The weights that come with the course: `seasons`, or `old_photos`, which restores photographs. Raises DataError."""
    path = shipped(f"data/{name}_64px.pt")
    if path is None:
        raise DataError(f"the shipped weights data/{name}_64px.pt are missing; clone the repository again")
    return path
