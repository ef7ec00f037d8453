"""Find, run and refresh the course's notebooks (plumbing). `python -m minicyclegan.notebooks` is `make notebooks`."""

import ast
import os
import re
import sys
from pathlib import Path

import yaml

from minicyclegan.errors import DataError, ParameterError, RunError
from minicyclegan.parameters import check_name, check_type, declared_parameters

PACKAGE = Path(__file__).parent
QUIET = ["--IPKernelApp.log_level=ERROR"]  # the kernel's own notes about its transport help nobody here


def course_folder() -> Path:
    """Where the notebooks are: beside the package in a checkout, inside it in an installed wheel."""
    for folder in (PACKAGE / "notebooks", PACKAGE.parent / "notebooks"):
        if folder.is_dir():
            return folder
    raise RunError("the notebooks are not beside this package; clone the repository and install from there")


def shipped_weights() -> Path:
    """The weights that come with the course, for notebook 00 and for a first try of `translate`."""
    for folder in (PACKAGE / "data", PACKAGE.parent / "data"):
        if (folder / "seasons_64px.pt").is_file():
            return folder / "seasons_64px.pt"
    raise DataError("the shipped weights data/seasons_64px.pt are missing; clone the repository again")


def parameters_of(path: str | Path) -> dict[str, tuple[type, object]]:
    """Names, types and defaults in the cell of a notebook that is tagged `parameters`; empty without such a cell."""
    import nbformat

    try:
        notebook = nbformat.read(path, as_version=4)
    except FileNotFoundError:
        raise RunError(f"there is no notebook {path}; check the path") from None
    except Exception as error:  # nbformat raises many kinds
        raise RunError(f"{path} is not a notebook: {str(error).splitlines()[0][:100]}") from error
    for cell in notebook.cells:
        if "parameters" in cell.metadata.get("tags", []):
            return declared_parameters(cell.source)
    return {}


def yaml_value(text: str):
    """One value as YAML, and 1e-3 as the number it looks like (YAML 1.1 would call it text)."""
    value = yaml.safe_load(text)
    return (
        float(value)
        if isinstance(value, str) and re.fullmatch(r"[-+]?\d+(\.\d*)?[eE][-+]?\d+", value)
        else value
    )


def read_parameters(pairs: tuple[str, ...], file: str | Path | None, declared: dict) -> dict:
    """Parameters from a YAML file and from `name=value` pairs, which win; each is checked. Raises ParameterError."""
    given = {}
    if file:
        try:
            content = yaml.safe_load(Path(file).read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            raise ParameterError(
                f"cannot read the parameters in {file}: {str(error).splitlines()[0]}"
            ) from error
        if not isinstance(content, dict):
            raise ParameterError(f"{file} must hold lines `name: value`")
        given |= {
            str(name): yaml_value(value) if isinstance(value, str) and value else value
            for name, value in content.items()
        }
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not equals:
            raise ParameterError(f"-p wants name=value, but it is {pair!r}")
        try:
            given[name.strip()] = yaml_value(text) if text else ""
        except yaml.YAMLError as error:
            raise ParameterError(f"cannot read the value of {name.strip()}: {text!r} is no YAML") from error
    for name, value in given.items():
        check_name(name, declared)
        if declared[name][0] is str and isinstance(value, (int, float)) and not isinstance(value, bool):
            value = str(value)  # a folder may be called 2024
        given[name] = check_type(name, value, declared[name][0])
    return given


def kernel_here() -> str:
    """The kernel of this environment. A `python3` kernel installed elsewhere on the machine must not win."""
    from jupyter_client.kernelspec import KernelSpecManager

    os.environ["JUPYTER_PREFER_ENV_PATH"] = "1"
    if "python3" not in KernelSpecManager().find_kernel_specs():
        raise RunError("no Jupyter kernel here; run `pip install ipykernel` in this environment")
    return "python3"


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
            for (
                output
            ) in cell.outputs:  # the view of a widget has a new random name each time, and needs a kernel
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


def refresh(path: Path) -> float:
    """Execute a notebook from top to bottom in a fresh kernel, in place and normalised. Returns the seconds it took."""
    import time

    import nbformat
    from nbclient import NotebookClient

    from minicyclegan.course import set_time_line

    notebook = nbformat.read(path, as_version=4)
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
    set_time_line(notebook)
    temporary = path.with_suffix(".tmp")
    nbformat.write(notebook, temporary)
    os.replace(temporary, path)
    return seconds


def definitions(path: str | Path) -> dict[str, ast.AST]:
    """The classes, functions and upper-case constants defined at the top level of a module's or notebook's code."""
    import nbformat

    if str(path).endswith(".ipynb"):
        cells = [cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
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
    paths = sorted(course_folder().glob("*.ipynb"))
    chosen = [p for p in paths if not names or any(p.name.startswith(name) for name in names)]
    for path in chosen:
        print(f"{path.name}: {refresh(path):.0f} s", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
