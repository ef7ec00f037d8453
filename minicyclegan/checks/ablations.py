"""The checks of notebook 09 on the order of the table and on chance."""

import csv
import math
import statistics

import torch

from minicyclegan.checks.frame import NotYet, exercise, expect
from minicyclegan.checks.probes import unlike, untouched

# Two weights that may be the wrong way round, (put first, put second), and what to think about. The first that applies is shown.
ORDER_HINTS = {
    (100.0, 10.0): "you put 100 before 10: if the way back counts a hundred times, which lazy translation costs the least, and how far is it from the true winter?",
    (100.0, 1.0): "you put 100 before 1: the safest way to come back is to hardly leave. What is the error of a picture that hardly left?",
    (100.0, 0.0): "you put 100 before 0: compare a generator that dares not change anything with one whose layers keep the layout by themselves. Which is nearer to the true winter?",
    (0.0, 10.0): "you put 0 before 10: without a way back the discriminator accepts any winter. Must it be the winter of this place?",
    (0.0, 1.0): "you put 0 before 1: does a weak demand to come back hold the place worse than no demand at all?",
    (1.0, 10.0): "you put 1 before 10: in this sum, does a weight of 1 count for much against two terms of the game?",
}  # fmt: skip


def number(answer, what: str) -> float:
    """An answer as a float; a tensor or an array of one number will do."""
    expect(answer is not None, f"{what} gives None: is there a `return`?")
    try:
        return float(answer)
    except (TypeError, ValueError):
        raise NotYet(f"{what} gives {type(answer).__name__}, but one number is wanted.") from None


def near(found: float, wanted: float) -> bool:
    return math.isclose(found, wanted, rel_tol=1e-5, abs_tol=1e-9)


def mean_log(errors: list[float]) -> float:
    return statistics.fmean(math.log(error) for error in errors)


@exercise("the four weights stand in the order of the errors in the committed table")
def check_lambda_order(my_order):
    try:
        order = [float(weight) for weight in my_order]
    except (TypeError, ValueError):
        raise NotYet("my_order should be a list of the four weights, such as [0, 1, 10, 100].") from None
    expect(
        sorted(order) == [0, 1, 10, 100],
        f"your list is {order}: it should hold each of 0, 1, 10 and 100 exactly once.",
    )
    measured = order_in_the_table()
    expect(
        order != measured[::-1], "your list begins with the largest error; it should begin with the smallest."
    )
    for (first, second), hint in ORDER_HINTS.items():
        if order.index(first) < order.index(second) and measured.index(first) > measured.index(second):
            raise NotYet(hint)
    expect(order == measured, "the table says otherwise: think of each weight's effect on its own.")


def order_in_the_table() -> list[float]:
    """The weights of the cycle loss in the committed table, smallest held-out error (mean of both directions) first."""
    from minicyclegan.course.files import course_folder

    try:
        with open(course_folder() / "sweeps" / "ablations.csv", newline="", encoding="utf-8") as file:
            lines = [line for line in csv.DictReader(file) if line["axis"] == "lambda_cycle"]
    except OSError:
        raise NotYet(
            "the committed table notebooks/sweeps/ablations.csv is missing; clone the course again."
        ) from None
    lines.sort(key=lambda line: float(line["held_out_ab_mean"]) + float(line["held_out_ba_mean"]))
    return [float(line["value"]) for line in lines]


@exercise("logarithms, each run against its own setting's mean, and n - 1")
def check_noise(noise):
    for sizes in ((2, 2, 2, 2), (2, 4, 3), (5,), (7, 2)):
        groups = [(0.03 * 3**k * torch.exp(0.3 * torch.randn(n))).tolist() for k, n in enumerate(sizes)]
        with untouched("noise", groups=groups):
            found = number(noise(groups), "noise")
        compare_noise(found, groups)
    scaled = [[1000 * error for error in group] for group in groups]
    expect(
        near(number(noise(scaled), "noise"), found),
        "with errors a thousand times larger your number changes: by which function do factors become differences?",
    )


def compare_noise(found: float, groups: list[list[float]]) -> None:
    logs = [[math.log(error) for error in group] for group in groups]
    squares = [sum((x - statistics.fmean(group)) ** 2 for x in group) for group in logs]
    runs, together = sum(map(len, logs)), [x for group in logs for x in group]
    wanted = math.sqrt(sum(squares) / (runs - len(logs)))
    if near(found, wanted):
        return
    raw = math.sqrt(sum(sum((x - statistics.fmean(g)) ** 2 for x in g) for g in groups) / (runs - len(logs)))
    deviations = statistics.fmean(map(statistics.stdev, logs))
    variances = [square / (len(group) - 1) for square, group in zip(squares, logs)]
    middles = sum(sum((x - statistics.median(group)) ** 2 for x in group) for group in logs)
    away = sum(sum(abs(x - statistics.fmean(group)) for x in group) for group in logs)
    for value, hint in (
        (wanted**2, "you give the variance: what makes a standard deviation of it?"),
        (
            math.sqrt(middles / (runs - len(logs))),
            "you measure from the median of each setting: the distances are those from the mean.",
        ),
        (
            away / runs,
            "you average the distances themselves: their squares are added up, and the root comes last.",
        ),
        (
            math.sqrt(sum(squares) / runs),
            "your number is too small: you divide by the number of runs. Each setting's mean was taken from the same runs, which costs one of them: n - 1.",
        ),
        (raw, "your number grows with the errors themselves: take the logarithms first."),
        (
            wanted / math.log(10),
            "you took logarithms to the base 10; the text means natural ones, `math.log`.",
        ),
        (
            statistics.stdev(together),
            "you measure all runs against one common mean, so the differences between settings count as chance: each setting has its own mean.",
        ),
        (
            statistics.pstdev(together),
            "you measure all runs against one common mean, so the differences between settings count as chance: each setting has its own mean.",
        ),
        (
            deviations,
            "you average the standard deviations; add up the squares of all settings first, and take the root once, at the end.",
        ),
        (
            math.sqrt(statistics.fmean(variances)),
            "a setting with four runs counts no more than one with two: one sum of squares over all settings, one sum of all the n - 1.",
        ),
        (
            math.sqrt(sum(squares) / len(groups)),
            "for pairs this is right, but with three or four runs in a setting you divide by too little: n - 1 for each setting.",
        ),
    ):
        expect(not near(found, value), hint)
    mine, right = unlike(found, wanted)
    raise NotYet(
        f"for settings of {', '.join(str(len(g)) for g in groups)} runs your number is {mine} and it should be {right}: sum of squares, sum of n - 1, root."
    )
