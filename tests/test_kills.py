"""A run that is killed at any moment resumes to the same bits; one that is asked to stop stops in good order."""

import errno
import itertools
import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from conftest import LONG, ROOT, files_in, tiny_run
from forked import processes_forked
from records import record
from test_training import assert_same_run
from training_process import TrainingProcesses

from minicyclegan.errors import RunError
from minicyclegan.runs.checkpoint import read_checkpoint, save_checkpoint
from minicyclegan.runs.folder import read_metrics
from minicyclegan.runs.locks import only_one
from minicyclegan.runs.signals import signals_wait

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows has neither fork nor these signals")

KILL = {"steps": 24, "checkpoint_every": 2, "sample_every": 3, "log_every": 1}
KINDS = ("at any time", "in a step", "checkpoint", "sample sheet")


@pytest.fixture(scope="module")
def processes(tmp_path_factory):
    with TrainingProcesses(tmp_path_factory.mktemp("processes") / "log.txt") as processes:
        yield processes


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory) -> Path:
    run_dir = tmp_path_factory.mktemp("undisturbed") / "run"
    tiny_run(run_dir, **KILL)
    return run_dir


def alive(process: int) -> bool:
    try:
        os.kill(process, 0)
        return Path(f"/proc/{process}/stat").read_text().split(") ")[-1][0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False


def lines_in(run_dir: Path) -> int:
    path = run_dir / "metrics.jsonl"
    return path.read_bytes().count(b"\n") if path.exists() else 0


def wait_until(condition, process: int, pause: float = 0.005) -> bool:
    """Wait, looking again after each pause, or as often as possible; False if the process ended before."""
    while not condition():
        if not alive(process):
            return False
        if pause:
            time.sleep(pause)
    return True


def being_written(run_dir: Path) -> str:
    """What the temporary files say: which file was being written when the process was killed."""
    names = [
        path.name for folder in (run_dir, run_dir / "samples") if folder.exists() for path in folder.iterdir()
    ]
    for beginning, what in (
        (".last.pt.", "checkpoint"),
        (".previous.pt.", "checkpoint"),
        (".step_", "sample sheet"),
    ):
        if any(name.startswith(beginning) and name.endswith(".tmp") for name in names):
            return what
    return "other file" if any(name.endswith(".tmp") for name in names) else "step or start"


def kill_many(
    processes, run_dir: Path, undisturbed: Path, kills: int, seed: int, options: dict = KILL
) -> tuple[dict[str, int], int]:
    """Kill a run again and again at random moments, the kinds of moments in turn, resuming each time; compare each time it
    comes to its end."""
    rng, hits, finished, kinds = random.Random(seed), {}, 0, itertools.cycle(KINDS)
    while sum(hits.values()) < kills:
        resume = (run_dir / "metrics.jsonl").exists() or (run_dir / "last.pt").exists()
        kind = next(kinds)
        process = processes.start(run_dir, resume=resume, **options)
        if kind == "at any time":
            time.sleep(rng.uniform(0, 0.5))
        else:
            goal = lines_in(run_dir) + rng.randint(1, 6)
            if wait_until(lambda: lines_in(run_dir) >= goal, process, pause=0):
                if kind == "in a step":
                    time.sleep(rng.uniform(0, 0.03))
                else:
                    wait_until(lambda: being_written(run_dir) == kind, process, pause=0)
        try:
            os.kill(process, signal.SIGKILL)
        except ProcessLookupError:
            pass
        ended = processes.wait()
        assert ended in (0, -signal.SIGKILL), processes.log.read_text()
        if ended == 0:
            assert_same_run(run_dir, undisturbed)
            finished += 1
            run_dir = run_dir.with_name(f"run-{finished}")
            continue
        what = being_written(run_dir)
        hits[what] = hits.get(what, 0) + 1
    processes.start(
        run_dir, resume=(run_dir / "metrics.jsonl").exists() or (run_dir / "last.pt").exists(), **options
    )
    assert processes.wait() == 0, processes.log.read_text()
    assert_same_run(run_dir, undisturbed)
    assert files_in(run_dir) == files_in(undisturbed), "something half-written was left behind"
    return hits, finished + 1


def test_a_run_killed_at_random_moments_ends_with_the_same_bits(processes, undisturbed, tmp_path):
    hits, _ = kill_many(processes, tmp_path / "run", undisturbed, kills=2 * len(KINDS), seed=1)
    assert len(hits) >= 2, f"all kills hit the same thing: {hits}"


@pytest.mark.long
def test_a_run_killed_at_five_hundred_random_moments_ends_with_the_same_bits(processes, tmp_path):
    longer = KILL | {"steps": 120}
    tiny_run(tmp_path / "undisturbed", **longer)
    hits, runs = kill_many(
        processes, tmp_path / "run", tmp_path / "undisturbed", kills=500, seed=2, options=longer
    )
    assert hits.get("checkpoint", 0) >= 20 and hits.get("sample sheet", 0) >= 20, hits
    record(
        "kills", killed=500, while_writing=hits, runs_that_came_to_their_end=runs, other_than_undisturbed=0
    )


def test_the_comparison_notices_a_run_that_was_not_resumed_exactly(processes, undisturbed, tmp_path):
    """The comparison above can fail: one picture in a pool is changed, and the end differs."""
    process = processes.start(tmp_path / "run", **(KILL | {"hang_at": 10}))
    assert wait_until(lambda: lines_in(tmp_path / "run") >= 10, process)
    os.kill(process, signal.SIGKILL)
    processes.wait()
    state = read_checkpoint(tmp_path / "run" / "last.pt")
    state["pools"][0]["pictures"][0].neg_()
    save_checkpoint(tmp_path / "run" / "last.pt", state)
    processes.start(tmp_path / "run", resume=True, **KILL)
    assert processes.wait() == 0
    with pytest.raises(AssertionError):
        assert_same_run(tmp_path / "run", undisturbed)


@pytest.mark.parametrize(
    "name", ["SIGTERM", pytest.param("SIGINT", marks=LONG), pytest.param("SIGHUP", marks=LONG)]
)
def test_a_signal_ends_the_run_after_the_step_with_a_checkpoint(processes, undisturbed, tmp_path, name):
    """Not one finished step is lost, although the next regular checkpoint is far away."""
    number, run_dir = getattr(signal, name), tmp_path / "run"
    options = KILL | {"checkpoint_every": 1000, "hang_at": 7}
    process = processes.start(run_dir, **options)
    assert wait_until(lambda: lines_in(run_dir) >= 5, process)
    os.kill(process, number)
    # It stops by itself after the present step; else it waits in step 7 for nothing
    if lines_in(run_dir) < 7:
        time.sleep(0.2)
    if alive(process) and lines_in(run_dir) >= 7:
        os.kill(process, signal.SIGKILL)
        processes.wait()
        pytest.skip("this machine was too slow to send the signal in time")
    ended = processes.wait()
    assert ended == (130 if name == "SIGINT" else -number)
    steps = read_checkpoint(run_dir / "last.pt")["step"]
    assert steps == read_metrics(run_dir / "metrics.jsonl")[-1]["step"]
    assert (
        f"stopped after step {steps} of {KILL['steps']}; resume=true continues from here"
        in processes.log.read_text()
    )
    processes.start(run_dir, resume=True, **KILL)
    assert processes.wait() == 0
    assert_same_run(run_dir, undisturbed)


def test_the_same_signal_twice_ends_a_step_that_hangs(processes, tmp_path):
    run_dir = tmp_path / "run"
    process = processes.start(run_dir, **(KILL | {"hang_at": 4}))
    # So the checkpoint of step 4 is being written
    assert wait_until((run_dir / "previous.pt").exists, process)
    assert wait_until(lambda: read_checkpoint(run_dir / "last.pt")["step"] == 4, process)
    time.sleep(0.5)  # now it is in the step that hangs
    os.kill(process, signal.SIGINT)
    time.sleep(0.2)
    assert alive(process), "the first signal waits for the end of the step"
    os.kill(process, signal.SIGINT)
    assert processes.wait() == 130
    assert read_checkpoint(run_dir / "last.pt")["step"] == 4


def test_signals_that_are_ignored_stay_ignored_and_handlers_come_back():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # nohup
    interrupt = signal.getsignal(signal.SIGINT)
    try:
        with signals_wait() as noted:
            os.kill(os.getpid(), signal.SIGHUP)
            assert signal.getsignal(signal.SIGINT) is not interrupt
        assert noted == [] and signal.getsignal(signal.SIGINT) is interrupt
        with pytest.raises(KeyboardInterrupt), signals_wait() as noted:
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.01)
            assert noted == [signal.SIGINT]
        assert signal.getsignal(signal.SIGINT) is interrupt
        with pytest.raises(RunError), signals_wait():
            raise RunError("an error comes through, and the handlers come back")
        assert signal.getsignal(signal.SIGINT) is interrupt
    finally:
        signal.signal(signal.SIGHUP, before)


