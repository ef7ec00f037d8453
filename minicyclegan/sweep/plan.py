"""Many runs of one notebook, one parameter changed at a time, as in notebook 09_ablations."""

import itertools
import math
import re
from dataclasses import dataclass, fields
from pathlib import Path

from minicyclegan.course.files import course_folder
from minicyclegan.course.settings import check_values, parameters_of, read_yaml_file, texts_of, values_in_file
from minicyclegan.datasets.presets import resolve
from minicyclegan.errors import MiniCycleGANError, ParameterError
from minicyclegan.parameters import Config, check_intervals, check_name, check_type, shown

ENTRIES = ("notebook", "base", "parameters", "axes", "grid", "cases", "seeds")
MOST_RUNS = 10_000
OWN = ("run_dir", "resume", "seed")  # the sweep sets these itself, for each member
NAMES = {"notebook", "base"}  # entries that are texts, whatever YAML would read in them


@dataclass(frozen=True)
class Row:
    """One line of the table: a value on an axis, and the setting that holds its runs. The base is on every axis."""

    axis: str
    value: object
    setting: str


@dataclass(frozen=True)
class Member:
    """One run: a setting with one seed. `parameters` are all that the notebook gets, except run_dir and resume."""

    name: str
    setting: str
    parameters: dict


@dataclass(frozen=True)
class Sweep:
    """What a sweep file says, checked: the rows of the table to come and the runs they need, each once."""

    name: str
    notebook: Path
    base: dict
    seeds: list[int]
    rows: list[Row]
    members: list[Member]


def read_sweep(path: str | Path) -> Sweep:
    """Read a sweep file and check all of it. Raises ParameterError, DataError or RunError, before anything runs.

    Entries: `notebook` (07_train), `base` (a YAML file of parameters, beside the sweep file), `parameters` (more of them;
    these win), `axes` (name: list of values, one varied at a time), `grid` (name: list, all combinations), `cases` (a list
    of lines `{name: value, name: value}`, each changed together), `seeds`.
    """
    path = Path(path)
    content = read_yaml_file(path, "sweep file", NAMES)
    try:
        if isinstance(content, dict):  # once more, now that it is known which parameters are texts
            notebook = find_notebook(content.get("notebook") or "07_train", path.parent)
            texts = texts_of(parameters_of(notebook)) - set(ENTRIES)
            content = read_yaml_file(path, "sweep file", texts | NAMES)
        return plan(path.stem, content, path.parent)
    except MiniCycleGANError as error:
        raise type(error)(f"{path.name}: {error}") from error


