"""A run: what it leaves behind, that it can be repeated, stopped and resumed to the bit, and what it measures."""

import contextlib
import json
import shutil
import threading
import zipfile
from functools import partial
from pathlib import Path

import pytest
import torch
from conftest import LONG, files_in, random_pictures, tiny_config, tiny_domains, tiny_run
from PIL import Image

import minicyclegan
from minicyclegan import training
from minicyclegan.cyclegan import CycleGAN
from minicyclegan.errors import CheckpointError, RunError
from minicyclegan.runs.checkpoint import export_weights, load, read_checkpoint
from minicyclegan.runs.folder import read_metrics, trim_metrics
from minicyclegan.runs.progress import Progress
from minicyclegan.samples import held_out_error, sample_sheet
from minicyclegan.training import Trainer, update_average

LOSSES = ["cycle", "gan_ab", "gan_ba", "identity", "discriminator_a", "discriminator_b"]
ACCURACIES = ["accuracy_real_a", "accuracy_fake_a", "accuracy_real_b", "accuracy_fake_b"]


def assert_same(found, expected, where="state"):
    """Equal to the bit, however deeply nested."""
    assert type(found) is type(expected), where
    if torch.is_tensor(found):
        assert found.dtype == expected.dtype and torch.equal(found, expected), f"{where} differs"
    elif isinstance(found, dict):
        assert list(found) == list(expected), where
        for key in found:
            assert_same(found[key], expected[key], f"{where}.{key}")
    elif isinstance(found, (list, tuple)):
        assert len(found) == len(expected), where
        for i, (one, other) in enumerate(zip(found, expected)):
            assert_same(one, other, f"{where}.{i}")
    else:
        assert found == expected, f"{where} differs"


def assert_same_run(found: Path, expected: Path):
    """Two run folders hold the same, except for the seconds and the checkpoint before the last."""
    assert {*files_in(found)} - {"previous.pt"} == {*files_in(expected)} - {"previous.pt"}
    assert_same(read_checkpoint(found / "last.pt"), read_checkpoint(expected / "last.pt"))
    records, wanted = (read_metrics(folder / "metrics.jsonl") for folder in (found, expected))
    for record in (*records, *wanted):
        assert record.pop("seconds") >= 0
    assert records == wanted
    for name in files_in(expected):
        if name.endswith(".png") or name == "config.json":
            assert (found / name).read_bytes() == (expected / name).read_bytes(), name


# What a run leaves behind


def test_a_run_leaves_these_files_and_no_others(tmp_path):
    tiny_run(tmp_path / "deep" / "run", sample_every=4, checkpoint_every=2)
    assert files_in(tmp_path / "deep" / "run") == [
        "config.json",
        "last.pt",
        "metrics.jsonl",
        "previous.pt",
        "run.json",
        "samples/step_0000004.png",
        "samples/step_0000006.png",
    ]


def test_config_json_is_the_configuration(finished_run):
    assert json.loads((finished_run / "config.json").read_text()) == tiny_config().to_dict()
    assert read_checkpoint(finished_run / "last.pt")["config"] == tiny_config().to_dict()


def test_losses_are_named_and_finite(finished_run):
    records = read_metrics(finished_run / "metrics.jsonl")
    assert [record["step"] for record in records] == [1, 2, 3, 4, 5, 6]
    for record in records:
        assert set(LOSSES) < set(record)
        for value in record.values():
            assert isinstance(value, (int, float)) and abs(value) < 1000
    assert set(records[-1]) - set(LOSSES) - set(ACCURACIES) == {
        "step",
        "seconds",
        "learning_rate",
        "held_out_ab",
        "held_out_ba",
    }


def test_without_identity_there_is_no_identity_loss_and_without_pairs_no_held_out_error(tmp_path):
    tiny_run(tmp_path, tiny_domains(paired=False), lambda_identity=0.0)
    for record in read_metrics(tmp_path / "metrics.jsonl"):
        assert set(record) == {"step", "seconds", "learning_rate", *LOSSES, *ACCURACIES} - {"identity"}


