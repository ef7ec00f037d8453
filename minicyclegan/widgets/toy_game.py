"""The game of two players with points in the plane, and the cycle between two clouds: the mathematics, without the drawing."""

import math

import torch
from torch import Tensor, nn

from minicyclegan.cyclegan import CycleGAN
from minicyclegan.errors import ParameterError
from minicyclegan.gan_loss import discriminator_loss, generator_loss
from minicyclegan.parameters import Config

CLOUDS = ("ring", "two moons", "eight blobs", "line")
SOURCES = ("noise", *CLOUDS)
MODES = ("lsgan", "bce")
HALF = 3.2  # everything of interest lies within -HALF..HALF on both axes
BATCH = 128  # fresh points of each cloud in every step
SHOWN = 160  # points of each cloud that are followed from picture to picture
RATE = 0.002  # learning rate of both sides to begin with
NEAR = 0.4  # a real point is reached when a fake lies at most this far away


def cloud(name: str, n: int, generator: torch.Generator, even: bool = False) -> tuple[Tensor, Tensor]:
    """`n` points (n, 2) of a cloud, and how far along the cloud each one lies (n,), from 0 to 1. Raises ParameterError.

    They are drawn at random; with `even`, no part of the cloud gets more than its share (noise is always random).
    """
    if name not in SOURCES:
        raise ParameterError(f"there is no cloud {name!r}; use one of {', '.join(SOURCES)}")
    if name == "noise":
        points = torch.randn(n, 2, generator=generator)
        return points, torch.atan2(points[:, 1], points[:, 0]) / (2 * math.pi) % 1
    along = torch.rand(n, generator=generator)
    if even:
        along = (torch.randperm(n, generator=generator) + 0.5) / n
    blur = 0.08 * torch.randn(n, 2, generator=generator)
    if name == "eight blobs":
        along = ((8 * along).floor() + 0.5) / 8
    angle = 2 * math.pi * along
    if name == "line":
        middle = torch.stack([4 * along - 2, 2 * along - 1], 1)
    elif name == "two moons":  # one half circle on the left, open below, one on the right, open above
        side = torch.where(along < 0.5, -1.0, 1.0)
        middle = torch.stack([0.65 * side - 1.3 * angle.cos() * side, 1.3 * angle.sin() + 0.4 * side], 1)
    else:
        middle = 2 * torch.stack([angle.cos(), angle.sin()], 1)
    return middle + blur, along


def network(outputs: int) -> nn.Sequential:
    """A tiny network for points: (n, 2) to (n, outputs)."""
    return nn.Sequential(
        nn.Linear(2, 64), nn.LeakyReLU(0.2), nn.Linear(64, 64), nn.LeakyReLU(0.2), nn.Linear(64, outputs)
    )


def networks(seed: int, *outputs: int) -> list[nn.Sequential]:
    """Networks whose first weights depend on `seed` alone; the caller's random state is left as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return [network(k) for k in outputs]


def adam(*players: nn.Module) -> torch.optim.Adam:
    """The paper's optimiser (section 7) for all parameters of one side; the game sets its learning rate at every step."""
    parameters = [p for player in players for p in player.parameters()]
    return torch.optim.Adam(parameters, betas=(0.5, 0.999), fused=True)


def apply(optimizer: torch.optim.Adam, loss: Tensor, lr: float) -> None:
    """One step of one side. Gradients that the loss leaves in the other side are never used."""
    optimizer.param_groups[0]["lr"] = lr
    optimizer.zero_grad()
    loss.backward(inputs=optimizer.param_groups[0]["params"])
    optimizer.step()


def opinion(discriminator: nn.Module, points: Tensor, mode: str) -> Tensor:
    """What a discriminator says to points (..., 2): about 1 for real, about 0 for fake; bce's logits become probabilities."""
    with torch.no_grad():
        scores = discriminator(points).squeeze(-1)
    return scores.sigmoid() if mode == "bce" else scores


