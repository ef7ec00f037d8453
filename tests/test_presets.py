"""Presets: one word for each application the article names, its data, its settings, and a short run of each."""

import pytest
import torch
from conftest import ROOT, files_in, make_folder, noise_image, tiny_run

from minicyclegan.course.settings import parameters_of, read_parameters
from minicyclegan.datasets.downloads import DATASETS
from minicyclegan.datasets.named import load_domains
from minicyclegan.datasets.presets import PRESETS, resolve
from minicyclegan.errors import DataError, ParameterError
from minicyclegan.parameters import Config
from minicyclegan.runs.folder import read_metrics

CONFIGS = ROOT / "notebooks" / "configs"
NAMED_IN_THE_ARTICLE = ["seasons", "summer2winter_yosemite", "cats_dogs", "face_restoration", "monet2photo"]
FROM_FOLDERS = ["cats_dogs", "monet2photo", "summer2winter_yosemite", "horse2zebra"]


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """An empty current folder, and no downloads beside the course either."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("minicyclegan.datasets.downloads.PACKAGE", tmp_path / "course" / "minicyclegan")
    return tmp_path


def make_faces(folder, n: int = 60):
    """Pictures of noise: what a face is does not matter here."""
    folder.mkdir()
    for i in range(n):
        noise_image(1000 + i, (32, 32)).save(folder / f"{i:02}.png")
    return folder


def data_of(word: str, here) -> str:
    """The data of a preset, made by a generator where they would be the user's or downloaded."""
    if word == "face_restoration":
        return resolve(word, str(make_faces(here / "faces")), "cpu")[0]
    if PRESETS[word].source == "folder":
        return resolve(word, str(make_folder(here / "own", size=(32, 32))), "cpu")[0]
    if PRESETS[word].source == "download":
        make_folder(here / "data" / "downloads" / word, size=(32, 32))
    return resolve(word, None, "cpu")[0]


def test_each_application_of_the_article_has_its_word():
    assert set(NAMED_IN_THE_ARTICLE) <= set(PRESETS)
    assert all(preset.about for preset in PRESETS.values())
    assert {word for word, preset in PRESETS.items() if preset.source == "download"} <= set(DATASETS)


@pytest.mark.parametrize("kind", ["cpu", "gpu"])
@pytest.mark.parametrize("word", PRESETS)
def test_the_settings_of_a_preset_exist_and_suit_the_notebook(word, kind):
    declared = parameters_of(ROOT / "notebooks" / "07_train.ipynb")
    path = CONFIGS / f"{getattr(PRESETS[word], kind)}.yaml"
    given = read_parameters((), path, declared)
    values = {name: default for name, (_, default) in declared.items()} | given
    config = Config(**{name: value for name, value in values.items() if name in Config().to_dict()})
    assert given.get("data", word) == word, "a file that names other data would be misleading"
    assert config.image_size <= 64 if kind == "cpu" else config.base_channels == 64


@pytest.mark.parametrize("word", PRESETS)
def test_a_run_of_each_preset_reaches_its_end(word, here):
    data = data_of(word, here)
    domains = load_domains(data, 32)
    tiny_run(here / "run", domains, data=data, image_size=32, steps=3)
    records = read_metrics(here / "run" / "metrics.jsonl")
    assert [record["step"] for record in records] == [1, 2, 3]
    assert domains.paired == ("held_out_ab" in records[-1])
    assert {"config.json", "last.pt", "metrics.jsonl"} <= set(files_in(here / "run"))
    if word in ("seasons", "emoji", "old_photos", "face_restoration"):
        assert domains.paired, f"{word} has true pairs"


@pytest.mark.parametrize("word", FROM_FOLDERS)
def test_a_preset_is_trained_on_the_pictures_of_its_own_folder(word, here):
    data = data_of(word, here)
    folder = here / "own" if word == "cats_dogs" else here / "data" / "downloads" / word
    assert data == str(folder)
    assert torch.equal(load_domains(data, 32).test_b[[0]], load_domains(folder, 32).test_b[[0]])


# What `resolve` gives


def test_presets_without_a_folder(here):
    assert resolve("seasons", device="cpu") == ("seasons", CONFIGS / "cpu.yaml")
    assert resolve("emoji", device="cpu") == ("emoji", CONFIGS / "emoji_32.yaml")
    assert resolve("old_photos", device="cpu") == ("old_photos", CONFIGS / "old_photos_64.yaml")


