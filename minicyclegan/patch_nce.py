"""CUT: patches are compared, and there is no way back (Park, Efros, Zhang, Zhu 2020, arXiv 2007.15651), built in notebook 12_patch_nce."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from minicyclegan.cyclegan import CycleGAN
from minicyclegan.gan_loss import generator_loss
from minicyclegan.generator import Generator
from minicyclegan.parameters import Config


def feature_layers(n_downsamplings: int, n_blocks: int) -> list[int]:
    """After which of a generator's layers its features are compared: each downsampling, the first residual block, the middle one.

    The authors' choice for 9 blocks (their code, `nce_layers`): both downsamplings, block 1 and block 5. The picture itself is a fifth.
    """
    first = (
        4 + n_downsamplings
    )  # the first block: before it a padding, a convolution, its norm and ReLU, the downsamplings
    return [*range(4, first), *sorted({first, first + n_blocks // 2} if n_blocks else ())]


def encoder_features(generator: Generator, pictures: Tensor, layers: list[int]) -> list[Tensor]:
    """What a generator makes of pictures (N, 3, H, W) on its way: the pictures, and the features (N, C, h, w) after some `layers`.

    The later half of the generator is not computed.
    """
    features, x = [pictures], pictures
    for i, layer in enumerate(generator.layers[: layers[-1] + 1]):
        x = layer(x)
        if i in layers:
            features.append(x)
    return features


class PatchHead(nn.Module):
    """Two linear layers for each depth turn the features of a place into `width` numbers, a vector of length 1.

    `channels` are those of the depths. Thrown away after training.
    """

    def __init__(self, channels: list[int], width: int = 256):
        super().__init__()
        self.layers = nn.ModuleList(
            nn.Sequential(nn.Linear(c, width), nn.ReLU(inplace=True), nn.Linear(width, width))
            for c in channels
        )

    def forward(self, features: list[Tensor], places: list[Tensor]) -> list[Tensor]:
        """For each depth its features (N, C, h, w) at `places` (P,), which count row by row: (N, P, width)."""
        chosen = [x.flatten(2)[:, :, here].transpose(1, 2) for x, here in zip(features, places, strict=True)]
        return [F.normalize(layer(x), dim=-1) for layer, x in zip(self.layers, chosen, strict=True)]


def patch_nce_loss(queries: Tensor, keys: Tensor, temperature: float = 0.07) -> Tensor:
    """From which place does each query come? Cross-entropy over the P keys of its own picture; a scalar.

    Both are (N, P, width) of length 1: the translations' patches, and the inputs' at the same places. Guessing costs
    log P. The keys are what is aimed at: they get no gradient. As in the authors' code, models/patchnce.py.
    """
    logits = queries @ keys.detach().transpose(1, 2) / temperature
    answers = torch.arange(logits.shape[1], device=logits.device).repeat(len(logits))
    return F.cross_entropy(logits.flatten(0, 1), answers)


class CUT(CycleGAN):
    """Two one-sided translators, A to B and B to A, that share nothing: each a generator, a head and a discriminator.

    The paper trains one. The methods of `Config`: `cut` also compares pictures of the target domain with what the
    generator makes of them (the identity variant); `fastcut` does not, and mirrors the input in half of the steps
    instead. The authors' `lambda_nce` is 1 for the first and 10 for the second, and their pool is empty (their code,
    models/cut_model.py). Not used here: `lambda_cycle`, `lambda_identity` and `cycle_noise`.
    """

    PATCHES = 256  # places that are compared in each layer; all of them where a layer has fewer

    def __init__(self, config: Config, dtype: torch.dtype = torch.float32):
        super().__init__(config, dtype)
        self.layers = feature_layers(config.n_downsamplings, config.n_blocks)
        example = encoder_features(self.generator_ab, torch.zeros(1, 3, 16, 16), self.layers)
        self.scales = [16 // features.shape[2] for features in example]
        # 256 numbers for the paper's generator, fewer for a narrower one
        channels, width = [features.shape[1] for features in example], 4 * config.base_channels
        self.head_ab, self.head_ba = PatchHead(channels, width), PatchHead(channels, width)

    def players(self) -> tuple[list[nn.Module], list[nn.Module]]:
        """As in CycleGAN; the heads learn with the generators."""
        generators, discriminators = super().players()
        return [*generators, self.head_ab, self.head_ba], discriminators

    def draw_noise(self, real_a: Tensor, real_b: Tensor) -> dict:
        """As in CycleGAN; for each direction also the places to compare in each layer, and whether to mirror the input."""
        noise = super().draw_noise(real_a, real_b)
        for way, real in (("ab", real_a), ("ba", real_b)):
            random = {"generator": self.random, "device": real.device}
            pixels = real.shape[2] * real.shape[3]
            places = [torch.randperm(pixels // s**2, **random)[: self.PATCHES] for s in self.scales]
            share = 0.5 if self.config.method == "fastcut" else 0.0
            mirrored = torch.rand((), **random) < share
            noise[way] = (noise[way][1], places, mirrored)
        return noise

    def one_direction(
        self, there, back, discriminator, real: Tensor, other: Tensor, noise: tuple, with_identity: bool
    ) -> tuple[dict[str, Tensor], Tensor]:
        """As in CycleGAN, with the contrast of patches where the way back was; `back` is not used."""
        config, (seen_noise, places, mirrored) = self.config, noise
        head = self.head_ab if there is self.generator_ab else self.head_ba
        with_identity = with_identity and config.method == "cut"
        given = torch.cat([real, other]) if with_identity else real
        with self.autocast(real):
            made = there(torch.where(mirrored, given.flip(3), given))
            fake = made[: len(real)]
            losses = {"gan": generator_loss(discriminator(fake + seen_noise), config.gan_mode)}
            features = encoder_features(there, made, self.layers)
            with torch.no_grad():
                known = encoder_features(there, given, self.layers)
        # In full precision: the temperature makes what is rounded fourteen times as large
        features = [torch.where(mirrored, x.flip(3), x).to(real) for x in features]
        queries = head(features, places)
        keys = head([x.to(real) for x in known], places)
        parts = {"nce": slice(len(real))}
        if with_identity:
            parts["nce_identity"] = slice(len(real), None)
        for name, part in parts.items():
            each = [patch_nce_loss(query[part], key[part]) for query, key in zip(queries, keys)]
            losses[name] = config.lambda_nce / len(parts) * torch.stack(each).mean()
        return losses, fake


def model_for(config: Config, dtype: torch.dtype = torch.float32) -> CycleGAN:
    """The networks and the step of the method that `config` names."""
    return CycleGAN(config, dtype) if config.method == "cyclegan" else CUT(config, dtype)
