"""The training run (Zhu et al. 2017, sections 4 and 7.1), built in notebook 07_train."""

import contextlib
import copy
import time
from pathlib import Path

import torch
from torch import Tensor, nn

from minicyclegan.cyclegan import CycleGAN, ImagePool, in_turn
from minicyclegan.data import Domains, UnpairedBatches
from minicyclegan.fast.batches import batches_for, on_the_way
from minicyclegan.fast.cuda import compile_turns, cuda_settings, use_gpu_well
from minicyclegan.fast.norm import use_quick_norms
from minicyclegan.fast.threads import in_two_threads, threads_for_each
from minicyclegan.parameters import Config, check_intervals
from minicyclegan.patch_nce import model_for
from minicyclegan.runs.checkpoint import save_next
from minicyclegan.runs.devices import choose_device
from minicyclegan.runs.folder import open_run
from minicyclegan.runs.progress import Progress
from minicyclegan.runs.record import run_record
from minicyclegan.runs.resume import begin
from minicyclegan.runs.signals import signals_wait
from minicyclegan.samples import require_finite, write_step


def learning_rate_factor(step: int, steps: int, decay_share: float) -> float:
    """The factor on the learning rate at a step that counts from 0: 1, then a straight line down to almost 0.

    The line would reach 0 one step after the last, so that no step is wasted on a rate of 0.
    """
    decay_steps = max(1, round(steps * decay_share))
    return min(1.0, (steps - step) / decay_steps)


@torch.no_grad()
def move_average(average: nn.Module, network: nn.Module, decay: float, step: int) -> None:
    """Move the averaged weights a little towards the network's; at first a lot, when there is little to average."""
    decay = min(decay, (1 + step) / (10 + step))
    torch._foreach_lerp_(list(average.parameters()), list(network.parameters()), 1 - decay)


def update_average(average: CycleGAN, model: CycleGAN, decay: float, step: int) -> None:
    """Update the moving averages of both generators after a step, which counts from 0 (not in the paper)."""
    for name in ("generator_ab", "generator_ba"):
        move_average(getattr(average, name), getattr(model, name), decay, step)


