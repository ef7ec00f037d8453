"""Sweeps: the plan, its refusals, running, stopping and resuming, the table, and one real sweep from end to end."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pytest
import torch
from click.testing import CliRunner
from conftest import ROOT, files_in, make_folder, tiny_run
from PIL import Image

import minicyclegan.course.execution
import minicyclegan.sweep.run
import minicyclegan.sweep.table
from minicyclegan.cli import main
from minicyclegan.course.files import course_folder
from minicyclegan.data import load_folder, to_float
from minicyclegan.errors import MiniCycleGANError, RunError
from minicyclegan.runs.checkpoint import load, read_checkpoint
from minicyclegan.sweep.plan import folder_name, plan, read_sweep
from minicyclegan.sweep.run import only_sweep_in, run_member, run_members, state_of, threads_for, time_left
from minicyclegan.sweep.table import git, measure, sheet, spread, table, training_seconds, write_results

SMALL = {"image_size": 32, "steps": 2, "discriminator_layers": 2}


def small_plan(folder: Path, **entries):
    return plan(
        "small",
        {"parameters": SMALL, "axes": {"lambda_cycle": [0, 10, 20]}, "seeds": [0, 1]} | entries,
        folder,
    )


# The plan


def test_the_shipped_sweep_is_the_one_of_the_course():
    sweep = read_sweep(course_folder() / "sweeps" / "ablations.yaml")
    on_axes = {}
    for row in sweep.rows:
        on_axes.setdefault(row.axis, []).append(row.value)
    assert on_axes == {
        "lambda_cycle": [0, 1, 10, 100],
        "lambda_identity": [0, 0.5, 1],
        "pool_size": [0, 50],
        "gan_mode": ["bce", "lsgan"],
        "upsampling": ["transposed", "resize"],
    }
    assert len({row.setting for row in sweep.rows}) == 9 and len(sweep.members) == 18
    assert [row.axis for row in sweep.rows if row.setting == "base"] == list(on_axes)
    assert len({member.name for member in sweep.members}) == 18
    assert len({json.dumps(member.parameters, sort_keys=True) for member in sweep.members}) == 18


def test_each_member_differs_from_the_base_in_its_own_value_and_its_seed_only(tmp_path):
    sweep = small_plan(tmp_path)
    settings = ("lambda_cycle=0", "base", "lambda_cycle=20")
    names = [f"{setting},seed={seed}" for setting in settings for seed in (0, 1)]
    assert sorted(member.name for member in sweep.members) == sorted(names)
    for member in sweep.members:
        changed = {key for key, value in member.parameters.items() if sweep.base.get(key) != value} - {"seed"}
        assert changed == (set() if member.setting == "base" else {"lambda_cycle"})
        assert member.name.endswith(f",seed={member.parameters['seed']}")


def test_inline_parameters_win_over_the_base_file_which_lies_beside_the_sweep(tmp_path):
    (tmp_path / "base.yaml").write_text("steps: 7\nlambda_cycle: 3\n")
    (tmp_path / "my.yaml").write_text(
        "base: base.yaml\nparameters: {steps: 9}\naxes:\n  learning_rate: [1e-3, 2e-3]\n"
    )
    sweep = read_sweep(tmp_path / "my.yaml")
    assert (sweep.name, sweep.base["steps"], sweep.base["lambda_cycle"]) == ("my", 9, 3.0)
    assert [row.value for row in sweep.rows] == [0.001, 0.002]  # YAML alone would read 1e-3 as text


def test_a_base_that_is_not_on_the_axis_is_added_and_equal_values_count_once(tmp_path):
    sweep = small_plan(tmp_path, axes={"lambda_cycle": [0, 0.0, 5]}, seeds=[3])
    assert [(row.value, row.setting) for row in sweep.rows] == [
        (10.0, "base"),
        (0.0, "lambda_cycle=0"),
        (5.0, "lambda_cycle=5"),
    ]
    assert [member.parameters["seed"] for member in sweep.members] == [3, 3, 3]


def test_cases_change_several_parameters_together_and_share_runs_with_the_base(tmp_path):
    cases = [{"method": "cyclegan"}, {"method": "cut", "pool_size": 0}, {"method": "cut", "steps": 3}]
    sweep = small_plan(tmp_path, axes={}, cases=cases, seeds=[0, 1])
    assert [row.setting for row in sweep.rows] == ["base", "method=cut,pool_size=0", "method=cut,steps=3"]
    assert len(sweep.members) == 6 and {row.axis for row in sweep.rows} == {"cases"}
    changed = sweep.members[-1].parameters
    assert (changed["method"], changed["steps"], changed["pool_size"]) == ("cut", 3, sweep.base["pool_size"])


def test_a_grid_is_all_combinations_and_shares_runs_with_the_axes(tmp_path):
    grid = {"lambda_cycle": [10, 0], "pool_size": [50, 0]}
    sweep = small_plan(tmp_path, axes={"pool_size": [50, 0]}, grid=grid, seeds=[0])
    assert [row.setting for row in sweep.rows if row.axis == "grid"] == [
        "base",
        "pool_size=0",
        "lambda_cycle=0",
        "lambda_cycle=0,pool_size=0",
    ]
    assert len(sweep.members) == 4
    both = sweep.members[-1].parameters
    assert (both["lambda_cycle"], both["pool_size"]) == (0.0, 0) and both == sweep.base | {
        "lambda_cycle": 0.0,
        "pool_size": 0,
        "seed": 0,
    }


def test_texts_of_a_sweep_are_used_as_they_are_written(tmp_path, monkeypatch):
    """YAML would read 0123 as 83, 2024_11_28 as a number and `null` as nothing."""
    monkeypatch.chdir(tmp_path)
    for name in ("0123", "2024_11_28", "null"):
        make_folder(tmp_path / name, n=1)
    cell = nbformat.v4.new_code_cell(PARAMETERS, metadata={"tags": ["parameters"]})
    notebook = nbformat.writes(nbformat.v4.new_notebook(cells=[cell]))
    (tmp_path / "mark.ipynb").write_bytes(b"\xef\xbb\xbf" + notebook.encode())
    (tmp_path / "007").write_text("steps: 3\n")
    (tmp_path / "x.yaml").write_text(
        "notebook: mark.ipynb\nbase: 007\nparameters: {data: 0123, on_bad_image: skip}\n"
        "axes:\n  data: [0123, 2024_11_28]\n  steps: [0x10]\ngrid:\n  data:\n    - null\n"
    )
    sweep = read_sweep("x.yaml")
    assert [row.value for row in sweep.rows] == ["0123", "2024_11_28", 3, 16, "data=null"]
    folders = [Path(member.parameters["data"]).name for member in sweep.members]
    assert folders == ["0123", "2024_11_28", "0123", "null"]
    assert sweep.members[0].parameters["on_bad_image"] == "skip"


def test_seeds_alone_are_a_sweep(tmp_path):
    sweep = plan("seeds", {"seeds": [0, 1, 2]}, tmp_path)
    assert [row.setting for row in sweep.rows] == ["base"] and len(sweep.members) == 3


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("axes: {lamda_cycle: [0, 1]}", ["lamda_cycle", "did you mean lambda_cycle?"]),
        ("axs: {lambda_cycle: [0, 1]}", ["did you mean axes?"]),
        ("parameters: {stepz: 3}", ["did you mean steps?"]),
        ("axes: {gan_mode: [bce, wgan]}", ["gan_mode=wgan,seed=0", "lsgan or bce"]),
        ("axes: {lambda_cycle: [0, -1]}", ["lambda_cycle=-1,seed=0", "must not be negative"]),
        ("axes: {pool_size: [0, 1.5]}", ["pool_size must be int"]),
        ("axes: {lambda_cycle: 5}", ["axes must hold", "lambda_cycle"]),
        ("axes: {lambda_cycle: []}", ["axes must hold"]),
        ("axes: [lambda_cycle]", ["axes must hold"]),
        ("grid: {lambda_cycle: [[1]]}", ["lambda_cycle must be float"]),
        ("cases: {method: cut}", ["cases must be a list"]),
        ("cases: [{}]", ["cases must be a list"]),
        ("cases: [{methd: cut}]", ["did you mean method?"]),
        ("cases: [{seed: 1}]", ["seed is set by the sweep"]),
        ("axes: {seed: [0, 1]}", ["seed is set by the sweep", "list `seeds`"]),
        ("parameters: {run_dir: here}", ["run_dir is set by the sweep"]),
        ("parameters: {resume: true}", ["resume is set by the sweep"]),
        ("seeds: [0, 0]", ["seeds must be"]),
        ("seeds: 3", ["seeds must be"]),
        ("seeds: [one]", ["seed must be int"]),
        ("parameters: {image_size: 30}", ["base,seed=0", "divisible by 4"]),
        ("parameters: {checkpoint_every: 0}", ["checkpoint_every must be at least 1"]),
        ("parameters: {data: nowhere}", ["nowhere", "trainA"]),
        ("base: missing.yaml", ["missing.yaml"]),
        ("notebook: 77_train", ["77_train", "07_train"]),
        ("notebook: 01_two_domains", ["01_two_domains.ipynb has no parameter run_dir"]),
        ("just a sentence", ["must hold lines"]),
        ("axes: {a: [", ["cannot read the sweep"]),
        ("data: [1]\n- x", ["cannot read the sweep"]),
    ],
)
def test_everything_is_checked_before_anything_runs(tmp_path, text, words):
    (tmp_path / "bad.yaml").write_text(text)
    with pytest.raises(MiniCycleGANError) as caught:
        read_sweep(tmp_path / "bad.yaml")
    message = str(caught.value)
    assert "\n" not in message and "bad.yaml" in message
    for word in words:
        assert word in message
    result = CliRunner().invoke(main, ["sweep", str(tmp_path / "bad.yaml"), "-o", str(tmp_path / "out")])
    assert result.exit_code == 1 and result.stderr == f"minicyclegan: {message}\n"
    assert files_in(tmp_path) == ["bad.yaml"]


def test_an_unknown_sweep_is_refused_with_those_that_ship():
    result = CliRunner().invoke(main, ["sweep", "ablation"])
    assert result.exit_code == 1 and "ablations" in result.stderr and result.stderr.count("\n") == 1


def test_a_dry_run_lists_the_runs_and_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(main, ["sweep", "ablations", "--dry-run", "-j", "2"])
    assert result.exit_code == 0 and "9 settings, 18 runs of 07_train.ipynb, 2 at a time" in result.stdout
    assert result.stdout.count("  new  ") == 18 and list(tmp_path.iterdir()) == []


def test_a_folder_name_has_nothing_that_a_file_system_dislikes():
    assert folder_name("lambda_cycle=0.5,seed=1") == "lambda_cycle=0.5,seed=1"
    assert folder_name("data=C:/a b*,seed=1") == "data=C__a_b_,seed=1"


# Running, with members that are a few lines of Python instead of a notebook

MEMBER = """
import json, os, sys, time
from pathlib import Path
from minicyclegan.sweep.run import stop_when_alone
stop_when_alone()
run_dir = Path(sys.argv[1])
diary = run_dir.parent / "diary.jsonl"
def write(what):
    with open(diary, "a") as file:
        file.write(json.dumps([what, run_dir.name, os.getpid(), os.environ["OMP_NUM_THREADS"]]) + "\\n")
