"""Things to move by hand in the notebooks, each drawn by a function that also draws its static twin."""

import csv
import json
from pathlib import Path

import ipywidgets
import torch
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from PIL import Image
from torch import Tensor

from minicyclegan.cyclegan import CycleGAN
from minicyclegan.discriminator import receptive_field
from minicyclegan.errors import DataError, ParameterError
from minicyclegan.widgets.explorer import Explorer, slider
from minicyclegan.widgets.figures import COLOUR_A, COLOUR_B, COLOUR_GREY

# --- The receptive field ---


def convolutions(kernel: int, halving: int, plain: int) -> tuple[list[int], list[int]]:
    """Kernels and strides of `halving` layers of stride 2 and then `plain` layers of stride 1."""
    return [kernel] * (halving + plain), [2] * halving + [1] * plain


def map_size(size: int, kernel: int, halving: int, plain: int) -> int:
    """Side of the map of scores for a picture of `size` px, each layer padded by 1 px as in the paper; at least 0."""
    for stride in [2] * halving + [1] * plain:
        size = max(0, (size + 2 - kernel) // stride + 1) if size else 0
    return size


def patch_of(score: int, kernel: int, halving: int, plain: int) -> tuple[int, int]:
    """First and last input pixel (inclusive) of the patch behind one score, along one side; outside the picture is padding."""
    first = last = score
    kernels, strides = convolutions(kernel, halving, plain)
    for k, stride in zip(reversed(kernels), reversed(strides)):
        first, last = first * stride - 1, last * stride - 1 + k - 1
    return first, last


def receptive_field_figure(
    picture: Tensor, kernel: int = 4, halving: int = 3, plain: int = 2, across: float = 0.5, down: float = 0.5
) -> tuple[Figure, str]:
    """The patch of `picture` (3, H, H) in [-1, 1] that one score sees, and the map with that score marked.

    `across` and `down`, from 0 to 1, choose the score. The defaults are the paper's PatchGAN.
    """
    size = picture.shape[-1]
    field = receptive_field(*convolutions(kernel, halving, plain))
    side = map_size(size, kernel, halving, plain)
    figure = Figure(figsize=(7, 3.7), layout="constrained")
    left, right = figure.subplots(1, 2)
    left.imshow(((picture + 1) / 2).clamp(0, 1).permute(1, 2, 0).numpy(), interpolation="nearest")
    left.set(
        title=f"picture, {size} x {size} px",
        xlim=(-size * 0.25, size * 1.25),
        ylim=(size * 1.25, -size * 0.25),
    )
    layers = f"{halving} layers of stride 2 and {plain} of stride 1, kernel {kernel}"
    if side == 0:
        right.text(0.5, 0.5, "no score is left", ha="center", transform=right.transAxes)
        right.set(xticks=[], yticks=[], title="map of scores: empty")
        return figure, f"{layers}: the picture of {size} px is too small, no score is left."
    column, row = (min(side - 1, int(share * side)) for share in (across, down))
    x, y = (patch_of(place, kernel, halving, plain)[0] for place in (column, row))
    for colour, width, style in (("white", 3.5, "-"), ("black", 1.5, "--")):  # visible on every picture
        frame = Rectangle((x - 0.5, y - 0.5), field, field, fill=False)
        frame.set(edgecolor=colour, linewidth=width, linestyle=style)
        left.add_patch(frame)
    right.add_patch(Rectangle((column, row), 1, 1, color=COLOUR_B))
    right.plot(column + 0.5, row + 0.5, marker="o", fillstyle="none", color="black", markersize=12)
    right.spines[:].set_visible(True)
    right.set(title=f"map of scores, {side} x {side}", xlabel="column", ylabel="row")
    right.set(xlim=(0, side), ylim=(side, 0), aspect="equal")
    inside = max(0, min(size, x + field) - max(0, x)) * max(0, min(size, y + field) - max(0, y))
    text = (
        f"{layers}: each score sees {field} x {field} px; the score in row {row}, column {column} of "
        f"{side} x {side} sees {inside / size**2:.0%} of the picture"
    )
    return figure, text + ("." if inside == field**2 else ", the rest of its patch is padding outside.")


def receptive_field_explorer(picture: Tensor) -> Explorer:
    """Sliders for kernel, layers and place; the patch that one score sees is drawn on `picture` (3, H, H) in [-1, 1]."""
    places = [(f"{percent} %", percent / 100) for percent in range(0, 101, 2)]
    controls = {
        "kernel": slider("kernel, px", range(1, 8), 4),
        "halving": slider("layers of stride 2", range(6), 3),
        "plain": slider("layers of stride 1", range(5), 2),
        "across": slider("score, left to right", places, 0.5),
        "down": slider("score, top to bottom", places, 0.5),
    }
    return Explorer(
        controls,
        lambda **values: receptive_field_figure(picture, **values),
        "Receptive-field explorer: sliders for kernel, layers and place; the patch is drawn on the picture",
    )


# --- The weight of the cycle loss ---


def lambda_figure(folder: Path, value: str) -> tuple[Figure, str]:
    """Held-out errors of the committed sweep for every lambda_cycle, with `value` marked, and samples of that setting.

    `folder` holds ablations.csv, .json and .png, written by `minicyclegan sweep`. Raises DataError.
    """
    rows, base, facts = lambda_rows(folder)
    names = [row["value"] for row in rows]
    if value not in names:
        raise ParameterError(f"lambda_cycle={value} was not measured; the sweep has {', '.join(names)}")
    chosen = names.index(value)
    figure = Figure(figsize=(8.8, 2.7), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=[1, 1.4])
    for key, label, colour, marker in (
        ("held_out_ab", "A to B", COLOUR_B, "o"),
        ("held_out_ba", "B to A", COLOUR_A, "s"),
    ):
        means, low, high = ([float(row[f"{key}_{kind}"]) for row in rows] for kind in ("mean", "min", "max"))
        spread = [[m - a for m, a in zip(means, low)], [b - m for m, b in zip(means, high)]]
        left.errorbar(range(len(rows)), means, spread, color=colour, marker=marker, capsize=4, label=label)
    left.axvspan(chosen - 0.3, chosen + 0.3, color=COLOUR_GREY, alpha=0.25)
    left.set(
        xticks=range(len(rows)), xticklabels=names, xlabel="lambda_cycle", ylabel="held-out L1", yscale="log"
    )
    left.set(xlim=(-0.5, len(rows) - 0.5), yticks=(0.05, 0.1, 0.2), yticklabels=("0.05", "0.10", "0.20"))
    left.minorticks_off()
    left.legend(frameon=False, fontsize=9)
    with Image.open(folder / "ablations.png") as sheet:
        tile = sheet.width // 6  # three summers and three winters; the first row is the input
        place = facts["sheet"].index("base" if value == base["value"] else f"lambda_cycle={value}")
        strips = [sheet.crop((0, tile * k, sheet.width, tile * (k + 1))) for k in (0, place)]
        both = Image.new("RGB", (sheet.width, 2 * tile))
        for k, strip in enumerate(strips):
            both.paste(strip.convert("RGB"), (0, tile * k))
    right.imshow(both, interpolation="nearest")
    right.set(
        xticks=[],
        yticks=[tile / 2, 1.5 * tile],
        yticklabels=["input", "output"],
        title=f"lambda_cycle={value}",
    )
    row = rows[chosen]
    times = [float(row[f"{key}_mean"]) / float(base[f"{key}_mean"]) for key in ("held_out_ab", "held_out_ba")]
    text = (
        f"lambda_cycle={value}: held-out error {float(row['held_out_ab_mean']):.3f} from A to B and "
        f"{float(row['held_out_ba_mean']):.3f} from B to A, {times[0]:.1f} and {times[1]:.1f} times that of "
        f"lambda_cycle={base['value']}; mean of {row['n']} runs."
    )
    return figure, text


def lambda_rows(folder: Path) -> tuple[list[dict], dict, dict]:
    """The rows of ablations.csv on the axis lambda_cycle, the one that is the base, and ablations.json. Raises DataError."""
    try:
        with open(folder / "ablations.csv", newline="", encoding="utf-8") as file:
            table = list(csv.DictReader(file))
        facts = json.loads((folder / "ablations.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"cannot read the results of the sweep in {folder}: {error}; run it again") from error
    rows = [row for row in table if row["axis"] == "lambda_cycle"]
    return rows, next(row for row in rows if row["base"] == "True"), facts


def lambda_slider(folder: Path) -> Explorer:
    """A slider over the values of lambda_cycle that the sweep in `folder` measured. Raises DataError."""
    rows, base, _ = lambda_rows(folder)
    values = slider("lambda_cycle", [row["value"] for row in rows], base["value"])
    return Explorer(
        {"value": values},
        lambda value: lambda_figure(folder, value),
        "Slider over lambda_cycle: the measured errors and sample pictures of each value",
    )


# --- There and back ---


def cycle_figure(model: CycleGAN, a: Tensor, b: Tensor, start: str, number: int) -> tuple[Figure, str]:
    """Picture `number` of A or B, its translation, the way back, the truth, and where the way back differs.

    `a` and `b` (N, 3, H, W) in [-1, 1] are true pairs; `start` is "A" or "B".
    """
    source, truth = (a, b) if start == "A" else (b, a)
    generators = (model.generator_ab, model.generator_ba)
    there, back = generators if start == "A" else reversed(generators)
    picture = source[number : number + 1]
    with torch.inference_mode():
        translated = there(picture)
        returned = back(translated)
    target = "B" if start == "A" else "A"
    lost = (returned - picture).abs().mean(1, keepdim=True).expand_as(picture)
    shown = {
        f"{start}: picture {number}": picture[0],
        f"translated to {target}": translated[0],
        f"true {target}": truth[number],
        f"back to {start}": returned[0],
        "what the way lost": lost[0] * 2 - 1,
    }
    figure = Figure(figsize=(8.6, 2.1), layout="constrained")
    for axis, (title, pixels) in zip(figure.subplots(1, 5), shown.items()):
        axis.imshow(((pixels + 1) / 2).clamp(0, 1).permute(1, 2, 0).numpy(), interpolation="nearest")
        axis.set(xticks=[], yticks=[])
        axis.spines[:].set_visible(False)
        axis.set_title(title, fontsize=9)
    error = float((translated[0] - truth[number]).abs().mean()) / 2
    cycle = float((returned - picture).abs().mean()) / 2
    return figure, (
        f"Picture {number} from {start} to {target} and back: the translation is off by {error:.3f}, the way back by "
        f"{cycle:.3f} (mean absolute difference; 1 is black for white)."
    )


def cycle_viewer(model: CycleGAN, a: Tensor, b: Tensor) -> Explorer:
    """Choose a picture and where to begin; see the translation, the truth and the way back."""
    model = model.cpu().eval()
    controls = {
        "start": ipywidgets.ToggleButtons(
            options=["A", "B"],
            description="begin with",
            layout={"display": "flex"},
            style={"description_width": "170px", "button_width": "80px"},
        ),
        "number": slider("picture", range(len(a)), 0),
    }
    return Explorer(
        controls,
        lambda start, number: cycle_figure(model, a, b, start, number),
        "There-and-back viewer: choose a picture and where to begin",
    )
