"""Pictures in: every kind of file, crops, order, and the drawn seasons."""

import numpy as np
import pytest
import torch
from conftest import make_folder, noise_image, random_pictures, shared_images
from PIL import Image

from minicyclegan.data import (
    ImageFolder,
    UnpairedBatches,
    load_folder,
    load_seasons,
    random_crop_flip,
    to_float,
    to_uint8,
)
from minicyclegan.datasets.named import load_domains
from minicyclegan.errors import DataError
from minicyclegan.pictures.images import list_images, read_image, to_tensor
from minicyclegan.seasons import SCENE_RANGES, draw, sample_scenes

# Ranges


def test_to_float_and_back_is_exact_for_every_value():
    every = torch.arange(256, dtype=torch.uint8).view(1, 1, 16, 16)
    assert float(to_float(every).min()) == -1 and float(to_float(every).max()) == 1
    assert torch.equal(to_uint8(to_float(every)), every)


def test_to_uint8_takes_the_nearest_step_and_cuts():
    values = torch.tensor([-2.0, -1.0, 0.4 / 127.5 - 1, 0.6 / 127.5 - 1, 1.0, 2.0])
    assert to_uint8(values).tolist() == [0, 0, 0, 1, 255, 255]


# Files of every kind


def pixels_of(path, value_range=None) -> list[tuple]:
    image = read_image(path, value_range)
    assert image.mode == "RGB"
    return [tuple(pixel) for pixel in np.asarray(image).reshape(-1, 3).tolist()]


def saved(image: Image.Image, path, **options):
    image.save(path, **options)
    return path


def test_grey(tmp_path):
    image = Image.new("L", (2, 1))
    image.putdata([0, 100])
    assert pixels_of(saved(image, tmp_path / "x.png")) == [(0, 0, 0), (100, 100, 100)]


def test_black_and_white(tmp_path):
    image = Image.new("1", (2, 1))
    image.putdata([0, 1])
    assert pixels_of(saved(image, tmp_path / "x.png")) == [(0, 0, 0), (255, 255, 255)]


def a_palette_image() -> Image.Image:
    image = Image.new("P", (3, 1))
    image.putpalette([255, 0, 0, 0, 200, 0, 0, 0, 100])
    image.putdata([0, 1, 2])
    return image


def test_palette(tmp_path):
    assert pixels_of(saved(a_palette_image(), tmp_path / "x.png")) == [(255, 0, 0), (0, 200, 0), (0, 0, 100)]


def test_palette_with_one_transparent_colour(tmp_path):
    path = saved(a_palette_image(), tmp_path / "x.png", transparency=1)
    assert pixels_of(path) == [(255, 0, 0), (255, 255, 255), (0, 0, 100)]


def test_palette_with_an_opacity_for_each_colour(tmp_path):
    path = saved(a_palette_image(), tmp_path / "x.png", transparency=bytes([255, 0, 51]))
    assert pixels_of(path) == [(255, 0, 0), (255, 255, 255), (204, 204, 224)]


def test_transparent_gif(tmp_path):
    path = saved(a_palette_image(), tmp_path / "x.gif", transparency=2)
    assert pixels_of(path) == [(255, 0, 0), (0, 200, 0), (255, 255, 255)]


def test_rgba_over_white(tmp_path):
    image = Image.new("RGBA", (3, 1))
    image.putdata([(200, 100, 0, 255), (255, 0, 0, 51), (9, 9, 9, 0)])
    assert pixels_of(saved(image, tmp_path / "x.png")) == [(200, 100, 0), (255, 204, 204), (255, 255, 255)]


def test_grey_with_opacity_over_white(tmp_path):
    image = Image.new("LA", (3, 1))
    image.putdata([(100, 255), (0, 51), (0, 0)])
    assert pixels_of(saved(image, tmp_path / "x.png")) == [(100,) * 3, (204,) * 3, (255,) * 3]


def test_rgb_with_one_transparent_colour(tmp_path):
    image = Image.new("RGB", (2, 1))
    image.putdata([(1, 2, 3), (4, 5, 6)])
    assert pixels_of(saved(image, tmp_path / "x.png", transparency=(1, 2, 3))) == [(255, 255, 255), (4, 5, 6)]


