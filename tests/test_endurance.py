"""A run of many steps takes no more memory, files or threads at its end than at its start, and can be read all the while."""

import json
import os
import statistics
import sys
import time
from pathlib import Path

import pytest
from conftest import ROOT, files_in
from forked import Forked
from PIL import Image
from records import record

from minicyclegan.runs.checkpoint import read_checkpoint
from minicyclegan.runs.folder import read_metrics

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="memory and handles are read in /proc"
)

WARM_UP = 0.1  # the first share of the steps, in which caches and pools fill
RISE_MIB, HANDLES = 8.0, 0  # what may be larger at the end than after the warm-up

RUN = """
import sys
sys.path.insert(0, "tests")
import torch
import torchvision.utils  # the first sheet of samples would import it, after the warm-up
from pathlib import Path
from conftest import tiny_run
import minicyclegan.training
torch.set_num_threads(1)
kept, leak = [], sys.argv[3]
train_on = minicyclegan.training.Trainer.train_on
def leaking(trainer, *batch):
    if leak == "memory":
        kept.append(bytearray(100 * 1024))
    if leak == "handles" and trainer.step % 20 == 0:
        kept.append(open(__import__("os").devnull))
    return train_on(trainer, *batch)
if leak:
    minicyclegan.training.Trainer.train_on = leaking
tiny_run(Path(sys.argv[1]), steps=int(sys.argv[2]), batch_size=1, pool_size=10, log_every=10, checkpoint_every=50, sample_every=100)
"""


def memory_mib(process: int) -> float:
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise ProcessLookupError


def watch(run_dir: Path, steps: int, leak: str = "") -> dict:
    """Start a run in a process of its own, look at it several times a second, and read all it writes meanwhile."""
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    process = Forked([sys.executable, "-c", RUN, run_dir, str(steps), leak], cwd=ROOT, env=environment)
    samples, reads, damaged, last_step, started = [], 0, 0, 0, time.monotonic()
    metrics = run_dir / "metrics.jsonl"
    while process.poll() is None:
        time.sleep(0.1)
        if not metrics.exists():
            continue
        try:
            now = [record["step"] for record in read_metrics(metrics)]
            for line in metrics.read_text(encoding="utf-8").split("\n")[:-1]:
                json.loads(line)
            if (run_dir / "last.pt").exists():
                read_checkpoint(run_dir / "last.pt")
            json.loads((run_dir / "config.json").read_text())
            for sheet in sorted((run_dir / "samples").glob("step_*.png"))[-1:]:
                with Image.open(sheet) as picture:
                    picture.load()
        except Exception:
            damaged += 1
            continue
        reads += 1
        damaged += now != sorted(set(now)) or (bool(now) and now[-1] < last_step)
        last_step = now[-1] if now else last_step
        try:
            handles, threads = (len(os.listdir(f"/proc/{process.pid}/{kind}")) for kind in ("fd", "task"))
            samples.append((last_step, memory_mib(process.pid), handles, threads))
        except (ProcessLookupError, FileNotFoundError):  # it has just ended
            pass
    assert process.returncode == 0
    warm = [sample for sample in samples if WARM_UP * steps <= sample[0] < steps]  # at its end it closes all
    fifth = max(1, len(warm) // 5)
    middle = lambda part, column: statistics.median(sample[column] for sample in part)  # noqa: E731
    # The least number of handles: a file that is being written is open for a moment, a leaked one for good
    least = lambda part, column: min(sample[column] for sample in part)  # noqa: E731
    early, late = warm[:fifth], warm[-fifth:]
    return {
        "steps": steps,
        "minutes": round((time.monotonic() - started) / 60, 1),
        "memory_after_warm_up_mib": round(middle(early, 1), 1),
        "memory_at_the_end_mib": round(middle(late, 1), 1),
        "memory_at_most_mib": round(max(sample[1] for sample in warm), 1),
        "rise_mib": round(middle(late, 1) - middle(early, 1), 1),
        "handles_after_warm_up": least(early, 2),
        "handles_at_the_end": least(late, 2),
        "threads_after_warm_up": least(early, 3),
        "threads_at_the_end": least(late, 3),
        "reads_by_another_process": reads,
        "damaged_reads": damaged,
    }


def faults_in(seen: dict) -> list[str]:
    faults = ["memory"] if seen["rise_mib"] > RISE_MIB else []
    faults += ["handles"] if seen["handles_at_the_end"] - seen["handles_after_warm_up"] > HANDLES else []
    faults += ["threads"] if seen["threads_at_the_end"] > seen["threads_after_warm_up"] else []
    return faults + (["reads"] if seen["damaged_reads"] else [])


def require_sound(run_dir: Path, steps: int) -> None:
    assert read_checkpoint(run_dir / "last.pt")["step"] == steps
    assert [record["step"] for record in read_metrics(run_dir / "metrics.jsonl")] == list(
        range(10, steps + 1, 10)
    )
    expected = {"config.json", "metrics.jsonl", "last.pt", "previous.pt", "run.json"}
    expected |= {f"samples/step_{step:07d}.png" for step in range(100, steps + 1, 100)}
    assert set(files_in(run_dir)) == expected


def test_a_run_can_be_read_by_another_process_all_the_while_and_leaks_nothing(tmp_path):
    seen = watch(tmp_path / "run", 200)
    assert seen["reads_by_another_process"] > 5
    assert faults_in(seen) == [], seen
    require_sound(tmp_path / "run", 200)


@pytest.mark.long
@pytest.mark.parametrize("leak", ["memory", "handles"])
def test_a_leak_would_be_seen(tmp_path, leak):
    """100 KiB at each step, or a handle at every twentieth."""
    seen = watch(tmp_path / "run", 400, leak)
    assert faults_in(seen) == [leak], seen


@pytest.mark.long
def test_twenty_thousand_steps_leak_nothing(tmp_path):
    seen = watch(tmp_path / "run", 20_000)
    assert faults_in(seen) == [], seen
    require_sound(tmp_path / "run", 20_000)
    record("endurance", **seen, allowed_rise_mib=RISE_MIB)
