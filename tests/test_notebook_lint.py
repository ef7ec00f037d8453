"""Each committed notebook really ran, and what nbval does not compare is guarded and explained."""

import ast
import re
from pathlib import Path

import nbformat
import pytest

from minicyclegan.course.refresh import normalise

NOTEBOOKS = sorted((Path(__file__).parent.parent / "notebooks").glob("*.ipynb"))
KNOWN_TAGS = {
    "parameters",
    "lesson",
    "nbval-ignore-output",
    "exercise",
    "check",
    "instructor",
    "guard",
    "setup",
}
WIDEST, BOOLEANS = (
    100,
    3,
)  # characters in a line; printed truth values in a notebook, each where it is the point
NOT_COMPARED = "# not compared: "


def faults_in(notebook, size: int = 0) -> list[str]:
    """Everything that is wrong with a notebook, in words."""
    faults = []
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    if [cell.execution_count for cell in code] != list(range(1, len(code) + 1)):
        faults.append("the execution counts are not 1, 2, 3, ...: run `make notebooks`")
    if "widgets" in notebook.metadata:
        faults.append("widget state is saved")
    if size > 1_500_000:
        faults.append(f"the file has {size} bytes, more than 1.5 MB")
    headings = [
        line
        for cell in notebook.cells
        if cell.cell_type == "markdown"
        for line in cell.source.splitlines()
        if line.startswith("#")
    ]
    if not headings or not headings[0].startswith("# "):
        faults.append("the first heading is not of the first level")
    text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    if "if this goes wrong" not in text.lower():
        faults.append("there is no 'If this goes wrong' passage")
    if "![](" in text or "<img" in text and "alt=" not in text:
        faults.append("a picture in the text has no alt text")
    for i, cell in enumerate(notebook.cells):
        # papermill shows what stands behind a parameter, on its line
        one_line = "parameters" in cell.metadata.get("tags", [])
        for line in [] if one_line else cell.source.splitlines():
            if len(line) > WIDEST and not line.startswith("|") and "](" not in line:
                faults.append(f"cell {i}: a line of {len(line)} characters: {line[:60]!r}")
    told = re.findall(r"\b(?:True|False)\b", "".join(o.get("text", "") for c in code for o in c.outputs))
    if len(told) > BOOLEANS:
        faults.append(f"{len(told)} printed truth values, where a student wants a number")
    for i, cell in enumerate(code):
        where = f"code cell {i + 1}"
        tags = set(cell.metadata.get("tags", []))
        if tags - KNOWN_TAGS:
            faults.append(f"{where}: unknown tag {sorted(tags - KNOWN_TAGS)}")
        if not cell.source.strip():
            faults.append(f"{where}: empty")
        ignored = "nbval-ignore-output" in tags
        if ignored != cell.source.startswith(NOT_COMPARED):
            faults.append(
                f"{where}: an output that is not compared needs the tag nbval-ignore-output and a first line `{NOT_COMPARED}reason`"
            )
        if ignored and not (
            i + 1 < len(code)
            and any(isinstance(n, ast.Assert) for n in ast.walk(ast.parse(code[i + 1].source)))
        ):
            faults.append(f"{where}: its output is not compared, and no cell with an assertion follows")
        pictures = 0
        for output in cell.outputs:
            if output.output_type == "error":
                faults.append(f"{where}: it failed with {output.ename}")
            if output.output_type == "stream" and output.name == "stderr":
                faults.append(f"{where}: it wrote to stderr: {output.text[:80]!r}")
            if (
                "application/vnd.jupyter.widget-view+json" in output.get("data", {})
                and "text/plain" not in output.data
            ):
                faults.append(f"{where}: a widget has no static twin")
            if "image/png" in output.get("data", {}):
                pictures += 1
                if len(output.metadata.get("image/png", {}).get("alt", "")) < 20:
                    faults.append(f"{where}: a picture has no alt text")
        printed = any(output.output_type == "stream" and output.name == "stdout" for output in cell.outputs)
        if pictures and not printed:
            faults.append(f"{where}: a picture without a printed fact under it")
    return faults


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_notebook_is_sound(path):
    faults = faults_in(nbformat.read(path, as_version=4), path.stat().st_size)
    assert not faults, "\n".join(faults)


