"""The pictures of the games in the plane: the widgets redraw them at every click, the static twins draw them once."""

import io

import torch
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.patheffects import withStroke
from torch import Tensor

from minicyclegan.widgets.figures import COLOUR_B, COLOUR_FAKE, COLOUR_GREY
from minicyclegan.widgets.toy_game import HALF, Cycle, Game, push, surface

# From "fake" over undecided to "real": dark to light, so that it also reads in grey; pale, so that points stand out.
OPINION = LinearSegmentedColormap.from_list("opinion", ["#9C8FBF", "#D9D4E6", "#FBF7E6"])
SECTIONS = 8  # cloud A is cut into this many pieces along its length, each with a colour and a digit
SECTION_COLOURS = ("#000000", "#0072B2", "#56B4E9", "#009E73", "#8A8A00", "#E69F00", "#D55E00", "#CC79A7")
EXTENT = (-HALF, HALF, -HALF, HALF)


def to_png(figure: Figure) -> bytes:
    """A figure as PNG, compressed quickly rather than well."""
    buffer = io.BytesIO()
    figure.savefig(
        buffer,
        format="png",
        dpi=90,
        facecolor="white",
        metadata={"Software": None},
        pil_kwargs={"compress_level": 1},
    )
    return buffer.getvalue()


def draw_surface(axis: Axes, discriminator, mode: str, title: str) -> None:
    """A discriminator's opinion as the background of one plane, with a line where it is undecided."""
    opinion = surface(discriminator, mode).numpy()
    axis.imshow(
        opinion, extent=EXTENT, origin="lower", cmap=OPINION, vmin=0, vmax=1, interpolation="bilinear"
    )
    if opinion.min() < 0.5 < opinion.max():
        axis.contour(
            opinion, [0.5], extent=EXTENT, origin="lower", colors="black", linewidths=0.8, linestyles=":"
        )
    axis.set(xlim=(-HALF, HALF), ylim=(-HALF, HALF), xticks=[], yticks=[], aspect="equal")
    axis.set_title(title, fontsize=10)
    axis.spines[:].set_visible(False)


def draw_lines(axis: Axes, start: Tensor, end: Tensor, colour: str, width: float) -> None:
    axis.add_collection(
        LineCollection(torch.stack([start, end], 1).numpy(), colors=colour, linewidths=width, zorder=2)
    )


def draw_game(axis: Axes, game: Game, title: str, arrows: int = 60) -> None:
    """D's opinion, real points, fakes with a trail from where they were before, and where D would push the first `arrows`.

    An arrow is minus the gradient of G's loss; the long ones of a picture are drawn 0.7 long, the others in proportion.
    """
    draw_surface(axis, game.discriminator, game.mode, title)
    fakes = game.fakes()
    pushes = push(game.discriminator, fakes, game.mode)
    pushes = pushes * (0.7 / pushes.norm(dim=1).quantile(0.9).clamp(min=1e-9))
    pushes = pushes * (1 / pushes.norm(dim=1, keepdim=True).clamp(min=1e-9)).clamp(max=1)  # outliers end at 1
    axis.scatter(*game.real.T, s=16, marker="o", color=COLOUR_B, edgecolor="black", linewidth=0.3)
    if game.before is not None:
        draw_lines(axis, game.before, fakes, COLOUR_GREY, 0.6)
    axis.quiver(
        *fakes[:arrows].T,
        *pushes[:arrows].T,
        color="black",
        angles="xy",
        scale_units="xy",
        scale=1,
        width=0.0035,
        zorder=3,
    )
    axis.scatter(*fakes.T, s=22, marker="^", color=COLOUR_FAKE, edgecolor="white", linewidth=0.4, zorder=4)


def dot(marker: str, colour: str, label: str) -> Line2D:
    return Line2D(
        [], [], linestyle="", marker=marker, markersize=6, color=colour, markeredgecolor="black", label=label
    )


BACKGROUND = [
    Patch(facecolor=OPINION(1.0), edgecolor=COLOUR_GREY, label="D: real"),
    Line2D([], [], color="black", linestyle=":", linewidth=1, label="D: undecided"),
    Patch(facecolor=OPINION(0.0), edgecolor=COLOUR_GREY, label="D: fake"),
]
POINTS = [
    dot("o", COLOUR_B, "real"),
    dot("^", COLOUR_FAKE, "fake"),
    Line2D(
        [], [], linestyle="", marker=r"$\rightarrow$", markersize=12, color="black", label="where D pushes it"
    ),
    Line2D([], [], color=COLOUR_GREY, linewidth=1, label="its last move"),
]
GAME_LEGEND = [*POINTS, *BACKGROUND]
CYCLE_LEGEND = [
    dot("s", "white", "x, a point of A"),
    dot("^", "white", "in plane A: F(G(x)), in plane B: G(x)"),
    dot("o", "white", "a point of B"),
    Line2D([], [], color="black", linewidth=1, label="in plane A: error of the cycle"),
    Line2D([], [], color=COLOUR_GREY, linewidth=1, label="in plane B: from x to G(x)"),
    *BACKGROUND,
]


def steps(game: Game | Cycle) -> str:
    return f"D {game.steps_d} steps, G {game.steps_g} steps"


def game_figure(game: Game) -> tuple[Figure, str]:
    """The game as it stands, and the same in a sentence."""
    figure = Figure(figsize=(6.6, 4.6))
    draw_game(figure.add_axes((0.005, 0.01, 0.69, 0.93)), game, steps(game))
    figure.legend(
        handles=GAME_LEGEND, frameon=False, fontsize=9, loc="center left", bbox_to_anchor=(0.7, 0.5)
    )
    return figure, game_text(game)


