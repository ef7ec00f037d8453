"""The same training step, quicker on a processor: one thread for each direction, and a quicker instance norm (plumbing).

PyTorch shares out each operation among the cores and waits for all of them before the next. The operations of small
networks are too short for that: at 64 px two cores are hardly quicker than one. But the two directions of the cycle, A to B to A
and B to A to B, have nothing to say to each other before their gradients are added, so each can have a core of its own.
"""

import contextlib
from concurrent.futures import ThreadPoolExecutor, wait

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from minicyclegan.cyclegan import CycleGAN, ImagePool
from minicyclegan.gan_loss import discriminator_loss, generator_loss


class QuickInstanceNorm(nn.InstanceNorm2d):
    """An instance norm as the batch norm of each picture alone: quicker for pictures that are stored channels last.

    PyTorch's own first stores them the other way. With one picture and a gradient that comes back channels last it
    also computes a wrong gradient, on CPUs, in torch 2.6 to 2.15: it takes the gradient's numbers in the wrong order.
    """

    def forward(self, x: Tensor) -> Tensor:
        normed = [F.batch_norm(picture, None, None, training=True, eps=self.eps) for picture in x.split(1)]
        return torch.cat(normed) if len(normed) > 1 else normed[0]  # to join one would copy it


def use_quick_norms(network: nn.Module) -> nn.Module:
    """Put QuickInstanceNorm in the place of every nn.InstanceNorm2d; the weights' names stay, as a norm has none."""
    for layer in list(network.modules()):
        for name, child in layer.named_children():
            if type(child) is nn.InstanceNorm2d:
                setattr(layer, name, QuickInstanceNorm(child.num_features, child.eps))
    return network


PLAIN_STEP = CycleGAN.training_step


