"""The data sets that a run can name."""

from pathlib import Path

from minicyclegan.data import Domains, load_folder, load_seasons
from minicyclegan.datasets.emoji import load_emoji
from minicyclegan.datasets.faces import load_faces
from minicyclegan.datasets.old_photos import load_old_photos
from minicyclegan.errors import DataError
from minicyclegan.parameters import brings_its_data, value_range_of
from minicyclegan.pictures.pairs import check_paired


def load_domains(
    data: str | Path,
    size: int,
    load_size: int = 0,
    on_bad_image: str = "refuse",
    value_range: str = "auto",
    paired: str = "auto",
) -> Domains:
    """The data set that a run names: its pictures for training and for testing.

    `seasons` (drawn by code), `emoji` and `old_photos` (ship in data/), `old_photos:strong` (with scratches and dust),
    `face_restoration:FOLDER` (any folder of faces, see faces.py), or the path of a folder with trainA, trainB, testA and
    testB. `value_range` is "auto", "LOW..HIGH", or "LOW..HIGH,
    LOW..HIGH" for A and B: black and white in pictures of more than 8 bits. `paired` is "auto", "yes" or "no": whether
    the test pictures are true pairs, which "auto" looks for in a folder. Raises DataError or ParameterError.
    """
    value_range_of(value_range, "a")
    check_paired(paired)
    name, _, folder = str(data).partition(":")
    if name == "old_photos" and folder not in ("", "strong"):
        raise DataError(f"there is no data set {data}; use old_photos, or old_photos:strong")
    if name != "face_restoration" and not brings_its_data(name):
        return load_folder(data, size, load_size, on_bad_image, value_range, paired)
    if name == "face_restoration":
        domains = load_faces(folder, size, on_bad_image, value_range=value_range)
    else:
        load = {"seasons": load_seasons, "emoji": load_emoji}.get(name)
        domains = load(size) if load else load_old_photos(size, strong=folder == "strong")
        domains.value_range = value_range
        if value_range != "auto":
            domains.notes.append(f"value_range={value_range} is not used: {name} has 8 bits")
    if paired == "no":
        domains.paired = False
        domains.notes.append("the true pairs are not used: paired=no")
    return domains
