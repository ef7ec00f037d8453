"""A course folder for nbgrader: `minicyclegan student --nbgrader`.

nbgrader cuts the solutions itself, at the marks that the course has anyway, once the cells say what they are: a cell to fill
is a solution cell, a check is a test with points, a card is read-only. A check cell becomes

    from minicyclegan.checks import check_residual_block
    from minicyclegan.grading.marked import marked

    with marked("2.1"):
        check_residual_block(ResidualBlock)

because nbgrader gives points to every test that does not raise.
"""

import copy
from dataclasses import dataclass
from pathlib import Path

from minicyclegan.course.cards import BEGIN, Card, cards, read_notebook, tags
from minicyclegan.course.student import chosen_notebooks, new_folder, require_new, student_copy
from minicyclegan.errors import RunError

CONFIG = '''"""nbgrader's settings for this course, written by `minicyclegan student --nbgrader`; yours from here on."""

c = get_config()  # noqa: F821

c.CourseDirectory.course_id = "minicyclegan"
c.Execute.timeout = 120  # seconds for a cell, as in `minicyclegan grade`; nbgrader's own 30 are too few for a slow machine
'''


@dataclass(frozen=True)
class Assignment:
    """One notebook as an assignment of the same name."""

    name: str
    exercises: int
    points: int


def nbgrader_copy(notebook, name: str, by_difficulty: bool = False, install: str = ""):
    """A notebook as nbgrader's `source` has it: solutions inside their marks, folds and instructors' cells left out.

    Raises RunError, with the place, for a notebook with incomplete exercises or with marks that are not in pairs.
    """
    notebook = copy.deepcopy(notebook)
    for card in cards(notebook, name):
        for k, metadata in cells_of(notebook, card):
            if metadata["grade"]:
                metadata["points"] = card.difficulty if by_difficulty else 1
            notebook.cells[k].metadata["nbgrader"] = metadata
    for k, cell in enumerate(notebook.cells, 1):  # marks outside of exercises: nbgrader would stop there
        if cell.cell_type == "code" and BEGIN in cell.source and "nbgrader" not in cell.metadata:
            cell.metadata["nbgrader"] = says(f"cell-{k}", solution=True)
    notebook = student_copy(notebook, name, uncut=True, install=install)
    for cell in notebook.cells:
        metadata = cell.metadata.get("nbgrader", {})
        if metadata.get("grade"):
            number = metadata["grade_id"].removeprefix("check-").replace("-", ".")
            cell.source = marked_check(cell.source, number)
    return notebook


def cells_of(notebook, card: Card) -> list[tuple[int, dict]]:
    """What nbgrader has to know about the cells of an exercise: (position, metadata)."""
    found = [(card.check_cell, says(f"check-{slug(card)}", grade=True, locked=True))]
    above = range(card.exercise_cells[0] - 1, -1, -1)
    found.append(
        (next(k for k in above if "card" in tags(notebook.cells[k])), says(f"card-{slug(card)}", locked=True))
    )
    marked = [k for k in card.exercise_cells if BEGIN in notebook.cells[k].source]
    for part, k in enumerate(marked, 1):  # nbgrader would empty a solution cell without marks
        found.append(
            (k, says(f"exercise-{slug(card)}" + (f"-{part}" if len(marked) > 1 else ""), solution=True))
        )
    return found


def slug(card: Card) -> str:
    """nbgrader's names may not have a dot."""
    return card.number.replace(".", "-")


def says(grade_id: str, grade: bool = False, solution: bool = False, locked: bool = False) -> dict:
    """A cell's metadata in nbgrader's third edition of them, that of nbgrader 0.6 and later."""
    return {
        "schema_version": 3,
        "grade_id": grade_id,
        "grade": grade,
        "solution": solution,
        "locked": locked,
        "task": False,
    }


def marked_check(source: str, number: str) -> str:
    """A check cell with its last line inside `with marked(NUMBER):`."""
    before, call = source.rstrip().rsplit("\n", 1) if "\n" in source.rstrip() else ("", source.rstrip())
    imports = f"{before.rstrip()}\nfrom minicyclegan.grading.marked import marked\n".lstrip()
    return f'{imports}\nwith marked("{number}"):  # for nbgrader: "Not yet" is an error here\n    {call}'


def write_nbgrader_folder(
    course: Path, out: Path, only: list[str], by_difficulty: bool = False, install: str = ""
) -> tuple[list[Assignment], list[str]]:
    """Write a course folder for nbgrader to the new folder `out`: (its assignments, the notebooks without exercises).

    All or nothing. Raises RunError.
    """
    import nbformat

    require_new(out)
    copies, without = {}, []
    for path in chosen_notebooks(course, only):
        notebook = read_notebook(path)
        if cards(notebook, path.stem):
            copies[path.stem] = nbgrader_copy(notebook, path.stem, by_difficulty, install)
        else:
            without.append(path.stem)
    if not copies:
        raise RunError(f"nothing to mark: there are no exercises in {', '.join(without) or course}")
    with new_folder(out) as folder:
        (folder / "nbgrader_config.py").write_text(CONFIG, encoding="utf-8")
        for name, notebook in copies.items():
            (folder / "source" / name).mkdir(parents=True)
            nbformat.write(notebook, folder / "source" / name / f"{name}.ipynb")
    return [assignment(name, notebook) for name, notebook in copies.items()], without


def assignment(name: str, notebook) -> Assignment:
    points = [
        cell.metadata.nbgrader.points
        for cell in notebook.cells
        if cell.metadata.get("nbgrader", {}).get("grade")
    ]
    return Assignment(name, len(points), sum(points))