def test_logged_losses_are_means_since_the_last_line(tmp_path):
    tiny_run(tmp_path / "each")
    tiny_run(tmp_path / "some", log_every=4)
    each, some = (read_metrics(tmp_path / name / "metrics.jsonl") for name in ("each", "some"))
    assert [record["step"] for record in some] == [4, 6]
    for name in LOSSES:
        assert some[0][name] == pytest.approx(sum(record[name] for record in each[:4]) / 4, rel=1e-5)
        assert some[1][name] == pytest.approx(sum(record[name] for record in each[4:]) / 2, rel=1e-5)


def test_the_logged_learning_rate_is_the_schedule_and_never_0(finished_run):
    rates = [record["learning_rate"] for record in read_metrics(finished_run / "metrics.jsonl")]
    assert rates == pytest.approx([1e-3, 1e-3, 1e-3, 1e-3, 2e-3 / 3, 1e-3 / 3])


def test_both_optimizers_follow_the_schedule():
    trainer = Trainer(tiny_config(steps=4, decay_share=1.0, discriminator_lr_factor=0.5), torch.device("cpu"))
    batch = torch.zeros(2, 3, 16, 16)
    for expected in (1e-3, 0.75e-3, 0.5e-3, 0.25e-3):
        trainer.train_on(batch, batch)
        assert trainer.optimizer_g.param_groups[0]["lr"] == pytest.approx(expected)
        assert trainer.optimizer_d.param_groups[0]["lr"] == pytest.approx(expected / 2)


def test_one_optimizer_for_both_generators_and_one_for_both_discriminators():
    trainer = Trainer(tiny_config(), torch.device("cpu"))
    model = trainer.model
    for optimizer, networks in (
        (trainer.optimizer_g, (model.generator_ab, model.generator_ba)),
        (trainer.optimizer_d, (model.discriminator_a, model.discriminator_b)),
    ):
        (group,) = optimizer.param_groups
        assert group["betas"] == (0.5, 0.999)
        assert {id(w) for w in group["params"]} == {
            id(w) for network in networks for w in network.parameters()
        }


def test_training_moves_all_four_networks_and_nothing_is_a_number_no_more():
    trainer = Trainer(tiny_config(), torch.device("cpu"))
    before = {name: value.clone() for name, value in trainer.model.state_dict().items()}
    batches = random_pictures(2, 16, 0).float() / 127.5 - 1, random_pictures(2, 16, 1).float() / 127.5 - 1
    losses = trainer.train_on(*batches)
    assert list(losses) and all(loss.isfinite() and not loss.requires_grad for loss in losses.values())
    moved = {
        name.split(".")[0]
        for name, v in trainer.model.state_dict().items()
        if not torch.equal(v, before[name])
    }
    assert moved == {"generator_ab", "generator_ba", "discriminator_a", "discriminator_b"}


def test_sample_sheet_has_six_rows_in_this_order():
    model = CycleGAN(tiny_config()).eval()
    a, b = random_pictures(3, 16, 0), random_pictures(3, 16, 1)
    sheet = sample_sheet(model, a, b)
    assert sheet.shape == (3, 6 * 18 + 2, 3 * 18 + 2)
    tile = lambda row, column: sheet[:, 2 + 18 * row : 18 + 18 * row, 2 + 18 * column : 18 + 18 * column]  # noqa: E731
    real_a, real_b = a[1:2].float() / 127.5 - 1, b[1:2].float() / 127.5 - 1
    with torch.no_grad():
        fake_b, fake_a = model.generator_ab(real_a), model.generator_ba(real_b)
        rows = [real_a, fake_b, model.generator_ba(fake_b), real_b, fake_a, model.generator_ab(fake_a)]
    for row, expected in enumerate(rows):
        assert torch.allclose(tile(row, 1), expected[0], atol=1e-5)


def test_sample_sheets_of_a_run_are_pictures(finished_run):
    with Image.open(finished_run / "samples" / "step_0000006.png") as sheet:
        assert sheet.size == (4 * 18 + 2, 6 * 18 + 2)


