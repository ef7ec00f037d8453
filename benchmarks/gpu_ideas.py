"""Ideas for a GPU that nobody has measured yet, each for one line of docs/PERFORMANCE.md: what a step of `all` (gpu_variants.py) might save.

Each computes what it takes the place of, with the same weights. What a GPU shows to be quicker moves to minicyclegan/fast/.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class ProductFirst(nn.Module):
    """A convolution of few input channels as one matrix product: the picture is laid out as 7 x 7 x 3 = 147 channels first.

    Prediction: with ProductLast 1.2 of 12.6 ms at 256 px, batch 1. cuDNN takes 1.9 ms for the 7 x 7 layers, at 11 of the 790 TFLOP/s
    of an H100 in the weight gradient of the last one.
    """

    def __init__(self, layer: nn.Conv2d):
        super().__init__()
        self.weight, self.bias = layer.weight, layer.bias

    def forward(self, x: Tensor) -> Tensor:
        side = self.weight.shape[-1]
        views = [
            x[:, :, i : x.shape[2] - side + 1 + i, j : x.shape[3] - side + 1 + j]
            for i in range(side)
            for j in range(side)
        ]
        wide = torch.stack(views, dim=2).flatten(1, 2)  # (N, 3 * 49, H, W), in the order of the weights
        return F.conv2d(wide, self.weight.flatten(1)[:, :, None, None], self.bias)


class ProductLast(ProductFirst):
    """A convolution of few output channels as one matrix product and a sum: of each pixel first its share in 49 others."""

    def forward(self, x: Tensor) -> Tensor:
        out, _, side, _ = self.weight.shape
        shares = F.conv2d(x, self.weight.permute(0, 2, 3, 1).reshape(out * side * side, -1, 1, 1))
        shares = shares.unflatten(1, (out, side * side))
        height, width = x.shape[2] - side + 1, x.shape[3] - side + 1
        total = sum(
            shares[:, :, side * i + j, i : i + height, j : j + width]
            for i in range(side)
            for j in range(side)
        )
        return total + self.bias[:, None, None]


class WrittenPad(nn.Module):
    """Reflection padding as three pieces side by side, which the compiler can write in any memory format.

    Prediction: 1.1 of 12.6 ms at batch 1 and 7.2 of 67.5 at batch 8, if it is the padding that leaves a picture, or its
    gradient, in the other format: there is one strided copy for each convolution of a generator.
    """

    def __init__(self, layer: nn.ReflectionPad2d):
        super().__init__()
        self.size = layer.padding[0]

    def forward(self, x: Tensor) -> Tensor:
        n = self.size
        x = torch.cat([x[..., 1 : n + 1].flip(3), x, x[..., -n - 1 : -1].flip(3)], dim=3)
        return torch.cat([x[:, :, 1 : n + 1].flip(2), x, x[:, :, -n - 1 : -1].flip(2)], dim=2)


class GroupedNorm(nn.Module):
    """An instance norm as a group norm of one channel each: PyTorch has one kernel for it, where the written one has several.

    Prediction: at most 0.5 ms, or nothing.
    """

    def __init__(self, layer: nn.InstanceNorm2d):
        super().__init__()
        self.channels, self.eps = layer.num_features, layer.eps

    def forward(self, x: Tensor) -> Tensor:
        return F.group_norm(x, self.channels, eps=self.eps)


def products(layer: nn.Module) -> nn.Module | None:
    if isinstance(layer, nn.Conv2d) and layer.kernel_size == (7, 7):
        return ProductFirst(layer) if layer.in_channels == 3 else ProductLast(layer)


IDEAS = {
    "products": products,
    "pads": lambda layer: WrittenPad(layer) if isinstance(layer, nn.ReflectionPad2d) else None,
    "groups": lambda layer: GroupedNorm(layer) if isinstance(layer, nn.InstanceNorm2d) else None,
}


def use_idea(network: nn.Module, name: str) -> None:
    """Put the idea's layers in the places that they are meant for. The weights stay the same objects."""
    for parent in list(network.modules()):
        for place, child in list(parent.named_children()):
            if (new := IDEAS[name](child)) is not None:
                setattr(parent, place, new)
