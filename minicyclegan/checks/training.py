"""The checks of notebook 07 on the schedule, the length of a training, and the moving average."""

import copy
import math
import random

import torch
from torch import nn

from minicyclegan.checks.frame import NotYet, exercise, expect


def number(answer, what: str) -> float:
    """An answer as a float; a tensor of one number will do."""
    expect(answer is not None, f"{what} gives None: is there a `return`?")
    try:
        return float(answer)
    except (TypeError, ValueError, RuntimeError):
        raise NotYet(f"{what} gives {type(answer).__name__}, but one number is wanted.") from None


@exercise("1 at first, then a straight line whose 0 lies one step after the last")
def check_learning_rate_factor(learning_rate_factor):
    rng = random.Random(torch.initial_seed())
    for share_of_ten in (5, 2, 8, 10):
        steps = 10 * rng.randint(4, 12)
        falling, share = steps * share_of_ten // 10, share_of_ten / 10
        setting = f"with steps={steps} and decay_share={share}"
        found = [number(learning_rate_factor(s, steps, share), "the function") for s in range(steps)]
        wanted = [min(1.0, (steps - s) / falling) for s in range(steps)]
        if not all(map(near, found, wanted)):
            raise NotYet(hint_for_rates(found, wanted, steps, falling, setting))
    try:
        found = [number(learning_rate_factor(s, 9, 0.0), "the function") for s in range(9)]
    except ZeroDivisionError:
        raise NotYet("with decay_share=0 you divide by zero: then nothing falls, not even once.") from None
    expect(
        all(factor == 1 for factor in found),
        "with decay_share=0 the rate should stay at 1 to the end, but it does not.",
    )


def near(found: float, wanted: float) -> bool:
    return math.isclose(found, wanted, rel_tol=1e-5, abs_tol=1e-9)


def hint_for_rates(found: list, wanted: list, steps: int, falling: int, setting: str) -> str:
    last, before = found[-1], steps - falling
    if min(found) < 0:
        worst = found.index(min(found))
        return f"{setting} the factor at step {worst} is {found[worst]:.3g}: a rate below zero climbs instead of descending."
    if max(found) > 1.000001:
        return f"{setting} the factor at step {found.index(max(found))} is {max(found):.3g}: what caps the line at 1 before it begins to fall?"
    if min(found) == 1:
        return f"{setting} your factor is 1 at every step: the last {falling} steps should fall."
    first = next(s for s, factor in enumerate(found) if factor < 0.999999)
    if first > 0 and near(found[first], found[-1]):
        return f"{setting} the factor jumps to {last:.3g} and stays there: it should fall a little at every step."
    if last == 0:
        return f"{setting} the last step, {steps - 1}, gets a factor of 0 and learns nothing: steps count from 0, so at which step should the line reach 0?"
    if first == 0 and near(found[0], found[1]):
        return f"{setting} the factor at step 0 is {found[0]:.3g}: the learning rate is multiplied by it later, so it begins at 1."
    if first <= 1 < before:
        return f"{setting} the rate falls from the first step on; for the first {before} steps it should stay at 1."
    if near(last, 2 / falling):
        return f"{setting} the last factor is {last:.3g}, twice as much as it should be: your line reaches 0 two steps after the last one, not one."
    if near(last, 1 / (falling + 1)):
        return (
            f"{setting} your line falls {falling + 1} times and not {falling}: it begins one step too early."
        )
    if not near(first, before + 1):
        return f"{setting} the factor falls from step {first} on: decay_share is the share at the end, so which step is the first below 1?"
    k = next(s for s in range(steps) if not near(found[s], wanted[s]))
    return f"{setting} the factor at step {k} is {found[k]:.3g}, but a straight line from 1 at step {before} to 0 at step {steps} passes {wanted[k]:.3g} there."


