"""Compare what notebooks gave with the reference, within stated tolerances, for `minicyclegan repro`.

With the same surroundings (machine, processor, versions, device cpu, threads) everything must be equal to the last digit, as it
was in two runs, with one thread and with two. In other surroundings sums are rounded in a different order, and a GAN amplifies
small differences: after ten steps single losses differed by a factor of three. Measured with notebook 07 against one thread with AVX-512:
two threads, AVX2, and SSE4.1 (ATEN_CPU_CAPABILITY, ONEDNN_MAX_CPU_ISA) in the smoke profile, AVX2 in the cpu profile. The
tolerances are three to thirty times the largest difference seen, which stands beside each.
"""

import difflib
import math
import re
from decimal import Decimal

VERDICTS = {"same": 0, "differs": 1, "could not run": 2}  # and the exit codes
PLACE = ("machine", "processor", "device", "threads", "python", "torch", "torchvision", "numpy")

# Relative tolerances in other surroundings: name to (tolerance, largest difference measured)
TOLERANCES = {
    "loss of step 1": (1e-5, "3e-7"),
    "loss of step 2": (5e-3, "5e-4"),
    "cycle loss, mean of 20 steps or more": (0.2, "0.09"),
    "held-out error after step 1": (5e-4, "3e-5"),
    "held-out error after step 2": (2e-2, "2e-3"),
    "held-out error up to step 1000": (0.5, "0.16"),
    "held-out error after step 1000": (0.15, "0.043"),
    "size of a network's weights": (0.03, "0.008"),
    "evaluation: share of the gap closed": (0.01, "0.002"),
    "evaluation: other numbers": (0.15, "0.031"),
    "mean and deviation of drawn pictures": (1e-4, "0"),
    "learning rate": (1e-9, "0"),
}
IN_WORDS = {
    "same surroundings": "every number and every text is compared exactly",
    "other surroundings": {
        name: f"{size:g} relative ({seen} measured)" for name, (size, seen) in TOLERANCES.items()
    }
    | {
        "numbers in printed text": "one unit in the last digit printed; whole numbers and words exactly",
        "files of pictures, parameters, number of cells": "none",
        "other losses and the accuracies": "not compared, only finite: they differed by up to 270 %",
    },
}
NUMBER = re.compile(r"(?<![\w.])([-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?)(?!\w)")


def difference(what: str, expected, got, tolerance: str = "exact") -> dict:
    """One thing that differs. `by` is empty unless both are numbers."""
    by, numbers = "", all(type(value) in (int, float) for value in (expected, got))
    if numbers:
        by = f"{got - expected:+.3g}" + (f" ({(got - expected) / abs(expected):+.2%})" if expected else "")
    return {"what": what, "expected": expected, "got": got, "by": by, "tolerance": tolerance}


def number(what: str, expected, got, rule: str | None, same: bool) -> list[dict]:
    """The difference of two numbers, if it is larger than allowed. Without a rule, only the same surroundings compare it."""
    if expected is None or got is None:
        return [] if expected == got else [difference(what, expected, got)]
    if not same and rule is None:
        return [] if math.isfinite(got) else [difference(what, expected, got, "finite")]
    size = 0.0 if same else TOLERANCES[rule][0]
    if abs(got - expected) <= size * abs(expected):  # false for nan, as it should be
        return []
    return [difference(what, expected, got, "exact" if same else f"{size:g} relative")]


def text(what: str, expected: str, got: str, same: bool) -> list[dict]:
    """The first difference of two printed texts."""
    if expected == got:
        return []
    a, b = NUMBER.split(expected), NUMBER.split(got)
    if len(a) == len(b) and a[::2] == b[::2]:  # only numbers differ
        for old, new in zip(a[1::2], b[1::2]):
            last = max(Decimal(old).as_tuple().exponent, Decimal(new).as_tuple().exponent)
            allowed = Decimal(1).scaleb(last) if last < 0 and not same else 0
            if old != new and (same or abs(Decimal(new) - Decimal(old)) > allowed):
                tolerance = f"{allowed} (one unit in the last digit)" if allowed else "exact"
                return [difference(what, float(old), float(new), tolerance)]
        return []
    for old, new in zip([*expected.splitlines(), None], [*got.splitlines(), None]):
        if old != new:
            return [difference(what, old, new)]
    return [difference(what, expected[-80:], got[-80:])]


