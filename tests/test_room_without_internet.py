"""The recipe of docs/INSTRUCTORS.md for a room without internet: a wheel that carries the course, installed with --no-index.

PyTorch and the rest, 3 GB, are not downloaded here. In the room of the test they are those of the environment that runs the
tests, which stand in for the folder `wheels`, and no other than those that the wheel requires; minicyclegan itself comes from
its wheel alone.
"""

import importlib.util
import os
import shutil
import subprocess
import sys
import zipfile
from importlib.metadata import Distribution, PathDistribution
from pathlib import Path

import pytest
from conftest import LONG, ROOT, files_in
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

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


def required(
    distribution: Distribution, extras: frozenset[str] = frozenset(), found: dict | None = None
) -> dict:
    """What a package requires, and what that requires, as it is installed here: (name, extras) to the distribution."""
    found = {} if found is None else found
    for wanted in map(Requirement, distribution.requires or []):
        key = (canonicalize_name(wanted.name), frozenset(wanted.extras))
        needed = wanted.marker is None or any(wanted.marker.evaluate({"extra": e}) for e in {"", *extras})
        if needed and key not in found:
            found[key] = Distribution.from_name(wanted.name)
            required(found[key], key[1], found)
    return found


def requirements_of(wheel: Path, shelf: Path) -> Path:
    """A folder with links to what the wheel requires, and to nothing else that is installed here."""
    shelf.mkdir()
    (about,) = [path for path in zipfile.Path(wheel).iterdir() if path.name.endswith(".dist-info")]
    for distribution in required(PathDistribution(about)).values():
        for top in {file.parts[0] for file in distribution.files or []} - {"..", "__pycache__"}:
            if not (shelf / top).exists():
                (shelf / top).symlink_to(distribution.locate_file(top))
    return shelf


@pytest.fixture(scope="module")
def room(wheel, tmp_path_factory) -> Path:
    """A folder with an environment that holds the wheel and its requirements, in which no address outside is reached."""
    room = tmp_path_factory.mktemp("room")
    made = run(sys.executable, "-m", "venv", "--without-pip", room / ".venv", cwd=room)
    assert made.returncode == 0, made.stderr
    python = room / ".venv" / "bin" / "python"
    (site,) = (room / ".venv" / "lib").glob("python3.*/site-packages")
    shelf = requirements_of(wheel, room / "shelf")
    (site / "requirements.pth").write_text(f"{shelf}\n")
    (site / "sitecustomize.py").write_text(NO_NET)
    command = [sys.executable, "-m", "pip", "--python", python, "install", "--no-index", "--no-compile"]
    done = run(*command, "--find-links", wheel.parent, "minicyclegan", cwd=room, PIP_CONFIG_FILE=os.devnull)
    assert done.returncode == 0, done.stderr
    assert "Successfully installed minicyclegan" in done.stdout
    for code, said in (
        ("import minicyclegan; print(minicyclegan.__file__)", str(site)),
        ("import socket; socket.create_connection(('192.0.2.1', 80))", "this room has no internet"),
    ):
        shown = run(python, "-c", code, cwd=room)
        assert said in shown.stdout + shown.stderr
    return room


ON_POSIX = pytest.mark.skipif(os.name == "nt", reason="links to the requirements need rights on Windows")


@ON_POSIX
def test_a_notebook_alone_in_a_folder_runs_with_only_the_wheel_and_its_requirements(room, tmp_path):
    whole = (ROOT / "notebooks" / "00_whole_game.ipynb").read_text(encoding="utf-8")
    assert whole.count("n_test=200") == 1
    fewer = whole.replace("n_test=200", "n_test=50")  # 50 is the number that it shows
    (tmp_path / "00_whole_game.ipynb").write_text(fewer, encoding="utf-8")
    python = room / ".venv" / "bin" / "python"
    command = [python, "-m", "nbconvert", "--to", "notebook", "--execute", "--output", "done.ipynb"]
    done = run(*command, "00_whole_game.ipynb", cwd=tmp_path, OMP_NUM_THREADS="1")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "done.ipynb").stat().st_size > 100_000
    assert {path.name for path in tmp_path.iterdir()} == {"00_whole_game.ipynb", "done.ipynb"}


@LONG
@ON_POSIX
def test_the_commands_run_in_an_empty_environment_without_internet(room, tmp_path):
    command = room / ".venv" / "bin" / "minicyclegan"
    executed = run(command, "run", "00", "-o", "00_here.ipynb", cwd=tmp_path)
    assert executed.returncode == 0, executed.stderr
    assert "done: 00_here.ipynb" in executed.stdout
    assert (tmp_path / "00_here.ipynb").stat().st_size > 100_000
    copies = run(command, "student", "handout", "--only", "02", cwd=tmp_path)
    assert copies.returncode == 0 and (tmp_path / "handout" / "02_generator.ipynb").exists(), copies.stderr
