"""The checks of notebook 04 on the losses of the game."""

import torch
import torch.nn.functional as F
from torch import Tensor

from minicyclegan.checks.frame import NotYet, exercise, expect
from minicyclegan.checks.probes import gradients, same_gradients, unlike, untouched


def distance(scores: Tensor, target: float, mode: str = "lsgan") -> Tensor:
    """What the losses should be made of."""
    targets = torch.full_like(scores, target)
    return (
        F.mse_loss(scores, targets)
        if mode == "lsgan"
        else F.binary_cross_entropy_with_logits(scores, targets)
    )


def scalar(loss, name: str) -> Tensor:
    """The student's loss, once it is one number that a network can learn from. Raises NotYet."""
    expect(loss is not None, f"{name} gives None: is there a `return`?")
    expect(
        isinstance(loss, Tensor),
        f"{name} gives {type(loss).__name__}, not a tensor: a plain number has no gradient to learn from, so no `.item()`.",
    )
    expect(
        loss.numel() == 1,
        f"{name} has the shape {tuple(loss.shape)}: one number is wanted, the mean over all places of the map.",
    )
    return loss.reshape(())


def same(found: Tensor, wanted: Tensor) -> bool:
    return torch.allclose(found.float(), wanted.float(), atol=1e-5, rtol=1e-4)


def refuse(found: Tensor, wanted: Tensor, mistakes, otherwise: str) -> None:
    """Unless `found` is what is wanted, raise NotYet with the hint for the mistake that gives it."""
    if same(found, wanted):
        return
    for value, hint in mistakes:
        if same(found, value):
            raise NotYet(hint)
    raise NotYet(otherwise)


@exercise("both criteria, for real and fake, any shape, also where scores are extreme")
def check_gan_loss(gan_loss):
    for mode in ("lsgan", "bce"):
        for shape, is_real in (
            ((2, 1, 5, 4), True),
            ((3, 1, 2, 7), False),
            ((6,), True),
            ((1, 1, 1, 1), False),
        ):
            scores = (1.5 * torch.randn(shape)).requires_grad_()
            before = scores.detach().clone()
            with untouched("your function", scores=scores):
                loss = scalar(gan_loss(scores, is_real, mode), "your loss")
            expect(torch.equal(scores, before), "your function writes into the scores it was given.")
            compare_distance(loss, scores, is_real, mode)
            expect(
                loss.requires_grad,
                "your loss has no way back to the scores: leave out `detach()` and `no_grad()`.",
            )
            expect(
                same_gradients(loss, distance(scores, float(is_real), mode), [scores]),
                f"for {mode} the value is right, but its gradient for the scores is not: a part of it is detached.",
            )
    compare_extremes(gan_loss)
    scores = torch.randn(2, 1, 3, 3)
    expect(
        same(scalar(gan_loss(scores, True), "your loss"), distance(scores, 1.0)),
        "without a mode your function should take least squares.",
    )
    for mode in ("wasserstein", "hinge", "gan", ""):
        refuses_mode(gan_loss, scores, mode)


def compare_extremes(gan_loss) -> None:
    """Scores far away from their targets: the loss still grows, and still has a slope."""
    for far in (-200.0, 200.0):
        scores = torch.tensor([far], requires_grad=True)
        loss = scalar(gan_loss(scores, far < 0, "bce"), "your loss")
        expect(
            abs(loss.item()) > 199,
            f"for a score of {far:.0f} that should be {'real' if far < 0 else 'fake'} your cross-entropy is {loss.item():.0f}, not 200: sigmoid and logarithm belong in one step, `..._with_logits`.",
        )
        slope = gradients(loss, [scores])[0].item()
        expect(
            abs(abs(slope) - 1) < 1e-3,
            f"for a score of {far:.0f} that should be {'real' if far < 0 else 'fake'} the slope of your cross-entropy is {slope:.2g}, not 1 or -1: is something clamped?",
        )
        loss, wanted = gan_loss(scores, far < 0).item(), (far - (far < 0)) ** 2
        expect(
            abs(loss - wanted) < 1,
            f"for a score of {far:.0f} that should be {'real' if far < 0 else 'fake'} the squared distance is {wanted:.0f}, and you give {loss:.0f}: square every distance, also a large one.",
        )


