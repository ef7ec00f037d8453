"""What a run will do and what it will cost, said before it begins."""

import contextlib
import dataclasses
import gc
import time
from pathlib import Path
from statistics import median

import torch

from minicyclegan.data import Domains, ImageFolder, UnpairedBatches
from minicyclegan.discriminator import receptive_field
from minicyclegan.errors import RunError
from minicyclegan.fast.cuda import cuda_settings, way_on_cuda
from minicyclegan.fast.recording import on_two_streams
from minicyclegan.parameters import METHODS, Config
from minicyclegan.patch_nce import model_for
from minicyclegan.runs.devices import available_memory, choose_device, without_numbers
from minicyclegan.runs.progress import count

DAY = 24 * 3600
PYTORCH = 0.9e9  # bytes that PyTorch and the notebook take before the first picture
OTHER_WORK = 0.95  # of the time goes to steps, the rest to samples and checkpoints


def plan_run(
    make_trainer,
    config: Config,
    domains: Domains,
    device: str = "auto",
    precision: str = "auto",
    minutes: float = 0.0,
    first_step: int = 0,
    yes: bool = False,
    say=print,
) -> Config:
    """Say what the run will do, with its time and memory, and return the config, with the steps that fit into `minutes`.

    `make_trainer` is the class `Trainer`: one of its own makes a few steps on the run's first pictures, which the run itself
    makes again from the beginning, so nothing of it changes. `first_step` is where a resumed run goes on. Raises RunError for
    a run that needs more than a day, or more memory than there is, unless `yes`.
    """
    torch_device, dtype, sentence = choose_device(device, precision)
    for line in plan_lines(config, domains, sentence):
        if minutes <= 0 or not line.startswith("  steps"):  # they are chosen below
            say(line)
    need, there = memory_needed(config, domains, torch_device, dtype), available_memory(torch_device)
    say(f"  memory      about {amount(need)}" + (f" of {amount(there)} that are free" if there else ""))
    if there and need > there and not yes:
        raise RunError(f"{too_much_memory(config, domains, torch_device, dtype, need, there)}{ASKED}")
    seconds = seconds_per_step(make_trainer, config, domains, torch_device, dtype)
    if minutes > 0:
        config = dataclasses.replace(
            config, steps=first_step + max(1, int(OTHER_WORK * 60 * minutes / seconds))
        )
        say(f"  steps       {config.steps:,}, which fit into {minutes:g} minutes")
    left = seconds * (config.steps - first_step)
    say(
        f"  time        about {duration(left / OTHER_WORK)} for {config.steps - first_step:,} steps "
        f"of {duration(seconds)}, measured just now   [--minutes]"
    )
    if left > DAY and not yes:
        fits = first_step + int(OTHER_WORK * DAY / seconds)
        raise RunError(
            f"this run would take about {duration(left)}; {fits:,} steps fit into a day (--steps {fits}, or --minutes 60 for an "
            f"hour), or choose a smaller --size or smaller networks{ASKED}"
        )
    return config


ASKED = "; to run it all the same, say --yes (in a notebook: yes = True)"


def plan_lines(config: Config, domains: Domains, device: str) -> list[str]:
    """What will be computed, in words; in brackets what changes it."""
    counts = [len(part) for part in (domains.train_a, domains.train_b, domains.test_a, domains.test_b)]
    weights = [sum(w.numel() for w in network.parameters()) for network in networks(config)]
    shown = config.steps * config.batch_size / max(counts[:2])
    size = config.image_size
    sees = patch(config.discriminator_layers)
    method = (
        f"  method      {METHODS[config.method]}, one for each direction; lambda_cycle, lambda_identity and cycle_noise are not used   "
        "[-p method, lambda_nce]"
    )
    return [
        f"plan for {config.data}",
        *([method] if config.method != "cyclegan" else []),
        f"  pictures    {counts[0]:,} of A and {counts[1]:,} of B to train on, {counts[2]:,} and {counts[3]:,} to test",
        f"  size        {size} px, {cut(config, domains)}   [--size, -p load_size]",
        f"  networks    generators of {config.base_channels} channels and {count(config.n_blocks, 'block')}, {millions(weights[0])} weights each"
        "   [-p base_channels, n_blocks]",
        f"              discriminators of {config.discriminator_channels} channels, {millions(weights[1])} weights each, which see "
        f"patches of {sees} px   [-p discriminator_channels, discriminator_layers]",
        f"  steps       {config.steps:,} with {config.batch_size} of each domain: every picture {times_shown(shown)}   [--steps, --batch]",
        f"  computing   {device.removeprefix('computing ')}   [--device, -p precision]",
    ]


def cut(config: Config, domains: Domains) -> str:
    """How the training pictures become squares of the size."""
    pictures = domains.train_a
    side = pictures.size if isinstance(pictures, ImageFolder) else min(pictures.shape[2:])
    return f"cut at random from {side} px" if side > config.image_size else "whole"


def patch(layers: int) -> int:
    """The side of what one score of a discriminator sees: 70 px for 3 layers (paper, section 7.2)."""
    return receptive_field([4] * (layers + 2), [2] * layers + [1, 1])


