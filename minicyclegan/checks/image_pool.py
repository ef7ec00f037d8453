"""The check of notebook 06 on the image pool."""

import torch

from minicyclegan.checks.frame import exercise, expect
from minicyclegan.checks.probes import off, uneven


def numbered(first: int, n: int) -> torch.Tensor:
    """n pictures (n, 3, 2, 2) that hold nothing but their own number."""
    return torch.arange(first, first + n).float().view(n, 1, 1, 1).expand(n, 3, 2, 2).clone()


def numbers(pictures: torch.Tensor) -> list[int]:
    return pictures[:, 0, 0, 0].int().tolist()


def memory(pool) -> list[int]:
    return torch.stack(list(pool.pictures)).flatten(1)[:, 0].int().tolist()


@exercise("the pool fills up first, then trades half of the time, and hands out what was really in it")
def check_image_pool(ImagePool):
    batch = numbered(0, 4)
    off_pool = ImagePool(0)
    given_back = [off_pool.query(batch) for _ in range(2)]
    expect(
        all(isinstance(part, torch.Tensor) for part in given_back),
        f"query gives {type(given_back[0]).__name__}, not a tensor: is there a `return`, and a `torch.stack`?",
    )
    expect(
        all(torch.equal(part, batch) for part in given_back),
        "a pool of size 0 is turned off: it should give back what it is given.",
    )
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
    expect(
        sorted(memory(pool)) == list(range(6)),
        f"after the pictures 0 to 5 the pool holds {memory(pool)}: each one is stored, as it is, while there is room.",
    )
    compare_half_full(ImagePool)
    compare_memory(pool)
    compare_coins(ImagePool(6, seed=2))
    compare_seeds(ImagePool)


def compare_half_full(ImagePool) -> None:
    """A batch that comes when there is room for a part of it."""
    pool = ImagePool(6, seed=4)
    for first in (0, 4):
        batch = numbered(first, 4)
        out = pool.query(batch)
        found = numbers(out)
        batch.fill_(-1)
        own_memory(pool, out)
    expect(
        len(pool.pictures) == 6 and found[:2] == [4, 5],
        f"a pool of 6 holds 4, and a batch of 4 comes: it should store the first two and toss a coin for the others, but now it holds {len(pool.pictures)}. Look at each picture of the batch by itself.",
    )


def compare_memory(pool) -> None:
    """Two thousand pictures, two at a time, with the pool's memory looked at after each batch."""
    given, returned, places, strange = list(range(6, 2006)), [], [], []
    for number in range(6, 2006, 2):
        batch, before = numbered(number, 2), memory(pool)
        copy = batch.clone()
        out = pool.query(batch)
        expect(
            torch.equal(batch, copy),
            "query writes into the batch that it was given: make a new one of what is handed out.",
        )
        found, after = numbers(out), memory(pool)
        returned += found
        expect(
            len(pool.pictures) == 6,
            f"the pool has grown to {len(pool.pictures)} pictures, but its size is 6: a new one takes the place of the one handed out.",
        )
        wanted = list(before)
        for k, value in enumerate(found):
            if value != number + k and value in wanted:
                places.append(wanted.index(value))
                wanted[wanted.index(value)] = number + k
        both = [number + k for k in (0, 1) if found[k] == number + k and found[k] in set(after) - set(wanted)]
        expect(
            not both,
            f"picture {both[0] if both else 0} is handed out and stored as well. Is it copied into the very tensor that you hand out (aliasing)? Then the older picture is overwritten before anybody sees it: put a new tensor in its place. Otherwise: what is handed out new is not kept.",
        )
        strange += [] if sorted(after) == sorted(wanted) else [number]
        batch.fill_(-1)  # whoever stored the caller's tensor and not a copy now holds -1
        own_memory(pool, out)
    compare_returned(given, returned, places)
    expect(
        not strange,
        f"after picture {strange[0] if strange else 0} the pool does not hold what it should: a new picture goes exactly to the place of the one that is handed out, and all others stay.",
    )


def own_memory(pool, out: torch.Tensor) -> None:
    """Whether the pool's pictures are copies: the batch it was given is -1 everywhere now."""
    expect(
        -1 not in memory(pool),
        "the pool holds the caller's own tensors: when they change, the memory changes. Store a copy, `clone()`.",
    )
    out.fill_(-2)
    expect(
        -2 not in memory(pool),
        "what you hand out is still in the pool: whoever writes into it changes the memory. Hand out a copy.",
    )


def compare_returned(given: list[int], returned: list[int], places: list[int]) -> None:
    old = [value for value, number in zip(returned, given) if value != number]
    share = len(old) / len(given)
    expect(
        share > 0,
        "you never hand out an older picture once the pool is full: half of the time one from the pool takes the place of the new one.",
    )
    expect(
        abs(off(len(old), len(given), 0.5)) < 5,
        f"{share:.0%} of what you hand out is old; it should be about half.",
    )
    expect(
        all(value < number for value, number in zip(returned, given) if value != number),
        "you hand out pictures that have not been given yet.",
    )
    expect(
        len(set(old)) == len(old),
        f"picture {max(old, key=old.count)} was handed out {max(map(old.count, old))} times from the pool: the new picture should take its place.",
    )
    counts = [places.count(place) for place in range(6)]
    expect(
        uneven(counts) < 5,
        f"the six places of the pool were traded {counts} times: the place should be drawn at random, each as likely as any other.",
    )


def compare_coins(pool) -> None:
    """Whether every picture of a batch has a coin of its own, and every throw is a new one."""
    pool.query(numbered(0, 6))
    throws = []
    for number in range(6, 1606, 4):
        found = numbers(pool.query(numbered(number, 4)))
        throws.append([value != number + k for k, value in enumerate(found)])
    throws = torch.tensor(throws)
    mixed = float((throws != throws[:, :1]).any(1).float().mean())
    expect(
        mixed > 0,
        "in a batch of four either all pictures are old or none: toss a coin for each picture, not one for the batch.",
    )
    alike = [(throws[:, :-1] == throws[:, 1:]), (throws[:-1] == throws[1:])]
    expect(
        all(abs(off(same.sum(), same.numel(), 0.5)) < 5 for same in alike)
        and all(abs(off(count, len(throws), 0.5)) < 5 for count in throws.sum(0)),
        "about half of the pictures are old, but which ones follows a pattern: each picture of a batch has a throw of its own, and no throw depends on the one before.",
    )


def compare_seeds(ImagePool) -> None:
    """Whether the seed decides everything, and a pool whose memory and generator are set from outside goes on in the same way."""
    streams, states = [], []
    for seed in (3, 3, 4):
        pool = ImagePool(3, seed=seed)
        torch.rand(7)  # somebody else draws from PyTorch's global generator in between
        streams.append([numbers(pool.query(numbered(k, 1))) for k in range(40)])
        states.append(pool)
    expect(
        streams[0] == streams[1],
        "two pools with the same seed gave different pictures: draw from `self.generator`.",
    )
    expect(
        streams[0] != streams[2],
        "two pools with different seeds gave the same pictures: draw from `self.generator`.",
    )
    resumed = ImagePool(3, seed=99)
    resumed.pictures = [picture.clone() for picture in states[0].pictures]
    resumed.generator.set_state(states[0].generator.get_state())
    going_on = [[numbers(pool.query(numbered(k, 1))) for k in range(40, 80)] for pool in (states[0], resumed)]
    expect(
        going_on[0] == going_on[1],
        "a pool that is given another one's pictures and the state of its generator, as a resumed run does, goes on in another way: use `self.pictures` and `self.generator`, and remember nothing beside them.",
    )
