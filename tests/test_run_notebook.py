"""The command runs notebook 07 without what only teaches, and leaves a report of the run."""

import ast
import gc
import sys
import threading

import nbformat
from conftest import ROOT
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from minicyclegan.course.cards import read_notebook, tags
from minicyclegan.course.refresh import definitions, refresh
from minicyclegan.course.run_notebook import FOLDED, TEACHES, without_lessons
from minicyclegan.fast.threads import import_ahead

NOTEBOOK = ROOT / "notebooks" / "07_train.ipynb"


def test_what_teaches_goes_and_definitions_are_folded_together():
    def cell(make, source, *given):
        return make(source, metadata={"tags": list(given)} if given else {})

    notebook = new_notebook(
        cells=[
            cell(new_markdown_cell, "# Title", "lesson"),
            cell(new_code_cell, "steps: int = 1", "parameters"),
            cell(new_code_cell, "import math"),
            cell(new_markdown_cell, "a card", "card"),
            cell(
                new_code_cell,
                "def f():\n    ### BEGIN SOLUTION\n    return 1\n    ### END SOLUTION",
                "exercise",
            ),
            cell(new_code_cell, "check_f(f)", "check"),
            cell(new_markdown_cell, "because", "solution"),
            cell(new_code_cell, "print(f())", "lesson"),
            cell(new_code_cell, "print(math.pi)"),
        ]
    )
    before = nbformat.writes(notebook)
    report = without_lessons(notebook, "# A run")
    assert nbformat.writes(notebook) == before
    assert [c.source for c in report.cells] == [
        "# A run",
        "steps: int = 1",
        FOLDED + "import math\n\n\ndef f():\n    return 1",
        "print(math.pi)",
    ]
    assert report.cells[2].metadata["jupyter"]["source_hidden"]


def test_the_report_of_a_run_holds_all_that_the_notebook_builds_and_no_lesson():
    report = without_lessons(read_notebook(NOTEBOOK), "# A run")
    assert not any(tags(cell) & TEACHES for cell in report.cells)
    folded = next(cell for cell in report.cells if cell.source.startswith(FOLDED))
    built = {node.name for node in ast.parse(folded.source).body if hasattr(node, "name")}
    assert set(definitions(NOTEBOOK)) <= built | {"PlainTrainer"}, "a race's trainer is of the lesson"
    assert len(report.cells) < 14
    source = "\n".join(cell.source for cell in report.cells if cell.cell_type == "code")
    for words in ("plan_run(", "train(", "sample_sheet(", "plot_metrics("):
        assert words in source


def test_a_run_starts_without_the_libraries_of_the_lessons():
    """The kernel's way to the first step: neither figures nor widgets are imported before it."""
    report = without_lessons(read_notebook(NOTEBOOK), "# A run")
    before = next(
        k for k, cell in enumerate(report.cells) if "plan_run(" in cell.source and "train(\n" in cell.source
    )
    early = "\n".join(cell.source for cell in report.cells[: before + 1])
    assert "matplotlib" not in early and "widgets" not in early


def test_a_module_that_is_imported_ahead_is_there_and_python_looks_for_garbage_again():
    gc.disable()  # as the kernel of a training does before its imports
    try:
        import_ahead("colorsys")
        for thread in threading.enumerate():
            if thread.name == "import ahead":
                thread.join()
        assert "colorsys" in sys.modules and gc.isenabled()
    finally:
        gc.enable()


def test_a_printed_number_within_its_tolerance_stays_and_is_counted_unless_all_are_written_anew(
    forked, tmp_path
):
    path = tmp_path / "01_lesson.ipynb"
    cell = new_code_cell("print('≈ 1.04 ± 0.1')\nprint('≈ 3.00 ± 0.1')")
    cell.outputs = [new_output("stream", name="stdout", text="≈ 1.00 ± 0.1\n≈ 2.00 ± 0.1\n")]
    nbformat.write(new_notebook(cells=[new_markdown_cell("# A lesson"), cell]), path)

    def printed():
        return "".join(cell.outputs[0].text for cell in read_notebook(path).cells if cell.get("outputs"))

    assert refresh(path)[1] == 1 and printed() == "≈ 1.00 ± 0.1\n≈ 3.00 ± 0.1\n"
    assert refresh(path, anew=True)[1] == 0 and printed() == "≈ 1.04 ± 0.1\n≈ 3.00 ± 0.1\n"
