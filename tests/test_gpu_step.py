"""benchmarks/gpu_step.py on the CPU at 32 px: what it compares computes the same, and what it writes can be relied on.

What only CUDA has is not run here. The recording of CUDA graphs is rehearsed: a stand-in runs the recorded work again instead of
replaying it, so that everything else (the fixed places, the pools in between, the learning rate as a tensor) is tested. Two streams are
rehearsed too: stand-ins note who waits for whom.
"""

import copy
import dataclasses
import json
import os
import sys

import pytest
import torch
from conftest import ROOT
from torch import nn
from torch.utils._pytree import tree_leaves

sys.path.insert(0, str(ROOT / "benchmarks"))

import gpu_step  # noqa: E402
import gpu_variants  # noqa: E402
from flops import count_flops  # noqa: E402
from gpu_variants import VARIANTS, Graphed, ReadyBatches, Reference, Setting, build, named_networks  # noqa: E402
from reference import DEFAULTS, build_reference  # noqa: E402

from minicyclegan.cyclegan import CycleGAN  # noqa: E402
from minicyclegan.errors import ParameterError  # noqa: E402

CPU = torch.device("cpu")


class Another(Setting):
    """With what the paper does not have: noise, slower discriminators, a learning rate that falls from the first step on."""

    def config(self):
        changes = dict(cycle_noise=0.1, discriminator_noise=0.1, discriminator_lr_factor=0.5, decay_share=1.0)
        return dataclasses.replace(super().config(), steps=9, **changes)


SIZES = dict(side=32, batch=2, channels=4, blocks=1, discriminator_channels=4)
TINY, ANOTHER = Setting(**SIZES), Another(**SIZES)
REFERENCE = os.environ.get("MINICYCLEGAN_REFERENCE")
needs_reference = pytest.mark.skipif(
    not REFERENCE, reason="MINICYCLEGAN_REFERENCE names no checkout of junyanz/pytorch-CycleGAN-and-pix2pix"
)


@pytest.fixture
def weights() -> dict[str, nn.Module]:
    torch.manual_seed(1)
    return named_networks(CycleGAN(TINY.config()))


