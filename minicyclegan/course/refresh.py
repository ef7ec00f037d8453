"""Execute the notebooks again in place: `python -m minicyclegan.course.refresh` is `make notebooks`."""

import ast
import copy
import os
import sys
from pathlib import Path

from minicyclegan.course.execution import QUIET, kernel_here
from minicyclegan.course.files import course_folder
from minicyclegan.course.notebook_files import read_notebook
from minicyclegan.course.varying import settle_outputs


def normalise(notebook) -> None:
    """Keep what matters and drop what changes from run to run, in place."""
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    for cell in notebook.cells:
        cell.metadata = {key: value for key, value in cell.metadata.items() if key in ("tags", "jupyter")}
        if cell.cell_type == "code":
            merge_streams(cell)
            for output in cell.outputs:
                # The view of a widget has a new random name each time, and needs a kernel
                output.get("data", {}).pop("application/vnd.jupyter.widget-view+json", None)


def merge_streams(cell) -> None:
    """Join neighbouring pieces of one stream: how a kernel cuts its text into messages varies."""
    merged = []
    for output in cell.outputs:
        if (
            output.output_type == "stream"
            and merged
            and merged[-1].output_type == "stream"
            and merged[-1].name == output.name
        ):
            merged[-1].text += output.text
        else:
            merged.append(output)
    cell.outputs = merged


def refresh(path: Path, anew: bool = False) -> tuple[float, int]:
    """Execute a notebook from top to bottom in a fresh kernel, in place and normalised.

    Numbers that lie within their ± stay as they were, unless `anew`: then those of this run are written, as after a change of
    what is computed. Returns the seconds it took, and how many cells kept numbers.
    """
    import time

    import nbformat
    from nbclient import NotebookClient

    from minicyclegan.course.cards import set_time_line
    from minicyclegan.course.first_cell import set_first_cell

    notebook = read_notebook(path)
    set_first_cell(notebook)
    before = [copy.deepcopy(cell.get("outputs")) for cell in notebook.cells]
    started = time.monotonic()
    client = NotebookClient(
        notebook,
        timeout=600,
        kernel_name=kernel_here(),
        record_timing=False,
        store_widget_state=False,
        extra_arguments=list(QUIET),
        resources={"metadata": {"path": str(path.parent)}},
    )
    client.execute()
    seconds = time.monotonic() - started
    normalise(notebook)
    kept = 0
    for cell, old in zip(notebook.cells, before):
        if old and not anew:
            measured = copy.deepcopy(cell.outputs)
            settle_outputs(old, cell.outputs)  # a number that may vary stays as it is: no needless difference
            kept += cell.outputs != measured
    set_time_line(notebook)
    temporary = path.with_suffix(".tmp")
    nbformat.write(notebook, temporary)
    os.replace(temporary, path)
    return seconds, kept


def definitions(path: str | Path) -> dict[str, ast.AST]:
    """The classes, functions and upper-case constants defined at the top level of a module's or notebook's code."""

    if str(path).endswith(".ipynb"):
        cells = [cell.source for cell in read_notebook(path).cells if cell.cell_type == "code"]
    else:
        cells = [Path(path).read_text(encoding="utf-8")]
    found = {}
    for source in cells:
        for node in ast.parse(source).body:
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
                found[node.name] = node
            elif (
                isinstance(node, ast.Assign)
                and isinstance(node.targets[0], ast.Name)
                and node.targets[0].id.isupper()
            ):
                found[node.targets[0].id] = node
    return found


def main(names: list[str]) -> None:
    anew, names = "--anew" in names, [name for name in names if name != "--anew"]
    paths = sorted(course_folder().glob("*.ipynb"))
    chosen = [p for p in paths if not names or any(p.name.startswith(name) for name in names)]
    for path in chosen:
        seconds, kept = refresh(path, anew)
        note = f"; {kept} cells keep their numbers, which lie within their ± (--anew writes this run's)"
        print(f"{path.name}: {seconds:.0f} s{note if kept else ''}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
