"""Copies of the notebooks for students: solutions cut, outputs cleared, checks kept. `minicyclegan student`.

What is cut is what nbgrader's ClearSolutions and ClearOutput would cut; tests/test_student.py compares the two where
nbgrader is installed.
"""

import contextlib
import copy
import os
import re
import shutil
import tempfile
import textwrap
from collections.abc import Iterator
from pathlib import Path

from minicyclegan.course import first_cell
from minicyclegan.course.cards import BEGIN, END, cards, read_notebook, tags
from minicyclegan.errors import RunError

STUB = ("# YOUR CODE HERE", "raise NotImplementedError()")
NOT_COPIED = shutil.ignore_patterns(".*", "__pycache__")
MARK = re.compile(r"#.*\b(?i:begin|end)\s+(?i:solution)|(BEGIN|END) SOLUTION")


def cut(source: str, where: str) -> tuple[str, list[str]]:
    """A cell's source with a stub in place of each marked region, and the code that was cut, dedented.

    Each mark stands alone on its line. Raises RunError, with the place, if they do not, or if they are not in pairs.
    """
    kept, regions, region = [], [], None
    for number, line in enumerate(source.split("\n"), 1):
        place = f"{where}, line {number}"
        if not MARK.search(line):
            (kept if region is None else region).append(line)
        elif line.strip() == BEGIN:
            if region is not None:
                raise RunError(f"{place}: `{BEGIN}` stands inside another one; close that with `{END}` first")
            region, indent = [], line[: len(line) - len(line.lstrip())]
            kept += [indent + stub for stub in STUB]
        elif line.strip() == END:
            if region is None:
                raise RunError(f"{place}: `{END}` without `{BEGIN}` before it")
            regions.append(textwrap.dedent("\n".join(region)).strip())
            region = None
        else:  # a misspelt mark would hand out the solution
            raise RunError(f"{place}: write the mark alone on its line as `{BEGIN}` or `{END}`")
    if region is not None:
        raise RunError(f"{where}: `{BEGIN}` without `{END}`")
    return "\n".join(kept), regions


def student_copy(notebook, name: str, folded: bool = False, uncut: bool = False, install: str = ""):
    """A notebook as students get it. With `folded`, solutions stay in their folds, and the cut code with them.
    With `uncut`, what stands between the marks stays, and the marks too, for nbgrader to cut. `install` is what the
    first code cell tells to put behind `%pip install`.

    Raises RunError, with the place, for a notebook with incomplete exercises or with marks that are not in pairs.
    """
    cards(notebook, name)
    notebook = copy.deepcopy(notebook)
    notebook.metadata.pop("widgets", None)
    kept, regions = [], []
    for k, cell in enumerate(notebook.cells, 1):
        where = f"{name}, cell {k}"
        if first_cell.TAG in tags(cell):
            cell.source = first_cell.source(install)
        if cell.cell_type == "code":
            source, cut_here = cut(cell.source, where)
            cell.source = cell.source if uncut else source
        elif any(line.strip() in (BEGIN, END) for line in cell.source.splitlines()):
            raise RunError(f"{where}: `{BEGIN}` and `{END}` belong in a code cell")
        else:
            cut_here = []
        if "instructor" in tags(cell):
            continue
        regions = cut_here if "card" in tags(cell) else regions + cut_here
        if "solution" in tags(cell):
            code, regions = regions, []
            if not folded:
                continue
            cell.source = with_code(cell.source, code, where)
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
            for field in ("collapsed", "scrolled"):
                cell.metadata.pop(field, None)
        kept.append(cell)
    notebook.cells = kept
    return notebook


def with_code(source: str, regions: list[str], where: str) -> str:
    """A folded solution with code blocks at the end of its fold."""
    text, end, rest = source.rpartition("</details>")
    if not end:
        raise RunError(f"{where}: the fold of the solution is not closed with `</details>`")
    blocks = "".join(f"```python\n{region}\n```\n\n" for region in regions)
    return f"{text.rstrip()}\n\n{blocks}{end}{rest}"


def chosen_notebooks(folder: Path, only: list[str]) -> list[Path]:
    """The notebooks of a folder whose names begin with one of these; all of them if `only` is empty. Raises RunError."""
    paths = sorted(folder.glob("*.ipynb"))
    for prefix in only:
        if not any(path.name.startswith(prefix) for path in paths):
            known = ", ".join(path.stem for path in paths)
            raise RunError(f"there is no notebook {prefix}; the course has {known}")
    return [path for path in paths if not only or path.name.startswith(tuple(only))]


def write_student_copies(
    course: Path, out: Path, only: list[str], folded: bool = False, install: str = ""
) -> list[Path]:
    """Copy the course's notebooks for students, and what lies beside them, into `out`; returns the notebooks.

    All or nothing: the copies are made in a temporary folder beside `out`, which takes its name at the end.
    Raises RunError.
    """
    import nbformat

    require_new(out)
    copies = {
        path.name: student_copy(read_notebook(path), path.stem, folded, install=install)
        for path in chosen_notebooks(course, only)
    }
    if not copies:
        raise RunError(f"there are no notebooks in {course}")
    with new_folder(out) as temporary:
        for name, notebook in copies.items():
            nbformat.write(notebook, temporary / name)
        for path in sorted(course.iterdir()):  # configs/, sweeps/: what the notebooks read
            if path.name.startswith(".") or path.suffix == ".ipynb" or path.name == "__pycache__":
                continue
            if path.is_dir():
                shutil.copytree(path, temporary / path.name, ignore=NOT_COPIED)
            else:
                shutil.copy(path, temporary)
    return [out / name for name in copies]


def require_new(out: Path) -> None:
    """Refuse a place that holds something. Raises RunError."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise RunError(f"{out} is not empty; give a folder that does not exist yet")


@contextlib.contextmanager
def new_folder(out: Path) -> Iterator[Path]:
    """A temporary folder beside `out`, which takes its name at the end, or is gone after a fault. Raises RunError."""
    temporary = None
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
        yield temporary
        temporary.chmod(0o755)  # mkdtemp makes a folder that only its owner may read
        if out.exists():
            out.rmdir()
        os.replace(temporary, out)
    except OSError as error:
        raise RunError(f"cannot write the copies to {out}: {error.strerror or error}") from error
    finally:
        if temporary is not None:
            shutil.rmtree(temporary, ignore_errors=True)
