"""The same seed on the same machine gives the same bits; what else the numbers depend on, and how fast a difference grows."""

import contextlib
import os
import random
import subprocess
import sys
from pathlib import Path

import numpy
import pytest
import torch
from conftest import ROOT, tiny_config, tiny_domains, tiny_run
from records import record
from test_training import assert_same_run

from minicyclegan import training
from minicyclegan.data import UnpairedBatches, load_seasons
from minicyclegan.repro.compare import compare_training
from minicyclegan.repro.facts import training_results
from minicyclegan.runs.checkpoint import read_checkpoint
from minicyclegan.training import Trainer

SETTINGS = {
    f"{gan_mode}, identity {identity}": {"gan_mode": gan_mode, "lambda_identity": identity}
    for gan_mode in ("lsgan", "bce")
    for identity in (0.5, 0.0)
}
STEPS = (1, 2, 10, 50, 200)
# Networks at which two threads do share the work, with the learning rate of the course
SIZES = dict(image_size=32, batch_size=4, base_channels=16, discriminator_channels=16, n_blocks=2)
SIZES |= dict(learning_rate=2e-4, decay_share=0.0, pool_size=50, ema_decay=0.0)

# What is done differently, in this process or by the environment of another one; "one bit" is the yardstick for all the others
HERE = (
    "nothing",
    "two threads",
    "not channels last",
    "without oneDNN",
    "one bit of one weight",
    "another seed",
)
ELSEWHERE = {
    "AVX2 (ATen and oneDNN)": {"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2"},
    "SSE4.1 (ATen and oneDNN)": {"ATEN_CPU_CAPABILITY": "default", "ONEDNN_MAX_CPU_ISA": "SSE41"},
    "AVX2 (MKL only)": {"MKL_ENABLE_INSTRUCTIONS": "AVX2"},
}


@contextlib.contextmanager
def changed(patch: pytest.MonkeyPatch, change: str):
    """For as long as the block lasts, one thing is different."""
    init, threads = Trainer.__init__, torch.get_num_threads()

    def one_bit_off(trainer, *args):
        init(trainer, *args)
        weights = next(trainer.model.generator_ab.parameters()).data
        weights[0, 0, 0, 0] = torch.nextafter(weights[0, 0, 0, 0], torch.tensor(9.0))

    with patch.context() as inner:
        if change == "not channels last":
            inner.setattr(torch, "channels_last", torch.contiguous_format)
        if change == "one bit of one weight":
            inner.setattr(Trainer, "__init__", one_bit_off)
        if change == "without oneDNN":
            inner.setattr(torch.backends.mkldnn, "enabled", False)
        torch.set_num_threads(2 if change == "two threads" else threads)
        try:
            yield
        finally:
            torch.set_num_threads(threads)


def run_keeping_weights(folder: Path, change: str, steps: int) -> None:
    """A run that records everything at each step, and at some of them keeps its weights beside its folder."""
    train_on = Trainer.train_on

    def keeping(trainer, *batch):
        losses = train_on(trainer, *batch)
        if trainer.step in STEPS:
            # A copy: the networks may be laid out differently in memory
            weights = {name: w.clone() for name, w in trainer.model.state_dict().items()}
            torch.save(weights, folder.with_name(f"{folder.name} {trainer.step}.pt"))
        return losses

    settings = SIZES | {"steps": steps, "seed": int(change == "another seed")}
    patch = pytest.MonkeyPatch()
    with patch.context() as inner, changed(patch, change):
        inner.setattr(Trainer, "train_on", keeping)
        tiny_run(
            folder, load_seasons(32, n_train=60, n_test=8), sample_every=1, checkpoint_every=10**6, **settings
        )


def run_all_settings(folder: Path) -> None:
    """A tiny run of each kind, after other work that only this process did."""
    for name, settings in SETTINGS.items():
        torch.manual_seed(len(str(folder)))
        torch.rand(len(str(folder)))
        tiny_run(folder / name, sample_every=2, checkpoint_every=4, **settings)


