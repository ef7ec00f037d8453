"""The texts beside the figures: found by name, filled, used, and none left over."""

import re

import nbformat
import pytest
import yaml
from conftest import ROOT

from minicyclegan.course import alt_texts
from minicyclegan.course.alt_texts import alt_text
from minicyclegan.errors import ParameterError

FOLDER = ROOT / "notebooks" / "alt_texts"


def test_a_name_is_looked_up_and_filled_and_a_text_stays(tmp_path, monkeypatch):
    (tmp_path / "alt_texts").mkdir()
    (tmp_path / "alt_texts" / "99.yaml").write_text(
        "line: >\n  A line that\n  falls\nvalue: 'A bar of {height:.1f}'\n"
    )
    monkeypatch.setattr(alt_texts, "course_folder", lambda: tmp_path)
    assert alt_text("99-line") == "A line that falls" and alt_text("99-value", height=2.04) == "A bar of 2.0"
    assert alt_text("My own figure: 3 bars") == "My own figure: 3 bars"
    with pytest.raises(ParameterError, match="no text 'lime' in notebooks/alt_texts/99.yaml"):
        alt_text("99-lime")


def test_every_text_is_used_and_every_name_has_one():
    used = set()
    for path in (ROOT / "notebooks").glob("*.ipynb"):
        number = path.stem.split("_")[0]
        for cell in nbformat.read(path, 4).cells:
            if cell.cell_type == "code":
                used |= set(re.findall(rf'"({number}-[a-z0-9-]+)"', cell.source))
    written = {
        f"{path.stem}-{key}" for path in FOLDER.glob("*.yaml") for key in yaml.safe_load(path.read_text())
    }
    assert used == written
    assert all(len(alt_texts.texts_of(name.split("-")[0])[name.split("-", 1)[1]]) >= 20 for name in written)
