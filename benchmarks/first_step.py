"""Seconds from the command `minicyclegan train seasons` to its first step.

`python benchmarks/first_step.py [-n TIMES] [CHECKOUT ...]` starts the command of each checkout in turns, from its environment in
.venv; without any, that of this environment. Two moments count: the first step begins, by which the plan learns how long one
takes, and the run itself begins. Then the run is ended; nothing is kept of it.
"""

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

MOMENTS = {"first step": "  memory ", "the run": "computing on CPU"}  # the line before each


def seconds_to(command: str) -> list[float]:
    """The seconds until each of the MOMENTS, and the end of the run."""
    with tempfile.TemporaryDirectory() as folder:
        arguments = [command, "train", "seasons", "-o", f"{folder}/run", "--device", "cpu"]
        # As in most shells: modules are compiled once, not at every start
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        began, found, waited = time.perf_counter(), [], list(MOMENTS.values())
        place = {"cwd": folder, "env": environment}
        streams = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "text": True}
        with subprocess.Popen(arguments, **place, **streams) as run:
            for line in run.stdout:
                if line.startswith(waited[len(found)]):
                    found.append(time.perf_counter() - began)
                    if len(found) == len(waited):
                        break
            run.send_signal(signal.SIGTERM)
            run.stdout.read()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-n", type=int, default=7, help="How often each is started.")
    parser.add_argument("checkouts", nargs="*", type=Path)
    given = parser.parse_args()
    here = Path(sys.executable).parent / "minicyclegan"
    commands = [str(c.resolve() / ".venv/bin/minicyclegan") for c in given.checkouts] or [str(here)]
    seconds = {command: [] for command in commands}
    for _ in range(given.n):
        for command in commands:
            seconds[command].append(seconds_to(command))
    for command, rows in seconds.items():
        print(command)
        for moment, times in zip(MOMENTS, zip(*rows)):
            print(f"  {moment:<11} {median(times):.2f} s ({min(times):.2f} to {max(times):.2f})")


if __name__ == "__main__":
    main()
