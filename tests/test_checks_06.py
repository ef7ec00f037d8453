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
            "numpy-like": """
class ImagePool:
    def __init__(self, size, seed=0):
        self.size, self.pictures = size, []
        self.generator = torch.Generator().manual_seed(seed)

    def query(self, fakes):

        if not self.size:
            return fakes.clone()
        out = []
        for k in range(fakes.shape[0]):
            fake = fakes[k : k + 1].detach()
            if len(self.pictures) < self.size:
                self.pictures += [fake[0].clone()]
                out += [fake]
                continue
            number = float(torch.rand(1, generator=self.generator))
            if number < 0.5:
                place = int(number * 2 * self.size)
                out.append(self.pictures.pop(place)[None])
                self.pictures.insert(place, fake[0].clone())
            else:
                out.append(fake)
        return torch.cat(out, dim=0)
""",
            "copy_ after a clone": swap(
                POOL,
                "                chosen.append(self.pictures[place])\n                self.pictures[place] = fake.clone()",
                "                chosen.append(self.pictures[place].clone())\n                self.pictures[place].copy_(fake)",
            ),
            "pop and append": swap(
                POOL,
                "                chosen.append(self.pictures[place])\n                self.pictures[place] = fake.clone()",
                "                chosen.append(self.pictures.pop(place))\n                self.pictures.append(fake.clone())",
            ),
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
            "always place 0": (
                swap(POOL, "int(torch.randint(self.size, (), generator=self.generator))", "0"),
                "the place should be drawn at random, each as likely",
            ),
            "never the last place": (
                swap(POOL, "torch.randint(self.size, ()", "torch.randint(self.size - 1, ()"),
                "the place should be drawn at random, each as likely",
            ),
            "copied into the picture handed out": (
                swap(POOL, "self.pictures[place] = fake.clone()", "self.pictures[place].copy_(fake)"),
                "(aliasing)",
            ),
            "one coin for the batch": (
                swap(
                    POOL,
                    "        chosen = []\n",
                    "        chosen = []\n        coin = torch.rand((), generator=self.generator)\n",
                    "torch.rand((), generator=self.generator) < 0.5",
                    "coin < 0.5",
                ),
                "in a batch of four either all pictures are old or",
            ),
            "in turns": (
                swap(
                    POOL,
                    "elif torch.rand((), generator=self.generator) < 0.5",
                    "elif int(fake.flatten()[0]) % 2 == int(torch.rand((), generator=self.generator) < 2)",
                ),
                "each picture of a batch has a throw of its own, and",
            ),
            "two of five": (swap(POOL, "< 0.5", "< 0.42"), "of what you hand out is old; it should be about"),
            "the oldest": (
                swap(
                    POOL,
                    """                place = int(torch.randint(self.size, (), generator=self.generator))
                chosen.append(self.pictures[place])
                self.pictures[place] = fake.clone()
""",
                    "                chosen.append(self.pictures.pop(0))\n                self.pictures.append(fake.clone())\n",
                ),
                "the place should be drawn at random, each as likely",
            ),
            "stored while filling without a copy": (
                swap(
                    POOL,
                    "                self.pictures.append(fake.clone())\n",
                    "                self.pictures.append(fake)\n",
                ),
                "the pool holds the caller's own tensors",
            ),
            "kept when handed out new": (
                swap(
                    POOL,
                    "            else:\n                chosen.append(fake)\n",
                    """            else:
                chosen.append(fake)
                self.pictures[int(torch.randint(self.size, (), generator=self.generator))] = fake.clone()
""",
                ),
                "what is handed out new is not kept",
            ),
            "room for the whole batch": (
                swap(
                    POOL,
                    "        for fake in fakes:\n            if len(self.pictures) < self.size:\n",
                    """        room = len(self.pictures) < self.size
        for fake in fakes:
            if room:
""",
                ),
                "it should store the first two and toss a coin for",
            ),
            "full, remembered": (
                swap(
                    POOL,
                    "            if len(self.pictures) < self.size:\n                self",
                    '            self.seen = getattr(self, "seen", 0) + 1\n            if self.seen <= self.size:\n                self',
                ),
                ", and remember nothing beside them",
            ),
            "writes into the batch": (
                swap(
                    POOL,
                    "        return torch.stack(chosen)",
                    "        fakes.copy_(torch.stack(chosen))\n        return fakes",
                ),
                "query writes into the batch that it was given",
            ),
            "swapped places": (
                swap(
                    POOL,
                    "                self.pictures[place] = fake.clone()",
                    "                self.pictures[int(torch.randint(self.size, (), generator=self.generator))] = fake.clone()",
                ),
                "the new picture should take its place",
            ),
            "seeded with 0 when it is full": (
                swap(
                    POOL,
                    "        chosen = []\n",
                    """        chosen = []
        if len(self.pictures) == self.size and not hasattr(self, "g"):
            self.g = self.generator = torch.Generator().manual_seed(0)
""",
                ),
                "two pools with different seeds gave the same",
            ),
            "python random": (
                swap(POOL, "torch.rand((), generator=self.generator)", '__import__("random").random()'),
                "two pools with the same seed gave different",
            ),
            "edge places half as likely": (
                swap(
                    POOL,
                    "int(torch.randint(self.size, (), generator=self.generator))",
                    "int((torch.rand((), generator=self.generator) * (self.size - 1)).round())",
                ),
                "the place should be drawn at random, each as likely",
            ),
            "nothing handed out at first": (
                swap(
                    POOL,
                    """            if len(self.pictures) < self.size:
                self.pictures.append(fake.clone())
                chosen.append(fake)
""",
                    "            if len(self.pictures) < self.size:\n                self.pictures.append(fake.clone())\n",
                ),
                "stack expects a non-empty TensorList",
            ),
            "three quarters then": (
                swap(POOL, "< 0.5", "< (0.5 if int(fake.flatten()[0]) % 2 else 0.5) * 1.25"),
                "of what you hand out is old; it should be about",
            ),
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
            "keywords": swap(
                OBJECTIVE,
                "cycle_consistency_loss(real_a, cycled_a, real_b, cycled_b)",
                "cycle_consistency_loss(real_a=real_a, real_b=real_b, cycled_a=cycled_a, cycled_b=cycled_b)",
            ),
            "frozen and thawed": swap(
                OBJECTIVE,
                "    game = ",
                "    for p in [*D_A.parameters(), *D_B.parameters()]:\n        p.requires_grad_(False)\n    game = ",
                "    cycle = ",
                "    for p in [*D_A.parameters(), *D_B.parameters()]:\n        p.requires_grad_(True)\n    cycle = ",
            ),
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
            "F.l1_loss": (
                swap(OBJECTIVE, "identity_loss(real_a, same_a, real_b, same_b)", "F.l1_loss(same_a, real_a)"),
                "in this exercise F is a generator, not",
            ),
            "D frozen": (
                swap(
                    OBJECTIVE,
                    "    fake_b, fake_a = G(real_a), F(real_b)\n",
                    "    D_A.requires_grad_(False)\n    fake_b, fake_a = G(real_a), F(real_b)\n",
                ),
                "requires_grad_",
            ),
            "game halved": (
                swap(OBJECTIVE, "return game +", "return 0.5 * game +"),
                "times as much as it should",
            ),
            "identity halved": (
                swap(OBJECTIVE, "* identity\n", "* identity / 2\n"),
                "times as much as it should",
            ),
            "a game of two G": (
                swap(OBJECTIVE, "generator_loss(D_A(fake_a))", "generator_loss(D_B(fake_b))"),
                "the game of G counts twice and that of F not at all",
            ),
            "scores detached": (
                swap(OBJECTIVE, "D_B(fake_b)", "D_B(fake_b).detach()"),
                "a fake is detached, or computed a second time under",
            ),
            "fake detached for D": (
                swap(OBJECTIVE, "D_B(fake_b)", "D_B(fake_b.detach())"),
                "a fake is detached, or computed a second time under",
            ),
            "identity detached": (
                swap(
                    OBJECTIVE,
                    "same_b, same_a = G(real_b), F(real_a)",
                    "same_b, same_a = G(real_b).detach(), F(real_a)",
                ),
                "a fake is detached, or computed a second time under",
            ),
            "cycle weight on everything": (
                swap(
                    OBJECTIVE,
                    "return game + lambda_cycle * cycle + lambda_cycle",
                    "return lambda_cycle * (game + cycle) + lambda_cycle",
                ),
                "lambda_cycle multiplies the games as well",
            ),
            "no cycle": (swap(OBJECTIVE, "+ lambda_cycle * cycle ", ""), "the cycle is missing"),
            "identity on fakes": (
                swap(OBJECTIVE, "G(real_b), F(real_a)\n", "G(fake_b), F(fake_a)\n"),
                "the identity loss sends fakes through the",
            ),
            "half of the identity": (
                swap(
                    OBJECTIVE,
                    "identity_loss(real_a, same_a, real_b, same_b)",
                    "(same_b - real_b).abs().mean()",
                ),
                "the identity of F, on a is missing",
            ),
            "real in the game": (
                swap(OBJECTIVE, "D_B(fake_b)", "D_B(real_b)"),
                "the generators want their fakes to pass",
            ),
            "scores averaged": (
                swap(OBJECTIVE, "generator_loss(D_B(fake_b))", "generator_loss(D_B(fake_b).mean())"),
                "the scores of D_B are averaged before they are",
            ),
            "cycle once more": (
                swap(
                    OBJECTIVE,
                    "cycled_a, cycled_b = F(fake_b), G(fake_a)",
                    "cycled_a, cycled_b = F(fake_b.detach()), G(fake_a.detach())",
                ),
                "a fake is detached, or computed a second time under",
            ),
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
            "keywords and requires_grad_ of modules": swap(
                STEP,
                "        for p in discriminators:\n            p.requires_grad_(False)\n",
                "        self.discriminator_a.requires_grad_(False)\n        self.discriminator_b.requires_grad_(False)\n",
                "self.generators_turn(real_a, real_b, noise, with_identity, self.learn)",
                "self.generators_turn(real_a=real_a, real_b=real_b, noise=noise, with_identity=with_identity, learn=self.learn)",
                "losses_g | losses_d | accuracies",
                "{**losses_g, **losses_d, **accuracies}",
            ),
            "zeroed by hand": swap(
                STEP,
                "        optimizer_g.zero_grad()\n",
                "        for p in self.parameters():\n            p.grad = None\n",
            ),
            "by hand, as in the first edition": BY_HAND,
            "by hand, clears late": swap(BY_HAND, "p.requires_grad_(False)", "p.requires_grad_(True)"),
            "by hand, without autocast": swap(
                BY_HAND,
                "enabled=self.dtype == torch.bfloat16)\n\n        for",
                "enabled=False)\n\n        for",
            ),
            "no freezing": swap(STEP, "p.requires_grad_(False)", "p.requires_grad_(True)"),
        },
        wrong={
            "by hand, identity always on": (
                swap(
                    BY_HAND,
                    "self.generator_losses(real_a, real_b, with_identity)",
                    "self.generator_losses(real_a, real_b)",
                ),
                "called with with_identity=False your step does what",
            ),
            "identity always on": (
                swap(STEP, "noise, with_identity, self.learn", "noise, True, self.learn"),
                "called with with_identity=False your step does what",
            ),
            "identity never": (
                swap(STEP, "noise, with_identity, self.learn", "noise, False, self.learn"),
                "the identity loss is missing although",
            ),
            "painted anew": (
                swap(
                    STEP,
                    "        fake_a, fake_b = pool_a.query(fake_a)",
                    "        with torch.no_grad():\n            fake_a, fake_b = self.generator_ba(real_b), self.generator_ab(real_a)\n        fake_a, fake_b = pool_a.query(fake_a)",
                ),
                "the pools get other fakes than those that the",
            ),
            "two steps": (
                swap(
                    STEP,
                    "        optimizer_g.step()\n",
                    "        optimizer_g.step()\n        optimizer_g.step()\n",
                ),
                "each optimiser makes one step in a training step;",
            ),
            "two steps of D": (
                swap(
                    STEP,
                    "        optimizer_d.step()\n",
                    "        optimizer_d.step()\n        optimizer_d.step()\n",
                ),
                "each optimiser makes one step in a training step;",
            ),
            "no noise": (
                swap(
                    STEP,
                    "        noise = self.draw_noise(real_a, real_b)\n",
                    '        noise = {"ab": (0.0, 0.0), "ba": (0.0, 0.0), "a": 0.0, "b": 0.0}\n',
                ),
                "self.draw_noise(real_a, real_b)",
            ),
            "noise drawn twice": (
                swap(
                    STEP,
                    "        optimizer_d.zero_grad()\n",
                    "        optimizer_d.zero_grad()\n        noise = self.draw_noise(real_a, real_b)\n",
                ),
                "all that is random in a step is drawn once, before",
            ),
            "noise for the generators only": (
                swap(
                    STEP,
                    "real_b, fake_b, noise, self.learn",
                    'real_b, fake_b, {"a": 0.0, "b": 0.0}, self.learn',
                ),
                "self.draw_noise(real_a, real_b)",
            ),
            "in_turn for D": (
                swap(STEP, "real_b, fake_b, noise, self.learn", "real_b, fake_b, noise, in_turn"),
                "then a model that learns in two threads, or on",
            ),
            "leaves eval": (
                swap(
                    STEP,
                    "        optimizer_g.zero_grad()\n",
                    "        optimizer_g.zero_grad()\n        self.eval()\n",
                ),
                "after the step a network is in another mode",
            ),
            "only some losses": (
                swap(
                    STEP,
                    "losses_g | losses_d | accuracies",
                    '{k: v for k, v in (losses_g | losses_d | accuracies).items() if k != "identity"}',
                ),
                "what you return lacks identity",
            ),
            "accuracies of one": (
                swap(
                    STEP,
                    "losses_g | losses_d | accuracies",
                    'losses_g | losses_d | {k: v for k, v in accuracies.items() if k.endswith("_a")}',
                ),
                "what you return lacks accuracy_real_b",
            ),
            "plain numbers wrong": (
                swap(
                    STEP,
                    "losses_g | losses_d | accuracies",
                    "{k: v * 2 for k, v in (losses_g | losses_d | accuracies).items()}",
                ),
                "is not what the turns gave",
            ),
            "D first": (
                swap(
                    STEP,
                    """        optimizer_g.zero_grad()
        losses_g, fake_a, fake_b = self.generators_turn(real_a, real_b, noise, with_identity, self.learn)
        optimizer_g.step()
""",
                    """        with torch.no_grad():
            fake_a, fake_b = self.generator_ba(real_b), self.generator_ab(real_a)
        for p in discriminators:
            p.requires_grad_(True)
        optimizer_d.zero_grad()
        losses_d, accuracies = self.discriminators_turn(real_a, pool_a.query(fake_a), real_b, pool_b.query(fake_b), noise, self.learn)
        optimizer_d.step()
        for p in discriminators:
            p.requires_grad_(False)
        optimizer_g.zero_grad()
        losses_g, fake_a, fake_b = self.generators_turn(real_a, real_b, noise, with_identity, self.learn)
        optimizer_g.step()
        for p in discriminators:
            p.requires_grad_(True)
        return losses_g | losses_d | accuracies
""",
                ),
                "do they move first, against the discriminators as",
            ),
            "real swapped": (
                swap(STEP, "self.generators_turn(real_a, real_b", "self.generators_turn(real_b, real_a"),
                "do they move first, against the discriminators as",
            ),
            "one pool for both": (
                swap(STEP, "pool_b.query(fake_b)", "pool_a.query(fake_b)"),
                "each pool should be asked once in a step, with the",
            ),
            "old and new mixed": (
                swap(
                    STEP,
                    "fake_a, fake_b = pool_a.query(fake_a), pool_b.query(fake_b)",
                    "fake_a, fake_b = (pool_a.query(fake_a) + fake_a) / 2, (pool_b.query(fake_b) + fake_b) / 2",
                ),
                "is their optimiser cleared before their backward",
            ),
            "step of G last and D cleared": (
                swap(
                    STEP,
                    "        optimizer_g.zero_grad()\n",
                    "        optimizer_g.zero_grad() if not hasattr(self, 'once') else None\n        self.once = True\n",
                ),
                "gradients add up until somebody clears them with",
            ),
            "returns floats": (
                swap(STEP, "losses_g | losses_d | accuracies", "[*losses_g.values(), *losses_d.values()]"),
                "training_step should return the losses and",
            ),
            "half of the discriminators frozen": (
                swap(
                    STEP,
                    "            p.requires_grad_(True)\n",
                    "            p.requires_grad_(p in set(self.discriminator_a.parameters()))\n",
                ),
                "are the discriminators frozen for the first turn",
            ),
            "always in turn": (swap(STEP, "self.learn)", "in_turn)"), "is not given `self.learn`"),
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
