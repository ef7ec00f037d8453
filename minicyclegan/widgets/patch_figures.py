"""Which patch of a picture a score sees, and maps of scores: for notebook 03."""

import matplotlib.pyplot as plt
import torch
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor, nn

from minicyclegan.widgets.figures import COLOUR_A, COLOUR_B


def gradient_maps(gradients: dict[str, Tensor], start: int, field: int) -> Figure:
    """Gradients (H, W) side by side, brighter where they are larger, with the square of `field` px that begins at `start`."""
    figure, axes = plt.subplots(1, len(gradients), figsize=(7.2, 3.2), layout="constrained")
    for axis, (name, gradient) in zip(axes, gradients.items()):
        logarithm = (gradient / gradient.max()).clamp(min=1e-5).log10()
        image = axis.imshow(logarithm, cmap="cividis", vmin=-4, vmax=0)
        axis.add_patch(
            Rectangle((start - 0.5,) * 2, field, field, fill=False, edgecolor="white", linestyle="--")
        )
        last = len(gradient) - 1
        axis.set(title=name, xticks=[0, len(gradient) // 2, last], yticks=[0, len(gradient) // 2, last])
    bar = figure.colorbar(
        image, ax=axes, ticks=[-4, -3, -2, -1, 0], label="gradient, as a share of the largest"
    )
    bar.ax.set_yticklabels(["1/10000 or less", "1/1000", "1/100", "1/10", "1"])
    return figure


def patches_and_scores(picture: Tensor, scores: Tensor, places: list[tuple[int, int]]) -> Figure:
    """A picture (3, 256, 256) in [-1, 1] with the patches of 70 px of some scores, and the map (30, 30) with these marked."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(8.6, 4.1), layout="constrained")
    left.imshow((picture.permute(1, 2, 0) + 1) / 2)
    image = right.imshow(scores, cmap="Greys", alpha=0.6)
    for (i, j), colour in zip(places, (COLOUR_A, COLOUR_B, "#CC79A7")):
        frame = Rectangle((8 * j - 23, 8 * i - 23), 70, 70, fill=False, edgecolor=colour, linewidth=2.5)
        left.add_patch(frame)
        right.add_patch(Rectangle((j - 0.5, i - 0.5), 1, 1, facecolor=colour))
    left.set(xlim=(-26, 258), ylim=(258, -26), xticks=[0, 128, 255], yticks=[0, 128, 255])
    left.set_title("picture, 256 px, and three patches of 70 px")
    right.set(title="map of 30 x 30 scores (untrained)", xticks=[0, 15, 29], yticks=[0, 15, 29])
    figure.colorbar(image, ax=right, label="score", shrink=0.8)
    return figure


def score_maps(networks: dict[str, nn.Module], pictures: dict[str, Tensor]) -> Figure:
    """Pictures (1, 3, H, W) in the first row, and below it the map that each network gives them, from 0 to 1."""
    rows = 1 + len(networks)
    figure, axes = plt.subplots(rows, len(pictures), figsize=(8, 1.9 * rows), layout="constrained")
    for column, (title, picture) in zip(axes.T, pictures.items()):
        column[0].imshow((picture[0].permute(1, 2, 0) + 1) / 2)
        column[0].set_title(title)
        for axis, network in zip(column[1:], networks.values()):
            with torch.no_grad():
                image = axis.imshow(network(picture)[0, 0], cmap="cividis", vmin=0, vmax=1)
        for axis in column:
            axis.set(xticks=[], yticks=[])
            axis.spines[:].set_visible(False)
    for axis, name in zip(axes[:, 0], ["picture", *(f"scores\n{name}" for name in networks)]):
        axis.set_ylabel(name)
    figure.colorbar(image, ax=axes[1:], label="score: 0 winter, 1 summer")
    return figure
