"""The check of notebook 04 that plays the two turns of the game."""

import copy

import torch
from torch import Tensor, nn

from minicyclegan.checks.frame import NotYet, exercise, expect
from minicyclegan.checks.gan_loss import distance, same
from minicyclegan.checks.probes import counted_sgd, untouched

LR = 0.1


class Game:
    """One game: networks that still hold gradients of an earlier turn, their optimisers, real points and fakes."""

    def __init__(self):
        self.generator = nn.Linear(3, 2)
        self.discriminator = nn.Sequential(nn.Linear(2, 16), nn.LeakyReLU(0.2), nn.Linear(16, 1))
        self.optimizer_g = counted_sgd(self.generator.parameters(), LR)
        self.optimizer_d = counted_sgd(self.discriminator.parameters(), LR)
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


def held_gradients(network: nn.Module) -> Tensor:
    return torch.cat(
        [(torch.zeros_like(p) if p.grad is None else p.grad).flatten() for p in network.parameters()]
    )


def refuse_move(moved: Tensor, wanted: Tensor, mistakes, otherwise: str) -> None:
    """Compare a step of SGD with the gradient that it should have followed, and with those of usual mistakes."""
    if same(moved, -LR * wanted):
        return
    for gradient, hint in mistakes:
        if same(moved, -LR * gradient):
            raise NotYet(hint)
    raise NotYet(otherwise)


@exercise("each turn moves its own player by its own loss and leaves the other alone")
def check_turns(discriminator_turn, generator_turn):
    for mode in ("lsgan", "bce"):
        try_discriminator_turn(discriminator_turn, mode)
        try_generator_turn(generator_turn, mode)
        try_rounds(discriminator_turn, generator_turn, mode)


def try_rounds(discriminator_turn, generator_turn, mode: str) -> None:
    """Three rounds with the same networks, as a training has them; compared with the gradients of the two losses."""
    game = Game()
    for number in range(1, 4):
        real, fake = torch.randn(8, 2) + 2, game.generator(torch.randn(6, 3))
        discriminator, generator = game.discriminator, game.generator
        with untouched(f"discriminator_turn in round {number}", generator=generator, fake=fake):
            start, seen = weights(discriminator), fake.detach()
            # The generator's turn may have frozen the discriminator
            thawed = copy.deepcopy(discriminator).requires_grad_(True)
            loss = distance(thawed(real), 1.0, mode) + distance(thawed(seen), 0.0, mode)
            wanted, held = game.gradient(loss, thawed), held_gradients(generator)
            modes = [discriminator.training, generator.training]
            try:
                discriminator_turn(discriminator, game.optimizer_d, real, fake, mode)
            except RuntimeError as error:
                if "does not require grad" not in str(error):
                    raise
                raise NotYet(
                    f"in round {number} the discriminator's backward() finds no weights that learn: who froze them with `requires_grad_(False)` and never thawed them?"
                ) from None
        expect(
            same(held_gradients(generator), held),
            f"in round {number} discriminator_turn changes the gradients that the generator holds: it may not touch them.",
        )
        expect(
            same(weights(discriminator) - start, -LR * wanted / 2),
            f"the first turns are right, but in round {number} discriminator_turn does not follow its own loss alone: what is left over from the turns before?",
        )
        start, aim = weights(generator), game.gradient(distance(discriminator(fake), 1.0, mode), generator)
        generator_turn(discriminator, game.optimizer_g, fake, mode)
        expect(
            same(weights(generator) - start, -LR * aim),
            f"the first turns are right, but in round {number} generator_turn does not follow its own loss alone: what is left over from the turns before?",
        )
        expect(
            modes == [discriminator.training, generator.training],
            "after a turn a network is in another mode, `train()` or `eval()`, than it was in.",
        )


