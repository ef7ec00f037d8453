"""The data of a run that is evaluated: where they are now, what was found in them, and whether they are still the same."""

from pathlib import Path

from minicyclegan.data import Domains
from minicyclegan.datasets.named import load_domains
from minicyclegan.errors import DataError
from minicyclegan.parameters import Config, brings_its_data
from minicyclegan.runs.record import changes, pictures_record, record_of


def require_data(data: str) -> None:
    """Raise DataError where the folder that a run was trained on is not there, and name the option for where it is now."""
    name, colon, folder = data.partition(":")
    faces = name == "face_restoration"
    if not brings_its_data(name) and not Path(folder if faces else data).is_dir():
        raise DataError(
            f"the data of this run, {data}, are not there; if they were moved, say where: "
            f"--data {name + colon if faces else ''}FOLDER"
        )


def data_of(checkpoint: Path, config: Config, paired: str, own: bool) -> tuple[Domains, list[str]]:
    """The data of `config`, and lines on what was found in them. Bad pictures are treated as in the training.

    `paired` is "auto", "yes" or "no"; where "auto" finds something else than the training had and the data are the run's
    `own`, the training counts. Raises DataError.
    """
    record = record_of(checkpoint)
    shape = (config.data, config.image_size, config.load_size, record.get("on_bad_image", "refuse"))
    domains = load_domains(*shape, value_range=config.value_range, paired=paired)
    before = record.get("paired") if own else None
    if paired == "auto" and isinstance(before, bool) and before != domains.paired:
        word = "yes" if before else "no"
        domains = load_domains(*shape, value_range=config.value_range, paired=word)
        domains.notes[-1] += (
            f", as in the training of this run; --paired {'no' if before else 'yes'} overrides it"
        )
    # the notes speak of a parameter of the training; here it is an option
    return domains, [note.replace("paired=", "--paired ") for note in domains.notes]


def same_data(checkpoint: Path, trained: Config, config: Config, domains: Domains) -> Config:
    """`trained`, the settings of the run, if its training pictures have only moved to config.data; else `config`."""
    before, now = record_of(checkpoint).get("pictures"), pictures_record(domains)
    if not isinstance(before, dict):
        return config
    parts = [{part: record.get(part) for part in ("trainA", "trainB")} for record in (before, now)]
    return config if changes(*parts) else trained
