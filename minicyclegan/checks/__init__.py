"""One check an exercise (plumbing). `check_residual_block(ResidualBlock)` prints `Right: ...` or `Not yet: ...`.

A check tests behaviour, not spelling. tests/test_checks_NN.py holds wrong answers that each must refuse, and different right
answers that it must accept.
"""

from minicyclegan.checks.generator import check_residual_block

__all__ = ["check_residual_block"]
