"""`make site`: every link of the built site leads somewhere, and nothing is loaded from elsewhere."""

import base64
import functools
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import nbformat
import pytest
from conftest import ROOT

from minicyclegan.course.site import build, title_of
from minicyclegan.course.site_formulas import in_words, with_formulas
from minicyclegan.course.site_html import rewritten
from minicyclegan.errors import RunError

LOADS = {
    "img": "src",
    "script": "src",
    "iframe": "src",
    "source": "src",
    "video": "src",
    "audio": "src",
    "embed": "src",
}
LOADS |= {"link": "href", "object": "data", "input": "src", "image": "href", "use": "href", "track": "src"}


class Page(HTMLParser):
    """What a page links to, what it loads, its anchors, headings and alternative texts."""

    def __init__(self, path: Path):
        super().__init__()
        self.links, self.loads, self.ids, self.headings, self.no_alt, self.scripts, self.text = (
            [],
            [],
            [],
            [],
            0,
            0,
            [],
        )
        self.title, self.open = "", []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        if "id" in values:
            self.ids.append(values["id"])
        if LOADS.get(tag) in values:
            self.loads.append(values[LOADS[tag]])
        for name in ("srcset", "poster", "background"):
            self.loads += [values[name]] if name in values else []
        self.loads += re.findall(r"url\(\s*['\"]?([^'\")]+)", values.get("style") or "")
        if tag == "a" and "href" in values:
            self.links.append(values["href"])
        if tag == "img" and not (values.get("alt") or "").strip():
            self.no_alt += 1
        self.scripts += tag == "script" or any(name.startswith("on") for name in values)
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        self.open.append(tag)

    def handle_endtag(self, tag):
        while self.open and self.open.pop() != tag:
            pass

    def handle_data(self, data):
        if "title" in self.open:
            self.title += data


@functools.cache
def page_at(path: Path) -> Page:
    """A page of a finished site: several tests look at it, and the large ones take a second to read."""
    return Page(path)


def faults_of(site: Path) -> list[str]:
    """Everything that is wrong with the links and the loaded files of a site, in words."""
    faults, pages = [], {path: page_at(path) for path in site.rglob("*.html")}
    for path, found in pages.items():
        where = path.relative_to(site).as_posix()
        if len(found.ids) != len(set(found.ids)):
            faults.append(f"{where}: an id twice: {next(i for i in found.ids if found.ids.count(i) > 1)}")
        if found.scripts:
            faults.append(f"{where}: a script")
        for link in found.loads:
            parts = urlsplit(link)
            if parts.scheme != "data" and (parts.scheme or parts.netloc):
                faults.append(f"{where}: loads {link[:80]} from elsewhere")
        for link in found.links + found.loads:
            parts = urlsplit(link)
            if parts.scheme in ("http", "https", "data", "mailto"):
                continue
            if parts.scheme or parts.netloc:
                faults.append(f"{where}: {link[:80]} cannot work from a folder")
                continue
            target = path if not parts.path else Path(path.parent / unquote(parts.path)).resolve()
            if not target.is_file() or not target.is_relative_to(site.resolve()) and parts.path:
                faults.append(f"{where}: {link} leads nowhere")
            elif parts.fragment and target.suffix == ".html":
                there = pages.get(target) or page_at(target)
                if unquote(parts.fragment) not in there.ids and parts.fragment not in there.ids:
                    faults.append(f"{where}: there is no #{parts.fragment} in {target.name}")
    for path in site.rglob("*.css"):
        for link in re.findall(r"@import\s+\S+|url\([^)]*\)", path.read_text(encoding="utf-8")):
            faults.append(f"{path.name}: {link}")
    return faults


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("site").resolve() / "out"
    build(ROOT, out)
    return out


def test_every_link_of_the_site_leads_somewhere_and_nothing_is_loaded_from_elsewhere(site):
    pages = list(site.rglob("*.html"))
    assert len(pages) > 20 and sum(len(page_at(path).links) for path in pages) > 200
    assert faults_of(site) == []


