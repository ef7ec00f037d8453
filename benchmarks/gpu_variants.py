"""The contenders of gpu_step.py: the reference's step, and ours in several forms, all with the library's own losses.

Every contender has `step(real_a, real_b)`, which trains once and returns the losses by name, `fill_pools()`, and says with `tf32`
and `benchmark` how torch.backends must be set while it runs. No test runs what only CUDA has: graphs, streams and TF32. An earlier
version of this file ran on an H100 with PyTorch 2.11; this one has not been on a GPU yet.
"""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass

import torch
from gpu_ideas import IDEAS, use_idea
from reference import build_reference, copy_weights, networks_of, train_once
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves

from minicyclegan import Config, Trainer, UnpairedBatches
from minicyclegan.cyclegan import CycleGAN, in_turn
from minicyclegan.fast.cuda import compile_turns
from minicyclegan.fast.norm import WrittenNorm, replace_norms, use_quick_norms
from minicyclegan.fast.recording import on_two_streams
from minicyclegan.runs.devices import DTYPES
from minicyclegan.training import learning_rate_factor

LOSSES = ("identity", "cycle", "gan_ab", "gan_ba", "discriminator_a", "discriminator_b")
NETWORKS = ("generator_ab", "generator_ba", "discriminator_a", "discriminator_b")


def named_networks(model: CycleGAN) -> dict[str, nn.Module]:
    return {name: getattr(model, name) for name in NETWORKS}


@dataclass(frozen=True)
class Setting:
    """What is trained: pictures of `side` px, `batch` of each domain in a step, and the networks' widths."""

    side: int
    batch: int
    channels: int = 64
    blocks: int = 9
    discriminator_channels: int = 64

    @property
    def name(self) -> str:
        return f"{self.side} px, batch {self.batch}, ResNet-{self.blocks} of {self.channels} channels"

    def config(self) -> Config:
        """The paper's recipe with these sizes."""
        return Config(
            image_size=self.side, batch_size=self.batch, base_channels=self.channels, n_blocks=self.blocks,
            discriminator_channels=self.discriminator_channels,
        )  # fmt: skip


@dataclass(frozen=True)
class Variant:
    """One form of our step; `words` explain it in the table."""

    words: str
    precision: str = "bf16"  # or `fp32`, `tf32`
    library: bool = False  # Trainer.train_on as it is; everything below is then the library's choice
    channels_last: bool = True
    fused: bool = False  # Adam in one kernel
    compiled: bool = False  # torch.compile of the four networks
    norm: str = "torch"  # or `quick`, the library's on a CPU; `written`: arithmetic that torch.compile fuses in any format
    graphs: bool = False  # each half of the step as one CUDA graph
    streams: bool = False  # the two directions side by side on the GPU
    idea: str = ""  # one of gpu_ideas.IDEAS, or `casts`: weights turned into bf16 once in each half of a step
    data: str = "ready"  # batches that are already on the device; or `host`, `resident`
    benchmark: bool = True  # cuDNN tries its algorithms; the reference has it on

    @property
    def tf32(self) -> bool:
        return self.precision != "fp32"

    @property
    def needs_cuda(self) -> bool:
        needs = self.graphs or self.streams or self.precision in ("tf32", "fp16") or not self.benchmark
        return needs or (self.library and self.compiled)


