"""Training in fp16, whose smallest number is 6e-8: the losses are multiplied so that small gradients are not lost.

GPUs before 2020 (compute capability 7) have fast arithmetic in fp16 and none in bf16. Micikevicius et al. (2018),
arXiv 1710.03740, section 3.2; PyTorch's GradScaler finds the factor. Nothing here reads a number from the GPU.
"""

from collections.abc import Callable

import torch

from minicyclegan.cyclegan import CycleGAN

FACTOR = 1024.0  # to begin with; PyTorch's own 65,536 overflows in the first steps, which are then lost


def scaled(learn: Callable, scaler: torch.amp.GradScaler) -> Callable:
    """Like `learn`, with gradients that are larger by the scaler's factor; the losses it returns are not."""

    def enlarged(job: Callable) -> Callable:
        def run():
            losses, other = job()
            return {name: scaler.scale(loss) for name, loss in losses.items()}, other

        return run

    def learn_scaled(first: Callable, second: Callable) -> list[tuple]:
        results = learn(enlarged(first), enlarged(second))
        factor = scaler.scale(torch.ones((), device=results[0][1].device))
        return [({name: loss / factor for name, loss in losses.items()}, other) for losses, other in results]

    return learn_scaled


def scale_gradients(model: CycleGAN, *optimizers: torch.optim.Optimizer) -> None:
    """Let a model learn in fp16: enlarged gradients, which the optimisers make small again.

    A step whose gradients are not finite changes no weight, and the factor is halved; after 2,000 good ones it is doubled.
    The factor is kept in the state of the optimisers. They must be fused: such an Adam takes factor and overflow flag as
    tensors, so no step waits for the GPU. `model.learn` must be set before.
    """
    device = next(model.parameters()).device
    scaler = torch.amp.GradScaler(device.type, init_scale=FACTOR)
    scaler.scale(torch.ones((), device=device))  # makes the factor, which a recording must not do
    model.scaled = lambda learn: scaled(learn, scaler)
    model.learn = model.scaled(model.learn)
    for optimizer in optimizers:
        scaled_steps(optimizer, scaler)


def scaled_steps(optimizer: torch.optim.Optimizer, scaler: torch.amp.GradScaler) -> None:
    """`optimizer.step()` through the scaler, and the factor in its state."""
    plain_step = optimizer.step

    def step():
        optimizer.step = plain_step  # which the scaler calls
        try:
            scaler.step(optimizer)
        finally:
            optimizer.step = step
        scaler.update()

    def with_factor(optimizer, state: dict) -> dict:
        state["param_groups"][0]["scaler"] = scaler.state_dict()
        return state

    def take_factor(optimizer) -> None:
        kept = optimizer.param_groups[0].pop("scaler", None)
        if kept:
            scaler.load_state_dict(kept)

    optimizer.step = step
    optimizer.register_state_dict_post_hook(with_factor)
    optimizer.register_load_state_dict_post_hook(take_factor)
