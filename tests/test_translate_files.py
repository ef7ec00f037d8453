"""Two folders become a data set; files are translated, all or none; there and back."""

import os
import shutil

import numpy as np
import pytest
import torch
from conftest import files_in, files_no_larger_than, noise_image, random_pictures, tiny_config
from PIL import Image

from minicyclegan.cyclegan import CycleGAN
from minicyclegan.data import load_folder, to_float
from minicyclegan.errors import DataError, MiniCycleGANError, ParameterError, RunError
from minicyclegan.runs import checkpoint
from minicyclegan.translate import (
    TOGETHER,
    choose_test,
    round_trip,
    save_picture,
    split_into_domains,
    translate_files,
)


@pytest.fixture(scope="module")
def model() -> CycleGAN:
    torch.manual_seed(0)
    return CycleGAN(tiny_config()).eval()


@pytest.fixture
def two_folders(tmp_path):
    """20 pictures of A and 10 of B, with the same names."""
    for k, (letter, n) in enumerate({"a": 20, "b": 10}.items()):
        (tmp_path / letter).mkdir()
        for i in range(n):
            noise_image(1000 * k + i, (5, 5)).resize((40, 30)).save(tmp_path / letter / f"{i:02d}.png")
    return tmp_path / "a", tmp_path / "b"


# Split


