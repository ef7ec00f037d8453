"""Resuming a run: every part of its checkpoint is checked before the first step."""

from pathlib import Path

import torch

from minicyclegan.errors import CheckpointError
from minicyclegan.fast.cuda import store_like_weights
from minicyclegan.parameters import Config
from minicyclegan.runs.checkpoint import read_checkpoint, read_newest
from minicyclegan.runs.files import write_json
from minicyclegan.runs.folder import Resumable, require_space, trim_metrics


def begin(
    trainer: Resumable,
    run_dir: Path,
    resume: bool,
    progress,
    start_from: str | Path = "",
    record: dict | None = None,
) -> None:
    """Bring trainer and folder to where the training begins: its first step, or with `resume` the one after the last checkpoint.

    A new run takes its first weights from the checkpoint `start_from`, where one is given. `record` goes to run.json.
    Raises RunError or CheckpointError.
    """
    if resume and any((run_dir / name).exists() for name in ("last.pt", "previous.pt")):
        go_on(trainer, run_dir, progress)
    elif start_from:
        take_weights(trainer, start_from, progress)
    every = (record or {}).get("options", {}).get("keep_every", 0)
    require_space(run_dir, trainer, (trainer.config.steps - trainer.step) // every if every else 0)
    trim_metrics(run_dir / "metrics.jsonl", trainer.step)
    write_json(run_dir / "config.json", trainer.config.to_dict())
    if record:
        write_json(run_dir / "run.json", record)


NETWORKS = (
    *("base_channels", "n_blocks", "n_downsamplings", "upsampling", "global_skip"),
    *("discriminator_channels", "discriminator_layers", "method"),
)


def read_networks(path: str | Path) -> dict:
    """The content of a checkpoint, or of weights, that a new run can begin with. Raises CheckpointError."""
    state = read_checkpoint(path)
    if not all(isinstance(state.get(name), dict) for name in ("config", "model")):
        raise CheckpointError(f"{path} holds no networks with their configuration; use a last.pt of a run")
    return {"average": None} | state


def require_same_networks(path: str | Path, state: dict, config: Config) -> bool:
    """Refuse a checkpoint whose networks are not those of `config`, and name the difference; whether it has discriminators.

    Raises CheckpointError.
    """
    with_discriminators = any(name.startswith("discriminator") for name in state["model"])
    before, now = Config().to_dict() | state["config"], config.to_dict()
    differences = [
        f"{name} is {before[name]!r} there and {now[name]!r} here"
        for name in (NETWORKS if with_discriminators else NETWORKS[:5])
        if before[name] != now[name]
    ]
    if differences:
        raise CheckpointError(
            f"cannot start from {path}, which has other networks: {'; '.join(differences)}; give the same"
        )
    return with_discriminators


def take_weights(trainer: Resumable, path: str | Path, progress) -> None:
    """Begin with the networks of a checkpoint, and nothing else of it, and say so. Raises CheckpointError for other networks."""
    state = read_networks(path)
    with_discriminators = require_same_networks(path, state, trainer.config)
    model = trainer.model.state_dict() | state["model"]
    if not same_shapes({name: weight.float() for name, weight in model.items()}, trainer.model.state_dict()):
        raise CheckpointError(
            f"the weights in {path} do not fit its own configuration; use another checkpoint"
        )
    trainer.model.load_state_dict(model)
    if trainer.average is not None:
        average = state["average"] or state["model"]
        trainer.average.load_state_dict(trainer.model.state_dict() | average)
    new = "" if with_discriminators else "; the discriminators are new, because the file holds none"
    progress(f"starting from the weights of {path}, after its {state.get('step', 0):,} steps{new}")


def go_on(trainer: Resumable, run_dir: Path, progress) -> None:
    """Bring a trainer to where the newest whole checkpoint of the run was taken, and say so. Raises CheckpointError."""
    checkpoint, damage = read_newest(run_dir)
    fault = fault_in(checkpoint, trainer)
    if not fault:
        try:
            trainer.load_state_dict(checkpoint)
        except Exception as error:  # torch raises many kinds for states of generators and optimisers
            fault = str(error).split("\n")[0] or type(error).__name__
    if fault:
        raise CheckpointError(
            f"the newest checkpoint in {run_dir} does not fit its own configuration: {fault}; "
            "move it away to go on with previous.pt, or start again in another run_dir"
        )
    for optimizer in (trainer.optimizer_g, trainer.optimizer_d):
        store_like_weights(optimizer)
    if damage:
        progress(damage)
    progress(f"resuming after step {trainer.step} of {trainer.config.steps}")
    if (planned := checkpoint["config"].get("steps")) != trainer.config.steps:
        progress(
            f"the run was planned for {planned} steps: from here on the learning rate, and what else follows the steps, "
            f"are those of a run of {trainer.config.steps}; it is no longer, to the bit, a run that was never stopped"
        )


def fault_in(checkpoint: dict, trainer: Resumable) -> str:
    """What is wrong with a checkpoint for this trainer, as one clause; empty where nothing is."""
    expected = trainer.state_dict()
    if missing := [name for name in expected if name not in checkpoint]:
        return f"it has no {missing[0]}"
    step, losses = checkpoint["step"], checkpoint["losses"]
    if type(step) is not int or not 0 <= step <= trainer.config.steps:
        return f"its step is not a whole number from 0 to {trainer.config.steps}"
    for name in ("model", "average"):
        if not same_shapes(checkpoint[name], expected[name]):
            return f"the weights in {name} have other names, shapes or types, or are not finite"
    for name in ("optimizer_g", "optimizer_d"):
        if not sound_optimizer(checkpoint[name], getattr(trainer, name)):
            return f"the moments in {name} do not fit the weights"
    if not isinstance(losses, dict) or set(losses) != {"sums", "summed"} or not sound_losses(**losses):
        return "its sums of losses are not valid"
    if not sound_pools(checkpoint["pools"], trainer.config):
        return "its pools of earlier pictures are not valid"
    return ""


def same_shapes(found, expected) -> bool:
    """Whether two state dicts have the same names, shapes and types, and `found` only finite numbers."""
    if expected is None or not isinstance(found, dict) or set(found) != set(expected):
        return found is None and expected is None
    return all(is_like(found[name], value) for name, value in expected.items())


def is_like(found, expected: torch.Tensor) -> bool:
    same = torch.is_tensor(found) and found.shape == expected.shape and found.dtype == expected.dtype
    return bool(same and found.isfinite().all())


def is_number(found) -> bool:
    return bool(torch.is_tensor(found) and found.ndim == 0 and found.is_floating_point() and found.isfinite())


def sound_optimizer(found, optimizer: torch.optim.Optimizer) -> bool:
    """Whether a state has Adam's count and two moments for each weight, or is from before the first step."""
    expected = optimizer.state_dict()
    weights = [weight for group in optimizer.param_groups for weight in group["params"]]
    if not isinstance(found, dict) or set(found) != {"state", "param_groups"}:
        return False
    state, groups = found["state"], found["param_groups"]
    if not isinstance(groups, list) or len(groups) != len(expected["param_groups"]):
        return False
    kept = ("params", "betas", "eps", "weight_decay", "amsgrad")  # other versions of torch have more settings
    for group, own in zip(groups, expected["param_groups"]):
        if not isinstance(group, dict) or any(group.get(name) != own[name] for name in kept):
            return False
    if not isinstance(state, dict) or set(state) not in (set(), set(range(len(weights)))):
        return False
    return all(
        isinstance(moments, dict)
        and set(moments) == {"step", "exp_avg", "exp_avg_sq"}
        and all(is_like(moments[name], weights[i]) for name in ("exp_avg", "exp_avg_sq"))
        and is_number(moments["step"])
        for i, moments in state.items()
    )


def sound_losses(sums, summed) -> bool:
    return (
        type(summed) is int
        and summed >= 0
        and isinstance(sums, dict)
        and all(isinstance(name, str) and is_number(total) for name, total in sums.items())
    )


def sound_pools(pools, config) -> bool:
    """Whether there are two pools: at most `pool_size` pictures (3, image_size, image_size) each, and a generator's state."""
    if not isinstance(pools, list) or len(pools) != 2:
        return False
    size = config.image_size
    return all(
        isinstance(pool, dict)
        and set(pool) == {"pictures", "generator"}
        and isinstance(pool["pictures"], list)
        and len(pool["pictures"]) <= config.pool_size
        and all(
            torch.is_tensor(picture)
            and picture.shape == (3, size, size)
            and picture.is_floating_point()
            and bool(picture.isfinite().all())
            for picture in pool["pictures"]
        )
        and torch.is_tensor(pool["generator"])
        for pool in pools
    )
