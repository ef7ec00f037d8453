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
@click.option(
    "--nbgrader",
    is_flag=True,
    help="OUT becomes a course folder for nbgrader: an assignment for each notebook.",
)
@click.option(
    "--points",
    type=click.Choice(["one", "difficulty"]),
    help="With --nbgrader: 1 point for each exercise, as `minicyclegan grade` gives, or 1 to 5 by its card.",
)
@click.option(
    "--install",
    metavar="WHEEL",
    default="",
    help="What the copies tell students to put behind `%pip install`: your wheel's path or address, and pip's options.",
)
def student(out, only, solutions, nbgrader, points, install):
    """Write copies of the notebooks for students to the new folder OUT.

    What stands between `### BEGIN SOLUTION` and `### END SOLUTION` becomes a stub, outputs are cleared, cells tagged
    `solution` or `instructor` are left out, and the checks stay. The folders beside the notebooks are copied too.

    With --nbgrader the solutions stay in OUT/source, for nbgrader to cut, and the checks are tests with points.
    """
    from minicyclegan.course.files import course_folder
    from minicyclegan.course.student import write_student_copies

    if nbgrader:
        if solutions == "folded":
            raise click.UsageError("nbgrader hands out no solutions; leave out --solutions folded")
        return nbgrader_folder(course_folder(), out, prefixes(only), points or "one", install)
    if points:
        raise click.UsageError("--points is for --nbgrader; `minicyclegan grade` gives 1 for each exercise")
    written = write_student_copies(course_folder(), out, prefixes(only), solutions == "folded", install)
    for path in written:
        click.echo(path)
    click.echo(f"done: {len(written)} notebooks for students in {out}")


def nbgrader_folder(course: Path, out: Path, only: list[str], points: str, install: str) -> None:
    """Write a course folder for nbgrader, and say what is in it and what comes next."""
    from minicyclegan.course.nbgrader_folder import write_nbgrader_folder

    assignments, without = write_nbgrader_folder(course, out, only, points == "difficulty", install)
    for one in assignments:
        click.echo(f"{out / 'source' / one.name}: {one.exercises} exercises, {one.points} points")
    if without:
        click.echo(f"left out, because they have no exercises: {', '.join(without)}")
    each = (
        "1 for each exercise"
        if points == "one"
        else "1 to 5 for each exercise, by the difficulty on its card"
    )
    click.echo(f"points: {each}   [--points one|difficulty]")
    click.echo(
        f"done: {len(assignments)} assignments in {out}; their solutions are in it, so keep it to yourself"
    )
    name = assignments[0].name
    click.echo("next, in that folder, with nbgrader installed there:")
    click.echo(f"  nbgrader generate_assignment {name}   # release/{name} is for the students")
    click.echo(f"  nbgrader autograde {name}             # of submitted/STUDENT/{name}/{name}.ipynb")
    click.echo(f"  nbgrader generate_feedback {name}     # feedback/STUDENT/{name}/{name}.html")


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    default="grades",
    show_default=True,
    help="A new folder for grades.csv, feedback/STUDENT.md and feedback/STUDENT.html.",
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
@click.option(
    "--fail-under",
    type=click.FloatRange(0, 1),
    metavar="SHARE",
    help="End with exit code 1 if a student has a smaller share of the exercises right, such as 0.8.",
)
def grade(folder, output, only, timeout, memory, jobs, fail_under):
    """Run and judge the notebooks that students handed in, and write one table and one page of feedback for each student.

    FOLDER holds one folder for each student (FOLDER/anna/02_generator.ipynb), or notebooks with the student's name in
    their own (FOLDER/anna_02_generator.ipynb). Each notebook runs in a fresh kernel, on one thread of the CPU, until
    its last exercise is judged. The checks come from this installation, whatever the notebook does to them. A student
    who handed in nothing of a notebook that others handed in gets rows that say so.

    This is not a sandbox for hostile code: the notebooks run with your rights, can read your files and use the network.
    The limits are there for accidents. Ctrl-C stops, and keeps what was graded.

    Exit codes: 0, all was graded; 130, stopped by Ctrl-C; 1, nothing could be graded, for the reason that is printed. With
    --fail-under, 1 means that somebody is below, and 2 that nothing could be graded. A wrong option is always 2.
    """
    from minicyclegan.course.files import course_folder
    from minicyclegan.errors import MiniCycleGANError
    from minicyclegan.grading.folder import grade_folder
    from minicyclegan.grading.session import Limits

    limits = Limits(timeout, max(timeout / 5, 1), memory)
    try:
        results = grade_folder(folder, output, course_folder(), prefixes(only), limits, jobs, click.echo)
    except KeyboardInterrupt:
        click.echo(f"stopped; what was graded is in {output}", err=True)
        sys.exit(130)
    except MiniCycleGANError as error:
        if fail_under is not None:
            error.exit_code = 2
        raise
    rows = [row for row in results.rows() if row["exercise"] == "total"]
    click.echo(f"done: {len(rows)} students")
    click.echo(f"  table     {output / 'grades.csv'}")
    click.echo(f"  feedback  {output / 'feedback'}")
    if fail_under is not None:
        below = results.below(fail_under)
        for student, right, asked in below:
            click.echo(f"below {fail_under:g}: {student}, {right} of {asked} right", err=True)
        if below:
            sys.exit(1)
        click.echo(f"nobody is below {fail_under:g}")
