"""The check of notebook 09 on the verdict."""

import math

import torch

from minicyclegan.checks.frame import exercise, expect
from minicyclegan.checks.probes import untouched

WORDS = ("better", "worse", "unclear")


@exercise("by factors, against the right bar, and a lucky seed does not decide")
def check_verdict(verdict):
    def ask(distance, n=2, m=2, s=0.05, bar=2.0, scale=0.05, scatter=0.5) -> str:
        """The verdict on n runs whose mean logarithm lies `distance` above that of m base runs."""
        groups = []
        for size, shift in ((n, distance), (m, 0.0)):
            noise = torch.randn(size, dtype=torch.float64)
            noise = (noise - noise.mean()) * s * scatter
            groups.append((scale * torch.exp(noise + shift)).tolist())
        with untouched("verdict", runs=groups):
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
    expect(
        ask(0.04) == "unclear",
        "a distance of 0.04 between two settings of two runs each, s = 0.05 and bar = 2, is called something: that is less than one standard error, s times the root of 1/2 + 1/2. Is s used as it is?",
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
        ask(0.09, bar=1.5) == "worse",
        "a distance of 0.09 between two settings of two runs each, s = 0.05 and bar = 1.5, is nearly two standard errors, and you call it unclear. Are your logarithms natural ones, `math.log`?",
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
    compare_means(verdict)
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


def compare_means(verdict) -> None:
    """Runs whose mean, median, first runs and mean error disagree; s is given, and is not that of these runs."""
    base = [1.0] * 5
    for runs, s, wanted, hint in (
        ([1.2] * 5, 1.0, "unclear", "five runs of 1.2 against five of 1.0, s = 1, bar = 2: with such a large s that is chance. Take the s that is given, not the scatter of these few runs."),
        ([1.0, 1.0, 1.0, 1.6, 1.6], 0.05, "worse", "runs of 1, 1, 1, 1.6 and 1.6 against 1.0, s = 0.05: take the mean of all log errors, not their median and not the first ones."),
        ([1.6, 1.6, 1.0, 1.0, 1.0], 0.05, "worse", "runs of 1.6, 1.6, 1, 1 and 1 against 1.0, s = 0.05: take the mean of all log errors, not their median and not the last ones."),
        ([0.25, 4.0, 0.2, 2.0, 1.0], 0.05, "better", "runs of 0.25, 4, 0.2, 2 and 1 against 1.0, s = 0.05: the mean of their log errors is below 0. Take logarithms first and the mean then, not the logarithm of the mean error."),
        ([0.5, 1.5, 0.6, 1.4], 0.001, "better", "runs of 0.5, 1.5, 0.6 and 1.4 against 1.0, s = 0.001: s is given, and the scatter of these few runs is not asked for."),
    ):  # fmt: skip
        for mine, other, word in (
            (runs, base, wanted),
            (base, runs, {"better": "worse", "worse": "better"}.get(wanted, wanted)),
        ):
            found = verdict(list(mine), list(other), s, 2.0)
            expect(found == word, f"{hint} You say {found!r:.20} where {word!r} is right.")
