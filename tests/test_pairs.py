"""Pairs of test pictures: believed in where names and pictures agree, and only there; what is said of it; how to override it."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import make_folder, noise_image, shared_images
from PIL import Image
from test_bad_input import refused

from minicyclegan.data import ImageFolder, load_folder, load_seasons
from minicyclegan.datasets.emoji import load_emoji
from minicyclegan.datasets.inspection import check_folder
from minicyclegan.datasets.named import load_domains
from minicyclegan.errors import DataError, ParameterError
from minicyclegan.pictures.images import list_images, to_image
from minicyclegan.pictures.pairs import ALL_OTHERS, NEARBY, resemblance

SEASONS = load_seasons(32, n_train=1, n_test=60)


def write(pictures: torch.Tensor, folder: Path, names=None) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for i, picture in enumerate(pictures):
        to_image(picture.float() / 127.5 - 1).save(folder / f"{names[i] if names else f'{i:03d}'}.png")


@pytest.fixture
def pairs(tmp_path) -> Path:
    """Twelve true pairs in testA and testB, and four pictures in each training folder."""
    folder = make_folder(tmp_path / "set")
    for part, pictures in (("testA", SEASONS.test_a), ("testB", SEASONS.test_b)):
        shutil.rmtree(folder / part)
        write(pictures[:12], folder / part)
    return folder


def believed(a: torch.Tensor, b: torch.Tensor) -> bool:
    others, nearby = resemblance(a, b)
    return others >= ALL_OTHERS and nearby >= NEARBY


def about_pairs(domains) -> str:
    (note,) = [note for note in domains.notes if "testA and testB are" in note]
    return note


# What the pictures show


@pytest.mark.parametrize("n", [8, 20, 60])
def test_pairs_drawn_by_code_are_seen_and_shuffled_or_shifted_ones_are_not(n):
    a, b = SEASONS.test_a[:n], SEASONS.test_b[:n]
    assert believed(a, b) and believed(255 - a, b), "a negative shows the same thing"
    for seed in range(20):
        assert not believed(a, b[torch.randperm(n, generator=torch.Generator().manual_seed(seed))])
    assert not believed(a, b.roll(1, 0))


def test_names_that_follow_the_subject_are_no_pairs():
    """The emoji lie in the order of their kinds: number i and i + 1 are like each other, and still no pair."""
    emoji = load_emoji(64)
    others, nearby = resemblance(emoji.test_a, emoji.test_b.roll(1, 0))
    assert others > ALL_OTHERS and nearby < NEARBY, "this is what the second measure is for"
    assert believed(emoji.test_a, emoji.test_b)


@pytest.mark.parametrize("value", [0, 200])
def test_blank_pictures_are_no_evidence_and_no_error(value):
    blank = torch.full((10, 3, 16, 16), value, dtype=torch.uint8)
    assert not believed(blank, blank) and not believed(SEASONS.test_a[:10], blank)


@pytest.mark.parametrize("name", ["maps_256", "emoji_noto2twemoji"])
def test_real_pairs_are_believed_in_and_a_wrong_order_is_not(name):
    a, b = (ImageFolder(shared_images(name) / part, 64) for part in ("testA", "testB"))
    assert [path.stem for path in a.paths] == [path.stem for path in b.paths]
    a, b = (part[list(range(100))] for part in (a, b))
    assert believed(a, b) and believed(a[:30], b[:30])
    assert not believed(a, b.roll(1, 0)) and not believed(a, b.flip(0))


@pytest.mark.parametrize("name", ["monet2photo", "cats_dogs_128"])
def test_unpaired_pictures_with_equal_numbers_are_not_believed_in(name, tmp_path):
    for part in ("trainA", "trainB", "testA", "testB"):
        (tmp_path / part).mkdir()
        for i, path in enumerate(list_images(shared_images(name) / part)[: 50 if "test" in part else 4]):
            shutil.copy(path, tmp_path / part / f"{i:03d}.jpg")
    domains = load_folder(tmp_path, 64)
    assert not domains.paired and "50 of 50 names are equal" in about_pairs(domains)
    assert "paired=yes" in about_pairs(domains)
    assert load_folder(tmp_path, 64, paired="yes").paired


# Names, files and words


def test_true_pairs_are_believed_in_and_the_reason_is_said(pairs):
    domains = load_domains(pairs, 32)
    assert domains.paired and len(domains.test_a) == 12
    assert "look alike" in about_pairs(domains) and "paired=no" in about_pairs(domains)


def test_no_means_no_and_says_so(pairs):
    domains = load_domains(pairs, 32, paired="no")
    assert not domains.paired and "paired=no" in about_pairs(domains)
    assert not load_domains("emoji", 16, paired="no").paired


@pytest.mark.parametrize("word", ["maybe", "", "True"])
def test_another_word_is_refused(pairs, word):
    with refused(ParameterError, "paired must be auto, yes or no"):
        load_domains(pairs, 32, paired=word)


def test_four_pictures_are_too_few_to_tell(pairs):
    for part in ("testA", "testB"):
        for path in list_images(pairs / part)[4:]:
            path.unlink()
    domains = load_folder(pairs, 32)
    assert not domains.paired and "4 of 4 names are equal, too few" in about_pairs(domains)
    assert load_folder(pairs, 32, paired="yes").paired


@pytest.mark.parametrize("paired", ["auto", "yes"])
@pytest.mark.parametrize("budget", [2**31, 0], ids=["in memory", "read again each time"])
def test_an_unreadable_picture_takes_its_partner_out_with_it(pairs, paired, budget, monkeypatch):
    monkeypatch.setattr(ImageFolder.__init__, "__defaults__", ("refuse", budget, None))
    (pairs / "testA" / "003.png").write_text("no picture")
    (pairs / "testB" / "007.png").write_text("no picture")
    domains = load_folder(pairs, 32, on_bad_image="skip", paired=paired)
    left = [i for i in range(12) if i not in (3, 7)]
    assert domains.paired and len(domains.test_a) == len(domains.test_b) == 10
    assert torch.equal(domains.test_a[list(range(10))], SEASONS.test_a[left])
    assert torch.equal(domains.test_b[list(range(10))], SEASONS.test_b[left])
    assert "1 of testA and 1 of testB" in about_pairs(domains)


def test_where_one_name_differs_the_others_are_pairs_and_it_is_left_out(pairs):
    (pairs / "testB" / "000.png").rename(pairs / "testB" / "other.png")
    domains = load_folder(pairs, 32)
    assert domains.paired and [path.stem for path in domains.test_a.paths] == [
        f"{i:03d}" for i in range(1, 12)
    ]
    assert "left out" in about_pairs(domains) and "1 of testA and 1 of testB" in about_pairs(domains)
    assert torch.equal(domains.test_b[[0]], SEASONS.test_b[[1]])


def test_other_names_are_pairs_only_by_order_and_on_request(pairs):
    for path in list_images(pairs / "testB"):
        path.rename(path.with_name(f"b-{path.name}"))
    domains = load_folder(pairs, 32)
    assert not domains.paired and "0 of 12 names are equal" in about_pairs(domains)
    (pairs / "testA" / "002.png").write_text("no picture")
    domains = load_folder(pairs, 32, on_bad_image="skip", paired="yes")
    assert domains.paired and "the order of the files" in about_pairs(domains)
    left = [i for i in range(12) if i != 2]
    assert torch.equal(domains.test_b[list(range(11))], SEASONS.test_b[left]), "the later ones moved up"
    (pairs / "testB" / "b-000.png").unlink()
    with refused(DataError, "testA has 12 pictures, testB has 11", "equal names"):
        load_folder(pairs, 32, on_bad_image="skip", paired="yes")


def test_two_files_of_one_name_are_a_pair_with_nobody(pairs):
    noise_image(5).save(pairs / "testA" / "000.jpg")
    domains = load_folder(pairs, 32)
    assert domains.paired and len(domains.test_a) == 11
    assert "000" not in {path.stem for path in domains.test_a.paths}


def test_the_check_of_a_folder_comes_to_the_same_conclusion(pairs):
    assert any("are taken for true pairs" in line for line in check_folder(pairs, 32).lines)
    Image.fromarray(np.zeros((9, 9, 3), np.uint8)).save(pairs / "testA" / "extra.png")
    for i, path in enumerate(list_images(pairs / "testB")):
        path.rename(path.with_name(f"{(i * 5 + 1) % 12:03d}-new.png"))
    for path in list_images(pairs / "testB"):
        path.rename(path.with_name(path.name.replace("-new", "")))
    (warning,) = [text for text in check_folder(pairs, 32).warnings if "pairs" in text]
    assert "12 of 13 names are equal" in warning and "paired=yes" in warning
