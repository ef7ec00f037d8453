"""Large pictures in strips: the same numbers as at once, for every network; in less memory, told, and stopped when asked to."""

import os
import signal
import time

import numpy as np
import pytest
import torch
from conftest import ROOT, files_in, noise_image, shared_images, tiny_config
from PIL import Image

from minicyclegan.cyclegan import CycleGAN
from minicyclegan.data import load_seasons
from minicyclegan.errors import DataError
from minicyclegan.fast import large, strips
from minicyclegan.fast.large import LargePictures
from minicyclegan.fast.norm import use_quick_norms
from minicyclegan.fast.rows import stored
from minicyclegan.fast.strips import InStrips
from minicyclegan.pictures.images import to_image
from minicyclegan.runs.checkpoint import load
from minicyclegan.translate import translate_files

FEW_ROWS = 3_000  # bytes of a strip: four rows at a time, the fewest


def model_of(**changes) -> CycleGAN:
    torch.manual_seed(0)
    model = CycleGAN(tiny_config(**changes)).eval()
    with torch.no_grad():
        for weight in model.parameters():
            weight.mul_(5)  # fresh weights would translate everything to grey
    return model


@pytest.fixture(scope="module")
def model() -> CycleGAN:
    return model_of()


@pytest.fixture
def everything_is_large(monkeypatch):
    monkeypatch.setattr("minicyclegan.translate.ALONE_FROM", 0)
    monkeypatch.setattr(large, "AT_ONCE", 0)
    monkeypatch.setattr(large, "STRIP_BYTES", FEW_ROWS)


@torch.inference_mode()
def in_strips(generator, picture: torch.Tensor, strip_bytes: float, dtype=torch.float32) -> torch.Tensor:
    result = torch.full_like(picture, torch.nan)

    def take(strip, top, bottom):
        assert result[:, :, top:bottom].isnan().all(), "a row came twice"
        result[:, :, top:bottom] = strip

    InStrips(dtype, strip_bytes).translate(generator, stored(picture), take)
    return result


@pytest.mark.parametrize("size", [(16, 16), (52, 36), (20, 132)], ids=str)
@pytest.mark.parametrize("strip_bytes", [FEW_ROWS, 20_000, 10**9])
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"n_blocks": 3, "upsampling": "resize"},
        {"n_downsamplings": 1, "upsampling": "resize"},
        {"n_downsamplings": 1},
        {"n_blocks": 0},
        {"n_downsamplings": 1, "upsampling": "resize", "global_skip": True},
    ],
    ids=str,
)
def test_the_same_numbers_as_at_once(changes, strip_bytes, size):
    generator = model_of(**changes).generator_ab
    picture = torch.rand(1, 3, *size) * 2 - 1
    with torch.no_grad():
        expected = generator(picture)
    found = in_strips(generator, picture, strip_bytes)
    assert expected.std() > 0.1 and torch.allclose(found, expected, atol=2e-4)


def test_numbers_stored_in_16_bits_are_half_a_step_off_at_most(model):
    picture = torch.rand(1, 3, 60, 80) * 2 - 1
    exact = in_strips(model.generator_ab, picture, FEW_ROWS)
    difference = (in_strips(model.generator_ab, picture, FEW_ROWS, torch.float16) - exact).abs()
    assert 0 < difference.max() * 127.5 < 2 and difference.mean() * 127.5 < 0.2


def test_what_a_dry_run_says_is_what_is_done(model):
    picture = stored(torch.zeros(1, 3, 64, 48))
    dry, told = InStrips(dry=True), []
    dry.translate(model.generator_ab, picture, None)
    work = InStrips(strip_bytes=FEW_ROWS, reach=told.append)
    work.translate(model.generator_ab, picture, lambda *strip: None)
    assert work.done == dry.done == told[-1] and told == sorted(told) and len(told) > 20
    assert work.kept == dry.kept == 2 * 16 * 16 * 12 * 4


def test_a_layer_that_is_not_known_is_not_guessed(model):
    odd = torch.nn.Module()
    odd.global_skip = False
    odd.layers = torch.nn.Sequential(torch.nn.Conv2d(3, 3, 3), torch.nn.MaxPool2d(2))
    with pytest.raises(TypeError, match="MaxPool2d"):
        InStrips(dry=True).translate(odd, stored(torch.zeros(1, 3, 16, 16)), None)


@pytest.mark.parametrize("size", [(33, 17), (5, 70), (64, 64)], ids=str)
def test_pictures_of_any_size_come_back_as_from_translate(model, everything_is_large, size):
    image = noise_image(0, size)
    pictures = LargePictures(lambda device: 1e9, say=lambda line: None)
    found, expected = pictures.translate(model.generator_ab, image), model.translate(image)
    assert found.size == size and found.mode == "RGB"
    assert np.abs(np.asarray(found, dtype=int) - np.asarray(expected)).max() <= 1


@pytest.mark.parametrize("source", ["seasons", "photograph"])
def test_pictures_as_they_are_show_no_seams(source):
    """Drawn and photographed, with the shipped weights, in 40 strips: nowhere more than a step from the whole picture."""
    if source == "seasons":
        image = to_image(load_seasons(64, n_train=1, n_test=1).test_a[0] / 127.5 - 1)
    else:
        with Image.open(sorted((shared_images("monet2photo") / "testB").iterdir())[0]) as file:
            image = file.convert("RGB")
    image = image.resize((260, 180))
    model = load(ROOT / "data" / "seasons_64px.pt")
    use_quick_norms(model).to(memory_format=torch.channels_last)
    expected = np.asarray(model.translate(image), dtype=int)
    pictures = LargePictures(lambda device: 1e9, say=lambda line: None)
    plan = pictures.plan(model.generator_ab, image, torch.device("cpu"))
    plan.strip_bytes = 60_000
    pictures.plan = lambda *arguments: plan
    difference = np.abs(np.asarray(pictures.translate(model.generator_ab, image)) - expected)
    assert difference.max() <= 1 and difference.mean() < 0.01


