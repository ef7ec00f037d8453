"""The checks of notebook 08 on PSNR and on the error of a whole folder."""

import math

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from minicyclegan.checks.frame import NotYet, exercise, expect
from minicyclegan.checks.probes import unlike, untouched


def tensor(answer, what: str) -> Tensor:
    expect(answer is not None, f"{what} gives None: is there a `return`?")
    expect(isinstance(answer, Tensor), f"{what} gives {type(answer).__name__}, but a tensor is wanted.")
    return answer.detach()


@exercise("each picture on its own, a range of 2, decibels of the squared error, and 100 for equal pictures")
def check_psnr(psnr):
    for n, shape, noises in ((4, (3, 12, 16), (0.02, 0.05, 0.2, 0.1)), (3, (3, 9, 7), (0.0005, 0.4, 0.003))):
        truth = torch.rand(n, *shape) * 1.4 - 0.7
        guess = truth + torch.randn(n, *shape) * torch.tensor(noises).view(n, 1, 1, 1)
        with untouched("psnr", pictures=[guess, truth]):
            found = tensor(psnr(guess, truth), "psnr")
        compare_decibels(found, guess - truth, truth)
    equal = tensor(psnr(truth, truth.clone()), "psnr")
    expect(
        bool(equal.isfinite().all()),
        f"two equal pictures give {float(equal[0])}: keep the logarithm away from 0, so that they get 100 dB.",
    )
    expect(
        torch.allclose(equal, torch.full((3,), 100.0), atol=1e-2),
        f"two equal pictures give {float(equal[0]):.1f} dB and should get 100: which squared error is that?",
    )
    alone = tensor(psnr(guess, truth), "psnr")
    mixed = tensor(psnr(torch.cat([truth[:1], guess[1:]]), truth), "psnr")
    expect(
        torch.allclose(mixed, torch.cat([equal[:1], alone[1:]]), atol=1e-2),
        f"where one of three pictures is equal to its truth, the three get {', '.join(f'{value:.1f}' for value in mixed)} dB: only the equal one should get 100.",
    )
    one = tensor(psnr(guess[1:2], truth[1:2]), "psnr")
    expect(
        one.shape == (1,) and torch.allclose(one, alone[1:2], atol=1e-3),
        "a picture alone gets another number than in a batch, or no longer one in a tensor of shape (1,): each picture is measured on its own.",
    )
    white, black = torch.ones(1, 3, 4, 4), -torch.ones(1, 3, 4, 4)
    worst = float(tensor(psnr(white, black), "psnr"))
    expect(
        abs(worst) < 1e-3,
        f"white in place of black gives {worst:.2f} dB and must give 0: the peak is the width of the whole range, whatever the pictures hold.",
    )


def compare_decibels(found: Tensor, difference: Tensor, truth: Tensor) -> None:
    n = len(difference)
    expect(
        found.shape != (),
        f"for {n} pictures you give one number: average over channels, rows and columns, and leave the pictures alone.",
    )
    expect(
        found.shape == (n,),
        f"for {n} pictures your result has the shape {tuple(found.shape)}: which axes are averaged away?",
    )
    squared, absolute = difference.square().mean((1, 2, 3)), difference.abs().mean((1, 2, 3))
    log = -10 * squared.log10()
    wanted = log + 10 * math.log10(4)

    def is_(value) -> bool:
        return torch.allclose(found, torch.as_tensor(value), rtol=1e-4, atol=2e-3)

    off, squares = (
        float((found - wanted).mean()),
        "you averaged the absolute differences: PSNR squares them before the mean.",
    )
    for value, hint in (
        (log, f"your numbers are {-off:.1f} dB too low: you took a peak of 1, but how wide is the range from -1 to 1?"),
        (log + 10 * math.log10(2), f"your numbers are {-off:.1f} dB too low: the difference is halved *before* it is squared."),
        (log + 20 * math.log10(4), f"your numbers are {off:.1f} dB too high: the range was divided out twice."),
        (log + 20 * math.log10(255), f"your numbers are {off:.0f} dB too high: a peak of 255 belongs to pictures from 0 to 255."),
        (-wanted, "your numbers are negative: a smaller error should give more decibels."),
        (wanted / 2, "your numbers are half as large as they should be: 10 times the logarithm of the *squared* error, or 20 times that of its root."),
        (wanted * 2, "your numbers are twice as large as they should be: 20 belongs to the root of the squared error."),
        (wanted * math.log(10), "your numbers are 2.3 times too large: decibels take the logarithm of base 10, not the natural one."),
        (-20 * (absolute / 2).log10(), squares),
        (-10 * (absolute / 2).log10(), squares),
        (-10 * (difference.mean((1, 2, 3)) / 2).square().log10(), "you average the differences before you square them, and they cancel: square first."),
        (-10 * (difference.mean(1) / 2).square().mean((1, 2)).log10(), "you average the three colours before you square: an error in red and its opposite in green are two errors."),
        (log + 20 * (truth.amax((1, 2, 3)) - truth.amin((1, 2, 3))).log10(), "you divide by the range that the true picture happens to have: the range is that of all pictures, from -1 to 1."),
        (log + 20 * (truth.amax((1, 2, 3)) + 1).log10(), "you take the brightest pixel of the true picture for the peak: the range is that of all pictures, from -1 to 1."),
        (-10 * (difference / 2).square().mean((2, 3)).log10().mean(1), "you take the logarithm for each colour and average those: one squared error for each picture, then its logarithm."),
        ((-10 * (squared.mean() / 4).log10()).expand(n), f"all {n} pictures get one number: the squares were averaged over the batch before the logarithm."),
    ):  # fmt: skip
        if is_(value):
            raise NotYet(hint)
    wrong = int((found - wanted).abs().argmax())
    mine, right = unlike(found[wrong], wanted[wrong], 1)
    expect(
        is_(wanted),
        f"a squared error of {float(squared[wrong]):.2g} on a range of 2 gives {mine} dB for you and should give {right}: what is its share of the range squared, in decibels?",
    )


