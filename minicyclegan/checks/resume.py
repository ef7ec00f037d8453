"""The check of notebook 07 that looks at what a checkpoint brings back."""

import copy

import torch

from minicyclegan.checks.frame import NotYet, exercise, expect
from minicyclegan.checks.probes import same_state as same


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


@exercise("every part comes back, and the next steps are those that an undisturbed run makes")
def check_resume(Trainer):
    from minicyclegan.parameters import Config

    small = {"image_size": 16, "base_channels": 2, "n_blocks": 1, "n_downsamplings": 1, "steps": 20}
    small |= {"discriminator_channels": 2, "discriminator_layers": 1, "batch_size": 1}
    # Once with pools that are full when the state is taken, once with pools that are not
    for decay, pool_size, steps, uses in ((0.9, 2, 5, (0, 2)), (0.0, 9, 2, (1,))):

        def made(seed: int):
            config = Config(**small, ema_decay=decay, pool_size=pool_size, seed=seed)
            return Trainer(config, torch.device("cpu"))

        first, generator = made(3), torch.Generator().manual_seed(torch.initial_seed())
        for _ in range(steps):
            one_step(first, generator)
        state = copy.deepcopy(first.state_dict())
        for used in uses:  # a new trainer, and one that has trained already
            second, others = made(4), torch.Generator().manual_seed(11)
            for _ in range(used):
                one_step(second, others)
            if used:
                second.sums["a loss of another run"] = torch.ones(())
            given = copy.deepcopy(state)
            load(second, given, decay)
            compare_trainers(first, second, used)
            expect(
                given.keys() == state.keys() and same(given["pools"], state["pools"]),
                "`load_state_dict` changes the state it is given: whoever reads it next finds something else.",
            )
        expect(
            given["pools"][0]["pictures"] is not second.pool_a.pictures,
            "the pool holds the very list that lies in the state: when training goes on, the state that was given changes. Make a new list.",
        )
        again = torch.Generator()
        again.set_state(generator.get_state())
        for _ in range(2):
            one_step(first, generator)
            one_step(second, again)
        expect(
            same(first.model.state_dict(), second.model.state_dict()),
            "every part looks right, yet the next steps after resuming are not those of a run without the stop: does the optimiser still hold the networks' own weights?",
        )
    compare_device(made(4), state)


def load(trainer, state: dict, decay: float) -> None:
    try:
        trainer.load_state_dict(state)
    except AttributeError:
        if decay > 0:
            raise
        raise NotYet(
            "with ema_decay=0 there is no average, and your code asks for one: `self.average` is None then."
        ) from None


def compare_device(trainer, state: dict) -> None:
    """Load a state from the CPU into networks on another device: "meta", which every machine has and which holds no numbers."""
    meta = torch.device("meta")
    trainer.model.to(meta)
    for optimizer, kind in ((trainer.optimizer_g, "generator"), (trainer.optimizer_d, "discriminator")):
        networks = [network for name, network in trainer.model.named_children() if name.startswith(kind)]
        optimizer.param_groups[0]["params"] = [p for network in networks for p in network.parameters()]
    for name, value in vars(trainer).items():
        if isinstance(value, torch.device):  # some keep it as self.device
            setattr(trainer, name, meta)
    try:
        trainer.load_state_dict(copy.deepcopy(state))
    except (TypeError, RuntimeError) as error:
        expect("ByteTensor" not in str(error), "the state of a random generator stays on the CPU: move the pictures and the sums only.")  # fmt: skip
        raise
    on_device = "a checkpoint is read onto the CPU, and the networks may be on a GPU: move"
    expect(
        all(value.device == meta for value in trainer.sums.values()),
        f"{on_device} the sums of the losses to the networks' device.",
    )
    expect(
        all(p.device == meta for pool in (trainer.pool_a, trainer.pool_b) for p in pool.pictures),
        f"{on_device} the pools' pictures to the networks' device.",
    )


def compare_trainers(first, second, used: int) -> None:
    """Name the part that did not come back. `used`: how many steps the second one had made before it was loaded."""
    also = (
        f" (your trainer had made {used} steps of its own before it loaded the state: what is loaded takes the place of what was there)"
        if used
        else ""
    )
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
        f"the run resumes at step {second.step} and not at {first.step}: the schedule and the order of the pictures follow from it.{also}",
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
            isinstance(new.pictures, list),
            f"pool_{letter}.pictures is a {type(new.pictures).__name__}: the pool appends to it and exchanges pictures, so it wants a list.",
        )
        expect(
            len(new.pictures) <= len(old.pictures),
            f"pool_{letter} holds {len(new.pictures)} pictures where {len(old.pictures)} were saved: is the saved list added to what was there?{also}",
        )
        expect(
            same(new.pictures, old.pictures),
            f"pool_{letter} holds {len(new.pictures)} pictures that are not the {len(old.pictures)} saved ones: the discriminator meets other old fakes than before.{also}",
        )
        expect(
            same(new.generator.get_state(), old.generator.get_state()),
            f"the pictures of pool_{letter} are back, but not the state of its random generator: it will choose different ones from a run without the stop.",
        )
    expect(
        first.sums.keys() <= second.sums.keys()
        and all(float(second.sums[k]) == float(first.sums[k]) for k in first.sums),
        f"the sums of the losses did not come back: the next line of the log would be the mean of other steps.{also}",
    )
    expect(
        second.sums.keys() == first.sums.keys(),
        f"among the sums of the losses there are some that were not saved.{also}",
    )
    expect(
        second.summed == first.summed,
        f"`summed` is {second.summed} and not {first.summed}: the sums of the losses would be divided by the wrong number.{also}",
    )
    modes = [[part.training for part in trainer.model.modules()] for trainer in (first, second)]
    learns = [[p.requires_grad for p in trainer.model.parameters()] for trainer in (first, second)]
    expect(
        modes[0] == modes[1] and learns[0] == learns[1],
        "after loading, the networks are in another mode or partly frozen: training goes on with them.",
    )