def test_the_device_decides_about_the_settings(monkeypatch):
    assert resolve("seasons", device="cuda")[1] == CONFIGS / "seasons_128.yaml"
    assert resolve("seasons", device="cuda:1")[1] == CONFIGS / "seasons_128.yaml"
    assert resolve("seasons", device="mps")[1] == CONFIGS / "cpu.yaml"
    for there, settings in ((True, "seasons_128"), (False, "cpu")):
        monkeypatch.setattr(torch.cuda, "is_available", lambda there=there: there)
        assert resolve("seasons")[1] == CONFIGS / f"{settings}.yaml"


def test_a_folder_takes_the_place_of_a_download(here):
    make_folder(here / "mine")
    assert resolve("monet2photo", "mine", "cpu") == (str(here / "mine"), CONFIGS / "colours_64.yaml")


def test_faces_become_a_string_with_the_absolute_folder(here):
    make_faces(here / "faces", 1)
    expected = (f"face_restoration:{here / 'faces'}", CONFIGS / "faces_64.yaml")
    assert resolve("face_restoration", "faces", "cpu") == expected
    assert resolve("face_restoration:faces", None, "cpu") == expected


def test_a_folder_of_ones_own_has_no_settings(here):
    make_folder(here / "mine")
    assert resolve("mine", None, "cpu") == (str(here / "mine"), None)
    assert resolve("./mine/", None, "cpu") == (str(here / "mine"), None)


def test_a_download_that_is_no_preset_goes_by_its_name_too(here):
    make_folder(here / "data" / "downloads" / "maps")
    expected = str(here / "data" / "downloads" / "maps")
    assert resolve("maps", None, "cpu") == (expected, CONFIGS / "photographs_64.yaml")
    assert resolve("maps", None, "cuda") == (expected, CONFIGS / "horse2zebra.yaml")


def test_downloads_beside_the_course_are_found_too(here):
    make_folder(here / "course" / "data" / "downloads" / "monet2photo")
    assert resolve("monet2photo", None, "cpu")[0] == str(
        here / "course" / "data" / "downloads" / "monet2photo"
    )


def test_a_word_wins_over_a_folder_of_the_same_name(here):
    make_folder(here / "seasons")
    assert resolve("seasons", None, "cpu")[0] == "seasons"
    assert resolve("./seasons", None, "cpu") == (str(here / "seasons"), None)
    make_folder(here / "monet2photo")
    with pytest.raises(
        DataError, match="data get monet2photo.*or give `./monet2photo` for the folder of that name here"
    ):
        resolve("monet2photo", None, "cpu")
    make_folder(here / "data" / "downloads" / "monet2photo")
    assert resolve("monet2photo", None, "cpu")[0] == str(here / "data" / "downloads" / "monet2photo")


@pytest.mark.parametrize(
    ("word", "folder", "kind", "words"),
    [
        ("monet2photo", None, DataError, "run `minicyclegan data get monet2photo` first"),
        ("maps", None, DataError, "run `minicyclegan data get maps` first"),
        ("cats_dogs", None, DataError, "cats_dogs needs a folder with trainA.* --data FOLDER"),
        ("face_restoration", None, DataError, "face_restoration needs a folder with faces.* --data FOLDER"),
        ("face_restoration", "nowhere", DataError, "there is no folder nowhere"),
        ("face_restoration:nowhere", None, DataError, "there is no folder nowhere"),
        ("face_restoration:", None, DataError, "needs a folder with faces"),
        ("cats_dogs", "nowhere", DataError, "there is no folder nowhere"),
        ("seasons", "mine", ParameterError, "brings its own data"),
        ("mine", "mine", ParameterError, "mine is not a preset"),
        ("nowhere", None, DataError, "there is no folder nowhere; give a folder with trainA.*or a preset"),
        ("monett2photo", None, DataError, "did you mean monet2photo"),
        ("cat_dog", None, DataError, "did you mean cats_dogs"),
        ("cats_dogs", "file", DataError, "there is no folder file"),
    ],
)
def test_what_cannot_be_is_refused_in_one_sentence(here, word, folder, kind, words):
    make_folder(here / "mine")
    (here / "file").write_text("")
    with pytest.raises(kind, match=words) as caught:
        resolve(word, folder, "cpu")
    assert "\n" not in str(caught.value)
