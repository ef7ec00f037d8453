"""The emoji pack: what ships, that nothing leaks from test to train, what a damaged pack says, and the script that builds it."""

import csv
import importlib.util
import json
import shutil
from collections import Counter

import numpy as np
import pytest
import torch
from conftest import ROOT, shared_images
from PIL import Image

from minicyclegan.data import UnpairedBatches
from minicyclegan.datasets.emoji import (
    STYLES,
    emoji_folder,
    load_emoji,
    read_sheet,
    read_table,
    training_pairs,
)
from minicyclegan.datasets.named import load_domains
from minicyclegan.errors import DataError
from minicyclegan.pictures.images import read_image, to_tensor

APART = 0.08  # what data/emoji/README.md promises
PACK = ROOT / "data" / "emoji"
FLAG_LETTERS = range(0x1F1E6, 0x1F200)
SKIN_TONES = range(0x1F3FB, 0x1F400)
PEOPLE_AND_JOINERS = {0xFE0F, 0x200D, 0x1F468, 0x1F469, 0x1F9D1, 0x2640, 0x2642, 0x27A1}


def load_script():
    spec = importlib.util.spec_from_file_location("build_emoji", ROOT / "data" / "build_emoji.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def script():
    return load_script()


@pytest.fixture(scope="module")
def table():
    return read_table()


@pytest.fixture(scope="module")
def domains_64():
    return load_emoji(64)


@pytest.fixture(scope="module")
def domains_16():
    return load_emoji(16)


# What ships


def test_the_pack_is_compact_and_has_the_promised_numbers(table):
    assert sum(path.stat().st_size for path in PACK.iterdir()) < 6_000_000
    assert Counter(row["split"] for row in table) == {"train": 1693, "test": 200}
    names, codes = ({row[key] for row in table} for key in ("name", "codepoints"))
    assert len(names) == len(codes) == 1893
    assert len({row["category"] for row in table if row["split"] == "test"}) == 9


def test_licences_and_attribution_are_beside_the_pictures():
    assert "Apache License" in (PACK / "LICENSE-NOTO.txt").read_text(encoding="utf-8")
    assert "Attribution 4.0 International" in (PACK / "LICENSE-TWEMOJI.txt").read_text(encoding="utf-8")
    assert "MIT License" in (PACK / "LICENSE-EMOJI-DATASOURCE.txt").read_text(encoding="utf-8")
    readme = (PACK / "README.md").read_text(encoding="utf-8")
    for words in (
        "Twitter, Inc",
        "and other contributors",
        "CC-BY 4.0",
        "Google",
        "Apache License 2.0",
        "MIT",
    ):
        assert words in readme


def test_every_pixel_is_a_multiple_of_five_and_the_corners_are_mostly_white(domains_64):
    for pictures in (domains_64.train_a, domains_64.train_b, domains_64.test_a, domains_64.test_b):
        assert not (pictures % 5).any()
        assert (pictures[:, :, 0, 0] == 255).all(1).float().mean() > 0.5


def test_pictures_agree_with_the_folder_of_emoji(table):
    folder = shared_images("emoji_noto2twemoji")
    lines = (folder / "pairs.csv").read_text(encoding="utf-8").splitlines()
    files = {row["codepoints"]: row for row in csv.DictReader(lines)}
    numbers = [i for i, row in enumerate(table) if row["codepoints"] in files][::7]
    assert len(numbers) > 250
    for style, domain in zip(STYLES, "AB"):
        tiles = read_sheet(PACK, style, len(table))
        for i in numbers:
            row = files[table[i]["codepoints"]]
            theirs = np.asarray(read_image(folder / f"{row['split']}{domain}" / row["file"]), dtype=int)
            assert np.abs(np.asarray(tiles[i], dtype=int) - theirs).max() <= 2, f"{style} {row['short_name']}"


# No leaks


def test_no_picture_of_the_test_looks_like_one_of_training(domains_64):
    """The distance of data/emoji/README.md, computed again: half the size, mirrored or not, in each style."""

    def pooled(pictures, factor):
        return torch.nn.functional.avg_pool2d(pictures.float() / 255, factor).flatten(1)

    close = 0
    for train, test in ((domains_64.train_a, domains_64.test_a), (domains_64.train_b, domains_64.test_b)):
        for view in (train, train.flip(3)):
            # Never more than at half the size
            coarse = torch.cdist(pooled(test, 8), pooled(view, 8), p=1) / 192
            i, j = (coarse < APART + 0.01).nonzero().unbind(1)
            exact = (pooled(test, 2)[i] - pooled(view, 2)[j]).abs().mean(1)
            assert float(exact.min()) >= APART - 1e-5
            close += int((exact < APART + 0.005).sum())
    assert close, "the nearest of all should be close to the limit, else this test measures something else"


def test_no_test_emoji_shares_a_telling_code_point_with_training(table):
    def telling(split):
        codes = {int(c, 16) for row in table if row["split"] == split for c in row["codepoints"].split("-")}
        return codes - PEOPLE_AND_JOINERS - set(FLAG_LETTERS) - set(SKIN_TONES)

    assert not telling("test") & telling("train")


def test_series_and_groups_are_on_one_side(table):
    sides = {}
    for row in table:
        sides.setdefault(row["group"], set()).add(row["split"])
    assert all(len(split) == 1 for split in sides.values())
    for names in (
        {f"clock{i}" for i in range(1, 13)},
        {"new_moon", "full_moon", "first_quarter_moon", "crescent_moon", "full_moon_with_face"},
        {"heart", "blue_heart", "green_heart", "broken_heart"},
        {"female-farmer", "farmer", "male-farmer"},
        {"a", "b", "o2", "ab", "abc", "abcd"},
        {"point_up", "point_down", "point_left", "v", "wave", "hand"},
    ):
        found = [row["split"] for row in table if row["name"] in names]
        assert len(found) == len(names) and len(set(found)) == 1, names


def test_no_two_skin_tones_ship(table):
    codes = {int(c, 16) for row in table for c in row["codepoints"].split("-")}
    assert not codes & set(range(0x1F3FB, 0x1F400))


# Loading


def test_load_emoji_gives_true_test_pairs_of_the_size_asked_for(table):
    domains = load_emoji(32)
    assert domains.paired and domains.notes == []
    for pictures, n in ((domains.train_a, 1693), (domains.test_b, 200)):
        assert pictures.dtype == torch.uint8 and pictures.shape == (n, 3, 32, 32)
    tiles = read_sheet(PACK, "twemoji", len(table))
    tests = [i for i, row in enumerate(table) if row["split"] == "test"]
    for k in (0, 57, 199):
        expected = tiles[tests[k]].resize((32, 32), Image.Resampling.BICUBIC)
        assert torch.equal(domains.test_b[k], to_tensor(expected))


def test_the_two_styles_are_of_one_emoji_but_differ(domains_64):
    a, b = domains_64.test_a.float() / 255, domains_64.test_b.float() / 255
    own = (a - b).abs().mean((1, 2, 3))
    others = (a - b.roll(1, 0)).abs().mean((1, 2, 3))
    assert own.mean() < 0.8 * others.mean() and own.min() > 0


def test_enlarging_is_said():
    domains = load_emoji(80)
    assert domains.test_a.shape[2:] == (80, 80) and "enlarged to 80 px" in domains.notes[0]


def test_load_domains_knows_the_word(domains_16):
    domains = load_domains("emoji", 16)
    assert domains.paired and torch.equal(domains.train_b, domains_16.train_b)


def test_batches_are_unpaired_though_both_domains_hold_the_same_emoji(domains_16):
    batches = UnpairedBatches(domains_16.train_a, domains_16.train_b, 16, 8, seed=0)
    together = 0
    for step in range(20):
        position = range(step * 8, step * 8 + 8)
        first, second = (batches.order(k, 0)[list(position)].tolist() for k in (0, 1))
        together += sum(i == j for i, j in zip(first, second))
    assert together <= 3, "160 draws show the same emoji by chance 0.1 times"


def test_training_pairs_are_training_pictures_in_one_order(domains_16):
    a, b = training_pairs(16)
    assert torch.equal(a, domains_16.train_a) and torch.equal(b, domains_16.train_b)


@pytest.mark.parametrize("size", [0, -4])
def test_an_impossible_size_is_refused(size):
    with pytest.raises(DataError, match="at least 1 px"):
        load_emoji(size)


# A missing or damaged pack


@pytest.fixture
def pack(tmp_path):
    return shutil.copytree(PACK, tmp_path / "emoji")


def cut_off(path):
    path.write_bytes(path.read_bytes()[:-1000])


def repaint_a_pixel(path):
    with Image.open(path) as image:
        sheet = image.convert("RGB")
    sheet.putpixel((100, 100), (1, 2, 3))
    sheet.save(path, lossless=True, quality=0, method=0)


def drop_a_line(path):
    lines = path.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join([*lines[:10], *lines[11:]]), encoding="utf-8")


