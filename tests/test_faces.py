"""Face restoration: how a picture is worn, and how a folder of faces becomes two domains without leaks.

No photographs of people are needed: drawings stand in, and snapshots of cats and dogs where they are on the machine.
"""

import io
import shutil

import numpy as np
import pytest
import torch
from conftest import noise_image, shared_images
from PIL import Image

from minicyclegan.datasets.faces import (
    DAMAGE,
    NEAR,
    degrade,
    find_faces,
    is_near,
    load_faces,
    side_of,
    split_faces,
    training_pairs,
)
from minicyclegan.datasets.named import load_domains
from minicyclegan.errors import DataError, ParameterError
from minicyclegan.pictures.images import list_images, read_image, to_tensor


def drawn_face(seed: int, size: int = 48) -> Image.Image:
    """An oval with eyes and a mouth on a colour; every seed gives a different face."""
    random = np.random.RandomState(seed)
    y, x = np.mgrid[0:size, 0:size] / size
    pixels = np.ones((size, size, 3)) * random.randint(0, 256, 3)

    def oval(at_x, at_y, width, height, colour):
        pixels[((x - at_x) / width) ** 2 + ((y - at_y) / height) ** 2 < 1] = colour

    at = random.uniform(0.4, 0.6, 2)
    oval(*at, random.uniform(0.2, 0.35), random.uniform(0.25, 0.4), random.randint(90, 250, 3))
    for side in (-1, 1):
        oval(at[0] + side * random.uniform(0.07, 0.12), at[1] - 0.08, 0.04, 0.03, random.randint(0, 120, 3))
    oval(at[0], at[1] + random.uniform(0.08, 0.18), random.uniform(0.05, 0.1), 0.02, (150, 30, 30))
    return Image.fromarray(pixels.astype(np.uint8))


def make_faces(folder, n: int = 80, first: int = 0):
    folder.mkdir(parents=True, exist_ok=True)
    for i in range(first, first + n):
        drawn_face(i).save(folder / f"{i:03}.png")
    return folder


@pytest.fixture(scope="module")
def faces(tmp_path_factory):
    return make_faces(tmp_path_factory.mktemp("faces") / "faces")


def drawn(n: int, size: int = 48) -> torch.Tensor:
    return torch.stack([to_tensor(drawn_face(i, size)) for i in range(n)])


# Wear


def test_degrade_keeps_shape_and_type_and_changes_every_picture():
    clean = drawn(6)
    worn = degrade(clean, 0)
    assert worn.shape == clean.shape and worn.dtype == torch.uint8
    assert ((worn.float() - clean.float()).abs().mean((1, 2, 3)) > 2).all()


def test_degrade_depends_on_the_picture_and_the_seed_alone():
    clean = drawn(5)
    worn = degrade(clean, 3)
    order = [4, 2, 0, 1, 3]
    assert torch.equal(degrade(clean[order], 3), worn[order]), "the place of a picture plays no part"
    assert torch.equal(degrade(clean[1:2], 3)[0], worn[1]), "nor do its neighbours"
    assert all((one != other).any() for one, other in zip(worn, degrade(clean, 4)))
    twin = degrade(torch.stack([clean[0], clean[0]]), 3)
    assert torch.equal(twin[0], twin[1])


def test_degrade_bleaches_and_adds_grain():
    clean = drawn(12)
    worn = degrade(clean, 0).float()

    def saturation(x):
        return (x.float().amax(1) - x.float().amin(1)).mean()

    def contrast(x):
        return x.float().std((1, 2, 3)).mean()

    assert saturation(worn) < 0.85 * saturation(clean)
    assert contrast(worn) < 0.95 * contrast(clean)
    flat = torch.full((8, 3, 32, 32), 128, dtype=torch.uint8)
    flat[:, 0] += torch.arange(8, dtype=torch.uint8)[:, None, None]
    assert 1 < degrade(flat, 0).float().std((1, 2, 3)).mean() < 14, "grain is there, and not too much"


def only(**kept) -> dict:
    """DAMAGE with every strength set to nothing, except for these."""
    nothing = {"blur": 0, "shrink": 1, "colour": 1, "contrast": 1, "noise": 0, "quality": 95}
    return {name: (kept.get(name, value), kept.get(name, value)) for name, value in nothing.items()}


