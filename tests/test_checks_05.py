"""The checks of notebook 05 against wrong answers and different right ones."""

from mutants import Trial, solution, swap, trial_tests

from minicyclegan.checks import (
    check_both_sides,
    check_cycle_consistency_loss,
    check_identity,
    check_other_pair,
)

NOTEBOOK = "05_cycle_consistency"
LOSS = solution(NOTEBOOK, "check_cycle_consistency_loss")
TERMS = solution(NOTEBOOK, "check_both_sides")
IDENTITY = solution(NOTEBOOK, "check_identity")
OTHER = solution(NOTEBOOK, "check_other_pair")


def loss(body: str) -> str:
    return f"def cycle_consistency_loss(real_a, cycled_a, real_b, cycled_b):\n    return {body}\n"


def terms(body: str) -> str:
    return f"def cycle_terms(G, F, a, b):\n    l1 = nn.functional.l1_loss\n    {body}\n"


def identity(body: str) -> str:
    return f"def identity_term(G, F, a, b):\n    l1 = nn.functional.l1_loss\n    return {body}\n"


def other(there: str, back: str) -> str:
    return f"def other_pair(G, F):\n    def there(x):\n        return {there}\n\n    def back(x):\n        return {back}\n\n    return there, back\n"


BOTH = "reconstruction_loss(real_a, cycled_a) + reconstruction_loss(real_b, cycled_b)"
SETUP = """
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from minicyclegan.cycle_loss import reconstruction_loss
"""

TRIALS = [
    Trial(
        check_cycle_consistency_loss,
        NOTEBOOK,
        SETUP,
        right={
            "as in the first edition": loss("F.l1_loss(cycled_a, real_a) + F.l1_loss(cycled_b, real_b)"),
            "by hand": loss("(cycled_a - real_a).abs().mean() + (real_b - cycled_b).abs().mean()"),
            "with a module": "l1 = nn.L1Loss()\n"
            + loss("sum(l1(x, y) for x, y in ((real_a, cycled_a), (real_b, cycled_b)))"),
        },
        wrong={
            "one-sided": (
                swap(LOSS, BOTH, "reconstruction_loss(real_a, cycled_a)"),
                "does not change with cycled_b",
            ),
            "the other side only": (
                swap(LOSS, BOTH, "reconstruction_loss(real_b, cycled_b)"),
                "does not change with cycled_a",
            ),
            "squared": (swap(LOSS, "reconstruction_loss", "F.mse_loss"), "you took the square"),
            "sum instead of mean": (
                loss("(cycled_a - real_a).abs().sum() + (cycled_b - real_b).abs().sum()"),
                "not the sum",
            ),
            "averaged": (swap(LOSS, BOTH, f"({BOTH}) / 2"), "added, not averaged"),
            "signs cancel": (
                loss("(cycled_a - real_a).mean() + (cycled_b - real_b).mean()"),
                "absolute values",
            ),
            "swapped domains": (
                loss("F.l1_loss(cycled_a[:1], real_b[:1]) + F.l1_loss(cycled_b[:1], real_a[:1])"),
                "the one it began as",
            ),
            "no reduction": (loss("F.l1_loss(cycled_a, real_a, reduction='none')"), "a loss is one number"),
            "a number": (loss("0.75"), "not a tensor"),
            "memorised": (loss("torch.tensor(0.75)"), "should be 0"),
        },
    ),
    Trial(
        check_both_sides,
        NOTEBOOK,
        right={
            "by hand": terms("return (F(G(a)) - a).abs().mean(), (G(F(b)) - b).abs().mean()"),
            "a list": terms("return [l1(cycled, real) for cycled, real in ((F(G(a)), a), (G(F(b)), b))]"),
        },
        wrong={
            "still one-sided": (
                terms("return l1(F(G(a).detach()), a), l1(G(F(b).detach()), b)"),
                "no gradient for G",
            ),
            "target side": (terms("return l1(F(G(a)), a), l1(G(F(b).detach()), b)"), "no gradient for F"),
            "no_grad": (
                terms(
                    "with torch.no_grad():\n        fake = G(a)\n    return l1(F(fake), a), l1(G(F(b)), b)"
                ),
                "no gradient for G",
            ),
            "swapped generators": (terms("return l1(G(F(a)), a), l1(F(G(b)), b)"), "a through F first"),
            "only one term": (terms("return l1(F(G(a)), a)"), "two losses"),
            "order": (terms("return l1(G(F(b)), b), l1(F(G(a)), a)"), "in the other order"),
            "compared with the fake": (terms("return l1(F(G(a)), G(a)), l1(G(F(b)), b)"), "is not right"),
            "no mean": (terms("return (F(G(a)) - a).abs(), (G(F(b)) - b).abs()"), "a loss is one number"),
        },
    ),
    Trial(
        check_identity,
        NOTEBOOK,
        right={
            "by hand": identity("(F(a) - a).abs().mean() + (b - G(b)).abs().mean()"),
            "two lines": "def identity_term(G, F, a, b):\n    loss = nn.L1Loss()(G(b), b)\n    return loss + nn.L1Loss()(F(a), a)\n",
        },
        wrong={
            "swapped domains": (identity("l1(G(a), a) + l1(F(b), b)"), "you forbid the translation"),
            "one generator": (identity("l1(G(b), b)"), "both have a target domain"),
            "the cycle": (identity("l1(F(G(a)), a) + l1(G(F(b)), b)"), "that is the cycle loss"),
            "averaged": (identity("(l1(G(b), b) + l1(F(a), a)) / 2"), "the two terms are added"),
            "detached": (identity("l1(G(b).detach(), b) + l1(F(a), a)"), "no gradient for G"),
            "squared": (
                identity("(G(b) - b).square().mean() + (F(a) - a).square().mean()"),
                "|G(b) - b| + |F(a) - a|",
            ),
            "a constant": (identity("torch.tensor(0.5)"), "|G(b) - b| + |F(a) - a|"),
        },
    ),
    Trial(
        check_other_pair,
        NOTEBOOK,
        right={
            "upside down": other("G(x).flip(2)", "F(x.flip(2))"),
            "other colours": other("G(x)[:, [1, 2, 0]]", "F(x[:, [2, 0, 1]])"),
            "turned": "def other_pair(G, F):\n    return (lambda x: G(x).rot90(1, (2, 3))), (lambda x: F(x.rot90(-1, (2, 3))))\n",
        },
        wrong={
            "nothing changed": (other("G(x)", "F(x)"), "translates like the old one"),
            "not undone": (other("G(x).flip(3)", "F(x)"), "do first"),
            "undone at the wrong end": (other("G(x).flip(3)", "F(x).flip(3)"), "do first"),
            "turned twice the same way": (
                other("G(x).rot90(1, (2, 3))", "F(x.rot90(1, (2, 3)))"),
                "do first",
            ),
            "the negative": (other("-G(x)", "F(-x)"), "a discriminator could tell them apart"),
            "darker": (other("0.5 * G(x)", "F(2 * x)"), "a discriminator could tell them apart"),
            "only one": ("def other_pair(G, F):\n    return lambda x: G(x).flip(3)\n", "two functions"),
            "cheating with a memory": (other("G(x).flip(3)", "x"), "the cycle loss from A"),
        },
    ),
]

test_right, test_wrong, test_enough = trial_tests(TRIALS)
