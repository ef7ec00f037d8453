"""The data sets that a run can name."""

from pathlib import Path

from minicyclegan.data import Domains, load_folder, load_seasons
from minicyclegan.datasets.emoji import load_emoji
from minicyclegan.datasets.faces import load_faces


def load_domains(data: str | Path, size: int, load_size: int = 0, on_bad_image: str = "refuse") -> Domains:
    """The data set that a run names: its pictures for training and for testing.

    `seasons` (drawn by code), `emoji` (ships in data/), `face_restoration:FOLDER` (any folder of faces, see faces.py), or
    the path of a folder with trainA, trainB, testA and testB. Raises DataError.
    """
    name, _, folder = str(data).partition(":")
    if name == "seasons":
        return load_seasons(size)
    if name == "emoji":
        return load_emoji(size)
    if name == "face_restoration":
        return load_faces(folder, size, on_bad_image)
    return load_folder(data, size, load_size, on_bad_image)
