"""What a notebook builds is, to the syntax tree, what the library ships."""

import ast
import difflib
from pathlib import Path

import nbformat
import pytest

from minicyclegan.course.refresh import definitions

ROOT = Path(__file__).parent.parent
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
# Which notebook builds which module
MIRROR = {
    "seasons": "01_two_domains",
    "data": "01_two_domains",
    "generator": "02_generator",
    "discriminator": "03_discriminator",
    "gan_loss": "04_gan_loss",
    "cycle_loss": "05_cycle_consistency",
    "cyclegan": "06_cyclegan",
    "training": "07_train",
    "samples": "07_train",
    "translate": "10_your_images",
    "evaluation": "08_evaluate",
    "diagnosis": "08b_diagnosis",
    "patch_nce": "12_patch_nce",
}


def without_docstrings(node: ast.AST) -> ast.AST:
    """A copy of a definition without its docstrings: the library's may be fuller."""
    node = ast.parse(ast.unparse(node)).body[0]
    for inner in ast.walk(node):
        body = getattr(inner, "body", None)
        if isinstance(inner, (ast.FunctionDef, ast.ClassDef)) and ast.get_docstring(inner) is not None:
            inner.body = body[1:] or [ast.Pass()]
    return node


def difference(library: ast.AST, notebook: ast.AST) -> str:
    """A readable diff, empty when the two are equal."""
    old, new = (ast.unparse(without_docstrings(node)).splitlines() for node in (library, notebook))
    return "\n".join(difflib.unified_diff(old, new, "library", "notebook", lineterm=""))


def mirror_faults(library_files: dict[str, Path], notebook_files: list[Path]) -> list[str]:
    """Everything in which the library and the notebooks do not mirror each other."""
    faults, home = [], {}
    in_notebooks = {path.stem: definitions(path) for path in notebook_files}
    for module, path in library_files.items():
        for name, node in definitions(path).items():
            if name.startswith("_"):
                continue
            home[name] = module
            built = in_notebooks.get(MIRROR[module], {}).get(name)
            if built is None:
                faults.append(f"{module}.{name} is not built in notebook {MIRROR[module]}")
            elif diff := difference(node, built):
                faults.append(f"{module}.{name} differs from notebook {MIRROR[module]}:\n{diff}")
    for notebook, found in in_notebooks.items():
        for name in found:
            if name in home and MIRROR[home[name]] != notebook:
                faults.append(
                    f"notebook {notebook} defines {name} again; it is built in {MIRROR[home[name]]}: import it from minicyclegan.{home[name]}"
                )
    return faults


def library_files() -> dict[str, Path]:
    return {module: ROOT / "minicyclegan" / f"{module}.py" for module in MIRROR}


def test_library_and_notebooks_are_each_others_mirror():
    faults = mirror_faults(library_files(), NOTEBOOKS)
    assert not faults, "\n\n".join(faults)


def written(folder: Path, notebook: str, sources: list[str]) -> Path:
    path = folder / f"{notebook}.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(s) for s in sources]), path)
    return path


GOOD = 'def generator_loss(scores):\n    """Long text."""\n    return scores.mean()\n'


@pytest.mark.parametrize(
    ("library", "notebooks", "expected"),
    [
        (GOOD, {"04_gan_loss": GOOD.replace("Long text.", "Short.")}, []),  # docstrings may differ
        # The library side is broken
        (GOOD.replace("mean", "sum"), {"04_gan_loss": GOOD}, ["-    return scores.sum()"]),
        # The notebook side is broken
        (GOOD, {"04_gan_loss": GOOD.replace("mean", "sum")}, ["+    return scores.sum()"]),
        (GOOD, {"04_gan_loss": "x = 1"}, ["is not built in"]),
        (GOOD, {"04_gan_loss": GOOD, "06_cyclegan": GOOD}, ["defines generator_loss again"]),
        (GOOD + "LIMIT = 3", {"04_gan_loss": GOOD + "LIMIT = 4"}, ["+LIMIT = 4"]),
    ],
)
def test_the_mirror_breaks_when_either_side_is_broken(tmp_path, library, notebooks, expected):
    module = tmp_path / "gan_loss.py"
    module.write_text(library)
    paths = [written(tmp_path, name, [source]) for name, source in notebooks.items()]
    faults = mirror_faults({"gan_loss": module}, paths)
    assert len(faults) == len(expected)
    for fault, words in zip(faults, expected):
        assert words in fault