@pytest.mark.parametrize(
    ("name", "value", "at_least"),
    [
        ("blur", 1.0, 2),
        ("shrink", 4.0, 3),
        ("colour", 0.5, 5),
        ("contrast", 0.7, 10),
        ("noise", 10.0, 5),
        ("quality", 20.0, 2),
    ],
)
def test_each_kind_of_wear_does_something_of_its_own(monkeypatch, name, value, at_least):
    clean = drawn(4)
    assert set(DAMAGE) == set(only())
    monkeypatch.setattr("minicyclegan.datasets.faces.DAMAGE", only())
    nothing = degrade(clean, 0).float()
    monkeypatch.setattr("minicyclegan.datasets.faces.DAMAGE", only(**{name: value}))
    assert (degrade(clean, 0).float() - nothing).abs().mean() > at_least


def test_without_any_wear_the_picture_stays(monkeypatch):
    monkeypatch.setattr("minicyclegan.datasets.faces.DAMAGE", only())
    smooth = torch.linspace(40, 200, 48).round().to(torch.uint8).expand(1, 3, 48, 48)
    assert (degrade(smooth, 0).float() - smooth.float()).abs().max() <= 3, "only the finest JPEG file is left"


def test_degrade_gives_the_same_picture_on_every_machine_but_for_the_last_steps():
    """Coarse numbers, pinned: a change of the process must be intended."""
    worn = degrade(drawn(3), 7).float()
    found = [round(float(v)) for v in (*worn.mean((0, 2, 3)), worn.std(), *worn.mean((1, 2, 3)))]
    assert found == pytest.approx([131, 124, 147, 41, 124, 152, 126], abs=1.01)


@pytest.mark.parametrize("kind", ["blur", "shrink"])
def test_blur_and_low_resolution_take_the_edges(monkeypatch, kind):
    monkeypatch.setattr("minicyclegan.datasets.faces.DAMAGE", only(**{kind: DAMAGE[kind][1]}))
    clean = drawn(4)
    before, after = (
        (p.float()[..., 1:] - p.float()[..., :-1]).abs().amax((1, 2, 3)) for p in (clean, degrade(clean))
    )
    assert (after < 0.75 * before).all()


@pytest.mark.parametrize("wrong", [torch.zeros(2, 3, 8, 8), torch.zeros(3, 8, 8, dtype=torch.uint8)])
def test_degrade_refuses_other_tensors(wrong):
    with pytest.raises(DataError, match="uint8 pictures"):
        degrade(wrong, 0)


# Which faces go where


def test_load_faces_gives_worn_and_clean_domains_with_true_test_pairs(faces):
    domains = load_faces(faces, 32)
    assert domains.paired and domains.notes == []
    assert torch.equal(domains.test_a, degrade(domains.test_b, 0))
    for pictures in (domains.train_a, domains.train_b, domains.test_a, domains.test_b):
        assert pictures.dtype == torch.uint8 and pictures.shape[1:] == (3, 32, 32) and len(pictures) >= 4
    assert len(domains.train_a) + len(domains.train_b) + len(domains.test_b) == 80


def test_training_a_training_b_and_test_hold_different_faces(faces):
    kept, _ = split_faces(faces, 48, "refuse")
    known = {drawn_face(i).tobytes(): i for i in range(80)}
    numbers = {
        side: {known[p.permute(1, 2, 0).contiguous().numpy().tobytes()] for p in pictures}
        for side, pictures in kept.items()
    }
    assert set.union(*numbers.values()) == set(range(80))
    assert sum(len(n) for n in numbers.values()) == 80, "no face is on two sides"
    domains = load_faces(faces, 48)
    assert torch.equal(domains.train_a, degrade(kept["A"], 0))
    assert torch.equal(domains.train_b, kept["B"]) and torch.equal(domains.test_b, kept["test"])


def as_set(pictures) -> set[bytes]:
    return {p.numpy().tobytes() for p in pictures}


