"""The checks of notebook 03 (plumbing)."""

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
    """From `low` to `high`, both possible."""
    return int(torch.randint(low, high + 1, ()))


def convolutions(network: nn.Module) -> list[nn.Conv2d]:
    return [layer for layer in network.modules() if isinstance(layer, nn.Conv2d)]


def listed(numbers) -> str:
    return ", ".join(map(str, numbers))


def scores_of(network: nn.Module, x: Tensor, name: str) -> Tensor:
    """The map that a student's network gives; NotYet for layers that do not fit together and for what is no map."""
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
            "a picture does not get through: one of your layers expects another number of channels than the layer before it gives."
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
    """The scores with the student's convolutions and an instance norm behind those whose number is in `normed`."""
    for k, layer in enumerate(layers[:-1]):
        x = layer(x)
        x = F.instance_norm(x) if k in normed and not norm_last else x
        x = F.leaky_relu(x, slope)
        x = F.instance_norm(x) if k in normed and norm_last else x
    return layers[-1](x)


def compare_layers(network: nn.Module, x: Tensor, y: Tensor) -> None:
    """Norms, slopes and the end of the network, by what comes out of it; its convolutions are known to be right."""
    layers = convolutions(network)
    inner, every = set(range(1, len(layers) - 1)), set(range(len(layers) - 1))
    wanted = through(layers, x, inner)

    def like(z: Tensor) -> bool:
        return torch.allclose(y, z, atol=1e-4, rtol=1e-3)

    for other, hint in (
        (wanted.sigmoid(), "all your scores lie between 0 and 1: a sigmoid stands at the end. Scores are raw numbers."),
        (wanted.tanh(), "all your scores lie between -1 and 1: a tanh stands at the end. Scores are raw numbers."),
        (F.leaky_relu(wanted, 0.2), "a LeakyReLU stands behind the last convolution; the scores are to come out as they are."),
        (F.instance_norm(wanted), "an instance norm stands behind the last convolution: then every map has the mean 0, real or fake."),
        (through(layers, x, every), "a norm stands behind the first convolution: then the network is blind to the light of a whole picture."),
        (through(layers, x, ()), "no instance norm is at work: which layers should have one?"),
        (through(layers, x, inner, 0.0), "nothing below zero gets through: that is a ReLU; LeakyReLU(0.2) is wanted."),
        (through(layers, x, inner, 0.01), "your LeakyReLU lets a hundredth through, which is PyTorch's default; a fifth is wanted, 0.2."),
        (through(layers, x, inner, 1.0), "without anything that bends between them, the convolutions are one: where is the LeakyReLU?"),
        (through(layers, x, inner, norm_last=True), "your norm stands behind the LeakyReLU; it belongs between the convolution and the LeakyReLU."),
    ):  # fmt: skip
        expect(like(wanted) or not like(other), hint)
    expect(
        not any(isinstance(layer, nn.BatchNorm2d) for layer in network.modules()),
        "you have batch norms; an instance norm looks at each picture alone.",
    )
    expect(
        like(wanted),
        "your convolutions are right, but what stands between them is not: convolution, norm (not in the first layer), LeakyReLU(0.2).",
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
    text = f"for convolutions to {a}, {b}, {c} and 1 channels, with a norm behind the second and the third, you count {found}"
    for value, hint in (
        (a + b + c + 1, "that is all biases. Whose mean does an instance norm subtract?"),
        (a + 1, "those are the biases that live: no norm stands behind them."),
        (2, "those are layers. How many biases has a convolution?"),
        (a + b, "those are their inputs: a bias is added to each channel that comes OUT of a convolution."),
        (c + 1, "it is the convolution in front of a norm, not the one behind it, whose biases are dead."),
        (16 * (a * b + b * c), "those are weights; a dead bias says nothing about the weights."),
        (16 * (a * b + b * c) + b + c, "the weights are not dead: only what is the same at every place of a channel is subtracted."),
        (0, "is nothing subtracted that was added just before?"),
        (b, "the second norm is missing: is the end of the list looked at?"),
    ):  # fmt: skip
        expect(found == b + c or found != value, f"{text}: {hint}")
    expect(
        found == b + c, f"{text}. Which convolutions have a norm right behind them, and how wide are they?"
    )

    bent = [nn.Conv2d(3, a, 4), nn.LeakyReLU(0.2), nn.InstanceNorm2d(a)]
    found = whole(dead_biases(nn.Sequential(*bent, nn.Conv2d(a, d, 4), nn.InstanceNorm2d(d))), "dead_biases")
    expect(
        found != a + d,
        "a LeakyReLU between a convolution and its norm keeps the biases alive: they move the place where it bends. Only the layer right behind counts.",
    )
    expect(found == d, f"where a norm ends the list and {d} biases stand before it, you count {found}.")

    mute = [nn.Conv2d(3, a, 4, bias=False), nn.InstanceNorm2d(a), nn.Conv2d(a, b, 4), nn.InstanceNorm2d(b)]
    try:
        found = whole(dead_biases(nn.Sequential(*mute)), "dead_biases")
    except AttributeError:
        found = None
    expect(
        found == b, "a convolution made with bias=False has no biases to count: there `layer.bias` is None."
    )


@exercise("the field is that of the whole chain, for any kernels and strides")
def check_receptive_field(receptive_field):
    cases = [([4], [2]), ([5, 3, 4], [2, 3, 2])]
    for n in (3, 5, 6):
        kernels, strides = [random_int(3, 7) for _ in range(n)], [random_int(2, 3) for _ in range(n)]
        cases.append((kernels, strides))
    for kernels, strides in cases:
        given = list(kernels), list(strides)
        found = whole(receptive_field(*given), "receptive_field")
        expect(
            given == (kernels, strides),
            "your function empties or changes the lists that it was given: read them without `pop` or `reverse`.",
        )
        compare_field(found, kernels, strides)


def chain(kernels, strides, start: int = 1, less: int = 1, add: int = 0) -> int:
    """The arithmetic of the field, and with other numbers its usual mistakes."""
    field = start
    for kernel, stride in zip(reversed(kernels), reversed(strides)):
        field = (field - less) * stride + kernel + add
    return field


def compare_field(found: int, kernels: list[int], strides: list[int]) -> None:
    wanted = chain(kernels, strides)
    text = f"for kernels {listed(kernels)} and strides {listed(strides)} you get {found}"
    for value, hint in (
        (chain(kernels[::-1], strides[::-1]), "you go from the first layer to the last. One score is where we start: go backwards."),
        (chain(kernels, strides, less=0), "n places in a row have n - 1 steps between them, not n."),
        (chain(kernels, strides, start=0), "you start with a field of 0 px, but one score is one place: start with 1."),
        (chain(kernels, strides, start=0, less=0), "you start with 0; one score is one place, and n places in a row have n - 1 steps between them."),
        (chain(kernels, strides, add=-1), "each window is as wide as its kernel, not one less: the formula adds the whole kernel."),
        (chain(kernels, strides, start=kernels[-1]), "the last layer counts twice: start with 1, the score itself."),
        (chain(kernels, [1] * len(kernels)), "that would be right if every stride were 1: where do your strides come in?"),
        (chain(kernels[1:], strides[1:]), "the first layer is missing: the walk back ends at the picture."),
        (chain(kernels[:-1], strides[:-1]), "the last layer is missing: the walk back begins there."),
        (chain(kernels[-1:], strides[-1:]), "that is the last layer alone: is the `return` inside of the loop?"),
        (70, "70 is right for the paper's layers; your function should work for any."),
    ):  # fmt: skip
        expect(found == wanted or found != value, f"{text}: {hint}")
    expect(found == wanted, f"{text}, and the field is another. Do it on paper, with field = 1 at the score.")


@exercise("the field is 70 px, and nothing else has changed")
def check_judge_of_70(judge_of_70):
    from minicyclegan.discriminator import receptive_field_by_gradient

    c = random_int(2, 5)
    network = judge_of_70(c)
    x = torch.randn(1, 3, 128, 128)
    y = scores_of(network, x, f"judge_of_70({c})")
    layers = convolutions(network)
    expect(
        len(layers) == 5,
        f"your network has {len(layers)} convolutions, the broken one has 5: no layer is too many or missing; how far does each one step?",
    )
    compare_kernels(layers)
    widths = [layer.out_channels for layer in layers]
    expect(
        widths == [c, 2 * c, 4 * c, 8 * c, 1],
        f"your widths are {listed(widths)} for c={c}: leave them as they were.",
    )
    strides = [layer.stride[0] for layer in layers]
    try:
        field = f"{receptive_field_by_gradient(network, 320)} px"
    except ValueError:
        field = "more than 150 px"
    expect(
        field != "94 px",
        f"the field is still 94 px, with the strides {listed(strides)}: one layer halves the picture that should not.",
    )
    expect(
        field == "70 px",
        f"with the strides {listed(strides)} the field is {field}: for 70 px, how many layers halve, and do they come first or last?",
    )
    expect(
        y.shape[2:] == (14, 14),
        f"the field is 70 px, but your map is {y.shape[2]} x {y.shape[3]} for 128 px and the paper's is 14 x 14: what does the last stride do?",
    )
    with torch.no_grad():
        compare_layers(network, x, y)


@exercise("24 of 900 scores without norms, and all of them with norms")
def check_one_pixel(without_norms, with_norms):
    without_norms, with_norms = (
        whole(without_norms, "the first number"),
        whole(with_norms, "the second number"),
    )
    plain, normed = changed_scores(False), changed_scores(True)
    expect(
        (without_norms, with_norms) != (normed, plain),
        "you have the two the wrong way round: which of the two networks lets a pixel act beyond its patch?",
    )
    for value, hint in (
        (64, "64 is the number for a pixel in the middle. In a row, how many patches still reach the first column?"),
        (9, "9 is the number for a corner, and our pixel has an edge on one side only."),
        (1, "patches overlap: they are 70 px wide and only 8 px apart."),
        (8, "8 is right for one direction: the map has rows and columns."),
        (3, "3 is right for one direction: the map has rows and columns."),
        (4900, "4900 is the number of pixels in a patch; the question is for scores."),
        (900, "without norms a pixel has no influence beyond the patches that it lies in."),
        (0, "every pixel lies in some patches."),
    ):  # fmt: skip
        expect(without_norms == plain or without_norms != value, f"without norms: {hint}")
    expect(
        without_norms == plain,
        f"without norms it is not {without_norms}. Count the rows i with 8i - 23 <= 128 < 8i + 47, then the columns j with 0 in the place of 128.",
    )
    expect(
        with_norms == normed,
        f"with norms it is not {with_norms}: a norm subtracts the mean of a whole channel. At how many places is it felt when that mean moves?",
    )


def changed_scores(norms: bool) -> int:
    """How many of the 30 x 30 scores of a picture of 256 px change when the pixel in row 128, column 0 does; measured."""
    from minicyclegan.discriminator import PatchDiscriminator

    network = PatchDiscriminator(4).double()
    picture = torch.rand(1, 3, 256, 256, dtype=torch.float64) * 2 - 1
    changed = picture.clone()
    changed[:, :, 128, 0] += 1
    pictures = torch.cat([picture, changed])
    with torch.no_grad():
        scores = network(pictures) if norms else through(convolutions(network), pictures, ())
    return int((scores[0] != scores[1]).sum())