@exercise("the larger domain counts, batches run on over the ends of epochs, and 3600 seconds are an hour")
def check_training_length(training_length):
    rng = random.Random(torch.initial_seed())
    for swap in (False, True):
        batch = rng.choice((4, 6, 8))
        epochs = 2 * rng.randint(5, 20) + 1
        small = rng.randint(60, 200)
        large = batch * rng.randint(60, 90) + 1  # odd epochs, even batches: no rounding is without effect
        n_a, n_b = (large, small) if swap else (small, large)
        seconds = rng.randint(2, 30) / 16
        answer = training_length(epochs, n_a, n_b, batch, seconds)
        expect(answer is not None, "the function gives None: is there a `return`?")
        expect(
            isinstance(answer, (tuple, list)) and len(answer) == 2,
            "the function should return two things, the steps and the hours: `return steps, hours`.",
        )
        steps, hours = number(answer[0], "the number of steps"), number(answer[1], "the number of hours")
        case = f"{epochs} epochs of {n_a} and {n_b} pictures in batches of {batch}"
        pictures = epochs * large
        wanted = -(-pictures // batch)
        for value, hint in (
            (
                pictures / batch,
                f"{case}: you get {steps:g} steps, but there are no fractions of a step, and the last pictures need one too.",
            ),
            (
                pictures // batch,
                f"{case}: after your {steps:.0f} steps some pictures are still waiting. Round the other way.",
            ),
            (
                epochs * -(-large // batch),
                f"{case}: you get {steps:.0f} steps. You round in each epoch, but a batch here runs on into the next epoch. Round once.",
            ),
            (
                epochs * (large // batch),
                f"{case}: you get {steps:.0f} steps. You drop the rest of each epoch, but a batch here runs on into the next epoch.",
            ),
            (
                -(-epochs * small // batch),
                f"{case}: you count the smaller domain. After your {steps:.0f} steps, how often was each picture of the larger one seen?",
            ),
            (
                -(-epochs * (small + large) // batch),
                f"{case}: you add the two domains, but one step shows a batch of A and a batch of B together.",
            ),
            (
                pictures,
                f"{case}: {steps:.0f} is the number of pictures shown. How many of them go into one step?",
            ),
            (
                pictures * batch,
                f"{case}: with larger batches you need more steps? A step shows {batch} pictures at once.",
            ),
        ):
            if value != wanted and near(steps, value):
                raise NotYet(hint)
        expect(
            near(steps, wanted),
            f"{case}: you get {steps:g} steps. How many pictures of the larger domain are shown, and how many in one step?",
        )
        for factor, hint in (
            (60, "your hours are minutes: 60 times too many."),
            (3600, "your hours are seconds: how many of them make an hour?"),
        ):
            expect(not near(hours, factor * wanted * seconds / 3600), hint)
        expect(
            near(hours, wanted * seconds / 3600),
            f"for {wanted} steps of {seconds:g} s you get {hours:g} hours: which two numbers make the seconds, and how many seconds make an hour?",
        )


class Player(nn.Module):
    """Four small networks with the names of a CycleGAN's."""

    def __init__(self):
        super().__init__()
        for name in ("generator_ab", "generator_ba", "discriminator_a", "discriminator_b"):
            setattr(self, name, nn.Linear(4, 3))


def weights(network: nn.Module) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in network.parameters()])


@exercise("both averaged generators move, by the right amount, early and late, and nothing else does")
def check_update_average(update_average):
    for decay, step in ((0.9, 500), (0.99, 0), (0.999, 30)):
        average, model = Player(), Player()
        old, new = copy.deepcopy(average), copy.deepcopy(model)
        update_average(average, model, decay, step)
        expect(
            torch.equal(weights(model), weights(new)),
            "your code changes the model that is being trained: only `average` may move.",
        )
        moved = {
            name: not torch.equal(weights(network), weights(getattr(old, name)))
            for name, network in average.named_children()
        }
        expect(
            moved["generator_ab"] or moved["generator_ba"],
            "the average did not move at all: its weights must be changed in place, as with `p.copy_(...)` or `p.lerp_(...)`.",
        )
        for name in ("generator_ab", "generator_ba"):
            expect(moved[name], f"the average of {name} did not move: there are two generators.")
        expect(
            not moved["discriminator_a"] and not moved["discriminator_b"],
            "you average the discriminators as well: nobody translates with them, and the two lines cost time at every step.",
        )
        wanted = min(decay, (1 + step) / (10 + step))
        for name in ("generator_ab", "generator_ba"):
            start, end, now = (weights(getattr(which, name)) for which in (old, new, average))
            kept = float((now - end) @ (start - end) / (start - end).square().sum())
            what = f"at step {step} with decay={decay} the average keeps {kept:.3f} of itself"
            if not math.isclose(kept, wanted, abs_tol=2e-4):
                raise NotYet(hint_for_average(kept, wanted, decay, step, what))
            expect(
                torch.allclose(now, end + wanted * (start - end), atol=1e-5),
                f"{what}, but the two shares do not add up to 1: the rest comes from the model.",
            )


def hint_for_average(kept: float, wanted: float, decay: float, step: int, what: str) -> str:
    slow = (1 + step) / (10 + step)

    def is_(value: float) -> bool:
        return math.isclose(kept, value, abs_tol=2e-4)

    if is_(1 - wanted):
        return f"{what} and takes the rest from the model: the two shares are swapped. Which one should be large late in training?"
    if is_(decay):
        return f"{what}: then the random first weights stay for a long time. Where is the slow start?"
    if is_(max(decay, slow)):
        return f"{what}: you take the larger of the two decays, but the smaller one is wanted."
    if any(is_(start) for start in (step / (10 + step), (2 + step) / (11 + step), step / (9 + step))):
        return f"{what}, but (1 + step) / (10 + step) is {slow:.3f} there: `step` counts from 0."
    return f"{what}; the smaller of decay and (1 + step) / (10 + step) is {wanted:.3f}."
