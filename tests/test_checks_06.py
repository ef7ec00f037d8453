"""The checks of notebook 06 against wrong answers and different right ones."""

from mutants import Trial, solution, swap, trial_tests

from minicyclegan.checks import check_generators_objective, check_image_pool, check_training_step

NOTEBOOK = "06_cyclegan"
POOL = solution(NOTEBOOK, "check_image_pool")
OBJECTIVE = solution(NOTEBOOK, "check_generators_objective")
STEP = solution(NOTEBOOK, "check_training_step")
IMPORTS = """
from collections.abc import Callable
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from minicyclegan.cycle_loss import cycle_consistency_loss, identity_loss, reconstruction_loss
from minicyclegan.cyclegan import in_turn, run_both
from minicyclegan.discriminator import PatchDiscriminator
from minicyclegan.errors import ParameterError
from minicyclegan.gan_loss import discriminator_loss, generator_loss
from minicyclegan.generator import Generator, init_weights
from minicyclegan.pictures.images import as_batch
from minicyclegan.parameters import Config
"""
# The same step without the turns: losses, backward and detach by hand, as notebook 06 of the first edition had it
BEFORE, _, AFTER = STEP.partition("        ### BEGIN SOLUTION\n")
BY_HAND = (
    BEFORE
    + """
        discriminators = [*self.discriminator_a.parameters(), *self.discriminator_b.parameters()]
        autocast = torch.autocast(real_a.device.type, torch.bfloat16, enabled=self.dtype == torch.bfloat16)

        for p in discriminators:
            p.requires_grad_(False)
        with autocast:
            losses_g, fake_a, fake_b = self.generator_losses(real_a, real_b, with_identity)
        optimizer_g.zero_grad()
        sum(losses_g.values()).backward()
        optimizer_g.step()

        for p in discriminators:
            p.requires_grad_(True)
        fake_a, fake_b = pool_a.query(fake_a.detach()), pool_b.query(fake_b.detach())
        with autocast:
            losses_d, accuracies = self.discriminator_losses(real_a, fake_a, real_b, fake_b)
        optimizer_d.zero_grad()
        sum(losses_d.values()).backward()
        optimizer_d.step()
        return {name: loss.detach() for name, loss in (losses_g | losses_d | accuracies).items()}
"""
    + AFTER.partition("        ### END SOLUTION\n")[2]
)
POOL_CLASS = """
class ImagePool:
    pass
"""
INIT = """
class ImagePool:
    def __init__(self, size, seed=0):
        self.size, self.pictures = size, []
        self.generator = torch.Generator().manual_seed(seed)

    def query(self, fakes):
"""

