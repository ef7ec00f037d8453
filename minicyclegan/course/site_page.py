"""What a page of the site looks like: its frame, its style, and the table of the course."""

from html import escape

# What a page may load: the site's pictures and style. Nothing runs in it, whatever a text or an output holds.
POLICY = (
    "default-src 'none'; img-src 'self' file: data:; style-src 'self' file: 'unsafe-inline'; "
    "base-uri 'none'; form-action 'none'"
)
LONE_POLICY = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
)

STYLE = """:root { color-scheme: light dark; --ink: #1d2330; --paper: #ffffff; --soft: #f3f4f6; --line: #d0d5dd; --link: #0b57a4; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e4e7ec; --paper: #14171d; --soft: #1f242d; --line: #3a4150; --link: #8ec2ff; }
  img.math { filter: invert(1); }
}
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 0 1.2rem 4rem; max-width: 62rem; color: var(--ink); background: var(--paper);
  font: 1.05rem/1.6 system-ui, "Segoe UI", Roboto, "Helvetica Neue", "DejaVu Sans", sans-serif; }
a { color: var(--link); }
a.anchor-link { visibility: hidden; margin-left: .3em; text-decoration: none; }
:is(h1, h2, h3, h4):hover a.anchor-link, a.anchor-link:focus { visibility: visible; }
h1, h2, h3, h4 { line-height: 1.25; margin: 2rem 0 .8rem; }
nav { display: flex; flex-wrap: wrap; gap: .4rem 1.6rem; padding: .8rem 0; border-bottom: 1px solid var(--line); }
main + nav { border-bottom: 0; border-top: 1px solid var(--line); margin-top: 2rem; }
code, pre { font: .9rem/1.45 ui-monospace, "Cascadia Code", Menlo, Consolas, "DejaVu Sans Mono", monospace; }
p code, li code, td code { background: var(--soft); padding: .1em .3em; border-radius: 3px; }
pre { margin: 0; padding: .7rem .9rem; overflow-x: auto; font-size: clamp(.75rem, 1.5vw, .945rem); }
pre code { font-size: 1em; }
.output pre { white-space: pre-wrap; overflow-wrap: anywhere; }
.output pre.table { white-space: pre; font-size: clamp(.58rem, .9vw, .72rem); }
.input, .highlight { background: var(--soft); border-radius: 4px; }
.rendered_html .highlight, .rendered_html pre { margin: .8rem 0; background: var(--soft); }
.code_cell { margin: 1.2rem 0; }
.prompt { display: none; }
.output_wrapper { border-left: 3px solid var(--line); margin-top: .4rem; }
.output_png, .output_jpeg, .output_svg { padding: .4rem .9rem; }
img { max-width: 100%; height: auto; }
.output_png img, main > p img { background: #ffffff; }
.output_png img { display: block; }
img.math { background: none; }
.display { display: block; text-align: center; margin: 1rem 0; }
.output_stderr pre { border-left: 3px solid #b35900; }
table { border-collapse: collapse; margin: 1rem 0; display: block; overflow-x: auto; }
th, td { border: 1px solid var(--line); padding: .35rem .7rem; text-align: left; vertical-align: top; }
th { background: var(--soft); }
thead:not(:has(th:not(:empty))) { display: none; }
td.number { text-align: right; white-space: nowrap; }
details { border: 1px solid var(--line); border-radius: 4px; padding: .4rem .8rem; margin: .8rem 0; }
summary { cursor: pointer; font-weight: 600; }
details > .input { margin: .4rem -.8rem -.4rem; }
@media print { nav { display: none; } }
"""


def lone_page(title: str, body: str, style: str, head: str = "") -> str:
    """A page of one file that loads nothing and runs nothing; `body`, `style` and `head` (more meta tags) are as they are, `title` is text."""
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
{head}<meta http-equiv="Content-Security-Policy" content="{LONE_POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title, quote=True)}</title>
<style>
{style}</style>
</head>
<body>
{body}
</body>
</html>
"""


def page(title: str, body: str, style: str, home: str, around: str = "") -> str:
    """A whole page; `body` and `around` (links to its neighbours) are HTML, the rest is text."""
    link = '<a href="{}">Contents</a>'.format(escape(home, quote=True))
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<link rel="stylesheet" href="{escape(style, quote=True)}">
</head>
<body>
<nav aria-label="before the page">
{link}
{around}
</nav>
<main>
{body}
</main>
<nav aria-label="after the page">
{link}
{around}
</nav>
</body>
</html>
"""


def course_table(rows: list[tuple], picture: str, readme: str) -> str:
    """The body of the index. A row is (address, title, one line as HTML, minutes to read, minutes of exercises, their number)."""
    lines, sums = [], [0, 0, 0]
    for address, title, told, read, solve, exercises in rows:
        sums = [total + value for total, value in zip(sums, (read, solve, exercises))]
        practice = f"{solve} min ({exercises})" if exercises else "none"
        lines.append(
            f'<tr><td><a href="{escape(address, quote=True)}">{escape(title)}</a></td><td>{told}</td>'
            f'<td class="number">{read} min</td><td class="number">{practice}</td></tr>'
        )
    alt = "Held-out summer landscapes, their translation to winter and the way back; and winter, its translation to summer and back"
    image = f'<p><img alt="{alt}" src="{escape(picture, quote=True)}"></p>' if picture else ""
    more = (
        f'<p><a href="{escape(readme, quote=True)}">README</a>: how to install, the commands, what was measured.</p>'
        if readme
        else ""
    )
    return f"""<h1>miniCycleGAN</h1>
<p>Learn CycleGAN by building it: {len(rows)} notebooks that make every part of it step by step. It translates pictures between
two domains, summer and winter for instance, from unpaired examples.</p>
{image}
<h2>The course</h2>
<p>Reading takes about {sums[0] / 60:.0f} hours in all, and the {sums[2]} exercises about {sums[1] / 60:.0f} more. To change and run what you
read here, open the notebooks in JupyterLab.</p>
<table>
<thead><tr><th>lesson</th><th>you build</th><th>to read</th><th>exercises</th></tr></thead>
<tbody>
{chr(10).join(lines)}
</tbody>
</table>
{more}"""
