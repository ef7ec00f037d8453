"""The check of notebook 05 on what the cycle does not decide."""

import torch
from torch import nn

from minicyclegan.checks.cycle_loss import pictures
from minicyclegan.checks.frame import exercise, expect
from minicyclegan.checks.probes import unlike, untouched


class Winter(nn.Module):
    """A translator that looks at neighbours and at the place, so that nothing commutes with it by accident."""

    def __init__(self, seed: int, size: int):
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        self.kernel = torch.randn(3, 3, 3, 3, generator=generator) / 5
        self.place = torch.randn(3, size, size, generator=generator) / 5

    def forward(self, x):
        return torch.tanh(nn.functional.conv2d(x, self.kernel, padding=1) + self.place)


@exercise(
    "another pair with the same cycle loss and equally wintry pictures, and yet a different translation"
)
def check_other_pair(other_pair):
    sizes = 8, 12, 8
    networks = [(Winter(k, size), Winter(k + 10, size)) for k, size in enumerate(sizes)]
    pairs = []
    for G, F in networks:
        found = other_pair(G, F)
        expect(
            isinstance(found, (tuple, list)) and len(found) == 2 and all(map(callable, found)),
            "other_pair should give two functions, the new way there and the new way back.",
        )
        pairs.append(found)
    for size, (G, F), (there, back) in zip(sizes, networks, pairs):
        a, c = pictures(3, size), pictures(3, size)
        with untouched("your new G", pictures=a):
            fake = there(a)
        expect(
            isinstance(fake, torch.Tensor) and fake.shape == a.shape,
            "your new G should give pictures of the same shape as G.",
        )
        for other, _ in networks:
            expect(
                other is G or other.place.shape != G.place.shape or not same_numbers(fake, other(a)),
                "asked for two pairs, your functions of the first one translate like those of the last: each needs the G and F that it was made for.",
            )
        with untouched("your new F", pictures=fake):
            home = back(fake)
        compare_winter(fake, there, G, a)
        compare_circles(there, back, G, F, a, c, fake, home)


def same_numbers(one: torch.Tensor, other: torch.Tensor) -> bool:
    """Whether each picture holds the same numbers as the other, wherever they lie."""
    return torch.allclose(one.flatten(1).sort(1)[0], other.flatten(1).sort(1)[0], atol=1e-4)


def sorted_pixels(picture: torch.Tensor) -> torch.Tensor:
    """The pixels of one picture (3, H, W), each with its three colours, as a sorted list (H * W, 3)."""
    pixels = picture.flatten(1).T
    order = sorted(range(len(pixels)), key=lambda k: [round(value, 4) for value in pixels[k].tolist()])
    return pixels[order]


def compare_winter(fake, there, G, a: torch.Tensor) -> None:
    """Whether the new winter is the old one with its pixels moved."""
    usual = G(a)
    like = "your new G translates like the old one: change what it gives, so that it is a different winter."
    expect(not torch.allclose(fake, usual, atol=1e-4), like)
    expect(
        sorted(map(str, sorted_sums(fake))) != sorted(map(str, sorted_sums(usual)))
        or sorted_sums(fake) == sorted_sums(usual),
        "the pictures of the batch have changed places, and each is the old winter of another one: move the pixels inside of each picture.",
    )
    expect(
        torch.allclose(there(a[1:]), fake[1:], atol=1e-4),
        "what your new G makes of a picture depends on the others in its batch: move the pixels of each picture in the same way.",
    )
    expect(not any(torch.allclose(one, other, atol=1e-4) for one, other in zip(fake, usual)), like)
    moves = {
        "mirror": lambda x: x.flip(3),
        "turn upside down": lambda x: x.flip(2),
        "turn": lambda x: x.rot90(1, (2, 3)),
        "turn ": lambda x: x.rot90(-1, (2, 3)),
        "turn by 180 degrees": lambda x: x.rot90(2, (2, 3)),
        "swap rows and columns of": lambda x: x.transpose(2, 3),
        "change the colours of": lambda x: x.roll(1, 1),
        "change the colours of ": lambda x: x.flip(1),
        "take the negative of": lambda x: -x,
    }
    for name, move in moves.items():
        expect(
            not torch.allclose(fake, G(move(a)), atol=1e-4),
            f"you {name.strip()} the picture before G: that is the wrong end, for G then sees another summer. Change the winter that comes out of G, and undo that before F.",
        )
    expect(
        same_numbers(fake, usual),
        "the pixels of your new winter are not those of the old one, moved: a discriminator could tell them apart. Use a symmetry, such as a mirror.",
    )
    expect(
        all(
            torch.allclose(sorted_pixels(one), sorted_pixels(other), atol=1e-3)
            for one, other in zip(fake, usual)
        ),
        "the colours have changed: each pixel keeps its three numbers, red, green and blue in this order, and only moves to another place. Use a mirror, for example.",
    )


def sorted_sums(pictures: torch.Tensor) -> list[float]:
    return [round(float(picture.sum()), 2) for picture in pictures]


def compare_circles(there, back, G, F, a, c, fake, home) -> None:
    """Whether both cycle losses are what they were. `c` are pictures of A that become pictures of B."""
    old, new = (F(G(a)) - a).abs().mean(), (home - a).abs().mean()
    before, now = unlike(old, new, 4)
    expect(
        torch.allclose(old, new, atol=1e-5),
        f"the cycle loss from A was {before} and is now {now}: what must your new F do first, before it calls F?",
    )
    # A winter, and the same winter moved: what one pair loses of the first, the other pair loses of the second
    b, moved = G(c), there(c)
    old, new = (G(F(b)) - b).abs().mean(), (there(back(moved)) - moved).abs().mean()
    before, now = unlike(old, new, 4)
    expect(
        torch.allclose(old, new, atol=1e-5),
        f"the cycle loss from B was {before} and is now {now}: the new F must undo exactly what the new G does last.",
    )
    there(c)
    expect(
        torch.allclose(back(fake.clone()), home, atol=1e-5) and torch.allclose(home, F(G(a)), atol=1e-4),
        "your new F gives something else for the same winter after another picture has been translated, or does not bring home what F would: it may use nothing but the picture it is given.",
    )
