"""The checks of notebook 01 on unpaired draws and on the cache."""

import torch

from minicyclegan.checks.data import coded, places
from minicyclegan.checks.frame import exercise, expect
from minicyclegan.checks.probes import off


@exercise("A and B are drawn each on their own, without a picture twice in a batch")
def check_unpaired_draw(unpaired_draw):
    generator = torch.Generator().manual_seed(2)
    sizes, n = (30, 20), 6
    draws = [one_draw(unpaired_draw, sizes, n, generator) for _ in range(400)]
    for name, k in (("A", 0), ("B", 1)):
        compare_domain([draw[k] for draw in draws], name, sizes[k])
    compare_domains(draws, sizes, n)
    for name, k in (("A", 0), ("B", 1)):
        compare_chances([draw[k] for draw in draws], name, sizes[k])
    for sizes, n in (((20, 30), 6), ((9, 9), 9), ((7, 12), 1)):
        draws = [one_draw(unpaired_draw, sizes, n, generator) for _ in range(60)]
        for name, k in (("A", 0), ("B", 1)):
            expect(
                {i for draw in draws for i in draw[k]} == set(range(sizes[k])),
                f"with {sizes[0]} pictures of A and {sizes[1]} of B some pictures of {name} are never drawn.",
            )
        together = sum(a == b for draw in draws for a, b in zip(*draw))
        expect(
            off(together, 60 * n, 1 / max(sizes)) < 6,
            f"with {sizes[0]} pictures of A and {sizes[1]} of B, {together} of {60 * n} pictures come with their own number: do A and B share a draw?",
        )
    sizes, n = (30, 20), 6
    again = [one_draw(unpaired_draw, sizes, n, torch.Generator().manual_seed(seed)) for seed in (9, 9, 10)]
    expect(again[0] == again[1], "the same generator gives different batches: draw every number from it.")
    expect(
        again[0] != again[2], "generators with different seeds give the same batch: draw from the given one."
    )


def one_draw(unpaired_draw, sizes: tuple[int, int], n: int, generator) -> list[list[int]]:
    """The numbers of one batch, for A and for B. Raises NotYet unless they are n different ones of each domain."""
    found = unpaired_draw(*sizes, n, generator)
    expect(
        isinstance(found, (tuple, list)) and len(found) == 2,
        "unpaired_draw should give two lists of numbers, one for A and one for B.",
    )
    found = [[int(i) for i in part] for part in found]
    for name, part, size in zip("AB", found, sizes):
        expect(len(part) == n, f"for a batch of {n} you draw {len(part)} pictures of {name}.")
        outside = [i for i in part if not 0 <= i < size]
        expect(
            not outside,
            f"{name} has {size} pictures, but you draw number {outside[0] if outside else 0}: the two domains need not be equally large.",
        )
        expect(
            len(set(part)) == n, f"a picture of {name} comes twice in one batch: draw without replacement."
        )
    return found


def compare_domain(parts: list[list[int]], name: str, size: int) -> None:
    """Whether the draws of one domain are draws at all."""
    expect(
        len({tuple(part) for part in parts}) > 0.8 * len(parts),
        f"the numbers of {name} hardly change from batch to batch: draw them from the generator.",
    )
    counts = torch.tensor(parts).flatten().bincount(minlength=size)
    expect(
        bool((counts > 0).all()), f"some pictures of {name} are never drawn: each of the {size} should be."
    )
    expect(
        any(part != sorted(part) for part in parts),
        f"the numbers of {name} always come in ascending order, so a place in the batch gives something away.",
    )


def compare_chances(parts: list[list[int]], name: str, size: int) -> None:
    """Whether the draws of one domain are fair: every picture, every pair of pictures, every order."""
    n, counts = len(parts[0]), torch.tensor(parts).flatten().bincount(minlength=size)
    expect(
        all(abs(off(count, len(parts), n / size)) < 5 for count in counts),
        f"some pictures of {name} are drawn {int(counts.max())} times and others {int(counts.min())} times in {len(parts)} batches: each should be as likely.",
    )
    means = torch.tensor(parts).float().mean(0)
    usual, spread = (size - 1) / 2, (size**2 - 1) ** 0.5 / 12**0.5 / len(parts) ** 0.5
    expect(
        bool(((means - usual).abs() < 5 * spread).all()),
        f"at some places of the batch the numbers of {name} are larger than at others, so a place gives something away: shuffle.",
    )
    drawn = torch.zeros(len(parts), size).scatter_(1, torch.tensor(parts), 1.0)
    pairs = (drawn.T @ drawn).fill_diagonal_(0)
    expect(
        off(pairs.max(), len(parts), n * (n - 1) / size / (size - 1)) < 7,
        f"some pictures of {name} come in the same batch much more often than by chance: draw each picture on its own, not a run of neighbours.",
    )


