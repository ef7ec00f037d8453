"""The two figures of notebook 11: one network against two, and which pictures a discriminator calls real."""

import matplotlib.pyplot as plt
import torch
from matplotlib.figure import Figure
from torch import Tensor, nn

from minicyclegan.widgets.figures import COLOUR_A, COLOUR_B, COLOUR_GREY


@torch.no_grad()
def one_and_two_networks(numbers_a: Tensor, one: list[nn.Module], two: list[nn.Module]) -> Figure:
    """What one network and two networks answer to numbers (N, 1) and to numbers one higher, over the wanted answers."""
    figure, axes = plt.subplots(1, 2, figsize=(7, 2.9), layout="constrained", sharey=True)
    numbers_b = numbers_a + 1
    for axis, networks, title in zip(axes, (one, two), ("one network both ways", "two networks")):
        axis.plot(numbers_a, numbers_b, color=COLOUR_GREY, linewidth=5, alpha=0.4, label="wanted")
        axis.plot(numbers_b, numbers_a, color=COLOUR_GREY, linewidth=5, alpha=0.4)
        axis.plot(numbers_a, networks[0](numbers_a), color=COLOUR_A, label="A to B")
        axis.plot(numbers_b, networks[-1](numbers_b), color=COLOUR_B, linestyle="--", label="B to A")
        axis.set(title=title, xlabel="input")
    axes[0].set_ylabel("output")
    axes[1].legend(frameon=False, fontsize=9)
    return figure


def called_real(answers: dict[str, tuple[float, float]]) -> Figure:
    """Bars: for each kind of picture the share, from 0 to 1, that the article's discriminator and the repaired one call real."""
    figure, axis = plt.subplots(figsize=(7, 2.7), layout="constrained")
    for i, (label, colour, hatch) in enumerate(
        (("the article's D", COLOUR_GREY, "//"), ("D_B, repaired", COLOUR_B, ""))
    ):
        places, shares = (
            [k + 0.38 * i for k in range(len(answers))],
            [100 * pair[i] for pair in answers.values()],
        )
        bars = axis.bar(places, shares, 0.36, color=colour, hatch=hatch, edgecolor="white", label=label)
        axis.bar_label(bars, fmt="%.0f %%", fontsize=8)
    ticks = [k + 0.19 for k in range(len(answers))]
    axis.set(xticks=ticks, xticklabels=list(answers), ylabel="called real (%)", ylim=(0, 115))
    axis.legend(frameon=False, fontsize=9, loc="upper left", bbox_to_anchor=(1, 1))
    return figure
