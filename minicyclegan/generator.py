"""The ResNet generator (Zhu et al. 2017, section 7.2), built in notebook 02_generator."""

import torch
from torch import Tensor, nn


class ResidualBlock(nn.Module):
    """x + f(x), where f is two 3x3 convolutions; the shape stays (N, channels, H, W). Paper: `R256`.

    There is no ReLU after the sum: the identity path stays free.
    """

    def __init__(self, channels: int):
        super().__init__()
        # fmt: off
        self.body = nn.Sequential(
            nn.ReflectionPad2d(1), nn.Conv2d(channels, channels, 3), nn.InstanceNorm2d(channels), nn.ReLU(inplace=True),
            nn.ReflectionPad2d(1), nn.Conv2d(channels, channels, 3), nn.InstanceNorm2d(channels),
        )
        # fmt: on

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x)


def downsample(channels_in: int, channels_out: int) -> nn.Sequential:
    """Halve the picture: (N, channels_in, H, W) to (N, channels_out, H/2, W/2). Paper: `d128`."""
    return nn.Sequential(
        nn.Conv2d(channels_in, channels_out, 3, stride=2, padding=1),
        nn.InstanceNorm2d(channels_out),
        nn.ReLU(inplace=True),
    )


def upsample(channels_in: int, channels_out: int, upsampling: str = "transposed") -> nn.Sequential:
    """Double the picture: (N, channels_in, H, W) to (N, channels_out, 2H, 2W). Paper: `u64`, transposed.

    `resize` repeats pixels (nearest neighbour) and then convolves, which leaves no checkerboards (Odena et al. 2016); it is not the
    paper's. Raises ValueError for any other value.
    """
    if upsampling == "transposed":
        layers = [nn.ConvTranspose2d(channels_in, channels_out, 3, stride=2, padding=1, output_padding=1)]
    elif upsampling == "resize":
        layers = [nn.Upsample(scale_factor=2), nn.Conv2d(channels_in, channels_out, 3, padding=1)]
    else:
        raise ValueError(f"upsampling is {upsampling!r}; use 'transposed' (the paper's) or 'resize'")
    return nn.Sequential(*layers, nn.InstanceNorm2d(channels_out), nn.ReLU(inplace=True))


def with_change(picture: Tensor, change: Tensor) -> Tensor:
    """tanh(exp(gain) * artanh(picture) + shift): the picture where the change is 0.

    The picture is (N, 3, H, W) in [-1, 1], the change (N, 6, H, W): a gain for each colour, then a shift. artanh grows so
    steeply at the ends that the last steps of 8 bits would lie far apart, and beyond them it is infinite: so black and
    white are taken for 3 and 252 of 255. Not the paper's.
    """
    wide = torch.promote_types(picture.dtype, torch.float32)  # no half precision in here
    gain, shift = change.to(wide).chunk(2, dim=1)
    x = picture.to(wide).clamp(-0.98, 0.98)
    artanh = ((1 + x) / (1 - x)).log() / 2  # torch.atanh, but ONNX knows it
    return torch.tanh(gain.clamp(-4, 4).exp() * artanh + shift)  # a gain beyond 4 would only overflow


class Generator(nn.Module):
    """Pictures (N, 3, H, W) in [-1, 1] to pictures of the same shape and range; H and W divisible by
    2 ** n_downsamplings.

    The defaults are the paper's network for 256 px: c7s1-64, d128, d256, 9 x R256, u128, u64, c7s1-3
    (11,378,179 parameters). For 128 px the paper uses n_blocks=6. With n_downsamplings=1 the blocks work at half
    the size instead of a quarter, which keeps small things sharp in small pictures. With `global_skip` the layers
    compute a change, and the input skips them all: see `with_change`. Neither is the paper's.
    """

    def __init__(
        self,
        base_channels: int = 64,
        n_blocks: int = 9,
        upsampling: str = "transposed",
        n_downsamplings: int = 2,
        global_skip: bool = False,
    ):
        super().__init__()
        self.global_skip = global_skip
        widths = [base_channels * 2**i for i in range(n_downsamplings + 1)]  # 64, 128, 256
        steps = list(zip(widths, widths[1:]))
        # fmt: off
        self.layers = nn.Sequential(
            nn.ReflectionPad2d(3), nn.Conv2d(3, widths[0], 7), nn.InstanceNorm2d(widths[0]), nn.ReLU(inplace=True),
            *[downsample(narrow, wide) for narrow, wide in steps],
            *[ResidualBlock(widths[-1]) for _ in range(n_blocks)],
            *[upsample(wide, narrow, upsampling) for narrow, wide in reversed(steps)],
            nn.ReflectionPad2d(3), nn.Conv2d(widths[0], 6 if global_skip else 3, 7), nn.Tanh(),
        )
        # fmt: on

    def forward(self, x: Tensor) -> Tensor:
        if self.global_skip:
            return with_change(x, self.layers[:-1](x))  # all but the last layer, the tanh
        return self.layers(x)


def init_weights(network: nn.Module, std: float = 0.02) -> nn.Module:
    """Draw every convolution's weights from N(0, std), biases 0, in place (paper, section 7.1)."""
    for layer in network.modules():
        if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d)):
            nn.init.normal_(layer.weight, 0.0, std)
            nn.init.zeros_(layer.bias)
    return network
