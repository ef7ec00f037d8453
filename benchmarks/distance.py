"""Does the distance of `minicyclegan evaluate` put worse pictures farther away? Compared with other ways to measure.

    OMP_NUM_THREADS=1 python benchmarks/distance.py --out benchmarks/results/distance.json

1. Degraded pictures: one half of the real test pictures, degraded more and more, against the other half untouched, in both
   domains of five data sets. A step is wrong where more harm is not farther away; a set is noticed where its 95 % interval lies
   above that of the untouched half.
2. Checkpoints: trainings of a few minutes, looked at on the way. Where there are true pairs, the order of the distance is
   compared with that of the L1 error (Spearman's rank correlation).

Folders of real pictures are looked for in --folders and left out where they are not.
"""

import argparse
import json
import time
from pathlib import Path

import torch
import torch.nn.functional as F
from machine import machine
from torch import Tensor, nn

from minicyclegan.data import UnpairedBatches, to_float
from minicyclegan.datasets.named import load_domains
from minicyclegan.evaluation import l1_error, passes_for, train_classifier, translate_all
from minicyclegan.parameters import Config
from minicyclegan.quality.distance import distances, energy_distance, features
from minicyclegan.quality.report import kernel_distance
from minicyclegan.training import Trainer

SETS = {"seasons": 64, "emoji": 32, "monet2photo": 64, "maps_256": 64, "cats_dogs_128": 64}
ROOT = Path(__file__).parent.parent


def first(pictures, n: int = 200) -> Tensor:
    """The first `n` pictures of a part of a data set, in [-1, 1]."""
    return to_float(pictures[list(range(min(n, len(pictures))))])


def blurred(x: Tensor, sigma: float) -> Tensor:
    radius = max(1, round(3 * sigma))
    line = torch.exp(-(torch.arange(-radius, radius + 1.0) ** 2) / (2 * sigma**2))
    kernel = (line[:, None] * line / line.sum() ** 2).expand(3, 1, -1, -1)
    return F.conv2d(F.pad(x, [radius] * 4, mode="reflect"), kernel, groups=3)


def noisy(x: Tensor, sigma: float) -> Tensor:
    return (x + sigma * torch.randn(x.shape, generator=torch.Generator().manual_seed(3))).clamp(-1, 1)


def turned(x: Tensor, degrees: float) -> Tensor:
    """Every colour turned around the grey axis."""
    angle = torch.tensor(degrees).deg2rad()
    cross = torch.tensor([[0.0, -1, 1], [1, 0, -1], [-1, 1, 0]]) / 3**0.5
    turn = angle.cos() * torch.eye(3) + (1 - angle.cos()) / 3 + angle.sin() * cross
    return torch.einsum("oc,nchw->nohw", turn, x).clamp(-1, 1)


def with_grid(x: Tensor, strength: float) -> Tensor:
    board = torch.ones(x.shape[2:])
    board[::2, ::2] = board[1::2, 1::2] = -1
    return (x + strength * board).clamp(-1, 1)


def repeated(x: Tensor, share: float) -> Tensor:
    """The first picture in the place of a share of all."""
    n = int(len(x) * share)
    return torch.cat([x[:1].expand(n, -1, -1, -1), x[n:]])


HARM = {
    "blur (sigma in px)": (blurred, (0.5, 0.8, 1.5, 3)),
    "noise (sigma of 2)": (noisy, (0.02, 0.05, 0.1, 0.3)),
    "grid of 2 px (of 2)": (with_grid, (0.02, 0.05, 0.1, 0.3)),
    "brighter (of 2)": (lambda x, a: (x + a).clamp(-1, 1), (0.05, 0.1, 0.3, 0.6)),
    "darker (of 2)": (lambda x, a: (x - a).clamp(-1, 1), (0.05, 0.1, 0.3, 0.6)),
    "hue turned (degrees)": (turned, (10, 30, 90)),
    "colour lost (share)": (lambda x, a: x * (1 - a) + a * x.mean(1, keepdim=True), (0.3, 0.6, 1)),
    "contrast lost (share)": (
        lambda x, a: x * (1 - a) + a * x.mean((2, 3), keepdim=True),
        (0.1, 0.2, 0.5, 0.8),
    ),
    "one picture repeated (share)": (repeated, (0.25, 0.5, 0.75, 1)),
}


class Network(nn.Module):
    """Three layers; the features are mean and deviation of each channel of each layer."""

    def __init__(self):
        super().__init__()
        widths = (3, 24, 48, 96)
        self.layers = nn.ModuleList(
            nn.Conv2d(a, b, 3, stride=2, padding=1) for a, b in zip(widths, widths[1:])
        )
        self.head = nn.Linear(2 * sum(widths[1:]), 8)

    def forward(self, x: Tensor) -> Tensor:
        found = []
        for layer in self.layers:
            x = F.relu(layer(x))
            found += [x.mean((2, 3)), x.std((2, 3))]
        return torch.cat(found, 1)

    @torch.no_grad()
    def features(self, pictures: Tensor) -> Tensor:
        return torch.cat([self(part) for part in pictures.split(25)])


