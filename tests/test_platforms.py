"""What other systems rely on: no worker processes, nothing that happens on import, and a complete list of platforms."""

import json
import os
import re
import subprocess
import sys

import platforms
from conftest import ROOT
from records import RESULTS


def test_no_worker_processes_are_ever_needed():
    """On Windows and in notebooks they start the whole program again; batches are made where they are used."""
    sources = [*(ROOT / "minicyclegan").rglob("*.py"), *(ROOT / "notebooks").glob("*.ipynb")]
    assert len(sources) > 60
    for path in sources:
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"num_workers|DataLoader|multiprocessing|os\.fork|ProcessPool", text), path.name


IMPORTS = """
import ast, importlib, pathlib, pkgutil, sys, threading
import minicyclegan

# What others do when they are imported (matplotlib may write a cache) is not ours: they come first, by our own statements.
for path in pathlib.Path(minicyclegan.__file__).parent.rglob("*.py"):
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, (ast.Import, ast.ImportFrom)) and "minicyclegan" not in ast.unparse(node):
            exec(ast.unparse(node), {})

seen = []
starts = ("subprocess.Popen", "os.system", "os.fork", "os.exec", "os.posix_spawn", "os.startfile")
writes = ("os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.truncate", "os.utime", "os.chmod", "os.chdir")
reaches = ("socket.connect", "socket.bind", "socket.getaddrinfo")


def watch(event, details):
    if event in starts + writes + reaches:
        seen.append(event)
    if event == "open" and details[2] & 0o3 and "__pycache__" not in str(details[0]):  # not O_RDONLY
        seen.append(f"open {details[0]}")


start = threading.Thread.start
threading.Thread.start = lambda thread: (seen.append("thread"), start(thread))[1]
sys.addaudithook(watch)
names = [module.name for module in pkgutil.walk_packages(minicyclegan.__path__, "minicyclegan.")]
for name in names:
    importlib.import_module(name)
print(len(names) > 60, seen)
"""


def starts_on_import(root) -> str:
    """What the library under `root` does beyond defining when all its modules are imported."""
    done = subprocess.run(
        [sys.executable, "-B", "-c", IMPORTS],
        cwd=root,
        env=os.environ | {"PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_importing_the_library_starts_nothing():
    """No thread, no process, no file written, no connection: importing a module only defines things."""
    assert starts_on_import(ROOT) == "True []"


def test_the_platforms_are_those_that_pyproject_allows():
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    lowest = re.search(r'requires-python = ">=([\d.]+)"', text)[1]
    assert f"Python {lowest}" in platforms.CONDITIONS
    bounds = platforms.lower_bounds()
    assert {"torch==2.6", "torchvision==0.21", "pillow==10.3"} <= set(bounds)
    assert len(bounds) == text.split("dependencies = [")[1].split("\n]")[0].count('"') // 2
    for test in platforms.FAST:
        assert (ROOT / test).exists(), test


def test_every_condition_was_measured_and_passed():
    rows = json.loads((RESULTS / "platforms.json").read_text(encoding="utf-8"))
    for name in platforms.CONDITIONS:
        assert rows[name]["passed"] > 700 and rows[name]["failed"] == rows[name]["error"] == 0, name
