"""The printed table of an evaluation, KID and FID."""

import torch
from torch import Tensor

from minicyclegan.errors import DataError, RunError
from minicyclegan.quality.distance import FEWEST
from minicyclegan.quality.labels import MEASURES as LABEL_MEASURES

# Column, and how its numbers are printed
MEASURES = {
    "l1": ("L1", ".4f"),
    "psnr": ("PSNR in dB", ".2f"),
    "ssim": ("SSIM", ".3f"),
    "passes": ("passes for", ".1%"),
}


def cell(value: dict | None, form: str) -> str:
    """A number with its interval in brackets; without one where there were too few pictures for it."""
    if value is None or value["mean"] is None:
        return "" if value is None else "too few pictures"
    if value["low"] is None:
        return f"{value['mean']:{form}} (no interval)"
    return f"{value['mean']:{form}} ({value['low']:{form}} to {value['high']:{form}})"


def report_lines(report: dict) -> list[str]:
    """The report of `evaluation.quality_report` as a table for people; in brackets the 95 % bootstrap interval.

    With what `measures.measured` adds, if it is there. The distance comes first where there are no pairs.
    """
    lines = []
    for way, direction in report["directions"].items():
        source, target = way.upper()
        back = direction["rows"]["there and back"]
        shown = MEASURES if report["paired"] else ("passes",)  # else only the way back has a truth
        names = {m: MEASURES[m][0] for m in shown} | {"passes": f"passes for {target}"}
        head = [f"{source} to {target}, {direction['n']} held-out picture{'s' * (direction['n'] != 1)}"]
        table = [f"{'':<17}" + "".join(f"{name:>28}" for name in names.values())]
        for name, row in direction["rows"].items():
            if row is back and not report["paired"]:
                parts = (f"{MEASURES[m][0]} {cell(value, MEASURES[m][1])}" for m, value in back.items())
                table += ["there and back, against the inputs: " + ", ".join(parts)]
                continue
            cells = "".join(f"{cell(row.get(m), MEASURES[m][1]):>28}" for m in names)
            table += [f"{name:<17}{cells}".rstrip()]
        if direction["gap_closed"]:
            table += [f"gap_closed {cell(direction['gap_closed'], '.3f')}"]
        far = distance_lines(report["distances"][way], target) if "distances" in report else []
        labels = report.get("label_maps")
        named = label_lines(labels) if labels and labels["way"] == way else []
        lines += head + (table + far if report["paired"] else far + table) + named + [""]
    return lines + report.get("notes", [])


def distance_lines(found: dict, target: str) -> list[str]:
    """The distances of one direction, from real pictures (among themselves) to the farthest."""
    rows = sorted(found["rows"].items(), key=lambda row: (row[0] != "real pictures", row[1]["mean"] or 0))
    lines = [
        f"distance to {found['n_real']} real pictures of {target}, in colours and textures; 0 is no difference"
    ]
    for name, value in rows:
        note = "   one half of them to the other" if name == "real pictures" else ""
        note = "   the inputs, untranslated" if name == "doing nothing" else note
        lines += [f"{name:<17}{cell(value, '.3f'):>28}{note}"]
    return lines


def label_lines(found: dict) -> list[str]:
    """The accuracies of the label maps, the paper's numbers, and those of each class."""
    lines = [
        f"label maps, {found['n']} true ones: the class of the nearest colour, from {found['palette']} "
        f"({found['near']:.0%} of the true pixels have the colour of a class, or nearly)"
    ]
    lines += [f"{'':<30}" + "".join(f"{name:>27}" for name in LABEL_MEASURES.values())]
    for name, row in found["rows"].items():
        lines += [f"{name:<30}" + "".join(f"{cell(row[m], '.3f'):>27}" for m in LABEL_MEASURES)]
    for name, values in found["paper"].items():
        lines += [f"{name:<30}" + "".join(f"{value:>27.2f}" for value in values)]
    lines += [
        f"{'class, as the model draws it':<30}{'share of the true pixels':>27}{'accuracy':>27}{'IoU':>27}"
    ]
    for name, value in found["classes"].items():
        parts = (value["share"], value["accuracy"], value["iou"])
        lines += [
            f"{name:<30}" + "".join(f"{'none' if part is None else f'{part:.3f}':>27}" for part in parts)
        ]
    return lines


