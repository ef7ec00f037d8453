"""The checks of notebook 02 on the residual block, the sizes, and the first weights."""

import torch
from torch import nn

from minicyclegan.checks.frame import NotYet, exercise, expect


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
        expect(
            isinstance(y, torch.Tensor),
            f"forward gives {type(y).__name__}, not a tensor: is there a `return`?",
        )
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
    with torch.no_grad():
        for parameter in block.parameters():
            parameter.zero_()
        silent = block(x)
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


# What a common slip makes of (size, kernel, stride, padding): a formula that explains every wrong size names the slip.
CONVOLUTION_SLIPS = (
    (lambda s, k, t, p: (s + 2 * p - k) // t, "Count the first window too."),
    (lambda s, k, t, p: (s + p - k) // t + 1, "The padding is on both sides."),
    (lambda s, k, t, p: (s - k) // t + 1, "Where is the padding?"),
    (lambda s, k, t, p: (s + 2 * p) // t - k + 1, "The kernel is taken off before the division."),
    (lambda s, k, t, p: (s + 2 * p) // t, "Does a window that begins at the last pixel fit?"),
    (lambda s, k, t, p: -((k - s - 2 * p) // t) + 1, "A window that does not fit is left out: round down."),
    (lambda s, k, t, p: s + 2 * p - k + 1, "What does the stride do?"),
)
# The same for (size, kernel, stride, padding, output_padding).
TRANSPOSED_SLIPS = (
    (lambda s, k, t, p, o: (s - 1) * t - 2 * p + k, "The output_padding is missing."),
    (lambda s, k, t, p, o: s * t - 2 * p + k + o, "Where does the last stamp begin? The first begins at 0."),
    (lambda s, k, t, p, o: s * t - 2 * p + o, "The last stamp is as wide as the kernel."),
    (lambda s, k, t, p, o: (s - 1) * t - 2 * p + o, "The last stamp is as wide as the kernel."),
    (lambda s, k, t, p, o: (s - 1) * t - p + k + o, "The padding is cut off at both sides."),
    (lambda s, k, t, p, o: (s - 1) * t + 2 * p + k + o, "Here the padding is cut off, not added."),
    (lambda s, k, t, p, o: (s - 1) * t - 2 * p + k + 2 * o, "The output_padding is added on one side only."),
)


def compare_sizes(answer, real, cases, slips, otherwise: str) -> None:
    """Compare `answer(*case)` with `real(*case)` for all cases; a difference is named after the slip that explains it."""
    found = [answer(*case) for case in cases]
    expect(None not in found, f"{answer.__name__} gives None: is there a `return`?")
    names = ("size", "kernel", "stride", "padding", "output_padding")
    for case, mine, wanted in zip(cases, found, map(lambda case: real(*case), cases)):
        where = f"{answer.__name__}, " + ", ".join(f"{name} {value}" for name, value in zip(names, case))
        expect(
            mine == int(mine),
            f"{where}: you say {mine:.4g}, but a picture has whole pixels; what becomes of places where the window does not fit?",
        )
        if mine != wanted:
            hints = [hint for slip, hint in slips if found == [slip(*case) for case in cases]]
            raise NotYet(f"{where}: you say {int(mine)}, PyTorch gives {wanted}. {(hints or [otherwise])[0]}")


@exercise("both sizes are right for every kernel, stride and padding that was tried")
def check_sizes(after_convolution, after_transposed):
    def draw(low: int, high: int) -> int:
        return int(torch.randint(low, high, ()))

    cases = []
    for _ in range(200):
        kernel = draw(1, 8)
        cases.append((draw(8, 40), kernel, draw(1, 4), draw(0, (kernel + 1) // 2 + 1)))
    compare_sizes(
        after_convolution,
        lambda size, *layer: nn.Conv2d(1, 1, *layer)(torch.zeros(1, 1, size, size)).shape[-1],
        cases,
        CONVOLUTION_SLIPS,
        "How many steps can the window go, and how many places is that?",
    )
    cases = []
    for _ in range(200):
        kernel, stride = draw(2, 8), draw(2, 5)
        cases.append((draw(4, 30), kernel, stride, draw(0, (kernel + 1) // 2), draw(0, stride)))
    compare_sizes(
        after_transposed,
        lambda size, *layer: nn.ConvTranspose2d(1, 1, *layer)(torch.zeros(1, 1, size, size)).shape[-1],
        cases,
        TRANSPOSED_SLIPS,
        "Where does the last stamp begin, how wide is it, and what is cut off at both sides?",
    )


@exercise("weights from N(0, 0.02), biases 0, in every convolution, in place")
def check_init_weights(init_weights):
    def network():
        inner = nn.Sequential(nn.Conv2d(8, 32, 3), nn.InstanceNorm2d(32, affine=True), nn.ReLU())
        return nn.Sequential(nn.Conv2d(3, 8, 7), inner, nn.ConvTranspose2d(32, 8, 3), nn.Linear(40, 40))

    before = network()
    linear, scale = before[3].weight.clone(), before[1][1].weight.clone()
    returned = init_weights(before)
    expect(returned is before, "init_weights should give back the network itself: `return network`.")
    expect(
        torch.equal(before[3].weight, linear) and torch.equal(before[1][1].weight, scale),
        "you changed a layer that is not a convolution: the norms and the linear layer stay as they are.",
    )
    layers = {
        "the first convolution": before[0],
        "a convolution inside a block": before[1][0],
        "the transposed convolution": before[2],
    }
    for name, layer in layers.items():
        expect(layer.bias.abs().max() == 0, f"the biases of {name} are not 0.")
        deviation, mean = float(layer.weight.std()), float(layer.weight.mean())
        expect(
            abs(deviation - 0.02**2) > 1e-4,
            f"the weights of {name} have a deviation of {deviation:.4f}: that is the variance, 0.02 squared.",
        )
        expect(
            abs(deviation - 0.02) < 0.003,
            f"the weights of {name} have a deviation of {deviation:.4f}; the paper draws them with 0.02.",
        )
        expect(abs(mean) < 0.004, f"the weights of {name} have a mean of {mean:.3f}; it should be 0.")
        expect(
            float(layer.weight.abs().max()) > 0.0375,
            f"no weight of {name} lies beyond two deviations: is the distribution normal, or uniform?",
        )
        expect(layer.weight.requires_grad, f"the weights of {name} have lost their gradient.")
    expect(
        not torch.equal(init_weights(network())[0].weight, init_weights(network())[0].weight),
        "two networks get the same weights: draw new ones each time.",
    )
    other = init_weights(network(), 0.1)
    expect(
        abs(float(other[0].weight.std()) - 0.1) < 0.015,
        "init_weights(network, 0.1) should draw with a deviation of 0.1: use `std`.",
    )
