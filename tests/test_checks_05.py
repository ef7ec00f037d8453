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
            "flatten": "def cycle_consistency_loss(real_a, cycled_a, real_b, cycled_b):\n    return torch.add((cycled_a - real_a).flatten().abs().mean(), (cycled_b - real_b).norm(1) / real_b.numel())\n",
            "as in the first edition": loss("F.l1_loss(cycled_a, real_a) + F.l1_loss(cycled_b, real_b)"),
            "by hand": loss("(cycled_a - real_a).abs().mean() + (real_b - cycled_b).abs().mean()"),
            "with a module": "l1 = nn.L1Loss()\n"
            + loss("sum(l1(x, y) for x, y in ((real_a, cycled_a), (real_b, cycled_b)))"),
        },
        wrong={
            "cycled_a detached": (
                "def cycle_consistency_loss(real_a, cycled_a, real_b, cycled_b):\n    return F.l1_loss(cycled_a.detach(), real_a) + F.l1_loss(cycled_b, real_b)\n",
                "something is detached, and the generators learn",
            ),
            "everything detached": (
                "def cycle_consistency_loss(real_a, cycled_a, real_b, cycled_b):\n    return (F.l1_loss(cycled_a, real_a) + F.l1_loss(cycled_b, real_b)).detach()\n",
                "something is detached, and the generators learn",
            ),
            "sum over the pixels of a picture": (
                "def cycle_consistency_loss(real_a, cycled_a, real_b, cycled_b):\n    return (cycled_a - real_a).abs().sum((1, 2, 3)).mean() + (cycled_b - real_b).abs().sum((1, 2, 3)).mean()\n",
                "it grows with the size of the picture",
            ),
            "sum over the pixels of a colour": (
                "def cycle_consistency_loss(real_a, cycled_a, real_b, cycled_b):\n    return (cycled_a - real_a).abs().sum((2, 3)).mean() + (cycled_b - real_b).abs().sum((2, 3)).mean()\n",
                "Take the mean over everything, not the sum",
            ),
            "sum over the colours": (
                "def cycle_consistency_loss(real_a, cycled_a, real_b, cycled_b):\n    return (cycled_a - real_a).abs().sum(1).mean() + (cycled_b - real_b).abs().sum(1).mean()\n",
                "that is a sum over the three colours of each pixel",
            ),
            "one pot": (
                "def cycle_consistency_loss(real_a, cycled_a, real_b, cycled_b):\n    return torch.cat([cycled_a - real_a, cycled_b - real_b]).abs().mean()\n",
                "you average over all pixels of both domains at once",
            ),
            "twice one pot": (
                "def cycle_consistency_loss(real_a, cycled_a, real_b, cycled_b):\n    return 2 * torch.cat([(cycled_a - real_a), (cycled_b - real_b)]).abs().mean()\n",
                "you average over all pixels of both domains at",
            ),
            "in place": (
                "def cycle_consistency_loss(real_a, cycled_a, real_b, cycled_b):\n    return cycled_a.sub_(real_a).abs().mean() + (cycled_b - real_b).abs().mean()\n",
                "cycle_consistency_loss writes into the tensor that",
            ),
            "half a gradient": (
                "def cycle_consistency_loss(real_a, cycled_a, real_b, cycled_b):\n    return reconstruction_loss(real_a, cycled_a) + 0.5 * reconstruction_loss(real_b, cycled_b) + 0.5 * reconstruction_loss(real_b, cycled_b.detach())\n",
                "the value is right, but its gradient is not",
            ),
            "smooth": (
                "def cycle_consistency_loss(real_a, cycled_a, real_b, cycled_b):\n    return F.smooth_l1_loss(cycled_a, real_a) + F.smooth_l1_loss(cycled_b, real_b)\n",
                "the two mean absolute differences add up to",
            ),
            "root of squares": (
                "def cycle_consistency_loss(real_a, cycled_a, real_b, cycled_b):\n    return F.mse_loss(cycled_a, real_a).sqrt() + F.mse_loss(cycled_b, real_b).sqrt()\n",
                "you took the root of the mean square; the paper",
            ),
            "a twice": (
                "def cycle_consistency_loss(real_a, cycled_a, real_b, cycled_b):\n    return 2 * F.l1_loss(cycled_a, real_a)\n",
                "the way that begins with a counts twice, and the",
            ),
            "a difference": (
                "def cycle_consistency_loss(real_a, cycled_a, real_b, cycled_b):\n    return F.l1_loss(cycled_a, real_a) - F.l1_loss(cycled_b, real_b)\n",
                "one term is subtracted",
            ),
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
                "sum over all pixels",
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
            "whole name": """def cycle_terms(G, F, a, b):
    out = F.forward(x=G(a)), G(x=F(b))
    return tuple(nn.functional.l1_loss(input=x, target=y) for x, y in zip(out, (a, b)))
""",
            "by hand": terms("return (F(G(a)) - a).abs().mean(), (G(F(b)) - b).abs().mean()"),
            "a list": terms("return [l1(cycled, real) for cycled, real in ((F(G(a)), a), (G(F(b)), b))]"),
        },
        wrong={
            "F.l1_loss": (
                "def cycle_terms(G, F, a, b):\n    return F.l1_loss(F(G(a)), a), F.l1_loss(G(F(b)), b)\n",
                "in this exercise F is a generator, not",
            ),
            "squares": (
                """def cycle_terms(G, F, a, b):
    l1 = nn.functional.l1_loss
    return (F(G(a)) - a).square().mean(), (G(F(b)) - b).square().mean()
""",
                "you took the square; the paper takes the absolute",
            ),
            "sums": (
                """def cycle_terms(G, F, a, b):
    l1 = nn.functional.l1_loss
    return (F(G(a)) - a).abs().sum(), (G(F(b)) - b).abs().sum()
""",
                "it grows with the size of the picture and of the",
            ),
            "fakes only": (
                """def cycle_terms(G, F, a, b):
    l1 = nn.functional.l1_loss
    return l1(G(a), a), l1(F(b), b)
""",
                "your term for |F(G(a)) - a| compares G's",
            ),
            "G twice": (
                """def cycle_terms(G, F, a, b):
    l1 = nn.functional.l1_loss
    return l1(G(G(a)), a), l1(F(F(b)), b)
""",
                "your term for |F(G(a)) - a| goes out and home with",
            ),
            "half a gradient": (
                """def cycle_terms(G, F, a, b):
    l1 = nn.functional.l1_loss
    c = F(G(a))
    return (l1(c, a) + l1(c.detach(), a)) / 2, l1(G(F(b)), b)
""",
                "the value of |F(G(a)) - a| is right, but its",
            ),
            "frozen": (
                """def cycle_terms(G, F, a, b):
    l1 = nn.functional.l1_loss
    G.requires_grad_(False)
    x = l1(F(G(a)), a)
    return x, l1(G(F(b)), b)
""",
                "requires_grad_",
            ),
            "F of the fake detached in b": (
                """def cycle_terms(G, F, a, b):
    l1 = nn.functional.l1_loss
    return l1(F(G(a)), a), l1(G(F(b).data), b)
""",
                "something is detached on the way, or computed under",
            ),
            "added": (
                """def cycle_terms(G, F, a, b):
    l1 = nn.functional.l1_loss
    return l1(F(G(a)), a) + l1(G(F(b)), b)
""",
                "cycle_terms should give two losses, |F(G(a)) - a|",
            ),
            "same term twice": (
                """def cycle_terms(G, F, a, b):
    l1 = nn.functional.l1_loss
    x = l1(F(G(a)), a)
    return x, x
""",
                "the value of |G(F(b)) - b| is not right",
            ),
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
            "swapped generators": (terms("return l1(G(F(a)), a), l1(F(G(b)), b)"), "through F first"),
            "only one term": (terms("return l1(F(G(a)), a)"), "two losses"),
            "order": (terms("return l1(G(F(b)), b), l1(F(G(a)), a)"), "in the other order"),
            "compared with the fake": (
                terms("return l1(F(G(a)), G(a)), l1(G(F(b)), b)"),
                "with the fake on the way",
            ),
            "no mean": (terms("return (F(G(a)) - a).abs(), (G(F(b)) - b).abs()"), "a loss is one number"),
        },
    ),
    Trial(
        check_identity,
        NOTEBOOK,
        right={
            "nn functional": """def identity_term(G, F, a, b):
    pairs = [(G, b), (F, a)]
    return torch.stack([nn.functional.l1_loss(net(x), x) for net, x in pairs]).sum()
""",
            "by hand": identity("(F(a) - a).abs().mean() + (b - G(b)).abs().mean()"),
            "two lines": "def identity_term(G, F, a, b):\n    loss = nn.L1Loss()(G(b), b)\n    return loss + nn.L1Loss()(F(a), a)\n",
        },
        wrong={
            "G twice": (
                """def identity_term(G, F, a, b):
    l1 = nn.functional.l1_loss
    return l1(G(b), b) + l1(G(a), a)
""",
                "G should leave b alone, and F should leave a alone",
            ),
            "F twice": (
                """def identity_term(G, F, a, b):
    l1 = nn.functional.l1_loss
    return l1(F(b), b) + l1(F(a), a)
""",
                "F should leave a alone, and G should leave b alone",
            ),
            "F.l1_loss": (
                "def identity_term(G, F, a, b):\n    return F.l1_loss(G(b), b) + F.l1_loss(F(a), a)\n",
                "in this exercise F is a generator, not",
            ),
            "sums": (
                """def identity_term(G, F, a, b):
    l1 = nn.functional.l1_loss
    return (G(b) - b).abs().sum() + (F(a) - a).abs().sum()
""",
                "it grows with the size of the picture and of the",
            ),
            "F detached": (
                """def identity_term(G, F, a, b):
    l1 = nn.functional.l1_loss
    return l1(G(b), b) + l1(F(a).detach(), a)
""",
                "your loss has no gradient for F",
            ),
            "half detached": (
                """def identity_term(G, F, a, b):
    l1 = nn.functional.l1_loss
    return l1(G(b), b) + 0.5 * l1(F(a), a) + 0.5 * l1(F(a).detach(), a)
""",
                "the value is right, but the gradients of the two",
            ),
            "subtracted": (
                """def identity_term(G, F, a, b):
    l1 = nn.functional.l1_loss
    return l1(G(b), b) - l1(F(a), a)
""",
                "one term is subtracted",
            ),
            "one pot": (
                """def identity_term(G, F, a, b):
    l1 = nn.functional.l1_loss
    return 2 * torch.cat([G(b) - b, F(a) - a]).abs().mean()
""",
                "you average over all pixels of both domains at",
            ),
            "signs": (
                """def identity_term(G, F, a, b):
    l1 = nn.functional.l1_loss
    return (G(b) - b).mean() + (F(a) - a).mean()
""",
                "differences of opposite sign cancel in your loss",
            ),
            "against the other": (
                """def identity_term(G, F, a, b):
    l1 = nn.functional.l1_loss
    return l1(G(b), a[:len(b)]) + l1(F(a), b[:len(a)])
""",
                "G should leave b as it is, and F should leave a",
            ),
            "G twice about b": (
                """def identity_term(G, F, a, b):
    l1 = nn.functional.l1_loss
    return 2 * l1(G(b), b)
""",
                "you ask G twice about b and F never",
            ),
            "swapped domains": (identity("l1(G(a), a) + l1(F(b), b)"), "you forbid the translation"),
            "one generator": (identity("l1(G(b), b)"), "both have a target domain"),
            "the cycle": (identity("l1(F(G(a)), a) + l1(G(F(b)), b)"), "that is the cycle loss"),
            "averaged": (identity("(l1(G(b), b) + l1(F(a), a)) / 2"), "the two terms are added"),
            "detached": (identity("l1(G(b).detach(), b) + l1(F(a), a)"), "no gradient for G"),
            "squared": (
                identity("(G(b) - b).square().mean() + (F(a) - a).square().mean()"),
                "you took the square",
            ),
            "a constant": (identity("torch.tensor(0.5)"), "|G(b) - b| + |F(a) - a|"),
        },
    ),
    Trial(
        check_other_pair,
        NOTEBOOK,
        right={
            "rolled": """def other_pair(G, F):
    def there(x):
        return torch.roll(G(x), shifts=3, dims=3)

    def back(x):
        return F(x.roll(-3, dims=-1))

    return there, back
""",
            "modules": """class There(nn.Module):
    def __init__(self, G):
        super().__init__()
        self.G = G

    def forward(self, x):
        return torch.flip(self.G(x), dims=(-1,))


class Back(nn.Module):
    def __init__(self, F):
        super().__init__()
        self.F = F

    def forward(self, x):
        return self.F(torch.flip(x, dims=(-1,)))


def other_pair(G, F):
    return [There(G), Back(F)]
""",
            "a fixed shuffle of rows": """def other_pair(G, F):
    def order(x):
        return torch.randperm(x.shape[2], generator=torch.Generator().manual_seed(1))
    return (lambda x: G(x)[:, :, order(x)]), (lambda x: F(x[:, :, order(x).argsort()]))
""",
            "transposed": """def other_pair(G, F):
    def there(x):
        return G(x).mT

    def back(x):
        return F(x.transpose(-1, -2))

    return there, back
""",
            "upside down": other("G(x).flip(2)", "F(x.flip(2))"),
            "turned": "def other_pair(G, F):\n    return (lambda x: G(x).rot90(1, (2, 3))), (lambda x: F(x.rot90(-1, (2, 3))))\n",
        },
        wrong={
            "mirror before G and after F": (
                """def other_pair(G, F):
    def there(x):
        return G(x.flip(3))

    def back(x):
        return F(x).flip(3)

    return there, back
""",
                "Change the winter that comes out of G, and undo",
            ),
            "upside down before G": (
                """def other_pair(G, F):
    def there(x):
        return G(x.flip(2))

    def back(x):
        return F(x).flip(2)

    return there, back
""",
                "Change the winter that comes out of G, and undo",
            ),
            "red and blue swapped": (
                """def other_pair(G, F):
    def there(x):
        return G(x).flip(1)

    def back(x):
        return F(x.flip(1))

    return there, back
""",
                "each pixel keeps its three numbers, red, green and",
            ),
            "the batch turned round": (
                """def other_pair(G, F):
    def there(x):
        return G(x).flip(0)

    def back(x):
        return F(x.flip(0))

    return there, back
""",
                "the pictures of the batch have changed places, and",
            ),
            "one colour moved": (
                """def other_pair(G, F):
    def move(x, k):
        return torch.cat([x[:, :1].roll(k, 3), x[:, 1:]], 1)
    return (lambda x: move(G(x), 1)), (lambda x: F(move(x, -1)))
""",
                "each pixel keeps its three numbers, red, green and",
            ),
            "mirrors the first only": (
                """def other_pair(G, F):
    def move(x):
        return torch.cat([x[:1].flip(3), x[1:]])
    return (lambda x: move(G(x))), (lambda x: F(move(x)))
""",
                "what your new G makes of a picture depends on the",
            ),
            "the caller turned": (
                """def other_pair(G, F):
    def there(x):
        return G(x).flip(3) + 0 * x.neg_().neg_().mul_(1.0).copy_(x.flip(3)).sum()

    def back(x):
        return F(x.flip(3))

    return there, back
""",
                "your new G writes into what it was given",
            ),
            "a memory of the fake": (
                """def other_pair(G, F):
    kept = []
    def there(x):
        kept[:] = [G(x)]
        return kept[0].flip(3)
    def back(x):
        return F(kept[0])
    return there, back
""",
                "your new F gives something else for the same winter",
            ),
            "the last pair only": (
                """def other_pair(G, F):
    global LAST
    LAST = G, F
    return (lambda x: LAST[0](x).flip(3)), (lambda x: LAST[1](x.flip(3)))
""",
                "asked for two pairs, your functions of the first",
            ),
            "a permutation for 8 px": (
                """def other_pair(G, F):
    order = list(range(7, -1, -1))
    return (lambda x: G(x)[..., order]), (lambda x: F(x[..., order]))
""",
                "your new G should give pictures of the same shape",
            ),
            "mirrors on both sides of F": (
                """def other_pair(G, F):
    def there(x):
        return G(x).flip(3)

    def back(x):
        return F(x.flip(3)).flip(3)

    return there, back
""",
                "what must your new F do first, before it calls F",
            ),
            "mirrors on both sides of G": (
                """def other_pair(G, F):
    def there(x):
        return G(x.flip(3)).flip(3)

    def back(x):
        return F(x)

    return there, back
""",
                "a discriminator could tell them apart",
            ),
            "a new shuffle each time": (
                """def other_pair(G, F):
    def there(x):
        y = G(x)
        return y[..., torch.randperm(y.shape[-1])]
    return there, (lambda x: F(x.flip(3)))
""",
                "what your new G makes of a picture depends on the",
            ),
            "the order of the two": (
                "def other_pair(G, F):\n    return (lambda x: F(x.flip(3))), (lambda x: G(x).flip(3))\n",
                "a discriminator could tell them apart",
            ),
            "nothing changed": (other("G(x)", "F(x)"), "translates like the old one"),
            "not undone": (other("G(x).flip(3)", "F(x)"), "do first"),
            "undone at the wrong end": (other("G(x).flip(3)", "F(x).flip(3)"), "do first"),
            "turned twice the same way": (
                other("G(x).rot90(1, (2, 3))", "F(x.rot90(1, (2, 3)))"),
                "do first",
            ),
            "the negative": (other("-G(x)", "F(-x)"), "a discriminator could tell them apart"),
            "other colours": (other("G(x)[:, [1, 2, 0]]", "F(x[:, [2, 0, 1]])"), "the colours have changed"),
            "darker": (other("0.5 * G(x)", "F(2 * x)"), "a discriminator could tell them apart"),
            "only one": ("def other_pair(G, F):\n    return lambda x: G(x).flip(3)\n", "two functions"),
            "cheating with a memory": (other("G(x).flip(3)", "x"), "the cycle loss from A"),
        },
    ),
]

test_right, test_wrong, test_enough = trial_tests(TRIALS)
