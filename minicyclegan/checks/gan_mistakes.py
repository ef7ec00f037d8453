"""The checks of notebook 04 on mistakes with the losses: a map that is averaged too early, and the article's five."""

import torch
from torch import nn

from minicyclegan.checks.frame import NotYet, exercise, expect
from minicyclegan.checks.gan_loss import distance, refuse, scalar
from minicyclegan.checks.probes import same_gradients, unlike, untouched


@exercise("every score of every map counts")
def check_loss_for_real(loss_for_real):
    for n, height, width, scale in ((3, 12, 16, 3), (1, 10, 20, 3), (2, 8, 8, 60)):
        discriminator = nn.Conv2d(3, 1, 4, stride=2, padding=1)
        discriminator.weight.data *= scale
        compare_for_real(loss_for_real, discriminator, torch.randn(n, 3, height, width))


def compare_for_real(loss_for_real, discriminator: nn.Module, pictures: torch.Tensor) -> None:
    with untouched("loss_for_real", discriminator=discriminator, pictures=pictures):
        loss = scalar(loss_for_real(discriminator, pictures), "loss_for_real")
    scores = discriminator(pictures).detach()
    wanted = distance(scores, 1.0)
    found, right = unlike(loss, wanted)
    text = f"your loss is {found}, and the mean squared distance from 1 is {right}"
    mistakes = [
        ((scores.mean((1, 2, 3)) - 1).square().mean(), f"{text}: each map is still averaged before it is squared, so its places cancel."),
        ((scores.mean() - 1) ** 2, f"{text}: now all maps together are averaged before squaring, and even pictures cancel."),
        ((scores.mean(3) - 1).square().mean(), f"{text}: the rows of each map are still averaged before squaring."),
        ((scores.mean(2) - 1).square().mean(), f"{text}: the columns of each map are still averaged before squaring."),
        ((scores.mean(0) - 1).square().mean(), f"{text}: the pictures are averaged before squaring; keep them apart."),
        ((scores.amax((2, 3)) - 1).square().mean(), f"{text}: one score of each map counts, the highest, and the others do not matter."),
        (scores.square().mean(), f"{text}: your target is 0, but these pictures are real."),
        ((scores - 1).square().sum(), f"{text}: that is a sum; average after squaring."),
        ((scores - 1).square().mean() / 2, f"{text}: no half is wanted here."),
        ((scores - 1).abs().mean(), f"{text}: the distances are not squared."),
        ((scores.sigmoid() - 1).square().mean(), f"{text}: no sigmoid; the raw scores should be 1."),
    ]  # fmt: skip
    refuse(loss.detach(), wanted, mistakes, f"{text}. Square the distance at each place, then average.")
    expect(
        loss.requires_grad,
        "your loss has no way back to the discriminator: leave out `detach()` and `no_grad()`.",
    )
    expect(
        same_gradients(loss, distance(discriminator(pictures), 1.0), discriminator.parameters()),
        "the value is right, but its gradient for the discriminator is not: a part of it is detached.",
    )


ABOUT_MISTAKES = (  # (what to say if "silent" was wrong, what to say if "error" was wrong)
    ("1: BCELoss asks its target for its size. Does True have one?", ""),
    ("2: BCELoss takes the logarithm of what it gets. Of which numbers can that be a probability?", ""),
    ("3: the discriminator's backward() goes through the fake into the generator and uses that graph up. What will the generator's own backward() find?", ""),
    ("", "4: each line of it is a sound loss; it is only told the wrong things. Who in the program knows what is real?"),
    ("", "5: a loss with the wrong sign is as easy to make small as one with the right sign."),
)  # fmt: skip


@exercise("three stop with a message, two run on and learn nonsense")
def check_five_mistakes(my_guess):
    expect(
        isinstance(my_guess, (list, tuple)) and len(my_guess) == 5,
        'my_guess should be a list of five words, each "error" or "silent".',
    )
    words = [str(word).strip().lower() for word in my_guess]
    strange = [word for word in words if word not in ("error", "silent")]
    expect(not strange, f'{str(strange[:1])[1:-1][:40]} is not an answer: each word is "error" or "silent".')
    measured = [outcome(number) for number in range(1, 6)]
    wrong = [k for k in range(5) if words[k] != measured[k]]
    expect(
        len(wrong) < 5,
        "all five are the other way round: a program stops only where a number cannot be computed, not where it makes no sense.",
    )
    if wrong:
        hints = ABOUT_MISTAKES[wrong[0]]
        more = f" ({len(wrong)} of your five are not yet right; this is the first.)" if len(wrong) > 1 else ""
        raise NotYet("number " + (hints[0] if words[wrong[0]] == "silent" else hints[1]) + more)


def outcome(number: int) -> str:
    """Make the article's mistake with this number on two tiny networks: "error" or "silent"."""
    generator, discriminator = nn.Linear(3, 2), nn.Linear(2, 1)
    fake, other = generator(torch.randn(4, 3)), generator(torch.randn(4, 3))
    scores = discriminator(fake)
    try:
        if number == 1:
            nn.BCELoss()(scores.sigmoid(), True)
        elif number == 2:
            nn.BCELoss()(scores.abs() + 1.7, torch.ones_like(scores))
        elif number == 3:
            (0.5 * (distance(discriminator(torch.randn(4, 2)), 1.0) + distance(scores, 0.0))).backward()
            distance(discriminator(fake), 1.0).backward()
        elif number == 4:
            (
                distance(discriminator(other.detach()), 0.0) + distance(discriminator(fake.detach()), 1.0)
            ).backward()
        else:
            distance(discriminator(fake.detach()), 0.0).backward()
            distance(discriminator(fake), 0.0).backward()
    except (RuntimeError, TypeError, AttributeError, ValueError):
        return "error"
    return "silent"
