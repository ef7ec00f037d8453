"""The course as web pages that need no network. `python -m minicyclegan.course.site OUT` is `make site`.

Every file of the repository that a page links to becomes a page or a copy; a link to a missing file is refused.
"""

import os
import re
import shutil
import sys
from html import escape
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from minicyclegan.course.cards import cards, minutes_to_read, read_notebook, tags
from minicyclegan.course.files import PACKAGE
from minicyclegan.course.site_html import (
    highlighted,
    markdown,
    pygments_style,
    rewritten,
    scripts_in,
    with_formulas,
    with_wide_tables,
)
from minicyclegan.course.site_page import STYLE, course_table, page
from minicyclegan.errors import RunError, printable

PICTURES = (".png", ".jpg", ".jpeg", ".svg", ".webp", ".gif")
NO_PAGE = (".pt", ".pyc", ".tmp")  # not for reading, so not listed
TEXTS = (".py", ".md", ".yaml", ".yml", ".csv", ".json", ".toml", ".txt", ".cfg", ".ini", ".html", "")


class Site:
    """A site being written: `publish(file)` gives the address of its page, which `finish` writes."""

    def __init__(self, root: Path, out: Path):
        self.root, self.out = root, out
        self.addresses, self.waiting = {}, []
        self.notebooks = sorted((root / "notebooks").glob("*.ipynb"))

    def publish(self, path: Path) -> str:
        """The address of a repository file's page, from the site's root; the page is written later."""
        if path not in self.addresses:
            place = path.relative_to(self.root).as_posix()
            if path in self.notebooks:
                address = f"{path.stem}.html"
            elif path.is_dir():
                address = f"files/{place}/index.html"
            else:
                address = f"files/{place}" + ("" if path.suffix in PICTURES else ".html")
            self.addresses[path] = address
            self.waiting.append(path)
        return self.addresses[path]

    def resolver(self, source: Path, address: str):
        """What turns a link in the repository file `source` into a link on its page at `address`."""

        def resolve(link: str) -> str:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc or not parts.path:
                return link
            target = Path(os.path.normpath(source.parent / unquote(parts.path)))
            if not target.exists() or not target.is_relative_to(self.root):
                raise RunError(
                    f"{source.relative_to(self.root)} links to {link}, which is not in the repository"
                )
            new = relative(self.publish(target), address)
            return new + (f"#{parts.fragment}" if parts.fragment else "")

        return resolve

    def write(self, address: str, title: str, body: str, around: str = "") -> None:
        refuse_scripts(title, body + around)
        path = self.out / address
        path.parent.mkdir(parents=True, exist_ok=True)
        home = relative("index.html", address)
        path.write_text(page(title, body, relative("style.css", address), home, around), encoding="utf-8")

    def write_notebook(self, path: Path) -> None:
        """One lesson, with the way to the one before and the one after."""
        from nbconvert import HTMLExporter

        notebook, address = read_notebook(path), self.addresses[path]
        for cell in notebook.cells:
            if cell.cell_type == "markdown":
                cell.source = with_formulas(cell.source)
            for output in cell.get("outputs", []):
                # Its static twin stays
                output.get("data", {}).pop("application/vnd.jupyter.widget-view+json", None)
        notebook.cells = [cell for cell in notebook.cells if not tags(cell) & {"instructor", "setup"}]
        html, _ = HTMLExporter(template_name="basic").from_notebook_node(notebook)
        links, position = [], self.notebooks.index(path)
        for word, k in (("Previous", position - 1), ("Next", position + 1)):
            if 0 <= k < len(self.notebooks):
                other = self.notebooks[k]
                link = escape(self.publish(other))
                links.append(
                    f'<a rel="{word[:4].lower()}" href="{link}">{word}: {escape(title_of(other))}</a>'
                )
        html = rewritten(with_wide_tables(html), self.resolver(path, address))
        self.write(address, title_of(path), html, "\n".join(links))

    def write_page(self, path: Path) -> None:
        """A text, a program, a list of a folder's files, or a copy of a picture."""
        address, place = self.addresses[path], printable(path.relative_to(self.root).as_posix())
        if path.suffix in PICTURES:
            if path.suffix == ".svg":
                refuse_scripts(place, path.read_text(encoding="utf-8", errors="replace"))
            (self.out / address).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, self.out / address)
        elif path.is_dir():
            hidden = (".", "__")
            inside = [p for p in sorted(path.iterdir()) if not p.name.startswith(hidden) or p.suffix == ".py"]
            inside = [p for p in inside if p.suffix not in NO_PAGE]
            links = [
                (escape(quote(relative(self.publish(p), address))), escape(printable(p.name))) for p in inside
            ]
            items = "\n".join(f'<li><a href="{link}">{name}</a></li>' for link, name in links)
            self.write(address, place, f"<h1>{escape(place)}</h1>\n<ul>\n{items}\n</ul>")
        elif path.suffix == ".md":
            html = markdown(path.read_text(encoding="utf-8"))
            self.write(address, place, rewritten(html, self.resolver(path, address)))
        elif path.suffix in TEXTS:
            self.write(address, place, f"<h1>{escape(place)}</h1>\n{highlighted(path)}")
        else:
            note = f"<p>{path.stat().st_size:,} bytes, not shown here.</p>"
            self.write(address, place, f"<h1>{escape(place)}</h1>\n{note}")

    def finish(self) -> None:
        while self.waiting:
            path = self.waiting.pop()
            (self.write_notebook if path in self.notebooks else self.write_page)(path)


