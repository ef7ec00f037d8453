"""`translate`: any kind of picture, any size, in both directions; the same kind and size comes back."""

import numpy as np
import pytest
import torch
from conftest import noise_image, tiny_config
from PIL import Image

from minicyclegan.course.files import shipped_weights
from minicyclegan.cyclegan import CycleGAN
from minicyclegan.errors import DataError, MiniCycleGANError, ParameterError
from minicyclegan.runs.checkpoint import load
from minicyclegan.runs.devices import without_numbers

SIZES = [
    (66, 66),
    (1, 1),
    (5, 300),
    (300, 5),
    (65, 43),
    (16, 16),
    (2, 17),
    (13, 14),
    (64, 64),
]  # width, height


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    model = CycleGAN(tiny_config()).eval()
    with torch.no_grad():
        for weight in model.parameters():
            weight.mul_(5)  # fresh weights would translate everything to grey
    return model


def as_tensor(image: Image.Image) -> torch.Tensor:
    return torch.from_numpy(np.array(image)).permute(2, 0, 1) / 127.5 - 1


def as_array(image) -> np.ndarray:
    return np.asarray(image).astype(int)


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("to", ["a", "b"])
def test_a_pil_image_of_any_size(model, size, to):
    result = model.translate(noise_image(0, size), to=to)
    assert isinstance(result, Image.Image) and result.mode == "RGB" and result.size == size


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_a_tensor_of_any_size(model, size):
    picture = as_tensor(noise_image(0, size))
    result = model.translate(picture)
    assert result.shape == picture.shape and result.dtype == torch.float32
    assert result.isfinite().all() and float(result.abs().max()) <= 1
    assert not result.requires_grad


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_an_array_of_any_size(model, size):
    pixels = np.array(noise_image(0, size))
    result = model.translate(pixels)
    assert isinstance(result, np.ndarray) and result.dtype == np.uint8 and result.shape == pixels.shape
    fractions = model.translate(pixels / 255)
    assert fractions.dtype == np.float64 and fractions.shape == pixels.shape
    assert fractions.min() >= 0 and fractions.max() <= 1


def test_all_kinds_give_the_same_translation(model, tmp_path):
    image = noise_image(0, (22, 18))
    image.save(tmp_path / "x.png")
    expected = as_array(model.translate(image))
    for path in (tmp_path / "x.png", str(tmp_path / "x.png")):
        result = model.translate(path)
        assert isinstance(result, Image.Image) and np.array_equal(as_array(result), expected)
    pixels = np.array(image)
    assert np.array_equal(as_array(model.translate(pixels)), expected)
    assert np.array_equal((model.translate((pixels / 255).astype(np.float32)) * 255).round(), expected)
    tensor = model.translate(as_tensor(image))
    assert np.abs(((tensor.permute(1, 2, 0).numpy() + 1) * 127.5) - expected).max() <= 0.51
    batch = model.translate(torch.stack([as_tensor(noise_image(1, (22, 18))), as_tensor(image)]))
    assert batch.shape == (2, 3, 18, 22) and torch.allclose(batch[1], tensor, atol=1e-4)


def test_where_nothing_must_be_padded_it_is_the_generator(model):
    picture = as_tensor(noise_image(0, (20, 32)))[None]
    with torch.no_grad():
        assert torch.equal(model.translate(picture, to="b"), model.generator_ab(picture))
        assert torch.equal(model.translate(picture, to="a"), model.generator_ba(picture))
    assert torch.equal(model.translate(picture), model.translate(picture, to="b"))


def test_66_px_are_padded_to_68_and_cut_back(model):
    picture = as_tensor(noise_image(0, (66, 66)))[None]
    padded = torch.cat([picture, picture[..., -1:], picture[..., -1:]], 3)
    padded = torch.cat([padded, padded[..., -1:, :], padded[..., -1:, :]], 2)
    with torch.no_grad():
        expected = model.generator_ab(padded)[..., :66, :66]
    assert torch.equal(model.translate(picture), expected)


def test_a_side_below_16_px_is_padded_to_16(model):
    picture = as_tensor(noise_image(0, (24, 3)))[None]
    padded = torch.cat([picture, picture[..., -1:, :].expand(-1, -1, 13, -1)], 2)
    with torch.no_grad():
        assert torch.equal(model.translate(picture), model.generator_ab(padded)[..., :3, :])


@pytest.mark.parametrize("mode", ["L", "RGBA", "LA", "P", "CMYK", "1"])
def test_other_modes_come_back_as_rgb(model, mode):
    image = noise_image(0, (21, 19)).convert(mode)
    result = model.translate(image)
    assert result.mode == "RGB" and result.size == (21, 19)


def test_a_transparent_picture_is_put_over_white(model):
    image = noise_image(0, (20, 20))
    image.putalpha(Image.new("L", (20, 20), 0))
    white = Image.new("RGB", (20, 20), (255, 255, 255))
    assert np.array_equal(as_array(model.translate(image)), as_array(model.translate(white)))
    assert np.array_equal(model.translate(np.array(image)), as_array(model.translate(white)))