def in_another_process(call: str, folder: Path, environment: dict) -> Path:
    """Call a function of this file in a fresh interpreter with one thread."""
    code = "import sys; sys.path.insert(0, 'tests'); import torch; torch.set_num_threads(1)\n"
    code += f"from pathlib import Path; from test_determinism import *; folder = Path(sys.argv[1]); {call}"
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"} | environment
    subprocess.run([sys.executable, "-c", code, folder], cwd=ROOT, env=environment, check=True)
    return folder


def as_repro_reads_it(folder: Path) -> dict:
    """A run as `minicyclegan repro` compares it: the first two steps one by one, then means of twenty."""
    found = training_results(folder)
    singles, windows = found["records"], []
    for first in range(2, len(singles) - 19, 20):
        part = singles[first : first + 20]
        means = {
            name: sum(one[name] for one in part) / 20
            for name in part[0]
            if not name.startswith(("held_out", "step"))
        }
        held_out = {name: value for name, value in part[-1].items() if name.startswith("held_out")}
        windows.append({"step": part[-1]["step"]} | means | held_out)
    return found | {"records": singles[:2] + windows}


def compared(found: Path, expected: Path, steps: int) -> dict:
    """The relative distance between two runs: of the weights (all as one vector) and of the worst loss, after so many steps."""
    one, other = training_results(found)["records"], training_results(expected)["records"]
    losses = [name for name in other[0] if name.startswith(("cycle", "identity", "gan", "discriminator"))]
    apart = {}
    for step in [step for step in STEPS if step <= steps]:
        a, b = (torch.load(folder.with_name(f"{folder.name} {step}.pt")) for folder in (found, expected))
        # By name, in one order
        a, b = (torch.cat([part[name].flatten().double() for name in sorted(b)]) for part in (a, b))
        worst = max(
            abs(one[step - 1][name] - other[step - 1][name]) / abs(other[step - 1][name]) for name in losses
        )
        apart[step] = (float((a - b).norm() / b.norm()), worst)
    outside = compare_training(as_repro_reads_it(expected), as_repro_reads_it(found), same=False)
    outside = [one for one in outside if not one["what"].startswith("config.json")]  # the seed, for one
    return {"apart": apart, "outside": [f"{one['what']} {one['by']}" for one in outside]}


def test_one_seed_ends_with_the_same_bits_in_two_processes_and_after_other_work(tmp_path):
    """Weights, moments, pools, random states, metrics and sheets, for both criteria, with and without identity."""
    run_all_settings(tmp_path / "here")
    tiny_run(tmp_path / "between", seed=5, image_size=20)
    run_all_settings(tmp_path / "here again")
    in_another_process("run_all_settings(folder)", tmp_path / "elsewhere", {"PYTHONHASHSEED": "1"})
    for name in SETTINGS:
        assert_same_run(tmp_path / "here again" / name, tmp_path / "here" / name)
        assert_same_run(tmp_path / "elsewhere" / name, tmp_path / "here" / name)


@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
def test_the_seed_alone_makes_another_run(tmp_path, settings):
    """Each weight of each network begins and ends differently; so do the losses of the first step."""
    tiny_run(tmp_path / "0", seed=0, **settings)
    tiny_run(tmp_path / "1", seed=1, **settings)
    one, other = (read_checkpoint(tmp_path / seed / "last.pt")["model"] for seed in "01")
    assert [name for name in one if torch.equal(one[name], other[name]) and one[name].any()] == []
    one, other = (training_results(tmp_path / seed)["records"][0] for seed in "01")
    losses = [name for name in one if name.startswith(("cycle", "identity", "gan", "discriminator"))]
    assert [name for name in losses if one[name] == other[name]] == []


def test_two_threads_give_the_same_bits_each_time(tmp_path):
    for name in ("one", "other"):
        run_keeping_weights(tmp_path / name, "two threads", 2)
    assert_same_run(tmp_path / "one", tmp_path / "other")


