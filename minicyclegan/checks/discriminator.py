"""The check of notebook 03 on the network and its layers."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from minicyclegan.checks.frame import NotYet, exercise, expect
from minicyclegan.checks.probes import same_gradients, untouched


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
        with untouched("your network", network=network, picture=x):
            y = network(x)
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
    layers: list[nn.Conv2d],
    x: Tensor,
    normed,
    slope: float = 0.2,
    norm_last: bool = False,
    pad: str = "constant",
) -> Tensor:
    """The scores with the student's weights and an instance norm after those layers whose number is in `normed`."""

    def convolved(x: Tensor, layer: nn.Conv2d) -> Tensor:
        return F.conv2d(F.pad(x, (1, 1, 1, 1), mode=pad), layer.weight, layer.bias, layer.stride)

    for k, layer in enumerate(layers[:-1]):
        x = convolved(x, layer)
        x = F.instance_norm(x) if k in normed and not norm_last else x
        x = F.leaky_relu(x, slope)
        x = F.instance_norm(x) if k in normed and norm_last else x
    return convolved(x, layers[-1])


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
        *((through(layers, x, inner, pad=mode), "your padding is not of zeros: a `padding_mode` shows the discriminator a picture that goes on beyond its edge. Leave it at zeros.") for mode in ("reflect", "replicate", "circular")),
        *((through(layers, x, inner - {k}), f"convolution number {k + 1} has no norm behind it: all but the first and the last have one.") for k in inner),
    ):  # fmt: skip
        expect(like(wanted) or not like(other), hint)
    expect(
        not any(isinstance(layer, nn.BatchNorm2d) for layer in network.modules()),
        "you have batch norms; an instance norm looks at each picture alone.",
    )
    for layer in layers:
        expect(
            layer.padding_mode == "zeros",
            "your padding is not of zeros: a `padding_mode` shows the discriminator a picture that goes on beyond its edge.",
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
    pull = torch.randn_like(y)
    expect(
        same_gradients((y * pull).sum(), (wanted * pull).sum(), [layer.weight for layer in layers]),
        "the scores are right, but the gradients of some layers are not: nothing in a discriminator is detached or frozen.",
    )
    network.eval()
    expect(
        torch.allclose(network(x), wanted, atol=1e-4, rtol=1e-3),
        "after `eval()` the scores are other ones: the norms keep running statistics, or something is dropped out. The paper's look at each picture alone, always.",
    )
    network.train()


@exercise("layers, strides, widths and norms are those of the paper, for every n_layers")
def check_patch_discriminator(PatchDiscriminator):
    for n in (3, 1, 2, 4, 5):
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
        compare_widths([layer.out_channels for layer in layers[:-1]], c, n, case)
        strides = [layer.stride[0] for layer in layers]
        expect(
            strides == [2] * n + [1, 1],
            f"your strides are {listed(strides)} for n_layers={n}: it is the number of layers with stride 2, and the last two have stride 1.",
        )
        compare_kernels(layers)
        compare_layers(network, x, y)
        held = getattr(network, "layers", None)
        expect(
            isinstance(held, nn.Sequential) and torch.allclose(held(x), y, atol=1e-4, rtol=1e-3),
            "the scores are right, but `self.layers` is not the nn.Sequential that gives them: the cells below go through `discriminator.layers`.",
        )
    layers = convolutions(PatchDiscriminator())
    expect(
        len(layers) == 5 and layers[0].out_channels == 64,
        f"PatchDiscriminator() without numbers has {len(layers)} convolutions and begins with {layers[0].out_channels} channels; the paper's has 5 and 64: `base_channels=64, n_layers=3`.",
    )


def compare_widths(widths: list[int], c: int, n: int, case: str) -> None:
    expect(
        max(widths) <= 8 * c,
        f"your widths are {listed(widths)} {case}: they double, but never go beyond 8 times base_channels.",
    )
    expect(
        widths == [c * min(2**i, 8) for i in range(n + 1)],
        f"your widths are {listed(widths)} {case}: begin with base_channels and double from layer to layer, up to 8 times.",
    )


def compare_kernels(layers: list[nn.Conv2d]) -> None:
    kernels, paddings = [layer.kernel_size for layer in layers], [layer.padding for layer in layers]
    for what, found, wanted in (("kernels", kernels, 4), ("paddings", paddings, 1)):
        shown = listed(pair[0] if pair[0] == pair[-1] else f"{pair[0]} x {pair[-1]}" for pair in found)
        expect(
            all(tuple(pair) == (wanted, wanted) for pair in found),
            f"your {what} are {shown}: "
            + ("all of the paper's are 4 px." if wanted == 4 else "every layer has a padding of 1."),
        )
    for layer in layers:
        expect(
            layer.dilation == (1, 1) and layer.groups == 1 and layer.stride[0] == layer.stride[1],
            "one of your convolutions has a dilation, groups, or two different strides: the paper's have none of it.",
        )