def refuses_mode(gan_loss, scores: Tensor, mode: str) -> None:
    try:
        gan_loss(scores, True, mode)
    except ValueError:
        return
    except NotImplementedError:
        raise
    except Exception as error:
        raise NotYet(
            f"for the mode {mode!r} it stops with {type(error).__name__}; a ValueError is wanted."
        ) from None
    raise NotYet(f"for the mode {mode!r} your function should raise ValueError, but it gives an answer.")


def compare_distance(loss: Tensor, scores: Tensor, is_real: bool, mode: str) -> None:
    target, s = float(is_real), scores.detach()
    wanted, word = distance(s, target, mode), "real" if is_real else "fake"
    found, right = unlike(loss, wanted)
    text = f"for {mode} and {word} you get {found} where {right} is right"
    other = "bce" if mode == "lsgan" else "lsgan"
    mistakes = [
        (distance(s, 1 - target, mode), f"{text}: that is the distance from the other target. Which number means real?"),
        (wanted * s.numel(), f"{text}: that is the sum over the map; take the mean, or larger pictures weigh more."),
        (wanted * s.shape[-1], f"{text}: that is a sum over a part of the map; take the mean over all of it."),
        (wanted * s.numel() / len(s), f"{text}: that is the sum over each map; take the mean over all places."),
        (distance(s, target, other), f"{text}: the two modes are swapped, or the mode is ignored."),
        (wanted / 2, f"{text}: no half here; it belongs to the discriminator's loss, which comes later."),
        (-wanted, f"{text}: a loss gets smaller when the scores get better; your sign is the wrong way round."),
    ]  # fmt: skip
    if mode == "lsgan":
        mistakes += [
            ((s.mean() - target) ** 2, f"{text}: you average the map before squaring; then places cancel each other out."),
            ((s - target).abs().mean(), f"{text}: you take the distances themselves; they should be squared."),
            (wanted.sqrt(), f"{text}: no root at the end."),
            (distance(s.sigmoid(), target), f"{text}: least squares take the raw score, without a sigmoid."),
        ]  # fmt: skip
    else:
        mistakes += [
            (distance(s.sigmoid(), target, mode), f"{text}: the sigmoid is applied twice, once by you, once by `..._with_logits`."),
            (distance(s.mean(), target, mode), f"{text}: you average the map first; the loss should look at each of its scores."),
        ]  # fmt: skip
    refuse(
        loss.detach(), wanted, mistakes, f"{text}. Compare each score with its target, then take the mean."
    )


@exercise("opposite aims, the discriminator's halved, in both modes")
def check_game_losses(discriminator_loss, generator_loss):
    for mode in ("lsgan", "bce"):
        real, fake = torch.randn(2, 1, 6, 5) + 0.5, torch.randn(1, 1, 3, 4) - 0.5
        r, f = real.clone().requires_grad_(), fake.clone().requires_grad_()
        with untouched("discriminator_loss", scores=[r, f]):
            loss = scalar(discriminator_loss(r, f, mode), "discriminator_loss")
        compare_discriminator(loss, real, fake, mode)
        for_real, for_fake = gradients(loss, [r, f])
        expect(
            bool(for_fake.any()),
            "your discriminator's loss does not reach the fake scores: detach belongs to the picture, before the discriminator looks at it.",
        )
        expect(
            bool(for_real.any()), "your discriminator's loss does not reach the real scores: no detach here."
        )
        wanted = 0.5 * (distance(r, 1.0, mode) + distance(f, 0.0, mode))
        expect(
            same_gradients(loss, wanted, [r, f]),
            "discriminator_loss has the right value and a wrong gradient: a part of it is detached.",
        )
        f = fake.clone().requires_grad_()
        with untouched("generator_loss", scores=f):
            loss = scalar(generator_loss(f, mode), "generator_loss")
        compare_generator(loss, fake, mode)
        expect(
            loss.requires_grad and bool(gradients(loss, [f])[0].any()),
            "your generator's loss does not reach the fake scores: there is nothing to learn from.",
        )
        expect(
            same_gradients(loss, distance(f, 1.0, mode), [f]),
            "generator_loss has the right value and a wrong gradient: a part of it is detached.",
        )
    expect(
        same(discriminator_loss(real, fake), 0.5 * (distance(real, 1.0) + distance(fake, 0.0))),
        "without a mode discriminator_loss should take least squares.",
    )
    expect(
        same(generator_loss(fake), distance(fake, 1.0)),
        "without a mode generator_loss should take least squares.",
    )


