"""One model on many processes: each learns from its share of the batch, with PyTorch's DDP.

Everything here computes what one process computes on the whole batch, up to the rounding of sums. A process group must
have been started (`torch.distributed.init_process_group`).
"""

import io
from collections.abc import Callable
from functools import partial

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from minicyclegan.cyclegan import CycleGAN, ImagePool, learn_from, run_both
from minicyclegan.data import UnpairedBatches, random_crop_flip, to_float
from minicyclegan.distributed.processes import own
from minicyclegan.parameters import Config
from minicyclegan.patch_nce import CUT
from minicyclegan.training import Trainer


class ShareOfBatches(UnpairedBatches):
    """This process's part of each batch, (batch_size / processes, 3, size, size): the same bits as in a single process.

    `batch_size` is that of all processes together. Only this process's pictures are read.
    """

    def batch(self, step: int) -> tuple[Tensor, Tensor]:
        """This process's part of the batch of training step `step`, which counts from 0."""
        pair = []
        for domain, pictures in enumerate(self.domains):
            shown = pictures[own(self.indices(domain, step))]
            # Among empty pictures for those of the others, so that each gets the random crop it would get in the whole batch
            whole = shown.new_zeros(self.batch_size, *shown.shape[1:])
            own(whole)[:] = shown
            crops = random_crop_flip(whole, self.size, self.draws_crops(domain, step))
            pair.append(to_float(own(crops)))
        return pair[0], pair[1]


class GatheredPool(ImagePool):
    """The pool of a single process, on each: all see all fakes, draw the same random numbers, and take their own part."""

    def query(self, fakes: Tensor) -> Tensor:
        """Takes this process's detached fakes (N / processes, 3, H, W) and returns as many, some of them older."""
        if self.size == 0:
            return fakes
        fakes = fakes.contiguous()
        all_fakes = [torch.empty_like(fakes) for _ in range(dist.get_world_size())]
        dist.all_gather(all_fakes, fakes)
        return own(super().query(torch.cat(all_fakes)))


class Turn(nn.Module):
    """The two networks that learn in one turn of a step, and its two jobs: what DDP wraps.

    DDP averages the gradients of the networks it finds inside, while they are computed. It expects one call of `forward` for
    each backward pass, so both jobs run in it, and one backward follows. It looks at requires_grad when it is built, and
    the other turn's networks are not part of it: that the discriminators are frozen meanwhile does not disturb it.
    """

    def __init__(self, *networks: nn.Module):
        super().__init__()
        self.networks = nn.ModuleList(networks)

    def forward(self, first: Callable, second: Callable) -> list[tuple]:
        return run_both(first, second)


def on_all_processes(turn: DistributedDataParallel, first: Callable, second: Callable) -> list[tuple]:
    """Like `cyclegan.in_turn`, with gradients that are the means over all processes."""
    return learn_from(turn(first, second))


class AcrossProcesses:
    """What makes of a CycleGAN, or CUT, one whose training step learns from all processes' pictures.

    It takes over all that `model` is made of, so the state dict has the same names.
    """

    def __init__(self, model: CycleGAN):
        vars(self).update(vars(model))
        self.learn = None
        scaled = getattr(model, "scaled", lambda learn: learn)  # in fp16
        # In a tuple, where nn.Module does not look for networks: the state dict would hold each of them twice
        turns = [DistributedDataParallel(Turn(*networks)) for networks in model.players()]
        self.turns = tuple(scaled(partial(on_all_processes, turn)) for turn in turns)

    def generators_turn(self, real_a, real_b, noise, with_identity, learn):
        return super().generators_turn(real_a, real_b, noise, with_identity, learn or self.turns[0])

    def discriminators_turn(self, real_a, fake_a, real_b, fake_b, noise, learn):
        return super().discriminators_turn(real_a, fake_a, real_b, fake_b, noise, learn or self.turns[1])

    def noise(self, like: Tensor, deviation: float, copies: int = 1) -> Tensor | float:
        """The noise that this process's pictures, or `copies` copies of them, would get in the whole batch."""
        if deviation == 0:
            return 0.0
        shape = (copies, dist.get_world_size(), *like.shape)
        noise = torch.randn(shape, generator=self.random, device=like.device)
        return deviation * noise[:, dist.get_rank()].flatten(0, 1)

    def training_step(self, *given) -> dict[str, Tensor]:
        """As in CycleGAN, but the losses are the means over all processes: the same numbers on each."""
        losses = super().training_step(*given)
        means = torch.stack(list(losses.values()))
        dist.all_reduce(means)
        return dict(zip(losses, means / dist.get_world_size()))


class ParallelCycleGAN(AcrossProcesses, CycleGAN):
    """CycleGAN on all processes."""


class ParallelCUT(AcrossProcesses, CUT):
    """CUT on all processes. They draw the same places to compare, as one process would for the whole batch."""


class ParallelTrainer(Trainer):
    """A Trainer on each process. They hold the same state, and `train_on` takes this process's part of the batch."""

    def __init__(self, config: Config, device: torch.device, dtype: torch.dtype = torch.float32):
        super().__init__(config, device, dtype)
        self.model = (ParallelCUT if isinstance(self.model, CUT) else ParallelCycleGAN)(self.model)
        self.pool_a = GatheredPool(config.pool_size, seed=2 * config.seed)
        self.pool_b = GatheredPool(config.pool_size, seed=2 * config.seed + 1)

    def take_state_of_first(self) -> None:
        """Bring all processes to where the first one is; it alone needs to see the checkpoint's disk."""
        file = io.BytesIO()
        if dist.get_rank() == 0:
            torch.save(self.state_dict(), file)
        state = [file.getvalue()]
        dist.broadcast_object_list(state, device=torch.device("cpu"))
        if dist.get_rank() > 0:
            self.load_state_dict(torch.load(io.BytesIO(state[0]), map_location="cpu", weights_only=True))
