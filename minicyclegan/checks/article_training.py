"""The check of notebook 11: the article's training step, repaired."""

import copy

import torch
from torch import nn

from minicyclegan.checks.frame import NotYet, exercise, expect
from minicyclegan.checks.probes import counted_sgd


@exercise("G learns first, D learns from what G made, and neither leaves gradients with the other")
def check_article_step(training_step):
    from minicyclegan.gan_loss import discriminator_loss, generator_loss

    G0 = nn.Sequential(nn.Conv2d(3, 6, 3, padding=1), nn.Tanh(), nn.Conv2d(6, 3, 3, padding=1))
    D0 = nn.Sequential(nn.Conv2d(3, 6, 4, 2, 1), nn.LeakyReLU(0.2), nn.Conv2d(6, 1, 3))
    real_A, real_B = torch.rand(2, 3, 8, 8), torch.rand(2, 3, 8, 8)
    rate = 0.3
    old_g, old_d = ([torch.randn_like(p) for p in network.parameters()] for network in (G0, D0))

    def moved(network, *gradients):
        """A copy of a network after one step along the sum of some gradients."""
        network = copy.deepcopy(network)
        with torch.no_grad():
            for p, *slopes in zip(network.parameters(), *gradients):
                p -= rate * sum(slopes)
        return network

    def slopes(loss, network):
        return torch.autograd.grad(loss, list(network.parameters()), retain_graph=True)

    def same(one, other) -> bool:
        return all(torch.allclose(p, q, atol=1e-5) for p, q in zip(one.parameters(), other.parameters()))

    fake = G0(real_A)
    for_g = generator_loss(D0(fake))
    aim_g, spill_d = slopes(for_g, G0), slopes(for_g, D0)
    for_d = discriminator_loss(D0(real_B), D0(fake))
    aim_d, spill_g = slopes(for_d, D0), slopes(for_d, G0)
    G1, D1 = moved(G0, aim_g), moved(D0, aim_d)
    with torch.no_grad():
        newer = G1(real_A)  # D may also be shown what G paints after its step
    D1_newer = moved(D0, slopes(discriminator_loss(D0(real_B), D0(newer)), D0))
    G1_after_d = moved(G0, slopes(generator_loss(D1(fake)), G0))

    G, D = copy.deepcopy(G0), copy.deepcopy(D0)
    for network, old in ((G, old_g), (D, old_d)):  # what an earlier step left behind
        for p, gradient in zip(network.parameters(), old):
            p.grad = gradient.clone()
    optimizers = [counted_sgd(network.parameters(), rate) for network in (G, D)]
    try:
        training_step(G, D, real_A, real_B, *optimizers)
    except RuntimeError as error:
        expect(
            "second time" not in str(error),
            "RuntimeError: D's loss goes backward through G once more, and G's graph is gone. What cuts a fake off from its maker?",
        )
        expect(
            "inplace" not in str(error),
            "RuntimeError: keeping the graph does not help, for G's weights have changed since. D needs the picture, not the way it was made.",
        )
        expect(
            "does not require grad" not in str(error),
            "RuntimeError: a loss finds nothing that learns: is D frozen for G's turn and not thawed for its own, or is something detached that should not be?",
        )
        raise
    expect(
        all(optimizer.steps < 2 for optimizer in optimizers),
        f"G makes {optimizers[0].steps} steps and D {optimizers[1].steps}: one for each player.",
    )
    expect(
        not same(G, G0),
        "G has not moved: does a gradient reach it in its own turn, and is its optimiser's step called?",
    )
    expect(not same(D, D0), "D has not moved: backward, and then its optimiser's step.")
    expect(
        not same(G, moved(G0, old_g, aim_g)) and not same(G, moved(G0, old_g)),
        "G follows old gradients too: what comes before backward in G's turn?",
    )
    if not same(G, G1):
        expect(
            not same(G, G1_after_d),
            "D has moved before G had its turn: here G comes first, against the D of the last step.",
        )
        fooled = slopes(0.5 * (D0(fake) ** 2).mean(), G0), slopes((D0(fake) ** 2).mean(), G0)
        expect(
            not any(same(G, moved(G0, wrong)) for wrong in fooled),
            "your G learns to be recognised: its fakes should be called real.",
        )
        expect(
            not same(G, moved(G0, aim_g, spill_g)) and not same(G, moved(G0, spill_g)),
            "G follows D's loss: only the generator's loss is G's business.",
        )
        raise NotYet("G has not made the step that `generator_loss(D(fake_B))` asks for.")
    for network in (D1, D1_newer):
        if same(D, network):
            break
    else:
        compare_discriminator(D, D0, moved, same, old_d, aim_d, spill_d, slopes, real_B, fake)
    left = [p.grad for p in G.parameters()]
    clean = all(g is None or not g.any() for g in left) or all(
        g is not None and torch.allclose(g, a, atol=1e-5) for g, a in zip(left, aim_g)
    )
    expect(
        clean,
        "both have moved correctly, but D's loss has left gradients in G: D's turn should not reach the generator.",
    )
    expect(
        all(part.training for network in (G, D) for part in network.modules()),
        "after the step a network is in another mode: who called `eval()` and did not go back?",
    )
    compare_rounds(training_step, G, D, optimizers, rate)


