"""The command line: `minicyclegan --help` (plumbing). Heavy imports wait inside the commands."""

import errno
import os
import sys
from pathlib import Path

import click

from minicyclegan.cli_app import app
from minicyclegan.cli_course import grade, student
from minicyclegan.cli_data import data
from minicyclegan.cli_evaluate import evaluate
from minicyclegan.cli_export import export
from minicyclegan.cli_repro import repro
from minicyclegan.cli_sweep import sweep
from minicyclegan.cli_translate import translate


class OneSentence(click.Group):
    """Shows this package's own errors as one sentence and exit code 1, without a traceback."""

    def invoke(self, ctx):
        from minicyclegan.errors import MiniCycleGANError, printable

        try:
            return super().invoke(ctx)
        except MiniCycleGANError as error:
            click.echo(f"minicyclegan: {error}", err=True)
            sys.exit(getattr(error, "exit_code", 1))
        except OSError as error:  # a name that is too long, say: the system has said why
            if error.errno in (None, errno.EPIPE):
                raise
            name = "" if error.filename is None else f"{printable(str(error.filename))}: "
            click.echo(f"minicyclegan: {name}{error.strerror}; check the path", err=True)
            sys.exit(1)


@click.group(cls=OneSentence, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="minicyclegan")
def main():
    """CycleGAN, built step by step in notebooks: get data, train, evaluate, translate, and check this machine."""
    os.environ.pop(
        "JPY_SESSION_NAME", None
    )  # called from a notebook: nobody looks at the notebooks that it runs


parameters_option = click.option(
    "-p",
    "parameters",
    multiple=True,
    metavar="NAME=VALUE",
    help="Set a parameter; the value is read as YAML. May be repeated.",
)
file_option = click.option(
    "-f",
    "--file",
    type=click.Path(dir_okay=False),
    help="A YAML file with lines `name: value`, as in notebooks/configs/.",
)


@main.command()
@click.argument("data", default="seasons")
@click.option(
    "--data", "folder", metavar="FOLDER", help="The pictures of a preset that brings none of its own."
)
@parameters_option
@file_option
@click.option(
    "-o",
    "--run-dir",
    type=click.Path(file_okay=False),
    help="Folder of the run. Default: the next free runs/NAME-NUMBER.",
)
def train(data, folder, parameters, file, run_dir):
    """Train on DATA by running notebook 07_train.

    DATA is a folder with trainA, trainB, testA and testB, or a preset, which brings settings too: seasons, emoji,
    summer2winter_yosemite, horse2zebra, monet2photo, cats_dogs (with --data FOLDER), face_restoration (with --data
    FOLDER, any folder of faces). -f replaces the preset's settings, -p changes single ones.

    A run folder holds config.json, metrics.jsonl, samples/, last.pt and the executed notebook.
    To go on with a run: -o THE_FOLDER -p resume=true and the same parameters.
    """
    from dataclasses import fields

    from minicyclegan.errors import RunError, Stopped
    from minicyclegan.execution import execute
    from minicyclegan.notebooks import course_folder, parameters_of, read_parameters
    from minicyclegan.parameters import Config
    from minicyclegan.presets import resolve

    notebook = course_folder() / "07_train.ipynb"
    declared = parameters_of(notebook)
    given = read_parameters(parameters, file, declared)
    if data == "seasons" and folder is None:  # the default word: a file or -p may name the data
        data = str(given.get("data", data))
    else:
        folder = folder or read_parameters(parameters, None, declared).get("data")
    data_string, settings = resolve(data, folder, str(given.get("device", "auto")))
    values = read_parameters(parameters, file or settings, declared) | {"data": data_string}
    merged = {name: values.get(name, default) for name, (_, default) in declared.items()}
    Config(
        **{field.name: merged[field.name] for field in fields(Config)}
    )  # refuses impossible values before anything runs
    run_dir = Path(run_dir or values.get("run_dir") or next_free(Path("runs"), Path(data).name)).resolve()
    values["run_dir"] = str(run_dir)
    if (run_dir / "last.pt").exists() and not merged["resume"]:
        raise RunError(
            f"{run_dir} already holds a run; choose another with -o, or go on with it with -p resume=true"
        )
    executed = run_dir / (
        "07_train.ipynb"
        if not (run_dir / "07_train.ipynb").exists()
        else f"07_train-resumed-{len(list(run_dir.glob('07_train*.ipynb')))}.ipynb"
    )
    click.echo(f"running {notebook.name} on {values['data']}, into {run_dir}")
    try:
        execute(notebook, executed, values)
    except Stopped as stopped:
        if not (run_dir / "last.pt").exists():
            raise
        how = f"go on with the same command and -o {run_dir} -p resume=true"
        raise Stopped(
            f"{stopped}; {run_dir / 'last.pt'} holds what was trained: {how}", stopped.signal_number
        ) from None
    samples = sorted((run_dir / "samples").glob("*.png"))
    click.echo("\ndone:")
    for what, path in (
        ("executed notebook", executed),
        ("checkpoint", run_dir / "last.pt"),
        ("metrics", run_dir / "metrics.jsonl"),
        ("translations", samples[-1]),
    ):
        click.echo(f"  {what:<18} {path}")
    click.echo(
        f"\nTranslate pictures of your own: minicyclegan translate {run_dir / 'last.pt'} FOLDER -o OUT"
    )


def next_free(parent: Path, name: str) -> Path:
    """parent/name-1, or the first number that is not taken."""
    number = 1
    while (parent / f"{name}-{number}").exists():
        number += 1
    return parent / f"{name}-{number}"


@main.command()
@click.argument("notebook")
@parameters_option
@file_option
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False),
    help="Executed notebook. Default: NAME.executed.ipynb here.",
)
def run(notebook, parameters, file, output):
    """Run NOTEBOOK, a path or the beginning of a course notebook's name (`04`), through papermill."""
    from minicyclegan.errors import RunError
    from minicyclegan.execution import execute
    from minicyclegan.notebooks import course_folder, parameters_of, read_parameters

    path = Path(notebook)
    if not path.is_file():
        found = sorted(p for p in course_folder().glob("*.ipynb") if p.name.startswith(notebook))
        if len(found) != 1:
            raise RunError(
                f"there is no notebook {notebook}; the course has {', '.join(p.stem for p in sorted(course_folder().glob('*.ipynb')))}"
            )
        path = found[0]
    output = Path(output or f"{path.stem}.executed.ipynb")
    execute(path, output, read_parameters(parameters, file, parameters_of(path)))
    click.echo(f"done: {output}")


@main.command()
def doctor():
    """Check this machine: one line a thing, and what to do where something is wrong."""
    from minicyclegan.doctor import check_machine

    sound = True
    for good, text in check_machine():
        click.echo(f"{'ok   ' if good else 'WRONG'} {text}")
        sound = sound and good
    sys.exit(0 if sound else 1)


for command in (data, translate, evaluate, sweep, app, export, student, grade, repro):
    main.add_command(command)


if __name__ == "__main__":
    main()
