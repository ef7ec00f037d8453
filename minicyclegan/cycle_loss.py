"""The way back (Zhu et al. 2017, sections 3.2 and 5.2), built in notebook 05_cycle_consistency."""

import torch.nn.functional as F
from torch import Tensor


def reconstruction_loss(real: Tensor, returned: Tensor) -> Tensor:
    """Mean absolute difference between pictures and what came back in their place; both (N, 3, H, W) in [-1, 1]; a scalar.

    One direction of the cycle: with F(G(a)) for a it is one half of equation 2, with F(a) one half of the identity loss.
    """
    return F.l1_loss(returned, real)


def cycle_consistency_loss(real_a: Tensor, cycled_a: Tensor, real_b: Tensor, cycled_b: Tensor) -> Tensor:
    """Both directions of the cycle: |F(G(a)) - a| + |G(F(b)) - b| (equation 2).

    All four are (N, 3, H, W) in [-1, 1]; returns a scalar. Both terms reach both generators.
    """
    return reconstruction_loss(real_a, cycled_a) + reconstruction_loss(real_b, cycled_b)


def identity_loss(real_a: Tensor, same_a: Tensor, real_b: Tensor, same_b: Tensor) -> Tensor:
    """A generator given a picture of its own target domain should leave it alone (section 5.2).

    same_a is F(a), the generator *into* A applied to a real A; same_b is G(b). All four are (N, 3, H, W) in [-1, 1].
    """
    return reconstruction_loss(real_a, same_a) + reconstruction_loss(real_b, same_b)