def test_outside_of_the_main_thread_signals_are_left_alone():
    seen = []

    def work():
        with signals_wait() as noted:
            seen.append((noted, signal.getsignal(signal.SIGINT)))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [([], signal.getsignal(signal.SIGINT))]


def answer_to(message_id: str, client) -> dict:
    """The reply to one message. A kernel that was slow to start may still have others waiting, about itself."""
    while True:
        reply = client.get_shell_msg(timeout=60)
        if reply["parent_header"].get("msg_id") == message_id:
            return reply["content"]


def test_jupyters_interrupt_ends_after_the_step_with_a_checkpoint(undisturbed, tmp_path):
    """A kernel, interrupted as the button does it; that of the command below is started as always, and not forked."""
    from jupyter_client.manager import start_new_kernel

    from minicyclegan.course.execution import kernel_here

    with processes_forked():
        manager, client = start_new_kernel(kernel_name=kernel_here(), cwd=str(ROOT))
    try:
        options = KILL | {"checkpoint_every": 1000}
        asked = client.execute(
            "import sys, time; sys.path.insert(0, 'tests')\nimport torch; torch.set_num_threads(1)\n"
            # Slowly, so that a quick machine is not done before the interrupt comes
            "from minicyclegan.training import Trainer\nstep = Trainer.train_on\n"
            "Trainer.train_on = lambda self, *batch: (time.sleep(0.3), step(self, *batch))[1]\n"
            f"from pathlib import Path\nfrom conftest import tiny_run\ntiny_run(Path({str(tmp_path / 'run')!r}), **{options})"
        )
        while lines_in(tmp_path / "run") < 3:
            time.sleep(0.01)
        manager.interrupt_kernel()
        reply = answer_to(asked, client)
        assert reply["status"] == "error" and reply["ename"] == "KeyboardInterrupt"
        # What arrives in the moment after an error is turned away, as by Jupyter itself when cells wait behind it
        answers = (answer_to(client.execute("print(1)"), client)["status"] for _ in range(20))
        assert next(status for status in answers if status != "aborted") == "ok", "the kernel must live on"
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    steps = read_checkpoint(tmp_path / "run" / "last.pt")["step"]
    assert (
        3 <= steps < KILL["steps"] and steps == read_metrics(tmp_path / "run" / "metrics.jsonl")[-1]["step"]
    )
    tiny_run(tmp_path / "run", resume=True, **KILL)
    assert_same_run(tmp_path / "run", undisturbed)