write("start")
(run_dir / "metrics.jsonl").write_text("")
BODY
(run_dir / "result.json").write_text("{}")
write("end")
"""


def acting(body: str):
    """The command of a member that does `body` and then leaves its result."""
    return lambda run_dir: [sys.executable, "-c", MEMBER.replace("BODY", body), str(run_dir)]


def diary(folder: Path) -> list[list]:
    path = folder / "diary.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def run_small(folder: Path, body: str = "", jobs: int = 3, **entries):
    folder.mkdir(exist_ok=True)
    lines = []
    return run_members(small_plan(folder, **entries), folder, jobs, lines.append, acting(body)), lines


def test_as_many_as_asked_run_at_a_time_each_once_with_its_share_of_the_cores(tmp_path):
    wait = "while sum(json.loads(line)[0] == 'start' for line in open(diary)) < 2: time.sleep(0.01)\ntime.sleep(0.1)"
    failed, lines = run_small(tmp_path, wait, jobs=2)  # a member on its own would wait for ever
    at_once, most = 0, 0
    for what, *_ in diary(tmp_path):
        at_once += 1 if what == "start" else -1
        most = max(most, at_once)
    assert failed == {} and most == 2
    started = [name for what, name, *_ in diary(tmp_path) if what == "start"]
    assert len(started) == len(set(started)) == 6
    assert {threads for *_, threads in diary(tmp_path)} == {str(threads_for(2))}
    assert (
        sum(line.startswith("started") for line in lines)
        == sum(line.startswith("finished") for line in lines)
        == 6
    )
    assert "left" in lines[2] + lines[3] + lines[4] and "6/6" in lines[-1] and "left" not in lines[-1]


def test_the_cores_are_shared_and_a_lower_wish_is_kept(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(16)), raising=False)
    assert [threads_for(jobs) for jobs in (1, 3, 16, 40)] == [16, 5, 1, 1]
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    assert [threads_for(jobs) for jobs in (1, 16)] == [2, 1]


def test_the_time_left_counts_what_waits_and_what_runs():
    assert time_left([10.0, 20.0], [5.0, 30.0], 4, 2) == "  about 0:35 left"  # (4 * 15 + 10 + 0) / 2
    assert time_left([], [5.0], 4, 2) == "" and time_left([10.0], [], 0, 2) == ""


def test_a_failed_member_does_not_stop_the_rest_and_is_named_with_its_reason(tmp_path):
    fails = "if run_dir.name == 'lambda_cycle=0,seed=1': sys.exit('the loss became nan')\n"
    fails += "if run_dir.name == 'base,seed=0': os.kill(os.getpid(), 9)"
    failed, lines = run_small(tmp_path, fails, jobs=2)
    assert failed["lambda_cycle=0,seed=1"] == "the loss became nan"
    assert "signal 9" in failed["base,seed=0"] and "memory" in failed["base,seed=0"] and len(failed) == 2
    assert sum(what == "end" for what, *_ in diary(tmp_path)) == 4
    assert any(line.startswith("FAILED    lambda_cycle=0,seed=1") and "became nan" in line for line in lines)
    again, lines = run_small(tmp_path)
    assert again == {} and lines[0] == "4 of 6 are finished already"
    assert sorted(line.split()[1] for line in lines if line.startswith("resumed")) == sorted(failed)


def test_finished_members_are_not_run_again_and_new_values_are_added(tmp_path):
    run_small(tmp_path)
    assert run_small(tmp_path) == ({}, ["6 of 6 are finished already"])
    run_small(tmp_path, axes={"lambda_cycle": [0, 10, 20, 30]})
    assert sorted(name for what, name, *_ in diary(tmp_path)[12:] if what == "start") == [
        "lambda_cycle=30,seed=0",
        "lambda_cycle=30,seed=1",
    ]


def test_a_changed_base_is_refused_before_anything_runs(tmp_path):
    run_small(tmp_path)
    before = diary(tmp_path)
    with pytest.raises(RunError, match="steps was 2, is now 3.*-o"):
        run_small(tmp_path, parameters=SMALL | {"steps": 3})
    assert diary(tmp_path) == before


def test_a_run_that_is_not_of_a_sweep_is_left_alone(tmp_path):
    (tmp_path / "base,seed=1").mkdir()
    (tmp_path / "base,seed=1" / "last.pt").write_text("mine")
    with pytest.raises(RunError, match="does not belong to a sweep"):
        run_small(tmp_path)
    assert files_in(tmp_path) == ["base,seed=1/last.pt"]


def test_two_sweeps_in_one_folder_are_refused(tmp_path):
    pytest.importorskip("fcntl", reason="Windows has no flock")
    with (
        only_sweep_in(tmp_path),
        pytest.raises(RunError, match="a sweep is running"),
        only_sweep_in(tmp_path),
    ):
        pass
    with only_sweep_in(tmp_path):
        pass


def test_the_shares_of_several_machines_are_the_whole_sweep_and_then_the_table_is_made(tmp_path, monkeypatch):
    """Each share runs its members alone, at the same time as others, and not twice."""
    (tmp_path / "small.yaml").write_text(
        json.dumps({"parameters": SMALL, "axes": {"lambda_cycle": [0, 10, 20]}, "seeds": [0, 1]})
    )
    monkeypatch.setattr(minicyclegan.sweep.run.run_members, "__defaults__", (1, print, acting("")))
    written = []
    monkeypatch.setattr(minicyclegan.sweep.table, "write_results", lambda *given: written.append(given) or [])
    out = tmp_path / "out"
    command = ["sweep", str(tmp_path / "small.yaml"), "-o", str(out)]

    def started():
        return [name for what, name, *_ in diary(out) if what == "start"]

    with only_sweep_in(out, (2, 4)):  # another machine is at work
        result = CliRunner().invoke(main, [*command, "--share", "1/4"])
        assert (
            result.exit_code == 0
            and "small: share 1/4: " in result.output
            and "without --share" in result.output
        )
        assert started() == ["base,seed=0", "lambda_cycle=20,seed=0"] and not written
        twice = CliRunner().invoke(main, [*command, "--share", "2/4"])
        assert twice.exit_code == 1 and "this share is running in" in twice.output
    for share in ("2/4", "3/4", "4/4", "4/4"):
        assert CliRunner().invoke(main, [*command, "--share", share]).exit_code == 0
    members = {folder_name(member.name) for member in small_plan(tmp_path).members}
    assert len(started()) == 6 and set(started()) == members
    result = CliRunner().invoke(main, command)
    assert result.exit_code == 0 and "6 of 6 are finished already" in result.output and len(written) == 1


@pytest.mark.parametrize("share", ["0/4", "5/4", "2", "2/", "/4", "a/b", "-1/4", "1/0"])
def test_a_share_that_is_none_is_refused(tmp_path, share):
    result = CliRunner().invoke(main, ["sweep", "ablations", "-o", str(tmp_path / "out"), "--share", share])
    assert result.exit_code == 2 and "is not a share; 2/8 is the second of eight machines" in result.output
    assert not (tmp_path / "out").exists()


SWEEPER = """
import json, sys
import minicyclegan.sweep.run as sweep_run
from minicyclegan.cli import main
def command(run_dir):
    return [sys.executable, "-c", sys.argv[3], str(run_dir)]
