"""How far one set of pictures is from another in colours and textures: a measure that needs no pairs and no network.

Each picture becomes a row of numbers, its colours and the contrasts of its details at every scale, and the two sets of rows
are compared with the energy distance (Székely and Rizzo 2013), a relative of KID. docs/RESULTS.md shows what it orders well,
what it cannot see, and which other ways were tried.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

FEWEST = 5  # with fewer pictures a bootstrap says more about its few draws than about the pictures
# Brightness, red against green, yellow against blue
OPPONENT = torch.tensor([[1 / 3, 1 / 3, 1 / 3], [1 / 2, -1 / 2, 0], [1 / 4, 1 / 4, -1 / 2]])
GREY_LEVEL = 0.01  # about one of 256 steps from -1 to 1: details below it are not told apart
COARSEST = 4  # px; the details are measured from the full size down to this one
CAN_TELL = (
    "distance: how far the colours and textures of all translations together are from those of real pictures. It sees "
    "blur, noise, grids, wrong colours and too little variety; it cannot tell what a picture shows, nor whether a "
    "translation kept what was in its input"
)


@torch.no_grad()
def features(pictures: Tensor) -> Tensor:
    """What colours and details each picture has: (N, 3, H, W) in [-1, 1] to (N, F).

    The details are the Haar wavelet's: in blocks of 2 x 2 pixels the differences between rows, between columns and across,
    and the same again in the picture of half the size. Of each colour, direction and size the row has the logarithm of the
    mean strength, and how much a few strong places stand out; then comes the mean colour of 4 x 4 fields. F grows with the
    logarithm of H and W.
    """
    opponent = OPPONENT.to(pictures)
    parts = []
    for batch in pictures.split(50):
        colours = torch.einsum("oc,nchw->nohw", opponent, batch)
        found, level = [], colours
        while min(level.shape[2:]) >= 2 * COARSEST:
            height, width = (side // 2 * 2 for side in level.shape[2:])
            top, bottom = level[:, :, 0:height:2, :width], level[:, :, 1:height:2, :width]
            a, b, c, d = top[..., 0::2], top[..., 1::2], bottom[..., 0::2], bottom[..., 1::2]
            level = (a + b + c + d) / 4
            for detail in ((a + b - c - d) / 2, (a - b + c - d) / 2, (a - b - c + d) / 2):
                strength = detail.abs().mean((2, 3)) + GREY_LEVEL
                peaks = detail.square().mean((2, 3)).sqrt() + GREY_LEVEL
                found += [strength.log(), (peaks / strength).log()]
        found.append(F.adaptive_avg_pool2d(colours, 4).flatten(1))
        parts.append(torch.cat(found, 1))
    return torch.cat(parts)


def energy_distance(
    first: Tensor, second: Tensor, pairs: bool = False, seed: int = 0, resamples: int = 1000
) -> dict[str, float | None]:
    """The energy distance of two sets of rows, (N, F) and (M, F), with its 95 % bootstrap interval: mean, low and high.

    Twice the mean distance from a row of the one to a row of the other, less the mean distances within each; 0 on average
    for two samples of one source, so that it may fall a little below 0. Where row i of both belongs together, as true pairs
    do, `pairs` leaves out the distance from one to the other. The bootstrap draws rows, and never compares a row with its
    own copy, which would pull the estimate down. None stands where there are too few rows.
    """
    n, m, scale = len(first), len(second), first.shape[1] ** 0.5
    if min(n, m) < 2:
        return {"mean": None, "low": None, "high": None}
    within_first, within_second = (torch.cdist(rows, rows) / scale for rows in (first, second))
    between = torch.cdist(first, second) / scale
    if pairs:
        between.fill_diagonal_(0)

    def estimate(w: Tensor, v: Tensor) -> Tensor:
        """For each line of weights, (R, N) and (R, M): how often each row counts."""
        own_w, own_v = w.square().sum(1), v.square().sum(1)
        mixed = 2 * ((w @ between) * v).sum(1) / (n * m - (own_w if pairs else 0))
        own = ((w @ within_first) * w).sum(1) / (n * n - own_w)
        return mixed - own - ((v @ within_second) * v).sum(1) / (m * m - own_v)

    value = float(estimate(torch.ones(1, n), torch.ones(1, m)))
    if min(n, m) < FEWEST:
        return {"mean": value, "low": None, "high": None}
    generator = torch.Generator().manual_seed(seed)

    def draw(count: int) -> Tensor:
        drawn = torch.randint(count, (resamples, count), generator=generator)
        return torch.zeros(resamples, count).scatter_add_(1, drawn, torch.ones(resamples, count))

    w = draw(n)
    low, high = estimate(w, w if pairs else draw(m)).quantile(torch.tensor([0.025, 0.975])).tolist()
    return {"mean": value, "low": low, "high": high}


def distances(
    guesses: dict[str, Tensor], real: Tensor, pairs: bool = False, seed: int = 0
) -> dict[str, dict]:
    """The distance of each set of pictures to the real ones, and first of one half of the real pictures to the other.

    All are (N, 3, H, W) in [-1, 1], of one size. Features are counted in units of their spread over the real pictures.
    `pairs` says that picture i of every set belongs to real picture i.
    """
    rows = features(real)
    if len(rows) < 2:
        nothing = {"mean": None, "low": None, "high": None}
        return {name: nothing for name in ("real pictures", *guesses)}
    middle, spread = rows.mean(0), rows.std(0).clamp(min=GREY_LEVEL)
    rows = (rows - middle) / spread
    order = torch.randperm(len(rows), generator=torch.Generator().manual_seed(seed))
    result = {"real pictures": energy_distance(rows[order[0::2]], rows[order[1::2]], seed=seed)}
    for name, guess in guesses.items():
        result[name] = energy_distance((features(guess) - middle) / spread, rows, pairs, seed)
    return result


def tells_apart(found: dict[str, dict]) -> bool:
    """Whether untranslated inputs are clearly farther from real pictures than real pictures are from each other."""
    low, high = found["doing nothing"]["low"], found["real pictures"]["high"]
    return low is None or high is None or low > high
