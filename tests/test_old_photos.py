"""The photographs that ship: what they are, what makes them old, that nothing leaks from test to train, and what damage says."""

import importlib.util
import shutil
from collections import Counter

import numpy as np
import pytest
import torch
from conftest import ROOT
from PIL import Image

from minicyclegan.course.files import shipped_weights
from minicyclegan.data import UnpairedBatches, to_float
from minicyclegan.datasets.named import load_domains
from minicyclegan.datasets.old_photos import (
    AGEING,
    SIDES,
    age,
    cropped,
    held_out_photograph,
    load_old_photos,
    photographs_folder,
    read_table,
    training_pairs,
)
from minicyclegan.errors import DataError
from minicyclegan.evaluation import colour_transfer
from minicyclegan.pictures.images import as_batch
from minicyclegan.quality.twins import known_twins
from minicyclegan.runs.checkpoint import load

PACK = ROOT / "data" / "old_photos"


@pytest.fixture(scope="module")
def domains():
    return load_old_photos(32)


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("build_old_photos", ROOT / "data" / "build_old_photos.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# What ships


def test_the_pack_is_compact_and_each_photograph_names_its_author_and_a_free_licence():
    assert sum(path.stat().st_size for path in PACK.iterdir()) < 6_000_000
    table = read_table()
    assert Counter(row["side"] for row in table) == {"A": 14, "B": 13, "test": 11}
    free = {"CC0-1.0", "CC-BY-2.0", "CC-BY-4.0", "CC-BY-SA-3.0", "CC-BY-SA-4.0", "public domain"}
    free |= {"GPL-2+", "GPL-2+ / LGPL-3"}
    assert {row["licence"] for row in table} <= free and all(row["author"] for row in table)
    assert {row["file"] for row in table} == {path.name for path in PACK.glob("*.jpg")}
    readme = (PACK / "README.md").read_text(encoding="utf-8")
    for row in table:
        with Image.open(PACK / row["file"]) as image:
            assert [str(side) for side in image.size] == [row["width"], row["height"]]
            assert max(image.size) <= 1024
        assert row["author"] in readme, "the attribution stands in the README"
    for name in ("GPL-2", "GPL-3", "LGPL-3"):
        assert "GNU" in (PACK / f"LICENSE-{name}.txt").read_text(encoding="utf-8")


def test_the_table_is_what_the_script_would_write(script):
    rows = [(row["file"], row["side"], row["author"], row["licence"]) for row in read_table()]
    assert rows == [(f"{p[0]}.jpg", p[1], p[4], p[5]) for p in script.PHOTOGRAPHS]
    packages = {p[2] for p in script.PHOTOGRAPHS}
    assert packages == {*script.DEBIAN, *(wheel.split("==")[0] for wheel in script.WHEELS)}


def test_no_photograph_is_on_two_sides():
    """Neither by name nor by look: the nearest of two whole photographs on two sides are far apart."""
    looks = {side: [] for side in SIDES}
    for row in read_table():
        with Image.open(PACK / row["file"]) as image:
            small = image.convert("RGB").resize((16, 16), Image.Resampling.BOX)
        looks[row["side"]].append(np.asarray(small).astype(float) / 255)
    for one, other in (("A", "B"), ("A", "test"), ("B", "test")):
        nearest = min(abs(x - y).mean() for x in looks[one] for y in looks[other])
        assert nearest > 0.06, (one, other, nearest)


# The domains


def test_sizes_pairs_and_the_way_from_a_to_b(domains):
    shapes = [
        tuple(part.shape) for part in (domains.train_a, domains.train_b, domains.test_a, domains.test_b)
    ]
    assert shapes == [(14 * 44, 3, 32, 32), (13 * 44, 3, 32, 32), (11 * 15, 3, 32, 32), (11 * 15, 3, 32, 32)]
    assert domains.paired and not domains.notes
    assert torch.equal(age(domains.test_a), domains.test_b), "test B is test A, aged"
    difference = (domains.test_a.float() - domains.test_b.float()).abs().mean() / 255
    assert 0.08 < difference < 0.16, "doing nothing is no solution"


def test_the_pictures_are_the_same_in_every_process_and_for_every_neighbour(domains):
    again = cropped(32, "test")
    assert torch.equal(again, domains.test_a)
    some = domains.test_a[[5, 90, 7]]
    assert torch.equal(age(some), domains.test_b[[5, 90, 7]])
    assert not torch.equal(age(some, seed=1), age(some)), "another seed ages otherwise"


def test_old_is_paler_browner_and_of_less_contrast(domains):
    fresh, old = domains.test_a.float() / 255, domains.test_b.float() / 255

    def spread(pictures):
        return (pictures.mean(1).flatten(1).std(1)).mean()

    assert spread(old) < 0.8 * spread(fresh)
    greys = torch.arange(0, 256, 4, dtype=torch.uint8).view(1, 1, 8, 8).expand(20, 3, 8, 8).contiguous()
    brown = age(greys + torch.arange(20, dtype=torch.uint8).view(20, 1, 1, 1) % 3).float() / 255
    assert (brown[:, 0] - brown[:, 2]).mean((1, 2)).min() > 0.05, "grey becomes brown"
    assert old.min() > 0, "nothing is black any more"
    saturation = [float((p.amax(1) - p.amin(1)).mean()) for p in (fresh, old)]
    assert saturation[1] < saturation[0]


def test_the_strong_variant_is_farther_from_the_truth():
    fresh = cropped(32, "test")[::5]
    plain, strong = ((age(fresh, strong=s).float() - fresh.float()).abs().mean() for s in (False, True))
    assert strong > 1.15 * plain
    assert load_domains("old_photos:strong", 32).test_b.shape == load_domains("old_photos", 32).test_b.shape


def test_strengths_are_drawn_between_their_limits():
    """A flat grey picture shows what is left of it: between the darkest and the palest that AGEING allows."""
    greys = torch.full((200, 3, 16, 16), 128, dtype=torch.uint8)
    greys += (torch.arange(200) % 3).to(torch.uint8)[:, None, None, None]  # the pixels decide the strengths
    red = age(greys)[:, 0].float().mean((1, 2)) / 255
    low, high = AGEING["black"][0], AGEING["white"][1]
    assert (red > 0.5 * low + 0.3).all() and (red < high).all()


def test_batches_are_unpaired(domains):
    batches = UnpairedBatches(domains.train_a, domains.train_b, 32, 4, 0)
    a, b = batches.batch(3)
    assert a.shape == b.shape == (4, 3, 32, 32) and batches.indices(0, 3) != batches.indices(1, 3)


def test_the_twin_learns_from_training_photographs_only(domains):
    source, target = training_pairs(32)
    assert len(source) == len(target) == 27 * 44
    assert torch.equal(source[: 14 * 44], domains.train_a) and torch.equal(target[14 * 44 :], domains.train_b)


def test_impossible_requests_are_refused():
    with pytest.raises(DataError, match="at least 1 px"):
        load_old_photos(0)
    with pytest.raises(DataError, match="old_photos:strong"):
        load_domains("old_photos:stronger", 32)
    with pytest.raises(DataError, match="uint8"):
        age(torch.zeros(1, 3, 8, 8))
    assert len(age(torch.zeros(0, 3, 8, 8, dtype=torch.uint8))) == 0


# The weights that ship


@pytest.fixture(scope="module")
def model():
    return load(shipped_weights("old_photos"))


def test_the_shipped_weights_are_small_and_have_twins(model):
    assert sum(path.stat().st_size for path in (ROOT / "data").glob("old_photos_64px*")) < 3_000_000
    assert model.config.data == "old_photos" and model.config.global_skip
    twins, about = known_twins(shipped_weights("old_photos"), model.config)
    assert about["steps"] == model.config.steps and set(twins) == {"ab", "ba"}


def test_the_shipped_weights_beat_the_simple_ways_in_both_directions(model):
    """At twice the size of their training, on squares that nothing was trained on."""
    fresh = cropped(128, "test")[:55:2]
    a, b = to_float(fresh), to_float(age(fresh))
    train_a, train_b = to_float(cropped(32, "A")), to_float(age(cropped(32, "B")))
    for to, source, truth, domain in (("b", a, b, train_b), ("a", b, a, train_a)):
        error = float((model.translate(source, to=to) - truth).abs().mean())
        assert error < 0.8 * float((source - truth).abs().mean()), "better than doing nothing"
        assert error < 0.8 * float((colour_transfer(source, domain) - truth).abs().mean()), (
            "than colours alone"
        )


def test_a_large_photograph_keeps_its_details_and_gets_no_grid(model):
    """At 1024 px; a grid would be power in step with every second or fourth row or column."""
    temple = as_batch(held_out_photograph("brushes.jpg"))[0]
    old = model.translate(temple, to="b")
    assert old.shape == temple.shape and max(old.shape) == 1024
    x, y = (part.mean(1)[0] - part.mean() for part in (temple, old))
    fine = [part - torch.nn.functional.avg_pool2d(part[None, None], 5, 1, 2)[0, 0] for part in (x, y)]
    likeness = float((fine[0] * fine[1]).mean() / (fine[0].std() * fine[1].std()))
    assert likeness > 0.9, "the details are those of the photograph"
    for period in (2, 4):
        for side in (0, 1):
            means = [part.mean(1 - side) for part in fine]
            steps = [torch.stack([m[k::period].mean() for k in range(period)]) for m in means]
            assert (steps[1] - steps[0]).abs().max() < 0.01, (period, side)


def test_held_out_photographs_are_named():
    with pytest.raises(DataError, match="there is no test photograph cat.jpg; there are autumn_mountain.jpg"):
        held_out_photograph("cat.jpg")
    assert held_out_photograph("temple.jpg").size == (640, 427)


# A missing or damaged pack


@pytest.mark.parametrize("damage", ["cut", "gone", "table", "sums"])
def test_a_damaged_pack_is_refused_in_one_sentence(tmp_path, damage):
    pack = shutil.copytree(PACK, tmp_path / "old_photos")
    name = {"table": "photographs.csv", "sums": "SHA256SUMS"}.get(damage, "coffee.jpg")
    if damage == "gone":
        (pack / name).unlink()
    else:
        (pack / name).write_bytes((pack / name).read_bytes()[:100])
    with pytest.raises(DataError, match=r"(clone|build)") as caught:
        cropped(16, "test", pack)
    assert "\n" not in str(caught.value)


def test_a_missing_pack_says_what_to_do(tmp_path, monkeypatch):
    assert photographs_folder() == PACK
    monkeypatch.setattr("minicyclegan.course.files.PACKAGE", tmp_path / "package")
    with pytest.raises(DataError, match="pack of photographs data/old_photos is missing; clone"):
        load_old_photos(32)


# The script


def test_the_script_reduces_and_refuses_a_missing_package(script, tmp_path):
    Image.new("RGBA", (3000, 2000), "red").save(tmp_path / "large.png")
    assert script.reduced(tmp_path / "large.png").size == (1024, 683)
    Image.new("RGB", (300, 200)).save(tmp_path / "small.png")
    assert script.reduced(tmp_path / "small.png").size == (300, 200)
    with pytest.raises(SystemExit, match="0 packages lomiri"):
        script.unpack(tmp_path, tmp_path / "out")
