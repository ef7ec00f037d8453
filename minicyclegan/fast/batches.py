"""Batches that are on the device when a step asks for them."""

import contextlib

import torch
from torch import Tensor

from minicyclegan.data import Domains, UnpairedBatches, to_float
from minicyclegan.parameters import Config
from minicyclegan.pictures.prefetch import Prefetch

SHARE = 0.25  # of a GPU's free memory that the training pictures may take


class ResidentBatches(UnpairedBatches):
    """The batches of `UnpairedBatches`, to the bit, from uint8 pictures (N, 3, H, W) on a GPU: only places and order are drawn by the CPU."""

    def __init__(self, pictures_a, pictures_b, size: int, batch_size: int, seed: int, device: torch.device):
        super().__init__(pictures_a, pictures_b, size, batch_size, seed)
        self.there = [held(pictures).to(device) for pictures in self.domains]
        self.device, self.offsets = device, torch.arange(size)

    def crop_flip(self, pictures: Tensor, indices: list[int], generator: torch.Generator) -> Tensor:
        """`data.random_crop_flip` of these pictures, as floats; all places go to the GPU at once."""
        n, height, width = len(indices), *pictures.shape[2:]
        top = torch.randint(height - self.size + 1, (n,), generator=generator)
        left = torch.randint(width - self.size + 1, (n,), generator=generator)
        flip = torch.randint(2, (n,), generator=generator).bool()
        columns = torch.where(flip[:, None], self.offsets.flip(0), self.offsets) + left[:, None]
        places = torch.cat([torch.tensor(indices)[:, None], top[:, None] + self.offsets, columns], dim=1)
        numbers, rows, columns = to_device(places, self.device).split([1, self.size, self.size], dim=1)
        # (n, size, size, 3) comes out, which is channels last already
        crops = pictures[numbers[:, :, None], :, rows[:, :, None], columns[:, None, :]]
        return to_float(crops.permute(0, 3, 1, 2))

    def batch(self, step: int) -> tuple[Tensor, Tensor]:
        """The batch of training step `step`, which counts from 0, on the device."""
        pair = []
        for domain, pictures in enumerate(self.there):
            draws = self.draws_crops(domain, step)
            pair.append(self.crop_flip(pictures, self.indices(domain, step), draws))
        return pair[0], pair[1]


def held(pictures) -> Tensor | None:
    """The pictures of a domain as one tensor; None where they are read from files at each step."""
    return pictures if isinstance(pictures, Tensor) else pictures.pictures


def batches_for(domains: Domains, config: Config, device: torch.device) -> UnpairedBatches:
    """The batches of a run: from pictures that are kept on the GPU where there is one and they take little of its memory."""
    given = domains.train_a, domains.train_b, config.image_size, config.batch_size, config.seed
    pictures = [held(part) for part in given[:2]]
    if device.type == "cuda" and all(part is not None for part in pictures):
        if sum(part.nbytes for part in pictures) < SHARE * torch.cuda.mem_get_info(device)[0]:
            return ResidentBatches(*given, device)
    return UnpairedBatches(*given)


def to_device(part: Tensor, device: torch.device) -> Tensor:
    """A copy that a CPU does not wait for, where the device is a GPU; the part itself if it is there already."""
    if device.type == "cuda" and not part.is_cuda:
        part = part.pin_memory()
    return part.to(device, non_blocking=True)


@contextlib.contextmanager
def on_the_way(batches: UnpairedBatches, end: int, device: torch.device):
    """A function `batch(step)` that gives batches on the device, up to step `end` - 1, the next ones being made meanwhile."""
    if isinstance(batches, ResidentBatches):
        yield batches.batch
        return
    with Prefetch(batches.batch, end) as source:
        yield lambda step: tuple(to_device(part, device) for part in source.batch(step))
