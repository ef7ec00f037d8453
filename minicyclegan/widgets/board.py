"""A board to watch a training run in a notebook: losses, samples, time left, and a stop that can be resumed."""

import base64
import threading
from pathlib import Path

import ipywidgets
from matplotlib.figure import Figure  # not pyplot: the board draws in a different thread from the notebook

from minicyclegan.data import Domains
from minicyclegan.errors import MiniCycleGANError, RunError
from minicyclegan.parameters import Config
from minicyclegan.runs.checkpoint import read_checkpoint
from minicyclegan.runs.folder import read_metrics
from minicyclegan.runs.progress import status_line
from minicyclegan.training import Trainer, train
from minicyclegan.widgets.explorer import Picture
from minicyclegan.widgets.figures import COLOUR_A, COLOUR_B, COLOUR_FAKE

TWIN = (
    "The training board: progress, losses, the latest samples, and a button that stops after the present step"
)


def curves(records: list[dict]):
    """The cycle loss and, where the truth is known, the held-out error, from the records of a metrics.jsonl."""
    figure = Figure(figsize=(7, 2.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    names = {
        "cycle": ("cycle (weighted)", COLOUR_FAKE, "-"),
        "nce": ("contrast (weighted)", COLOUR_FAKE, "-"),
    }
    names |= {"gan_ab": ("generator A to B", COLOUR_B, "--"), "gan_ba": ("generator B to A", COLOUR_A, ":")}
    held_out = {"held_out_ab": ("A to B", COLOUR_B, "-"), "held_out_ba": ("B to A", COLOUR_A, "--")}
    for axis, lines in ((left, names), (right, held_out)):
        for key, (label, colour, style) in lines.items():
            points = [(record["step"], record[key]) for record in records if key in record]
            if points:
                axis.plot(*zip(*points), label=label, color=colour, linestyle=style, marker="o", markersize=2)
        if axis.lines:
            axis.legend(frameon=False, fontsize=9)
        else:
            axis.text(0.5, 0.5, "nothing yet", ha="center", transform=axis.transAxes)
    left.set(xlabel="step", title="losses")
    right.set(xlabel="step", title="held-out L1 error")
    return figure


class TrainingBoard(ipywidgets.VBox):
    """Trains in a thread of its own, so that the button works. `trainer` is the result once `wait()` has returned."""

    def __init__(self, config: Config, domains: Domains, run_dir: str | Path, **options):
        self.config, self.domains, self.run_dir, self.options = config, domains, Path(run_dir), options
        self.trainer = self.error = self.thread = None
        self.stop_event, self.ended, self.sheet = threading.Event(), threading.Event(), None
        self.bar = ipywidgets.IntProgress(0, 0, config.steps, description="step", layout={"width": "420px"})
        self.text, self.pictures = ipywidgets.HTML(), [Picture(), Picture()]
        self.stop_button = ipywidgets.Button(description="Stop after this step", layout={"width": "180px"})
        self.go_button = ipywidgets.Button(description="Go on", layout={"width": "120px"}, disabled=True)
        buttons = ipywidgets.HBox([self.stop_button, self.go_button])
        super().__init__([ipywidgets.HBox([self.bar, buttons]), self.text, *self.pictures])
        self.stop_button.on_click(lambda button: self.stop())
        self.go_button.on_click(lambda button: self.start(resume=True))

    def _repr_mimebundle_(self, **options):
        bundle = super()._repr_mimebundle_(**options)
        bundle["text/plain"] = TWIN
        return bundle

    def tell(self, line: str) -> None:
        """Show one line of text."""
        self.text.value = status_line(line)

    def refresh(self) -> None:
        """Show how far the run is, the curves and the newest samples, from what is in the run folder."""
        metrics = self.run_dir / "metrics.jsonl"
        records = read_metrics(metrics) if metrics.exists() else []
        if records and records[-1]["step"] != self.bar.value:
            self.bar.value = records[-1]["step"]
            self.pictures[0].draw(curves(records), f"Losses and held-out error up to step {self.bar.value}")
        sheets = sorted((self.run_dir / "samples").glob("step_*.png"))
        sheets = [path for path in sheets if path.stem.removeprefix("step_").isdecimal()]  # not "step_20 (1)"
        if sheets and sheets[-1] != self.sheet:
            self.sheet = sheets[-1]
            step = int(self.sheet.stem.removeprefix("step_"))
            alt = f"Samples after step {step}: A, A to B, back to A, B, B to A, back to B"
            source = "data:image/png;base64," + base64.b64encode(self.sheet.read_bytes()).decode()
            style = "height:360px;max-width:100%;object-fit:contain;object-position:left;image-rendering:pixelated"
            self.pictures[1].value = f'<img alt="{alt}" src="{source}" style="{style}"><p>{alt}</p>'

    def watch(self, done: threading.Event) -> None:
        while not done.wait(0.5):
            self.refresh()

    def start(self, resume: bool = False) -> None:
        """Begin, or resume what was stopped, with the same result as without the stop."""
        if self.thread is not None and self.thread.is_alive():
            raise RunError("this board is training already; stop it first")
        self.stop_event.clear()
        self.ended.clear()
        self.error = None
        self.stop_button.disabled, self.go_button.disabled = False, True
        self.thread = threading.Thread(target=self.work, args=(resume,), daemon=True)
        self.thread.start()

    def work(self, resume: bool) -> None:
        done = threading.Event()
        watcher = threading.Thread(target=self.watch, args=(done,), daemon=True)
        watcher.start()
        options = {"log_every": 5} | self.options | {"resume": resume or self.options.get("resume", False)}
        try:
            self.trainer = train(
                self.config, self.domains, self.run_dir, progress=self.tell, stop=self.stop_event, **options
            )
            if self.trainer.step == self.config.steps:
                self.tell(f"done: {self.trainer.step} steps; the checkpoint is {self.run_dir / 'last.pt'}")
        except MiniCycleGANError as error:
            self.error = error
            self.tell(f"Error: {error}")
        except Exception as error:  # a thread's traceback would be lost: keep it for wait()
            self.error = error
            self.tell(f"Error: {type(error).__name__}: {error}")
        finally:
            done.set()
            watcher.join()
            try:
                self.show_end()
            finally:
                self.ended.set()

    def show_end(self) -> None:
        self.refresh()
        if self.trainer is not None:
            self.bar.value = self.trainer.step
        self.stop_button.disabled = True
        unfinished = (self.run_dir / "last.pt").exists() and not self.finished()
        self.go_button.disabled = not unfinished

    def finished(self) -> bool:
        return read_checkpoint(self.run_dir / "last.pt")["step"] == self.config.steps

    def stop(self) -> None:
        """End after the present step and leave a checkpoint to resume from."""
        self.stop_event.set()
        self.tell("stopping after this step ...")

    def wait(self) -> Trainer:
        """Wait for the end or the stop. Raises what the training raised. Jupyter's interrupt stops after the present step."""
        try:  # not thread.join(): when interrupted, it takes a living thread for one that has ended (Python 3.11)
            self.ended.wait()
        except KeyboardInterrupt:
            self.stop()
            self.ended.wait()
            raise
        self.thread.join()
        if self.error is not None:
            raise self.error
        return self.trainer


def training_board(config: Config, domains: Domains, run_dir: str | Path, **options) -> TrainingBoard:
    """A board that starts training immediately; `options` go to `train`. Show it with display(board), or board.wait() for the end."""
    board = TrainingBoard(config, domains, run_dir, **options)
    board.start()
    return board
