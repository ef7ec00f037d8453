"""`check_folder` and `check_two_folders`: each fault that a collection of pictures can have is named, with what to do."""

import shutil

import numpy as np
import pytest
from conftest import make_folder, noise_image, shared_images
from PIL import Image, ImageOps

from minicyclegan.datasets.inspection import Report, check_folder, check_two_folders
from minicyclegan.datasets.lookalikes import alike_groups, look_at_all
from minicyclegan.errors import DataError
from minicyclegan.pictures.images import list_images


def scene(seed: int, size: tuple[int, int] = (96, 96)) -> Image.Image:
    """A smooth picture with a layout of its own, like a photograph seen from afar."""
    return noise_image(seed, (5, 5)).resize(size, Image.Resampling.BICUBIC)


def checked(folder) -> Report:
    return check_folder(folder, image_size=16)


def found(report: Report, *words: str) -> bool:
    """Is there a problem or a warning that has all these words?"""
    return any(all(word in text for word in words) for text in report.problems + report.warnings)


def test_a_sound_folder_has_no_problem_and_every_part_is_counted(data_folder):
    report = checked(data_folder)
    assert report.problems == [] and report.unreadable == {} and report.copies == []
    assert report.counts == {"trainA": 4, "trainB": 4, "testA": 4, "testB": 4}
    assert str(report) == "\n".join(report.lines) and "16 pictures looked at: 0 problems" in report.lines[-1]
    assert any("true pairs" in line for line in report.lines), "testA and testB have equal names here"


def test_problems_and_warnings_are_among_the_lines(data_folder):
    (data_folder / "testA" / "0.png").write_text("no picture")
    report = checked(data_folder)
    assert report.problems and report.warnings
    for text in report.problems + report.warnings:
        assert any(line.endswith(text) for line in report.lines)


def test_an_unreadable_file_is_named_with_the_reason_and_the_others_are_counted(data_folder):
    (data_folder / "trainA" / "0.png").write_text("no picture")
    whole = (data_folder / "trainB" / "1.png").read_bytes()
    (data_folder / "trainB" / "1.png").write_bytes(whole[: len(whole) // 2])
    (data_folder / "testB" / "gone.png").symlink_to(data_folder / "nowhere.png")
    report = checked(data_folder)
    assert found(report, "trainA/0.png", "it is not a picture") and found(
        report, "trainB/1.png", "cannot be read"
    )
    assert set(report.unreadable) == {data_folder / "trainA" / "0.png", data_folder / "trainB" / "1.png"}
    assert report.counts["trainA"] == 3 and report.counts["trainB"] == 3


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda f: shutil.rmtree(f / "testB"), ["no folder testB"]),
        (lambda f: [p.unlink() for p in (f / "testB").iterdir()], ["testB: no readable picture"]),
        (lambda f: (f / "trainA" / "notes.txt").write_text("x"), ["trainA", "1 .txt", "leaves out"]),
        (lambda f: (f / "trainA" / "more").mkdir(), ["trainA", "1 folder without pictures", "leaves out"]),
        (
            lambda f: noise_image(77).save(f / "trainA" / "0.jpg"),
            ["trainA: several files differ only in type or case: 0"],
        ),
        (
            lambda f: noise_image(77, (15, 40)).save(f / "trainA" / "x.png"),
            ["trainA: 1 of 5 are smaller than 16"],
        ),
        (
            lambda f: noise_image(77).convert("L").save(f / "trainA" / "x.png"),
            ["trainA: 1 of 5 are grey (x.png)"],
        ),
        (
            lambda f: noise_image(77).convert("RGBA").save(f / "trainA" / "x.png"),
            ["transparency", "white", "x.png"],
        ),
        (
            lambda f: Image.fromarray(np.arange(400, dtype=np.uint16).reshape(20, 20) * 99).save(
                f / "trainA" / "x.png"
            ),
            ["more than 8 bits (x.png)"],
        ),
        (
            lambda f: noise_image(7).save(
                f / "trainA" / "x.gif", save_all=True, append_images=[noise_image(8)]
            ),
            ["animated", "first picture"],
        ),
        (lambda f: noise_image(77).save(f / "testA" / "1.jpg"), ["3 of 5 names are equal, too few"]),
        (lambda f: None, ["trainA: only 4 pictures"]),
    ],
)
def test_each_fault_is_named(data_folder, spoil, words):
    assert words[0].startswith("trainA: only") or not found(checked(data_folder), *words)
    spoil(data_folder)
    assert found(checked(data_folder), *words), str(checked(data_folder))


def test_sizes_are_as_shown_and_oblong_pictures_are_counted(tmp_path):
    make_folder(tmp_path / "a")
    turned = Image.Exif()
    turned[0x0112] = 6  # shown on its side
    noise_image(50, (60, 30)).save(tmp_path / "a" / "trainA" / "x.jpg", exif=turned)
    report = checked(tmp_path / "a")
    assert any(
        line == "trainA: 5 pictures, shorter side 20 to 30 px, median 20, longer side up to 60 px"
        for line in report.lines
    )
    assert any("trainA: 1 of 5 are not square" in line for line in report.lines)
    looks, _ = look_at_all([tmp_path / "a" / "trainA" / "x.jpg"])
    assert looks[0].size == (30, 60)


