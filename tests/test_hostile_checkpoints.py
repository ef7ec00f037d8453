"""Checkpoints from anywhere: whatever is in the file, nothing is executed and one clear sentence comes out.

This file is also the program of the process that reads them, so that a crash, a hang, a command that is run and the memory
that is taken can be seen and assigned to one file.
"""

import copy
import functools
import io
import json
import os
import pickle
import random
import resource
import select
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import torch
from conftest import LONG, ROOT, tiny_config, tiny_run
from forked import Forked, processes_forked
from mutations import mutate
from records import record

BOUND_MIB = (
    300  # what reading may take on top of an idle Python with torch; the checkpoints here have 0.3 MiB
)
SECONDS = 60  # a file that takes longer hangs


# The process that reads


def read_one(path: Path) -> tuple[str, str]:
    """Everything that can be done with a checkpoint; what came out, and the sentence."""
    import minicyclegan
    from minicyclegan.errors import MiniCycleGANError
    from minicyclegan.runs.checkpoint import export_weights, read_checkpoint

    verdicts, sentences = [], []
    run_dir = path.parent / "run"
    for act in (
        lambda: read_checkpoint(path),
        lambda: minicyclegan.load(path),
        lambda: export_weights(path, path.parent / "weights.pt"),
        lambda: tiny_run(run_dir, resume=True, checkpoint_every=2),
    ):
        run_dir.mkdir(exist_ok=True)
        (run_dir / "last.pt").unlink(missing_ok=True)
        (run_dir / "last.pt").symlink_to(path)
        (run_dir / "config.json").write_text("{}")
        try:
            act()
            verdicts.append("accepted")
            sentences.append("")
        except MiniCycleGANError as error:
            clear = "\n" not in str(error) and str(error).isprintable() and 20 < len(str(error)) < 700
            verdicts.append("refused" if clear else "unclear")
            sentences.append(str(error))
        except BaseException as error:
            verdicts.append("wrong")
            sentences.append(f"{type(error).__name__}: {error}")
        for left in run_dir.rglob("*"):
            if left.is_file() or left.is_symlink():
                left.unlink()
        (path.parent / "weights.pt").unlink(missing_ok=True)
    return ",".join(verdicts), " | ".join(sentences)


def read_all() -> None:
    """Answer each path on the standard input with a line of JSON."""
    torch.set_num_threads(1)
    watching, seen = [False], []
    dangerous = (
        "os.system",
        "subprocess.Popen",
        "os.exec",
        "os.posix_spawn",
        "os.fork",
        "socket.",
        "ctypes.dlopen",
        "exec",
    )

    def watch(event, details):
        if watching[0] and event.startswith(dangerous):
            # dataclasses and torch compile code of their own; only code from the file would have no file name of a module
            name = getattr(details[0], "co_filename", "") if event == "exec" else ""
            if not (event == "exec" and (name.endswith(".py") or name.startswith("<frozen"))):
                seen.append(f"{event} {name or details[:1]}")

    sys.addaudithook(watch)
    reports = os.fdopen(os.dup(1), "w", buffering=1)
    for line in sys.stdin:
        path = Path(json.loads(line))
        read_one(path) if not watching[0] else None  # the first time triggers the late imports
        seen.clear()
        watching[0] = True
        verdict, sentence = read_one(path)
        if seen:  # a module that was imported late also executes text, but only once; a command from the file would come again
            seen.clear()
            read_one(path)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        reports.write(json.dumps([verdict, sentence, sorted(set(seen)), peak]) + "\n")


