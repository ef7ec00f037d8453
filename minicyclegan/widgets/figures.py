"""Figures for the notebooks: one style, and a text beside every picture."""

import base64
import io
from pathlib import Path

import matplotlib.pyplot as plt
import torch
from IPython.display import display
from matplotlib.figure import Figure
from PIL import Image
from torch import Tensor

from minicyclegan.course.alt_texts import alt_text
from minicyclegan.errors import RunError
from minicyclegan.runs.folder import read_metrics
from minicyclegan.widgets.panels import panels_of

# The colours of Okabe and Ito (2008), told apart by colour-blind readers; A is blue, B is orange in every figure.
COLOUR_A, COLOUR_B, COLOUR_FAKE, COLOUR_GREY = "#0072B2", "#E69F00", "#009E73", "#777777"
# A curve has its colour wherever it is drawn: a direction that of the domain it leads to, a discriminator a like one
CURVES = {"gan_ab": COLOUR_B, "gan_ba": COLOUR_A, "held_out_ab": COLOUR_B, "held_out_ba": COLOUR_A}
CURVES |= {"cycle": COLOUR_FAKE, "nce": COLOUR_FAKE, "identity": "#CC79A7", "nce_identity": "#CC79A7"}
CURVES |= {"discriminator_a": "#56B4E9", "discriminator_b": "#D55E00"}
SHEET_ROWS = ("A", "A to B", "back to A", "B", "B to A", "back to B")  # samples.sample_sheet

plt.rcParams.update(
    {
        "figure.facecolor": "white",
        "savefig.facecolor": "white",
        "figure.dpi": 90,
        "font.size": 10,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.titlesize": 10,
    }
)


def show(figure: Figure, alt: str, **values) -> None:
    """Display a figure with a text for readers who cannot see it, then close it. nbval checks the text.

    `alt` is the text, or the name of one in notebooks/alt_texts/, such as "07-schedule"; `values` fill its braces.
    """
    alt, buffer = alt_text(alt, **values), io.BytesIO()
    figure.savefig(buffer, format="png", bbox_inches="tight", metadata={"Software": None})
    about = {"alt": alt} | panels_of(figure)  # `minicyclegan repro` compares panel by panel
    plt.close(figure)
    picture = base64.b64encode(buffer.getvalue()).decode()
    display({"image/png": picture, "text/plain": alt}, raw=True, metadata={"image/png": about})


