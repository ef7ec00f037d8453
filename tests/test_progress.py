"""A bar where a person waits; plain lines, or nothing, under papermill and nbval."""

import re
import subprocess
import sys

import nbformat
import papermill
import pytest
from conftest import ROOT

from minicyclegan.course.execution import QUIET, kernel_here
from minicyclegan.course.notebook_files import literal
from minicyclegan.runs import progress

CELL = """
from minicyclegan.runs.progress import progress_lines, watched
write = progress_lines()
write("using cpu")
for step in watched(range(3), "training"):
    write(f"step {step + 1:>6}/3  cycle 1.000")
write("done")
"""
LINES = (
    "using cpu\nstep      1/3  cycle 1.000\nstep      2/3  cycle 1.000\nstep      3/3  cycle 1.000\ndone\n"
)


@pytest.fixture(scope="module")
def executed(tmp_path_factory):
    """The cell in a notebook, twice, run by papermill."""
    folder = tmp_path_factory.mktemp("progress")
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(CELL) for _ in range(2)])
    nbformat.write(notebook, folder / "in.ipynb")
    papermill.execute_notebook(
        literal(folder / "in.ipynb"),
        literal(folder / "out.ipynb"),
        progress_bar=False,
        kernel_name=kernel_here(),
        extra_arguments=list(QUIET),
    )
    return folder / "out.ipynb"


def test_papermill_gets_plain_lines_and_no_widget(executed):
    for cell in nbformat.read(executed, as_version=4).cells:
        assert {output.output_type for output in cell.outputs} == {"stream"}
        assert "".join(output.text for output in cell.outputs) == LINES


def test_nbval_compares_them(executed):
    """The first cell says what it said, and of the second we claim something else."""
    changed = executed.with_name("changed.ipynb")
    notebook = nbformat.read(executed, as_version=4)
    notebook.cells[1].outputs[0].text = "something else\n"
    nbformat.write(notebook, changed)
    command = [sys.executable, "-m", "pytest", "-v", "-n0", "--nbval", "--nbval-current-env"]
    command += ["-p", "no:cacheprovider", "-c", ROOT / "pyproject.toml", changed]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert found.returncode == 1 and "1 failed, 1 passed" in found.stdout, found.stdout
    assert re.search(r"Cell 0 PASSED", found.stdout) and re.search(r"Cell 1 FAILED", found.stdout)


@pytest.fixture
def watching(monkeypatch):
    """As in a notebook that is open in JupyterLab; what is displayed is kept."""
    shown = []
    monkeypatch.setattr(progress, "someone_looks", lambda: True)
    monkeypatch.setattr("IPython.display.display", shown.append)
    return shown


def test_a_person_gets_a_bar_that_moves(watching, capsys):
    write = progress.progress_lines()
    write("using cpu")
    assert capsys.readouterr().out == "using cpu\n" and not watching
    write("step     20/300  cycle 1.250")
    write("step     40/300  cycle <b>1.000</b>")
    bar, text = watching[0].children
    assert len(watching) == 1 and (bar.value, bar.max) == (40, 300)
    assert "step     40/300" in text.value and "<b>" not in text.value and capsys.readouterr().out == ""


def test_a_loop_that_is_watched_gives_the_same_items(watching):
    assert list(progress.watched(iter("abc"), "letters")) == ["a", "b", "c"]
    bar, text = watching[0].children
    assert (bar.value, bar.max) == (3, 3) and "letters 3/3" in text.value


def test_without_a_session_nobody_looks(monkeypatch):
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    assert not progress.someone_looks()
    assert list(progress.watched(iter([]), "nothing")) == []