@pytest.mark.parametrize("damage", [cut_off, repaint_a_pixel, lambda path: path.unlink()])
@pytest.mark.parametrize("name", ["noto.webp", "twemoji.webp"])
def test_a_damaged_sheet_is_refused_in_one_sentence(pack, name, damage):
    damage(pack / name)
    with pytest.raises(DataError, match=f"{name}.*(clone|build)") as caught:
        load_emoji(32, pack)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "damage", [drop_a_line, lambda path: path.write_text(""), lambda path: path.unlink()]
)
def test_a_damaged_table_is_refused_in_one_sentence(pack, damage):
    damage(pack / "emoji.csv")
    with pytest.raises(DataError, match="emoji.csv.*(clone|build)"):
        load_emoji(32, pack)


def test_windows_line_ends_in_the_text_files_do_no_harm(pack):
    for name in ("emoji.csv", "SHA256SUMS"):
        (pack / name).write_bytes((pack / name).read_bytes().replace(b"\n", b"\r\n"))
    assert len(load_emoji(16, pack).test_a) == 200


def test_a_missing_pack_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setattr("minicyclegan.course.files.PACKAGE", tmp_path / "package")
    with pytest.raises(DataError, match="emoji pack data/emoji is missing; clone"):
        load_emoji(32)


def test_the_pack_is_found_in_a_checkout_and_inside_an_installed_wheel(tmp_path, monkeypatch):
    assert emoji_folder() == PACK
    shutil.copytree(PACK, tmp_path / "package" / "data" / "emoji")
    monkeypatch.setattr("minicyclegan.course.files.PACKAGE", tmp_path / "package")
    assert emoji_folder() == tmp_path / "package" / "data" / "emoji"


