"""The check of notebook 07 on the schedule."""

import math
import random

import torch

from minicyclegan.checks.frame import NotYet, exercise, expect


def number(answer, what: str) -> float:
    """An answer as a float; a tensor of one number will do."""
    expect(answer is not None, f"{what} gives None: is there a `return`?")
    try:
        return float(answer)
    except (TypeError, ValueError, RuntimeError):
        raise NotYet(f"{what} gives {type(answer).__name__}, but one number is wanted.") from None


@exercise("1 at first, then a straight line whose 0 lies one step after the last")
def check_learning_rate_factor(learning_rate_factor):
    rng = random.Random(torch.initial_seed())
    for share_of_ten in (5, 2, 8, 10):
        steps = 10 * rng.randint(4, 12)
        falling, share = steps * share_of_ten // 10, share_of_ten / 10
        setting = f"with steps={steps} and decay_share={share}"
        found = [number(learning_rate_factor(s, steps, share), "the function") for s in range(steps)]
        wanted = [min(1.0, (steps - s) / falling) for s in range(steps)]
        if not all(map(near, found, wanted)):
            raise NotYet(hint_for_rates(found, wanted, steps, falling, setting))
    try:
        found = [number(learning_rate_factor(s, 9, 0.0), "the function") for s in range(9)]
    except ZeroDivisionError:
        raise NotYet("with decay_share=0 you divide by zero: then nothing falls, not even once.") from None
    expect(
        all(factor == 1 for factor in found),
        "with decay_share=0 the rate should stay at 1 to the end, but it does not.",
    )
    compare_rounding(learning_rate_factor)


def compare_rounding(learning_rate_factor) -> None:
    """Shares that give no whole number of steps, and lines of one step and of none."""
    for steps, share in (
        (13, 0.35),
        (13, 0.33),
        (27, 0.21),
        (9, 0.1),
        (9, 0.04),
        (1, 1.0),
        (1, 0.0),
        (2, 0.7),
        (1000, 0.0007),
    ):
        line = round(steps * share)
        wanted = [min(1.0, (steps - s) / max(1, line)) for s in range(steps)]
        try:
            found = [number(learning_rate_factor(s, steps, share), "the function") for s in range(steps)]
        except ZeroDivisionError:
            raise NotYet(
                f"with steps={steps} and decay_share={share} you divide by zero: a line of one step or of none is no error."
            ) from None
        wrong = [s for s in range(steps) if not near(found[s], wanted[s])]
        expect(
            not wrong,
            f"with steps={steps} and decay_share={share} the line has round({steps * share:.4g}) = {line} steps, so the factor at step {wrong[0] if wrong else 0} is {wanted[wrong[0]] if wrong else 0:.4g}; yours is {found[wrong[0]] if wrong else 0:.4g}. Is the number of steps rounded to the nearest?",
        )  # fmt: skip


def near(found: float, wanted: float) -> bool:
    return math.isclose(found, wanted, rel_tol=1e-5, abs_tol=1e-9)


def hint_for_rates(found: list, wanted: list, steps: int, falling: int, setting: str) -> str:
    last, before = found[-1], steps - falling
    if min(found) < 0:
        worst = found.index(min(found))
        return f"{setting} the factor at step {worst} is {found[worst]:.3g}: a rate below zero climbs instead of descending."
    if max(found) > 1.000001:
        return f"{setting} the factor at step {found.index(max(found))} is {max(found):.3g}: what caps the line at 1 before it begins to fall?"
    if min(found) == 1:
        return f"{setting} your factor is 1 at every step: the last {falling} steps should fall."
    first = next(s for s, factor in enumerate(found) if factor < 0.999999)
    if first > 0 and near(found[first], found[-1]):
        return f"{setting} the factor jumps to {last:.3g} and stays there: it should fall a little at every step."
    if last == 0:
        return f"{setting} the last step, {steps - 1}, gets a factor of 0 and learns nothing: steps count from 0, so at which step should the line reach 0?"
    if first == 0 and near(found[0], found[1]):
        return f"{setting} the factor at step 0 is {found[0]:.3g}: the learning rate is multiplied by it later, so it begins at 1."
    if first <= 1 < before:
        return f"{setting} the rate falls from the first step on; for the first {before} steps it should stay at 1."
    if near(last, 2 / falling):
        return f"{setting} the last factor is {last:.3g}, twice as much as it should be: your line reaches 0 two steps after the last one, not one."
    if near(last, 1 / (falling + 1)):
        return (
            f"{setting} your line falls {falling + 1} times and not {falling}: it begins one step too early."
        )
    if not near(first, before + 1):
        return f"{setting} the factor falls from step {first} on: decay_share is the share at the end, so which step is the first below 1?"
    k = next(s for s in range(steps) if not near(found[s], wanted[s]))
    return f"{setting} the factor at step {k} is {found[k]:.3g}, but a straight line from 1 at step {before} to 0 at step {steps} passes {wanted[k]:.3g} there."
