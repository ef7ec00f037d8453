"""Where a run begins: the folder it gets, and what another run or checkpoint gives it."""

import contextlib
import os
import shlex
from pathlib import Path

import click

from minicyclegan.cli.options import declared_by_training


def of_checkpoint(path: str, parameters, file, chosen: dict) -> tuple[dict, dict]:
    """The content of a checkpoint, and `chosen` with its networks for those parameters that nobody set. Raises CheckpointError."""
    from minicyclegan.course.settings import read_parameters
    from minicyclegan.parameters import Config
    from minicyclegan.runs.resume import NETWORKS, read_networks

    state, declared = read_networks(path), declared_by_training()
    config = Config().to_dict() | state["config"]
    taken = {name: config[name] for name in (*NETWORKS, "image_size")}
    for name in read_parameters(parameters, file, declared) | chosen:
        taken.pop(name, None)
    if taken:
        click.echo("from the checkpoint: " + ", ".join(f"{name} {value}" for name, value in taken.items()))
    return state, taken | chosen | {"start_from": str(Path(path).resolve())}


def require_same(base: dict, config, run_dir: Path) -> int:
    """Refuse to resume with other parameters than the run's, before a kernel is started; the steps it has made. Raises RunError."""
    from minicyclegan.errors import RunError
    from minicyclegan.runs.plan import steps_done
    from minicyclegan.runs.record import differences

    now = config.to_dict()
    if other := differences({name: base[name] for name in now}, now, but=("steps", "data")):
        raise RunError(
            f"a run goes on with its own parameters, but {'; '.join(other)}; leave that out, or begin a new run "
            "with --from its last.pt"
        )
    if config.steps < (done := steps_done(run_dir)):
        raise RunError(f"the run has made {done:,} steps already, so --steps must be at least that")
    return done


def require_affordable(config, ways: dict, done: int) -> None:
    """Refuse a run on a CPU that takes too long or too much memory, before a kernel is started. Raises RunError.

    Only where a guess finds it doubtful it is planned here, as the notebook will plan it once more; else the first step would
    come seconds later. On a GPU the notebook alone does it: what was tried here would hold some of its memory.
    """
    from minicyclegan.datasets.presets import on_gpu
    from minicyclegan.runs import room

    too_long = room.may_take_too_long(config, config.steps - done, ways["minutes"])
    doubtful = too_long or room.may_need_too_much_memory(config)
    if doubtful and not ways["yes"] and not on_gpu(ways["device"]):
        from minicyclegan.training import Trainer

        click.echo("a large run: it is planned before it begins")
        room.plan_on_noise(Trainer, config, done, ways["device"], ways["precision"], ways["minutes"])


def require_room(config, ways: dict, run_dir: Path, done: int) -> None:
    """Refuse a disk that is too small for the checkpoints of a run, before a kernel is started. Raises RunError."""
    from minicyclegan.runs import room

    every = 0 if ways["minutes"] > 0 else ways["keep_every"]
    room.require_room(config, run_dir, for_good=(config.steps - done) // every if every else 0)


def to_resume(run_dir: Path, folder: str | None) -> dict:
    """The parameters of a run, from its folder, with the place where its data are now. Raises RunError."""
    from minicyclegan.errors import RunError
    from minicyclegan.parameters import Config, brings_its_data
    from minicyclegan.quality.run_data import require_data
    from minicyclegan.runs.files import read_json
    from minicyclegan.runs.record import read_record

    config, record = read_json(run_dir / "config.json"), read_record(run_dir)
    if not isinstance(config, dict):
        raise RunError(f"there is no run in {run_dir} (no config.json); check the path")
    declared = declared_by_training()
    before = {**record.get("options", {}), "on_bad_image": record.get("on_bad_image", "skip")}
    if "paired" in record:
        before["paired"] = "yes" if record["paired"] else "no"
    before = {
        name: value for name, value in (Config().to_dict() | config | before).items() if name in declared
    }
    data = before["data"]
    if folder and brings_its_data(data):
        raise RunError(
            f"the run in {run_dir} was trained on {data}, which brings its own data; leave --data out"
        )
    if folder and not os.path.isdir(folder):
        raise RunError(f"there is no folder {folder}; check the path")
    if folder:
        faces = "face_restoration:" if data.startswith("face_restoration:") else ""
        before["data"] = faces + str(Path(folder).resolve())
    else:
        require_data(data)
    return before | {"resume": True, "run_dir": str(run_dir)}


@contextlib.contextmanager
def place_of_run(run_dir: str | Path | None, name: str, resume: bool):
    """The folder of the run: the one that was asked for, or the next free one, made at once so that no other run takes it.

    Where no run began in it, an empty one is removed again. Raises RunError where it holds another run.
    """
    from minicyclegan.errors import RunError

    claimed = None
    if run_dir is None or run_dir == "":
        run_dir = claimed = next_free(Path("runs"), name)
    run_dir = Path(run_dir).resolve()
    if (run_dir / "last.pt").exists() and not resume:
        raise RunError(
            f"{run_dir} already holds a run; choose another with -o, or go on with it with --resume {shlex.quote(str(run_dir))}"
        )
    try:
        yield run_dir
    finally:
        for path in (claimed, claimed.parent) if claimed else ():
            with contextlib.suppress(OSError):  # not empty
                path.rmdir()


def next_free(parent: Path, name: str) -> Path:
    """Make parent/name-1, or the first number that is not taken, and return it. Raises RunError."""
    from minicyclegan.errors import RunError

    number = 1
    try:
        parent.mkdir(parents=True, exist_ok=True)
        while True:
            try:
                (parent / f"{name}-{number}").mkdir()
                return parent / f"{name}-{number}"
            except FileExistsError:  # perhaps a moment ago
                number += 1
    except OSError as error:
        raise RunError(
            f"cannot make {parent / name}-{number}: {error.strerror}; choose another folder with -o"
        ) from error
