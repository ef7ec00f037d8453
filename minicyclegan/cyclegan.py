"""CycleGAN: four networks and one training step (Zhu et al. 2017, sections 3 and 4), built in notebook 06_cyclegan."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from minicyclegan.cycle_loss import reconstruction_loss
from minicyclegan.discriminator import PatchDiscriminator
from minicyclegan.errors import DataError, ParameterError
from minicyclegan.gan_loss import discriminator_loss, generator_loss
from minicyclegan.generator import Generator, init_weights
from minicyclegan.parameters import Config, value_range_of
from minicyclegan.pictures.images import as_batch


class ImagePool:
    """Up to `size` earlier fakes, so that a discriminator is also asked about older ones (section 4, after Shrivastava et al.).

    Until it is full it stores and returns what it is given. Then, for each picture, half of the time it hands out a
    stored one and keeps the new one in its place. size=0 turns it off.
    """

    def __init__(self, size: int, seed: int = 0):
        self.size, self.pictures = size, []
        self.generator = torch.Generator().manual_seed(seed)

    def query(self, fakes: Tensor) -> Tensor:
        """Takes detached fakes (N, 3, H, W) and returns as many, some of them older."""
        if self.size == 0:
            return fakes
        chosen = []
        for fake in fakes:
            if len(self.pictures) < self.size:
                self.pictures.append(fake.clone())
                chosen.append(fake)
            elif torch.rand((), generator=self.generator) < 0.5:
                place = int(torch.randint(self.size, (), generator=self.generator))
                chosen.append(self.pictures[place])
                self.pictures[place] = fake.clone()
            else:
                chosen.append(fake)
        return torch.stack(chosen)


def run_both(first: Callable, second: Callable) -> list[tuple]:
    """The results of two jobs with their graphs; nothing learns. A job returns its losses by name, and one more tensor."""
    return [first(), second()]


def learn_from(results: list[tuple]) -> list[tuple]:
    """Accumulate the gradients of all losses in the results of some jobs, and return the results detached."""
    sum(loss for losses, _ in results for loss in losses.values()).backward()
    return [
        ({name: loss.detach() for name, loss in losses.items()}, other.detach()) for losses, other in results
    ]


def in_turn(first: Callable, second: Callable) -> list[tuple]:
    """Learn from two jobs, one after the other: the first one's graph is freed before the second needs memory."""
    return learn_from([first()]) + learn_from([second()])


