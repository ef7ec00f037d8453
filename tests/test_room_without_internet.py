"""The recipe of docs/INSTRUCTORS.md for a room without internet: a wheel that carries the course, installed with --no-index.

PyTorch and the rest, 3 GB, are not downloaded here. In the room of the test they are those of the environment that runs the
tests, which stand in for the folder `wheels`; minicyclegan itself comes from its wheel alone.
"""

import importlib.util
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from conftest import LONG, ROOT, files_in

PARTS = "minicyclegan", "notebooks", "data"
RUBBISH = (  # what lies in a checkout that is used, and git ignores
    *(
        "data/downloads/horse2zebra.zip",
        "notebooks/.ipynb_checkpoints/02_generator.ipynb",
        "notebooks/runs/x/last.pt",
    ),
    *("notebooks/02_generator.executed.ipynb", "minicyclegan/__pycache__/data.cpython-311.pyc"),
)
NO_NET = """
import socket

connect = socket.socket.connect


def here_only(self, address):
    if self.family in (socket.AF_INET, socket.AF_INET6) and address[0] not in ("127.0.0.1", "::1", "localhost"):
        raise OSError(f"this room has no internet: {address}")
    return connect(self, address)


socket.socket.connect = here_only
"""


def run(*command, cwd: Path, **environment) -> subprocess.CompletedProcess:
    """Run a program without the settings of pip and Python that this environment may have."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("PIP_", "PYTHON"))}
    return subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=kept | environment,
        capture_output=True,
        text=True,
        timeout=300,
    )


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """The wheel of a copy of this checkout, in which rubbish lies about."""
    folder = tmp_path_factory.mktemp("wheel")
    for part in PARTS:
        ignored = [".*", "__pycache__", "downloads", "*.executed.ipynb"] + ["runs"] * (part == "notebooks")
        shutil.copytree(ROOT / part, folder / "copy" / part, ignore=shutil.ignore_patterns(*ignored))
    for name in ("pyproject.toml", "README.md", "LICENSE", ".gitignore"):
        shutil.copy(ROOT / name, folder / "copy" / name)
    for name in RUBBISH:
        (folder / "copy" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "copy" / name).write_text("rubbish")
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--wheel-dir", folder / "wheels", "."]
    if importlib.util.find_spec("hatchling"):
        made = run(*command, "--no-build-isolation", "--no-index", cwd=folder / "copy")
    else:  # with this environment's own settings of pip: they say where packages come from
        made = subprocess.run(
            [*command, "--retries", "0"], cwd=folder / "copy", capture_output=True, text=True
        )
        if made.returncode and "hatchling" in made.stderr:
            pytest.skip("hatchling is not installed (the extra `wheel`), and pip could not fetch it")
    assert made.returncode == 0, made.stderr
    (path,) = (folder / "wheels").glob("minicyclegan-*.whl")
    return path


def test_the_wheel_carries_the_course_and_nothing_that_git_ignores(wheel):
    inside = {
        name for name in zipfile.ZipFile(wheel).namelist() if not name.split("/")[0].endswith(".dist-info")
    }
    copy = wheel.parent.parent / "copy"
    expected = {f"minicyclegan/{name}" for name in files_in(copy / "minicyclegan")}
    expected |= {f"minicyclegan/{part}/{name}" for part in PARTS[1:] for name in files_in(copy / part)}
    rubbish = {name if name.startswith("minicyclegan") else f"minicyclegan/{name}" for name in RUBBISH}
    assert rubbish <= expected
    assert inside == expected - rubbish
    assert {
        f"minicyclegan/{name}"
        for name in ("notebooks/00_whole_game.ipynb", "data/seasons_64px.pt", "runs/folder.py")
    } <= inside
    assert wheel.stat().st_size < 20e6


def requirements_of_this_environment(shelf: Path) -> Path:
    """A folder with links to all that is installed here but minicyclegan."""
    shelf.mkdir()
    for site in (Path(place) for place in sys.path if Path(place).name == "site-packages"):
        for path in site.iterdir():
            own = "minicyclegan" in path.name.lower() or path.suffix == ".pth"
            if not own and not (shelf / path.name).exists():
                (shelf / path.name).symlink_to(path)
    return shelf


@LONG
@pytest.mark.skipif(os.name == "nt", reason="links to the requirements need rights on Windows")
def test_notebook_00_runs_in_an_empty_environment_without_internet(wheel, tmp_path):
    room = tmp_path / "room"
    room.mkdir()
    made = run(sys.executable, "-m", "venv", "--without-pip", room / ".venv", cwd=room)
    assert made.returncode == 0, made.stderr
    python = room / ".venv" / "bin" / "python"
    (site,) = (room / ".venv" / "lib").glob("python3.*/site-packages")
    shelf = requirements_of_this_environment(tmp_path / "shelf")
    (site / "requirements.pth").write_text(f"{shelf}\n")
    (site / "sitecustomize.py").write_text(NO_NET)
    command = [sys.executable, "-m", "pip", "--python", python, "install", "--no-index"]
    done = run(*command, "--find-links", wheel.parent, "minicyclegan", cwd=room, PIP_CONFIG_FILE=os.devnull)
    assert done.returncode == 0, done.stderr
    assert "Successfully installed minicyclegan" in done.stdout
    for code, said in (
        ("import minicyclegan; print(minicyclegan.__file__)", str(site)),
        ("import socket; socket.create_connection(('192.0.2.1', 80))", "this room has no internet"),
    ):
        shown = run(python, "-c", code, cwd=room)
        assert said in shown.stdout + shown.stderr
    command = room / ".venv" / "bin" / "minicyclegan"
    executed = run(command, "run", "00", "-o", "00_here.ipynb", cwd=room)
    assert executed.returncode == 0, executed.stderr
    assert "done: 00_here.ipynb" in executed.stdout and (room / "00_here.ipynb").stat().st_size > 100_000
    copies = run(command, "student", "handout", "--only", "02", cwd=room)
    assert copies.returncode == 0 and (room / "handout" / "02_generator.ipynb").exists(), copies.stderr
