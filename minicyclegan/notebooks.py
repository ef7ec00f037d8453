"""Find, run and refresh the course's notebooks (plumbing). `python -m minicyclegan.notebooks` is `make notebooks`."""

import ast
import os
import re
import sys
from pathlib import Path

import yaml

from minicyclegan.errors import DataError, ParameterError, RunError
from minicyclegan.parameters import check_name, check_type, declared_parameters, shown

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


class PlainLoader(yaml.SafeLoader):
    """YAML without references: with them, a few lines can stand for more than any memory holds."""

    def compose_node(self, parent, index):
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("references (*name) are not read")
        return super().compose_node(parent, index)


LONGEST_YAML = 65_536  # bytes; the course's longest file has a fiftieth of it


def read_yaml(text: str):
    """Plain values: numbers, texts, dates, lists and dicts. Nothing is executed. Raises ParameterError with the reason."""
    if len(text) > LONGEST_YAML:
        raise ParameterError(f"it is longer than {LONGEST_YAML:,} characters")
    try:
        return yaml.load(text, PlainLoader)
    except yaml.YAMLError as error:
        raise ParameterError(f"it is no YAML ({str(error).splitlines()[0][:80]})") from error
    except RecursionError:
        raise ParameterError("its lists are nested too deeply") from None
    except (
        Exception
    ) as error:  # PyYAML lets many kinds out: 2024-13-45 is a ValueError, !!int '' an IndexError
        raise ParameterError("it holds a number, date or tag that is none") from error


def read_yaml_file(path: str | Path, what: str):
    """The plain values in a YAML file; `what` says in the sentence what it should have held. Raises ParameterError."""
    path = Path(path)
    try:
        if path.exists() and not path.is_file():  # a pipe would wait for ever
            raise ParameterError("it is no file")
        with open(path, "rb") as file:
            return read_yaml(file.read(LONGEST_YAML + 1).decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise ParameterError(f"cannot read the {what} {path}: it is not written in UTF-8") from error
    except (OSError, ValueError) as error:  # ParameterError is a ValueError
        reason = getattr(error, "strerror", None) or error
        raise ParameterError(f"cannot read the {what} {path}: {reason}") from error


def number_in(value):
    """1e-3 as the number it looks like (YAML 1.1 would call it text); everything else as it is."""
    written = isinstance(value, str) and re.fullmatch(r"[-+]?[0-9]+(\.[0-9]*)?[eE][-+]?[0-9]+", value)
    return float(value) if written else value


def read_parameters(pairs: tuple[str, ...], file: str | Path | None, declared: dict) -> dict:
    """Parameters from a YAML file and from `name=value` pairs, which win; each is checked. Raises ParameterError."""
    given = {}
    if file:
        content = read_yaml_file(file, "parameters in")
        if not isinstance(content, dict) or not all(isinstance(name, str) for name in content):
            raise ParameterError(f"{file} must hold lines `name: value`")
        given |= {name: number_in(value) for name, value in content.items()}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not equals:
            raise ParameterError(f"-p wants name=value, but it is {shown(pair)}")
        try:
            given[name.strip()] = number_in(read_yaml(text)) if text else ""
        except ParameterError as error:
            raise ParameterError(
                f"cannot read the value {shown(text)} of {name.strip()[:80]}: {error}"
            ) from error
    for name, value in given.items():
        check_name(name, declared)
        if declared[name][0] is str and type(value) in (int, float):
            value = str(check_type(name, value, type(value)))  # a folder may be called 2024
        given[name] = check_type(name, value, declared[name][0])
    check_ways_to_run(given)
    return given


def check_ways_to_run(given: dict) -> None:
    """Refuse the parameters that are no part of a Config as training would, but before a kernel is started for it."""
    for name, value in given.items():
        if name.endswith("_every") and value < 1:
            raise ParameterError(f"parameter {name} must be at least 1, but it is {value}")
    if "device" in given or "precision" in given:
        from minicyclegan.devices import choose_device  # here, because it imports torch

        choose_device(given.get("device", "auto"), given.get("precision", "auto"))


def kernel_here() -> str:
    """The kernel of this environment. A `python3` kernel installed elsewhere on the machine must not win."""
    from jupyter_client.kernelspec import KernelSpecManager

    os.environ["JUPYTER_PREFER_ENV_PATH"] = "1"
    try:
        known = KernelSpecManager().find_kernel_specs()
    except RuntimeError as error:  # a bare user number in a container
        raise RunError("Jupyter finds no home folder; set HOME to a folder that you can write") from error
    if "python3" not in known:
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
