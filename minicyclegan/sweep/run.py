"""Run the members of a sweep, each in a process of its own. `python -m minicyclegan.sweep.run FOLDER` is one."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from minicyclegan.course.execution import THREADS
from minicyclegan.course.settings import parameters_of
from minicyclegan.errors import MiniCycleGANError, RunError
from minicyclegan.runs.files import read_json
from minicyclegan.runs.locks import only_one
from minicyclegan.runs.record import differences
from minicyclegan.sweep.plan import Member, Sweep, folder_name

GRACE = 15.0  # seconds that a member has to stop by itself


def state_of(member: Member, folder: Path) -> str:
    """`finished`, `cut off` or `new`. Raises RunError if the member's folder was made with other parameters."""
    run_dir = folder / folder_name(member.name)
    before = read_json(run_dir / "member.json")
    if before is None:
        if (run_dir / "last.pt").exists() or (run_dir / "metrics.jsonl").exists():
            raise RunError(
                f"{run_dir} holds a run that does not belong to a sweep; choose another folder with -o"
            )
        return "new"
    if not isinstance(before, dict) or not isinstance(before.get("parameters"), dict):
        raise RunError(f"{run_dir / 'member.json'} is damaged; remove that folder to run it again")
    now = member.parameters
    before = with_defaults(before, now)
    if changed := differences(before, now):
        raise RunError(
            f"{run_dir} was made with other parameters: {'; '.join(changed)}. "
            "Choose another folder with -o, or remove that one to run it again"
        )
    if (run_dir / "result.json").exists():
        return "finished"
    begun = (run_dir / "last.pt").exists() or (run_dir / "metrics.jsonl").exists()
    return "cut off" if begun else "new"


def with_defaults(note: dict, names) -> dict:
    """A member's parameters, with the defaults of those that its notebook has got since: they were not known when it began."""
    notebook = note.get("notebook")
    declared = parameters_of(notebook) if isinstance(notebook, str) and Path(notebook).is_file() else {}
    return {name: default for name, (_, default) in declared.items() if name in names} | note["parameters"]


def threads_for(jobs: int) -> int:
    """An equal share of the cores this process may use; OMP_NUM_THREADS may ask for less."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    asked = os.environ.get("OMP_NUM_THREADS", "")
    share = max(1, cores // jobs)
    return min(share, int(asked)) if asked.isdigit() and int(asked) > 0 else share


@contextlib.contextmanager
def only_sweep_in(folder: Path, share: tuple[int, int] | None = None):
    """Hold the folder, or a share of it: two sweeps at the same time would write into each other's runs. Raises RunError."""
    with contextlib.ExitStack() as held:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            what, name = ("this share", ".lock-{}-{}".format(*share)) if share else ("a sweep", ".lock")
            busy = f"{what} is running in {folder}; wait for it, or choose another with -o"
            held.enter_context(only_one(folder / name, busy))
        except OSError as error:
            raise RunError(
                f"cannot use the folder {folder}: {error.strerror}; choose another with -o"
            ) from error
        yield


class Child:
    """A member's process. Its standard input stays open as long as this program lives: when it closes, the member stops."""

    def __init__(self, member: Member, run_dir: Path, command: list[str], threads: int):
        self.member, self.run_dir, self.started = member, run_dir, time.monotonic()
        environment = os.environ | dict.fromkeys(THREADS, str(threads)) | {"PYTHONUNBUFFERED": "1"}
        with open(run_dir / "log.txt", "ab") as log:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=environment,
                start_new_session=True,  # Ctrl-C in the terminal reaches the sweep alone, which stops its members in order
            )

    def failure(self) -> str | None:
        """Why it ended without a result; None if it has one."""
        code = self.process.returncode
        if (self.run_dir / "result.json").exists():  # its last act
            return None
        if code < 0:
            hint = "; perhaps the memory was full: try fewer at a time" if code == -signal.SIGKILL else ""
            return f"it was ended by signal {-code}{hint}"
        lines = (self.run_dir / "log.txt").read_text(encoding="utf-8", errors="replace").split("\n")
        last = next((line.strip() for line in reversed(lines) if line.strip()), "")
        return last or f"it ended with exit code {code}"

    def stop(self, wait: float) -> None:
        with contextlib.suppress(OSError):
            self.process.stdin.close()
        try:
            self.process.wait(wait)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def member_command(run_dir: Path) -> list[str]:
    return [sys.executable, "-m", "minicyclegan.sweep.run", str(run_dir)]


