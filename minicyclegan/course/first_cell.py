"""The first code cell of every notebook: where the kernel lacks the package, it says so, and the one line that installs it.

The cell is the same in all notebooks. `python -m minicyclegan.course.refresh` puts it there, and the tag `setup` marks it.
"""

import importlib.util
import json

from minicyclegan import __version__

TAG = "setup"
WHEEL = f"minicyclegan-{__version__}-py3-none-any.whl"  # what `make wheel` writes
SOURCE = """# Everything below needs the course's package; where that is missing, this cell says so
try:
    from minicyclegan.course.first_cell import check_kernel
except ImportError:
    raise ModuleNotFoundError(
        "this kernel has no miniCycleGAN, or one that is older than this notebook: run\\n\\n"
        {line}
        {where}
    ) from None
check_kernel("{version}")
"""
GIVEN = '"in a cell of its own, and restart the kernel"'
ASKED = (
    '"in a cell of its own (the file comes from your teacher; give its path if it does not lie "\n'
    '        "beside this notebook), and restart the kernel"'
)
# What the notebooks import, and the name under which pip knows it. Who installs a wheel with --no-deps may lack some
NEEDED = {
    "torch": "torch",
    "torchvision": "torchvision",
    "numpy": "numpy",
    "PIL": "pillow",
    "matplotlib": "matplotlib",
    "ipywidgets": "ipywidgets",
    "nbformat": "nbformat",
    "yaml": "pyyaml",
    "filelock": "filelock",
    "click": "click",
}


def source(install: str = "") -> str:
    """The cell's code. `install` is what stands behind `%pip install`, by default the wheel's name."""
    line = json.dumps(f"    %pip install {install or WHEEL}\n\n", ensure_ascii=False)
    return SOURCE.format(line=line, where=GIVEN if install else ASKED, version=__version__).rstrip()


def set_first_cell(notebook) -> None:
    """Put the cell before the first code cell of a notebook, or in place of the one already there."""
    import nbformat

    from minicyclegan.course.cards import tags

    notebook.cells = [cell for cell in notebook.cells if TAG not in tags(cell)]
    cell = nbformat.v4.new_code_cell(source(), id="the-package")
    cell.metadata = {"jupyter": {"source_hidden": True}, "tags": [TAG]}
    code = [k for k, cell in enumerate(notebook.cells) if cell.cell_type == "code"]
    notebook.cells.insert(code[0] if code else len(notebook.cells), cell)


def check_kernel(version: str) -> None:
    """Whether this kernel has what a notebook of this version imports. Raises ModuleNotFoundError, in one sentence."""
    if numbers(__version__) < numbers(version):
        raise ModuleNotFoundError(
            f"this notebook needs miniCycleGAN {version} and this kernel has {__version__}: "
            "install the wheel that came with the notebook, and restart the kernel"
        )
    missing = [name for module, name in NEEDED.items() if importlib.util.find_spec(module) is None]
    if missing:
        raise ModuleNotFoundError(
            f"this kernel has miniCycleGAN, but not {', '.join(missing)}: run\n\n    %pip install {' '.join(missing)}\n\n"
            "in a cell of its own, and restart the kernel"
        )


def numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))
