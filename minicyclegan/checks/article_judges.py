"""The check of notebook 11: the article's loss of the discriminators, repaired."""

import torch
from torch import nn

from minicyclegan.checks.article import scalar
from minicyclegan.checks.frame import exercise, expect
from minicyclegan.checks.probes import same_gradients, unlike, untouched


class Namer(nn.Module):
    """A discriminator whose scores are a number of its own and that of the picture."""

    def __init__(self, number: int):
        super().__init__()
        self.number = nn.Parameter(torch.tensor(float(number)))

    def forward(self, picture):
        return picture.mean(1, keepdim=True)[..., ::2, ::2] + self.number


@exercise("each discriminator says yes to its real pictures, no to its fakes, and counts both alike")
def check_article_discriminators(discriminators_loss):
    names = ("real_A", "fake_A", "real_B", "fake_B")
    pictures = {name: torch.full((2, 3, 8, 8), float(k)) for k, name in enumerate(names, 1)}
    terms = {}

    def criterion(scores, target):
        """Remember who was asked about what; the gradient of the loss then says with which weight."""
        expect(
            isinstance(scores, torch.Tensor),
            "the first argument of `criterion` is a map of scores, D(picture).",
        )
        if isinstance(target, torch.Tensor):
            target = target.float().mean().item() > 0.5
        expect(isinstance(target, (bool, int, float)), "the second argument of `criterion` is True or False.")
        values = scores.detach().flatten().unique().tolist()
        expect(
            len(values) == 1,
            "one call of `criterion` mixes scores of several pictures with one target: ask about each kind separately.",
        )
        discriminator, which = divmod(round(values[0]), 10)
        expect(
            discriminator in (1, 2) and 1 <= which <= 4,
            "`criterion` wants the scores of a D, as they come out of it.",
        )
        term = torch.rand((), requires_grad=True)
        terms.setdefault((f"D_{'AB'[discriminator - 1]}", names[which - 1], bool(target)), []).append(term)
        return term

    D_A, D_B = Namer(10), Namer(20)
    with untouched("discriminators_loss", D_A=D_A, D_B=D_B):
        loss = discriminators_loss(criterion, D_A, D_B, *pictures.values())
    loss = scalar(loss, "discriminators_loss")
    expect(loss.requires_grad, "your loss does not depend on `criterion`: ask it about scores and a target.")
    weights = {}
    for key, asked in terms.items():
        slopes = torch.autograd.grad(loss, asked, retain_graph=True, allow_unused=True)
        weight = sum(s.item() for s in slopes if s is not None)
        if abs(weight) > 1e-9:
            weights[key] = weight
    for (D, name, target), weight in weights.items():
        expect(
            D[-1] == name[-1],
            f"you ask {D} about {name}, a picture of the other domain: whose question is that?",
        )
    for (D, name, target), weight in weights.items():
        expect(
            target == name.startswith("real"),
            f"{D} is told that {name} is {'real' if target else 'fake'}: what should a discriminator say to it?",
        )
        expect(weight > 0, f"the term of {D}({name}) is subtracted: both mistakes of a D should cost.")
    for name in names:
        expect(
            any(key[1] == name for key in weights),
            f"no discriminator ever sees {name}: what should D_{name[-1]} say to it?",
        )
    values = list(weights.values())
    expect(
        max(values) - min(values) < 1e-6,
        "the four terms count differently: real and fake, A and B have the same right to be heard.",
    )
    expect(
        abs(values[0] - 0.5) < 1e-6,
        f"every term counts {values[0]:.2f} in your sum: average the two terms of each D, and add the two discriminators.",
    )
    compare_lesson(discriminators_loss)


def compare_lesson(discriminators_loss) -> None:
    """With real networks and a real criterion: the value, and what each discriminator learns from it."""
    from minicyclegan.gan_loss import gan_loss

    D_A, D_B = (nn.Conv2d(3, 1, 4, 2, 1) for _ in range(2))
    real_A, fake_A, real_B, fake_B = (torch.rand(2, 3, 8, 8) * 2 - 1 for _ in range(4))
    for mode in ("lsgan", "bce"):

        def criterion(scores, is_real):
            return gan_loss(scores, is_real, mode)

        pictures = real_A, fake_A, real_B, fake_B
        with untouched("discriminators_loss", pictures=list(pictures), D_A=D_A, D_B=D_B):
            loss = scalar(discriminators_loss(criterion, D_A, D_B, *pictures), "discriminators_loss")
        wanted = sum(
            0.5 * (criterion(D(real), True) + criterion(D(fake), False))
            for D, real, fake in ((D_A, real_A, fake_A), (D_B, real_B, fake_B))
        )
        found, right = unlike(loss, wanted)
        expect(
            torch.allclose(loss, wanted, rtol=1e-4),
            f"with real networks your loss is {found} and should be {right}: hand the scores to `criterion` as they come out of D, one for each patch, not averaged.",
        )
        for D, name in ((D_A, "D_A"), (D_B, "D_B")):
            expect(
                same_gradients(loss, wanted, D.parameters()),
                f"the value is right, but {name} does not learn from it as it should: its scores are detached. Only the fake pictures are cut off from their makers, and they come so.",
            )
