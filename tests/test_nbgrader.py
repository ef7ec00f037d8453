"""`minicyclegan student --nbgrader`: what its cells say, and the marks that the real nbgrader gives."""

import csv
import html
import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from click.testing import CliRunner
from conftest import LONG
from IPython.core.interactiveshell import InteractiveShell
from test_student import TWO_REGIONS, below, code, lesson

from minicyclegan.checks.frame import NotYet
from minicyclegan.cli.course import student
from minicyclegan.course.cards import cards, read_notebook, tags
from minicyclegan.course.files import course_folder
from minicyclegan.course.nbgrader_folder import nbgrader_copy, write_nbgrader_folder
from minicyclegan.course.student import cut, student_copy
from minicyclegan.errors import RunError
from minicyclegan.grading.marked import marked

NOTEBOOKS = [path for path in sorted(course_folder().glob("*.ipynb")) if cards(read_notebook(path))]
HERE = pytest.mark.skipif(
    importlib.util.find_spec("nbgrader") is None, reason="nbgrader is not installed: the extra `nbgrader`"
)


def marks(notebook):
    """{grade_id: metadata} of the cells that nbgrader knows."""
    cells = [cell.metadata.nbgrader for cell in notebook.cells if "nbgrader" in cell.metadata]
    return {metadata.grade_id: metadata for metadata in cells}


# What the cells say


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_exercise_is_a_solution_cell_and_a_test_with_a_point(path):
    notebook = read_notebook(path)
    copy = nbgrader_copy(notebook, path.stem)
    nbformat.validate(copy)
    said = marks(copy)
    assert len(said) == sum("nbgrader" in cell.metadata for cell in copy.cells), "two cells have one name"
    for card in cards(notebook):
        slug = card.number.replace(".", "-")
        assert (
            said[f"check-{slug}"] | {"points": 1, "grade": True, "locked": True, "solution": False}
            == said[f"check-{slug}"]
        )
        assert said[f"card-{slug}"].locked and not said[f"card-{slug}"].grade
        assert any(key.startswith(f"exercise-{slug}") and said[key].solution for key in said)
    for cell in copy.cells:
        metadata = cell.metadata.get("nbgrader", {})
        assert not tags(cell) & {"solution", "instructor"}
        assert cell.cell_type != "code" or (cell.outputs == [] and cell.execution_count is None)
        assert ("BEGIN SOLUTION" in cell.source) == metadata.get("solution", False)
        if metadata.get("grade"):
            number = metadata.grade_id.removeprefix("check-").replace("-", ".")
            assert f'with marked("{number}"):' in cell.source
            compile(cell.source, "check", "exec")


def test_points_by_difficulty_and_marks_outside_of_exercises():
    notebook = lesson(TWO_REGIONS)
    notebook.cells.append(code("### BEGIN SOLUTION\nx = 1\n### END SOLUTION"))
    notebook.cells[3].source = notebook.cells[3].source.replace("Difficulty | 1", "Difficulty | 4")
    assert marks(nbgrader_copy(notebook, "01_one"))["check-1-1"].points == 1
    said = marks(nbgrader_copy(notebook, "01_one", by_difficulty=True))
    assert said["check-1-1"].points == 4
    assert sorted(said) == ["card-1-1", "cell-9", "check-1-1", "exercise-1-1"] and said["cell-9"].solution


def test_an_exercise_in_two_cells_has_two_names_and_one_without_marks_is_left_as_it_is():
    notebook = lesson(TWO_REGIONS)
    more = code("a = 0\n### BEGIN SOLUTION\na = 1\n### END SOLUTION", "exercise")
    notebook.cells[5:5] = [more, code("print(a)", "exercise")]
    said = marks(nbgrader_copy(notebook, "01_one"))
    assert sorted(said) == ["card-1-1", "check-1-1", "exercise-1-1-1", "exercise-1-1-2"]


# The folder and the command


def test_the_folder(tmp_path):
    result = CliRunner().invoke(student, [str(tmp_path / "c"), "--nbgrader", "--only", "00,02"])
    assert result.exit_code == 0, result.output
    assert below(tmp_path / "c") == ["nbgrader_config.py", "source/02_generator/02_generator.ipynb"]
    assert "02_generator: 3 exercises, 3 points" in result.output
    assert "left out, because they have no exercises: 00_whole_game" in result.output
    assert "points: 1 for each exercise" in result.output
    assert "nbgrader generate_assignment 02_generator" in result.output
    compile((tmp_path / "c" / "nbgrader_config.py").read_text(), "config", "exec")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--nbgrader", "--solutions", "folded"], "nbgrader hands out no solutions"),
        (["--points", "one"], "--points is for --nbgrader"),
    ],
)
def test_options_that_do_not_go_together(tmp_path, words, said):
    result = CliRunner().invoke(student, [str(tmp_path / "c"), *words])
    assert result.exit_code == 2 and said in result.output
    assert not (tmp_path / "c").exists()


