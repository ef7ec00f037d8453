"""Rows of what a layer makes of a picture, made when they are asked for, from just the rows below that they need."""

import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from minicyclegan.generator import with_change

LEAST_ROWS = 4  # of a strip; more than a layer looks up or down from a row


@dataclass
class Rows:
    """What a layer makes of the whole picture, without having made it.

    `make(top, bottom)` gives the rows from `top` up to `bottom`, (1, channels, rows, width). `row_bytes` is the memory for
    one row, in the layer below this one that needs the most, and `cost` the multiplications for all rows, from the last
    stored ones. `fresh` says whether the rows are nobody else's, so that they may be overwritten.
    """

    make: Callable[[int, int], Tensor]
    channels: int
    height: int
    width: int
    row_bytes: float = 0.0
    cost: float = 0.0
    fresh: bool = True

    def strips(self, strip_bytes: float) -> Iterator[tuple[int, int]]:
        """The first row and the row behind the last of each strip."""
        rows = max(LEAST_ROWS, int(strip_bytes / max(1.0, self.row_bytes)))
        edges = [*range(0, self.height, rows), self.height]
        return itertools.pairwise(edges)


def stored(tensor: Tensor) -> Rows:
    """The rows of a tensor (1, channels, height, width) that is there; they come in float32."""
    _, channels, height, width = tensor.shape
    make = lambda top, bottom: tensor[:, :, top:bottom].float()  # noqa: E731
    return Rows(make, channels, height, width, channels * width * 4.0, fresh=False)


def reflected(below: Rows, layer: nn.ReflectionPad2d) -> Rows:
    left, right, above, under = layer.padding
    last = below.height - 1

    def make(top: int, bottom: int) -> Tensor:
        wanted = [last - abs(last - abs(row - above)) for row in range(top, bottom)]
        first = min(wanted)
        x = below.make(first, max(wanted) + 1)
        if wanted != list(range(first, first + len(wanted))):
            x = x.index_select(2, torch.tensor([row - first for row in wanted], device=x.device))
        return F.pad(x, (left, right, 0, 0), mode="reflect")

    height, width = below.height + above + under, below.width + left + right
    return Rows(make, below.channels, height, width, below.row_bytes, below.cost)


def convolved(below: Rows, layer: nn.Conv2d) -> Rows:
    (kernel, kernel_x), (stride, stride_x), (pad, pad_x) = layer.kernel_size, layer.stride, layer.padding

    def make(top: int, bottom: int) -> Tensor:
        first, end = top * stride - pad, (bottom - 1) * stride - pad + kernel
        x = below.make(max(0, first), min(below.height, end))
        if first < 0 or end > below.height:  # zeros around the picture
            x = F.pad(x, (0, 0, max(0, -first), max(0, end - below.height)))
        return F.conv2d(x, layer.weight, layer.bias, stride, (0, pad_x))

    height = (below.height + 2 * pad - kernel) // stride + 1
    width = (below.width + 2 * pad_x - kernel_x) // stride_x + 1
    return grown(below, make, layer, height, width)


def convolved_upwards(below: Rows, layer: nn.ConvTranspose2d) -> Rows:
    (kernel, kernel_x), (stride, stride_x), (pad, pad_x) = layer.kernel_size, layer.stride, layer.padding
    more, more_x = layer.output_padding

    def make(top: int, bottom: int) -> Tensor:
        # Row r below adds to the rows r * stride - pad to r * stride - pad + kernel - 1 of the result
        first = max(0, math.ceil((top + pad - kernel + 1) / stride))
        end = min(below.height, (bottom - 1 + pad) // stride + 1)
        x = below.make(first, end)
        x = F.conv_transpose2d(x, layer.weight, layer.bias, stride, (0, pad_x), (more, more_x))
        skipped = top + pad - first * stride
        return x[:, :, skipped : skipped + bottom - top]

    height = (below.height - 1) * stride - 2 * pad + kernel + more
    width = (below.width - 1) * stride_x - 2 * pad_x + kernel_x + more_x
    return grown(below, make, layer, height, width)


def grown(
    below: Rows, make: Callable, layer: nn.Conv2d | nn.ConvTranspose2d, height: int, width: int
) -> Rows:
    """The rows of a convolution, with what they cost."""
    multiplications = layer.weight.numel() * (
        below.height * below.width if layer.transposed else height * width
    )
    row_bytes = max(layer.out_channels * width * 4.0, below.row_bytes * below.height / height)
    return Rows(make, layer.out_channels, height, width, row_bytes, below.cost + multiplications)


def repeated(below: Rows, layer: nn.Upsample) -> Rows:
    factor = int(layer.scale_factor)

    def make(top: int, bottom: int) -> Tensor:
        first = top // factor
        x = layer(below.make(first, (bottom - 1) // factor + 1))
        return x[:, :, top - first * factor : bottom - first * factor]

    height, width = below.height * factor, below.width * factor
    row_bytes = max(below.channels * width * 4.0, below.row_bytes / factor)
    return Rows(make, below.channels, height, width, row_bytes, below.cost)


def pointwise(below: Rows, function: Callable[[Tensor], Tensor]) -> Rows:
    """A layer that treats each number alone."""
    return Rows(
        lambda top, bottom: function(below.make(top, bottom)),
        *(below.channels, below.height, below.width, below.row_bytes, below.cost),
    )


def added(change: Rows, picture: Rows) -> Rows:
    """What a generator with a global skip gives: its change, added to the rows of the picture."""
    make = lambda top, bottom: with_change(picture.make(top, bottom), change.make(top, bottom))  # noqa: E731
    return Rows(make, change.channels, change.height, change.width, change.row_bytes, change.cost)


def after(below: Rows, layer: nn.Module) -> Rows:
    """The rows that a layer, other than a norm, makes of the rows below it. Raises TypeError for one that is not known."""
    if isinstance(layer, nn.ReLU):
        return pointwise(below, F.relu_ if below.fresh else F.relu)
    if isinstance(layer, nn.Tanh):
        return pointwise(below, torch.tanh)
    for kind, make in (
        (nn.ReflectionPad2d, reflected),
        (nn.Conv2d, convolved),
        (nn.ConvTranspose2d, convolved_upwards),
        (nn.Upsample, repeated),
    ):
        if isinstance(layer, kind):
            return make(below, layer)
    raise TypeError(f"{type(layer).__name__} cannot be computed in strips")
