"""How weights are drawn, as histograms: for notebook 02."""

import matplotlib.pyplot as plt
import torch
from matplotlib.figure import Figure
from torch import Tensor

from minicyclegan.widgets.figures import COLOUR_A, COLOUR_B


def compare_weights(drawn_by: dict[str, dict[str, Tensor]]) -> Figure:
    """One panel for each way to draw weights, with a histogram for each layer: title to layer to its weights (n,)."""
    figure, axes = plt.subplots(1, len(drawn_by), figsize=(7.5, 2.6), sharey=True, layout="constrained")
    for axis, (title, weights) in zip(axes, drawn_by.items()):
        for (name, values), style, colour in zip(weights.items(), ("-", "--"), (COLOUR_A, COLOUR_B)):
            heights, edges = torch.histogram(values, bins=60, range=(-0.1, 0.1), density=True)
            axis.stairs(heights, edges, color=colour, linestyle=style, linewidth=1.5, label=name)
        axis.set(title=title, xlabel="weight", xticks=[-0.1, 0, 0.1])
    axes[0].set(ylabel="density")
    axes[-1].legend(frameon=False)
    return figure