def networks(config: Config) -> tuple:
    """A generator and a discriminator without numbers."""
    with without_numbers():
        model = model_for(config)
    return model.generator_ab, model.discriminator_a


def memory_needed(config: Config, domains: Domains, device: torch.device, dtype: torch.dtype) -> float:
    """Bytes that the run holds at its largest moment, without what the system shares; within a third of the truth.

    What the backward pass needs is counted on tensors without numbers, so even an impossible run costs nothing to plan.
    """
    with without_numbers():
        model = model_for(config)
        reals = torch.empty(2, config.batch_size, 3, config.image_size, config.image_size)
    model.autocast = lambda real: contextlib.nullcontext()  # there is none on the device `meta`
    weights = {w.untyped_storage()._cdata for w in model.parameters()}
    kept = {}

    def keep(tensor):
        storage = tensor.untyped_storage()
        if storage._cdata not in weights:
            kept[storage._cdata] = (tensor, storage.nbytes())  # held, so that no other gets its address
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        losses, *fakes = model.generator_losses(*reals)  # both directions at the same time, as on two threads
    graph = sum(size for _, size in kept.values()) * (1.0 if dtype == torch.float32 else 0.6)
    together = torch.get_num_threads() > 1 if device.type == "cpu" else way_on_cuda(config) is on_two_streams
    if not together:
        graph /= 2  # one direction after the other
    # Weights, gradients and Adam's two numbers; the average; the pools; the pictures that are kept
    numbers = sum(w.numel() for w in model.parameters()) * (5 if config.ema_decay else 4)
    numbers += 2 * config.pool_size * 3 * config.image_size**2
    pictures = 0
    if device.type == "cpu":
        for part in (domains.train_a, domains.train_b, domains.test_a, domains.test_b):
            held = getattr(part, "pictures", part)
            pictures += 0 if held is None else held.nbytes
    return PYTORCH + 4 * numbers + graph + pictures


def too_much_memory(config, domains, device, dtype, need: float, there: float) -> str:
    """The sentence for a run that does not fit, with the largest size that does."""
    fits, size = "", config.image_size
    while size > 32 and not fits:
        size = size // 8 * 4
        with contextlib.suppress(ValueError):  # too small for these discriminators
            smaller = dataclasses.replace(config, image_size=size, load_size=0)
            if memory_needed(smaller, domains, device, dtype) < 0.9 * there:
                fits = f"; --size {size} fits"
    return f"this run would need about {amount(need)} of memory, and {amount(there)} are free{fits or '; choose smaller networks'}"


def seconds_per_step(make_trainer, config: Config, domains: Domains, device: torch.device, dtype) -> float:
    """The time of one step, measured; a step of many seconds is made once, a short one a few times.

    Where one step would take minutes, smaller pictures stand for it: the time grows with their area.
    """
    size, scale = config.image_size, 1
    smallest = max(64, 4 * 2**config.discriminator_layers)
    if device.type == "cpu" and size >= 2 * smallest and takes_seconds(config):
        size, scale = smallest, (config.image_size / smallest) ** 2
    batches = UnpairedBatches(domains.train_a, domains.train_b, size, config.batch_size, config.seed)
    trainer = make_trainer(dataclasses.replace(config, image_size=size, load_size=0), device, dtype)
    real_a, real_b = (real.to(device) for real in batches.batch(0))
    times = []
    with cuda_settings(device, deterministic=False):
        while len(times) < 2 or (sum(times) < 0.5 and len(times) < 4):
            started = time.perf_counter()
            losses = trainer.train_on(real_a, real_b)
            float(next(iter(losses.values())))  # waits for a GPU
            times.append(time.perf_counter() - started)
    if device.type == "cuda":
        del trainer, losses
        gc.collect()  # what was recorded holds memory of the GPU
    return scale * median(times[1:])


def takes_seconds(config: Config) -> bool:
    """Whether a step on a CPU takes more than a few seconds: the paper's networks from 128 px on."""
    return config.batch_size * config.image_size**2 * config.base_channels**2 * (config.n_blocks + 4) > 2e9


def steps_done(run_dir: str | Path) -> int:
    """The step of a run's newest checkpoint; 0 where there is none."""
    from minicyclegan.errors import CheckpointError
    from minicyclegan.runs.folder import newest_facts

    try:
        step = newest_facts(Path(run_dir)).get("step", 0)
    except CheckpointError:
        return 0
    return step if type(step) is int else 0


def duration(seconds: float) -> str:
    """`0.07 s`, `3:05 minutes`, `2.5 hours`, `55 days`."""
    if seconds < 60:
        return f"{seconds:.2g} s" if seconds < 10 else f"{seconds:.0f} s"
    if seconds < 3600:
        return f"{int(seconds // 60)}:{int(seconds % 60):02d} minutes"
    return f"{seconds / 3600:.1f} hours" if seconds < 2 * DAY else f"{seconds / DAY:,.0f} days"


def amount(n_bytes: float) -> str:
    return f"{n_bytes / 1e9:.1f} GB"


def millions(number: int) -> str:
    return f"{number / 1e6:.2g} million" if number < 1e7 else f"{number / 1e6:.0f} million"


def times_shown(times: float) -> str:
    return f"about {times:,.0f} times" if times >= 2 else f"{times:.2g} times"
