"""The check of notebook 06 on what the generators want."""

import itertools

import torch

from minicyclegan.checks.frame import exercise, expect
from minicyclegan.checks.gan_loss import refuse
from minicyclegan.checks.probes import same_gradients, unlike, untouched, with_generator_f


def networks(seed: int) -> list:
    """Small generators G and F and discriminators D_A and D_B, all different."""
    torch.manual_seed(seed)
    one = [torch.nn.Conv2d(3, 3, 3, padding=1) for _ in range(2)]
    return one + [torch.nn.Conv2d(3, 1, 2) for _ in range(2)]


def l1(x, y):
    return (x - y).abs().mean()


def game(scores, target=1.0):
    return (scores - target).square().mean()


@exercise("six terms with the right networks, pictures and weights add up to what the generators want")
def check_generators_objective(generators_objective):
    for seed, n, weights in ((1, 2, (7.0, 0.3)), (2, 1, (2.5, 1.7)), (3, 3, (0.4, 0.0))):
        G, F, D_A, D_B = networks(seed)
        a, b = (torch.rand(n, 3, 6, 6) * 2 - 1 for _ in range(2))
        with untouched("generators_objective", pictures=[a, b], G=G, F=F, D_A=D_A, D_B=D_B):
            loss = with_generator_f(generators_objective, G, F, D_A, D_B, a, b, *weights)
        expect(
            isinstance(loss, torch.Tensor) and loss.shape == (),
            "generators_objective should give one number, a tensor with a gradient.",
        )
        right = compare_objective(loss, G, F, D_A, D_B, a, b, *weights)
        expect(loss.requires_grad, "your sum has no gradient: something is detached.")
        for network, letter in ((G, "G"), (F, "F")):
            expect(
                same_gradients(loss, right, network.parameters()),
                f"the value is right, the gradient for {letter} is not: a fake is detached, or computed a second time under no_grad. Here nothing is detached.",
            )


def compare_objective(loss, G, F, D_A, D_B, a, b, cycle: float, identity: float) -> torch.Tensor:
    """Compare the sum with its six terms and with what slips make of them; gives the right sum."""
    fake_b, fake_a = G(a), F(b)
    terms = {
        "the game of G, on fake_b": game(D_B(fake_b)),
        "the game of F, on fake_a": game(D_A(fake_a)),
        "the way from A to B and back": cycle * l1(F(fake_b), a),
        "the way from B to A and back": cycle * l1(G(fake_a), b),
        "the identity of G, on b": cycle * identity * l1(G(b), b),
        "the identity of F, on a": cycle * identity * l1(F(a), a),
    }
    of_g, of_f, from_a, from_b, same_b, same_a = terms.values()
    games, circles, same = of_g + of_f, from_a + from_b, same_b + same_a
    right = games + circles + same
    swapped = game(D_A(fake_b)) + game(D_B(fake_a))
    mistakes = [
        (right - games + swapped, "the two discriminators are swapped: a fake B should be shown to the discriminator of B."),
        (right - games + game(D_B(fake_b), 0.0) + game(D_A(fake_a), 0.0), "the target of the game is 0: the generators want the discriminators to call their fakes real."),
        (circles + same, "the game is missing: without it nothing asks for winter."),
        (right - of_f, "one of the two games is missing: each generator plays against the discriminator of its own target domain."),
        (right - of_g, "one game is missing: F plays too, against the discriminator of A."),
        (right - from_b, "only one half of the cycle is there: both ways back count."),
        (right - from_a, "one half of the cycle is missing: the way from A to B and back counts too."),
        (games + same, "the cycle is missing."),
        (games + circles + same / cycle, "the weight of the identity loss is a share of lambda_cycle: multiply by both."),
        (games + circles + cycle * (l1(G(b), b) + l1(F(a), a)), "lambda_identity is not used: the identity loss counts lambda_cycle times lambda_identity."),
        (games + circles, "the identity loss is missing."),
        (games + circles + cycle * identity * (l1(G(a), a) + l1(F(b), b)), "the identity loss forbids the translation: G leads to B, so it should leave a real B alone."),
        (games + circles / cycle + same, "lambda_cycle is missing in front of the cycle."),
        (cycle * games + circles + same, "lambda_cycle multiplies the games as well: it weighs the cycle and the identity only."),
        (right - of_f + game(D_B(fake_a)), "both fakes are shown to the discriminator of B: fake_a belongs to D_A."),
        (right - of_g + game(D_A(fake_b)), "both fakes are shown to the discriminator of A: fake_b belongs to D_B."),
        (right - of_g + game(D_B(b)), "D_B is shown the real b: the generators want their fakes to pass."),
        (right - of_f + game(D_A(a)), "D_A is shown the real a: the generators want their fakes to pass."),
        (right - same + cycle * identity * (l1(G(fake_b), b) + l1(F(fake_a), a)), "the identity loss sends fakes through the generators: it asks about real pictures."),
        (right - games + (D_B(fake_b).mean() - 1).square() + (D_A(fake_a).mean() - 1).square(), "the scores are averaged before they are squared: each score counts."),
        (right - of_g + (D_B(fake_b).mean() - 1).square(), "the scores of D_B are averaged before they are squared: each score counts."),
        (right - of_f + (D_A(fake_a).mean() - 1).square(), "the scores of D_A are averaged before they are squared: each score counts."),
        (right - of_f + of_g, "the game of G counts twice and that of F not at all."),
        (right - of_g + of_f, "the game of F counts twice and that of G not at all."),
        *((right - part, f"{what} is missing.") for what, part in terms.items()),
        *((right + (k - 1) * part, f"{what} counts {k:g} times as much as it should.") for (what, part), k in itertools.product({"the game": games, "the cycle": circles, "the identity loss": same, "the whole sum": right, **terms}.items(), (0.5, 2.0, -1.0))),
    ]  # fmt: skip
    # With lambda_identity = 0 some of these slips change nothing
    mistakes = [(value, hint) for value, hint in mistakes if not torch.allclose(value, right, rtol=1e-4)]
    found, wanted = unlike(loss, right, 4)
    refuse(loss.detach(), right.detach(), mistakes, f"your sum is {found}, it should be {wanted}: print the six terms one by one.")  # fmt: skip
    return right
