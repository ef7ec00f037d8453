"""Whether the test pictures of A and B are true pairs: by their names, and by what they show."""

from collections import Counter
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from minicyclegan.errors import DataError, ParameterError
from minicyclegan.pictures.folders import list_images

PAIRED = ("auto", "yes", "no")
FEWEST, MOST = 8, 200  # pairs that are looked at
NEIGHBOURS = 4  # on either side, with which a picture's partner is compared
# Both must be exceeded. Measured with pairs that were true, shuffled, or shifted by one (tests/test_pairs.py)
ALL_OTHERS, NEARBY = 5.0, 3.0


def find_pairs(test_a, test_b, paired: str = "auto") -> tuple[list[tuple[int, int]], str]:
    """Which picture of `test_a` belongs to which of `test_b`, as pairs of numbers; none where they are no pairs. And why.

    Both are an ImageFolder (`paths`, `skipped`, and uint8 pictures (n, 3, size, size) by index). "auto" believes in pairs
    where at least half of the names are equal and `resemblance` says so, "yes" believes in equal names, or in the order
    of the files where fewer than half of them are equal, "no" in nothing. Raises DataError where "yes" cannot be,
    ParameterError for another word.
    """
    check_paired(paired)
    if paired == "no":
        return [], "testA and testB are not taken for pairs: paired=no"
    pairs = by_name(test_a.paths, test_b.paths)
    most = max(len(test_a.paths), len(test_b.paths))
    named = 2 * len(pairs) >= most
    if paired == "yes":
        pairs = pairs if named else by_order(test_a.paths, test_b.paths)
        how = f"taken for true pairs by {'name' if named else 'the order of the files'}: paired=yes"
        return pairs, f"testA and testB are {how}{rest(pairs, test_a, test_b)}"
    doubt = f"testA and testB are not taken for true pairs: {len(pairs)} of {most} names are equal"
    if not named:
        return [], f"{doubt}; if they are pairs in the order of the files, say paired=yes"
    if len(pairs) < FEWEST:
        return [], f"{doubt}, too few to see whether the pictures belong together; if they do, say paired=yes"
    shown = pairs[:MOST]
    others, nearby = resemblance(test_a[[i for i, _ in shown]], test_b[[k for _, k in shown]])
    if others >= ALL_OTHERS and nearby >= NEARBY:
        seen = f"two pictures of one name look alike, by {others:.0f} deviations more than others"
        how = f"{seen}; if they are no pairs, say paired=no{rest(pairs, test_a, test_b)}"
        return pairs, f"testA and testB are taken for true pairs: {how}"
    seen = "no more" if min(others, nearby) < 2 else "hardly more"
    seen = f"but two pictures of one name look {seen} alike than others"
    measured = f"{others:.1f} deviations from all, {nearby:.1f} from near ones; {ALL_OTHERS:g} and {NEARBY:g} are needed"
    return [], f"{doubt}, {seen} ({measured}); if they are pairs, say paired=yes"


def check_paired(paired: str) -> None:
    """Refuse any other word. Raises ParameterError."""
    if paired not in PAIRED:
        raise ParameterError(f"parameter paired must be auto, yes or no, but it is {paired!r}")


def rest(pairs: list[tuple[int, int]], test_a, test_b) -> str:
    """What is said of the test pictures without a partner, which are left out."""
    counts = [len(one.paths) - len(pairs) for one in (test_a, test_b)]
    if not any(counts):
        return ""
    return f"; left out, without a partner that can be read: {counts[0]} of testA and {counts[1]} of testB"


def by_name(paths_a: list[Path], paths_b: list[Path]) -> list[tuple[int, int]]:
    """The numbers of the files whose names without ending are equal, where no other file of a folder has that name."""
    places = []
    for paths in (paths_a, paths_b):
        often = Counter(path.stem for path in paths)
        places.append({path.stem: i for i, path in enumerate(paths) if often[path.stem] == 1})
    return [(i, places[1][name]) for name, i in places[0].items() if name in places[1]]


def by_order(paths_a: list[Path], paths_b: list[Path]) -> list[tuple[int, int]]:
    """The numbers of the files at equal places of their folders, also where some of these cannot be read. Raises DataError."""
    files_a, files_b = (list_images(paths[0].parent) for paths in (paths_a, paths_b))
    if len(files_a) != len(files_b):
        raise DataError(
            f"paired=yes, but testA has {len(files_a)} pictures, testB has {len(files_b)}, and their names differ; "
            "give pairs equal names"
        )
    places = [{path: i for i, path in enumerate(paths)} for paths in (paths_a, paths_b)]
    found = [(places[0].get(a), places[1].get(b)) for a, b in zip(files_a, files_b)]
    return [(i, k) for i, k in found if i is not None and k is not None]


def resemblance(a: Tensor, b: Tensor) -> tuple[float, float]:
    """By how many deviations picture i of A and of B look more alike than pictures i and j: all others, and near ones.

    uint8 (n, 3, height, width), at least 3. Alike are two pictures in which light and dark, edges, or colours lie at the
    same places, or at opposite ones, beyond what all pictures of a domain share. The first number comes from what
    random pairs would give; names that follow the subject reach it too, the second, from neighbours, only true pairs.
    """
    alike = sum((u @ v.T).abs() for u, v in zip(features(a), features(b)))
    n = len(alike)
    centred = alike - alike.mean(0) - alike.mean(1, keepdim=True) + alike.mean()
    others = centred.trace() / (centred.square().sum() / (n - 1)).sqrt().clamp(min=1e-9)
    apart = (torch.arange(n)[:, None] - torch.arange(n)).abs()
    near = ((apart > 0) & (apart <= NEIGHBOURS)).double()
    more = alike.diagonal() - ((alike * near).sum(1) + (alike * near).sum(0)) / (2 * near.sum(1))
    nearby = more.mean() / (more.std() / n**0.5).clamp(min=1e-9)
    return float(others), float(nearby)


def features(pictures: Tensor) -> list[Tensor]:
    """Three descriptions of each picture, rows of length 1 without what all have in common: light, edges, colours."""
    colours = F.adaptive_avg_pool2d(pictures.double(), min(64, *pictures.shape[2:]))
    grey = (colours * torch.tensor([0.299, 0.587, 0.114]).double().view(1, 3, 1, 1)).sum(1, keepdim=True)
    edges = F.pad(grey.diff(dim=2).abs(), (0, 0, 0, 1)) + F.pad(grey.diff(dim=3).abs(), (0, 1))
    found = []
    for maps, side in ((grey, 16), (edges, 16), (colours, 8)):
        rows = F.adaptive_avg_pool2d(maps, side).flatten(1)
        rows = rows - rows.mean(0)
        rows = rows - rows.mean(1, keepdim=True)
        found.append(rows / rows.norm(dim=1, keepdim=True).clamp(min=1e-6))
    return found
