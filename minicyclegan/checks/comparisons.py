"""The checks of notebook 09 on planning and comparing runs."""

import math
import statistics

import torch

from minicyclegan.checks.ablations import mean_log, near, number
from minicyclegan.checks.frame import NotYet, exercise, expect
from minicyclegan.checks.probes import unlike, untouched


@exercise("the number of runs grows with the square, is whole, and is enough")
def check_runs_needed(runs_needed):
    # in the first case all the usual mistakes give different numbers
    cases = [
        (1.2, 0.58, 2.5),
        (0.8, 0.3, 2.1),
        (0.93, 0.05, 2.26),
        (1.08, 0.06, 2.0),
        (0.97, 0.05, 2.0),
        (0.5, 0.4, 2.0),
    ]
    cases += [(1 + 0.02 + 0.1 * torch.rand(()).item(), 0.07, 2.1) for _ in range(3)]
    cases += [(0.6 + 0.35 * torch.rand(()).item(), 0.03 + 0.3 * torch.rand(()).item(), 1.7) for _ in range(6)]
    for factor, s, bar in cases:
        exact = 2 * (bar * s / math.log(factor)) ** 2
        found = runs_needed(factor, s, bar)
        compare_runs(number(found, "runs_needed"), exact, factor, s, bar)
    few = number(runs_needed(3.0, 0.05, 2.0), "runs_needed")
    expect(
        few == 2,
        f"for an effect of a factor of 3 you ask for {few:g} runs: with one run per setting nobody knows what chance does, so 2 is the minimum, and here it is enough.",
    )


def compare_runs(found: float, exact: float, factor: float, s: float, bar: float) -> None:
    wanted = max(2, math.ceil(exact))
    case = f"for a factor of {factor:.3g}, s = {s:g} and a bar of {bar:g}"
    linear, ratio = math.sqrt(exact / 2), (bar * s / (factor - 1)) ** 2
    if found == wanted:
        return
    expect(
        not (found == 1 and exact <= 1),
        f"{case} you ask for 1 run: with one run per setting nobody knows what chance does, so 2 is the minimum, and here it is enough.",
    )
    expect(found > 0, f"{case} you ask for {found:g} runs: the logarithm of a factor below 1 is negative.")
    for value, hint in (
        (
            exact / 2,
            "you forget that both means vary, the base's too: the variance of a difference is the sum.",
        ),
        (
            exact / 4,
            "you count the runs of both settings together, or halve once too often: n is for each setting.",
        ),
        (
            exact * 2,
            "you ask for twice as many as needed: n is the number for each setting, not for both together.",
        ),
        (2 * linear, "your number grows like s; but the standard error falls only with the root of n."),
        (linear, "your number grows like s; but the standard error falls only with the root of n."),
        (
            math.sqrt(2) * linear,
            "this is the root of the number wanted: it is the standard error that has the root of n.",
        ),
        (2 * ratio, "you use the factor minus 1 in place of its logarithm; s is a spread of logarithms."),
        (
            2 * (bar * s / math.log10(factor)) ** 2,
            "you took the logarithm to the base 10; s belongs to natural logarithms, `math.log`.",
        ),
        (2 * (2 * s / math.log(factor)) ** 2, "you count with a bar of 2, whatever the `bar` that is given."),
        (
            2 * (s / math.log(factor)) ** 2,
            "the bar is missing: a difference of one standard error is chance.",
        ),
    ):
        same = any(
            found == max(low, whole(value))
            for low in (1, 2)
            for whole in (math.ceil, math.floor, round)
        )  # fmt: skip
        expect(
            not (same or near(found, value)) or abs(found - wanted) <= 1,
            f"{case} you ask for {found:g} runs: {hint}",
        )
    expect(
        not near(found, exact),
        f"{case} you ask for {found:.4g} runs: the number of runs is whole, and it must be enough.",
    )
    expect(
        found != wanted - 1,
        f"{case} you ask for {found:g} runs, one too few: the bar then stands at {bar * s * math.sqrt(2 / found):.4f}, above {abs(math.log(factor)):.4f}. Which way should it be rounded?",
    )
    expect(
        found != wanted + 1, f"{case} you ask for {found:g} runs, one too many: one run fewer already passes."
    )
    raise NotYet(
        f"{case} you ask for {found:.4g} runs; the bar there is {bar * s * math.sqrt(2 / found):.4f} and the distance is {abs(math.log(factor)):.4f}."
    )


