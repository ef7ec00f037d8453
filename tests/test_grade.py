"""`minicyclegan grade`: a class whose submissions do what must not stop or fool the grading.

The kernels of the class are forked from a process that has imported PyTorch. Those of the committed notebook and those of the
command that is interrupted are started as everybody's are.
"""

import csv
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import nbformat
import psutil
import pytest
from click.testing import CliRunner
from conftest import LONG, ROOT, files_in
from forked import Forked, processes_forked
from test_student import lesson

import minicyclegan.grading.folder
import minicyclegan.grading.notebook
from minicyclegan.cli.course import grade
from minicyclegan.course.cards import read_notebook, tags
from minicyclegan.course.student import student_copy
from minicyclegan.errors import RunError
from minicyclegan.grading.folder import grade_folder
from minicyclegan.grading.notebook import Exercise, exercises_of, place_of
from minicyclegan.grading.report import harmless, sentence
from minicyclegan.grading.session import Limits
from minicyclegan.grading.submission import find_submissions, submitted_cells

# A library module and checks for a course of one notebook, planted in a copy of the package
LIBRARY = "def double(x):\n    return x + x\n\n\nclass Box:\n    def __init__(self, side):\n        self.volume = side**3\n"
CHECKS = """
import torch

from minicyclegan.checks.frame import exercise, expect


@exercise("double gives twice the number")
def check_double(double):
    from minicyclegan.planted import double as ours

    x = int(torch.randint(3, 999, ()))
    expect(torch.equal(torch.tensor(double(x)), torch.tensor(ours(x))), f"double({x}) gives {double(x)}: what is twice {x}?")


@exercise("a box holds its side to the third power")
def check_box(Box):
    expect(Box(3).volume == 27, f"a box of side 3 holds {Box(3).volume}: how many sides does a box have?")


@exercise("the prediction agrees")
def check_prediction(prediction, measured):
    expect(prediction == measured, f"you said {prediction}, and it was {measured}: think of the doubling.")
"""
FILLS = {
    "check_double(double)": "def double(x):\n    ### BEGIN SOLUTION\n    return 2 * x\n    ### END SOLUTION",
    "check_box(Box)": "class Box:\n    def __init__(self, side):\n        ### BEGIN SOLUTION\n        self.volume = side * side * side\n        ### END SOLUTION",
    "check_prediction(prediction, measured)": "prediction = None  # a number\n### BEGIN SOLUTION\nprediction = 14\n### END SOLUTION",
}
EXERCISES = "1.1", "1.2", "1.3"
LAST = "raise RuntimeError('all is judged, and still a cell is run')"


def the_course():
    """Three exercises; the third needs the first."""
    notebook = lesson(*FILLS.values())
    checks = [cell for cell in notebook.cells if "check" in tags(cell)]
    for cell, call in zip(checks, FILLS, strict=True):
        cell.source = f"from minicyclegan.checks import {call.split('(')[0]}\n\n{call}"
    at = notebook.cells.index(checks[1])
    notebook.cells.insert(at + 2, nbformat.v4.new_code_cell("measured = double(7)\nprint('doubled')"))
    notebook.cells.append(nbformat.v4.new_code_cell(LAST))
    return notebook


def cell_with(notebook, text):
    return next(cell for cell in notebook.cells if cell.cell_type == "code" and text in cell.source)


def swapped(*pairs):
    """The course's notebook with texts replaced in its code: swapped(old, new, old, new)."""
    notebook = the_course()
    for old, new in zip(pairs[::2], pairs[1::2], strict=True):
        cell = cell_with(notebook, old)
        cell.source = cell.source.replace(old, new)
    return notebook


def before_all(code, *pairs, more=()):
    """The same with `code` at the top, and `more` cells after it."""
    notebook = swapped(*pairs)
    notebook.cells[1:1] = [nbformat.v4.new_code_cell(source) for source in (code, *more)]
    return notebook


def without_box(notebook):
    notebook.cells = [cell for cell in notebook.cells if "Box" not in cell.source]
    return notebook


def in_other_cells():
    """Rewritten without any of the course's cells, tags or ids: two cells and no check."""
    sources = [
        "def double(x):\n    return x * 2",
        "class Box:\n    def __init__(self, a):\n        self.volume = a**3",
        "measured = 14\nprediction = 14.0",
    ]
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])


