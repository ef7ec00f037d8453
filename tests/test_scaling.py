"""docs/SCALING.md: its Slurm script runs, with a stand-in for srun, and its table is the one that the script beside it makes."""

import json
import os
import re
import subprocess
import sys

import pytest
from conftest import ROOT

sys.path.insert(0, str(ROOT / "benchmarks"))
import scaling  # noqa: E402

from minicyclegan.parameters import Config  # noqa: E402

PAGE = (ROOT / "docs" / "SCALING.md").read_text(encoding="utf-8")
SWEEP = {"notebook": "short.ipynb", "parameters": {"steps": 1}, "axes": {"steps": [1, 2, 3]}, "seeds": [0, 1]}
MEMBER = """
steps: int = 1
seed: int = 0
run_dir: str = ""
resume: bool = False
"""
PROGRAM = """
import sys
import minicyclegan.sweep.run as sweep_run
from minicyclegan.cli import main
def command(run_dir):
    return [sys.executable, "-c", "import pathlib, sys; (pathlib.Path(sys.argv[1]) / 'result.json').write_text('{}')", str(run_dir)]
sweep_run.run_members.__defaults__ = (*sweep_run.run_members.__defaults__[:-1], command)
main()
"""


@pytest.mark.skipif(os.name != "posix", reason="a shell script")
def test_the_slurm_script_of_the_page_runs_each_member_once(tmp_path):
    """Four tasks at the same time; `srun` runs what it is given, and a member only leaves its result."""
    script = next(text for text in re.findall(r"```bash\n(.*?)```", PAGE, re.DOTALL) if "--array" in text)
    assert "--array=1-8" in script and "$SLURM_ARRAY_TASK_ID/8" in script
    script = (
        script.replace("1-8", "1-4").replace("ID/8", "ID/4").replace("sweep ablations", "sweep small.yaml")
    )
    bin_dir = tmp_path / "bin"
    bin_dir.mkdir()
    (tmp_path / "program.py").write_text(PROGRAM)
    programs = {"srun": 'exec "$@"', "minicyclegan": f'exec {sys.executable} {tmp_path / "program.py"} "$@"'}
    for name, line in programs.items():
        (bin_dir / name).write_text(f"#!/bin/sh\n{line}\n")
        (bin_dir / name).chmod(0o755)
    import nbformat

    cell = nbformat.v4.new_code_cell(MEMBER, metadata={"tags": ["parameters"]})
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), tmp_path / "short.ipynb")
    (tmp_path / "small.yaml").write_text(json.dumps(SWEEP))
    (tmp_path / "job.sh").write_text(script)
    path = f"{bin_dir}{os.pathsep}{os.environ['PATH']}"
    tasks = [
        subprocess.Popen(
            ["bash", "job.sh"],
            cwd=tmp_path,
            env=os.environ | {"PATH": path, "SLURM_ARRAY_TASK_ID": str(task), "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for task in range(1, 5)
    ]
    said = [task.communicate(timeout=120)[0] for task in tasks]
    assert [task.returncode for task in tasks] == [0] * 4, said
    started = [line.split()[1] for text in said for line in text.splitlines() if line.startswith("started")]
    assert len(started) == len(set(started)) == 6, said
    assert len(list((tmp_path / "runs/ablations").glob("*/result.json"))) == 6


def test_the_table_on_paper_is_what_the_script_prints(capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["scaling.py"])
    scaling.main()
    for line in capsys.readouterr().out.splitlines():
        if line.startswith("|"):
            assert line in PAGE


def test_the_formulas_by_hand():
    """Two GPUs each send the size of the gradients once; the pools' fakes go to the other one."""
    assert scaling.seconds(2, 100, 10, 50.0, 0.0) == (2.0, 0.2)
    assert scaling.bounds(10.0, 4.0, 0.0) == (10 / 14, 1.0)  # half of the step hides them
    assert scaling.bounds(2.0, 4.0, 1.0) == (2 / 7, 2 / 6)
    weights = 2 * 11_378_179 + 2 * 2_764_737  # the paper's networks, as notebooks 02 and 03 count them
    assert scaling.gradient_bytes(Config()) == 4 * weights
