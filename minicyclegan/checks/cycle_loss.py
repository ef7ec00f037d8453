"""The checks of notebook 05 on the cycle, the identity, and what the cycle does not decide."""

import torch
from torch import nn

from minicyclegan.checks.frame import exercise, expect


def pictures(n: int = 2, size: int = 6) -> torch.Tensor:
    return torch.rand(n, 3, size, size) * 2 - 1


def expect_scalar(loss, name: str) -> None:
    expect(
        isinstance(loss, torch.Tensor),
        f"{name} gives {type(loss).__name__}, not a tensor: is there a `return`?",
    )
    expect(
        loss.shape == (),
        f"{name} gives a tensor of shape {tuple(loss.shape)}: a loss is one number, the mean.",
    )


@exercise("both ways back count, each as the mean absolute difference")
def check_cycle_consistency_loss(cycle_consistency_loss):
    a, b = pictures(2), pictures(3)
    da, db = 0.5 * torch.randn_like(a), 0.5 * torch.randn_like(b)
    loss = cycle_consistency_loss(a, a + da, b, b + db)
    expect_scalar(loss, "the loss")
    expect(
        abs(float(cycle_consistency_loss(a, a, b, b))) < 1e-6,
        "when nothing is lost on the way, the loss should be 0; is each cycled picture compared with the one it began as?",
    )
    only_a, only_b = da.abs().mean(), db.abs().mean()

    def equals(value) -> bool:
        return torch.allclose(loss, torch.as_tensor(value, dtype=loss.dtype), rtol=1e-4)

    expect(
        not equals(only_a),
        "your loss does not change with cycled_b: the way from B to A and back counts too.",
    )
    expect(
        not equals(only_b),
        "your loss does not change with cycled_a: the way from A to B and back counts too.",
    )
    expect(
        not equals(da.square().mean() + db.square().mean()),
        "you took the square; the paper takes the absolute difference, which does not prefer grey.",
    )
    expect(
        not equals(da.abs().sum() + db.abs().sum()),
        f"your loss is {float(loss):.0f} and grows with the size of the picture: take the mean over all pixels, not the sum.",
    )
    expect(
        not equals((only_a + only_b) / 2),
        "your loss is half of what it should be: the two terms are added, not averaged.",
    )
    expect(
        not equals(da.mean() + db.mean()) and float(loss) >= 0,
        "differences of opposite sign cancel in your loss: take absolute values before the mean.",
    )
    expect(
        equals(only_a + only_b),
        f"your loss is {float(loss):.3f}, the two mean absolute differences add up to {float(only_a + only_b):.3f}.",
    )


class Shift(nn.Module):
    """A translator that a check can follow: multiplies by a factor and adds a number; both are parameters."""

    def __init__(self, factor: float, number: float):
        super().__init__()
        self.factor, self.number = nn.Parameter(torch.tensor(factor)), nn.Parameter(torch.tensor(number))

    def forward(self, x):
        return self.factor * x + self.number


def reached(loss: torch.Tensor, network: nn.Module) -> bool:
    """Whether a loss has a gradient for a network."""
    if not loss.requires_grad:
        return False
    gradients = torch.autograd.grad(loss, list(network.parameters()), retain_graph=True, allow_unused=True)
    return any(g is not None and bool(g.abs().sum() > 0) for g in gradients)


@exercise("there are two terms, and each of them reaches both generators")
def check_both_sides(cycle_terms):
    G, F = Shift(1.5, 0.3), Shift(0.4, -0.2)
    a, b = pictures(2), pictures(3)
    found = cycle_terms(G, F, a, b)
    expect(
        isinstance(found, (tuple, list)) and len(found) == 2,
        "cycle_terms should give two losses, |F(G(a)) - a| and |G(F(b)) - b|.",
    )
    for loss in found:
        expect_scalar(loss, "a term")
    wanted = (F(G(a)) - a).abs().mean(), (G(F(b)) - b).abs().mean()
    names = "|F(G(a)) - a|", "|G(F(b)) - b|"
    right = [torch.allclose(x, y, rtol=1e-4) for x, y in zip(found, wanted)]
    if not all(right):
        swapped = all(torch.allclose(x, y, rtol=1e-4) for x, y in zip(found, wanted[::-1]))
        expect(
            not swapped, "the two terms are there, but in the other order: first the one that begins with a."
        )
        other = torch.allclose(found[0], (G(F(a)) - a).abs().mean(), rtol=1e-4)
        expect(
            not other,
            "your first term sends a through F first; but F leads from B to A. Which network may a picture of A enter?",
        )
        k = right.index(False)
        expect(
            False,
            f"the value of {names[k]} is not right: you have {float(found[k]):.3f}, it should be {float(wanted[k]):.3f}; follow the picture out and home.",
        )
    for loss, name in zip(found, names):
        for network, letter in ((G, "G"), (F, "F")):
            expect(
                reached(loss, network),
                f"{name} has no gradient for {letter}: something is detached on the way, or computed under no_grad.",
            )


