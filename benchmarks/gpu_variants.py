"""The contenders of gpu_step.py: the reference's step, and ours in several forms that compute the same losses.

Every contender has `step(real_a, real_b)`, which trains once and returns the losses by name, `fill_pools()`, and says with `tf32`
and `benchmark` how torch.backends must stand while it runs. What only CUDA has (graphs, streams, TF32) was written from the
documentation of PyTorch 2.11 (CUDA semantics: graphs, streams, memory management) on a machine without a GPU.
"""

import copy
from dataclasses import dataclass

import torch
from reference import build_reference, copy_weights, networks_of, train_once
from torch import Tensor, nn

from minicyclegan import Config, Trainer, UnpairedBatches
from minicyclegan.cycle_loss import cycle_consistency_loss, identity_loss
from minicyclegan.cyclegan import CycleGAN
from minicyclegan.data import to_float
from minicyclegan.gan_loss import discriminator_loss, generator_loss
from minicyclegan.training import learning_rate_factor
from minicyclegan.fast.norm import use_quick_norms

LOSSES = ("identity", "cycle", "gan_ab", "gan_ba", "discriminator_a", "discriminator_b")
NETWORKS = ("generator_ab", "generator_ba", "discriminator_a", "discriminator_b")


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
    library: bool = False  # Trainer.train_on as it is; all else below is the library's
    channels_last: bool = True
    fused: bool = False  # Adam in one kernel
    compiled: bool = False  # torch.compile of the four networks
    norm: str = "torch"  # or `quick`, the library's on a CPU; `written`: arithmetic that torch.compile fuses in any format
    graphs: bool = False  # each half of the step as one CUDA graph
    streams: bool = False  # the two directions side by side on the GPU
    paired: bool = False  # the two directions as one network of grouped convolutions
    data: str = "ready"  # batches that lie on the device; or `host`, `resident`
    benchmark: bool = True  # cuDNN tries its algorithms; the reference has it on

    @property
    def tf32(self) -> bool:
        return self.precision != "fp32"

    @property
    def needs_cuda(self) -> bool:
        return self.graphs or self.streams or self.precision == "tf32" or not self.benchmark


FAST = dict(fused=True, compiled=True, norm="written")
VARIANTS = {
    "reference-fp32": Variant("the reference, TF32 off", "fp32"),
    "fp32": Variant("the library in fp32, TF32 off", "fp32", library=True),
    "tf32": Variant("the library in fp32, TF32 on", "tf32", library=True),
    "bf16": Variant("the library in bf16, as it chooses on CUDA", library=True),
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
    "all-paired": Variant("+ both directions as grouped convolutions", **FAST, graphs=True, paired=True),
    "all-resident": Variant("all, pictures on the GPU, cropped there", **FAST, graphs=True, data="resident"),
    "all-host": Variant("all, batches made by the CPU", **FAST, graphs=True, data="host"),
    "bf16-compile": Variant("bf16-norm with torch's own norms", fused=True, compiled=True),
    "tf32-all": Variant("all in TF32 instead of bf16", "tf32", **FAST, graphs=True),
    # For the CPU. PyTorch's own norm computes a wrong gradient there for channels last at batch 1 (see two_cores.py)
    "fp32-nchw": Variant("fp32, channels first", "fp32", channels_last=False),
    "fp32-last": Variant("fp32, channels last, quick norms", "fp32", norm="quick"),
    "fp32-fused": Variant("+ fused Adam", "fp32", norm="quick", fused=True),
    "fp32-compile": Variant("+ torch.compile of the networks", "fp32", norm="quick", fused=True, compiled=True),
    "fp32-norm": Variant("+ instance norms written out", "fp32", **FAST),
    "fp32-paired": Variant("channels last, grouped convolutions", "fp32", norm="quick", paired=True),
}  # fmt: skip
ON_CPU = ["fp32", "fp32-nchw", "fp32-last", "fp32-fused", "fp32-compile", "fp32-norm"]
ON_CUDA = [name for name in VARIANTS if not name.startswith("fp32-")]


