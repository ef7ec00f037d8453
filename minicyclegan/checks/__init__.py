"""One check for each exercise. `check_residual_block(ResidualBlock)` prints `Right: ...` or `Not yet: ...`.

A check tests behaviour, not spelling. tests/test_checks_NN.py holds wrong answers that each check must refuse, and different
right answers that it must accept.
"""

from minicyclegan.checks.ablations import check_lambda_order, check_noise
from minicyclegan.checks.article import check_article_cycle, check_article_translations
from minicyclegan.checks.article_bce import check_article_bce
from minicyclegan.checks.article_judges import check_article_discriminators
from minicyclegan.checks.article_training import check_article_step
from minicyclegan.checks.average import check_update_average
from minicyclegan.checks.bootstrap import check_bootstrap
from minicyclegan.checks.comparisons import check_fair_comparison, check_runs_needed
from minicyclegan.checks.cycle_loss import check_both_sides, check_cycle_consistency_loss, check_identity
from minicyclegan.checks.data import check_random_crop_flip, check_range
from minicyclegan.checks.dead_biases import check_dead_biases
from minicyclegan.checks.discriminator import check_patch_discriminator
from minicyclegan.checks.draws import check_fresh_crops, check_unpaired_draw
from minicyclegan.checks.evaluation import check_mean_error, check_psnr
from minicyclegan.checks.frame import strict
from minicyclegan.checks.fraud import check_hidden
from minicyclegan.checks.gan_loss import check_game_losses, check_gan_loss
from minicyclegan.checks.gan_mistakes import check_five_mistakes, check_loss_for_real
from minicyclegan.checks.gan_turns import check_turns
from minicyclegan.checks.generator import check_init_weights, check_residual_block
from minicyclegan.checks.image_pool import check_image_pool
from minicyclegan.checks.length import check_training_length
from minicyclegan.checks.objective import check_generators_objective
from minicyclegan.checks.one_sided import check_one_sided
from minicyclegan.checks.other_pair import check_other_pair
from minicyclegan.checks.patch_nce import check_patch_head, check_patch_nce_loss, check_two_ends
from minicyclegan.checks.receptive_field import (
    check_discriminator_of_70,
    check_one_pixel,
    check_receptive_field,
)
from minicyclegan.checks.resume import check_resume
from minicyclegan.checks.sizes import check_sizes
from minicyclegan.checks.training import check_learning_rate_factor
from minicyclegan.checks.training_step import check_training_step
from minicyclegan.checks.verdict import check_verdict

check_judge_of_70 = check_discriminator_of_70  # its name in student copies that were handed out earlier

__all__ = [
    "strict",
    "check_init_weights",
    "check_sizes",
    "check_fresh_crops",
    "check_random_crop_flip",
    "check_range",
    "check_unpaired_draw",
    "check_generators_objective",
    "check_image_pool",
    "check_training_step",
    "check_both_sides",
    "check_cycle_consistency_loss",
    "check_identity",
    "check_other_pair",
    "check_article_bce",
    "check_article_cycle",
    "check_article_discriminators",
    "check_article_step",
    "check_article_translations",
    "check_fair_comparison",
    "check_lambda_order",
    "check_noise",
    "check_runs_needed",
    "check_verdict",
    "check_one_sided",
    "check_patch_head",
    "check_patch_nce_loss",
    "check_two_ends",
    "check_residual_block",
    "check_bootstrap",
    "check_hidden",
    "check_mean_error",
    "check_psnr",
    "check_learning_rate_factor",
    "check_resume",
    "check_training_length",
    "check_update_average",
    "check_dead_biases",
    "check_discriminator_of_70",
    "check_judge_of_70",
    "check_one_pixel",
    "check_patch_discriminator",
    "check_receptive_field",
    "check_five_mistakes",
    "check_game_losses",
    "check_gan_loss",
    "check_loss_for_real",
    "check_turns",
]
