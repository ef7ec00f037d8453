"""A generator's answer to a picture of any size, computed in horizontal strips: the same numbers in little memory.

Tiles that are translated on their own would each have their own brightness, because an instance norm takes its mean and its
deviation from the whole picture. So this goes through the network layer by layer. A layer's rows are made when they are asked
for, from just those rows of the layer below that they need; at a norm, all rows go by once to be measured. Only behind the last
layer that halves the picture, where little is left of it, are the numbers kept: two tensors of that size are all the memory.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from minicyclegan.fast.norm import Mean
from minicyclegan.fast.rows import Rows, added, after, pointwise, stored
from minicyclegan.generator import ResidualBlock

STRIP_BYTES = 8 * 1024**2  # of the largest tensor within a strip: on a CPU quicker than more, or much less


class InStrips:
    """Goes through a generator's layers. With `dry` nothing is computed: `done` becomes what all of it costs.

    `dtype` is that of the stored numbers, which take `kept` bytes; computed is in float32. `reach` is told `done` after
    each strip, and may raise an error to stop.
    """

    def __init__(
        self,
        dtype: torch.dtype = torch.float32,
        strip_bytes: float = STRIP_BYTES,
        dry: bool = False,
        reach: Callable[[float], None] = lambda done: None,
    ):
        self.dtype, self.strip_bytes, self.dry, self.reach = dtype, strip_bytes, dry, reach
        self.done, self.kept = 0.0, 0

    def go_by(self, rows: Rows, take: Callable[[Tensor, int, int], None]) -> None:
        """Compute all rows, strip by strip: take(strip, top, bottom). Each comes after the next was computed,
        so that it may overwrite what it was made of.
        """
        waiting = None
        for top, bottom in [] if self.dry else rows.strips(self.strip_bytes):
            strip = rows.make(top, bottom)
            if waiting:
                take(*waiting)
            waiting = strip, top, bottom
            self.reach(self.done + rows.cost * bottom / rows.height)
        if waiting:
            take(*waiting)
        self.done += rows.cost

    def measured(self, rows: Rows, layer: nn.InstanceNorm2d, target: Tensor | None = None) -> Rows:
        """The rows after a norm. With a `target` they are also kept, and not computed a second time."""
        mean = Mean()

        def take(strip: Tensor, top: int, bottom: int) -> None:
            mean.add(strip)
            if target is not None:
                target[:, :, top:bottom] = strip

        self.go_by(rows, take)
        rows = rows if target is None else stored(target)
        return pointwise(rows, torch.clone if self.dry else mean.norm(layer))

    def empty(self, rows: Rows, device: torch.device) -> Tensor:
        """Memory for all rows. On the device "meta" a tensor has a shape and no numbers."""
        shape, device = (1, rows.channels, rows.height, rows.width), "meta" if self.dry else device
        result = torch.empty(shape, dtype=self.dtype, device=device, memory_format=torch.channels_last)
        self.kept += result.nbytes
        return result

    def through(self, rows: Rows, layers: list[nn.Module], target: Tensor | None = None) -> Rows:
        """The rows after some layers; a `target` keeps the rows before each norm."""
        for layer in layers:
            norm = isinstance(layer, nn.InstanceNorm2d)
            rows = self.measured(rows, layer, target) if norm else after(rows, layer)
        return rows

    @torch.no_grad()
    def translate(
        self, generator: nn.Module, picture: Rows, take: Callable[[Tensor, int, int], None]
    ) -> None:
        """take(strip, top, bottom) gets the rows of the generator's answer to a picture, (1, 3, rows, width) in [-1, 1]."""
        layers = []
        for layer in generator.layers:
            layers += layer if isinstance(layer, nn.Sequential) else [layer]
        device = next(generator.parameters()).device
        places = [i for i, layer in enumerate(layers) if isinstance(layer, ResidualBlock)]
        first, end = (places[0], places[-1] + 1) if places else (0, 0)

        rows = picture
        if places:
            # The last norm of the first part is where numbers are kept from, so it is on its own
            last = max(i for i, layer in enumerate(layers[:first]) if isinstance(layer, nn.InstanceNorm2d))
            rows = self.through(rows, layers[:last])
            x, other = self.empty(rows, device), self.empty(rows, device)
            rows = self.through(rows, layers[last:first], x)
            self.go_by(rows, lambda strip, top, bottom: x[:, :, top:bottom].copy_(strip))
            for block in layers[first:end]:
                rows = self.through(stored(x), list(block.body), other)
                self.go_by(rows, lambda strip, top, bottom: x[:, :, top:bottom].add_(strip))
            del other
            rows = stored(x)
        if generator.global_skip:
            rows = added(self.through(rows, layers[end:-1]), picture)
        else:
            rows = self.through(rows, layers[end:])
        self.go_by(rows, take)
