"""The checks of notebook 03 on the network: its layers, and the biases that a norm subtracts again."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from minicyclegan.checks.frame import NotYet, exercise, expect


def whole(answer, what: str) -> int:
    """An answer as a whole number; a float or a tensor of one whole number will do. Raises NotYet."""
    expect(answer is not None, f"{what} gives None: is there a `return`?")
    try:
        found = float(answer)
    except (TypeError, ValueError):
        raise NotYet(f"{what} is {type(answer).__name__}, but one whole number is wanted.") from None
    expect(math.isfinite(found) and found == int(found), f"{what} is {found:g}; it should be a whole number.")
    return int(found)


def random_int(low: int, high: int) -> int:
    """A random whole number from `low` to `high`, both included."""
    return int(torch.randint(low, high + 1, ()))


def convolutions(network: nn.Module) -> list[nn.Conv2d]:
    return [layer for layer in network.modules() if isinstance(layer, nn.Conv2d)]


def listed(numbers) -> str:
    return ", ".join(map(str, numbers))


def scores_of(network: nn.Module, x: Tensor, name: str) -> Tensor:
    """The map of scores from a student's network. Raises NotYet for layers that do not fit together, and for anything but a map."""
    expect(
        isinstance(network, nn.Module),
        f"{name} gives {type(network).__name__}, not a network: is there a `return`?",
    )
    try:
        y = network(x.clone())
    except RuntimeError as error:
        if "channels" not in str(error):
            raise
        raise NotYet(
            "a picture does not get through: one of your layers expects a different number of channels from what the layer before it gives."
        ) from None
    expect(isinstance(y, Tensor), f"your network gives {type(y).__name__}, not a tensor of scores.")
    expect(
        y.dim() == 4 and y.shape[2] > 1,
        f"your network gives the shape {tuple(y.shape)}, one number for a whole picture; a map is wanted, one score for each patch.",
    )
    expect(
        y.shape[1] == 1, f"your map has {y.shape[1]} channels: the last convolution goes to one, the score."
    )
    return y


def through(
    layers: list[nn.Conv2d], x: Tensor, normed, slope: float = 0.2, norm_last: bool = False
) -> Tensor:
    """The scores with the student's convolutions and an instance norm after those whose number is in `normed`."""
    for k, layer in enumerate(layers[:-1]):
        x = layer(x)
        x = F.instance_norm(x) if k in normed and not norm_last else x
        x = F.leaky_relu(x, slope)
        x = F.instance_norm(x) if k in normed and norm_last else x
    return layers[-1](x)


def compare_layers(network: nn.Module, x: Tensor, y: Tensor) -> None:
    """Check norms, slopes and the end of the network by what comes out of it; its convolutions are known to be right."""
    layers = convolutions(network)
    inner, every = set(range(1, len(layers) - 1)), set(range(len(layers) - 1))
    wanted = through(layers, x, inner)

    def like(z: Tensor) -> bool:
        return torch.allclose(y, z, atol=1e-4, rtol=1e-3)

    for other, hint in (
        (wanted.sigmoid(), "all your scores lie between 0 and 1: there is a sigmoid at the end. Scores are raw numbers."),
        (wanted.tanh(), "all your scores lie between -1 and 1: there is a tanh at the end. Scores are raw numbers."),
        (F.leaky_relu(wanted, 0.2), "a LeakyReLU follows the last convolution; the scores should come out as they are."),
        (F.instance_norm(wanted), "an instance norm follows the last convolution: then every map has mean 0, real or fake."),
        (through(layers, x, every), "a norm follows the first convolution: then the network is blind to the brightness of a whole picture."),
        (through(layers, x, ()), "no instance norm is at work: which layers should have one?"),
        (through(layers, x, inner, 0.0), "nothing below zero gets through: that is a ReLU; LeakyReLU(0.2) is wanted."),
        (through(layers, x, inner, 0.01), "your LeakyReLU lets a hundredth through, which is PyTorch's default; a fifth is wanted, 0.2."),
        (through(layers, x, inner, 1.0), "with nothing that bends between them, the convolutions amount to one: where is the LeakyReLU?"),
        (through(layers, x, inner, norm_last=True), "your norm comes after the LeakyReLU; it belongs between the convolution and the LeakyReLU."),
    ):  # fmt: skip
        expect(like(wanted) or not like(other), hint)
    expect(
        not any(isinstance(layer, nn.BatchNorm2d) for layer in network.modules()),
        "you have batch norms; an instance norm looks at each picture alone.",
    )
    expect(
        like(wanted),
        "your convolutions are right, but what comes between them is not: convolution, norm (not in the first layer), LeakyReLU(0.2).",
    )
    learned = sum(p.numel() for p in network.parameters())
    in_layers = sum(p.numel() for layer in layers for p in layer.parameters())
    expect(
        learned == in_layers,
        f"besides its convolutions your network has {learned - in_layers} numbers to learn: the norms of the paper have none.",
    )


@exercise("layers, strides, widths and norms are those of the paper, for every n_layers")
def check_patch_discriminator(PatchDiscriminator):
    for n in (3, 1, 2, 5):
        c = random_int(3, 6)
        network = PatchDiscriminator(c, n)
        side = 160 if n == 5 else 96  # large enough for a map of more than one score
        x = torch.randn(2, 3, side, side + 8)
        y = scores_of(network, x, "PatchDiscriminator(...)")
        layers, case = convolutions(network), f"for base_channels={c} and n_layers={n}"
        expect(
            len(layers) == n + 2,
            f"your network has {len(layers)} convolutions for n_layers={n}: one first, n_layers in the loop, one last.",
        )
        widths, wanted = (
            [layer.out_channels for layer in layers[:-1]],
            [c * min(2**i, 8) for i in range(n + 1)],
        )
        expect(
            widths == wanted or max(widths) <= 8 * c,
            f"your widths are {listed(widths)} {case}: they double, but never go beyond 8 times base_channels.",
        )
        expect(
            widths == wanted,
            f"your widths are {listed(widths)} {case}: begin with base_channels and double from layer to layer, up to 8 times.",
        )
        strides = [layer.stride[0] for layer in layers]
        expect(
            strides == [2] * n + [1, 1],
            f"your strides are {listed(strides)} for n_layers={n}: it is the number of layers with stride 2, and the last two have stride 1.",
        )
        compare_kernels(layers)
        with torch.no_grad():
            compare_layers(network, x, y)


def compare_kernels(layers: list[nn.Conv2d]) -> None:
    kernels, paddings = [layer.kernel_size[0] for layer in layers], [layer.padding[0] for layer in layers]
    expect(set(kernels) == {4}, f"your kernels are {listed(kernels)} wide: all of the paper's are 4.")
    expect(set(paddings) == {1}, f"your paddings are {listed(paddings)}: every layer has a padding of 1.")


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