def test_a_folder_that_holds_files_and_a_course_without_exercises_are_refused(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "gradebook.db").write_text("marks")
    with pytest.raises(RunError, match="mine is not empty"):
        write_nbgrader_folder(course_folder(), tmp_path / "mine", ["02"])
    assert below(tmp_path / "mine") == ["gradebook.db"]
    with pytest.raises(RunError, match="no exercises in 00_whole_game"):
        write_nbgrader_folder(course_folder(), tmp_path / "new", ["00"])
    assert not (tmp_path / "new").exists()


# What a check cell does


@pytest.fixture
def notebook_of(monkeypatch):
    """Runs cells in an IPython of its own. Returns (error, what was printed) of the last one."""
    shell = InteractiveShell()
    monkeypatch.setattr("IPython.get_ipython", lambda: shell)
    monkeypatch.delenv("NBGRADER_EXECUTION", raising=False)

    def run(*cells):
        from IPython.utils.capture import capture_output

        for source in cells:
            with capture_output() as shown:
                result = shell.run_cell(source)
        return result.error_before_exec or result.error_in_exec, shown.stdout

    run.space = shell.user_ns
    return run


def check_cell(number: str) -> str:
    path = next(path for path in NOTEBOOKS if path.stem.startswith(f"{int(number.split('.')[0]):02d}"))
    copy = nbgrader_copy(read_notebook(path), path.stem)
    return next(cell.source for cell in copy.cells if f'marked("{number}")' in cell.source)


def test_a_check_cell_raises_the_hint_and_nothing_but_the_hint_is_shown(notebook_of):
    error, _ = notebook_of("my_order = None", check_cell("9.1"))
    assert isinstance(error, NotYet) and isinstance(error, AssertionError)
    assert str(error) == "Not yet: there is no answer yet: fill in the cell of the exercise and run it again."
    assert error._render_traceback_() == [str(error)]


def test_a_check_cell_is_content_with_the_solution_and_leaves_other_checks_as_they_were(notebook_of):
    path = next(path for path in NOTEBOOKS if path.stem.startswith("02"))
    notebook = read_notebook(path)
    card = next(card for card in cards(notebook) if card.number == "2.2")
    solution = "\n".join(notebook.cells[k].source for k in card.exercise_cells)
    error, shown = notebook_of("from torch import nn", solution, check_cell("2.2"))
    assert error is None and shown.startswith("Right: ")
    error, shown = notebook_of("from minicyclegan.checks import check_sizes", "check_sizes(None, None)")
    assert error is None and shown.startswith("Not yet: there is no answer yet")


def test_an_answer_whose_cell_stopped_is_a_hint_too(notebook_of):
    error, _ = notebook_of(check_cell("9.1"))
    assert isinstance(error, NotYet) and str(error).startswith(
        "Not yet: there is no my_order: did its cell stop"
    )


def test_the_solution_stands_in_only_while_nbgrader_marks(notebook_of, monkeypatch):
    cell = check_cell("9.1")
    notebook_of("my_order = None", cell)
    assert notebook_of.space["my_order"] is None
    monkeypatch.setenv("NBGRADER_EXECUTION", "validate")  # by the student
    notebook_of(cell)
    assert notebook_of.space["my_order"] is None
    monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")
    error, shown = notebook_of(cell)
    assert isinstance(error, NotYet) and "the course's solution to 9.1 stands in for this answer" in shown
    assert notebook_of.space["my_order"] is not None
    assert notebook_of(cell)[0] is None


def test_a_number_that_the_course_does_not_have(monkeypatch):
    monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")
    with pytest.raises(RunError, match="has no exercise 2.9"), marked("2.9"):
        raise NotYet("wrong")


# The real nbgrader


@HERE
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_what_nbgrader_releases_is_what_student_writes(path):
    """Every cell but the checks: so no solution is in a release that is not in a student copy, where there is none."""
    from nbgrader.preprocessors import CheckCellMetadata, ClearSolutions

    notebook = read_notebook(path)
    cleared = nbgrader_copy(notebook, path.stem)
    for preprocessor in (CheckCellMetadata(), ClearSolutions()):
        cleared, _ = preprocessor.preprocess(cleared, {})
    expected = student_copy(notebook, path.stem).cells
    assert [cell.id for cell in cleared.cells] == [cell.id for cell in expected]
    for cell, other in zip(cleared.cells, expected):
        assert cell.source == other.source or "check" in tags(cell)


def nbgrader(course: Path, *words: str) -> subprocess.CompletedProcess:
    """Run a command of nbgrader in the course folder; it calls others by name, so its folder leads the PATH."""
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    command = [sys.executable, "-m", "nbgrader", *words]
    return subprocess.run(command, cwd=course, env=environment, capture_output=True, text=True, timeout=1500)