sweep_run.run_members.__defaults__ = (*sweep_run.run_members.__defaults__[:-1], command)
main(["sweep", sys.argv[1], "-j", "2", "-o", sys.argv[2]])
"""


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    return state != "Z"


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks into /proc to see which processes live")
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_sweep_leaves_no_process_and_can_go_on(tmp_path, how):
    sweep_file, out = tmp_path / "small.yaml", tmp_path / "out"
    sweep_file.write_text(
        json.dumps({"parameters": SMALL, "axes": {"lambda_cycle": [0, 10, 20]}, "seeds": [0, 1]})
    )
    member = MEMBER.replace("BODY", "time.sleep(60)")
    command = [sys.executable, "-c", SWEEPER, str(sweep_file), str(out), member]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT)
    try:
        while len(diary(out)) < 2:
            assert process.poll() is None, process.communicate()
            time.sleep(0.02)
        process.send_signal(how)
        _, error = process.communicate(timeout=30)
    finally:
        process.kill()
    if how == signal.SIGINT:
        assert (
            process.returncode == 130
            and "the same command resumes them" in error
            and "Traceback" not in error
        )
    pids = [pid for _, _, pid, _ in diary(out)]
    if how == signal.SIGINT:
        assert not any(map(is_alive, pids)), "the sweep ended before its members"
    until = time.monotonic() + 20  # a machine that is busy may need a moment
    while any(map(is_alive, pids)) and time.monotonic() < until:
        time.sleep(0.02)
    assert len(pids) == 2 and not any(map(is_alive, pids))
    sweep = read_sweep(sweep_file)
    assert sorted(state_of(member, out) for member in sweep.members) == ["cut off"] * 2 + ["new"] * 4
    with only_sweep_in(out):
        assert run_members(sweep, out, 3, print, acting("")) == {}
    assert {state_of(member, out) for member in sweep.members} == {"finished"}


@pytest.mark.parametrize("begun", [False, True])
def test_a_member_that_was_cut_off_resumes_with_its_own_parameters(tmp_path, monkeypatch, begun):
    member = small_plan(tmp_path).members[-1]
    note = {
        "name": member.name,
        "notebook": str(course_folder() / "07_train.ipynb"),
        "parameters": member.parameters,
    }
    (tmp_path / "member.json").write_text(json.dumps(note))
    if begun:
        (tmp_path / "metrics.jsonl").write_text("")
    calls = []
    monkeypatch.setattr(minicyclegan.course.execution, "execute", lambda *given: calls.append(given))
    monkeypatch.setattr(minicyclegan.sweep.table, "measure", lambda run_dir, parameters: {"step": 2})
    run_member(tmp_path)
    ((_, output, given, *_),) = calls
    assert (
        given == member.parameters | {"run_dir": str(tmp_path), "resume": begun} and output.parent == tmp_path
    )
    result = json.loads((tmp_path / "result.json").read_text())
    assert result["name"] == member.name and result["machine"] and len(result["date"]) == 10


# The table


NOTES = {
    "step": 2,
    "n_test_a": 4,
    "n_test_b": 4,
    "doing_nothing": 0.3,
    "machine": "m",
    "device": "cpu",
    "threads": 1,
}
NOTES |= {"torch": "2.9", "commit": "abc", "date": "2026-01-01"}
ERRORS = {"held_out_ab": 0.1, "held_out_ba": 0.2, "cycle_a": 0.01, "cycle_b": 0.02, "seconds": 5.0}


def a_result(**changes) -> dict:
    return ERRORS | NOTES | changes


def read_csv(path: Path) -> list[dict]:
    return list(csv.DictReader(path.read_text().splitlines()))


def test_the_spread_is_the_one_between_the_runs():
    assert spread([1.0, 2.0, 6.0]) == {"mean": 3.0, "sd": 2.64575, "min": 1.0, "max": 6.0}
    assert spread([0.5]) == {"mean": 0.5, "sd": "", "min": 0.5, "max": 0.5}
    assert set(spread([]).values()) == {""}


def test_the_table_takes_each_settings_own_runs(tmp_path):
    sweep = small_plan(tmp_path)
    results = {
        member.name: a_result(held_out_ab=member.parameters["lambda_cycle"] + member.parameters["seed"])
        for member in sweep.members
    }
    del results["lambda_cycle=20,seed=0"]
    lines = table(sweep, results)
    assert [(line["axis"], line["value"], line["base"], line["n"]) for line in lines] == [
        ("lambda_cycle", "0", False, 2),
        ("lambda_cycle", "10", True, 2),
        ("lambda_cycle", "20", False, 1),
    ]
    assert [line["held_out_ab_mean"] for line in lines] == [0.5, 10.5, 21.0]
    assert [line["held_out_ab_sd"] for line in lines] == [0.70711, 0.70711, ""]
    assert [(line["held_out_ab_min"], line["held_out_ab_max"]) for line in lines] == [
        (0, 1),
        (10, 11),
        (21, 21),
    ]
    assert [line["seconds_mean"] for line in lines] == [5.0, 5.0, 5.0]


def test_data_without_pairs_leave_their_columns_empty(tmp_path):
    sweep = small_plan(tmp_path)
    blank = a_result(held_out_ab=None, held_out_ba=None, doing_nothing=None)
    line = table(sweep, {member.name: blank for member in sweep.members})[0]
    assert line["held_out_ab_mean"] == line["held_out_ba_max"] == "" and line["cycle_a_mean"] == 0.01


def test_pictures_without_pairs_are_measured_by_their_cycle_alone(tmp_path):
    data = make_folder(tmp_path / "data")
    (data / "testB" / "0.png").unlink()
    tiny_run(tmp_path / "run", load_folder(data, 16), data=str(data))
    found = measure(
        tmp_path / "run",
        {"data": data, "image_size": 16, "load_size": 0, "on_bad_image": "refuse", "device": "cpu"},
    )
    assert found["held_out_ab"] is found["held_out_ba"] is found["doing_nothing"] is None
    assert 0 < found["cycle_a"] < 1 and (found["n_test_a"], found["n_test_b"], found["step"]) == (4, 3, 6)


def test_the_seconds_of_a_run_that_went_on_are_added():
    assert training_seconds([{"seconds": 1.0}, {"seconds": 4.0}]) == 4.0
    assert training_seconds([{"seconds": s} for s in (1.0, 4.0, 0.5, 2.5, 1.0)]) == 7.5


def test_the_files_say_where_it_was_measured_and_what_is_missing(tmp_path):
    sweep = small_plan(tmp_path, seeds=[0])
    with pytest.raises(RunError, match="no member of small has finished"):
        write_results(sweep, tmp_path, {})
    assert files_in(tmp_path) == []
    for member, machine in zip(sweep.members[:2], ("one", "two")):
        (tmp_path / member.name).mkdir()
        (tmp_path / member.name / "result.json").write_text(json.dumps(a_result(machine=machine)))
    written = write_results(sweep, tmp_path, {sweep.members[2].name: "the loss became nan"})
    assert [path.name for path in written] == ["small.csv", "members.csv", "small.json"]
    facts = json.loads((tmp_path / "small.json").read_text())
    assert facts["machine"] == ["one", "two"] and facts["commit"] == "abc" and facts["doing_nothing"] == 0.3
    assert (facts["runs"], facts["planned"], facts["seconds_of_training"]) == (2, 3, 10)
    assert facts["failed"] == {sweep.members[2].name: "the loss became nan"}
    assert [int(line["n"]) for line in read_csv(tmp_path / "small.csv")].count(0) == 1
    assert [line["machine"] for line in read_csv(tmp_path / "members.csv")] == ["one", "two"]
    before = (tmp_path / "small.csv").read_bytes()
    assert write_results(sweep, tmp_path, {}) and (tmp_path / "small.csv").read_bytes() == before


def test_the_sheet_shows_inputs_and_translations_of_each_setting(tmp_path):
    sweep = small_plan(tmp_path, parameters=SMALL | {"image_size": 16, "discriminator_layers": 1})
    for m, member in enumerate(sweep.members):
        samples = tmp_path / member.name / "samples"
        samples.mkdir(parents=True)
        # Rows of the sample sheet: 6, columns: 4; a colour says member, step, row and column
        for step in (1, 2):
            picture = Image.new("RGB", (4 * 18 + 2, 6 * 18 + 2), "white")
            for row in range(6):
                for column in range(4):
                    picture.paste(
                        (m * 10 + step, row, column),
                        (2 + 18 * column, 2 + 18 * row, 18 + 18 * column, 18 + 18 * row),
                    )
            picture.save(samples / f"step_{step:07d}.png")
    names = sheet(sweep, tmp_path, [member.name for member in sweep.members if member.name != "base,seed=0"])
    assert names == ["input", *dict.fromkeys(member.setting for member in sweep.members)]
    first = {name: next(i for i, m in enumerate(sweep.members) if m.setting == name) for name in names[1:]}
    first["base"] += 1  # its first seed did not finish
    with Image.open(tmp_path / "small.png") as picture:
        assert picture.size == (6 * 16, 4 * 16)
        for y, name in enumerate(names):
            for x in range(6):
                m = first[name] if name != "input" else min(first.values())
                row = (0, 3)[x // 3] + (name != "input")
                for corner in ((0, 0), (15, 15)):
                    found = picture.getpixel((x * 16 + corner[0], y * 16 + corner[1]))
                    if name == "input":
                        assert found[1:] == (row, x % 3)
                    else:
                        assert found == (m * 10 + 2, row, x % 3)


def test_git_is_asked_without_locks_and_may_be_absent(monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert git("status") == ""


# From end to end: papermill, training, measuring; a notebook that trains and does nothing else keeps it short

TRAINING = """
from minicyclegan.datasets.named import load_domains
from minicyclegan.parameters import Config, check_parameters
from minicyclegan.training import train
values = check_parameters(In, globals())
config = Config(**{name: value for name, value in values.items() if name in Config.__dataclass_fields__})
domains = load_domains(data, image_size, load_size, on_bad_image)
train(config, domains, run_dir, device=device, checkpoint_every=1, sample_every=2, resume=resume)
"""
PARAMETERS = """
data: str = "seasons"
image_size: int = 16
load_size: int = 20
steps: int = 3
base_channels: int = 4
n_blocks: int = 1
discriminator_channels: int = 4
discriminator_layers: int = 1
lambda_cycle: float = 10.0
ema_decay: float = 0.5
seed: int = 0
run_dir: str = ""
resume: bool = False
device: str = "cpu"
on_bad_image: str = "refuse"
paired: str = "auto"
"""


def test_a_real_sweep(forked, tmp_path):
    """Its member and the member's kernel are forked; those of the next test are not."""
    data = make_folder(tmp_path / "data", n=3, size=(20, 20))
    cells = [
        nbformat.v4.new_code_cell(PARAMETERS, metadata={"tags": ["parameters"]}),
        nbformat.v4.new_code_cell(TRAINING),
    ]
    python = {"kernelspec": {"name": "python3", "display_name": "", "language": "python"}}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=python), tmp_path / "short.ipynb")
    content = {"notebook": "short.ipynb", "parameters": {"data": str(data), "lambda_cycle": 3}, "seeds": [7]}
    content["parameters"] |= {"paired": "yes"}  # three pairs are too few to be believed
    (tmp_path / "real.yaml").write_text(json.dumps(content))
    command = ["sweep", str(tmp_path / "real.yaml"), "-o", str(tmp_path / "out")]
    result = CliRunner().invoke(main, command)
    assert result.exit_code == 0, result.output + "".join(p.read_text() for p in tmp_path.rglob("log.txt"))
    (line,) = read_csv(tmp_path / "out" / "real.csv")
    facts = json.loads((tmp_path / "out" / "real.json").read_text())
    assert (facts["runs"], facts["step"], facts["n_test_a"], facts["device"]) == (1, 3, 3, "cpu")
    run_dir = tmp_path / "out" / "base,seed=7"
    config = read_checkpoint(run_dir / "last.pt")["config"]
    assert (config["lambda_cycle"], config["seed"], config["steps"]) == (3.0, 7, 3)
    domains, model = load_folder(data, 16), load(run_dir / "last.pt")
    a, b = to_float(domains.test_a[[0, 1, 2]]), to_float(domains.test_b[[0, 1, 2]])
    with torch.no_grad():
        fake_b, fake_a = model.generator_ab(a), model.generator_ba(b)
        expected = {
            "held_out_ab": (fake_b - b).abs().mean() / 2,
            "held_out_ba": (fake_a - a).abs().mean() / 2,
            "cycle_a": (model.generator_ba(fake_b) - a).abs().mean() / 2,
            "cycle_b": (model.generator_ab(fake_a) - b).abs().mean() / 2,
        }
    for key, value in expected.items():
        assert float(line[f"{key}_mean"]) == pytest.approx(float(value), abs=2e-5)
    assert facts["doing_nothing"] == pytest.approx(float((a - b).abs().mean() / 2), abs=1e-5)
    again = CliRunner().invoke(main, command)
    assert again.exit_code == 0 and "1 of 1 are finished already" in again.stdout


def test_a_real_member_that_fails_is_named_with_the_sentence_of_its_notebook(tmp_path):
    """Started as everybody's, and its kernel too. The notebook does not come to PyTorch."""
    cells = [
        nbformat.v4.new_code_cell(PARAMETERS, metadata={"tags": ["parameters"]}),
        nbformat.v4.new_code_cell(
            "from minicyclegan.errors import RunError\nimport os\n"
            "raise RunError(f'seed {seed}, {steps} steps, {os.environ[\"OMP_NUM_THREADS\"]} thread; try another')"
        ),
    ]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "fails.ipynb")
    content = {"notebook": "fails.ipynb", "parameters": {"data": str(make_folder(tmp_path / "data", n=1))}}
    (tmp_path / "real.yaml").write_text(json.dumps(content | {"seeds": [7]}))
    result = CliRunner().invoke(main, ["sweep", str(tmp_path / "real.yaml"), "-o", str(tmp_path / "out")])
    assert result.exit_code == 1, result.output
    assert f"seed 7, 3 steps, {threads_for(1)} thread; try another" in result.output
    assert not list(tmp_path.rglob("result.json")) and (tmp_path / "out" / "base,seed=7" / "log.txt").exists()
