"""Run notebooks again and collect what they give and where, to compare with the reference, for `minicyclegan repro`."""

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from minicyclegan.course.execution import THREADS
from minicyclegan.course.files import PACKAGE
from minicyclegan.errors import MiniCycleGANError, RunError
from minicyclegan.repro.facts import (
    cells_of,
    code_cells,
    data_facts,
    data_name,
    evaluation_results,
    not_run,
    short_hash,
    surroundings,
    training_results,
    why_failed,
)
from minicyclegan.repro.figures import stale_figures
from minicyclegan.repro.pictures import pngs_of
from minicyclegan.runs.files import read_json
from minicyclegan.sweep.run import GRACE

TRAINING = "07_train"
FORMAT = "minicyclegan-repro-1"


@dataclass(frozen=True)
class Profile:
    """What one kind of check runs: notebooks by the first digits of their names, and the settings of notebook 07."""

    notebooks: tuple[str, ...]
    file: str  # settings of 07 in notebooks/configs/, or empty for its defaults
    settings: dict = field(hash=False)
    evaluate: bool  # whether `minicyclegan evaluate` is run on the trained networks
    device: str
    minutes: int  # a notebook that takes longer is taken to hang
    probe: bool = False  # whether repro/probe.py runs too: three short trainings with everything switched on


PROFILES = {
    # Every step is written down: the first two say most, see repro/compare.py
    "smoke": Profile(
        ("00", "01", "02", "03", "06", "07"),
        "",
        {"steps": 8, "sample_every": 1, "checkpoint_every": 8, "device": "cpu", "precision": "fp32"},
        False,
        "cpu",
        10,
        probe=True,
    ),
    "cpu": Profile(("07",), "cpu", {"device": "cpu", "precision": "fp32"}, True, "cpu", 60),
    "gpu": Profile(("07",), "seasons_128", {"device": "cuda"}, True, "cuda", 360),
}


def chosen_notebooks(profile: Profile, only: str, folder: Path) -> list[Path]:
    """The notebooks of a profile, or those whose names begin as `only` says, such as "02,07". Raises RunError.

    The word `probe` in `only` is not a notebook: see `with_probe`.
    """
    found, begins = [], [part.strip() for part in only.split(",") if part.strip()]
    for begin in [part for part in begins if part != "probe"] if begins else profile.notebooks:
        paths = sorted(path for path in folder.glob("*.ipynb") if path.name.startswith(begin))
        if not paths:
            known = ", ".join(path.stem for path in sorted(folder.glob("*.ipynb")))
            raise RunError(f"there is no notebook {begin}; the course has {known}")
        found += [path for path in paths if path not in found]
    return found


def with_probe(profile: Profile, only: str) -> bool:
    """Whether the probe runs: where the profile has it, or where `only` names it."""
    return "probe" in [part.strip() for part in only.split(",")] or (profile.probe and not only.strip(", "))


def parameters_for(path: Path, profile: Profile, pairs: tuple[str, ...]) -> tuple[dict, dict]:
    """What a notebook is given, and all its parameters including defaults. Raises ParameterError before anything runs."""
    from minicyclegan.course.settings import parameters_of, read_parameters
    from minicyclegan.datasets.presets import settings_file
    from minicyclegan.parameters import Config, brings_its_data

    declared, given = parameters_of(path), {}
    if path.stem == TRAINING:
        file = settings_file(profile.file) if profile.file else None
        given = read_parameters((), file, declared) | profile.settings
        given |= read_parameters(pairs, None, declared)
        data = given.get("data", "seasons")
        if not brings_its_data(data) and Path(data).is_dir():
            given["data"] = str(Path(data).resolve())  # the notebook runs in its own folder
    whole = {name: given.get(name, default) for name, (_, default) in declared.items()}
    if path.stem == TRAINING:
        Config(**{name: value for name, value in whole.items() if name in Config.__dataclass_fields__})
    return given, whole