def hand_in(course: Path, name: str, who: str, fill) -> None:
    """The released notebook with each cell to fill replaced by fill(number, stub, solution)."""
    release = read_notebook(course / "release" / name / f"{name}.ipynb")
    source = read_notebook(course / "source" / name / f"{name}.ipynb")
    solutions = {
        cell.metadata.nbgrader.grade_id: cell.source for cell in source.cells if "nbgrader" in cell.metadata
    }
    for cell in release.cells:
        metadata = cell.metadata.get("nbgrader", {})
        if metadata.get("solution"):
            number = ".".join(metadata.grade_id.split("-")[1:3])
            cell.source = fill(number, cell.source, solutions[metadata.grade_id])
    (course / "submitted" / who / name).mkdir(parents=True)
    nbformat.write(release, course / "submitted" / who / name / f"{name}.ipynb")


def points(course: Path, name: str) -> dict[str, dict[str, float]]:
    """{student: {exercise: points}} from nbgrader's gradebook."""
    from nbgrader.api import Gradebook

    found = {}
    with Gradebook(f"sqlite:///{course / 'gradebook.db'}") as book:
        for one in book.assignment_submissions(name):
            grades = [grade for notebook in one.notebooks for grade in notebook.grades]
            numbers = {grade.name.removeprefix("check-").replace("-", "."): grade.score for grade in grades}
            found[one.student.id] = dict(sorted(numbers.items()))
    return found


def release(course: Path, name: str) -> str:
    """Make the folder and the release of one notebook; returns the release's text."""
    write_nbgrader_folder(course_folder(), course, [name])
    made = nbgrader(course, "generate_assignment", name)
    assert made.returncode == 0, made.stderr
    return (course / "release" / name / f"{name}.ipynb").read_text(encoding="utf-8")


@HERE
@LONG
def test_from_the_course_folder_to_the_feedback(tmp_path):
    """The whole way, with the first notebook: 01 has four exercises, and 1.3 uses the answer to 1.2."""
    course, name = tmp_path / "course", "01_two_domains"
    text = release(course, name)
    solutions = read_notebook(course / "source" / name / f"{name}.ipynb").cells
    for cell in solutions:
        for region in cut(cell.source, "here")[1] if cell.cell_type == "code" else []:
            assert len(region) < 20 or nbformat.v4.new_code_cell(region).source not in text
    assert "SOLUTION" not in text and "<summary>Solution" not in text
    wrong = "def random_crop_flip(pictures, size, *others, **more):\n    return pictures"
    hand_in(course, name, "solved", lambda number, stub, solution: solution)
    hand_in(course, name, "untouched", lambda number, stub, solution: stub)
    hand_in(course, name, "wrong", lambda number, stub, solution: wrong if number == "1.2" else solution)
    hand_in(course, name, "broken", lambda number, stub, solution: "def (" if number == "1.2" else solution)
    for words in (["autograde", name], ["generate_feedback", name], ["export"]):
        done = nbgrader(course, *words)
        assert done.returncode == 0, done.stderr
    lost = {"1.1": 1, "1.2": 0, "1.3": 1, "1.4": 1}
    assert points(course, name) == {
        "solved": dict.fromkeys(lost, 1),
        "untouched": dict.fromkeys(lost, 0),
        "wrong": lost,
        "broken": lost,
    }
    rows = csv.DictReader((course / "grades.csv").read_text().splitlines())
    assert {row["student_id"]: float(row["score"]) for row in rows} == dict(
        solved=4, untouched=0, wrong=3, broken=3
    )
    pages = {
        who: html.unescape((course / "feedback" / who / name / f"{name}.html").read_text(encoding="utf-8"))
        for who in ("solved", "untouched", "wrong", "broken")
    }
    assert (
        "Not yet: " not in pages["solved"]
        and pages["untouched"].count("Not yet: there is no code in it") >= 3
    )
    assert pages["wrong"].count("Not yet: ") == 1 == pages["broken"].count("Not yet: ")
    assert "the course's solution to 1.2 stands in" in pages["wrong"]
    assert "there is no random_crop_flip" in pages["broken"]
    for page in pages.values():  # a student sees the hint, not the inside of the check
        assert "raise NotYet" not in page
    for who, said in (("untouched", "VALIDATION FAILED ON 4 CELL"), ("solved", "Success!")):
        validated = nbgrader(course, "validate", f"submitted/{who}/{name}/{name}.ipynb")
        assert said in validated.stdout + validated.stderr


@HERE
@LONG
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_each_exercise_is_marked_on_its_own(tmp_path, path):
    """Two students, who solve every other exercise and leave the rest: each gets what is solved, and nothing else."""
    course, name = tmp_path / "course", path.stem
    release(course, name)
    numbers = [card.number for card in cards(read_notebook(path))]
    for who, solved in (("odd", numbers[::2]), ("even", numbers[1::2])):
        hand_in(course, name, who, lambda number, stub, solution: solution if number in solved else stub)
    done = nbgrader(course, "autograde", name)
    assert done.returncode == 0, done.stderr
    assert points(course, name) == {
        "odd": {number: float(number in numbers[::2]) for number in numbers},
        "even": {number: float(number in numbers[1::2]) for number in numbers},
    }
