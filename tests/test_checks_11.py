"""The checks of notebook 11 against wrong answers, the article's first of all, and different right ones."""

from mutants import Trial, solution, swap, trial_tests

from minicyclegan.checks import (
    check_article_bce,
    check_article_cycle,
    check_article_discriminators,
    check_article_step,
    check_article_translations,
)

STEM = "11_the_article"
SETUP = """
import torch
from torch import Tensor, nn
from minicyclegan.cycle_loss import cycle_consistency_loss
from minicyclegan.gan_loss import discriminator_loss, gan_loss, generator_loss
"""
CYCLE, WAYS, JUDGES, STEP, BCE = (
    solution(STEM, check.__name__)
    for check in (
        check_article_cycle,
        check_article_translations,
        check_article_discriminators,
        check_article_step,
        check_article_bce,
    )
)
OUT_X, OUT_Y = "(F(G(x)) - x).abs().mean()", "(G(F(y)) - y).abs().mean()"
CLEAR_D = "    optimizerD.zero_grad()  # G's turn has left gradients in D\n"
G_TURN = "    optimizerG.zero_grad()\n    generator_loss(D(fake_B)).backward()\n    optimizerG.step()\n"
D_TURN = CLEAR_D + "    discriminator_loss(D(real_B), D(fake_B.detach())).backward()\n    optimizerD.step()\n"
WITH_LOGITS = "nn.functional.binary_cross_entropy_with_logits(scores, target)"

