"""Figures of the two domains, for notebook 01: distances, palettes, histograms of colours."""

import matplotlib.pyplot as plt
import torch
from matplotlib.figure import Figure
from torch import Tensor

from minicyclegan.widgets.figures import COLOUR_A, COLOUR_B, COLOUR_GREY


def distance_fields(shapes: dict[str, Tensor]) -> Figure:
    """Signed distances (H, W) over the unit square: blue inside, red outside, a black line where they are 0."""
    figure, axes = plt.subplots(1, len(shapes), figsize=(8.6, 2.2), layout="constrained")
    for axis, (name, distance) in zip(axes, shapes.items()):
        image = axis.imshow(distance, cmap="RdBu_r", vmin=-0.4, vmax=0.4, extent=(0, 1, 1, 0))
        places = (torch.arange(len(distance)) + 0.5) / len(distance)
        axis.contour(places, places, distance, levels=[0], colors="black")
        axis.set(title=name, xticks=[0, 1], yticks=[0, 1])
        axis.spines[:].set_visible(True)
    figure.colorbar(image, ax=axes, label="distance", ticks=[-0.4, 0, 0.4])
    return figure


def palette_rows(palette: dict[str, dict[str, tuple[float, float, float]]]) -> Figure:
    """One row of colour patches for each season, one column for each thing that both seasons have."""
    names = [name for name in palette["winter"] if name in palette["summer"]]
    figure, axis = plt.subplots(figsize=(7, 1.6), layout="constrained")
    axis.imshow([[colours[name] for name in names] for colours in palette.values()], aspect="auto")
    axis.set(xticks=range(len(names)), yticks=range(len(palette)), yticklabels=list(palette))
    axis.set_xticklabels(names, rotation=40, ha="right")
    # Frames, for a white patch on a white page
    axis.set_xticks([k - 0.5 for k in range(len(names) + 1)], minor=True)
    axis.set_yticks([k - 0.5 for k in range(len(palette) + 1)], minor=True)
    axis.tick_params(which="minor", length=0)
    axis.grid(which="minor", color=COLOUR_GREY, linewidth=0.8)
    axis.spines[:].set(visible=True, color=COLOUR_GREY)
    return figure


def colour_histograms(heaps: dict[str, Tensor]) -> Figure:
    """How often each value of red, green and blue occurs in heaps of pictures, uint8 (N, 3, H, W)."""
    figure, axes = plt.subplots(1, 3, figsize=(8, 2.2), layout="constrained", sharey=True)
    for channel, (axis, name) in enumerate(zip(axes, ("red", "green", "blue"))):
        for (label, heap), colour, style in zip(heaps.items(), (COLOUR_A, COLOUR_B), ("-", "--")):
            counts = torch.histc(heap[:, channel].float(), 32, 0, 255)
            shares = counts / counts.sum()
            axis.plot(torch.linspace(0, 255, 32), shares, color=colour, linestyle=style, label=label)
        axis.set(title=name, xlabel="value")
    axes[0].set(ylabel="share of pixels")
    axes[0].legend(frameon=False)
    return figure