class CycleGAN(nn.Module):
    """Generators A to B and B to A, a discriminator for each domain, and the step that trains them.

    All pictures are (N, 3, H, W) in [-1, 1]. `dtype` is that of the forward pass. `random` draws the noise; None is PyTorch's
    default generator. `learn` computes two directions: `in_turn`, or another way with the same losses and gradients.
    """

    def __init__(self, config: Config, dtype: torch.dtype = torch.float32):
        super().__init__()
        self.config, self.dtype, self.random, self.learn = config, dtype, None, in_turn
        generator = (config.base_channels, config.n_blocks, config.upsampling)
        generator += (config.n_downsamplings, config.global_skip)
        discriminator = (config.discriminator_channels, config.discriminator_layers)
        self.generator_ab = init_weights(Generator(*generator))
        self.generator_ba = init_weights(Generator(*generator))
        self.discriminator_a = init_weights(PatchDiscriminator(*discriminator))
        self.discriminator_b = init_weights(PatchDiscriminator(*discriminator))

    def players(self) -> tuple[list[nn.Module], list[nn.Module]]:
        """The networks that learn in the generators' turn, and in the discriminators' turn."""
        return [self.generator_ab, self.generator_ba], [self.discriminator_a, self.discriminator_b]

    def one_direction(
        self, there, back, discriminator, real: Tensor, other: Tensor, noise: tuple, with_identity: bool
    ) -> tuple[dict[str, Tensor], Tensor]:
        """One of the two halves of equation 3, which have the same form, with its identity term: losses by name, weighted; and the fakes.

        `there` leads from the domain of `real` into that of `other`, `back` leads home, and `discriminator` is that
        of `other`'s domain. The noise is added to the fakes: before the way back, and before the discriminator sees them.
        """
        config, losses, (cycle_noise, seen_noise) = self.config, {}, noise
        with self.autocast(real):
            if with_identity and config.lambda_identity > 0:
                # In one call: an instance norm looks at one picture at a time, so neighbours in a batch do not matter
                fake, same = there(torch.cat([real, other])).chunk(2)
                losses["identity"] = (
                    config.lambda_cycle * config.lambda_identity * reconstruction_loss(other, same)
                )
            else:
                fake = there(real)
            losses["cycle"] = config.lambda_cycle * reconstruction_loss(real, back(fake + cycle_noise))
            losses["gan"] = generator_loss(discriminator(fake + seen_noise), config.gan_mode)
        return losses, fake

    def one_discriminator(
        self, discriminator, real: Tensor, fake: Tensor, noise: Tensor | float
    ) -> tuple[dict[str, Tensor], Tensor]:
        """The loss of one discriminator, by name; and how often it is right, from 0 to 1: about real, about fake.

        The fakes must be detached. The noise is for the real pictures followed by the fakes.
        """
        with self.autocast(real):
            real_scores, fake_scores = discriminator(torch.cat([real, fake]) + noise).chunk(2)
            loss = discriminator_loss(real_scores, fake_scores, self.config.gan_mode)
        middle = 0.5 if self.config.gan_mode == "lsgan" else 0.0  # between "fake" and "real"
        right = (real_scores > middle).float().mean(), (fake_scores < middle).float().mean()
        return {"discriminator": loss}, torch.stack(right)

    def autocast(self, pictures: Tensor) -> torch.autocast:
        """A forward pass in `dtype`. It applies to one thread only, so each direction enters it on its own."""
        half = self.dtype in (torch.bfloat16, torch.float16)
        return torch.autocast(pictures.device.type, self.dtype if half else None, enabled=half)

    def noise(self, like: Tensor, deviation: float, copies: int = 1) -> Tensor | float:
        """Noise for `copies` copies of a batch: what is hidden in tiny differences of colour does not survive it; 0 for none."""
        if deviation == 0:
            return 0.0
        shape = (copies * len(like), *like.shape[1:])
        return deviation * torch.randn(shape, generator=self.random, device=like.device)

    def draw_noise(self, real_a: Tensor, real_b: Tensor) -> dict:
        """Everything random in a step, drawn before it, for each direction and each discriminator; see `one_direction`."""
        config, reals = self.config, (real_a, real_b)
        cycle = [self.noise(real, config.cycle_noise) for real in reals]
        seen = [self.noise(real, config.discriminator_noise) for real in reals]
        a, b = (self.noise(real, config.discriminator_noise, copies=2) for real in reals)
        return {"ab": (cycle[0], seen[0]), "ba": (cycle[1], seen[1]), "a": a, "b": b}

    def generators_turn(
        self, real_a: Tensor, real_b: Tensor, noise: dict, with_identity: bool, learn: Callable
    ) -> tuple[dict[str, Tensor], Tensor, Tensor]:
        """Both directions, as `learn` computes them: the generators' losses by name, fake_a and fake_b."""
        ab = self.generator_ab, self.generator_ba, self.discriminator_b, real_a, real_b, noise["ab"]
        ba = self.generator_ba, self.generator_ab, self.discriminator_a, real_b, real_a, noise["ba"]
        (losses_ab, fake_b), (losses_ba, fake_a) = learn(
            lambda: self.one_direction(*ab, with_identity), lambda: self.one_direction(*ba, with_identity)
        )
        losses = {name: losses_ab[name] + losses_ba[name] for name in losses_ab if name != "gan"}
        return losses | {"gan_ab": losses_ab["gan"], "gan_ba": losses_ba["gan"]}, fake_a, fake_b

    def discriminators_turn(
        self, real_a: Tensor, fake_a: Tensor, real_b: Tensor, fake_b: Tensor, noise: dict, learn: Callable
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Both discriminators, as `learn` computes them: their losses by name, and how often each is right."""
        a = self.discriminator_a, real_a, fake_a, noise["a"]
        b = self.discriminator_b, real_b, fake_b, noise["b"]
        (loss_a, right_a), (loss_b, right_b) = learn(
            lambda: self.one_discriminator(*a), lambda: self.one_discriminator(*b)
        )
        losses = {"discriminator_a": loss_a["discriminator"], "discriminator_b": loss_b["discriminator"]}
        names = "accuracy_real_a", "accuracy_fake_a", "accuracy_real_b", "accuracy_fake_b"
        return losses, dict(zip(names, torch.cat([right_a, right_b])))

    def generator_losses(
        self, real_a: Tensor, real_b: Tensor, with_identity: bool = True
    ) -> tuple[dict[str, Tensor], Tensor, Tensor]:
        """What the generators minimise, by name and already weighted; and the fakes (fake_a, fake_b)."""
        noise = self.draw_noise(real_a, real_b)
        return self.generators_turn(real_a, real_b, noise, with_identity, run_both)

    def discriminator_losses(
        self, real_a: Tensor, fake_a: Tensor, real_b: Tensor, fake_b: Tensor
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """What the discriminators minimise, by name; and how often they are right, from 0 to 1.

        The fakes must be detached.
        """
        noise = self.draw_noise(real_a, real_b)
        return self.discriminators_turn(real_a, fake_a, real_b, fake_b, noise, run_both)

    def training_step(
        self,
        real_a: Tensor,
        real_b: Tensor,
        optimizer_g,
        optimizer_d,
        pool_a: ImagePool,
        pool_b: ImagePool,
        with_identity: bool = True,
    ) -> dict[str, Tensor]:
        """One round of the game: first both generators learn, then both discriminators.

        Returns the losses and the discriminators' accuracies by name.
        """
        noise = self.draw_noise(real_a, real_b)
        discriminators = [*self.discriminator_a.parameters(), *self.discriminator_b.parameters()]

        # The generators' losses pass through the discriminators and leave no gradient there
        for p in discriminators:
            p.requires_grad_(False)
        optimizer_g.zero_grad()
        losses_g, fake_a, fake_b = self.generators_turn(real_a, real_b, noise, with_identity, self.learn)
        optimizer_g.step()

        for p in discriminators:
            p.requires_grad_(True)
        fake_a, fake_b = pool_a.query(fake_a), pool_b.query(fake_b)
        optimizer_d.zero_grad()
        losses_d, accuracies = self.discriminators_turn(real_a, fake_a, real_b, fake_b, noise, self.learn)
        optimizer_d.step()
        return losses_g | losses_d | accuracies

    @torch.no_grad()
    def translate(self, image, to: str = "b"):
        """Translate one picture of any size, given as a path, PIL image, array or tensor; the same kind comes back.

        A path gives a PIL image. Sizes that the network cannot halve twice are padded and cut back. Files and PIL images
        of more than 8 bits have black and white where the training's had them. Raises ParameterError for a direction
        other than "a" or "b", DataError for something that is not a picture.
        """
        if to not in ("a", "b"):
            raise ParameterError(f'`to` must be "a" or "b", but it is {to!r}')
        generator = self.generator_ab if to == "b" else self.generator_ba
        value_range = value_range_of(self.config.value_range, "a" if to == "b" else "b")
        batch, restore = as_batch(image, value_range)
        batch = batch.to(next(self.parameters()).device)
        height, width = batch.shape[-2:]
        # at least 16 px and a multiple of 4; "replicate" works at any size, "reflect" not on very small pictures
        right, bottom = max(-width % 4, 16 - width), max(-height % 4, 16 - height)
        padded = F.pad(batch, (0, right, 0, bottom), mode="replicate")
        try:
            return restore(generator(padded)[..., :height, :width])
        except RuntimeError as error:
            if "memory" not in str(error):
                raise
            raise DataError(
                f"a picture of {width} x {height} px needs too much memory; make it smaller"
            ) from error