def test_every_output_that_is_not_compared_has_a_reason(capsys):
    with capsys.disabled():
        print()
        for path in NOTEBOOKS:
            for cell in nbformat.read(path, as_version=4).cells:
                if "nbval-ignore-output" in cell.metadata.get("tags", []):
                    reason = cell.source.splitlines()[0].removeprefix(NOT_COMPARED)
                    assert len(reason) > 10, f"{path.stem}: {reason!r} is no reason"
                    print(f"  not compared in {path.stem}: {reason}")


def a_good_notebook():
    png = nbformat.v4.new_output(
        "display_data",
        {"image/png": "AAAA", "text/plain": "x"},
        metadata={"image/png": {"alt": "a picture of two seasons"}},
    )
    fact = nbformat.v4.new_output("stream", name="stdout", text="2 pictures\n")
    cells = [
        nbformat.v4.new_markdown_cell("# Title\n## If this goes wrong\nAsk."),
        nbformat.v4.new_code_cell("show()", execution_count=1, outputs=[png, fact]),
        nbformat.v4.new_code_cell(
            "# not compared: timings vary\nrun()",
            execution_count=2,
            metadata={"tags": ["nbval-ignore-output"]},
        ),
        nbformat.v4.new_code_cell("assert True", execution_count=3),
    ]
    return nbformat.v4.new_notebook(cells=cells)


def set_metadata(cell, tags):
    cell.metadata["tags"] = tags


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda nb: nb.cells[1].update(execution_count=None), "execution counts"),
        (lambda nb: nb.cells[1].update(execution_count=7), "execution counts"),
        (lambda nb: nb.cells[1].outputs[0].update(metadata={}), "no alt text"),
        (lambda nb: nb.cells[1].outputs.pop(), "without a printed fact"),
        (
            lambda nb: nb.cells[1].outputs.append(
                nbformat.v4.new_output("stream", name="stderr", text="warning")
            ),
            "stderr",
        ),
        (
            lambda nb: nb.cells[1].outputs.append(
                nbformat.v4.new_output("error", ename="ValueError", evalue="", traceback=[])
            ),
            "failed with ValueError",
        ),
        (lambda nb: nb.metadata.update(widgets={}), "widget state"),
        (lambda nb: set_metadata(nb.cells[1], ["surprise"]), "unknown tag"),
        (lambda nb: nb.cells[0].update(source=nb.cells[0].source + "\n" + "word " * 30), "characters"),
        (lambda nb: nb.cells[1].outputs[-1].update(text="small: True\n" * 4), "truth values"),
        (lambda nb: set_metadata(nb.cells[2], []), "needs the tag"),
        (lambda nb: nb.cells[2].update(source="run()"), "needs the tag"),
        (lambda nb: nb.cells[3].update(source="print(1)"), "no cell with an assertion"),
        (lambda nb: nb.cells[0].update(source="# Title"), "If this goes wrong"),
    ],
)
def test_the_lint_sees_each_fault(spoil, words):
    notebook = a_good_notebook()
    assert faults_in(notebook) == []
    spoil(notebook)
    assert any(words in fault for fault in faults_in(notebook))


def test_a_rerun_leaves_no_random_names_of_widgets():
    output = nbformat.v4.new_output(
        "display_data", {"application/vnd.jupyter.widget-view+json": {"model_id": "a1"}}
    )
    output.data["text/plain"] = "a slider"
    cell = nbformat.v4.new_code_cell("x", outputs=[output], metadata={"tags": ["check"], "trusted": True})
    notebook = nbformat.v4.new_notebook(cells=[cell])
    normalise(notebook)
    assert notebook.cells[0].outputs[0].data == {"text/plain": "a slider"}
    assert notebook.cells[0].metadata == {"tags": ["check"]}
