"""The checks of notebook 11: the article's cycle loss and translations, repaired."""

import itertools

import torch
from torch import nn

from minicyclegan.checks.frame import exercise, expect
from minicyclegan.checks.gan_loss import refuse
from minicyclegan.checks.probes import other_means, same_gradients, unlike, untouched, with_generator_f


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

    with untouched("cycle_loss", pictures=[x, y], G=G, F=F):
        loss = scalar(with_generator_f(cycle_loss, G, F, x, y), "cycle_loss")
    from_x, from_y = way(F(G(x)), x), way(G(F(y)), y)
    wanted = from_x + from_y
    mistakes = [
        (from_x, "one way is missing: nobody asks whether y comes back."),
        (from_y, "one way is missing: nobody asks whether x comes back."),
        (wanted / 2, "your loss is half as large as it should be: the two ways are added, not averaged."),
        (wanted * x.numel(), "your loss grows with the number of pixels: mean, not sum."),
        ((F(G(x)) - x).square().mean() + (G(F(y)) - y).square().mean(), "you square the differences; the L1 norm is the mean of their absolute values."),
        ((F(G(x)) - x).mean() + (G(F(y)) - y).mean(), "a difference of -1 and one of +1 add up to zero in your loss: what does L1 do with the sign?"),
        (
            way(F(G(x)), 1) + way(G(F(y)), 1),
            "you still compare with 1, which is a white picture: with what should the picture that comes back agree?",
        ),
        (way(G(G(x)), x) + way(G(G(y)), y), "G goes out and G comes back: F is never asked. Which network leads from B to A?"),
        (way(F(F(x)), x) + way(F(F(y)), y), "F goes out and F comes back: G is never asked. Which network leads from A to B?"),
        (way(F(G(x)), y) + way(G(F(y)), x), "you compare the way back with a picture of the other domain: x comes back to x."),
        (way(F(G(x)), x) + way(F(G(y)), y), "the path of y begins with G in your loss; y is in B, so which network takes it first?"),
        (way(G(F(x)), x) + way(G(F(y)), y), "the path of x begins with F in your loss; x is in A, so which network takes it first?"),
        (way(G(F(x)), x) + way(F(G(y)), y), "G and F have changed places: G leads from A, where x is, to B."),
        (way(G(x), x) + way(F(y), y), "your pictures go out and do not come back: what must take G(x) home?"),
        (way(G(y), y) + way(F(x), x), "this is an identity loss: each picture goes through one network only, and nothing goes out and comes home."),
        (way(F(G(x)), G(x)) + way(G(F(y)), F(y)), "you compare what comes home with the fake on the way; it should be what it began as."),
        (way(G(x), y) + way(F(y), x), "this compares a translation with some picture of the other domain, as if they were pairs; nothing comes back."),
        *other_means(F(G(x)) - x, G(F(y)) - y),
    ]  # fmt: skip
    found, right = unlike(loss, wanted, 4)
    refuse(
        loss.detach(),
        wanted.detach(),
        mistakes,
        f"your loss is {found} and it should be {right}: what comes back from x against x, and from y against y.",
    )
    expect(loss.requires_grad, "no gradient comes out of your loss: neither network could learn from it.")
    expect(
        same_gradients(loss, wanted, [*G.parameters(), *F.parameters()]),
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
    with untouched("translations", pictures=reals):
        given = with_generator_f(translations, networks["G"], networks["F"], reals["real_A"], reals["real_B"])
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
    compare_ways(translations)


def compare_ways(translations) -> None:
    """Whether the four pictures still know how they were made: the losses made of them teach both networks."""
    G, F = (nn.Conv2d(3, 3, 3, padding=1) for _ in range(2))
    a, b = torch.rand(2, 3, 5, 5), torch.rand(3, 3, 5, 5)
    with untouched("translations", pictures=[a, b], G=G, F=F):
        given = translations(G, F, a, b)
    wanted = G(a), F(b), F(G(a)), G(F(b))
    for name, picture, right in zip(("fake_B", "fake_A", "cycled_A", "cycled_B"), given, wanted):
        pull = torch.randn_like(right)
        expect(
            same_gradients((picture * pull).sum(), (right * pull).sum(), [*G.parameters(), *F.parameters()]),
            f"your {name} is the right picture, but the way back to the networks that made it is cut: nothing is detached or computed under no_grad here.",
        )
