"""The check of notebook 11: the article's criterion, repaired."""

import torch
import torch.nn.functional as functional

from minicyclegan.checks.article import scalar
from minicyclegan.checks.frame import NotYet, exercise, expect
from minicyclegan.checks.probes import same_gradients, unlike, untouched


@exercise("True and False become tensors, and a D that is very sure can still be taught")
def check_article_bce(bce):
    for shape in ((2, 1, 3, 3), (5,), (1, 1, 2, 6)):
        scores = (2 * torch.randn(shape)).requires_grad_()
        losses = {}
        for is_real in (True, False):
            with untouched("bce", scores=scores):
                losses[is_real] = one_bce(bce, scores, is_real)
        for is_real, loss in losses.items():
            compare_bce(
                loss.detach(),
                {key: value.detach() for key, value in losses.items()},
                scores.detach(),
                is_real,
            )
            expect(
                loss.requires_grad,
                "no gradient comes out of your loss: it is detached from the scores somewhere.",
            )
            wanted = functional.softplus(-scores if is_real else scores).mean()
            expect(
                same_gradients(loss, wanted, [scores]),
                "the value is right, but its gradient for the scores is not: a part of it is detached.",
            )
    for score, is_real in ((-120.0, True), (120.0, False)):
        sure = torch.tensor([score], requires_grad=True)
        loss = one_bce(bce, sure, is_real)
        expect(
            loss.requires_grad,
            "no gradient comes out of your loss: it is detached from the scores somewhere.",
        )
        slope = torch.autograd.grad(loss, sure)[0].item()
        expect(
            abs(abs(slope) - 1) < 1e-3 and abs(loss.item() - 120) < 0.1,
            f"at a score of {score:g}, where {is_real} is wanted, your loss is {loss.item():.4g} and its slope {slope:.3g}: the probability was rounded to 0 or 1. Which function works on the scores themselves?",
        )


def one_bce(bce, scores, is_real: bool):
    """The student's loss, with the two errors of the article's line put into words."""
    try:
        loss = bce(scores, is_real)
    except NotImplementedError:  # which is a RuntimeError
        raise
    except (TypeError, AttributeError, ValueError) as error:
        message = str(error)
        about = ("bool", "target size", "size", "must be Tensor", "'int'", "'float'")
        expect(
            not any(word in message for word in about),
            f"the target is of the wrong kind ({type(error).__name__}): a tensor of the shape of the scores is wanted, full of ones or of zeros.",
        )
        raise
    except RuntimeError as error:
        expect(
            "between 0 and 1" not in str(error),
            "raw scores are not probabilities: your criterion wants numbers between 0 and 1, and D gives any number.",
        )
        expect(
            "dtype" not in str(error) and "type" not in str(error),
            f"the target is of the wrong kind: {str(error).splitlines()[0][:80]}",
        )
        raise
    return scalar(loss, "bce")


def compare_bce(loss, losses: dict, scores, is_real: bool) -> None:
    want = {True: functional.softplus(-scores).mean(), False: functional.softplus(scores).mean()}
    wanted = want[is_real]
    if torch.allclose(loss, wanted, rtol=1e-4):
        return
    p = scores.sigmoid()
    squares = {True: (scores - 1).square().mean(), False: scores.square().mean()}
    twice = {True: functional.softplus(-p).mean(), False: functional.softplus(p).mean()}
    expect(
        not torch.allclose(losses[True], losses[False]),
        "True and False give the same loss: your target does not depend on `is_real`.",
    )
    for value, hint in (
        (want[not is_real], "real and fake have changed places: True means a target of ones."),
        (wanted * scores.numel(), "your loss grows with the size of the map: mean, not sum."),
        (-wanted, "your loss has the wrong sign: it should fall as the scores get better."),
        (squares[is_real], "this is the least-squares loss of the paper; here the cross-entropy is wanted."),
        (twice[is_real], "the sigmoid is taken twice: a criterion with logits takes it itself."),
    ):
        expect(not torch.allclose(loss, value, rtol=1e-4), hint)
    expect(
        not torch.allclose(loss, (p - float(is_real)).square().mean(), rtol=1e-4),
        "this is a squared distance of probabilities; the cross-entropy is wanted.",
    )
    found, right = unlike(loss, wanted, 4)
    raise NotYet(f"where {is_real} is wanted your loss is {found} and the cross-entropy is {right}.")
