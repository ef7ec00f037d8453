"""The checks of notebook 05 on the cycle and the identity."""

import torch
from torch import nn

from minicyclegan.checks.frame import exercise, expect
from minicyclegan.checks.gan_loss import refuse
from minicyclegan.checks.probes import (
    other_means,
    reached,
    same_gradients,
    unlike,
    untouched,
    with_generator_f,
)


def pictures(n: int = 2, size: int = 6) -> torch.Tensor:
    return torch.rand(n, 3, size, size) * 2 - 1


def l1(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return (x - y).abs().mean()


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
    for n_a, n_b, size in ((2, 3, 6), (4, 1, 9)):
        a, b = pictures(n_a, size), pictures(n_b, size)
        cycled = [(x + 0.5 * torch.randn_like(x)).requires_grad_() for x in (a, b)]
        with untouched("cycle_consistency_loss", pictures=[a, b, *cycled]):
            loss = cycle_consistency_loss(a, cycled[0], b, cycled[1])
        expect_scalar(loss, "the loss")
        expect(
            abs(float(cycle_consistency_loss(a, a, b, b))) < 1e-6,
            "when nothing is lost on the way, the loss should be 0; is each cycled picture compared with the one it began as?",
        )
        compare_cycle(loss, a, b, *cycled)
        for letter, picture in zip("ab", cycled):
            expect(
                reached(loss, [picture]),
                f"the value is right, but no gradient reaches cycled_{letter}: something is detached, and the generators learn nothing from this way.",
            )
        wanted = l1(cycled[0], a) + l1(cycled[1], b)
        expect(
            same_gradients(loss, wanted, cycled),
            "the value is right, but its gradient is not: a part of the loss is detached.",
        )


def compare_cycle(loss, a, b, cycled_a, cycled_b) -> None:
    da, db = (cycled_a - a).detach(), (cycled_b - b).detach()
    only_a, only_b = da.abs().mean(), db.abs().mean()
    found, wanted = unlike(loss, only_a + only_b)
    mistakes = [
        (only_a, "your loss does not change with cycled_b: the way from B to A and back counts too."),
        (only_b, "your loss does not change with cycled_a: the way from A to B and back counts too."),
        (2 * only_a, "the way that begins with a counts twice, and the one that begins with b not at all."),
        (2 * only_b, "the way that begins with b counts twice, and the one that begins with a not at all."),
        (only_a - only_b, "one term is subtracted: both are added."),
        (only_a * only_b, "the two terms are multiplied: they are added."),
        (torch.maximum(only_a, only_b), "only the larger of the two terms counts: they are added."),
        *other_means(da, db),
    ]
    refuse(loss.detach(), only_a + only_b, mistakes, f"your loss is {found}, the two mean absolute differences add up to {wanted}.")  # fmt: skip


class Shift(nn.Module):
    """A translator that a check can follow: multiplies by a factor and adds a number; both are parameters."""

    def __init__(self, factor: float, number: float):
        super().__init__()
        self.factor, self.number = nn.Parameter(torch.tensor(factor)), nn.Parameter(torch.tensor(number))

    def forward(self, x):
        return (
            self.factor * x + self.number * x.square()
        )  # bent, so that no two ways through G and F are the same


def shifts() -> tuple[Shift, Shift]:
    """G and F, all four numbers different enough to tell every slip from every other."""
    return Shift(1.5, 0.37), Shift(0.41, -0.23)


@exercise("there are two terms, and each of them reaches both generators")
def check_both_sides(cycle_terms):
    names = "|F(G(a)) - a|", "|G(F(b)) - b|"
    for n_b in (2, 3):
        (G, F), a, b = shifts(), pictures(2), pictures(n_b)
        with untouched("cycle_terms", pictures=[a, b], G=G, F=F):
            found = with_generator_f(cycle_terms, G, F, a, b)
        expect(
            isinstance(found, (tuple, list)) and len(found) == 2,
            "cycle_terms should give two losses, |F(G(a)) - a| and |G(F(b)) - b|.",
        )
        for loss in found:
            expect_scalar(loss, "a term")
        wanted = l1(F(G(a)), a), l1(G(F(b)), b)
        if all(torch.allclose(x, y, rtol=1e-4) for x, y in zip(found, wanted[::-1])):
            expect(
                False, "the two terms are there, but in the other order: first the one that begins with a."
            )
        for loss, right, name, start, other in zip(found, wanted, names, (a, b), ((G, F), (F, G))):
            compare_term(loss, right, name, start, *other)
        for loss, right, name in zip(found, wanted, names):
            for network, letter in ((G, "G"), (F, "F")):
                expect(
                    reached(loss, network.parameters()),
                    f"{name} has no gradient for {letter}: something is detached on the way, or computed under no_grad.",
                )
            expect(
                same_gradients(loss, right, [*G.parameters(), *F.parameters()]),
                f"the value of {name} is right, but its gradient is not: a part of the way is detached.",
            )


def compare_term(loss, right, name: str, start, out: nn.Module, home: nn.Module) -> None:
    """One term of the cycle, that begins with `start` and goes out and home."""
    first = name[3]  # "|F(G(a)) - a|": the network that a picture of this domain enters
    other = {"G": "F", "F": "G"}[first]
    mine, wanted = unlike(loss, right)
    mistakes = [
        (l1(out(home(start)), start), f"your term for {name} sends the picture through {other} first; but {other} leads from {'B to A' if other == 'F' else 'A to B'}. Which network may it enter?"),
        (l1(out(start), start), f"your term for {name} compares {first}'s translation with what went in: the picture does not come home."),
        (l1(out(out(start)), start), f"your term for {name} goes out and home with {first} alone: {other} leads home."),
        (l1(home(home(start)), start), f"your term for {name} goes both ways with {other} alone: {first} leads out."),
        (l1(home(out(start)), out(start)), f"your term for {name} compares what comes home with the fake on the way; it should be what it began as."),
        *(pair for pair in other_means(home(out(start)) - start) if "two terms" not in pair[1]),
        (right / 2, f"your term for {name} is half of what it should be."),
    ]  # fmt: skip
    refuse(
        loss.detach(),
        right.detach(),
        mistakes,
        f"the value of {name} is not right: you have {mine}, it should be {wanted}; follow the picture out and home.",
    )


@exercise("each generator is asked to leave alone what is already in its target domain")
def check_identity(identity_term):
    for n_b in (2, 3):
        (G, F), a, b = shifts(), pictures(2), pictures(n_b)
        with untouched("identity_term", pictures=[a, b], G=G, F=F):
            loss = with_generator_f(identity_term, G, F, a, b)
        expect_scalar(loss, "the loss")
        of_g, of_f = l1(G(b), b), l1(F(a), a)
        wanted = of_g + of_f
        one_missing = "one of the two generators is missing: both have a target domain."
        found, right = unlike(loss, wanted)
        mistakes = [
            (l1(G(a), a) + l1(F(b), b), "you forbid the translation: G leads from A to B, so G(a) should NOT be a. Which pictures are at home where G leads?"),
            (of_g, one_missing),
            (of_f, one_missing),
            (of_g + l1(G(a), a), "you ask G twice and F never: G should leave b alone, and F should leave a alone."),
            (of_f + l1(F(b), b), "you ask F twice and G never: F should leave a alone, and G should leave b alone."),
            (2 * of_g, "you ask G twice about b and F never: F should leave a alone."),
            (2 * of_f, "you ask F twice about a and G never: G should leave b alone."),
            (l1(F(G(a)), a) + l1(G(F(b)), b), "that is the cycle loss: each generator is used once here, on a picture that needs no translation."),
            *([] if n_b != 2 else [(l1(G(b), a) + l1(F(a), b), "you compare with a picture of the other domain: G should leave b as it is, and F should leave a.")]),
            (of_g - of_f, "one term is subtracted: the two are added."),
            *other_means(G(b) - b, F(a) - a),
        ]  # fmt: skip
        refuse(loss.detach(), wanted.detach(), mistakes, f"your loss is {found}; |G(b) - b| + |F(a) - a| is {right}.")  # fmt: skip
        for network, letter in ((G, "G"), (F, "F")):
            expect(
                reached(loss, network.parameters()),
                f"your loss has no gradient for {letter}: something is detached.",
            )
        expect(
            same_gradients(loss, wanted, [*G.parameters(), *F.parameters()]),
            "the value is right, but the gradients of the two generators are not: a part of the loss is detached.",
        )