# The script, on packages of drawings


def emoji(codes, name, category="Objects", subcategory="tool", added="1.0", order=1):
    there = {"has_img_google": True, "has_img_twitter": True, "sort_order": order, "added_in": added}
    kind = {"category": category, "subcategory": subcategory}
    return {"unified": codes, "short_name": name, "image": f"{codes.lower()}.png"} | there | kind


LISTED = [
    emoji("1F600", "red", order=3),
    emoji("1F601", "green", order=1),
    emoji("1F602", "nearly green", added="2.0", order=2),
    emoji("1F603", "half", order=4),
    emoji("1F604", "mirrored half", order=5),
    emoji("1F3FB", "skin", "Component"),
    emoji("1F605", "only in one") | {"has_img_twitter": False},
    emoji("1F468-200D-1F33E", "farmer", order=6),
    emoji("1F469-200D-1F33E", "female-farmer", order=7),
    emoji("2764", "red heart", subcategory="heart", order=8),
    emoji("1F499", "blue heart", subcategory="heart", order=9),
    emoji("1F311", "new moon", subcategory="sky", order=10),
    emoji("1F314", "gibbous moon", subcategory="sky", order=11),
]


def drawing(name: str) -> Image.Image:
    """A 64 px drawing in one of the file modes the real packages use."""
    random = np.random.default_rng(sum(name.encode()))
    if name in ("half", "mirrored half"):
        pixels = np.zeros((64, 64, 4), np.uint8)
        pixels[:, :32] = 0, 0, 200, 255
        return Image.fromarray(pixels[:, ::-1] if name == "mirrored half" else pixels)
    if name in ("green", "nearly green"):
        image = Image.new("RGBA", (64, 64), (0, 200, 0, 255))
        if name == "nearly green":
            image.putpixel((5, 5), (0, 190, 0, 255))
        return image
    # Half covered, grey levels with transparency, palette with transparency: all over white
    if name == "red":
        return Image.new("RGBA", (64, 64), (255, 0, 0, 128))
    if name == "farmer":
        return Image.new("LA", (64, 64), (0, 0))
    if name == "red heart":
        image = Image.new("P", (64, 64), 0)
        image.paste(1, (32, 0, 64, 64))
        image.putpalette([255, 0, 0, 200, 0, 0])
        image.info["transparency"] = 0
        return image
    return Image.fromarray(random.integers(0, 256, (4, 4, 4), dtype=np.uint8)).resize(
        (64, 64), Image.Resampling.NEAREST
    )


