"""CycleGAN: four networks and one training step (Zhu et al. 2017, sections 3 and 4), built in notebook 06_cyclegan."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from minicyclegan.cycle_loss import cycle_consistency_loss, identity_loss
from minicyclegan.discriminator import PatchDiscriminator
from minicyclegan.errors import DataError, ParameterError
from minicyclegan.gan_loss import discriminator_loss, generator_loss
from minicyclegan.generator import Generator, init_weights
from minicyclegan.images import as_batch
from minicyclegan.parameters import Config


class ImagePool:
    """The last `size` fakes, so that a discriminator is also asked about older ones (section 4, after Shrivastava et al.).

    Until it is full it stores and returns what it is given. Then, for each picture, half of the time it hands out a
    stored one and keeps the new one in its place. size=0 turns it off.
    """

    def __init__(self, size: int, seed: int = 0):
        self.size, self.pictures = size, []
        self.generator = torch.Generator().manual_seed(seed)

    def query(self, fakes: Tensor) -> Tensor:
        """Fakes (N, 3, H, W), detached, in; as many out, some of them older."""
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


class CycleGAN(nn.Module):
    """Generators A to B and B to A, a discriminator for each domain, and the step that trains them.

    All pictures are (N, 3, H, W) in [-1, 1]. `dtype` is the number format of the forward pass. `random` draws the noise; None is
    PyTorch's own generator.
    """

    def __init__(self, config: Config, dtype: torch.dtype = torch.float32):
        super().__init__()
        self.config, self.dtype, self.random = config, dtype, None
        shape = (config.base_channels, config.n_blocks, config.upsampling, config.n_downsamplings)
        self.generator_ab = init_weights(Generator(*shape))
        self.generator_ba = init_weights(Generator(*shape))
        self.discriminator_a = init_weights(
            PatchDiscriminator(config.discriminator_channels, config.discriminator_layers)
        )
        self.discriminator_b = init_weights(
            PatchDiscriminator(config.discriminator_channels, config.discriminator_layers)
        )

    def noisy(self, pictures: Tensor, deviation: float) -> Tensor:
        """The pictures with a little noise: what is hidden in tiny differences of colour does not survive it."""
        if deviation == 0:
            return pictures
        return pictures + deviation * torch.randn(
            pictures.shape, generator=self.random, device=pictures.device
        )

    def generator_losses(
        self, real_a: Tensor, real_b: Tensor, with_identity: bool = True
    ) -> tuple[dict[str, Tensor], Tensor, Tensor]:
        """What the generators want to make small, by name and already weighted; and the fakes (fake_a, fake_b)."""
        config = self.config
        losses = {}
        if with_identity and config.lambda_identity > 0:
            # Each generator translates one domain and leaves the other alone. One call does both: an instance norm
            # looks at one picture at a time, so neighbours in a batch do not matter.
            fake_b, same_b = self.generator_ab(torch.cat([real_a, real_b])).chunk(2)
            fake_a, same_a = self.generator_ba(torch.cat([real_b, real_a])).chunk(2)
            losses["identity"] = (
                config.lambda_cycle * config.lambda_identity * identity_loss(real_a, same_a, real_b, same_b)
            )
        else:
            fake_b, fake_a = self.generator_ab(real_a), self.generator_ba(real_b)
        cycled_a = self.generator_ba(self.noisy(fake_b, config.cycle_noise))
        cycled_b = self.generator_ab(self.noisy(fake_a, config.cycle_noise))
        losses["cycle"] = config.lambda_cycle * cycle_consistency_loss(real_a, cycled_a, real_b, cycled_b)
        scores_b = self.discriminator_b(self.noisy(fake_b, config.discriminator_noise))
        scores_a = self.discriminator_a(self.noisy(fake_a, config.discriminator_noise))
        losses["gan_ab"] = generator_loss(scores_b, config.gan_mode)
        losses["gan_ba"] = generator_loss(scores_a, config.gan_mode)
        return losses, fake_a, fake_b

    def discriminator_losses(
        self, real_a: Tensor, fake_a: Tensor, real_b: Tensor, fake_b: Tensor
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """What the discriminators want to make small, by name; and how often they are right, from 0 to 1.

        The fakes must be detached.
        """
        noise = self.config.discriminator_noise
        scores_a = self.discriminator_a(self.noisy(torch.cat([real_a, fake_a]), noise)).chunk(2)
        scores_b = self.discriminator_b(self.noisy(torch.cat([real_b, fake_b]), noise)).chunk(2)
        losses = {
            "discriminator_a": discriminator_loss(*scores_a, self.config.gan_mode),
            "discriminator_b": discriminator_loss(*scores_b, self.config.gan_mode),
        }
        middle = 0.5 if self.config.gan_mode == "lsgan" else 0.0  # between "fake" and "real"
        accuracies = {}
        for name, (real, fake) in (("a", scores_a), ("b", scores_b)):
            accuracies[f"accuracy_real_{name}"] = (real.detach() > middle).float().mean()
            accuracies[f"accuracy_fake_{name}"] = (fake.detach() < middle).float().mean()
        return losses, accuracies

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
        discriminators = [*self.discriminator_a.parameters(), *self.discriminator_b.parameters()]
        autocast = torch.autocast(real_a.device.type, torch.bfloat16, enabled=self.dtype == torch.bfloat16)

        # The generators' loss passes through the discriminators and leaves no gradient there.
        for p in discriminators:
            p.requires_grad_(False)
        with autocast:
            losses_g, fake_a, fake_b = self.generator_losses(real_a, real_b, with_identity)
        optimizer_g.zero_grad()
        sum(losses_g.values()).backward()
        optimizer_g.step()

        for p in discriminators:
            p.requires_grad_(True)
        fake_a, fake_b = pool_a.query(fake_a.detach()), pool_b.query(fake_b.detach())
        with autocast:
            losses_d, accuracies = self.discriminator_losses(real_a, fake_a, real_b, fake_b)
        optimizer_d.zero_grad()
        sum(losses_d.values()).backward()
        optimizer_d.step()
        return {name: loss.detach() for name, loss in (losses_g | losses_d | accuracies).items()}

    @torch.no_grad()
    def translate(self, image, to: str = "b"):
        """Translate one picture of any size, given as a path, PIL image, array or tensor; the same kind comes back.

        A path gives a PIL image. Sizes that the network cannot halve twice are padded and cut back. Raises
        ParameterError for a direction other than "a" or "b", DataError for something that is no picture.
        """
        if to not in ("a", "b"):
            raise ParameterError(f'`to` must be "a" or "b", but it is {to!r}')
        generator = self.generator_ab if to == "b" else self.generator_ba
        batch, restore = as_batch(image)
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