def plan(name: str, content: dict, folder: Path) -> Sweep:
    """The sweep that the content of a sweep file in `folder` describes. Raises as `read_sweep` does."""
    if not isinstance(content, dict):
        raise ParameterError(f"a sweep file must hold lines `name: value` with {', '.join(ENTRIES)}")
    for entry in content:
        check_name(str(entry), ENTRIES)
    content = {entry: value for entry, value in content.items() if value is not None}
    notebook = find_notebook(content.get("notebook", "07_train"), folder)
    declared = parameters_of(notebook)
    for own in OWN:
        if own not in declared:
            raise ParameterError(f"{notebook.name} has no parameter {own}, so it cannot be swept")

    def checked(values: dict, file: Path | None = None) -> dict:
        if not isinstance(values, dict):
            raise ParameterError(f"expected lines `name: value`, but found {shown(values)}")
        for key in values:
            check_name(str(key), declared)
        in_file = values_in_file(file, declared) if file else {}
        given = check_values(in_file | {str(key): value for key, value in values.items()}, declared)
        for key in set(OWN) & set(given):
            raise ParameterError(f"{key} is set by the sweep for each run; take it out, and list `seeds`")
        return given

    base_file = content.get("base", "")
    if not isinstance(base_file, str):
        raise ParameterError(f"base must be the name of a YAML file, but it is {shown(base_file)}")
    file = folder / base_file if base_file else None
    given = checked(content.get("parameters", {}), file)
    base = {key: given.get(key, default) for key, (_, default) in declared.items() if key not in OWN}

    def values_of(entry: str) -> dict[str, list]:
        found = content.get(entry, {})
        if not isinstance(found, dict) or not all(isinstance(v, list) and v for v in found.values()):
            raise ParameterError(
                f"{entry} must hold lines `name: [value, value, ...]`, but it is {shown(found)}"
            )
        return {str(key): [checked({key: value})[str(key)] for value in found[key]] for key in found}

    rows, settings = [], {"base": base}

    def add(axis: str, value: object, changes: dict) -> None:
        changes = {key: new for key, new in changes.items() if new != base[key]}
        setting = ",".join(f"{key}={written(new)}" for key, new in changes.items()) or "base"
        settings[setting] = base | changes
        rows.append(Row(axis, value, setting))

    for axis, values in values_of("axes").items():
        for value in dict.fromkeys(values if base[axis] in values else [base[axis], *values]):
            add(axis, value, {axis: value})
    grid = values_of("grid")
    if math.prod(len(values) for values in grid.values()) > MOST_RUNS:
        raise ParameterError(f"the grid has more than {MOST_RUNS:,} combinations; take values out")
    for values in itertools.product(*grid.values()) if grid else ():
        combination = ",".join(f"{key}={written(value)}" for key, value in zip(grid, values))
        add("grid", combination, dict(zip(grid, values)))
    cases = content.get("cases", [])
    if not isinstance(cases, list) or not all(cases):
        raise ParameterError(
            f"cases must be a list of lines `{{name: value, ...}}`, but it is {shown(cases)}"
        )
    for case in cases:
        changes = checked(case)
        add("cases", ",".join(f"{key}={written(value)}" for key, value in changes.items()), changes)
    seeds = content.get("seeds", [0])
    for seed in seeds if isinstance(seeds, list) else ():
        check_type("seed", seed, int)
    if not isinstance(seeds, list) or not seeds or len(set(map(str, seeds))) < len(seeds):
        raise ParameterError(f"seeds must be a list of different numbers, but it is {shown(seeds)}")
    if len(settings) * len(seeds) > MOST_RUNS:
        raise ParameterError(f"the sweep has more than {MOST_RUNS:,} runs; take values or seeds out")

    members = []
    for setting, parameters in settings.items():
        for seed in seeds:
            member = f"{setting},seed={seed}"
            members.append(Member(member, setting, check_member(member, parameters | {"seed": seed})))
    folders = [folder_name(member.name) for member in members]
    if len(set(folders)) < len(folders):
        raise ParameterError(
            "two settings would share one folder; make their values differ in letters or digits"
        )
    return Sweep(name, notebook, base, seeds, rows or [Row("", "", "base")], members)


def find_notebook(name: object, folder: Path) -> Path:
    """A notebook of the course by its name, or a path relative to the sweep file."""
    check_type("notebook", name, str)
    if str(name).endswith(".ipynb"):
        return (folder / str(name)).resolve()
    known = [path.stem for path in sorted(course_folder().glob("*.ipynb"))]
    if name not in known:
        raise ParameterError(f"there is no notebook {shown(name)}; the course has {', '.join(known)}")
    return course_folder() / f"{name}.ipynb"


def check_member(name: str, parameters: dict) -> dict:
    """The parameters of one member, a folder of data as an absolute path. Refuses what its run would refuse, naming the member."""
    try:
        wanted = {field.name for field in fields(Config)}
        Config(**{key: value for key, value in parameters.items() if key in wanted})
        check_intervals(parameters)
        if "data" in parameters:
            parameters = parameters | {"data": resolve(parameters["data"], None, "cpu")[0]}
    except MiniCycleGANError as error:
        raise type(error)(f"{name}: {error}") from error
    return parameters


def written(value: object) -> str:
    """A value as it is written in names: 10.0 as 10."""
    return f"{value:g}" if isinstance(value, float) and float(f"{value:g}") == value else str(value)


def folder_name(name: str) -> str:
    """A member's name with nothing in it that a file system dislikes."""
    return re.sub(r"[^\w.=,+-]", "_", name)
