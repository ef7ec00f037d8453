"""One model on many processes (plumbing behind train_distributed): each learns from its share of the batch, with PyTorch's DDP.

Everything here computes what one process computes on the whole batch, up to the rounding of sums. A process group must
have been started (`torch.distributed.init_process_group`).
"""

import contextlib
import io
import os
import re
import sys
import time
from pathlib import Path

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from minicyclegan.cyclegan import CycleGAN, ImagePool
from minicyclegan.data import UnpairedBatches, random_crop_flip, to_float
from minicyclegan.devices import choose_device
from minicyclegan.errors import MiniCycleGANError, ParameterError, RunError
from minicyclegan.parameters import Config
from minicyclegan.training import Trainer


@contextlib.contextmanager
def together():
    """What is wrong for one process is wrong for all: they leave the block at the same time, and the first one says why.

    It raises RunError, the others end with exit code 1 in silence. No communication belongs inside the block.
    """
    fault = ""
    try:
        yield
    except MiniCycleGANError as error:
        fault = str(error)
    faults = [""] * dist.get_world_size()
    dist.all_gather_object(faults, fault)
    for rank, fault in enumerate(faults):
        if fault and dist.get_rank() == 0:
            raise RunError(f"process {rank}: {fault}" if rank else fault)
        if fault:
            sys.exit(1)


def agreed(signals: list[int]) -> int:
    """A signal that any of the processes has received, 0 for none; the same answer on all. It costs one small message."""
    received = torch.tensor(
        signals[0] if signals else 0
    )  # on the CPU: a GPU would have to finish its work first
    dist.all_reduce(received, dist.ReduceOp.MAX)
    return int(received)


@contextlib.contextmanager
def losing_others(run_dir: Path):
    """Turn torch's errors about a process that is gone into RunError with one sentence."""
    try:
        yield
    except RuntimeError as error:
        lost = r"gloo|nccl|connection (closed|reset|refused)|broken pipe|timed? ?out|recv|socket"
        if isinstance(error, MiniCycleGANError) or not re.search(lost, str(error), re.IGNORECASE):
            raise
        time.sleep(1)  # torchrun looks ten times in a second, and shall see first who was gone first
        kept = (run_dir / "last.pt").exists()
        how = f"{run_dir / 'last.pt'} is whole: go on with the same command and -p resume=true"
        raise RunError(
            f"process {dist.get_rank()} stops because another process of this job is gone; torchrun says below which, "
            "and how it ended (exit code -9: it was killed, often because the memory was full); "
            f"{how if kept else 'there is no checkpoint yet: start again'}"
        ) from error


def device_of_process(device: str, precision: str) -> tuple[torch.device, torch.dtype, str]:
    """As choose_device, but each process of a machine takes a GPU of its own. Raises ParameterError."""
    chosen, dtype, sentence = choose_device(device, precision)
    if chosen.type == "mps" or chosen.index is not None:
        raise ParameterError(f"device must be auto, cuda or cpu for several processes, but it is {chosen}")
    if chosen.type == "cuda":
        number, there = int(os.environ.get("LOCAL_RANK", 0)), torch.cuda.device_count()
        if number >= there:
            raise ParameterError(f"this machine has {there} CUDA devices; use --nproc-per-node {there}")
        chosen = torch.device("cuda", number)
        torch.cuda.set_device(chosen)
    return chosen, dtype, sentence


def own(whole):
    """This process's part of a list or tensor with one entry for each picture of the whole batch."""
    size = len(whole) // dist.get_world_size()
    first = dist.get_rank() * size
    return whole[first : first + size]


