"""Train on several GPUs or machines: `torchrun --nproc-per-node N -m minicyclegan.train_distributed DATA -o RUN_DIR` (SCALING.md).

The run folder and its checkpoints are those of `minicyclegan train`: either goes on with what the other began.
"""

import contextlib
import datetime
import os
import signal
import sys
import time
from dataclasses import fields
from pathlib import Path

import click
import torch
import torch.distributed as dist

from minicyclegan.checkpoint import save_next, write_json
from minicyclegan.cli import file_option, parameters_option
from minicyclegan.data import Domains, load_domains
from minicyclegan.data_parallel import (
    ParallelTrainer,
    ShareOfBatches,
    agreed,
    device_of_process,
    losing_others,
    together,
)
from minicyclegan.errors import MiniCycleGANError, ParameterError, RunError, Stopped
from minicyclegan.locks import signals_noted
from minicyclegan.notebooks import course_folder, parameters_of, read_parameters
from minicyclegan.parameters import Config
from minicyclegan.presets import resolve
from minicyclegan.resuming import go_on
from minicyclegan.runs import Progress, open_run, require_space, trim_metrics
from minicyclegan.samples import write_step
from minicyclegan.training import require_finite

HOW = "torchrun --nproc-per-node 2 -m minicyclegan.train_distributed seasons -o RUN_DIR"
# The others wait while the first process writes sheets and checkpoints: far longer than that, far shorter than a night
PATIENCE = datetime.timedelta(minutes=10)


def train_together(
    config: Config,
    domains: Domains,
    run_dir: str | Path,
    device: str = "auto",
    precision: str = "auto",
    checkpoint_every: int = 500,
    sample_every: int = 500,
    log_every: int = 20,
    resume: bool = False,
    progress=print,
    signals=(),
) -> ParallelTrainer:
    """`training.train` on all processes of the group, each with its share of `config.batch_size` pictures.

    All processes call this with the same arguments; the first one alone writes the run folder and calls `progress`. A
    number that appears in the list `signals` of any process ends the run after that step with a checkpoint, in Stopped.
    Raises RunError in the first process, and SystemExit in the others.
    """
    rank, world, run_dir = dist.get_rank(), dist.get_world_size(), Path(run_dir)
    intervals = {"checkpoint_every": checkpoint_every, "sample_every": sample_every, "log_every": log_every}
    with contextlib.ExitStack() as held:
        with together():
            for name, every in intervals.items():
                if every < 1:
                    raise ParameterError(f"parameter {name} must be at least 1, but it is {every}")
            if config.batch_size % world:
                raise ParameterError(
                    f"batch_size is that of all {world} processes together and must be divisible by {world}, but it is {config.batch_size}"
                )
            torch_device, dtype, sentence = device_of_process(device, precision)
            batches = ShareOfBatches(
                domains.train_a, domains.train_b, config.image_size, config.batch_size, config.seed
            )
        seen = [None] * world
        dist.all_gather_object(
            seen, (config.to_dict(), str(dtype), len(domains.train_a), len(domains.train_b))
        )
        with together():
            if seen[rank] != seen[0]:
                raise RunError(
                    "it has other parameters or other training pictures than process 0; give all machines the same"
                )
        with together():
            if rank == 0:
                held.enter_context(open_run(run_dir, config, resume))
        trainer, saved_step = ParallelTrainer(config, torch_device, dtype), 0
        with together():
            if rank == 0:
                for note in domains.notes:
                    progress(note)
                share = config.batch_size // world
                progress(f"{sentence}; {world} processes with {share} of {config.batch_size} pictures each")
                if resume and any((run_dir / name).exists() for name in ("last.pt", "previous.pt")):
                    go_on(trainer, run_dir, progress)
                require_space(run_dir, trainer)
                trim_metrics(run_dir / "metrics.jsonl", trainer.step)
                write_json(run_dir / "config.json", config.to_dict())
        trainer.take_state_of_first()
        saved_step = trainer.step

        clock = Progress(trainer.step, config.steps, progress)
        shown = [
            pictures[list(range(min(50, len(pictures))))] for pictures in (domains.test_a, domains.test_b)
        ]
        started, received = time.monotonic(), 0
        while trainer.step < config.steps and not (received := agreed(signals)):
            real_a, real_b = batches.batch(trainer.step)
            trainer.train_on(real_a.to(torch_device), real_b.to(torch_device))
            step, last = trainer.step, trainer.step == config.steps
            if not (last or any(step % every == 0 for every in intervals.values())):
                continue

            with together():
                require_finite(trainer, batches, saved_step)
            record = {
                "step": step,
                "seconds": round(time.monotonic() - started, 3),
                "learning_rate": trainer.optimizer_g.param_groups[0]["lr"],
                **trainer.mean_losses(),
            }
            save = step % checkpoint_every == 0 or last
            saved_step = step if save else saved_step
            if rank > 0:
                continue
            tests = shown if step % sample_every == 0 or last else None
            clock.report(step, write_step(trainer, run_dir, record, tests, domains.paired, save))
        if received:
            with together():
                require_finite(trainer, batches, saved_step)
                if rank == 0:
                    save_next(run_dir, trainer.state_dict())
            if rank > 0:
                sys.exit(128 + received)
            raise Stopped(
                f"stopped by {signal.Signals(received).name} after step {trainer.step} of {config.steps}; "
                "go on with the same command and -p resume=true",
                received,
            )
    return trainer