@pytest.mark.parametrize("seed", range(20))
def test_whole_groups_go_to_the_test_and_every_domain_gets_its_share(seed):
    letters = ["A"] * 40 + ["B"] * 20
    # Two groups touch A and B
    groups = [i // 3 for i in range(40)] + [100 + i // 2 for i in range(18)] + [0, 1]
    chosen = choose_test(letters, groups, 0.2, seed)
    for group in set(groups):
        assert len({c for c, g in zip(chosen, groups) if g == group}) == 1, f"group {group} is on both sides"
    in_a, in_b = sum(chosen[:40]), sum(chosen[40:])
    assert 6 <= in_a <= 8 and 3 <= in_b <= 4


def test_the_choice_follows_the_seed():
    letters, groups = ["A"] * 30 + ["B"] * 30, list(range(60))
    choices = [choose_test(letters, groups, 0.2, seed) for seed in (0, 0, 1)]
    assert choices[0] == choices[1] != choices[2]


@pytest.mark.parametrize(
    ("letters", "groups"),
    [("AB", [0, 1]), ("AAB", [0, 1, 2]), ("AAAABB", [0, 0, 0, 0, 1, 2]), ("", []), ("AAAA", [0, 1, 2, 3])],
)
def test_what_cannot_be_split(letters, groups):
    with pytest.raises(DataError, match="cannot be split"):
        choose_test(list(letters), groups, 0.2, 0)


def test_two_folders_become_a_data_set_and_stay_as_they_are(two_folders, tmp_path):
    before = {path: path.read_bytes() for folder in two_folders for path in folder.iterdir()}
    counts = split_into_domains(*two_folders, tmp_path / "set", test_share=0.2)
    assert counts == {"trainA": 16, "trainB": 8, "testA": 4, "testB": 2}
    assert {path: path.read_bytes() for folder in two_folders for path in folder.iterdir()} == before
    copies = files_in(tmp_path / "set")
    assert len(copies) == 30 and len({name.split("/")[1] for name in copies}) == 30, (
        "a picture is in two parts"
    )
    for name in copies:
        letter, source = name.split("/")[1].split("-", 1)
        assert name.split("/")[0][-1] == letter.upper()
        assert (tmp_path / "set" / name).read_bytes() == (tmp_path / letter / source).read_bytes()
    assert files_in(tmp_path) == sorted(
        [*(f"set/{c}" for c in copies), *(str(p.relative_to(tmp_path)) for p in before)]
    )


def test_the_data_set_can_be_trained_on_and_equal_names_are_no_pairs(two_folders, tmp_path):
    for folder in two_folders:  # two pictures a folder: the test pictures may well have the same name
        for path in sorted(folder.iterdir())[2:]:
            path.unlink()
    for seed in range(4):
        split_into_domains(*two_folders, tmp_path / f"set{seed}", test_share=0.5, seed=seed)
        domains = load_folder(tmp_path / f"set{seed}", 16)
        assert not domains.paired and len(domains.train_a) == len(domains.test_b) == 1


@pytest.mark.parametrize("seed", range(5))
def test_copies_stay_on_one_side(two_folders, tmp_path, seed):
    a, b = two_folders
    for i in range(5):
        with Image.open(a / f"{i:02d}.png") as image:
            image.resize((20, 15)).save(a / f"copy{i:02d}.jpg")
            image.convert("L").save(b / f"copy{i:02d}.png")
    split_into_domains(a, b, tmp_path / "set", test_share=0.3, seed=seed)
    side = {name.split("/")[1]: name[:4] for name in files_in(tmp_path / "set")}
    for i in range(5):
        assert side[f"a-{i:02d}.png"] == side[f"a-copy{i:02d}.jpg"] == side[f"b-copy{i:02d}.png"]


def test_what_is_left_out_is_left_out(two_folders, tmp_path):
    a, b = two_folders
    (a / "broken.png").write_text("no picture")
    with pytest.raises(DataError, match="broken.png.*leave it out"):
        split_into_domains(a, b, tmp_path / "set")
    counts = split_into_domains(
        a, b, tmp_path / "set", leave_out=[a / "broken.png", a / ".." / "b" / "03.png"]
    )
    assert sum(counts.values()) == 29
    assert not [name for name in files_in(tmp_path / "set") if "broken" in name or "b-03" in name]


def test_a_split_is_refused_before_anything_is_written(two_folders, tmp_path):
    a, b = two_folders
    (tmp_path / "taken").mkdir()
    for arguments, kind, words in (
        ((a, tmp_path / "nowhere", tmp_path / "set"), DataError, "nowhere"),
        ((a, a, tmp_path / "set"), DataError, "same folder"),
        ((a, b, tmp_path / "taken"), RunError, "taken exists"),
        ((a, b, tmp_path / "set", 0.0), ParameterError, "test_share"),
        ((a, b, tmp_path / "set", 1.0), ParameterError, "test_share"),
        ((a, b, tmp_path / "set", 0.99), DataError, "cannot be split"),
    ):
        with pytest.raises(kind, match=words):
            split_into_domains(*arguments)
    assert sorted(os.listdir(tmp_path)) == ["a", "b", "taken"] and os.listdir(tmp_path / "taken") == []


def test_a_split_that_fails_half_way_leaves_nothing(two_folders, tmp_path, monkeypatch):
    copied, copyfile = [], shutil.copyfile

    def full_after_ten(source, target):
        if len(copied) == 10:
            raise OSError(28, "No space left on device")
        copied.append(copyfile(source, target))

    monkeypatch.setattr("minicyclegan.translate.shutil.copyfile", full_after_ten)
    with pytest.raises(RunError, match="No space left"):
        split_into_domains(*two_folders, tmp_path / "set")
    assert len(copied) == 10 and sorted(os.listdir(tmp_path)) == ["a", "b"]


# Translate files


def test_files_keep_their_names_and_sizes_also_grey_and_oblong_ones(model, tmp_path):
    noise_image(1, (33, 17)).save(tmp_path / "x.jpg")
    noise_image(2, (20, 50)).convert("L").save(tmp_path / "y.png")
    written = translate_files(
        model, [tmp_path / "x.jpg", tmp_path / "y.png"], tmp_path / "deep" / "out", to="a"
    )
    assert written == [tmp_path / "deep" / "out" / "x.png", tmp_path / "deep" / "out" / "y.png"]
    for path, source, size in zip(written, ("x.jpg", "y.png"), ((33, 17), (20, 50))):
        with Image.open(path) as image:
            assert image.size == size and image.mode == "RGB"
            assert np.array_equal(np.asarray(image), np.asarray(model.translate(tmp_path / source, to="a")))


def test_one_path_may_go_to_a_file_and_a_list_goes_to_a_folder(model, tmp_path):
    noise_image(1).save(tmp_path / "x.png")
    assert translate_files(model, tmp_path / "x.png", tmp_path / "y.webp") == [tmp_path / "y.webp"]
    assert Image.open(tmp_path / "y.webp").format == "WEBP"
    assert translate_files(model, [tmp_path / "x.png"], tmp_path / "z.png") == [tmp_path / "z.png" / "x.png"]


def test_equal_names(model, tmp_path):
    for folder in ("p", "q"):
        (tmp_path / folder).mkdir()
        noise_image(1).save(tmp_path / folder / "x.png")
    noise_image(2).save(tmp_path / "p" / "x.jpg")
    written = translate_files(model, sorted((tmp_path / "p").iterdir()), tmp_path / "out")
    assert [path.name for path in written] == ["x.jpg.png", "x.png.png"]
    with pytest.raises(DataError, match="same name"):
        translate_files(model, [tmp_path / "p" / "x.png", tmp_path / "q" / "x.png"], tmp_path / "other")
    assert not (tmp_path / "other").exists()


def fail_at(model, number: int, error: BaseException):
    """A model that translates until picture `number`, then raises."""

    class Failing:
        calls, config = 0, model.config

        def translate(self, image, to):
            self.calls += 1
            if self.calls == number:
                raise error
            return model.translate(image, to=to)

    return Failing()


@pytest.mark.parametrize("error", [DataError("bad"), KeyboardInterrupt(), RuntimeError("out of memory")])
def test_all_or_nothing(model, tmp_path, error):
    paths = [tmp_path / f"{i}.png" for i in range(4)]
    for i, path in enumerate(paths):
        # If they were of one size they would go through the network together
        noise_image(i, (20 + i, 20)).save(path)
    with pytest.raises(type(error)):
        translate_files(fail_at(model, 3, error), paths, tmp_path / "new" / "out")
    assert files_in(tmp_path) == [path.name for path in paths] and not (tmp_path / "new").exists()


def test_a_folder_that_was_there_keeps_what_it_had(model, tmp_path):
    noise_image(1).save(tmp_path / "x.png")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine")
    with pytest.raises(DataError):
        translate_files(fail_at(model, 1, DataError("bad")), [tmp_path / "x.png"], tmp_path / "out")
    assert files_in(tmp_path / "out") == ["mine.txt"]
    translate_files(model, [tmp_path / "x.png"], tmp_path / "out")
    before = (tmp_path / "out" / "x.png").read_bytes()
    with pytest.raises(RunError, match="x.png exists"):
        translate_files(model, [tmp_path / "x.png"], tmp_path / "out", to="a")
    assert (tmp_path / "out" / "x.png").read_bytes() == before


def test_bad_ones_are_skipped_and_told_or_refused(model, tmp_path):
    noise_image(1).save(tmp_path / "x.png")
    (tmp_path / "bad.png").write_text("no picture")
    told = []
    paths = [tmp_path / "bad.png", tmp_path / "x.png"]
    written = translate_files(model, paths, tmp_path / "out", on_bad_image="skip", say=told.append)
    assert [path.name for path in written] == ["x.png"]
    assert len(told) == 1 and told[0].startswith("skipped: ") and "bad.png" in told[0]
    with pytest.raises(DataError, match="bad.png"):
        translate_files(model, paths, tmp_path / "out2")
    with pytest.raises(ParameterError, match="refuse or skip"):
        translate_files(model, paths, tmp_path / "out2", on_bad_image="ignore")
    assert not (tmp_path / "out2").exists()


def test_a_full_disk(model, tmp_path):
    noise_image(0, (200, 200)).save(tmp_path / "x.png")
    with files_no_larger_than(5_000), pytest.raises(RunError, match="cannot write"):
        translate_files(model, [tmp_path / "x.png"], tmp_path / "out")
    assert files_in(tmp_path) == ["x.png"] and not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["x", "x.txt", "x.pt"])
