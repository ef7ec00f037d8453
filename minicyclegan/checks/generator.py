"""The checks of notebook 02 on the residual block and the first weights."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from minicyclegan.checks.frame import NotYet, exercise, expect
from minicyclegan.checks.probes import off, same_gradients, untouched


@exercise("the block keeps the shape, adds its input, and leaves the sum alone")
def check_residual_block(ResidualBlock):
    block = ResidualBlock(8)
    expect(
        isinstance(block, nn.Module),
        "ResidualBlock(8) is not an nn.Module: keep the line `class ResidualBlock(nn.Module)`.",
    )
    for size in (16, 21):
        x = torch.randn(2, 8, size, size)
        before, y = x.clone(), block(x)
        expect(isinstance(y, Tensor), f"forward gives {type(y).__name__}, not a tensor: is there a `return`?")
        expect(
            y.shape[1] == 8,
            f"your output has {y.shape[1]} channels for 8: both convolutions go from `channels` to `channels`.",
        )
        expect(
            y.shape == x.shape,
            f"your output is {y.shape[-1]} px wide for {size}: which padding keeps the size?",
        )
        expect(
            torch.equal(x, before),
            "your block changes its input in place: `x += ...` writes into x; use `x + ...`.",
        )
    expect(not torch.equal(y, x), "your output is the input itself: nothing is added to it yet.")
    weights = [parameter.detach().clone() for parameter in block.parameters()]
    with torch.no_grad():
        for parameter in block.parameters():
            parameter.zero_()
        silent = block(x)
        for parameter, weight in zip(block.parameters(), weights):
            parameter.copy_(weight)
    expect(
        silent.abs().max() > 0,
        "with all weights at zero your output is zero: where does x go past the convolutions?",
    )
    expect(
        silent.min() >= 0 or not torch.equal(silent, x.relu()),
        "there is a ReLU after the sum: no x below zero gets past it.",
    )
    expect(
        not torch.equal(silent, x.relu()),
        "the block throws away what is below zero in x: no ReLU belongs after the sum.",
    )
    expect(
        torch.allclose(silent, x, atol=1e-6),
        "with all weights at zero the output should be x itself: add x once, unscaled.",
    )
    for channels, shape in ((8, (2, 8, 16, 16)), (5, (1, 5, 7, 12))):
        block, x = ResidualBlock(channels), torch.randn(shape, requires_grad=True)
        compare_block(block, x)
        block.eval()
        compare_block(block, x)


def parts_of(block: nn.Module) -> list[nn.Conv2d]:
    layers = [layer for layer in block.modules() if isinstance(layer, nn.Conv2d)]
    expect(
        [(layer.kernel_size, layer.stride) for layer in layers] == [((3, 3), (1, 1))] * 2,
        "f is two 3x3 convolutions, as `__init__` had them: leave those layers as they were.",
    )
    return layers


def compare_block(block: nn.Module, x: Tensor) -> None:
    """Compare the output and its gradients with x + f(x) and with what slips make of it."""
    first, second = parts_of(block)

    def f(x: Tensor, bend=torch.relu, **padding) -> Tensor:
        for layer in (first, second):
            x = F.conv2d(F.pad(x, (1, 1, 1, 1), **(padding or {"mode": "reflect"})), layer.weight, layer.bias)
            x = F.instance_norm(x)
            x = bend(x) if layer is first else x
        return x

    with untouched("forward", self=block):
        y = block(x)
    wanted = x + f(x)

    def like(other: Tensor) -> bool:
        return torch.allclose(y, other, atol=1e-4, rtol=1e-3)

    if not like(wanted):
        for other, hint in (
            (x + f(f(x)), "f is applied twice: x goes once through `self.body`, and is added once."),
            (
                x + f(x).relu(),
                "there is a ReLU at the end of f: then the block can only add, never take away.",
            ),
            (x - f(x), "f(x) is subtracted: the block adds it."),
            (x + 2 * f(x), "f(x) is added twice."),
            (x + f(x) / 2, "f(x) is halved: add it as it is."),
            (x + f(x, bend=lambda z: z), "the ReLU between the two convolutions is missing."),
            (x + f(x, mode="constant"), "the padding is zeros: the layers of `__init__` reflect."),
            (x + f(x, mode="replicate"), "the padding repeats the edge: the layers of `__init__` reflect."),
        ):
            expect(not like(other), hint)
        mode = "in training" if block.training else "after `eval()`"
        raise NotYet(
            f"{mode} your output is not x + f(x), with f the layers of `self.body`, once and in their order."
        )
    pull = torch.randn_like(y)
    loss, right = (y * pull).sum(), (wanted * pull).sum()
    weights = list(block.parameters())
    expect(
        same_gradients(loss, right, [first.weight, second.weight]) and all(p.requires_grad for p in weights),
        "the value is right, but no gradient reaches the layers of f, so they could never learn: no `detach()` and no `no_grad()` here.",
    )
    expect(
        same_gradients(loss, right, [x]),
        "the value is right, but the gradient for x is not: it comes back through x and through f, so detach neither.",
    )


@exercise("weights from N(0, 0.02), biases 0, in every convolution, in place")
def check_init_weights(init_weights):
    before = small_network()
    kept = {name: value.clone() for name, value in before.state_dict().items()}
    modes = [(layer.training, *(p.requires_grad for p in layer.parameters())) for layer in before.modules()]
    owned = dict(before.named_parameters())
    returned = init_weights(before)
    expect(returned is before, "init_weights should give back the network itself: `return network`.")
    convolutions = {
        name: layer
        for name, layer in before.named_modules()
        if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d))
    }
    for name, value in before.state_dict().items():
        expect(
            name.rpartition(".")[0] in convolutions or torch.equal(value, kept[name]),
            "you changed a layer that is not a convolution: the norms and the linear layer stay as they are.",
        )
    expect(
        all(p is owned[name] for name, p in before.named_parameters()),
        "some weights are new Parameters, not the old ones with other numbers: an optimiser that holds the old ones would never learn. Change them in place.",
    )
    expect(
        modes == [(layer.training, *(p.requires_grad for p in layer.parameters())) for layer in before.modules()],
        "after init_weights the network is in another mode, or its parameters have lost their gradient: only numbers change.",
    )  # fmt: skip
    names = ("the first convolution", "a convolution inside a block", "a convolution deep inside")
    names += (names[-1], "the transposed convolution inside a block", "the transposed convolution")
    for name, layer in zip(names, convolutions.values(), strict=True):
        compare_weights(name, layer, 0.02)
    every = [layer.weight.detach().flatten() for layer in convolutions.values()]
    expect(
        not torch.equal(*(layer.weight for name, layer in convolutions.items() if name.startswith("1.3.2"))),
        "two layers of the same shape get the same weights: draw new ones for each layer.",
    )
    compare_distribution(torch.cat(every))
    expect(
        not torch.equal(init_weights(small_network())[0].weight, init_weights(small_network())[0].weight),
        "two networks get the same weights: draw new ones each time.",
    )
    other = init_weights(small_network(), 0.1)
    expect(
        abs(float(other[0].weight.std()) - 0.1) < 0.01,
        "init_weights(network, 0.1) should draw with a deviation of 0.1: use `std`.",
    )


def small_network() -> nn.Sequential:
    """Convolutions on three levels, among layers that are none."""
    deep = nn.ModuleList([nn.Conv2d(16, 16, 3), nn.Conv2d(16, 16, 3)])
    inner = nn.Sequential(nn.Conv2d(8, 32, 3), nn.InstanceNorm2d(32, affine=True), nn.ReLU())
    inner.append(nn.Sequential(nn.BatchNorm2d(16), nn.Linear(9, 9), deep, nn.ConvTranspose2d(8, 16, 4)))
    network = nn.Sequential(nn.Conv2d(3, 16, 7), inner, nn.ConvTranspose2d(32, 8, 3), nn.Linear(40, 40))
    return network


def compare_weights(name: str, layer: nn.Module, std: float) -> None:
    expect(layer.bias.abs().max() == 0, f"the biases of {name} are not 0.")
    weight = layer.weight.detach()
    deviation, mean, n = float(weight.std()), float(weight.mean()), weight.numel()
    expect(
        len(weight.unique()) > 0.9 * n,
        f"the {n} weights of {name} are only {len(weight.unique())} different numbers: draw each on its own.",
    )
    expect(
        abs(deviation - std**2) > 1e-4,
        f"the weights of {name} have a deviation of {deviation:.4f}: that is the variance, 0.02 squared.",
    )
    expect(
        abs(deviation - std) < 5 * std / (2 * n) ** 0.5,
        f"the weights of {name} have a deviation of {deviation:.4f}; the paper draws them with {std:g}.",
    )
    expect(abs(mean) < 5 * std / n**0.5, f"the weights of {name} have a mean of {mean:.4f}; it should be 0.")


def compare_distribution(weights: Tensor) -> None:
    """Whether many numbers of deviation 0.02 come from the normal distribution."""
    z, n = (weights / 0.02).double().sort()[0], len(weights)
    expect(
        float(z.abs().max()) > 1.9,
        "no weight lies beyond two deviations: is the distribution normal, or uniform?",
    )
    distance = (torch.special.ndtr(z) - (torch.arange(n) + 0.5) / n).abs().max()
    beyond = [off((z.abs() > limit).sum(), n, chance) for limit, chance in ((2, 0.0455), (3, 0.0027))]
    expect(
        float(distance) < 2.5 / n**0.5 and all(abs(found) < 5 for found in beyond),
        f"mean and deviation are right, but {float((z.abs() > 2).float().mean()):.1%} of the weights lie beyond two deviations, {float((z.abs() > 3).float().mean()):.2%} beyond three; of a normal distribution it is 4.6 % and 0.27 %. Is yours normal, or uniform, or cut off?",
    )
