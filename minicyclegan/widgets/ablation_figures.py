"""The figures of notebook 09, drawn from the lines of a sweep's table (dicts of text, as csv.DictReader reads them)."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from minicyclegan.widgets.figures import COLOUR_A, COLOUR_B, COLOUR_GREY

# The colour of a direction is that of the domain it leads to, as on the board and the slider
DIRECTIONS = (("held_out_ab", "A to B", COLOUR_B, "o", -0.18), ("held_out_ba", "B to A", COLOUR_A, "s", 0.18))


def every_axis(table: list[dict], doing_nothing: float) -> Figure:
    """One panel for each parameter of the sweep: mean held-out errors, large, and the single runs beside them, small."""
    names = list(dict.fromkeys(line["axis"] for line in table))
    groups = [[line for line in table if line["axis"] == name] for name in names]
    figure, panels = plt.subplots(
        1,
        len(names),
        figsize=(10, 3.6),
        sharey=True,
        width_ratios=[len(group) + 0.5 for group in groups],
        layout="constrained",
    )
    for panel, name, lines in zip(panels, names, groups):
        for x, line in enumerate(lines):
            if line["base"] == "True":
                panel.axvspan(x - 0.45, x + 0.45, color="#EEEEEE", zorder=0)
            for key, _, colour, mark, shift in DIRECTIONS:
                mean, low, high = (float(line[f"{key}_{kind}"]) for kind in ("mean", "min", "max"))
                panel.plot([x + shift], [mean], color=colour, marker=mark, markersize=7)
                # Beside the large mark, which would hide them
                aside = x + shift + np.sign(shift) * 0.16
                panel.plot([aside] * 2, [low, high], color=colour, marker=".", markersize=4, linewidth=1)
        panel.axhline(doing_nothing, color=COLOUR_GREY, linestyle="--", linewidth=1)
        panel.set(title=name, xlim=(-0.6, len(lines) - 0.4), yscale="log")
        panel.set_xticks(range(len(lines)), [line["value"] for line in lines], fontsize=9)
    ticks = [0.02, 0.03, 0.05, 0.1, 0.2, 0.3]
    panels[0].set_yticks(ticks, [f"{tick:g}" for tick in ticks])
    panels[0].minorticks_off()
    panels[0].set_ylabel("held-out error")
    for _, label, colour, mark, _ in DIRECTIONS:
        panels[-1].plot([], [], color=colour, marker=mark, linestyle="", label=label)
    panels[-1].plot([], [], color=COLOUR_GREY, linestyle="--", linewidth=1, label="doing nothing")
    figure.legend(*panels[-1].get_legend_handles_labels(), loc="outside lower center", ncols=3, frameon=False)
    return figure


def there_and_back(lines: list[dict]) -> Figure:
    """Left the mean error of the round trips, right that of the translations, for the values of one parameter."""
    figure, panels = plt.subplots(1, 2, figsize=(8, 2.8), layout="constrained")
    for panel, title, keys in (
        (panels[0], "there and back", {"cycle_b": "B, A, B", "cycle_a": "A, B, A"}),
        (panels[1], "there, against the truth", {"held_out_ab": "A to B", "held_out_ba": "B to A"}),
    ):
        for (key, label), (_, _, colour, mark, _) in zip(keys.items(), DIRECTIONS):
            panel.plot([float(line[f"{key}_mean"]) for line in lines], color=colour, marker=mark, label=label)
        panel.set(title=title, xlabel=lines[0]["axis"], ylim=(0, None))
        panel.set_xticks(range(len(lines)), [line["value"] for line in lines])
        panel.legend(frameon=False, fontsize=9)
    panels[0].set_ylabel("mean error")
    return figure


def strips(rows: dict[str, np.ndarray]) -> Figure:
    """Named rows of pictures, each (side, 2 * width, 3 or 4): the left half is A to B, the right half B to A."""
    figure, panels = plt.subplots(len(rows), 2, figsize=(7.6, 1.05 * len(rows)), layout="constrained")
    figure.get_layout_engine().set(w_pad=0.02, h_pad=0.01, wspace=0.01, hspace=0)
    for (name, strip), pair in zip(rows.items(), panels):
        for panel, part in zip(pair, np.split(strip, 2, axis=1)):
            panel.imshow(part, interpolation="nearest")
            panel.set(xticks=[], yticks=[])
            panel.spines[:].set_visible(False)
        pair[0].set_ylabel(name, rotation=0, ha="right", va="center", fontsize=9)
    panels[0, 0].set_title("A to B")
    panels[0, 1].set_title("B to A")
    return figure