# For a cell; where kernels are not forked, each imports PyTorch in one
SECONDS = 5 if sys.platform == "linux" else 8
WRONG = ("2 * x", "3 * x")
OK = ("right", "")
STUBBORN = "while True:\n    try:\n        import time; time.sleep(9)\n    except BaseException:\n        pass\nclass Box:"
CHILDREN = "import subprocess\nsubprocess.Popen(['sleep', '987'])\nsubprocess.Popen(['sleep', '987'], start_new_session=True)"
PATCHED_FRAME = "import minicyclegan.checks.frame as frame\nframe.expect = lambda *a: None"
PATCHED_LIBRARY = "import minicyclegan.planted\nminicyclegan.planted.double = lambda x: 3 * x"
WAITING = "import time\n        while True: time.sleep(0.1)"  # a loop that leaves the core to the others
BY_ITSELF = "because its cell stopped: the kernel ended itself"
# A kernel takes its time, so in `make test` most submissions do several of these things, one in each exercise or
# in cells of their own at the top; `make long` grades each by itself, under SINGLY.
TOGETHER = {
    "a loop, wrong": (  # which takes longest: a name that comes first
        lambda: swapped(*WRONG, "self.volume = side * side * side", WAITING),
        ("not yet", "what is twice"),
        ("not yet", f"it took longer than {SECONDS} seconds"),
        OK,
    ),
    "syntax, exit": (
        lambda: swapped("return 2 * x", "return 2 * * x", "class Box:", "import os\nos._exit(0)\nclass Box:"),
        ("not yet", "because its cell stopped: SyntaxError"),
        ("not yet", "there is no Box, " + BY_ITSELF),
        OK,
    ),
    "own check, kill in the answer": (
        lambda: swapped(
            "from minicyclegan.checks import check_double", "def check_double(f):\n    print('Right')", *WRONG,
            "self.volume = side * side * side", "import os, signal; os.kill(os.getpid(), signal.SIGKILL)",
        ),
        ("not yet", "defines a check_double of its own"),
        ("not yet", "while your answer was tested, the kernel ended itself"),
        OK,
    ),
    "borrowed, stubborn loop": (
        lambda: swapped("def double(x):", "from minicyclegan.planted import double\ndef other(x):", "class Box:", STUBBORN),
        ("not yet", "this is minicyclegan.planted.double, taken from the library"),
        ("not yet", f"because its cell stopped: it took longer than {SECONDS} seconds and was interrupted, and it could not be"),
        OK,
    ),
    "printer, hungry, children, renamed, deleted": (
        lambda: without_box(before_all(
            CHILDREN, "def double", "def doubled", "measured = double(7)", "measured = doubled(7)",
            more=("while True:\n    print('x' * 10**6)", "much = bytes(10**11)"),
        )),
        ("not yet", "there is doubled: was it renamed?"),
        ("not yet", "no Box in the notebook: was the cell of the exercise deleted?"),
        OK,
    ),
    "patched frame and library": (
        lambda: before_all(PATCHED_FRAME, *WRONG, more=(PATCHED_LIBRARY,)),
        ("not yet", "what is twice", "the notebook also changes minicyclegan.checks.frame.expect", "minicyclegan.planted.double"),
        ("could not be judged", "the notebook changes minicyclegan.checks.frame.expect", "minicyclegan.planted.double"),
        ("could not be judged", "minicyclegan.checks.frame.expect", "minicyclegan.planted.double"),
    ),
}  # fmt: skip
# student: (notebook, what is expected of 1.1, 1.2 and 1.3: the verdict and parts of the reason)
SINGLY = {
    "good": (the_course, OK, OK, OK),
    "anew": (in_other_cells, OK, OK, OK),
    "stub": (
        lambda: student_copy(the_course(), "01_lesson"),
        ("not yet", "in place of `raise NotImplementedError()`"),
        ("not yet", "in place of `raise NotImplementedError()`"),
        ("not yet", "there is no answer yet"),
    ),
    "wrong first": (lambda: swapped(*WRONG), ("not yet", "what is twice"), OK, OK),
    "syntax": (lambda: swapped("return 2 * x", "return 2 * * x"), ("not yet", "because its cell stopped: SyntaxError"), OK, OK),
    "loop": (
        lambda: swapped("self.volume = side * side * side", "while True: pass"),
        OK,
        ("not yet", f"it took longer than {SECONDS} seconds"),
        OK,
    ),
    "loop in a cell": (lambda: before_all("while True:\n    pass"), OK, OK, OK),
    "stubborn loop": (
        lambda: swapped("class Box:", STUBBORN),
        OK,
        ("not yet", f"because its cell stopped: it took longer than {SECONDS} seconds and was interrupted, and it could not be"),
        OK,
    ),
    "printer": (lambda: before_all("while True:\n    print('x' * 10**6)"), OK, OK, OK),
    "print at once": (lambda: before_all("print('x' * 10**9)"), OK, OK, OK),
    "print from a child": (lambda: before_all("import os\nos.system('yes')"), OK, OK, OK),
    "exit": (
        lambda: swapped("class Box:", "import os\nos._exit(0)\nclass Box:"),
        OK,
        ("not yet", "there is no Box, " + BY_ITSELF),
        OK,
    ),
    "kill in the answer": (
        lambda: swapped("self.volume = side * side * side", "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"),
        OK,
        ("not yet", "while your answer was tested, the kernel ended itself"),
        OK,
    ),
    "hungry": (lambda: before_all("much = bytes(10**11)"), OK, OK, OK),
    "deleted": (lambda: without_box(the_course()), OK, ("not yet", "no Box in the notebook: was the cell of the exercise deleted?"), OK),
    "renamed": (
        lambda: swapped("def double", "def doubled", "measured = double(7)", "measured = doubled(7)"),
        ("not yet", "there is doubled: was it renamed?"),
        OK,
        OK,
    ),
    "own check": (
        lambda: swapped("from minicyclegan.checks import check_double", "def check_double(f):\n    print('Right')", *WRONG),
        ("not yet", "defines a check_double of its own"),
        OK,
        OK,
    ),
    "patched frame": (
        lambda: before_all(PATCHED_FRAME, *WRONG),
        ("not yet", "the notebook also changes minicyclegan.checks.frame.expect"),
        ("could not be judged", "the notebook changes minicyclegan.checks.frame.expect"),
        ("could not be judged", "minicyclegan.checks.frame.expect"),
    ),
    "patched hint": (
        lambda: before_all("from minicyclegan.checks import check_double\ncheck_double.hint = lambda *a: None", *WRONG),
        ("not yet", "what is twice"),
        ("could not be judged", "planted.check_double"),
        ("could not be judged", "planted.check_double"),
    ),
    "patched library": (
        lambda: before_all(PATCHED_LIBRARY, *WRONG),
        ("not yet", "what is twice"),
        ("could not be judged", "minicyclegan.planted.double"),
        ("could not be judged", "minicyclegan.planted.double"),
    ),
    "patched modules": (
        lambda: before_all(
            "import sys, types\nfake = types.ModuleType('minicyclegan.checks')\nfake.check_double = print\n"
            "import minicyclegan.checks\nsys.modules['minicyclegan.checks'] = fake", *WRONG,
        ),
        ("not yet", "what is twice"),
        ("could not be judged", "minicyclegan.checks"),
        ("could not be judged", "minicyclegan.checks"),
    ),
    "patched file": (
        lambda: before_all(
            "import minicyclegan, pathlib\nfor path in pathlib.Path(minicyclegan.__file__).parent.rglob('*.py'):\n    path.write_text('')",
            *WRONG,
        ),
        ("not yet", "what is twice"),
        ("could not be judged", "minicyclegan.checks"),
        ("could not be judged", "minicyclegan.checks"),
    ),
    "patched torch": (
        lambda: before_all("import torch\ntorch.equal = lambda *a: True", *WRONG),
        ("could not be judged", "the notebook changes torch.equal"),
        ("could not be judged", "torch.equal"),
        ("could not be judged", "torch.equal"),
    ),
    "borrowed": (
        lambda: swapped("def double(x):", "from minicyclegan.planted import double\ndef other(x):"),
        ("not yet", "this is minicyclegan.planted.double, taken from the library"),
        OK,
        OK,
    ),
    "borrowed later": (
        lambda: swapped("return 2 * x", "from minicyclegan import planted\n    return planted.double(x)"),
        ("not yet", "this is minicyclegan.planted.double"),
        OK,
        OK,
    ),
    "borrowed class": (
        lambda: swapped("class Box:", "import minicyclegan.planted\nclass Box(minicyclegan.planted.Box):", "        self.volume = side * side * side", "        super().__init__(side)"),
        OK,
        ("not yet", "this is minicyclegan.planted.Box"),
        OK,
    ),
    "children": (
        lambda: before_all(CHILDREN),
        OK,
        OK,
        OK,
    ),
}  # fmt: skip
FILES = {
    "empty file": (b"", "the file is empty"),
    "text": (b"my answers", "the file is not a notebook"),
    "bytes": (bytes(range(256)), "the file is not a notebook"),
    "braces": (b"{}", "the file is not a notebook"),
    "half": (b'{"nbformat": 4, "nbformat_minor": 5, "metadata": {}}', "the file is not a notebook"),
    "other cells": (
        b'{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [3]}',
        "the file is not a notebook",
    ),
    "no code": (nbformat.writes(nbformat.v4.new_notebook()).encode(), "the notebook holds no code"),
}


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A short temporary folder, in which the grading's own temporary folders are too."""
    tmp_path_factory.getbasetemp()  # pytest's own must not end up in there
    folder = Path(tempfile.mkdtemp(prefix="g", dir="/tmp" if Path("/tmp").is_dir() else None))
    patch = pytest.MonkeyPatch()
    (folder / "tmp").mkdir()
    patch.setattr(tempfile, "tempdir", str(folder / "tmp"))
    yield folder
    patch.undo()
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def course(world):
    """The course of one notebook, with a copy of the package that knows its checks."""
    package = world / "site" / "minicyclegan"
    shutil.copytree(ROOT / "minicyclegan", package, ignore=shutil.ignore_patterns("__pycache__"))
    (package / "planted.py").write_text(LIBRARY)
    (package / "checks" / "planted.py").write_text(CHECKS)
    names = ", ".join(call.split("(")[0] for call in FILLS)
    (package / "checks" / "__init__.py").write_text(f"from minicyclegan.checks.planted import {names}\n")
    folder = world / "course"
    folder.mkdir()
    nbformat.write(the_course(), folder / "01_lesson.ipynb")
    (folder / "configs").mkdir()
    patch = pytest.MonkeyPatch()
    patch.setattr(minicyclegan.grading.folder, "PACKAGE", package)
    patch.setattr(minicyclegan.grading.notebook, "PACKAGE", package)
    yield folder
    patch.undo()


