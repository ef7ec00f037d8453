"""One scale for all pictures of a data set: what is black and what is white where the files do not say it."""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from minicyclegan.errors import DataError
from minicyclegan.parameters import value_range_of
from minicyclegan.pictures.formats import open_picture
from minicyclegan.pictures.images import LARGE, one_at_a_time
from minicyclegan.pictures.prefetch import read_all
from minicyclegan.pictures.values import Range, is_deep, numbers_of, strips, tags_of

BITS = (8, 10, 12, 14, 16)  # of cameras and scanners, whose files all have 16
STRAY = 1e-5  # the share of pixels that may be brighter than white: broken ones of a camera, not the picture
TAIL = 5e-4  # the share of pixels at either end of a set of fractions that is clipped
SAMPLE = 4_000_000  # numbers of a set that are kept to find the ends of its range
NARROW = 0.1  # a share of the range; where most pixels lie within less, it is said


@dataclass
class Spread:
    """Which numbers the pixels of some pictures hold: values in rising order, and how often each comes."""

    values: np.ndarray
    counts: np.ndarray
    pictures: int = 0

    def point(self, share: float) -> float:
        """The smallest value that at least this share of the pixels does not exceed."""
        sums = np.cumsum(self.counts)
        return float(self.values[min(np.searchsorted(sums, share * sums[-1]), len(sums) - 1)])

    def outside(self, low: float, high: float) -> float:
        """The share of pixels that are clipped by this range."""
        return float(self.counts[(self.values < low) | (self.values > high)].sum() / self.counts.sum())


def together(spreads: list[Spread]) -> Spread:
    """The spread of all their pixels."""
    values, counts = (
        np.concatenate([getattr(one, name) for one in spreads]) for name in ("values", "counts")
    )
    order = np.argsort(values, kind="stable")
    return Spread(values[order], counts[order])


