"""Label maps: the palette file, classes of pixels, the accuracies by hand."""

import pytest
import torch
from conftest import shared_images
from PIL import Image

from minicyclegan.data import to_float
from minicyclegan.datasets.named import load_domains
from minicyclegan.errors import DataError
from minicyclegan.quality.labels import (
    Palette,
    counts,
    find_palette,
    label_report,
    map_domain,
    read_palette,
    scores,
    share_near,
    summarised,
)

RED, GREEN, BLUE, BLACK = (255, 0, 0), (0, 255, 0), (0, 0, 255), (0, 0, 0)
TEXT = """# a made-up town
road 255 0 0   # main
road 0 0 0
wide grass 0 255 0

water 0 0 255
"""


def write(folder, text: str = TEXT):
    (folder / "palette.txt").write_text(text)
    return folder / "palette.txt"


def picture(*colours) -> torch.Tensor:
    """One picture with one pixel of each colour in a row, (1, 3, 1, N) in [-1, 1]."""
    return to_float(torch.tensor(colours, dtype=torch.uint8).T[None, :, None])


def test_a_palette_has_names_of_several_words_and_classes_of_several_colours(tmp_path):
    palette = read_palette(write(tmp_path))
    assert palette.names == ("road", "wide grass", "water") and palette.domain is None
    assert palette.colours.tolist() == [list(c) for c in (RED, BLACK, GREEN, BLUE)]
    assert palette.owner.tolist() == [0, 0, 1, 2]
    assert (
        read_palette(write(tmp_path, "domain: B\nignore 0 0 0\n" + TEXT.replace("road 0 0 0", ""))).domain
        == "b"
    )
    assert find_palette(str(tmp_path)).names == palette.names
    assert find_palette(str(tmp_path / "elsewhere")) is None and find_palette("seasons") is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("road 1 2", "line 1 .* must be a name and three numbers"),
        ("road 1 2 3\n7 8 9", "line 2 .* must be a name and three numbers"),
        ("road 1 2 256", "from 0 to 255"),
        ("road 1 2 3\ngrass 1 2 3", "line 2 .* a second time"),
        ("road 1 2 3", "at least two classes"),
        ("domain: C\nroad 1 2 3", "line 1 .* domain: A or domain: B"),
    ],
)
def test_a_bad_line_is_named(tmp_path, text, message):
    with pytest.raises(DataError, match=message):
        read_palette(write(tmp_path, text))


def test_a_palette_that_cannot_be_read_is_one_sentence(tmp_path):
    with pytest.raises(DataError, match="cannot read the palette .*missing.txt"):
        read_palette(tmp_path / "missing.txt")
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00\xd8")
    with pytest.raises(DataError, match="it is no text"):
        read_palette(tmp_path / "binary")


def test_pixels_belong_to_the_class_of_the_nearest_colour_and_what_is_ignored_is_not_counted(tmp_path):
    palette = read_palette(write(tmp_path, "road 255 0 0\ngrass 0 255 0\nignore 0 0 0"))
    truth = picture(RED, GREEN, BLACK, (250, 30, 10))
    guess = picture((200, 40, 0), (140, 120, 0), RED, (0, 0, 10))
    # true road: once road, once almost black, which is as near to both proper classes and never "ignore"
    table = counts(guess, truth, palette)[0]
    assert table.sum() == 3 and table[1].tolist() == [1, 0] and table[0, 0] >= 1


def test_the_accuracies_by_hand():
    # rows are true: 6 of a (4 right), 2 of b (1 right), none of c, which is guessed once
    table = torch.tensor([[4.0, 1, 1], [1, 1, 0], [0, 0, 0]])
    found = {name: float(value) for name, value in scores(table).items()}
    assert found["pixel_accuracy"] == pytest.approx(5 / 8)
    assert found["class_accuracy"] == pytest.approx((4 / 6 + 1 / 2) / 2)
    assert found["class_iou"] == pytest.approx((4 / 7 + 1 / 3) / 2)


def test_pictures_are_drawn_together_and_a_few_have_no_interval():
    tables = torch.stack([torch.tensor([[i + 1.0, 2.0], [1.0, 3.0]]) for i in range(12)])
    found = summarised(tables)
    together = float(scores(tables.sum(0))["class_iou"])
    assert found["class_iou"]["mean"] == pytest.approx(together)
    assert found["class_iou"]["low"] < together < found["class_iou"]["high"]
    assert summarised(tables[:1])["pixel_accuracy"] == {
        **{"mean": pytest.approx(4 / 7), "low": None, "high": None}
    }


def test_the_domain_of_the_maps_is_found_or_must_be_said(tmp_path):
    palette = read_palette(write(tmp_path))
    maps = picture(RED, GREEN, BLUE, (250, 10, 0)).expand(3, -1, 4, -1)
    photos = picture((120, 110, 90), (60, 140, 90), (200, 180, 190), (128, 128, 128)).expand(3, -1, 4, -1)
    assert share_near(maps, palette) == 1 and share_near(photos, palette) == 0
    assert map_domain(palette, {"a": photos, "b": maps}) == "b"
    assert map_domain(palette, {"a": maps, "b": photos}) == "a"
    for pair in ({"a": maps, "b": maps}, {"a": photos, "b": photos}):
        with pytest.raises(DataError, match="not clear which are the label maps; add a line domain: A"):
            map_domain(palette, pair)
    said = Palette(palette.names, palette.colours, palette.owner, "a", palette.path)
    assert map_domain(said, {"a": photos, "b": photos}) == "a"


def test_the_truth_has_every_point_and_the_commonest_class_its_share(tmp_path):
    palette = read_palette(write(tmp_path))
    truth = picture(RED, RED, BLACK, GREEN, BLUE).expand(6, -1, 2, -1)
    found = label_report({"CycleGAN": truth, "doing nothing": truth.flip(3)}, truth, palette)
    assert [value["mean"] for value in found["rows"]["CycleGAN"].values()] == [1, 1, 1]
    lazy = found["rows"]["commonest class"]
    assert lazy["pixel_accuracy"]["mean"] == pytest.approx(0.6)
    assert lazy["class_accuracy"]["mean"] == pytest.approx(1 / 3)
    assert lazy["class_iou"]["mean"] == pytest.approx(0.6 / 3)
    assert found["rows"]["doing nothing"]["pixel_accuracy"]["mean"] == pytest.approx(0.2)
    assert found["classes"]["water"] == {"share": pytest.approx(0.2), "accuracy": 1, "iou": 1}


def test_street_maps_are_found_to_be_the_label_maps(tmp_path):
    folder = shared_images("maps_256")
    small = tmp_path / "maps"
    for part in ("trainA", "trainB", "testA", "testB"):
        (small / part).mkdir(parents=True)
        for path in sorted((folder / part).iterdir())[:4]:
            Image.open(path).save(small / part / f"{path.stem}.png")
    lines = "land 240 237 229\nbuilding 233 229 220\nroad 255 255 255\nroad 253 226 147\npark 202 223 170\nwater 163 204 255\n"
    domains = load_domains(str(small), 128, 128)
    test = {"a": to_float(domains.test_a[[0, 1, 2, 3]]), "b": to_float(domains.test_b[[0, 1, 2, 3]])}
    assert map_domain(read_palette(write(small, lines)), test) == "b"
