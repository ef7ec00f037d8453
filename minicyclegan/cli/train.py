"""The command `minicyclegan train`."""

from pathlib import Path

import click

from minicyclegan.cli.options import file_option, parameters_option, resolve_run


@click.command()
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
    from minicyclegan.course.execution import execute
    from minicyclegan.course.files import course_folder
    from minicyclegan.errors import RunError, Stopped

    config, given, ways = resolve_run(data, folder, parameters, file)
    run_dir = Path(run_dir or given.get("run_dir") or next_free(Path("runs"), Path(data).name)).resolve()
    if (run_dir / "last.pt").exists() and not ways["resume"]:
        raise RunError(
            f"{run_dir} already holds a run; choose another with -o, or go on with it with -p resume=true"
        )
    notebook = course_folder() / "07_train.ipynb"
    executed = run_dir / (
        "07_train.ipynb"
        if not (run_dir / "07_train.ipynb").exists()
        else f"07_train-resumed-{len(list(run_dir.glob('07_train*.ipynb')))}.ipynb"
    )
    click.echo(f"running {notebook.name} on {config.data}, into {run_dir}")
    try:
        execute(notebook, executed, given | {"run_dir": str(run_dir)})
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