def refuse_scripts(title: str, html: str) -> None:
    """Pages of the site only display. Raises RunError for anything that would run in the reader's browser."""
    found = scripts_in(html)
    if found:
        raise RunError(f"{title} holds {found[0]}, and nothing runs in a page of the site; take it out first")


def relative(address: str, base: str) -> str:
    return os.path.relpath(address, os.path.dirname(base) or ".").replace(os.sep, "/")


def title_of(path: Path) -> str:
    """The first heading of a notebook, as plain text."""
    for cell in read_notebook(path).cells:
        if cell.cell_type == "markdown" and cell.source.startswith("# "):
            return cell.source.splitlines()[0].removeprefix("# ").replace("`", "").strip()
    return path.stem


def course_lines(root: Path) -> dict[str, str]:
    """What you build in each notebook, from the course table in README.md; Markdown by the notebook's name."""
    try:
        readme = (root / "README.md").read_text(encoding="utf-8")
    except OSError:
        return {}
    return dict(re.findall(r"^\| \[(\w+)\]\(notebooks/\w+\.ipynb\) \| ([^|]*?) \|", readme, re.M))


def build(root: Path, out: Path) -> list[str]:
    """Write the site of the course in `root` to the new or empty folder `out`; returns the addresses of its pages.

    Raises RunError, also for a link to a missing file; then nothing is left behind.
    """
    root = root.resolve()
    if out.exists() and any(out.iterdir()):
        raise RunError(f"{out} is not empty; choose another folder, or remove it first")
    site = Site(root, out)
    if not site.notebooks:
        raise RunError(
            f"there are no notebooks in {root / 'notebooks'}; the site is built in a checkout of the course"
        )
    new = not out.exists()
    try:
        out.mkdir(parents=True, exist_ok=True)
        (out / "style.css").write_text(STYLE + pygments_style(), encoding="utf-8")
        lines, rows = course_lines(root), []
        for path in site.notebooks:
            notebook = read_notebook(path)
            exercises = cards(notebook, path.stem)
            told = re.sub(r"</?p>", "", markdown(lines.get(path.stem, ""))).strip()
            solve = sum(card.minutes for card in exercises)
            rows.append(
                (site.publish(path), title_of(path), told, minutes_to_read(notebook), solve, len(exercises))
            )
        picture = root / "data" / "seasons_64px.png"
        image = site.publish(picture) if picture.is_file() else ""
        readme = site.publish(root / "README.md") if (root / "README.md").is_file() else ""
        site.finish()
        site.write(
            "index.html", "miniCycleGAN: learn CycleGAN by building it", course_table(rows, image, readme)
        )
    except BaseException:
        shutil.rmtree(out, ignore_errors=True)
        if not new:
            out.mkdir()
        raise
    return ["index.html", *sorted(site.addresses.values())]


if __name__ == "__main__":
    try:
        written = build(PACKAGE.parent, Path(sys.argv[1] if len(sys.argv) > 1 else "site"))
    except RunError as error:
        sys.exit(f"minicyclegan.course.site: {error}")
    print(
        f"{len(written)} pages and pictures; open {Path(sys.argv[1] if len(sys.argv) > 1 else 'site') / 'index.html'}"
    )
