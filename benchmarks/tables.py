"""The tables of docs/PERFORMANCE.md, SCALING.md and RESULTS.md from the files in benchmarks/results: `python benchmarks/tables.py` puts them into the pages.

The table NAME goes between <!-- NAME --> and <!-- end -->; a test checks that the pages have what the files say.
"""

import json
import re
from pathlib import Path
from statistics import fmean, stdev

from minicyclegan.course.files import course_folder
from minicyclegan.parameters import METHODS
from minicyclegan.sweep.methods import COMPARED, read_runs

RESULTS = Path(__file__).parent / "results"
SWEEPS = course_folder() / "sweeps"
PAGE = Path(__file__).parent.parent / "docs" / "PERFORMANCE.md"


def read(name: str) -> dict:
    return json.loads((RESULTS / f"{name}.json").read_text())


def table(head: list[str], rows: list[list], where: dict) -> str:
    """Markdown: the first column left, all others right; the machine below."""
    lines = [head, ["---", *["--:"] * (len(head) - 1)], *rows]
    about = "{cpu}, {cores} cores, {threads} threads, torch {torch}, {date}".format(**where)
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines) + f"\n\n*{about}*"


def time_to_quality(name: str) -> str:
    found, rows = read(name), []
    for run in found["runs"]:
        last = run["rows"][-1]
        reached = ["not reached" if value is None else f"{value:.0f} s" for value in run["reached"].values()]
        rows.append([run["name"], f"{1000 * run['seconds_per_step']:.0f}", *reached, f"{last[0]:.0f} s: {100 * min(last[2:]):.1f} %"])  # fmt: skip
    levels = list(found["runs"][0]["reached"])
    return table(["", "ms a step", *levels, "at the end"], rows, found)


def small_step(name: str) -> str:
    found = read(name)
    rows = [
        [row["form"], f"{row['ms']:.1f}", f"{row['share']:.0%}", f"{row['difference']:.0e}"]
        for row in found["rows"]
    ]
    return table(["form", "ms a step", "share of the limit", "largest difference of a loss"], rows, found["machine"])  # fmt: skip


def step_memory() -> str:
    found = read("step_memory")
    rows = [[row["way"], row["batch"], f"{row['mib']:,}"] for row in found["rows"]]
    return table(["how the two directions are computed", "batch", "MiB that a step adds"], rows, found["machine"])  # fmt: skip


def step_on_cpu() -> str:
    found, rows = read("step_cpu"), []
    for row in found["rows"]:
        if "error" in row:
            rows.append([row["size"], row["variant"], f"failed: {row['error']}", "", "", ""])
            continue
        rows.append(
            [row["size"], f"{row['variant']}: {row['words']}", f"{row['ms']:.0f}", f"{row['ratio']:.2f}"]
            + [f"{row['tflops']:.3f}", f"{row['share_of_peak']:.0%}"]
        )
    return table(["size", "form", "ms a step", "times the reference's speed", "TFLOP/s", "of the fp32 peak"], rows, found["machine"])  # fmt: skip


def translation() -> str:
    found = read("translation")
    rows = [
        [row["network"], row["px"], row["pictures"], row["how"], f"{row['pictures_per_second']:.4g}"]
        for row in found["rows"]
    ]
    return table(["network", "px", "pictures", "how", "pictures a second"], rows, found["machine"])


def index() -> str:
    found = read("loading")
    rows = [
        [row["image_size"], "yes" if row["kept"] else "no", row["threads"], f"{row['seconds']:.2f}", row["memory_mib"]]
        for row in found["index"]
    ]  # fmt: skip
    return table(["image_size", "pictures kept in memory", "threads", "seconds", "memory, MiB"], rows, found["machine"])  # fmt: skip


def seasons() -> str:
    found = read("loading")
    rows = [[row["px"], row["threads"], row["images_per_second"]] for row in found["seasons"]]
    return table(["px", "threads", "pictures a second"], rows, found["machine"])


def waiting() -> str:
    found = read("loading")
    rows = [
        [row["what"], f"{row['plain_ms']:.1f}", f"{row['plain_waiting']:.2%}", f"{row['ahead_ms']:.1f}", f"{row['ahead_waiting']:.2%}"]
        for row in found["waiting"]
    ]  # fmt: skip
    head = ["a step and its batch", "ms, made when asked for", "of it waiting", "ms, made ahead", "of it waiting"]  # fmt: skip
    return table(head, rows, found["machine"])


def processes() -> str:
    found = read("processes")
    rows = []
    for name, values in found["seconds"].items():
        one, two, half = [1000 * value for value in list(values.values())[:3]]
        megabytes = values["bytes of gradients"] / 1e6
        rows.append([name, f"{one:.0f}", f"{two:.0f}", f"{two / one:.2f}", f"{half:.0f}", f"{megabytes:.1f}"])
    head = ["networks", "one process, 2 threads, ms", "two processes, ms", "ratio", "half of the batch alone, ms", "gradients, MB"]  # fmt: skip
    return table(head, rows, found["machine"])


