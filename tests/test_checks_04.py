"""The checks of notebook 04 against wrong answers and different right ones."""

from mutants import Trial, solution, swap, trial_tests

from minicyclegan.checks import (
    check_five_mistakes,
    check_game_losses,
    check_gan_loss,
    check_loss_for_real,
    check_turns,
)

NOTEBOOK = "04_gan_loss"
GAN = solution(NOTEBOOK, "check_gan_loss")
LOSSES = solution(NOTEBOOK, "check_game_losses")
REAL = solution(NOTEBOOK, "check_loss_for_real")
TURNS = solution(NOTEBOOK, "check_turns")
SETUP = """
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from minicyclegan.gan_loss import discriminator_loss, gan_loss, generator_loss
"""
GUESS = ["error", "error", "error", "silent", "silent"]


def guess(*changed: int) -> str:
    other = {"error": "silent", "silent": "error"}
    return f"my_guess = {[other[word] if k in changed else word for k, word in enumerate(GUESS)]}\n"


def real(body: str) -> str:
    return f"def loss_for_real(judge, pictures):\n    return {body}\n"


TRIALS = [
    Trial(
        check_gan_loss,
        NOTEBOOK,
        right={
            "by hand": """
def gan_loss(scores, is_real, mode="lsgan"):
    if mode == "lsgan":
        return (scores - float(is_real)).square().mean()
    if mode == "bce":
        return F.softplus(-scores if is_real else scores).mean()
    raise ValueError(mode)
""",
            "with modules": """
CRITERIA = {"lsgan": nn.MSELoss(), "bce": nn.BCEWithLogitsLoss()}


def gan_loss(scores, is_real, mode="lsgan"):
    if mode not in CRITERIA:
        raise ValueError("unknown mode")
    return CRITERIA[mode](scores, torch.ones_like(scores) if is_real else torch.zeros_like(scores))
""",
        },
        wrong={
            "targets swapped": (
                swap(GAN, "1.0 if is_real else 0.0", "0.0 if is_real else 1.0"),
                "Which number means real",
            ),
            "always real": (swap(GAN, "1.0 if is_real else 0.0", "1.0"), "Which number means real"),
            "averaged before squaring": (
                swap(GAN, "F.mse_loss(scores, target)", "(scores.mean() - target.mean()) ** 2"),
                "average the map before squaring",
            ),
            "sum": (
                swap(GAN, "F.mse_loss(scores, target)", "F.mse_loss(scores, target, reduction='sum')"),
                "take the mean",
            ),
            "absolute": (
                swap(GAN, "F.mse_loss(scores, target)", "F.l1_loss(scores, target)"),
                "they should be squared",
            ),
            "sigmoid and log apart": (
                swap(
                    GAN,
                    "F.binary_cross_entropy_with_logits(scores, target)",
                    "F.binary_cross_entropy(scores.sigmoid(), target)",
                ),
                "in one step",
            ),
            "sigmoid twice": (
                swap(GAN, "with_logits(scores, target)", "with_logits(scores.sigmoid(), target)"),
                "applied twice",
            ),
            "halved": (
                swap(GAN, "F.mse_loss(scores, target)", "F.mse_loss(scores, target) / 2"),
                "no half here",
            ),
            "any mode": (
                swap(GAN, "    raise ValueError", "    return scores.mean()\n    raise ValueError"),
                "should raise ValueError",
            ),
            "item": (
                swap(GAN, "F.mse_loss(scores, target)", "F.mse_loss(scores, target).item()"),
                "no `.item()`",
            ),
        },
    ),
    Trial(
        check_game_losses,
        NOTEBOOK,
        setup=SETUP,
        right={
            "by hand": """
def discriminator_loss(real_scores, fake_scores, mode="lsgan"):
    return sum(gan_loss(s, real, mode) for s, real in ((real_scores, True), (fake_scores, False))) / 2


def generator_loss(fake_scores, mode="lsgan"):
    return gan_loss(fake_scores, is_real=True, mode=mode)
""",
            "two halves": """
def discriminator_loss(real_scores, fake_scores, mode="lsgan"):
    return gan_loss(real_scores, True, mode).mul(0.5) + gan_loss(fake_scores, False, mode).mul(0.5)


def generator_loss(fake_scores, mode="lsgan"):
    loss = gan_loss(fake_scores, True, mode)
    return loss
""",
        },
        wrong={
            "half forgotten": (swap(LOSSES, "0.5 * ", ""), "the paper halves it"),
            "swapped": (
                swap(
                    LOSSES,
                    "real_scores, True",
                    "real_scores, False",
                    "fake_scores, False",
                    "fake_scores, True",
                ),
                "real and fake are swapped",
            ),
            "no fakes": (
                swap(
                    LOSSES,
                    "(gan_loss(real_scores, True, mode) + gan_loss(fake_scores, False, mode))",
                    "gan_loss(real_scores, True, mode)",
                ),
                "never looks at the fakes",
            ),
            "same aim": (
                swap(
                    LOSSES,
                    "return gan_loss(fake_scores, True, mode)",
                    "return gan_loss(fake_scores, False, mode)",
                ),
                "whom would it then play against",
            ),
            "generator halved": (
                swap(
                    LOSSES,
                    "return gan_loss(fake_scores, True, mode)",
                    "return 0.5 * gan_loss(fake_scores, True, mode)",
                ),
                "only the discriminator is slowed",
            ),
            "minus": (
                swap(
                    LOSSES,
                    "return gan_loss(fake_scores, True, mode)",
                    "return -gan_loss(fake_scores, False, mode)",
                ),
                "ask for 1 instead",
            ),
            "mode forgotten": (
                swap(
                    LOSSES, "return gan_loss(fake_scores, True, mode)", "return gan_loss(fake_scores, True)"
                ),
                "pass its mode on",
            ),
            "one part subtracted": (
                swap(LOSSES, "True, mode) + gan_loss", "True, mode) - gan_loss"),
                "one part is subtracted",
            ),
        },
    ),
    Trial(
        check_loss_for_real,
        NOTEBOOK,
        right={
            "mse_loss": real("F.mse_loss(judge(pictures), torch.ones_like(judge(pictures)))"),
            "in two steps": "def loss_for_real(judge, pictures):\n    away = 1 - judge(pictures)\n    return (away * away).mean()\n",
        },
        wrong={
            "the trap": (real("(judge(pictures).mean((1, 2, 3)) - 1).square().mean()"), "its places cancel"),
            "all at once": (real("(judge(pictures).mean() - 1) ** 2"), "even pictures cancel"),
            "rows": (real("(judge(pictures).mean(3) - 1).square().mean()"), "the rows of each map"),
            "target 0": (real("judge(pictures).square().mean()"), "these pictures are real"),
            "sum": (real("(judge(pictures) - 1).square().sum()"), "that is a sum"),
            "absolute": (real("(judge(pictures) - 1).abs().mean()"), "not squared"),
            "detached": (
                real("(judge(pictures).detach() - 1).square().mean()"),
                "no way back to the discriminator",
            ),
        },
    ),
    Trial(
        check_turns,
        NOTEBOOK,
        setup=SETUP,
        right={
            "other order": """
def judge_turn(judge, optimizer_d, real, fake, mode):
    loss = discriminator_loss(judge(real), judge(fake.detach()), mode)
    optimizer_d.zero_grad()
    loss.backward()
    optimizer_d.step()


def generator_turn(judge, optimizer_g, fake, mode):
    loss = generator_loss(judge(fake), mode)
    optimizer_g.zero_grad()
    loss.backward()
    optimizer_g.step()
""",
            "one batch for both": """
def judge_turn(judge, optimizer_d, real, fake, mode):
    optimizer_d.zero_grad(set_to_none=False)
    real_scores, fake_scores = judge(torch.cat([real, fake.detach()])).split([len(real), len(fake)])
    discriminator_loss(real_scores, fake_scores, mode).backward()
    optimizer_d.step()


def generator_turn(judge, optimizer_g, fake, mode):
    optimizer_g.zero_grad()
    scores = judge(fake)
    generator_loss(scores, mode).backward()
    optimizer_g.step()
""",
        },
        wrong={
            "detach forgotten": (swap(TURNS, "fake.detach()", "fake"), "leaves gradients in the generator"),
            "score detached": (
                swap(TURNS, "judge(fake.detach())", "judge(fake).detach()"),
                "learns nothing from the fakes",
            ),
            "detached in the generator's turn": (
                swap(
                    TURNS, "generator_loss(judge(fake), mode)", "generator_loss(judge(fake.detach()), mode)"
                ),
                "the generator does not move",
            ),
            "not cleared": (swap(TURNS, "    optimizer_d.zero_grad()\n", ""), "when are they cleared"),
            "generator not cleared": (
                swap(TURNS, "    optimizer_g.zero_grad()\n", ""),
                "when are they cleared",
            ),
            "no step": (swap(TURNS, "    optimizer_d.step()\n", ""), "who makes the step"),
            "swapped": (
                swap(
                    TURNS,
                    "discriminator_loss(judge(real), judge(fake.detach()), mode)",
                    "discriminator_loss(judge(fake.detach()), judge(real), mode)",
                ),
                "real and fake are swapped",
            ),
            "wrong loss": (
                swap(TURNS, "generator_loss(judge(fake), mode)", "gan_loss(judge(fake), False, mode)"),
                "What does it want",
            ),
            "mode forgotten": (
                swap(TURNS, "generator_loss(judge(fake), mode)", "generator_loss(judge(fake))"),
                "pass its mode on",
            ),
        },
    ),
    Trial(
        check_five_mistakes,
        NOTEBOOK,
        right={
            "a tuple": f"my_guess = {tuple(GUESS)}\n",
            "capital letters": f"my_guess = {[word.title() for word in GUESS]}\n",
        },
        wrong={
            "number 1": (guess(0), "Does True have one"),
            "number 2": (guess(1), "a probability"),
            "number 3": (guess(2), "uses that graph up"),
            "number 4": (guess(3), "each line of it is a sound loss"),
            "number 5": (guess(4), "as easy to make small"),
            "all the other way round": (guess(*range(5)), "the other way round"),
            "three words": ("my_guess = ['error'] * 3\n", "a list of five words"),
            "other words": ("my_guess = ['crash'] * 5\n", "is not an answer"),
        },
    ),
]

test_right, test_wrong, test_enough = trial_tests(TRIALS)
