"""The sweeps that compare methods, methods_DATA in notebooks/sweeps: what notebook 12 and docs/RESULTS.md show of them."""

import csv
import json

from minicyclegan.course.files import course_folder
from minicyclegan.parameters import METHODS
from minicyclegan.sweep.plan import Sweep, read_sweep

COMPARED = ("seasons", "emoji", "old_photos")


def names_of(sweep: Sweep) -> dict[str, str]:
    """The name of each setting: its method, and whether it was given the base's time and not its steps."""
    return {
        member.setting: METHODS[member.parameters["method"]]
        + ("" if member.parameters["steps"] == sweep.base["steps"] else ", equal time")
        for member in sweep.members
    }


def read_runs(data: str) -> tuple[dict, float]:
    """{method: {"steps": n, "held_out_ab": [errors], "held_out_ba": [errors]}}, in the sweep's order; and the error of doing nothing."""
    folder, found = course_folder() / "sweeps", {}
    sweep = read_sweep(folder / f"methods_{data}.yaml")
    names = names_of(sweep)
    with open(folder / f"methods_{data}_members.csv", newline="", encoding="utf-8") as file:
        lines = {(line["setting"], int(line["seed"])): line for line in csv.DictReader(file)}
    for member in sweep.members:
        row = found.setdefault(names[member.setting], {"steps": member.parameters["steps"]})
        line = lines[member.setting, member.parameters["seed"]]
        for key in ("held_out_ab", "held_out_ba"):
            row.setdefault(key, []).append(float(line[key]))
    return found, float(line["doing_nothing"])


def read_strips(data: str) -> dict:
    """Strips of pictures (side, 6 * side, 3 or 4), three of A to B and three of B to A: input, truth, and each method at equal steps."""
    import matplotlib.pyplot as plt

    folder = course_folder() / "sweeps"
    sweep = read_sweep(folder / f"methods_{data}.yaml")
    facts = json.loads((folder / f"methods_{data}.json").read_text(encoding="utf-8"))
    sheet, size = plt.imread(folder / f"methods_{data}.png"), sweep.base["image_size"]
    found = {name: sheet[i * size : (i + 1) * size] for i, name in enumerate(facts["sheet"])}
    truth, half = found["input"].copy(), sheet.shape[1] // 2
    # Each test picture exists in both domains: the truth of one direction is the input of the other
    truth[:, :half], truth[:, half:] = found["input"][:, half:], found["input"][:, :half]
    names = names_of(sweep).items()
    methods = {name: found[setting] for setting, name in names if not name.endswith("equal time")}
    return {"input": found["input"], "truth": truth} | methods
