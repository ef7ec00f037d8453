"""A notebook that is opened without the package says in one sentence what is missing and which line installs it."""

import ast
import json
import subprocess
import sys

import nbformat
import pytest
from click.testing import CliRunner
from conftest import ROOT

from minicyclegan.cli import main
from minicyclegan.course import first_cell
from minicyclegan.course.cards import read_notebook, tags

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
SENTENCE = (
    "this kernel has no miniCycleGAN, or one that is older than this notebook: run\n\n"
    "    %pip install minicyclegan-0.1.0-py3-none-any.whl\n\n"
    "in a cell of its own (the file comes from your teacher; give its path if it does not lie beside this "
    "notebook), and restart the kernel"
)
# Runs cells in a Python without any package, in the folder that it is given, and prints what each one said
WITHOUT_PACKAGES = """
import json, sys

sys.path.insert(0, sys.argv[1])
said = []
for source in json.load(sys.stdin):
    try:
        exec(source, {})
    except Exception as error:
        said.append([type(error).__name__, str(error), error.__suppress_context__])
print(json.dumps(said))
"""


def code_cells(path) -> list:
    return [cell for cell in read_notebook(path).cells if cell.cell_type == "code"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_first_code_cell_is_the_same_in_every_notebook(path):
    first, *others = code_cells(path)
    assert first.source == first_cell.source(), "run `make notebooks`"
    assert tags(first) == {"setup"} and first.outputs == []
    assert not any("setup" in tags(cell) for cell in others)


@pytest.mark.parametrize("beside", ["nothing", "a clone", "an old package"])
def test_without_the_package_every_notebook_says_what_to_do(tmp_path, beside):
    if beside == "a clone":  # git clone makes a folder minicyclegan, which Python can import
        (tmp_path / "minicyclegan" / "minicyclegan" / "course").mkdir(parents=True)
    elif beside == "an old package":
        (tmp_path / "minicyclegan" / "course").mkdir(parents=True)
        for name in ("__init__.py", "course/__init__.py"):
            (tmp_path / "minicyclegan" / name).write_text("")
    sources = [code_cells(path)[0].source for path in NOTEBOOKS]
    command = [sys.executable, "-I", "-S", "-c", WITHOUT_PACKAGES, str(tmp_path)]
    done = subprocess.run(command, input=json.dumps(sources), capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == [["ModuleNotFoundError", SENTENCE, True]] * len(NOTEBOOKS)


def test_a_kernel_shows_the_sentence_last_below_a_few_lines_and_stops_there(tmp_path):
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError

    hidden = nbformat.v4.new_code_cell("import sys\nsys.modules['minicyclegan'] = None")
    notebook = read_notebook(NOTEBOOKS[0])
    notebook.cells = [hidden, *(cell for cell in notebook.cells if cell.cell_type == "code")]
    client = NotebookClient(notebook, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}})
    with pytest.raises(CellExecutionError):
        client.execute()
    (output,) = notebook.cells[1].outputs
    assert output.ename == "ModuleNotFoundError" and output.evalue == SENTENCE
    shown = "\n".join(output.traceback).splitlines()
    assert len(shown) < 20 and shown[-1].endswith("restart the kernel")


def test_what_the_notebooks_import_is_looked_for():
    imported = set()
    for path in NOTEBOOKS:
        for cell in code_cells(path):
            for node in ast.walk(ast.parse(cell.source)):
                if isinstance(node, ast.Import):
                    imported |= {alias.name for alias in node.names}
                elif isinstance(node, ast.ImportFrom):
                    imported.add(node.module)
    roots = {name.split(".")[0] for name in imported}
    assert roots - set(sys.stdlib_module_names) - {"minicyclegan"} <= set(first_cell.NEEDED)


def test_a_kernel_with_half_of_it_is_told_the_other_half(monkeypatch):
    first_cell.check_kernel(first_cell.__version__)
    monkeypatch.setitem(first_cell.NEEDED, "no_torch", "torch")
    monkeypatch.setitem(first_cell.NEEDED, "no_yaml", "pyyaml")
    with pytest.raises(
        ModuleNotFoundError, match=r"but not torch, pyyaml: run\n\n    %pip install torch pyyaml\n\n"
    ):
        first_cell.check_kernel("0.1.0")


def test_a_newer_notebook_names_both_versions(monkeypatch):
    monkeypatch.setattr(first_cell, "__version__", "0.9.1")
    first_cell.check_kernel("0.9.1")
    with pytest.raises(ModuleNotFoundError, match="needs miniCycleGAN 0.10.0 and this kernel has 0.9.1"):
        first_cell.check_kernel("0.10.0")


def test_setting_the_cell_again_changes_nothing_and_an_old_one_is_replaced():
    notebook = read_notebook(NOTEBOOKS[0])
    before = nbformat.writes(notebook)
    first = code_cells(NOTEBOOKS[0])[0]
    first_cell.set_first_cell(notebook)
    (cell,) = [cell for cell in notebook.cells if "setup" in tags(cell)]
    cell.execution_count = first.execution_count
    assert nbformat.writes(notebook) == before
    cell.source = "an old one"
    first_cell.set_first_cell(notebook)
    assert [c.source for c in notebook.cells if "setup" in tags(c)] == [first_cell.source()]


@pytest.mark.parametrize("nbgrader", [False, True], ids=["copies", "nbgrader"])
def test_copies_for_a_class_name_the_line_that_their_teacher_gave(tmp_path, nbgrader):
    line = '--no-deps "/kaggle/input/the class/minicyclegan-0.1.0-py3-none-any.whl"'
    options = ["--only", "02", "--install", line] + ["--nbgrader"] * nbgrader
    done = CliRunner().invoke(main, ["student", str(tmp_path / "out"), *options])
    assert done.exit_code == 0, done.output
    (path,) = (tmp_path / "out").rglob("02_generator.ipynb")
    with pytest.raises(ModuleNotFoundError) as said, pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "minicyclegan.course.first_cell", None)
        exec(code_cells(path)[0].source, {})
    assert f"run\n\n    %pip install {line}\n\nin a cell of its own, and restart" in str(said.value)