def test_a_picture_that_comes_along_moves_no_other(faces, tmp_path):
    folder = shutil.copytree(faces, tmp_path / "more")
    make_faces(folder, 25, first=500)
    before, after = (split_faces(f, 32, "refuse")[0] for f in (faces, folder))
    for side in before:
        assert as_set(before[side]) <= as_set(after[side])
    assert sum(map(len, after.values())) == 105


def test_names_and_folders_play_no_part_in_the_split(faces, tmp_path):
    for i, path in enumerate(sorted(faces.iterdir())):
        place = tmp_path / "renamed" / ("first" if i % 2 else "second")
        place.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, place / f"{79 - i}.png")
    before, after = (load_faces(f, 32) for f in (faces, tmp_path / "renamed"))
    for part in ("train_a", "train_b", "test_a", "test_b"):
        assert torch.equal(getattr(before, part), getattr(after, part))


def test_sides_have_the_promised_shares():
    import hashlib

    sides = [side_of(hashlib.sha256(str(i).encode()).hexdigest()) for i in range(4000)]
    shares = [sides.count(side) / 4000 for side in ("test", "A", "B")]
    assert shares == pytest.approx([0.1, 0.45, 0.45], abs=0.03)


def test_equal_files_count_once(faces, tmp_path):
    folder = shutil.copytree(faces, tmp_path / "double")
    for path in sorted(faces.iterdir())[:9]:
        shutil.copy(path, folder / f"copy-{path.name}")
    domains = load_faces(folder, 32)
    assert domains.notes == ["left out 9 of 89 faces because they are copies of others"]
    assert torch.equal(domains.train_a, load_faces(faces, 32).train_a)


def test_a_copy_saved_anew_never_sits_on_another_side(faces, tmp_path):
    folder = shutil.copytree(faces, tmp_path / "anew")
    for path in sorted(faces.iterdir()):
        image = Image.open(path)
        image.resize((40, 40)).save(folder / f"{path.stem}-smaller.jpg", quality=70)
    kept, notes = split_faces(folder, 8, "refuse")
    assert any("copies of others" in note for note in notes)
    originals = torch.stack([to_tensor(drawn_face(i).resize((8, 8))).float() for i in range(80)]).flatten(1)
    who = {
        side: set(torch.cdist(p.float().flatten(1), originals, p=1).argmin(1).tolist())
        for side, p in kept.items()
    }
    assert not who["A"] & who["B"] and not (who["A"] | who["B"]) & who["test"]
    assert set.union(*who.values()) == set(range(80))


def test_different_faces_are_not_taken_for_copies(faces):
    thumbs = torch.stack([to_tensor(drawn_face(i).resize((8, 8))).float() / 255 for i in range(40)])
    assert not is_near(thumbs[:20], thumbs[20:]).any()
    assert is_near(thumbs[:20], thumbs[10:30]).tolist() == [False] * 10 + [True] * 10
    assert not is_near(thumbs, thumbs[:0]).any() and NEAR < 0.03


def test_training_pairs_are_the_clean_training_faces_and_their_worn_copies(faces):
    worn, clean = training_pairs(faces, 32)
    assert torch.equal(clean, load_faces(faces, 32).train_b) and torch.equal(worn, degrade(clean, 0))


def test_faces_lie_flat_or_one_level_deep_but_no_deeper(tmp_path):
    for place in (".", "one", "one/two", ".hidden"):
        (tmp_path / place).mkdir(exist_ok=True)
        noise_image(1).save(tmp_path / place / "face.png")
    (tmp_path / "notes.txt").write_text("no picture")
    assert [p.relative_to(tmp_path).as_posix() for p in find_faces(tmp_path)] == ["face.png", "one/face.png"]


def test_load_domains_knows_the_word(faces):
    domains = load_domains(f"face_restoration:{faces}", 16)
    assert domains.paired and torch.equal(domains.test_b, load_faces(faces, 16).test_b)


def test_more_faces_than_fit_into_memory_are_a_sample_and_it_is_said(faces, monkeypatch):
    monkeypatch.setattr("minicyclegan.datasets.faces.MEMORY", 4 * 3 * 32 * 32 * 70)
    domains = load_faces(faces, 32)
    assert len(domains.train_a) + len(domains.train_b) + len(domains.test_b) == 70
    assert "took 70 of 80 faces" in domains.notes[0]
    assert as_set(domains.train_b) <= as_set(load_faces_of_all(faces, monkeypatch).train_b)


