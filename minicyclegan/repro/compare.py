"""Compare what notebooks and the probe gave with the reference, within the tolerances, for `minicyclegan repro`."""

import difflib

from minicyclegan.repro.figures import compare_figures
from minicyclegan.repro.tolerances import PLACE, difference, number, text

VERDICTS = {"same": 0, "differs": 1, "could not run": 2}  # and the exit codes


def aligned(old: list[dict], new: list[dict], key: str) -> list[tuple[int, int, int, int]]:
    """Which parts of two lists belong together by a key: ranges in the old and in the new one."""
    keys = [[cell[key] for cell in cells] for cells in (old, new)]
    return [code[1:] for code in difflib.SequenceMatcher(None, *keys, autojunk=False).get_opcodes()]


def paired_cells(old: list[dict], new: list[dict]) -> tuple[list[dict], list[tuple[int, int]]]:
    """Cells that are missing or new, as differences; and which cells belong together, by their numbers from 0."""
    found, pairs = [], []
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
    return found, pairs


def compare_cells(old: list[dict], new: list[dict], same: bool) -> tuple[list[dict], list[str]]:
    """Differences of the cells' texts, cells that are missing or new, and notes on cells that were edited."""
    (found, pairs), notes = paired_cells(old, new), []
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


def compare_probe(old: dict, new: dict, same: bool) -> list[dict]:
    """Differences of the probe's numbers, in the order in which they came about."""
    found = []
    for name in new | old:
        found += number(name, old.get(name), new.get(name), "numbers of the probe", same)
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
    for name in (*PLACE, "matplotlib", "commit", "dirty", "source"):
        label = {"source": "notebook source hash", "dirty": "uncommitted changes"}.get(name, name)
        a, b = (part.get(name, "not recorded") for part in (old, new))
        lines += [] if a == b else [f"{label}: {a} in the reference, {b} here"]
    changed = changed_modules(old, new)
    return lines + ([f"library modules that changed: {', '.join(changed)}"] if changed else [])


def changed_modules(old: dict, new: dict) -> list[str]:
    """The modules of the library whose text is another one, such as "fast/norm"."""
    a, b = old["library"], new["library"]
    return [name for name in sorted(a | b) if a.get(name) != b.get(name)]


def compare_notebook(old: dict | None, new: dict, update: bool = False) -> dict:
    """Verdict on one notebook or the probe: `differences`, what differs in the `provenance`, and how it was compared."""
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
    outcome, notes = {"surroundings": "same" if same else "other"}, []
    # In the order in which one thing leads to the next, as the first difference is the one that is told
    found = compare_data(old["provenance"]["data"], new["provenance"]["data"], same)
    for line in b.get("not_run", []):
        found.append(difference(f"the cell `{line}` did not run", "ran", "did not run"))
    if "records" in a and "records" in b:
        found += compare_training(a, b, same)
    if "numbers" in a and "numbers" in b:
        found += compare_probe(a["numbers"], b["numbers"], same)
    if "cells" in a and "cells" in b:
        if a["committed_outputs"] != b["committed_outputs"]:
            what = "code cells that carry outputs in the notebook file, before it is run"
            found.append(difference(what, a["committed_outputs"], b["committed_outputs"]))
        cells, notes = compare_cells(a["cells"], b["cells"], same)
        pairs = paired_cells(a["cells"], b["cells"])[1]
        drawn_alike = same and old["provenance"].get("matplotlib") == new["provenance"].get("matplotlib")
        figures, outcome["figures"] = compare_figures(a["cells"], b["cells"], pairs, drawn_alike)
        named = [one["figure"] for one in figures]
        stale = [one for one in b.get("stale", []) if one["figure"] not in named]
        found += cells + figures + stale
    elif "figures" in b:
        outcome["figures"] = {"compared": 0, "left out": {"this profile compares numbers only": b["figures"]}}
    return outcome | {
        "verdict": "differs" if found else "same",
        "differences": found,
        "provenance": compare_provenance(old["provenance"], new["provenance"]) + notes,
        "changed": changed_modules(old["provenance"], new["provenance"]),
        "edited": bool(notes),
        "probe": "numbers" in b,
    }


def compare(reference: dict, result: dict, update: bool = False) -> dict:
    """Verdicts on all notebooks that ran, and on the probe; the worst of them is the whole `verdict`.

    With `update`, a notebook that has no reference yet is not a fault.
    """
    verdicts = {
        name: compare_notebook(reference.get("notebooks", {}).get(name), new, update)
        for name, new in result["notebooks"].items()
    }
    outcome = {"notebooks": verdicts}
    if "probe" in result:
        outcome["probe"] = compare_notebook(reference.get("probe"), result["probe"], update)
    worst = max((one["verdict"] for one in parts_of(outcome).values()), key=VERDICTS.get)
    return {"verdict": worst, "exit_code": VERDICTS[worst]} | outcome


def parts_of(whole: dict) -> dict[str, dict]:
    """The notebooks and the probe of a reference, of a result, or of what was said about it, by name."""
    return whole.get("notebooks", {}) | ({"probe": whole["probe"]} if "probe" in whole else {})