def surface(discriminator: nn.Module, mode: str, side: int = 48) -> Tensor:
    """A discriminator's opinion of the whole plane (side, side); the first row is the lowest."""
    line = torch.linspace(-HALF, HALF, side)
    return opinion(discriminator, torch.stack(torch.meshgrid(line, line, indexing="xy"), -1), mode)


def push(discriminator: nn.Module, fakes: Tensor, mode: str) -> Tensor:
    """Where D would push each of `fakes` (n, 2): minus the gradient of G's loss of that point alone (n, 2)."""
    points = fakes.detach().requires_grad_()
    (gradient,) = torch.autograd.grad(generator_loss(discriminator(points), mode) * len(points), points)
    return -gradient


def cloud_distance(first: Tensor, second: Tensor) -> float:
    """How far two clouds (n, 2) of equally many points are apart, in units of the plane; 0 is equal.

    Seen along a line, the k-th point of one cloud should lie where the k-th of the other does. This is the mean
    distance between them over 64 directions (the sliced Wasserstein distance of order 1).
    """
    angle = torch.arange(64) * (math.pi / 64)
    directions = torch.stack([angle.cos(), angle.sin()])
    return ((first @ directions).sort(0)[0] - (second @ directions).sort(0)[0]).abs().mean().item()


def coverage(real: Tensor, fakes: Tensor) -> float:
    """Share of the real points that have a fake within NEAR; low when fakes crowd in a few places (mode collapse)."""
    return (torch.cdist(real, fakes).min(1)[0] < NEAR).float().mean().item()