def sleepers():
    return [p.pid for p in psutil.process_iter(["cmdline"]) if p.info["cmdline"] == ["sleep", "987"]]


CLASS = TOGETHER | SINGLY
IN_MAKE_TEST = (*TOGETHER, "good", "stub")
STUDENTS = [s if s in IN_MAKE_TEST else pytest.param(s, marks=LONG) for s in CLASS]


@pytest.fixture(scope="module")
def class_today(request) -> dict:
    """The part of CLASS whose tests are run."""
    asked = {
        getattr(item, "callspec", None) and item.callspec.params.get("student")
        for item in request.session.items
    }
    return {s: what for s, what in CLASS.items() if s in asked or s in IN_MAKE_TEST}


@pytest.fixture(scope="module")
def graded(world, course, class_today):
    """The whole class, graded once: (rows by student, folder of the results, lines of progress)."""
    for student, (make, *_) in class_today.items():
        (world / "class" / student).mkdir(parents=True)
        nbformat.write(make(), world / "class" / student / "01_lesson.ipynb")
    for student, (content, _) in FILES.items():
        (world / "class" / student).mkdir()
        (world / "class" / student / "01_lesson.ipynb").write_bytes(content)
    (world / "class" / "a folder" / "01_lesson.ipynb").mkdir(parents=True)
    (world / "class" / "nothing").mkdir()
    (world / "class" / "another name").mkdir()
    nbformat.write(the_course(), world / "class" / "another name" / "answers.ipynb")
    package = minicyclegan.grading.notebook.PACKAGE
    before = {path: path.read_bytes() for path in package.rglob("*.py")}
    lines = []
    limits = Limits(90, SECONDS, 3)
    with processes_forked():
        grade_folder(world / "class", world / "grades", course, limits=limits, jobs=4, progress=lines.append)
    assert before == {path: path.read_bytes() for path in before}, "a submission changed the library"
    with open(world / "grades" / "grades.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return rows, world / "grades", lines


def rows_of(graded, student):
    return [row for row in graded[0] if row["student"] == student and row["exercise"] != "total"]


@pytest.mark.parametrize("student", STUDENTS)
def test_each_submission_gets_its_verdicts_and_reasons(graded, student):
    rows = rows_of(graded, student)
    assert [row["exercise"] for row in rows] == list(EXERCISES)
    for row, (verdict, *parts) in zip(rows, CLASS[student][1:], strict=True):
        assert row["verdict"] == verdict and all(part in row["reason"] for part in parts), (
            f"{row['exercise']}: {row['verdict']}, {row['reason']}"
        )
        assert row["points"] == str(int(verdict == "right")) and row["notebook"] == "01_lesson"
        assert bool(row["reason"]) == (verdict != "right")
        assert len(row["reason"]) < 400


@pytest.mark.parametrize("student", FILES)
def test_what_is_no_notebook_gets_its_rows(graded, student):
    rows = rows_of(graded, student)
    assert len(rows) == 3
    for row in rows:
        assert row["verdict"] == "could not be judged" and FILES[student][1] in row["reason"]


def test_what_was_not_handed_in_or_has_another_name_gets_its_rows(graded):
    for student in ("nothing", "another name"):
        rows = [row for row in rows_of(graded, student) if row["notebook"] == "01_lesson"]
        assert [row["reason"] for row in rows] == ["no 01_lesson.ipynb was handed in"] * 3
    (row,) = [row for row in rows_of(graded, "another name") if row["notebook"] == "answers.ipynb"]
    assert "answers.ipynb is not named like a notebook" in row["reason"]
    assert "it is not a file" in rows_of(graded, "a folder")[0]["reason"]


def test_the_table_is_complete_and_ends_with_the_totals(graded, class_today):
    rows, _, lines = graded
    students = sorted([*class_today, *FILES, "a folder", "nothing", "another name"])
    totals = [row for row in rows if row["exercise"] == "total"]
    assert rows[-len(totals) :] == totals and [row["student"] for row in totals] == students
    for row in totals:
        right = sum(r["verdict"] == "right" for r in rows_of(graded, row["student"]))
        assert row["points"] == str(right) and row["reason"] == f"{right} of 3 exercises right"
    assert len(lines) == len(students) - 2, "one line for each notebook that was handed in"


def test_the_feedback_says_what_failed_where_and_how_to_go_on(graded, class_today):
    files = {path: path.read_text() for path in (graded[1] / "feedback").iterdir()}
    pages = {path.stem: text for path, text in files.items() if path.suffix == ".md"}
    assert sorted(pages) == sorted([*class_today, *FILES, "a folder", "nothing", "another name"])
    assert "3 of 3 exercises are right." in pages["good"] and "hint" not in pages["good"]
    assert "still a cell is run" not in pages["good"]
    assert "- **1.1 part 1**: not yet. Double(" in pages["a loop, wrong"]
    assert "after 1.1 we ran the course's solution" in pages["a loop, wrong"]
    if "loop in a cell" in pages:
        sentence = f"code cell 1 (`while True:`): it took longer than {SECONDS} seconds and was interrupted"
        assert sentence in pages["loop in a cell"]
    said = (
        "): it printed more than 20 MB and was interrupted",
        f"): it took longer than {SECONDS} seconds and was interrupted",
    )
    all_three = "printer, hungry, children, renamed, deleted"
    # Whichever limit a busy machine meets first
    for student in ("printer", "print at once", "print from a child", all_three):
        assert student not in pages or any(text in pages[student] for text in said)
    for student in ("hungry", all_three):
        assert student not in pages or "MemoryError" in pages[student] or "of memory" in pages[student]
    assert not any("2 * x" in page for page in files.values()), "a page gives a solution away"


def test_nothing_is_left_behind(graded, world):
    assert list((world / "tmp").iterdir()) == []
    assert sleepers() == []
    assert not [p for p in psutil.Process().children(recursive=True) if "ipykernel_launcher" in p.cmdline()]
    if Forked.server:
        assert psutil.Process(Forked.server.pid).children() == [], "the class had its kernels there"
    assert all(not name.startswith(".") for name in files_in(graded[1]))


# Who handed in what


def touch(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("")


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (["anna/02_generator.ipynb", "ben/02_generator.ipynb"], [("anna", "anna/02_generator.ipynb"), ("ben", "ben/02_generator.ipynb")]),
        (["anna/week1/02_generator (1).ipynb", "anna/notes.txt"], [("anna", "anna/week1/02_generator (1).ipynb")]),
        (["anna_02_generator.ipynb", "02_generator-Ben.ipynb"], [("Ben", "02_generator-Ben.ipynb"), ("anna", "anna_02_generator.ipynb")]),
        (["02_generator.ipynb"], [("class", "02_generator.ipynb")]),
        (["anna/02_generator-Copy1.ipynb", "anna/02_generator.ipynb"], [("anna", "anna/02_generator.ipynb")]),
        (["anna/.ipynb_checkpoints/02_generator-checkpoint.ipynb", ".git/02_generator.ipynb"], [("anna", None)]),
        (["anna/02_generator.ipynb", "grades/feedback/anna.md"], [("anna", "anna/02_generator.ipynb")]),
    ],
)  # fmt: skip
def test_the_student_of_a_file(tmp_path, files, expected):
    folder = tmp_path / "class"
    touch(folder, *files)
    found = find_submissions(folder, ["02_generator"], folder / "grades")
    assert [(s.student, s.path and s.path.relative_to(folder).as_posix()) for s in found] == expected
    assert all(s.own_folder == (s.path is not None and s.path.parent != folder) for s in found)


