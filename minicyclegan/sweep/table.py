"""The results of a sweep: measures of its members, the table, where it was measured, and a sheet of pictures."""

import csv
import datetime
import io
import os
import platform
import statistics
import subprocess
from pathlib import Path

from minicyclegan.course.files import PACKAGE
from minicyclegan.errors import RunError
from minicyclegan.grading.report import harmless
from minicyclegan.runs.files import read_json
from minicyclegan.sweep.plan import Row, Sweep, folder_name, written

MEASURES = ("held_out_ab", "held_out_ba", "cycle_a", "cycle_b", "seconds")
NOTES = (
    "step",
    "n_test_a",
    "n_test_b",
    "doing_nothing",
    "machine",
    "device",
    "threads",
    "torch",
    "commit",
    "date",
)


def measure(run_dir: Path, parameters: dict) -> dict:
    """Errors of a run's last checkpoint on all test pictures, from 0 (perfect) to 1 (black for white).

    `held_out_ab` and `held_out_ba` are the distances to the true pictures, `doing_nothing` the one that the input has;
    all three are None where the data are not paired. `cycle_a` and `cycle_b` are the distances between a picture and its
    way there and back, without lambda_cycle, so that runs with different weights can be compared. `seconds` is the time
    in the training loop.
    """
    import torch

    from minicyclegan.data import to_float
    from minicyclegan.datasets.named import load_domains
    from minicyclegan.runs.checkpoint import load
    from minicyclegan.runs.folder import read_metrics
    from minicyclegan.samples import held_out_error

    shape = [parameters[name] for name in ("data", "image_size", "load_size", "on_bad_image")]
    ways = {name: parameters[name] for name in ("value_range", "paired") if name in parameters}
    domains = load_domains(*shape, **ways)
    model = load(run_dir / "last.pt", parameters["device"])
    device = next(model.parameters()).device
    test_a, test_b = (p[list(range(len(p)))] for p in (domains.test_a, domains.test_b))
    found = {"held_out_ab": None, "held_out_ba": None, "doing_nothing": None}
    if domains.paired:
        found |= held_out_error(model, test_a, test_b)
        found["doing_nothing"] = float((test_a.float() - test_b.float()).abs().mean()) / 255
    ways = {
        "cycle_a": (test_a, model.generator_ab, model.generator_ba),
        "cycle_b": (test_b, model.generator_ba, model.generator_ab),
    }
    with torch.no_grad():
        for name, (pictures, there, back) in ways.items():
            total = 0.0
            for part in pictures.split(50):
                real = to_float(part).to(device)
                total += float((back(there(real)) - real).abs().mean()) / 2 * len(part)
            found[name] = total / len(pictures)
    found = {name: error if error is None else round(error, 6) for name, error in found.items()}
    records = read_metrics(run_dir / "metrics.jsonl")
    found |= {"seconds": training_seconds(records), "step": records[-1]["step"], "device": str(device)}
    return found | {"n_test_a": len(test_a), "n_test_b": len(test_b), "threads": torch.get_num_threads()}


def training_seconds(records: list[dict]) -> float:
    """The time in the training loop. The clock in metrics.jsonl restarts each time a run is resumed; the parts are added."""
    total = last = 0.0
    for record in records:
        if record["seconds"] < last:
            total += last
        last = record["seconds"]
    return round(total + last, 1)


