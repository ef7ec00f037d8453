"""What makes a training quick on CUDA and right on every card: which ways to compute are taken, when, and with what settings."""

import contextlib
import os
from collections.abc import Callable

import torch

from minicyclegan.cyclegan import CycleGAN, in_turn
from minicyclegan.fast.recording import RecordedTurn, on_two_streams, record_turns
from minicyclegan.fast.scaling import scale_gradients
from minicyclegan.parameters import Config

COMPILE_FROM = 10_000  # steps, from which compiling pays: it took 84 s on an H100 and saved 7 ms a step (docs/PERFORMANCE.md)


def way_on_cuda(config: Config) -> Callable:
    """How two directions are computed on CUDA.

    Side by side where one picture of 256 px or less goes through the networks: one convolution of it does not fill a large
    GPU (14 % quicker on an H100). More fill it, and side by side they would only hold more memory.
    """
    return on_two_streams if config.batch_size * config.image_size**2 <= 256**2 else in_turn


def use_gpu_well(model: CycleGAN, *optimizers: torch.optim.Optimizer) -> None:
    """What a model and its fused optimisers need to be quick on CUDA, and right in fp16 on any device."""
    on_cuda = next(model.parameters()).device.type == "cuda"
    if on_cuda:
        model.learn = way_on_cuda(model.config)
    if model.dtype == torch.float16:
        scale_gradients(model, *optimizers)
    if on_cuda:
        record_turns(model)


def compile_turns(trainer, compile: str, say: Callable = print) -> None:
    """Let the recordings of a trainer on CUDA hold compiled networks: `compile` is "yes", "no", or "auto" for long runs.

    Compiled, convolutions are quickest on pictures that are stored channels last; otherwise the norms are quicker channels
    first.
    """
    turns = [
        turn
        for turn in (trainer.model.generators_turn, trainer.model.discriminators_turn)
        if isinstance(turn, RecordedTurn)
    ]
    left = trainer.config.steps - trainer.step
    if not turns:
        if compile == "yes":
            say("nothing is compiled: that is for a run in one process on CUDA")
        return
    if compile == "no" or (compile == "auto" and left < COMPILE_FROM):
        return
    say(
        f"compiling, a minute or two at the first step: it saves about a third of each of the {left:,} steps that follow "
        f"(it is done from {COMPILE_FROM:,} steps on; compile=no leaves it out)"
    )
    networks = [network for turn in turns for network in turn.networks]
    for turn in turns:
        turn.compiled = networks
    trainer.stored = torch.channels_last
    trainer.model.to(memory_format=torch.channels_last)
    for optimizer in (trainer.optimizer_g, trainer.optimizer_d):
        store_like_weights(optimizer)


def store_like_weights(optimizer: torch.optim.Optimizer) -> None:
    """Store Adam's moments in the order of their weights: its fused form goes through both without looking.

    A checkpoint from another kind of device has them in another order.
    """
    for weight, state in optimizer.state.items():
        for name, moment in state.items():
            if moment.shape == weight.shape and moment.stride() != weight.stride():
                state[name] = torch.empty_like(weight).copy_(moment)


@contextlib.contextmanager
def cuda_settings(device: torch.device, deterministic: bool):
    """Within the block CUDA is quick, or `deterministic`: the same bits at each run on the same card and software.

    Quick means that cuDNN tries its algorithms and takes the quickest, which need not be the same one tomorrow.

    A CPU is deterministic in any case. Where there are several GPUs, `device` is the one that is meant.
    """
    if device.type != "cuda":
        yield
        return
    cudnn = torch.backends.cudnn
    before = torch.are_deterministic_algorithms_enabled(), cudnn.benchmark
    if deterministic:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # which cuBLAS wants for it
    torch.use_deterministic_algorithms(deterministic or before[0])
    cudnn.benchmark = not deterministic
    try:
        with torch.cuda.device(device):
            yield
    finally:
        torch.use_deterministic_algorithms(before[0])
        cudnn.benchmark = before[1]
