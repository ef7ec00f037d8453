"""Train on several GPUs or machines: `torchrun --nproc-per-node N -m minicyclegan.train_distributed DATA -o RUN_DIR` (docs/SCALING.md).

The run folder and its checkpoints are those of `minicyclegan train`: either resumes what the other began.
"""

import contextlib
import dataclasses
import datetime
import os
import signal
import sys
from pathlib import Path

import click
import torch
import torch.distributed as dist

from minicyclegan.cli.options import file_option, parameters_option, resolve_run
from minicyclegan.data import Domains
from minicyclegan.datasets.named import load_domains
from minicyclegan.distributed.ddp import ParallelTrainer, ShareOfBatches
from minicyclegan.distributed.processes import agreed, device_of_process, losing_others, together
from minicyclegan.errors import MiniCycleGANError, ParameterError, RunError, Stopped
from minicyclegan.fast.cuda import compile_turns, cuda_settings
from minicyclegan.parameters import Config, check_intervals
from minicyclegan.runs.folder import open_run
from minicyclegan.runs.record import run_record
from minicyclegan.runs.resume import begin
from minicyclegan.runs.signals import signals_noted
from minicyclegan.training import train_steps

HOW = "torchrun --nproc-per-node 2 -m minicyclegan.train_distributed seasons -o RUN_DIR"
# The others wait while the first process writes sheets and checkpoints: far longer than that takes, far shorter than a night
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
    keep_every: int = 0,
    start_from: str | Path = "",
    yes: bool = False,
    compile: str = "auto",
    deterministic: bool = False,
) -> ParallelTrainer:
    """`training.train` on all processes of the group, each with its share of `config.batch_size` pictures.

    All processes call this with the same arguments; the first one alone writes the run folder and calls `progress`. A
    number that appears in the list `signals` of any process ends the run after that step, with a checkpoint and Stopped.
    Raises RunError in the first process, and SystemExit in the others.
    """
    rank, world, run_dir = dist.get_rank(), dist.get_world_size(), Path(run_dir)
    intervals = {"checkpoint_every": checkpoint_every, "sample_every": sample_every, "log_every": log_every}
    intervals["keep_every"] = keep_every
    with contextlib.ExitStack() as held:
        with together():
            check_intervals(intervals | {"compile": compile})
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
                    "its parameters or training pictures differ from those of process 0; give all machines the same"
                )
        with together():
            if rank == 0:
                held.enter_context(open_run(run_dir, config, resume, domains, yes))
        held.enter_context(cuda_settings(torch_device, deterministic))
        trainer = ParallelTrainer(config, torch_device, dtype)
        with together():
            if rank == 0:
                for note in domains.notes:
                    progress(note)
                share = config.batch_size // world
                progress(f"{sentence}; {world} processes with {share} of {config.batch_size} pictures each")
                options = {"device": device, "precision": precision, **intervals}
                options |= {"compile": compile, "deterministic": deterministic}
                begin(trainer, run_dir, resume, progress, start_from, run_record(domains, options))
                compile_turns(trainer, compile, progress)
        trainer.take_state_of_first()
        stopped = SharedStop(signals)
        train_steps(
            trainer,
            domains,
            batches,
            batches.batch,
            run_dir,
            intervals,
            progress,
            stopped,
            rank == 0,
            together,
        )
        if stopped.signal:
            if rank > 0:
                sys.exit(128 + stopped.signal)
            raise Stopped(
                f"stopped by {signal.Signals(stopped.signal).name} after step {trainer.step} of {config.steps}; "
                "go on with the same command and -p resume=true",
                stopped.signal,
            )
    return trainer


class SharedStop:
    """Whether any of the processes has received a signal, and which one; asked before each step."""

    def __init__(self, signals: list[int]):
        self.signals, self.signal = signals, 0

    def __call__(self) -> bool:
        self.signal = agreed(self.signals)
        return self.signal > 0


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("data", default="seasons")
@click.option("--data", "folder", metavar="FOLDER", help="The pictures of a preset that brings none.")
@parameters_option
@file_option
@click.option("-o", "--run-dir", required=True, type=click.Path(file_okay=False), help="Folder of the run.")
def main(data, folder, parameters, file, run_dir):
    """Train on DATA with all processes that torchrun has started; the arguments are those of `minicyclegan train`."""
    if "RANK" not in os.environ:
        click.echo(
            f"minicyclegan: start this with torchrun: {HOW}; for one process use `minicyclegan train`",
            err=True,
        )
        sys.exit(1)
    run_dir, code = Path(run_dir).resolve(), 0
    dist.init_process_group("cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo", timeout=PATIENCE)
    # A second signal must not act: Slurm and torchrun send each process the same one twice, and kill it if it takes too long
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
        # Immediately: the threads of a process group, broken or not, can abort Python's own shutdown
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code or 0)


def run(data, folder, parameters, file, run_dir: Path, signals: list[int]) -> None:
    """What `main` was asked for, in each process of the group. Raises as train_together does."""
    with together():
        config, _, ways = resolve_run(data, folder, parameters, file)
        if ways["minutes"]:
            raise ParameterError(
                "several processes do not measure a step first; give steps instead of minutes"
            )
        sizes = config.data, config.image_size, config.load_size
        domains = load_domains(*sizes, ways["on_bad_image"], config.value_range, ways["paired"])
        config = dataclasses.replace(config, value_range=domains.value_range)
    options = (
        "device",
        "precision",
        "checkpoint_every",
        "sample_every",
        "resume",
        "keep_every",
        "start_from",
        "yes",
        "compile",
        "deterministic",
    )
    chosen = {name: ways[name] for name in options}
    train_together(config, domains, run_dir, **chosen, progress=click.echo, signals=signals)
    if dist.get_rank() == 0:
        click.echo(f"done: {run_dir / 'last.pt'}")


if __name__ == "__main__":
    main()
