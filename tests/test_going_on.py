"""Going on with a run by its folder: with more steps, with data that were moved; and new runs from the weights of another."""

import json
import threading
from pathlib import Path

import pytest
import torch
from conftest import files_in, make_folder, random_pictures, tiny_config, tiny_domains, tiny_run
from test_cli import refused
from test_training import assert_same, assert_same_run

from minicyclegan.cli.beginning import next_free, to_resume
from minicyclegan.data import load_folder
from minicyclegan.errors import CheckpointError, DataError, RunError
from minicyclegan.runs import checkpoint as checkpoint_module
from minicyclegan.runs.checkpoint import export_weights, read_checkpoint, save_checkpoint
from minicyclegan.runs.folder import facts_once, read_metrics
from minicyclegan.runs.plan import steps_done
from minicyclegan.runs.record import record_of

# More steps


def test_a_finished_run_goes_on_with_more_steps_and_says_what_the_learning_rate_does(tmp_path):
    tiny_run(tmp_path / "run", checkpoint_every=3)
    lines = []
    trainer = tiny_run(tmp_path / "run", steps=12, resume=True, progress=lines.append)
    assert trainer.step == 12
    text = "\n".join(lines)
    assert "planned for 6 steps" in text and "those of a run of 12" in text and "to the bit" in text
    rates = {
        record["step"]: record["learning_rate"] for record in read_metrics(tmp_path / "run" / "metrics.jsonl")
    }
    # Its first plan let it fall from step 3 on; from step 7 on it is that of a run of 12
    assert rates[6] == pytest.approx(1e-3 / 3) and rates[7] == pytest.approx(1e-3)
    assert rates[12] == pytest.approx(1e-3 / 6)


def test_fewer_steps_than_were_made_are_refused(tmp_path):
    tiny_run(tmp_path / "run")
    with pytest.raises(RunError, match="has made 6 steps already"):
        tiny_run(tmp_path / "run", steps=5, resume=True)


def test_a_run_of_an_earlier_version_resumes_to_the_bits_of_one_go(tmp_path):
    """Its checkpoint lacks the parameters that came later, and it has no run.json."""
    tiny_run(tmp_path / "straight")
    tiny_run(tmp_path / "run", stop=stop_after(tmp_path / "run", 3))
    state = read_checkpoint(tmp_path / "run" / "last.pt")
    assert state["config"].pop("value_range") == "auto"
    save_checkpoint(tmp_path / "run" / "last.pt", {name: state[name] for name in state if name != "format"})
    (tmp_path / "run" / "run.json").unlink()
    tiny_run(tmp_path / "run", resume=True)
    assert_same_run(tmp_path / "run", tmp_path / "straight")


class stop_after:
    """A `stop` that is set as soon as the run folder's record has so many lines."""

    def __init__(self, run_dir: Path, lines: int):
        self.path, self.lines = run_dir / "metrics.jsonl", lines

    def is_set(self) -> bool:
        return self.path.exists() and self.path.read_text().count("\n") >= self.lines


# Data that were moved


@pytest.fixture
def run_on_folder(tmp_path) -> tuple[Path, Path]:
    data = make_folder(tmp_path / "data")
    tiny_run(tmp_path / "run", load_folder(data, 16), data=str(data), checkpoint_every=2)
    return data, tmp_path / "run"


def go_on(data: Path, run_dir: Path, **options):
    domains = load_folder(data, 16)
    return tiny_run(run_dir, domains, data=str(data), steps=8, resume=True, **options)


def test_the_same_pictures_in_another_place_are_the_same_data(run_on_folder, tmp_path):
    data, run_dir = run_on_folder
    moved = data.rename(tmp_path / "elsewhere")
    assert go_on(moved, run_dir).step == 8
    assert json.loads((run_dir / "config.json").read_text())["data"] == str(moved)


def test_other_pictures_are_counted_and_only_taken_when_asked(run_on_folder):
    data, run_dir = run_on_folder
    (data / "trainA" / "0.png").rename(data / "trainA" / "9.png")
    (data / "testB" / "1.png").write_bytes((data / "testB" / "2.png").read_bytes())
    before = files_in(run_dir), (run_dir / "last.pt").read_bytes()
    with pytest.raises(RunError) as fault:
        go_on(data, run_dir)
    for words in (
        "1 added in trainA (9.png)",
        "1 removed in trainA (0.png)",
        "1 changed in testB (1.png)",
        "--data",
        "--yes",
    ):
        assert words in str(fault.value)
    assert (files_in(run_dir), (run_dir / "last.pt").read_bytes()) == before, (
        "a refused resume leaves nothing"
    )
    assert go_on(data, run_dir, yes=True).step == 8
    assert go_on(data, run_dir).step == 8, "these are its pictures now"


def test_the_folder_of_a_run_is_all_that_resume_needs(run_on_folder):
    data, run_dir = run_on_folder
    base = to_resume(run_dir, None)
    assert base["data"] == str(data) and base["resume"] is True and base["run_dir"] == str(run_dir)
    assert {name: base[name] for name in tiny_config().to_dict()} == tiny_config(data=str(data)).to_dict()
    assert base["checkpoint_every"] == 2 and base["device"] == "cpu" and base["on_bad_image"] == "refuse"
    moved = data.rename(data.with_name("moved"))
    with pytest.raises(DataError, match="are not there; .* --data FOLDER"):
        to_resume(run_dir, None)
    assert to_resume(run_dir, str(moved))["data"] == str(moved)
    colon = moved.rename(moved.with_name("a:b"))
    (run_dir / "config.json").write_text(json.dumps(tiny_config(data=str(colon)).to_dict()))
    assert to_resume(run_dir, None)["data"] == str(colon), "a colon in a path is no preset's"