class Reader:
    """Sends files to the reading process, and starts a new one when it has crashed or hangs."""

    def __init__(self):
        self.process, self.peak = None, 0.0

    def start(self):
        environment = os.environ | {
            "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'tests'}",
            "OMP_NUM_THREADS": "1",
        }
        self.process = Forked(
            [sys.executable, __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )

    def read(self, path: Path) -> tuple[str, str, list]:
        if self.process is None or self.process.poll() is not None:
            self.start()
        self.process.stdin.write(json.dumps(str(path)) + "\n")
        self.process.stdin.flush()
        ready, _, _ = select.select([self.process.stdout], [], [], SECONDS)
        line = self.process.stdout.readline() if ready else ""
        if not line:
            self.process.kill()
            self.process.wait()
            return ("hang" if not ready else f"crash {self.process.returncode}"), "", []
        verdict, sentence, seen, self.peak = json.loads(line)
        return verdict, sentence, seen


@pytest.fixture(scope="module")
def reader():
    if not hasattr(select, "poll"):
        pytest.skip("Windows cannot wait for a pipe")
    reader = Reader()
    yield reader
    if reader.process is not None:
        reader.process.kill()
        reader.process.wait()


@pytest.fixture(scope="module")
def good(tmp_path_factory) -> Path:
    """The checkpoint of a run that was stopped before its end."""
    folder = tmp_path_factory.mktemp("good")
    tiny_run(folder, checkpoint_every=4)
    return folder / "previous.pt"


def saved(state) -> bytes:
    buffer = io.BytesIO()
    torch.save(state, buffer)
    return buffer.getvalue()


def test_the_undamaged_checkpoint_is_accepted_by_every_use_of_it(reader, good, tmp_path):
    (tmp_path / "x.pt").write_bytes(good.read_bytes())
    assert reader.read(tmp_path / "x.pt")[0] == "accepted,accepted,accepted,accepted"


# Damaged bytes


def damaged_bytes(reader, good: Path, folder: Path, count: int, seed: int) -> dict:
    """Each mutant is refused by every use of it; one that is read must hold exactly the original's values."""
    from test_training import assert_same

    from minicyclegan.runs.checkpoint import read_checkpoint

    original, state, rng = good.read_bytes(), read_checkpoint(good), random.Random(seed)
    found = {
        "mutants": count,
        "refused": 0,
        "damage_in_unused_bytes": 0,
        "wrong_exceptions": 0,
        "crashes": 0,
        "hangs": 0,
    }
    problems = []
    for number in range(count):
        kind, content = mutate(original, rng)
        path = folder / "mutant.pt"
        path.write_bytes(content)
        verdict, sentence, seen = reader.read(path)
        if seen:
            problems.append((number, kind, "executed", seen))
        if verdict == "refused,refused,refused,refused":
            found["refused"] += 1
        elif verdict == "accepted,accepted,accepted,accepted":
            assert_same(read_checkpoint(path), state)
            found["damage_in_unused_bytes"] += 1
        else:
            found[
                "hangs" if verdict == "hang" else "crashes" if "crash" in verdict else "wrong_exceptions"
            ] += 1
            problems.append((number, kind, verdict, sentence))
    assert problems == []
    return found


def test_a_hundred_damaged_checkpoints_are_refused_with_one_sentence(reader, good, tmp_path):
    found = damaged_bytes(reader, good, tmp_path, 100, seed=1)
    assert found["refused"] > 80


@pytest.mark.long
def test_two_thousand_damaged_checkpoints_are_refused_with_one_sentence(reader, good, tmp_path):
    found = damaged_bytes(reader, good, tmp_path, 2000, seed=2)
    assert reader.peak < memory_of_an_idle_process() + BOUND_MIB
    memory = {"idle_process_mib": round(memory_of_an_idle_process()), "peak_mib": round(reader.peak)}
    record("checkpoints", **found, executed=0, **memory, bound_above_idle_mib=BOUND_MIB)


@functools.cache
def memory_of_an_idle_process() -> float:
    ask = "import torch, torchvision, minicyclegan, resource; print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)"
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    with processes_forked():  # as the one that reads is
        done = subprocess.run([sys.executable, "-c", ask], env=environment, capture_output=True, text=True)
    return float(done.stdout)


# Sound archives with hostile content


# Neighbours in these lists are of one kind: a few of them are tried always, and all of them by `make long`
ONE_IN = pytest.mark.parametrize("one_in", [6, pytest.param(1, marks=LONG)])


def hostile_states(state: dict) -> dict[str, dict]:
    """Checkpoints that a person could make, by name: every part replaced by something that does not fit."""
    made = {}

    def change(name: str, act) -> None:
        other = copy.deepcopy(state)
        act(other)
        made[name] = other

    for part in [key for key in state if key not in ("format",)]:
        change(f"{part} is missing", lambda s: s.pop(part))
        for what, value in (
            ("None", None),
            ("text", "x"),
            ("a number", 7),
            ("a list", []),
            ("a dict", {}),
            ("nan", float("nan")),
        ):
            if not (part == "average" and what in ("None", "a dict")) and not (
                part == "step" and what == "a number"
            ):
                change(f"{part} is {what}", lambda s: s.__setitem__(part, value))
    for value in (-1, 10**12, True, 6.0, "6", 2**70):
        change(f"step is {value!r}", lambda s: s.__setitem__("step", value))
    huge = {
        "base_channels": 10**6,
        "n_blocks": 10**9,
        "discriminator_channels": 1024,
        "image_size": 10**9,
        "pool_size": 10**15,
    }
    for name, value in (
        huge | {"base_channels ": 4, "gan_mode": "<script>", "seed": -1, "n_downsamplings": 2.5}
    ).items():
        change(f"config.{name} is {value!r}", lambda s: s["config"].__setitem__(name, value))
    change("config wants larger networks", lambda s: s["config"].update(base_channels=1024, n_blocks=64))
    change("config has a key that is no text", lambda s: s["config"].__setitem__(3, 4))
    change("config is nested a thousand deep", lambda s: s.__setitem__("config", nested(15)))
    weights = next(name for name in state["model"] if name.startswith("generator_ab"))
    tensor = state["model"][weights]
    replaced = {
        "of another shape": torch.zeros(3),
        "one number": torch.tensor(1.0),
        "whole numbers": torch.zeros(tensor.shape, dtype=torch.int64),
        "complex": torch.zeros(tensor.shape, dtype=torch.complex64),
        "nan": torch.full(tensor.shape, float("nan")),
        "infinite": torch.full(tensor.shape, float("inf")),
        "a number repeated a hundred thousand million times": torch.zeros(1).expand(10**11),
        "sparse": torch.zeros(tensor.shape).to_sparse(),
        "quantized": torch.quantize_per_tensor(torch.zeros(tensor.shape), 0.1, 0, torch.quint8),
        "without memory": torch.zeros(tensor.shape, device="meta"),
        "text": "x",
        "a list": [1.0],
    }
    for what, value in replaced.items():
        change(
            f"a weight is {what}",
            lambda s: [s[part].__setitem__(weights, value) for part in ("model", "average")],
        )
        change(f"a moment is {what}", lambda s: s["optimizer_g"]["state"][0].__setitem__("exp_avg", value))
        change(f"a pool's picture is {what}", lambda s: s["pools"][0]["pictures"].__setitem__(0, value))
        change(f"a pool's random state is {what}", lambda s: s["pools"][0].__setitem__("generator", value))
    change("a weight is missing", lambda s: [s[part].pop(weights) for part in ("model", "average")])
    change(
        "a weight too many",
        lambda s: [s[part].__setitem__("generator_ab.x", tensor) for part in ("model", "average")],
    )
    change(
        "a weight has a number for a name",
        lambda s: [s[part].__setitem__(7, tensor) for part in ("model", "average")],
    )
    change(
        "too many pictures in a pool",
        lambda s: s["pools"][0].__setitem__("pictures", s["pools"][0]["pictures"] * 50),
    )
    change("three pools", lambda s: s["pools"].append(s["pools"][0]))
    change(
        "an optimiser of other weights",
        lambda s: s["optimizer_g"]["param_groups"][0].__setitem__("params", [0, 1]),
    )
    change(
        "an optimiser with other betas",
        lambda s: s["optimizer_g"]["param_groups"][0].__setitem__("betas", (9.0, 9.0)),
    )
    change("an optimiser without moments of one weight", lambda s: s["optimizer_g"]["state"].pop(0))
    change("losses that are text", lambda s: s["losses"]["sums"].__setitem__("cycle", "x"))
    change("losses of minus one step", lambda s: s["losses"].__setitem__("summed", -1))
    change("of another program", lambda s: s.__setitem__("format", "minicyclegan-2"))
    return made


def nested(depth: int):
    value = 1
    for _ in range(depth):
        value = {"x": value}
    return value


RESUME_ONLY = (
    "moment",
    "pool",
    "optimi",
    "losses",
    "step",
    "model is",
    "discriminator_channels",
)  # parts that a translation does not look at


@ONE_IN
def test_checkpoints_that_do_not_fit_are_refused_with_one_sentence(reader, good, tmp_path, one_in):
    from minicyclegan.runs.checkpoint import read_checkpoint

    states = hostile_states(read_checkpoint(good))
    assert len(states) > 100
    states = dict(list(states.items())[::one_in])
    problems = {}
    for name, state in states.items():
        (tmp_path / "x.pt").write_bytes(saved(state))
        verdict, sentence, seen = reader.read(tmp_path / "x.pt")
        uses = verdict.split(",")
        if seen or len(uses) != 4 or {"wrong", "unclear"} & set(uses) or uses[3] != "refused":
            problems[name] = (verdict, sentence, seen)
        elif uses[1] != "refused" and not any(word in name for word in RESUME_ONLY):
            problems[name] = ("load accepted it", sentence, seen)
    assert not problems, json.dumps(problems, indent=1)
    assert reader.peak < memory_of_an_idle_process() + BOUND_MIB


# Commands


class Command:
    """What a pickle that wants to run something looks like."""

    def __init__(self, function, *arguments):
        self.call = (function, arguments)

    def __reduce__(self):
        return self.call


def hostile_pickles(marker: Path) -> dict[str, bytes]:
    import builtins

    import numpy as np

    touch = f"touch {marker}"
    python = f"open({str(marker)!r}, 'w')"
    commands = {
        "os.system": Command(os.system, touch),
        "subprocess": Command(subprocess.call, ["touch", str(marker)]),
        "eval": Command(builtins.eval, python),
        "exec": Command(builtins.exec, python),
        "open": Command(builtins.open, str(marker), "w"),
        "getattr": Command(getattr, "x", "upper"),
        "torch.load": Command(torch.load, str(marker)),
        "numpy.load": Command(np.load, str(marker)),
        "pickle.loads": Command(pickle.loads, pickle.dumps(Command(os.system, touch))),
        "torch.hub.load": Command(torch.hub.load, "a/b", "c"),
        "import": Command(__import__, "antigravity"),
        "a class of our own": tiny_config(),
        "a network": torch.nn.Conv2d(1, 1, 1),
        "a function": os.system,
        "a path": marker,
        "a numpy array": np.zeros(3),
        "bytes": b"x",
        "a set": {1, 2},
    }
    return {name: {"format": "minicyclegan-1", "model": what} for name, what in commands.items()}


def test_pickles_that_would_run_a_command_are_refused_and_nothing_is_run(reader, tmp_path):
    marker, problems = tmp_path / "executed", {}
    for name, state in hostile_pickles(marker).items():
        contents = {
            f"{name}, as torch saves it": saved(state),
            f"{name}, a plain pickle": pickle.dumps(state),
        }
        buffer = io.BytesIO()
        torch.save(state, buffer, _use_new_zipfile_serialization=False)
        contents[f"{name}, in torch's old format"] = buffer.getvalue()
        for what, content in contents.items():
            (tmp_path / "x.pt").write_bytes(content)
            verdict, sentence, seen = reader.read(tmp_path / "x.pt")
            if verdict != "refused,refused,refused,refused" or seen or marker.exists():
                problems[what] = (verdict, sentence, seen, marker.exists())
    assert not problems, json.dumps(problems, indent=1)


def test_the_watch_notices_a_command_that_is_run(reader, tmp_path, monkeypatch):
    """The test above can fail: the same pickles, read by pickle itself, do leave the mark."""
    marker = tmp_path / "executed"
    pickle.loads(pickle.dumps(hostile_pickles(marker)["os.system"]))
    assert marker.exists()


# Archives


def archive(members: list[tuple[str, bytes]], compression=zipfile.ZIP_STORED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as file:
        for name, content in members:
            file.writestr(zipfile.ZipInfo(name), content, compression)
    return buffer.getvalue()


def hostile_archives(good: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(good)) as file:
        members = [(entry.filename, file.read(entry)) for entry in file.infolist()]
    pickled = next(i for i, (name, _) in enumerate(members) if name.endswith("data.pkl"))
    numbers = [i for i, (name, _) in enumerate(members) if "/data/" in name]

    def with_pickle(content: bytes) -> bytes:
        return archive([(n, content if i == pickled else c) for i, (n, c) in enumerate(members)])

    largest = max(numbers, key=lambda i: len(members[i][1]))
    count = len(members[largest][1]) // 4
    claims = members[pickled][1].replace(
        b"M" + count.to_bytes(2, "little"), b"J" + (10**6).to_bytes(4, "little")
    )
    assert claims != members[pickled][1]
    laughs = (
        b"\x80\x02"
        + b"]q\x00"
        + b"".join(
            b"](" + b"h" + bytes([i]) * 1 + (b"h" + bytes([i])) * 9 + b"eq" + bytes([i + 1])
            for i in range(30)
        )
        + b"."
    )
    torchscript = io.BytesIO()
    torch.jit.save(torch.jit.script(torch.nn.Linear(1, 1)), torchscript)
    made = {
        "a tensor that claims more than the file has": with_pickle(claims),
        "a list of lists of lists, ten times each": with_pickle(laughs),
        "a pickle a hundred thousand lists deep": with_pickle(
            b"\x80\x02" + b"]" * 10**5 + b"a" * (10**5 - 1) + b"."
        ),
        "an empty pickle": with_pickle(b""),
        "a pickle without an end": with_pickle(members[pickled][1][:-1]),
        "a text of four billion letters": with_pickle(b"\x80\x02X\xff\xff\xff\xffabc."),
        "no pickle": archive([m for i, m in enumerate(members) if i != pickled]),
        "no numbers": archive([m for i, m in enumerate(members) if i not in numbers]),
        "the same entry twice": archive([*members, members[pickled]]),
        "entries outside of the archive": archive([(f"../../{n}", c) for n, c in members]),
        "very long names": archive([(n + "x" * 60_000, c) for n, c in members]),
        "compressed": archive(members, zipfile.ZIP_DEFLATED),
        "a gigabyte of nothing, compressed": archive(
            [*members, ("archive/data/x", bytes(2**28))] * 1, zipfile.ZIP_DEFLATED
        ),
        "big endian": archive([(n, b"big" if n.endswith("byteorder") else c) for n, c in members]),
        "another version": archive([(n, b"999\n" if n.endswith("version") else c) for n, c in members]),
        "an empty archive": archive([]),
        "a zip of pictures": archive([("a.png", b"x"), ("b.png", b"y")]),
        "TorchScript": torchscript.getvalue(),
        "nothing": b"",
        "one byte": b"P",
        "text": b"weights\n" * 100,
        "a page of HTML": b"<!doctype html><title>404</title>",
    }
    for i in numbers[:3]:
        made[f"numbers {i} cut"] = archive(
            [(n, c[: len(c) // 2] if j == i else c) for j, (n, c) in enumerate(members)]
        )
        made[f"numbers {i} too long"] = archive(
            [(n, c * 2 if j == i else c) for j, (n, c) in enumerate(members)]
        )
    return made


MAY_BE_READ = ("another version",)  # torch does not mind, and the values are the original ones


@ONE_IN
def test_archives_that_torch_did_not_write_are_refused_with_one_sentence(reader, good, tmp_path, one_in):
    from test_training import assert_same

    from minicyclegan.runs.checkpoint import read_checkpoint

    problems = {}
    for name, content in list(hostile_archives(good.read_bytes()).items())[::one_in]:
        (tmp_path / "x.pt").write_bytes(content)
        verdict, sentence, seen = reader.read(tmp_path / "x.pt")
        if verdict == "accepted,accepted,accepted,accepted" and any(word in name for word in MAY_BE_READ):
            assert_same(read_checkpoint(tmp_path / "x.pt"), read_checkpoint(good))
        elif verdict != "refused,refused,refused,refused" or seen:
            problems[name] = (verdict, sentence, seen)
    assert not problems, json.dumps(problems, indent=1)
    assert reader.peak < memory_of_an_idle_process() + BOUND_MIB


def test_things_that_are_no_files_are_refused_and_nothing_hangs(reader, tmp_path):
    (tmp_path / "folder.pt").mkdir()
    os.mkfifo(tmp_path / "pipe.pt")
    (tmp_path / "loop.pt").symlink_to(tmp_path / "loop.pt")
    (tmp_path / "zero.pt").symlink_to("/dev/zero")
    for name in ("folder.pt", "pipe.pt", "loop.pt", "zero.pt", "missing.pt", "with\nnewline\x1b[31m.pt"):
        verdict, sentence, _ = reader.read(tmp_path / name)
        uses = verdict.split(",")  # a run whose last.pt leads nowhere has none, and starts from scratch
        assert uses[:3] == ["refused"] * 3 and uses[3] in ("refused", "accepted"), (name, verdict, sentence)


def test_a_name_that_no_file_can_have_is_refused(tmp_path):
    from minicyclegan.errors import CheckpointError
    from minicyclegan.runs.checkpoint import load, read_checkpoint

    for act in (read_checkpoint, load):
        with pytest.raises(CheckpointError, match="cannot read"):
            act(tmp_path / ("x" * 300))


if __name__ == "__main__":
    read_all()
