"""The checks of notebook 02 (plumbing)."""

import torch
from torch import nn

from minicyclegan.checks.frame import exercise, expect


@exercise("the block keeps the shape, adds its input, and leaves the sum alone")
def check_residual_block(ResidualBlock):
    block = ResidualBlock(8)
    expect(
        isinstance(block, nn.Module),
        "ResidualBlock(8) is no nn.Module: keep the line `class ResidualBlock(nn.Module)`.",
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
        "after the sum stands a ReLU: no x below zero gets past it.",
    )
    expect(
        not torch.equal(silent, x.relu()),
        "the block throws away what is below zero in x: after the sum there is no ReLU.",
    )
    expect(
        torch.allclose(silent, x, atol=1e-6),
        "with all weights at zero the output should be x itself: add x once, unscaled.",
    )
