"""The folder of a run: who may train in it, and its record of losses."""

import contextlib
import functools
import json
import shutil
from pathlib import Path
from typing import Protocol

import torch

from minicyclegan.cyclegan import CycleGAN
from minicyclegan.data import UnpairedBatches
from minicyclegan.errors import CheckpointError, RunError
from minicyclegan.parameters import Config
from minicyclegan.runs.checkpoint import read_newest
from minicyclegan.runs.files import write_file
from minicyclegan.runs.locks import only_one
from minicyclegan.runs.record import differences, require_same_pictures

FEW_DIGITS = {
    torch.bfloat16: "bf16 has few digits",
    torch.float16: "fp16 has few digits and no number above 65,504",
}


class Resumable(Protocol):
    """What a run folder must know of whoever trains in it: `training.Trainer`, which is built later in the course."""

    config: Config
    step: int
    model: CycleGAN
    average: CycleGAN | None
    optimizer_g: torch.optim.Optimizer
    optimizer_d: torch.optim.Optimizer

    def state_dict(self) -> dict: ...

    def load_state_dict(self, state: dict) -> None: ...


@contextlib.contextmanager
def open_run(run_dir: str | Path, config: Config, resume: bool, domains=None, yes: bool = False):
    """Lock a run folder, new or to be resumed, for as long as the block lasts; yields its path.

    No other process can train in it meanwhile. With `domains`, a run that is resumed must have had the same pictures, from
    wherever; `yes` lets it go on with others. Raises RunError or CheckpointError before anything in it is changed; what
    is refused before the first step leaves no new folder behind.
    """
    run_dir = Path(run_dir)
    require_free_or_resumable(run_dir, resume)
    with contextlib.ExitStack() as held:
        held.enter_context(no_empty_folder(run_dir))
        try:
            run_dir.mkdir(parents=True, exist_ok=True)
            busy = (
                f"another process is training in {run_dir}; wait for it or stop it, or choose another run_dir"
            )
            held.enter_context(only_one(run_dir / ".lock", busy))
            require_free_or_resumable(run_dir, resume)  # whoever held it a moment ago may have trained
            require_same_config(run_dir, config, domains, yes)
            (run_dir / "samples").mkdir(exist_ok=True)
        except OSError as error:
            raise RunError(
                f"cannot make the run folder {run_dir}: {error.strerror}; choose another run_dir"
            ) from error
        for half_written in (*run_dir.glob(".*.tmp"), *(run_dir / "samples").glob(".*.tmp")):
            with contextlib.suppress(OSError):
                half_written.unlink()  # a process was killed while it wrote
        yield run_dir


@contextlib.contextmanager
def no_empty_folder(run_dir: Path):
    """Remove what was made in the block if no run has begun there: a folder that was not there, or was empty."""
    new = [path for path in (run_dir, *run_dir.parents) if not path.exists()]
    empty = bool(new) or (run_dir.is_dir() and not any(run_dir.iterdir()))
    try:
        yield
    finally:
        begun = (run_dir / "config.json").exists()
        for path in (run_dir / "samples", *new) if empty and not begun else ():
            with contextlib.suppress(OSError):  # rmdir removes only what is empty
                path.rmdir()


def require_free_or_resumable(run_dir: Path, resume: bool) -> None:
    """Raise RunError where a new run would meet an old one, or where there is none to resume."""
    holds_run = any((run_dir / name).exists() for name in ("last.pt", "previous.pt", "metrics.jsonl"))
    if holds_run and not resume:
        raise RunError(
            f"{run_dir} already holds a run; choose another run_dir, or set resume=true to go on with it"
        )
    # A run that was stopped before its first checkpoint has at least config.json, and starts again
    if resume and not holds_run and not (run_dir / "config.json").exists():
        raise RunError(
            f"there is nothing to resume in {run_dir} (no last.pt); check run_dir, or set resume=false to start"
        )


def require_same_config(run_dir: Path, config: Config, domains=None, yes: bool = False) -> None:
    """Raise RunError where the folder's run has other parameters, CheckpointError where it cannot be resumed.

    More steps, or fewer that are not yet made, are another plan for the same run. Data may have moved.
    """
    if not (run_dir / "last.pt").exists() and not (run_dir / "previous.pt").exists():
        return
    checkpoint = newest_facts(run_dir)
    if "optimizer_g" not in checkpoint:
        raise CheckpointError(
            f"{run_dir / 'last.pt'} holds only weights to translate with and cannot be trained further; "
            "choose another run_dir, or begin a new run from these weights with --from"
        )
    before, now = checkpoint.get("config"), config.to_dict()
    if not isinstance(before, dict) or set(before) - set(now):
        raise CheckpointError(
            f"the newest checkpoint in {run_dir} has other parameters than this version knows; "
            "start again in another run_dir"
        )
    before = (
        Config().to_dict() | before
    )  # a run of an earlier version lacks what came later, and had its defaults
    same = None if domains is None else require_same_pictures(run_dir, domains, yes)
    may_differ = {"steps"} | ({"data"} if same is not None else set())
    if other := differences(before, now, but=may_differ):
        raise RunError(
            f"cannot resume {run_dir} with other parameters: {'; '.join(other)}; give the same ones, or choose another run_dir"
        )
    if type(step := checkpoint.get("step")) is int and config.steps < step:
        raise RunError(
            f"the run in {run_dir} has made {step} steps already, so steps must be at least {step}, but it is {config.steps}"
        )


