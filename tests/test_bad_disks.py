"""Disks that fill up, are read-only, or lose the run's folder: for real, on a small disk of the test's own."""

import json
import os
import shutil
import subprocess
import sys
import time

import pytest
from conftest import ROOT, files_in, make_folder, tiny_run
from test_cli import refused as command_refused
from test_training import AfterSteps, assert_same_run

import minicyclegan
from minicyclegan.cyclegan import CycleGAN
from minicyclegan.data import load_folder
from minicyclegan.errors import RunError
from minicyclegan.runs.checkpoint import read_checkpoint
from minicyclegan.runs.files import write_file

# Runs in a mount namespace of its own, where it may mount small disks in memory, and without root's right to write everywhere.
ON_A_SMALL_DISK = """
import gc
gc.disable()  # what an import makes stays: looking for rubbish among it takes a sixth of the time
import json, os, subprocess, sys, traceback
from functools import partial
from pathlib import Path
sys.path.insert(0, "tests")
import torch, torch._dynamo
from conftest import files_in, tiny_run
from test_training import assert_same_run
from minicyclegan.runs.checkpoint import read_checkpoint
from minicyclegan.errors import RunError
gc.freeze(), gc.enable()

import minicyclegan.training
torch.set_num_threads(1)
folder, straight = Path(sys.argv[1]), Path(sys.argv[2])
options = {"checkpoint_every": 2, "sample_every": 2}
minicyclegan.training.Progress = partial(minicyclegan.training.Progress, every=0.0)

def on_a_disk(what):
    disk = folder / what
    disk.mkdir()
    run_dir = disk / "run"
    mount = lambda *options: subprocess.run(["mount", *options, str(disk)], check=True)
    mount("-t", "tmpfs", "-o", "size=8m", "none")

    def at_step_4(line):
        if line.startswith("step      4/6"):
            if what == "full":
                filler = os.open(disk / "filler", os.O_WRONLY | os.O_CREAT)
                try:
                    while True:
                        os.write(filler, bytes(4096))
                except OSError:
                    os.close(filler)
            elif what == "read-only":
                mount("--bind", str(disk))  # on top of it, because the run holds a file open below
                mount("-o", "remount,ro,bind")
            elif what == "not allowed":
                os.chmod(run_dir, 0o555), os.chmod(run_dir / "samples", 0o555)

    if what == "not allowed from the start":
        os.chmod(disk, 0o555)
    if what == "read-only from the start":
        mount("-o", "remount,ro")
    result = {"sentence": None}
    try:
        tiny_run(run_dir, progress=at_step_4, **options)
    except RunError as error:
        result["sentence"] = str(error)
    result["left over"] = [name for name in files_in(disk) if name.endswith(".tmp")]
    if "start" in what:
        result["files"] = files_in(disk)
    else:
        result["last.pt"] = read_checkpoint(run_dir / "last.pt")["step"]
        if what == "full":
            (disk / "filler").unlink()
        elif what == "read-only":
            subprocess.run(["umount", str(disk)], check=True)
        else:
            os.chmod(run_dir, 0o755), os.chmod(run_dir / "samples", 0o755)
        tiny_run(run_dir, resume=True, **options)
        assert_same_run(run_dir, straight)
        result["resumed to the same bits"] = True
        result["files"] = files_in(run_dir)
    return result

for what in sys.argv[3:]:
    try:
        print("RESULT", json.dumps([what, on_a_disk(what)]), flush=True)
    except Exception:
        traceback.print_exc()
"""


