"""The check of notebook 07 on the moving average."""

import copy
import math

import torch
from torch import nn

from minicyclegan.checks.frame import NotYet, exercise, expect


class Player(nn.Module):
    """Four small networks with the names of a CycleGAN's."""

    def __init__(self):
        super().__init__()
        for name in ("generator_ab", "generator_ba", "discriminator_a", "discriminator_b"):
            setattr(self, name, nn.Sequential(nn.Linear(4, 3), nn.Conv2d(2, 2, 1)))


def weights(network: nn.Module) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in network.parameters()])


@exercise("both averaged generators move, by the right amount, early and late, and nothing else does")
def check_update_average(update_average):
    for decay, step in ((0.92, 500), (0.99, 0), (0.999, 30), (0.999, 100_000), (0.0, 40)):
        average, model = Player().eval(), Player()
        compare_average(update_average, average, model, decay, step)
    for step in range(3):  # the same networks again, after the model has moved
        with torch.no_grad():
            for p in model.parameters():
                p.add_(torch.randn_like(p))
        compare_average(update_average, average, model, 0.9, step)
    kept = weights(average)
    with torch.no_grad():
        for p in model.parameters():
            p.fill_(7.0)
    expect(
        torch.equal(weights(average), kept),
        "when the model moves on, the average moves with it: the two share memory. Copy numbers, not tensors.",
    )


def compare_average(update_average, average: Player, model: Player, decay: float, step: int) -> None:
    old, new = copy.deepcopy(average), copy.deepcopy(model)
    held, trained = list(average.parameters()), list(model.parameters())
    for p in trained:
        p.grad = torch.ones_like(p)
    update_average(average, model, decay, step)
    expect(
        torch.equal(weights(model), weights(new)),
        "your code changes the model that is being trained: only `average` may move.",
    )
    expect(
        all(p is q and p.requires_grad and p.grad is not None for p, q in zip(model.parameters(), trained))
        and all(part.training for part in model.modules()),
        "your code leaves the model that is being trained in another mode, frozen, or without its gradients.",
    )
    expect(
        len(held) == len(list(average.parameters())) and all(p is q for p, q in zip(average.parameters(), held)),
        "the average has got new Parameters: its own must change in place, as with `p.copy_(...)` or `p.lerp_(...)`.",
    )  # fmt: skip
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
    for name in ("generator_ab", "generator_ba"):
        other = "generator_ba" if name == "generator_ab" else "generator_ab"
        wanted = min(decay, (1 + step) / (10 + step))
        crossed = wanted * weights(getattr(old, name)) + (1 - wanted) * weights(getattr(new, other))
        expect(
            not torch.allclose(weights(getattr(average, name)), crossed, atol=1e-5),
            f"the average of {name} moves towards the model's {other}: each towards its own.",
        )
        compare_generator(*(getattr(which, name) for which in (old, new, average)), decay, step)
        expect(
            not any(p.data_ptr() == q.data_ptr() for p, q in zip(getattr(average, name).parameters(), getattr(model, name).parameters())),
            "the average and the model share memory: copy numbers, not tensors.",
        )  # fmt: skip


def compare_generator(old: nn.Module, new: nn.Module, now: nn.Module, decay: float, step: int) -> None:
    """Whether each weight of a generator went from `old` the right part of the way to `new`."""
    wanted = min(decay, (1 + step) / (10 + step))
    for (name, start), end, found in zip(old.named_parameters(), new.parameters(), now.parameters()):
        start, end, found = (p.detach().flatten() for p in (start, end, found))
        kept = float((found - end) @ (start - end) / (start - end).square().sum())
        what = f"at step {step} with decay={decay} the average keeps {kept:.3f} of itself"
        if not math.isclose(kept, wanted, abs_tol=2e-4):
            expect(
                not torch.equal(found, start),
                f"the parameter {name} of a generator did not move: every weight is averaged, the biases too.",
            )
            raise NotYet(hint_for_average(kept, wanted, decay, step, what))
        expect(
            torch.allclose(found, end + wanted * (start - end), atol=1e-5),
            f"{what}, but the rest is not the model's: it comes from the weights of the same generator, and the two shares add up to 1.",
        )


def hint_for_average(kept: float, wanted: float, decay: float, step: int, what: str) -> str:
    slow = (1 + step) / (10 + step)

    def is_(value: float) -> bool:
        return math.isclose(kept, value, abs_tol=2e-4)

    if decay == 0.0:
        return f"{what}: with a decay of 0 it should become the model, whatever the step."

    if is_(1 - wanted):
        return f"{what} and takes the rest from the model: the two shares are swapped. Which one should be large late in training?"
    if is_(decay):
        return f"{what}: then the random first weights stay for a long time. Where is the slow start?"
    if is_(max(decay, slow)):
        return f"{what}: you take the larger of the two decays, or always the slow one, but the smaller one is wanted."
    if any(is_(start) for start in (step / (10 + step), (2 + step) / (11 + step), step / (9 + step))):
        return f"{what}, but (1 + step) / (10 + step) is {slow:.3f} there: `step` counts from 0."
    return f"{what}; the smaller of decay and (1 + step) / (10 + step) is {wanted:.3f}."
