"""What every check shares: it prints one line, right or not yet and why, and never a traceback unless it is strict."""

import contextlib
import functools
import os
import traceback
import types
import warnings
from collections.abc import Callable

import torch


class NotYet(AssertionError):
    """What is wrong with an answer, in the words of a good teaching assistant."""

    def _render_traceback_(self) -> list[str]:
        """What a notebook shows in place of a traceback, which would lead through this file."""
        return [str(self)]


class strict:
    """`strict(True)`: from now on a check that would print `Not yet: ...` raises NotYet with these words, for machines that mark.

    `strict(False)` switches it off again; `with strict():` holds inside the block. Where neither was called, the environment
    variable MINICYCLEGAN_STRICT decides: 1 is on; 0, or no such variable, is off. A strict check also refuses a function or
    class that is taken from minicyclegan, because a machine that marks would take it for the student's own.
    """

    on: bool | None = None  # None: the environment decides

    def __init__(self, on: bool = True):
        self.was, strict.on = strict.on, bool(on)

    def __enter__(self):
        return self

    def __exit__(self, *error) -> None:
        strict.on = self.was

    def __repr__(self) -> str:  # what a cell shows that ends with `strict(True)`
        return "checks raise NotYet" if is_strict() else "checks print, and never raise"


def is_strict() -> bool:
    """Whether checks raise. A word that we do not know is on: a mark that nobody earned is the worse mistake."""
    if strict.on is not None:
        return strict.on
    return os.environ.get("MINICYCLEGAN_STRICT", "").strip().lower() not in ("", "0", "false", "no", "off")


def expect(condition, hint: str) -> None:
    """Raise NotYet with this hint unless the condition holds."""
    if not condition:
        raise NotYet(hint)


def exercise(proved: str) -> Callable:
    """Turn a function that raises NotYet into a check. `proved` says what a right answer has shown.

    The check prints `Right: PROVED.` or `Not yet: HINT` and returns None, so that a cell shows one line; while `strict` is on
    it raises NotYet with `Not yet: HINT` instead. Its `hint(*answers)` prints nothing and returns the hint, or None for a
    right answer: for `minicyclegan grade` and the tests.
    The caller's random state is left as it was.
    """

    def wrap(look: Callable) -> Callable:
        def hint(*answers) -> str | None:
            if any(answer is None or answer is Ellipsis for answer in answers):
                return "there is no answer yet: fill in the cell of the exercise and run it again."
            try:
                with contextlib.ExitStack() as stack:
                    stack.enter_context(torch.random.fork_rng(devices=[]))
                    stack.enter_context(torch.enable_grad())
                    stack.enter_context(warnings.catch_warnings())
                    warnings.simplefilter("ignore")
                    torch.manual_seed(0)
                    look(*answers)
            except NotYet as problem:
                return str(problem)
            except NotImplementedError:
                return "there is no code in it yet: put yours in place of `raise NotImplementedError()`."
            except (Exception, SystemExit) as error:
                return in_words(error)
            return None

        @functools.wraps(look)
        def check(*answers) -> None:
            problem = (borrowed(answers) if is_strict() else None) or hint(*answers)
            if problem is not None and is_strict():
                raise NotYet(f"Not yet: {problem}")
            print(f"Right: {proved}." if problem is None else f"Not yet: {problem}")

        check.hint, check.proved = hint, proved
        return check

    return wrap


def borrowed(answers: tuple) -> str | None:
    """A hint if one of the answers is a function or class of minicyclegan itself."""
    for answer in answers:
        home = str(getattr(answer, "__module__", ""))
        if isinstance(answer, (type, types.FunctionType)) and home.split(".")[0] == "minicyclegan":
            return f"this is {home}.{answer.__qualname__}, taken from the library: write it yourself."
    return None


def in_words(error: BaseException) -> str:
    """An exception of the student's code in one line, with the student's line where there is one."""
    message = (str(error).strip().splitlines() or ["no message"])[0]
    where = ""
    for frame in traceback.extract_tb(error.__traceback__):
        if "ipykernel" in frame.filename or frame.filename.startswith(("<ipython", "<answer")):
            where = (
                f" in line {frame.lineno} of your cell (`{frame.line}`)"
                if frame.line
                else f" in `{frame.name}`"
            )
    return f"your code stopped with {type(error).__name__}{where}: {message}"