class WrittenNorm(nn.Module):
    """nn.InstanceNorm2d of its defaults as plain arithmetic, in fp32 or wider. torch's own first copies a channels-last picture."""

    def forward(self, x: Tensor) -> Tensor:
        wide = x.to(torch.promote_types(x.dtype, torch.float32))
        variance, mean = torch.var_mean(wide, dim=(2, 3), correction=0, keepdim=True)
        return ((wide - mean) * torch.rsqrt(variance + 1e-5)).to(x.dtype)


def write_norms_out(network: nn.Module) -> None:
    for parent in list(network.modules()):
        for name, child in parent.named_children():
            if isinstance(child, nn.InstanceNorm2d):
                setattr(parent, name, WrittenNorm())


def pair(first: nn.Module, second: nn.Module) -> nn.Module:
    """Two networks of the same layers as one: channels of the first, then those of the second, in and out.

    A convolution of two groups keeps them apart; all other layers look at each channel alone.
    """
    both, others = copy.deepcopy(first), dict(second.named_modules())
    for name, layer in both.named_modules():
        if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d)):
            layer.groups, layer.in_channels, layer.out_channels = 2, 2 * layer.in_channels, 2 * layer.out_channels  # fmt: skip
            for part in ("weight", "bias"):
                weights = torch.cat([getattr(layer, part).detach(), getattr(others[name], part).detach()])
                setattr(layer, part, nn.Parameter(weights))
        elif isinstance(layer, nn.InstanceNorm2d):
            layer.num_features *= 2
    return both


def named_losses(config, real_a, real_b, same_a, same_b, cycled_a, cycled_b, scores_a, scores_b) -> dict[str, Tensor]:
    """The generators' losses of CycleGAN, however the networks' answers came about."""
    identity = identity_loss(real_a, same_a, real_b, same_b)
    return {
        "identity": config.lambda_cycle * config.lambda_identity * identity,
        "cycle": config.lambda_cycle * cycle_consistency_loss(real_a, cycled_a, real_b, cycled_b),
        "gan_ab": generator_loss(scores_b),
        "gan_ba": generator_loss(scores_a),
    }


def judged(scores_a: Tensor, scores_b: Tensor) -> dict[str, Tensor]:
    """The discriminators' losses; the first half of the scores is about real pictures."""
    return {
        "discriminator_a": discriminator_loss(*scores_a.chunk(2)),
        "discriminator_b": discriminator_loss(*scores_b.chunk(2)),
    }


class PairedCycleGAN(nn.Module):
    """CycleGAN with both generators in one network, and both discriminators in another; the same losses."""

    def __init__(self, model: CycleGAN):
        super().__init__()
        self.config = model.config
        self.generators = pair(model.generator_ab, model.generator_ba)
        self.discriminators = pair(model.discriminator_a, model.discriminator_b)

    def generator_losses(self, real_a: Tensor, real_b: Tensor):
        shown = torch.cat([torch.cat([real_a, real_b]), torch.cat([real_b, real_a])], dim=1)
        to_b, to_a = self.generators(shown).chunk(2, dim=1)
        (fake_b, same_b), (fake_a, same_a) = to_b.chunk(2), to_a.chunk(2)
        cycled_b, cycled_a = self.generators(torch.cat([fake_a, fake_b], dim=1)).chunk(2, dim=1)
        scores_a, scores_b = self.discriminators(torch.cat([fake_a, fake_b], dim=1)).chunk(2, dim=1)
        found = (same_a, same_b, cycled_a, cycled_b, scores_a, scores_b)
        return named_losses(self.config, real_a, real_b, *found), fake_a, fake_b

    def discriminator_losses(self, real_a: Tensor, fake_a: Tensor, real_b: Tensor, fake_b: Tensor):
        shown = torch.cat([torch.cat([real_a, fake_a]), torch.cat([real_b, fake_b])], dim=1)
        scores_a, scores_b = self.discriminators(shown).chunk(2, dim=1)
        return judged(scores_a, scores_b), {}


