"""The figures of notebook 12: patches and where they come from, features of five depths, and three methods side by side."""

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor

from minicyclegan.widgets.ablation_figures import DIRECTIONS
from minicyclegan.widgets.figures import COLOUR_A, COLOUR_B, COLOUR_GREY

LETTERS = "ABCDEFGH"


def as_pixels(picture: Tensor) -> np.ndarray:
    """A picture (3, H, W) in [-1, 1] as matplotlib wants it."""
    return ((picture + 1) / 2).clamp(0, 1).permute(1, 2, 0).numpy()


def bare(axis, title: str = "") -> None:
    axis.set(xticks=[], yticks=[])
    axis.set_title(title, fontsize=10)
    axis.spines[:].set_visible(False)


def whose_patch(fake: Tensor, real: Tensor, own: int, places: list[tuple[int, int]], side: int) -> Figure:
    """One patch of a translation, and lettered patches of its input at `places` (row, column); number `own` is at the same place."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(7.2, 3.6), layout="constrained")
    y, x = places[own]
    left.imshow(as_pixels(fake[:, y : y + side, x : x + side]), interpolation="nearest")
    bare(left, "a patch of a translation")
    right.imshow(as_pixels(real), interpolation="nearest")
    for letter, (y, x) in zip(LETTERS, places):
        right.add_patch(
            Rectangle((x - 0.5, y - 0.5), side, side, fill=False, edgecolor="black", linewidth=2.5)
        )
        right.add_patch(
            Rectangle((x - 0.5, y - 0.5), side, side, fill=False, edgecolor="white", linewidth=1.2)
        )
        right.text(x + side / 2 - 0.5, y + side / 2 - 0.5, letter, ha="center", va="center", fontsize=10,
                   bbox={"facecolor": "white", "edgecolor": "none", "pad": 1, "alpha": 0.85})  # fmt: skip
    bare(right, "its input, and places that it may come from")
    return figure


def three_colours(features: Tensor) -> np.ndarray:
    """Features (C, h, w) as a picture: their three directions of largest spread as red, green and blue."""
    flat = features.flatten(1).T.double()
    flat = flat - flat.mean(0)
    _, _, directions = torch.linalg.svd(flat, full_matrices=False)
    found = flat @ directions[:3].T
    found = found * torch.where(
        found.pow(3).sum(0) < 0, -1.0, 1.0
    )  # the sign of a direction is anybody's choice
    low, high = found.quantile(0.02, dim=0), found.quantile(0.98, dim=0)
    found = ((found - low) / (high - low).clamp(min=1e-9)).clamp(0, 1)
    return found.T.reshape(3, *features.shape[1:]).permute(1, 2, 0).numpy()


def depths(features: list[Tensor], names: list[str]) -> Figure:
    """What an encoder makes of one picture: `features` (C, h, w) each, the first being the picture."""
    figure, panels = plt.subplots(1, len(features), figsize=(2 * len(features), 2.5), layout="constrained")
    for axis, x, name in zip(panels, features, names):
        axis.imshow(as_pixels(x) if len(x) == 3 else three_colours(x), interpolation="nearest")
        bare(axis, name)
    return figure


def two_losses(chance, perfect, patches: int, at: float) -> Figure:
    """The contrast of one who guesses and of one who is perfect, for temperatures from 0.02 to 2; a line at `at`."""
    temperatures = np.geomspace(0.02, 2, 200)
    figure, axis = plt.subplots(figsize=(6.4, 2.8), layout="constrained")
    axis.plot(temperatures, [chance(patches)] * 200, color=COLOUR_GREY, linestyle="--", label="guessing")
    axis.plot(temperatures, [perfect(patches, t) for t in temperatures], color=COLOUR_A, label="perfect")
    axis.axvline(at, color=COLOUR_B, linewidth=1.2, label=f"the paper's temperature, {at:g}")
    axis.set(xscale="log", xlabel="temperature", ylabel=f"contrast of {patches} patches", ylim=(0, None))
    axis.set_xticks([0.02, 0.07, 0.2, 0.5, 1, 2], ["0.02", "0.07", "0.2", "0.5", "1", "2"])
    axis.minorticks_off()
    axis.legend(frameon=False, fontsize=9, loc="center left")
    return figure


def likeness(real: Tensor, fake: Tensor, places: list[tuple[int, int]], maps: list[Tensor]) -> Figure:
    """For each place (row, column) of a translation, a map (h, w) of how like it each place of the input is; brighter is more."""
    figure, panels = plt.subplots(1, 2 + len(maps), figsize=(2 * (2 + len(maps)), 2.4), layout="constrained")
    for axis, picture, title in ((panels[0], real, "input"), (panels[1], fake, "translation")):
        axis.imshow(as_pixels(picture), interpolation="nearest")
        bare(axis, title)
    for k, ((y, x), values) in enumerate(zip(places, maps)):
        panels[1].plot(x, y, "o", color="white", markeredgecolor="black", markersize=9)
        panels[1].text(x, y, str(k + 1), ha="center", va="center", fontsize=7)
        axis = panels[2 + k]
        axis.imshow(values.numpy(), cmap="viridis", interpolation="nearest", vmin=float(values.min()), vmax=1)
        scale = real.shape[1] / values.shape[0]
        axis.plot((x + 0.5) / scale - 0.5, (y + 0.5) / scale - 0.5, "o", color="none", markeredgecolor="white", markersize=9)  # fmt: skip
        bare(axis, f"like place {k + 1}")
    return figure


def methods(tables: dict[str, tuple[dict, float]]) -> Figure:
    """For each data set a panel: the held-out error of each method's runs, both directions, and the line of doing nothing.

    `tables` gives, for the name of a data set, {method: {"held_out_ab": [errors], "held_out_ba": [errors]}} and the
    error of doing nothing.
    """
    size = (3.6 * len(tables), 3.4)
    figure, panels = plt.subplots(
        1, len(tables), sharey=True, squeeze=False, figsize=size, layout="constrained"
    )
    panels = panels[0]
    names = list(dict.fromkeys(name for rows, _ in tables.values() for name in rows))
    for panel, (data, (rows, nothing)) in zip(panels, tables.items()):
        for name, found in rows.items():
            y = names.index(name)
            for key, _, colour, mark, shift in DIRECTIONS:
                errors = found[key]
                panel.plot(errors, [y + shift] * len(errors), linestyle="", marker=mark, markersize=4, color=colour, alpha=0.6)  # fmt: skip
                panel.plot([np.mean(errors)], [y + shift], marker="|", markersize=14, markeredgewidth=2.5, color=colour)  # fmt: skip
        panel.axvline(nothing, color=COLOUR_GREY, linestyle="--", linewidth=1)
        panel.set(title=data, xlabel="held-out error", ylim=(len(names) - 0.5, -0.5))
        panel.set_yticks(range(len(names)), names)
        panel.tick_params(axis="y", length=0)
    last = panels[-1]
    for _, label, colour, mark, _ in DIRECTIONS:
        last.plot([], [], color=colour, marker=mark, linestyle="", label=label)
    last.plot([], [], color=COLOUR_GREY, linestyle="--", linewidth=1, label="doing nothing")
    figure.legend(*last.get_legend_handles_labels(), loc="outside lower center", ncols=3, frameon=False)
    return figure