def random_network() -> Network:
    torch.manual_seed(0)
    network = Network()
    for layer in network.layers:
        nn.init.kaiming_normal_(layer.weight)
    return network


def trained_network(sets: dict) -> Network:
    """Taught to tell summer, winter, Noto and Twemoji apart, each untouched or degraded; under 300 kB."""
    torch.manual_seed(0)
    network = Network()
    optimizer = torch.optim.Adam(network.parameters(), 2e-3)
    kinds = [to_float(getattr(sets[n], f"train_{s}")[:400]) for n in ("seasons", "emoji") for s in "ab"]
    kinds = [kind if kind.shape[2] == 64 else F.interpolate(kind, size=64) for kind in kinds]
    for step in range(600):
        pictures, answers = [], []
        for number, kind in enumerate(kinds):
            chosen = kind[torch.randint(len(kind), (8,))]
            strength = float(torch.rand(()))
            ways = (
                lambda x: blurred(x, 0.7 + strength),
                lambda x: noisy(x, 0.1),
                lambda x: turned(x, 60 + 120 * strength),
            )
            pictures += [chosen, ways[step % 3](chosen)]
            answers += [2 * number] * 8 + [2 * number + 1] * 8
        loss = F.cross_entropy(network.head(network(torch.cat(pictures))), torch.tensor(answers))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return network


def patches(pictures: Tensor) -> Tensor:
    """Karras et al. 2018: 32 patches of 7 x 7 px from each level of a Laplacian pyramid; (N, levels, 32, 147)."""
    generator, levels, level = torch.Generator().manual_seed(0), [], pictures
    while level.shape[2] >= 16:
        small = F.avg_pool2d(level, 2)
        band = (
            level - F.interpolate(small, scale_factor=2, mode="bilinear") if small.shape[2] >= 16 else level
        )
        tops = torch.randint(band.shape[2] - 6, (32, 2), generator=generator).tolist()
        levels.append(torch.stack([band[:, :, y : y + 7, x : x + 7].flatten(1) for y, x in tops], 1))
        level = small
    return torch.stack(levels, 1)


def sliced_wasserstein(first: Tensor, second: Tensor, directions: int = 64) -> float:
    """Mean over levels and random directions of the distance between sorted projections of the patches."""
    total, generator = 0.0, torch.Generator().manual_seed(1)
    for a, b in zip(patches(first).unbind(1), patches(second).unbind(1)):
        a, b = a.flatten(0, 1), b.flatten(0, 1)
        unit = F.normalize(torch.randn(147, directions, generator=generator), dim=0)
        place = torch.linspace(0, 1, 1000)
        total += float((torch.quantile(a @ unit, place, 0) - torch.quantile(b @ unit, place, 0)).abs().mean())
    return total


def in_units(rows: Tensor, real: Tensor) -> Tensor:
    return (rows - real.mean(0)) / real.std(0).clamp(min=0.01)


def ways_to_measure(sets: dict) -> dict:
    """By name, a function of a set of pictures and the real ones that gives mean, low and high, or only the mean."""

    def energy(of):
        return lambda guess, real: energy_distance(
            in_units(of(guess), of(real)), in_units(of(real), of(real))
        )

    def kernel(guess, real):
        rows = features(real)
        return {"mean": float(kernel_distance(in_units(features(guess), rows), in_units(rows, rows)))}

    return {
        "wavelets, energy distance (shipped)": energy(features),
        "wavelets, KID's kernel": kernel,
        "random network, energy distance": energy(random_network().features),
        "small trained network, energy distance": energy(trained_network(sets).features),
        "sliced Wasserstein of patches": lambda guess, real: {"mean": sliced_wasserstein(guess, real)},
    }


def degradations(sets: dict) -> dict:
    """For each way to measure: how many steps were wrong, how many sets were noticed, every value, and the seconds."""
    result = {}
    for way, measure in ways_to_measure(sets).items():
        started, values, wrong, steps, noticed, tried = time.monotonic(), {}, [], 0, 0, 0
        for name, domains in sets.items():
            for side, other in ("ab", "ba"):
                real, source = (first(getattr(domains, f"test_{s}")) for s in (side, other))
                half, rest = real[0::2], real[1::2]
                elsewhere = sets["emoji" if name != "emoji" else "seasons"].test_b[:100]
                harmed = {kind: [harm(half, a) for a in amounts] for kind, (harm, amounts) in HARM.items()}
                n = min(len(half), len(source))
                harmed["other domain mixed in (share)"] = [
                    torch.cat([source[: int(n * a)], half[int(n * a) : n]]) for a in (0.25, 0.5, 0.75, 1)
                ]
                harmed["other data set"] = [F.interpolate(to_float(elsewhere), size=real.shape[2:])]
                base = measure(half, rest)
                found = {"untouched": [base]}
                for kind, guesses in harmed.items():
                    found[kind] = [measure(guess, rest) for guess in guesses]
                    means = [base["mean"], *(value["mean"] for value in found[kind])]
                    steps += len(guesses)
                    wrong += [
                        f"{name} {side.upper()}: {kind}"
                        for before, after in zip(means, means[1:])
                        if after <= before
                    ]
                    if "low" in base:
                        tried += len(guesses)
                        noticed += sum(value["low"] > base["high"] for value in found[kind])
                values[f"{name} {side.upper()}"] = found
        result[way] = {
            **{"wrong": wrong, "steps": steps, "noticed": noticed, "tried": tried, "values": values},
            "seconds": round(time.monotonic() - started, 1),
        }
        share = f", noticed {noticed} of {tried}" if tried else ""
        print(f"{way}: {len(wrong)} of {steps} steps wrong{share} ({result[way]['seconds']} s)", flush=True)
    return result