@pytest.mark.parametrize(
    ("planted", "words"),
    [
        ('<a href="nowhere.html">x</a>', "nowhere.html leads nowhere"),
        ('<a href="../outside.html">x</a>', "leads nowhere"),
        ('<a href="07_train.html#no-such-heading">x</a>', "there is no #no-such-heading in 07_train.html"),
        ('<a href="#no-such-heading">x</a>', "there is no #no-such-heading in 00_whole_game.html"),
        ('<a href="/07_train.html">x</a>', "leads nowhere"),
        ('<a href="file:///07_train.html">x</a>', "cannot work from a folder"),
        ('<img alt="a" src="missing.png">', "missing.png leads nowhere"),
        ('<img alt="a" src="https://example.org/a.png">', "from elsewhere"),
        ('<img alt="a" src="//example.org/a.png">', "from elsewhere"),
        ('<link rel="stylesheet" href="https://example.org/a.css">', "from elsewhere"),
        ('<script src="https://example.org/mathjax.js"></script>', "from elsewhere"),
        ("<script>alert(1)</script>", "a script"),
        ('<p style="background: url(https://example.org/a.png)">x</p>', "from elsewhere"),
        ('<p id="twice"></p><p id="twice"></p>', "an id twice: twice"),
    ],
)
def test_the_link_test_fails_for_planted_faults(site, tmp_path, planted, words):
    (tmp_path / "outside.html").write_text("here, but not part of the site")
    copy = tmp_path / "copy"
    copy.mkdir()
    for name in ("00_whole_game.html", "07_train.html"):
        content = (site / name).read_text(encoding="utf-8")
        (copy / name).write_text(
            content.replace("</main>", planted + "</main>") if name[0:2] == "00" else content
        )
    # the two pages alone lack their neighbours: only what the planted line adds counts
    before = faults_of_copy(site, tmp_path / "before")
    added = [fault for fault in faults_of(copy.resolve()) if fault not in before]
    assert added and all(fault.startswith("00_whole_game.html: ") for fault in added)
    assert any(words in fault for fault in added)


def faults_of_copy(site: Path, folder: Path) -> list[str]:
    folder.mkdir()
    for name in ("00_whole_game.html", "07_train.html"):
        shutil.copy(site / name, folder / name)
    return faults_of(folder.resolve())


def test_a_style_that_loads_something_is_found(tmp_path):
    (tmp_path / "style.css").write_text(
        "@import 'https://example.org/a.css';\nbody { background: url(b.png); }"
    )
    assert len(faults_of(tmp_path)) == 2


def test_headings_are_in_order_and_every_picture_has_its_text(site):
    for path in site.rglob("*.html"):
        found = page_at(path)
        assert found.no_alt == 0, path.name
        if path.parent == site:  # our pages; a shown text file may be as it likes
            assert found.headings[0] == 1 and found.headings.count(1) == 1, path.name
            steps = [b - a for a, b in zip(found.headings, found.headings[1:])]
            assert max(steps, default=0) <= 1, path.name
    some = (site / "09_ablations.html").read_text(encoding="utf-8")
    assert "No description has been provided" not in some


def test_the_index_lists_every_notebook_with_its_time_and_each_page_leads_on(site):
    notebooks = sorted((ROOT / "notebooks").glob("*.ipynb"))
    index = (site / "index.html").read_text(encoding="utf-8")
    rows = re.findall(r'<tr><td><a href="([^"]+)">.*?</tr>', index)
    assert rows == [f"{path.stem}.html" for path in notebooks]
    assert len(re.findall(r'<td class="number">\d+ min</td>', index)) == len(notebooks)
    assert page_at(site / "index.html").loads == ["style.css", "files/data/seasons_64px.png"]
    for k, path in enumerate(notebooks):
        links = page_at(site / f"{path.stem}.html").links
        assert links[0] == "index.html"
        neighbours = [notebooks[j].stem + ".html" for j in (k - 1, k + 1) if 0 <= j < len(notebooks)]
        assert links[1 : 1 + len(neighbours)] == neighbours
        assert not [link for link in links if ".ipynb" in link or link.endswith(".py")]


def test_answers_are_folded_and_a_module_has_its_page(site):
    lesson = (site / "02_generator.html").read_text(encoding="utf-8")
    assert lesson.count("### BEGIN SOLUTION") >= 1
    for mark in re.finditer("### BEGIN SOLUTION", lesson):  # a cell may have two
        before = lesson[: mark.start()]
        last = before.rindex("<summary>The cell to fill, answered</summary>")
        assert "</details>" not in before[last:]
    assert lesson.count("<details") == lesson.count("</details>")
    assert 'href="files/minicyclegan/generator.py.html"' in lesson
    source = (site / "files" / "minicyclegan" / "generator.py.html").read_text(encoding="utf-8")
    assert "ResidualBlock" in source and '<div class="highlight">' in source