def git(*arguments: str) -> str:
    """What git says about the folder of this package; empty without git."""
    command = ["git", "--no-optional-locks", *arguments]
    try:
        return subprocess.run(command, cwd=PACKAGE, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return ""


def provenance() -> dict:
    """Where and with what: machine, torch, commit of the checkout (`+` when it has changes, empty without git), date."""
    import torch

    processor = platform.processor() or platform.machine()
    if Path("/proc/cpuinfo").exists():
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                processor = line.split(":", 1)[1].strip()
                break
    machine = f"{processor}, {os.cpu_count()} cores, {platform.system()}"
    if torch.cuda.is_available():
        machine += f", {torch.cuda.get_device_name()}"
    commit = ""
    if git("ls-files", "__init__.py"):  # else it is somebody else's repository
        commit = git("rev-parse", "--short=10", "HEAD").strip()
        commit += "+" if git("status", "--porcelain", "-uno") else ""
    today = datetime.date.today().isoformat()
    return {"machine": machine, "torch": torch.__version__.split("+")[0], "commit": commit, "date": today}


def spread(values: list[float]) -> dict[str, object]:
    """n, mean, standard deviation between the runs (empty for one), smallest and largest; all empty for no values."""
    if not values:
        return {"mean": "", "sd": "", "min": "", "max": ""}
    sd = round(statistics.stdev(values), 5) if len(values) > 1 else ""
    return {
        "mean": round(statistics.fmean(values), 5),
        "sd": sd,
        "min": round(min(values), 5),
        "max": round(max(values), 5),
    }


def table(sweep: Sweep, results: dict[str, dict]) -> list[dict]:
    """One line per row of the sweep. `results` are the members' by name; a member that failed is not among them."""

    def line(row: Row) -> dict:
        members = [member.name for member in sweep.members if member.setting == row.setting]
        found = [results[name] for name in members if name in results]
        values = {
            "axis": row.axis,
            "value": written(row.value),
            "base": row.setting == "base",
            "n": len(found),
        }
        for name in MEASURES:
            numbers = [result[name] for result in found if result[name] is not None]
            values |= {f"{name}_{key}": number for key, number in spread(numbers).items()}
        return values

    return [line(row) for row in sweep.rows]


def cell(value: object) -> object:
    """A value of the table; a text that is not a number becomes one that no spreadsheet takes for a formula."""
    try:
        float(value)
    except (TypeError, ValueError):
        return harmless(value) if isinstance(value, str) else value
    return value


def as_csv(lines: list[dict]) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(lines[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows({key: cell(value) for key, value in line.items()} for line in lines)
    return text.getvalue().encode()


def write_results(sweep: Sweep, folder: Path, failed: dict[str, str]) -> list[Path]:
    """Write NAME.csv (a line per setting), members.csv, NAME.json (where and with what) and NAME.png into the folder.

    Returns the files written. Raises RunError if no member has finished.
    """
    from minicyclegan.runs.files import write_file, write_json

    results = {}
    for member in sweep.members:
        result = read_json(folder / folder_name(member.name) / "result.json")
        if result is not None and member.name not in failed:
            results[member.name] = result
    if not results:
        raise RunError(f"no member of {sweep.name} has finished, so there is no table")
    members = [
        {"setting": member.setting, "seed": member.parameters["seed"]}
        | {key: results[member.name][key] for key in (*MEASURES, *NOTES)}
        for member in sweep.members
        if member.name in results
    ]
    same = {key: list(dict.fromkeys(line[key] for line in members)) for key in NOTES}
    facts = {
        "sweep": sweep.name,
        "notebook": sweep.notebook.stem,
        "parameters": sweep.base,
        "seeds": sweep.seeds,
    }
    facts |= {key: values[0] if len(values) == 1 else values for key, values in same.items()}
    facts |= {"runs": len(members), "planned": len(sweep.members), "failed": failed}
    facts |= {"seconds_of_training": round(sum(line["seconds"] for line in members))}
    facts |= {"sheet": sheet(sweep, folder, list(results))}
    csv_file, members_file = folder / f"{sweep.name}.csv", folder / "members.csv"
    write_file(csv_file, lambda file: file.write(as_csv(table(sweep, results))))
    write_file(members_file, lambda file: file.write(as_csv(members)))
    write_json(folder / f"{sweep.name}.json", facts)
    picture = [folder / f"{sweep.name}.png"] if facts["sheet"] else []
    return [csv_file, members_file, folder / f"{sweep.name}.json", *picture]


def sheet(sweep: Sweep, folder: Path, finished: list[str], columns: int = 3) -> list[str]:
    """Write NAME.png from the members' last sample sheets, the first seed of each setting; returns the names of its rows.

    A row has `columns` pictures of A to B, then as many of B to A, without gaps; the first row holds the inputs. Returns
    an empty list, and writes nothing, where there are no samples.
    """
    from PIL import Image

    from minicyclegan.runs.files import write_file

    strips, size = {}, int(sweep.base.get("image_size", 0))
    for member in sweep.members:
        samples = sorted((folder / folder_name(member.name) / "samples").glob("step_*.png"))
        if member.name not in finished or member.setting in strips or not samples or not size:
            continue
        with Image.open(samples[-1]) as picture:  # six rows (see samples.sample_sheet) in frames of 2 px
            if picture.height != 6 * (size + 2) + 2:
                continue
            shown = min(columns, (picture.width - 2) // (size + 2))
            rows = {"input": (0, 3), member.setting: (1, 4)}
            for name, pair in rows.items():
                corners = [(2 + k * (size + 2), 2 + row * (size + 2)) for row in pair for k in range(shown)]
                strips.setdefault(name, [picture.crop((x, y, x + size, y + size)) for x, y in corners])
    if not strips:
        return []
    result = Image.new("RGB", (size * max(map(len, strips.values())), size * len(strips)))
    for y, pictures in enumerate(strips.values()):
        for x, picture in enumerate(pictures):
            result.paste(picture, (x * size, y * size))
    write_file(folder / f"{sweep.name}.png", lambda file: result.save(file, "PNG", optimize=True))
    return list(strips)