@pytest.fixture(scope="module")
def packages(tmp_path_factory):
    folder = tmp_path_factory.mktemp("packages")
    for name in ("google", "twitter"):
        root = folder / f"emoji-datasource-{name}"
        (root / "img" / name / "64").mkdir(parents=True)
        (root / "package.json").write_text('{"version": "16.0.0"}')
        (root / "emoji.json").write_text(json.dumps(LISTED))
        for one in LISTED:
            image = drawing(one["short_name"])
            options = {"transparency": 0} if image.mode == "P" else {}
            image.save(root / "img" / name / "64" / one["image"], **options)
    return folder


@pytest.fixture(scope="module")
def files(script, packages):
    return script.build(packages, n_test=4)


def rows_of(files) -> dict[str, dict]:
    lines = files["emoji.csv"].decode().splitlines()
    return {row["name"]: row for row in csv.DictReader(lines)}


def test_the_script_gives_the_same_bytes_twice_and_they_load(script, packages, files, tmp_path):
    assert script.build(packages, n_test=4) == files and set(files) == {
        "noto.webp",
        "twemoji.webp",
        "emoji.csv",
        "SHA256SUMS",
    }
    (tmp_path / "pack").mkdir()
    for name, data in files.items():
        (tmp_path / "pack" / name).write_bytes(data)
    domains = load_emoji(64, tmp_path / "pack")
    assert domains.paired and len(domains.test_a) == len(domains.test_b) > 0


def test_the_script_drops_copies_and_bare_skin_tones_and_what_one_style_lacks(files):
    rows = rows_of(files)
    assert set(rows) == {one["short_name"] for one in LISTED} - {"nearly green", "skin", "only in one"}
    assert [int(row["tile"]) for row in rows.values()] == list(range(len(rows)))


def test_the_script_puts_every_mode_over_white_and_rounds_it(files, tmp_path):
    rows = rows_of(files)
    (tmp_path / "noto.webp").write_bytes(files["noto.webp"])
    (tmp_path / "SHA256SUMS").write_bytes(files["SHA256SUMS"])
    tiles = read_sheet(tmp_path, "noto", len(rows))
    expected = {"red": (255, 125, 125), "farmer": (255, 255, 255), "red heart": (255, 255, 255)}
    for name, colour in expected.items():
        assert tiles[int(rows[name]["tile"])].getpixel((9, 9)) == colour


def test_the_script_groups_by_code_points_series_and_mirrored_looks(files):
    rows = rows_of(files)
    for one, other in (
        ("farmer", "female-farmer"),
        ("red heart", "blue heart"),
        ("new moon", "gibbous moon"),
        ("half", "mirrored half"),
    ):
        assert rows[one]["group"] == rows[other]["group"], f"{one} and {other} belong together"
        assert rows[one]["split"] == rows[other]["split"]
    assert rows["green"]["group"] != rows["half"]["group"]


def test_large_groups_stay_in_training_and_the_split_needs_no_neighbours(script):
    names = [[f"{i:X}"] for i in range(60)] + [[f"F{i}" for i in range(9)]]
    test = script.split(names, 20)
    assert len(test) == 20 and 60 not in test
    fewer = script.split(names[5:], 100)
    assert {names[5:][k][0] for k in fewer} >= {names[k][0] for k in test if k >= 5}


def test_the_script_refuses_another_version_in_one_line(script, packages, tmp_path):
    packages = shutil.copytree(packages, tmp_path / "packages")
    (packages / "emoji-datasource-google" / "package.json").write_text('{"version": "15.0.0"}')
    with pytest.raises(SystemExit, match="15.0.0.*16.0.0"):
        script.build(packages)
    with pytest.raises(SystemExit, match="neither"):
        script.build(packages.parent)