def test_resume_refuses_before_a_kernel_starts(run_on_folder, monkeypatch):
    data, run_dir = run_on_folder
    monkeypatch.setattr(
        "minicyclegan.course.execution.execute", lambda *a: pytest.fail("the notebook was run")
    )
    before = files_in(run_dir)
    refused("train", "--resume", run_dir / "nothing", words=["there is no run in"])
    refused("train", "--resume", run_dir, "-p", "lambda_cycle=5", words=["lambda_cycle was 10.0, is now 5.0"])
    refused("train", "--resume", run_dir, "--steps", "3", words=["has made 6 steps"])
    refused("train", "seasons", "--resume", run_dir, words=["leave out DATA"])
    data.rename(data.with_name("moved"))
    refused("train", "--resume", run_dir, words=["are not there", "--data FOLDER"])
    assert files_in(run_dir) == before


def test_a_resume_reads_its_checkpoint_for_the_plan_and_for_the_training(run_on_folder, monkeypatch):
    """Once each, and once in the command that refuses; whoever writes a new one in between is noticed."""
    data, run_dir = run_on_folder
    read, read_checkpoint = [], checkpoint_module.read_checkpoint
    monkeypatch.setattr(
        checkpoint_module, "read_checkpoint", lambda path: read.append(path.name) or read_checkpoint(path)
    )
    refused("train", "--resume", run_dir, "--steps", "3", words=["has made 6 steps"])
    assert read == ["last.pt"]
    facts_once.cache_clear()  # a kernel is another process
    assert steps_done(run_dir) == 6
    go_on(data, run_dir)
    assert read == ["last.pt"] * 3
    assert steps_done(run_dir) == 8


# Checkpoints that stay, folders that nobody else takes


def test_a_checkpoint_is_kept_for_good_every_so_many_steps(tmp_path):
    tiny_run(tmp_path / "run", keep_every=2, checkpoint_every=100)
    kept = sorted((tmp_path / "run" / "kept").iterdir())
    assert [path.name for path in kept] == ["step_0000002.pt", "step_0000004.pt", "step_0000006.pt"]
    assert [read_checkpoint(path)["step"] for path in kept] == [2, 4, 6]
    assert_same(read_checkpoint(kept[-1]), read_checkpoint(tmp_path / "run" / "last.pt"))


def test_a_checkpoint_that_was_kept_knows_its_run(tmp_path):
    (tmp_path / "kept").mkdir()
    for name, text in (
        ("config.json", "{}"),
        ("metrics.jsonl", ""),
        ("run.json", '{"on_bad_image": "skip"}'),
    ):
        (tmp_path / name).write_text(text)
    for place in ("last.pt", "kept/step_0000002.pt"):
        assert record_of(tmp_path / place) == {"on_bad_image": "skip"}
    assert record_of(tmp_path.parent / "elsewhere" / "model.pt") == {}


def test_runs_that_start_at_the_same_time_get_folders_of_their_own(tmp_path):
    found, barrier = [], threading.Barrier(8)

    def take():
        barrier.wait()
        found.append(next_free(tmp_path / "runs", "mine"))

    threads = [threading.Thread(target=take) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(path.name for path in found) == [f"mine-{k}" for k in range(1, 9)]


def test_what_is_refused_leaves_no_folder(tmp_path, checkpoint):
    with pytest.raises(CheckpointError):
        tiny_run(tmp_path / "deep" / "run", start_from=checkpoint, base_channels=8)
    (tmp_path / "empty").mkdir()
    with pytest.raises(CheckpointError):
        tiny_run(tmp_path / "empty", start_from=checkpoint, base_channels=8)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty"] and not any(
        (tmp_path / "empty").iterdir()
    )


# From the weights of another run


def test_a_new_run_begins_with_the_networks_of_another(tmp_path, checkpoint):
    lines, other = [], tiny_domains()
    other.train_a = random_pictures(6, 20, 9)
    run = tmp_path / "run"
    tiny_run(
        run, other, start_from=checkpoint, learning_rate=1e-9, steps=1, ema_decay=0.0, progress=lines.append
    )
    assert "starting from the weights of" in "\n".join(lines) and "after its 6 steps" in "\n".join(lines)
    before, after = read_checkpoint(checkpoint)["model"], read_checkpoint(run / "last.pt")["model"]
    assert all(torch.allclose(before[name], after[name], atol=1e-6) for name in before)


def test_weights_to_translate_with_get_new_discriminators_and_it_is_said(tmp_path, checkpoint):
    export_weights(checkpoint, tmp_path / "weights.pt")
    lines = []
    tiny_run(tmp_path / "run", start_from=tmp_path / "weights.pt", steps=1, progress=lines.append)
    assert "the discriminators are new" in "\n".join(lines)


def test_other_networks_are_refused_with_the_difference_named(tmp_path, checkpoint):
    with pytest.raises(
        CheckpointError, match="base_channels is 4 there and 8 here; n_blocks is 1 there and 2 here"
    ):
        tiny_run(tmp_path / "run", start_from=checkpoint, base_channels=8, n_blocks=2)
    refused("train", "seasons", "--from", tmp_path / "no.pt", words=["there is no checkpoint"])
    refused(
        "train",
        "seasons",
        "--from",
        checkpoint,
        "-p",
        "base_channels=8",
        words=["base_channels is 4 there and 8 here"],
    )