class StreamedCycleGAN(nn.Module):
    """CycleGAN whose two directions run side by side, the way to A on a stream of its own; the same losses. CUDA only.

    At batch 1 one convolution does not fill a large GPU. The backward pass runs each layer on the stream of its forward pass. A
    tensor that the other stream reads is recorded there, or its memory could be given away too early.
    """

    def __init__(self, model: CycleGAN):
        super().__init__()
        self.model, self.other = model, torch.cuda.Stream()

    def meet(self, *tensors: Tensor) -> None:
        """Each stream waits for the other; from here on both may read these tensors."""
        here = torch.cuda.current_stream()
        self.other.wait_stream(here)
        here.wait_stream(self.other)
        for tensor in tensors:
            tensor.record_stream(here)
            tensor.record_stream(self.other)

    def generator_losses(self, real_a: Tensor, real_b: Tensor):
        model = self.model
        self.meet()
        fake_b, same_b = model.generator_ab(torch.cat([real_a, real_b])).chunk(2)
        with torch.cuda.stream(self.other):
            fake_a, same_a = model.generator_ba(torch.cat([real_b, real_a])).chunk(2)
        self.meet(fake_a, fake_b, same_a)
        cycled_b, scores_b = model.generator_ab(fake_a), model.discriminator_b(fake_b)
        with torch.cuda.stream(self.other):
            cycled_a, scores_a = model.generator_ba(fake_b), model.discriminator_a(fake_a)
        self.meet(cycled_a, scores_a)
        found = (same_a, same_b, cycled_a, cycled_b, scores_a, scores_b)
        return named_losses(model.config, real_a, real_b, *found), fake_a, fake_b

    def discriminator_losses(self, real_a: Tensor, fake_a: Tensor, real_b: Tensor, fake_b: Tensor):
        self.meet()
        scores_b = self.model.discriminator_b(torch.cat([real_b, fake_b]))
        with torch.cuda.stream(self.other):
            scores_a = self.model.discriminator_a(torch.cat([real_a, fake_a]))
        self.meet(scores_a)
        return judged(scores_a, scores_b), {}


class Reference:
    """The reference's own step, through its set_input and optimize_parameters."""

    benchmark, captured_bytes = True, 0

    def __init__(self, path, setting: Setting, device: torch.device, tf32: bool = True, pool_size: int = 50):
        self.tf32 = (
            tf32  # PyTorch allows it for convolutions unless told otherwise, and the reference says nothing
        )
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
        dtype = torch.bfloat16 if variant.precision == "bf16" else torch.float32
        self.trainer = Trainer(setting.config(), device, dtype)
        copy_weights(weights, {name: getattr(self.trainer.model, name) for name in NETWORKS})

    def step(self, real_a: Tensor, real_b: Tensor) -> dict[str, Tensor]:
        losses = self.trainer.train_on(real_a, real_b)
        return {name: losses[name] for name in LOSSES}

    def fill_pools(self) -> None:
        for pool in (self.trainer.pool_a, self.trainer.pool_b):
            pool.query(random_pictures(pool.size, self.setting.side, self.device))