@pytest.mark.parametrize("kind", ["png", "tiff"])
def test_grey_of_16_bit_is_scaled_and_not_cut(tmp_path, kind):
    values = np.array([[0, 257, 32896, 65535]], dtype=np.uint16)
    path = saved(Image.fromarray(values), tmp_path / f"x.{kind}")
    assert pixels_of(path) == [(v,) * 3 for v in (0, 1, 128, 255)]


def test_a_dark_picture_of_16_bit_stays_dark(tmp_path):
    """All values are under 256: the file says 16 bit, so this is nearly black, as in every other 16-bit file beside it."""
    path = saved(Image.fromarray(np.full((1, 2), 250, dtype=np.uint16)), tmp_path / "x.png")
    assert pixels_of(path) == [(1, 1, 1)] * 2


def test_whole_numbers_of_32_bit_and_fractions_need_a_range(tmp_path):
    whole = saved(Image.fromarray(np.array([[-100, 0, 255, 300]], dtype=np.int32)), tmp_path / "i.tiff")
    parts = saved(Image.fromarray(np.array([[0.0, 0.2, 1.0]], dtype=np.float32)), tmp_path / "f.tiff")
    assert pixels_of(whole, (0, 255)) == [(v,) * 3 for v in (0, 0, 255, 255)]
    assert pixels_of(parts, (0, 1)) == [(v,) * 3 for v in (0, 51, 255)]
    for path in (whole, parts):
        with pytest.raises(DataError, match="--value-range LOW..HIGH") as error:
            read_image(path)
        assert str(path) in str(error.value)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("value", [-5.0, 0.0, 0.5, 1.0, 300.0, 70_000.0, 1e30])
def test_fractions_of_one_value_are_read_without_a_division_by_0(tmp_path, value):
    make_folder(tmp_path / "set")
    for part in ("trainA", "trainB"):
        for path in (tmp_path / "set" / part).iterdir():
            path.unlink()
        saved(Image.new("F", (20, 20), value), tmp_path / "set" / part / "x.tiff")
    domains = load_folder(tmp_path / "set", 16)
    assert len(domains.train_a[[0]].unique()) == 1 and domains.value_range != "auto"


def test_values_that_are_no_numbers_are_refused(tmp_path):
    path = saved(Image.fromarray(np.array([[np.nan, 0.0]], dtype=np.float32)), tmp_path / "x.tiff")
    with pytest.raises(DataError, match="not finite numbers"):
        read_image(path, (0, 1))


def test_cmyk_jpeg(tmp_path):
    image = Image.new("CMYK", (16, 16), (0, 255, 255, 0))  # no cyan, all magenta and yellow: red
    path = saved(image, tmp_path / "x.jpg", quality=95)
    assert np.abs(np.array(pixels_of(path)) - [255, 0, 0]).max() < 12


@pytest.mark.parametrize(
    ("orientation", "turn"),
    [
        (1, None),
        (2, Image.Transpose.FLIP_LEFT_RIGHT),
        (3, Image.Transpose.ROTATE_180),
        (4, Image.Transpose.FLIP_TOP_BOTTOM),
        (5, Image.Transpose.TRANSPOSE),
        (6, Image.Transpose.ROTATE_270),
        (7, Image.Transpose.TRANSVERSE),
        (8, Image.Transpose.ROTATE_90),
    ],
)
def test_exif_orientation(tmp_path, orientation, turn):
    image, exif = noise_image(0, (5, 3)), Image.Exif()
    exif[0x0112] = orientation
    path = saved(image, tmp_path / "x.png", exif=exif)
    expected = image if turn is None else image.transpose(turn)
    found = read_image(path)
    assert found.size == expected.size
    assert found.tobytes() == expected.tobytes()


@pytest.mark.parametrize("kind", ["jpg", "png", "webp", "bmp", "gif", "tiff", "ppm", "JPG"])
def test_common_types_are_listed_and_read(tmp_path, kind):
    path = saved(Image.new("RGB", (8, 8), (200, 30, 60)), tmp_path / f"x.{kind}")
    assert list_images(tmp_path) == [path]
    assert np.abs(np.array(pixels_of(path)) - [200, 30, 60]).max() < 12


def test_list_images_is_by_name_and_leaves_other_files_out(tmp_path):
    for name in ("b.png", "a.png", "10.png", "9.png", ".hidden.png", "notes.txt", "paper.pdf"):
        (tmp_path / name).touch()
    (tmp_path / "folder.png").mkdir()
    assert [path.name for path in list_images(tmp_path)] == ["10.png", "9.png", "a.png", "b.png"]


# A folder of images


