"""What machines read of `minicyclegan repro`: JUnit's XML, and a badge as a picture and as data for shields.io."""

import json
import os
from pathlib import Path
from xml.etree import ElementTree as ET

from minicyclegan.errors import RunError, printable
from minicyclegan.repro.compare import parts_of
from minicyclegan.repro.page import COLOURS
from minicyclegan.repro.words import difference_in_words, summary_line
from minicyclegan.runs.files import write_file

LABEL = "minicyclegan repro"
SHIELDS = {"same": "brightgreen", "differs": "orange", "could not run": "red"}


def require_writable(path: Path) -> None:
    """Refuse a file that could not be written after minutes of work. Raises RunError."""
    if path.is_dir():
        raise RunError(f"{path} is a folder; give --junit the name of a file")
    if not path.parent.is_dir():
        raise RunError(f"there is no folder {path.parent} for {path.name}; make it first")
    if not os.access(path.parent, os.W_OK):
        raise RunError(f"cannot write {path}: writing is not allowed there; choose another folder")


def junit(outcome: dict, result: dict) -> bytes:
    """One test case for each notebook and the probe: `failure` where it differs, `error` where it could not run."""
    verdicts = [one["verdict"] for one in parts_of(outcome).values()]
    seconds = sum(one.get("seconds", 0) for one in parts_of(result).values())
    counts = {
        "tests": str(len(verdicts)),
        "failures": str(verdicts.count("differs")),
        "errors": str(verdicts.count("could not run")),
        "time": f"{seconds:.1f}",
    }
    suites = ET.Element("testsuites", {"name": LABEL} | counts)
    suite = ET.SubElement(suites, "testsuite", {"name": result["profile"]} | counts)
    for name, one in parts_of(outcome).items():
        took = f"{parts_of(result)[name].get('seconds', 0):.1f}"
        about = {
            "classname": f"minicyclegan.repro.{result['profile']}",
            "name": printable(name),
            "time": took,
        }
        case = ET.SubElement(suite, "testcase", about)
        lines = [printable(difference_in_words(d)) for d in one["differences"]]
        if one["verdict"] == "could not run":
            ET.SubElement(case, "error", {"message": printable(one["reason"])})
        elif one["verdict"] == "differs":
            lines += [printable(f"provenance: {line}") for line in one["provenance"]]
            ET.SubElement(case, "failure", {"message": lines[0]}).text = "\n".join(lines)
    ET.indent(suites)
    return ET.tostring(suites, encoding="utf-8", xml_declaration=True) + b"\n"


def badge(verdict: str) -> str:
    """A small SVG: the name and the verdict. Widths by the number of letters, which the text is stretched to."""
    left, right = 7 * len(LABEL) + 12, 7 * len(verdict) + 14
    words = "".join(
        f'<text x="{x:g}" y="14" textLength="{7 * len(word):g}" text-anchor="middle">{word}</text>'
        for word, x in ((LABEL, left / 2), (verdict, left + right / 2))
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + right}" height="20" role="img" '
        f'aria-label="{LABEL}: {verdict}"><title>{LABEL}: {verdict}</title>'
        f'<rect width="{left}" height="20" rx="3" fill="#555"/>'
        f'<rect x="{left}" width="{right}" height="20" rx="3" fill="{COLOURS[verdict]}"/>'
        f'<g fill="#fff" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11">{words}</g></svg>\n'
    )


def write_for_machines(out: Path, outcome: dict, result: dict, junit_file: Path | None) -> list[Path]:
    """Write badge.svg, badge.json and summary.txt into the folder, and the JUnit file where one is asked for. Raises RunError."""
    shields = {
        "schemaVersion": 1,
        "label": LABEL,
        "message": outcome["verdict"],
        "color": SHIELDS[outcome["verdict"]],
    }
    contents = {
        out / "badge.svg": badge(outcome["verdict"]).encode(),
        out / "badge.json": (json.dumps(shields) + "\n").encode(),
        out / "summary.txt": (summary_line(outcome, result) + "\n").encode(),
    }
    if junit_file is not None:
        contents[junit_file] = junit(outcome, result)
    for path, content in contents.items():
        write_file(path, lambda file: file.write(content))
    return list(contents)
