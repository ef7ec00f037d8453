"""A run that is stopped and resumed is, to the bit, the run that nobody stopped: wherever it is cut, whatever it computes."""

import pytest
import torch
from conftest import LONG, make_folder, tiny_domains, tiny_run
from test_training import AfterSteps, assert_same_run, stop_at

from minicyclegan.data import Domains, ImageFolder
from minicyclegan.training import learning_rate_factor

STEPS = 8
# log_every=3: most cuts lie between two lines of the log, so the sums of the losses have to be kept as well
OPTIONS = {"steps": STEPS, "log_every": 3, "sample_every": 4}
CUTS = {
    1: "after the first step",
    2: "in the middle of an epoch of A, 7 pictures in batches of 2",
    4: "before the first step of the decay",
    5: "after the first step of the decay",
    7: "before the last step",
    8: "after the last step",
}


def objectives(*now: tuple[str, float]):
    """What the objective can be. `make test` tries those named here, one in each of the two ways to end; `make long` the others."""
    each = [(gan_mode, identity) for gan_mode in ("lsgan", "bce") for identity in (0.5, 0.0)]
    values = [one if one in now else pytest.param(*one, marks=LONG) for one in each]
    return pytest.mark.parametrize("gan_mode, lambda_identity", values)


def test_the_cuts_are_where_they_say():
    domains, factors = tiny_domains(), [learning_rate_factor(step, STEPS, 0.5) for step in range(STEPS)]
    assert [factor < 1 for factor in factors].index(True) - 1 == 4, "1 - 0/4 is the first point of the line"
    assert (2 * 2) % len(domains.train_a) and (2 * 2) % len(domains.train_b)
    assert list(CUTS)[0] == 1 and list(CUTS)[-1] == STEPS


@objectives(("lsgan", 0.5))
def test_stopped_in_good_order_at_any_cut_and_resumed(tmp_path, gan_mode, lambda_identity):
    options = OPTIONS | {"gan_mode": gan_mode, "lambda_identity": lambda_identity, "checkpoint_every": 1000}
    tiny_run(tmp_path / "straight", **options)
    for cut in CUTS:
        run_dir = tmp_path / str(cut)
        tiny_run(run_dir, stop=AfterSteps(cut), **options)
        trainer = tiny_run(run_dir, resume=True, **options)
        assert trainer.step == STEPS
        assert_same_run(run_dir, tmp_path / "straight")


@objectives(("bce", 0.0))
def test_broken_off_at_any_cut_and_resumed_from_the_checkpoint_before(
    tmp_path, monkeypatch, gan_mode, lambda_identity
):
    options = OPTIONS | {"gan_mode": gan_mode, "lambda_identity": lambda_identity, "checkpoint_every": 2}
    tiny_run(tmp_path / "straight", **options)
    for cut in list(CUTS)[:-1]:
        run_dir = tmp_path / str(cut)
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            stop_at(patch, cut)
            tiny_run(run_dir, **options)
        tiny_run(run_dir, resume=True, **options)
        assert_same_run(run_dir, tmp_path / "straight")


@pytest.mark.parametrize(
    "changes",
    [
        {"ema_decay": 0.0, "pool_size": 50, "batch_size": 1, "discriminator_lr_factor": 0.3},
        {"identity_share": 0.5, "cycle_noise": 0.1, "discriminator_noise": 0.1, "decay_share": 1.0},
        {"precision": "bf16", "pool_size": 0, "upsampling": "resize", "n_downsamplings": 1},
    ],
    ids=str,
)
def test_stopped_after_every_single_step(tmp_path, changes):
    """Eight processes' worth of stops in one run: nothing may be lost at any of them."""
    options = OPTIONS | {"checkpoint_every": 1000} | changes
    tiny_run(tmp_path / "straight", **options)
    for done in range(STEPS):
        trainer = tiny_run(tmp_path / "run", resume=done > 0, stop=AfterSteps(1), **options)
        assert trainer.step == done + 1
    assert_same_run(tmp_path / "run", tmp_path / "straight")


def test_pictures_that_are_read_at_every_step_come_in_the_same_order(tmp_path):
    folder = make_folder(tmp_path / "noise", n=5)
    parts = {name: folder / name for name in ("trainA", "trainB", "testA", "testB")}
    lazy = Domains(
        *(ImageFolder(path, 16, memory_budget=0) for path in parts.values()), paired=True, notes=[]
    )
    kept = Domains(*(ImageFolder(path, 16) for path in parts.values()), paired=True, notes=[])
    assert lazy.train_a.pictures is None and kept.train_a.pictures is not None
    tiny_run(tmp_path / "straight", kept, **OPTIONS)
    tiny_run(tmp_path / "run", lazy, stop=AfterSteps(3), **OPTIONS)
    tiny_run(tmp_path / "run", lazy, resume=True, **OPTIONS)
    assert_same_run(tmp_path / "run", tmp_path / "straight")


def test_the_callers_own_random_numbers_do_not_matter(tmp_path):
    torch.manual_seed(1)
    tiny_run(tmp_path / "straight", **OPTIONS)
    torch.manual_seed(2)
    tiny_run(tmp_path / "run", stop=AfterSteps(3), **OPTIONS)
    torch.rand(1000)
    tiny_run(tmp_path / "run", resume=True, progress=lambda line: torch.rand(3), **OPTIONS)
    assert_same_run(tmp_path / "run", tmp_path / "straight")