def test_non_square_pictures_are_cut_in_the_middle(tmp_path):
    image = Image.new("RGB", (30, 10), (255, 0, 0))
    image.paste((0, 255, 0), (10, 0, 20, 10))  # the middle third is green
    image.save(tmp_path / "wide.png")
    image.transpose(Image.Transpose.ROTATE_90).save(tmp_path / "high.png")
    pictures = ImageFolder(tmp_path, 10)[[0, 1]]
    assert torch.equal(
        pictures, torch.tensor([0, 255, 0], dtype=torch.uint8).view(1, 3, 1, 1).expand(2, 3, 10, 10)
    )


def test_a_picture_of_the_right_size_is_not_touched(tmp_path):
    noise_image(0).save(tmp_path / "x.png")
    assert torch.equal(ImageFolder(tmp_path, 20)[[0]][0], to_tensor(noise_image(0)))


def test_in_memory_and_lazy_give_the_same(tmp_path):
    for i, size in enumerate([(20, 20), (31, 17), (16, 40), (90, 64)]):
        noise_image(i, size).save(tmp_path / f"{i}.png")
    kept, lazy = ImageFolder(tmp_path, 16), ImageFolder(tmp_path, 16, memory_budget=0)
    assert kept.pictures is not None and lazy.pictures is None
    assert len(kept) == len(lazy) == 4
    assert kept[[0]].shape == (1, 3, 16, 16) and kept[[0]].dtype == torch.uint8
    for indices in ([0, 1, 2, 3], [3, 0], [2]):
        assert torch.equal(kept[indices], lazy[indices])


def test_the_memory_budget_is_counted_in_bytes(tmp_path):
    for i in range(3):
        noise_image(i).save(tmp_path / f"{i}.png")
    assert ImageFolder(tmp_path, 16, memory_budget=3 * 3 * 16 * 16).pictures is not None
    assert ImageFolder(tmp_path, 16, memory_budget=3 * 3 * 16 * 16 - 1).pictures is None


def test_reading_lazily_twice_does_not_count_an_enlarged_picture_twice(tmp_path):
    noise_image(0, (8, 8)).save(tmp_path / "small.png")
    folder = ImageFolder(tmp_path, 16, memory_budget=0)
    for _ in range(3):
        folder[[0]]
    assert len(folder.enlarged) == 1


def test_load_size_is_286_of_256_unless_given(data_folder):
    domains = load_folder(data_folder, 16)
    assert domains.train_a[[0]].shape[-1] == domains.train_b[[0]].shape[-1] == 18  # 16 * 286 / 256 = 17.9
    assert domains.test_a[[0]].shape[-1] == 16
    assert load_folder(data_folder, 16, load_size=20).train_a[[0]].shape[-1] == 20
    with pytest.raises(DataError, match="load_size"):
        load_folder(data_folder, 16, load_size=12)


def test_each_part_of_a_folder_lands_in_its_place(data_folder):
    domains = load_folder(data_folder, 20, load_size=20)
    for k, part in enumerate((domains.train_a, domains.train_b, domains.test_a, domains.test_b)):
        assert torch.equal(part[[2]][0], to_tensor(noise_image(100 * k + 2)))
    assert domains.value_range == "auto" and len(domains.notes) == 1 and "pairs" in domains.notes[0]


# Crop and flip


def coordinates(n: int, size: int) -> torch.Tensor:
    """Pictures in which each pixel holds (picture, y, x)."""
    axes = torch.meshgrid(torch.arange(n), torch.arange(size), torch.arange(size), indexing="ij")
    return torch.stack(axes, 1).to(torch.uint8)


def crops_of(pictures: torch.Tensor) -> list[tuple[int, int, bool]]:
    """(top, left, mirrored) of crops from `coordinates`; checks that each is whole."""
    found = []
    for picture in pictures:
        size = picture.shape[-1]
        top, left = int(picture[1].min()), int(picture[2].min())
        mirrored = bool(picture[2, 0, 0] > picture[2, 0, -1])
        expected = coordinates(1, 60)[0, 1:, top : top + size, left : left + size]
        assert torch.equal(picture[1:], expected.flip(2) if mirrored else expected)
        found.append((top, left, mirrored))
    return found