FAST = dict(fused=True, compiled=True, norm="written")
VARIANTS = {
    "reference-fp32": Variant("the reference, TF32 off", "fp32"),
    "fp32": Variant("the library in fp32, TF32 off", "fp32", library=True),
    "tf32": Variant("the library in fp32, TF32 on", "tf32", library=True),
    "bf16": Variant("the library in bf16, as it chooses on CUDA", library=True),
    "bf16-compiled": Variant("the same with compile=yes, as for 10,000 steps and more", library=True, compiled=True),
    "fp16": Variant("the library in fp16, gradients scaled", "fp16", library=True),
    "bf16-nobench": Variant("the same, cuDNN not trying its algorithms", library=True, benchmark=False),
    "bf16-nchw": Variant("bf16, channels first", channels_last=False, fused=True),
    "bf16-fused": Variant("the same step, losses summed at once", fused=True),
    "bf16-norm": Variant("+ torch.compile, instance norms written out", **FAST),
    "bf16-graph": Variant("bf16, fused Adam, two CUDA graphs", fused=True, graphs=True),
    "bf16-nchw-graph": Variant(
        "the same, channels first", fused=True, graphs=True, channels_last=False
    ),
    "bf16-quick-graph": Variant("the same, norms as batch norms of one", fused=True, graphs=True, norm="quick"),
    "all": Variant("compile, written-out norms, CUDA graphs", **FAST, graphs=True),
    "all-streams": Variant("+ both directions side by side", **FAST, graphs=True, streams=True),
    "all-products": Variant("all, 7x7 layers as matrix products", **FAST, graphs=True, idea="products"),
    "all-pads": Variant("all, padding written out", **FAST, graphs=True, idea="pads"),
    "all-groups": Variant("all, norms as group norms", fused=True, compiled=True, graphs=True, idea="groups"),
    "all-casts": Variant("all, weights cast once a half", **FAST, graphs=True, idea="casts"),
    "all-resident": Variant("all, pictures on the GPU, cropped there", **FAST, graphs=True, data="resident"),
    "all-host": Variant("all, batches made by the CPU", **FAST, graphs=True, data="host"),
    "bf16-compile": Variant("bf16-norm with torch's own norms", fused=True, compiled=True),
    "tf32-all": Variant("all in TF32 instead of bf16", "tf32", **FAST, graphs=True),
    # For the CPU. PyTorch's own norm computes a wrong gradient there for channels last at batch 1 (see minicyclegan/fast/norm.py)
    "fp32-nchw": Variant("fp32, channels first", "fp32", channels_last=False),
    "fp32-last": Variant("fp32, channels last, quick norms", "fp32", norm="quick"),
    "fp32-fused": Variant("+ fused Adam", "fp32", norm="quick", fused=True),
    "fp32-compile": Variant("+ torch.compile of the networks", "fp32", norm="quick", fused=True, compiled=True),
    "fp32-norm": Variant("+ instance norms written out", "fp32", **FAST),
}  # fmt: skip
ON_CPU = ["fp32", "fp32-nchw", "fp32-last", "fp32-fused", "fp32-compile", "fp32-norm"]
ON_CUDA = [name for name in VARIANTS if not name.startswith("fp32-")]


@contextlib.contextmanager
def leaving_no_trace(*optimizers: torch.optim.Optimizer):
    """After the block the weights and the optimisers' state are what they were, copied to where they are by then.

    A recording looks for them there. An optimiser makes its state at its first step; what it did not have before becomes 0.
    """
    learning = [
        (p, optimizer.state[p]) for optimizer in optimizers for p in optimizer.param_groups[0]["params"]
    ]
    before = [(p.detach().clone(), {name: x.clone() for name, x in state.items()}) for p, state in learning]
    yield
    with torch.no_grad():
        for (p, state), (old_p, old_state) in zip(learning, before):
            p.copy_(old_p)
            for name, x in state.items():
                x.copy_(old_state.get(name, torch.zeros(())))


class Reference:
    """The reference's own step, through its set_input and optimize_parameters."""

    benchmark, captured_bytes = True, 0

    def __init__(self, path, setting: Setting, device: torch.device, tf32: bool = True, pool_size: int = 50):
        # PyTorch allows TF32 for convolutions unless told otherwise, and the reference says nothing
        self.tf32 = tf32
        self.setting, self.device = setting, device
        self.model = build_reference(
            path, setting.channels, setting.blocks, device, setting.discriminator_channels, pool_size
        )
        self.networks = networks_of(self.model)

    def step(self, real_a: Tensor, real_b: Tensor) -> dict[str, Tensor]:
        return train_once(self.model, real_a, real_b)

    def fill_pools(self) -> None:
        for pool in (self.model.fake_A_pool, self.model.fake_B_pool):
            pool.query(random_pictures(self.model.opt.pool_size, self.setting.side, self.device))


class Library:
    """Trainer.train_on as the library has it."""

    captured_bytes = 0  # most memory taken while graphs were recorded

    def __init__(
        self, variant: Variant, setting: Setting, device: torch.device, weights: dict[str, nn.Module]
    ):
        self.variant, self.setting, self.device = variant, setting, device
        self.tf32, self.benchmark = variant.tf32, variant.benchmark
        dtype = DTYPES.get(variant.precision, torch.float32)
        self.trainer = Trainer(setting.config(), device, dtype)
        copy_weights(weights, named_networks(self.trainer.model))
        if variant.library and variant.compiled:
            compile_turns(self.trainer, "yes")

    def step(self, real_a: Tensor, real_b: Tensor) -> dict[str, Tensor]:
        losses = self.trainer.train_on(real_a, real_b)
        return {name: losses[name] for name in LOSSES}

    def fill_pools(self) -> None:
        for pool in (self.trainer.pool_a, self.trainer.pool_b):
            pool.query(random_pictures(pool.size, self.setting.side, self.device))