def spread_of(depth: str, paths: list[Path], keep: int) -> Spread | None:
    """The spread of pictures of one depth, see `values.depth_of`; at most `keep` numbers. None where none can be read.

    Of fractions as many numbers are kept of each picture, evenly chosen; of 16 bits all pixels are counted.
    """
    each = max(40, keep // max(1, len(paths)))
    parts = [part for part in read_all(lambda path: numbers_in(path, depth, each), paths) if len(part)]
    if not parts:
        return None
    if depth == "numbers":
        values = np.sort(np.concatenate(parts))
        return Spread(values, np.ones(len(values), dtype=np.int64), len(parts))
    return Spread(np.arange(2.0**16), sum(parts), len(parts))


def numbers_in(path: Path, depth: str, keep: int) -> np.ndarray:
    """Some numbers of one picture, or for 16 bits how often each of 65,536 comes; empty where it cannot be read."""
    counts, found = np.zeros(2**16, dtype=np.int64), []
    try:
        with open_picture(path) as image, one_at_a_time(image.width * image.height > LARGE):
            tags = tags_of(image)
            image.load()
            step = max(1, math.isqrt(image.width * image.height // 2**20))  # a grid of a million pixels
            for box in strips(image):
                part = image.crop(box)
                if depth == "numbers":
                    found.append(numbers_of(part, tags)[::step, ::step].reshape(-1))
                elif is_deep(image):
                    counts += np.bincount(np.asarray(part, dtype=np.int64).reshape(-1), minlength=2**16)
                else:  # in colour: Pillow shows the upper eight of sixteen bits, and transparency is no brightness
                    counts[255::256] += np.bincount(np.asarray(part)[..., :3].reshape(-1), minlength=256)
    except Exception:  # whoever reads it later says what is wrong with it
        return np.zeros(0)
    if depth != "numbers":
        return counts
    numbers = np.sort(np.concatenate(found))
    numbers = numbers[np.isfinite(numbers)]
    n = min(keep, len(numbers))
    return numbers[(np.arange(n) * 2 + 1) * len(numbers) // max(1, 2 * n)]


def usual_range(depth: str, spread: Spread) -> Range:
    """Black and white for pictures of one depth.

    For 16 bits from 0 to what 8, 10, 12, 14 or 16 bits can hold, the fewest that hold nearly all pixels. For other
    numbers 0 to 1 where they lie within, else the values that one pixel in 2,000 lies below, and above, to 4 digits.
    """
    if depth != "numbers":
        top = spread.point(1 - STRAY)
        return 0.0, next(2.0**bits - 1 for bits in BITS if top < 2**bits)
    low, high = spread.point(TAIL), spread.point(1 - TAIL)
    if low == high:  # all but a few pixels are equal, as in the sky at night
        low, high = float(spread.values[0]), float(spread.values[-1])
    if 0 <= low and high <= 1:
        return 0.0, 1.0
    step = 10.0 ** (math.floor(math.log10(high - low or 1)) - 3)
    low, high = round(low / step) * step, round(high / step) * step
    return (low, high) if low < high else (low, low + max(step, abs(low) / 1000))


def text_of(value_range: Range) -> str:
    """A range as it is written in settings: "0..4095"."""
    return "..".join(f"{end:.12g}" for end in value_range)


def range_of_set(text: str, deep: dict[str, list[tuple[Path, str]]]) -> tuple[str, list[str]]:
    """The `value_range` of a data set, and what is to be said about it, in lines.

    `deep` has for domain "A" and "B" those training pictures whose brightness their type does not say, each with its
    `values.depth_of`. `text` is "auto", or a range, which stays as it is. Raises ParameterError for a text that is no
    range, DataError where a domain has pictures of which no scale fits all.
    """
    given = {letter: value_range_of(text, letter) for letter in "AB"}
    deep = {letter: pictures for letter, pictures in deep.items() if pictures}
    if not deep:
        unused = f"value_range={text} is not used: all training pictures have 8 bits"
        return text, [] if text == "auto" else [unused]
    spreads = {}
    for letter, pictures in deep.items():
        for depth in dict.fromkeys(depth for _, depth in pictures):
            paths = [path for path, one in pictures if one == depth]
            spreads[letter, depth] = spread_of(depth, paths, SAMPLE // len(deep))
    spreads = {key: spread for key, spread in spreads.items() if spread is not None}
    if not spreads:  # nothing of it can be read, which the reading of the pictures will say
        return text, []
    if text == "auto":
        given = usual_ranges(spreads)
        texts = [text_of(value_range) for value_range in given.values()]
        text = ", ".join(texts if len(set(texts)) > 1 else texts[:1])
    return text, notes_on(text, given, spreads)


def usual_ranges(spreads: dict[tuple[str, str], Spread]) -> dict[str, Range]:
    """For each domain its `usual_range`: one for all pictures of 16 bits in both, one for all other numbers. Raises DataError."""
    numbers = [one for (_, depth), one in spreads.items() if depth == "numbers"]
    sixteen = [one for (_, depth), one in spreads.items() if depth != "numbers"]
    found = {}
    for letter, depth in spreads:
        kind = "numbers" if depth == "numbers" else "16 bits"
        value_range = usual_range(kind, together(numbers if kind == "numbers" else sixteen))
        if found.setdefault(letter, value_range) != value_range:
            raise DataError(
                f"domain {letter} has pictures of 16 bits and others of fractions or 32-bit numbers, which no one scale "
                "fits; save them all in one way, or give value_range=LOW..HIGH"
            )
    return found


def notes_on(text: str, ranges: dict, spreads: dict[tuple[str, str], Spread]) -> list[str]:
    """What a run says about its range: the range, how much it clips, and in which domain it suits only a part of it."""
    clipped = [(one.outside(*ranges[letter]), one.counts.sum()) for (letter, _), one in spreads.items()]
    share = sum(part * count for part, count in clipped) / sum(count for _, count in clipped)
    n = sum(one.pictures for one in spreads.values())
    lines = [
        f"value_range={text}, black and white of the {n} training pictures of more than 8 bits: "
        f"{100 * share:.2g} % of their pixels lie outside; to change it, -p value_range=LOW..HIGH"
    ]
    for (letter, _), one in spreads.items():
        (low, high), (few, many) = ranges[letter], (one.point(0.05), one.point(0.95))
        if min(many, high) - max(few, low) < NARROW * (high - low):
            lines.append(
                f"nine tenths of the pixels in domain {letter} lie between {few:.4g} and {many:.4g}, a small part of "
                f"{text_of((low, high))}: they will show little contrast"
            )
    return lines