def aligned(old: list[dict], new: list[dict], key: str) -> list[tuple[int, int, int, int]]:
    """Which parts of two lists belong together by a key: ranges in the old and in the new one."""
    keys = [[cell[key] for cell in cells] for cells in (old, new)]
    return [code[1:] for code in difflib.SequenceMatcher(None, *keys, autojunk=False).get_opcodes()]


def compare_cells(old: list[dict], new: list[dict], same: bool) -> tuple[list[dict], list[str]]:
    """Differences of the cells' texts, cells that are missing or new, and notes on cells that were edited."""
    found, notes, pairs = [], [], []
    for i, i_end, j, j_end in aligned(old, new, "source"):
        # In a part that changed, cells with the same first line were edited, and so were the others if both sides have equally many
        for k, k_end, m, m_end in aligned(old[i:i_end], new[j:j_end], "first_line"):
            if k_end - k == m_end - m:
                pairs += zip(range(i + k, i + k_end), range(j + m, j + m_end))
                continue
            for n in range(i + k, i + k_end):
                what = f"code cell {n + 1} of the reference (`{old[n]['first_line']}`) is not in the notebook any more"
                found.append(difference(what, "a cell", "no cell"))
            for n in range(j + m, j + m_end):
                what = f"code cell {n + 1} (`{new[n]['first_line']}`) is not in the reference"
                found.append(difference(what, "no cell", "a cell"))
    for i, j in pairs:
        what = f"code cell {j + 1} (`{new[j]['first_line']}`)"
        if old[i]["source"] != new[j]["source"]:
            notes.append(f"{what} was edited")
        if (old[i]["text"] is None) != (new[j]["text"] is None):
            found.append(
                difference(f"{what}: whether its output is compared", old[i]["text"], new[j]["text"])
            )
        elif old[i]["text"] is not None:
            found += text(f"{what} printed", old[i]["text"], new[j]["text"], same)
    return found, notes


def rule_for(name: str, step: int, window: int) -> str | None:
    """Which tolerance holds in other surroundings for a number in metrics.jsonl that is a mean over `window` steps."""
    if name == "learning_rate":
        return "learning rate"
    if name.startswith("held_out"):
        if step <= 2:
            return f"held-out error after step {step}"
        if step <= 1000:
            return "held-out error up to step 1000"
        return "held-out error after step 1000"
    if name.startswith("accuracy"):
        return None
    if step <= 2 and window == 1:
        return f"loss of step {step}"
    if name == "cycle" and window >= 20:
        return "cycle loss, mean of 20 steps or more"
    return None


def compare_training(old: dict, new: dict, same: bool) -> list[dict]:
    """Differences of two runs of notebook 07: parameter file, records, weights, evaluation."""
    found = []
    for name in old["config"] | new["config"]:
        a, b = (part["config"].get(name) for part in (old, new))
        found += [] if a == b else [difference(f"config.json: {name}", a, b)]
    records = [{record["step"]: record for record in part["records"]} for part in (old, new)]
    if list(records[0]) != list(records[1]):
        found.append(difference("metrics.jsonl: the steps", list(records[0]), list(records[1])))
    steps, before = [step for step in records[0] if step in records[1]], 0
    for step in steps:
        a, b = (part[step] for part in records)
        for name in a | b:
            rule = rule_for(name, step, step - before)
            found += number(f"metrics.jsonl: {name} at step {step}", a.get(name), b.get(name), rule, same)
        before = step
    a, b = old["weights"], new["weights"]
    for name in a["norms"] | b["norms"]:
        what = f"last.pt: size of the weights of {name}"
        found += number(what, a["norms"].get(name), b["norms"].get(name), "size of a network's weights", same)
    if same and a["sha256"] != b["sha256"]:
        found.append(difference("last.pt: hash of all weights", a["sha256"], b["sha256"]))
    a, b = old.get("evaluation", {}), new.get("evaluation", {})
    for name in a | b:
        rule = "share of the gap closed" if name.startswith("gap_closed") else "other numbers"
        found += number(f"evaluation: {name}", a.get(name), b.get(name), f"evaluation: {rule}", same)
    return found