def run_members(
    sweep: Sweep,
    folder: Path,
    jobs: int = 1,
    report: Callable[[str], None] = print,
    command: Callable[[Path], list[str]] = member_command,
) -> dict[str, str]:
    """Run what is not finished, `jobs` at a time; returns the reasons of those that failed, by name.

    A member's folder holds member.json, the run, log.txt and in the end result.json. Members that were cut off are resumed. When
    this is interrupted, the members are stopped first. Raises RunError before anything runs.
    """
    states = {member.name: state_of(member, folder) for member in sweep.members}
    waiting = [member for member in sweep.members if states[member.name] != "finished"]
    threads, total, ended = threads_for(jobs), len(sweep.members), len(sweep.members) - len(waiting)
    if ended:
        report(f"{ended} of {total} are finished already")
    running, failed, took = [], {}, []
    try:
        while waiting or running:
            while waiting and len(running) < jobs:
                member = waiting.pop(0)
                running.append(start(member, sweep, folder, command, threads))
                how = "resumed" if states[member.name] == "cut off" else "started"
                report(f"{how:<9} {member.name}")
            for child in [child for child in running if child.process.poll() is not None]:
                running.remove(child)
                child.stop(0)
                ended, seconds = ended + 1, time.monotonic() - child.started
                if reason := child.failure():
                    failed[child.member.name] = reason
                took += [] if reason else [seconds]
                text = f"{'FAILED' if reason else 'finished':<9} {child.member.name}  {seconds:.0f} s  {ended}/{total}"
                ages = [time.monotonic() - other.started for other in running]
                report(text + (f"  {reason}" if reason else time_left(took, ages, len(waiting), jobs)))
            time.sleep(0.05)
    finally:
        for child in running:  # all are told first, so that they stop at the same time
            with contextlib.suppress(OSError):
                child.process.stdin.close()
        for child in running:
            child.stop(GRACE)
    return failed


def time_left(took: list[float], ages: list[float], waiting: int, jobs: int) -> str:
    """`  about 1:30 left` from the seconds that members took, the ages of those that run, and how many wait."""
    if not took or not (ages or waiting):
        return ""
    mean = sum(took) / len(took)
    seconds = (waiting * mean + sum(max(0.0, mean - age) for age in ages)) / jobs
    return f"  about {int(seconds // 60)}:{int(seconds % 60):02d} left"


def start(member: Member, sweep: Sweep, folder: Path, command, threads: int) -> Child:
    """Write what the member needs to know and start its process."""
    run_dir = (folder / folder_name(member.name)).resolve()
    note = {"name": member.name, "notebook": str(sweep.notebook), "parameters": member.parameters}
    try:
        run_dir.mkdir(exist_ok=True)
        (run_dir / "member.tmp").write_text(json.dumps(note, indent=2) + "\n", encoding="utf-8")
        os.replace(run_dir / "member.tmp", run_dir / "member.json")
    except OSError as error:
        raise RunError(f"cannot write into {run_dir}: {error.strerror}; free some space") from error
    return Child(member, run_dir, command(run_dir), threads)


def stop_when_alone() -> None:
    """End this process when the one that started it closes our standard input, or dies."""

    def watch():
        while os.read(0, 1024):  # not sys.stdin: a thread that waits there would hold up the end
            pass
        os.kill(os.getpid(), signal.SIGTERM)  # papermill shuts its kernel down
        time.sleep(GRACE / 2)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def run_member(run_dir: Path) -> None:
    """One member, in its own process: run the notebook, measure the checkpoint, leave result.json. Raises RunError."""
    from minicyclegan.course.execution import execute
    from minicyclegan.runs.files import write_json
    from minicyclegan.sweep.table import measure, provenance

    note = read_json(run_dir / "member.json")
    begun = (run_dir / "last.pt").exists() or (run_dir / "metrics.jsonl").exists()
    notebook = Path(note["notebook"])
    given = note["parameters"] | {"run_dir": str(run_dir), "resume": begun}
    title = f"# {note['name']}" if notebook.name == "07_train.ipynb" else ""  # a training without its lessons
    execute(notebook, run_dir / notebook.name, given, title)
    result = {"name": note["name"], **measure(run_dir, note["parameters"]), **provenance()}
    write_json(run_dir / "result.json", result)


if __name__ == "__main__":
    stop_when_alone()
    try:
        run_member(Path(sys.argv[1]))
    except MiniCycleGANError as error:
        print(f"\n{error}", flush=True)
        sys.exit(1)
