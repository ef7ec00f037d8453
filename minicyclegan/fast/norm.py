"""An instance norm that is faster on a CPU, and right where PyTorch's own is not."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SUMMED = 2**18  # pixels, 512 x 512, up to which float32 sums of PyTorch's batch norm are good to four digits
ROWS = 64  # of a larger picture, that are summed at a time


class Mean:
    """Mean and variance of each channel over all rows that went by, in float64 (Chan, Golub and LeVeque 1979)."""

    def __init__(self):
        self.count, self.mean, self.squares = 0, 0.0, 0.0

    def add(self, rows: Tensor) -> None:
        values = rows.permute(0, 2, 3, 1).reshape(-1, rows.shape[1])  # a view where channels are stored last
        count, mean = len(values), values.mean(0)
        squares = (values - mean).square_().sum(0).double()
        difference, total = mean.double() - self.mean, self.count + count
        self.squares = self.squares + squares + difference**2 * (self.count * count / total)
        self.mean = self.mean + difference * (count / total)
        self.count = total

    def norm(self, layer: nn.InstanceNorm2d) -> Callable[[Tensor], Tensor]:
        """What an instance norm does to any rows of the picture."""
        mean, variance = self.mean.float(), (self.squares / self.count).float()
        return lambda x: F.batch_norm(x, mean, variance, layer.weight, layer.bias, eps=layer.eps)


class QuickInstanceNorm(nn.InstanceNorm2d):
    """An instance norm as the batch norm of each picture alone: faster for pictures that are stored channels last.

    PyTorch's own first stores them the other way. With one picture and a gradient that comes back channels last it
    also computes a wrong gradient, on CPUs, in torch 2.6 to 2.15: it takes the gradient's numbers in the wrong order.

    The batch norm has a fault of its own: of pictures that are stored channels last it adds up all pixels one by one in float32,
    and the more there are the less the last ones count. So a large picture without a gradient gets its mean from `Mean`.
    """

    def forward(self, x: Tensor) -> Tensor:
        if x.shape[2] * x.shape[3] > SUMMED and not torch.is_grad_enabled():
            normed = [self.large(picture) for picture in x.split(1)]
        else:
            normed = [
                F.batch_norm(picture, None, None, training=True, eps=self.eps) for picture in x.split(1)
            ]
        return torch.cat(normed) if len(normed) > 1 else normed[0]  # joining a single one would copy it

    def large(self, picture: Tensor) -> Tensor:
        mean = Mean()
        for rows in picture.split(ROWS, dim=2):
            mean.add(rows)
        return mean.norm(self)(picture)


class WrittenNorm(nn.InstanceNorm2d):
    """An instance norm as plain arithmetic, in fp32 or wider: torch.compile joins it with its neighbours, in any memory format."""

    def forward(self, x: Tensor) -> Tensor:
        wide = x.to(torch.promote_types(x.dtype, torch.float32))
        variance, mean = torch.var_mean(wide, dim=(2, 3), correction=0, keepdim=True)
        return ((wide - mean) * torch.rsqrt(variance + self.eps)).to(x.dtype)


def replace_norms(network: nn.Module, kind: type[nn.InstanceNorm2d]) -> nn.Module:
    """Put norms of this kind in the place of every instance norm; the weights' names stay, as a norm has none."""
    for layer in list(network.modules()):
        for name, child in layer.named_children():
            if isinstance(child, nn.InstanceNorm2d) and type(child) is not kind:
                setattr(layer, name, kind(child.num_features, child.eps))
    return network


def use_quick_norms(network: nn.Module) -> nn.Module:
    """QuickInstanceNorm in the place of every instance norm."""
    return replace_norms(network, QuickInstanceNorm)
