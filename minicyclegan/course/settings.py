"""The parameters of a notebook: which ones it has, and values for them from YAML and from `name=value`, checked."""

import re
import unicodedata
from collections.abc import Container
from pathlib import Path

import yaml

from minicyclegan.course.notebook_files import read_notebook
from minicyclegan.errors import ParameterError
from minicyclegan.parameters import check_intervals, check_name, check_type, declared_parameters, shown


def parameters_of(path: str | Path) -> dict[str, tuple[type, object]]:
    """Names, types and defaults in the cell of a notebook that is tagged `parameters`; empty without such a cell.

    Raises RunError for a file that is missing or no notebook.
    """
    for cell in read_notebook(path).cells:
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


TEXT = "tag:yaml.org,2002:str"
NOT_TEXT = {
    f"tag:yaml.org,2002:{kind}" for kind in ("int", "float", "bool", "null", "timestamp", "value", "merge")
}


def keep_as_written(node: yaml.Node, names: Container[str]) -> None:
    """What stands behind one of these names, alone or in a list, becomes text as it was written: 007, 1e3, null, 12:30."""
    waiting = [node]
    while waiting:
        part = waiting.pop()
        if isinstance(part, yaml.SequenceNode):
            waiting += part.value
        for key, value in part.value if isinstance(part, yaml.MappingNode) else ():
            waiting.append(value)
            if isinstance(key, yaml.ScalarNode) and key.value in names:
                for scalar in value.value if isinstance(value, yaml.SequenceNode) else [value]:
                    if isinstance(scalar, yaml.ScalarNode) and scalar.tag in NOT_TEXT:
                        scalar.tag = TEXT


def read_yaml(text: str, texts: Container[str] = ()):
    """Plain values: numbers, texts, dates, lists and dicts. Nothing is executed. Raises ParameterError with the reason.

    The values of the names in `texts` are texts as they are written, whatever YAML would read in them.
    """
    if len(text) > LONGEST_YAML:
        raise ParameterError(f"it is longer than {LONGEST_YAML:,} characters")
    try:
        loader = PlainLoader(text)
        node = loader.get_single_node()
        if node is None:
            return None
        keep_as_written(node, texts)
        return loader.construct_document(node)
    except yaml.YAMLError as error:
        raise ParameterError(f"it is not YAML ({str(error).splitlines()[0][:80]})") from error
    except RecursionError:
        raise ParameterError("its lists are nested too deeply") from None
    except Exception as error:  # PyYAML raises many kinds: 2024-13-45 is a ValueError, !!int '' an IndexError
        raise ParameterError("it holds an invalid number, date or tag") from error


def read_yaml_file(path: str | Path, what: str, texts: Container[str] = ()):
    """The plain values in a YAML file, as `read_yaml` reads them. Raises ParameterError.

    `what` names the file in the sentence that refuses it, as in "parameter file".
    """
    path = Path(path)
    try:
        if path.exists() and not path.is_file():  # a pipe would wait for ever
            raise ParameterError("it is not a file")
        with open(path, "rb") as file:
            return read_yaml(file.read(LONGEST_YAML + 1).decode("utf-8-sig"), texts)
    except UnicodeDecodeError as error:
        raise ParameterError(f"cannot read the {what} {path}: it is not written in UTF-8") from error
    except (OSError, ValueError) as error:  # ParameterError is a ValueError
        reason = getattr(error, "strerror", None) or error
        raise ParameterError(f"cannot read the {what} {path}: {reason}") from error


def number_in(value):
    """1e-3 as the number it looks like (YAML 1.1 would call it text); everything else as it is."""
    written = isinstance(value, str) and re.fullmatch(r"[-+]?[0-9]+(\.[0-9]*)?[eE][-+]?[0-9]+", value)
    return float(value) if written else value


def texts_of(declared: dict) -> set[str]:
    """The names of the parameters that are texts."""
    return {name for name, (wanted, _) in declared.items() if wanted is str}


def as_typed(text: str) -> str:
    """A text as it was typed. Only where all of it stands in quotes, these are YAML's, and are taken off. Raises ParameterError."""
    if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'":
        return read_yaml(text)
    return text


def values_in_file(file: str | Path, declared: dict) -> dict:
    """The lines `name: value` of a YAML file, not yet checked; texts are as they are written there. Raises ParameterError."""
    content = read_yaml_file(file, "parameter file", texts_of(declared))
    if not isinstance(content, dict) or not all(isinstance(name, str) for name in content):
        raise ParameterError(f"{file} must hold lines `name: value`")
    return content


def read_parameters(pairs: tuple[str, ...], file: str | Path | None, declared: dict) -> dict:
    """Parameters from a YAML file and from `name=value` pairs, which win; each is checked. Raises ParameterError.

    Numbers, true and false are read as YAML. A parameter that is declared as text gets what was typed, letter for letter.
    """
    given, texts = values_in_file(file, declared) if file else {}, texts_of(declared)
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not equals:
            raise ParameterError(f"-p wants name=value, but it is {shown(pair)}")
        if name != name.rstrip():  # `name = value`: the blank behind the = belongs to the writing as well
            text = text.lstrip()
        name = name.strip()
        check_name(name, declared)
        try:
            given[name] = as_typed(text) if name in texts or not text else read_yaml(text)
        except ParameterError as error:
            raise ParameterError(f"cannot read the value {shown(text)} of {name}: {error}") from error
    return check_values(given, declared)


def check_values(given: dict, declared: dict) -> dict:
    """The given parameters, each of its declared type. Raises ParameterError for a wrong name, type or value."""
    checked = {}
    for name, value in given.items():
        check_name(name, declared)
        wanted = declared[name][0]
        checked[name] = check_type(name, value if wanted is str else number_in(value), wanted)
        odd = (
            [c for c in value if unicodedata.category(c) in ("Cc", "Cs") and c not in "\t\n\r"]
            if wanted is str
            else []
        )
        if odd:
            raise ParameterError(
                f"parameter {name} holds {odd[0].encode('unicode_escape').decode()}, which is no character of a text: "
                f"take it out of {shown(value)}, and rename the file or folder if it has such a name"
            )
    check_run_options(checked)
    return checked


def check_run_options(given: dict) -> None:
    """Refuse the parameters that are not part of a Config, as training would, but before a kernel is started."""
    check_intervals(given)
    device, precision = given.get("device", "auto"), given.get("precision", "auto")
    if device not in ("auto", "cpu") or precision not in ("auto", "fast", "fp32", "bf16", "fp16"):
        from minicyclegan.runs.devices import (
            choose_device,  # here, because it imports torch, which takes two seconds
        )

        choose_device(device, precision)
