"""What every check shares: it prints one line, right or not yet and why, and never a traceback."""

import contextlib
import functools
import traceback
import warnings
from collections.abc import Callable

import torch


class NotYet(Exception):
    """What is wrong with an answer, in the words of a good teaching assistant."""


def expect(condition, hint: str) -> None:
    """Raise NotYet with this hint unless the condition holds."""
    if not condition:
        raise NotYet(hint)


def exercise(proved: str) -> Callable:
    """Turn a function that raises NotYet into a check. `proved` says what a right answer has shown.

    The check prints `Right: PROVED.` or `Not yet: HINT` and returns None, so that a cell shows one line. Its
    `hint(*answers)` prints nothing and returns the hint, or None for a right answer: for `minicyclegan grade` and the tests.
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
            problem = hint(*answers)
            print(f"Right: {proved}." if problem is None else f"Not yet: {problem}")

        check.hint, check.proved = hint, proved
        return check

    return wrap


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
