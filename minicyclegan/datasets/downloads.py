"""The original data sets of CycleGAN: what they are, and how to download them whole or not at all."""

import difflib
import os
import shutil
import zipfile
from dataclasses import dataclass
from pathlib import Path

from minicyclegan.course.files import PACKAGE
from minicyclegan.datasets.fetching import fault_of, fetch, size_of
from minicyclegan.errors import DataError
from minicyclegan.parameters import brings_its_data
from minicyclegan.pictures.folders import PARTS
from minicyclegan.runs.locks import only_one

MIRRORS = (
    "http://efrosgans.eecs.berkeley.edu/cyclegan/datasets/",
    "https://people.eecs.berkeley.edu/~taesung_park/CycleGAN/datasets/",
)
FOLDER = Path("data/downloads")


@dataclass(frozen=True)
class DataSet:
    """One zip file on the mirrors: its size and sha256 as published, and how many pictures are in each of `PARTS`."""

    n_bytes: int
    sha256: str
    counts: tuple[int, int, int, int]
    a: str
    b: str
    note: str = ""


# fmt: off
DATASETS = {
    "apple2orange": DataSet(78456409, "845a191e9af8926408ea597001cd03a452e3300a1f44a79fe329b3d59f6e3eb8", (995, 1019, 266, 248), "apples", "oranges"),
    "summer2winter_yosemite": DataSet(132640856, "167fe1726807a9d22bd106b4a6c0bd7953b688af924ac1bf967439c4961e49f9", (1231, 962, 309, 238), "Yosemite in summer", "Yosemite in winter"),
    "horse2zebra": DataSet(116867962, "a74d9d392eecca9966b51287a76ca126af473d9de4f3e8fc0e9cda08fa1730a1", (1067, 1334, 120, 140), "horses", "zebras"),
    "monet2photo": DataSet(305231073, "88f91b00fc228f97c9411fbf1880ec1d119c98f1722e4cfcfaa2fb35fac05b04", (1072, 6287, 121, 751), "paintings by Monet", "landscape photographs"),
    "cezanne2photo": DataSet(279885071, "3a6c10ca21f9485862f1cbd707744b9dc258954a04631271d23a3605eeb63cff", (525, 6287, 58, 751), "paintings by Cezanne", "landscape photographs"),
    "ukiyoe2photo": DataSet(292946532, "02a2a2fb5ecf425ca1bf86aca7304377da64a2a1d3b86df54eb65e4068bf3b08", (562, 6287, 263, 751), "ukiyo-e prints", "landscape photographs"),
    "vangogh2photo": DataSet(306590349, "362c3473e70be0944bda08d49d660eafdc2854df55d697835b8186d1d79caaff", (400, 6287, 400, 751), "paintings by van Gogh", "landscape photographs"),
    "maps": DataSet(1476754427, "639534f69dbf9f36bef8d6292a7698006361221f83f0285d7c9ca78afe6e8a9e", (1096, 1096, 1098, 1098), "aerial photographs", "street maps"),
    "cityscapes": DataSet(279601602, "d2f6910fd056c1ee9873777ae838e7ac4a2c833598ae62a04188e5ab2f4ea036", (2975, 2975, 500, 500), "street scenes", "their label maps",
                          note="its owners ask for a licence, so a mirror may have withdrawn it"),
    "facades": DataSet(35135868, "9a31ebf3a31b9b5cd195dd5bf62e9308e00cb94604d1019e3889ac84248695c0", (400, 400, 106, 106), "house fronts", "their label maps"),
    "iphone2dslr_flower": DataSet(339964458, "8fcb5e374d631b107e1d961b8c4cd0a186aa2a4ff3e279923f4c426128de7113", (1812, 3325, 569, 480), "flowers, telephone camera", "flowers, shallow focus"),
}
# fmt: on


def count_pictures(folder: str | Path) -> tuple[int, ...]:
    """How many JPEG and PNG files are in each of `PARTS`; 0 where a folder is missing."""
    return tuple(
        sum(
            p.suffix.lower() in (".jpg", ".jpeg", ".png") and not p.name.startswith(".")
            for p in (Path(folder) / part).glob("*")
        )
        for part in PARTS
    )


def find(name: str) -> Path | None:
    """The downloaded set of this name: in data/downloads of the current folder, else of the course; None if in neither."""
    for downloads in (Path.cwd() / FOLDER, PACKAGE.parent / FOLDER, PACKAGE / FOLDER):
        if all((downloads / name / part).is_dir() for part in PARTS):
            return downloads / name
    return None


