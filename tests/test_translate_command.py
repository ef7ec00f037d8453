"""`minicyclegan translate`: names that collide, folders within folders, what is left out, other sizes, odd paths."""

import os
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from conftest import files_in, noise_image
from PIL import Image

from minicyclegan.cli import main
from minicyclegan.errors import DataError, MiniCycleGANError, ParameterError, RunError
from minicyclegan.pictures.outputs import as_file, at_size, far_from_training, result_paths
from minicyclegan.runs.checkpoint import load
from minicyclegan.translate import translate_files


def call(*words) -> tuple[int, str, str]:
    result = CliRunner().invoke(main, ["translate", *map(str, words)])
    return result.exit_code, result.stdout, result.stderr


def refused(*words) -> str:
    code, text, error = call(*words)
    assert code == 1 and text == "" and error.count("\n") == 1 and error.startswith("minicyclegan: ")
    return error


@pytest.fixture
def tree(tmp_path):
    """photos with x.png, y.png and three folders, of which one is hidden."""
    names = ["x.png", "y.png", "trip/x.png", "trip/day 2/z.jpg", ".thumbnails/x.png"]
    for i, name in enumerate(names):
        path = tmp_path / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        noise_image(i, (20 + i, 20)).save(path)
    return tmp_path / "photos"


# Names


def names_of(*names: str) -> tuple[list[str], str]:
    results, line = result_paths([Path("in") / name for name in names], Path("out"))
    return [result.relative_to("out").as_posix() for result in results], line


@pytest.mark.parametrize(
    ("names", "results"),
    [
        (["a.jpg", "b.png"], ["a.png", "b.png"]),
        (["a.jpg", "a.png", "b.png"], ["a.jpg.png", "a.png.png", "b.png"]),
        (["A.jpg", "a.png", "b.webp"], ["A.jpg.png", "a.png.png", "b.png"]),  # one file on macOS and Windows
        (["caf\u00e9.jpg", "cafe\u0301.png"], ["caf\u00e9.jpg.png", "cafe\u0301.png.png"]),
        # The new name of the first is the old one of the last
        (["a.jpg", "a.png", "a.jpg.webp"], ["a.jpg.png", "a.png.png", "a.jpg.webp.png"]),
        (["a.b.jpg", "a.c.jpg", "{a}.jpg"], ["a.b.png", "a.c.png", "{a}.png"]),
        (["A.jpg", "a.jpg"], ["A.jpg.png", "a.jpg.png"]),
    ],
    ids=str,
)
def test_only_names_that_collide_change_and_it_is_said(names, results):
    found, line = names_of(*names)
    assert found == results
    changed = [name for name, result in zip(names, results) if result == f"{name}.png"]
    assert bool(line) == bool(changed) and line.count("\n") == 0
    if changed:
        assert line.startswith(f"{len(changed)} pictures share") and f"{changed[0]}.png" in line


def test_equal_names_of_two_folders_are_refused():
    with pytest.raises(DataError, match="same name"):
        names_of("p/x.png", "q/x.png")


def test_the_command_says_which_are_renamed(checkpoint, tree, tmp_path):
    noise_image(9).save(tree / "x.jpg")
    code, text, error = call(checkpoint, tree, "-o", tmp_path / "out")
    assert code == 0 and "3 of 3 images" in text
    assert files_in(tmp_path / "out") == ["x.jpg.png", "x.png.png", "y.png"]
    assert "2 pictures share their names" in error and "x.jpg becomes x.jpg.png" in error


@pytest.mark.parametrize("name", ["one.xyz", "one.txt", "2024.11.28"])
def test_a_type_that_cannot_be_written_is_no_folder(checkpoint, tree, tmp_path, name):
    error = refused(checkpoint, tree / "x.png", "-o", tmp_path / name)
    assert name in error and "use .png" in error and "folder" in error
    assert not (tmp_path / name).exists()
    (tmp_path / name).mkdir()
    assert call(checkpoint, tree / "x.png", "-o", tmp_path / name)[0] == 0
    assert files_in(tmp_path / name) == ["x.png"]