def compare_domains(draws: list, sizes: tuple[int, int], n: int) -> None:
    """Whether what is drawn of B has nothing to do with what is drawn of A."""
    tries = len(draws) * n
    together = sum(a == b for draw in draws for a, b in zip(*draw)) / tries
    related = sum(set(draw[0]) == set(draw[1]) for draw in draws)
    expect(
        together < 0.5 and related < len(draws) / 3,
        f"{together:.0%} of your pictures of A come with the picture of B that has the same number: that is a pair, not a draw.",
    )
    expect(
        together < 0.12,
        f"{together:.0%} of the pictures come with their own number; by chance it would be 3 %. Do A and B share a draw?",
    )
    partners = {}
    for draw in draws:
        for a, b in zip(*draw):
            partners.setdefault(a, []).append(b)
    usual = sum(max(map(found.count, found)) for found in partners.values()) / tries
    expect(
        usual < 0.35,
        f"{usual:.0%} of the pictures of A come with one and the same picture of B each time: the number of B follows from that of A. Draw it independently.",
    )
    drawn = [
        torch.zeros(len(draws), size).scatter_(1, torch.tensor([draw[k] for draw in draws]), 1.0)
        for k, size in enumerate(sizes)
    ]
    usual = torch.outer(drawn[0].mean(0), drawn[1].mean(0)) * len(
        draws
    )  # if the two had nothing to do with each other
    expect(
        float(((drawn[0].T @ drawn[1] - usual) / usual.clamp(min=1).sqrt()).max()) < 7,
        "whether a picture of B is drawn follows from which pictures of A are: do A and B share a draw? Draw the second one independently.",
    )


@exercise("the file is decoded once, and the crop is new at every draw")
def check_fresh_crops(Pictures):
    opened = []

    def decode(index):
        opened.append(index)
        return coded(6, 20, 20)[index]

    pictures, generator = Pictures(decode, 8), torch.Generator().manual_seed(3)
    first = [pictures.draw(4, generator) for _ in range(30)]
    expect(
        all(isinstance(p, torch.Tensor) and p.shape == (3, 8, 8) for p in first),
        "draw should give one picture of shape (3, 8, 8).",
    )
    expect(all(int(p[0, 0, 0]) == 4 for p in first), "draw(4, ...) gives a picture other than number 4.")
    kinds = len({tuple(p.flatten().tolist()) for p in first})
    expect(
        kinds > 1,
        "thirty draws of one picture give the same crop thirty times: either the cache keeps the crop (what should it keep?), or the crop is not drawn from the generator that is given.",
    )
    expect(kinds > 15, f"thirty draws of one picture give only {kinds} different crops.")
    expect(
        len(opened) == 1,
        f"picture 4 was decoded {len(opened)} times in thirty draws: decoding is the slow part; do it once and keep the result.",
    )
    second = pictures.draw(2, generator)
    expect(
        int(second[0, 0, 0]) == 2,
        "after picture 4 was drawn, draw(2, ...) does not give picture 2: the cache needs to know which is which.",
    )
    for index in (4, 2, 0, 1, 3, 5, 0, 5, 2, 4, 3, 1):
        expect(int(pictures.draw(index, generator)[0, 0, 0]) == index, "the cache mixes up its pictures.")
    expect(
        len(opened) == 6,
        f"six pictures were drawn several times each and decoded {len(opened)} times together: keep every picture, not only the last ones.",
    )
    top, left, _ = places(torch.stack([pictures.draw(5, generator) for _ in range(150)]))
    expect(
        (int(top.max()), int(left.max()), int(top.min()), int(left.min())) == (12, 12, 0, 0),
        "in a picture of 20 px, crops of 8 px begin at 0 to 12, and some of these places never occur.",
    )
    compare_generators(Pictures, decode, pictures)


def compare_generators(Pictures, decode, used) -> None:
    """Whether the crop follows from the generator that is given, in a new object and in a used one; and whose cache it is."""
    again = [Pictures(decode, 8).draw(3, torch.Generator().manual_seed(5)) for _ in range(8)]
    expect(
        all(torch.equal(p, again[0]) for p in again),
        "the same generator gives different crops: draw from the one that is given.",
    )
    again = [used.draw(3, torch.Generator().manual_seed(seed)) for seed in (5, 5, 6)]
    expect(
        torch.equal(again[0], again[1]),
        "the same generator gives different crops when the picture is in the cache already: draw from the one that is given, each time.",
    )
    expect(
        not torch.equal(again[0], again[2]) or not torch.equal(again[0], used.draw(3, torch.Generator().manual_seed(7))),
        "generators with different seeds give the same crop: draw from the one that is given.",
    )  # fmt: skip
    other = Pictures(lambda index: 100 + coded(6, 20, 20)[index], 8)
    expect(
        int(other.draw(4, torch.Generator().manual_seed(5))[0, 0, 0]) == 104,
        "a second object hands out the pictures of the first: each object needs a cache of its own, made in `__init__`.",
    )
