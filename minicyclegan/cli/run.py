"""The command `minicyclegan run`."""

import re
from pathlib import Path

import click

from minicyclegan.cli.options import file_option, parameters_option


@click.command()
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
    """Run NOTEBOOK, a path or the beginning of a course notebook's name (`04`), through papermill.

    Paths are taken as they are: papermill's {parameters} in names are not filled in.
    """
    from minicyclegan.course.execution import execute
    from minicyclegan.course.files import course_folder
    from minicyclegan.course.settings import parameters_of, read_parameters
    from minicyclegan.errors import RunError, printable

    for given in (notebook, output or ""):
        if re.match(r"[A-Za-z][A-Za-z0-9+.-]+://", given):
            raise RunError(f"{given} is an address and not a file; give the path of a file on this machine")
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
    click.echo(f"done: {printable(str(output))}")
