"""The commands for those who teach: `minicyclegan student` and `minicyclegan grade`."""

import sys
from pathlib import Path

import click

only_option = click.option(
    "--only", metavar="02,03", default="", help="Only the notebooks whose names begin like this."
)


def prefixes(only: str) -> list[str]:
    """`02, 03` as a list."""
    return [part.strip() for part in only.split(",") if part.strip()]


@click.command()
@click.argument("out", type=click.Path(path_type=Path))
@only_option
@click.option(
    "--solutions",
    type=click.Choice(["cut", "folded"]),
    default="cut",
    show_default=True,
    help="folded: for people who learn alone, each exercise keeps its folded solution, with the code in it.",
)
def student(out, only, solutions):
    """Write copies of the notebooks for students to the new folder OUT.

    What stands between `### BEGIN SOLUTION` and `### END SOLUTION` becomes a stub, outputs are cleared, cells tagged
    `solution` or `instructor` are left out, and the checks stay. The folders beside the notebooks are copied too.
    """
    from minicyclegan.course.files import course_folder
    from minicyclegan.course.student import write_student_copies

    written = write_student_copies(course_folder(), out, prefixes(only), solutions == "folded")
    for path in written:
        click.echo(path)
    click.echo(f"done: {len(written)} notebooks for students in {out}")


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    default="grades",
    show_default=True,
    help="A new folder for grades.csv and feedback/STUDENT.md.",
)
@only_option
@click.option(
    "--timeout",
    type=click.FloatRange(min=1),
    default=600,
    show_default=True,
    metavar="SECONDS",
    help="Time limit for one notebook. A cell gets a fifth of it.",
)
@click.option(
    "--memory",
    type=click.FloatRange(min=1),
    default=4,
    show_default=True,
    metavar="GB",
    help="Memory limit for one notebook. PyTorch alone takes 0.8.",
)
@click.option(
    "-j",
    "--jobs",
    type=click.IntRange(min=1),
    default=2,
    show_default=True,
    help="How many notebooks at a time.",
)
def grade(folder, output, only, timeout, memory, jobs):
    """Run and judge the notebooks that students handed in, and write one table and one page of feedback for each student.

    FOLDER holds one folder for each student (FOLDER/anna/02_generator.ipynb), or notebooks with the student's name in
    their own (FOLDER/anna_02_generator.ipynb). Each notebook runs in a fresh kernel, on one thread of the CPU, until
    its last exercise is judged. The checks come from this installation, whatever the notebook does to them. A student
    who handed in nothing of a notebook that others handed in gets rows that say so.

    This is not a sandbox for hostile code: the notebooks run with your rights, can read your files and use the network.
    The limits are there for accidents. Ctrl-C stops, and keeps what was graded.
    """
    from minicyclegan.course.files import course_folder
    from minicyclegan.grading.folder import grade_folder
    from minicyclegan.grading.session import Limits

    limits = Limits(timeout, max(timeout / 5, 1), memory)
    try:
        results = grade_folder(folder, output, course_folder(), prefixes(only), limits, jobs, click.echo)
    except KeyboardInterrupt:
        click.echo(f"stopped; what was graded is in {output}", err=True)
        sys.exit(130)
    rows = [row for row in results.rows() if row["exercise"] == "total"]
    click.echo(f"done: {len(rows)} students")
    click.echo(f"  table     {output / 'grades.csv'}")
    click.echo(f"  feedback  {output / 'feedback'}")