def test_only_notebooks_that_somebody_handed_in_are_asked_for(tmp_path):
    touch(tmp_path, "anna/02_generator.ipynb", "ben/03_discriminator.ipynb")
    found = find_submissions(tmp_path, ["02_generator", "03_discriminator", "04_gan_loss"])
    assert [(s.student, s.notebook, s.path is not None) for s in found] == [
        ("anna", "02_generator", True),
        ("anna", "03_discriminator", False),
        ("ben", "02_generator", False),
        ("ben", "03_discriminator", True),
    ]


def test_of_two_files_the_remark_says_which_was_taken(tmp_path):
    touch(tmp_path, "anna/02_generator-Copy1.ipynb", "anna/02_generator.ipynb")
    (found,) = find_submissions(tmp_path, ["02_generator"])
    assert found.remark == "of 2 files for 02_generator we took 02_generator.ipynb"


# Where an exercise is judged


def test_an_exercise_is_judged_at_its_check_else_at_its_cell_else_at_the_end(tmp_path):
    nbformat.write(the_course(), tmp_path / "01_lesson.ipynb")
    first = exercises_of(tmp_path / "01_lesson.ipynb")[0]
    assert isinstance(first, Exercise) and first.asked == ("double",) and first.card.answers == ("double",)
    cells = submitted_cells(tmp_path / "01_lesson.ipynb")
    check = next(
        k
        for k, (_, source) in enumerate(cells)
        if source.startswith("from minicyclegan.checks import check_double")
    )
    assert place_of(first, cells) == check
    assert place_of(first, [*cells, ("x", "check_double(double)")]) == check, (
        "the course's own check cell wins"
    )
    assert place_of(first, [("", source) for _, source in cells] + [("", "check_double(double)")]) == len(
        cells
    )
    without = [cell for k, cell in enumerate(cells) if k != check]
    assert place_of(first, without) == check - 1
    assert place_of(first, [*[("", s) for _, s in without], ("", "x = 1")]) == check - 1, (
        "where it is defined"
    )
    noise = [("", "def check_double(f):\n    print('Right')"), ("", "# check_double(double)"), ("", "double")]
    assert place_of(first, noise) == 2