def compare_discriminator(loss: Tensor, real: Tensor, fake: Tensor, mode: str) -> None:
    right = distance(real, 1.0, mode) + distance(fake, 0.0, mode)
    swapped = distance(real, 0.0, mode) + distance(fake, 1.0, mode)
    both = torch.cat(
        [distance(real, 1.0, mode).expand(real.numel()), distance(fake, 0.0, mode).expand(fake.numel())]
    )
    name, other = "discriminator_loss", "lsgan" if mode == "bce" else "bce"
    mistakes = [
        (right, f"{name} is twice as large as it should be: the paper halves it, to slow the discriminator down."),
        (right / 4, f"{name} is half of what it should be: it is halved once."),
        (swapped / 2, f"{name}: real and fake are swapped; the discriminator wants 1 for real."),
        (swapped, f"{name}: real and fake are swapped, and the half is missing."),
        (distance(real, 1.0, mode) / 2, f"{name} never looks at the fakes: what does it want from them?"),
        (distance(fake, 0.0, mode) / 2, f"{name} never looks at the real pictures: what does it want from them?"),
        (distance(real, 1.0, mode) / 2 + distance(fake, 1.0, mode) / 2, f"{name} asks for 1 everywhere: that is the generator's wish for the fakes."),
        (both.mean(), f"{name}: real and fake should weigh the same, even if one map is larger; average each by itself."),
        ((distance(real, 1.0, mode) - distance(fake, 0.0, mode)) / 2, f"{name}: one part is subtracted; the discriminator wants both distances small."),
        (-right / 2, f"{name}: your sign is the wrong way round; a loss gets smaller when the discriminator gets better."),
        ((distance(real, 1.0, mode) + distance(fake, 0.0, other)) / 2, f"{name} does not pass its mode on to gan_loss for the fake scores."),
        ((distance(real, 1.0, other) + distance(fake, 0.0, mode)) / 2, f"{name} does not pass its mode on to gan_loss for the real scores."),
        ((distance(real, 1.0, other) + distance(fake, 0.0, other)) / 2, f"{name} does not pass its mode on to gan_loss."),
    ]  # fmt: skip
    found, wanted = unlike(loss, right / 2)
    refuse(
        loss.detach(),
        right / 2,
        mistakes,
        f"{name} for {mode} is {found}, and {wanted} is right: half of the sum of two distances.",
    )


def compare_generator(loss: Tensor, fake: Tensor, mode: str) -> None:
    right, name, other = distance(fake, 1.0, mode), "generator_loss", "lsgan" if mode == "bce" else "bce"
    mistakes = [
        (distance(fake, 0.0, mode), f"{name} wants fakes to be called fake, and so does the discriminator: whom would it then play against?"),
        (-distance(fake, 0.0, mode), f"{name}: minus the discriminator's loss has hardly any slope where the fakes are bad, or no lower bound; ask for 1 instead."),
        (right / 2, f"{name} is halved; only the discriminator's loss is."),
        (-right, f"{name}: your sign is the wrong way round."),
        (distance(fake, 1.0, other), f"{name} does not pass its mode on to gan_loss."),
    ]  # fmt: skip
    found, wanted = unlike(loss, right)
    refuse(
        loss.detach(),
        right,
        mistakes,
        f"{name} for {mode} is {found}, and {wanted} is right: the distance of the fake scores from 1.",
    )
