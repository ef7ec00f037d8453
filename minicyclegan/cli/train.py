"""The command `minicyclegan train`."""

import shlex
import sys
from pathlib import Path

import click

from minicyclegan.cli.beginning import (
    of_checkpoint,
    place_of_run,
    require_affordable,
    require_room,
    require_same,
    to_resume,
)
from minicyclegan.cli.options import file_option, parameters_option, resolve_run

# Thin names for parameters of notebook 07
SHORT = {"steps": "steps", "size": "image_size", "batch": "batch_size", "seed": "seed", "minutes": "minutes"}
SHORT |= {"device": "device", "keep_every": "keep_every", "paired": "paired", "yes": "yes"}


@click.command()
@click.argument("data", required=False)
@click.option(
    "--data",
    "folder",
    metavar="FOLDER",
    help="The pictures: of a preset that brings none, or of a run that is resumed.",
)
@click.option("--steps", type=int, help="Training steps.")
@click.option("--minutes", type=float, help="As many steps as fit into so many minutes.")
@click.option("--size", type=int, help="Side of the training pictures in pixels, divisible by 4.")
@click.option("--batch", type=int, help="Pictures of each domain in a step.")
@click.option("--seed", type=int, help="Decides the first weights and the order of the pictures.")
@click.option("--device", help="auto, cuda, mps or cpu.")
@click.option(
    "--keep-every",
    type=int,
    metavar="STEPS",
    help="Keep a checkpoint for good every so many steps, in RUN/kept/.",
)
@click.option(
    "--paired", type=click.Choice(["auto", "yes", "no"]), help="Whether the test pictures are true pairs."
)
@parameters_option
@file_option
@click.option(
    "--resume",
    metavar="RUN",
    type=click.Path(),
    help="Go on with the run in this folder; nothing else is needed.",
)
@click.option(
    "--from",
    "start_from",
    metavar="CHECKPOINT",
    type=click.Path(),
    help="Begin a new run with the networks of another.",
)
@click.option("--plan", is_flag=True, help="Say what would be done, with time and memory, and train nothing.")
@click.option(
    "--yes",
    is_flag=True,
    default=None,
    help="Go on where the run would ask: more than a day, more memory than there is, other pictures.",
)
@click.option(
    "-o",
    "--run-dir",
    type=click.Path(file_okay=False),
    help="Folder of the run. Default: the next free runs/NAME-NUMBER.",
)
def train(data, folder, parameters, file, resume, start_from, plan, run_dir, **short):
    """Train on DATA by running notebook 07_train without its lessons.

    DATA is a folder with trainA, trainB, testA and testB, which gets the settings that suit its pictures and this machine,
    or a preset, which brings its own: seasons (the default), emoji, old_photos, summer2winter_yosemite, horse2zebra,
    monet2photo, cats_dogs (with --data FOLDER), face_restoration (with --data FOLDER, any folder of faces). The files of settings are in
    notebooks/configs/; -f replaces the chosen one, -p and the options below change single values.

    A run folder holds config.json, run.json, metrics.jsonl, samples/, last.pt and the executed notebook, which is the
    report of the run. It is all that --resume needs; with a larger --steps it goes on beyond its end.
    """
    from minicyclegan.errors import RunError

    base, chosen = None, {SHORT[name]: value for name, value in short.items() if value is not None}
    if start_from and not Path(start_from).is_file():
        raise RunError(
            f"there is no checkpoint {start_from}; check the path (a run keeps its newest in last.pt)"
        )
    if resume:
        if data or run_dir or start_from or file:
            raise RunError(
                "--resume RUN goes on with that run and its settings; leave out DATA, -f, -o and --from"
            )
        run_dir = Path(resume).resolve()
        base = to_resume(run_dir, folder)
        data, folder = base["data"], None
    elif start_from:
        state, chosen = of_checkpoint(start_from, parameters, file, chosen)
    config, given, ways = resolve_run(data or "seasons", folder, parameters, file, chosen, base, click.echo)
    if start_from:
        from minicyclegan.runs.resume import require_same_networks  # here, because it imports torch

        require_same_networks(start_from, state, config)
    done = require_same(base, config, run_dir) if base else 0
    if not base and ways["resume"] and (place := run_dir or given.get("run_dir")):  # by -p resume=true
        from minicyclegan.runs.plan import steps_done

        done = steps_done(place)
    if plan:
        return say_plan(config, ways, done)
    with place_of_run(
        run_dir or given.get("run_dir"), Path(data or config.data).name, ways["resume"]
    ) as run_dir:
        require_room(config, ways, run_dir, done)
        require_affordable(config, ways, done)
        run_notebook(config, given, run_dir, resume)


def run_notebook(config, given: dict, run_dir: Path, resume) -> None:
    """Train by executing notebook 07 without its lessons into the run folder, and say what it left there."""
    from minicyclegan.course.execution import execute
    from minicyclegan.course.files import course_folder
    from minicyclegan.errors import MiniCycleGANError, Stopped
    from minicyclegan.runs.record import mark_of

    notebook, before = course_folder() / "07_train.ipynb", mark_of(run_dir)
    number = len(list(run_dir.glob("07_train*.ipynb")))
    executed = run_dir / (f"07_train-resumed-{number}.ipynb" if number else "07_train.ipynb")
    click.echo(f"{'going on' if given.get('resume') else 'training'} on {config.data}, into {run_dir}")
    title = f"# A training run on {config.data}\n\n`minicyclegan {' '.join(sys.argv[1:])}`"
    try:
        execute(notebook, executed, given | {"run_dir": str(run_dir)}, title)
    except MiniCycleGANError as error:
        if mark_of(run_dir) == before:  # refused before its first step: nothing of it stays
            executed.unlink(missing_ok=True)
        if not isinstance(error, Stopped) or not (run_dir / "last.pt").exists():
            raise
        raise Stopped(
            f"{error}; {run_dir / 'last.pt'} holds what was trained: go on with minicyclegan train --resume {shlex.quote(str(run_dir))}",
            error.signal_number,
        ) from None
    samples = sorted((run_dir / "samples").glob("*.png"))
    click.echo("\ndone:")
    for what, path in (
        ("report", executed),
        ("checkpoint", run_dir / "last.pt"),
        ("metrics", run_dir / "metrics.jsonl"),
        ("translations", samples[-1]),
    ):
        click.echo(f"  {what:<18} {path}")
    click.echo(
        f"\nTranslate pictures of your own: minicyclegan translate {shlex.quote(str(run_dir / 'last.pt'))} FOLDER -o OUT"
    )


def say_plan(config, ways: dict, done: int) -> None:
    """`--plan`: what notebook 07 says before it trains, and nothing else. Raises as a run would."""
    import dataclasses

    from minicyclegan.datasets.named import load_domains
    from minicyclegan.runs.plan import plan_run
    from minicyclegan.training import Trainer

    domains = load_domains(
        *(
            config.data,
            config.image_size,
            config.load_size,
            ways["on_bad_image"],
            config.value_range,
            ways["paired"],
        )
    )
    for note in domains.notes:
        click.echo(note)
    config = dataclasses.replace(config, value_range=domains.value_range)
    ways = {name: ways[name] for name in ("device", "precision", "minutes", "yes")}
    plan_run(Trainer, config, domains, **ways, first_step=done, say=click.echo)