def run_child(
    arguments: list[str], threads: int, cwd: Path, log: Path, seconds: float, module: str = "minicyclegan.cli"
) -> str | None:
    """Run `minicyclegan ARGUMENTS` in a process of its own; None if it ended well, else why not. Its output goes to the log."""
    environment = os.environ | dict.fromkeys(THREADS, str(threads)) | {"PYTHONUNBUFFERED": "1"}
    with open(log, "ab") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            cwd=cwd,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
        )
        try:
            code = process.wait(seconds)
        except subprocess.TimeoutExpired:
            return f"it was stopped after {seconds:.0f} s"
        finally:  # also when this program is interrupted; papermill shuts its kernel down at SIGTERM
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.terminate()
                process.wait(GRACE)
            process.kill()
            process.wait()
    if code == 0:
        return None
    lines = [line for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    if code > 0 and lines:
        return lines[-1].strip().removeprefix("minicyclegan: ")
    return f"it was ended by signal {-code}" if code < 0 else f"it ended with exit code {code}"


def run_one(
    path: Path, profile: Profile, pairs: tuple[str, ...], out: Path, place: dict, minutes: float
) -> dict:
    """Run one notebook; returns its provenance and results, or with `failure` why it could not run."""
    import yaml

    given, whole = parameters_for(path, profile, pairs)
    folder = out / path.stem
    folder.mkdir(parents=True)
    executed, log, run_dir = folder / path.name, folder / "log.txt", folder / "run"
    if path.stem == TRAINING:
        given = given | {"run_dir": str(run_dir)}
    (folder / "parameters.yaml").write_text(yaml.safe_dump(given), encoding="utf-8")
    shown = {name: value for name, value in whole.items() if name != "run_dir"}
    if "data" in shown:
        shown["data"] = data_name(shown["data"])
    committed = code_cells(path)
    found = {
        "provenance": place
        | {
            "seed": whole.get("seed", "set inside the notebook"),
            "parameters": shown,
            "data": data_facts(whole),
            "source": short_hash("\n".join(cell.source for cell in committed)),
        }
    }
    started = time.monotonic()
    command = ["run", str(path), "-o", str(executed)]
    command += ["-f", str(folder / "parameters.yaml")] if given else []
    reason = run_child(command, place["threads"], path.parent, log, minutes * 60)
    if reason is not None:
        return found | {"failure": why_failed(executed, reason)}
    results = {"not_run": not_run(executed)}
    if not profile.evaluate:
        # The long runs are about numbers: their reference outlives a better sentence in 07
        results["committed_outputs"] = sum(bool(cell.outputs) for cell in committed)
        results["cells"] = cells_of(executed, out)
        if not given:  # a run with other parameters draws other figures than those in the file
            results["stale"] = stale_figures(committed, results["cells"], code_cells(executed))
    else:
        results["figures"] = sum(len(pngs_of(cell)) for cell in code_cells(executed))
    if path.stem == TRAINING:
        results |= training_results(run_dir)
        if profile.evaluate:
            answer = folder / "evaluation.json"
            command = ["evaluate", str(run_dir), "--json", "--device", profile.device]
            reason = run_child(command, place["threads"], out, answer, minutes * 60)
            if reason is not None:
                return found | {"failure": f"its evaluation failed: {reason}"}
            text = answer.read_text(encoding="utf-8")
            report, _ = json.JSONDecoder().raw_decode(text[text.index("{") :])
            results["evaluation"] = evaluation_results(report)
    return found | {"results": results, "seconds": round(time.monotonic() - started, 1)}


def about_probe(place: dict) -> dict:
    """The provenance of the probe, which brings its own parameters and pictures."""
    data = {"name": "pictures of the probe", "pictures": {}}
    source = short_hash((PACKAGE / "repro" / "probe.py").read_bytes())
    return place | {"seed": "set inside the probe", "parameters": {}, "data": data, "source": source}


def run_probe(out: Path, place: dict, minutes: float) -> dict:
    """Run the probe; returns its provenance and numbers, or with `failure` why it could not run."""
    folder, started, found = out / "probe", time.monotonic(), {"provenance": about_probe(place)}
    folder.mkdir(parents=True)
    given = [str(folder / "numbers.json")], place["threads"], folder, folder / "log.txt", minutes * 60
    reason = run_child(*given, module="minicyclegan.repro.probe")
    if reason is not None:
        return found | {"failure": reason}
    results = {"numbers": read_json(folder / "numbers.json")}
    return found | {"results": results, "seconds": round(time.monotonic() - started, 1)}


def run_all(
    name: str,
    notebooks: list[Path],
    pairs: tuple[str, ...],
    out: Path,
    threads: int,
    minutes: float | None = None,
    report: Callable[[str], None] = print,
    probe: bool = False,
) -> dict:
    """Run the notebooks of a profile, one after the other; returns what a reference or a report is made of.

    A notebook that fails does not stop the others. Raises RunError or ParameterError before anything runs.
    """
    profile = PROFILES[name]
    if pairs and TRAINING not in [path.stem for path in notebooks]:
        raise RunError(f"-p sets parameters of {TRAINING}, which is not among the chosen notebooks")
    for path in notebooks:
        parameters_for(path, profile, pairs)
    place, found = surroundings(threads, profile.device), {}
    for path in notebooks:
        try:
            one = run_one(path, profile, pairs, out, place, minutes or profile.minutes)
        except (MiniCycleGANError, OSError, KeyError, ValueError) as error:  # its data or its results
            one = {"provenance": place, "failure": f"{type(error).__name__}: {error}"}
        found[path.stem] = one
        report(f"{path.stem:<22} {how_it_went(one)}")
    whole = {"format": FORMAT, "profile": name, "notebooks": found}
    if probe:
        whole["probe"] = run_probe(out, place, minutes or profile.minutes)
        report(f"{'probe':<22} {how_it_went(whole['probe'])}")
    return whole


def how_it_went(one: dict) -> str:
    return f"could not run: {one['failure']}" if "failure" in one else f"{one['seconds']:.0f} s"
