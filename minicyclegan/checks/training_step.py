"""The check of notebook 06 on the training step: who learns, in which order, and from which pictures."""

import copy

import torch

from minicyclegan.checks.frame import exercise, expect


class Spy:
    """A pool that keeps what it was given and hands out something else."""

    def __init__(self, other: torch.Tensor | None = None):
        self.given, self.other = [], other

    def query(self, fakes):
        self.given.append(fakes)
        return fakes.detach() if self.other is None else self.other


def parameters(model, kind: str) -> list:
    return [
        p for name, network in model.named_children() if name.startswith(kind) for p in network.parameters()
    ]


def one_run(step, model, batches, pools) -> tuple[list, list, dict]:
    """A step of plain gradient descent on each batch: the generators' weights, the discriminators', and what the last step returned."""
    optimizers = [torch.optim.SGD(parameters(model, kind), 0.05) for kind in ("generator", "discriminator")]
    for a, b in batches:
        returned = step(model, a, b, *optimizers, *pools)
    return *(
        [p.detach().clone() for p in parameters(model, kind)] for kind in ("generator", "discriminator")
    ), returned


def close(found: list, wanted: list) -> bool:
    return all(torch.allclose(x, y, rtol=1e-3, atol=1e-6) for x, y in zip(found, wanted))


@exercise(
    "first the generators move, then the discriminators, on pooled and detached fakes, with fresh gradients each"
)
def check_training_step(CycleGAN):
    from minicyclegan.cyclegan import CycleGAN as Reference
    from minicyclegan.parameters import Config

    config = Config(
        image_size=16, base_channels=4, n_blocks=1, discriminator_channels=4, discriminator_layers=1
    )
    torch.manual_seed(5)
    reference = Reference(config)
    batches = [tuple(torch.rand(1, 3, 16, 16) * 2 - 1 for _ in range(2)) for _ in range(2)]

    def student(seed_of=reference):
        model = CycleGAN(config)
        model.load_state_dict(seed_of.state_dict())
        return model

    model, pools = student(), (Spy(), Spy())
    before = {
        kind: [p.detach().clone() for p in parameters(model, kind)] for kind in ("generator", "discriminator")
    }
    moved_g, moved_d, returned = one_run(CycleGAN.training_step, model, batches[:1], pools)
    expect(
        not close(moved_g, before["generator"]),
        "after a step the generators have not moved: backward, and optimizer_g.step().",
    )
    expect(
        not close(moved_d, before["discriminator"]),
        "after a step the discriminators have not moved: they learn in every step too; are they still frozen?",
    )
    expect(
        all(len(pool.given) == 1 for pool in pools),
        "each pool should be asked once in a step, with the newest fakes.",
    )
    expect(
        not any(fakes.requires_grad for pool in pools for fakes in pool.given),
        "the fakes go into the pools with their graph attached: detach them first.",
    )
    expect(
        all(p.requires_grad for p in model.parameters()),
        "after the step some parameters are still frozen: switch `requires_grad_` on again before the discriminators' turn.",
    )
    expect(
        isinstance(returned, dict), "training_step should return the losses and accuracies by name, a dict."
    )
    names = {"gan_ab", "gan_ba", "cycle", "discriminator_a", "discriminator_b", "accuracy_real_a"}
    expect(names <= set(returned), f"what you return lacks {', '.join(sorted(names - set(returned)))}.")
    expect(
        not any(value.requires_grad for value in returned.values()),
        "the losses you return keep their graph, and with it the memory of the whole step: detach them.",
    )

    other = Spy(torch.full((1, 3, 16, 16), 0.4)), Spy(torch.full((1, 3, 16, 16), -0.7))

    def run(cls, n: int, pools):
        return one_run(
            cls.training_step, student() if cls is CycleGAN else copy.deepcopy(reference), batches[:n], pools
        )

    yours, right = run(CycleGAN, 1, other), run(Reference, 1, other)
    expect(
        close(yours[0], right[0]),
        "the generators did not move to where they should: do they move first, against the discriminators as they were, and by the sum of all their losses?",
    )
    if not close(yours[1], right[1]):
        expect(
            not close(run(CycleGAN, 1, other[::-1])[1], right[1]),
            "the two pools are swapped: pool_a keeps fakes of A.",
        )
        newest = run(CycleGAN, 1, (Spy(), Spy()))
        expect(
            not close(newest[1], yours[1]),
            "the discriminators saw the newest fakes although the pools handed out others: use what `query` returns.",
        )
        expect(
            False,
            "the discriminators did not move to where they should: is their optimiser cleared before their backward, and do they learn from the sum of both losses?",
        )
    yours, right = run(CycleGAN, 2, other), run(Reference, 2, other)
    for k, (who, optimizer) in enumerate((("generators", "optimizer_g"), ("discriminators", "optimizer_d"))):
        expect(
            close(yours[k], right[k]),
            f"the first step of the {who} is right and the second is not: gradients add up until somebody clears them with {optimizer}.zero_grad().",
        )
