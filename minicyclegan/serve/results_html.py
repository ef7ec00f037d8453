"""What the page of `minicyclegan results` looks like: one file that needs neither network nor script."""

import base64
import io
from html import escape

from PIL import Image

from minicyclegan.course.site_page import STYLE, lone_page
from minicyclegan.errors import printable

MARK = '<meta name="generator" content="minicyclegan results">'  # a page that has it may be written anew
SMALL = 128  # px up to which a picture is kept to the bit, as PNG; larger ones are JPEG
LARGEST = 400  # px of the longer side on the page
OWN_STYLE = """
body { max-width: 78rem; }
h2 { padding-top: .6rem; border-top: 1px solid var(--line); }
nav { border-bottom: 0; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1.2rem; }
dt { font-weight: 600; }
dd { margin: 0; overflow-wrap: anywhere; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; background: var(--soft); border-radius: 4px; }
table.pictures { display: table; width: 100%; table-layout: fixed; }
.pictures thead th { position: sticky; top: 0; z-index: 1; }
.pictures :is(th, td) { padding: .4rem; }
.pictures th:first-child { width: 9.5rem; }
.pictures tbody th { font-weight: 400; overflow-wrap: anywhere; }
.pictures tbody th span { display: block; font-size: .9rem; margin-top: .4rem; }
.pictures td { text-align: center; vertical-align: middle; }
.pictures img { display: block; margin: 0 auto; width: 100%; max-width: 25rem; }
.pictures img.small { image-rendering: pixelated; max-width: 16rem; }
.curves { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(22rem, 100%), 1fr)); gap: 1.2rem; }
figure { margin: 0; }
figcaption ul { list-style: none; display: flex; flex-wrap: wrap; gap: .1rem 1.2rem; margin: .3rem 0; padding: 0; }
svg text { fill: var(--ink); font-size: 15px; }
svg .grid { stroke: var(--line); }
svg polyline, figcaption path { fill: none; stroke-width: 2; }
:is(polyline, path).line0 { stroke: #2f7fc1; }
:is(polyline, path).line1 { stroke: #c7641a; stroke-dasharray: 7 3; }
:is(polyline, path).line2 { stroke: #2d8a57; stroke-dasharray: 2 2; }
:is(polyline, path).line3 { stroke: #9a5fb0; stroke-dasharray: 10 3 2 3; }
circle.line0 { fill: #2f7fc1; }
circle.line1 { fill: #c7641a; }
circle.line2 { fill: #2d8a57; }
circle.line3 { fill: #9a5fb0; }
@media (max-width: 40rem) {
  dl { grid-template-columns: 1fr; }
  dt { margin-top: .4rem; }
  .pictures tbody th { display: block; width: auto; border-bottom: 0; }
  .pictures thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  .pictures tr { display: flex; flex-wrap: wrap; }
  .pictures tbody th { flex: 1 0 100%; }
  .pictures td { flex: 1 1 0; }
}
@media print { .pictures thead th { position: static; } tr, figure { break-inside: avoid; } }
"""


def text(value: object) -> str:
    """Anything from outside as HTML text, fit also for an attribute: names of files can hold tags and control characters."""
    return escape(printable(str(value)), quote=True)


def picture_tag(picture: Image.Image, alt: str) -> str:
    """An <img> that holds its picture: as it is up to SMALL px, as JPEG above, and at most LARGEST px."""
    if max(picture.size) > LARGEST:
        picture = picture.copy()
        picture.thumbnail((LARGEST, LARGEST), Image.Resampling.LANCZOS)
    small, content = max(picture.size) <= SMALL, io.BytesIO()
    if small:
        picture.save(content, "PNG", optimize=True)
    else:
        picture.save(content, "JPEG", quality=90)
    source = f"data:image/{'png' if small else 'jpeg'};base64,{base64.b64encode(content.getvalue()).decode()}"
    size = f'width="{picture.width}" height="{picture.height}"'
    return f'<img{" class=" + chr(34) + "small" + chr(34) if small else ""} {size} alt="{text(alt)}" src="{source}">'


def picture_row(name: str, error: str, pictures: list[tuple[Image.Image, str]]) -> str:
    """A row of the table: the name, what is measured, and pictures with their words for those who cannot see them."""
    cells = "".join(f"<td>{picture_tag(picture, alt)}</td>" for picture, alt in pictures)
    measured = f"<span>{text(error)}</span>" if error else ""
    return f'<tr><th scope="row">{text(name)}{measured}</th>{cells}</tr>'


def picture_table(caption: str, columns: list[str], rows: list[str]) -> str:
    """A table of rows from `picture_row`; the first column has the names."""
    head = "".join(f'<th scope="col">{text(column)}</th>' for column in ["picture", *columns])
    body = "\n".join(rows)
    return (
        f'<table class="pictures" aria-label="{text(caption)}">\n<thead><tr>{head}</tr></thead>\n'
        f"<tbody>\n{body}\n</tbody>\n</table>"
    )


def facts_list(facts: dict[str, object]) -> str:
    """Names and values, as a list."""
    return (
        "<dl>\n"
        + "\n".join(f"<dt>{text(name)}</dt><dd>{text(value)}</dd>" for name, value in facts.items())
        + "\n</dl>"
    )


def text_list(lines: list[str]) -> str:
    return "<ul>\n" + "\n".join(f"<li>{text(line)}</li>" for line in lines) + "\n</ul>"


def command_block(command: str) -> str:
    return f"<pre><code>{text(command)}</code></pre>"


def result_page(title: str, sections: dict[str, str]) -> str:
    """The whole page: a heading, a list of the sections, and the sections, whose bodies are HTML."""
    links, bodies = [], []
    for number, (heading, body) in enumerate(sections.items(), start=1):
        links.append(f'<a href="#s{number}">{text(heading)}</a>')
        bodies.append(
            f'<section aria-labelledby="s{number}">\n<h2 id="s{number}">{text(heading)}</h2>\n{body}\n</section>'
        )
    body = f"""<main>
<h1>{text(title)}</h1>
<nav aria-label="sections">
{chr(10).join(links)}
</nav>
{chr(10).join(bodies)}
</main>"""
    return lone_page(printable(title), body, STYLE + OWN_STYLE, f"{MARK}\n")
