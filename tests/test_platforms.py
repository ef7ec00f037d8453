"""What other systems rely on: no worker processes, nothing that happens on import, and a list of platforms that is complete."""

import re
import subprocess
import sys

import platforms
from conftest import ROOT


def test_no_worker_processes_are_ever_needed():
    """On Windows and in notebooks they start the whole program again; batches are made where they are used."""
    sources = [*(ROOT / "minicyclegan").rglob("*.py"), *(ROOT / "notebooks").glob("*.ipynb")]
    assert len(sources) > 60
    for path in sources:
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"num_workers|DataLoader|multiprocessing|os\.fork|ProcessPool", text), path.name


def test_importing_the_library_starts_nothing():
    """No thread, no process, no file that is written, no connection: a module that is imported only defines."""
    script = (
        "import sys, threading, torch, torchvision\n"
        "seen = []\n"
        "def watch(event, details):\n"
        "    if event in ('subprocess.Popen', 'os.system', 'os.fork', 'os.posix_spawn', 'socket.connect', 'os.mkdir'):\n"
        "        seen.append(event)\n"
        "    if event == 'open' and isinstance(details[1], str) and set(details[1]) & set('wax+') and '__pycache__' not in str(details[0]):\n"
        "        seen.append(str(details[0]))\n"
        "sys.addaudithook(watch)\n"
        "before = threading.active_count()\n"
        "import minicyclegan, minicyclegan.training, minicyclegan.translate, minicyclegan.downloads, minicyclegan.cli\n"
        "print(seen, threading.active_count() - before)"
    )
    command = [sys.executable, "-B", "-c", script]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[] 0"


def test_the_platforms_are_those_that_pyproject_allows():
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    lowest = re.search(r'requires-python = ">=([\d.]+)"', text)[1]
    assert f"Python {lowest}" in platforms.CONDITIONS
    bounds = platforms.lower_bounds()
    assert {"torch==2.6", "torchvision==0.21", "pillow==10.3"} <= set(bounds)
    assert len(bounds) == text.split("dependencies = [")[1].split("\n]")[0].count('"') // 2
    for test in platforms.FAST:
        assert (ROOT / test).exists(), test