class Compared(TorchDispatchMode):
    """Notes the largest result of a subtraction or a distance while it is active."""

    most = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        name = function.__name__.partition(".")[0].rstrip("_")
        if name in ("sub", "rsub", "abs", "smooth_l1_loss") and isinstance(result, Tensor):
            self.most = max(self.most, result.numel())
        return result


@exercise("the names decide, every picture weighs the same, and a missing one is noticed")
def check_mean_error(mean_error):
    order = torch.randperm(11).tolist()
    truths = {f"{i}.png": torch.rand(3, 6, 6) * 2 - 1 for i in range(11)}
    amounts = (0.05 + torch.linspace(0, 0.9, 11) ** 3)[torch.randperm(11)]
    signs = {name: amount * torch.sign(torch.randn(3, 6, 6)) for name, amount in zip(truths, amounts)}
    fakes = {f"{i}.png": truths[f"{i}.png"] + signs[f"{i}.png"] for i in order}
    errors = {name: float((fakes[name] - truths[name]).abs().mean()) / 2 for name in truths}
    wanted = sum(errors.values()) / 11

    zero = asked(mean_error, dict(truths), {name: truths[name] for name in reversed(truths)}, 11)
    expect(
        abs(zero) < 1e-6,
        f"the true pictures against themselves have an error of {zero:.2f}: which truth does 10.png meet when the two dictionaries list their names in different orders?",
    )
    with untouched("mean_error", fakes=fakes, truths=truths):
        found = asked(mean_error, fakes, truths, 11)
    if not math.isclose(found, wanted, rel_tol=1e-4):
        expect(
            not math.isclose(found, 2 * wanted, rel_tol=1e-4),
            "your error is twice as large as it should be: the range from -1 to 1 is 2 wide, see `l1_error`.",
        )
        mine, right = unlike(found, wanted)
        raise NotYet(
            f"the eleven pictures have a mean error of {right}, and you give {mine}: is each of them compared with the truth of its name?"
        )
    for batch in (4, 10, 1, 50, None):
        with Compared() as compared:
            found = asked(mean_error, fakes, truths, *([] if batch is None else [batch]))
        mine, right = unlike(found, wanted)
        expect(
            math.isclose(found, wanted, rel_tol=1e-4),
            f"11 pictures in batches of {batch or 8} give {mine}, all in one batch {right}: the last batch is shorter. How much does each of its pictures weigh?",
        )
        together = compared.most // fakes["0.png"].numel()
        expect(
            together <= (batch or 8),
            f"with batch={batch or 8} you compare {together} pictures at once: a folder may hold ten thousand, so go through them `batch` at a time.",
        )
    for missing in ((None, "3.png"), ("10.png", None), (None, "most"), ("10.png", "3.png")):
        compare_missing(mean_error, fakes, truths, *missing)


def asked(mean_error, *what) -> float:
    answer = mean_error(*what)
    expect(answer is not None, "mean_error gives None: is there a `return`?")
    try:
        return float(answer)
    except (TypeError, ValueError, RuntimeError):
        raise NotYet("mean_error should give one number for all pictures together.") from None


def compare_missing(mean_error, fakes: dict, truths: dict, no_fake, no_truth) -> None:
    """Leave out a translation, a truth, or one of each, which leaves as many on both sides."""
    some = {name: picture for name, picture in fakes.items() if name != no_fake}
    few = {name: picture for name, picture in truths.items() if name != no_truth}
    few = {"0.png": truths["0.png"]} if no_truth == "most" else few
    case = f"{len(some)} translations and {len(few)} truths"
    if no_fake and no_truth:
        case = f"as many translations as truths, {len(some)}, but not of the same names,"
    lacking = "translation" if no_fake else "truth"
    try:
        found = asked(mean_error, some, few, 4)
    except (NotYet, NotImplementedError):
        raise
    except Exception:
        return
    raise NotYet(
        f"with {case} you still give a number, {found:.3f}: a missing {lacking} must be an error, or hard pictures can be left out unnoticed."
    )
