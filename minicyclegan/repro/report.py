"""The reference files, and what `minicyclegan repro` says: lines, JSON and Markdown."""

import re
from pathlib import Path

from minicyclegan.errors import RunError
from minicyclegan.repro.compare import IN_WORDS
from minicyclegan.repro.run import FORMAT, PROFILES
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
    failed = [name for name, one in result["notebooks"].items() if "failure" in one]
    if failed:
        raise RunError(f"the reference was left as it was, because {', '.join(failed)} could not run")
    folder.mkdir(parents=True, exist_ok=True)
    notebooks = dict(sorted(((old or {}).get("notebooks", {}) | result["notebooks"]).items()))
    path = folder / f"{result['profile']}.json"
    write_json(path, result | {"tolerances": IN_WORDS, "notebooks": notebooks})
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
    for name, one in outcome["notebooks"].items():
        lines.append(f"{name}: {one['verdict']}" + (f": {one['reason']}" if "reason" in one else ""))
        lines += [f"  {difference_line(d)}" for d in one["differences"][:SHOWN]]
        if len(one["differences"]) > SHOWN:
            lines.append(f"  and {len(one['differences']) - SHOWN} more, in report.json")
        if one["verdict"] != "same":
            lines += [f"  provenance: {line}" for line in one["provenance"]]
            if one["verdict"] == "differs" and not one["provenance"]:
                lines.append("  provenance: nothing differs")
    return lines


def code(value) -> str:
    """A value as Markdown code that cannot end a table cell, a line, or the code itself."""
    return "`" + shown(value).strip("'").replace("`", "'").replace("|", "\\|").replace("\n", " ") + "`"


def label(name: str) -> str:
    """A name as it is if Markdown would find no markup in it, else as code."""
    return name if re.fullmatch(r"[\w :.-]*", name) else code(name)


def markdown(outcome: dict, reference: dict, result: dict) -> str:
    """The report for people."""
    lines = [f"# minicyclegan repro: {outcome['verdict']}", ""]
    lines += [f"Profile `{result['profile']}`, exit code {outcome['exit_code']}.", ""]
    lines += ["| notebook | verdict | differences | surroundings | seconds |", "|---|---|---|---|---|"]
    for name, one in outcome["notebooks"].items():
        seconds = result["notebooks"][name].get("seconds", "")
        around = one.get("surroundings", "")
        lines.append(
            f"| {label(name)} | {one['verdict']} | {len(one['differences'])} | {around} | {seconds} |"
        )
    for name, one in outcome["notebooks"].items():
        lines += ["", f"## {label(name)}: {one['verdict']}", ""]
        if "reason" in one:
            lines += [f"{code(one['reason'])}", ""]
        for d in one["differences"][:SHOWN]:
            by = f", off by {d['by']}" if d["by"] else ""
            said = f"- {code(d['what'])}: expected {code(d['expected'])}, got {code(d['got'])}{by}"
            lines.append(f"{said}; tolerance: {d['tolerance']}")
        if len(one["differences"]) > SHOWN:
            lines.append(f"- and {len(one['differences']) - SHOWN} more, in report.json")
        if one["provenance"]:
            lines += ["", "What differs in the provenance:", ""]
            lines += [f"- {code(line)}" for line in one["provenance"]]
        old = reference.get("notebooks", {}).get(name, {}).get("provenance", {})
        lines += ["", "| provenance | reference | here |", "|---|---|---|"]
        for key, here in flat(result["notebooks"][name]["provenance"]).items():
            lines.append(f"| {label(key)} | {code(flat(old).get(key, ''))} | {code(here)} |")
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


def flat(provenance: dict) -> dict:
    """Provenance without the modules' hashes, parameters and data each on a line of their own."""
    found = {}
    for key, value in provenance.items():
        if key in ("parameters", "data"):
            found |= {f"{key}: {name}": inner for name, inner in value.items()}
        elif key != "library":
            found[key] = value
    return found


def write_report(out: Path, outcome: dict, reference: dict, result: dict) -> list[Path]:
    """Write report.json and report.md into the folder. Raises RunError."""
    whole = {
        "profile": result["profile"],
        "device": PROFILES[result["profile"]].device,
        "tolerances": IN_WORDS,
    }
    whole |= {key: outcome[key] for key in ("verdict", "exit_code")}
    whole["notebooks"] = {
        name: one
        | {"reference": reference.get("notebooks", {}).get(name, {}).get("provenance")}
        | {"here": result["notebooks"][name]}
        for name, one in outcome["notebooks"].items()
    }
    write_json(out / "report.json", whole)
    page = markdown(outcome, reference, result)
    write_file(out / "report.md", lambda file: file.write(page.encode()))
    return [out / "report.json", out / "report.md"]
