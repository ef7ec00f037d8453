"""Training steps that are watched: what they were given, what they called, where they led. For the check of notebook 06."""

import copy
import functools
from dataclasses import dataclass, field

import torch

from minicyclegan.checks.frame import expect
from minicyclegan.checks.probes import counted_sgd


class Spy:
    """A pool that keeps what it was given and hands out something else."""

    def __init__(self, other: torch.Tensor | None = None):
        self.given, self.other = [], other

    def query(self, fakes):
        self.given.append(fakes)
        return fakes.detach() if self.other is None else self.other


@dataclass
class Run:
    """What a step, or several, left behind."""

    generators: list
    discriminators: list
    returned: dict
    pools: tuple
    steps: tuple  # of the two optimisers
    calls: dict = field(default_factory=dict)  # how often methods of the model were called


def parameters(model, kind: str) -> list:
    return [
        p for name, network in model.named_children() if name.startswith(kind) for p in network.parameters()
    ]


def watch(model, noise: dict | None) -> dict:
    """Count the calls of the model's methods and of its `learn`; and let it draw this noise."""
    calls = {}

    def counted(name, method):
        def call(*args, **kwargs):
            calls[name] = calls.get(name, 0) + 1
            return copy.deepcopy(noise) if name == "draw_noise" and noise else method(*args, **kwargs)

        return call

    for name in ("draw_noise", "generators_turn", "discriminators_turn", "generator_losses", "learn"):
        setattr(model, name, counted(name, getattr(model, name)))
    return calls


def one_run(step, model, batches, others=(None, None), noise=None, **options) -> Run:
    """A step of plain gradient descent on each batch."""
    kinds = "generator", "discriminator"
    optimizers = [counted_sgd(parameters(model, kind), 0.05) for kind in kinds]
    pools, calls = tuple(Spy(other) for other in others), watch(model, noise)
    for a, b in batches:
        try:
            returned = step(model, a, b, *optimizers, *pools, **options)
        except RuntimeError as error:
            expect(
                "does not require grad" not in str(error),
                "your step stops, because a loss does not require grad: are the discriminators frozen for the first turn and not thawed, all of them, for the second?",
            )
            raise
    moved = [[p.detach().clone() for p in parameters(model, kind)] for kind in kinds]
    return Run(*moved, returned, pools, tuple(optimizer.steps for optimizer in optimizers), calls)


def close(found, wanted) -> bool:
    return all(torch.allclose(x, y, rtol=1e-3, atol=1e-6) for x, y in zip(found, wanted))


@functools.cache
def prepared() -> tuple:
    """What the student's step is compared with: the library's class and two models of it, batches, noise, and room for results."""
    from minicyclegan.cyclegan import CycleGAN as Reference
    from minicyclegan.parameters import Config

    tiny = dict(image_size=16, base_channels=4, n_blocks=1, discriminator_channels=4, discriminator_layers=1)
    noises = dict(cycle_noise=0.2, discriminator_noise=0.3, gan_mode="bce")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        models = {"plain": Reference(Config(**tiny)), "noisy": Reference(Config(**tiny, **noises))}
        batches = [tuple(torch.rand(1, 3, 16, 16) * 2 - 1 for _ in range(2)) for _ in range(2)]
        return Reference, models, batches, models["noisy"].draw_noise(*batches[0]), {}
