"""One page about a trained model: inputs, translations and returns, its settings and its losses. `minicyclegan results`."""

import dataclasses
import datetime
import os
import shlex
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from minicyclegan.course.notebook_files import require_place
from minicyclegan.cyclegan import CycleGAN
from minicyclegan.data import Domains, to_float
from minicyclegan.errors import RunError
from minicyclegan.parameters import Config
from minicyclegan.pictures.images import to_image
from minicyclegan.quality.run_data import data_of, require_data
from minicyclegan.runs.checkpoint import load, read_checkpoint
from minicyclegan.runs.files import read_json, write_file
from minicyclegan.runs.folder import read_metrics
from minicyclegan.runs.record import run_folder
from minicyclegan.serve.curves import curves
from minicyclegan.serve.results_html import (
    LARGEST,
    MARK,
    command_block,
    facts_list,
    picture_row,
    picture_table,
    result_page,
    text_list,
)

TOGETHER = 2**18  # pixels that go through a network together


@dataclass(frozen=True)
class Trained:
    """A checkpoint with what is known of its run."""

    path: Path
    model: CycleGAN
    config: Config
    step: int | None
    averaged: bool  # whether the translating weights are a moving average
    folder: Path | None  # of the run; None for weights that were taken out of it


def read_trained(path: Path, device: str = "auto") -> Trained:
    """The model of a checkpoint, ready to translate, and what is known of it. Raises CheckpointError or ParameterError."""
    from minicyclegan.fast.norm import use_quick_norms

    model, state = load(path, device), read_checkpoint(path)
    if next(model.parameters()).device.type == "cpu":
        use_quick_norms(model).to(memory_format=torch.channels_last)
    step = state.get("step")
    averaged = state["average"] is not None
    return Trained(path, model, model.config, step if type(step) is int else None, averaged, run_folder(path))


def place_for(trained: Trained, output: str | Path | None, force: bool) -> Path:
    """Where the page goes: into the run's folder, or else here. Raises RunError where something else would be overwritten."""
    if output is not None:
        path = Path(output)
    elif trained.folder is not None and trained.path.name == "last.pt":
        path = trained.folder / "results.html"
    else:
        path = (
            Path(f"{trained.path.stem}-results.html")
            if trained.folder is None
            else trained.folder / f"results-{trained.path.stem}.html"
        )
    require_place(path)
    if os.path.lexists(path) and not force:
        with open(path, "rb") as file:
            if MARK.encode() not in file.read(2000):
                raise RunError(
                    f"{path} exists and was not made by this command; choose another with -o, or overwrite it with --force"
                )
    return path


def pictures_for(trained: Trained, data: str | None, paired: str) -> tuple[Domains, str, list[str]]:
    """The pictures on which the page shows the model, what they are called, and lines on what was found in them.

    Raises DataError, which names --data where the pictures of the run are gone.
    """
    config = trained.config if data is None else dataclasses.replace(trained.config, data=data)
    if data is None:
        require_data(config.data)
    path = trained.path if trained.folder is None else trained.folder / trained.path.name
    domains, notes = data_of(path, config, paired, own=data is None)
    return domains, config.data, notes