def newest_facts(run_dir: Path) -> dict:
    """The newest whole checkpoint of a run without its tensors, read anew only where the files have changed. Raises CheckpointError.

    The tensors are not kept from here to `resume.go_on`, which reads them: the plan between them asks how much memory is free.
    """
    facts = (path.stat() for name in ("last.pt", "previous.pt") if (path := run_dir / name).is_file())
    return facts_once(run_dir, tuple((one.st_ino, one.st_size, one.st_mtime_ns) for one in facts))


@functools.lru_cache(maxsize=1)
def facts_once(run_dir: Path, marks: tuple) -> dict:
    checkpoint, _ = read_newest(run_dir)
    return {name: value if name in ("step", "config") else None for name, value in checkpoint.items()}


def require_space(run_dir: Path, trainer: Resumable, for_good: int = 0) -> None:
    """Raise RunError where the disk has no room for the checkpoints: two, one being written, and those kept `for_good`."""
    weights = sum(w.numel() * w.element_size() for w in trainer.model.state_dict().values())
    config = trainer.config
    pictures = 2 * config.pool_size * 3 * config.image_size**2 * 4
    # Adam keeps two numbers for each weight
    size = weights * (3 if trainer.average is None else 4) + pictures
    there = sum(path.stat().st_size for path in run_dir.glob("*.pt") if path.is_file())
    free = shutil.disk_usage(run_dir).free
    if free + there < (3 + for_good) * size:
        raise RunError(
            f"the disk of {run_dir} has {free / 2**20:,.0f} MiB left, but this run needs {(3 + for_good) * size / 2**20:,.0f} MiB "
            "for its checkpoints; free some space or choose another run_dir"
        )


def names_in_batch(batches: UnpairedBatches, step: int) -> str:
    """Which pictures the batch of training step `step` (from 0) shows, as text: file names, or numbers of drawn ones."""
    texts = []
    for domain, pictures in enumerate(batches.domains):
        indices = batches.indices(domain, step)
        paths = getattr(pictures, "paths", None)
        shown = [repr(paths[i].name) if paths else f"number {i}" for i in indices[:8]]
        texts.append(f"{', '.join(shown)}{', ...' if len(indices) > 8 else ''} of {'AB'[domain]}")
    return " and ".join(texts)


def not_finite_message(
    what: str, batches: UnpairedBatches, step: int, saved_step: int, dtype: torch.dtype
) -> str:
    """The sentence about a run that broke at `step` (from 0): `what` happened, the pictures, the checkpoint, advice.

    `what` is, for example, "the loss cycle became nan"; `saved_step` is that of the last checkpoint, 0 for none.
    """
    kept = f"last.pt is sound, from step {saved_step}" if saved_step else "there is no checkpoint yet"
    advice = (
        "most often the learning rate is too high: start again with half of it, and look at these pictures"
    )
    if dtype in FEW_DIGITS:
        again = "resume" if saved_step else "start again"
        advice = f"{FEW_DIGITS[dtype]}: first {again} with precision=fp32; if it happens again, {advice}"
    return f"{what} at step {step + 1}, which showed {names_in_batch(batches, step)}; {kept}; {advice}"


def after_numbers_went_wrong(batches: UnpairedBatches, step: int, saved_step: int, bf16: bool) -> str:
    """The same sentence from behind "at step ..." on: notebook 07 of the first edition writes the beginning itself."""
    dtype = torch.bfloat16 if bf16 else torch.float32
    return not_finite_message("", batches, step, saved_step, dtype).removeprefix(f" at step {step + 1}")


def trim_metrics(path: Path, step: int) -> None:
    """Drop the lines after `step`: the steps they describe will be trained again. Also drops a half-written last line."""
    if not path.exists():
        return
    kept = []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            if json.loads(line)["step"] <= step:
                kept.append(line + "\n")
        except (ValueError, KeyError, TypeError, RecursionError):
            continue
    write_file(path, lambda file: file.write("".join(kept).encode()))


def read_metrics(path: str | Path) -> list[dict]:
    """The records of a metrics.jsonl, in order. A last line that is still being written is left out. Raises RunError."""
    try:
        lines = Path(path).read_text(encoding="utf-8", errors="replace").split("\n")[:-1]
    except OSError as error:
        raise RunError(f"cannot read {path}: {error.strerror}; check the path") from error
    records = []
    for number, line in enumerate(lines, start=1):
        try:
            records.append(json.loads(line))
        except (ValueError, RecursionError):
            raise RunError(
                f"line {number} of {path} is damaged; resume the run, or remove that line"
            ) from None
        if not isinstance(records[-1], dict) or type(records[-1].get("step")) is not int:
            raise RunError(f"line {number} of {path} is not a record of a run; remove that line")
    return records
