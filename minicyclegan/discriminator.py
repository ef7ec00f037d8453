"""The PatchGAN discriminator (Zhu et al. 2017, section 7.2), built in notebook 03_discriminator."""

import torch
from torch import Tensor, nn


class PatchDiscriminator(nn.Module):
    """Pictures (N, 3, H, W) in [-1, 1] to a map of scores (N, 1, h, w), one for each overlapping patch.

    The defaults are the paper's 70x70 PatchGAN: C64, C128, C256, C512 and one more 4x4 convolution, strides
    2, 2, 2, 1, 1 as in the authors' code (2,764,737 parameters; the text of section 7.2 has stride 2 for all C layers, which
    sees 94 px); 256 px give a map of 30 x 30. Scores are raw numbers: no sigmoid.
    `n_layers` is the number of layers with stride 2; other values see patches of other sizes (`receptive_field`).
    """

    def __init__(self, base_channels: int = 64, n_layers: int = 3):
        super().__init__()
        c = base_channels
        first = nn.Conv2d(3, c, 4, stride=2, padding=1)
        layers = [first, nn.LeakyReLU(0.2, inplace=True)]  # no norm on the first
        for i in range(1, n_layers + 1):
            channels_in, channels_out = c * min(2 ** (i - 1), 8), c * min(2**i, 8)
            stride = 2 if i < n_layers else 1
            layers += [
                nn.Conv2d(channels_in, channels_out, 4, stride=stride, padding=1),
                nn.InstanceNorm2d(channels_out),
                nn.LeakyReLU(0.2, inplace=True),
            ]
        self.layers = nn.Sequential(*layers, nn.Conv2d(channels_out, 1, 4, stride=1, padding=1))

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)


def receptive_field(kernels: list[int], strides: list[int]) -> int:
    """Side in pixels of the patch that one output sees, by arithmetic from the last layer back to the first."""
    field = 1
    for kernel, stride in zip(reversed(kernels), reversed(strides), strict=True):
        field = (field - 1) * stride + kernel
    return field


def receptive_field_by_gradient(network: nn.Module, size: int) -> int:
    """The same side, measured: how wide is the square of input pixels that the middle score's gradient reaches?

    `size` is the side of the test picture; ValueError if the field does not fit into it. The norms are left out while
    measuring, because an instance norm lets every pixel of a channel look at every other.
    """
    convolutions = nn.Sequential(*[layer for layer in network.modules() if isinstance(layer, nn.Conv2d)])
    picture = torch.zeros(1, 3, size, size, requires_grad=True)
    with torch.no_grad():
        weights = [layer.weight.clone() for layer in convolutions]
        for layer in convolutions:
            layer.weight.fill_(1.0)  # no two paths can cancel
    scores = convolutions(picture)
    scores[0, 0, scores.shape[2] // 2, scores.shape[3] // 2].backward()
    with torch.no_grad():
        for layer, weight in zip(convolutions, weights):
            layer.weight.copy_(weight)
            layer.zero_grad(set_to_none=True)
    touched = picture.grad[0].abs().sum((0, 1)).nonzero()
    if touched.min() == 0 or touched.max() == size - 1:
        raise ValueError(f"the field reaches the border of a picture of {size} px; use a larger size")
    return int(touched.max() - touched.min()) + 1