# Text


def test_words_for_tables_and_pages():
    assert harmless("=SUM(A1)") == "'=SUM(A1)" and harmless("-1") == "'-1" and harmless(3) == "3"
    assert harmless("two\nlines") == "two lines"
    assert (
        sentence("there is\nno answer") == "There is no answer."
        and sentence("`x` is wrong?") == "`x` is wrong?"
    )
    assert sentence("") == ""


# The command


def test_the_command_refuses_what_cannot_be(tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "grades.csv").write_text("mine")
    touch(tmp_path, "class/anna/02_generator.ipynb")
    for arguments, words in (
        ([tmp_path / "nowhere", "-o", tmp_path / "out"], "there is no folder"),
        ([tmp_path / "class", "-o", tmp_path / "full"], "is not empty"),
        ([tmp_path / "class", "-o", tmp_path / "out", "--only", "77"], "there is no notebook 77"),
        ([tmp_path / "class", "-o", tmp_path / "out", "--only", "00"], "have no exercises"),
    ):
        result = CliRunner().invoke(grade, [str(argument) for argument in arguments])
        assert isinstance(result.exception, RunError) and words in str(result.exception)
    assert not (tmp_path / "out").exists()
    (tmp_path / "empty").mkdir()
    with pytest.raises(RunError, match="there is nothing to grade"):
        find_submissions(tmp_path / "empty", ["02_generator"])
    assert (tmp_path / "full" / "grades.csv").read_text() == "mine"
    assert "not a sandbox" in " ".join(CliRunner().invoke(grade, ["--help"]).output.split())


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_an_interruption_leaves_what_was_graded_and_no_process(tmp_path):
    touch(tmp_path, "class/anna/02_generator.ipynb", "class/ben/x.txt")
    loop = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell("import time\nopen('began', 'w').close()\ntime.sleep(600)")]
    )
    nbformat.write(loop, tmp_path / "class" / "ben" / "02_generator.ipynb")
    (tmp_path / "tmp").mkdir()
    command = [sys.executable, "-m", "minicyclegan.cli", "grade", "class", "-o", "grades", "--only", "02"]
    process = subprocess.Popen(
        command,
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path / "tmp")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        deadline = time.monotonic() + 60
        while not list((tmp_path / "tmp").glob("*/notebooks/began")):
            assert time.monotonic() < deadline and process.poll() is None, process.communicate()
            time.sleep(0.1)
        family = psutil.Process(process.pid).children(recursive=True)
        assert family
        process.send_signal(signal.SIGINT)
        text, error = process.communicate(timeout=30)
    finally:
        process.kill()
    assert process.returncode == 130 and "stopped; what was graded is in grades" in error, error
    assert "1 of 2  anna  02_generator: 0 of" in text
    rows = (tmp_path / "grades" / "grades.csv").read_text().splitlines()
    assert any(row.startswith("anna,02_generator,2.1") and "the file is empty" in row for row in rows)
    assert not any(process.is_running() for process in family)
    assert list((tmp_path / "tmp").iterdir()) == []


