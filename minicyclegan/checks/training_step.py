"""The check of notebook 06 on the training step: who learns, in which order, and from which pictures."""

import copy

import torch

from minicyclegan.checks.frame import exercise, expect
from minicyclegan.checks.training_runs import Run, close, one_run, parameters, prepared


@exercise(
    "first the generators move, then the discriminators, on pooled and detached fakes, with fresh gradients each"
)
def check_training_step(CycleGAN):
    Reference, models, batches, noise, known = prepared()
    others = torch.full((1, 3, 16, 16), 0.4), torch.full((1, 3, 16, 16), -0.7)

    def student(kind: str):
        model = CycleGAN(models[kind].config)
        model.load_state_dict(models[kind].state_dict())
        return model

    def run(cls, n: int, pools=(None, None), kind="plain", **options) -> Run:
        key = (
            n,
            pools == (None, None),
            kind,
            options.get("with_identity", True),
            options.get("noise") is noise,
        )
        if cls is Reference and key in known:
            return known[key]
        model = copy.deepcopy(models[kind]) if cls is Reference else student(kind)
        found = one_run(cls.training_step, model, copy.deepcopy(batches[:n]), pools, **options)
        return known.setdefault(key, found) if cls is Reference else found

    model = student("plain")
    first = one_run(CycleGAN.training_step, model, copy.deepcopy(batches[:1]))
    compare_first_step(first, models["plain"], model)
    yours, right = run(CycleGAN, 1, others), run(Reference, 1, others)

    def another(*args, cls=CycleGAN, **options) -> Run:
        return run(cls, 1, *args, **options)

    compare_moves(yours, right, another, Reference, others)
    compare_returned(yours, right)
    yours, right = run(CycleGAN, 2, others), run(Reference, 2, others)
    for kind, optimizer in (("generators", "optimizer_g"), ("discriminators", "optimizer_d")):
        expect(
            close(getattr(yours, kind), getattr(right, kind)),
            f"the first step of the {kind} is right and the second is not: gradients add up until somebody clears them with {optimizer}.zero_grad().",
        )
    expect(
        yours.calls.get("learn", 0) == 4 or "generators_turn" not in yours.calls or "generator_losses" in yours.calls,
        "a turn is not given `self.learn`: then a model that learns in two threads, or on several processes, cannot.",
    )  # fmt: skip
    compare_options(
        lambda cls, **options: run(cls, 1, others, "noisy", **options), CycleGAN, Reference, noise
    )


def compare_first_step(first: Run, before, model) -> None:
    """A step whose pools hand out what they are given: does it do anything at all, and does it leave things in order?"""
    expect(
        not close(first.generators, parameters(before, "generator")),
        "after a step the generators have not moved: backward, and optimizer_g.step().",
    )
    expect(
        not close(first.discriminators, parameters(before, "discriminator")),
        "after a step the discriminators have not moved: they learn in every step too; are they still frozen?",
    )
    expect(
        first.steps == (1, 1),
        f"each optimiser makes one step in a training step; your optimizer_g makes {first.steps[0]}, your optimizer_d {first.steps[1]}.",
    )
    expect(
        all(len(pool.given) == 1 for pool in first.pools),
        "each pool should be asked once in a step, with the newest fakes.",
    )
    expect(
        not any(fakes.requires_grad for pool in first.pools for fakes in pool.given),
        "the fakes go into the pools with their graph attached: detach them first.",
    )
    expect(
        all(p.requires_grad for p in model.parameters()),
        "after the step some parameters are still frozen: switch `requires_grad_` on again before the discriminators' turn.",
    )
    expect(
        all(part.training for part in model.modules()),
        "after the step a network is in another mode: who called `eval()` and did not go back?",
    )


def compare_moves(yours: Run, right: Run, run, reference, others) -> None:
    """Where both kinds of networks went, and what the pools were given, which hand out other pictures."""
    expect(
        close(yours.generators, right.generators)
        or not close(yours.generators, run(others, cls=reference, with_identity=False).generators),
        "the identity loss is missing although `with_identity` is True: hand it on to the generators' turn.",
    )
    expect(
        close(yours.generators, right.generators),
        "the generators did not move to where they should: do they move first, against the discriminators as they were, and by the sum of all their losses?",
    )
    if not close(yours.discriminators, right.discriminators):
        swapped = run(others[::-1])
        expect(
            not close(swapped.discriminators, right.discriminators),
            "the two pools are swapped: pool_a keeps fakes of A.",
        )
        newest = run()
        expect(
            not close(newest.discriminators, yours.discriminators),
            "the discriminators saw the newest fakes although the pools handed out others: use what `query` returns.",
        )
        expect(
            False,
            "the discriminators did not move to where they should: is their optimiser cleared before their backward, and do they learn from the sum of both losses?",
        )
    given, wanted = ([pool.given[0] for pool in run.pools] for run in (yours, right))
    expect(not close(given, wanted[::-1]), "the two pools are swapped: pool_a keeps fakes of A.")
    expect(
        close(given, wanted),
        "the pools get other fakes than those that the generators painted in their turn: are they painted anew, after the generators have moved?",
    )


def compare_returned(yours: Run, right: Run) -> None:
    found, wanted = yours.returned, right.returned
    expect(isinstance(found, dict), "training_step should return the losses and accuracies by name, a dict.")
    lacking = sorted(
        wanted.keys() - found.keys(), key=lambda name: (not name.startswith("accuracy_real"), name)
    )
    expect(not lacking, f"what you return lacks {', '.join(lacking)}.")
    expect(
        not any(getattr(value, "requires_grad", False) for value in found.values()),
        "the losses you return keep their graph, and with it the memory of the whole step: detach them.",
    )
    wrong = [name for name in wanted if not close([torch.as_tensor(found[name])], [wanted[name]])]
    expect(
        not wrong,
        f"what you return as {wrong[0] if wrong else ''} is not what the turns gave: {float(found[wrong[0]]) if wrong else 0:.4g}.",
    )


def compare_options(run, CycleGAN, Reference, noise: dict) -> None:
    """The last argument, and the noise; the losses are those of `bce`."""
    for with_identity in (True, False):
        yours = run(CycleGAN, noise=noise, with_identity=with_identity)
        right = run(Reference, noise=noise, with_identity=with_identity)
        if close(yours.generators, right.generators) and close(yours.discriminators, right.discriminators):
            compare_returned(yours, right)
            continue
        other = run(Reference, noise=noise, with_identity=not with_identity)
        expect(
            not close(yours.generators, other.generators),
            f"called with with_identity={with_identity} your step does what {not with_identity} asks for: hand `with_identity` on to the generators' turn.",
        )
        silent = {"ab": (0.0, 0.0), "ba": (0.0, 0.0), "a": 0.0, "b": 0.0}
        still = run(Reference, noise=silent, with_identity=with_identity)
        expect(
            not close(yours.generators, still.generators) and not close(yours.discriminators, still.discriminators),
            "with noise in the configuration your step computes as if there were none: draw it with `self.draw_noise(real_a, real_b)` and give it to both turns.",
        )  # fmt: skip
        expect(
            False,
            "with noise and cross-entropy in the configuration the networks do not move to where they should: does each turn get the noise from `draw_noise`?",
        )
    drawn = yours.calls.get("draw_noise", 0)
    expect(
        drawn == 1 or "generator_losses" in yours.calls,
        f"`draw_noise` is called {drawn} times: all that is random in a step is drawn once, before anything else.",
    )