def test_a_picture_is_not_saved_as_something_else(tmp_path, name):
    with pytest.raises(RunError, match="use .png"):
        save_picture(noise_image(0), tmp_path / name)
    assert files_in(tmp_path) == []


def test_a_saved_picture_is_not_overwritten(tmp_path):
    save_picture(noise_image(0), tmp_path / "x.png")
    with pytest.raises(RunError, match="exists"):
        save_picture(noise_image(1), tmp_path / "x.png")
    assert np.array_equal(np.asarray(Image.open(tmp_path / "x.png")), np.asarray(noise_image(0)))


# There and back


@pytest.mark.parametrize("to", ["a", "b"])
def test_there_and_back_uses_both_generators_in_order(model, to):
    batch = to_float(random_pictures(3, 16, 5))
    first, second = (
        (model.generator_ab, model.generator_ba) if to == "b" else (model.generator_ba, model.generator_ab)
    )
    translation, back = round_trip(model, batch, to=to)
    with torch.no_grad():
        assert torch.equal(translation, first(batch)) and torch.equal(back, second(first(batch)))


def test_there_and_back_of_a_file_and_of_an_array(model, tmp_path):
    noise_image(0, (30, 21)).convert("L").save(tmp_path / "x.png")
    for picture in round_trip(model, tmp_path / "x.png"):
        assert picture.size == (30, 21) and picture.mode == "RGB"
    for array in round_trip(model, np.zeros((9, 12, 3), dtype=np.uint8), to="a"):
        assert array.shape == (9, 12, 3) and array.dtype == np.uint8
    with pytest.raises(MiniCycleGANError, match='"a" or "b"'):
        round_trip(model, tmp_path / "x.png", to="c")