class Halves(Library):
    """The same step in two halves, each of which reads its pictures from `self`; the pools work in between."""

    capturable = False

    def __init__(
        self, variant: Variant, setting: Setting, device: torch.device, weights: dict[str, nn.Module]
    ):
        super().__init__(variant, setting, device, weights)
        config = self.trainer.config
        model = self.model = CycleGAN(config, self.trainer.model.dtype).to(
            device
        )  # without what a CPU's Trainer adds
        networks = [[getattr(model, name) for name in NETWORKS[i : i + 2]] for i in (0, 2)]
        copy_weights(weights, {name: getattr(model, name) for name in NETWORKS})
        if variant.paired:
            self.model = PairedCycleGAN(model)
            networks = [[self.model.generators], [self.model.discriminators]]
        if variant.streams:
            self.model = StreamedCycleGAN(model)
        self.trainer.model = self.trainer.optimizer_g = self.trainer.optimizer_d = (
            None  # only what is used stays
        )
        self.format = torch.channels_last if variant.channels_last else torch.contiguous_format
        self.model.to(memory_format=self.format)
        for network in networks[0] + networks[1]:
            if variant.norm == "written":
                write_norms_out(network)
            if variant.norm == "quick":
                use_quick_norms(network)
            if variant.compiled:  # a generator is shown two sizes of batch: each gets code of its own
                network.compile(dynamic=False)
        self.parameters = [[p for network in half for p in network.parameters()] for half in networks]
        self.rate = config.learning_rate
        if self.capturable:
            self.rate = torch.tensor(self.rate, device=device)
        self.optimizer_g, self.optimizer_d = (
            torch.optim.Adam(
                parameters, self.rate, betas=(config.beta1, 0.999), fused=variant.fused or None,
                capturable=self.capturable,
            )
            for parameters in self.parameters
        )  # fmt: skip
        self.totals = torch.zeros(len(LOSSES), device=device)  # never finite again once a loss was not

    def autocast(self):
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.variant.precision == "bf16")

    def freeze(self, frozen: bool) -> None:
        """The generators' loss passes through the discriminators and leaves no gradient there."""
        for p in self.parameters[1]:
            p.requires_grad_(not frozen)

    def generator_half(self) -> tuple[dict[str, Tensor], Tensor, Tensor]:
        with self.autocast():
            losses, fake_a, fake_b = self.model.generator_losses(self.real_a, self.real_b)
        sum(losses.values()).backward()
        self.optimizer_g.step()
        self.losses = {name: loss.detach() for name, loss in losses.items()}
        return self.losses, fake_a.detach(), fake_b.detach()

    def discriminator_half(self) -> dict[str, Tensor]:
        with self.autocast():
            losses, _ = self.model.discriminator_losses(self.real_a, self.fake_a, self.real_b, self.fake_b)
        sum(losses.values()).backward()
        self.optimizer_d.step()
        losses = self.losses | {name: loss.detach() for name, loss in losses.items()}
        self.totals += torch.stack([losses[name].float() for name in LOSSES])
        return losses

    def learning_rate(self) -> float:
        config = self.trainer.config
        self.trainer.step += 1
        return config.learning_rate * learning_rate_factor(
            self.trainer.step - 1, config.steps, config.decay_share
        )

    def step(self, real_a: Tensor, real_b: Tensor) -> dict[str, Tensor]:
        for optimizer, rate in zip((self.optimizer_g, self.optimizer_d), [self.learning_rate()] * 2):
            optimizer.param_groups[0]["lr"] = rate
        self.real_a, self.real_b = (real.contiguous(memory_format=self.format) for real in (real_a, real_b))
        self.freeze(True)
        self.optimizer_g.zero_grad()
        _, fake_a, fake_b = self.generator_half()
        self.freeze(False)
        self.fake_a, self.fake_b = self.trainer.pool_a.query(fake_a), self.trainer.pool_b.query(fake_b)
        self.optimizer_d.zero_grad()
        return self.discriminator_half()


