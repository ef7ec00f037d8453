"""Figures are results: another font is the same figure, a black one and a panel at 0.9 of its brightness are not."""

import base64
import copy
import functools
import io
import shutil

import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pytest
import torch
from conftest import ROOT
from planted import count

from minicyclegan.course.notebook_files import read_notebook
from minicyclegan.repro.compare import compare
from minicyclegan.repro.facts import cells_of, code_cells
from minicyclegan.repro.figures import compare_figures, stale_figures
from minicyclegan.repro.pictures import ROUNDING, TRAINED, facts_of_figure, pngs_of, squares
from minicyclegan.repro.shown import draw_figures, picture_of_difference, rough_picture
from minicyclegan.repro.tolerances import PLACE
from minicyclegan.repro.words import not_drawn
from minicyclegan.widgets.figures import show_pictures
from minicyclegan.widgets.panels import panels_of

OTHER_FONTS = {"font.family": "DejaVu Serif", "font.size": 13, "axes.titlesize": 14, "xtick.labelsize": 14}
SAY = "import minicyclegan"


def scene(seed: int, factor: float = 1.0) -> np.ndarray:
    """A picture with large and small things in it, from 0 to 1."""
    y, x = np.mgrid[0:1:48j, 0:1:48j]
    waves = [0.5 + 0.3 * np.sin((seed + 2) * x + (c + 1) * 3 * y) for c in range(3)]
    return factor * np.clip(np.stack(waves, -1) + (0.2 * ((x * 12).astype(int) % 2))[..., None], 0, 1)


@functools.cache
def figure_with(settings: tuple) -> tuple[bytes, dict]:
    return draw_it(**dict(settings))


def drawn(**settings) -> tuple[bytes, dict]:
    """The same figure once more, or one that differs as the settings say; each is drawn once."""
    png, about = figure_with(tuple(settings.items()))
    return png, copy.deepcopy(about)


def draw_it(factors=(1, 1, 1), curve=1.0, said="words", **settings) -> tuple[bytes, dict]:
    """A figure with three pictures and one of curves, as `figures.show` writes it: the PNG, and what is kept beside it."""
    with plt.rc_context(settings):
        figure, axes = plt.subplots(1, 4, figsize=(8, 2.2), layout="constrained")
        for k, (axis, factor) in enumerate(zip(axes, factors)):
            axis.imshow(scene(k, factor), interpolation="nearest")
            axis.set(xticks=[], yticks=[], title=f"picture {k}")
        steps = np.linspace(0, 1, 50)
        axes[3].plot(steps, curve * np.exp(-3 * steps), label="loss")
        axes[3].set(ylim=(0, 1.2), xlabel="step")
        axes[3].text(0.3, 0.9, said)
        axes[3].legend()
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", bbox_inches="tight", dpi=figure.dpi)
        about = {"alt": "three waves and a curve"} | panels_of(figure)
        plt.close(figure)
    return buffer.getvalue(), about


@pytest.fixture(scope="module")
def usual() -> tuple[bytes, dict]:
    return drawn()


def cell_with(
    *figures, source: str = "show()", text: str | None = "", notebook: str = "02_words", **more
) -> dict:
    """What is kept of a code cell that shows these figures."""
    kept = [facts_of_figure(*figure) for figure in figures]
    return {"first_line": source, "source": source, "text": text, "figures": [one | more for one in kept]}


def differences(old, new, exactly=False, **more) -> list[dict]:
    return compare_figures([cell_with(old, **more)], [cell_with(new, **more)], [(0, 0)], exactly)[0]