def values_for(data: str, folder: str | None, parameters: tuple[str, ...], file: str | None) -> dict:
    """All parameters of notebook 07_train by name, as `minicyclegan train` reads them. Raises ParameterError or DataError."""
    declared = parameters_of(course_folder() / "07_train.ipynb")
    given = read_parameters(parameters, file, declared)
    if data == "seasons" and folder is None:
        data = str(given.get("data", data))
    else:
        folder = folder or given.get("data")
    data_string, settings = resolve(data, folder, str(given.get("device", "auto")))
    defaults = {name: default for name, (_, default) in declared.items()}
    return defaults | read_parameters(parameters, file or settings, declared) | {"data": data_string}


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("data", default="seasons")
@click.option("--data", "folder", metavar="FOLDER", help="The pictures of a preset that brings none.")
@parameters_option
@file_option
@click.option("-o", "--run-dir", required=True, type=click.Path(file_okay=False), help="Folder of the run.")
def main(data, folder, parameters, file, run_dir):
    """Train on DATA with all processes that torchrun has started; the words are those of `minicyclegan train`."""
    if "RANK" not in os.environ:
        click.echo(
            f"minicyclegan: torchrun starts this: {HOW}; one process is `minicyclegan train`", err=True
        )
        sys.exit(1)
    run_dir, code = Path(run_dir).resolve(), 0
    dist.init_process_group("cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo", timeout=PATIENCE)
    # A second one must not act: Slurm and torchrun send each process the same one twice, and kill it if it takes too long
    with signals_noted(second_acts=False) as signals:
        try:
            with losing_others(run_dir):
                run(data, folder, parameters, file, run_dir, signals)
                dist.destroy_process_group()
        except MiniCycleGANError as error:
            click.echo(f"minicyclegan: {error}", err=True)
            code = getattr(error, "exit_code", 1)
        except SystemExit as silent:
            code = silent.code
        # At once: the threads of a group of processes, broken or not, can abort Python's own end
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code or 0)


def run(data, folder, parameters, file, run_dir: Path, signals: list[int]) -> None:
    """What `main` was asked for, in each process of the group. Raises as train_together does."""
    with together():
        values = values_for(data, folder, parameters, file)
        config = Config(**{field.name: values[field.name] for field in fields(Config)})
        domains = load_domains(config.data, config.image_size, config.load_size, values["on_bad_image"])
    options = ("device", "precision", "checkpoint_every", "sample_every", "resume")
    chosen = {name: values[name] for name in options}
    train_together(config, domains, run_dir, **chosen, progress=click.echo, signals=signals)
    if dist.get_rank() == 0:
        click.echo(f"done: {run_dir / 'last.pt'}")


if __name__ == "__main__":
    main()