def try_discriminator_turn(discriminator_turn, mode: str) -> None:
    game = Game()
    old = game.leave_old_gradients(game.discriminator)
    start, start_g = weights(game.discriminator), weights(game.generator)
    real, fake = game.discriminator(game.real), game.discriminator(game.fake)
    other = "bce" if mode == "lsgan" else "lsgan"
    on_real = game.gradient(distance(real, 1.0, mode), game.discriminator)
    on_fake = game.gradient(distance(fake, 0.0, mode), game.discriminator)
    swapped = game.gradient(distance(real, 0.0, mode) + distance(fake, 1.0, mode), game.discriminator)
    wrong_mode = game.gradient(distance(real, 1.0, other) + distance(fake, 0.0, other), game.discriminator)
    fooled = game.gradient(distance(fake, 1.0, mode), game.discriminator)
    wanted = (on_real + on_fake) / 2

    discriminator_turn(game.discriminator, game.optimizer_d, game.real, game.fake, mode)

    name = "discriminator_turn"
    expect(
        game.fake.requires_grad,
        f"{name} cuts the fake itself off (`detach_()`?): the generator still has to learn from it. `fake.detach()` makes a copy.",
    )
    expect(
        all(p.grad is None for p in game.generator.parameters()),
        f"{name} leaves gradients in the generator, {sum(p.grad is not None for p in game.generator.parameters())} of them: where should the way back from the fake be cut?",
    )
    expect(torch.equal(weights(game.generator), start_g), f"{name} moves the generator.")
    expect(
        game.optimizer_d.steps < 2,
        f"{name} makes {game.optimizer_d.steps} steps of the optimiser: one for each turn.",
    )
    expect(game.optimizer_g.steps == 0, f"{name} calls the generator's optimiser.")
    moved = weights(game.discriminator) - start
    if not moved.any():
        now = held_gradients(game.discriminator)
        expect(
            not same(now, wanted),
            f"{name}: the gradients are right, but the discriminator does not move: who makes the step?",
        )
        raise NotYet(
            f"{name}: the discriminator does not move. The order is: clear the gradients, `backward()`, then the optimiser's step."
        )
    mistakes = [
        (wanted + old, f"{name}: gradients of an earlier turn are added in: when are they cleared?"),
        (old, f"{name}: the discriminator follows gradients of an earlier turn: `backward()` comes before the step."),
        (on_real / 2, f"{name}: the discriminator learns nothing from the fakes: detach the fake picture, not the discriminator's score of it."),
        (on_fake / 2, f"{name}: the discriminator learns nothing from the real pictures."),
        (2 * wanted, f"{name}: the discriminator's step is twice as large as it should be: the half is missing."),
        (swapped / 2, f"{name}: real and fake are swapped."),
        (-wanted, f"{name}: the discriminator climbs where it should descend: the sign is the wrong way round."),
        (fooled, f"{name}: the discriminator is trained with the generator's loss."),
        (wrong_mode / 2, f"{name} does not pass its mode on to the loss."),
    ]  # fmt: skip
    refuse_move(
        moved,
        wanted,
        mistakes,
        f"{name}: the discriminator moves, but not down discriminator_loss of its real and fake scores.",
    )


def try_generator_turn(generator_turn, mode: str) -> None:
    game = Game()
    old = game.leave_old_gradients(game.generator)
    start, start_d = weights(game.generator), weights(game.discriminator)
    game.leave_old_gradients(game.discriminator)
    fake, other = game.discriminator(game.fake), "bce" if mode == "lsgan" else "lsgan"
    wanted = game.gradient(distance(fake, 1.0, mode), game.generator)
    same_aim = game.gradient(distance(fake, 0.0, mode), game.generator)
    wrong_mode = game.gradient(distance(fake, 1.0, other), game.generator)

    name = "generator_turn"
    try:
        generator_turn(game.discriminator, game.optimizer_g, game.fake, mode)
    except RuntimeError as error:
        if "does not require grad" not in str(error):
            raise
        raise NotYet(
            f"{name}: backward() finds no way from the loss to any weight: in this turn nothing is detached."
        ) from None

    expect(
        torch.equal(weights(game.discriminator), start_d),
        f"{name} moves the discriminator: whose optimiser makes the step, and whose weights does it hold?",
    )
    expect(
        game.optimizer_g.steps < 2,
        f"{name} makes {game.optimizer_g.steps} steps of the optimiser: one for each turn.",
    )
    moved = weights(game.generator) - start
    if not moved.any():
        now = held_gradients(game.generator)
        expect(
            not same(now, wanted),
            f"{name}: the gradients are right, but the generator does not move: who makes the step?",
        )
        expect(
            not same(now, old) and now.any(),
            f"{name}: the generator does not move. Is the fake detached, or are the gradients cleared after `backward()`? Here the way back must stay open.",
        )
        raise NotYet(
            f"{name}: the generator does not move: clear the gradients, `backward()`, then the step."
        )
    mistakes = [
        (wanted + old, f"{name}: gradients of an earlier turn are added in: when are they cleared?"),
        (old, f"{name}: the generator follows gradients of an earlier turn: is the fake detached, or does the step come before `backward()`?"),
        (same_aim, f"{name}: the generator learns to have its fakes called fake. What does it want?"),
        (-same_aim, f"{name}: minus the discriminator's loss is not the generator's; it asks for 1."),
        (-wanted, f"{name}: the generator climbs where it should descend: the sign is the wrong way round."),
        (wanted / 2, f"{name}: the half belongs to the discriminator alone."),
        (wrong_mode, f"{name} does not pass its mode on to the loss."),
    ]  # fmt: skip
    refuse_move(
        moved,
        wanted,
        mistakes,
        f"{name}: the generator moves, but not down generator_loss of the discriminator's scores.",
    )