def test_crops_lie_inside_and_reach_every_place():
    crops = random_crop_flip(coordinates(2000, 20), 16, torch.Generator().manual_seed(0))
    found = crops_of(crops)
    assert {top for top, _, _ in found} == {left for _, left, _ in found} == {0, 1, 2, 3, 4}
    assert len(set(found)) == 50  # every place, mirrored and not
    assert 900 < sum(mirrored for _, _, mirrored in found) < 1100
    # The pictures keep their order
    assert torch.equal(crops[:, 0, 0, 0], (torch.arange(2000) % 256).to(torch.uint8))


def test_a_crop_of_the_full_size_only_flips():
    found = crops_of(random_crop_flip(coordinates(50, 16), 16, torch.Generator().manual_seed(0)))
    assert {(top, left) for top, left, _ in found} == {(0, 0)}


def test_crop_and_flip_are_drawn_anew_each_epoch():
    batches = UnpairedBatches(coordinates(4, 20), coordinates(4, 20), 16, 4, seed=0)
    crops = {0: [], 1: []}
    for epoch in range(10):
        for domain, pictures in enumerate(batches.batch(epoch)):
            pictures = to_uint8(pictures)
            order = pictures[:, 0, 0, 0].argsort()
            crops[domain].append(tuple(crops_of(pictures[order])))
    assert len(set(crops[0])) == 10 and len(set(crops[1])) == 10
    assert crops[0] != crops[1]


def test_pinned_crops():
    """Literal numbers: every platform must draw these."""
    found = crops_of(random_crop_flip(coordinates(6, 20), 16, torch.Generator().manual_seed(0)))
    assert [(t, k) for t, k, _ in found] == [(4, 2), (4, 3), (3, 2), (0, 3), (3, 1), (4, 1)]
    assert [flip for _, _, flip in found] == [False, True, False, False, False, False]


# Order


def constant_pictures(n: int) -> torch.Tensor:
    """Picture i holds nothing but i."""
    return torch.arange(n, dtype=torch.uint8).view(n, 1, 1, 1).expand(n, 3, 4, 4).clone()


def indices_of(batches: UnpairedBatches, steps) -> tuple[list[int], list[int]]:
    shown = ([], [])
    for step in steps:
        for domain, pictures in enumerate(batches.batch(step)):
            shown[domain].extend(to_uint8(pictures)[:, 0, 0, 0].tolist())
    return shown


def test_batches_have_the_promised_shape_and_range():
    a, b = UnpairedBatches(random_pictures(5, 20, 0), random_pictures(9, 24, 1), 16, 3, seed=0).batch(0)
    assert a.shape == b.shape == (3, 3, 16, 16)
    assert a.dtype == b.dtype == torch.float32
    assert float(a.min()) >= -1 and float(b.max()) <= 1 and float(a.min()) < -0.9 and float(b.max()) > 0.9


@pytest.mark.parametrize("batch_size", [1, 3, 7])
def test_every_picture_once_per_epoch(batch_size):
    batches = UnpairedBatches(constant_pictures(7), constant_pictures(11), 4, batch_size, seed=5)
    shown_a, shown_b = indices_of(batches, range(77))
    for shown, n in ((shown_a, 7), (shown_b, 11)):
        for start in range(0, len(shown) - n + 1, n):
            assert sorted(shown[start : start + n]) == list(range(n))


def test_same_seed_same_order_another_seed_another():
    make = lambda seed: UnpairedBatches(constant_pictures(20), constant_pictures(20), 4, 2, seed)  # noqa: E731
    assert indices_of(make(3), range(30)) == indices_of(make(3), range(30))
    assert indices_of(make(3), range(10)) != indices_of(make(4), range(10))


def test_a_batch_depends_on_seed_and_step_alone():
    make = lambda: UnpairedBatches(random_pictures(7, 20, 0), random_pictures(5, 20, 1), 16, 2, seed=1)  # noqa: E731
    straight = make()
    expected = [straight.batch(step) for step in range(12)]
    for step in (11, 0, 7, 3, 7):
        for found, wanted in zip(make().batch(step), expected[step]):
            assert torch.equal(found, wanted)
        for found, wanted in zip(straight.batch(step), expected[step]):
            assert torch.equal(found, wanted)


def test_pinned_order():
    """Literal numbers: every platform must draw these."""
    batches = UnpairedBatches(constant_pictures(10), constant_pictures(10), 4, 2, seed=0)
    shown_a, shown_b = indices_of(batches, range(10))
    assert shown_a == [4, 1, 7, 5, 3, 9, 0, 8, 6, 2, 5, 6, 1, 2, 0, 8, 9, 3, 7, 4]
    assert shown_b == [4, 1, 8, 6, 3, 9, 5, 7, 2, 0, 3, 1, 4, 8, 5, 7, 9, 2, 6, 0]