def ranks(values: list[float]) -> Tensor:
    return torch.tensor(values).argsort().argsort().double()


def rank_correlation(x: list[float], y: list[float]) -> float:
    return float(torch.corrcoef(torch.stack([ranks(x), ranks(y)]))[0, 1])


SMALL = {
    **{"batch_size": 2, "base_channels": 12, "n_blocks": 3, "n_downsamplings": 1, "upsampling": "resize"},
    **{"discriminator_channels": 24, "discriminator_layers": 3, "lambda_identity": 0.5, "ema_decay": 0.99},
    **{"learning_rate": 1e-3, "discriminator_lr_factor": 0.6},
}
RUNS = {
    "seasons": {"image_size": 32, "steps": 1200},
    "emoji": {"image_size": 32, "steps": 1200},
    "maps_256": {"image_size": 32, "steps": 1200},
    "monet2photo": {"image_size": 64, "steps": 300},
}
STOPS = (10, 25, 50, 100, 150, 200, 300, 450, 600, 900, 1200)


def checkpoints(data: str, domains, settings: dict) -> dict:
    """Train and look at the translators on the way: distance, passes for the target, and L1 where there is a truth."""
    config = Config(data=data, **(SMALL | settings))
    batches = UnpairedBatches(domains.train_a, domains.train_b, config.image_size, config.batch_size, 0)
    trainer = Trainer(config, torch.device("cpu"), torch.float32)
    a, b = first(domains.test_a), first(domains.test_b)
    some = [part[list(range(min(1000, len(part))))] for part in (domains.train_a, domains.train_b)]
    classifier, rows = train_classifier(*some), {"ab": [], "ba": []}
    for step in range(config.steps):
        trainer.train_on(*batches.batch(step))
        if trainer.step not in STOPS:
            continue
        for way, source, real in (("ab", a, b), ("ba", b, a)):
            fake = translate_all(getattr(trainer.translator, f"generator_{way}"), source)
            found = distances({"doing nothing": source, "fake": fake}, real, domains.paired)
            row = {"step": trainer.step, "distance": found["fake"], "inputs": found["doing nothing"]}
            row |= {
                "real": found["real pictures"],
                "passes": float(passes_for(classifier, fake, way[1]).mean()),
            }
            rows[way].append(row | ({"l1": float(l1_error(fake, real).mean())} if domains.paired else {}))
    result = {}
    for way, found in rows.items():
        result[way] = {"rows": found}
        if domains.paired:
            far, error = [row["distance"]["mean"] for row in found], [row["l1"] for row in found]
            result[way]["rank_correlation"] = rank_correlation(far, error)
            print(f"{data} {way}: rank correlation with L1 {result[way]['rank_correlation']:.2f}")
        for row in found:
            truth = f", L1 {row['l1']:.4f}" if "l1" in row else ""
            print(
                f"  {row['step']:>5} steps: distance {row['distance']['mean']:.3f}, passes {row['passes']:.1%}{truth}"
            )
    return result


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--folders", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--out", type=Path, help="keep every number in this JSON file")
    parser.add_argument("--part", choices=("degradations", "checkpoints", "both"), default="both")
    options = parser.parse_args()
    torch.set_num_threads(1)

    def data_of(name: str, size: int):
        data = name if name in ("seasons", "emoji") else str(options.folders / name)
        if data != name and not Path(data).is_dir():
            print(f"{name} is not in {options.folders}: left out")
            return None
        return load_domains(data, size, size)

    report = {"machine": machine()}

    def keep() -> None:
        if options.out:
            short = json.loads(json.dumps(report), parse_float=lambda text: round(float(text), 4))
            options.out.write_text(json.dumps(short) + "\n", encoding="utf-8")

    if options.part != "checkpoints":
        sets = {name: domains for name, size in SETS.items() if (domains := data_of(name, size))}
        report["degradations"] = degradations(sets)
        keep()
    for name, settings in RUNS.items() if options.part != "degradations" else ():
        started = time.monotonic()
        if domains := data_of(name, settings["image_size"]):
            report.setdefault("checkpoints", {})[name] = checkpoints(name, domains, settings)
            print(f"  {time.monotonic() - started:.0f} s", flush=True)
            keep()


if __name__ == "__main__":
    main()
