"""The parameters of a notebook: which ones it has, and values for them from YAML and from `name=value`, checked."""

import re
from pathlib import Path

import yaml

from minicyclegan.errors import ParameterError, RunError
from minicyclegan.parameters import check_intervals, check_name, check_type, declared_parameters, shown


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
        raise ParameterError(f"it is not YAML ({str(error).splitlines()[0][:80]})") from error
    except RecursionError:
        raise ParameterError("its lists are nested too deeply") from None
    except Exception as error:  # PyYAML raises many kinds: 2024-13-45 is a ValueError, !!int '' an IndexError
        raise ParameterError("it holds an invalid number, date or tag") from error


def read_yaml_file(path: str | Path, what: str):
    """The plain values in a YAML file. `what` names it in the sentence that refuses it, as in "parameter file". Raises ParameterError."""
    path = Path(path)
    try:
        if path.exists() and not path.is_file():  # a pipe would wait for ever
            raise ParameterError("it is not a file")
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
        content = read_yaml_file(file, "parameter file")
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
    check_run_options(given)
    return given


def check_run_options(given: dict) -> None:
    """Refuse the parameters that are not part of a Config, as training would, but before a kernel is started."""
    check_intervals(given)
    if "device" in given or "precision" in given:
        from minicyclegan.runs.devices import choose_device  # here, because it imports torch

        choose_device(given.get("device", "auto"), given.get("precision", "auto"))
