"""The checks of notebook 11: the article's training step and its criterion, repaired."""

import copy

import torch
import torch.nn.functional as functional
from torch import nn

from minicyclegan.checks.article import scalar
from minicyclegan.checks.frame import NotYet, exercise, expect


@exercise("G learns first, D learns from what G made, and neither leaves gradients with the other")
def check_article_step(training_step):
    from minicyclegan.gan_loss import discriminator_loss, generator_loss

    G0 = nn.Sequential(nn.Conv2d(3, 6, 3, padding=1), nn.Tanh(), nn.Conv2d(6, 3, 3, padding=1))
    D0 = nn.Sequential(nn.Conv2d(3, 6, 4, 2, 1), nn.LeakyReLU(0.2), nn.Conv2d(6, 1, 3))
    real_A, real_B = torch.rand(2, 3, 8, 8), torch.rand(2, 3, 8, 8)
    rate = 0.3
    old_g, old_d = ([torch.randn_like(p) for p in network.parameters()] for network in (G0, D0))

    def moved(network, *gradients):
        """A copy of a network after one step along the sum of some gradients."""
        network = copy.deepcopy(network)
        with torch.no_grad():
            for p, *slopes in zip(network.parameters(), *gradients):
                p -= rate * sum(slopes)
        return network

    def slopes(loss, network):
        return torch.autograd.grad(loss, list(network.parameters()), retain_graph=True)

    def same(one, other) -> bool:
        return all(torch.allclose(p, q, atol=1e-5) for p, q in zip(one.parameters(), other.parameters()))

    fake = G0(real_A)
    for_g = generator_loss(D0(fake))
    aim_g, spill_d = slopes(for_g, G0), slopes(for_g, D0)
    for_d = discriminator_loss(D0(real_B), D0(fake))
    aim_d, spill_g = slopes(for_d, D0), slopes(for_d, G0)
    G1, D1 = moved(G0, aim_g), moved(D0, aim_d)
    with torch.no_grad():
        newer = G1(real_A)  # D may also be shown what G paints after its step
    D1_newer = moved(D0, slopes(discriminator_loss(D0(real_B), D0(newer)), D0))
    G1_after_d = moved(G0, slopes(generator_loss(D1(fake)), G0))

    G, D = copy.deepcopy(G0), copy.deepcopy(D0)
    for network, old in ((G, old_g), (D, old_d)):  # what an earlier step left behind
        for p, gradient in zip(network.parameters(), old):
            p.grad = gradient.clone()
    optimizers = [torch.optim.SGD(network.parameters(), rate) for network in (G, D)]
    try:
        training_step(G, D, real_A, real_B, *optimizers)
    except RuntimeError as error:
        expect(
            "second time" not in str(error),
            "RuntimeError: D's loss goes backward through G once more, and G's graph is gone. What cuts a fake off from its maker?",
        )
        expect(
            "inplace" not in str(error),
            "RuntimeError: keeping the graph does not help, for G's weights have changed since. D needs the picture, not the way it was made.",
        )
        raise
    expect(
        not same(G, G0),
        "G has not moved: does a gradient reach it in its own turn, and is its optimiser's step called?",
    )
    expect(not same(D, D0), "D has not moved: backward, and then its optimiser's step.")
    expect(
        not same(G, moved(G0, old_g, aim_g)) and not same(G, moved(G0, old_g)),
        "G follows old gradients too: what comes before backward in G's turn?",
    )
    if not same(G, G1):
        expect(
            not same(G, G1_after_d),
            "D has moved before G had its turn: here G comes first, against the D of the last step.",
        )
        fooled = slopes(0.5 * (D0(fake) ** 2).mean(), G0), slopes((D0(fake) ** 2).mean(), G0)
        expect(
            not any(same(G, moved(G0, wrong)) for wrong in fooled),
            "your G learns to be recognised: its fakes should be called real.",
        )
        expect(
            not same(G, moved(G0, aim_g, spill_g)) and not same(G, moved(G0, spill_g)),
            "G follows D's loss: only the generator's loss is G's business.",
        )
        raise NotYet("G has not made the step that `generator_loss(D(fake_B))` asks for.")
    for network in (D1, D1_newer):
        if same(D, network):
            break
    else:
        compare_discriminator(D, D0, moved, same, old_d, aim_d, spill_d, slopes, real_B, fake)
    left = [p.grad for p in G.parameters()]
    clean = all(g is None or not g.any() for g in left) or all(
        g is not None and torch.allclose(g, a, atol=1e-5) for g, a in zip(left, aim_g)
    )
    expect(
        clean,
        "both have moved correctly, but D's loss has left gradients in G: D's turn should not reach the generator.",
    )


def compare_discriminator(D, D0, moved, same, old_d, aim_d, spill_d, slopes, real, fake) -> None:
    """Say what D has learned from instead of its own loss alone."""
    from minicyclegan.gan_loss import discriminator_loss, generator_loss

    expect(
        not any(same(D, moved(D0, *more, aim_d)) for more in ((old_d,), (spill_d,), (old_d, spill_d))),
        "D follows gradients that do not belong to its turn: those of an earlier step, or those that G's loss left behind. What comes before D's backward?",
    )
    swapped = slopes(discriminator_loss(D0(fake), D0(real)), D0)
    expect(
        not same(D, moved(D0, swapped)),
        "real and fake have changed places in D's loss: the real scores are the first argument.",
    )
    expect(
        not same(D, moved(D0, slopes(generator_loss(D0(fake)), D0))),
        "D minimises the generator's loss: then both want the same, as in row 5. What is D's own aim?",
    )
    raise NotYet("D has not made the step that `discriminator_loss(D(real_B), D(fake_B))` asks for.")


@exercise("True and False become tensors, and a D that is very sure can still be taught")
def check_article_bce(bce):
    for shape in ((2, 1, 3, 3), (5,)):
        scores = 2 * torch.randn(shape)
        losses = {}
        for is_real in (True, False):
            losses[is_real] = one_bce(bce, scores, is_real)
        for is_real, loss in losses.items():
            compare_bce(loss, losses, scores, is_real)
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
    raise NotYet(
        f"where {is_real} is wanted your loss is {loss.item():.4f} and the cross-entropy is {wanted.item():.4f}."
    )
