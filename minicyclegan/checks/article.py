"""The checks of notebook 11: the article's losses and translations, repaired."""

import itertools

import torch
from torch import nn

from minicyclegan.checks.frame import exercise, expect


def scalar(loss, what: str):
    """A loss as a tensor of one number. Raises NotYet for anything else."""
    expect(loss is not None, f"{what} gives None: is there a `return`?")
    expect(
        isinstance(loss, torch.Tensor),
        f"{what} gives {type(loss).__name__}, not a tensor: nothing could go backward through it.",
    )
    expect(loss.numel() == 1, f"{what} gives {loss.numel()} numbers: a loss is one number, their mean.")
    return loss.reshape(())


@exercise("there and back from both sides, each compared with where it began")
def check_article_cycle(cycle_loss):
    G, F = (nn.Conv2d(3, 3, 3, padding=1) for _ in range(2))
    x, y = torch.rand(2, 3, 8, 6) * 2 - 1, torch.rand(2, 3, 8, 6) * 2 - 1

    def way(end, start):
        return (end - start).abs().mean()

    loss = scalar(cycle_loss(G, F, x, y), "cycle_loss")
    from_x, from_y = way(F(G(x)), x), way(G(F(y)), y)
    wanted = from_x + from_y
    squares = (F(G(x)) - x).square().mean() + (G(F(y)) - y).square().mean()
    signed = (F(G(x)) - x).mean() + (G(F(y)) - y).mean()
    for value, hint in (
        (from_x, "one way is missing: nobody asks whether y comes back."),
        (from_y, "one way is missing: nobody asks whether x comes back."),
        (wanted / 2, "your loss is half as large as it should be: the two ways are added, not averaged."),
        (wanted * x.numel(), "your loss grows with the number of pixels: mean, not sum."),
        (squares, "you square the differences; the L1 norm is the mean of their absolute values."),
        (signed, "a difference of -1 and one of +1 add up to zero in your loss: what does L1 do with the sign?"),
        (
            way(F(G(x)), 1) + way(G(F(y)), 1),
            "you still compare with 1, which is a white picture: with what should the picture that comes back agree?",
        ),
        (way(G(G(x)), x) + way(G(G(y)), y), "G goes out and G comes back: F is never asked. Which network leads from B to A?"),
        (way(F(G(x)), y) + way(G(F(y)), x), "you compare the way back with a picture of the other domain: x comes back to x."),
        (way(F(G(x)), x) + way(F(G(y)), y), "the path of y begins with G in your loss; y is in B, so which network takes it first?"),
        (way(G(F(x)), x) + way(F(G(y)), y), "G and F have changed places: G leads from A, where x is, to B."),
        (way(G(x), x) + way(F(y), y), "your pictures go out and do not come back: what must take G(x) home?"),
        (way(G(x), y) + way(F(y), x), "this compares a translation with some picture of the other domain, as if they were pairs; nothing comes back."),
    ):  # fmt: skip
        expect(not torch.allclose(loss, value, rtol=1e-4), hint)
    expect(
        torch.allclose(loss, wanted, rtol=1e-4),
        f"your loss is {loss.item():.4f} and it should be {wanted.item():.4f}: what comes back from x against x, and from y against y.",
    )
    parameters = [*G.parameters(), *F.parameters()]
    right = torch.autograd.grad(wanted, parameters)
    expect(loss.requires_grad, "no gradient comes out of your loss: neither network could learn from it.")
    found = torch.autograd.grad(loss, parameters, allow_unused=True)
    expect(
        all(f is not None and torch.allclose(f, r, atol=1e-5) for f, r in zip(found, right)),
        "the number is right, but the gradient is cut somewhere: both networks learn from both ways, so nothing is detached here.",
    )


ARTICLE_QUESTIONS = {
    "fake_B": "which network leads from A to B?",
    "fake_A": "which network leads from B to A?",
    "cycled_A": "it should come home to A, from the fake that was made of real_A.",
    "cycled_B": "it should come home to B, from the fake that was made of real_B.",
}


@exercise("out with one network, home with the other, from both sides")
def check_article_translations(translations):
    shift = torch.rand(3, 1, 1)
    networks = {
        "G": lambda picture: 2 * picture + shift,
        "F": lambda picture: 3 * picture.flip(-1) - 1 - shift,
    }
    reals = {"real_A": torch.rand(2, 3, 4, 4), "real_B": torch.rand(2, 3, 4, 4)}
    ways = {}
    for (start, picture), length in itertools.product(reals.items(), range(4)):
        for steps in itertools.product("GF", repeat=length):
            name, value = start, picture
            for step in steps:
                name, value = f"{step}({name})", networks[step](value)
            ways[name] = value
    wanted = {
        "fake_B": "G(real_A)",
        "fake_A": "F(real_B)",
        "cycled_A": "F(G(real_A))",
        "cycled_B": "G(F(real_B))",
    }
    given = translations(networks["G"], networks["F"], reals["real_A"], reals["real_B"])
    expect(given is not None, "translations gives None: is there a `return`?")
    expect(
        isinstance(given, (tuple, list)) and len(given) == 4,
        "translations should give four pictures: fake_B, fake_A, cycled_A, cycled_B.",
    )
    found = {}
    for name, picture in zip(wanted, given):
        expect(
            isinstance(picture, torch.Tensor) and picture.shape == (2, 3, 4, 4),
            f"your {name} is not a batch of pictures with the shape of its input.",
        )
        found[name] = next((way for way, value in ways.items() if torch.allclose(picture, value)), None)
    expect(
        found == wanted or sorted(map(str, found.values())) != sorted(wanted.values()),
        "these are the right four pictures, but not in the order of the docstring's last line.",
    )
    for name, way in wanted.items():
        expect(
            found[name] is not None,
            f"your {name} comes from none of the ways through G and F: {ARTICLE_QUESTIONS[name]}",
        )
        expect(found[name] == way, f"your {name} is {found[name]}: {ARTICLE_QUESTIONS[name]}")


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

    def discriminator(k):
        return lambda picture: picture.mean(1, keepdim=True)[..., ::2, ::2] + 10 * k

    loss = discriminators_loss(criterion, discriminator(1), discriminator(2), *pictures.values())
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
