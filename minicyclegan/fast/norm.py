"""An instance norm that is faster on a CPU, and right where PyTorch's own is not."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class QuickInstanceNorm(nn.InstanceNorm2d):
    """An instance norm as the batch norm of each picture alone: faster for pictures that are stored channels last.

    PyTorch's own first stores them the other way. With one picture and a gradient that comes back channels last it
    also computes a wrong gradient, on CPUs, in torch 2.6 to 2.15: it takes the gradient's numbers in the wrong order.
    """

    def forward(self, x: Tensor) -> Tensor:
        normed = [F.batch_norm(picture, None, None, training=True, eps=self.eps) for picture in x.split(1)]
        return torch.cat(normed) if len(normed) > 1 else normed[0]  # joining a single one would copy it


def use_quick_norms(network: nn.Module) -> nn.Module:
    """Put QuickInstanceNorm in the place of every nn.InstanceNorm2d; the weights' names stay, as a norm has none."""
    for layer in list(network.modules()):
        for name, child in layer.named_children():
            if type(child) is nn.InstanceNorm2d:
                setattr(layer, name, QuickInstanceNorm(child.num_features, child.eps))
    return network