def test_what_ends_in_a_slash_or_is_a_folder_is_one(tmp_path):
    (tmp_path / "there.png").mkdir()
    assert not as_file(tmp_path / "there.png", True) and not as_file(f"{tmp_path}/new.xyz/", True)
    assert not as_file(tmp_path / "out", True) and not as_file(tmp_path / "x.xyz", False)
    assert as_file(tmp_path / "new.PNG", True)
    with pytest.raises(RunError):
        as_file("x.xyz", True)


@pytest.mark.parametrize("name", ["{steps}.png", "br{a}c #2 (1).png", "%s \u00e4.png"])
def test_odd_names_stay_as_they_are(checkpoint, tmp_path, name):
    folder = tmp_path / "in {x}"
    folder.mkdir()
    noise_image(0).save(folder / name)
    code, text, _ = call(checkpoint, folder, "-o", tmp_path / "out {y}")
    assert code == 0 and "out {y}" in text and files_in(tmp_path / "out {y}") == [name]
    assert call(checkpoint, folder / name, "-o", tmp_path / f"one {name}")[0] == 0
    assert (tmp_path / f"one {name}").is_file()


# Folders within folders, and what is left out


def test_folders_within_are_mentioned_or_entered(checkpoint, tree, tmp_path):
    code, text, error = call(checkpoint, tree, "-o", tmp_path / "flat")
    assert code == 0 and "2 of 2 images" in text and files_in(tmp_path / "flat") == ["x.png", "y.png"]
    assert "1 folder" in error and "--recursive" in error and error.count("left out") == 1
    code, text, error = call(checkpoint, tree, "-o", tmp_path / "deep", "--recursive")
    assert code == 0 and "4 of 4 images" in text and "left out" not in error and "share" not in error
    assert files_in(tmp_path / "deep") == ["trip/day 2/z.png", "trip/x.png", "x.png", "y.png"]
    with Image.open(tmp_path / "deep" / "trip" / "x.png") as image:
        expected = load(checkpoint).translate(tree / "trip" / "x.png")
        assert np.abs(np.asarray(image, dtype=int) - np.asarray(expected)).max() <= 1


def test_an_output_within_the_folder_is_not_translated_again(checkpoint, tree):
    assert call(checkpoint, tree, "-o", tree / "out", "--recursive")[0] == 0
    code, text, error = call(checkpoint, tree, "-o", tree / "out", "--recursive")
    assert code == 1 and "exists" in error
    assert len(files_in(tree / "out")) == 4


def test_links_are_not_followed_in_circles(checkpoint, tree, tmp_path):
    try:
        os.symlink(tree, tree / "trip" / "again", target_is_directory=True)
    except OSError:
        pytest.skip("no links on this machine")
    code, text, _ = call(checkpoint, tree, "-o", tmp_path / "out", "--recursive")
    assert code == 0 and "4 of 4" in text


def test_files_of_other_kinds_are_counted(checkpoint, tree, tmp_path):
    for name in ("a.nef", "b.nef", "c.npy", "trip/scan.dcm"):
        (tree / name).write_bytes(b"x")
    _, _, error = call(checkpoint, tree, "-o", tmp_path / "out")
    line = next(line for line in error.splitlines() if line.startswith("left out"))
    assert "2 .nef" in line and "1 .npy" in line and ".dcm" not in line
    _, _, error = call(checkpoint, tree, "-o", tmp_path / "deep", "--recursive")
    assert "1 .dcm" in error and error.count("left out of") == 2


