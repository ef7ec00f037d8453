"""One word for each application: which data it means and which settings suit it."""

import difflib
import sys
from dataclasses import dataclass
from pathlib import Path

from minicyclegan.datasets.downloads import DATASETS, find
from minicyclegan.errors import DataError, ParameterError


@dataclass(frozen=True)
class Preset:
    """An application: where its data come from, and its files of settings in notebooks/configs/."""

    source: str  # `code` needs nothing, `shipped` is in data/, `download` is fetched once, `folder` is the user's own
    cpu: str  # settings that a CPU finishes within the hour
    gpu: str  # settings for a CUDA GPU
    about: str


PRESETS = {
    "seasons": Preset("code", "cpu", "seasons_128", "summer to winter, drawn by code, with true pairs"),
    "emoji": Preset("shipped", "emoji_32", "emoji_64", "emoji of one style to another, with true pairs"),
    "old_photos": Preset(
        "shipped", "old_photos_64", "old_photos_128", "photographs to old ones and back, with true pairs"
    ),
    "summer2winter_yosemite": Preset(
        "download", "colours_64", "summer2winter_yosemite", "summer to winter in photographs of Yosemite"
    ),
    "horse2zebra": Preset("download", "photographs_64", "horse2zebra", "horses to zebras"),
    "monet2photo": Preset("download", "colours_64", "monet2photo", "Monet's paintings to photographs"),
    "cats_dogs": Preset(
        "folder", "photographs_64", "cats_dogs_128", "cats to dogs, or any two kinds of things"
    ),
    "face_restoration": Preset(
        "folder", "faces_64", "faces_128", "worn photographs of faces to clean ones, from any folder of faces"
    ),
}


OTHER = Preset("download", "photographs_64", "horse2zebra", "another of the paper's data sets")


def resolve(word: str, folder: str | None = None, device: str = "auto") -> tuple[str, Path | None]:
    """What `minicyclegan train WORD --data FOLDER` means: the value of Config.data, and a file of settings or None.

    The word is a preset, another name in `DATASETS`, or else the path of a folder, which has no settings of its own. A
    name wins over a folder of the same name; `./NAME` is the folder. `folder` takes the place of a download, and
    gives data to the presets that have none. With `device` cuda, or auto where torch sees a CUDA GPU, the settings are
    those for a GPU. Raises DataError or ParameterError.
    """
    name, colon, after = word.partition(":")
    if name == "face_restoration" and colon:  # as Config.data spells it
        word, folder = name, folder or after
    preset = PRESETS.get(word) or (OTHER if word in DATASETS else None)
    if preset is None:
        if folder:
            raise ParameterError(
                f"{word} is not a preset, so it takes no folder beside it; presets are {', '.join(PRESETS)}"
            )
        near = difflib.get_close_matches(word.lower(), [*PRESETS, *DATASETS], n=1, cutoff=0.6)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(PRESETS)}"
        if (data := absolute_folder(word)) is None:
            raise DataError(
                f"there is no folder {word}; give a folder with trainA, trainB, testA and testB, or a preset: {hint}"
            )
        return data, None
    settings = settings_file(preset.gpu if on_gpu(device) else preset.cpu)
    if preset.source in ("code", "shipped"):
        if folder:
            raise ParameterError(
                f"{word} brings its own data; leave out the folder {folder}, or train on it by its path"
            )
        return word, settings
    if folder:
        data = absolute_folder(folder)
        if data is None:
            raise DataError(f"there is no folder {folder}; check the path")
        return (f"{word}:{data}" if word == "face_restoration" else data), settings
    if preset.source == "folder":
        wanted = "faces" if word == "face_restoration" else "trainA, trainB, testA and testB"
        raise DataError(f"{word} needs a folder with {wanted}; run `minicyclegan train {word} --data FOLDER`")
    return downloaded(word), settings


def absolute_folder(folder: str) -> str | None:
    """The absolute path of a folder, None where there is none."""
    try:
        path = Path(folder).expanduser().resolve()
        return str(path) if path.is_dir() else None
    except (OSError, RuntimeError, ValueError):  # ~nobody, a name that is too long, a link to itself
        return None


def downloaded(name: str) -> str:
    """The absolute path of a downloaded data set. Raises DataError that says how to get it."""
    path = find(name)
    if path is None:
        here = f", or give `./{name}` for the folder of that name here" if Path(name).is_dir() else ""
        raise DataError(f"{name} is not downloaded yet; run `minicyclegan data get {name}` first{here}")
    return str(path.resolve())


def settings_file(stem: str) -> Path:
    from minicyclegan.course.files import course_folder

    return course_folder() / "configs" / f"{stem}.yaml"


def on_gpu(device: str) -> bool:
    """Whether the settings for a GPU are meant. Apple's is much slower: it gets those of the CPU."""
    if device == "auto":
        # Importing torch takes two seconds: on Linux, a look at the drivers' files answers before
        drivers = any(Path(f"/dev/{name}").exists() for name in ("nvidiactl", "kfd", "dxg"))
        if sys.platform == "linux" and not drivers and "torch" not in sys.modules:
            return False
        import torch

        return torch.cuda.is_available()
    return device.split(":")[0] == "cuda"
