"""The checks of notebook 01 on ranges and on random crops."""

import torch

from minicyclegan.checks.frame import exercise, expect
from minicyclegan.checks.probes import off, uneven, untouched


@exercise("bytes become numbers from -1 to 1 and come back without a byte changed")
def check_range(to_float, to_uint8):
    every = torch.arange(256, dtype=torch.uint8).view(1, 1, 16, 16)
    with untouched("to_float", pictures=every):
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
        x.dtype == torch.float32,
        f"to_float gives {x.dtype}: the networks compute in torch.float32, and refuse anything else.",
    )
    expect(
        x.shape == every.shape and bool((x.flatten().diff() - 2 / 255).abs().max() < 1e-5),
        "in to_float the steps between neighbouring bytes are not equal.",
    )
    dull = torch.randint(60, 200, (2, 3, 5, 7)).to(torch.uint8)
    for some in (dull, dull[0]):
        found = to_float(some)
        expect(
            found.shape == some.shape and torch.allclose(found, some.float() / 127.5 - 1, atol=1e-5),
            f"a dull picture with bytes from {int(some.min())} to {int(some.max())} becomes {float(found.min()):.2f} to {float(found.max()):.2f}: the range is that of all bytes, not that of the picture at hand.",
        )
    compare_bytes(to_uint8, x, every)


