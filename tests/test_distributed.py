"""Training in several processes: what one process computes, in the same run folder, with real torchrun and real signals.

torchrun starts this file itself, with the name of what each process is to do: see `in_each_process` at the end. Python and its
imports take 15 seconds of a processor for torchrun and two processes, so most jobs are forked, torchrun and all, by a process that
has imported everything; one is started as a person would: see `from_the_command_line`.
"""

import gc
import itertools
import json
import os
import select
import signal
import subprocess
import sys
import traceback
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
from click.testing import CliRunner
from conftest import ROOT, files_in, make_folder, random_pictures, tiny_config, tiny_domains, tiny_run
from forked import Forked
from test_losses_and_gradients import compare_with_plain
from test_training import assert_same_run

import minicyclegan.distributed.processes
from minicyclegan import train_distributed
from minicyclegan.data import Domains, ImageFolder, UnpairedBatches
from minicyclegan.datasets.named import load_domains
from minicyclegan.distributed.ddp import ParallelCycleGAN, ParallelTrainer, ShareOfBatches
from minicyclegan.errors import MiniCycleGANError
from minicyclegan.runs.checkpoint import read_checkpoint
from minicyclegan.runs.folder import read_metrics

pytestmark = pytest.mark.skipif(not dist.is_available() or os.name != "posix", reason="gloo and signals")

# A pool of 3 pictures is full after the first step, and asked for 4 at a time
CASES = {
    "as in the paper": {"batch_size": 4},
    "cross-entropy, no identity, no average": {
        "batch_size": 4,
        "gan_mode": "bce",
        "lambda_identity": 0.0,
        "ema_decay": 0.0,
    },
    "noise, identity for half of the steps": {
        "batch_size": 4,
        "cycle_noise": 0.1,
        "discriminator_noise": 0.1,
        "identity_share": 0.5,
    },
    "without a way back": {
        "batch_size": 4,
        "method": "cut",
        "identity_share": 0.5,
        "discriminator_noise": 0.1,
    },
    "one picture each, no pool": {"batch_size": 2, "pool_size": 0, "upsampling": "resize"},
}
SMALL = {**tiny_config(batch_size=4, steps=8).to_dict(), "checkpoint_every": 2, "sample_every": 3}
EVERY_STEP = {"device": "cpu", "precision": "fp32", "log_every": 1, "checkpoint_every": 2, "sample_every": 3}


ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "PYTHONFAULTHANDLER": "1"}
ENVIRONMENT |= {"PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'tests'}"}