def test_the_boxes_of_the_panels_lie_in_the_png_where_its_pictures_are(usual):
    png, about = usual
    facts = facts_of_figure(png, about)
    assert len(facts["panels"]) == 4 and facts["around"] == [255, 255, 255]
    assert len(about["words"]) == 3, "a text, a legend and its text, but no title or label outside"
    shown, wanted = np.asarray(rough_picture(facts), float) / 255, facts["panels"][1]["box"]
    left, top, right, bottom = wanted
    middle = shown[(top + bottom) // 2, (left + right) // 2]
    assert abs(middle - scene(1)[24:30, 24:30].mean((0, 1))).max() < 0.15


def test_other_fonts_and_sizes_are_the_same_figure_elsewhere_and_another_in_the_same_surroundings(usual):
    other = drawn(**OTHER_FONTS)
    assert other[1]["panels"] != usual[1]["panels"], "the layout moved"
    assert differences(usual, other) == []
    assert differences(usual, other, exactly=True) and not differences(usual, usual, exactly=True)


def test_other_words_over_a_panel_are_no_difference_elsewhere(usual):
    assert differences(usual, drawn(said="other words")) == []


PLANTS = {
    "all black": (drawn, {"factors": (0, 0, 0)}, "brightness of panel"),
    "one panel at 0.9": (drawn, {"factors": (1, 0.9, 1)}, "brightness of panel 2 of 4"),
    "another curve": (drawn, {"curve": 0.5}, "panel 4 of 4"),
    "a dark page": (drawn, {"savefig.facecolor": "#333333"}, "colour around"),
}


@pytest.mark.parametrize("elsewhere", [False, True])
@pytest.mark.parametrize("name", PLANTS)
def test_a_changed_figure_is_found_and_named(usual, name, elsewhere):
    draw, settings, words = PLANTS[name]
    if name == "another curve" and elsewhere:
        return  # a thin line is a small part of its panel: only the same surroundings can tell
    found = differences(usual, draw(**settings), exactly=not elsewhere)
    assert count(len(found) == 1) and words in found[0]["what"]
    assert 'code cell 1 (`show()`), the figure "three waves and a curve"' in found[0]["what"]
    assert found[0]["figure"] == {"cell": 1, "number": 1, "alt": "three waves and a curve"}


def test_a_panel_at_nine_tenths_of_its_brightness_is_found_in_numbers(usual):
    (found,) = differences(usual, drawn(factors=(1, 1, 0.9)))
    assert found["got"] / found["expected"] == pytest.approx(0.9, abs=0.01)


def test_what_was_trained_may_look_a_little_different_elsewhere_and_not_black(usual):
    little, black = drawn(factors=(1, 0.9, 1)), drawn(factors=(0, 0, 0))
    assert differences(usual, little, kind="trained") == [] and differences(usual, black, kind="trained")
    assert differences(usual, little, kind="trained", exactly=True), "and here it is compared exactly"


def test_what_is_not_compared_is_counted_with_its_reason(usual):
    varying = cell_with(usual, text=None)
    no_panels = cell_with((usual[0], {"alt": "x"}), (drawn(curve=0.5)[0], {"alt": "x"}))
    old = [
        varying,
        {"first_line": "a", "source": "a", "text": ""},
        cell_with(usual, kind="rounding"),
        no_panels,
    ]
    other = drawn(factors=(0, 0, 0))
    swapped = cell_with((usual[0], {"alt": "x"}), (usual[0], {"alt": "x"}))
    new = [varying, cell_with(usual), cell_with(other, kind="rounding"), swapped]
    found, seen = compare_figures(old, new, [(0, 0), (1, 1), (2, 2), (3, 3)], exactly=False)
    assert found == [] and seen["compared"] == 1
    reasons = " ".join(seen["left out"])
    assert list(seen["left out"].values()) == [1, 1, 1, 1]
    for words in (
        "nbval-ignore-output",
        "--update adds them",
        "decided by rounding",
        "where their panels are",
    ):
        assert words in reasons
    assert len(compare_figures([cell_with(usual)], [cell_with()], [(0, 0)], True)[0]) == 1, (
        "a figure is missing"
    )


def notebook_with(path, *figures):
    """A notebook of one cell that shows these figures."""
    outputs = [
        nbformat.v4.new_output(
            "display_data",
            {"image/png": base64.b64encode(png).decode(), "text/plain": about["alt"]},
            metadata={"image/png": about},
        )
        for png, about in figures
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    cell = nbformat.v4.new_code_cell(SAY, outputs=outputs, execution_count=1)
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), path)
    return path