@pytest.fixture(scope="module")
def on_small_disks(request, tmp_path_factory):
    """What became of the cases that are tried, each on a disk of its own, all in one process: its imports take seconds.

    Skips where this machine lets nobody mount a disk.
    """
    folder = tmp_path_factory.mktemp("disks")
    alone = ["unshare", "-m", "setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-all"]
    try:
        probe = [*alone, "mount", "-t", "tmpfs", "none", str(folder)]
        may = subprocess.run(probe, capture_output=True).returncode == 0
    except FileNotFoundError:
        may = False
    if not may:
        pytest.skip("mounting a small disk needs Linux, util-linux and root")
    asked = [
        item.callspec.params["what"]
        for item in request.session.items
        if item.path == request.path and "on_small_disks" in item.fixturenames
    ]
    straight = tmp_path_factory.mktemp("straight") / "run"
    tiny_run(straight, checkpoint_every=2, sample_every=2)
    command = [*alone, sys.executable, "-c", ON_A_SMALL_DISK, folder, straight, *asked]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    lines = [line for line in done.stdout.splitlines() if line.startswith("RESULT ")]
    found = dict(json.loads(line.removeprefix("RESULT ")) for line in lines)

    def result_of(what: str) -> dict:
        assert what in found, done.stdout + done.stderr
        return found[what]

    return result_of


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("full", "the disk is full"),
        ("read-only", "that disk is read-only"),
        ("not allowed", "writing is not allowed there"),
    ],
)
def test_a_disk_that_fails_during_the_run_costs_one_sentence_and_no_checkpoint(on_small_disks, what, words):
    """The newest checkpoint stays whole, nothing half-written is left, and the run goes on to the same bits afterwards."""
    result = on_small_disks(what)
    assert result["sentence"].startswith("cannot write ") and words in result["sentence"]
    assert "\n" not in result["sentence"]
    assert result["last.pt"] == 4
    assert result["left over"] == []
    assert result["resumed to the same bits"]
    assert "previous.pt" in result["files"] and ".lock" not in result["files"]


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("read-only from the start", "Read-only file system"),
        ("not allowed from the start", "Permission denied"),
    ],
)
def test_a_folder_that_cannot_be_written_is_refused_before_anything_runs(on_small_disks, what, words):
    result = on_small_disks(what)
    assert result["sentence"].startswith("cannot make the run folder ") and words in result["sentence"]
    assert result["files"] == []


def test_a_disk_without_room_for_the_checkpoints_is_refused_before_the_first_step(tmp_path, monkeypatch):
    """The predicted size is that of the real checkpoint, within a tenth."""
    tiny_run(tmp_path / "run", base_channels=32, discriminator_channels=32, checkpoint_every=2)
    size = (tmp_path / "run" / "last.pt").stat().st_size
    usage = shutil.disk_usage(tmp_path)
    for share, fits in ((2.7, False), (3.3, True)):
        monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=int(share * size)))
        run_dir = tmp_path / f"with {share}"
        if fits:
            tiny_run(run_dir, base_channels=32, discriminator_channels=32, steps=1)
            continue
        with pytest.raises(RunError, match="MiB left, but this run needs .* MiB for its checkpoints"):
            tiny_run(run_dir, base_channels=32, discriminator_channels=32, steps=1)
        assert files_in(run_dir) == []
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=int(1.3 * size)))
    tiny_run(tmp_path / "run", base_channels=32, discriminator_channels=32, checkpoint_every=2, resume=True)


def test_the_command_refuses_such_a_disk_before_a_kernel_starts(tmp_path, monkeypatch):
    monkeypatch.setattr(
        "minicyclegan.course.execution.started_kernel", lambda *a: pytest.fail("a kernel was started")
    )
    monkeypatch.chdir(tmp_path)
    usage, words = shutil.disk_usage(tmp_path), ["MiB left, but this run needs", "MiB for its checkpoints"]
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=2**20))
    command_refused("train", words=words)
    command_refused("train", "-o", tmp_path / "deep" / "run", words=words)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=2**30))
    command_refused("train", "--keep-every", "1", words=words)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("what", ["removed", "moved", "samples removed", "replaced by a file"])
