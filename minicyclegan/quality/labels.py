"""Label maps, pictures whose colours name classes, compared pixel by pixel as in Zhu et al. 2017, Table 3."""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from minicyclegan.errors import DataError
from minicyclegan.quality.distance import FEWEST

FILE = "palette.txt"  # in the folder of the data set
IGNORE = "ignore"  # the class of pixels that do not count, such as Cityscapes' black ones
NEAR = 30  # steps of 256, in a straight line through the colours: so near, a pixel has the colour of a class
MOST = 0.75  # of the pixels have the colour of a class where a picture is a label map
MEASURES = {"pixel_accuracy": "pixel accuracy", "class_accuracy": "class accuracy", "class_iou": "class IoU"}
# Zhu et al. 2017, Table 3: photo to labels on Cityscapes, 128 px
PAPER = {
    "CycleGAN (paper, Cityscapes)": (0.58, 0.22, 0.16),
    "pix2pix (paper, Cityscapes)": (0.85, 0.40, 0.32),
}


@dataclass(frozen=True)
class Palette:
    """`colours` is (K, 3) from 0 to 255; colour k belongs to class number `owner[k]`, -1 where its pixels do not count."""

    names: tuple[str, ...]
    colours: Tensor
    owner: Tensor
    domain: str | None  # "a" or "b" where the file says which pictures are the maps
    path: Path


def read_palette(path: str | Path) -> Palette:
    """A text file with one class in each line, `name R G B`; a class may have several lines, and several colours.

    `# ...` is a remark, the class `ignore` has the colours of pixels that do not count, and a line `domain: B` says which
    pictures are the maps. Raises DataError, which names the line.
    """
    path = Path(path)
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no text"
        raise DataError(f"cannot read the palette {path}: {reason}") from error
    names, colours, owner, domain = [], [], [], None
    for number, line in enumerate(lines, 1):
        words = line.partition("#")[0].split()
        if not words:
            continue
        if words[0].lower() == "domain:":
            if len(words) != 2 or words[1].lower() not in ("a", "b"):
                raise DataError(f"line {number} of {path} must be domain: A or domain: B, but it is {line!r}")
            domain = words[1].lower()
            continue
        try:
            name, colour = " ".join(words[:-3]), [int(word) for word in words[-3:]]
            if not name or len(colour) != 3 or not all(0 <= value <= 255 for value in colour):
                raise ValueError
        except ValueError:
            raise DataError(
                f"line {number} of {path} must be a name and three numbers from 0 to 255, such as road 128 64 128, "
                f"but it is {line!r}"
            ) from None
        if colour in colours:
            raise DataError(f"line {number} of {path} gives the colour {colour} a second time")
        if name != IGNORE and name not in names:
            names.append(name)
        colours.append(colour)
        owner.append(-1 if name == IGNORE else names.index(name))
    if len(names) < 2:
        raise DataError(f"{path} must name at least two classes, one in each line: road 128 64 128")
    return Palette(tuple(names), torch.tensor(colours).float(), torch.tensor(owner), domain, path)


def find_palette(data: str, file: str | None = None) -> Palette | None:
    """The palette in `file`, else in palette.txt of the data set's folder, else None. Raises DataError."""
    if file is not None:
        return read_palette(file)
    own = Path(data) / FILE
    return read_palette(own) if own.is_file() else None


def distance_to(pictures: Tensor, colours: Tensor) -> Tensor:
    """How far each pixel is from each colour: (N, 3, H, W) in [-1, 1] and (K, 3) in 0 to 255 give (N, H * W, K)."""
    return torch.cdist((pictures.flatten(2).transpose(1, 2) + 1) * 127.5, colours.to(pictures))


def share_near(pictures: Tensor, palette: Palette) -> float:
    """The share of the pixels that have the colour of a class, or nearly; pictures (N, 3, H, W) in [-1, 1]."""
    near = [
        (distance_to(one, palette.colours).amin(2) <= NEAR).float().mean() for one in pictures[:20].split(1)
    ]
    return float(torch.stack(near).mean())