class Trainer:
    """Everything that changes during training, and nothing else: what a checkpoint must hold to resume exactly."""

    def __init__(self, config: Config, device: torch.device, dtype: torch.dtype = torch.float32):
        torch.manual_seed(config.seed)
        self.config, self.step = config, 0
        self.sums, self.summed = {}, 0  # the losses since they were last reported
        self.wrong_steps = {}  # for each loss, the number of steps since it stopped being finite
        # On a CPU, pictures stored channels last and a core for each direction give the same numbers faster
        self.stored = torch.contiguous_format if device.type == "cuda" else torch.channels_last
        self.model = model_for(config, dtype).to(device, memory_format=self.stored)
        if device.type == "cpu":
            use_quick_norms(self.model)
            self.model.learn = in_two_threads if torch.get_num_threads() > 1 else in_turn
        self.average = copy.deepcopy(self.model).eval() if config.ema_decay > 0 else None
        self.model.random = torch.Generator(device)
        generators, discriminators = (nn.ModuleList(turn).parameters() for turn in self.model.players())
        # Both halves of the cycle learn together. Fused: one operation for all weights instead of a dozen for each
        adam = {"lr": config.learning_rate, "betas": (config.beta1, 0.999), "fused": True}
        self.optimizer_g = torch.optim.Adam(generators, **adam)
        self.optimizer_d = torch.optim.Adam(discriminators, **adam)
        self.pool_a = ImagePool(config.pool_size, seed=2 * config.seed)
        self.pool_b = ImagePool(config.pool_size, seed=2 * config.seed + 1)
        # On a GPU, starting thousands of small operations takes longer than computing them: each turn is recorded and replayed
        use_gpu_well(self.model, self.optimizer_g, self.optimizer_d)

    @property
    def translator(self) -> CycleGAN:
        """The model to translate with: the average where one is kept."""
        return self.average or self.model

    def train_on(self, real_a: Tensor, real_b: Tensor) -> dict[str, Tensor]:
        """One training step on one batch; returns the losses by name."""
        rate = self.config.learning_rate
        rate *= learning_rate_factor(self.step, self.config.steps, self.config.decay_share)
        self.optimizer_g.param_groups[0]["lr"] = rate
        self.optimizer_d.param_groups[0]["lr"] = rate * self.config.discriminator_lr_factor
        # Noise that follows from seed and step: a resume has nothing to remember
        self.model.random.manual_seed(self.config.seed * 1_000_003 + self.step)
        real_a, real_b = (real.contiguous(memory_format=self.stored) for real in (real_a, real_b))
        with_identity = self.step < self.config.identity_share * self.config.steps
        given = real_a, real_b, self.optimizer_g, self.optimizer_d, self.pool_a, self.pool_b, with_identity
        # Set once for the whole step: the threads of a shared operation go on spinning, and would slow the other direction
        sharing = 2 if self.model.learn is in_two_threads else 1
        with threads_for_each(max(1, torch.get_num_threads() // sharing)):
            losses = self.model.training_step(*given)
        if self.average is not None:
            update_average(self.average, self.model, self.config.ema_decay, self.step)
        self.step += 1
        self.summed += 1  # all of this stays on the device: reading a number would wait for it
        self.sums = {name: self.sums.get(name, 0) + loss for name, loss in losses.items()}
        for name, total in self.sums.items():  # once a sum is not finite, it stays so
            self.wrong_steps[name] = self.wrong_steps.get(name, 0) + ~total.isfinite()
        return losses

    def mean_losses(self) -> dict[str, float]:
        """The losses' means since the last call."""
        means = {name: float(total) / self.summed for name, total in self.sums.items()}
        self.sums, self.summed = {}, 0
        return means

    def state_dict(self) -> dict:
        """Tensors and plain values only. The data order needs no state: it follows from the seed and the step."""
        return {
            "config": self.config.to_dict(),
            "step": self.step,
            "losses": {"sums": self.sums, "summed": self.summed},
            "model": self.model.state_dict(),
            "average": self.average.state_dict() if self.average else None,
            "optimizer_g": self.optimizer_g.state_dict(),
            "optimizer_d": self.optimizer_d.state_dict(),
            "pools": [
                {"pictures": pool.pictures, "generator": pool.generator.get_state()}
                for pool in (self.pool_a, self.pool_b)
            ],
        }

    def load_state_dict(self, state: dict) -> None:
        """Continue from where `state_dict` was taken."""
        self.step = state["step"]
        device = next(self.model.parameters()).device
        self.sums = {name: total.to(device) for name, total in state["losses"]["sums"].items()}
        self.summed = state["losses"]["summed"]
        self.model.load_state_dict(state["model"])
        if self.average is not None:
            self.average.load_state_dict(state["average"])
        self.optimizer_g.load_state_dict(state["optimizer_g"])
        self.optimizer_d.load_state_dict(state["optimizer_d"])
        for pool, saved in zip((self.pool_a, self.pool_b), state["pools"]):
            pool.pictures = [picture.to(device) for picture in saved["pictures"]]
            pool.generator.set_state(saved["generator"])


def train_steps(
    trainer: Trainer,
    domains: Domains,
    batches: UnpairedBatches,
    batch,
    run_dir: Path,
    intervals: dict[str, int],
    progress,
    stopped,
    writes: bool = True,
    together=contextlib.nullcontext,
) -> None:
    """The loop: train until the last step, or until `stopped()`, and leave in the folder what the intervals ask for.

    `batch(step)` returns the batches, and `batches` tells which pictures a step showed. Where several processes train
    together, one of them `writes`, and in a `together` block they agree on whether anything is wrong. Raises RunError.
    """
    config, started, saved_step = trainer.config, time.monotonic(), trainer.step
    device = next(trainer.model.parameters()).device
    clock = Progress(trainer.step, config.steps, progress if writes else lambda line: None)
    shown = [pictures[list(range(min(50, len(pictures))))] for pictures in (domains.test_a, domains.test_b)]
    while trainer.step < config.steps and not stopped():
        trainer.train_on(*(real.to(device) for real in batch(trainer.step)))
        step, last = trainer.step, trainer.step == config.steps
        due = [name for name, every in intervals.items() if every and (last or step % every == 0)]
        if not due:
            clock.beat(step)
            continue

        with together():
            require_finite(trainer, batches, saved_step)
        record = {
            "step": step,
            "seconds": round(time.monotonic() - started, 3),
            "learning_rate": trainer.optimizer_g.param_groups[0]["lr"],
            **trainer.mean_losses(),
        }
        tests, save = shown if "sample_every" in due else None, {"checkpoint_every", "keep_every"} & {*due}
        saved_step = step if save else saved_step
        if writes:
            # First the line, then the checkpoint: after a kill in between, a resume writes the line again and none is lost
            record = write_step(run_dir, record, trainer.translator, tests, domains.paired)
            if save:
                save_next(run_dir, trainer.state_dict(), for_good="keep_every" in due)
            clock.report(step, record)
    if trainer.step < config.steps:
        with together():
            require_finite(trainer, batches, saved_step)
            if writes:
                save_next(run_dir, trainer.state_dict())


def train(
    config: Config,
    domains: Domains,
    run_dir: str | Path,
    device: str = "auto",
    precision: str = "auto",
    checkpoint_every: int = 500,
    sample_every: int = 500,
    log_every: int = 20,
    resume: bool = False,
    progress=print,
    stop=None,
    keep_every: int = 0,
    start_from: str | Path = "",
    yes: bool = False,
    compile: str = "auto",
    deterministic: bool = False,
) -> Trainer:
    """Train to `config.steps` and leave a run folder: config.json, metrics.jsonl, samples/ and last.pt.

    `progress` receives lines of text. The threading.Event `stop`, Ctrl-C, Jupyter's interrupt and SIGTERM end the run after a
    step, with a checkpoint. `resume` continues the run in `run_dir`, to the same result as without the stop, with `yes` also on
    other pictures; without it a folder that holds a run is refused. `start_from`: a checkpoint that gives its weights. Only on
    CUDA: `compile` ("auto", "yes", "no") and `deterministic`, see fast/cuda.py. Raises RunError, DataError or ParameterError
    before the folder is touched, and RunError for a full disk or a loss that is not finite.
    """
    intervals = {"checkpoint_every": checkpoint_every, "sample_every": sample_every, "log_every": log_every}
    intervals["keep_every"] = keep_every
    check_intervals(intervals | {"compile": compile})
    torch_device, dtype, sentence = choose_device(device, precision)
    batches = batches_for(domains, config, torch_device)
    coming = on_the_way(batches, config.steps, torch_device)  # made by other threads while this one trains
    quick = cuda_settings(torch_device, deterministic)
    options = {"device": device, "precision": precision, "compile": compile, "deterministic": deterministic}
    with (
        open_run(run_dir, config, resume, domains, yes) as run_dir,
        signals_wait() as signals,
        quick,
        coming as batch,
    ):
        progress(sentence)
        trainer = Trainer(config, torch_device, dtype)
        begin(trainer, run_dir, resume, progress, start_from, run_record(domains, options | intervals))
        compile_turns(trainer, compile, progress)

        def stopped() -> bool:
            return bool(signals) or (stop is not None and stop.is_set())

        train_steps(trainer, domains, batches, batch, run_dir, intervals, progress, stopped)
        if trainer.step < config.steps:
            progress(f"stopped after step {trainer.step} of {config.steps}; resume=true continues from here")
    return trainer