@pytest.fixture
def in_float64():
    """Only an error could make two forms of one step differ there: Adam amplifies a little rounding."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def losses_of(contender, steps: int) -> torch.Tensor:
    """The losses of some steps (steps, 6), with pools of three pictures, which are soon full."""
    for pool in (contender.trainer.pool_a, contender.trainer.pool_b):
        pool.size = 3
    torch.manual_seed(2)
    rows = []
    for batch in ReadyBatches(TINY, CPU, steps).batches:
        losses = contender.step(*batch)  # a replay writes the next step's losses to the same place
        rows.append([float(losses[name]) for name in gpu_variants.LOSSES])
    return torch.tensor(rows)


@pytest.fixture(scope="module")
def losses_of_the_library() -> list[torch.Tensor]:
    """Filled by the first test that compares with them."""
    return []


@pytest.mark.parametrize(
    "change",
    [
        dict(channels_last=False),
        dict(norm="quick"),
        dict(norm="quick", fused=True),
        dict(norm="written"),
        dict(norm="quick", streams=True),
        *(dict(norm="quick", idea=idea) for idea in ("products", "pads", "groups", "casts")),
    ],
    ids=str,
)
def test_every_form_of_the_step_gives_the_librarys_losses(
    change, in_float64, weights, on_streams, losses_of_the_library
):
    """Over six steps, so that the gradients, both optimisers and the pools are compared too."""
    if not losses_of_the_library:
        losses_of_the_library += [losses_of(build(VARIANTS["fp32"], TINY, CPU, weights), steps=6)]
    (expected,) = losses_of_the_library
    other = build(gpu_variants.Variant("", "fp32", **change), TINY, CPU, weights)
    torch.testing.assert_close(losses_of(other, steps=6), expected, rtol=1e-7, atol=0)
    assert (expected[0] - expected[5]).abs().min() > 1e-4, "nothing was trained"


def test_a_warm_up_leaves_no_trace_before_the_first_step_and_later(weights):
    """Before the first step Adam has no state yet, and a recording wants to find one: it is 0."""
    contender = build(VARIANTS["fp32-fused"], TINY, CPU, weights)
    trainer, batches = contender.trainer, ReadyBatches(TINY, CPU).batches
    optimizers = trainer.optimizer_g, trainer.optimizer_d

    def state() -> list[torch.Tensor]:
        return [*trainer.model.parameters(), *tree_leaves([o.state_dict()["state"] for o in optimizers])]

    before = copy.deepcopy(state())
    with gpu_variants.leaving_no_trace(*optimizers):
        contender.step(*batches[0])
    torch.testing.assert_close(state()[: len(before)], before, rtol=0, atol=0)
    assert len(state()) == 4 * len(before) and not any(x.any() for x in state()[len(before) :])

    contender.step(*batches[0])
    before = copy.deepcopy(state())
    with gpu_variants.leaving_no_trace(*optimizers):
        contender.step(*batches[1])
        assert not torch.equal(state()[0], before[0]), "nothing was trained"
    torch.testing.assert_close(state(), before, rtol=0, atol=0)


class Rehearsed(Graphed):
    """Graphed without CUDA: a replay runs the work again, and writes to where it first wrote."""

    def warm(self) -> None:
        self.plain_steps()

    def record(self, work):
        results = work()

        def replay():
            for old, new in zip(tree_leaves(results), tree_leaves(work()), strict=True):
                old.copy_(new)
            return results

        return replay


@pytest.mark.parametrize("setting", [TINY, ANOTHER], ids=["paper", "another"])
def test_graphs_in_fixed_places_train_like_the_library(setting, in_float64, weights):
    """As if neither the warm-up nor the recording had happened, and with older pictures out of full pools."""
    expected = losses_of(build(VARIANTS["fp32"], setting, CPU, weights), steps=6)
    variant = gpu_variants.Variant("", "fp32", fused=True, norm="quick", graphs=True)
    graphed = Rehearsed(variant, setting, CPU, weights)
    torch.testing.assert_close(losses_of(graphed, steps=6), expected, rtol=1e-7, atol=0)
    torch.testing.assert_close(graphed.totals, expected.sum(0), rtol=1e-5, atol=0)


def test_arithmetic_is_counted_as_by_hand():
    """Forward, towards the weights, and towards the input where it needs one; two for each product and its sum."""
    first, second = nn.Conv2d(3, 8, 3), nn.ConvTranspose2d(8, 5, 3, stride=2, padding=1, output_padding=1)
    pictures = torch.randn(2, 3, 12, 12)
    by_hand_first = 2 * 2 * 10 * 10 * 8 * 3 * 9  # the output is 10 px wide
    by_hand_second = 2 * 2 * 10 * 10 * 8 * 5 * 9  # each input pixel is spread
    counted = count_flops(lambda: second(first(pictures)).sum().backward())
    assert counted == 2 * by_hand_first + 3 * by_hand_second


@pytest.fixture(autouse=True)
def small_products(monkeypatch):
    """What a machine can do at most is asked with matrices of side 64, and not 2048, which takes it seconds."""
    peak = gpu_step.matmul_peak
    monkeypatch.setattr(gpu_step, "matmul_peak", lambda device, dtype, *sizes: peak(device, dtype, 64))


def run(tmp_path, *more: str) -> dict:
    """The script itself, without the reference, on the smallest sizes it takes."""
    arguments = "--device cpu --sizes 32x1x4 --rounds 3 --turn 0.01 --parity-steps 5 --variants fp32,fp32-fused".split()
    return gpu_step.main([*arguments, "--out", str(tmp_path / "rows.json"), *more])


def test_a_variant_that_fails_is_a_row_and_the_others_are_measured(tmp_path, monkeypatch, capsys):
    def broken(variant, *rest):
        if variant.fused:
            raise RuntimeError("the first line\nand a second one")
        return build(variant, *rest)

    monkeypatch.setattr(gpu_step, "build", broken)
    run(tmp_path)
    good, bad = json.loads((tmp_path / "rows.json").read_text())["rows"]
    assert good["variant"] == "fp32" and good["ms"] > 0 and good["turns"] == 3
    assert good["images_per_second"] == pytest.approx(1000 / good["ms"])
    assert bad["error"] == "RuntimeError: the first line"
    assert "failed: RuntimeError: the first line" in capsys.readouterr().out


@pytest.mark.long
def test_a_run_with_the_same_file_goes_on_where_the_last_one_stopped(tmp_path):
    first = run(tmp_path, "--variants", "fp32")
    both = run(tmp_path)
    assert [row["variant"] for row in both["rows"]] == ["fp32", "fp32-fused"]
    assert both["rows"][0] == first["rows"][0], "what was measured is not measured again"
    assert both["rows"][1]["differences"][0] < 1e-4


@pytest.mark.long
def test_rows_of_another_machine_are_not_mixed_in(tmp_path):
    run(tmp_path, "--variants", "fp32", "--minutes", "0")
    kept = json.loads((tmp_path / "rows.json").read_text())
    assert kept["rows"] == [], "no variant begins after the time is over"
    kept["machine"]["cpu"] = "another"
    (tmp_path / "rows.json").write_text(json.dumps(kept))
    with pytest.raises(ParameterError, match="measured on another machine"):
        run(tmp_path)


@pytest.mark.parametrize(
    "arguments, sentence",
    [
        (["--variants", "all"], "variant all exists on CUDA only"),
        (["--variants", "fastest"], "there is no variant 'fastest'"),
        (["--sizes", "256"], "'256' is no size; write SIDExBATCH"),
        (["--reference", "/nowhere"], "/nowhere is no checkout of the reference"),
    ],
)
def test_a_wrong_word_on_the_command_line_is_answered_in_one_sentence(arguments, sentence):
    with pytest.raises(ParameterError, match=sentence) as caught:
        gpu_step.main(["--device", "cpu", "--sizes", "32x1x4", *arguments])
    assert "\n" not in str(caught.value)


def test_the_recipe_is_projected_from_the_steps_at_256_px(capsys):
    row = dict(side=256, variant="all")
    gpu_step.print_recipe([row | dict(batch=1, ms=6.0), row | dict(batch=8, ms=36.0)])
    lines = capsys.readouterr().out.splitlines()
    assert lines[-2] == "| 1 | all | 267,000 | 0.45 |"  # 267,000 x 6 ms
    assert lines[-1] == "| 8 | all | 33,375 | 0.33 |"


# Against a checkout of the reference


@needs_reference
def test_the_references_step_has_our_losses_at_equal_weights_over_five_steps(tmp_path, capsys):
    found = run(tmp_path, "--reference", REFERENCE, "--variants", "fp32")
    parity = found["parity"]["32 px, batch 1, ResNet-6 of 4 channels"]
    assert len(parity["fp64"]) == 5
    assert all(step["difference"] < 1e-7 for step in parity["fp64"])
    assert parity["fp32"][0]["difference"] < 1e-4
    ours, theirs = found["rows"]
    assert theirs["variant"] == "reference" and ours["ratio"] > 0 and theirs["differences"][0] < 1e-4
    counted = found["flops"]["32 px, batch 1, ResNet-6 of 4 channels"]
    assert counted["ours"] == counted["reference"]


@needs_reference
def test_the_reference_is_built_at_its_own_defaults_and_without_its_pages_of_results(monkeypatch):
    build_reference(REFERENCE, ngf=4, n_blocks=6)
    assert not {"visdom", "wandb", "dominate"} & sys.modules.keys()
    monkeypatch.syspath_prepend(REFERENCE)
    monkeypatch.setattr(sys, "argv", ["train.py", "--dataroot", "x", "--model", "cycle_gan"])
    from options.train_options import TrainOptions

    theirs = vars(TrainOptions().gather_options())
    assert {name: theirs[name] for name in DEFAULTS if name != "isTrain"} == {
        name: value for name, value in DEFAULTS.items() if name != "isTrain"
    }


@needs_reference
def test_other_widths_and_numbers_of_blocks_are_refused_or_kept(weights):
    with pytest.raises(ParameterError, match="6 or 9 blocks"):
        build_reference(REFERENCE, n_blocks=4)
    reference = Reference(REFERENCE, dataclasses.replace(TINY, blocks=6), CPU)
    with pytest.raises(ValueError):  # one of the lists of layers is longer
        gpu_variants.copy_weights(weights, reference.networks)
