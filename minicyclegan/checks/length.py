"""The check of notebook 07 on the length of a training."""

import random

import torch

from minicyclegan.checks.frame import NotYet, exercise, expect
from minicyclegan.checks.training import near, number


@exercise("the larger domain counts, batches run on over the ends of epochs, and 3600 seconds are an hour")
def check_training_length(training_length):
    rng = random.Random(torch.initial_seed())
    for swap in (False, True):
        batch = rng.choice((4, 6, 8))
        epochs = 2 * rng.randint(5, 20) + 1
        small = rng.randint(60, 200)
        large = batch * rng.randint(60, 90) + 1  # odd epochs, even batches: no rounding is without effect
        n_a, n_b = (large, small) if swap else (small, large)
        compare_length(training_length, epochs, n_a, n_b, batch, rng.randint(2, 30) / 16)
    # batches of one, whole epochs of whole batches, a single short epoch, equal domains, one batch for everything
    for epochs, n_a, n_b, batch in (
        (200, 1067, 1334, 1),
        (3, 40, 24, 8),
        (1, 7, 9, 8),
        (5, 11, 11, 4),
        (3, 3, 2, 50),
    ):
        compare_length(training_length, epochs, n_a, n_b, batch, 0.25)
    for _ in range(30):
        epochs, n_a, n_b, batch = (rng.randint(1, most) for most in (9, 60, 60, 12))
        compare_length(training_length, epochs, n_a, n_b, batch, rng.randint(1, 64) / 16)


def compare_length(training_length, epochs: int, n_a: int, n_b: int, batch: int, seconds: float) -> None:
    large, small = max(n_a, n_b), min(n_a, n_b)
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
            wanted + 1 if pictures % batch == 0 else 0.5,
            f"{case}: you get {steps:.0f} steps, one too many: here the last batch is full, and nothing is left over.",
        ),
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
        if value != wanted and abs(steps - value) < 0.01:
            raise NotYet(hint)
    expect(
        not near(steps, wanted * seconds / 3600) or not near(hours, wanted),
        "the two have changed places: first the steps, then the hours.",
    )
    expect(
        abs(steps - wanted) < 0.01,
        f"{case}: you get {steps:g} steps. How many pictures of the larger domain are shown, and how many in one step?",
    )
    exact = pictures / batch * seconds / 3600
    expect(
        near(exact, wanted * seconds / 3600) or not near(hours, exact),
        f"{case}: your hours are those of {pictures / batch:.4g} steps, and there are {wanted}: the last step lasts as long as the others.",
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
