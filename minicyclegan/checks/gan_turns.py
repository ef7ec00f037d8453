"""The check of notebook 04 that plays the two turns of the game (plumbing)."""

import torch
from torch import Tensor, nn

from minicyclegan.checks.frame import NotYet, exercise, expect
from minicyclegan.checks.gan_loss import distance, same

LR = 0.1


class Table:
    """One game: networks in which gradients of an earlier turn still lie, their optimisers, real points and fakes."""

    def __init__(self):
        self.generator = nn.Linear(3, 2)
        self.judge = nn.Sequential(nn.Linear(2, 16), nn.LeakyReLU(0.2), nn.Linear(16, 1))
        self.optimizer_g = torch.optim.SGD(self.generator.parameters(), LR)
        self.optimizer_d = torch.optim.SGD(self.judge.parameters(), LR)
        self.real, self.fake = torch.randn(8, 2) + 2, self.generator(torch.randn(6, 3))

    def leave_old_gradients(self, network: nn.Module) -> Tensor:
        for p in network.parameters():
            p.grad = torch.randn_like(p)
        return torch.cat([p.grad.flatten() for p in network.parameters()])

    def gradient(self, loss: Tensor, network: nn.Module) -> Tensor:
        parts = torch.autograd.grad(loss, list(network.parameters()), retain_graph=True)
        return torch.cat([part.flatten() for part in parts])


def weights(network: nn.Module) -> Tensor:
    return torch.cat([p.detach().flatten() for p in network.parameters()])


def refuse_move(moved: Tensor, wanted: Tensor, mistakes, otherwise: str) -> None:
    """Compare a step of SGD with the gradient that it should have followed, and with those of usual mistakes."""
    if same(moved, -LR * wanted):
        return
    for gradient, hint in mistakes:
        if same(moved, -LR * gradient):
            raise NotYet(hint)
    raise NotYet(otherwise)


@exercise("each turn moves its own player by its own loss and leaves the other alone")
def check_turns(judge_turn, generator_turn):
    for mode in ("lsgan", "bce"):
        look_at_judge(judge_turn, mode)
        look_at_generator(generator_turn, mode)


def look_at_judge(judge_turn, mode: str) -> None:
    t = Table()
    old, start, start_g = t.leave_old_gradients(t.judge), weights(t.judge), weights(t.generator)
    real, fake = t.judge(t.real), t.judge(t.fake)
    other = "bce" if mode == "lsgan" else "lsgan"
    on_real, on_fake = (
        t.gradient(distance(real, 1.0, mode), t.judge),
        t.gradient(distance(fake, 0.0, mode), t.judge),
    )
    swapped = t.gradient(distance(real, 0.0, mode) + distance(fake, 1.0, mode), t.judge)
    wrong_mode = t.gradient(distance(real, 1.0, other) + distance(fake, 0.0, other), t.judge)
    fooled = t.gradient(distance(fake, 1.0, mode), t.judge)
    wanted = (on_real + on_fake) / 2

    judge_turn(t.judge, t.optimizer_d, t.real, t.fake, mode)

    name = "judge_turn"
    expect(
        t.fake.requires_grad,
        f"{name} cuts the fake itself off (`detach_()`?): the generator still has to learn from it. `fake.detach()` makes a copy.",
    )
    expect(
        all(p.grad is None for p in t.generator.parameters()),
        f"{name} leaves gradients in the generator, {sum(p.grad is not None for p in t.generator.parameters())} of them: where should the way back from the fake be cut?",
    )
    expect(torch.equal(weights(t.generator), start_g), f"{name} moves the generator.")
    moved = weights(t.judge) - start
    if not moved.any():
        now = torch.cat(
            [
                torch.zeros_like(p).flatten() if p.grad is None else p.grad.flatten()
                for p in t.judge.parameters()
            ]
        )
        expect(
            not same(now, wanted),
            f"{name}: the gradients are right, but the judge does not move: who makes the step?",
        )
        raise NotYet(
            f"{name}: the judge does not move. The order is: empty the gradients, `backward()`, then the optimiser's step."
        )
    mistakes = [
        (wanted + old, f"{name}: gradients of an earlier turn are added in: when are they emptied?"),
        (old, f"{name}: the judge follows gradients of an earlier turn: `backward()` comes before the step."),
        (on_real / 2, f"{name}: the judge learns nothing from the fakes: detach the fake picture, not the judge's score of it."),
        (on_fake / 2, f"{name}: the judge learns nothing from the real pictures."),
        (2 * wanted, f"{name}: the judge's step is twice as large as it should be: the half is missing."),
        (swapped / 2, f"{name}: real and fake are exchanged."),
        (-wanted, f"{name}: the judge climbs where it should descend: the sign is turned round."),
        (fooled, f"{name}: the judge is trained with the generator's loss."),
        (wrong_mode / 2, f"{name} does not hand its mode on to the loss."),
    ]  # fmt: skip
    refuse_move(
        moved,
        wanted,
        mistakes,
        f"{name}: the judge moves, but not down discriminator_loss of its real and fake scores.",
    )


def look_at_generator(generator_turn, mode: str) -> None:
    t = Table()
    old, start, start_d = t.leave_old_gradients(t.generator), weights(t.generator), weights(t.judge)
    t.leave_old_gradients(t.judge)
    fake, other = t.judge(t.fake), "bce" if mode == "lsgan" else "lsgan"
    wanted = t.gradient(distance(fake, 1.0, mode), t.generator)
    same_aim = t.gradient(distance(fake, 0.0, mode), t.generator)
    wrong_mode = t.gradient(distance(fake, 1.0, other), t.generator)

    name = "generator_turn"
    try:
        generator_turn(t.judge, t.optimizer_g, t.fake, mode)
    except RuntimeError as error:
        if "does not require grad" not in str(error):
            raise
        raise NotYet(
            f"{name}: backward() finds no way from the loss to any weight: in this turn nothing is detached."
        ) from None

    expect(
        torch.equal(weights(t.judge), start_d),
        f"{name} moves the judge: whose optimiser makes the step, and whose weights does it hold?",
    )
    moved = weights(t.generator) - start
    if not moved.any():
        now = torch.cat(
            [
                torch.zeros_like(p).flatten() if p.grad is None else p.grad.flatten()
                for p in t.generator.parameters()
            ]
        )
        expect(
            not same(now, wanted),
            f"{name}: the gradients are right, but the generator does not move: who makes the step?",
        )
        expect(
            not same(now, old) and now.any(),
            f"{name}: the generator does not move. Is the fake detached, or are the gradients emptied after `backward()`? Here the way back must stay open.",
        )
        raise NotYet(
            f"{name}: the generator does not move: empty the gradients, `backward()`, then the step."
        )
    mistakes = [
        (wanted + old, f"{name}: gradients of an earlier turn are added in: when are they emptied?"),
        (old, f"{name}: the generator follows gradients of an earlier turn: is the fake detached, or does the step come before `backward()`?"),
        (same_aim, f"{name}: the generator learns to have its fakes called fake. What does it want?"),
        (-same_aim, f"{name}: minus the discriminator's loss is not the generator's; it asks for 1."),
        (-wanted, f"{name}: the generator climbs where it should descend: the sign is turned round."),
        (wanted / 2, f"{name}: the half belongs to the judge alone."),
        (wrong_mode, f"{name} does not hand its mode on to the loss."),
    ]  # fmt: skip
    refuse_move(
        moved,
        wanted,
        mistakes,
        f"{name}: the generator moves, but not down generator_loss of the judge's scores.",
    )