class Halves(Library):
    """The library's two turns, each with its update of the weights, as functions of nothing but what is in `self`.

    The pools do their work in between. As in the paper, the identity loss is used at every step. The model and the optimisers of the
    trainer are replaced by those of the variant.
    """

    def __init__(
        self, variant: Variant, setting: Setting, device: torch.device, weights: dict[str, nn.Module]
    ):
        super().__init__(variant, setting, device, weights)
        trainer, config = self.trainer, self.trainer.config
        self.format = torch.channels_last if variant.channels_last else torch.contiguous_format
        self.learn = on_two_streams if variant.streams else in_turn
        # Without what a Trainer adds on a CPU: quick norms, and a second thread
        model = CycleGAN(config, trainer.model.dtype).to(device, memory_format=self.format)
        model.random = torch.Generator(device)
        copy_weights(weights, named_networks(model))
        for network in model.children():
            if variant.norm == "written":
                replace_norms(network, WrittenNorm)
            if variant.norm == "quick":
                use_quick_norms(network)
            if variant.idea in IDEAS:
                use_idea(network, variant.idea)
            if variant.compiled:  # a generator is shown two sizes of batch: each gets code of its own
                network.compile(dynamic=False)
        generators = [*model.generator_ab.parameters(), *model.generator_ba.parameters()]
        self.discriminators = [*model.discriminator_a.parameters(), *model.discriminator_b.parameters()]
        trainer.model = model
        trainer.optimizer_g, trainer.optimizer_d = self.adam(generators), self.adam(self.discriminators)
        self.totals = torch.zeros(len(LOSSES), device=device)  # never finite again once a loss was not

    def adam(self, parameters: list[nn.Parameter]) -> torch.optim.Adam:
        config, graphs = self.trainer.config, self.variant.graphs
        # A graph reads the learning rate and the step number where they were when it was recorded
        rate = torch.tensor(config.learning_rate, device=self.device) if graphs else config.learning_rate
        fused = self.variant.fused or None
        return torch.optim.Adam(parameters, rate, (config.beta1, 0.999), fused=fused, capturable=graphs)

    def set_rates(self) -> None:
        """The learning rates of this step, as Trainer.train_on has them."""
        trainer, config = self.trainer, self.trainer.config
        rate = config.learning_rate * learning_rate_factor(trainer.step, config.steps, config.decay_share)
        rates = rate, rate * config.discriminator_lr_factor
        for optimizer, new in zip((trainer.optimizer_g, trainer.optimizer_d), rates):
            group = optimizer.param_groups[0]
            if self.variant.graphs:
                group["lr"].fill_(new)
            else:
                group["lr"] = new

    def take(self, **given) -> None:
        """Put pictures and noise where the halves look for them."""
        vars(self).update(given)

    def casts_once(self):
        """Autocast keeps a weight that it has cast until the outermost block ends. Prediction: 0.1 to 0.2 ms, of 76 kernels."""
        if self.variant.idea != "casts":
            return contextlib.nullcontext()
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.variant.precision == "bf16")

    def generators_half(self) -> tuple[Tensor, Tensor]:
        """The generators learn from real_a, real_b and the noise: fake_a and fake_b."""
        trainer = self.trainer
        # Their losses pass through the discriminators and leave no gradient there
        for p in self.discriminators:
            p.requires_grad_(False)
        trainer.optimizer_g.zero_grad()
        with self.casts_once():
            self.losses_g, fake_a, fake_b = trainer.model.generators_turn(
                self.real_a, self.real_b, self.noise, with_identity=True, learn=self.learn
            )
        trainer.optimizer_g.step()
        return fake_a, fake_b

    def discriminators_half(self) -> dict[str, Tensor]:
        """The discriminators learn, from fake_a and fake_b too: the losses of both halves."""
        trainer = self.trainer
        for p in self.discriminators:
            p.requires_grad_(True)
        trainer.optimizer_d.zero_grad()
        with self.casts_once():
            losses_d, _ = trainer.model.discriminators_turn(
                self.real_a, self.fake_a, self.real_b, self.fake_b, self.noise, learn=self.learn
            )
        trainer.optimizer_d.step()
        losses = self.losses_g | losses_d
        self.totals += torch.stack([losses[name].float() for name in LOSSES])
        return losses

    def step(self, real_a: Tensor, real_b: Tensor) -> dict[str, Tensor]:
        trainer = self.trainer
        self.set_rates()
        trainer.model.random.manual_seed(trainer.config.seed * 1_000_003 + trainer.step)
        real_a, real_b = (real.contiguous(memory_format=self.format) for real in (real_a, real_b))
        self.take(real_a=real_a, real_b=real_b, noise=trainer.model.draw_noise(real_a, real_b))
        fake_a, fake_b = self.generators_half()
        self.take(fake_a=trainer.pool_a.query(fake_a), fake_b=trainer.pool_b.query(fake_b))
        losses = self.discriminators_half()
        trainer.step += 1
        return losses