def test_a_quick_norm_of_a_large_picture_is_as_good_as_of_a_small_one(monkeypatch):
    """PyTorch adds up the pixels of pictures that are stored channels last one by one, in float32."""
    norm = use_quick_norms(torch.nn.Sequential(torch.nn.InstanceNorm2d(2)))
    picture = torch.randn(1, 2, 700, 900) * 0.3 + 2
    picture[..., 450:] += 1.5
    picture = picture.to(memory_format=torch.channels_last)
    with torch.no_grad():
        found, exact = norm(picture), torch.nn.InstanceNorm2d(2)(picture.double())
    assert (found - exact).abs().max() < 1e-5
    picture.requires_grad_()
    norm(picture).square().sum().backward()
    assert picture.grad.isfinite().all()


def test_it_is_the_memory_that_decides(model):
    generator, much, little = model.generator_ab, lambda device: 1e12, lambda device: 2e7
    assert not LargePictures(much).needed(generator, 640, 480)
    assert LargePictures(little).needed(generator, 640, 480)
    assert LargePictures(much).needed(generator, 8000, 6000), "on a CPU strips take no longer"
    wide = model_of(base_channels=32).generator_ab
    assert large.memory_at_once(wide, 100, 100) > 4 * large.memory_at_once(generator, 100, 100)


def test_short_memory_means_16_bits_and_too_little_a_sentence(model, everything_is_large):
    image = noise_image(0, (600, 400))
    told = []
    LargePictures(lambda device: 6e6, told.append).plan(model.generator_ab, image, torch.device("cpu"))
    plan = LargePictures(lambda device: 2e6, told.append).plan(model.generator_ab, image, torch.device("cpu"))
    assert plan.dtype == torch.float16
    assert ["16 bits because memory is short" in line for line in told] == [False, True]
    with pytest.raises(DataError, match="600 x 400 px needs 0.0 GB.*--size"):
        LargePictures(lambda device: 1e5).plan(model.generator_ab, image, torch.device("cpu"))


def test_weights_that_lead_to_no_numbers_are_told(everything_is_large):
    model = model_of()
    with torch.no_grad():
        model.generator_ab.layers[-2].weight[0, 0, 0, 0] = torch.inf
    with pytest.raises(DataError, match="no numbers"):
        LargePictures(lambda device: 1e9, lambda line: None).translate(
            model.generator_ab, noise_image(0, (40, 40))
        )


def test_files_one_line_for_a_size_and_a_bar_for_each(model, everything_is_large, tmp_path):
    paths = [tmp_path / f"{i}.png" for i in range(3)]
    for i, path in enumerate(paths):
        noise_image(i, (40, 36) if i < 2 else (36, 40)).save(path)
    told, bars = [], []

    class Bar:
        def __init__(self, label):
            self.label, self.reached = label, []
            bars.append(self)

        def __enter__(self):
            return self.reached.append

        def __exit__(self, *error):
            pass

    written = translate_files(model, paths, tmp_path / "out", say=told.append, bar=Bar)
    assert [line[:27] for line in told] == ["a picture of 40 x 36 px wou", "a picture of 36 x 40 px wou"]
    assert [bar.label for bar in bars] == [path.name for path in written] and bars[0].reached[-1] == 1
    for path, result in zip(paths, written):
        with Image.open(result) as image:
            one = np.asarray(model.translate(path), dtype=int)
            assert np.abs(np.asarray(image, dtype=int) - one).max() <= 1


def test_a_bad_direction_is_refused_for_large_ones_too(model, everything_is_large, tmp_path):
    noise_image(0, (40, 40)).save(tmp_path / "x.png")
    with pytest.raises(ValueError, match='"a" or "b"'):
        translate_files(model, tmp_path / "x.png", tmp_path / "out", to="c")
    assert files_in(tmp_path) == ["x.png"]


def test_after_a_failure_in_the_middle_nothing_is_left(model, everything_is_large, tmp_path, monkeypatch):
    for i in range(2):
        noise_image(i, (40, 40)).save(tmp_path / f"{i}.png")
    go_by, calls = strips.InStrips.go_by, []

    def breaks_down(self, rows, take):
        calls.append(1)
        if len(calls) > 30:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory")
        go_by(self, rows, take)

    monkeypatch.setattr(strips.InStrips, "go_by", breaks_down)
    with pytest.raises(DataError, match="too much memory"):
        translate_files(model, [tmp_path / "0.png", tmp_path / "1.png"], tmp_path / "out", say=lambda x: None)
    assert files_in(tmp_path) == ["0.png", "1.png"]


def test_ctrl_c_ends_it_within_a_strip(checkpoint, everything_is_large, tmp_path):
    noise_image(0, (200, 200)).save(tmp_path / "x.png")
    shares = []

    class Bar:
        def __init__(self, label):
            pass

        def __enter__(self):
            return self.reach

        def __exit__(self, *error):
            pass

        def reach(self, share):
            shares.append(share)
            if len(shares) == 1:
                os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.02)

    with pytest.raises(KeyboardInterrupt):
        translate_files(
            load(checkpoint), [tmp_path / "x.png"], tmp_path / "out", say=lambda line: None, bar=Bar
        )
    assert shares[-1] < 0.5 and files_in(tmp_path) == ["x.png"] and not (tmp_path / "out").exists()