def test_the_global_random_numbers_are_not_moved_once_the_networks_are_made(tmp_path, monkeypatch):
    """`Trainer` seeds torch's global generator and draws the first weights from them; after that nothing draws from them."""
    noisy = dict(cycle_noise=0.1, discriminator_noise=0.1, sample_every=2, checkpoint_every=2)
    Trainer(tiny_config(cycle_noise=0.1, discriminator_noise=0.1), torch.device("cpu"))
    made = torch.get_rng_state()
    others = random.getstate(), numpy.random.get_state()[1].tolist()
    tiny_run(tmp_path / "run", **noisy)
    assert torch.equal(torch.get_rng_state(), made)
    assert (random.getstate(), numpy.random.get_state()[1].tolist()) == others

    # The comparison can fail: without a generator of their own the networks would draw their noise from the global one
    init = Trainer.__init__

    def without_its_own(trainer, *args):
        init(trainer, *args)
        monkeypatch.setattr(
            type(trainer.model),
            "noise",
            lambda model, x, d, copies=1: d * torch.randn(copies * len(x), *x.shape[1:]),
        )

    monkeypatch.setattr(training.Trainer, "__init__", without_its_own)
    tiny_run(tmp_path / "other", **noisy)
    assert not torch.equal(torch.get_rng_state(), made)


def test_a_batch_follows_from_the_seed_and_its_step_in_whatever_order_it_is_asked_for():
    domains = tiny_domains()
    straight, astray = (UnpairedBatches(domains.train_a, domains.train_b, 16, 2, seed=3) for _ in range(2))
    expected = [straight.batch(step) for step in range(12)]
    for step in (11, 3, 0, 7, 7, 1, 10):
        assert all(torch.equal(a, b) for a, b in zip(astray.batch(step), expected[step]))
    another = UnpairedBatches(domains.train_a, domains.train_b, 16, 2, seed=4)
    assert not any(torch.equal(a, b) for a, b in zip(another.batch(0), expected[0]))


def test_a_difference_of_rounding_stays_within_the_tolerance_of_repro_and_another_seed_does_not(tmp_path):
    slight = ("two threads", "not channels last", "one bit of one weight")
    for change in ("nothing", *slight, "another seed"):
        run_keeping_weights(tmp_path / change, change, 2)
    for change in slight:
        seen = compared(tmp_path / change, tmp_path / "nothing", 2)
        assert seen["outside"] == [], change
        # Two threads take a direction each, and an operation in it may equal that of a single thread to the bit
        changed_something = seen["apart"][2][0] > 0 or change == "two threads"
        assert changed_something and seen["apart"][2][0] < 1e-2, f"{change} changes nothing, or much: {seen}"
    seen = compared(tmp_path / "another seed", tmp_path / "nothing", 2)
    assert seen["outside"] and seen["apart"][1][0] > 0.5


@pytest.mark.long
def test_how_fast_a_difference_of_rounding_grows_and_that_repro_allows_it(tmp_path):
    """Each change by itself, for 200 steps. Everything is measured before anything is refused, so that the table is complete."""
    for change in HERE:
        run_keeping_weights(tmp_path / change, change, 200)
    for change, environment in {"nothing, another process": {}, **ELSEWHERE}.items():
        in_another_process("run_keeping_weights(folder, 'nothing', 200)", tmp_path / change, environment)
    table, outside = {}, {}
    for change in [*HERE[1:], "nothing, another process", *ELSEWHERE]:
        seen = compared(tmp_path / change, tmp_path / "nothing", 200)
        outside[change] = seen["outside"]
        row = {
            f"after {step}": f"weights {weights:.1e}, worst loss {loss:.1e}"
            for step, (weights, loss) in seen["apart"].items()
        }
        table[change] = row | {"within repro's tolerance": "no" if seen["outside"] else "yes"}
        if seen["outside"]:
            table[change]["outside"] = f"{len(seen['outside'])}, first: {seen['outside'][0]}"
        if change == "nothing, another process":
            assert all(size == (0, 0) for size in seen["apart"].values())
    record("determinism", **table)
    assert outside.pop("another seed")
    assert not any(outside.values()), outside