COMMAND = [sys.executable, "-m", "minicyclegan.cli", "train", "seasons", "-o", "run"]
COMMAND += [
    f"-p{pair}" for pair in ("image_size=16", "steps=3000", "batch_size=1", "base_channels=4", "n_blocks=1")
]
COMMAND += [
    f"-p{pair}"
    for pair in ("discriminator_channels=4", "discriminator_layers=2", "sample_every=20", "device=cpu")
]


@pytest.mark.parametrize("name", ["SIGINT", pytest.param("SIGTERM", marks=LONG)])
def test_a_signal_to_the_command_reaches_the_kernel_and_says_how_to_go_on(tmp_path, name):
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    command = subprocess.Popen(
        [*COMMAND, "-pcheckpoint_every=1000"],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,  # only the command gets the signal, not its kernel
    )
    while lines_in(tmp_path / "run") < 2 and command.poll() is None:
        time.sleep(0.01)
    command.send_signal(getattr(signal, name))
    output, error = command.communicate(timeout=120)
    assert command.returncode == 128 + getattr(signal, name), output + error
    last = error.strip().split("\n")[-1]
    assert (
        last.startswith(f"minicyclegan: stopped by {name}")
        and "--resume" in last
        and "Traceback" not in error
    )
    steps = read_checkpoint(tmp_path / "run" / "last.pt")["step"]
    assert 0 < steps < 3000 and f"stopped after step {steps} of 3000" in output
    assert "07_train.ipynb" in files_in(tmp_path / "run")