def check_name(name: str) -> None:
    """Refuse a name that is not in `DATASETS`, with a hint. Raises DataError."""
    if brings_its_data(name):
        raise DataError(f"{name} needs no download; run `minicyclegan train {name}`")
    if name not in DATASETS:
        near = difflib.get_close_matches(name.lower(), DATASETS, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(DATASETS)}"
        raise DataError(f"there is no data set {name!r} to download; {hint}")


def get(
    name: str,
    folder: str | Path = FOLDER,
    mirrors: tuple[str, ...] = MIRRORS,
    progress=print,
    timeout: float = 30.0,
    pause: float = 2.0,
) -> Path:
    """Download one of `DATASETS`, check it and unpack it to folder/name, which appears whole or not at all.

    Resumes a broken download and tries each mirror in turn; a NAME.zip that is already in `folder` is used instead. A
    connection is broken off after `timeout` seconds of silence and tried again `pause` seconds later.
    `progress` receives lines of text. Returns the folder. Raises DataError.
    """
    check_name(name)
    dataset, folder = DATASETS[name], Path(folder)
    target, by_hand, part = folder / name, folder / f"{name}.zip", folder / f"{name}.zip.part"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with only_one(
            folder / f".{name}.lock",
            f"another process is downloading {name} into {folder}; wait for it",
            DataError,
        ):
            if os.path.lexists(target):
                return check_present(target, dataset, progress)
            if by_hand.exists():
                check_space(folder, dataset.n_bytes)
                progress(f"using {by_hand}")
                if fault := fault_of(by_hand, dataset.n_bytes, dataset.sha256):
                    raise DataError(
                        f"{by_hand} is not the published file: {fault}; move it away, or put the right file there"
                    )
            else:
                check_space(folder, 2 * dataset.n_bytes - size_of(part))
                download(name, part, mirrors, progress, timeout, pause)
            progress("unpacking")
            unpack_whole(by_hand if by_hand.exists() else part, target, dataset)
            part.unlink(missing_ok=True)
    except OSError as error:
        raise DataError(
            f"cannot write in {folder}: {error.strerror or error}; free some space or choose another folder"
        ) from error
    progress(f"ready: {target} with {counts_text(dataset.counts)}")
    return target


def counts_text(counts: tuple[int, ...]) -> str:
    return ", ".join(f"{part} {count}" for part, count in zip(PARTS, counts))


def check_present(target: Path, dataset: DataSet, progress) -> Path:
    """Report that a data set is there already, if it is whole. Raises DataError otherwise."""
    counts = count_pictures(target)
    if counts != dataset.counts:
        raise DataError(
            f"{target} exists but has {counts_text(counts)} instead of {counts_text(dataset.counts)}; move it away and try again"
        )
    progress(f"already there: {target} with {counts_text(counts)}")
    return target


def check_space(folder: Path, n_bytes: int) -> None:
    """Refuse to begin what cannot finish. A tenth more is asked for, because files take whole blocks. Raises DataError."""
    needed, free = round(1.1 * n_bytes), shutil.disk_usage(folder).free
    if free < needed:
        raise DataError(
            f"{folder} has {free / 1e6:,.0f} MB free but {needed / 1e6:,.0f} MB are needed; free some space or choose another folder"
        )


def download(name: str, part: Path, mirrors: tuple[str, ...], progress, timeout: float, pause: float) -> None:
    """Download the zip file of a data set to `part`. Raises DataError that says how to get it by hand."""
    dataset, urls = DATASETS[name], [mirror + f"{name}.zip" for mirror in mirrors]
    try:
        fetch(urls, part, dataset.n_bytes, dataset.sha256, progress, timeout, pause)
    except DataError as error:
        note = f"; note: {dataset.note}" if dataset.note else ""
        kept = "; what has arrived is kept, and the next try resumes from there" if size_of(part) else ""
        raise DataError(
            f"{name} was not downloaded: {error}{note}{kept}; try again later, or put {name}.zip at "
            f"{part.with_suffix('').absolute()} by hand and repeat the command"
        ) from error


def unpack_whole(path: Path, target: Path, dataset: DataSet) -> None:
    """Unpack the zip file of a data set beside its place, count the pictures, and move it there in one go. Raises DataError.

    Its checksum was compared: the file is, byte for byte, the one that was published, so its names need no check.
    """
    temporary = target.with_name(f".{target.name}.unpacking")
    shutil.rmtree(temporary, ignore_errors=True)  # left by a power cut
    try:
        with zipfile.ZipFile(path) as archive:
            archive.extractall(temporary)
        counts = count_pictures(temporary / target.name)
        if counts != dataset.counts:
            raise DataError(
                f"{path} holds {counts_text(counts)} instead of {counts_text(dataset.counts)}; move it away and try again"
            )
        (temporary / target.name).rename(target)
    except zipfile.BadZipFile as error:
        raise DataError(f"{path} is damaged ({error}); move it away and try again") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
