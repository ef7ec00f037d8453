"""The measures that `minicyclegan evaluate` adds to `evaluation.quality_report`: the distance, and label maps."""

from types import SimpleNamespace

import torch
from torch import Tensor, nn

from minicyclegan.data import Domains, to_float, to_uint8
from minicyclegan.evaluation import colour_transfer, quality_report, translate_all
from minicyclegan.parameters import METHODS
from minicyclegan.quality.distance import CAN_TELL, FEWEST, distances, tells_apart
from minicyclegan.quality.labels import PAPER, Palette, label_report, map_domain
from minicyclegan.quality.report import kid_and_fid

SATURATES = (
    "passes for: how often a small classifier, which never saw a translation, takes it for the target domain. It "
    "saturates: 100 % is easily had, even by blurred pictures"
)


class Known(nn.Module):
    """A generator whose translations of some pictures are known already, so that nobody has to wait for them twice."""

    def __init__(self, generator: nn.Module, inputs: Tensor, outputs: Tensor):
        super().__init__()
        self.generator, self.known = generator, list(zip(inputs.split(50), outputs.split(50)))

    def forward(self, x: Tensor) -> Tensor:
        for inputs, outputs in self.known:
            if torch.equal(inputs, x.cpu()):
                return outputs
        return self.generator(x)


def measured(
    model,
    domains: Domains,
    twins: dict | None = None,
    pictures: int = 200,
    seed: int = 0,
    palette: Palette | None = None,
    kid: bool = False,
) -> dict:
    """`quality_report` of the first `pictures` test pictures of each domain, and more: plain values, ready for JSON.

    `distances` has the distance of each row to the real pictures, for each direction; `label_maps`, where a palette names
    the classes and the pairs are true, the accuracies of the direction that makes label maps; `kid_and_fid` if asked for.
    Where there are too few pictures for an interval, low and high are None. Raises DataError or RunError.
    """
    name = METHODS[model.config.method]
    parts = {"a": domains.test_a, "b": domains.test_b}
    test = {name: to_float(part[list(range(min(pictures, len(part))))]) for name, part in parts.items()}
    label_domain = map_domain(palette, test) if palette and domains.paired else None
    generators = {"ab": model.generator_ab, "ba": model.generator_ba}
    fakes = {way: translate_all(generator, test[way[0]]) for way, generator in generators.items()}
    known = {way: Known(generators[way], test[way[0]], fake) for way, fake in fakes.items()}
    report = quality_report(
        SimpleNamespace(generator_ab=known["ab"], generator_ba=known["ba"]),
        *(domains, twins, pictures, seed, name),
    )
    without_empty_intervals(report, test)
    report["distances"], report["notes"] = {}, []
    for way, (train, target) in (("ab", (domains.train_b, "b")), ("ba", (domains.train_a, "a"))):
        inputs, real = test[way[0]], test[target]
        some = to_float(train[list(range(min(len(train), 1000)))])
        guesses = {"doing nothing": inputs, "colour transfer": colour_transfer(inputs, some)}
        guesses[name] = fakes[way]
        if twins:
            guesses["supervised twin"] = translate_all(twins[way], inputs)
        report["distances"][way] = {
            "n_real": len(real),
            "rows": distances(guesses, real, domains.paired, seed),
        }
        if target == label_domain:
            report["label_maps"] = label_report(guesses, real, palette, seed, name)
            report["label_maps"] |= {"way": way, "palette": str(palette.path), "paper": PAPER}
    report["notes"] += [CAN_TELL, SATURATES, *remarks(report, test)]
    if palette and not domains.paired:
        report["notes"] += [
            f"label maps: {palette.path} is not used, because there are no true pairs to compare with"
        ]
    if kid:
        report["kid_and_fid"] = {
            way: kid_and_fid(to_uint8(test[way[1]]), to_uint8(fake), seed=seed) for way, fake in fakes.items()
        }
    return report


def remarks(report: dict, test: dict[str, Tensor]) -> list[str]:
    """What a reader should know before believing the numbers: too few pictures, domains that the distance hardly tells apart."""
    lines = []
    for name, part in test.items():
        if len(part) < FEWEST:
            count = "one picture" if len(part) == 1 else f"{len(part)} pictures"
            lines += [f"{count} of {name.upper()}, no interval: that takes {FEWEST} test pictures at least"]
    for way, found in report["distances"].items():
        if not tells_apart(found["rows"]):
            lines += [
                f"{way[0].upper()} to {way[1].upper()}: in colours and textures the untranslated inputs are hardly farther "
                "from real pictures than real pictures from each other, so here the distance says little"
            ]
    return lines


def without_empty_intervals(report: dict, test: dict[str, Tensor]) -> None:
    """Put None for both ends of every interval that comes from fewer pictures than a bootstrap needs."""
    for way, direction in report["directions"].items():
        rows = direction["rows"].items()
        values = [
            (v, way[1] if name == "real pictures" else way[0]) for name, row in rows for v in row.values()
        ]
        if direction["gap_closed"]:
            values.append((direction["gap_closed"], way[0]))
        for value, domain in values:
            if len(test[domain]) < FEWEST:
                value |= {"low": None, "high": None}
