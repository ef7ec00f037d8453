"""How good is a seasons run? Its error on 200 held-out scenes next to three yardsticks.

    python benchmarks/seasons_quality.py runs/seasons-1/last.pt

Yardsticks: doing nothing; a global colour transfer (each picture gets the mean and deviation per channel of the target domain's
training pictures); and the supervised twin, the same generator trained on true pairs of the training scenes for as many steps,
with the same batch size, optimiser, schedule and moving average, and an L1 loss. `gap_closed` is the share of the way from doing
nothing to the twin.
"""

import copy
import platform
import sys

import torch
import torch.nn.functional as F

from minicyclegan import (
    Config,
    draw,
    init_weights,
    learning_rate_factor,
    load,
    load_seasons,
    sample_scenes,
    to_float,
    to_uint8,
)
from minicyclegan.checkpoint import read_checkpoint
from minicyclegan.generator import Generator

N_TRAIN, N_TEST = 1000, 200


def pairs_of_training_scenes(size: int) -> dict[str, torch.Tensor]:
    """The scenes of training domain A in both seasons; load_seasons shows only the summers of these."""
    scenes = {
        name: values[N_TEST : N_TEST + N_TRAIN]
        for name, values in sample_scenes(N_TEST + 2 * N_TRAIN, 0).items()
    }
    chunks = [{name: values[i : i + 50] for name, values in scenes.items()} for i in range(0, N_TRAIN, 50)]
    return {
        s: to_float(to_uint8(torch.cat([draw(c, s, size) for c in chunks]))) for s in ("summer", "winter")
    }


def supervised_twin(config: Config, source: torch.Tensor, target: torch.Tensor) -> Generator:
    """The same generator, told the answers, for as many steps."""
    torch.manual_seed(config.seed)
    shape = (config.base_channels, config.n_blocks, config.upsampling, config.n_downsamplings)
    twin = init_weights(Generator(*shape)).to(memory_format=torch.channels_last)
    average = copy.deepcopy(twin)
    optimizer = torch.optim.Adam(twin.parameters(), config.learning_rate, betas=(config.beta1, 0.999))
    for step in range(config.steps):
        factor = learning_rate_factor(step, config.steps, config.decay_share)
        optimizer.param_groups[0]["lr"] = config.learning_rate * factor
        chosen = torch.randint(len(source), (config.batch_size,))
        x, y = source[chosen], target[chosen]
        if torch.rand(()) < 0.5:
            x, y = x.flip(3), y.flip(3)
        loss = F.l1_loss(twin(x.contiguous(memory_format=torch.channels_last)), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        decay = min(config.ema_decay, (1 + step) / (10 + step))
        with torch.no_grad():
            torch._foreach_lerp_(list(average.parameters()), list(twin.parameters()), 1 - decay)
    return average


def colour_transfer(pictures: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Each picture with the mean and deviation per channel of all target pictures."""
    mean, deviation = pictures.mean((2, 3), keepdim=True), pictures.std((2, 3), keepdim=True)
    goal = target.mean((0, 2, 3)).view(1, 3, 1, 1), target.std((0, 2, 3)).view(1, 3, 1, 1)
    return ((pictures - mean) / deviation * goal[1] + goal[0]).clamp(-1, 1)


def measure(guess: torch.Tensor, truth: torch.Tensor) -> tuple[float, float]:
    """Mean L1 error from 0 to 1, and the mean over pictures of PSNR in dB (peak 1)."""
    squared = ((guess - truth) / 2).square().mean((1, 2, 3))
    return float((guess - truth).abs().mean()) / 2, float((-10 * squared.log10()).mean())


@torch.no_grad()
def translated(generator: torch.nn.Module, pictures: torch.Tensor) -> torch.Tensor:
    return torch.cat([generator(part) for part in pictures.split(50)])


def main(path: str) -> None:
    config = Config(**read_checkpoint(path)["config"])
    domains = load_seasons(config.image_size, N_TRAIN, N_TEST)
    model = load(path)
    pairs = pairs_of_training_scenes(config.image_size)
    test = {"summer": to_float(domains.test_a), "winter": to_float(domains.test_b)}
    train = {"summer": to_float(domains.train_a), "winter": to_float(domains.train_b)}
    print(
        f"{path}: {config.steps} steps of {config.batch_size} at {config.image_size} px, seed {config.seed}"
    )
    print(f"machine: {platform.machine()}, {torch.get_num_threads()} threads, torch {torch.__version__}")
    for a, b, generator in (
        ("summer", "winter", model.generator_ab),
        ("winter", "summer", model.generator_ba),
    ):
        rows = {
            "doing nothing": measure(test[a], test[b]),
            "colour transfer": measure(colour_transfer(test[a], train[b]), test[b]),
            "CycleGAN": measure(translated(generator, test[a]), test[b]),
            "supervised twin": measure(
                translated(supervised_twin(config, pairs[a], pairs[b]), test[a]), test[b]
            ),
        }
        print(f"\n{a} to {b}, {len(test[a])} held-out scenes\n{'':<18}{'L1':>8}{'PSNR dB':>10}")
        for name, (error, psnr) in rows.items():
            print(f"{name:<18}{error:>8.4f}{psnr:>10.2f}")
        nothing, twin, ours = (rows[name][0] for name in ("doing nothing", "supervised twin", "CycleGAN"))
        print(f"gap_closed {(nothing - ours) / (nothing - twin):.3f}")
        print(f"PSNR above colour transfer {rows['CycleGAN'][1] - rows['colour transfer'][1]:.2f} dB")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
