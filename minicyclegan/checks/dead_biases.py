"""The check of notebook 03 on the biases that a norm subtracts again."""

import torch
from torch import nn

from minicyclegan.checks.discriminator import random_int, whole
from minicyclegan.checks.frame import exercise, expect
from minicyclegan.checks.probes import untouched


@exercise("the biases in front of an instance norm are counted, and no others")
def check_dead_biases(dead_biases):
    a, b, c, d = (random_int(3 + 4 * k, 6 + 4 * k) for k in range(4))
    first = [nn.Conv2d(3, a, 4), nn.LeakyReLU(0.2)]
    middle = [nn.Conv2d(a, b, 4), nn.InstanceNorm2d(b), nn.LeakyReLU(0.2), nn.Conv2d(b, c, 4)]
    found = whole(
        dead_biases(nn.Sequential(*first, *middle, nn.InstanceNorm2d(c), nn.Conv2d(c, 1, 4))), "dead_biases"
    )
    text = f"for convolutions to {a}, {b}, {c} and 1 channels, with a norm after the second and the third, you count {found}"
    for value, hint in (
        (a + b + c + 1, "that is all the biases. Whose mean does an instance norm subtract?"),
        (a + 1, "those are the biases that live: no norm follows them."),
        (2, "those are layers. How many biases does a convolution have?"),
        (a + b, "those are their inputs: a bias is added to each channel that comes OUT of a convolution."),
        (c + 1, "it is the convolution before a norm, not the one after it, whose biases are dead."),
        (16 * (a * b + b * c), "those are weights; a dead bias says nothing about the weights."),
        (16 * (a * b + b * c) + b + c, "the weights are not dead: only what is the same at every place of a channel is subtracted."),
        (0, "is nothing subtracted that was added just before?"),
        (b, "the second norm is missing: is the end of the list looked at?"),
    ):  # fmt: skip
        expect(found == b + c or found != value, f"{text}: {hint}")
    expect(found == b + c, f"{text}. Which convolutions have a norm right after them, and how wide are they?")

    bent = [nn.Conv2d(3, a, 4), nn.LeakyReLU(0.2), nn.InstanceNorm2d(a)]
    found = whole(dead_biases(nn.Sequential(*bent, nn.Conv2d(a, d, 4), nn.InstanceNorm2d(d))), "dead_biases")
    expect(
        found != a + d,
        "a LeakyReLU between a convolution and its norm keeps the biases alive: they move the place where it bends. Only the layer right after it counts.",
    )
    expect(found == d, f"where a norm ends the list and {d} biases come before it, you count {found}.")

    mute = [nn.Conv2d(3, a, 4, bias=False), nn.InstanceNorm2d(a), nn.Conv2d(a, b, 4), nn.InstanceNorm2d(b)]
    try:
        found = whole(dead_biases(nn.Sequential(*mute)), "dead_biases")
    except AttributeError:
        found = None
    expect(
        found == b, "a convolution made with bias=False has no biases to count: there `layer.bias` is None."
    )
    compare_any_list(dead_biases)


def compare_any_list(dead_biases) -> None:
    """Short lists, and longer ones of random layers."""
    alone = whole(dead_biases(nn.Sequential(nn.Conv2d(3, 7, 4))), "dead_biases")
    expect(
        alone == 0,
        f"a single convolution with nothing behind it has {alone} dead biases for you: it has none.",
    )
    for _ in range(12):
        layers, wanted, width = [], 0, 3
        for kind in torch.randint(6, (random_int(2, 9),)).tolist():
            before = layers[-1] if layers else None
            if kind < 3:
                wider = random_int(2, 9)
                layers.append(nn.Conv2d(width, wider, 3, bias=kind < 2))
                width = wider
            elif kind == 3:
                layers.append(nn.InstanceNorm2d(width))
                if isinstance(before, nn.Conv2d) and before.bias is not None:
                    wanted += width
            else:
                layers.append(nn.BatchNorm2d(width, affine=False) if kind == 4 else nn.Tanh())
        network = nn.Sequential(*layers)
        with untouched("dead_biases", layers=network):
            found = whole(dead_biases(network), "dead_biases")
        names = ", ".join(type(layer).__name__.removesuffix("2d") for layer in layers)
        expect(
            found == wanted,
            f"for the layers {names} you count {found}, and {wanted} biases stand directly in front of an instance norm. Other norms are not asked about.",
        )
