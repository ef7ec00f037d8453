"""The report of `minicyclegan repro` as one HTML page that needs neither network nor script: to publish, or to send."""

import base64
import re
from pathlib import Path

from minicyclegan.course.site_page import STYLE, lone_page
from minicyclegan.repro.compare import parts_of
from minicyclegan.repro.tolerances import IN_WORDS
from minicyclegan.repro.words import (
    difference_in_words,
    figures_in_words,
    first_sentence,
    how_compared,
    not_drawn,
    part_in_words,
    provenances,
)
from minicyclegan.serve.results_html import text

SHOWN = 12  # differences of one part that the page shows at once; the others are folded
COLOURS = {"same": "#2d7a46", "differs": "#b35900", "could not run": "#b3261e"}
OWN_STYLE = """
body { max-width: 72rem; }
h2 { padding-top: .6rem; border-top: 1px solid var(--line); }
.verdict { display: inline-block; padding: .1rem .7rem; border-radius: 1rem; color: #fff; white-space: nowrap; }
.first { font-size: 1.15rem; }
.first, li, td { overflow-wrap: anywhere; }
.shown { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(17rem, 100%), 1fr)); gap: .8rem; margin: 1rem 0; }
.shown figure { margin: 0; }
.shown img { width: 100%; border: 1px solid var(--line); background: #fff; }
.shown figcaption { font-size: .9rem; }
.shown + h4 { margin-top: 1.6rem; }
"""


def words(line: str) -> str:
    """A line as HTML, with what stands between `backticks` as code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", text(line))


def word_list(lines: list[str]) -> str:
    return "<ul>\n" + "\n".join(f"<li>{words(line)}</li>" for line in lines) + "\n</ul>"


def verdict_tag(verdict: str) -> str:
    return f'<span class="verdict" style="background: {COLOURS[verdict]}">{text(verdict)}</span>'


def table(head: list[str], rows: list[list[str]]) -> str:
    """A table whose cells are HTML."""
    top = "".join(f'<th scope="col">{text(name)}</th>' for name in head)
    lines = "\n".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table>\n<thead><tr>{top}</tr></thead>\n<tbody>\n{lines}\n</tbody>\n</table>"


def picture(path: Path, caption: str) -> str:
    content = base64.b64encode(path.read_bytes()).decode()
    return (
        f'<figure><img alt="{text(caption)}" src="data:image/png;base64,{content}">'
        f"<figcaption>{text(caption)}</figcaption></figure>"
    )


def figures_side_by_side(out: Path, one: dict) -> str:
    """Expected, got and difference of every figure that was drawn."""
    parts = []
    for d in one["differences"]:
        if "pictures" in d:
            shown = d["pictures"]
            captions = {
                "expected": f"expected, {shown['known']}",
                "got": "got",
                "difference": "difference: white is equal, black a third of the range off or more",
            }
            pictures = "".join(picture(out / shown[what], caption) for what, caption in captions.items())
            where = f"code cell {d['figure']['cell']}: {d['figure']['alt']}"
            parts.append(f'<h4>{text(where)}</h4>\n<div class="shown">{pictures}</div>')
    return "\n".join([*parts, f"<p>{not_drawn(one)}</p>" if not_drawn(one) else ""])


def section(out: Path, name: str, one: dict) -> str:
    """What differs in one part; empty where nothing does."""
    if one["verdict"] == "same":
        return ""
    body = [f"<h2>{text(part_in_words(name).capitalize())}: {verdict_tag(one['verdict'])}</h2>"]
    if "reason" in one:
        body.append(f"<p>{words(one['reason'])}</p>")
    lines = [f"{difference_in_words(d)} (tolerance: {d['tolerance']})" for d in one["differences"]]
    body += [word_list(lines[:SHOWN])] if lines else []
    if len(lines) > SHOWN:
        more = f"and {len(lines) - SHOWN} more"
        body.append(f"<details><summary>{more}</summary>\n{word_list(lines[SHOWN:])}\n</details>")
    body.append(figures_side_by_side(out, one))
    if one["provenance"]:
        body.append(f"<p>What is different here:</p>\n{word_list(one['provenance'])}")
    return "\n".join(body)


def page(
    out: Path, outcome: dict, reference: dict, result: dict, provenance: list[tuple[str, str, str]]
) -> str:
    """The whole page. `out` is the folder in which the pictures of differing figures are, `provenance` the rows of its table."""
    sentence = first_sentence(outcome, reference, result)
    rows = []
    for name, one in parts_of(outcome).items():
        figures = one.get("figures", {}).get("compared", "")
        seconds = parts_of(result)[name].get("seconds", "")
        how = text(how_compared(one, *provenances(name, reference, result)))
        cells = [text(name), verdict_tag(one["verdict"]), text(len(one["differences"])), text(figures), how]
        rows.append([*cells, text(seconds)])
    head = ["part", "verdict", "differences", "figures compared", "numbers and texts compared", "seconds"]
    sections = "\n".join(section(out, name, one) for name, one in parts_of(outcome).items())
    about = [[text(cell) for cell in row] for row in provenance]
    sizes = [[text(name), text(size)] for name, size in IN_WORDS["other surroundings"].items()]
    title = f"minicyclegan repro: {outcome['verdict']}"
    body = f"""<main>
<h1>minicyclegan repro: {verdict_tag(outcome["verdict"])}</h1>
<p class="first">{words(sentence[0].upper() + sentence[1:])}.</p>
<p>Profile {text(result["profile"])}, exit code {outcome["exit_code"]}. {text(" ".join(figures_in_words(outcome)))}</p>
{table(head, rows)}
{sections}
<h2>Where and with what</h2>
{table(["", "reference", "here"], about)}
<h2>Tolerances</h2>
<p>In the same surroundings {text(IN_WORDS["same surroundings"])}. In other surroundings:</p>
<details><summary>the tolerance of each kind of number</summary>
{table(["number", "tolerance"], sizes)}
</details>
</main>"""
    return lone_page(title, body, STYLE + OWN_STYLE)
