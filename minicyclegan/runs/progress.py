"""How far along a long piece of work is: a bar where a person waits, plain lines where a program runs the notebook."""

import html
import os
import re
import sys
import time
from collections.abc import Callable, Iterable, Iterator

from minicyclegan.errors import printable


def someone_looks() -> bool:
    """Whether this runs in a notebook that is open in Jupyter: its server names the session, papermill and nbval do not."""
    return "JPY_SESSION_NAME" in os.environ and "ipykernel" in sys.modules


def status_line(text: str) -> str:
    """HTML of one line that screen readers announce; the text is shown as typed, because file names come from anywhere."""
    return f'<span role="status">{html.escape(printable(text))}</span>'


class Bar:
    """A progress bar with a line of text under it, shown immediately."""

    def __init__(self, total: int, label: str = ""):
        import ipywidgets
        from IPython.display import display

        self.total, self.label, self.started = total, label, time.monotonic()
        self.bar = ipywidgets.IntProgress(0, 0, max(1, total), layout={"width": "420px"})
        self.text = ipywidgets.HTML()
        self.write(label)
        display(ipywidgets.VBox([self.bar, self.text]))

    def write(self, text: str) -> None:
        self.text.value = status_line(text)

    def reach(self, done: int) -> None:
        seconds = time.monotonic() - self.started
        left = seconds / max(1, done) * (self.total - done)
        self.bar.value = done
        in_words = f"about {int(left // 60)}:{int(left % 60):02d} left" if done < self.total else "done"
        self.write(f"{self.label} {done}/{self.total}, {in_words}")


def progress_lines() -> Callable[[str], None]:
    """The `progress` for `train`: it prints the lines or, where someone looks, moves a bar above the latest."""
    if not someone_looks():
        return print
    bars: list[Bar] = []

    def take(line: str) -> None:
        step = re.match(r"step +(\d+)/(\d+)", line)
        if step and not bars:
            bars.append(Bar(int(step[2])))
        if not bars:
            print(line)
        else:
            bars[0].write(line)
        if step:
            bars[0].bar.value = int(step[1])

    return take


def watched(steps: Iterable, label: str) -> Iterator:
    """Go through `steps` behind a bar where someone looks, and silently elsewhere, so that outputs do not depend on it."""
    if not someone_looks():
        yield from steps
        return
    steps = list(steps)
    bar, shown = Bar(len(steps), label), 0.0
    for done, step in enumerate(steps):
        if time.monotonic() - shown > 0.2:
            bar.reach(done)
            shown = time.monotonic()
        yield step
    bar.reach(len(steps))


class Progress:
    """At most one line of text every `every` seconds: step, losses, speed and the time left.

    Where steps are long, `beat` says that it lives: at least every ten seconds, or after each step.
    """

    def __init__(self, first_step: int, steps: int, write=print, every: float = 5.0):
        self.first_step, self.steps, self.write, self.every = first_step, steps, write, every
        self.started = self.last = time.monotonic()

    def report(self, step: int, losses: dict) -> None:
        now = time.monotonic()
        if now - self.last < self.every and step < self.steps:
            return
        self.last = now
        shown = "  ".join(
            f"{name} {losses[name]:.3f}"
            for name in ("cycle", "nce", "gan_ab", "gan_ba", "held_out_ab", "held_out_ba")
            if name in losses
        )
        self.write_line(step, f"  {shown}")

    def beat(self, step: int) -> None:
        """After a step that is not reported: a line without losses, which are read only when they are reported."""
        if time.monotonic() - self.last >= 2 * self.every:
            self.last = time.monotonic()
            self.write_line(step, "")

    def write_line(self, step: int, shown: str) -> None:
        per_step = (time.monotonic() - self.started) / max(1, step - self.first_step)
        speed = f"{1 / per_step:.2f} steps/s" if per_step < 1.01 else f"{per_step:.1f} s a step"
        left = per_step * (self.steps - step)
        self.write(f"step {step:>6}/{self.steps}{shown}  {speed}  {time_left(left)} left")


def time_left(seconds: float) -> str:
    """`3:05`, `2:03:05`, or `55 days`."""
    if seconds >= 2 * 24 * 3600:
        return f"{seconds / 24 / 3600:.0f} days"
    minutes, hours = int(seconds // 60) % 60, int(seconds // 3600)
    return (f"{hours}:{minutes:02d}" if hours else f"{minutes}") + f":{int(seconds % 60):02d}"


def count(number: int, what: str) -> str:
    """1 run, 2 runs."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"