class ShareOfBatches(UnpairedBatches):
    """This process's part of each batch, (batch_size / processes, 3, size, size): the same bits that one process sees there.

    `batch_size` is that of all processes together. Only the own pictures are read.
    """

    def batch(self, step: int) -> tuple[Tensor, Tensor]:
        """The own part of the batch of training step `step`, which counts from 0."""
        pair = []
        for domain, pictures in enumerate(self.domains):
            shown = pictures[own(self.indices(domain, step))]
            # Among empty pictures for those of the others, so that each gets the place it would get in the whole batch
            whole = shown.new_zeros(self.batch_size, *shown.shape[1:])
            own(whole)[:] = shown
            generator = torch.Generator().manual_seed((self.seed * 2 + domain) * 1_000_003 + 500_000 + step)
            pair.append(to_float(own(random_crop_flip(whole, self.size, generator))))
        return pair[0], pair[1]


class GatheredPool(ImagePool):
    """The pool of one process, on each: all see the fakes of all, throw the same dice, and take their own part."""

    def query(self, fakes: Tensor) -> Tensor:
        """Own fakes (N / processes, 3, H, W), detached, in; as many out, some of them older."""
        if self.size == 0:
            return fakes
        fakes = fakes.contiguous()
        all_fakes = [torch.empty_like(fakes) for _ in range(dist.get_world_size())]
        dist.all_gather(all_fakes, fakes)
        return own(super().query(torch.cat(all_fakes)))


class Half(nn.Module):
    """The networks that learn in one half of a step, and the function with their losses: what DDP wraps.

    DDP averages the gradients of the networks it finds inside, while they are computed. It wants one call of `forward` for
    each backward pass, so `forward` is the whole half. It looks at requires_grad when it is built, and the other half's
    networks are no part of it: that the discriminators are frozen while the generators learn does not disturb it.
    """

    def __init__(self, losses, *networks: nn.Module):
        super().__init__()
        self.losses, self.networks = losses, nn.ModuleList(networks)

    def forward(self, *given):
        return self.losses(*given)


class ParallelCycleGAN(CycleGAN):
    """The networks of `model`, with the same names in the state dict; a training step learns from all processes' pictures."""

    def __init__(self, model: CycleGAN):
        nn.Module.__init__(self)
        self.config, self.dtype, self.random = model.config, model.dtype, model.random
        self.generator_ab, self.generator_ba = model.generator_ab, model.generator_ba
        self.discriminator_a, self.discriminator_b = model.discriminator_a, model.discriminator_b
        generators = Half(super().generator_losses, self.generator_ab, self.generator_ba)
        discriminators = Half(super().discriminator_losses, self.discriminator_a, self.discriminator_b)
        # In a tuple, where nn.Module does not look for networks: the state dict would have each of them twice
        self.halves = (DistributedDataParallel(generators), DistributedDataParallel(discriminators))

    def generator_losses(self, *given):
        return self.halves[0](*given)

    def discriminator_losses(self, *given):
        return self.halves[1](*given)

    def noisy(self, pictures: Tensor, deviation: float) -> Tensor:
        """The own pictures, or real and fake ones one after the other, with the noise they would get in the whole batch."""
        if deviation == 0:
            return pictures
        world = dist.get_world_size()
        size = self.config.batch_size // world
        shape = (len(pictures) // size, world, size, *pictures.shape[1:])
        noise = torch.randn(shape, generator=self.random, device=pictures.device)
        return pictures + deviation * noise[:, dist.get_rank()].flatten(0, 1)

    def training_step(self, *given) -> dict[str, Tensor]:
        """As in CycleGAN, but the losses are the means over all processes: the same numbers on each."""
        losses = super().training_step(*given)
        means = torch.stack(list(losses.values()))
        dist.all_reduce(means)
        return dict(zip(losses, means / dist.get_world_size()))


class ParallelTrainer(Trainer):
    """A Trainer on each process. They hold the same state, and `train_on` wants the own part of the batch."""

    def __init__(self, config: Config, device: torch.device, dtype: torch.dtype = torch.float32):
        super().__init__(config, device, dtype)
        self.model = ParallelCycleGAN(self.model)
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