def test_a_folder_of_other_kinds_only_is_one_sentence(checkpoint, tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.npy").write_bytes(b"x")
    assert ".npy" in refused(checkpoint, tmp_path / "photos", "-o", tmp_path / "out", "--recursive")
    assert not (tmp_path / "out").exists()


def test_a_folder_whose_pictures_lie_deeper_says_how_to_reach_them(checkpoint, tree, tmp_path):
    for name in ("x.png", "y.png"):
        (tree / name).unlink()
    error = refused(checkpoint, tree, "-o", tmp_path / "out")
    assert "no picture in" in error and "2 pictures in it (--recursive enters them)" in error
    assert "2 of 2" in call(checkpoint, tree, "-o", tmp_path / "out", "--recursive")[1]


def test_a_bad_picture_in_the_tree_leaves_nothing(checkpoint, tree, tmp_path):
    (tree / "trip" / "day 2" / "z.jpg").write_text("no picture")
    code, _, error = call(checkpoint, tree, "-o", tmp_path / "new" / "out", "--recursive")
    assert code == 1 and "z.jpg" in error and not (tmp_path / "new").exists()
    code, text, error = call(
        checkpoint, tree, "-o", tmp_path / "out", "--recursive", "--on-bad-image", "skip"
    )
    assert code == 0 and "3 of 4 images" in text and not (tmp_path / "out" / "trip" / "day 2").exists()


# Sizes


def test_another_size_and_back(checkpoint, tmp_path):
    noise_image(0, (60, 40)).save(tmp_path / "x.png")
    assert call(checkpoint, tmp_path / "x.png", "-o", tmp_path / "y.png", "--size", "20")[0] == 0
    with Image.open(tmp_path / "y.png") as found, Image.open(tmp_path / "x.png") as image:
        small = image.resize((30, 20), Image.Resampling.LANCZOS)
        expected = load(checkpoint).translate(small).resize((60, 40))
        assert found.size == (60, 40)
        assert np.abs(np.asarray(found, dtype=int) - np.asarray(expected)).max() <= 3
    code, _, error = call(checkpoint, tmp_path / "x.png", "-o", tmp_path / "z.png", "--size", "8")
    assert code == 2 and "--size" in error and not (tmp_path / "z.png").exists()


@pytest.mark.parametrize("size", [0, 15, 20.0, True, "20"])
def test_sizes_that_cannot_be(checkpoint, tmp_path, size):
    with pytest.raises(ParameterError, match="size"):
        translate_files(load(checkpoint), tmp_path / "x.png", tmp_path / "out", size=size)


def test_an_image_that_would_have_too_many_pixels():
    with pytest.raises(DataError, match="choose a smaller"):
        at_size(Image.new("RGB", (3000, 1)), 400)


@pytest.mark.parametrize(
    ("sides", "words"),
    [
        ([64, 128, 192, 22], []),
        ([3000], ["this one has 3000 px", "47 times larger", "--size 128"]),
        ([64, 500, 3000], ["2 of these 3", "up to 3000 px"]),
        ([500, 3000], ["all 2 pictures"]),
        ([8], ["8 times smaller", "--size 64"]),
        ([], []),
    ],
    ids=str,
)
def test_pictures_far_from_the_training_are_told_in_one_line(sides, words):
    line = far_from_training(sides, 64)
    assert bool(line) == bool(words) and "\n" not in line
    assert all(word in line for word in words)


def test_the_command_tells_it_once_and_not_at_a_size_that_suits(checkpoint, tmp_path):
    (tmp_path / "in").mkdir()
    for i in range(3):
        noise_image(i, (20, 20 + 40 * i) if i < 1 else (80, 90)).save(tmp_path / "in" / f"{i}.png")
    (tmp_path / "in" / "3.png").write_text("no picture")
    skip = ["--on-bad-image", "skip"]
    _, _, error = call(checkpoint, tmp_path / "in", "-o", tmp_path / "out", *skip)
    assert error.count("trained on pictures of 16 px") == 1 and "2 of these 3" in error
    _, _, error = call(checkpoint, tmp_path / "in", "-o", tmp_path / "out2", "--size", "32", *skip)
    assert "trained on" not in error


# Brightness


def test_the_range_of_deep_pictures_is_told_and_can_be_given(checkpoint, tmp_path):
    ramp = np.linspace(0, 4095, 40 * 40).reshape(40, 40)
    Image.fromarray(ramp.astype(np.uint16)).save(tmp_path / "x.png")
    Image.fromarray((ramp / 4095 * 255).round().astype(np.uint8)).save(tmp_path / "same.png")
    results = {}
    for name, options in (("x", ["--value-range", "0..4095"]), ("x", []), ("same", [])):
        out = tmp_path / f"{name}{len(results)}.png"
        code, _, error = call(checkpoint, tmp_path / f"{name}.png", "-o", out, *options)
        assert code == 0
        results[name, bool(options)] = np.asarray(Image.open(out), dtype=int)
        if name == "x":
            assert f"0 is black and {'4095' if options else '65535'} is white" in error
    assert np.abs(results["x", True] - results["same", False]).mean() < 1
    assert np.abs(results["x", False] - results["same", False]).mean() > 3
    with pytest.raises(MiniCycleGANError, match="value_range"):
        translate_files(load(checkpoint), tmp_path / "x.png", tmp_path / "z.png", value_range="5")