def test_a_committed_notebook_is_right_and_its_student_copy_is_not(tmp_path, monkeypatch):
    """The real course, notebook 01, through the command, in kernels that are started and not forked."""
    for module in (minicyclegan.grading.folder, minicyclegan.grading.notebook):
        monkeypatch.setattr(module, "PACKAGE", ROOT / "minicyclegan")
    path = minicyclegan.course.files.course_folder() / "01_two_domains.ipynb"
    for student, notebook in (
        ("solved", read_notebook(path)),
        ("unsolved", student_copy(read_notebook(path), "01")),
    ):
        (tmp_path / "class" / student).mkdir(parents=True)
        nbformat.write(notebook, tmp_path / "class" / student / path.name)
    shutil.copy(path.with_name("00_whole_game.ipynb"), tmp_path / "class" / "solved")  # it has no exercises
    result = CliRunner().invoke(grade, [str(tmp_path / "class"), "-o", str(tmp_path / "grades")])
    assert result.exit_code == 0 and "done: 2 students" in result.output, result.output
    with open(tmp_path / "grades" / "grades.csv", newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["exercise"] != "total"]
    assert {row["verdict"] for row in rows if row["student"] == "solved"} == {"right"}, [
        r["reason"] for r in rows
    ]
    assert {row["verdict"] for row in rows if row["student"] == "unsolved"} == {"not yet"}, rows


def test_no_class_of_the_checks_changes_by_being_used():
    """PyTorch puts a `step` of its own into a subclass of an optimiser, which the grading took for a student's doing."""
    import importlib
    import pkgutil

    import torch

    import minicyclegan.checks

    for found in pkgutil.iter_modules(minicyclegan.checks.__path__):
        module = importlib.import_module(f"minicyclegan.checks.{found.name}")
        for name, thing in vars(module).items():
            assert not (isinstance(thing, type) and issubclass(thing, torch.optim.Optimizer)), (
                found.name,
                name,
            )
