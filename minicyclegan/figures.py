"""Figures for the notebooks: one style, and a text beside every picture (plumbing)."""

import base64
import io

import matplotlib.pyplot as plt
import torch
from IPython.display import display
from matplotlib.figure import Figure
from torch import Tensor

# The colours of Okabe and Ito (2008), told apart by colour-blind readers; A is blue, B is orange in every figure.
COLOUR_A, COLOUR_B, COLOUR_FAKE, COLOUR_GREY = "#0072B2", "#E69F00", "#009E73", "#777777"

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


def show(figure: Figure, alt: str) -> None:
    """Display a figure with a text for readers who cannot see it, then close it. nbval checks the text."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", bbox_inches="tight", metadata={"Software": None})
    plt.close(figure)
    picture = base64.b64encode(buffer.getvalue()).decode()
    display({"image/png": picture, "text/plain": alt}, raw=True, metadata={"image/png": {"alt": alt}})


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


def plot_metrics(records: list[dict], names: dict[str, str], alt: str, ylabel: str = "loss") -> None:
    """Curves from a metrics.jsonl: `names` maps a key of the records to its label. Line styles differ, not only colours."""
    figure, axis = plt.subplots(figsize=(7, 2.8), layout="constrained")
    styles = ["-", "--", "-.", ":", (0, (5, 1)), (0, (3, 1, 1, 1))]
    colours = [COLOUR_A, COLOUR_B, COLOUR_FAKE, "#CC79A7", "#56B4E9", "#D55E00"]
    for (name, label), style, colour in zip(names.items(), styles, colours):
        points = [(r["step"], r[name]) for r in records if name in r]
        axis.plot(*zip(*points), label=label, linestyle=style, color=colour)
    axis.set(xlabel="training step", ylabel=ylabel)
    axis.legend(frameon=False, fontsize=9, loc="upper right")
    show(figure, alt)


def side_by_side(*groups: Tensor) -> Tensor:
    """Interleave groups (N, 3, H, W) so that picture i of every group comes one after another."""
    return torch.stack(groups, 1).flatten(0, 1)