class TwoCoreCycleGAN(CycleGAN):
    """A CycleGAN on a CPU whose training step computes the two directions side by side, half of the threads for each.

    The losses and the gradients are those of CycleGAN up to rounding, and the same at each run: a weight receives one
    gradient from each direction, and a sum of two is the same in either order. As the losses stand here a second time, the
    first step makes sure that they are those of `generator_losses` and `discriminator_losses`. Where somebody has changed
    those or the step, or lets both directions share a network, each step is the plain one.
    """

    as_written: bool | None = None  # found out in the first step

    def training_step(
        self,
        real_a: Tensor,
        real_b: Tensor,
        optimizer_g,
        optimizer_d,
        pool_a: ImagePool,
        pool_b: ImagePool,
        with_identity: bool = True,
    ) -> dict[str, Tensor]:
        """As CycleGAN.training_step."""
        if self.as_written is None:
            self.as_written = self.computes_the_losses(real_a, real_b, with_identity)
        given = (real_a, real_b, optimizer_g, optimizer_d, pool_a, pool_b, with_identity)
        if not self.as_written:
            return super().training_step(*given)
        # For all of it: the threads of a shared operation go on spinning for a while and would hold up the other direction
        half = max(1, torch.get_num_threads() // 2)
        with threads_for_each(half):
            return self.step_on(half, *given)

    def computes_the_losses(self, real_a: Tensor, real_b: Tensor, with_identity: bool) -> bool:
        """Whether one_way and judge give what CycleGAN's own two methods give now; nothing is changed by asking."""
        networks = {self.generator_ab, self.generator_ba, self.discriminator_a, self.discriminator_b}
        if len(networks) < 4 or CycleGAN.training_step is not PLAIN_STEP:
            return False
        dice = self.random or torch.default_generator
        state = dice.get_state()
        with torch.no_grad():
            with self.in_format():
                expected, fake_a, fake_b = self.generator_losses(real_a, real_b, with_identity)
                expected = expected | self.discriminator_losses(real_a, fake_a, real_b, fake_b)[0]
            dice.set_state(state)
            (ab, fake_b), (ba, fake_a) = (
                self.one_way(*way) for way in self.directions(real_a, real_b, with_identity)
            )
            judged = [self.judge(*given)[0] for given in self.judgements(real_a, fake_a, real_b, fake_b)]
            dice.set_state(state)
        found = self.by_name(ab, ba, *judged)
        tolerance = 3e-2 if self.dtype == torch.bfloat16 else 1e-3
        return found.keys() == expected.keys() and all(
            torch.allclose(found[name].float(), expected[name].float(), rtol=tolerance) for name in found
        )

    def in_format(self):
        return torch.autocast("cpu", torch.bfloat16, enabled=self.dtype == torch.bfloat16)

    def noise(self, like: Tensor, deviation: float) -> Tensor | float:
        """What `noisy` would add, drawn beforehand: two threads must not draw from one generator."""
        return self.noisy(torch.zeros_like(like), deviation) if deviation else 0.0

    def directions(self, real_a: Tensor, real_b: Tensor, with_identity: bool) -> tuple[tuple, tuple]:
        """What `one_way` is given for A to B to A, and for B to A to B."""
        cycle_noises = [self.noise(real, self.config.cycle_noise) for real in (real_a, real_b)]
        judge_noises = [self.noise(real, self.config.discriminator_noise) for real in (real_a, real_b)]
        ab = (real_a, real_b, self.generator_ab, self.generator_ba, self.discriminator_b)
        ba = (real_b, real_a, self.generator_ba, self.generator_ab, self.discriminator_a)
        return tuple(
            (*way, *noises, with_identity) for way, *noises in zip((ab, ba), cycle_noises, judge_noises)
        )

    def one_way(
        self, real: Tensor, other: Tensor, there, back, judge, cycle_noise, judge_noise, with_identity: bool
    ) -> tuple[dict[str, Tensor], Tensor]:
        """One direction's share of `generator_losses`, and the fake."""
        config, losses = self.config, {}
        with self.in_format():
            if with_identity and config.lambda_identity > 0:
                fake, same = there(torch.cat([real, other])).chunk(2)
                losses["identity"] = config.lambda_cycle * config.lambda_identity * F.l1_loss(same, other)
            else:
                fake = there(real)
            losses["cycle"] = config.lambda_cycle * F.l1_loss(back(fake + cycle_noise), real)
            losses["gan"] = generator_loss(judge(fake + judge_noise), config.gan_mode)
        return losses, fake

    def learn_one_way(self, *given) -> tuple[dict[str, Tensor], Tensor]:
        """`one_way` with its gradients added; all of it detached."""
        losses, fake = self.one_way(*given)
        sum(losses.values()).backward()
        return {name: loss.detach() for name, loss in losses.items()}, fake.detach()

    def judgements(self, real_a: Tensor, fake_a: Tensor, real_b: Tensor, fake_b: Tensor) -> list[tuple]:
        """What `judge` is given for each discriminator."""
        noises = [self.noise(torch.cat([real_a, real_a]), self.config.discriminator_noise) for _ in "ab"]
        return [
            (self.discriminator_a, real_a, fake_a, noises[0]),
            (self.discriminator_b, real_b, fake_b, noises[1]),
        ]

    def judge(self, judge, real: Tensor, fake: Tensor, noise) -> tuple[Tensor, Tensor, Tensor]:
        """One discriminator's loss, and how often it is right about real and fake."""
        with self.in_format():
            scores_real, scores_fake = judge(torch.cat([real, fake]) + noise).chunk(2)
            loss = discriminator_loss(scores_real, scores_fake, self.config.gan_mode)
        middle = 0.5 if self.config.gan_mode == "lsgan" else 0.0
        right_real, right_fake = scores_real.detach() > middle, scores_fake.detach() < middle
        return loss, right_real.float().mean(), right_fake.float().mean()

    def learn_to_judge(self, *given) -> tuple[Tensor, Tensor, Tensor]:
        """`judge` with its gradients added; all of it detached."""
        loss, *accuracies = self.judge(*given)
        loss.backward()
        return loss.detach(), *accuracies

    def by_name(self, ab: dict, ba: dict, judged_a: Tensor, judged_b: Tensor) -> dict[str, Tensor]:
        """The losses of both directions and both discriminators under the names of CycleGAN."""
        losses = {name: ab[name] + ba[name] for name in ab if name != "gan"}
        losses |= {"gan_ab": ab["gan"], "gan_ba": ba["gan"]}
        return losses | {"discriminator_a": judged_a, "discriminator_b": judged_b}

    def step_on(
        self, threads, real_a, real_b, optimizer_g, optimizer_d, pool_a, pool_b, with_identity
    ) -> dict[str, Tensor]:
        discriminators = [*self.discriminator_a.parameters(), *self.discriminator_b.parameters()]
        directions = self.directions(real_a, real_b, with_identity)

        for p in discriminators:
            p.requires_grad_(False)
        optimizer_g.zero_grad()
        (losses_ab, fake_b), (losses_ba, fake_a) = side_by_side(threads, self.learn_one_way, *directions)
        optimizer_g.step()

        for p in discriminators:
            p.requires_grad_(True)
        fake_a, fake_b = pool_a.query(fake_a), pool_b.query(fake_b)
        judgements = self.judgements(real_a, fake_a, real_b, fake_b)
        optimizer_d.zero_grad()
        judged_a, judged_b = side_by_side(threads, self.learn_to_judge, *judgements)
        optimizer_d.step()

        losses = self.by_name(losses_ab, losses_ba, judged_a[0], judged_b[0])
        losses |= {"accuracy_real_a": judged_a[1], "accuracy_fake_a": judged_a[2]}
        return losses | {"accuracy_real_b": judged_b[1], "accuracy_fake_b": judged_b[2]}


SECOND = ThreadPoolExecutor(1, "second direction")


@contextlib.contextmanager
def threads_for_each(number: int):
    """Within the block PyTorch shares each operation among `number` threads, here and in threads that begin there."""
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def side_by_side(threads: int, function, first: tuple, second: tuple) -> tuple:
    """function(*first) in this thread and function(*second) in another, which uses `threads` for each operation."""

    def in_the_other():
        torch.set_num_threads(threads)
        return function(*second)

    other = SECOND.submit(in_the_other)
    try:
        mine = function(*first)
    finally:
        wait([other])  # not one step further while it computes
    return mine, other.result()