def test_a_and_b_are_drawn_independently():
    """Over 400 epochs each of the 100 pairs of pictures comes up about as often."""
    batches = UnpairedBatches(constant_pictures(10), constant_pictures(10), 4, 10, seed=0)
    met = np.zeros((10, 10))
    for epoch in range(400):
        met[batches.order(0, epoch).numpy(), batches.order(1, epoch).numpy()] += 1
    assert met.min() > 10 and met.max() < 70  # 40 expected, standard deviation 6


def test_domains_may_have_different_sizes_and_a_batch_may_hold_a_whole_domain():
    batches = UnpairedBatches(constant_pictures(2), constant_pictures(50), 4, 2, seed=0)
    shown_a, shown_b = indices_of(batches, range(25))
    assert all(sorted(shown_a[i : i + 2]) == [0, 1] for i in range(0, 50, 2))
    assert sorted(shown_b) == list(range(50))


def test_batches_from_a_folder(data_folder):
    domains = load_folder(data_folder, 16)
    lazy = [ImageFolder(data_folder / part, 18, memory_budget=0) for part in ("trainA", "trainB")]
    for found, wanted in zip(
        UnpairedBatches(*lazy, 16, 2, seed=0).batch(3),
        UnpairedBatches(domains.train_a, domains.train_b, 16, 2, seed=0).batch(3),
    ):
        assert torch.equal(found, wanted)


# The drawn seasons


def scenes_shown(pictures: torch.Tensor, all_pictures: torch.Tensor) -> list[int]:
    """Which of all scenes each picture shows."""
    same = (pictures.flatten(1)[:, None] == all_pictures.flatten(1)[None]).all(2)
    assert (same.sum(1) == 1).all(), "a picture shows no scene, or two scenes look the same"
    return same.int().argmax(1).tolist()


def test_no_scene_is_in_two_parts_and_test_pairs_are_true():
    domains = load_seasons(24, n_train=30, n_test=10, seed=4)
    scenes = sample_scenes(70, 4)
    summer, winter = (to_uint8(draw(scenes, season, 24)) for season in ("summer", "winter"))
    test_a, test_b = scenes_shown(domains.test_a, summer), scenes_shown(domains.test_b, winter)
    train_a, train_b = scenes_shown(domains.train_a, summer), scenes_shown(domains.train_b, winter)
    assert (len(test_a), len(train_a), len(train_b)) == (10, 30, 30)
    assert test_a == test_b and domains.paired
    assert len({*test_a, *train_a, *train_b}) == 70


@pytest.mark.parametrize("n_train", [1, 2, 65, 200])
def test_test_scenes_do_not_change_with_n_train(n_train):
    few, many = load_seasons(16, n_train, n_test=5), load_seasons(16, 100, n_test=5)
    assert torch.equal(few.test_a, many.test_a) and torch.equal(few.test_b, many.test_b)


@pytest.mark.parametrize("size", [16, 64, 128])
def test_seasons_drawn_a_few_at_a_time_are_those_drawn_at_once(size):
    """How many fit in the processor's cache depends on the size: 16 at 128 px, 64 at 64 px, 100 at most."""
    n = {16: 101, 64: 65, 128: 17}[size]
    scenes, domains = sample_scenes(2 * n + 1, 5), load_seasons(size, n, n_test=1, seed=5)
    summer, winter = (to_uint8(draw(scenes, season, size)) for season in ("summer", "winter"))
    assert torch.equal(domains.train_a, summer[1 : n + 1]) and torch.equal(domains.train_b, winter[n + 1 :])


def test_seed_decides_the_scenes():
    make = lambda seed: load_seasons(16, 3, 3, seed)  # noqa: E731
    assert torch.equal(make(0).train_a, make(0).train_a)
    assert not torch.equal(make(0).train_a, make(1).train_a)


def test_defaults_of_seasons():
    domains = load_domains("seasons", 16)
    assert domains.train_a.shape == domains.train_b.shape == (1000, 3, 16, 16)
    assert domains.test_a.shape == domains.test_b.shape == (200, 3, 16, 16)
    assert domains.train_a.dtype == torch.uint8


