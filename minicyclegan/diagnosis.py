"""Is a training run sick, and with what? Signs that can be measured without the truth; built in notebook 08b_diagnosis."""

import torch
import torch.nn.functional as F
from torch import Tensor

from minicyclegan.evaluation import translate_all


def difference_between(pictures: Tensor, others: Tensor) -> float:
    """Mean absolute difference, from 0 to 1, between each picture and a *different* one of the other set.

    (N, 3, H, W) each, in [-1, 1]; picture i meets picture i + 1.
    """
    return float((pictures - others.roll(1, 0)).abs().mean()) / 2


def details(pictures: Tensor) -> Tensor:
    """What is left of (N, 3, H, W) when the mean of each pixel's 5x5 neighbourhood is subtracted."""
    return pictures - F.avg_pool2d(F.pad(pictures, (2, 2, 2, 2), mode="replicate"), 5, stride=1)


def detail_correlation(inputs: Tensor, outputs: Tensor) -> float:
    """Do edges keep their sign? Correlation of the details: 1 for equal pictures, -1 for a negative."""
    x, y = details(inputs), details(outputs)
    return float((x * y).sum() / (x.square().sum() * y.square().sum()).clamp(min=1e-12).sqrt())


def grid_energy(pictures: Tensor) -> float:
    """The share of the details, from 0 to 1, that changes sign from pixel to pixel in step over 8x8 pixels.

    A checkerboard does; an edge or a twig is out of step with its neighbourhood. (N, 3, H, W), sides of 8 or more.
    """
    fine = details(pictures)
    row, column = torch.arange(fine.shape[2])[:, None], torch.arange(fine.shape[3])
    strongest = 0.0
    for parity in (row + 0 * column, column + 0 * row, row + column):  # rows, columns, both
        in_step = F.avg_pool2d(fine * (1 - 2 * (parity % 2)), 8)
        strongest = max(strongest, float(in_step.square().mean() / fine.square().mean().clamp(min=1e-12)))
    return strongest


def signs_of(generator, inputs: Tensor, targets: Tensor) -> dict[str, float]:
    """Four signs of one generator, from real pictures of its source and of its target, (N, 3, H, W) in [-1, 1].

    change: how far an output is from its input, 1 being as far as a target picture usually is. diversity: how much
    outputs differ from one another, 1 being as much as target pictures do. details: `detail_correlation`. grid:
    `grid_energy` beyond that of the targets.
    """
    outputs = translate_all(generator, inputs)
    return {
        "change": float((outputs - inputs).abs().mean()) / 2 / max(difference_between(inputs, targets), 1e-6),
        "diversity": difference_between(outputs, outputs) / max(difference_between(targets, targets), 1e-6),
        "details": detail_correlation(inputs, outputs),
        "grid": grid_energy(outputs) - grid_energy(targets),
    }


def discriminator_accuracy(records: list[dict], domain: str) -> float | None:
    """The lower of D's two accuracies, on real and on fake patches, over the last quarter of a metrics.jsonl.

    0.5 is guessing. None where the records hold no accuracies.
    """
    names = [f"accuracy_{kind}_{domain}" for kind in ("real", "fake")]
    late = [record for record in records[len(records) * 3 // 4 :] if names[0] in record]
    return min(sum(r[name] for r in late) / len(late) for name in names) if late else None


# Where a sign begins to be a symptom, between the healthy and the sick runs of notebook 08b
LIMITS = {"change": 0.3, "diversity": 0.4, "details": -0.2, "grid": 0.03, "accuracy": 0.92}

ADVICE = {
    "output equals input": "lower lambda_identity, then lambda_cycle; check that trainA and trainB really differ",
    "collapse": "check that lambda_cycle is not 0; lower learning_rate; look for copies among the target's pictures",
    "colour inversion": "start again with another seed, or with lambda_identity=0.5, if only at first (identity_share=0.25)",
    "checkerboards": "use upsampling=resize, or train longer",
    "D too strong": "lower discriminator_lr_factor (0.3, then 0.1), or set discriminator_noise=0.2; keep the pool",
}


def diagnose(model, real_a: Tensor, real_b: Tensor, records: list[dict] = ()) -> list[str]:
    """The patterns of sickness in a model, each as `A to B: name (what was measured): what to do`; empty when none is found.

    real_a and real_b are pictures of both domains, (N, 3, H, W) in [-1, 1], pairs or not; records a metrics.jsonl.
    """
    found = []
    for way, generator, inputs, targets in (
        ("A to B", model.generator_ab, real_a, real_b),
        ("B to A", model.generator_ba, real_b, real_a),
    ):
        n = min(len(inputs), len(targets))
        signs = signs_of(generator, inputs[:n], targets[:n])
        signs["accuracy"] = discriminator_accuracy(list(records), way[-1].lower())
        for name, sign, is_sick in (
            ("output equals input", "change", signs["change"] < LIMITS["change"]),
            ("collapse", "diversity", signs["diversity"] < LIMITS["diversity"]),
            ("colour inversion", "details", signs["details"] < LIMITS["details"]),
            ("checkerboards", "grid", signs["grid"] > LIMITS["grid"]),
            ("D too strong", "accuracy", (signs["accuracy"] or 0) > LIMITS["accuracy"]),
        ):
            if is_sick:
                found.append(f"{way}: {name} ({sign} {signs[sign]:.2f}): {ADVICE[name]}")
    return found
