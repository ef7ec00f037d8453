"""What the widgets of the notebooks draw, and that they redraw it. tests/test_browser.py moves them in a real browser."""

import pytest
import torch
from torch import nn

from minicyclegan.course.files import course_folder, shipped_weights
from minicyclegan.discriminator import PatchDiscriminator
from minicyclegan.errors import DataError, ParameterError
from minicyclegan.runs.checkpoint import load
from minicyclegan.seasons import draw, sample_scenes
from minicyclegan.widgets.explorer import Picture
from minicyclegan.widgets.sliders import (
    cycle_viewer,
    lambda_figure,
    lambda_slider,
    map_size,
    patch_of,
    receptive_field_explorer,
    receptive_field_figure,
)

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
