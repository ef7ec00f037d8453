"""HTML for the site: of texts and programs, and what is changed in a notebook's HTML."""

import re
from html import escape, unescape
from html.parser import HTMLParser
from pathlib import Path

from minicyclegan.course.site_formulas import with_formulas

RUNS = "script iframe frame object embed applet base form meta link".split()  # run, load or lead elsewhere
SCHEMES = {"href": ("http", "https", "mailto"), "src": ("http", "https", "data")}


class Scripts(HTMLParser):
    """Collects in `found` what would run in the reader's browser. The page's policy stops it too; this says where it is."""

    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attributes):
        if tag.split(":")[-1] in RUNS:
            self.found.append(f"<{tag}>")
        for name, value in attributes:
            if name.startswith("on") or name in ("srcdoc", "formaction"):
                self.found.append(f"{name}= of <{tag}>")
            elif allowed := SCHEMES.get(name.split(":")[-1]):
                plain = re.sub(r"[\x00-\x20]", "", value or "").lower()  # as browsers read a link
                scheme = re.match(r"([a-z][a-z0-9+.-]*):", plain)
                if scheme and scheme[1] not in allowed:
                    self.found.append(f"a {scheme[1]}: link")

    handle_startendtag = handle_starttag


def scripts_in(html: str) -> list[str]:
    """What in HTML or SVG would run, load or lead elsewhere, in words; empty for a page that only displays."""
    parser = Scripts()
    parser.feed(html)
    parser.close()
    return parser.found


class Rewriter(HTMLParser):
    """HTML with each `href` and `src` sent through `resolve`, and the code that answers an exercise folded."""

    def __init__(self, resolve):
        super().__init__(convert_charrefs=False)
        self.resolve, self.parts, self.depth = resolve, [], []
        self.in_exercise = False

    def handle_starttag(self, tag, attributes):
        raw, values = self.get_starttag_text(), dict(attributes)
        classes = (values.get("class") or "").split()
        for name in ("href", "src"):
            if values.get(name) is not None:
                new = escape(self.resolve(values[name]), quote=True)
                raw = re.sub(
                    rf"(\s{name}\s*=\s*)(\"[^\"]*\"|'[^']*'|[^\s>]+)",
                    lambda m: f'{m[1]}"{new}"',
                    raw,
                    count=1,
                )
        if tag == "div":
            if "cell" in classes:
                self.in_exercise = "celltag_exercise" in classes
            fold = self.in_exercise and "input" in classes
            self.parts.append("<details><summary>The cell to fill, answered</summary>" if fold else "")
            self.depth.append(fold)
        self.parts.append(raw)

    handle_startendtag = handle_starttag

    def handle_endtag(self, tag):
        self.parts.append(f"</{tag}>")
        if tag == "div" and self.depth and self.depth.pop():
            self.parts.append("</details>")

    def handle_data(self, data):
        self.parts.append(data)

    def handle_entityref(self, name):
        self.parts.append(f"&{name};")

    def handle_charref(self, name):
        self.parts.append(f"&#{name};")


def rewritten(html: str, resolve) -> str:
    rewriter = Rewriter(resolve)
    rewriter.feed(html)
    rewriter.close()
    return "".join(rewriter.parts)


def with_wide_tables(html: str) -> str:
    """Printed tables of more than 100 columns get a class of their own: their lines must not be broken."""

    def marked(found) -> str:
        lines = [line for line in unescape(found[2]).splitlines() if len(line) > 100]
        wide = any(len(re.findall(r"\S {2,}\S", line)) >= 3 for line in lines)
        return f'{found[1]}<pre class="table">{found[2]}</pre>' if wide else found[0]

    return re.sub(r"(output_stdout[^>]*>\s*)<pre>(.*?)</pre>", marked, html, flags=re.S)


def markdown(text: str) -> str:
    from nbconvert.filters import markdown2html

    return markdown2html(with_formulas(text))


def highlighted(path: Path) -> str:
    """A text file with colours where they help."""
    from pygments import highlight
    from pygments.formatters import HtmlFormatter
    from pygments.lexers import TextLexer, get_lexer_for_filename
    from pygments.util import ClassNotFound

    try:
        lexer = get_lexer_for_filename(path.name)
    except ClassNotFound:
        lexer = TextLexer()
    return highlight(path.read_text(encoding="utf-8", errors="replace"), lexer, HtmlFormatter())


def pygments_style() -> str:
    from pygments.formatters import HtmlFormatter

    light, dark = (
        HtmlFormatter(style=name).get_style_defs(".highlight") for name in ("default", "github-dark")
    )
    light += "\n.highlight .ow { color: #8a1bd1; }"  # pygments' own is a shade too pale on grey
    return f"{light}\n@media (prefers-color-scheme: dark) {{\n{dark}\n}}\n"
