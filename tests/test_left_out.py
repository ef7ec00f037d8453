"""What is in a folder and not read: counted and said, with what to do; HEIC; pictures one level too deep."""

import shutil
from pathlib import Path

import pytest
from conftest import make_folder, noise_image
from test_bad_input import refused

from minicyclegan.data import ImageFolder, load_folder
from minicyclegan.datasets.inspection import check_folder
from minicyclegan.datasets.named import load_domains
from minicyclegan.errors import DataError
from minicyclegan.pictures.folders import left_out
from minicyclegan.pictures.formats import formats
from minicyclegan.pictures.images import list_images, read_image


@pytest.fixture
def without_heic(monkeypatch):
    """As where the extra `heic` is not installed."""
    from minicyclegan.pictures import folders

    known = folders.suffixes()
    monkeypatch.setattr(folders, "suffixes", lambda: known - {".heic", ".heif", ".hif"})


def fill(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".png":
            noise_image(len(name)).save(path)
        else:
            path.touch()
    return folder


def test_a_folder_of_pictures_alone_leaves_nothing_out(tmp_path):
    fill(tmp_path, "a.png", "b.png", ".hidden", "Thumbs.db", "desktop.ini", ".DS_Store", "__MACOSX/x.png")
    assert left_out(tmp_path) == ""


def test_files_are_counted_by_kind_with_what_to_do(tmp_path, without_heic):
    fill(
        tmp_path,
        "a.png",
        *(f"{i}.HEIC" for i in range(5)),
        "1.dcm",
        "2.dcm",
        "x.npy",
        "y.NEF",
        "notes.txt",
        "README",
    )
    (tmp_path / "gone.png").symlink_to(tmp_path / "nowhere.png")
    text = left_out(tmp_path)
    assert text.startswith(
        '5 .heic (to read them: pip install "minicyclegan[heic]"), 2 .dcm (convert them to TIFF'
    )
    for words in ("1 .npy (save", "1 .nef (develop", "1 .txt", "1 of no type", "1 that are links to nowhere"):
        assert words in text, text
    assert "\n" not in text


def test_inner_folders_are_counted_with_the_pictures_in_them(tmp_path):
    fill(tmp_path, "a.png", "one/b.png", "one/c.png", "two/deep/d.png", "two/notes.txt")
    assert "2 folders with 3 pictures in them (only what lies directly in the folder is used)" in left_out(
        tmp_path
    )
    assert "(take --recursive)" in left_out(tmp_path, "take --recursive") and left_out(tmp_path, None) == ""
    shutil.rmtree(tmp_path / "two")
    assert "1 folder with 2 pictures in it" in left_out(tmp_path)


def test_a_name_that_would_control_the_screen_is_shown_as_text(tmp_path):
    fill(tmp_path, "x.\x1b[2J")
    assert left_out(tmp_path).isprintable()


def test_a_folder_that_cannot_be_listed_is_one_sentence(tmp_path):
    with refused(DataError, "cannot list the folder", tmp_path / "nowhere"):
        left_out(tmp_path / "nowhere")


def test_training_and_the_check_say_what_is_left_out(data_folder, without_heic):
    fill(data_folder / "trainB", "1.heic", "2.heic", "more/x.png")
    notes = load_folder(data_folder, 16).notes
    (note,) = [note for note in notes if note.startswith("left out of trainB: 2 .heic")]
    assert "1 folder with 1 picture in it" in note
    assert not any("left out of trainA" in note for note in notes)
    assert any(
        "trainB: training leaves out 2 .heic" in text for text in check_folder(data_folder, 16).warnings
    )


def test_faces_of_another_type_are_counted_in_both_levels(tmp_path, without_heic):
    for i in range(100):
        fill(tmp_path, f"{'inner/' if i % 2 else ''}{i}.png")
        noise_image(i, (16, 16)).save(tmp_path / f"{'inner/' if i % 2 else ''}{i}.png")
    fill(tmp_path, "x.heic", "inner/y.heic", "inner/deeper/z.png")
    notes = load_domains(f"face_restoration:{tmp_path}", 16).notes
    assert any(
        note.startswith(f"left out of {tmp_path.name}: 1 .heic") and "folder" not in note for note in notes
    )
    assert any(
        note.startswith("left out of inner: 1 .heic") and "1 folder with 1 picture" in note for note in notes
    )


def test_a_folder_of_nothing_else_says_what_is_there(tmp_path, without_heic):
    fill(tmp_path / "heic", "1.heic", "2.heic")
    with refused(DataError, "no readable picture in", "2 .heic", "minicyclegan[heic]"):
        ImageFolder(tmp_path / "heic", 16)
    fill(tmp_path / "deep", "images/1.png", "images/2.png")
    with refused(DataError, "1 folder with 2 pictures in it", "move them up"):
        ImageFolder(tmp_path / "deep", 16)
    (tmp_path / "empty").mkdir()
    with refused(DataError, "put some there"):
        ImageFolder(tmp_path / "empty", 16)


# One level too deep, or too high


def test_a_data_set_in_a_folder_of_its_own_name_is_named(tmp_path):
    make_folder(tmp_path / "set" / "set")
    for name in ("set", "."):
        with refused(DataError, "there is no trainA in", "has one; give", tmp_path / "set" / "set"):
            load_folder(tmp_path / name, 16)
    with refused(DataError, "there is no trainA in", f"{tmp_path / 'set' / 'set'} has one; give"):
        load_folder(tmp_path / "set" / "set" / "trainB", 16)


def test_a_part_that_is_nowhere_is_asked_for(data_folder):
    shutil.rmtree(data_folder / "testB")
    with refused(DataError, data_folder / "testB", "a data set needs trainA, trainB, testA and testB"):
        load_folder(data_folder, 16)


def test_pictures_one_level_too_deep_in_a_part_are_found(data_folder):
    (data_folder / "trainA" / "images").mkdir()
    for path in list_images(data_folder / "trainA"):
        path.rename(data_folder / "trainA" / "images" / path.name)
    with refused(DataError, data_folder / "trainA", "1 folder with 4 pictures in it", "move them up"):
        load_folder(data_folder, 16)


# HEIC


@pytest.fixture
def heic(tmp_path) -> Path:
    if "HEIF" not in formats():
        pytest.skip("pillow-heif, of the extra `heic`, is not installed")
    path = tmp_path / "photo.HEIC"
    exif = noise_image(0).getexif()
    exif[0x0112] = 6
    picture = noise_image(0, (8, 5)).resize((80, 50), 0)
    picture.save(path, "HEIF", quality=95, exif=exif.tobytes())
    return path


def test_a_photograph_of_a_phone_is_listed_and_read_upright(heic):
    assert list_images(heic.parent) == [heic] and left_out(heic.parent) == ""
    image = read_image(heic)
    assert image.mode == "RGB" and image.size == (50, 80)
    assert len(ImageFolder(heic.parent, 16)) == 1


def test_a_photograph_cut_off_or_damaged_is_one_sentence(heic):
    content = heic.read_bytes()
    for damaged in (content[:20], content[: len(content) // 2], content[:200] + bytes(50) + content[250:]):
        heic.write_bytes(damaged)
        with refused(DataError, "cannot read the picture", heic):
            read_image(heic)
