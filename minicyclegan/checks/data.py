"""The checks of notebook 01 on ranges, crops, unpaired draws and the cache."""

import torch

from minicyclegan.checks.frame import exercise, expect


@exercise("bytes become numbers from -1 to 1 and come back without a byte changed")
def check_range(to_float, to_uint8):
    every = torch.arange(256, dtype=torch.uint8).view(1, 1, 16, 16)
    x = to_float(every)
    expect(isinstance(x, torch.Tensor) and x.is_floating_point(), "to_float should give a tensor of floats.")
    low, high = float(x.min()), float(x.max())
    expect(
        float(x.flatten()[0]) <= float(x.flatten()[-1]),
        f"0 becomes {float(x.flatten()[0]):.0f} and 255 becomes {float(x.flatten()[-1]):.0f}: black and white have changed places.",
    )
    expect(
        high < 100,
        f"to_float gives numbers up to {high:.0f}: bytes run from 0 to 255, the generator's tanh from -1 to 1.",
    )
    expect(low < -0.5, f"to_float gives numbers from {low:.2f} to {high:.2f}: 0 should become -1.")
    expect(
        abs(low + 1) < 1e-6 and abs(high - 1) < 1e-6,
        f"to_float gives numbers from {low:.4f} to {high:.4f}: 0 should become exactly -1 and 255 exactly 1.",
    )
    expect(
        bool((x.flatten().diff() - 2 / 255).abs().max() < 1e-5),
        "in to_float the steps between neighbouring bytes are not equal.",
    )
    back = to_uint8(x)
    expect(
        isinstance(back, torch.Tensor) and back.dtype == torch.uint8,
        f"to_uint8 gives {getattr(back, 'dtype', type(back).__name__)}: bytes are torch.uint8.",
    )
    wrong = int((back != every).sum())
    expect(
        wrong == 0,
        f"{wrong} of 256 bytes come back changed: is the number rounded to the nearest step, or cut off?",
    )
    between = to_uint8(torch.tensor([-0.002, 0.5, 0.997]) + 0.0)
    expect(
        torch.equal(between, torch.tensor([127, 191, 255], dtype=torch.uint8)),
        f"-0.002, 0.5 and 0.997 should become 127, 191 and 255, but became {between.tolist()}: round to the nearest.",
    )
    outside = to_uint8(torch.tensor([-1.2, 1.01, 3.0]))
    expect(
        torch.equal(outside, torch.tensor([0, 255, 255], dtype=torch.uint8)),
        f"numbers outside -1 to 1 became {outside.tolist()}: a byte overflows and starts again; clamp first.",
    )


def coded(n: int, height: int, width: int) -> torch.Tensor:
    """n pictures (n, 3, height, width) whose pixels say where they are: picture, row and column."""
    rows = torch.arange(height, dtype=torch.uint8).view(1, 1, height, 1).expand(n, 1, height, width)
    columns = torch.arange(width, dtype=torch.uint8).view(1, 1, 1, width).expand(n, 1, height, width)
    which = torch.arange(n, dtype=torch.uint8).view(n, 1, 1, 1).expand(n, 1, height, width)
    return torch.cat([which, rows, columns], 1)