def load_faces_of_all(folder, monkeypatch):
    monkeypatch.undo()
    return load_faces(folder, 32)


# Folders that cannot be used


@pytest.mark.parametrize("folder", ["", "nowhere"])
def test_a_missing_folder_is_refused(folder):
    with pytest.raises(DataError, match="no folder .* of faces.*face_restoration:FOLDER"):
        load_domains(f"face_restoration:{folder}", 32)


def test_an_empty_folder_is_refused(tmp_path):
    with pytest.raises(DataError, match="no picture in .* or one level below"):
        load_faces(tmp_path, 32)


def test_too_few_faces_are_refused_with_their_numbers(tmp_path):
    make_faces(tmp_path / "few", 10)
    with pytest.raises(DataError, match=r"training A, \d+ to training B and \d+ to the test; each needs 4"):
        load_faces(tmp_path / "few", 32)


def test_one_face_many_times_over_is_refused(tmp_path):
    tmp_path.mkdir(exist_ok=True)
    for quality in range(30, 90):
        drawn_face(1).save(tmp_path / f"{quality}.jpg", quality=quality)
    with pytest.raises(DataError, match="add different pictures"):
        load_faces(tmp_path, 32)


def test_a_damaged_file_is_refused_or_skipped(faces, tmp_path):
    folder = shutil.copytree(faces, tmp_path / "damaged")
    (folder / "bad.jpg").write_bytes(b"no picture at all")
    with pytest.raises(DataError, match="bad.jpg"):
        load_faces(folder, 32)
    domains = load_faces(folder, 32, on_bad_image="skip")
    assert (
        len(domains.notes) == 1 and domains.notes[0].startswith("skipped:") and "bad.jpg" in domains.notes[0]
    )
    with pytest.raises(ParameterError, match="refuse or skip"):
        load_faces(folder, 32, on_bad_image="maybe")


def test_a_file_that_cannot_be_opened_is_refused_or_skipped(faces, tmp_path, monkeypatch):
    folder = shutil.copytree(faces, tmp_path / "locked")
    locked, read, opened = folder / "007.png", type(folder).read_bytes, Image.open

    def refuse(path, call):
        if path == locked:
            raise PermissionError(13, "Permission denied", str(path))
        return call(path)

    monkeypatch.setattr(type(folder), "read_bytes", lambda path: refuse(path, read))
    monkeypatch.setattr(Image, "open", lambda path, **options: refuse(path, opened))
    with pytest.raises(DataError, match="cannot read the picture .*007.png: .*Permission denied"):
        load_faces(folder, 32)
    assert "007.png" in load_faces(folder, 32, on_bad_image="skip").notes[0]


def test_small_and_grey_and_long_pictures_are_welcome(faces, tmp_path):
    folder = shutil.copytree(faces, tmp_path / "odd")
    noise_image(1, (20, 20)).convert("L").save(folder / "grey.png")
    noise_image(2, (90, 30)).save(folder / "long.png")
    domains = load_faces(folder, 32)
    assert domains.notes == ["2 faces are smaller than 32 px and were enlarged"]


# Real photographs, where they are


def test_snapshots_as_stand_ins_for_faces(tmp_path):
    folder = shared_images("cats_dogs_128")
    for path in list_images(folder / "trainA")[:120]:
        shutil.copy(path, tmp_path / path.name)
    domains = load_faces(tmp_path, 64)
    gap = (domains.test_a.float() - domains.test_b.float()).abs().mean() / 255
    assert 0.03 < gap < 0.15
    anew = io.BytesIO()
    one = read_image(list_images(tmp_path)[0])
    one.save(anew, "JPEG", quality=60)
    pictures = [one, Image.open(anew), read_image(list_images(tmp_path)[1])]
    thumbs = torch.stack(
        [
            to_tensor(image.convert("RGB").resize((8, 8), Image.Resampling.BOX)).float() / 255
            for image in pictures
        ]
    )
    assert is_near(thumbs[1:], thumbs[:1]).tolist() == [True, False]