def compare_bytes(to_uint8, x: torch.Tensor, every: torch.Tensor) -> None:
    with untouched("to_uint8", pictures=x):
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
    dull = to_uint8(torch.tensor([-0.5, 0.0, 0.5]))
    expect(
        int(dull[0]) in (63, 64, 65) and int(dull[2]) in (190, 191, 192),
        f"-0.5, 0 and 0.5 alone become {dull.tolist()}: the range is always -1 to 1, not that of the picture at hand.",
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
    any_number = torch.rand(3, 40, 50) * 2.6 - 1.3
    exact = (any_number.double() + 1) * 127.5
    clear = ((exact - exact.floor()) - 0.5).abs() > 1e-3  # not half-way between two bytes
    expect(
        torch.equal(to_uint8(any_number)[clear], exact.round().clamp(0, 255).to(torch.uint8)[clear]),
        "some numbers between two steps do not go to the nearest byte.",
    )


def coded(n: int, height: int, width: int) -> torch.Tensor:
    """n pictures (n, 3, height, width) whose pixels say where they are: picture, row and column."""
    rows = torch.arange(height, dtype=torch.uint8).view(1, 1, height, 1).expand(n, 1, height, width)
    columns = torch.arange(width, dtype=torch.uint8).view(1, 1, 1, width).expand(n, 1, height, width)
    which = torch.arange(n, dtype=torch.uint8).view(n, 1, 1, 1).expand(n, 1, height, width)
    return torch.cat([which, rows, columns], 1)


def places(crops: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Top, left and whether it is mirrored, for each crop (N, 3, size, size) of coded pictures. Raises NotYet if it is no crop."""
    crops = crops.int()
    expect(
        not bool((crops[:, 1, 0, 0] > crops[:, 1, -1, 0]).any()),
        "some pictures are upside down: mirror left to right, not up and down.",
    )
    top, ends, size = crops[:, 1, 0, 0], crops[:, 2, 0, [0, -1]], crops.shape[-1]
    mirrored = ends[:, 0] > ends[:, 1]
    left, steps = ends.amin(1), torch.arange(size)
    columns = left[:, None] + torch.where(mirrored[:, None], steps.flip(0), steps)
    right = (crops[:, 1] == (top[:, None] + steps)[:, :, None]) & (crops[:, 2] == columns[:, None])
    expect(bool(right.all()), "a crop is a square of neighbouring pixels: nothing is scaled or left out.")
    return top, left, mirrored


@exercise("every picture gets a place of its own, every place is as likely, and half of them are mirrored")
def check_random_crop_flip(random_crop_flip):
    pictures, generator = coded(40, 12, 10), torch.Generator().manual_seed(1)
    with untouched("random_crop_flip", pictures=pictures):
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
    expect(
        found.dtype == pictures.dtype,
        f"your crops are {found.dtype} and the pictures {pictures.dtype}: a crop changes no number, and takes no more memory.",
    )
    draws = [places(random_crop_flip(pictures, 8, generator)) for _ in range(60)]
    tops, lefts, flips = (torch.stack(part) for part in zip(*draws))  # each (60, 40)
    expect(
        bool((tops != tops[0]).any()),
        "two calls give the same crops: draw anew each time, from the generator that is given.",
    )
    for name, found in (("top", tops), ("left", lefts)):
        expect(
            bool((found != found[:, :1]).any()),
            f"all pictures of a batch are cut at the same place, seen from the {name}: each should draw its own.",
        )
    expect(
        bool((flips != flips[:, :1]).any()),
        "either all pictures of a batch are mirrored or none: each should toss its own coin.",
    )
    kinds = len({tuple(draw) for draw in tops.tolist()})
    expect(
        kinds > 50,
        f"60 calls give only {kinds} different batches of crops: draw anew each time, from the generator that is given.",
    )
    compare_places(tops, lefts, flips)
    for size, height, width in ((4, 9, 14), (8, 8, 8)):
        others = [places(random_crop_flip(coded(9, height, width), size, generator)) for _ in range(40)]
        for k, (name, room) in enumerate((("top", height - size), ("left", width - size))):
            seen = sorted({int(place) for draw in others for place in draw[k]})
            expect(
                seen == list(range(room + 1)),
                f"a square of {size} px in {height} x {width}: the {name} edge takes the places {seen}, and there is room from 0 to {room}.",
            )
    same = [random_crop_flip(pictures, 8, torch.Generator().manual_seed(seed)) for seed in (5, 5, 6)]
    expect(
        torch.equal(same[0], same[1]),
        "the same generator gives different crops: draw every number from it, the coins too.",
    )
    expect(
        not torch.equal(same[0], same[2]),
        "generators with different seeds give the same crops: draw from the one that is given.",
    )


def compare_places(tops: torch.Tensor, lefts: torch.Tensor, flips: torch.Tensor) -> None:
    """Whether crops of 8 px in pictures of 12 x 10 px are fair: tops 0 to 4, lefts 0 to 2, coins; each (draws, pictures)."""
    for name, found, last in (("top", tops, 4), ("left", lefts, 2)):
        seen = sorted(found.unique().tolist())
        expect(
            seen[-1] == last,
            f"the {name} edge never goes beyond {seen[-1]}; a square of 8 px has room up to {last}: off by one?",
        )
        expect(seen == list(range(last + 1)), f"the {name} edge takes only the places {seen}.")
    pairs = (3 * tops + lefts).flatten().long()
    expect(
        len(pairs.unique()) == 5 * 3,
        f"only {len(pairs.unique())} of the 15 pairs of a top and a left ever occur: draw the two independently.",
    )
    share = float(flips.float().mean())
    expect(
        abs(off(flips.sum(), flips.numel(), 0.5)) < 5,
        f"{share:.0%} of the pictures are mirrored; it should be half.",
    )
    for name, found, n in (("top", tops, 5), ("left", lefts, 3)):
        counts = found.flatten().bincount(minlength=n)
        expect(
            uneven(counts) < 5,
            f"the {name} edge takes its places {counts.tolist()} times: each should be as likely as any other.",
        )
    coin_and_place = (2 * pairs + flips.flatten()).bincount(minlength=30)
    expect(
        uneven(pairs.bincount(minlength=15)) < 5 and uneven(coin_and_place) < 5.5,
        "top, left and coin hang together: draw the three independently.",
    )
    expect(
        all(abs(off(count, len(flips), 0.5)) < 5 for count in flips.sum(0)),
        "some places in the batch are mirrored more often than others: each picture should toss its own coin.",
    )
    for name, found, n in (("top", tops, 5), ("left", lefts, 3), ("coin", flips.int(), 2)):
        for what, one, other in (
            ("neighbours in a batch", found[:, :-1], found[:, 1:]),
            ("a picture in two draws", found[:-1], found[1:]),
        ):
            expect(
                abs(off((one == other).sum(), one.numel(), 1 / n)) < 5.5,
                f"{what} have the same {name} in {float((one == other).float().mean()):.0%} of all cases, by chance it would be {1 / n:.0%}: each picture draws its own, each time.",
            )