def test_a_folder_that_goes_away_under_the_run_ends_it_with_one_sentence(tmp_path, monkeypatch, what):
    run_dir, train_on = tmp_path / "run", minicyclegan.training.Trainer.train_on

    def lose_folder(trainer, *batch):
        if trainer.step == 4:
            if what == "moved":
                run_dir.rename(tmp_path / "elsewhere")
            else:
                shutil.rmtree(run_dir / "samples" if what == "samples removed" else run_dir)
            if what == "replaced by a file":
                run_dir.write_text("something else")
        return train_on(trainer, *batch)

    with monkeypatch.context() as patch:
        patch.setattr(minicyclegan.training.Trainer, "train_on", lose_folder)
        with pytest.raises(RunError, match="cannot write ") as refused:
            tiny_run(run_dir, checkpoint_every=2, sample_every=2)
    assert "\n" not in str(refused.value)
    if what != "replaced by a file":
        assert "its folder is gone" in str(refused.value)
    if what in ("moved", "samples removed"):
        kept = tmp_path / "elsewhere" if what == "moved" else run_dir
        assert read_checkpoint(kept / "last.pt")["step"] == 4
        tiny_run(kept, resume=True, checkpoint_every=2, sample_every=2)
        tiny_run(tmp_path / "straight", checkpoint_every=2, sample_every=2)
        if what == "samples removed":  # the early sheets are gone for good, and nothing else is
            shutil.copytree(tmp_path / "straight" / "samples", kept / "samples", dirs_exist_ok=True)
        assert_same_run(kept, tmp_path / "straight")
    elif what == "removed":
        assert not run_dir.exists(), "a folder that somebody removed must not come back half filled"


def test_a_clock_that_is_set_back_changes_nothing(tmp_path, monkeypatch):
    """Neither the wall clock nor the dates of files decide anything: a run ends the same, with durations that are not negative."""
    tiny_run(tmp_path / "straight", checkpoint_every=2)
    started = time.time()
    calls = iter(range(10**9))
    monkeypatch.setattr(time, "time", lambda: started - 3600 * next(calls))
    lines = []
    tiny_run(tmp_path / "run", checkpoint_every=2, stop=AfterSteps(4), progress=lines.append)
    for name, date in (("last.pt", 0), ("previous.pt", started + 10**6), ("metrics.jsonl", 1)):
        os.utime(tmp_path / "run" / name, (date, date))  # the older checkpoint seems to be from the future
    tiny_run(tmp_path / "run", checkpoint_every=2, resume=True, progress=lines.append)
    assert "resuming after step 4 of 6" in lines
    assert_same_run(tmp_path / "run", tmp_path / "straight")
    for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines():
        assert json.loads(line)["seconds"] >= 0


def test_what_a_killed_process_left_half_written_is_cleared_away_by_the_next(tmp_path):
    tiny_run(tmp_path / "run", checkpoint_every=2, stop=AfterSteps(3))
    for name in (
        ".last.pt.999.tmp",
        ".previous.pt.1.tmp",
        ".metrics.jsonl.7.tmp",
        "samples/.step_0000002.png.5.tmp",
    ):
        (tmp_path / "run" / name).write_bytes(b"half")
    (tmp_path / "run" / "notes.tmp").write_text("mine")
    tiny_run(tmp_path / "run", checkpoint_every=2, resume=True)
    assert [name for name in files_in(tmp_path / "run") if name.endswith(".tmp")] == ["notes.tmp"]


def test_a_name_that_no_file_can_have_is_no_missing_folder(tmp_path):
    with pytest.raises(RunError, match="cannot write ") as refused:
        write_file(tmp_path / ("x" * 300), lambda file: file.write(b"x"))
    assert "folder is gone" not in str(refused.value)


# Numbers gone wrong: which step, which pictures, what now


def poisoned(monkeypatch, step: int, value: float, precisions=("fp32", "bf16")) -> None:
    """The cycle loss of training step `step` (from 0), and of no other, is multiplied by `value`."""
    train_on, one_direction = minicyclegan.training.Trainer.train_on, CycleGAN.one_direction
    now = {}

    def count(trainer, *batch):
        now["step"], now["precision"] = trainer.step, "fp32" if "32" in str(trainer.model.dtype) else "bf16"
        return train_on(trainer, *batch)

    def direction(*given):
        losses, fake = one_direction(*given)
        hit = now["step"] == step and now["precision"] in precisions
        return losses | {"cycle": losses["cycle"] * (value if hit else 1.0)}, fake

    monkeypatch.setattr(minicyclegan.training.Trainer, "train_on", count)
    monkeypatch.setattr(CycleGAN, "one_direction", direction)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("log_every", [1, 3, 100])