def compare_rounds(training_step, G, D, optimizers, rate: float) -> None:
    """Two more steps with the same networks and other pictures: what the step before left behind must not matter."""
    from minicyclegan.gan_loss import discriminator_loss, generator_loss

    for number in (2, 3):
        real_A, real_B = torch.rand(2, 3, 8, 8), torch.rand(2, 3, 8, 8)
        G0, D0 = (copy.deepcopy(network).requires_grad_(True) for network in (G, D))
        try:
            training_step(G, D, real_A, real_B, *optimizers)
        except RuntimeError as error:
            raise NotYet(
                f"the first step is right, and step {number} stops: {str(error).splitlines()[0][:90]}. What did the first one leave behind, frozen or uncleared?"
            ) from None
        fake = G0(real_A)
        found = []
        for loss, before, after in (
            (generator_loss(D0(fake)), G0, G),
            (discriminator_loss(D0(real_B), D0(fake.detach())), D0, D),
            (discriminator_loss(D0(real_B), D0(G(real_A).detach())), D0, D),
        ):
            slopes = torch.autograd.grad(loss, list(before.parameters()), retain_graph=True)
            moves = zip(before.parameters(), after.parameters(), slopes)
            found.append(all(torch.allclose(q, p - rate * slope, atol=1e-5) for p, q, slope in moves))
        expect(
            found[0] and (found[1] or found[2]),
            f"the first step is right, and in step {number} {'D' if found[0] else 'G'} does not follow its own loss alone: what did the step before leave behind, frozen or uncleared?",
        )


def compare_discriminator(D, D0, moved, same, old_d, aim_d, spill_d, slopes, real, fake) -> None:
    """Say what D has learned from instead of its own loss alone."""
    from minicyclegan.gan_loss import discriminator_loss, generator_loss

    expect(
        not any(same(D, moved(D0, *more, aim_d)) for more in ((old_d,), (spill_d,), (old_d, spill_d))),
        "D follows gradients that do not belong to its turn: those of an earlier step, or those that G's loss left behind. What comes before D's backward?",
    )
    swapped = slopes(discriminator_loss(D0(fake), D0(real)), D0)
    expect(
        not same(D, moved(D0, swapped)),
        "real and fake have changed places in D's loss: the real scores are the first argument.",
    )
    expect(
        not same(D, moved(D0, slopes(generator_loss(D0(fake)), D0))),
        "D minimises the generator's loss: then both want the same, as in row 5. What is D's own aim?",
    )
    raise NotYet("D has not made the step that `discriminator_loss(D(real_B), D(fake_B))` asks for.")
