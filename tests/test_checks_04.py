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
    return f"def loss_for_real(discriminator, pictures):\n    return {body}\n"


TRIALS = [
    Trial(
        check_gan_loss,
        NOTEBOOK,
        right={
            "match": """
def gan_loss(scores, is_real, mode="lsgan"):
    match mode:
        case "lsgan":
            return torch.mean(torch.pow(scores - (1.0 if is_real else 0.0), 2))
        case "bce":
            return torch.mean(torch.logaddexp(torch.zeros_like(scores), -scores if is_real else scores))
    raise ValueError(f"no {mode}")
""",
            "einsum": """
def gan_loss(scores, is_real, mode="lsgan"):
    d = (scores - int(is_real)).reshape(-1)
    if mode == "lsgan":
        return torch.einsum("i,i->", d, d) / d.numel()
    if mode == "bce":
        return F.binary_cross_entropy_with_logits(input=scores, target=torch.zeros_like(scores) + is_real, reduction="mean")
    raise ValueError
""",
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
            "half a gradient": (
                swap(
                    GAN,
                    "F.mse_loss(scores, target)",
                    "((scores - target) * (scores.detach() - target)).mean()",
                ),
                "for lsgan the value is right, but its gradient for",
            ),
            "huber": (
                swap(GAN, "F.mse_loss(scores, target)", "2 * F.huber_loss(scores, target, delta=10.0)"),
                "also a large one",
            ),
            "detached": (
                swap(
                    GAN, "target = torch.full_like", "scores = scores.detach()\n    target = torch.full_like"
                ),
                "your loss has no way back to the scores",
            ),
            "bce for any other mode": (
                swap(GAN, '    if mode == "bce":\n', '    if mode != "wasserstein":\n'),
                "for the mode 'hinge' your function should raise",
            ),
            "a mode that is contained": (
                swap(GAN, 'if mode == "lsgan"', 'if mode in "lsgan"'),
                "for the mode 'gan' your function should raise",
            ),
            "cross-entropy clamped": (
                swap(
                    GAN,
                    "F.binary_cross_entropy_with_logits(scores, target)",
                    "F.binary_cross_entropy_with_logits(scores.clamp(-200, 200), target)",
                ),
                "that should be real the slope of your cross-entropy",
            ),
            "writes into the scores": (
                swap(GAN, "F.mse_loss(scores, target)", "scores.sub_(target).square().mean()"),
                "your function writes into the tensor that it was",
            ),
            "AssertionError": (
                swap(
                    GAN,
                    "    raise ValueError(f\"gan_mode is {mode!r}; use 'lsgan' (the paper's) or 'bce'\")",
                    "    assert False",
                ),
                "for the mode 'wasserstein' it stops with",
            ),
            "bce without mode": (
                swap(GAN, 'mode: str = "lsgan"', 'mode: str = "bce"'),
                "that should be real the squared distance is",
            ),
            "mean over batch of sums": (
                swap(
                    GAN,
                    "F.mse_loss(scores, target)",
                    "(scores - target).square().flatten(1).sum(1).mean() if scores.dim() > 1 else F.mse_loss(scores, target)",
                ),
                "that is the sum over each map; take the mean over",
            ),
            "soft labels": (
                swap(GAN, "1.0 if is_real", "0.9 if is_real"),
                "Compare each score with its target, then take the",
            ),
            "root": (
                swap(GAN, "F.mse_loss(scores, target)", "F.mse_loss(scores, target).sqrt()"),
                "for lsgan and real you get",
            ),
            "no gradient for bce": (
                swap(
                    GAN, "return F.binary_cross", "with torch.no_grad():\n            return F.binary_cross"
                ),
                "your loss has no way back to the scores",
            ),
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
            "stack mean": swap(
                LOSSES,
                "0.5 * (gan_loss(real_scores, True, mode) + gan_loss(fake_scores, False, mode))",
                "torch.stack([gan_loss(real_scores, True, mode=mode), gan_loss(fake_scores, is_real=False, mode=mode)]).mean()",
            ),
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
            "fake detached": (
                swap(
                    LOSSES,
                    "gan_loss(fake_scores, False, mode)",
                    "gan_loss(fake_scores.detach(), False, mode)",
                ),
                "detach belongs to the picture, before the",
            ),
            "real detached": (
                swap(
                    LOSSES, "gan_loss(real_scores, True, mode)", "gan_loss(real_scores.detach(), True, mode)"
                ),
                "your discriminator's loss does not reach the real",
            ),
            "generator detached": (
                swap(
                    LOSSES,
                    "return gan_loss(fake_scores, True, mode)",
                    "return gan_loss(fake_scores.detach(), True, mode)",
                ),
                "your generator's loss does not reach the fake",
            ),
            "half of the fakes detached": (
                swap(
                    LOSSES,
                    "gan_loss(fake_scores, False, mode)",
                    "(gan_loss(fake_scores, False, mode) + gan_loss(fake_scores.detach(), False, mode)) / 2",
                ),
                "discriminator_loss has the right value and a wrong",
            ),
            "default bce": (
                swap(
                    LOSSES,
                    'fake_scores: Tensor, mode: str = "lsgan") -> Tensor:\n    """The generator',
                    'fake_scores: Tensor, mode: str = "bce") -> Tensor:\n    """The generator',
                ),
                "without a mode generator_loss should take least",
            ),
            "one batch": (
                swap(
                    LOSSES,
                    "0.5 * (gan_loss(real_scores, True, mode) + gan_loss(fake_scores, False, mode))",
                    "(gan_loss(real_scores, True, mode) * real_scores.numel() + gan_loss(fake_scores, False, mode) * fake_scores.numel()) / (real_scores.numel() + fake_scores.numel())",
                ),
                "real and fake should weigh the same, even if one",
            ),
            "lsgan for the discriminator": (
                swap(LOSSES, "gan_loss(fake_scores, False, mode))", "gan_loss(fake_scores, False))"),
                "discriminator_loss does not pass its mode on to",
            ),
            "larger of the two": (
                swap(
                    LOSSES,
                    "0.5 * (gan_loss(real_scores, True, mode) + gan_loss(fake_scores, False, mode))",
                    "torch.maximum(gan_loss(real_scores, True, mode), gan_loss(fake_scores, False, mode))",
                ),
                "half of the sum of two distances",
            ),
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
                "only the discriminator's loss is",
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
            "norm": """def loss_for_real(discriminator, pictures):
    s = discriminator(pictures) - 1
    return s.norm() ** 2 / s.numel()
""",
            "gan_loss": """from minicyclegan.gan_loss import gan_loss
def loss_for_real(discriminator, pictures):
    return gan_loss(discriminator(pictures), is_real=True)
""",
            "mse_loss": real("F.mse_loss(discriminator(pictures), torch.ones_like(discriminator(pictures)))"),
            "in two steps": "def loss_for_real(discriminator, pictures):\n    away = 1 - discriminator(pictures)\n    return (away * away).mean()\n",
        },
        wrong={
            "half a gradient": (
                """def loss_for_real(discriminator, pictures):
    s = discriminator(pictures)
    return ((s - 1) * (s.detach() - 1)).mean()
""",
                "the value is right, but its gradient for the",
            ),
            "leaves eval": (
                "def loss_for_real(discriminator, pictures):\n    return (discriminator.eval()(pictures) - 1).square().mean()\n",
                "in another mode",
            ),
            "frozen": (
                """def loss_for_real(discriminator, pictures):
    discriminator.requires_grad_(False)
    return (discriminator(pictures) - 1).square().mean()
""",
                "requires_grad_",
            ),
            "no grad": (
                """def loss_for_real(discriminator, pictures):
    with torch.no_grad():
        s = discriminator(pictures)
    return (s - 1).square().mean()
""",
                "your loss has no way back to the discriminator",
            ),
            "huber": (
                """def loss_for_real(discriminator, pictures):
    s = discriminator(pictures)
    return 2 * F.huber_loss(s, torch.ones_like(s), delta=30.0)
""",
                "Square the distance at each place, then average",
            ),
            "the first picture only": (
                "def loss_for_real(discriminator, pictures):\n    return (discriminator(pictures)[0] - 1).square().mean()\n",
                "Square the distance at each place, then average",
            ),
            "pictures changed": (
                "def loss_for_real(discriminator, pictures):\n    return (discriminator(pictures.clamp_(-1, 1)) - 1).square().mean()\n",
                "loss_for_real writes into what it was given",
            ),
            "median": (
                "def loss_for_real(discriminator, pictures):\n    return (discriminator(pictures) - 1).square().median()\n",
                "Square the distance at each place, then average",
            ),
            "picture weights": (
                "def loss_for_real(discriminator, pictures):\n    return (discriminator(pictures) - 1).square().sum((1, 2, 3)).mean()\n",
                "Square the distance at each place, then average",
            ),
            "the trap": (
                real("(discriminator(pictures).mean((1, 2, 3)) - 1).square().mean()"),
                "its places cancel",
            ),
            "all at once": (real("(discriminator(pictures).mean() - 1) ** 2"), "even pictures cancel"),
            "rows": (real("(discriminator(pictures).mean(3) - 1).square().mean()"), "the rows of each map"),
            "target 0": (real("discriminator(pictures).square().mean()"), "these pictures are real"),
            "sum": (real("(discriminator(pictures) - 1).square().sum()"), "that is a sum"),
            "absolute": (real("(discriminator(pictures) - 1).abs().mean()"), "not squared"),
            "detached": (
                real("(discriminator(pictures).detach() - 1).square().mean()"),
                "no way back to the discriminator",
            ),
        },
    ),
    Trial(
        check_turns,
        NOTEBOOK,
        setup=SETUP,
        right={
            "freeze and thaw": """
def discriminator_turn(discriminator, optimizer_d, real, fake, mode):
    discriminator.requires_grad_(True)
    for p in discriminator.parameters():
        p.grad = None
    discriminator_loss(fake_scores=discriminator(fake.data), real_scores=discriminator(real), mode=mode).backward()
    optimizer_d.step()


def generator_turn(discriminator, optimizer_g, fake, mode):
    discriminator.requires_grad_(False)
    optimizer_g.zero_grad(set_to_none=True)
    generator_loss(discriminator(fake), mode=mode).backward()
    optimizer_g.step()
""",
            "closures": """
def discriminator_turn(discriminator, optimizer_d, real, fake, mode):
    shown = fake.detach().clone()
    def closure():
        optimizer_d.zero_grad()
        loss = discriminator_loss(discriminator(real), discriminator(shown), mode)
        loss.backward()
        return loss
    optimizer_d.step(closure)


def generator_turn(discriminator, optimizer_g, fake, mode):
    optimizer_g.zero_grad()
    torch.autograd.backward(generator_loss(discriminator(fake), mode))
    optimizer_g.step()
""",
            "other order": """
def discriminator_turn(discriminator, optimizer_d, real, fake, mode):
    loss = discriminator_loss(discriminator(real), discriminator(fake.detach()), mode)
    optimizer_d.zero_grad()
    loss.backward()
    optimizer_d.step()


def generator_turn(discriminator, optimizer_g, fake, mode):
    loss = generator_loss(discriminator(fake), mode)
    optimizer_g.zero_grad()
    loss.backward()
    optimizer_g.step()
""",
            "one batch for both": """
def discriminator_turn(discriminator, optimizer_d, real, fake, mode):
    optimizer_d.zero_grad(set_to_none=False)
    real_scores, fake_scores = discriminator(torch.cat([real, fake.detach()])).split([len(real), len(fake)])
    discriminator_loss(real_scores, fake_scores, mode).backward()
    optimizer_d.step()


def generator_turn(discriminator, optimizer_g, fake, mode):
    optimizer_g.zero_grad()
    scores = discriminator(fake)
    generator_loss(scores, mode).backward()
    optimizer_g.step()
""",
        },
        wrong={
            "two steps": (
                swap(TURNS, "    optimizer_d.step()\n", "    optimizer_d.step()\n    optimizer_d.step()\n"),
                "discriminator_turn makes 2 steps",
            ),
            "two steps of the generator": (
                swap(TURNS, "    optimizer_g.step()\n", "    optimizer_g.step()\n    optimizer_g.step()\n"),
                "generator_turn makes 2 steps",
            ),
            "never thawed": (
                swap(
                    TURNS,
                    "    optimizer_g.zero_grad()\n",
                    "    optimizer_g.zero_grad()\n    discriminator.requires_grad_(False)\n",
                ),
                "and never thawed them",
            ),
            "leaves eval": (
                swap(
                    TURNS,
                    "    optimizer_g.zero_grad()\n",
                    "    optimizer_g.zero_grad()\n    discriminator.eval()\n",
                ),
                "after a turn a network is in another mode",
            ),
            "cleared after": (
                swap(
                    TURNS,
                    "    optimizer_d.zero_grad()\n",
                    "",
                    "    optimizer_d.step()\n",
                    "    optimizer_d.step()\n    optimizer_d.zero_grad()\n",
                ),
                "gradients of an earlier turn are added in",
            ),
            "half forgotten": (
                swap(
                    TURNS,
                    "discriminator_loss(discriminator(real), discriminator(fake.detach()), mode)",
                    "(2 * discriminator_loss(discriminator(real), discriminator(fake.detach()), mode))",
                ),
                "the discriminator's step is twice as large as it",
            ),
            "cleared only once": (
                swap(
                    TURNS,
                    "    optimizer_d.zero_grad()\n",
                    """    if not getattr(discriminator_turn, "cleared", False):
        optimizer_d.zero_grad()
    discriminator_turn.cleared = True
""",
                ),
                "discriminator_turn does not follow its own loss alone",
            ),
            "detach in place": (
                swap(TURNS, "fake.detach()", "fake.detach_()"),
                "the generator still has to learn from it",
            ),
            "the generator cleared by the discriminator": (
                swap(
                    TURNS,
                    "    optimizer_d.step()\n",
                    "    optimizer_d.step()\n    fake.sum().backward(retain_graph=True)\n",
                ),
                "where should the way back from the fake be cut",
            ),
            "discriminator moves too": (
                swap(
                    TURNS,
                    "    optimizer_g.step()\n",
                    """    optimizer_g.step()
    for p in discriminator.parameters():
        p.data -= 0.1 * p.grad
""",
                ),
                "whose optimiser makes the step, and whose weights",
            ),
            "real detached?": (
                swap(TURNS, "discriminator(real)", "discriminator(real).detach()"),
                "the discriminator learns nothing from the real",
            ),
            "discriminator frozen in its turn": (
                swap(
                    TURNS,
                    "    optimizer_d.zero_grad()\n",
                    "    optimizer_d.zero_grad()\n    discriminator[0].requires_grad_(False)\n",
                ),
                "the discriminator moves, but not down",
            ),
            "detach forgotten": (swap(TURNS, "fake.detach()", "fake"), "leaves gradients in the generator"),
            "score detached": (
                swap(TURNS, "discriminator(fake.detach())", "discriminator(fake).detach()"),
                "learns nothing from the fakes",
            ),
            "detached in the generator's turn": (
                swap(
                    TURNS,
                    "generator_loss(discriminator(fake), mode)",
                    "generator_loss(discriminator(fake.detach()), mode)",
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
                    "discriminator_loss(discriminator(real), discriminator(fake.detach()), mode)",
                    "discriminator_loss(discriminator(fake.detach()), discriminator(real), mode)",
                ),
                "real and fake are swapped",
            ),
            "wrong loss": (
                swap(
                    TURNS,
                    "generator_loss(discriminator(fake), mode)",
                    "gan_loss(discriminator(fake), False, mode)",
                ),
                "What does it want",
            ),
            "mode forgotten": (
                swap(
                    TURNS, "generator_loss(discriminator(fake), mode)", "generator_loss(discriminator(fake))"
                ),
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
            "six words": (
                "my_guess = ['error'] * 3 + ['silent'] * 3",
                "my_guess should be a list of five words, each",
            ),
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