def strangers(before: Tensor, after: Tensor) -> float:
    """Of the 5 points nearest to each of `after` (n, 2), the share that was not near it in `before` (n, 2).

    Near means among the nearest quarter. 0: whoever stands beside you was already in your neighbourhood; 0.75 is chance.
    """
    beside = torch.cdist(after, after).fill_diagonal_(math.inf).topk(5, largest=False)[1]
    rank = torch.cdist(before, before).argsort(1).argsort(1)
    return (rank.gather(1, beside) > len(before) // 4).float().mean().item()


class Players:
    """What both games share: two sides that learn in turn, a count of their steps, and where the fakes were before."""

    def __init__(self, mode: str, seed: int):
        if mode not in MODES:
            raise ParameterError(f"there is no criterion {mode!r}; use one of {', '.join(MODES)}")
        self.mode, self.lr_d, self.lr_g = mode, RATE, RATE  # the rates may be changed at any time
        self.random = torch.Generator().manual_seed(seed)
        self.steps_d, self.steps_g, self.before = 0, 0, None

    def step_d(self, times: int = 1) -> None:
        """The discriminators learn, `times` steps; the generators stand still."""
        self.before = self.fakes()
        for _ in range(times):
            self.learn_d()

    def step_g(self, times: int = 1) -> None:
        """The generators learn, `times` steps; the discriminators stand still."""
        self.before = self.fakes()
        for _ in range(times):
            self.learn_g()

    def rounds(self, times: int = 1) -> None:
        """Both sides in turn, D first, `times` steps each."""
        self.before = self.fakes()
        for _ in range(times):
            self.learn_d()
            self.learn_g()


class Game(Players):
    """A generator turns the points of `source` into fakes; a discriminator compares them with the cloud `real`."""

    def __init__(self, real: str = "eight blobs", source: str = "noise", mode: str = "lsgan", seed: int = 0):
        super().__init__(mode, seed)
        self.real_name, self.source_name = real, source
        self.generator, self.discriminator = networks(seed, 2, 1)
        self.optimizer_d, self.optimizer_g = adam(self.discriminator), adam(self.generator)
        self.real, _ = cloud(real, SHOWN, self.random, even=True)
        self.source, _ = cloud(source, SHOWN, self.random, even=True)

    def batch(self) -> tuple[Tensor, Tensor]:
        return cloud(self.real_name, BATCH, self.random)[0], cloud(self.source_name, BATCH, self.random)[0]

    def learn_d(self) -> None:
        real, source = self.batch()
        fake = self.generator(source).detach()
        loss = discriminator_loss(self.discriminator(real), self.discriminator(fake), self.mode)
        apply(self.optimizer_d, loss, self.lr_d)
        self.steps_d += 1

    def learn_g(self) -> None:
        loss = generator_loss(self.discriminator(self.generator(self.batch()[1])), self.mode)
        apply(self.optimizer_g, loss, self.lr_g)
        self.steps_g += 1

    def fakes(self) -> Tensor:
        """Where the followed points of the source land (SHOWN, 2)."""
        with torch.no_grad():
            return self.generator(self.source)

    def measure(self) -> dict[str, float]:
        """`distance` between fakes and real points, `coverage` of the real points, D's mean opinion of `real` and `fake`."""
        fakes = self.fakes()
        found = {"distance": cloud_distance(self.real, fakes), "coverage": coverage(self.real, fakes)}
        says = {"real": self.real, "fake": fakes}.items()
        return found | {k: opinion(self.discriminator, p, self.mode).mean().item() for k, p in says}


class Cycle(Players):
    """G goes from cloud A to cloud B, F from B to A, each against its own discriminator; lambda_cycle weighs the way back."""

    # What a direction wants is the library's, as a method of this class: points (N, 2) will do as well as pictures
    one_direction, autocast, dtype = CycleGAN.one_direction, CycleGAN.autocast, torch.float32

    def __init__(self, a="two moons", b="ring", lambda_cycle: float = 0.0, mode="lsgan", seed: int = 0):
        super().__init__(mode, seed)
        self.name_a, self.name_b, self.lambda_cycle = a, b, lambda_cycle
        self.g, self.f, self.d_a, self.d_b = networks(seed, 2, 2, 1, 1)
        self.optimizer_d, self.optimizer_g = adam(self.d_a, self.d_b), adam(self.g, self.f)
        self.a, self.along = cloud(a, SHOWN, self.random, even=True)
        self.b, _ = cloud(b, SHOWN, self.random, even=True)

    def batch(self) -> tuple[Tensor, Tensor]:
        # drawn independently: nothing pairs them
        return cloud(self.name_a, BATCH, self.random)[0], cloud(self.name_b, BATCH, self.random)[0]

    def learn_d(self) -> None:
        a, b = self.batch()
        fake_b, fake_a = self.g(a).detach(), self.f(b).detach()
        loss_a = discriminator_loss(self.d_a(a), self.d_a(fake_a), self.mode)
        loss_b = discriminator_loss(self.d_b(b), self.d_b(fake_b), self.mode)
        apply(self.optimizer_d, loss_a + loss_b, self.lr_d)
        self.steps_d += 1

    def learn_g(self) -> None:
        a, b = self.batch()
        # What is wanted is weighed anew each time: lambda_cycle may change while the game is played
        self.config = Config(lambda_cycle=self.lambda_cycle, lambda_identity=0.0, gan_mode=self.mode)
        losses_ab, _ = self.one_direction(self.g, self.f, self.d_b, a, b, (0.0, 0.0), False)
        losses_ba, _ = self.one_direction(self.f, self.g, self.d_a, b, a, (0.0, 0.0), False)
        apply(self.optimizer_g, sum([*losses_ab.values(), *losses_ba.values()]), self.lr_g)
        self.steps_g += 1

    def fakes(self) -> Tensor:
        """Where G sends the followed points of A (SHOWN, 2)."""
        with torch.no_grad():
            return self.g(self.a)

    def returned(self) -> Tensor:
        """Where F brings them back to (SHOWN, 2)."""
        with torch.no_grad():
            return self.f(self.g(self.a))

    def measure(self) -> dict[str, float]:
        """`cycle`: mean distance from x to F(G(x)); `distance`, `coverage` of B by G(A); `strangers` side by side in G(A)."""
        fakes = self.fakes()
        return {
            "cycle": (self.returned() - self.a).norm(dim=1).mean().item(),
            "distance": cloud_distance(self.b, fakes),
            "coverage": coverage(self.b, fakes),
            "strangers": strangers(self.a, fakes),
        }