class Graphed(Halves):
    """Each half recorded once as a CUDA graph and then replayed. CUDA only; never run where it was written.

    What a replay reads and writes stays in the same place: the pictures are copied into `real_a`, `real_b`, `fake_a` and
    `fake_b`, the learning rate is a tensor, and gradients are made within the recording, which overwrites them at each replay.
    The pools run in between as ordinary code: which pictures they hand out is drawn by the CPU, and no number is read from
    the GPU. Both graphs share one pool of memory, as they always run in turn on one stream.
    """

    capturable, warm_up = True, 3

    def __init__(
        self, variant: Variant, setting: Setting, device: torch.device, weights: dict[str, nn.Module]
    ):
        super().__init__(variant, setting, device, weights)
        self.real_a, self.real_b, self.fake_a, self.fake_b = (
            random_pictures(setting.batch, setting.side, device).contiguous(memory_format=self.format)
            for _ in range(4)
        )
        everything = self.parameters[0] + self.parameters[1]
        before = [p.detach().clone() for p in everything]
        self.memory = None
        self.warm()
        self.freeze(True)
        self.optimizer_g.zero_grad()  # no gradients are there: the recording makes them in its own memory
        self.replay_g, (_, self.new_a, self.new_b) = self.record(self.generator_half)
        self.freeze(False)
        self.optimizer_d.zero_grad()
        self.replay_d, self.all_losses = self.record(self.discriminator_half)
        with torch.no_grad():  # as if nothing had happened: the weights, the optimisers, the sums
            for p, old in zip(everything, before):
                p.copy_(old)
            for optimizer in (self.optimizer_g, self.optimizer_d):
                for state in optimizer.state.values():
                    for value in state.values():
                        value.zero_()
            self.totals.zero_()

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
            self.freeze(True)
            self.optimizer_g.zero_grad()
            self.generator_half()
            self.freeze(False)
            self.optimizer_d.zero_grad()
            self.discriminator_half()

    def record(self, work):
        """What replays `work`, and the tensors into which each replay writes its results."""
        torch.cuda.reset_peak_memory_stats()
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, pool=self.memory, stream=self.stream):
            results = work()
        self.memory = graph.pool()
        self.captured_bytes = max(self.captured_bytes, torch.cuda.max_memory_allocated())
        return graph.replay, results

    def step(self, real_a: Tensor, real_b: Tensor) -> dict[str, Tensor]:
        self.rate.fill_(self.learning_rate())
        self.real_a.copy_(real_a)
        self.real_b.copy_(real_b)
        self.replay_g()
        self.fake_a.copy_(self.trainer.pool_a.query(self.new_a))
        self.fake_b.copy_(self.trainer.pool_b.query(self.new_b))
        self.replay_d()
        return self.all_losses


def build(variant: Variant, setting: Setting, device: torch.device, weights: dict[str, nn.Module]) -> Library:
    """The contender of one variant, with these networks' weights."""
    kind = Library if variant.library else Graphed if variant.graphs else Halves
    return kind(variant, setting, device, weights)


def random_pictures(n: int, side: int, device: torch.device) -> Tensor:
    """Noise in [-1, 1], (n, 3, side, side). Not zeros, on which a GPU can run faster than on pictures."""
    return torch.rand(n, 3, side, side, device=device) * 2 - 1


class ReadyBatches:
    """Some batches of noise that lie on the device, one after the other."""

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


class ResidentBatches(HostBatches):
    """The same batches to the bit, from uint8 pictures (N, 3, H, W) on the device; only places and order come from the CPU."""

    def __init__(self, pictures_a: Tensor, pictures_b: Tensor, setting: Setting, device: torch.device):
        super().__init__(pictures_a.to(device), pictures_b.to(device), setting, device)
        self.offsets = torch.arange(setting.side)

    def crop_flip(self, pictures: Tensor, indices: list[int], generator: torch.Generator) -> Tensor:
        n, height, width = len(indices), *pictures.shape[2:]
        top = torch.randint(height - self.size + 1, (n,), generator=generator)
        left = torch.randint(width - self.size + 1, (n,), generator=generator)
        flip = torch.randint(2, (n,), generator=generator).bool()
        columns = torch.where(flip[:, None], self.offsets.flip(0), self.offsets) + left[:, None]
        places = torch.cat([torch.tensor(indices)[:, None], top[:, None] + self.offsets, columns], dim=1)
        if self.device.type == "cuda":
            places = places.pin_memory()
        places = places.to(self.device, non_blocking=True)
        numbers, rows, columns = places.split([1, self.size, self.size], dim=1)
        # (n, size, size, 3) comes out, which is channels last already
        crops = pictures[numbers[:, :, None], :, rows[:, :, None], columns[:, None, :]]
        return to_float(crops.permute(0, 3, 1, 2))

    def batch(self, step: int) -> tuple[Tensor, Tensor]:
        pair = []
        for domain, pictures in enumerate(self.domains):
            generator = torch.Generator().manual_seed((self.seed * 2 + domain) * 1_000_003 + 500_000 + step)
            pair.append(self.crop_flip(pictures, self.indices(domain, step), generator))
        return pair[0], pair[1]
