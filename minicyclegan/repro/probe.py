"""Short trainings with every term of the losses switched on: what decides a result must move one of their numbers.

Notebook 07 runs with the defaults, which leave out the identity loss, the noise, the moving average and the cross-entropy.
Here nothing is left out: one run with the paper's least squares, one with the cross-entropy and the other layers, one whose
generators compute a change, and CUT and FastCUT, on a few files that the probe writes itself. It computes in float64. There another order of the
same sums makes a difference of 1e-15, which twelve steps cannot grow into one that looks like a change; so this part is
compared tightly on every machine.

`python -m minicyclegan.repro.probe FILE` writes its numbers as JSON. That is a process of its own, since a number format
and a seed hold for a whole process.
"""

import contextlib
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from minicyclegan.cyclegan import CycleGAN, ImagePool
from minicyclegan.data import Domains, UnpairedBatches, to_float
from minicyclegan.datasets.named import load_domains
from minicyclegan.parameters import Config
from minicyclegan.training import Trainer

# Each number is chosen so that a tenth more or less of it changes something within twelve steps: an ema_decay of 0.9, say,
# would not, as the average follows quickly at first (training.move_average)
FIRST = Config(
    data="probe",
    image_size=16,
    load_size=18,
    steps=12,
    batch_size=2,
    seed=3,
    base_channels=4,
    n_blocks=1,
    upsampling="transposed",
    n_downsamplings=2,
    discriminator_channels=4,
    discriminator_layers=2,
    gan_mode="lsgan",
    lambda_cycle=10.0,
    lambda_identity=0.5,
    identity_share=0.875,
    cycle_noise=0.05,
    discriminator_noise=0.05,
    pool_size=3,
    learning_rate=2e-3,
    discriminator_lr_factor=0.5,
    beta1=0.5,
    decay_share=0.5,
    ema_decay=0.3,
    value_range="0..4095",
)
RUNS = {
    "least squares": FIRST,
    "cross-entropy": replace(FIRST, gan_mode="bce", upsampling="resize", n_downsamplings=1, seed=4),
    "global skip": replace(FIRST, global_skip=True, n_downsamplings=1, seed=5),
    "CUT": replace(FIRST, method="cut", lambda_nce=0.8, n_blocks=2, seed=6),
    "FastCUT": replace(FIRST, method="fastcut", lambda_nce=0.8, seed=7),
}
NETWORKS = ("generator_ab", "generator_ba", "discriminator_a", "discriminator_b")


def write_pictures(folder: Path) -> None:
    """Colours of 8 bits in A and grey of 16 bits in B, 24 x 20 px, by a formula with whole numbers: no random generator."""
    y, x = np.mgrid[0:20, 0:24]
    for part, count, deep in (("trainA", 5, 0), ("trainB", 4, 1), ("testA", 3, 0), ("testB", 3, 1)):
        (folder / part).mkdir(parents=True)
        for i in range(count):
            k = 7 * i + len(part) + (100 if part.startswith("test") else 0)
            noise = [x * x * (k + c) + y * 13 * (c + 1) + x * y * k for c in range(3)]
            planes = [plane % 128 + 4 * x + 30 * c for c, plane in enumerate(noise)]
            if deep:
                image = Image.fromarray((planes[0] * 19).astype(np.uint16))
            else:
                image = Image.fromarray(np.stack(planes, -1).clip(0, 255).astype(np.uint8))
            image.save(folder / part / f"{i}.png")


@contextlib.contextmanager
def in_float64():
    """New tensors have 64 bits in the block, so the networks that are made in it have too."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


def size_of(network: torch.nn.Module) -> float:
    return float(torch.cat([weights.detach().flatten() for weights in network.parameters()]).norm())


def domains_for(config: Config, folder: Path) -> Domains:
    return load_domains(folder, config.image_size, config.load_size, "refuse", config.value_range, "yes")


def numbers_of_run(config: Config, domains: Domains) -> Iterator[tuple[str, float]]:
    """Every number of a training as it goes by, with its name; the steps count from 1."""
    trainer = Trainer(config, torch.device("cpu"))
    pictures = domains.train_a, domains.train_b
    batches = UnpairedBatches(*pictures, config.image_size, config.batch_size, config.seed)
    for name in NETWORKS:
        yield f"size of the weights of {name} before step 1", size_of(getattr(trainer.model, name))
    for step in range(1, config.steps + 1):
        real_a, real_b = (real.double() for real in batches.batch(step - 1))
        # the mean alone would not see a picture that was mirrored
        slope = torch.linspace(0, 1, real_a.shape[-1])
        for name, real in (("A", real_a), ("B", real_b)):
            yield f"brightness of the pictures of {name} at step {step}", float(real.mean())
            yield f"where the pictures of {name} are bright at step {step}", float((real * slope).mean())
        for name, value in trainer.train_on(real_a, real_b).items():
            yield f"{name} at step {step}", float(value)
        for name, optimizer in (("generators", trainer.optimizer_g), ("discriminators", trainer.optimizer_d)):
            yield f"learning rate of the {name} at step {step}", optimizer.param_groups[0]["lr"]
        for name in NETWORKS:
            yield f"size of the weights of {name} after step {step}", size_of(getattr(trainer.model, name))
        for name in NETWORKS[:2]:
            yield (
                f"size of the average of {name} after step {step}",
                size_of(getattr(trainer.translator, name)),
            )
    for name, value in trainer.mean_losses().items():
        yield f"{name}, mean of all steps", value
    tests = [to_float(part[list(range(len(part)))]).double() for part in (domains.test_a, domains.test_b)]
    with torch.no_grad():
        fake_b, fake_a = (
            network(real)
            for network, real in zip(
                (trainer.translator.generator_ab, trainer.translator.generator_ba), tests
            )
        )
    for way, fake, truth in (("A to B", fake_b, tests[1]), ("B to A", fake_a, tests[0])):
        yield f"held-out error from {way} at the end", float((fake - truth).abs().mean()) / 2


def numbers_of_parts(config: Config) -> Iterator[tuple[str, float]]:
    """What twelve steps cannot show: which of many fakes the pool keeps, and from which score on a discriminator is right."""
    pool = ImagePool(config.pool_size, seed=config.seed)
    asked = torch.arange(400.0).reshape(400, 1, 1, 1)
    yield "how old the pictures are that the pool hands out", float((asked - pool.query(asked)).mean())
    model = CycleGAN(config)
    scores, nothing = torch.linspace(-1, 2, 300), torch.zeros(1, 3, 4, 4)
    given = (lambda pictures: torch.cat([scores, scores.flip(0)])), nothing, nothing, 0.0
    losses, right = model.one_discriminator(*given)
    yield "loss of a discriminator on scores from -1 to 2", float(losses["discriminator"])
    yield "share of scores from -1 to 2 that say real", float(right[0])
    yield "share of scores from -1 to 2 that say fake", float(right[1])


def probe(runs: dict[str, Config] = RUNS, load=domains_for) -> Iterator[tuple[str, float]]:
    """All numbers of all runs, with their names, in the order in which they come about. Raises what a training raises.

    `load` makes the domains of a run from its configuration and the folder of the probe's pictures.
    """
    with tempfile.TemporaryDirectory() as folder, in_float64():
        write_pictures(Path(folder))
        for name, config in runs.items():
            for what, value in numbers_of_parts(config):
                yield f"{name}: {what}", value
            for what, value in numbers_of_run(config, load(config, Path(folder))):
                yield f"{name}: {what}", value


if __name__ == "__main__":
    from minicyclegan.runs.files import write_json

    write_json(Path(sys.argv[1]), dict(probe()))
