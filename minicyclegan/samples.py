"""What a training run leaves to look at: sheets of samples, held-out errors, its record; built in notebook 07_train."""

import json
from pathlib import Path

import torch
from torch import Tensor

from minicyclegan.cyclegan import CycleGAN
from minicyclegan.data import UnpairedBatches, to_float
from minicyclegan.errors import RunError
from minicyclegan.pictures.images import to_image
from minicyclegan.runs.files import append_line, write_file
from minicyclegan.runs.folder import Resumable, not_finite_message


@torch.no_grad()
def held_out_error(model: CycleGAN, test_a: Tensor, test_b: Tensor) -> dict[str, float]:
    """Mean absolute error against the true pictures, from 0 to 1, for true pairs: uint8 (N, 3, H, W) each."""
    totals = {"held_out_ab": 0.0, "held_out_ba": 0.0}
    device = next(model.parameters()).device
    for a, b in zip(test_a.split(50), test_b.split(50)):
        a, b = to_float(a).to(device), to_float(b).to(device)
        totals["held_out_ab"] += float((model.generator_ab(a) - b).abs().mean()) / 2 * len(a)
        totals["held_out_ba"] += float((model.generator_ba(b) - a).abs().mean()) / 2 * len(a)
    return {name: total / len(test_a) for name, total in totals.items()}


@torch.no_grad()
def sample_sheet(model: CycleGAN, test_a: Tensor, test_b: Tensor) -> Tensor:
    """One picture (3, H, W) in [-1, 1] of six rows: A, A to B, and back; B, B to A, and back; one column each."""
    device = next(model.parameters()).device
    a, b = to_float(test_a).to(device), to_float(test_b).to(device)
    fake_b, fake_a = model.generator_ab(a), model.generator_ba(b)
    rows = torch.cat([a, fake_b, model.generator_ba(fake_b), b, fake_a, model.generator_ab(fake_a)])
    from torchvision.utils import make_grid  # takes a second to import, which many never need

    return make_grid(rows, nrow=len(a), padding=2, pad_value=1.0)


def write_step(
    run_dir: Path, record: dict, model: CycleGAN, tests: list[Tensor] | None, paired: bool
) -> dict:
    """Add the record of a step to the run folder and, where there are `tests` (A and B), a sheet of their translations.

    Returns the record, which also has the held-out errors where the samples are true pairs.
    """
    if tests is not None:
        columns = min(6, *map(len, tests))
        sheet = to_image(sample_sheet(model, *(pictures[:columns] for pictures in tests)))
        path = run_dir / "samples" / f"step_{record['step']:07d}.png"
        write_file(path, lambda file: sheet.save(file, "PNG"))
        if paired:
            record |= held_out_error(model, *tests)
    append_line(run_dir / "metrics.jsonl", json.dumps(record))
    return record


def require_finite(trainer: Resumable, batches: UnpairedBatches, saved_step: int) -> None:
    """Raise RunError where a loss or a weight is no longer finite: the step, its pictures, and what to do."""
    wrong_steps = {name: int(steps) for name, steps in trainer.wrong_steps.items()}
    first = max(wrong_steps, key=wrong_steps.get, default=None)
    bad = []
    if first is not None and wrong_steps[first] > 0:
        bad.append(f"the loss {first} became {float(trainer.sums[first])}")
    finite = [weights.isfinite().all() for weights in trainer.model.state_dict().values()]
    if not torch.stack(finite).all():  # read at once: each number that is read waits for the GPU
        bad.append("a weight became infinite")
    if bad:
        step = trainer.step - max([1, *wrong_steps.values()])  # the first wrong one, counted from 0
        raise RunError(not_finite_message(bad[0], batches, step, saved_step, trainer.model.dtype))
