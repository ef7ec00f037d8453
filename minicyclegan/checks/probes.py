"""What several checks measure: numbers that differ, gradients, arguments that are left alone, draws that are fair."""

import contextlib
import copy
import re
from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn

from minicyclegan.checks.frame import NotYet, expect


def unlike(found: float | Tensor, wanted: float | Tensor, digits: int = 3) -> tuple[str, str]:
    """Two different numbers as text, with as many digits as it takes to see that they differ."""
    texts = [f"{float(number):.{digits}f}" for number in (found, wanted)]
    while texts[0] == texts[1] and digits < 12:
        digits += 1
        texts = [f"{float(number):.{digits}f}" for number in (found, wanted)]
    return tuple(texts)


def state(thing):
    """What must not have changed after an answer was asked: values, and for a network its modes and weights."""
    if isinstance(thing, nn.Module):
        weights = {name: value.detach().clone() for name, value in thing.named_parameters()}
        learns = [p.requires_grad for p in thing.parameters()]
        return weights, learns, [part.training for part in thing.modules()]
    if isinstance(thing, Tensor):
        return thing.detach().clone()
    return copy.deepcopy(thing)


def same_state(one, other) -> bool:
    """Whether two nested structures of tensors and plain values are equal, in type and shape as well."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same_state(one[key], other[key]) for key in one)
    if isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)):
        return len(one) == len(other) and all(map(same_state, one, other))
    if isinstance(one, Tensor) and isinstance(other, Tensor):
        return one.shape == other.shape and one.dtype == other.dtype and torch.equal(one, other)
    return type(one) is type(other) and one == other


@contextlib.contextmanager
def untouched(who: str, **given) -> Iterator[None]:
    """Raise NotYet if `who` changes what it was given: a tensor, a list or a dict, or the weights or modes of a network."""
    before = {name: state(thing) for name, thing in given.items()}
    try:
        yield
    except RuntimeError as error:
        if "leaf Variable" not in str(error):
            raise
        raise NotYet(f"{who} writes into the tensor that it was given: make a new one instead.") from None
    for name, thing in given.items():
        if isinstance(thing, nn.Module):
            weights, learns, modes = before[name]
            now = state(thing)
            expect(
                now[1] == learns,
                f"{who} leaves parameters of `{name}` switched on or off by `requires_grad_`: put them back.",
            )
            expect(
                now[2] == modes,
                f"{who} leaves the network `{name}` in another mode, `train()` or `eval()`, than it was in.",
            )
            expect(same_state(now[0], weights), f"{who} changes the weights of the network `{name}`.")
        else:
            expect(
                same_state(state(thing), before[name]),
                f"{who} writes into what it was given ({name}), and changes it for the caller too: make a new one instead.",
            )


def with_generator_f(answer: Callable, *given):
    """Ask an answer whose parameter `F` is a generator; say so if it is taken for torch.nn.functional. Raises NotYet."""
    try:
        return answer(*given)
    except AttributeError as error:
        name = re.search(r"has no attribute '(\w+)'", str(error))
        if name is None or not hasattr(nn.functional, name[1]):
            raise
        raise NotYet(
            f"`F.{name[1]}` does not exist here: in this exercise F is a generator, not torch.nn.functional. Use `.abs().mean()`, or nn.functional by its whole name."
        ) from None


def gradients(loss: Tensor, inputs: list[Tensor]) -> list[Tensor]:
    """The gradient of a loss for each of some tensors; zeros where nothing arrives."""
    if not loss.requires_grad or not all(x.requires_grad for x in inputs):
        return [torch.zeros_like(x) for x in inputs]
    found = torch.autograd.grad(loss, inputs, retain_graph=True, allow_unused=True)
    return [torch.zeros_like(x) if g is None else g for g, x in zip(found, inputs)]


def same_gradients(loss: Tensor, wanted: Tensor, inputs) -> bool:
    """Whether two losses pull at some tensors in the same way; False if one of the tensors is frozen."""
    inputs = list(inputs)
    return all(x.requires_grad for x in inputs) and all(
        torch.allclose(f.float(), w.float(), rtol=1e-3, atol=1e-6)
        for f, w in zip(gradients(loss, inputs), gradients(wanted, inputs))
    )


def reached(loss: Tensor, inputs) -> bool:
    """Whether a loss pulls at any of some tensors."""
    return any(bool(g.abs().sum() > 0) for g in gradients(loss, list(inputs)))


def counted_sgd(parameters, rate: float) -> torch.optim.SGD:
    """Plain gradient descent that counts its `steps`.

    No subclass: PyTorch would put another `step` into it at its first use, and a class of ours that changes while a notebook
    runs looks, to the grading, like an attempt to change the verdict.
    """

    def count(optimizer, *rest) -> None:
        optimizer.steps += 1

    optimizer = torch.optim.SGD(parameters, rate)
    optimizer.steps = 0
    optimizer.register_step_post_hook(count)
    return optimizer


def off(count: float, tries: int, chance: float) -> float:
    """By how many standard deviations a count differs from `tries * chance`. Fair draws stay within five."""
    return (float(count) - tries * chance) / (tries * chance * (1 - chance)) ** 0.5


def uneven(counts) -> float:
    """The most standard deviations by which one of some counts differs from an equal share of all."""
    counts = list(map(float, counts))
    return max(abs(off(count, int(sum(counts)), 1 / len(counts))) for count in counts)


def other_means(*differences: Tensor) -> list[tuple[Tensor, str]]:
    """What usual slips make of a sum of mean absolute differences, with a hint for each."""

    def added(reduce: Callable) -> Tensor:
        return sum(reduce(difference) for difference in differences)

    right = added(lambda d: d.abs().mean())
    everything = torch.cat([d.flatten() for d in differences])
    return [
        (added(lambda d: d.square().mean()), "you took the square; the paper takes the absolute difference, which does not prefer grey."),
        (added(lambda d: d.square().mean().sqrt()), "you took the root of the mean square; the paper takes the mean absolute difference."),
        (added(lambda d: d.mean()), "differences of opposite sign cancel in your loss: take absolute values before the mean."),
        (added(lambda d: d.mean().abs()), "differences of opposite sign cancel in your loss: take absolute values before the mean, not after it."),
        (added(lambda d: d.abs().sum()), "that is the sum over all pixels, not the mean: it grows with the size of the picture and of the batch."),
        (added(lambda d: d.abs().sum() / len(d)), "that is a sum over the pixels of each picture, averaged over the batch only: it grows with the size of the picture. Take the mean over everything."),
        (added(lambda d: d.abs().sum((2, 3)).mean()), "that is a sum over the pixels of each colour: it grows with the size of the picture. Take the mean over everything, not the sum."),
        (added(lambda d: d.abs().sum(1).mean()), "that is a sum over the three colours of each pixel: take the mean over everything, not the sum."),
        (added(lambda d: d.abs().sum(0).mean()), "that is a sum over the pictures of the batch: take the mean over everything, not the sum."),
        (added(lambda d: d.abs().sum(2).mean()), "that is a sum over the pixels of each column: take the mean over everything, not the sum."),
        (added(lambda d: d.abs().sum(3).mean()), "that is a sum over the pixels of each row: take the mean over everything, not the sum."),
        (right / 2, "your loss is half of what it should be: the two terms are added, not averaged."),
        (right * 2, "your loss is twice what it should be: is a term counted twice?"),
        (2 * everything.abs().mean(), "you average over all pixels of both domains at once, so the one with more pictures weighs more: take the mean of each domain, then add the two."),
        (everything.abs().mean(), "you average over all pixels of both domains at once: take the mean of each domain, then add the two."),
    ]  # fmt: skip
