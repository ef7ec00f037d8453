"""Makes data/seasons_32px_pair.pt, which notebooks 04 and 05 show: two trainings that differ in lambda_cycle alone.

    OMP_NUM_THREADS=1 python data/make_seasons_pair.py

One has the game only (lambda_cycle 0), the other the game and the way back (10). Both begin with the same weights (seed 0) and
see the same batches: 2,400 steps of four pictures at 32 px, without an identity loss and without a pool. Networks and
learning rates are those of the two notebooks; the rates fall to 0 in the second half. Takes a few minutes on two CPU cores. The
file holds the four generators in half precision.
"""

import multiprocessing
from pathlib import Path

import torch

from minicyclegan.cyclegan import CycleGAN, ImagePool
from minicyclegan.data import UnpairedBatches, load_seasons, to_float
from minicyclegan.parameters import Config

STEPS, SEED = 2400, 0


def train(lambda_cycle: float) -> dict[str, dict]:
    """Both generators' weights after a training, in half precision: `ab` and `ba`."""
    torch.set_num_threads(1)
    config = Config(
        image_size=32,
        batch_size=4,
        base_channels=8,
        n_blocks=2,
        n_downsamplings=1,
        upsampling="resize",
        discriminator_channels=16,
        discriminator_layers=2,
        lambda_cycle=lambda_cycle,
        lambda_identity=0.0,
    )
    domains = load_seasons(config.image_size, n_train=2000, n_test=64)
    torch.manual_seed(SEED)
    model = CycleGAN(config)
    ab, ba = model.generator_ab, model.generator_ba
    sides = ((ab, ba), 1e-3), ((model.discriminator_a, model.discriminator_b), 3e-4)
    optimizers = [
        torch.optim.Adam([p for network in side for p in network.parameters()], rate, betas=(0.5, 0.999))
        for side, rate in sides
    ]
    schedules = [
        torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: min(1.0, 2 - 2 * step / STEPS))
        for optimizer in optimizers
    ]
    pools = ImagePool(0), ImagePool(0)
    batches = UnpairedBatches(domains.train_a, domains.train_b, config.image_size, 4, seed=SEED)
    for step in range(1, STEPS + 1):
        model.training_step(*batches.batch(step - 1), *optimizers, *pools, with_identity=False)
        for schedule in schedules:
            schedule.step()
        if step % 200 == 0:
            with torch.no_grad():
                there = ab(to_float(domains.test_a))
                error = (there - to_float(domains.test_b)).abs().mean() / 2
                home = (ba(there) - to_float(domains.test_a)).abs().mean() / 2
            print(
                f"lambda_cycle {lambda_cycle:g}, step {step}: error {error:.3f}, cycle {home:.3f}", flush=True
            )
    return {
        name: {key: value.half() for key, value in network.state_dict().items()}
        for name, network in (("ab", ab), ("ba", ba))
    }


def main() -> None:
    path = Path(__file__).parent / "seasons_32px_pair.pt"
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        game, cycle = pool.map(train, (0.0, 10.0))
    torch.save({"game": game, "cycle": cycle}, path)
    print(path, path.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