@pytest.mark.parametrize("size", [1, 2, 7, 16, 33, 128])
def test_seasons_at_any_size(size):
    for season in ("summer", "winter"):
        pictures = draw(sample_scenes(3, 0), season, size)
        assert pictures.shape == (3, 3, size, size)
        assert pictures.isfinite().all() and float(pictures.abs().max()) <= 1


def test_the_same_scene_at_two_sizes_looks_the_same():
    for season in ("summer", "winter"):
        large = torch.nn.functional.avg_pool2d(draw(sample_scenes(20, 0), season, 128), 4)
        small = draw(sample_scenes(20, 0), season, 32)
        assert float((large - small).abs().mean()) < 0.03


def test_scenes_stay_in_their_ranges_and_fill_them():
    scenes = sample_scenes(500, 0)
    assert list(scenes) == list(SCENE_RANGES)
    for name, (low, high) in SCENE_RANGES.items():
        values = scenes[name]
        assert values.shape == (500, 1, 1)
        assert low <= float(values.min()) < low + 0.05 * (high - low)
        assert high - 0.05 * (high - low) < float(values.max()) <= high


def test_a_scene_is_the_same_alone_and_in_company():
    many, few = sample_scenes(9, 2), sample_scenes(4, 2)
    assert all(torch.equal(many[name][:4], few[name]) for name in few)
    together = draw(many, "summer", 32)
    alone = draw({name: value[2:3] for name, value in many.items()}, "summer", 32)
    assert torch.allclose(together[2:3], alone, atol=1e-6)


def test_an_unknown_season_is_a_key_error():
    with pytest.raises(KeyError):
        draw(sample_scenes(1, 0), "spring", 16)


PINNED_SCENE = {"light": 0.997, "house_x": 0.23, "tree0_x": 0.266, "flower0_y": 0.721}
FINGERPRINT = {"summer": [-0.127, 0.208, 0.05, 0.462], "winter": [0.524, 0.538, 0.599, 0.342]}


def test_pinned_scenes():
    """Literal numbers: every platform must draw these."""
    scenes = sample_scenes(3, 0)
    found = [round(float(scenes[name][1]), 3) for name in PINNED_SCENE]
    assert found == pytest.approx(list(PINNED_SCENE.values()), abs=2e-3)


def test_coarse_fingerprint_of_the_drawing():
    """Mean of red, green, blue and the deviation, in [-1, 1]: a change of the drawing must be intended."""
    for season, expected in FINGERPRINT.items():
        pictures = draw(sample_scenes(8, 0), season, 32)
        found = [round(float(value), 3) for value in (*pictures.mean((0, 2, 3)), pictures.std())]
        assert found == pytest.approx(expected, abs=2e-3), f"{season} is drawn differently: {found}"


# Real images, where they are


def test_emoji_of_mixed_modes_over_white():
    folder = shared_images("emoji_noto2twemoji")
    one_of_each = {}
    for path in [*list_images(folder / "testA"), *list_images(folder / "testB")]:
        with Image.open(path) as image:
            one_of_each.setdefault(image.mode, path)
    assert {"RGBA", "LA", "P"} <= set(one_of_each)
    for mode, path in one_of_each.items():
        corner = np.asarray(read_image(path))[0, 0]
        assert corner.tolist() == [255, 255, 255], f"{path.name} ({mode}) is not over white"


def test_emoji_are_true_pairs():
    folder = shared_images("emoji_noto2twemoji")
    names = [[path.name for path in list_images(folder / part)] for part in ("testA", "testB")]
    assert names[0] == names[1] and len(names[0]) == 200
    pictures = ImageFolder(folder / "testA", 32)[[0, 1, 2]]
    assert pictures.shape == (3, 3, 32, 32) and len(pictures.unique()) > 10


def test_cats_and_dogs_load_and_are_not_paired(tmp_path):
    folder = shared_images("cats_dogs_128")
    for part in ("trainA", "trainB", "testA", "testB"):
        (tmp_path / part).mkdir()
        for path in list_images(folder / part)[:4]:
            (tmp_path / part / path.name).write_bytes(path.read_bytes())
    domains = load_folder(tmp_path, 64)
    a, b = UnpairedBatches(domains.train_a, domains.train_b, 64, 4, seed=0).batch(0)
    assert not domains.paired and "0 of 4 names are equal" in domains.notes[0]
    assert a.shape == b.shape == (4, 3, 64, 64)
    assert 0.1 < float(a.std()) < 1 and 0.1 < float(b.std()) < 1