@exercise("each generator is asked to leave alone what is already in its target domain")
def check_identity(identity_term):
    G, F = Shift(1.5, 0.3), Shift(0.4, -0.2)
    a, b = pictures(2), pictures(3)
    loss = identity_term(G, F, a, b)
    expect_scalar(loss, "the loss")

    def l1(x, y):
        return (x - y).abs().mean()

    def equals(value) -> bool:
        return torch.allclose(loss, value, rtol=1e-4)

    expect(
        not equals(l1(G(a), a) + l1(F(b), b)),
        "you forbid the translation: G leads from A to B, so G(a) should NOT be a. Which pictures are at home where G leads?",
    )
    expect(
        not equals(l1(G(b), b)) and not equals(l1(F(a), a)),
        "one of the two generators is missing: both have a target domain.",
    )
    expect(
        not equals(l1(F(G(a)), a) + l1(G(F(b)), b)),
        "that is the cycle loss: each generator is used once here, on a picture that needs no translation.",
    )
    expect(
        not equals((l1(G(b), b) + l1(F(a), a)) / 2),
        "your loss is half of what it should be: the two terms are added.",
    )
    expect(
        equals(l1(G(b), b) + l1(F(a), a)),
        f"your loss is {float(loss):.3f}; |G(b) - b| + |F(a) - a| is {float(l1(G(b), b) + l1(F(a), a)):.3f}.",
    )
    for network, letter in ((G, "G"), (F, "F")):
        expect(reached(loss, network), f"your loss has no gradient for {letter}: something is detached.")


class Winter(nn.Module):
    """A translator that looks at neighbours and at the place, so that nothing commutes with it by accident."""

    def __init__(self, seed: int):
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        self.kernel = torch.randn(3, 3, 3, 3, generator=generator) / 5
        self.place = torch.randn(3, 8, 8, generator=generator) / 5

    def forward(self, x):
        return torch.tanh(nn.functional.conv2d(x, self.kernel, padding=1) + self.place)


@exercise(
    "another pair with the same cycle loss and equally wintry pictures, and yet a different translation"
)
def check_other_pair(other_pair):
    a, c = pictures(3, 8), pictures(2, 8)
    for seed in (1, 2):
        G, F = Winter(seed), Winter(seed + 10)
        found = other_pair(G, F)
        expect(
            isinstance(found, (tuple, list)) and len(found) == 2 and all(map(callable, found)),
            "other_pair should give two functions, the new way there and the new way back.",
        )
        there, back = found
        fake, usual = there(a), G(a)
        expect(
            isinstance(fake, torch.Tensor) and fake.shape == usual.shape,
            "your new G should give pictures of the same shape as G.",
        )
        expect(
            not torch.allclose(fake, usual, atol=1e-4),
            "your new G translates like the old one: change what it gives, so that it is a different winter.",
        )
        expect(
            torch.allclose(fake.flatten(1).sort(1)[0], usual.flatten(1).sort(1)[0], atol=1e-4),
            "the pixels of your new winter are not those of the old one, moved: a discriminator could tell them apart. Use a symmetry, such as a mirror.",
        )
        old, new = (F(G(a)) - a).abs().mean(), (back(fake) - a).abs().mean()
        expect(
            torch.allclose(old, new, atol=1e-5),
            f"the cycle loss from A was {float(old):.4f} and is now {float(new):.4f}: what must your new F do first, before it calls F?",
        )
        # A winter, and the same winter moved: what one pair loses of the first, the other pair loses of the second
        b, moved = G(c), there(c)
        old, new = (G(F(b)) - b).abs().mean(), (there(back(moved)) - moved).abs().mean()
        expect(
            torch.allclose(old, new, atol=1e-5),
            f"the cycle loss from B was {float(old):.4f} and is now {float(new):.4f}: the new F must undo exactly what the new G does last.",
        )
