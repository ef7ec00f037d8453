"""The checks of notebook 09 on the table: order, chance, verdict."""

import csv
import math
import statistics

import torch

from minicyclegan.checks.frame import NotYet, exercise, expect

WORDS = ("better", "worse", "unclear")
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
    for sizes in ((2, 2, 2, 2), (2, 4, 3)):
        groups = [(0.03 * 3**k * torch.exp(0.3 * torch.randn(n))).tolist() for k, n in enumerate(sizes)]
        found = number(noise([list(group) for group in groups]), "noise")
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
    for value, hint in (
        (wanted**2, "you give the variance: what makes a standard deviation of it?"),
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
    raise NotYet(
        f"for settings of {', '.join(str(len(g)) for g in groups)} runs your number is {found:.4g} and it should be {wanted:.4g}: sum of squares, sum of n - 1, root."
    )


@exercise("by factors, against the right bar, and a lucky seed does not decide")
def check_verdict(verdict):
    def ask(distance, n=2, m=2, s=0.05, bar=2.0, scale=0.05, scatter=0.5) -> str:
        """The verdict on n runs whose mean logarithm lies `distance` above that of m base runs."""
        groups = []
        for size, shift in ((n, distance), (m, 0.0)):
            noise = torch.randn(size, dtype=torch.float64)
            noise = (noise - noise.mean()) * s * scatter
            groups.append((scale * torch.exp(noise + shift)).tolist())
        word = verdict(*groups, s, bar)
        expect(word is not None, "verdict gives None: is there a `return` on every path through it?")
        expect(
            isinstance(word, str) and word in WORDS,
            f"verdict gives {word!r:.40}; it should be one of 'better', 'worse' and 'unclear'.",
        )
        return word

    double, half, same = ask(math.log(2)), ask(-math.log(2)), ask(0.0)
    expect(
        (double, half) != ("better", "worse"),
        "twice the base's error is called better: a smaller error is the better one.",
    )
    expect(
        not (double == "worse" and half == "unclear"),
        "half the base's error is called unclear: on which side of 0 is the logarithm of a half?",
    )
    expect(
        same == "unclear",
        f"a setting with the same mean as the base is called {same}: how far from 0 must the distance be?",
    )
    # an absolute difference of errors against a bar of logarithms: wrong at every other scale
    units = [ask(math.log(2), scale=scale) for scale in (1e-4, 1.0, 100.0)]
    expect(
        {double, half, *units} != {"unclear"},
        "twice the base's error, half of it, seeds that hardly differ: you call everything unclear.",
    )
    expect(
        set(units) == {"worse"} and ask(0.05, scale=100.0) == "unclear",
        "measure the errors in another unit, and your verdict changes: s is a spread of logarithms, so compare mean logarithms.",
    )
    expect(
        double == "worse" and half == "better",
        f"the base's error doubled is called {double}, halved {half}, with seeds that hardly differ.",
    )
    # distances in logarithms of -0.69 and 0.5 against a bar of 0.6; as ratios minus one they are -0.5 and 0.65
    expect(
        (ask(-0.69, s=0.3, scatter=0.01), ask(0.5, s=0.3, scatter=0.01)) != ("unclear", "worse"),
        "a half and a double are not equally far from 1 for you: take logarithms of the errors, then compare.",
    )
    expect(
        ask(0.08, bar=1.0) != ask(0.08, bar=3.0),
        "whether chance is allowed one standard error or three, you say the same: where does `bar` come in?",
    )
    lucky = [0.045, 0.0555, 0.0555, 0.0555], [0.0525] * 4
    unlucky = [0.0525] * 4, [0.045, 0.0555, 0.0555, 0.0555]
    expect(
        verdict(*lucky, 0.05, 2.0) == verdict(*unlucky, 0.05, 2.0) == "unclear",
        "one lucky run out of four decides: compare the means of all runs, not the best ones.",
    )
    expect(
        ask(0.07, 8, 8) == "worse" and ask(-0.07, 8, 8) == "better",
        "with 8 runs on each side you still ask for as much as with 2: how much does a mean of 8 runs vary?",
    )
    expect(
        ask(0.12, 1, 1) == "unclear",
        "a single run on each side, s = 0.05, bar = 2, and a distance of 0.12 passes in your function. Both runs vary by s: how much does their difference?",
    )
    for n, m in ((2, 8), (8, 2), (3, 5), (2, 2)):
        standard_error = 0.05 * math.sqrt(1 / n + 1 / m)
        for bar in (1.5, 3.0):
            for k, wanted in ((0.9, "unclear"), (1.1, "worse"), (-0.9, "unclear"), (-1.1, "better")):
                word = ask(k * bar * standard_error, n, m, bar=bar)
                expect(
                    word == wanted,
                    f"{n} runs against {m}, s = 0.05, bar = {bar}: a distance of {k * bar * standard_error:.3f} is called {word}, but the standard error of the difference is {standard_error:.3f}.",
                )
