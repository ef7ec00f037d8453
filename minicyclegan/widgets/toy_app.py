"""The games in the plane, to click on: one player at a time, slow motion, two maps and the cycle between two clouds."""

import functools
import html

import ipywidgets
from traitlets import Unicode

from minicyclegan.errors import printable
from minicyclegan.widgets.names import spoken_names
from minicyclegan.widgets.toy_figures import cycle_figure, game_figure, to_png
from minicyclegan.widgets.toy_game import CLOUDS, MODES, RATE, SOURCES, Cycle, Game

RATES = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02)
LAMBDAS = (0, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50)
QUICK, SLOW = 200, 1200  # ms from picture to picture
ROUNDS = 10  # from picture to picture, except in slow motion
ROW = {"flex_flow": "row wrap", "align_items": "center"}


class Picture(ipywidgets.Image):
    """An image with a name for readers who cannot see it: its tooltip, for ipywidgets images have no alt text.

    ipywidgets 8.1 fails on the tooltip of anything without a description, and an image has none: hence an empty one.
    """

    description = Unicode("").tag(sync=True)


def choice(options, value, name: str) -> ipywidgets.Dropdown:
    return ipywidgets.Dropdown(
        options=options,
        value=value,
        description=name,
        layout={"width": "230px"},
        style={"description_width": "90px"},
    )


def scale(options, value, name: str) -> ipywidgets.SelectionSlider:
    return ipywidgets.SelectionSlider(
        options=[(f"{option:g}", option) for option in options],
        value=value,
        description=name,
        layout={"width": "300px"},
        style={"description_width": "110px"},
    )


def button(name: str, tip: str, click) -> ipywidgets.Button:
    made = ipywidgets.Button(description=name, tooltip=tip, layout={"width": "auto"})
    made.on_click(lambda _: click())
    return made


def guarded(method):
    """Every error of a click becomes one line in the app, and the play stops; a traceback would be lost."""

    @functools.wraps(method)
    def run(self, *arguments):
        try:
            method(self, *arguments)
        except Exception as error:  # whatever it is, the student must see it and be able to go on
            self.play.playing = False
            self.tell(f"Error: {error} ({type(error).__name__}); press Start anew")

    return run