def test_a_picture_turned_by_exif_comes_back_upright(model, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    noise_image(0, (30, 18)).save(tmp_path / "x.jpg", exif=exif)
    assert model.translate(tmp_path / "x.jpg").size == (18, 30)


def test_the_picture_that_was_given_is_not_changed(model):
    image, tensor = noise_image(0, (18, 18)), as_tensor(noise_image(0, (18, 18)))
    pixels, before = np.array(image), tensor.clone()
    for picture in (image, tensor, pixels):
        model.translate(picture)
    assert image.tobytes() == pixels.tobytes() == noise_image(0, (18, 18)).tobytes()
    assert torch.equal(tensor, before)


def test_grey_arrays_come_back_in_colour(model):
    assert model.translate(np.zeros((17, 21), dtype=np.uint8)).shape == (17, 21, 3)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_arrays_keep_their_type(model, dtype):
    result = model.translate(np.full((16, 16, 3), 0.5, dtype=dtype))
    assert result.dtype == dtype and 0 <= result.min() and result.max() <= 1


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_tensors_keep_their_type(model, dtype):
    assert model.translate(torch.zeros(3, 18, 18, dtype=dtype)).dtype == dtype


def test_strided_arrays_are_fine(model):
    pixels = np.array(noise_image(0, (40, 40)))
    turned = pixels[::-2, ::2]
    assert np.array_equal(model.translate(turned), model.translate(turned.copy()))


def test_translating_leaves_the_model_as_it_is(model):
    before = {name: value.clone() for name, value in model.state_dict().items()}
    model.train()
    model.translate(noise_image(0))
    assert model.training
    model.eval()
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert all(weight.requires_grad and weight.grad is None for weight in model.parameters())


@pytest.mark.parametrize("to", ["c", "A", "", None, 1, "ab"])
def test_a_wrong_direction(model, to):
    with pytest.raises(ParameterError, match='"a" or "b"'):
        model.translate(noise_image(0), to=to)


@pytest.mark.parametrize(
    "picture",
    [
        np.zeros((8, 8, 2), dtype=np.uint8),
        np.zeros((3, 8, 8), dtype=np.uint8),
        np.zeros((1, 8, 8, 3), dtype=np.uint8),
        np.zeros((0, 8, 3), dtype=np.uint8),
        np.zeros((0, 8, 3)),
        np.zeros((8, 8, 3), dtype=np.int64),
        np.zeros((8, 8, 3), dtype=bool),
        np.full((8, 8, 3), 200.0),
        np.full((8, 8, 3), -0.5),
        np.full((8, 8, 3), np.nan),
        np.zeros(5, dtype=np.uint8),
        np.array([["a"]]),
    ],
    ids=lambda a: f"{a.shape} {a.dtype}",
)
def test_a_wrong_array(model, picture):
    with pytest.raises(DataError, match="an array must be"):
        model.translate(picture)


@pytest.mark.parametrize(
    ("picture", "words"),
    [
        (torch.zeros(3, 8, 8, dtype=torch.uint8), "float in"),
        (torch.zeros(8, 8, 3), "shape"),
        (torch.zeros(1, 8, 8), "shape"),
        (torch.zeros(8, 8), "shape"),
        (torch.zeros(2, 2, 3, 8, 8), "shape"),
        (torch.zeros(3, 0, 8), "shape"),
        (torch.zeros(0, 3, 8, 8), "shape"),
        (torch.full((3, 8, 8), 200.0), "127.5"),
        (torch.full((3, 8, 8), float("nan")), "-1, 1"),
    ],
    ids=lambda value: str(tuple(value.shape)) if torch.is_tensor(value) else value,
)
def test_a_wrong_tensor(model, picture, words):
    with pytest.raises(DataError, match=words):
        model.translate(picture)


@pytest.mark.parametrize(
    "picture", [None, 5, [[0, 0], [0, 0]], b"bytes", object()], ids=lambda value: type(value).__name__
)
def test_something_that_is_no_picture(model, picture):
    with pytest.raises(MiniCycleGANError, match="cannot make a picture"):
        model.translate(picture)


def test_a_path_that_is_not_there_or_is_no_image(model, tmp_path):
    (tmp_path / "x.jpg").write_text("text")
    for path in (tmp_path / "nothing.png", tmp_path / "x.jpg", tmp_path):
        with pytest.raises(DataError) as error:
            model.translate(path)
        assert str(path) in str(error.value)


def test_loading_draws_no_first_weights(monkeypatch):
    """They would be thrown away, and drawing them without numbers makes PyTorch import its compiler: 1.7 seconds."""

    def drawn(*given, **named):
        raise AssertionError("first weights were drawn")

    monkeypatch.setattr(torch.Tensor, "normal_", drawn)
    load(shipped_weights())
    with without_numbers():
        network = CycleGAN(tiny_config()).generator_ab
    assert all(weights.is_meta for weights in network.parameters())
    with pytest.raises(AssertionError, match="drawn"):
        CycleGAN(tiny_config())
