"""`minicyclegan split`: a data set of two folders, what is said about it, and that nothing is left of one that was refused."""

import os
from pathlib import Path

import pytest
from click.testing import CliRunner
from conftest import files_in, noise_image, shared_images

import minicyclegan.translate
from minicyclegan.cli import main


def split(*arguments):
    return CliRunner().invoke(main, ["split", *map(str, arguments)])


@pytest.fixture
def two(tmp_path) -> tuple[Path, Path]:
    """Ten pictures and six; among the ten one twice, and one that is also among the six."""
    a, b = tmp_path / "streets {a}", tmp_path / "fields"
    for folder, n in ((a, 8), (b, 5)):
        folder.mkdir()
        for i in range(n):
            noise_image(10 * n + i, (40, 30)).save(folder / f"{i}.png")
    noise_image(80, (40, 30)).save(a / "again.png")
    for folder in (a, b):
        noise_image(7, (40, 30)).save(folder / "both.png")
    return a, b


def test_it_says_what_it_did_and_how_to_go_on(two, tmp_path):
    (two[0] / "phone.heic.txt").write_text("no picture")
    (two[0] / "film.mov").write_bytes(b"no picture")
    (two[0] / "more").mkdir()
    noise_image(1).save(two[0] / "more" / "x.png")
    out = tmp_path / "new" / "data set"
    done = split(*two, out, "--test-share", "0.2")
    assert done.exit_code == 0, done.output
    parts = {part: len(list((out / part).iterdir())) for part in ("trainA", "trainB", "testA", "testB")}
    assert parts["trainA"] + parts["testA"] == 10 and parts["trainB"] + parts["testB"] == 6
    assert 0 < parts["testA"] <= 2 and 0 < parts["testB"] <= 1
    lines = done.output.splitlines()
    assert f"A: 10 pictures in {two[0]}" in lines and f"B: 6 pictures in {two[1]}" in lines
    (left,) = [line for line in lines if "left out" in line]
    assert "1 .mov" in left and "1 .txt" in left and "1 folder with 1 picture in it" in left
    assert any(line.startswith("4 pictures look like another one, in 2 groups") for line in lines), (
        done.output
    )
    assert any("1 of these groups is in both folders" in line and "both.png" in line for line in lines)
    assert f"copied into {out}: {', '.join(f'{n} {part}' for part, n in parts.items())}" in lines
    assert lines[-1] == f"Train on them: minicyclegan train '{out}'"
    copies = {path.name: path.parent.name for path in out.rglob("*.png")}
    assert set(copies) == {f"a-{path.name}" for path in two[0].glob("*.png")} | {
        f"b-{path.name}" for path in two[1].glob("*.png")
    }
    assert copies["a-0.png"] == copies["a-again.png"], "they show the same"
    assert (out / copies["a-3.png"] / "a-3.png").read_bytes() == (two[0] / "3.png").read_bytes()


def test_the_seed_and_the_share_are_used(two, tmp_path):
    found = []
    for k, options in enumerate((("--seed", "1"), ("--seed", "1"), ("--seed", "2"), ("--test-share", "0.5"))):
        assert split(*two, tmp_path / f"out{k}", *options).exit_code == 0
        found.append(files_in(tmp_path / f"out{k}"))
    assert found[0] == found[1] != found[2]
    assert sum(name.startswith("testA") for name in found[3]) > sum(
        name.startswith("testA") for name in found[0]
    )


def test_an_unreadable_picture_is_refused_or_left_out(two, tmp_path):
    (two[1] / "bad.jpg").write_text("not a picture")
    done = split(*two, tmp_path / "out")
    assert done.exit_code == 1 and "1 of 17 pictures cannot be read" in done.output
    assert "bad.jpg" in done.output and "--on-bad-image skip" in done.output
    assert not (tmp_path / "out").exists()
    done = split(*two, tmp_path / "out", "--on-bad-image", "skip")
    assert done.exit_code == 0 and "skipped: " in done.output and "bad.jpg" in done.output
    assert not [name for name in files_in(tmp_path / "out") if "bad" in name]


def test_what_cannot_be_is_refused_in_one_sentence_and_nothing_is_left(two, tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "phone").mkdir()
    (tmp_path / "phone" / "x.raw").write_bytes(b"x")
    (tmp_path / "single").mkdir()
    noise_image(1).save(tmp_path / "single" / "x.png")
    before, out = files_in(tmp_path), tmp_path / "new" / "out"
    for arguments, words in (
        ((tmp_path / "nowhere", two[1], out), "there is no folder"),
        ((two[0], two[0] / ".", out), "A and B are the same folder"),
        ((*two, tmp_path / "empty"), "exists; choose another folder"),
        ((*two, two[0] / "0.png" / "out"), "out"),
        ((tmp_path / "empty", two[1], out), "no readable picture in"),
        ((two[0], tmp_path / "phone", out), "1 .raw"),
        ((two[0], tmp_path / "single", out), "the 1 pictures of domain B cannot be split"),
        ((*two, out, "--test-share", "0"), "--test-share must be between 0 and 1"),
        ((*two, out, "--test-share", "nan"), "--test-share must be between 0 and 1"),
        ((*two, out, "--test-share", "1.5"), "--test-share must be between 0 and 1"),
        ((*two, tmp_path / ("x" * 300)), "too long"),
    ):
        done = split(*arguments)
        assert done.exit_code == 1 and words in done.output, (arguments, done.output)
        assert done.output.strip().splitlines()[-1].startswith("minicyclegan: ")
    assert split(*two, out, "--seed", "x").exit_code == 2
    assert files_in(tmp_path) == before and not (tmp_path / "new").exists()


@pytest.mark.parametrize("trouble", [KeyboardInterrupt, OSError(28, "No space left on device")])
def test_nothing_is_left_of_one_that_breaks_off(two, tmp_path, monkeypatch, trouble):
    copied = []

    def copyfile(source, target):
        copied.append(target)
        Path(target).write_bytes(b"x")
        if len(copied) == 3:
            raise trouble

    monkeypatch.setattr(minicyclegan.translate.shutil, "copyfile", copyfile)
    before = files_in(tmp_path)
    done = split(*two, tmp_path / "new" / "deep" / "out")
    assert done.exit_code == 1 and len(copied) == 3
    assert files_in(tmp_path) == before and not (tmp_path / "new").exists()


def test_real_photographs(tmp_path):
    folder = shared_images("monet2photo")
    for part in ("testA", "testB"):
        (tmp_path / part).mkdir()
        for path in sorted((folder / part).iterdir())[:20]:
            os.symlink(path, tmp_path / part / path.name)
    done = split(tmp_path / "testA", tmp_path / "testB", tmp_path / "out")
    assert done.exit_code == 0 and "18 trainA, 18 trainB, 2 testA, 2 testB" in done.output, done.output