@exercise("every picture gets a place of its own, every place can occur, and half of them are mirrored")
def check_random_crop_flip(random_crop_flip):
    pictures, generator = coded(40, 12, 10), torch.Generator().manual_seed(1)
    found = random_crop_flip(pictures, 8, generator)
    expect(
        isinstance(found, torch.Tensor),
        f"random_crop_flip gives {type(found).__name__}: `torch.stack` makes one tensor of a list.",
    )
    expect(
        found.shape == (40, 3, 8, 8),
        f"40 pictures cut to 8 px should be (40, 3, 8, 8), but are {tuple(found.shape)}.",
    )
    expect(
        found[:, 0, 0, 0].tolist() == list(range(40)),
        "the pictures come out in a different order, or some come twice.",
    )
    draws = [random_crop_flip(pictures, 8, generator) for _ in range(30)]
    tops = [torch.minimum(d[:, 1, 0, 0], d[:, 1, -1, 0]) for d in draws]
    expect(
        not any(bool((d[:, 1, 0, 0] > d[:, 1, -1, 0]).any()) for d in draws),
        "some pictures are upside down: mirror left to right, not up and down.",
    )
    expect(
        all(bool((d[:, 1, :, 0].int().diff(dim=1) == 1).all()) for d in draws),
        "a crop is a square of neighbouring pixels: nothing is scaled or left out.",
    )
    lefts = [torch.minimum(d[:, 2, 0, 0], d[:, 2, 0, -1]) for d in draws]
    flips = [d[:, 2, 0, 0] > d[:, 2, 0, -1] for d in draws]
    expect(
        len({*map(tuple, (t.tolist() for t in tops))}) > 1,
        "two calls give the same crops: draw anew each time, from the generator that is given.",
    )
    expect(
        any(len(set(t.tolist())) > 1 for t in tops),
        "all pictures of a batch are cut at the same place, seen from the top: each should draw its own.",
    )
    expect(
        any(len(set(k.tolist())) > 1 for k in lefts),
        "all pictures of a batch are cut at the same place, seen from the left: each should draw its own.",
    )
    expect(
        any(0 < int(f.sum()) < 40 for f in flips),
        "either all pictures of a batch are mirrored or none: each should toss its own coin.",
    )
    for name, places, last in (("top", tops, 4), ("left", lefts, 2)):
        seen = sorted({int(p) for place in places for p in place})
        expect(
            seen[-1] == last,
            f"the {name} edge never goes beyond {seen[-1]}; a square of 8 px has room up to {last}: off by one?",
        )
        expect(seen == list(range(last + 1)), f"the {name} edge takes only the places {seen}.")
    places = {(int(t), int(k)) for top, left in zip(tops, lefts) for t, k in zip(top, left)}
    expect(
        len(places) == 5 * 3,
        f"only {len(places)} of the 15 pairs of a top and a left ever occur: draw the two independently.",
    )
    share = float(torch.stack(flips).float().mean())
    expect(abs(share - 0.5) < 0.1, f"{share:.0%} of the pictures are mirrored; it should be half.")
    same = [random_crop_flip(pictures, 8, torch.Generator().manual_seed(5)) for _ in range(2)]
    expect(
        torch.equal(*same),
        "the same generator gives different crops: draw every number from it, the coins too.",
    )
    whole = random_crop_flip(pictures[:, :, :8, :8], 8, generator)
    expect(whole.shape == (40, 3, 8, 8), "a picture that is just as large as the crop has one place: 0.")


@exercise("A and B are drawn each on their own, without a picture twice in a batch")
def check_unpaired_draw(unpaired_draw):
    generator = torch.Generator().manual_seed(2)
    sizes, n = (30, 20), 6
    draws = []
    for _ in range(300):
        found = unpaired_draw(*sizes, n, generator)
        expect(
            isinstance(found, (tuple, list)) and len(found) == 2,
            "unpaired_draw should give two lists of numbers, one for A and one for B.",
        )
        draws.append([[int(k) for k in part] for part in found])
    for name, k in (("A", 0), ("B", 1)):
        parts = [draw[k] for draw in draws]
        expect(
            all(len(part) == n for part in parts),
            f"for a batch of {n} you draw {len(parts[0])} pictures of {name}.",
        )
        expect(
            all(0 <= i < sizes[k] for part in parts for i in part),
            f"{name} has {sizes[k]} pictures, but you draw number {max(map(max, parts))}: the two domains need not be equally large.",
        )
        expect(
            all(len(set(part)) == n for part in parts),
            f"a picture of {name} comes twice in one batch: draw without replacement.",
        )
        expect(
            len({tuple(part) for part in parts}) > 250,
            f"the numbers of {name} hardly change from batch to batch: draw them from the generator.",
        )
        expect(
            {i for part in parts for i in part} == set(range(sizes[k])),
            f"some pictures of {name} are never drawn: each of the {sizes[k]} should be.",
        )
        expect(
            any(part != sorted(part) for part in parts),
            f"the numbers of {name} always come in ascending order, so a place in the batch gives something away.",
        )
    together = sum(a == b for draw in draws for a, b in zip(*draw)) / (300 * n)
    related = sum(set(draw[0]) == set(draw[1]) for draw in draws)
    expect(
        together < 0.5 and related < 100,
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
    usual = sum(max(map(found.count, found)) for found in partners.values()) / (300 * n)
    expect(
        usual < 0.35,
        f"{usual:.0%} of the pictures of A come with one and the same picture of B each time: the number of B follows from that of A. Draw it independently.",
    )
    again = [unpaired_draw(*sizes, n, torch.Generator().manual_seed(9)) for _ in range(2)]
    expect(
        [list(map(int, p)) for p in again[0]] == [list(map(int, p)) for p in again[1]],
        "the same generator gives different batches: draw every number from it.",
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
    for index in (4, 2, 2, 4):
        expect(int(pictures.draw(index, generator)[0, 0, 0]) == index, "the cache mixes up its pictures.")
    expect(len(opened) == 2, "a picture is decoded again although it is in the cache.")
    again = [Pictures(decode, 8).draw(3, torch.Generator().manual_seed(5)) for _ in range(8)]
    expect(
        all(torch.equal(p, again[0]) for p in again),
        "the same generator gives different crops: draw from the one that is given.",
    )
