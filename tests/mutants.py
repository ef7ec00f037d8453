"""Try the checks of the exercises on wrong answers (mutants) and on different right ones.

tests/test_checks_NN.py holds `TRIALS`, one Trial for each exercise, and runs them through `trial_tests(TRIALS)`.
"""

import functools
import itertools
import linecache
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from minicyclegan.course.cards import Card, cards, read_notebook
from minicyclegan.course.student import cut

NOTEBOOKS = Path(__file__).parent.parent / "notebooks"
FEWEST_WRONG, FEWEST_RIGHT = 4, 3  # the committed solution is one of the right ones
SCORE = {"mutants tried": 0, "mutants rejected": 0, "right answers tried": 0, "right answers accepted": 0}
UNTOUCHED = "the cell as students get it"
number = itertools.count()


@dataclass
class Trial:
    """One check, answers that it must accept and answers that it must refuse with the right hint.

    An answer is source text that is run after `setup` and defines the names that the check is given.
    """

    check: Callable
    notebook: str  # "02_generator"
    setup: str = "import torch\nfrom torch import Tensor, nn\nimport torch.nn.functional as F\n"
    right: dict[str, str] = field(default_factory=dict)  # what is different about it: source
    wrong: dict[str, tuple[str, str]] = field(default_factory=dict)  # mistake: (source, a part of the hint)


def card_of(trial: Trial) -> Card:
    return next(c for c in cards(notebook(trial.notebook)) if c.check == trial.check.__name__)


@functools.cache
def notebook(stem: str):
    return read_notebook(NOTEBOOKS / f"{stem}.ipynb")


def solution(stem: str, check: str) -> str:
    """The committed solution of an exercise: the source of its cells to fill."""
    card = next(card for card in cards(notebook(stem)) if card.check == check)
    return "\n".join(notebook(stem).cells[k].source for k in card.exercise_cells)


def swap(source: str, *pairs: str) -> str:
    """A mutant of `source`: swap(source, old, new, old, new, ...). Each old text must be there, broken into lines or not."""
    for old, new in zip(pairs[::2], pairs[1::2], strict=True):
        source, places = loosely(old).subn(lambda found: new, source)
        assert places, f"{old!r} is not in the solution any more"
    return source


def loosely(text: str) -> re.Pattern:
    """A pattern for code that may be broken into lines at other places: at its inner blanks, and inside of brackets."""
    inner = text.strip()
    before, _, after = text.partition(inner)
    parts = []
    for token in re.findall(r"\s+|[\[({]|[\])}]|[^\s()\[\]{}]+", inner):
        if token.isspace():
            parts.append(r"\s+")
        elif token in "([{":
            parts.append(re.escape(token) + r"\s*")
        elif token in ")]}":
            parts.append(r",?\s*" + re.escape(token))
        else:
            parts.append(re.escape(token))
    before, after = (r"\s+" if blank == " " else re.escape(blank) for blank in (before, after))
    return re.compile(before + "".join(parts) + after)


def hint_for(trial: Trial, source: str) -> str | None:
    """Run an answer as a notebook would and ask the check."""
    namespace = {"__name__": "__main__"}
    exec(trial.setup, namespace)
    name = f"<answer {next(number)}>"
    linecache.cache[name] = (len(source), None, source.splitlines(True), name)  # tracebacks show the line
    try:
        exec(compile(source, name, "exec"), namespace)
    # A stub outside of any function: its cell stops, and the student comes to the check
    except NotImplementedError:
        pass
    return trial.check.hint(*(namespace[answer] for answer in card_of(trial).answers))


# What was measured, with two decimals or more; rounder numbers are settings and may come twice
DECIMAL = re.compile(r"(?<![\w.=])-?\d+\.\d{2,}(?![\d%])")


def equal_numbers(hint: str) -> list[str]:
    """Numbers that a hint states as if they were two: found and wanted look the same in print."""
    measured = [number for number in DECIMAL.findall(hint) if len(number.strip("-0.")) > 1]
    twice = {number for number in measured if measured.count(number) > 1}
    whole = re.findall(
        r"you (?:say|get|give|count|draw|hold) (\d+),? (?:and|but|where|PyTorch|not)\D{0,40}\b\1\b", hint
    )
    return sorted(twice) + whole


def trial_tests(trials: list[Trial]):
    """The tests of a file: `test_right, test_wrong, test_enough = trial_tests(TRIALS)`."""
    right = [(t, name) for t in trials for name in ["the committed solution", *t.right]]
    wrong = [(t, name) for t in trials for name in [UNTOUCHED, *t.wrong]]

    def identify(pairs):
        return [f"{t.check.__name__}-{name}" for t, name in pairs]

    @pytest.mark.parametrize("trial, name", right, ids=identify(right))
    def test_right(trial, name):
        SCORE["right answers tried"] += 1
        source = trial.right.get(name) or solution(trial.notebook, trial.check.__name__)
        hint = hint_for(trial, source)
        assert hint is None, f"a right answer was refused: {hint}"
        SCORE["right answers accepted"] += 1

    @pytest.mark.parametrize("trial, name", wrong, ids=identify(wrong))
    def test_wrong(trial, name):
        SCORE["mutants tried"] += 1
        if name == UNTOUCHED:
            source, part = cut(solution(trial.notebook, trial.check.__name__), name)[0], "there is no"
        else:
            source, part = trial.wrong[name]
        hint = hint_for(trial, source)
        assert hint is not None, "a wrong answer was accepted"
        assert part in hint, f"the hint does not lead there: {hint}"
        assert "\n" not in hint and "minicyclegan/" not in hint and len(hint) < 300
        assert not equal_numbers(hint), f"the hint states equal numbers as different: {hint}"
        SCORE["mutants rejected"] += 1

    @pytest.mark.parametrize("trial", trials, ids=lambda t: t.check.__name__)
    def test_enough(trial):
        assert len(trial.wrong) >= FEWEST_WRONG, "too few wrong answers"
        assert len(trial.right) + 1 >= FEWEST_RIGHT, "too few different right answers"
        assert all(len(part) >= 8 for _, part in trial.wrong.values()), "a hint is compared with too little"
        assert len({part for _, part in trial.wrong.values()}) >= 3, "the hints hardly differ"

    return test_right, test_wrong, test_enough
