"""How far two values of `minicyclegan repro` may be apart, and what is said of two that are further.

With the same surroundings (machine, processor, versions, device cpu, threads) everything must be equal to the last digit, as it
was in two runs, with one thread and with two. In other surroundings sums are rounded in a different order, and a GAN amplifies
small differences: after ten steps single losses differed by a factor of three. Measured with notebook 07 against one thread with AVX-512:
two threads, AVX2, and SSE4.1 (ATEN_CPU_CAPABILITY, ONEDNN_MAX_CPU_ISA) in the smoke profile, AVX2 in the cpu profile. The
tolerances are three to thirty times the largest difference seen, which stands beside each. The probe computes in float64 and was
measured with the same four.
"""

import math
import re
from decimal import Decimal

from minicyclegan.course.varying import settled

PLACE = ("machine", "processor", "device", "threads", "python", "torch", "torchvision", "numpy")

# Relative tolerances in other surroundings: name to (tolerance, largest difference measured)
TOLERANCES = {
    "loss of step 1": (1e-5, "3e-7"),
    "loss of step 2": (5e-3, "5e-4"),
    "cycle loss, mean of 20 steps or more": (0.2, "0.09"),
    "held-out error after step 1": (5e-4, "3e-5"),
    "held-out error after step 2": (2e-2, "2e-3"),
    "held-out error up to step 1000": (0.5, "0.16"),
    "held-out error after step 1000": (0.15, "0.043"),
    "size of a network's weights": (0.03, "0.008"),
    "evaluation: share of the gap closed": (0.01, "0.002"),
    "evaluation: other numbers": (0.15, "0.031"),
    "mean and deviation of drawn pictures": (1e-4, "0"),
    "learning rate": (1e-9, "0"),
}
RULES = TOLERANCES | {"numbers of the probe": (1e-7, "3e-11")}
# The same for the squares of a figure's panels, in shares of the range from black to white: the mean of a panel, the root mean
# square, the largest. Measured with a serif font of two points more, and what is trained in the other surroundings of above
FIGURES = {"drawn": (0.012, 0.05, 0.2), "trained": (0.1, 0.25, 0.9)}
FIGURES_MEASURED = {"drawn": "0.0044, 0.018, 0.078", "trained": "0.036, 0.094, 0.43"}
IN_WORDS = {
    "same surroundings": "every number, every text and every figure is compared exactly",
    "other surroundings": {
        name: f"{size:g} relative ({seen} measured)" for name, (size, seen) in RULES.items()
    }
    | {
        f"figures, {kind}: mean of a panel, root mean square, worst of its 64 squares": (
            f"{', '.join(f'{size:g}' for size in sizes)} of black to white ({FIGURES_MEASURED[kind]} measured)"
        )
        for kind, sizes in FIGURES.items()
    }
    | {
        "numbers in printed text": "one unit in the last digit printed, with the mark ≈ what it says itself; whole numbers and words exactly",
        "files of pictures, parameters, number of cells": "none",
        "other losses and the accuracies": "not compared, only finite: they differed by up to 270 %",
        "what a network makes of an even grey (a figure of notebook 00)": "not compared: rounding decides it",
    },
}
NUMBER = re.compile(r"(?<![\w.])([-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?)(?!\w)")


def difference(what: str, expected, got, tolerance: str = "exact") -> dict:
    """One thing that differs. `by` is empty unless both are numbers."""
    by, numbers = "", all(type(value) in (int, float) for value in (expected, got))
    if numbers:
        by = f"{got - expected:+.3g}" + (f" ({(got - expected) / abs(expected):+.2%})" if expected else "")
    return {"what": what, "expected": expected, "got": got, "by": by, "tolerance": tolerance}


def number(what: str, expected, got, rule: str | None, same: bool) -> list[dict]:
    """The difference of two numbers, if it is larger than allowed. Without a rule, only the same surroundings compare it."""
    if expected is None or got is None:
        return [] if expected == got else [difference(what, expected, got)]
    if not same and rule is None:
        return [] if math.isfinite(got) else [difference(what, expected, got, "finite")]
    size = 0.0 if same else RULES[rule][0]
    if abs(got - expected) <= size * abs(expected):  # false for nan, as it should be
        return []
    return [difference(what, expected, got, "exact" if same else f"{size:g} relative")]


def text(what: str, expected: str, got: str, same: bool) -> list[dict]:
    """The first difference of two printed texts. Elsewhere, a number marked with ≈ may differ by what it says itself."""
    if not same:
        got = settled(expected, got)
    if expected == got:
        return []
    a, b = NUMBER.split(expected), NUMBER.split(got)
    if len(a) == len(b) and a[::2] == b[::2]:  # only numbers differ
        for old, new in zip(a[1::2], b[1::2]):
            last = max(Decimal(old).as_tuple().exponent, Decimal(new).as_tuple().exponent)
            allowed = Decimal(1).scaleb(last) if last < 0 and not same else 0
            if old != new and (same or abs(Decimal(new) - Decimal(old)) > allowed):
                tolerance = f"{allowed} (one unit in the last digit)" if allowed else "exact"
                return [difference(what, float(old), float(new), tolerance)]
        return []
    for old, new in zip([*expected.splitlines(), None], [*got.splitlines(), None]):
        if old != new:
            return [difference(what, old, new)]
    return [difference(what, expected[-80:], got[-80:])]