TRIALS = [
    Trial(
        check_article_cycle,
        STEM,
        SETUP,
        right={
            "norm": "def cycle_loss(G, F, x, y):\n    return sum(torch.linalg.vector_norm(b(a(z)) - z, ord=1) / z.numel() for a, b, z in ((G, F, x), (F, G, y)))\n",
            "with L1Loss": """
def cycle_loss(G, F, x, y):
    there, here = G(x), F(y)
    return nn.L1Loss()(F(there), x) + nn.L1Loss()(G(here), y)
""",
            "the library's": "def cycle_loss(G, F, x, y):\n    return cycle_consistency_loss(x, F(G(x)), y, G(F(y)))",
            "one mean over both": "def cycle_loss(G, F, x, y):\n    return 2 * torch.cat([x - F(G(x)), y - G(F(y))]).abs().mean()",
        },
        wrong={
            "F.l1_loss": (
                "def cycle_loss(G, F, x, y):\n    return F.l1_loss(F(G(x)), x) + F.l1_loss(G(F(y)), y)\n",
                "in this exercise F is a generator, not",
            ),
            "half a gradient": (
                swap(CYCLE, "(G(F(y)) - y)", "(G(F(y).detach()) - y)"),
                "both networks learn from both ways, so nothing is",
            ),
            "identity": (
                "def cycle_loss(G, F, x, y):\n    return (G(y) - y).abs().mean() + (F(x) - x).abs().mean()\n",
                "each picture goes through one network only, and",
            ),
            "sums of a picture": (
                swap(CYCLE, ".mean()", ".sum((1, 2, 3)).mean()"),
                "it grows with the size of the picture",
            ),
            "F both ways": (
                "def cycle_loss(G, F, x, y):\n    return (F(F(x)) - x).abs().mean() + (F(F(y)) - y).abs().mean()\n",
                "Which network leads from A to B",
            ),
            "x begins with F": (
                "def cycle_loss(G, F, x, y):\n    return (G(F(x)) - x).abs().mean() + (G(F(y)) - y).abs().mean()\n",
                "the path of x begins with F in your loss; x is in",
            ),
            "frozen": (
                swap(CYCLE, "    return", "    F.requires_grad_(False)\n    return"),
                "requires_grad_",
            ),
            "root": (
                swap(CYCLE, ".abs().mean()", ".square().mean().sqrt()"),
                "you took the root of the mean square; the paper",
            ),
            "only from x": (swap(CYCLE, " + " + OUT_Y, ""), "whether y comes back"),
            "only from y": (swap(CYCLE, OUT_X + " + ", ""), "whether x comes back"),
            "averaged": (swap(CYCLE, OUT_X + " + " + OUT_Y, f"({OUT_X} + {OUT_Y}) / 2"), "half as large"),
            "sums": (swap(CYCLE, ".mean()", ".sum()"), "mean, not sum"),
            "squares": (swap(CYCLE, ".abs()", ".square()"), "you square"),
            "no absolute value": (swap(CYCLE, ".abs()", ""), "with the sign"),
            "still against 1": (swap(CYCLE, "- x)", "- 1)", "- y)", "- 1)"), "a white picture"),
            "G both ways": (swap(CYCLE, "F(G(x))", "G(G(x))", "G(F(y))", "G(G(y))"), "F is never asked"),
            "against the other domain": (
                swap(CYCLE, "- x)", "- y)", "G(F(y)) - y", "G(F(y)) - x"),
                "x comes back to x",
            ),
            "y begins with G": (swap(CYCLE, "G(F(y))", "F(G(y))"), "which network takes it first"),
            "G and F swapped": (
                swap(CYCLE, "F(G(x))", "G(F(x))", "G(F(y))", "F(G(y))"),
                "have changed places",
            ),
            "no way back": (swap(CYCLE, "F(G(x))", "G(x)", "G(F(y))", "F(y)"), "take G(x) home"),
            "detached": (swap(CYCLE, "F(G(x))", "F(G(x).detach())"), "nothing is detached here"),
            "no gradient at all": (
                swap(CYCLE, OUT_Y, OUT_Y + ".item()", OUT_X, OUT_X + ".item()"),
                "gives float",
            ),
            "a mean too few": (swap(CYCLE, ".mean()", ""), "a loss is one number"),
            "a stub": (swap(CYCLE, f"return {OUT_X} + {OUT_Y}", "raise NotImplementedError()"), "in it yet"),
        },
    ),
    Trial(
        check_article_translations,
        STEM,
        SETUP,
        right={
            "a generator of four": """def translations(G, F, real_A, real_B):
    out = [G(real_A), F(real_B)]
    out += [F(out[0]), G(out[1])]
    return tuple(out)
""",
            "four names, one line each": """
def translations(G, F, real_A, real_B):
    fake_A = F(real_B)
    fake_B = G(real_A)
    cycled_B = G(fake_A)
    cycled_A = F(fake_B)
    return [fake_B, fake_A, cycled_A, cycled_B]
""",
            "written in each other": "def translations(G, F, real_A, real_B):\n    return G(real_A), F(real_B), F(G(real_A)), G(F(real_B))",
        },
        wrong={
            "fake_B detached": (
                swap(WAYS, "F(fake_B)", "F(fake_B.detach())"),
                "your cycled_A is the right picture, but the way",
            ),
            "no gradient": (
                swap(
                    WAYS,
                    "    fake_B, fake_A = G(real_A), F(real_B)\n",
                    "    with torch.no_grad():\n        fake_B, fake_A = G(real_A), F(real_B)\n",
                ),
                "your fake_B is the right picture, but the way back",
            ),
            "cycled detached": (
                swap(WAYS, "return fake_B, fake_A, cycled_A", "return fake_B, fake_A, cycled_A.detach()"),
                "your cycled_A is the right picture, but the way",
            ),
            "all detached": (
                swap(
                    WAYS,
                    "return fake_B, fake_A, cycled_A, cycled_B",
                    "return tuple(p.detach() for p in (fake_B, fake_A, cycled_A, cycled_B))",
                ),
                "your fake_B is the right picture, but the way back",
            ),
            "real changed": (
                swap(WAYS, "    fake_B, fake_A = ", "    real_A.mul_(2)\n    fake_B, fake_A = "),
                "translations writes into what it was given",
            ),
            "the article's": (swap(WAYS, "F(", "G("), "your fake_A is G(real_B)"),
            "only the fake repaired": (swap(WAYS, "F(fake_B)", "G(fake_B)"), "your cycled_A is G(G(real_A))"),
            "home with F both times": (swap(WAYS, "G(fake_A)", "F(fake_A)"), "your cycled_B is F(F(real_B))"),
            "the networks swapped": (
                swap(WAYS, "G(real_A), F(real_B)", "F(real_A), G(real_B)"),
                "your fake_B is F(real_A)",
            ),
            "the ends swapped": (
                swap(WAYS, "F(fake_B), G(fake_A)", "F(fake_A), G(fake_B)"),
                "come home to A",
            ),
            "fakes in the other order": (
                swap(WAYS, "return fake_B, fake_A", "return fake_A, fake_B"),
                "not in the order",
            ),
            "the fakes of the wrong pictures": (
                swap(WAYS, "G(real_A), F(real_B)", "G(real_B), F(real_A)"),
                "your fake_B is G(real_B)",
            ),
            "not home": (
                swap(
                    WAYS, "return fake_B, fake_A, cycled_A, cycled_B", "return fake_B, fake_A, real_A, real_B"
                ),
                "your cycled_A is real_A",
            ),
            "only two": (swap(WAYS, ", cycled_A, cycled_B\n", "\n"), "four pictures"),
            "return forgotten": (swap(WAYS, "    return fake_B", "    fake_B"), "`return`"),
            "a stub": (
                "def translations(G, F, real_A, real_B):\n    raise NotImplementedError()",
                "in it yet",
            ),
        },
    ),
    Trial(
        check_article_discriminators,
        STEM,
        SETUP,
        right={
            "zip": """def discriminators_loss(criterion, D_A, D_B, real_A, fake_A, real_B, fake_B):
    asked = zip((D_A, D_A, D_B, D_B), (real_A, fake_A, real_B, fake_B), (True, False) * 2)
    return sum(criterion(D(p), t) for D, p, t in asked) * 0.5
""",
            "in a loop": """
def discriminators_loss(criterion, D_A, D_B, real_A, fake_A, real_B, fake_B):
    total = 0
    for D, real, fake in ((D_A, real_A, fake_A), (D_B, real_B, fake_B)):
        total = total + (criterion(D(real), True) + criterion(D(fake.detach()), False)) / 2
    return total
""",
            "stacked": """
def discriminators_loss(criterion, D_A, D_B, real_A, fake_A, real_B, fake_B):
    yes = [criterion(D_A(real_A), True), criterion(D_B(real_B), True)]
    no = [criterion(D_A(fake_A), False), criterion(D_B(fake_B), False)]
    return 2 * torch.stack(yes + no).mean()
""",
            "one pass for real and fake": """
def discriminators_loss(criterion, D_A, D_B, real_A, fake_A, real_B, fake_B):
    losses = []
    for D, pair in ((D_A, [real_A, fake_A]), (D_B, [real_B, fake_B])):
        yes, no = D(torch.cat(pair)).chunk(2)
        losses.append(0.5 * criterion(yes, True) + 0.5 * criterion(no, False))
    return sum(losses)
""",
        },
        wrong={
            "scores detached": (
                swap(JUDGES, "D_A(real_A)", "D_A(real_A).detach()"),
                "Only the fake pictures are cut off from their",
            ),
            "scores averaged": (
                swap(JUDGES, "D_B(fake_B)", "D_B(fake_B).mean()"),
                "as they come out of D, one for each patch, not",
            ),
            "frozen": (
                swap(JUDGES, "    loss_A = ", "    D_A.requires_grad_(False)\n    loss_A = "),
                "requires_grad_",
            ),
            "leaves eval": (
                swap(JUDGES, "    loss_A = ", "    D_A.eval()\n    loss_A = "),
                "in another mode",
            ),
            "half a gradient": (
                swap(
                    JUDGES,
                    "criterion(D_B(real_B), True)",
                    "(criterion(D_B(real_B), True) + criterion(D_B(real_B).detach(), True)) / 2",
                ),
                "Only the fake pictures are cut off from their",
            ),
            "sigmoid": (
                swap(JUDGES, "D_A(fake_A)", "D_A(fake_A).sigmoid()"),
                "wants the scores of a D, as they come out of it",
            ),
            "first picture": (
                swap(JUDGES, "D_A(fake_A)", "D_A(fake_A[:1])"),
                "as they come out of D, one for each patch, not",
            ),
            "the article's": (
                """
def discriminators_loss(criterion, D_A, D_B, real_A, fake_A, real_B, fake_B):
    return criterion(D_A(fake_A), False) + criterion(D_B(fake_B), True)
""",
                "D_B is told that fake_B is real",
            ),
            "no real pictures": (
                """
def discriminators_loss(criterion, D_A, D_B, real_A, fake_A, real_B, fake_B):
    return 0.5 * (criterion(D_A(fake_A), False) + criterion(D_B(fake_B), False))
""",
                "ever sees real_A",
            ),
            "targets swapped": (
                swap(JUDGES, "True", "Xxx", "False", "True", "Xxx", "False"),
                "D_A is told that real_A is fake",
            ),
            "one of the targets": (
                swap(JUDGES, "(D_B(fake_B), False)", "(D_B(fake_B), True)"),
                "D_B is told that fake_B is real",
            ),
            "not averaged": (swap(JUDGES, "0.5 * ", ""), "every term counts 1.00"),
            "averaged twice": (
                swap(JUDGES, "loss_A + loss_B", "0.5 * (loss_A + loss_B)"),
                "every term counts 0.25",
            ),
            "only one discriminator": (swap(JUDGES, "loss_A + loss_B", "loss_A"), "ever sees real_B"),
            "one D for both": (swap(JUDGES, "D_B(", "D_A("), "D_A about real_B"),
            "the discriminators swapped": (
                swap(JUDGES, "D_A(", "D_X(", "D_B(", "D_A(", "D_X(", "D_B("),
                "of the other domain",
            ),
            "half of the sum forgotten": (
                swap(JUDGES, "0.5 * (criterion(D_B", "(criterion(D_B"),
                "count differently",
            ),
            "a difference": (swap(JUDGES, "True) + criterion", "True) - criterion"), "is subtracted"),
            "pictures for scores": (swap(JUDGES, "D_A(real_A)", "real_A"), "the scores of a D"),
            "mixed together": (
                swap(JUDGES, "D_A(real_A)", "D_A(torch.cat([real_A, fake_A]))"),
                "mixes scores",
            ),
            "two losses": (swap(JUDGES, "loss_A + loss_B", "loss_A, loss_B"), "gives tuple"),
            "a stub": ("def discriminators_loss(*x):\n    raise NotImplementedError()", "in it yet"),
        },
    ),
    Trial(
        check_article_step,
        STEM,
        SETUP,
        right={
            "one backward each by autograd.grad": """
def training_step(G, D, real_A, real_B, optimizerG, optimizerD):
    for optimizer, network, loss in ((optimizerG, G, lambda: generator_loss(D(G(real_A)))), (optimizerD, D, None)):
        if loss is None:
            value = discriminator_loss(fake_scores=D(shown), real_scores=D(real_B))
        else:
            fake = G(real_A)
            shown = fake.detach()
            value = generator_loss(D(fake))
        for p, g in zip(network.parameters(), torch.autograd.grad(value, list(network.parameters()))):
            p.grad = g
        optimizer.step()
""",
            "named losses, networks cleared": """
def training_step(G, D, real_A, real_B, optimizerG, optimizerD):
    fake_B = G(real_A)
    loss_G = generator_loss(D(fake_B))
    G.zero_grad()
    loss_G.backward()
    optimizerG.step()
    fake_B = fake_B.detach()
    loss_D = gan_loss(D(real_B), True) / 2 + gan_loss(D(fake_B), False) / 2
    D.zero_grad()
    loss_D.backward()
    optimizerD.step()
""",
            "D frozen in G's turn, both cleared at the beginning": """
def training_step(G, D, real_A, real_B, optimizerG, optimizerD):
    optimizerG.zero_grad()
    optimizerD.zero_grad()
    D.requires_grad_(False)
    fake_B = G(real_A)
    generator_loss(D(fake_B)).backward()
    optimizerG.step()
    D.requires_grad_(True)
    discriminator_loss(D(real_B), D(fake_B.detach())).backward()
    optimizerD.step()
""",
            "painted again": """
def training_step(G, D, real_A, real_B, optimizerG, optimizerD):
    optimizerG.zero_grad()
    generator_loss(D(G(real_A))).backward()
    optimizerG.step()
    with torch.no_grad():
        fake_B = G(real_A)
    optimizerD.zero_grad()
    discriminator_loss(D(real_B), D(fake_B)).backward()
    optimizerD.step()
""",
        },
        wrong={
            "two steps of G": (
                swap(STEP, "    optimizerG.step()\n", "    optimizerG.step()\n    optimizerG.step()\n"),
                "one for each player",
            ),
            "D stays frozen": (
                swap(
                    STEP, "    fake_B = G(real_A)\n", "    fake_B = G(real_A)\n    D.requires_grad_(False)\n"
                ),
                "is D frozen for G's turn and not thawed for its",
            ),
            "leaves eval": (
                swap(STEP, "    optimizerD.step()\n", "    optimizerD.step()\n    G.eval()\n"),
                "after the step a network is in another mode",
            ),
            "cleared in the first step only": (
                swap(
                    STEP,
                    "    optimizerD.zero_grad()  # G's turn has left gradients in D\n",
                    """    if not hasattr(training_step, "x"):
        optimizerD.zero_grad()
        training_step.x = 1
""",
                ),
                "what did the step before leave behind, frozen or",
            ),
            "frozen at the end": (
                swap(STEP, "    optimizerD.step()\n", "    optimizerD.step()\n    G.requires_grad_(False)\n"),
                "what did the step before leave behind, frozen or",
            ),
            "an old fake": (
                swap(
                    STEP,
                    "    fake_B = G(real_A)\n",
                    '    fake_B = G(real_A)\n    kept = training_step.__dict__.setdefault("kept", fake_B.detach())\n',
                    "D(fake_B.detach())",
                    "D(kept)",
                ),
                "what did the step before leave behind, frozen or",
            ),
            "half the loss of D": (
                swap(
                    STEP,
                    "discriminator_loss(D(real_B), D(fake_B.detach()))",
                    "(0.5 * discriminator_loss(D(real_B), D(fake_B.detach())))",
                ),
                "discriminator_loss(D(real_B), D(fake_B))",
            ),
            "real only": (
                swap(STEP, "discriminator_loss(D(real_B), D(fake_B.detach()))", "gan_loss(D(real_B), True)"),
                "discriminator_loss(D(real_B), D(fake_B))",
            ),
            "not detached": (swap(STEP, "fake_B.detach()", "fake_B"), "G's graph is gone"),
            "the graph kept": (
                swap(
                    STEP,
                    "fake_B.detach()",
                    "fake_B",
                    "D(fake_B)).backward()\n    optimizerG",
                    "D(fake_B)).backward(retain_graph=True)\n    optimizerG",
                ),
                "keeping the graph does not help",
            ),
            "painted again and not detached": (
                swap(STEP, "fake_B.detach()", "G(real_A)"),
                "left gradients in G",
            ),
            "nothing cleared": (
                swap(STEP, "    optimizerG.zero_grad()\n", "", CLEAR_D, ""),
                "old gradients too",
            ),
            "G not cleared": (swap(STEP, "    optimizerG.zero_grad()\n", ""), "old gradients too"),
            "D not cleared": (swap(STEP, CLEAR_D, ""), "do not belong to its turn"),
            "both cleared at the beginning": (
                swap(
                    STEP,
                    CLEAR_D,
                    "",
                    "    optimizerG.zero_grad()\n",
                    "    optimizerG.zero_grad()\n    optimizerD.zero_grad()\n",
                ),
                "do not belong to its turn",
            ),
            "cleared after backward": (
                swap(
                    STEP,
                    G_TURN,
                    "    generator_loss(D(fake_B)).backward()\n    optimizerG.zero_grad()\n    optimizerG.step()\n",
                ),
                "G has not moved",
            ),
            "detached in G's turn": (
                swap(STEP, "generator_loss(D(fake_B))", "generator_loss(D(fake_B.detach()))"),
                "G has not moved",
            ),
            "G's step forgotten": (swap(STEP, "    optimizerG.step()\n", ""), "G has not moved"),
            "D's step forgotten": (swap(STEP, "    optimizerD.step()\n", ""), "D has not moved"),
            "D first": (swap(STEP, G_TURN + D_TURN, D_TURN + G_TURN), "D has moved before G"),
            "real and fake swapped": (
                swap(
                    STEP,
                    "discriminator_loss(D(real_B), D(fake_B.detach()))",
                    "discriminator_loss(D(fake_B.detach()), D(real_B))",
                ),
                "have changed places",
            ),
            "the same aim for both": (
                swap(
                    STEP,
                    "discriminator_loss(D(real_B), D(fake_B.detach()))",
                    "generator_loss(D(fake_B.detach()))",
                ),
                "both want the same",
            ),
            "G wants to be caught": (
                swap(STEP, "generator_loss(D(fake_B))", "gan_loss(D(fake_B), False)"),
                "learns to be recognised",
            ),
            "real summers for real winters": (
                swap(STEP, "D(real_B)", "D(real_A)"),
                "D has not made the step",
            ),
            "a stub": ("def training_step(*x):\n    raise NotImplementedError()", "in it yet"),
        },
    ),
    Trial(
        check_article_bce,
        STEM,
        SETUP,
        right={
            "log1p": """def bce(scores, is_real):
    x = -scores if is_real else scores
    return (x.clamp(min=0) + torch.log1p(torch.exp(-x.abs()))).mean()
""",
            "softplus": "def bce(scores, is_real):\n    return nn.functional.softplus(-scores if is_real else scores).mean()",
            "a module and ones or zeros": """
def bce(scores, is_real):
    target = torch.ones_like(scores) if is_real else torch.zeros_like(scores)
    return nn.BCEWithLogitsLoss()(scores, target)
""",
            "logsigmoid": "def bce(scores, is_real):\n    return -nn.functional.logsigmoid(scores * (1 if is_real else -1)).mean()",
            "the library's": 'def bce(scores, is_real):\n    return gan_loss(scores, is_real, "bce")',
        },
        wrong={
            "half a gradient": (
                swap(
                    BCE,
                    "return nn.functional.binary_cross_entropy_with_logits(scores, target)",
                    "loss = nn.functional.binary_cross_entropy_with_logits\n    return (loss(scores, target) + loss(scores.detach(), target)) / 2",
                ),
                "the value is right, but its gradient for the scores",
            ),
            "clamped scores": (
                swap(BCE, "(scores, target)", "(scores.clamp(-119.99, 119.99), target)"),
                "Which function works on the scores themselves",
            ),
            "writes into the scores": (
                swap(BCE, "(scores, target)", "(scores.mul_(1.0), target)"),
                "bce writes into the tensor that it was given",
            ),
            "mean of the scores": (
                swap(BCE, "(scores, target)", "(scores.mean(), target.mean())"),
                "where True is wanted your loss is",
            ),
            "soft": (swap(BCE, "1.0 if is_real", "0.9 if is_real"), "where True is wanted your loss is"),
            "the article's": (
                "def bce(scores, is_real):\n    return nn.BCELoss()(scores, is_real)",
                "a tensor of the shape of the scores",
            ),
            "True with logits": (
                swap(BCE, "(scores, target)", "(scores, is_real)"),
                "a tensor of the shape of the scores",
            ),
            "one number as target": (
                swap(BCE, "torch.full_like(scores, 1.0 if is_real else 0.0)", "torch.tensor(float(is_real))"),
                "a tensor of the shape of the scores",
            ),
            "BCELoss on raw scores": (
                swap(BCE, WITH_LOGITS, "nn.BCELoss()(scores, target)"),
                "raw scores are not probabilities",
            ),
            "a sigmoid before BCELoss": (
                swap(BCE, WITH_LOGITS, "nn.BCELoss()(scores.sigmoid(), target)"),
                "was rounded to 0 or 1",
            ),
            "a clamp in between": (
                swap(BCE, WITH_LOGITS, "nn.BCELoss()(scores.sigmoid().clamp(1e-7, 1 - 1e-7), target)"),
                "was rounded to 0 or 1",
            ),
            "the logarithm written out": (
                "def bce(scores, is_real):\n    p = scores.sigmoid()\n    return -(p if is_real else 1 - p).log().mean()",
                "was rounded to 0 or 1",
            ),
            "the sigmoid twice": (swap(BCE, "(scores, target)", "(scores.sigmoid(), target)"), "taken twice"),
            "always real": (swap(BCE, "1.0 if is_real else 0.0", "1.0"), "does not depend on `is_real`"),
            "swapped": (
                swap(BCE, "1.0 if is_real else 0.0", "0.0 if is_real else 1.0"),
                "real and fake have changed places",
            ),
            "a sum": (swap(BCE, "(scores, target)", '(scores, target, reduction="sum")'), "mean, not sum"),
            "a map": (
                swap(BCE, "(scores, target)", '(scores, target, reduction="none")'),
                "a loss is one number",
            ),
            "least squares": (
                swap(BCE, "binary_cross_entropy_with_logits", "mse_loss"),
                "the least-squares loss",
            ),
            "the sign": (swap(BCE, "return nn", "return -nn"), "the wrong sign"),
            "detached": (swap(BCE, "(scores, target)", "(scores.detach(), target)"), "no gradient comes out"),
            "return forgotten": (swap(BCE, "return nn", "nn"), "`return`"),
            "a stub": ("def bce(scores, is_real):\n    raise NotImplementedError()", "in it yet"),
        },
    ),
]

test_right, test_wrong, test_enough = trial_tests(TRIALS)