def game_text(game: Game) -> str:
    found = game.measure()
    return (
        f"{steps(game)}. D's opinion, 1 is real: {found['real']:.2f} of real points, {found['fake']:.2f} of fakes. "
        f"The clouds are {found['distance']:.2f} apart; {found['coverage']:.0%} of the real points have a fake nearby."
    )


def draw_sections(axis: Axes, points: Tensor, along: Tensor, marker: str, digits: bool = True) -> None:
    """Points of A, or what became of them, coloured by where on A they began; a digit marks where most of a section is."""
    section = (along * SECTIONS).long().clamp(max=SECTIONS - 1)
    colours = [SECTION_COLOURS[k] for k in section.tolist()]
    axis.scatter(*points.T, s=18, marker=marker, c=colours, edgecolor="white", linewidth=0.4, zorder=4)
    for k in range(SECTIONS if digits else 0):
        own = points[section == k]
        if len(own):
            x, y = own[torch.cdist(own, own).sum(1).argmin()].tolist()
            text = axis.text(x, y, str(k + 1), fontsize=12, weight="bold", ha="center", va="center", zorder=6)
            text.set(color=SECTION_COLOURS[k], path_effects=[withStroke(linewidth=3, foreground="white")])


def draw_home(axis: Axes, cycle: Cycle, title: str) -> None:
    """The plane of A: x, F(G(x)), and between them a line, the error of the cycle."""
    draw_surface(axis, cycle.d_a, cycle.mode, title)
    returned = cycle.returned()
    draw_lines(axis, cycle.a, returned, "black", 0.5)
    draw_sections(axis, cycle.a, cycle.along, "s")
    draw_sections(axis, returned, cycle.along, "^", digits=False)


def draw_away(axis: Axes, cycle: Cycle, title: str, followed: int = 24) -> None:
    """The plane of B: its points, G(x) in the colour of x, and lines from where the first `followed` x were in A's plane."""
    draw_surface(axis, cycle.d_b, cycle.mode, title)
    fakes = cycle.fakes()
    axis.scatter(*cycle.b.T, s=14, marker="o", facecolor="white", edgecolor="black", linewidth=0.6)
    draw_lines(axis, cycle.a[:followed], fakes[:followed], COLOUR_GREY, 0.6)
    draw_sections(axis, fakes, cycle.along, "^")


def cycle_figure(cycle: Cycle) -> tuple[Figure, str]:
    """The two planes side by side as they stand, and the same in a sentence."""
    figure = Figure(figsize=(8.4, 4.9))
    draw_home(figure.add_axes((0.005, 0.11, 0.49, 0.84)), cycle, "A, and where F(G(x)) comes home to")
    draw_away(
        figure.add_axes((0.505, 0.11, 0.49, 0.84)),
        cycle,
        f"B, and where G(x) goes; lambda_cycle {cycle.lambda_cycle:g}",
    )
    figure.legend(handles=CYCLE_LEGEND, frameon=False, fontsize=8, loc="lower center", ncols=4)
    return figure, cycle_text(cycle)


def cycle_text(cycle: Cycle) -> str:
    found = cycle.measure()
    return (
        f"{steps(cycle)}, lambda_cycle {cycle.lambda_cycle:g}. Cycle error: F(G(x)) lies {found['cycle']:.2f} from x on average. "
        f"Match: G(A) and B are {found['distance']:.2f} apart; {found['coverage']:.0%} of B has a fake nearby. "
        f"Beside a point of G(A), {found['strangers']:.0%} come from far away in A."
    )


def game_twin(rounds: int = 800, **options) -> tuple[Figure, dict[str, dict[str, float]]]:
    """What a player of the game sees first: start, after 200 steps of D, after 200 of G, after a game of `rounds`.

    `options` are those of Game. Also the measures of each panel, by its name.
    """
    game, facts = Game(**options), {}
    figure = Figure(figsize=(10.4, 3.3))

    def panel(name: str, place: int) -> None:
        axis = figure.add_axes((0.003 + place * 0.2495, 0.13, 0.245, 0.78))
        draw_game(axis, game, name)
        facts[name] = game.measure()

    panel("at the start", 0)
    game.step_d(200)
    panel("200 steps of D alone", 1)
    game.step_g(200)
    panel("then 200 of G alone", 2)
    game = Game(**options)
    game.rounds(rounds)
    game.before = None
    panel(f"a new game, {rounds} rounds", 3)
    figure.legend(handles=GAME_LEGEND, frameon=False, fontsize=9, loc="lower center", ncols=7)
    return figure, facts


def cycle_twin(rounds: int = 800, **options) -> tuple[Figure, dict[float, dict[str, float]]]:
    """The two planes after `rounds`, a column each for lambda_cycle 0, 1 and 10; all begin with the same networks.

    `options` are those of Cycle. Also the measures of each column, by its lambda_cycle.
    """
    facts = {}
    figure = Figure(figsize=(10.4, 7.6))
    for column, weight in enumerate((0.0, 1.0, 10.0)):
        cycle = Cycle(lambda_cycle=weight, **options)
        cycle.rounds(rounds)
        for draw, bottom, title in ((draw_away, 0.54, "B, and G(x)"), (draw_home, 0.08, "A, and F(G(x))")):
            axis = figure.add_axes((0.003 + column * 0.3325, bottom, 0.328, 0.43))
            draw(axis, cycle, f"lambda_cycle {weight:g}: {title}")
        facts[weight] = cycle.measure()
    figure.legend(handles=CYCLE_LEGEND, frameon=False, fontsize=9, loc="lower center", ncols=4)
    return figure, facts