def map_domain(palette: Palette, pictures: dict[str, Tensor]) -> str:
    """Which domain has the label maps, "a" or "b": as the palette's file says, else by the pictures. Raises DataError."""
    if palette.domain:
        return palette.domain
    shares = {name: share_near(part, palette) for name, part in pictures.items()}
    found = [name for name, share in shares.items() if share >= MOST]
    if len(found) == 1:
        return found[0]
    raise DataError(
        f"{shares['a']:.0%} of the pixels of A and {shares['b']:.0%} of those of B have the colour of a class in "
        f"{palette.path}, so it is not clear which are the label maps; add a line domain: A or domain: B to it"
    )


def counts(guess: Tensor, truth: Tensor, palette: Palette) -> Tensor:
    """How many pixels of each true class (rows) were taken for which class (columns), for each picture: (N, C, C).

    Both (N, 3, H, W) in [-1, 1]. A pixel is of the class whose colour is nearest. Where the truth is to be ignored, nothing is
    counted; a translation is never taken for `ignore`.
    """
    n_classes, proper = len(palette.names), palette.owner >= 0
    tables = []
    for one_guess, one_truth in zip(guess.split(1), truth.split(1)):
        true = palette.owner[distance_to(one_truth, palette.colours).argmin(2)[0]]
        taken = palette.owner[proper][distance_to(one_guess, palette.colours[proper]).argmin(2)[0]]
        cells = (true * n_classes + taken)[true >= 0]
        tables.append(torch.bincount(cells, minlength=n_classes**2).view(n_classes, n_classes))
    return torch.stack(tables).double()


def scores(tables: Tensor) -> dict[str, Tensor]:
    """Pixel accuracy, class accuracy and class IoU of tables (..., C, C) as `counts` makes them, (...) each.

    The last two are means over the classes that the truth has.
    """
    right, true, taken = tables.diagonal(dim1=-2, dim2=-1), tables.sum(-1), tables.sum(-2)
    there = true > 0
    accuracy, iou = right / true.clamp(min=1), right / (true + taken - right).clamp(min=1)
    result = {"pixel_accuracy": right.sum(-1) / true.sum(-1).clamp(min=1)}
    for name, values in (("class_accuracy", accuracy), ("class_iou", iou)):
        result[name] = (values * there).sum(-1) / there.sum(-1).clamp(min=1)
    return result


def summarised(tables: Tensor, seed: int = 0, resamples: int = 1000) -> dict[str, dict]:
    """The three scores of all pictures together, tables (N, C, C), each with its 95 % bootstrap interval over pictures."""
    values = {name: float(value) for name, value in scores(tables.sum(0)).items()}
    if len(tables) < FEWEST:
        return {name: {"mean": value, "low": None, "high": None} for name, value in values.items()}
    chosen = torch.randint(
        len(tables), (resamples, len(tables)), generator=torch.Generator().manual_seed(seed)
    )
    drawn = scores(torch.stack([tables[draw].sum(0) for draw in chosen]))
    limits = torch.tensor([0.025, 0.975]).double()
    ends = {name: value.double().quantile(limits).tolist() for name, value in drawn.items()}
    return {name: {"mean": values[name], "low": ends[name][0], "high": ends[name][1]} for name in values}


def label_report(
    guesses: dict[str, Tensor], truth: Tensor, palette: Palette, seed: int = 0, model: str = "CycleGAN"
) -> dict:
    """Each set of guesses, and the commonest class everywhere, against the true maps (N, 3, H, W) in [-1, 1].

    The classes one by one are those of the guesses called `model`.
    """
    tables = {name: counts(guess, truth, palette) for name, guess in guesses.items()}
    true = next(iter(tables.values())).sum(2)  # pixels of each true class in each picture, (N, C)
    lazy = torch.zeros_like(next(iter(tables.values())))
    lazy[:, :, true.sum(0).argmax()] = true
    rows = {name: summarised(table, seed) for name, table in (tables | {"commonest class": lazy}).items()}
    table = tables[model].sum(0)
    right, total = table.diagonal(), table.sum(1)
    iou = right / (total + table.sum(0) - right).clamp(min=1)
    classes = {
        name: {
            "share": float(total[i] / total.sum().clamp(min=1)),
            "accuracy": float(right[i] / total[i]) if total[i] else None,
            "iou": float(iou[i]) if total[i] else None,
        }
        for i, name in enumerate(palette.names)
    }
    return {"n": len(truth), "near": share_near(truth, palette), "rows": rows, "classes": classes}
