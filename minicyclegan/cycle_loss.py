"""The way back (Zhu et al. 2017, section 3.2 and 5.2), built in notebook 05_cycle_consistency."""

import torch.nn.functional as F
from torch import Tensor


def cycle_consistency_loss(real_a: Tensor, cycled_a: Tensor, real_b: Tensor, cycled_b: Tensor) -> Tensor:
    """Mean absolute difference after a full circle, both ways: |F(G(a)) - a| + |G(F(b)) - b| (equation 2).

    All four are (N, 3, H, W) in [-1, 1]; a scalar comes back. Both terms reach both generators.
    """
    return F.l1_loss(cycled_a, real_a) + F.l1_loss(cycled_b, real_b)


def identity_loss(real_a: Tensor, same_a: Tensor, real_b: Tensor, same_b: Tensor) -> Tensor:
    """A generator given a picture of its own target domain should leave it alone (section 5.2).

    same_a is F(a), the generator *into* A applied to a real A; same_b is G(b). All four are (N, 3, H, W).
    """
    return F.l1_loss(same_a, real_a) + F.l1_loss(same_b, real_b)