def test_it_is_the_model_of_the_checkpoint_that_translates(finished_run, tmp_path):
    noise_image(3).save(tmp_path / "x.png")
    loaded = checkpoint.load(finished_run / "last.pt")
    (path,) = translate_files(loaded, [tmp_path / "x.png"], tmp_path / "out")
    assert np.array_equal(np.asarray(Image.open(path)), np.asarray(loaded.translate(noise_image(3))))


def test_small_pictures_of_one_size_go_through_the_network_together_and_each_comes_out_as_alone(
    model, tmp_path
):
    sizes = [(20, 20)] * 5 + [(30, 20)] + [(20, 20)] * 12 + [(600, 20), (600, 20)]
    paths = [tmp_path / f"{i:02d}.png" for i in range(len(sizes))]
    for i, (path, size) in enumerate(zip(paths, sizes)):
        noise_image(i, size).save(path)
    shown = []

    class Watched:
        config = model.config

        def translate(self, image, to):
            shown.append(image.shape if torch.is_tensor(image) else image.size)
            return model.translate(image, to=to)

    written = translate_files(Watched(), paths, tmp_path / "out")
    assert [path.name for path in written] == [path.name for path in paths]
    for path in paths:
        with Image.open(tmp_path / "out" / path.name) as image:
            one = np.asarray(model.translate(path), dtype=int)
            # Rounding, where sums are in a different order
            assert np.abs(np.asarray(image, dtype=int) - one).max() <= 1, path
    assert any(len(shape) == 4 and shape[0] > 1 for shape in shown) and len(shown) < len(sizes)
    assert all(shape[0] * shape[2] * shape[3] <= TOGETHER for shape in shown if len(shape) == 4)


def test_too_little_memory_for_some_together_is_told_for_each_of_them(model, tmp_path):
    paths = [tmp_path / f"{i:02d}.png" for i in range(24)]  # three for each share of one thread
    for i, path in enumerate(paths):
        noise_image(i, (20, 20) if i < 3 else (30 + i, 30)).save(path)

    class Small:
        config = model.config

        def translate(self, image, to):
            if torch.is_tensor(image):
                raise DataError("a picture needs too much memory")
            return model.translate(image, to=to)

    told = []
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        written = translate_files(Small(), paths, tmp_path / "out", on_bad_image="skip", say=told.append)
    finally:
        torch.set_num_threads(threads)
    assert [path.name for path in written] == [path.name for path in paths[3:]] and len(told) == 3


def test_after_a_bad_picture_nothing_more_is_translated_than_what_was_begun(model, tmp_path):
    paths = [tmp_path / f"{i:03d}.png" for i in range(200)]
    for i, path in enumerate(paths):
        noise_image(i, (20 + i % 7, 20)).save(path)
    paths[0].write_text("no picture")
    calls = []

    class Counting:
        config = model.config

        def translate(self, image, to):
            calls.append(1)
            return model.translate(image, to=to)

    with pytest.raises(DataError, match="000.png"):
        translate_files(Counting(), paths, tmp_path / "out")
    assert len(calls) < 100 and not (tmp_path / "out").exists()
