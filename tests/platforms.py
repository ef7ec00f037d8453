"""The fast suite on other Pythons, other versions and in awkward places: `python tests/platforms.py --help`.

Makes a clone of this repository's last commit and the virtual environments that are missing, runs the tests in each
condition, prints a table and keeps it as tests/results/platforms.json. Needs Linux, git, the Pythons it is told of, several
GB of disk and about half an hour; the read-only checkout needs root (it is mounted so).
"""

import argparse
import ast
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# What shows in about two minutes whether the library works: networks, losses, data, training, resuming, translating, bad
# input, the mirror, and two notebooks. Left out: browsers, exercises and grading, which say more about other programs.
FAST = [
    f"tests/test_{name}.py"
    for name in ("networks", "losses_and_gradients", "data", "training", "exact_resume")
]
FAST += [
    f"tests/test_{name}.py"
    for name in ("bad_input", "translate", "translate_files", "presets", "mirror", "progress")
]
FAST += ["notebooks/02_generator.ipynb", "notebooks/05_cycle_consistency.ipynb"]

ASCII = {"LC_ALL": "C", "LANG": "C"}
CONDITIONS = {  # name: (Python, oldest versions?, environment, how the checkout is placed)
    "Python 3.11": ("3.11", False, {}, "plain"),
    "Python 3.12": ("3.12", False, {}, "plain"),
    "Python 3.13": ("3.13", False, {}, "plain"),
    "oldest versions": ("3.11", True, {}, "plain"),
    "path with spaces and letters": ("3.11", False, {}, "letters"),
    "read-only checkout": ("3.11", False, {"PYTHONDONTWRITEBYTECODE": "1"}, "read-only"),
    "another working directory": ("3.11", False, {}, "elsewhere"),
    "HOME unset": ("3.11", False, {"HOME": None}, "plain"),
    "locale C": ("3.11", False, ASCII, "plain"),
    "locale C, ASCII only": ("3.11", False, ASCII | {"PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}, "plain"),
}


def lower_bounds() -> list[str]:
    """Every dependency of pyproject.toml at its lowest allowed version."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8").split("dependencies = [")[1].split("\n]")[0]
    return [f"{name}=={version}" for name, version in re.findall(r'"([a-z-]+)[>=]=([\d.]+)"', text)]


def environment(folder: Path, python: str, oldest: bool) -> Path:
    """A virtual environment with everything but the package itself; made where it is missing."""
    venv = folder / f"venv-{'oldest' if oldest else python}"
    if not (venv / "ready").exists():
        pyenv = Path.home().glob(f".pyenv/versions/{python}.*/bin/python")
        program = next((str(path) for path in pyenv), f"python{python}")
        subprocess.run([program, "-m", "venv", venv], check=True)
        names = [pair.split("==")[0] for pair in lower_bounds()]
        wanted = lower_bounds() if oldest else names
        subprocess.run([venv / "bin" / "python", "-m", "pip", "install", "--quiet", *wanted], check=True)
        (venv / "ready").touch()
    return venv / "bin" / "python"


def run(name: str, folder: Path) -> dict:
    python, oldest, changes, place = CONDITIONS[name]
    program = environment(folder, python, oldest)
    clone = folder / ("Käse und Brot 漢字/mini CycleGAN" if place == "letters" else "plain")
    if not clone.exists():
        clone.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
    subprocess.run(["git", "fetch", "--quiet", "origin"], cwd=clone, check=True)
    subprocess.run(["git", "reset", "--quiet", "--hard", "FETCH_HEAD"], cwd=clone, check=True)
    env = os.environ | {"PYTHONPATH": str(clone), "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    for variable, value in changes.items():
        env.pop(variable, None)
        env |= {} if value is None else {variable: value}
    command = [
        str(program),
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "--rootdir",
        str(clone),
        "-c",
        str(clone / "pyproject.toml"),
    ]
    command += [str(clone / test) for test in FAST]
    cwd = clone
    if place == "elsewhere":
        cwd = folder / "elsewhere"
        cwd.mkdir(exist_ok=True)
        command += ["--nbval-sanitize-with", str(clone / "tests" / "nbval_sanitize.cfg")]
    if place == "read-only":
        mount = 'mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" && cd "$0" && ! touch x 2>/dev/null && exec "$@"'
        command = ["unshare", "-m", "sh", "-c", mount, str(clone), *command]
    asked = (
        "import minicyclegan, torch, torchvision, platform; print(ascii(minicyclegan.__file__)); "
        "print('Python', platform.python_version() + ', torch', torch.__version__ + ', torchvision', torchvision.__version__)"
    )
    told = subprocess.run(
        [program, "-c", asked], cwd="/", env=env, capture_output=True, text=True, check=True
    )
    where, versions = told.stdout.split("\n")[:2]
    assert Path(ast.literal_eval(where)).parent.parent == clone, f"another checkout would be tested: {where}"
    started = time.monotonic()
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=clone, capture_output=True, text=True
    ).stdout
    done = subprocess.run(
        command, cwd=cwd, env=env, capture_output=True, text=True, encoding="utf-8", errors="replace"
    )
    (folder / f"{name}.log").write_text(done.stdout + done.stderr, encoding="utf-8")
    counts = {
        word: int(n)
        for n, word in re.findall(r"(\d+) (passed|failed|skipped|error)", done.stdout.strip().split("\n")[-1])
    }
    counts = {word: counts.get(word, 0) for word in ("passed", "failed", "skipped", "error")}
    return {
        "versions": versions,
        "commit": commit.strip(),
        **counts,
        "exit code": done.returncode,
        "seconds": round(time.monotonic() - started),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("conditions", nargs="*", help=f"some of: {', '.join(CONDITIONS)}")
    parser.add_argument("--workdir", type=Path, default=Path("build/platforms"))
    given = parser.parse_args()
    given.workdir.mkdir(parents=True, exist_ok=True)
    sys.path.insert(0, str(ROOT / "tests"))
    from records import RESULTS, record

    os.environ["MINICYCLEGAN_RECORD"] = "1"
    kept = RESULTS / "platforms.json"  # conditions that are not asked for keep what was measured before
    results = json.loads(kept.read_text(encoding="utf-8")) if kept.exists() else {}
    for name in given.conditions or CONDITIONS:
        results[name] = run(name, given.workdir.resolve())
        record("platforms", **{name: results[name] for name in CONDITIONS if name in results})
    sys.exit(any(results[name]["exit code"] for name in given.conditions or CONDITIONS))


if __name__ == "__main__":
    main()
