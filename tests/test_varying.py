"""Numbers that vary between machines: what counts as the same, in nbval, in a refresh, and in the notebooks themselves."""

import os
import subprocess
import sys

import nbformat
import pytest
from conftest import ROOT

from minicyclegan.course.nbval_varying import pytest_configure
from minicyclegan.course.varying import MARKED, settled

COMMITTED = "error ≈ 0.034 ± 0.005, accuracy ≈ 91% ± 3, steps 20\n"


@pytest.mark.parametrize(
    "got, same",
    [
        ("error ≈ 0.036 ± 0.005, accuracy ≈ 89% ± 3, steps 20\n", True),
        ("error ≈ 0.039 ± 0.005, accuracy ≈ 94% ± 3, steps 20\n", True),
        ("error ≈ 0.040 ± 0.005, accuracy ≈ 91% ± 3, steps 20\n", False),
        ("error ≈ -0.034 ± 0.005, accuracy ≈ 91% ± 3, steps 20\n", False),
        ("error ≈ 0.034 ± 0.500, accuracy ≈ 91% ± 3, steps 20\n", False),
        ("error ≈ 0.034 ± 0.005, accuracy ≈ 91% ± 3, steps 21\n", False),
        ("error ≈ 0.034 ± 0.005, accuracy 91%, steps 20\n", False),
        ("error ≈ nan ± 0.005, accuracy ≈ 91% ± 3, steps 20\n", False),
    ],
)
def test_a_marked_number_is_compared_within_what_it_says(got, same):
    assert (settled(COMMITTED, got) == COMMITTED) == same


@pytest.mark.parametrize(
    "old, new, same",
    [
        ("≈ 0.034", "≈ 0.036", True),
        ("≈ 0.034", "≈ 0.037", False),
        ("≈1,204", "≈1,206", True),
        ("≈ 12", "≈ 15", False),
        ("≈ 3.2e-07", "≈ 3.4e-07", True),
        ("≈ 3.2e-07", "≈ 3.2e-06", False),
        ("≈ 12.3 %", "≈ 12.4 %", True),
        ("0.034", "0.035", False),
    ],
)
def test_without_a_tolerance_it_is_two_units_of_the_last_digit(old, new, same):
    assert (settled(old, new) == old) == same


def test_nbval_compares_them_so_in_make_test(tmp_path):
    """The second cell printed what is too far away."""
    cells = []
    for error in (0.036, 0.046):
        cells.append(nbformat.v4.new_code_cell(f"print('error ≈ {error} ± 0.005')", execution_count=1))
        cells[-1].outputs = [nbformat.v4.new_output("stream", name="stdout", text="error ≈ 0.034 ± 0.005\n")]
    about = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=about), tmp_path / "near_and_far.ipynb")
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-n",
        "0",
        "-q",
        "--rootdir",
        tmp_path,
        "-c",
        ROOT / "pyproject.toml",
    ]
    done = subprocess.run(
        [*map(str, command), "-p", "no:cacheprovider", "--no-header", "-o", "testpaths=.", str(tmp_path)],
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert "1 failed, 1 passed" in done.stdout, done.stdout + done.stderr
    assert "near_and_far.ipynb::Cell 1" in done.stdout


def test_a_mark_stands_where_outputs_are_compared_and_reads_as_a_number():
    found = 0
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        for cell in nbformat.read(path, 4).cells:
            if cell.cell_type != "code" or "≈" not in cell.source:
                continue
            found += 1
            assert "nbval-ignore-output" not in cell.metadata.get("tags", []), (path.name, cell.source)
            printed = "".join(output.get("text", "") for output in cell.outputs)
            assert printed.count("≈") == len(MARKED.findall(printed)), (path.name, printed)


@pytest.mark.parametrize(("workers", "threads"), [("2", "1"), ("1", None)])
def test_the_kernels_of_several_workers_have_one_thread_each(monkeypatch, workers, threads):
    """Also where tests/conftest.py is not read: `pytest notebooks`."""
    monkeypatch.setenv("PYTEST_XDIST_WORKER_COUNT", workers)
    monkeypatch.setenv("OMP_NUM_THREADS", "to be removed")
    monkeypatch.delenv("OMP_NUM_THREADS")
    pytest_configure(None)
    assert os.environ.get("OMP_NUM_THREADS") == threads
