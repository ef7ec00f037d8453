"""The figures of notebook 04: how losses slope, what the best discriminator says, where fakes slide, the game in the plane."""

import matplotlib.pyplot as plt
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from minicyclegan.widgets.figures import COLOUR_B, COLOUR_FAKE, COLOUR_GREY
from minicyclegan.widgets.toy_figures import BACKGROUND, POINTS, draw_surface
from minicyclegan.widgets.toy_game import push

# Each loss of a generator has its own look; blue, orange and green are taken: domain A, domain B, fakes.
LOOKS = {
    "minimax": {"color": COLOUR_GREY, "linestyle": ":"},
    "non-saturating": {"color": "#CC79A7", "linestyle": "-"},
    "least squares": {"color": "black", "linestyle": "--"},
}


def loss_and_slope_figure(curves: dict[str, tuple[Tensor, Tensor, Tensor]]) -> Figure:
    """`curves` has scores, losses and slopes of each loss, by its name. Cross-entropy stands left, least squares right."""
    figure, axes = plt.subplots(2, 2, figsize=(8, 4.6), layout="constrained", sharex="col")
    for name, (scores, losses, slopes) in curves.items():
        column = int(name == "least squares")
        axes[0, column].plot(scores, losses, label=name, **LOOKS[name])
        axes[1, column].plot(scores, slopes, label=name, **LOOKS[name])
    for axis in axes.flat:
        axis.axhline(0, color=COLOUR_GREY, linewidth=0.5)
    for column, said in enumerate(({-4.0: "2 %", 0.0: "50 %", 4.0: "98 %"}, {0.0: "fake", 1.0: "real"})):
        for place, word in said.items():
            axes[0, column].axvline(place, color=COLOUR_GREY, linewidth=0.4)
            axes[0, column].text(
                place,
                1.0,
                word,
                transform=axes[0, column].get_xaxis_transform(),
                ha="center",
                va="bottom",
                fontsize=8,
            )
            axes[1, column].axvline(place, color=COLOUR_GREY, linewidth=0.4)
        axes[0, column].legend(frameon=False, fontsize=9)
        axes[1, column].set_xlabel("score of a fake")
    axes[0, 0].set_ylabel("generator's loss")
    axes[1, 0].set_ylabel("its slope")
    return figure


def bump(places: Tensor, middle: float) -> Tensor:
    """The density of a normal distribution of deviation 1."""
    return (-0.5 * (places - middle).square()).exp() / (2 * torch.pi) ** 0.5


def best_discriminator_figure(middles: tuple[float, ...]) -> tuple[Figure, list[float]]:
    """p and q on a line, and p / (p + q), for fakes around each of `middles` and real points around 2.

    Also what the best discriminator says at 2, where most of the real points lie.
    """
    places = torch.linspace(-6, 6, 241)
    figure, axes = plt.subplots(1, len(middles), figsize=(9, 2.5), layout="constrained", sharey=True)
    said = []
    for axis, middle in zip(axes, middles):
        real, fake = bump(places, 2.0), bump(places, middle)
        axis.fill_between(places, real, color=COLOUR_B, alpha=0.45, linewidth=0, label="p, real")
        axis.fill_between(places, fake, color=COLOUR_FAKE, alpha=0.45, linewidth=0, label="q, fake")
        axis.plot(places, real / (real + fake), color="black", label="best D")
        axis.axhline(0.5, color=COLOUR_GREY, linewidth=0.6, linestyle=":")
        axis.set(title=f"fakes around {middle:g}", ylim=(0, 1.05), xlabel="x")
        said.append(
            (
                bump(torch.tensor(2.0), 2.0)
                / (bump(torch.tensor(2.0), 2.0) + bump(torch.tensor(2.0), middle))
            ).item()
        )
    axes[0].legend(frameon=False, fontsize=8, loc="upper left")
    return figure, said


def slides_figure(paths: dict[str, Tensor], real: float = 2.0) -> Figure:
    """Where fakes on a line go, (steps, fakes) for each loss by its name; the real points lie around `real`."""
    figure, axes = plt.subplots(1, len(paths), figsize=(9, 3), layout="constrained", sharey=True)
    for axis, (name, path) in zip(axes, paths.items()):
        axis.axhspan(real - 0.6, real + 0.6, color=COLOUR_B, alpha=0.35, linewidth=0)
        axis.plot(path, color=COLOUR_FAKE, linewidth=1)
        axis.scatter([0] * path.shape[1], path[0], s=12, color=COLOUR_FAKE, zorder=3)
        axis.scatter(
            [len(path) - 1] * path.shape[1],
            path[-1],
            s=22,
            marker="^",
            color=COLOUR_FAKE,
            edgecolor="black",
            linewidth=0.4,
            zorder=3,
        )
        axis.set(title=name, xlabel="step", ylim=(-11.5, 15))
    axes[0].set_ylabel("place of the fake")
    axes[0].text(0.98, real, "real", ha="right", va="center", transform=axes[0].get_yaxis_transform())
    return figure


def draw_game(game, axis: Axes, title: str, real: Tensor) -> None:
    """D's opinion as background, real points, fakes, and arrows: where the generator's loss pushes each fake.

    `game` has a `discriminator`, its `mode` and `fakes(n)`. Colours and marks are those of the game to play by hand.
    """
    draw_surface(axis, game.discriminator, game.mode, title)
    axis.scatter(*real.T, s=8, color=COLOUR_B, edgecolor="black", linewidth=0.3)
    fakes = game.fakes(60).detach()
    pushes = push(game.discriminator, fakes, game.mode)
    pushes = pushes / pushes.norm(dim=1, keepdim=True).clamp(min=1e-9) * 0.45
    axis.quiver(
        *fakes.T, *pushes.T, color="black", angles="xy", scale_units="xy", scale=1, width=0.0035, zorder=3
    )
    axis.scatter(*fakes.T, s=20, marker="^", color=COLOUR_FAKE, edgecolor="white", linewidth=0.4, zorder=4)


def game_legend(figure: Figure) -> None:
    """What the colours of `draw_game` mean, below its panels."""
    real, fake, arrow, _ = POINTS
    handles = [real, fake, arrow, *BACKGROUND]
    figure.legend(handles=handles, loc="outside lower center", ncols=6, frameon=False, fontsize=9)