# Repeat, stop, resume


def test_two_runs_with_one_seed_are_equal_to_the_bit(tmp_path, finished_run):
    tiny_run(tmp_path)
    assert_same_run(tmp_path, finished_run)


def test_another_seed_gives_another_run(tmp_path, finished_run):
    tiny_run(tmp_path, seed=1)
    assert (
        read_metrics(tmp_path / "metrics.jsonl")[0]["cycle"]
        != read_metrics(finished_run / "metrics.jsonl")[0]["cycle"]
    )


def stop_at(monkeypatch, step: int):
    """Training ends with an exception before step number `step` (from 0) is made."""
    original = Trainer.train_on

    def train_on(self, *batch):
        if self.step == step:
            raise KeyboardInterrupt
        return original(self, *batch)

    monkeypatch.setattr(Trainer, "train_on", train_on)


@pytest.mark.parametrize(
    ("checkpoint_every", "stop", "changes"),
    [
        (2, 5, {}),
        (4, 5, dict(pool_size=0, gan_mode="bce")),
        # Of these kinds test_exact_resume.py tries others
        pytest.param(1, 1, {}, marks=LONG),
        pytest.param(2, 3, {}, marks=LONG),
        pytest.param(3, 5, dict(ema_decay=0.0), marks=LONG),
        pytest.param(2, 3, dict(cycle_noise=0.1, discriminator_noise=0.1, identity_share=0.5), marks=LONG),
        pytest.param(
            3, 4, dict(upsampling="resize", n_downsamplings=1, lambda_identity=0.0, batch_size=1), marks=LONG
        ),
    ],
    ids=str,
)
def test_stop_and_resume_equals_one_go_to_the_bit(tmp_path, monkeypatch, checkpoint_every, stop, changes):
    options = dict(checkpoint_every=checkpoint_every, sample_every=2, **changes)
    tiny_run(tmp_path / "straight", **options)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        stop_at(patch, stop)
        tiny_run(tmp_path / "stopped", **options)
    assert read_checkpoint(tmp_path / "stopped" / "last.pt")["step"] < 6
    tiny_run(tmp_path / "stopped", resume=True, **options)
    assert_same_run(tmp_path / "stopped", tmp_path / "straight")


class AfterSteps(threading.Event):
    """Set by itself once it has been looked at `steps` times: as if someone pressed stop during that step."""

    def __init__(self, steps: int):
        super().__init__()
        self.left = steps

    def is_set(self) -> bool:
        self.left -= 1
        return self.left < 0


# Most stops are between two lines of the log
BETWEEN_LINES = dict(log_every=4, checkpoint_every=3, sample_every=5)


@pytest.fixture(scope="module")
def straight(tmp_path_factory) -> Path:
    run_dir = tmp_path_factory.mktemp("straight") / "run"
    tiny_run(run_dir, **BETWEEN_LINES)
    return run_dir


# test_exact_resume.py tries other steps
@pytest.mark.parametrize("steps", [s if s in (0, 3, 5, 6) else pytest.param(s, marks=LONG) for s in range(7)])
def test_stop_after_this_step_leaves_a_checkpoint_that_resumes_to_the_bit(tmp_path, straight, steps):
    options, lines = BETWEEN_LINES, []
    tiny_run(tmp_path / "stopped", stop=AfterSteps(steps), **(options | {"progress": lines.append}))
    assert read_checkpoint(tmp_path / "stopped" / "last.pt")["step"] == steps
    assert (f"stopped after step {steps} of 6" in lines[-1]) == (steps < 6)
    tiny_run(tmp_path / "stopped", resume=True, **options)
    assert_same_run(tmp_path / "stopped", straight)