# Two runs in one folder


def test_a_second_run_in_the_same_folder_is_refused_and_the_first_is_not_disturbed(
    processes, undisturbed, tmp_path
):
    run_dir = tmp_path / "run"
    process = processes.start(run_dir, **(KILL | {"hang_at": 3, "until": str(tmp_path / "refused")}))
    assert wait_until(lambda: lines_in(run_dir) >= 3, process)
    for resume, sentence in ((True, "another process is training in"), (False, "already holds a run")):
        with pytest.raises(RunError, match=sentence) as refused:
            tiny_run(run_dir, resume=resume, **KILL)
        assert "\n" not in str(refused.value) and str(run_dir) in str(refused.value)
    (tmp_path / "refused").touch()  # only now does the first go on
    assert processes.wait() == 0
    assert_same_run(run_dir, undisturbed)


def test_a_folder_that_another_process_has_just_taken_is_refused_before_its_first_line(tmp_path):
    (tmp_path / "run").mkdir()
    with only_one(tmp_path / "run" / ".lock", "busy"):
        with pytest.raises(RunError, match="another process is training in"):
            tiny_run(tmp_path / "run")
    tiny_run(tmp_path / "run")


def test_the_lock_of_a_killed_process_holds_nobody_up(processes, undisturbed, tmp_path):
    process = processes.start(tmp_path / "run", **(KILL | {"hang_at": 3}))
    assert wait_until(lambda: lines_in(tmp_path / "run") >= 3, process)
    os.kill(process, signal.SIGKILL)
    processes.wait()
    assert (tmp_path / "run" / ".lock").exists()
    tiny_run(tmp_path / "run", resume=True, **KILL)
    assert_same_run(tmp_path / "run", undisturbed)
    assert not (tmp_path / "run" / ".lock").exists()


@pytest.fixture(scope="module")
def straight(tmp_path_factory) -> Path:
    run_dir = tmp_path_factory.mktemp("straight") / "run"
    tiny_run(run_dir, checkpoint_every=2)
    return run_dir


@pytest.mark.parametrize(
    "moment", ["before the line", "between the line and the checkpoint", "after the checkpoint"]
)
def test_killed_around_a_checkpoint_no_line_of_the_metrics_is_lost(tmp_path, straight, monkeypatch, moment):
    """Found by five hundred kills: a checkpoint that was written before its line left a gap in the metrics."""
    import minicyclegan.samples as samples
    import minicyclegan.training as training

    append_line, save_next = samples.append_line, training.save_next

    def line(path, text):
        if moment == "before the line" and '"step": 4' in text:
            raise KeyboardInterrupt
        append_line(path, text)

    def save(run_dir, state, for_good=False):
        if moment == "between the line and the checkpoint" and state["step"] == 4:
            raise KeyboardInterrupt
        save_next(run_dir, state)
        if moment == "after the checkpoint" and state["step"] == 4:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(samples, "append_line", line)
        patch.setattr(training, "save_next", save)
        tiny_run(tmp_path / "run", checkpoint_every=2)
    tiny_run(tmp_path / "run", checkpoint_every=2, resume=True)
    assert_same_run(tmp_path / "run", straight)


def test_a_drive_without_locks_is_better_without_one_than_not_at_all(tmp_path, monkeypatch):
    def refuse(lock):
        raise OSError(number, "no locks here")

    monkeypatch.setattr("filelock.FileLock.acquire", refuse)
    number = errno.ENOLCK
    with only_one(tmp_path / ".lock", "busy"):
        pass
    number = errno.EACCES
    with pytest.raises(OSError, match="no locks here"), only_one(tmp_path / ".lock", "busy"):
        pass
