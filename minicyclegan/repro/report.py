"""The reference files, and what `minicyclegan repro` says: lines, JSON and Markdown; the page is in repro/page.py."""

import re
from pathlib import Path

from minicyclegan.errors import RunError, printable
from minicyclegan.repro.compare import parts_of
from minicyclegan.repro.page import page
from minicyclegan.repro.run import FORMAT, PROFILES, TRAINING
from minicyclegan.repro.tolerances import IN_WORDS
from minicyclegan.repro.words import figures_in_words, first_sentence, how_compared, not_drawn, provenances
from minicyclegan.runs.files import read_json, write_file, write_json

SHOWN = 12  # differences of one notebook that are shown; the JSON file has all


def read_reference(folder: Path, profile: str) -> dict:
    """The committed reference of a profile. Raises RunError."""
    path = folder / f"{profile}.json"
    try:
        reference = read_json(path)
    except RunError:
        raise RunError(f"{path} is damaged; restore it from git, or remake it with --update") from None
    if reference is None:
        raise RunError(
            f"there is no reference {path}; on a machine you trust, `minicyclegan repro --profile {profile} --update` makes it"
        )
    notebooks = reference.get("notebooks") if isinstance(reference, dict) else None
    sound = isinstance(notebooks, dict) and all(isinstance(one, dict) for one in notebooks.values())
    if not sound or reference.get("format") != FORMAT:
        raise RunError(f"{path} is not a reference of this program ({FORMAT}); remake it with --update")
    return reference


def write_reference(folder: Path, result: dict, old: dict | None) -> Path:
    """Keep results as the reference; notebooks of the old one that did not run now stay. Raises RunError if one failed."""
    failed = [name for name, one in parts_of(result).items() if "failure" in one]
    if failed:
        raise RunError(f"the reference was left as it was, because {', '.join(failed)} could not run")
    folder.mkdir(parents=True, exist_ok=True)
    notebooks = dict(sorted(((old or {}).get("notebooks", {}) | result["notebooks"]).items()))
    for one in notebooks.values():  # what is wrong with a notebook's file now is no part of a result
        one["results"].pop("stale", None)
    path, probe = folder / f"{result['profile']}.json", result.get("probe", (old or {}).get("probe"))
    whole = result | {"tolerances": IN_WORDS, "notebooks": notebooks} | ({"probe": probe} if probe else {})
    write_json(path, whole)
    return path


def shown(value) -> str:
    """One value on one line, not too long."""
    words = repr(value) if isinstance(value, str) else str(value)
    return words if len(words) <= 160 else words[:157] + "..."


def difference_line(one: dict) -> str:
    line = f"{one['what']}: expected {shown(one['expected'])}, got {shown(one['got'])}"
    return line + (f", off by {one['by']}" if one["by"] else "") + f"; tolerance: {one['tolerance']}"


def verdict_lines(outcome: dict) -> list[str]:
    """What the command prints: a line for each notebook, below it what differs, and what differs in the provenance."""
    lines = []
    for name, one in parts_of(outcome).items():
        lines.append(f"{name}: {one['verdict']}" + (f": {one['reason']}" if "reason" in one else ""))
        lines += [f"  {difference_line(d)}" for d in one["differences"][:SHOWN]]
        if len(one["differences"]) > SHOWN:
            lines.append(f"  and {len(one['differences']) - SHOWN} more, in report.json")
        if one["verdict"] != "same":
            lines += [f"  provenance: {line}" for line in one["provenance"]]
            if one["verdict"] == "differs" and not one["provenance"]:
                lines.append("  provenance: nothing differs")
    return lines


def code(value, whole: bool = False) -> str:
    """A value as Markdown code that cannot end a table cell, a line, or the code itself."""
    words = printable(str(value)) if whole else shown(value)
    return "`" + words.strip("'").replace("`", "'").replace("|", "\\|").replace("\n", " ") + "`"


def label(name: str) -> str:
    """A name as it is if Markdown would find no markup in it, else as code."""
    return name if re.fullmatch(r"[\w :.-]*", name) else code(name)