@pytest.mark.parametrize(
    ("part", "kind", "words"),
    [
        ("trainB", "problems", ["in both domains", "trainA/original.png = trainB/copy.jpg"]),
        ("testB", "problems", ["in both domains", "trainA/original.png = testB/copy.jpg"]),
        ("testA", "problems", ["in training and in test", "trainA/original.png = testA/copy.jpg"]),
        ("trainA", "warnings", ["several times", "trainA/original.png = trainA/copy.jpg"]),
    ],
)
def test_what_a_copy_means_depends_on_where_it_is(data_folder, part, kind, words):
    scene(1).save(data_folder / "trainA" / "original.png")
    scene(1, (60, 60)).save(data_folder / part / "copy.jpg")
    report = checked(data_folder)
    (text,) = [text for text in getattr(report, kind) if words[0] in text]
    assert words[1] in text
    assert report.copies == [[data_folder / "trainA" / "original.png", data_folder / part / "copy.jpg"]]


COPIES = {
    "the same bytes": lambda image: image,
    "smaller": lambda image: image.resize((40, 40)),
    "grey": lambda image: image.convert("L"),
    "mirrored": ImageOps.mirror,
    "mirrored and grey": lambda image: ImageOps.mirror(image).convert("L"),
    "brighter": lambda image: image.point(lambda value: 40 + value * 0.8),
    "with a thin cut": lambda image: image.crop((1, 1, 95, 95)),
}


@pytest.mark.parametrize("change", COPIES.values(), ids=COPIES.keys())
def test_a_copy_is_recognised_and_other_pictures_are_not(tmp_path, change):
    for seed in range(30):
        scene(seed).save(tmp_path / f"{seed:02d}.png")
    change(scene(7)).save(tmp_path / "copy.png")
    looks, unreadable = look_at_all(list_images(tmp_path))
    groups = dict(zip([look.path.stem for look in looks], alike_groups(looks)))
    assert not unreadable and groups["copy"] == groups["07"]
    assert len(set(groups.values())) == 30, "one of the other pictures was taken for a copy"


def test_two_colours_of_one_shape_are_two_pictures(tmp_path):
    shape = Image.new("L", (64, 64))
    shape.paste(255, (16, 16, 48, 48))
    for colour in ("red", "lime", "blue"):
        Image.composite(Image.new("RGB", (64, 64), colour), Image.new("RGB", (64, 64), "white"), shape).save(
            tmp_path / f"{colour}.png"
        )
    looks, _ = look_at_all(list_images(tmp_path))
    assert len(set(alike_groups(looks))) == 3


def test_blank_pictures_are_copies_only_when_their_files_are_equal(tmp_path):
    Image.new("RGB", (20, 20), "white").save(tmp_path / "a.png")
    Image.new("RGB", (20, 20), "black").save(tmp_path / "b.png")
    shutil.copy(tmp_path / "a.png", tmp_path / "c.png")
    looks, _ = look_at_all(list_images(tmp_path))
    assert alike_groups(looks) == [0, 1, 0]


def test_more_pictures_than_one_block_of_rows(tmp_path):
    """The comparison works in blocks of 512; a pair across two blocks must be found."""
    scene(0).save(tmp_path / "x.png")
    (look,), _ = look_at_all([tmp_path / "x.png"])
    random = np.random.default_rng(0)
    looks = [
        type(look)(
            look.path,
            look.size,
            [],
            bytes([i % 256, i // 256]),
            random.uniform(0, 255, (16, 16, 3)).astype("float32"),
        )
        for i in range(600)
    ]
    looks[590].thumbnail = looks[3].thumbnail[:, ::-1]
    groups = alike_groups(looks)
    assert groups[590] == groups[3] and len(set(groups)) == 599


def test_no_pictures_and_one_picture_are_no_error(tmp_path):
    assert alike_groups([]) == []
    scene(0).save(tmp_path / "x.png")
    assert alike_groups(look_at_all([tmp_path / "x.png"])[0]) == [0]


def test_the_copy_to_keep_comes_first(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    scene(1, (40, 40)).save(tmp_path / "a" / "1_small.png")
    scene(1).convert("L").save(tmp_path / "a" / "2_grey.png")
    scene(1).save(tmp_path / "a" / "3_best.png")
    scene(1, (200, 200)).save(tmp_path / "b" / "0_other_domain.png")
    (group,) = check_two_folders(tmp_path / "a", tmp_path / "b").copies
    assert [path.name for path in group] == ["3_best.png", "2_grey.png", "1_small.png", "0_other_domain.png"]


def test_two_raw_folders(tmp_path):
    make_folder(tmp_path / "set")
    report = check_two_folders(tmp_path / "set" / "trainA", tmp_path / "set" / "trainB", 16)
    assert report.counts == {"A": 4, "B": 4} and report.problems == []


def test_what_is_no_data_set_is_refused_in_one_sentence(data_folder, tmp_path):
    for call in (
        lambda: check_folder(tmp_path / "nowhere"),
        lambda: check_folder(data_folder / "trainA"),
        lambda: check_two_folders(data_folder / "trainA", tmp_path / "nowhere"),
        lambda: check_two_folders(data_folder / "trainA", data_folder / "testA" / ".." / "trainA"),
    ):
        with pytest.raises(DataError) as error:
            call()
        assert "\n" not in str(error.value) and str(tmp_path) in str(error.value)


def test_real_photographs_have_no_false_copies():
    """Of 250 paintings no two are alike; among the dogs there is one real pair."""
    looks, unreadable = look_at_all(list_images(shared_images("monet2photo") / "trainA"))
    assert len(looks) == 250 and not unreadable and len(set(alike_groups(looks))) == 250
    names = ["dog.180.jpg", "dog.74.jpg", *(f"dog.{i}.jpg" for i in range(200, 260))]
    looks, _ = look_at_all([shared_images("cats_dogs_128") / "trainB" / name for name in names])
    groups = alike_groups(looks)
    assert groups[0] == groups[1] and len(set(groups)) == len(groups) - 1
