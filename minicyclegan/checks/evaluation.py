"""The checks of notebook 08 on measures and their uncertainty."""

import math

import torch
from torch import Tensor

from minicyclegan.checks.frame import NotYet, exercise, expect


def tensor(answer, what: str) -> Tensor:
    expect(answer is not None, f"{what} gives None: is there a `return`?")
    expect(isinstance(answer, Tensor), f"{what} gives {type(answer).__name__}, but a tensor is wanted.")
    return answer.detach()


@exercise("each picture on its own, a range of 2, decibels of the squared error, and 100 for equal pictures")
def check_psnr(psnr):
    truth = torch.rand(4, 3, 12, 16) * 1.4 - 0.7
    guess = truth + torch.randn(4, 3, 12, 16) * torch.tensor([0.02, 0.05, 0.2, 0.1]).view(4, 1, 1, 1)
    found = tensor(psnr(guess.clone(), truth.clone()), "psnr")
    expect(
        found.shape != (),
        "for four pictures you give one number: average over channels, rows and columns, and leave the pictures alone.",
    )
    expect(
        found.shape == (4,),
        f"for four pictures your result has the shape {tuple(found.shape)}: which axes are averaged away?",
    )
    difference = guess - truth
    squared, absolute = difference.square().mean((1, 2, 3)), difference.abs().mean((1, 2, 3))
    log = -10 * squared.log10()
    wanted = log + 10 * math.log10(4)

    def is_(value) -> bool:
        return torch.allclose(found, torch.as_tensor(value), rtol=1e-4, atol=2e-3)

    off = float((found - wanted).mean())
    for value, hint in (
        (
            log,
            f"your numbers are {-off:.1f} dB too low: you took a peak of 1, but how wide is the range from -1 to 1?",
        ),
        (
            log + 10 * math.log10(2),
            f"your numbers are {-off:.1f} dB too low: the difference is halved *before* it is squared.",
        ),
        (
            log + 20 * math.log10(4),
            f"your numbers are {off:.1f} dB too high: the range was divided out twice.",
        ),
        (
            log + 20 * math.log10(255),
            f"your numbers are {off:.0f} dB too high: a peak of 255 belongs to pictures from 0 to 255.",
        ),
        (-wanted, "your numbers are negative: a smaller error should give more decibels."),
        (
            wanted / 2,
            "your numbers are half as large as they should be: 10 times the logarithm of the *squared* error, or 20 times that of its root.",
        ),
        (
            wanted * 2,
            "your numbers are twice as large as they should be: 20 belongs to the root of the squared error.",
        ),
        (
            wanted * math.log(10),
            "your numbers are 2.3 times too large: decibels take the logarithm of base 10, not the natural one.",
        ),
        (
            -20 * (absolute / 2).log10(),
            "you averaged the absolute differences: PSNR squares them before the mean.",
        ),
        (
            -10 * (absolute / 2).log10(),
            "you averaged the absolute differences: PSNR squares them before the mean.",
        ),
        (
            (-10 * (squared.mean() / 4).log10()).expand(4),
            "all four pictures get one number: the squares were averaged over the batch before the logarithm.",
        ),
    ):
        if is_(value):
            raise NotYet(hint)
    expect(
        is_(wanted),
        f"a squared error of {float(squared[0]):.2g} on a range of 2 gives {float(found[0]):.1f} dB for you: what is its share of the range squared, in decibels?",
    )
    equal = tensor(psnr(truth, truth.clone()), "psnr")
    expect(
        bool(equal.isfinite().all()),
        f"two equal pictures give {float(equal[0])}: keep the logarithm away from 0, so that they get 100 dB.",
    )
    expect(
        torch.allclose(equal, torch.full((4,), 100.0), atol=1e-2),
        f"two equal pictures give {float(equal[0]):.1f} dB and should get 100: which squared error is that?",
    )


@exercise(
    "test sets of the same size, drawn with repetition, whole pictures together, the same for the same seed"
)
def check_bootstrap(bootstrap):
    n, resamples = 40, 600
    values = torch.rand(n) * 3
    means = tensor(bootstrap(values.clone(), resamples, 5), "bootstrap")
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
    expect(
        not torch.equal(means, tensor(bootstrap(values.clone(), resamples, 6), "bootstrap")),
        "seed=5 and seed=6 give the same numbers: the seed that is given is not used.",
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
        "your numbers are not means of the values that were given: draw from the values themselves.",
    )
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


@exercise("the names decide, every picture weighs the same, and a missing one is noticed")
def check_mean_error(mean_error):
    order = torch.randperm(11).tolist()
    truths = {f"{i}.png": torch.rand(3, 6, 6) * 2 - 1 for i in range(11)}
    amounts = torch.linspace(0.05, 0.9, 11)[torch.randperm(11)]
    signs = {name: amount * torch.sign(torch.randn(3, 6, 6)) for name, amount in zip(truths, amounts)}
    fakes = {f"{i}.png": truths[f"{i}.png"] + signs[f"{i}.png"] for i in order}
    errors = {name: float((fakes[name] - truths[name]).abs().mean()) / 2 for name in truths}
    wanted = sum(errors.values()) / 11

    def asked(*what) -> float:
        answer = mean_error(*what)
        expect(answer is not None, "mean_error gives None: is there a `return`?")
        try:
            return float(answer)
        except (TypeError, ValueError, RuntimeError):
            raise NotYet("mean_error should give one number for all pictures together.") from None

    zero = asked(dict(truths), {name: truths[name] for name in reversed(truths)}, 11)
    expect(
        abs(zero) < 1e-6,
        f"the true pictures against themselves have an error of {zero:.2f}: which truth does 10.png meet when the two dictionaries list their names in different orders?",
    )
    found = asked(fakes, truths, 11)
    if not math.isclose(found, wanted, rel_tol=1e-4):
        expect(
            not math.isclose(found, 2 * wanted, rel_tol=1e-4),
            "your error is twice as large as it should be: the range from -1 to 1 is 2 wide, see `l1_error`.",
        )
        raise NotYet(
            f"the eleven pictures have a mean error of {wanted:.3f}, and you give {found:.3f}: is each of them compared with the truth of its name?"
        )
    for batch in (4, 10):
        found = asked(fakes, truths, batch)
        expect(
            math.isclose(found, wanted, rel_tol=1e-4),
            f"11 pictures in batches of {batch} give {found:.3f}, all in one batch {wanted:.3f}: the last batch is shorter. How much does each of its pictures weigh?",
        )
    for lacking, fewer_fakes, fewer_truths in (("truth", 11, 10), ("translation", 10, 11), ("truth", 11, 1)):
        some, few = dict(list(fakes.items())[:fewer_fakes]), dict(list(truths.items())[:fewer_truths])
        try:
            found = asked(some, few, 4)
        except (NotYet, NotImplementedError):
            raise
        except Exception:
            continue
        raise NotYet(
            f"with {fewer_fakes} translations and {fewer_truths} truths you still give a number, {found:.3f}: a missing {lacking} must be an error, or hard pictures can be left out unnoticed."
        )