def kernel_distance(first: Tensor, second: Tensor) -> Tensor:
    """KID (Binkowski et al. 2018) between two sets of features, (N, F) and (M, F): 0 on average for equal sources.

    The unbiased estimate, so it may fall a little below 0.
    """

    def kernel(x: Tensor, y: Tensor) -> Tensor:
        return (x @ y.T / x.shape[1] + 1) ** 3

    n, m = len(first), len(second)
    own = (kernel(first, first).sum() - kernel(first, first).trace()) / (n * (n - 1))
    own = own + (kernel(second, second).sum() - kernel(second, second).trace()) / (m * (m - 1))
    return own - 2 * kernel(first, second).mean()


def frechet_distance(first: Tensor, second: Tensor) -> Tensor:
    """FID (Heusel et al. 2017) between two sets of features, (N, F) and (M, F), as if both were normal distributions.

    Computed from the N x M products, which is the same as from the F x F covariances, and faster where N < F.
    """
    x, y = first.double(), second.double()
    x0, y0 = x - x.mean(0), y - y.mean(0)
    variances = x0.square().sum() / (len(x) - 1) + y0.square().sum() / (len(y) - 1)
    mixed = torch.linalg.svdvals(x0 @ y0.T).sum() / ((len(x) - 1) * (len(y) - 1)) ** 0.5
    return (x.mean(0) - y.mean(0)).square().sum() + variances - 2 * mixed


def kid_and_fid(
    real: Tensor, fake: Tensor, network=2048, resamples: int = 100, seed: int = 0
) -> dict[str, dict]:
    """KID and FID of fakes against real pictures of the target, with torchmetrics and torch-fidelity.

    real and fake are uint8 (N, 3, H, W). The Inception weights are fetched on first use; `network` may be a module of
    your own that makes (N, F) features from uint8 pictures. Each value has a 95 % interval: a bootstrap over both sets,
    moved so that its middle is the estimate, because pictures drawn twice push both distances up; for fewer than five
    pictures both ends are None. Raises RunError or DataError.
    """
    if min(len(real), len(fake)) < 2:
        raise DataError(
            "KID and FID need at least 2 pictures of each kind; they say little below a few hundred"
        )
    try:
        from torchmetrics.image.fid import FrechetInceptionDistance
        from torchmetrics.image.kid import KernelInceptionDistance

        kid = KernelInceptionDistance(network, subset_size=min(len(real), len(fake), 1000))
        fid = FrechetInceptionDistance(kid.inception)  # one network for both
    except ModuleNotFoundError as error:
        raise RunError(
            'KID and FID need two more packages: pip install -e ".[evaluation]" in the repository'
        ) from error
    except (OSError, RuntimeError) as error:  # torch.hub's download
        raise RunError(
            "KID and FID need the Inception weights, fetched on first use, and they cannot be fetched now "
            f"({str(error).splitlines()[0][:80]}); connect to the internet once, or leave out KID and FID"
        ) from error
    features = []
    with torch.no_grad():
        for pictures, is_real in ((real, True), (fake, False)):
            for part in pictures.split(50):
                kid.update(part, real=is_real)
                fid.update(part, real=is_real)
        features = [torch.cat(part).float() for part in (kid.real_features, kid.fake_features)]
    values = {"kid": float(kid.compute()[0]), "fid": float(fid.compute())}
    generator = torch.Generator().manual_seed(seed)
    result = {}
    for name, distance in (("kid", kernel_distance), ("fid", frechet_distance)):
        draws = []
        for _ in range(resamples):
            drawn = [part[torch.randint(len(part), (len(part),), generator=generator)] for part in features]
            draws.append(float(distance(*drawn)))
        draws = torch.tensor(draws)
        low, high = (draws - draws.mean() + values[name]).quantile(torch.tensor([0.025, 0.975])).tolist()
        if min(len(real), len(fake)) < FEWEST:
            low = high = None
        result[name] = {
            "mean": values[name],
            "low": low,
            "high": high,
            "n_real": len(real),
            "n_fake": len(fake),
        }
    return result
