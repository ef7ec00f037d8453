"""The check of notebook 08 on uncertainty."""

import torch

from minicyclegan.checks.evaluation import tensor
from minicyclegan.checks.frame import NotYet, exercise, expect
from minicyclegan.checks.probes import off, untouched


@exercise(
    "test sets of the same size, drawn with repetition, whole pictures together, the same for the same seed"
)
def check_bootstrap(bootstrap):
    n, resamples = 40, 600
    values = torch.rand(n) * 3
    with untouched("bootstrap", values=values):
        means = tensor(bootstrap(values, resamples, 5), "bootstrap")
    expect(
        means.shape == (resamples,),
        f"for {n} values and resamples={resamples} the result has the shape {tuple(means.shape)} and not ({resamples},): one mean for each drawn test set.",
    )
    expect(
        torch.equal(means, tensor(bootstrap(values.clone(), resamples, 5), "bootstrap")),
        "two calls with the same seed give different numbers: `seed` must decide the draws.",
    )
    centre, spread = float(values.mean()), float(values.std(correction=0)) / n**0.5
    expect(
        not torch.allclose(means, values.mean(), atol=1e-4),
        "all your means are equal to the plain mean: each test set has every picture exactly once. Draw with repetition.",
    )
    expect(
        float(means.std()) > 1e-5, "all your test sets are the same one: draw new positions for each of them."
    )
    by_seed = [tensor(bootstrap(values, resamples, seed), "bootstrap") for seed in (5, 6, 0, 1, 2, 77, 1000)]
    expect(
        not any(torch.equal(one, other) for k, one in enumerate(by_seed) for other in by_seed[:k]),
        "some different seeds, such as 5 and 6, give the same numbers: the seed that is given is not used, or not all of it.",
    )
    expect(
        abs(float(means.mean()) / n - centre) > 0.1 * centre,
        f"the middle of your numbers is {float(means.mean()):.1f} for values around {centre:.1f}: sums, not means.",
    )
    # One picture with a value and the others without: a mean is a whole number of n-ths, and a median is nearly always 0.
    single = torch.zeros(n)
    single[7] = 1.0
    counts = tensor(bootstrap(single, 2000, 3), "bootstrap") * n
    expect(
        float(counts.mean()) > 0.3,
        "with one picture of 1 and the others 0 you give nearly only zeros: the mean of each test set is wanted, not its median.",
    )
    ratio = float(means.std()) / spread
    if not 0.8 < ratio < 1.2:
        raise NotYet(
            f"your means scatter {ratio:.1f} times as much as they should: each drawn test set should have {n} pictures, as many as there are."
        )
    expect(
        abs(float(means.mean()) - centre) < 6 * spread / resamples**0.5
        and 0.85 < float(counts.mean()) < 1.15,
        "some pictures are drawn more often than others: every position from 0 to the last should be as likely.",
    )
    expect(
        torch.allclose(counts, counts.round(), atol=1e-3),
        f"your numbers are not means of {n} of the values that were given: each test set has {n} pictures, drawn from the values themselves.",
    )
    again = tensor(bootstrap(2 * values + 1, resamples, 5), "bootstrap")
    expect(
        torch.allclose(again, 2 * means + 1, atol=1e-4),
        "with the same seed and other values other pictures are drawn: the draws follow from the seed alone, or differences between two measures mean nothing.",
    )
    compare_columns(bootstrap, values)
    compare_drawn_sets(bootstrap)
    usual = tensor(bootstrap(values), "bootstrap")
    expect(
        usual.shape == (2000,) and torch.equal(usual, tensor(bootstrap(values, 2000, 0), "bootstrap")),
        f"bootstrap(values) alone gives {tuple(usual.shape)}: without more it should draw 2000 test sets with the seed 0.",
    )


def compare_columns(bootstrap, values: torch.Tensor) -> None:
    """Several values for each picture."""
    n, resamples = len(values), 600
    rows = torch.stack([values, 2 * values + 1], 1)
    together = tensor(bootstrap(rows, resamples, 5), "bootstrap")
    expect(
        together.shape == (resamples, 2),
        f"for values of the shape ({n}, 2) the result has the shape {tuple(together.shape)} and not ({resamples}, 2): average over the drawn pictures only.",
    )
    expect(
        torch.allclose(together[:, 1], 2 * together[:, 0] + 1, atol=1e-4),
        "the columns of (N, 2) are drawn separately: both values of a picture must be drawn together.",
    )
    for shape, drawn, wanted in (((n, 1), 3, (3, 1)), ((n,), 1, (1,)), ((n, 3), 1, (1, 3))):
        found = tensor(bootstrap(torch.rand(shape), drawn, 5), "bootstrap")
        expect(
            found.shape == wanted,
            f"for values of the shape {shape} and resamples={drawn} the result has the shape {tuple(found.shape)} and not {wanted}.",
        )


def compare_drawn_sets(bootstrap) -> None:
    """With a one in another column for each picture, a mean tells how often each picture is in a test set."""
    n, resamples = 12, 4000
    counts = tensor(bootstrap(torch.eye(n), resamples, 8), "bootstrap") * n
    expect(
        torch.allclose(counts, counts.round(), atol=1e-3)
        and torch.allclose(counts.sum(1), torch.full((resamples,), float(n)), atol=1e-2),
        f"your test sets do not all have {n} pictures, as many as there are, or the values of a picture are torn apart.",
    )
    expect(
        all(abs(off(count, resamples * n, 1 / n)) < 5 for count in counts.sum(0)),
        f"some pictures are drawn {int(counts.sum(0).max())} times and others {int(counts.sum(0).min())} times: every position should be as likely.",
    )
    related = torch.cov(counts.T) - (torch.eye(n) - 1 / n)
    expect(
        float(related.abs().max()) < 0.13,
        "which pictures are in a test set together does not look like chance: draw every position on its own, not a run of neighbours.",
    )
    kinds = len({tuple(sorted(row)) for row in counts.round().int().tolist()})
    next_ones = ((counts[:-1] - 1) * (counts[1:] - 1)).mean()
    expect(
        kinds > 20 and abs(float(next_ones)) < 0.03,
        "your test sets follow from each other: draw new positions for each of them.",
    )