def test_a_loss_gone_wrong_is_reported_with_its_step_its_pictures_and_the_last_sound_checkpoint(
    tmp_path, monkeypatch, log_every, value
):
    """Also when it is noticed many steps later, because losses are seldom read."""
    domains = load_folder(make_folder(tmp_path / "noise", n=7), 16)
    batches = minicyclegan.UnpairedBatches(domains.train_a, domains.train_b, 16, 2, seed=0)
    poisoned(monkeypatch, 6, value)
    options = dict(steps=30, checkpoint_every=5, sample_every=1000, log_every=log_every)
    with pytest.raises(RunError) as refused:
        tiny_run(tmp_path / "run", domains, **options)
    text = str(refused.value)
    assert (
        text.startswith("the loss cycle became ") and " at step 7, which showed " in text and "\n" not in text
    )
    names = [repr(domains.train_a.paths[i].name) for i in batches.indices(0, 6)]
    assert f"{', '.join(names)} of A" in text
    names = [repr(domains.train_b.paths[i].name) for i in batches.indices(1, 6)]
    assert f"{', '.join(names)} of B" in text
    assert "last.pt is sound, from step 5" in text and "learning rate is too high" in text
    state = read_checkpoint(tmp_path / "run" / "last.pt")
    assert state["step"] == 5 and all(weight.isfinite().all() for weight in state["model"].values())


def test_a_loss_gone_wrong_before_the_first_checkpoint_says_that_there_is_none(tmp_path, monkeypatch):
    poisoned(monkeypatch, 1, float("nan"))
    with pytest.raises(
        RunError,
        match="at step 2, which showed number .* of A and number .* of B; there is no checkpoint yet",
    ):
        tiny_run(tmp_path / "run", checkpoint_every=4)


def test_a_file_name_with_a_newline_stays_on_one_line(tmp_path, monkeypatch):
    folder = make_folder(tmp_path / "noise", n=2)
    (folder / "trainA" / "0.png").rename(folder / "trainA" / "first\nsecond\x1b[31m.png")
    poisoned(monkeypatch, 0, float("nan"))
    with pytest.raises(RunError) as refused:
        tiny_run(tmp_path / "run", load_folder(folder, 16))
    assert "\n" not in str(refused.value) and "\x1b" not in str(refused.value)
    assert "first\\nsecond" in str(refused.value)


def test_a_bf16_run_gone_wrong_recovers_in_fp32_from_its_last_checkpoint(tmp_path, monkeypatch):
    poisoned(monkeypatch, 4, float("nan"), precisions=("bf16",))
    with pytest.raises(RunError, match="first resume with precision=fp32") as refused:
        tiny_run(tmp_path / "run", precision="bf16", checkpoint_every=2)
    assert "last.pt is sound, from step 4" in str(refused.value)
    trainer = tiny_run(tmp_path / "run", precision="fp32", checkpoint_every=2, resume=True)
    assert trainer.step == 6 and read_checkpoint(tmp_path / "run" / "last.pt")["step"] == 6
    assert all(weight.isfinite().all() for weight in trainer.model.state_dict().values())
    with pytest.raises(RunError, match="first start again with precision=fp32"):
        poisoned(monkeypatch, 0, float("nan"))
        tiny_run(tmp_path / "other", precision="bf16")


def test_a_resume_after_the_pictures_went_away_says_so_and_keeps_the_run(tmp_path):
    """The data set is read before the run's folder is touched."""
    folder = make_folder(tmp_path / "noise")
    tiny_run(tmp_path / "run", load_folder(folder, 16), stop=AfterSteps(3))
    before = {name: (tmp_path / "run" / name).read_bytes() for name in files_in(tmp_path / "run")}
    shutil.rmtree(folder / "trainB")
    with pytest.raises(minicyclegan.DataError, match="trainB"):
        tiny_run(tmp_path / "run", load_folder(folder, 16), resume=True)
    assert {name: (tmp_path / "run" / name).read_bytes() for name in files_in(tmp_path / "run")} == before
