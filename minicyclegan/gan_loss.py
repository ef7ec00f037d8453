"""The adversarial game (Zhu et al. 2017, sections 3.1, 4 and 7.1), built in notebook 04_gan_loss."""

import torch
import torch.nn.functional as F
from torch import Tensor


def gan_loss(scores: Tensor, is_real: bool, mode: str = "lsgan") -> Tensor:
    """How far a map of raw scores, any shape, is from saying "real" (1) or "fake" (0) everywhere; a scalar.

    `lsgan` is the mean squared distance (the paper's choice, section 4); `bce` is the cross-entropy of the
    original GAN (the source article's choice), computed from logits. Raises ValueError for any other mode.
    """
    target = torch.full_like(scores, 1.0 if is_real else 0.0)
    if mode == "lsgan":
        return F.mse_loss(scores, target)
    if mode == "bce":
        return F.binary_cross_entropy_with_logits(scores, target)
    raise ValueError(f"gan_mode is {mode!r}; use 'lsgan' (the paper's) or 'bce'")


def discriminator_loss(real_scores: Tensor, fake_scores: Tensor, mode: str = "lsgan") -> Tensor:
    """The discriminator's aim: real scores to 1, fake scores to 0; halved as in the paper (section 7.1).

    The half keeps both players' losses at the same height when the fakes are perfect. It slows the discriminator down under
    plain gradient descent; under Adam, which divides a gradient by its own size, a constant factor changes nothing.
    """
    return 0.5 * (gan_loss(real_scores, True, mode) + gan_loss(fake_scores, False, mode))


def generator_loss(fake_scores: Tensor, mode: str = "lsgan") -> Tensor:
    """The generator's aim, opposite to the discriminator's: fake scores to 1."""
    return gan_loss(fake_scores, True, mode)
