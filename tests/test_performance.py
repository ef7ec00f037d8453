"""docs/PERFORMANCE.md, SCALING.md and RESULTS.md show what the files in benchmarks/results say, and name commands that exist."""

import re
import shlex
import sys

import pytest
from conftest import ROOT

sys.path.insert(0, str(ROOT / "benchmarks"))
import tables  # noqa: E402

PAGES = [ROOT / "docs" / name for name in ("PERFORMANCE.md", "SCALING.md", "RESULTS.md")]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_tables_are_those_of_the_measured_files(page):
    text = page.read_text(encoding="utf-8")
    assert tables.filled(text) == text, "run python benchmarks/tables.py"


def test_each_table_stands_on_one_page_and_each_file_is_shown():
    shown = [
        name for page in PAGES for name in re.findall(r"<!-- (\w+) -->", page.read_text(encoding="utf-8"))
    ]
    assert sorted(name for name in shown if name != "end") == sorted(tables.TABLES)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_each_command_names_a_script_that_is_there_and_options_it_has(page):
    commands = re.findall(
        r"(?:python|--nproc-per-node 2) (benchmarks/\w+\.py)([^`\n]*)", page.read_text(encoding="utf-8")
    )
    assert commands
    for script, words in commands:
        source = (ROOT / script).read_text(encoding="utf-8")
        for word in shlex.split(words):
            if word.startswith("--"):
                assert f'"{word}"' in source, f"{script} has no {word}"