def large_translation() -> str:
    found, rows = read("large_translation"), []
    for r in found["rows"]:
        differs = r.get("differs") or {"max": "", "mean": ""}
        rows += [
            [r["network"], r["px"], r["how"], r["cpu"], f"{r['peak']:,}", differs["max"], differs["mean"]]
        ]
    head = ["network", "px", "how", "processor's seconds", "peak, MiB", "differs at most", "on average"]
    return table(head, rows, found["machine"])


def step_on_gpu() -> str:
    found = read("gpu_step_h100")
    rows = [
        [f"{row['variant']}: {row['words']}", row["batch"], f"{row['ms']:.1f}", f"{row['ratio']:.2f}"]
        + [f"{row['share_of_peak']:.1%}", f"{row['memory_gib']:.2f}", f"{row.get('start_seconds', 0):.0f}"]
        for row in sorted(found["rows"], key=lambda row: (row["batch"], -row["ms"]))
        if "error" not in row
    ]
    head = [
        "form",
        "batch",
        "ms a step",
        "times the reference's speed",
        "of the bf16 peak",
        "GiB",
        "ready after s",
    ]
    return (
        table(head, rows, found["machine"])
        + f", {found['machine']['gpu']}, cuDNN {found['machine']['cudnn']}"
    )


def with_interval(found: dict, digits: int = 3) -> str:
    return "{mean:.{d}f} ({low:.{d}f} to {high:.{d}f})".format(d=digits, **found)


def old_photos() -> str:
    found, rows = read("old_photos"), []
    for row in found["rows"]:
        seconds = "" if row["seconds"] is None else f"{row['seconds']:.0f}"
        sides = [
            part
            for way in ("ab", "ba")
            for part in (with_interval(row[way]["l1"]), f"{row[way]['psnr']['mean']:.1f}")
        ]
        rows.append([row["way"], row["test"], *sides, seconds])
    head = ["", "tested on", "to old: L1", "PSNR", "to new: L1", "PSNR", "seconds of training"]
    return table(head, rows, found)


def global_skip() -> str:
    found, rows = read("global_skip"), []
    for row in found["rows"]:
        cells = []
        for way in ("ab", "ba"):
            seen = row[way]["distance"]
            cells += [f"{seen['translation']['mean']:.2f} ({seen['doing nothing']['mean']:.2f})"]
            cells += [f"{row[way]['l1']['mean']:.3f} ({row[way]['nothing']:.3f})" if "l1" in row[way] else ""]
        rows.append([row["data"], row["settings"], *cells])
    head = ["data", "settings", "A to B: distance", "L1", "B to A: distance", "L1"]
    return table(head, rows, found)


def methods() -> str:
    cost, rows = json.loads((SWEEPS / "methods_cost.json").read_text()), []
    ratios = {(row["data"], METHODS[row["method"]]): row["ratio"] for row in cost["steps"]}
    for data in COMPARED:
        runs, nothing = read_runs(data)
        rows.append([data, "doing nothing", "", "", f"{nothing:.3f}", f"{nothing:.3f}"])
        for name, row in runs.items():
            sides = [
                f"{fmean(row[way]):.3f} ± {stdev(row[way]):.3f}" for way in ("held_out_ab", "held_out_ba")
            ]
            time = ratios[data, name.partition(",")[0]] * row["steps"] / runs["CycleGAN"]["steps"]
            rows.append([data, name, row["steps"], f"{time:.2f}", *sides])
    head = ["data", "method", "steps", "time, CycleGAN = 1", "A to B: held-out error", "B to A"]
    return table(head, rows, cost["machine"])


TABLES = {
    "methods": methods,
    "old_photos": old_photos,
    "global_skip": global_skip,
    "gpu_step": step_on_gpu,
    "time_to_quality": lambda: time_to_quality("time_to_quality"),
    "time_to_quality_fp32": lambda: time_to_quality("time_to_quality_fp32"),
    "small_step": lambda: small_step("small_step"),
    "small_step_1": lambda: small_step("small_step_1"),
    "step_memory": step_memory,
    "step_cpu": step_on_cpu,
    "translation": translation,
    "large_translation": large_translation,
    "index": index,
    "seasons": seasons,
    "waiting": waiting,
    "processes": processes,
}


def filled(text: str) -> str:
    """The page with each table between its marks renewed."""
    pattern = r"<!-- (\w+) -->\n.*?<!-- end -->"
    return re.sub(
        pattern,
        lambda found: f"<!-- {found[1]} -->\n{TABLES[found[1]]()}\n<!-- end -->",
        text,
        flags=re.DOTALL,
    )


if __name__ == "__main__":
    for page in (PAGE, PAGE.with_name("SCALING.md"), PAGE.with_name("RESULTS.md")):
        page.write_text(filled(page.read_text(encoding="utf-8")), encoding="utf-8")
