"""The check of notebook 07 that looks at what a checkpoint brings back."""

import copy

import torch

from minicyclegan.checks.frame import NotYet, exercise, expect


def one_step(trainer, generator: torch.Generator) -> None:
    """A training step without the schedule, and with an average of its own, so that no other exercise is needed."""
    real_a, real_b = (torch.rand(1, 3, 16, 16, generator=generator) * 2 - 1 for _ in "ab")
    trainer.model.random.manual_seed(trainer.step)
    losses = trainer.model.training_step(
        real_a, real_b, trainer.optimizer_g, trainer.optimizer_d, trainer.pool_a, trainer.pool_b, False
    )
    if trainer.average is not None:
        with torch.no_grad():
            for old, new in zip(trainer.average.parameters(), trainer.model.parameters()):
                old.lerp_(new, 0.3)
    trainer.step += 1
    trainer.summed += 1
    trainer.sums = {
        name: trainer.sums.get(name, 0) + float(loss) * torch.ones(()) for name, loss in losses.items()
    }


def same(first, second) -> bool:
    """Whether two nested structures of tensors and plain values are equal."""
    if isinstance(first, dict) and isinstance(second, dict):
        return first.keys() == second.keys() and all(same(first[key], second[key]) for key in first)
    if isinstance(first, (list, tuple)) and isinstance(second, (list, tuple)):
        return len(first) == len(second) and all(map(same, first, second))
    if isinstance(first, torch.Tensor) and isinstance(second, torch.Tensor):
        return first.shape == second.shape and torch.equal(first, second)
    return type(first) is type(second) and first == second


@exercise("every part comes back, and the next step is the one that an undisturbed run makes")
def check_resume(Trainer):
    from minicyclegan.parameters import Config

    small = {"image_size": 16, "base_channels": 2, "n_blocks": 1, "n_downsamplings": 1, "steps": 20}
    small |= {"discriminator_channels": 2, "discriminator_layers": 1, "pool_size": 2, "batch_size": 1}
    for decay in (0.9, 0.0):
        first = Trainer(Config(**small, ema_decay=decay, seed=3), torch.device("cpu"))
        generator = torch.Generator().manual_seed(torch.initial_seed())
        for _ in range(5):
            one_step(first, generator)
        second = Trainer(Config(**small, ema_decay=decay, seed=4), torch.device("cpu"))
        state = copy.deepcopy(first.state_dict())
        try:
            second.load_state_dict(copy.deepcopy(state))
        except AttributeError:
            if decay > 0:
                raise
            raise NotYet(
                "with ema_decay=0 there is no average, and your code asks for one: `self.average` is None then."
            ) from None
        compare_trainers(first, second)
        again = torch.Generator()
        again.set_state(generator.get_state())
        one_step(first, generator)
        one_step(second, again)
        expect(
            same(first.model.state_dict(), second.model.state_dict()),
            "every part looks right, yet the next step after resuming is not the one of a run without the stop.",
        )


def compare_trainers(first, second) -> None:
    """Name the part that did not come back."""
    model, average = first.model.state_dict(), first.average and first.average.state_dict()
    loaded = second.model.state_dict()
    expect(
        average is None or not same(loaded, average),
        "the model got the weights of the average: training continues with the model's own.",
    )
    expect(
        same(loaded, model),
        "the networks do not hold the saved weights: which entry of the state belongs to `self.model`?",
    )
    if average is not None:
        expect(
            same(second.average.state_dict(), average),
            "the moving average did not come back: until it has caught up, the translations are those of a run's start.",
        )
    for name in ("optimizer_g", "optimizer_d"):
        memory = getattr(second, name).state_dict()["state"]
        expect(
            memory,
            f"{name} remembers nothing: without Adam's two averages the first steps are far too long, and the losses jump.",
        )
        expect(
            same(memory, getattr(first, name).state_dict()["state"]),
            f"{name} holds averages that are not the saved ones: from which entry do they come?",
        )
    expect(
        second.step == first.step,
        f"the run resumes at step {second.step} and not at {first.step}: the schedule and the order of the pictures follow from it.",
    )
    pools = [(first.pool_a, second.pool_a), (first.pool_b, second.pool_b)]
    expect(
        not all(
            same(list(b.pictures), list(a.pictures))
            for a, b in ((pools[0][0], pools[1][1]), (pools[1][0], pools[0][1]))
        ),
        "the two pools are swapped: discriminator A would be shown old fakes of B.",
    )
    for letter, (old, new) in zip("ab", pools):
        expect(
            same(list(new.pictures), list(old.pictures)),
            f"pool_{letter} holds {len(new.pictures)} pictures that are not the {len(old.pictures)} saved ones: the discriminator meets other old fakes than before.",
        )
        expect(
            same(new.generator.get_state(), old.generator.get_state()),
            f"the pictures of pool_{letter} are back, but not the state of its random generator: it will choose different ones from a run without the stop.",
        )
    expect(
        second.sums.keys() == first.sums.keys()
        and all(float(second.sums[k]) == float(first.sums[k]) for k in first.sums),
        "the sums of the losses did not come back: the next line of the log would be the mean of a few steps only.",
    )
    expect(
        second.summed == first.summed,
        f"`summed` is {second.summed} and not {first.summed}: the sums of the losses would be divided by the wrong number.",
    )
