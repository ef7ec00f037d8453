"""Figures of notebook 08b: how often a discriminator is right, and what noise does to the way back."""

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from minicyclegan.widgets.figures import COLOUR_B, COLOUR_FAKE, COLOUR_GREY


def accuracy_curves(runs: dict[str, list[dict]], limit: float, window: int = 20) -> Figure:
    """How often each run's two discriminators are right, smoothed; `runs` maps a name to its records of every step.

    The share is the mean over real and fake patches of both domains. `limit` is drawn as a line, and so is guessing.
    """
    names = [f"accuracy_{kind}_{domain}" for kind in ("real", "fake") for domain in "ab"]
    figure, axis = plt.subplots(figsize=(6.5, 2.8), layout="constrained")
    # Neither blue nor orange: both domains are in each curve
    for (label, records), colour, style in zip(runs.items(), ("#D55E00", "black"), ("-", "--")):
        shares = [sum(record[name] for name in names) / len(names) for record in records]
        windows = [shares[max(0, k - window) : k + 1] for k in range(len(shares))]
        smooth = [sum(part) / len(part) for part in windows]
        axis.plot([k / len(smooth) for k in range(len(smooth))], smooth, style, color=colour, label=label)
    for height, words in ((0.5, "guessing"), (limit, "the limit")):
        axis.axhline(height, color=COLOUR_GREY, linewidth=0.8)
        axis.text(1.01, height, words, color=COLOUR_GREY, va="center", fontsize=9)
    axis.set(xlabel="share of the training", ylabel="D is right", xlim=(0, 1), ylim=(0.3, 1.02))
    axis.legend(frameon=False, loc="lower right")
    return figure


def noise_curves(noises, errors: dict[str, list[float]]) -> Figure:
    """L1 of the way back against the noise put on what it starts from, one curve for each name in `errors`."""
    figure, axis = plt.subplots(figsize=(6.5, 2.8), layout="constrained")
    for (label, values), colour, style in zip(errors.items(), (COLOUR_FAKE, COLOUR_B), ("-", "--")):
        axis.plot([100 * noise for noise in noises], values, style, marker="o", color=colour, label=label)
    top = 1.15 * max(max(values) for values in errors.values())
    axis.set(xlabel="noise, % of the range", ylabel="L1 of the summer", ylim=(0, top))
    axis.legend(frameon=False, loc="lower left")
    return figure
