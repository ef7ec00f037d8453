"""What the widgets of the notebooks draw, and that they redraw it. tests/test_browser.py moves them in a real browser."""

import ipywidgets
import pytest
import torch
from conftest import tiny_config, tiny_domains
from torch import nn

from minicyclegan.course.files import course_folder, shipped_weights
from minicyclegan.discriminator import PatchDiscriminator
from minicyclegan.errors import DataError, ParameterError
from minicyclegan.runs.checkpoint import load
from minicyclegan.samples import sample_sheet
from minicyclegan.seasons import draw, sample_scenes
from minicyclegan.serve.app import translator_app
from minicyclegan.widgets import figures
from minicyclegan.widgets.board import TrainingBoard
from minicyclegan.widgets.explorer import Picture
from minicyclegan.widgets.names import SCRIPT
from minicyclegan.widgets.sliders import (
    cycle_viewer,
    lambda_figure,
    lambda_slider,
    map_size,
    patch_of,
    receptive_field_explorer,
    receptive_field_figure,
)
from minicyclegan.widgets.toy_app import cycle_in_the_plane, game_in_the_plane

SWEEPS = course_folder() / "sweeps"
PICTURE = torch.rand(3, 64, 64) * 2 - 1


def network(kernel: int, halving: int, plain: int) -> nn.Sequential:
    """The layers that the explorer describes, without norms and with weights that cannot cancel."""
    layers = [nn.Conv2d(1, 1, kernel, stride, 1) for stride in [2] * halving + [1] * plain]
    for layer in layers:
        nn.init.ones_(layer.weight)
    return nn.Sequential(*layers)


@pytest.mark.parametrize(
    "layers", [(4, 3, 2), (4, 0, 1), (3, 2, 0), (7, 1, 3), (1, 2, 2), (2, 4, 1)], ids=str
)
def test_the_patch_and_the_map_are_those_of_a_real_network(layers):
    size = 96
    picture = torch.zeros(1, 1, size, size, requires_grad=True)
    scores = network(*layers)(picture)
    assert map_size(size, *layers) == scores.shape[2]
    place = scores.shape[2] // 2
    scores[0, 0, place, place].backward()
    touched = picture.grad[0, 0].sum(1).nonzero().flatten()
    first, last = patch_of(place, *layers)
    kernel, halving, _ = layers
    if kernel > 1:  # a kernel of one pixel with stride 2 looks at single pixels with gaps
        assert (max(first, 0), min(last, size - 1)) == (int(touched.min()), int(touched.max()))
    else:
        assert first == last == int(touched.min()) == int(touched.max())


def test_the_defaults_are_the_papers_discriminator():
    _, text = receptive_field_figure(torch.zeros(3, 256, 256))
    assert "70 x 70 px" in text and "30 x 30" in text
    with torch.no_grad():
        assert PatchDiscriminator(4)(torch.zeros(1, 3, 256, 256)).shape[2:] == (30, 30)


def test_what_does_not_fit_is_said():
    _, text = receptive_field_figure(PICTURE, kernel=7, halving=5)
    assert "no score is left" in text
    _, text = receptive_field_figure(PICTURE, across=0.0, down=1.0)
    assert "padding outside" in text


def test_every_slider_draws_anew():
    explorer = receptive_field_explorer(PICTURE)
    seen = [explorer.picture.value]
    for name, value in {"kernel": 3, "halving": 1, "plain": 1, "across": 0.9, "down": 0.1}.items():
        explorer.controls[name].value = value
        seen.append(explorer.picture.value)
    assert len(set(seen)) == 6
    assert explorer._repr_mimebundle_()["text/plain"] == explorer.title


def test_the_lambda_slider_tells_the_committed_numbers():
    slider = lambda_slider(SWEEPS)
    assert (
        slider.controls["value"].options == ("0", "1", "10", "100") and slider.controls["value"].value == "10"
    )
    assert "1.0 and 1.0 times that of lambda_cycle=10" in slider.picture.value
    slider.controls["value"].value = "100"
    row = next(
        line
        for line in (SWEEPS / "ablations.csv").read_text().splitlines()
        if line.startswith("lambda_cycle,100,")
    )
    assert f"held-out error {float(row.split(',')[4]):.3f} from A to B" in slider.picture.value


def test_a_lambda_that_was_not_measured_and_a_folder_without_results_are_refused(tmp_path):
    with pytest.raises(ParameterError, match="was not measured"):
        lambda_figure(SWEEPS, "5")
    with pytest.raises(DataError, match="cannot read the results"):
        lambda_slider(tmp_path)