class PlaneApp(ipywidgets.VBox):
    """A game with its controls above its picture. What a click does is a method; `game` is the state.

    `fresh` are controls whose change begins a new game, by the name of the argument of `make`; `live` are controls
    that act immediately, by the name of the attribute of the game. `draw(game)` gives a figure and its sentence.
    """

    def __init__(self, fresh: dict, live: dict, make, draw, title: str):
        self.fresh, self.live, self.make, self.draw, self.title = fresh, live, make, draw, title
        self.last, self.turn = "", "D"
        self.size = choice((1, 10, 100), 10, "steps at once")
        self.step_d_button = button("step D", "D learns, G stands still", lambda: self.move("D"))
        self.step_g_button = button("step G", "G learns, D stands still", lambda: self.move("G"))
        self.rounds_button = button(f"{ROUNDS} rounds", "D and G in turn", lambda: self.move("both"))
        self.reset_button = button("Start anew", "the same seed gives the same game again", self.reset)
        # Play is the clock, in the browser and without a thread; its own buttons have no text, so it stays out of sight.
        self.play = ipywidgets.Play(interval=QUICK, max=10**6, layout={"display": "none"})
        self.play_button = ipywidgets.ToggleButton(description="Play", layout={"width": "auto"})
        self.slow = ipywidgets.Checkbox(description="slow motion", indent=False, layout={"width": "auto"})
        self.picture = Picture(
            format="png",
            layout={"align_self": "flex-start", "max_width": "100%"},
            tooltip="The game; the line below tells it in words",
        )
        self.status = ipywidgets.HTML(layout={"max_width": "760px"})
        moves = [self.step_d_button, self.step_g_button, self.size, self.rounds_button]
        clock = [self.play_button, self.slow, self.reset_button, self.play]
        rows = [[*fresh.values()], [*live.values()], moves, clock]
        boxes = [ipywidgets.HBox(row, layout=ROW) for row in rows]
        super().__init__([*boxes, self.picture, self.status, spoken_names()])
        for control in fresh.values():
            control.observe(lambda change: self.reset(), "value")
        for control in live.values():
            control.observe(lambda change: self.set_live(), "value")
        self.play.observe(lambda change: self.tick(), "value")
        self.play.observe(lambda change: self.show_clock(), "playing")
        self.play_button.observe(lambda change: self.set_clock(change.new), "value")
        self.slow.observe(
            lambda change: setattr(self.play, "interval", SLOW if change.new else QUICK), "value"
        )
        self.reset()

    def _repr_mimebundle_(self, **options):
        """Where no widgets are shown, one plain sentence stands for the app."""
        bundle = super()._repr_mimebundle_(**options)
        bundle["text/plain"] = self.title
        return bundle

    def tell(self, text: str) -> None:
        """Show one line; a screen reader is told of it, but not of every picture of a film."""
        live = "off" if self.play.playing else "polite"
        self.status.value = (
            f'<p aria-live="{live}" style="margin:0;line-height:1.4">{html.escape(printable(text))}</p>'
        )

    def show(self) -> None:
        figure, text = self.draw(self.game)
        self.picture.value = to_png(figure)
        self.tell(f"{self.last} {text}".strip())

    @guarded
    def reset(self) -> None:
        """A new game with the seed and the clouds that are set."""
        self.play.playing = False
        self.game = self.make(**{name: control.value for name, control in self.fresh.items()})
        self.last, self.turn = "A new game.", "D"
        self.set_live()

    @guarded
    def set_live(self) -> None:
        """Hand learning rates and weights to the running game."""
        for name, control in self.live.items():
            setattr(self.game, name, control.value)
        if not self.play.playing:  # otherwise the next picture comes in a moment
            self.show()

    @guarded
    def move(self, who: str) -> None:
        """One player learns ("D" or "G", as many steps as are set), or both in turn ("both", ROUNDS rounds)."""
        times = self.size.value
        if who == "both":
            self.game.rounds(ROUNDS)
            self.last = ""
        else:
            (self.game.step_d if who == "D" else self.game.step_g)(times)
            self.last = (
                f"{who} has learned, {times} {'step' if times == 1 else 'steps'}; the other stood still."
            )
            self.turn = "G" if who == "D" else "D"
        self.show()

    def tick(self) -> None:
        """The next picture of the film; in slow motion it is one player's turn."""
        self.move(self.turn if self.slow.value else "both")

    def set_clock(self, running: bool) -> None:
        self.play.playing = running

    def show_clock(self) -> None:
        """The button says what pressing it would do, for readers who do not see whether it is down."""
        running = self.play.playing
        self.play_button.value = running
        self.play_button.description = "Pause" if running else "Play"
        if not running and self.picture.value:
            self.show()


def shared_controls() -> tuple[dict, dict]:
    """What both games let you choose: `fresh` and `live` controls."""
    seed = ipywidgets.BoundedIntText(
        0, min=0, max=9999, description="seed", layout={"width": "170px"}, style={"description_width": "60px"}
    )
    fresh = {"mode": choice(MODES, "lsgan", "criterion"), "seed": seed}
    return fresh, {
        "lr_d": scale(RATES, RATE, "learning rate D"),
        "lr_g": scale(RATES, RATE, "learning rate G"),
    }


def game_in_the_plane() -> PlaneApp:
    """A generator turns noise, or another cloud, into points; a discriminator colours the plane; each learns at your click."""
    fresh, live = shared_controls()
    fresh = {
        "real": choice(CLOUDS, "eight blobs", "real cloud"),
        "source": choice(SOURCES, "noise", "G begins with"),
    } | fresh
    title = "The game in the plane: let D or G learn one step at a time, or watch them play"
    return PlaneApp(fresh, live, Game, game_figure, title)


def cycle_in_the_plane() -> PlaneApp:
    """Two clouds, two maps and the way back: lambda_cycle can be moved while G, F and their discriminators learn."""
    fresh, live = shared_controls()
    fresh = {"a": choice(CLOUDS, "two moons", "cloud A"), "b": choice(CLOUDS, "ring", "cloud B")} | fresh
    live = {"lambda_cycle": scale(LAMBDAS, 0, "lambda_cycle")} | live
    title = "The cycle in the plane: two clouds, the maps between them, and lambda_cycle on a slider"
    return PlaneApp(fresh, live, Cycle, cycle_figure, title)