def chosen(n: int, most: int) -> list[int]:
    """Numbers of at most `most` of `n` pictures, evenly spaced."""
    count = min(n, most)
    return [i * n // count for i in range(count)]


def names_of(pictures, numbers: list[int]) -> list[str]:
    """The files' names, or the numbers of pictures that are drawn."""
    paths = getattr(pictures, "paths", None)
    return [paths[i].name if paths else f"number {i}" for i in numbers]


@torch.inference_mode()
def translated(there, back, real: Tensor) -> tuple[Tensor, Tensor]:
    """Translations and returns of pictures (N, 3, H, W) in [-1, 1], a few at a time."""
    part = max(1, TOGETHER // (real.shape[-1] * real.shape[-2]))
    device = next(there.parameters()).device
    pairs = []
    for some in real.split(part):
        fake = there(some.to(device))
        pairs.append((fake.float().cpu(), back(fake).float().cpu()))
    return torch.cat([fake for fake, _ in pairs]), torch.cat([returned for _, returned in pairs])


def direction(trained: Trained, domains: Domains, way: str, most: int, say: Callable[[str], None]) -> str:
    """HTML: the rows of one direction, "ab" or "ba", with the truth and the errors where there are true pairs."""
    model, (a, b) = trained.model, way.upper()
    sources, targets = (domains.test_a, domains.test_b) if way == "ab" else (domains.test_b, domains.test_a)
    there, back = (model.generator_ab, model.generator_ba)[:: 1 if way == "ab" else -1]
    numbers = chosen(len(sources), most)
    say(f"translating {len(numbers)} pictures from {a} to {b} and back ...")
    rows, errors, part = [], [], max(1, TOGETHER // trained.config.image_size**2)
    started = time.monotonic()
    for first in range(0, len(numbers), part):
        if first == part and (left := (time.monotonic() - started) * (len(numbers) / part - 1)) > 10:
            say(f"about {left:.0f} s left for these")
        some = numbers[first : first + part]
        real = to_float(sources[some])
        fake, returned = translated(there, back, real)
        truth = to_float(targets[some]) if domains.paired else None
        for k, name in enumerate(names_of(sources, some)):
            shown = [
                (to_image(real[k]), f"{name}, a picture of {a}"),
                (to_image(fake[k]), f"{name} translated to {b}"),
                (to_image(returned[k]), f"the translation of {name} translated back to {a}"),
            ]
            error = ""
            if truth is not None:
                shown.append((to_image(truth[k]), f"the true picture of {b} for {name}"))
                errors.append([float((x[k] - truth[k]).abs().mean()) / 2 for x in (fake, real)])
                error = "L1 {:.3f}; the input {:.3f}".format(*errors[-1])
            rows.append(picture_row(name, error, shown))
    columns = [f"input from {a}", f"translated to {b}", f"translated back to {a}"]
    columns += [f"the truth in {b}"] if domains.paired else []
    how = "All" if len(numbers) == len(sources) else f"{len(numbers)} of the"
    said = f"<p>{how} {len(sources)} test pictures of {a}, sorted by name{'' if how == 'All' else ' and evenly spaced'}.</p>"
    if errors:
        mean, nothing = (sum(pair[k] for pair in errors) / len(errors) for k in (0, 1))
        said += (
            f"<p>L1 is the mean difference from the truth, from 0 (equal) to 1 (black for white). On average it is "
            f"<strong>{mean:.3f}</strong> for the translations, and {nothing:.3f} for the inputs as they are.</p>"
        )
    return said + picture_table(f"From {a} to {b}", columns, rows)


def facts_of(trained: Trained, domains: Domains, data: str) -> dict[str, object]:
    """What is known of the run, in words."""
    config, model = trained.config, trained.model
    weights = sum(weight.numel() for weight in model.generator_ab.parameters())
    counts = [len(part) for part in (domains.train_a, domains.train_b, domains.test_a, domains.test_b)]
    date = datetime.datetime.fromtimestamp(trained.path.stat().st_mtime).astimezone()
    steps = f"{config.steps:,} planned" if trained.step is None else f"{trained.step:,} of {config.steps:,}"
    facts = {
        "Checkpoint": trained.path,
        "Date of the checkpoint": f"{date:%Y-%m-%d %H:%M %Z}",
        "Steps": f"{steps}, with {config.batch_size} of each domain",
        "Data": data,
        "Pictures": f"{counts[0]:,} of A and {counts[1]:,} of B to train on, {counts[2]:,} and {counts[3]:,} to test",
        "True pairs": "yes: the test pictures of A and B show the same things" if domains.paired else "no",
        "Size": f"{config.image_size} px",
        "Generators": f"{config.base_channels} channels, {config.n_blocks} residual {'block' if config.n_blocks == 1 else 'blocks'}, "
        f"{weights:,} weights each",
        "Weights shown": "the moving average" if trained.averaged else "those of this step",
    }
    if data != config.data:
        facts["Data of the training"] = config.data
    if config.image_size > LARGEST:
        facts["On this page"] = f"pictures are shown at {LARGEST} px"
    return facts


def training_command(trained: Trained) -> str:
    """The command that makes such a run again, with every setting."""
    record = (read_json(trained.folder / "run.json") or {}) if trained.folder else {}
    options = record.get("options", {}) if isinstance(record, dict) else {}
    settings = trained.config.to_dict()
    data = settings.pop("data")
    settings |= {name: value for name, value in options.items() if name in ("device", "precision")}
    pairs = [f"-p {shlex.quote(f'{name}={value}')}" for name, value in settings.items()]
    return " ".join(["minicyclegan train", shlex.quote(data), *pairs])


def write_results(
    trained: Trained,
    domains: Domains,
    data: str,
    notes: list[str],
    path: Path,
    command: str,
    most: int = 50,
    say: Callable[[str], None] = print,
) -> None:
    """Write the page about a model to `path`, whole or not at all. `command` is the one that makes it again. Raises RunError."""
    records = read_metrics(trained.folder / "metrics.jsonl") if trained.folder else []
    if trained.step is not None:
        records = [record for record in records if record["step"] <= trained.step]
    about = facts_list(facts_of(trained, domains, data))
    if notes:
        about += text_list(notes if len(notes) <= 20 else [*notes[:20], f"and {len(notes) - 20} more notes"])
    settings = "<p>This page was made by</p>" + command_block(command)
    settings += "<p>A run with the same settings is made by</p>" + command_block(training_command(trained))
    name = (trained.folder or trained.path).resolve().name
    sections = {
        "The run": about,
        "From A to B": direction(trained, domains, "ab", most, say),
        "From B to A": direction(trained, domains, "ba", most, say),
        "Losses": curves(records),
        "Settings and commands": settings,
    }
    page = result_page(f"Results of {name}", sections)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunError(
            f"cannot make the folder {path.parent}: {error.strerror}; choose another with -o"
        ) from error
    write_file(path, lambda file: file.write(page.encode("utf-8", "replace")))
