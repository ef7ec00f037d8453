"""The checks of notebook 06 on the image pool and on what the generators want."""

import torch

from minicyclegan.checks.frame import exercise, expect


def numbered(first: int, n: int) -> torch.Tensor:
    """n pictures (n, 3, 2, 2) that hold nothing but their own number."""
    return torch.arange(first, first + n).float().view(n, 1, 1, 1).expand(n, 3, 2, 2).clone()


def numbers(pictures: torch.Tensor) -> list[int]:
    return [int(value) for value in pictures[:, 0, 0, 0]]


@exercise("the pool fills up first, then trades half of the time, and hands out what was really in it")
def check_image_pool(ImagePool):
    batch = numbered(0, 4)
    off = ImagePool(0).query(batch)
    expect(
        isinstance(off, torch.Tensor),
        f"query gives {type(off).__name__}, not a tensor: is there a `return`, and a `torch.stack`?",
    )
    expect(torch.equal(off, batch), "a pool of size 0 is turned off: it should give back what it is given.")
    pool = ImagePool(6, seed=1)
    first = [pool.query(numbered(k, 2)) for k in (0, 2, 4)]
    expect(
        all(isinstance(part, torch.Tensor) for part in first),
        "while it fills up, query gives a list and not a tensor: `torch.stack` makes a batch of it.",
    )
    expect(
        all(part.shape == (2, 3, 2, 2) for part in first),
        f"for 2 pictures query gives {tuple(first[0].shape)}: as many out as in, (N, 3, H, W).",
    )
    expect(
        sum(map(numbers, first), []) == list(range(6)),
        f"while the pool of 6 fills up, the pictures 0 to 5 should come back as they are; you gave {sum(map(numbers, first), [])}.",
    )
    expect(
        len(pool.pictures) == 6,
        f"after 6 pictures the pool of size 6 holds {len(pool.pictures)}: each one is stored while there is room.",
    )
    given, returned = list(range(6, 2006)), []
    for number in range(6, 2006, 2):
        batch = numbered(number, 2)
        returned += numbers(pool.query(batch))
        batch.fill_(-1)  # whoever stored the caller's tensor and not a copy now holds -1
        expect(
            len(pool.pictures) == 6,
            f"the pool has grown to {len(pool.pictures)} pictures, but its size is 6: a new one takes the place of the one handed out.",
        )
    expect(
        -1 not in returned,
        "the pool holds the caller's own tensors: when they change, the memory changes. Store a copy, `clone()`.",
    )
    old = [value for value, number in zip(returned, given) if value != number]
    share = len(old) / len(given)
    expect(
        share > 0,
        "you never hand out an older picture once the pool is full: half of the time one from the pool takes the place of the new one.",
    )
    expect(abs(share - 0.5) < 0.06, f"{share:.0%} of what you hand out is old; it should be about half.")
    expect(
        all(value < number for value, number in zip(returned, given) if value != number),
        "you hand out pictures that have not been given yet.",
    )
    expect(
        len(set(old)) == len(old),
        f"picture {max(old, key=old.count)} was handed out {max(map(old.count, old))} times from the pool: the new picture should take its place.",
    )
    waits = sorted(number - value for value, number in zip(returned, given) if value != number)
    expect(waits[-1] > 12, "the old pictures are never really old: is the place in the pool drawn at random?")
    again = [ImagePool(2, seed=3) for _ in range(2)]
    streams = []
    for pool in again:
        torch.rand(7)  # somebody else draws from PyTorch's global generator in between
        streams.append([numbers(pool.query(numbered(k, 1))) for k in range(40)])
    expect(
        streams[0] == streams[1],
        "two pools with the same seed gave different pictures: draw from `self.generator`.",
    )


def networks(seed: int) -> list:
    """Small generators G and F and discriminators D_A and D_B, all different."""
    torch.manual_seed(seed)
    one = [torch.nn.Conv2d(3, 3, 3, padding=1) for _ in range(2)]
    return one + [torch.nn.Conv2d(3, 1, 2) for _ in range(2)]


@exercise("six terms with the right networks, pictures and weights add up to what the generators want")
def check_generators_objective(generators_objective):
    G, F, D_A, D_B = networks(1)
    a, b = (torch.rand(2, 3, 6, 6) * 2 - 1 for _ in range(2))
    weights = 7.0, 0.3
    loss = generators_objective(G, F, D_A, D_B, a, b, *weights)
    expect(
        isinstance(loss, torch.Tensor) and loss.shape == (),
        "generators_objective should give one number, a tensor with a gradient.",
    )

    def l1(x, y):
        return (x - y).abs().mean()

    def game(scores, target=1.0):
        return (scores - target).square().mean()

    fake_b, fake_a = G(a), F(b)
    terms = {
        "game": game(D_B(fake_b)) + game(D_A(fake_a)),
        "cycle": l1(F(fake_b), a) + l1(G(fake_a), b),
        "identity": l1(G(b), b) + l1(F(a), a),
    }
    cycle, identity = weights
    right = terms["game"] + cycle * terms["cycle"] + cycle * identity * terms["identity"]
    mistakes = {
        "the two discriminators are swapped: a fake B should be shown to the discriminator of B.": right
        - terms["game"]
        + game(D_A(fake_b))
        + game(D_B(fake_a)),
        "the target of the game is 0: the generators want the discriminators to call their fakes real.": right
        - terms["game"]
        + game(D_B(fake_b), 0.0)
        + game(D_A(fake_a), 0.0),
        "the game is missing: without it nothing asks for winter.": right - terms["game"],
        "one of the two games is missing: each generator plays against the discriminator of its own target domain.": right
        - game(D_A(fake_a)),
        "one game is missing: F plays too, against the discriminator of A.": right - game(D_B(fake_b)),
        "only one half of the cycle is there: both ways back count.": right - cycle * l1(G(fake_a), b),
        "one half of the cycle is missing: the way from A to B and back counts too.": right
        - cycle * l1(F(fake_b), a),
        "the weight of the identity loss is a share of lambda_cycle: multiply by both.": right
        - cycle * identity * terms["identity"]
        + identity * terms["identity"],
        "lambda_identity is not used: the identity loss counts lambda_cycle times lambda_identity.": right
        + (cycle - cycle * identity) * terms["identity"],
        "the identity loss is missing.": right - cycle * identity * terms["identity"],
        "the identity loss forbids the translation: G leads to B, so it should leave a real B alone.": right
        - cycle * identity * (terms["identity"] - l1(G(a), a) - l1(F(b), b)),
        "lambda_cycle is missing in front of the cycle.": right - (cycle - 1) * terms["cycle"],
    }
    for hint, value in mistakes.items():
        expect(not torch.allclose(loss, value, rtol=1e-5), hint)
    expect(
        torch.allclose(loss, right, rtol=1e-4),
        f"your sum is {float(loss):.4f}, it should be {float(right):.4f}: print the six terms one by one.",
    )
    expect(loss.requires_grad, "your sum has no gradient: something is detached.")
    for network, letter in ((G, "G"), (F, "F")):
        wanted = torch.autograd.grad(right, list(network.parameters()), retain_graph=True)
        found = torch.autograd.grad(loss, list(network.parameters()), retain_graph=True, allow_unused=True)
        same = all(
            x is not None and torch.allclose(x, y, rtol=1e-3, atol=1e-5) for x, y in zip(found, wanted)
        )
        expect(
            same,
            f"the value is right, the gradient for {letter} is not: a fake is detached, or computed a second time under no_grad. Here nothing is detached.",
        )