def test_formulas_are_drawn_and_code_and_prices_are_left_alone():
    text = "a $\\sqrt{1/n}$ and `$x$`, $5 and $6\n```\n$y$\n```\n$$\\frac{a}{b}$$"
    drawn = with_formulas(text)
    assert (
        drawn.count('<img class="math"') == 2
        and 'alt="root of (1/n)"' in drawn
        and 'class="display"' in drawn
    )
    assert "`$x$`" in drawn and "$5 and $6" in drawn and "$y$" in drawn
    pictures = [base64.b64decode(one).decode() for one in re.findall(r"base64,([^\"]*)", drawn)]
    assert not any("#fff" in one for one in pictures), "a formula stands on a white card on the dark page"
    assert with_formulas("$\\notacommand{<b>}$") == "<code>\\notacommand{&lt;b&gt;}</code>"


@pytest.mark.parametrize(
    ("tex", "words"),
    [
        (r"D^{*} = \frac{p}{p + q}", "D star = p over (p + q)"),
        (
            r"\mathcal{L}_{\mathrm{cyc}}(G, F) = \mathbb{E}_{x}[\|F(G(x)) - x\|_1]",
            "L sub cyc (G, F) = E sub x [norm bar F(G(x)) - x norm bar sub 1]",
        ),
        (
            r"\overline{e}_b = \frac{1}{N} \sum_{j=1}^{N} e_j",
            "e bar sub b = 1 over N sum sub j=1, to the N e sub j",
        ),
        (r"\lambda \, \sigma_x^2, \qquad \hat{x}", "lambda sigma sub x squared, x hat"),
    ],
)
def test_a_formula_is_said_in_words(tex, words):
    assert in_words(tex) == words


def test_no_formula_of_the_notebooks_is_said_as_tex(site):
    pages = [path.read_text(encoding="utf-8") for path in site.glob("*.html")]
    said = [alt for page in pages for alt in re.findall(r'<img alt="([^"]*)" class="math"', page)]
    assert len(said) > 100 and not [alt for alt in said if re.search(r"[\\_^$]", alt) or not alt.strip()]


def small_course(root: Path, text: str = "# One\n\nText.") -> Path:
    (root / "notebooks").mkdir(parents=True)
    for name, source in (("00_one", text), ("01_two", "# Two")):
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(source)])
        nbformat.write(notebook, root / "notebooks" / f"{name}.ipynb")
    return root


def test_titles_and_file_names_are_text(tmp_path):
    bad = "<script>alert(1)</script> & \"'"
    root = small_course(tmp_path / "course", f"# `{bad}`\n\n[the files](files/)")
    (root / "notebooks" / "files").mkdir()
    (root / "notebooks" / "files" / "a <b> 'c' & #d?.py").write_text("x = '<script>'\n")
    out = tmp_path / "out"
    build(root, out)
    assert title_of(root / "notebooks" / "00_one.ipynb") == bad
    assert page_at(out / "00_one.html").title == bad
    assert faults_of(out.resolve()) == [], "no script, and the strange file is found"
    assert (
        "Next: Two" in (out / "00_one.html").read_text()
        and f"Previous: {bad}" not in (out / "01_two.html").read_text()
    )


@pytest.mark.parametrize(
    "link", ["nowhere.md", "../../outside.txt", "02_missing.ipynb", "../minicyclegan/x.py"]
)
def test_a_link_to_a_file_that_is_not_there_is_refused_and_nothing_is_left(tmp_path, link):
    (tmp_path / "outside.txt").write_text("not in the repository")
    root = small_course(tmp_path / "course", f"# One\n\n[x]({link})")
    with pytest.raises(
        RunError, match=f"00_one.ipynb links to {re.escape(link)}, which is not in the repository"
    ):
        build(root, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_folder_that_holds_something_is_not_written_into(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(RunError, match="is not empty"):
        build(small_course(tmp_path / "course"), tmp_path)
    with pytest.raises(RunError, match="there are no notebooks"):
        build(tmp_path / "nowhere", tmp_path / "out")
    assert (tmp_path / "mine.txt").read_text() == "mine" and not (tmp_path / "out").exists()


def test_what_is_no_link_passes_through_unchanged():
    html = '<p class="a">1 &lt; 2 &#182; <a href="https://arxiv.org/abs/1703.10593">x</a><br/>y</p>'
    assert rewritten(html, lambda link: link) == html
    assert (
        rewritten("<a title='href=\"b\"' href='a&amp;b'>", str.upper)
        == '<a title=\'href="b"\' href="A&amp;B">'
    )