def from_the_command_line(processes: int, *words, seconds: int = 120) -> subprocess.CompletedProcess:
    """Start `torchrun -m minicyclegan.train_distributed` and wait for its end."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", processes]
    return subprocess.run(
        [str(word) for word in (*command, "-m", "minicyclegan.train_distributed", *words)],
        cwd=ROOT,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=seconds,
    )


@pytest.fixture(scope="module")
def torchrun(tmp_path_factory):
    """torchrun(processes, what, *words): real torchrun on this file, in a fork of a process that has imported all."""
    folder = tmp_path_factory.mktemp("torchrun")
    server = Forked(
        [sys.executable, __file__, "serve", folder],
        cwd=ROOT,
        env=ENVIRONMENT,
        start_new_session=True,  # whatever is left of a job that hangs ends with it
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )

    def run(processes: int, what: str, *words, seconds: int = 120) -> subprocess.CompletedProcess:
        server.stdin.write(json.dumps([str(word) for word in (processes, what, *words)]) + "\n")
        server.stdin.flush()
        ready, _, _ = select.select([server.stdout], [], [], seconds)
        said = [(folder / name).read_text() for name in ("out", "err")]
        assert ready, f"nothing after {seconds} seconds: {said}"
        return subprocess.CompletedProcess((what, *words), int(server.stdout.readline()), *said)

    yield run
    os.killpg(server.pid, signal.SIGKILL) if server.poll() is None else None
    server.wait()


def options(folder: Path, run_dir: Path, **changes) -> list[str]:
    """The words after `train_distributed` for a tiny run on a folder of pictures."""
    values = {key: value for key, value in (SMALL | {"device": "cpu"} | changes).items() if key != "data"}
    pairs = [word for name, value in values.items() for word in ("-p", f"{name}={json.dumps(value)}")]
    return [str(folder), "-o", str(run_dir), *pairs]


@pytest.fixture(scope="module")
def data_folder(tmp_path_factory) -> Path:
    return make_folder(tmp_path_factory.mktemp("data") / "noise", n=6)


@pytest.fixture(scope="module")
def of_two(torchrun, tmp_path_factory, data_folder) -> Path:
    """What two processes did, all in one start of torchrun: a run folder for each case, and what was refused."""
    folder = tmp_path_factory.mktemp("two")
    tiny_run(
        folder / "begun by one", **CASES["as in the paper"], checkpoint_every=2, stop=StopAfter(folder, 2)
    )
    ended = torchrun(2, "cases", folder, data_folder)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return folder


@pytest.fixture(scope="module")
def of_one(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("one")
    for name, changes in CASES.items():
        tiny_run(folder / name, **changes, checkpoint_every=2, sample_every=3)
    return folder


class StopAfter:
    """A `stop` for train(): set when any run in a folder has written this many lines."""

    def __init__(self, folder: Path, lines: int):
        self.folder, self.lines = folder, lines

    def is_set(self) -> bool:
        return any(
            len(path.read_text().splitlines()) >= self.lines for path in self.folder.glob("*/metrics.jsonl")
        )


def assert_same_losses(found: Path, expected: Path, tolerance: float = 1e-5) -> None:
    """All numbers of all lines are equal up to `tolerance`, relative to them."""
    found, expected = (read_metrics(folder / "metrics.jsonl") for folder in (found, expected))
    assert [list(line) for line in found] == [list(line) for line in expected]
    for line, right in zip(found, expected, strict=True):
        numbers = {name: value for name, value in line.items() if name != "seconds"}
        assert numbers == pytest.approx({name: right[name] for name in numbers}, rel=tolerance, abs=1e-7)


def test_losses_gradients_and_weights_are_those_of_the_oracle(torchrun):
    """In float64, with the same batch in each of two processes: what DDP does with the two directions."""
    ended = torchrun(2, "oracle")
    assert ended.stdout.count("equal") == 2, ended.stdout + ended.stderr


@pytest.mark.parametrize("name", CASES)
def test_two_processes_have_the_losses_of_one_process_at_the_same_global_batch(of_two, of_one, name):
    assert_same_losses(of_two / name, of_one / name)
    assert len(read_metrics(of_two / name / "metrics.jsonl")) == 6


@pytest.mark.parametrize("name", CASES)
def test_two_processes_leave_the_run_folder_and_the_checkpoint_of_one_process(of_two, of_one, name):
    assert files_in(of_two / name) == files_in(of_one / name)
    assert (of_two / name / "config.json").read_bytes() == (of_one / name / "config.json").read_bytes()
    found, right = read_checkpoint(of_two / name / "last.pt"), read_checkpoint(of_one / name / "last.pt")
    assert found.keys() == right.keys() and found["step"] == right["step"] == 6
    assert found["model"].keys() == right["model"].keys()
    for key, weights in right["model"].items():
        if key.endswith("weight"):  # before a norm, a bias changes nothing, and its gradient is only rounding
            torch.testing.assert_close(found["model"][key], weights, rtol=1e-3, atol=2e-5)
    for pool, expected in zip(found["pools"], right["pools"], strict=True):
        assert torch.equal(pool["generator"], expected["generator"]), "another random state"
        assert len(pool["pictures"]) == len(expected["pictures"])
        for picture, other in zip(pool["pictures"], expected["pictures"]):
            torch.testing.assert_close(picture, other, rtol=0, atol=1e-4)


def test_a_run_goes_on_from_two_processes_to_one_and_back_to_two(of_two, of_one):
    assert json.loads((of_two / "chain.json").read_text()) == [2, 4, 6]
    assert_same_losses(of_two / "chain", of_one / "as in the paper")


def test_a_run_that_one_process_began_goes_on_in_two(of_two, of_one):
    assert_same_losses(of_two / "begun by one", of_one / "as in the paper")


def test_a_fault_of_any_process_ends_all_with_one_sentence_of_the_first(of_two):
    heard = json.loads((of_two / "refused.json").read_text())
    assert heard["batch of 3"] == [
        "RunError: batch_size is that of all 2 processes together and must be divisible by 2, but it is 3",
        "exit 1",
    ]
    assert heard["other pictures"] == [
        "RunError: process 1: its parameters or training pictures differ from those of process 0; give all machines the same",
        "exit 1",
    ]
    assert heard["a run that is there"][0].endswith(
        "already holds a run; choose another run_dir, or set resume=true to go on with it"
    )
    assert heard["diverged"][0].startswith(
        "RunError: the loss gan_ba became nan at step 2, which showed number"
    )
    assert all(second == "exit 1" for _, second in heard.values())
    assert not (of_two / "batch of 3").exists() and not (of_two / "other pictures").exists()


def test_a_killed_process_ends_the_job_with_a_sentence_and_the_run_goes_on_to_the_same_bits(
    torchrun, of_two, data_folder, tmp_path
):
    run_dir = tmp_path / "run"
    ended = torchrun(2, "kill", *options(data_folder, run_dir))
    assert ended.returncode == 1
    assert (
        "process 0 stops because another process of this job is gone; torchrun says below which one"
        in ended.stderr
    )
    assert f"{run_dir / 'last.pt'} is whole: go on with the same command and -p resume=true" in ended.stderr
    assert "exitcode  : -9" in ended.stderr.partition("Root Cause")[2]
    assert read_checkpoint(run_dir / "last.pt")["step"] == 4
    ended = from_the_command_line(2, *options(data_folder, run_dir, resume=True))
    assert ended.returncode == 0, ended.stderr
    assert "resuming after step 4 of 8" in ended.stdout and "done: " in ended.stdout
    assert_same_run(run_dir, of_two / "undisturbed")


def test_a_job_that_is_asked_to_stop_leaves_a_checkpoint_of_the_step_it_had_made(
    torchrun, data_folder, tmp_path
):
    run_dir = tmp_path / "run"
    ended = torchrun(2, "terminate", *options(data_folder, run_dir, steps=5000, checkpoint_every=1000))
    assert ended.returncode != 0
    checkpoint = read_checkpoint(run_dir / "last.pt")
    sentence = f"stopped by SIGTERM after step {checkpoint['step']} of 5000; go on with the same command"
    assert ended.stderr.count(sentence) == 1
    assert 3 <= checkpoint["step"] < 1000 and not list(run_dir.glob(".*.tmp"))


def test_without_torchrun_the_program_says_how_to_start_it(tmp_path, monkeypatch):
    monkeypatch.delenv("RANK", raising=False)
    result = CliRunner().invoke(train_distributed.main, ["seasons", "-o", str(tmp_path / "run")])
    assert result.exit_code == 1 and not (tmp_path / "run").exists()
    assert result.output.startswith("minicyclegan: start this with torchrun: torchrun --nproc-per-node 2 -m ")


@pytest.mark.parametrize("world", [1, 2, 4])
@pytest.mark.parametrize("kept", [True, False])
def test_each_process_reads_only_its_part_of_the_batch_of_one_process(monkeypatch, data_folder, world, kept):
    budget = 2**30 if kept else 0
    folders = [ImageFolder(data_folder / part, 20, memory_budget=budget) for part in ("trainA", "trainB")]
    reads = []
    monkeypatch.setattr(
        ImageFolder, "read", lambda self, path, read=ImageFolder.read: reads.append(1) or read(self, path)
    )
    whole = UnpairedBatches(*folders, size=16, batch_size=4, seed=3)
    monkeypatch.setattr(dist, "get_world_size", lambda: world)
    for step in range(4):
        parts = []
        for rank in range(world):
            monkeypatch.setattr(dist, "get_rank", lambda: rank)
            reads.clear()
            parts.append(ShareOfBatches(*folders, size=16, batch_size=4, seed=3).batch(step))
            assert len(reads) == (0 if kept else 2 * 4 // world)
        for domain, right in enumerate(whole.batch(step)):
            assert torch.equal(torch.cat([part[domain] for part in parts]), right)


@pytest.mark.parametrize(
    "device, local_rank, words",
    [
        ("cuda:1", "0", "device must be auto, cuda or cpu for several processes, but it is cuda:1"),
        ("mps", "0", "device must be auto, cuda or cpu for several processes, but it is mps"),
        ("cuda", "2", "this machine has 2 CUDA devices; use --nproc-per-node 2"),
    ],
)
def test_each_process_has_a_gpu_of_its_own_or_a_sentence(monkeypatch, device, local_rank, words):
    """On a machine that claims to have two GPUs; whether nccl then works has never been tried here."""
    monkeypatch.setattr(
        minicyclegan.distributed.processes,
        "choose_device",
        lambda *words: (torch.device(device), torch.float32, ""),
    )
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setenv("LOCAL_RANK", local_rank)
    with pytest.raises(MiniCycleGANError) as refused:
        minicyclegan.distributed.processes.device_of_process(device, "fp32")
    assert str(refused.value) == words


@pytest.mark.long
@pytest.mark.parametrize("processes", [3, 6])
def test_more_processes_have_the_losses_of_one(tmp_path, data_folder, processes):
    changes = {"batch_size": 6, "steps": 20, "cycle_noise": 0.1, "discriminator_noise": 0.1}
    ended = from_the_command_line(processes, *options(data_folder, tmp_path / "many", **changes))
    assert ended.returncode == 0, ended.stderr
    config = tiny_config(**changes, data=str(data_folder))
    tiny_run(
        tmp_path / "one",
        load_domains(data_folder, 16),
        log_every=20,
        data=config.data,
        **changes,
        checkpoint_every=2,
        sample_every=3,
    )
    assert_same_losses(tmp_path / "many", tmp_path / "one", tolerance=1e-4)


# What follows runs in the process that forks, and in each process that torchrun starts


def serve(folder: Path) -> None:
    """Answer each line of JSON, with a number of processes and what they are to do, with the exit code of its torchrun."""
    import torch._dynamo  # noqa: F401  which PyTorch's optimisers import, a second for each process
    import torch.distributed.run

    gc.freeze()
    for line in sys.stdin:
        processes, *words = json.loads(line)
        child = os.fork()
        if child == 0:
            for name, descriptor in (("out", 1), ("err", 2)):
                os.dup2(os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), descriptor)
            forked = ["--standalone", "--nproc-per-node", processes, "--start-method", "fork", "--run-path"]
            code = 1
            try:
                torch.distributed.run.main([*forked, __file__, *words])
                code = 0
            except BaseException:
                traceback.print_exc()
            finally:
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(code)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def cases(folder: Path, data_folder: Path) -> None:
    """All the runs and refusals that the tests above look at."""
    dist.init_process_group("gloo")
    first = dist.get_rank() == 0
    for name, changes in CASES.items():
        train_distributed.train_together(
            tiny_config(**changes), tiny_domains(), folder / name, **EVERY_STEP, progress=silent
        )
    train_distributed.train_together(
        tiny_config(batch_size=4, steps=8, data=str(data_folder)),
        load_domains(data_folder, 16),
        folder / "undisturbed",
        **(EVERY_STEP | {"log_every": 20}),
        progress=silent,
    )

    reached, chain = [], dict(CASES["as in the paper"])
    signals, train_on = [], ParallelTrainer.train_on

    def stopping(trainer, *batch):
        losses = train_on(trainer, *batch)
        if trainer.step == 2 and not first:  # any process may receive it
            signals.append(signal.SIGTERM)
        return losses

    ParallelTrainer.train_on = stopping
    heard(
        train_distributed.train_together,
        tiny_config(**chain),
        tiny_domains(),
        folder / "chain",
        **EVERY_STEP,
        progress=silent,
        signals=signals,
    )
    ParallelTrainer.train_on = train_on
    reached.append(step_of(folder / "chain"))
    if first:
        stop = StopAfter(folder, 10**6)
        stop.is_set = lambda: len(read_metrics(folder / "chain" / "metrics.jsonl")) >= 4
        tiny_run(folder / "chain", resume=True, stop=stop, **chain, checkpoint_every=2, sample_every=3)
    dist.barrier()
    reached.append(step_of(folder / "chain"))
    for name in ("chain", "begun by one"):
        train_distributed.train_together(
            tiny_config(**chain), tiny_domains(), folder / name, **EVERY_STEP, resume=True, progress=silent
        )
    reached.append(step_of(folder / "chain"))

    fewer = Domains(
        random_pictures(6, 20, 1), random_pictures(5, 20, 2), *[random_pictures(4, 16, 3)] * 2, True, []
    )
    wrong = {
        "batch of 3": (tiny_config(batch_size=3), tiny_domains(), "batch of 3"),
        "other pictures": (tiny_config(), tiny_domains() if first else fewer, "other pictures"),
        "a run that is there": (tiny_config(**chain), tiny_domains(), "chain"),
        "diverged": (tiny_config(), tiny_domains(), "diverged"),
    }

    def spoilt(trainer, *batch):
        if trainer.step == 1 and not first:  # the losses are means over all, so all see it at the same time
            trainer.model.discriminator_a.layers[0].weight.data.fill_(float("nan"))
        return train_on(trainer, *batch)

    ParallelTrainer.train_on = spoilt  # the others are refused before their first step
    refused = {
        name: heard(
            train_distributed.train_together, config, domains, folder / run, device="cpu", progress=silent
        )
        for name, (config, domains, run) in wrong.items()
    }
    if first:
        (folder / "chain.json").write_text(json.dumps(reached))
        (folder / "refused.json").write_text(json.dumps(refused))
    dist.destroy_process_group()


def heard(function, *given, **named) -> list[str]:
    """How each process that calls this function ended, in the order of their numbers."""
    try:
        function(*given, **named)
        ended = "no complaint"
    except MiniCycleGANError as error:
        ended = f"{type(error).__name__}: {error}"
    except SystemExit as silent_end:
        ended = f"exit {silent_end.code}"
    everyones = [""] * dist.get_world_size()
    dist.all_gather_object(everyones, ended)
    return everyones


def silent(text: str) -> None:
    pass


def step_of(run_dir: Path) -> int:
    return read_checkpoint(run_dir / "last.pt")["step"]


def in_each_process(what: str, *words: str) -> None:
    torch.set_num_threads(1)
    if what == "cases":
        return cases(*map(Path, words))
    if what == "oracle":
        dist.init_process_group("gloo")
        for mode, identity in itertools.product(("lsgan", "bce"), (0.5, 0.0)):
            compare_with_plain(steps=3, arrange=ParallelCycleGAN, gan_mode=mode, lambda_identity=identity)
        return print("equal", flush=True)
    train_on = ParallelTrainer.train_on

    def disturbed(trainer, *batch):
        if what == "kill" and trainer.step == 5 and os.environ["RANK"] == "1":
            os.kill(os.getpid(), signal.SIGKILL)
        if what == "terminate" and trainer.step == 3 and os.environ["RANK"] == "0":
            os.kill(os.getppid(), signal.SIGTERM)  # torchrun
        return train_on(trainer, *batch)

    ParallelTrainer.train_on = disturbed
    train_distributed.main(list(words))


if __name__ == "__main__":
    serve(Path(sys.argv[2])) if sys.argv[1] == "serve" else in_each_process(*sys.argv[1:])