def show_pictures(
    pictures: Tensor, alt: str, titles=None, columns: int | None = None, row_titles=None, scale: float = 1.3
) -> None:
    """Display pictures (N, 3, H, W) in [-1, 1] in rows of `columns`, `scale` inches wide each, pixels as squares."""
    pictures = ((pictures.detach().float().cpu() + 1) / 2).clamp(0, 1).permute(0, 2, 3, 1)
    columns = columns or len(pictures)
    rows = -(-len(pictures) // columns)
    height = scale * pictures.shape[1] / pictures.shape[2] * rows + (0.25 if titles else 0)
    figure, axes = plt.subplots(
        rows, columns, figsize=(scale * columns, height), squeeze=False, layout="constrained"
    )
    figure.get_layout_engine().set(w_pad=0.02, h_pad=0.02, wspace=0, hspace=0)
    for i, axis in enumerate(axes.flat):
        axis.set(xticks=[], yticks=[])
        axis.spines[:].set_visible(False)
        if i < len(pictures):
            axis.imshow(pictures[i].numpy(), interpolation="nearest")
        if titles is not None and i < len(titles):
            axis.set_title(titles[i])
        if row_titles is not None and i % columns == 0 and i // columns < len(row_titles):
            axis.set_ylabel(row_titles[i // columns])
    show(figure, alt)


def show_sheet(sheet: Tensor, alt: str) -> None:
    """Display a sheet (3, H, W) in [-1, 1] of `sample_sheet`, with the names of its rows beside it."""
    height, width = sheet.shape[1:]
    figure, axis = plt.subplots(figsize=(7, 7 * height / width), layout="constrained")
    axis.imshow(((sheet + 1) / 2).clamp(0, 1).permute(1, 2, 0).cpu().numpy(), interpolation="nearest")
    places = [(k + 0.5) * height / len(SHEET_ROWS) for k in range(len(SHEET_ROWS))]
    axis.set(xticks=[], yticks=places, yticklabels=SHEET_ROWS)
    axis.tick_params(length=0)
    axis.spines[:].set_visible(False)
    show(figure, alt)


def plot_metrics(
    records: list[dict], names: dict[str, str], alt: str, ylabel: str = "loss", log: bool = False
) -> None:
    """Curves from a metrics.jsonl: `names` maps a key of the records to its label. Line styles differ, not only colours.

    What has no colour of its own in CURVES gets one that is left over; what no record has is left out.
    """
    names = {name: label for name, label in names.items() if any(name in record for record in records)}
    figure, axis = plt.subplots(figsize=(7, 2.8), layout="constrained")
    styles = ["-", "--", "-.", ":", (0, (5, 1)), (0, (3, 1, 1, 1))]
    others = [one for one in dict.fromkeys(CURVES.values()) if one not in map(CURVES.get, names)]
    for (name, label), style in zip(names.items(), styles):
        points = [(r["step"], r[name]) for r in records if name in r]
        colour = CURVES[name] if name in CURVES else others.pop(0)
        axis.plot(*zip(*points), label=label, linestyle=style, color=colour)
    axis.set(xlabel="training step", ylabel=ylabel, yscale="log" if log else "linear")
    figure.legend(frameon=False, fontsize=9, loc="outside right upper")  # beside the curves, whatever they do
    show(figure, alt)


def side_by_side(*groups: Tensor) -> Tensor:
    """Interleave groups (N, 3, H, W): picture i of every group, then picture i + 1 of every group."""
    return torch.stack(groups, 1).flatten(0, 1)


def training_health(run_dir: str | Path) -> Figure:
    """One figure from a run folder's metrics.jsonl and samples/: is the training going well? Raises RunError.

    Above, how often each discriminator is right (0.5 is guessing, 1 is too strong); then the held-out error where the
    truth is known, and the losses; below, the first test picture's translations as the steps went by.
    """
    run_dir = Path(run_dir)
    if not (run_dir / "metrics.jsonl").is_file():
        raise RunError(f"there is no {run_dir / 'metrics.jsonl'}; give the folder of a training run")
    records = read_metrics(run_dir / "metrics.jsonl")
    sheets = sorted((run_dir / "samples").glob("step_*.png"))
    sheets = (
        [sheets[i] for i in sorted({round(k * (len(sheets) - 1) / 7) for k in range(8)})] if sheets else []
    )
    figure = plt.figure(figsize=(10, 6.6), layout="constrained")
    above, below = figure.subfigures(2, 1, height_ratios=[1.3, 1])
    accuracy_axis, error_axis, loss_axis = above.subplots(1, 3)
    strip = below.subplots(2, max(1, len(sheets)), squeeze=False)

    def curves(axis, names: dict[str, tuple[str, str, str]]) -> bool:
        for name, (label, colour, style) in names.items():
            points = [(record["step"], record[name]) for record in records if name in record]
            if points:
                marker = "o" if len(points) < 30 else None
                axis.plot(
                    *zip(*points), label=label, color=colour, linestyle=style, marker=marker, markersize=3
                )
        if axis.lines:
            # Below the axis, where it can be large and covers no curve
            axis.legend(frameon=False, fontsize=10, loc="upper center", bbox_to_anchor=(0.5, -0.22), ncols=2)
        else:
            axis.text(
                0.5,
                0.5,
                "not in this run's metrics",
                ha="center",
                transform=axis.transAxes,
                color=COLOUR_GREY,
            )
        return bool(axis.lines)

    axis = accuracy_axis
    shown = curves(
        axis,
        {
            f"accuracy_{kind}_{domain}": (f"{kind} {domain.upper()}", colour, style)
            for domain, colour in (("a", COLOUR_A), ("b", COLOUR_B))
            for kind, style in (("real", "-"), ("fake", "--"))
        },
    )
    if shown:
        axis.axhline(0.5, color=COLOUR_GREY, linewidth=0.8)
    axis.set(title="D is right", xlabel="step", ylim=(0, 1.02))
    axis = error_axis
    if curves(axis, {"held_out_ab": ("A to B", COLOUR_B, "-"), "held_out_ba": ("B to A", COLOUR_A, "--")}):
        axis.set_ylim(bottom=0)
    axis.set(title="held-out L1 error", xlabel="step")
    axis = loss_axis
    losses = {"cycle": ("cycle", "-"), "identity": ("identity", ":"), "gan_ab": ("G to B", "-")}
    losses["gan_ba"] = ("G to A", "--")
    curves(axis, {name: (label, CURVES[name], style) for name, (label, style) in losses.items()})
    axis.set(title="losses", xlabel="step", yscale="log" if axis.lines else "linear")
    if not sheets:
        below.set_visible(False)
    for k, sheet in enumerate(sheets):
        with Image.open(sheet) as image:
            side = (image.height - 2) // 6 - 2  # samples.sample_sheet: six rows, two pixels between them
            for row, (index, label) in enumerate(((1, "A to B"), (4, "B to A"))):
                top = 2 + index * (side + 2)
                axis = strip[row, k]
                axis.imshow(image.crop((2, top, 2 + side, top + side)), interpolation="nearest")
                axis.set(xticks=[], yticks=[])
                axis.spines[:].set_visible(False)
                if k == 0:
                    axis.set_ylabel(label)
                if row == 0:
                    axis.set_title(f"step {int(sheet.stem.removeprefix('step_'))}", fontsize=9)
    return figure


def failure_gallery(inputs: Tensor, fakes: Tensor, truths: Tensor, errors: Tensor, worst: int = 6) -> Figure:
    """The `worst` translations, worst first, then the one in the middle and the best, for scale: chosen by `errors` (N,).

    Rows: input, translation, truth, and where they differ (black is equal, white is off by half the range or more);
    all pictures (N, 3, H, W) in [-1, 1].
    """
    order = errors.argsort(descending=True).tolist()
    worst = min(worst, len(order))
    chosen = order[:worst] + [order[len(order) // 2], order[-1]]
    titles = [f"{k + 1}. worst" for k in range(worst)] + ["middle", "best"]
    difference = (fakes - truths).abs().mean(1, keepdim=True).expand_as(fakes) * 2 - 1
    rows = {"input": inputs, "translation": fakes, "truth": truths, "difference": difference}
    figure, axes = plt.subplots(
        4, len(chosen), figsize=(1.25 * len(chosen), 5.3), squeeze=False, layout="constrained"
    )
    for row, (name, pictures) in enumerate(rows.items()):
        for column, (i, title) in enumerate(zip(chosen, titles)):
            axis = axes[row, column]
            axis.imshow(
                ((pictures[i].float().cpu() + 1) / 2).clamp(0, 1).permute(1, 2, 0).numpy(),
                interpolation="nearest",
            )
            axis.set(xticks=[], yticks=[])
            axis.spines[:].set_visible(False)
            if row == 0:
                axis.set_title(f"{title}\n{errors[i]:.3f}", fontsize=9)
            if column == 0:
                axis.set_ylabel(name)
    return figure