def test_the_viewer_shows_both_ways():
    scenes = sample_scenes(3, seed=7)
    a, b = draw(scenes, "summer", 64), draw(scenes, "winter", 64)
    model = load(shipped_weights())
    viewer = cycle_viewer(model, a, b)
    seen = [viewer.picture.value]
    viewer.controls["number"].value = 2
    seen.append(viewer.picture.value)
    viewer.controls["start"].value = "B"
    seen.append(viewer.picture.value)
    assert len(set(seen)) == 3 and "Picture 2 from B to A and back" in seen[-1]
    with torch.no_grad():
        error = float((model.generator_ba(b[2:3]) - a[2]).abs().mean()) / 2
    assert f"the translation is off by {error:.3f}" in seen[-1]


def test_a_text_from_anywhere_stays_text():
    picture = Picture()
    figure, _ = receptive_field_figure(PICTURE)
    picture.draw(figure, '"><script>alert(1)</script>')
    assert "<script>" not in picture.value and 'alt="&quot;&gt;' in picture.value


def inside(widget) -> list:
    """A widget and all that it holds."""
    return [widget, *(one for child in getattr(widget, "children", ()) for one in inside(child))]


def nameless(app) -> list[str]:
    """What in an app a screen reader would announce without a name, and would announce wrongly without the script."""
    parts = inside(app)
    controls = [
        one
        for one in parts
        if hasattr(one, "description") and not isinstance(one, (ipywidgets.HTML, ipywidgets.Image))
    ]
    faults = [type(one).__name__ for one in controls if not one.description and one.layout.display != "none"]
    lone = [
        one for one in controls if isinstance(one, (ipywidgets.SelectionSlider, ipywidgets.ToggleButtons))
    ]
    scripts = [one.outputs[0]["data"] for one in app.children if isinstance(one, ipywidgets.Output)]
    if lone and scripts != [{"application/javascript": SCRIPT}]:
        faults.append("the script of widgets/names.py")
    return faults if controls else ["nothing to move"]


def test_every_control_has_a_name(checkpoint, tmp_path):
    """The real names, as the browser tells them to a screen reader, are in tests/test_browser.py."""
    model = load(checkpoint)
    apps = [
        receptive_field_explorer(PICTURE),
        lambda_slider(SWEEPS),
        cycle_viewer(model, PICTURE[None, :, :16, :16], PICTURE[None, :, :16, :16]),
        game_in_the_plane(),
        cycle_in_the_plane(),
        translator_app([checkpoint]),
        TrainingBoard(tiny_config(), tiny_domains(), tmp_path / "run"),
    ]
    assert {type(app).__name__ + " " + fault for app in apps for fault in nameless(app)} == set()


def test_a_control_without_a_name_or_without_the_script_is_found():
    explorer = receptive_field_explorer(PICTURE)
    explorer.controls["kernel"].description = ""
    assert nameless(explorer) == ["SelectionSlider"]
    explorer.children = explorer.children[:-1]
    assert nameless(explorer) == ["SelectionSlider", "the script of widgets/names.py"]


@pytest.fixture
def shown(monkeypatch) -> list:
    """The figures that are shown, instead of showing them."""
    kept = []
    monkeypatch.setattr(figures, "show", lambda figure, alt: kept.append(figure))
    return kept


def test_a_curve_has_its_colour_whatever_stands_beside_it(shown):
    names = ["cycle", "gan_ab", "gan_ba", "discriminator_a", "discriminator_b", "something new"]
    records = [{"step": step} | dict.fromkeys(names, 1.0) for step in (1, 2)]
    for some in (names, names[::-1], names[1:3]):
        figures.plot_metrics(records, {name: name for name in some}, "curves")
    drawn = [{line.get_label(): line.get_color() for line in figure.axes[0].lines} for figure in shown]
    assert len(set(drawn[0].values())) == 6 and drawn[0] == drawn[1] and drawn[2].items() <= drawn[0].items()
    assert figures.CURVES["held_out_ab"] == figures.CURVES["gan_ab"] == figures.COLOUR_B


def test_the_rows_of_a_sheet_are_named_where_they_are(shown, checkpoint):
    pictures = torch.zeros(4, 3, 16, 16, dtype=torch.uint8)
    sheet = sample_sheet(load(checkpoint), pictures, pictures)
    figures.show_sheet(sheet, "sheet")
    (axis,) = shown[0].axes
    assert [label.get_text() for label in axis.get_yticklabels()] == [*figures.SHEET_ROWS]
    for k, place in enumerate(axis.get_yticks()):
        assert 2 + 18 * k < place < 2 + 18 * k + 16
