"""docs/RELIABILITY.md says nothing that no test holds, and no figure that was not measured."""

import ast
import json
import re

from conftest import ROOT
from records import BEGIN, END, RESULTS, tables

PAGE = ROOT / "docs" / "RELIABILITY.md"


def names_in(path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def test_every_test_that_is_named_exists():
    named = re.findall(r"`(test_\w+\.py)(?:::(test_\w+))?`", PAGE.read_text(encoding="utf-8"))
    assert len(named) >= 30
    for file, test in named:
        path = ROOT / "tests" / file
        assert path.exists(), file
        assert not test or test in names_in(path), f"{file} has no {test}"


def test_every_promise_names_a_test():
    rows = [
        line
        for line in PAGE.read_text(encoding="utf-8").split(BEGIN)[0].splitlines()
        if line.startswith("| ")
    ]
    promises = [row for row in rows if not row.startswith(("| Promise", "| ---"))]
    assert len(promises) >= 20
    for row in promises:
        assert "`test_" in row, row


def test_the_figures_are_those_of_the_result_files():
    text = PAGE.read_text(encoding="utf-8")
    assert text.split(BEGIN)[1].split(END)[0].strip() == tables().strip(), "run python tests/records.py"


def test_every_long_test_has_its_result_and_every_result_its_test():
    sources = [path.read_text(encoding="utf-8") for path in (ROOT / "tests").glob("*.py")]
    recorded = {name for source in sources for name in re.findall(r"\brecord\(\s*\"(\w+)\"", source)}
    kept = {path.stem for path in RESULTS.glob("*.json")}
    assert kept <= recorded, f"nothing makes {kept - recorded}"
    assert recorded <= kept, f"run make long: {recorded - kept} was never measured"
    for path in RESULTS.glob("*.json"):
        machine = json.loads(path.read_text(encoding="utf-8"))["machine"]
        assert {"date", "cpu", "python", "torch", "torchvision"} <= set(machine), path.name