@exercise("one thing changed, the same seeds on both sides, and all of them")
def check_fair_comparison(effect):
    base = {"pool_size": 50, "gan_mode": "lsgan", "lambda_cycle": 10.0}
    level = (0.05 * torch.exp(0.2 * torch.randn(5))).tolist()

    def made(ratios, seeds=range(4), **changes) -> list[dict]:
        return [base | changes | {"seed": seed, "error": level[seed] * r} for seed, r in zip(seeds, ratios)]

    def ask(runs, name="pool_size", value=0) -> float:
        given = dict(base)
        shuffled = [dict(runs[i]) for i in torch.randperm(len(runs))]
        with untouched("effect", runs=shuffled):
            found = number(effect(shuffled, name, value, given), "effect")
        expect(
            given == base,
            "your function changes the caller's `base`: make a new dict, `base | {name: value}`.",
        )
        return found

    usual, even = made([1.0] * 4), made([0.9] * 4, pool_size=0)
    found = ask(usual + even)
    expect(
        not near(found, 1 / 0.9),
        "upside down: an error of 0.9 times the base's should give 0.9, but you give its inverse.",
    )
    expect(not near(found, math.log(0.9)), "you give a logarithm; go back to a factor with `math.exp`.")
    best = min(r["error"] for r in even) / statistics.fmean(r["error"] for r in usual)
    expect(
        not near(found, best),
        "every run without the pool has 0.9 times its twin's error, and you give a different factor: does the best seed of one side meet the mean of the other?",
    )
    expect(
        near(found, 0.9),
        f"every changed run has 0.9 times the error of the base with its seed, but you give {unlike(found, 0.9, 4)[0]}.",
    )

    ratios = [0.7, 1.2, 0.95, 1.3]
    uneven = made(ratios, pool_size=0)
    wanted, found = math.exp(mean_log(ratios)), ask(usual + uneven)
    before, after = ([run["error"] for run in side] for side in (usual, uneven))
    for value, hint in (
        (
            min(after) / min(before),
            "you compare the best seed of each side: with four tries anybody has a good one. Use all seeds.",
        ),
        (min(ratios), "you give the seed in which the change looks best: use all seeds."),
        (
            statistics.fmean(after) / statistics.fmean(before),
            "you divide mean errors, so a seed with large errors counts more; average the logarithms, then go back with `math.exp`.",
        ),
        (
            statistics.fmean(ratios),
            "you average the ratios: a half and a double then come to 1.25, not to 1. Average their logarithms.",
        ),
        (
            math.exp(statistics.median(map(math.log, ratios))),
            "you take the median of the logarithms; the card asks for their mean.",
        ),
        (
            statistics.median(ratios),
            "you take the median of the ratios; the card asks for the mean of the logarithms.",
        ),
    ):
        expect(not near(found, value), hint)
    mine, right = unlike(found, wanted, 4)
    expect(
        near(found, wanted),
        f"for the ratios 0.7, 1.2, 0.95 and 1.3 you give {mine}; the mean logarithm belongs to {right}.",
    )

    others = made([0.5] * 4, pool_size=0, gan_mode="bce") + made([1.0] * 4, pool_size=0, lambda_cycle=1.0)
    expect(
        near(ask(usual + uneven + others), wanted),
        "runs without the pool that also differ in something else change your result: one change at a time.",
    )
    others = made([0.5] * 4, gan_mode="bce") + made([2.0] * 4, lambda_cycle=100.0)
    expect(
        near(ask(usual + uneven + others), wanted),
        "on the base's side you also count runs that are not the base: everything but one thing must be equal on both sides.",
    )
    lonely = made([1.0], [4], pool_size=0)
    expect(
        near(ask(usual + uneven + lonely), wanted),
        "a seed that only the changed setting has changes your result: compare runs with the same seed on both sides.",
    )
    expect(
        near(ask(usual + uneven + made([1.0], [4])), wanted),
        "a seed that only the base has changes your result: compare runs with the same seed on both sides.",
    )
    others = [0.8, 0.9, 1.1, 1.05]
    expect(
        near(
            ask(usual + uneven + made(others, gan_mode="bce"), "gan_mode", "bce"), math.exp(mean_log(others))
        ),
        "asked about gan_mode instead of pool_size, you give a wrong factor: use `name` and `value`.",
    )
    asked = made(others, pool_size=10)
    expect(
        near(ask(usual + uneven + asked, "pool_size", 10), math.exp(mean_log([0.8, 0.9, 1.1, 1.05]))),
        "asked about pool_size=10, with runs of pool_size=0 in the list as well, you give a wrong factor: use the `value` that is given.",
    )
    base |= {"steps": 300, "upsampling": "resize"}
    usual, changed = made([1.0] * 4), made(ratios, upsampling="transposed")
    others = made([3.0] * 4, upsampling="transposed", steps=900) + made([0.2] * 4, steps=900)
    expect(
        near(ask(usual + changed + others, "upsampling", "transposed"), wanted),
        "with another base, which has `steps` as well, runs with other steps change your result: compare everything that `base` holds.",
    )
