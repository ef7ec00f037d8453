"""Pictures of more than 8 bits: one scale for all of a data set, said, stored, and used again to translate; and odd bands."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import make_folder, noise_image, tiny_config
from PIL import Image
from test_bad_input import refused
from test_faults_images import png_of_16_bits, rgb_tiff

from minicyclegan.cyclegan import CycleGAN
from minicyclegan.data import load_folder
from minicyclegan.datasets.inspection import check_folder
from minicyclegan.datasets.named import load_domains
from minicyclegan.errors import DataError, ParameterError
from minicyclegan.parameters import Config, value_range_of
from minicyclegan.pictures.images import as_batch, read_image
from minicyclegan.pictures.values import UnknownRange

SIZE = 64
RAMP = np.tile(np.linspace(0, 1, SIZE), (SIZE, 1))


def write(root: Path, a: list[np.ndarray], b: list[np.ndarray] | None = None) -> Path:
    """A data set of TIFF files: the pictures of A and of B, for training and for testing."""
    shutil.rmtree(root, ignore_errors=True)
    for part, pictures in (("trainA", a), ("trainB", b or a), ("testA", a), ("testB", b or a)):
        (root / part).mkdir(parents=True)
        for i, values in enumerate(pictures):
            Image.fromarray(values).save(root / part / f"{part}{i}.tif")
    return root


def loaded(root: Path, **options):
    return load_folder(root, SIZE, load_size=SIZE, **options)


def ends(pictures) -> list[tuple[int, int]]:
    return [(int(one.min()), int(one.max())) for one in pictures[list(range(len(pictures)))]]


def about_range(domains) -> str:
    return next(note for note in domains.notes if "value_range=" in note)


# One range for a set


@pytest.mark.parametrize("factor", [0.1, 1.0, 1.02, 8.0, 1e-9, 1e30])
def test_a_ramp_of_fractions_looks_the_same_times_anything(tmp_path, factor):
    """But for what lies between 0 and 1, which is taken for what it says."""
    domains = loaded(write(tmp_path / "set", [(RAMP * factor).astype(np.float32)] * 2))
    expected = max(1, round(255 * factor)) if factor < 1 else 255
    for low, high in ends(domains.train_a) + ends(domains.test_b):
        assert low == 0 and abs(high - expected) <= 1
    assert ("little contrast" in " ".join(domains.notes)) == (factor < 0.11)


@pytest.mark.parametrize("most", [200, 255, 256, 70_000])
def test_whole_numbers_of_32_bits_do_not_jump_at_256(tmp_path, most):
    domains = loaded(write(tmp_path / "set", [(RAMP * most).astype(np.int32)] * 2))
    assert all(low == 0 and high >= 253 for low, high in ends(domains.train_a))


def test_slices_with_negative_numbers_share_one_scale(tmp_path):
    bone, air = (RAMP * 3000 - 1000).astype(np.int32), (RAMP * 1000 - 1000).astype(np.int32)
    domains = loaded(write(tmp_path / "set", [bone, air], [bone]))
    assert domains.value_range == "-1000..2000"
    assert ends(domains.train_a) == [(0, 255), (0, 85)] and ends(domains.test_b) == [(0, 255)]
    assert "value_range=-1000..2000" in about_range(domains) and "0 % of their pixels" in about_range(domains)
    assert "-p value_range=LOW..HIGH" in about_range(domains)


@pytest.mark.parametrize("kind", [np.float32, np.int32])
def test_one_bright_pixel_turns_no_slice_black(tmp_path, kind):
    slices = [(RAMP * 1000).astype(kind) for _ in range(3)]
    slices[1][5, 5] = 1_000_000
    domains = loaded(write(tmp_path / "set", slices))
    assert domains.value_range == "0..1000" and ends(domains.train_a) == [(0, 255)] * 3
    share = 100 * 2 / (6 * SIZE**2)
    assert f"{share:.2g} % of their pixels lie outside" in about_range(domains)


@pytest.mark.parametrize(
    ("most", "expected"),
    [(250, 255), (256, 1023), (2843, 4095), (4095, 4095), (16_000, 16_383), (16_384, 65_535)],
)
def test_files_of_16_bits_have_the_white_of_the_bits_in_use(tmp_path, most, expected):
    dark, bright = (RAMP * most / 3).astype(np.uint16), (RAMP * most).astype(np.uint16)
    domains = loaded(write(tmp_path / "set", [dark, dark], [dark, bright]))
    assert domains.value_range == f"0..{expected}", "one range for both domains"
    assert abs(ends(domains.train_a)[0][1] - 255 * int(most / 3) / expected) < 1.5


def test_a_broken_pixel_of_a_camera_does_not_change_its_bits(tmp_path):
    values = (np.tile(RAMP, (8, 8)) * 4000).astype(np.uint16)
    values[7, 7] = 65_535
    assert loaded(write(tmp_path / "set", [values])).value_range == "0..4095"


def test_colour_of_16_bits_is_treated_as_grey_is(tmp_path):
    make_folder(tmp_path / "set", size=(SIZE, SIZE))
    numbers = np.repeat((RAMP * 4000).astype(np.uint16)[..., None], 3, axis=2)
    numbers[..., 1] //= 2
    (tmp_path / "set" / "trainA" / "0.png").write_bytes(
        png_of_16_bits((SIZE, SIZE), numbers.astype(">u2").tobytes())
    )
    for name, pack in (("1.png", False), ("2.png", True)):
        content = rgb_tiff((SIZE, SIZE), numbers.astype("<u2").tobytes(), bits=16, pack=pack)
        (tmp_path / "set" / "trainA" / name).write_bytes(content)
    domains = loaded(tmp_path / "set")
    assert domains.value_range == "0..4095"
    exact = torch.from_numpy((numbers * (255 / 4095)).round()).permute(2, 0, 1).to(torch.uint8)
    for i in (0, 1, 2):
        assert torch.equal(domains.train_a[[i]][0], exact)
    plain = read_image(tmp_path / "set" / "trainA" / "0.png")
    assert np.asarray(plain).max() == 4000 >> 8, "without a range, as ever: the upper eight of sixteen bits"


def test_the_lower_bits_of_colour_are_used_where_the_range_is_narrow(tmp_path):
    numbers = np.arange(SIZE * SIZE * 3, dtype=np.uint16).reshape(SIZE, SIZE, 3) % 200 + 1000
    (tmp_path / "x.png").write_bytes(png_of_16_bits((SIZE, SIZE), numbers.astype(">u2").tobytes()))
    found = np.asarray(read_image(tmp_path / "x.png", (1000, 1255)))
    assert np.array_equal(found, numbers - 1000)


def test_files_of_8_bits_are_never_touched(tmp_path):
    folder = make_folder(tmp_path / "set", size=(SIZE, SIZE))
    plain = load_folder(folder, 16)
    given = load_folder(folder, 16, value_range="0..99")
    assert plain.value_range == "auto" and not any("value_range" in note for note in plain.notes)
    assert torch.equal(plain.train_a[[0, 1]], given.train_a[[0, 1]])
    assert "is not used" in about_range(given) and given.value_range == "0..99"


def test_a_range_that_is_given_is_used_and_what_it_clips_is_said(tmp_path):
    domains = loaded(write(tmp_path / "set", [(RAMP * 4000).astype(np.uint16)]), value_range="1000..3000")
    values = (RAMP[0] * 4000).astype(np.uint16).astype(float)
    expected = ((values - 1000) * 255 / 2000).clip(0, 255).round()
    assert domains.train_a[[0]][0, 0, 0].tolist() == expected.tolist()
    outside = 100 * np.mean((values < 1000) | (values > 3000))
    assert f"{outside:.2g} % of their pixels lie outside" in about_range(domains)


def test_each_domain_may_have_a_range_of_its_own(tmp_path):
    counts, fractions = (RAMP * 4000).astype(np.uint16), (RAMP * 0.9).astype(np.float32)
    root = write(tmp_path / "set", [counts], [fractions])
    assert loaded(root).value_range == "0..4095, 0..1"
    domains = loaded(root, value_range="0..8000, 0..0.9")
    assert ends(domains.train_a) == ends(domains.test_a) == [(0, 128)]
    assert ends(domains.train_b) == [(0, 255)]


def test_a_domain_that_fills_little_of_the_range_is_named(tmp_path):
    wide, narrow = (RAMP * 3000).astype(np.float32), (RAMP * 90).astype(np.float32)
    notes = loaded(write(tmp_path / "set", [wide], [narrow])).notes
    (hint,) = [note for note in notes if "little contrast" in note]
    assert "in domain B" in hint and "0..3000" in hint


def test_a_domain_with_two_kinds_of_numbers_is_refused_unless_a_range_is_given(tmp_path):
    both = [(RAMP * 4000).astype(np.uint16), RAMP.astype(np.float32)]
    root = write(tmp_path / "set", both)
    with refused(DataError, "domain A", "16 bits", "value_range=LOW..HIGH"):
        loaded(root)
    assert ends(loaded(root, value_range="0..4000").train_a)[0] == (0, 255)


def test_a_grey_scale_with_black_on_top_is_turned_round(tmp_path):
    """A TIFF may say that 0 is white. Pillow turns only those of 8 bits."""
    root = write(tmp_path / "set", [(RAMP * 4095).astype(np.uint16)])
    for path in root.rglob("*.tif"):
        content = bytearray(path.read_bytes())
        at = content.index(b"\x06\x01\x03\x00\x01\x00\x00\x00")
        content[at + 8] = 0
        path.write_bytes(content)
    row = loaded(root).train_a[[0]][0, 0, 0].tolist()
    assert row[0] == 255 and row[-1] == 0


def test_large_numbers_without_a_sign_are_not_negative(tmp_path):
    path = tmp_path / "x.tif"
    values = (RAMP * 4e9).astype(np.uint32)
    Image.fromarray(values.view(np.int32)).save(path)
    content = bytearray(path.read_bytes())
    at = content.index(b"\x53\x01\x03\x00\x01\x00\x00\x00")  # the sign of its numbers
    content[at + 8] = 1
    path.write_bytes(content)
    row = np.asarray(read_image(path, (0, 4e9)))[0, :, 0]
    assert row[0] == 0 and row[-1] == 255 and (np.diff(row.astype(int)) >= 0).all()


def test_faces_have_one_range_as_well(tmp_path):
    for i in range(100):
        pixels = np.asarray(noise_image(i, (16, 16)).convert("L")).astype(np.uint16)
        Image.fromarray(pixels * 16).save(tmp_path / f"{i}.png")
    domains = load_domains(f"face_restoration:{tmp_path}", 16)
    assert domains.value_range == "0..4095" and int(domains.train_b.max()) > 200
    assert "value_range=0..4095" in about_range(domains)


def test_the_check_of_a_folder_says_the_range(tmp_path):
    report = check_folder(write(tmp_path / "set", [(RAMP * 4000).astype(np.uint16)] * 2), SIZE)
    assert any("value_range=0..4095" in text for text in report.warnings)


# The text, the configuration, and a single picture


@pytest.mark.parametrize(
    ("text", "a", "b"),
    [
        ("auto", None, None),
        ("0..4095", (0, 4095), (0, 4095)),
        ("-1000..2e3", (-1000, 2000), (-1000, 2000)),
        ("0..1, -5..7.5", (0, 1), (-5, 7.5)),
    ],
)
def test_a_range_in_words(text, a, b):
    assert value_range_of(text, "a") == value_range_of(text, "A") == a
    assert value_range_of(text, "b") == b and Config(value_range=text).to_dict()["value_range"] == text


@pytest.mark.parametrize(
    "text", ["", "4095", "0-4095", "5..5", "9..1", "0..nan", "0..inf", "a..b", "0..1,0..1,0..1", "0..1..2"]
)
def test_what_is_no_range_is_refused_in_one_sentence(text, data_folder):
    for use in (lambda: Config(value_range=text), lambda: load_domains(data_folder, 16, value_range=text)):
        with refused(ParameterError, "value_range must be auto, LOW..HIGH", repr(text)):
            use()


@pytest.mark.parametrize("to", ["a", "b"])
def test_a_model_translates_with_the_range_it_was_trained_with(tmp_path, to):
    torch.manual_seed(0)
    model = CycleGAN(tiny_config(value_range="0..4095, 0..8")).eval()
    values = {"b": (RAMP * 4095).astype(np.uint16), "a": (RAMP * 8).astype(np.float32)}[to]
    Image.fromarray(values).save(tmp_path / "x.tif")
    eight_bits = Image.fromarray((RAMP * 255).round().astype(np.uint8))
    expected = np.asarray(model.translate(eight_bits, to=to), dtype=int)
    for given in (tmp_path / "x.tif", Image.open(tmp_path / "x.tif")):
        assert np.abs(np.asarray(model.translate(given, to=to), dtype=int) - expected).max() <= 3
    half = np.asarray(eight_bits) // 2
    plain = CycleGAN(tiny_config()).eval()
    plain.load_state_dict(model.state_dict())
    assert np.array_equal(model.translate(half, to=to), plain.translate(half, to=to)), (
        "an array has its own range"
    )


def test_a_model_without_a_range_refuses_numbers_of_unknown_meaning(tmp_path):
    Image.fromarray(RAMP.astype(np.float32)).save(tmp_path / "x.tif")
    model = CycleGAN(tiny_config()).eval()
    with refused(UnknownRange, tmp_path / "x.tif", "fractions", "--value-range LOW..HIGH"):
        model.translate(tmp_path / "x.tif")
    for image in (Image.fromarray(RAMP.astype(np.float32)), Image.fromarray((RAMP * 9).astype(np.int32))):
        with refused(DataError, "cannot use this picture", "--value-range"):
            model.translate(image)
        assert as_batch(image, (0, 9))[0].shape == (1, 3, SIZE, SIZE)


# Bands


def bands_of(tmp_path, n: int, extra: tuple[int, ...] | None) -> tuple[Path, np.ndarray]:
    """A data set of TIFFs in colour with n bands, of which those after the third are 0, and the three colours."""
    root = make_folder(tmp_path / "set", size=(SIZE, SIZE))
    pixels = np.zeros((SIZE, SIZE, n), np.uint8)
    pixels[..., :3] = np.asarray(noise_image(3, (SIZE, SIZE)))
    (root / "trainA" / "bands.tif").write_bytes(
        rgb_tiff((SIZE, SIZE), pixels.tobytes(), bands=n, extra=extra)
    )
    return root, pixels[..., :3]


@pytest.mark.parametrize(
    ("n", "extra"),
    [(6, (0, 0, 0)), (5, (0, 0)), (4, (0,)), (4, ())],
    ids=["six", "five", "four", "four, not declared"],
)
def test_bands_that_are_no_colours_are_left_out_and_it_is_said(tmp_path, n, extra):
    root, colours = bands_of(tmp_path, n, extra)
    assert np.array_equal(np.asarray(read_image(root / "trainA" / "bands.tif")), colours), (
        "black is no transparency"
    )
    (note,) = [note for note in loaded(root).notes if "bands" in note]
    assert "1 in trainA, such as bands.tif" in note and "not used" in note
    assert any("bands.tif" in text for text in check_folder(root, 16).warnings)


def test_transparency_that_is_declared_becomes_white_and_it_is_said(tmp_path):
    root, _ = bands_of(tmp_path, 4, (2,))
    assert np.asarray(read_image(root / "trainA" / "bands.tif")).min() == 255
    (note,) = [note for note in loaded(root).notes if "transparency" in note]
    assert "1 in trainA, such as bands.tif" in note and "white" in note


def test_a_set_of_plain_pictures_has_no_remarks(data_folder):
    assert len(loaded(data_folder).notes) == 5, "four on enlarged pictures, one on pairs"


def test_16_bits_in_separate_planes_are_refused_and_not_read_as_8(tmp_path):
    content = bytearray(rgb_tiff((8, 8), bytes(8 * 8 * 6), bits=16))
    at = content.index(b"\x16\x01")  # rows per strip, no longer needed, becomes: colours in planes
    content[at : at + 12] = b"\x1c\x01\x03\x00\x01\x00\x00\x00\x02\x00\x00\x00"
    (tmp_path / "x.tif").write_bytes(content)
    with refused(DataError, tmp_path / "x.tif"):
        read_image(tmp_path / "x.tif")