def test_stopped_twice_and_resumed_twice_equals_one_go(tmp_path, monkeypatch):
    tiny_run(tmp_path / "straight", checkpoint_every=1)
    for stop, resume in ((2, False), (4, True)):
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            stop_at(patch, stop)
            tiny_run(tmp_path / "stopped", resume=resume, checkpoint_every=1)
    tiny_run(tmp_path / "stopped", resume=True, checkpoint_every=1)
    assert_same_run(tmp_path / "stopped", tmp_path / "straight")


def test_stopped_from_the_progress_callback(tmp_path, monkeypatch):
    monkeypatch.setattr(training, "Progress", partial(Progress, every=0.0))  # a line for every step

    def progress(line):
        if line.startswith("step      3/6"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tiny_run(tmp_path / "stopped", progress=progress, checkpoint_every=2)
    assert [record["step"] for record in read_metrics(tmp_path / "stopped" / "metrics.jsonl")] == [1, 2, 3]
    tiny_run(tmp_path / "stopped", resume=True, checkpoint_every=2)
    tiny_run(tmp_path / "straight", checkpoint_every=2)
    assert_same_run(tmp_path / "stopped", tmp_path / "straight")


@pytest.fixture(scope="module")
def straight_and_stopped(tmp_path_factory) -> Path:
    """A folder with a run in one go and one that was broken off before its last step, not to be changed."""
    folder = tmp_path_factory.mktemp("forgotten")
    tiny_run(folder / "straight", checkpoint_every=4)
    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        stop_at(patch, 5)
        tiny_run(folder / "stopped", checkpoint_every=4)
    return folder


@pytest.mark.parametrize("forgotten", ["nothing", "optimizer_g", "optimizer_d", "pools", "step", "average"])
def test_the_comparison_of_runs_sees_what_a_checkpoint_forgot(
    tmp_path, straight_and_stopped, monkeypatch, forgotten
):
    """Each part of the state is left out once: the resumed run must then differ, and it is the same where nothing is."""
    shutil.copytree(straight_and_stopped, tmp_path, dirs_exist_ok=True)
    original = Trainer.load_state_dict

    def forgetful(self, state):
        fresh = Trainer(self.config, torch.device("cpu")).state_dict()
        original(self, state | {name: fresh[name] for name in fresh if name == forgotten})

    monkeypatch.setattr(Trainer, "load_state_dict", forgetful)
    tiny_run(tmp_path / "stopped", resume=True, checkpoint_every=4)
    with contextlib.nullcontext() if forgotten == "nothing" else pytest.raises(AssertionError):
        assert_same_run(tmp_path / "stopped", tmp_path / "straight")


def test_resuming_a_finished_run_changes_nothing(tmp_path):
    tiny_run(tmp_path)
    before = {name: (tmp_path / name).read_bytes() for name in files_in(tmp_path)}
    tiny_run(tmp_path, resume=True)
    assert {name: (tmp_path / name).read_bytes() for name in files_in(tmp_path)} == before


def test_resume_says_where_it_goes_on(tmp_path, monkeypatch):
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        stop_at(patch, 4)
        tiny_run(tmp_path, checkpoint_every=2)
    lines = []
    tiny_run(tmp_path, resume=True, progress=lines.append)
    assert "resuming after step 4 of 6" in lines


def test_trim_metrics_drops_later_and_broken_lines(tmp_path):
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"step": 1}\n{"step": 2}\n{"step": 3}\n{"st')
    trim_metrics(path, 2)
    assert path.read_text() == '{"step": 1}\n{"step": 2}\n'
    trim_metrics(tmp_path / "nothing.jsonl", 2)
    assert files_in(tmp_path) == ["metrics.jsonl"]


def test_read_metrics_after_a_stop_in_the_middle_of_a_line(tmp_path):
    (tmp_path / "metrics.jsonl").write_text('{"step": 1}\n{"st')
    assert read_metrics(tmp_path / "metrics.jsonl") == [{"step": 1}]


def test_progress_names_step_losses_speed_and_time_left():
    lines = []
    clock = Progress(0, 1000, lines.append, every=0.0)
    clock.started -= 100.0
    clock.report(100, {"cycle": 1.25, "gan_ab": 0.5, "gan_ba": 0.25})
    assert lines[0].split() == (
        "step 100/1000 cycle 1.250 gan_ab 0.500 gan_ba 0.250 1.00 steps/s 15:00 left".split()
    )


def test_progress_is_quiet_in_between_but_never_at_the_end():
    lines = []
    clock = Progress(0, 10, lines.append, every=60.0)
    for step in range(1, 11):
        clock.report(step, {})
    assert len(lines) == 1 and lines[0].startswith("step     10/10")


# Load, average, measure


def test_load_needs_nothing_but_the_path(checkpoint):
    for path in (checkpoint, str(checkpoint)):
        model = minicyclegan.load(path)
        assert model.config == tiny_config() and not model.training
    picture = random_pictures(1, 16, 9).float() / 127.5 - 1
    assert torch.equal(model.translate(picture), load(checkpoint).translate(picture))


def generators_in(weights: dict) -> dict:
    return {name: value for name, value in weights.items() if name.startswith("generator")}


def test_load_takes_the_average_where_there_is_one(tmp_path, checkpoint):
    state = read_checkpoint(checkpoint)
    assert any(
        not torch.equal(v, state["model"][name]) for name, v in generators_in(state["average"]).items()
    )
    assert_same(generators_in(dict(load(checkpoint).state_dict())), generators_in(dict(state["average"])))
    tiny_run(tmp_path, ema_decay=0.0)
    state = read_checkpoint(tmp_path / "last.pt")
    assert state["average"] is None
    assert_same(
        generators_in(dict(load(tmp_path / "last.pt").state_dict())), generators_in(dict(state["model"]))
    )


def test_the_translator_is_the_average_where_there_is_one():
    with_average = Trainer(tiny_config(ema_decay=0.9), torch.device("cpu"))
    assert with_average.translator is with_average.average
    without = Trainer(tiny_config(ema_decay=0.0), torch.device("cpu"))
    assert without.average is None and without.translator is without.model


def test_the_average_changes_nothing_in_training(tmp_path):
    tiny_run(tmp_path / "with", ema_decay=0.9)
    tiny_run(tmp_path / "without", ema_decay=0.0)
    found, expected = (read_checkpoint(tmp_path / name / "last.pt")["model"] for name in ("with", "without"))
    assert_same(dict(found), dict(expected))


def test_update_average_by_hand():
    """new average = d * average + (1 - d) * weight, where d grows from 1/10 towards the decay."""
    average, model = CycleGAN(tiny_config()), CycleGAN(tiny_config())
    for decay, step, d in (
        (0.9, 0, 1 / 10),
        (0.9, 1, 2 / 11),
        (0.9, 79, 80 / 89),
        (0.9, 81, 0.9),
        (0.5, 1000, 0.5),
    ):
        before = {name: value.clone() for name, value in average.state_dict().items()}
        update_average(average, model, decay, step)
        for name, value in average.state_dict().items():
            expected = d * before[name] + (1 - d) * model.state_dict()[name]
            if name.startswith("discriminator"):
                expected = before[name]  # only the generators are averaged
            assert torch.allclose(value, expected, atol=1e-7), (name, step)


def test_the_average_of_a_run_by_hand():
    trainer = Trainer(tiny_config(ema_decay=0.25), torch.device("cpu"))
    expected = trainer.model.generator_ab.layers[1].weight.detach().clone()
    a, b = random_pictures(2, 16, 0).float() / 127.5 - 1, random_pictures(2, 16, 1).float() / 127.5 - 1
    for d in (1 / 10, 2 / 11, 0.25, 0.25):
        trainer.train_on(a, b)
        expected = d * expected + (1 - d) * trainer.model.generator_ab.layers[1].weight.detach()
    assert torch.allclose(trainer.average.generator_ab.layers[1].weight, expected, atol=1e-7)


def test_held_out_error_by_hand():
    """The mean over all pictures, from 0 to 1; 120 pictures, because the library looks at 50 at a time."""
    model = CycleGAN(tiny_config()).eval()
    a, b = random_pictures(120, 16, 0), random_pictures(120, 16, 1)
    b[100:] = 0  # the last part differs, so that its weight matters
    found = held_out_error(model, a, b)
    errors = {"held_out_ab": [], "held_out_ba": []}
    for one, other in zip(a, b):
        with torch.no_grad():
            translated = (
                model.generator_ab(one[None] / 127.5 - 1)[0],
                model.generator_ba(other[None] / 127.5 - 1)[0],
            )
        errors["held_out_ab"].append(float(((translated[0] + 1) / 2 - other / 255).abs().mean()))
        errors["held_out_ba"].append(float(((translated[1] + 1) / 2 - one / 255).abs().mean()))
    assert found == pytest.approx({name: sum(values) / 120 for name, values in errors.items()}, abs=1e-5)


def test_held_out_error_of_a_perfect_and_of_the_worst_model():
    white, black = (
        torch.full((3, 3, 16, 16), 255, dtype=torch.uint8),
        torch.zeros(3, 3, 16, 16, dtype=torch.uint8),
    )
    model = CycleGAN(tiny_config())
    model.generator_ab = model.generator_ba = torch.nn.Identity()
    assert held_out_error(model, white, white) == {"held_out_ab": 0.0, "held_out_ba": 0.0}
    assert held_out_error(model, white, black) == {"held_out_ab": 1.0, "held_out_ba": 1.0}


def test_the_error_in_the_metrics_is_that_of_the_translator(finished_run):
    domains, record = tiny_domains(), read_metrics(finished_run / "metrics.jsonl")[-1]
    found = held_out_error(load(finished_run / "last.pt"), domains.test_a, domains.test_b)
    assert {name: record[name] for name in found} == pytest.approx(found, abs=1e-6)


def test_exported_weights_are_small_and_translate_the_same(tmp_path, checkpoint):
    export_weights(checkpoint, tmp_path / "weights.pt")
    assert (tmp_path / "weights.pt").stat().st_size < checkpoint.stat().st_size / 4
    picture = random_pictures(1, 16, 9).float() / 127.5 - 1
    small, large = (load(path).translate(picture) for path in (tmp_path / "weights.pt", checkpoint))
    assert float((small - large).abs().max()) < 0.01


def test_bf16_trains_too(tmp_path):
    trainer = tiny_run(tmp_path, precision="bf16", steps=2)
    assert trainer.model.dtype == torch.bfloat16
    assert all(weight.dtype == torch.float32 for weight in trainer.model.parameters())
    assert load(tmp_path / "last.pt").translate(torch.zeros(3, 16, 16)).dtype == torch.float32


def test_identity_share_ends_the_identity_loss(tmp_path):
    tiny_run(tmp_path, steps=6, identity_share=0.5, log_every=1)
    records = read_metrics(tmp_path / "metrics.jsonl")
    assert [record["step"] for record in records if "identity" in record] == [1, 2, 3]


def test_noise_is_new_at_each_step_and_follows_from_the_seed():
    """Two trainers with one seed draw equal noise; another step and another seed draw another."""

    def cycle_losses(seed):
        trainer = Trainer(tiny_config(cycle_noise=0.5, learning_rate=1e-12, seed=seed), torch.device("cpu"))
        picture = torch.linspace(-1, 1, 3 * 16 * 16).view(1, 3, 16, 16)
        torch.manual_seed(len(seen))  # the global random numbers must not matter
        return [float(trainer.train_on(picture, picture)["cycle"]) for _ in range(2)]

    seen = []
    for seed in (0, 0, 1):
        seen.append(cycle_losses(seed))
    assert seen[0] == seen[1]
    assert seen[0][0] != seen[0][1]
    assert seen[0][0] != seen[2][0]


def test_train_says_which_device_was_chosen(tmp_path):
    lines = []
    tiny_run(tmp_path, steps=1, progress=lines.append)
    assert lines[0].startswith("computing on CPU") and "fp32" in lines[0]


def test_a_small_run_on_seasons_learns_something(tmp_path):
    """Not a benchmark: after 60 steps the winter is nearer to the truth than the summer it was made from."""
    domains = minicyclegan.load_seasons(32, n_train=60, n_test=20)
    nothing = float((domains.test_a.float() - domains.test_b.float()).abs().mean()) / 255
    changes = dict(image_size=32, steps=60, base_channels=8, learning_rate=2e-3, upsampling="resize")
    tiny_run(tmp_path, domains, n_downsamplings=1, lambda_identity=0.0, log_every=20, **changes)
    record = read_metrics(tmp_path / "metrics.jsonl")[-1]
    assert max(record["held_out_ab"], record["held_out_ba"]) < 0.9 * nothing


def test_an_interrupted_run_without_checkpoint_can_be_started_again(tmp_path, monkeypatch):
    """Stopped before the first checkpoint: there must be a way on with the same run_dir."""
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        stop_at(patch, 3)
        tiny_run(tmp_path)
    assert not (tmp_path / "last.pt").exists()
    ways = []
    for resume in (False, True):
        try:
            tiny_run(tmp_path, resume=resume)
            ways.append(resume)
        except RunError:
            pass
    assert ways, "refused as holding a run without resume, and as holding none with it"


# The two newest checkpoints


def flip(path: Path, place: int) -> None:
    """Change one byte of a file."""
    content = bytearray(path.read_bytes())
    content[place] ^= 0xFF
    path.write_bytes(bytes(content))


def test_the_last_two_checkpoints_are_kept(tmp_path):
    tiny_run(tmp_path, checkpoint_every=2)
    assert read_checkpoint(tmp_path / "last.pt")["step"] == 6
    assert read_checkpoint(tmp_path / "previous.pt")["step"] == 4


@pytest.mark.parametrize("share", [0.05, 0.3, 0.6, 0.9])
def test_a_damaged_newest_checkpoint_is_found_by_its_checksum_and_the_one_before_goes_on(tmp_path, share):
    options = {"checkpoint_every": 2, "log_every": 2}
    tiny_run(tmp_path / "straight", **options)
    tiny_run(tmp_path / "run", stop=AfterSteps(5), **options)
    last = tmp_path / "run" / "last.pt"
    with zipfile.ZipFile(last) as archive:  # inside a tensor, where nothing else would notice
        tensors = [
            entry for entry in archive.infolist() if entry.file_size > 200 and "/data/" in entry.filename
        ]
        entry = tensors[int(share * len(tensors))]
        name_and_extra = last.read_bytes()[entry.header_offset + 26 : entry.header_offset + 30]
        skip = 30 + sum(int.from_bytes(name_and_extra[k : k + 2], "little") for k in (0, 2))
    flip(last, entry.header_offset + skip + entry.file_size // 2)
    with pytest.raises(CheckpointError, match="damaged"):
        read_checkpoint(last)
    lines = []
    tiny_run(tmp_path / "run", resume=True, progress=lines.append, **options)
    assert any("going on with previous.pt, step 4" in line for line in lines)
    assert_same_run(tmp_path / "run", tmp_path / "straight")


def test_a_file_system_without_links_is_no_hindrance(tmp_path, monkeypatch):
    def no_links(*paths):
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr("os.link", no_links)
    tiny_run(tmp_path, checkpoint_every=2)
    assert read_checkpoint(tmp_path / "previous.pt")["step"] == 4


def test_a_run_whose_last_checkpoint_is_gone_goes_on_with_the_one_before(tmp_path):
    tiny_run(tmp_path / "straight", checkpoint_every=2)
    tiny_run(tmp_path / "run", checkpoint_every=2)
    (tmp_path / "run" / "last.pt").unlink()
    tiny_run(tmp_path / "run", checkpoint_every=2, resume=True)
    assert_same_run(tmp_path / "run", tmp_path / "straight")


def test_loading_leaves_the_callers_random_numbers_alone(checkpoint):
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    load(checkpoint)
    assert torch.equal(torch.rand(2), expected)
