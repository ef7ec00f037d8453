"""Whether a run is too much for this machine, before a kernel is started for it.

Importing PyTorch takes longer than all else that a command does, so guesses from the parameters alone come first. A guess
refuses nothing: what it finds doubtful is counted or measured by what the run itself will ask, `folder.require_space` and
`plan.plan_run`; what it finds small enough is left to them.
"""

import os
import shutil
from pathlib import Path
from types import SimpleNamespace

from minicyclegan.parameters import Config

DAY = 24 * 3600
SPEED = 8e9  # multiplications in a second for each core; in good conditions they are three times as many
OVERHEAD = 0.01  # seconds of a step that no multiplication takes
LONG = DAY / 4  # from here on a guess counts as doubtful; of the time it is right within a factor of four
LARGE = 1 / 3  # of the memory; there it is right within a factor of three (tests/test_plan.py)


def may_take_too_long(config: Config, steps: int, minutes: float = 0.0) -> bool:
    """Whether `steps` on a CPU could be more than a day, or as many as fit into `minutes`."""
    if minutes > 0:
        return 60 * minutes > DAY
    seconds = OVERHEAD + multiplications(config) / (SPEED * (os.cpu_count() or 1))
    return steps * seconds > LONG


def multiplications(config: Config) -> float:
    """Those of one step, about: 18 ways through a generator, 16 through a discriminator, there and back."""
    wide, narrow = config.base_channels, config.discriminator_channels
    generator = 18 * wide**2 * (config.n_blocks + 1) + 294 * wide
    discriminator = 8 * narrow**2 + 12 * narrow
    return config.batch_size * config.image_size**2 * (18.0 * generator + 16.0 * discriminator)


def may_need_too_much_memory(config: Config) -> bool:
    """Whether a run on a CPU could need more memory than there is; False where the system does not tell how much that is."""
    return memory(config) > LARGE * memory_of_machine()


def memory(config: Config) -> float:
    """About how many bytes a run holds, without PyTorch itself: weights, pools, and what the backward pass needs."""
    kept = config.base_channels * (40 + 12 * config.n_blocks) + 30 * config.discriminator_channels
    return 4 * (5 * weights(config) + pools(config) + config.batch_size * config.image_size**2 * kept)


def memory_of_machine() -> float:
    """All its memory in bytes, taken or free; infinite where the system does not tell."""
    try:
        return float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    except (AttributeError, OSError, ValueError):  # Windows; there `plan_run` cannot ask either
        return float("inf")


def plan_on_noise(make_trainer, config: Config, done: int, device: str, precision: str, minutes: float):
    """`plan.plan_run` without a word, on pictures of noise, of which there are as few as can be. Raises RunError as it does."""
    import torch

    from minicyclegan.data import Domains
    from minicyclegan.runs.plan import plan_run

    one = torch.randint(256, (1, 3, config.image_size, config.image_size), dtype=torch.uint8)
    batch = one.expand(config.batch_size, -1, -1, -1)
    noise = Domains(batch, batch, one, one, paired=False, notes=[])
    plan_run(make_trainer, config, noise, device, precision, minutes, first_step=done, say=lambda line: None)


def require_room(config: Config, run_dir: Path, for_good: int) -> None:
    """`folder.require_space` of a run that has not begun, where a guess finds the disk small. Raises RunError."""
    if not may_fill_the_disk(config, run_dir, for_good):
        return
    from minicyclegan.patch_nce import model_for
    from minicyclegan.runs.devices import without_numbers
    from minicyclegan.runs.folder import require_space

    with without_numbers():
        model = model_for(config)
    average = model if config.ema_decay > 0 else None
    require_space(nearest(run_dir), SimpleNamespace(config=config, model=model, average=average), for_good)


def may_fill_the_disk(config: Config, run_dir: Path, for_good: int) -> bool:
    """Whether a disk could be too small for the checkpoints of a run, see `folder.require_space`."""
    size = 4 * (4 * weights(config) + pools(config))
    return shutil.disk_usage(nearest(run_dir)).free < 2 * (3 + for_good) * size


def nearest(folder: Path) -> Path:
    """The folder itself, or the first above it that is there."""
    return next((place for place in (folder, *folder.absolute().parents) if place.exists()), folder)


def weights(config: Config) -> int:
    """About how many weights the networks have; rather too many."""
    wide = config.base_channels * 2**config.n_downsamplings
    widest = config.discriminator_channels * 2 ** min(config.discriminator_layers, 3)
    generator = 18 * wide**2 * (config.n_blocks + 1) + 441 * config.base_channels
    return 2 * (generator + 16 * widest**2 * config.discriminator_layers)


def pools(config: Config) -> int:
    """Numbers in the two pools of earlier fakes."""
    return 2 * config.pool_size * 3 * config.image_size**2