def markdown(outcome: dict, reference: dict, result: dict) -> str:
    """The report for people: the verdict in a sentence, a table, what differs, and where and with what this ran, once."""
    sentence = first_sentence(outcome, reference, result)
    lines = [
        f"# minicyclegan repro: {outcome['verdict']}",
        "",
        in_text(sentence[0].upper() + sentence[1:]) + ".",
        "",
    ]
    lines += [
        f"Profile `{result['profile']}`, exit code {outcome['exit_code']}. {' '.join(figures_in_words(outcome))}"
    ]
    lines += [
        "",
        "| part | verdict | differences | figures compared | numbers and texts compared | seconds |",
    ]
    lines += ["|---|---|---|---|---|---|"]
    parts = parts_of(outcome)
    for name, one in parts.items():
        seconds, figures = (
            parts_of(result)[name].get("seconds", ""),
            one.get("figures", {}).get("compared", ""),
        )
        how = in_text(how_compared(one, *provenances(name, reference, result)))
        lines.append(
            f"| {label(name)} | {one['verdict']} | {len(one['differences'])} | {figures} | {how} | {seconds} |"
        )
    for name, one in parts.items():
        if one["verdict"] == "same":
            continue
        lines += ["", f"## {label(name)}: {one['verdict']}", ""]
        if "reason" in one:
            lines += [f"{code(one['reason'])}", ""]
        for d in one["differences"][:SHOWN]:
            by = f", off by {d['by']}" if d["by"] else ""
            said = (
                f"- {code(d['what'], whole=True)}: expected {code(d['expected'])}, got {code(d['got'])}{by}"
            )
            lines.append(f"{said}; tolerance: {d['tolerance']}")
        if len(one["differences"]) > SHOWN:
            lines.append(f"- and {len(one['differences']) - SHOWN} more, in report.json")
        for d in one["differences"]:
            if "pictures" in d:
                shown, alt = d["pictures"], code(d["figure"]["alt"], whole=True)
                lines += ["", f"{alt}, expected ({shown['known']}), got, and the difference:", ""]
                lines += ["| expected | got | difference |", "|---|---|---|"]
                names = ("expected", "got", "difference")
                lines += ["| " + " | ".join(f"![{what}]({shown[what]})" for what in names) + " |"]
        lines += ["", not_drawn(one)] if not_drawn(one) else []
        if one["provenance"]:
            lines += ["", "What differs in the provenance:", ""]
            lines += [f"- {code(line)}" for line in one["provenance"]]
    lines += ["", "## Where and with what", "", "| provenance | reference | here |", "|---|---|---|"]
    for name, old, here in provenance_rows(reference, result):
        lines.append(f"| {label(name)} | {code(old)} | {code(here)} |")
    lines += [
        "",
        "## Tolerances",
        "",
        f"Same surroundings: {IN_WORDS['same surroundings']}. Other surroundings:",
        "",
    ]
    lines += ["| number | tolerance |", "|---|---|"]
    lines += [f"| {name} | {size} |" for name, size in IN_WORDS["other surroundings"].items()]
    return "\n".join(lines) + "\n"


def in_text(sentence: str) -> str:
    """A sentence that may quote a notebook, fit for running text and for a table: what could be markup is code."""
    return sentence if re.fullmatch(r"[\w :;.,%()/+-]*", sentence) else code(sentence, whole=True)


def flat(name: str, provenance: dict) -> dict:
    """Provenance in words, without the modules' hashes; parameters and data each on a line of their own."""
    found = {}
    for key, value in provenance.items():
        if key == "data":
            found |= {f"data: {inner}": part for inner, part in value.items() if inner != "pictures"}
            for part, (number, mean, deviation) in value.get("pictures", {}).items():
                found[f"data: {part}"] = f"{number} pictures, mean {mean}, deviation {deviation}"
        elif key == "parameters":
            of = "" if name == TRAINING else f" of {name}"
            found |= {f"parameters{of}: {inner}": part for inner, part in value.items()}
        elif key == "commit":
            found[key] = value or "not a git checkout"
        elif key == "dirty":
            found["uncommitted changes"] = {True: "yes", False: "no"}.get(value, "unknown")
        elif key not in ("library", "source"):
            found[key] = value
    return found


def provenance_rows(reference: dict, result: dict) -> list[tuple[str, str, str]]:
    """Where and with what the reference and this result were made: (name, there, here), one row for all parts that agree."""
    here = {name: flat(name, one["provenance"]) for name, one in parts_of(result).items()}
    there = {name: flat(name, provenances(name, reference, result)[0]) for name in here}
    keys = list(dict.fromkeys(key for facts in here.values() for key in facts))
    return [(key, agreed(there, key), agreed(here, key)) for key in keys]


def agreed(facts: dict[str, dict], key: str) -> str:
    """The value that all parts have which have one; where they do not agree, each value with its parts."""
    values = {}
    for name, one in facts.items():
        if key in one:
            values.setdefault(str(one[key]), []).append(name.split("_")[0])
    if len(values) < 2:
        return next(iter(values), "")
    return "; ".join(f"{value} ({', '.join(names)})" for value, names in values.items())


def write_report(out: Path, outcome: dict, reference: dict, result: dict) -> list[Path]:
    """Write report.json, report.md and report.html into the folder. Raises RunError."""
    whole = {
        "profile": result["profile"],
        "device": PROFILES[result["profile"]].device,
        "tolerances": IN_WORDS,
        "sentence": first_sentence(outcome, reference, result),
    }
    whole |= {key: outcome[key] for key in ("verdict", "exit_code")}
    olds, news = parts_of(reference), parts_of(result)

    def told(name: str, one: dict) -> dict:
        return one | {"reference": olds.get(name, {}).get("provenance"), "here": news[name]}

    whole["notebooks"] = {name: told(name, one) for name, one in outcome["notebooks"].items()}
    if "probe" in outcome:
        whole["probe"] = told("probe", outcome["probe"])
    write_json(out / "report.json", whole)
    texts = {
        "report.md": markdown(outcome, reference, result),
        "report.html": page(out, outcome, reference, result, provenance_rows(reference, result)),
    }
    for name, content in texts.items():
        write_file(out / name, lambda file: file.write(content.encode()))
    return [out / "report.html", out / "report.md", out / "report.json"]