def compare_data(old: dict, new: dict, same: bool) -> list[dict]:
    """Differences of the pictures. Another processor may round a drawn byte differently; a file may not change."""
    found, names = [], [name for name in old | new if name.startswith("hash")]
    for name in names:
        a, b = (f"{part.get(name)} ({part['name']})" for part in (old, new))
        if a != b and (same or name == "hash of files"):
            found.append(difference(f"data {name}", a, b))
    for part, values in new["pictures"].items():
        for name, a, b in zip(("number", "mean", "deviation"), old["pictures"][part], values):
            rule = "mean and deviation of drawn pictures"
            exactly = same or name == "number"
            found += number(f"data: {name} of the pictures in {part}", a, b, rule, exactly)
    return found


def compare_provenance(old: dict, new: dict) -> list[str]:
    """What differs in where and with what two results were made, one line each."""
    lines = []
    for name in old["parameters"] | new["parameters"]:
        a, b = (part["parameters"].get(name, "not a parameter") for part in (old, new))
        lines += [] if a == b else [f"{name}: {a} in the reference, {b} here"]
    for name in old["data"] | new["data"]:
        a, b = (part["data"].get(name, "none") for part in (old, new))
        lines += [] if a == b else [f"data {name}: {a} in the reference, {b} here"]
    for name in (*PLACE, "commit", "dirty", "source"):
        label = {"source": "notebook source hash", "dirty": "uncommitted changes"}.get(name, name)
        lines += (
            [] if old[name] == new[name] else [f"{label}: {old[name]} in the reference, {new[name]} here"]
        )
    a, b = old["library"], new["library"]
    changed = [name for name in sorted(a | b) if a.get(name) != b.get(name)]
    return lines + ([f"library modules that changed: {', '.join(changed)}"] if changed else [])


def compare_notebook(old: dict | None, new: dict, update: bool = False) -> dict:
    """Verdict on one notebook: `differences`, what differs in the `provenance`, and which surroundings were compared."""
    nothing = {"differences": [], "provenance": []}
    if "failure" in new:
        if old and "parameters" in new["provenance"]:
            nothing["provenance"] = compare_provenance(old["provenance"], new["provenance"])
        return {"verdict": "could not run", "reason": new["failure"]} | nothing
    if old is None and update:
        return {"verdict": "same", "reason": "new in the reference"} | nothing
    if old is None:
        reason = "there is no reference for it; --update makes one"
        return {"verdict": "could not run", "reason": reason} | nothing
    places = [{name: part["provenance"][name] for name in PLACE} for part in (old, new)]
    same = places[0] == places[1] and places[1]["device"] == "cpu"
    a, b = old["results"], new["results"]
    found = compare_data(old["provenance"]["data"], new["provenance"]["data"], same)
    for line in b["not_run"]:
        found.append(difference(f"the cell `{line}` did not run", "ran", "did not run"))
    notes = []
    if "cells" in a and "cells" in b:
        if a["committed_outputs"] != b["committed_outputs"]:
            what = "code cells that carry outputs in the notebook file, before it is run"
            found.append(difference(what, a["committed_outputs"], b["committed_outputs"]))
        cells, notes = compare_cells(a["cells"], b["cells"], same)
        found += cells
    if "records" in a and "records" in b:
        found += compare_training(a, b, same)
    return {
        "verdict": "differs" if found else "same",
        "surroundings": "same" if same else "other",
        "differences": found,
        "provenance": compare_provenance(old["provenance"], new["provenance"]) + notes,
    }


def compare(reference: dict, result: dict, update: bool = False) -> dict:
    """Verdicts on all notebooks that ran, and the worst of them as the whole `verdict`.

    With `update`, a notebook that has no reference yet is not a fault.
    """
    verdicts = {
        name: compare_notebook(reference.get("notebooks", {}).get(name), new, update)
        for name, new in result["notebooks"].items()
    }
    worst = max((one["verdict"] for one in verdicts.values()), key=VERDICTS.get)
    return {"verdict": worst, "exit_code": VERDICTS[worst], "notebooks": verdicts}