def test_a_figure_in_the_file_that_the_notebook_does_not_give_is_found(usual, tmp_path):
    executed = notebook_with(tmp_path / "out" / "02_words.ipynb", usual)
    cells = cells_of(executed, tmp_path)

    def stale(figure):
        path = notebook_with(tmp_path / "02_words.ipynb", figure)
        return stale_figures(code_cells(path), cells, code_cells(executed))

    black = drawn(factors=(0, 0, 0))
    assert stale(usual) == [] and stale(drawn(**OTHER_FONTS)) == []
    (found,) = stale(black)
    assert count("in the notebook's file: brightness of panel" in found["what"])
    assert stale((black[0], {"alt": "of an older edition, without panels"})), "the new one's panels hold"


def result_of(folder, path) -> dict:
    place = dict.fromkeys(PLACE, "x") | {"device": "cpu", "commit": "abc", "dirty": False, "source": "s"}
    place |= {
        "library": {},
        "parameters": {},
        "data": {"name": "d", "pictures": {}},
        "date": "2026-11-28T00:00",
    }
    results = {"not_run": [], "committed_outputs": 1, "cells": cells_of(path, folder)}
    one = {"provenance": place, "results": results, "seconds": 1.0}
    return {"profile": "smoke", "notebooks": {"02_words": one}}


@pytest.mark.parametrize("kept", [True, False])
def test_expected_got_and_difference_are_drawn_beside_each_other(usual, tmp_path, kept):
    """From the file of the notebook where that still has what the reference expects, and roughly where it has not."""
    black, out = drawn(factors=(0, 0, 0)), tmp_path / "out"
    course = notebook_with(tmp_path / "course" / "02_words.ipynb", usual)
    reference = result_of(tmp_path, course)
    notebook_with(out / "02_words" / "02_words.ipynb", black)
    result = result_of(tmp_path, out / "02_words" / "02_words.ipynb")
    if not kept:
        shutil.copy(out / "02_words" / "02_words.ipynb", course)
    outcome = compare(copy.deepcopy(reference), result)
    draw_figures(out, course.parent, outcome, reference)
    (found,) = outcome["notebooks"]["02_words"]["differences"]
    shown = found["pictures"]
    pictures = {what: plt.imread(out / shown[what]) for what in ("expected", "got", "difference")}
    assert ("notebook's file" in shown["known"]) == kept
    assert pictures["expected"].shape == pictures["got"].shape == pictures["difference"].shape
    left, top, right, bottom = reference["notebooks"]["02_words"]["results"]["cells"][0]["figures"][0][
        "panels"
    ][0]["box"]
    inside = slice(top + 5, bottom - 5), slice(left + 5, right - 5)
    means = {what: picture[inside].mean() for what, picture in pictures.items()}
    assert means["expected"] > 0.3 and means["got"] < 0.05 and means["difference"] < 0.3
    assert pictures["difference"][:4, :4].min() > 0.95, "white where both are equal"


def test_the_difference_of_equal_pictures_is_white(usual):
    picture = rough_picture(facts_of_figure(*usual))
    assert np.asarray(picture_of_difference(picture, picture)).min() == 255


def test_a_figure_of_a_notebook_says_where_its_panels_are(monkeypatch):
    shown = []
    monkeypatch.setattr(
        "minicyclegan.widgets.figures.display", lambda data, **more: shown.append((data, more))
    )
    show_pictures(torch.zeros(2, 3, 8, 8), "two grey pictures")
    ((data, more),) = shown
    facts = facts_of_figure(base64.b64decode(data["image/png"]), more["metadata"]["image/png"])
    assert facts["alt"] == "two grey pictures" and len(facts["panels"]) == 2
    for panel in facts["panels"]:
        assert set(squares(panel)[..., :3].ravel().tolist()) <= {127, 128}


def test_figures_that_are_not_drawn_are_counted():
    one = {"differences": [{"figure": {}}, {"figure": {}, "pictures": {}}, {}]}
    assert not_drawn(one).startswith("1 more figures differ") and not_drawn({"differences": []}) == ""


def test_each_figure_that_is_treated_in_its_own_way_is_there():
    """They are found by the first words of their texts: a text that is reworded must be reworded here too."""
    for table in (TRAINED, ROUNDING):
        for notebook, beginnings in table.items():
            cells = read_notebook(ROOT / "notebooks" / f"{notebook}.ipynb").cells
            alts = [about["alt"] for cell in cells if cell.cell_type == "code" for _, about in pngs_of(cell)]
            for words in beginnings:
                assert any(alt.startswith(words) for alt in alts), (notebook, words)
