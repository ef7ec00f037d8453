"""Pictures for the report of `minicyclegan repro`: what a figure should be, what it is, and where they differ."""

from pathlib import Path

import numpy as np
from PIL import Image

from minicyclegan.repro.compare import parts_of
from minicyclegan.repro.facts import code_cells
from minicyclegan.repro.figures import difference_of_figures
from minicyclegan.repro.pictures import decoded, facts_of_figure, pngs_of, squares

MOST = 24  # figures that are drawn for a report
ROUGH = "as the reference keeps it: the mean colours of its panels' squares"


def rough_picture(facts: dict) -> Image.Image:
    """A figure as far as a reference knows it: its panels as squares, around them nothing."""
    page = Image.new("RGB", tuple(facts["size"]), tuple(facts.get("around", (255, 255, 255))))
    for panel in facts.get("panels", []):
        left, top, right, bottom = panel["box"]
        tiles = Image.fromarray(np.ascontiguousarray(squares(panel)[..., :3]))
        page.paste(tiles.resize((right - left, bottom - top), Image.Resampling.NEAREST), (left, top))
    return page


def picture_of_difference(expected: Image.Image, got: Image.Image) -> Image.Image:
    """White where two pictures are equal, black where they are a third of the range apart or more; of the size of `got`."""
    if expected.size != got.size:
        expected = expected.resize(got.size, Image.Resampling.BILINEAR)
    apart = abs(np.asarray(expected, float) - np.asarray(got, float)).max(2)
    return Image.fromarray((255 - np.clip(3 * apart, 0, 255)).astype(np.uint8)).convert("RGB")


def figure_in(path: Path, figure: dict) -> tuple[bytes, dict] | None:
    """The figure of a notebook file that a difference names, if it is there."""
    cells = code_cells(path)
    found = pngs_of(cells[figure["cell"] - 1]) if figure["cell"] <= len(cells) else []
    return found[figure["number"] - 1] if figure["number"] <= len(found) else None


def expected_picture(
    kept: dict | None, in_file: tuple[bytes, dict] | None, about: dict
) -> tuple[Image.Image, str]:
    """What the reference expects, and how it is known: from the notebook's file if that shows the same, else roughly.

    `kept` is None where the file itself is what is expected.
    """
    if in_file and kept is None:
        return Image.fromarray(decoded(in_file[0])), "in the notebook's file"
    if in_file:
        facts = facts_of_figure(in_file[0], in_file[1] if "panels" in in_file[1] else about)
        if not difference_of_figures("", kept, facts, exactly=False):
            return Image.fromarray(decoded(in_file[0])), "from the notebook's file"
    return rough_picture(kept), ROUGH if kept.get("panels") else "not kept: the reference has only its hash"


def draw_figures(out: Path, folder: Path, outcome: dict, reference: dict) -> None:
    """For every difference of a figure three pictures in out/figures; the difference gets their names as `pictures`.

    `folder` has the notebooks as they are kept, `out` their executed copies. Of more than MOST figures the first are drawn.
    """
    drawn, places = 0, out / "figures"
    for name, one in parts_of(outcome).items():
        for d in one["differences"]:
            if "figure" not in d or drawn == MOST:
                continue
            new = figure_in(out / name / f"{name}.ipynb", d["figure"])
            if new is None:
                continue
            kept = None
            if "old" in d:
                cell = reference["notebooks"][name]["results"]["cells"][d["old"]["cell"]]
                kept = cell["figures"][d["old"]["figure"]]
            got = Image.fromarray(decoded(new[0]))
            expected, known = expected_picture(kept, figure_in(folder / f"{name}.ipynb", d["figure"]), new[1])
            places.mkdir(exist_ok=True)
            begin = f"{name}-{d['figure']['cell']}-{d['figure']['number']}"
            shown = {"expected": expected, "got": got, "difference": picture_of_difference(expected, got)}
            d["pictures"] = {"known": known}
            for what, picture in shown.items():
                picture.save(places / f"{begin}-{what}.png", optimize=True)
                d["pictures"][what] = f"figures/{begin}-{what}.png"
            drawn += 1