TRIALS = [
    Trial(
        check_image_pool,
        NOTEBOOK,
        right={
            "the other half of the coin": swap(
                POOL, "generator=self.generator) < 0.5", "generator=self.generator) >= 0.5"
            ),
            "in place": INIT
            + """
        out = fakes.clone()
        for k in range(len(out)):
            if self.size == 0:
                continue
            if len(self.pictures) < self.size:
                self.pictures.append(fakes[k].detach().clone())
            elif torch.rand(1, generator=self.generator).item() > 0.5:
                place = torch.randint(0, self.size, (1,), generator=self.generator).item()
                out[k], self.pictures[place] = self.pictures[place], fakes[k].detach().clone()
        return out
""",
        },
        wrong={
            "returns its list": (swap(POOL, "return torch.stack(chosen)", "return chosen"), "torch.stack"),
            "size 0 forgotten": (
                swap(
                    POOL,
                    "        if self.size == 0:\n            return fakes\n",
                    "",
                    "self.size, (), gen",
                    "max(1, self.size), (), gen",
                ),
                "IndexError",
            ),
            "a zero pool gives zeros": (
                swap(POOL, "            return fakes\n", "            return 0 * fakes\n"),
                "turned off",
            ),
            "no clone": (swap(POOL, "fake.clone()", "fake"), "Store a copy"),
            "never old": (
                swap(POOL, "generator=self.generator) < 0.5", "generator=self.generator) < 0.0"),
                "never hand out an older",
            ),
            "always old": (
                swap(POOL, "generator=self.generator) < 0.5", "generator=self.generator) < 2"),
                "should be about half",
            ),
            "new one not kept": (
                swap(POOL, "                self.pictures[place] = fake.clone()\n", ""),
                "times from the pool",
            ),
            "grows": (
                swap(POOL, "self.pictures[place] = fake.clone()", "self.pictures.append(fake.clone())"),
                "has grown to",
            ),
            "off by one": (
                swap(POOL, "len(self.pictures) < self.size", "len(self.pictures) < self.size - 1"),
                "the pool of size 6 holds 5",
            ),
            "nothing while filling": (
                swap(
                    POOL,
                    "                chosen.append(fake)\n            elif",
                    "                chosen.append(0 * fake)\n            elif",
                ),
                "while the pool of 6 fills up",
            ),
            "always the last place": (
                swap(POOL, "int(torch.randint(self.size, (), generator=self.generator))", "self.size - 1"),
                "drawn at random",
            ),
            "the global generator": (
                swap(POOL, ", generator=self.generator", ""),
                "draw from `self.generator`",
            ),
        },
    ),
    Trial(
        check_generators_objective,
        NOTEBOOK,
        setup=IMPORTS,
        right={
            "written out": """
def generators_objective(G, F, D_A, D_B, real_a, real_b, lambda_cycle, lambda_identity):
    loss = ((D_B(G(real_a)) - 1) ** 2).mean() + ((D_A(F(real_b)) - 1) ** 2).mean()
    loss = loss + lambda_cycle * (F(G(real_a)) - real_a).abs().mean() + lambda_cycle * (G(F(real_b)) - real_b).abs().mean()
    return loss + lambda_cycle * lambda_identity * ((G(real_b) - real_b).abs().mean() + (F(real_a) - real_a).abs().mean())
""",
            "one call for two": """
def generators_objective(G, F, D_A, D_B, real_a, real_b, lambda_cycle, lambda_identity):
    fake_b, same_b = G(torch.cat([real_a, real_b])).chunk(2)
    fake_a, same_a = F(torch.cat([real_b, real_a])).chunk(2)
    total = generator_loss(D_B(fake_b)) + generator_loss(D_A(fake_a))
    circle = cycle_consistency_loss(real_a, F(fake_b), real_b, G(fake_a))
    return total + lambda_cycle * (circle + lambda_identity * identity_loss(real_a, same_a, real_b, same_b))
""",
        },
        wrong={
            "discriminators swapped": (
                swap(
                    OBJECTIVE,
                    "D_B(fake_b)",
                    "D_A(fake_b)",
                    "generator_loss(D_A(fake_a))",
                    "generator_loss(D_B(fake_a))",
                ),
                "discriminators are swapped",
            ),
            "one game": (
                swap(OBJECTIVE, " + generator_loss(D_A(fake_a))", ""),
                "one of the two games is missing",
            ),
            "no game": (swap(OBJECTIVE, "return game + ", "return "), "nothing asks for winter"),
            "one-sided cycle": (
                swap(
                    OBJECTIVE,
                    "cycle_consistency_loss(real_a, cycled_a, real_b, cycled_b)",
                    "(cycled_a - real_a).abs().mean()",
                ),
                "only one half of the cycle",
            ),
            "identity without lambda_cycle": (
                swap(OBJECTIVE, "lambda_cycle * lambda_identity * identity", "lambda_identity * identity"),
                "multiply by both",
            ),
            "identity swapped": (
                swap(
                    OBJECTIVE,
                    "G(real_b), F(real_a)\n",
                    "F(real_b), G(real_a)\n",
                    "real_a, same_a, real_b, same_b",
                    "real_b, same_b, real_a, same_a",
                ),
                "forbids the translation",
            ),
            "no identity": (
                swap(OBJECTIVE, " + lambda_cycle * lambda_identity * identity", ""),
                "identity loss is missing",
            ),
            "no lambda": (
                swap(OBJECTIVE, "game + lambda_cycle * cycle", "game + cycle"),
                "lambda_cycle is missing",
            ),
            "detached fakes": (
                swap(OBJECTIVE, "F(fake_b), G(fake_a)", "F(fake_b.detach()), G(fake_a.detach())"),
                "a fake is detached",
            ),
            "fakes called fake": (
                swap(
                    OBJECTIVE,
                    "generator_loss(D_B(fake_b)) + generator_loss(D_A(fake_a))",
                    "D_B(fake_b).square().mean() + D_A(fake_a).square().mean()",
                ),
                "target of the game is 0",
            ),
            "a dict": (
                swap(OBJECTIVE, "return game", "return {'loss': game}\n    return game"),
                "should give one number",
            ),
        },
    ),
    Trial(
        check_training_step,
        NOTEBOOK,
        setup=IMPORTS + POOL_CLASS,
        right={
            "by hand, as in the first edition": BY_HAND,
            "by hand, clears late": swap(BY_HAND, "p.requires_grad_(False)", "p.requires_grad_(True)"),
            "by hand, without autocast": swap(
                BY_HAND,
                "enabled=self.dtype == torch.bfloat16)\n\n        for",
                "enabled=False)\n\n        for",
            ),
            "no freezing": swap(STEP, "p.requires_grad_(False)", "p.requires_grad_(True)"),
            "always in turn": swap(STEP, "self.learn)", "in_turn)"),
        },
        wrong={
            "generators never step": (
                swap(STEP, "        optimizer_g.step()\n", ""),
                "generators have not moved",
            ),
            "discriminators never step": (
                swap(STEP, "        optimizer_d.step()\n", ""),
                "discriminators have not moved",
            ),
            "nothing learns": (swap(STEP, "self.learn)", "run_both)"), "generators have not moved"),
            "no detach": (
                swap(BY_HAND, "fake_a.detach()", "fake_a", "fake_b.detach()", "fake_b"),
                "with their graph attached",
            ),
            "pools ignored": (
                swap(
                    STEP,
                    "fake_a, fake_b = pool_a.query(fake_a), pool_b.query(fake_b)",
                    "pool_a.query(fake_a), pool_b.query(fake_b)",
                ),
                "use what `query` returns",
            ),
            "pools not asked": (
                swap(STEP, "pool_a.query(fake_a), pool_b.query(fake_b)", "fake_a, fake_b"),
                "asked once in a step",
            ),
            "pools swapped": (
                swap(
                    STEP,
                    "pool_a.query(fake_a), pool_b.query(fake_b)",
                    "pool_b.query(fake_a), pool_a.query(fake_b)",
                ),
                "two pools are swapped",
            ),
            "never thawed": (
                swap(STEP, "            p.requires_grad_(True)\n", "            pass\n"),
                "does not require grad",
            ),
            "gradients of G never cleared": (
                swap(STEP, "        optimizer_g.zero_grad()\n", ""),
                "add up until somebody clears",
            ),
            "gradients of D never cleared": (
                swap(STEP, "        optimizer_d.zero_grad()\n", ""),
                "clears them with optimizer_d",
            ),
            "cleared after the turn": (
                swap(
                    STEP,
                    "        optimizer_g.zero_grad()\n",
                    "",
                    "        optimizer_g.step()\n",
                    "        optimizer_g.zero_grad()\n        optimizer_g.step()\n",
                ),
                "generators have not moved",
            ),
            "only the first loss": (
                swap(BY_HAND, "sum(losses_g.values()).backward()", "losses_g['cycle'].backward()"),
                "by the sum of all their losses",
            ),
            "graph returned": (
                swap(BY_HAND, "name: loss.detach() for", "name: loss for"),
                "keep their graph",
            ),
            "nothing returned": (
                swap(
                    STEP,
                    "        return losses_g | losses_d | accuracies",
                    "        losses_g | losses_d | accuracies",
                ),
                "should return the losses",
            ),
            "accuracies forgotten": (
                swap(STEP, "losses_g | losses_d | accuracies", "losses_g | losses_d"),
                "lacks accuracy_real_a",
            ),
        },
    ),
]

test_right, test_wrong, test_enough = trial_tests(TRIALS)