class Graphed(Halves):
    """Each half recorded once as a CUDA graph and then replayed. CUDA only.

    What a replay reads and writes stays in the same place: pictures and noise are copied to where they were, the learning rate
    is a tensor, and gradients are made within the recording, which overwrites them at each replay. The pools run in between
    as ordinary code: which pictures they hand out is drawn by the CPU, and no number is read from the GPU. Both graphs share
    one pool of memory, as they always run in turn on one stream.
    """

    warm_up = 3

    def __init__(
        self, variant: Variant, setting: Setting, device: torch.device, weights: dict[str, nn.Module]
    ):
        super().__init__(variant, setting, device, weights)
        self.real_a, self.real_b, self.fake_a, self.fake_b = (
            random_pictures(setting.batch, setting.side, device).contiguous(memory_format=self.format)
            for _ in range(4)
        )
        self.noise = self.trainer.model.draw_noise(self.real_a, self.real_b)
        self.memory = None
        with leaving_no_trace(self.trainer.optimizer_g, self.trainer.optimizer_d):
            self.warm()
            # From here on both are replays
            self.generators_half = self.record(self.generators_half)
            self.discriminators_half = self.record(self.discriminators_half)
        self.totals.zero_()

    def take(self, **given) -> None:
        """Copy pictures and noise to where the recordings read them. No noise is the number 0, and stays in the recording."""
        places, values = tree_leaves([vars(self)[name] for name in given]), tree_leaves(list(given.values()))
        for place, value in zip(places, values, strict=True):
            if isinstance(place, Tensor):
                place.copy_(value)

    def warm(self) -> None:
        """Some steps on the stream of the recording: compiling, choosing algorithms and making Adam's state come first."""
        self.stream = torch.cuda.Stream()
        self.stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(self.stream):
            self.plain_steps()
        torch.cuda.current_stream().wait_stream(self.stream)
        torch.cuda.synchronize()

    def plain_steps(self) -> None:
        for _ in range(self.warm_up):
            self.generators_half()
            self.discriminators_half()

    def record(self, work: Callable) -> Callable:
        """A function that replays `work` and returns its results, which are in the same place each time."""
        self.trainer.model.zero_grad()  # no gradients exist: the recording makes them in its own memory
        torch.cuda.reset_peak_memory_stats()
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, pool=self.memory, stream=self.stream):
            results = work()
        self.memory = graph.pool()
        self.captured_bytes = max(self.captured_bytes, torch.cuda.max_memory_allocated())

        def replay():
            graph.replay()
            return results

        return replay


def build(variant: Variant, setting: Setting, device: torch.device, weights: dict[str, nn.Module]) -> Library:
    """The contender of one variant, with these networks' weights."""
    kind = Library if variant.library else Graphed if variant.graphs else Halves
    return kind(variant, setting, device, weights)


def random_pictures(n: int, side: int, device: torch.device) -> Tensor:
    """Noise in [-1, 1], (n, 3, side, side). Not zeros, on which a GPU can run faster than on pictures."""
    return torch.rand(n, 3, side, side, device=device) * 2 - 1


class ReadyBatches:
    """Some batches of noise that are on the device, one after the other."""

    def __init__(self, setting: Setting, device: torch.device, count: int = 8):
        n = setting.batch
        self.batches = [[random_pictures(n, setting.side, device) for _ in range(2)] for _ in range(count)]

    def batch(self, step: int) -> tuple[Tensor, Tensor]:
        return self.batches[step % len(self.batches)]


class HostBatches(UnpairedBatches):
    """The library's batches, made by the CPU when they are asked for, and sent to the device."""

    def __init__(self, pictures_a: Tensor, pictures_b: Tensor, setting: Setting, device: torch.device):
        super().__init__(pictures_a, pictures_b, setting.side, setting.batch, 0)
        self.device = device

    def batch(self, step: int) -> tuple[Tensor, Tensor]:
        return tuple(part.to(self.device) for part in super().batch(step))
