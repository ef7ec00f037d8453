"""Names and texts from outside are shown as text, wherever they end up in a page, a report or a table."""

import csv
import io
import re
from html.parser import HTMLParser
from types import SimpleNamespace

import ipywidgets
import nbformat
import pytest
from conftest import noise_image
from matplotlib.figure import Figure
from nbconvert.filters import markdown2html
from PIL.PngImagePlugin import PngInfo

from minicyclegan.course.site import build
from minicyclegan.course.site_html import scripts_in
from minicyclegan.errors import DataError, RunError, printable
from minicyclegan.grading.notebook import Graded
from minicyclegan.grading.report import Results, as_text, harmless
from minicyclegan.repro.report import code
from minicyclegan.runs import progress
from minicyclegan.runs.checkpoint import read_checkpoint, save_checkpoint
from minicyclegan.serve.app import TranslatorApp, data_uri, figure, read_upload, translator_app
from minicyclegan.sweep.table import as_csv
from minicyclegan.widgets.board import TrainingBoard
from minicyclegan.widgets.explorer import Picture
from minicyclegan.widgets.toy_app import PlaneApp

TEXTS = [
    "<img src=x onerror=window.pwned=1>.png",
    "\"><script>window.pwned=1;'</script>.png",
    "'><svg onload=window.pwned=1>.png",
    "<svg><a xlink:href=javascript:window.pwned=1>x.png",
    "javascript:window.pwned=1",
    "[x](javascript:window.pwned=1).png",
    "![x](http://example.org/x.png)",
    "&lt;b&gt; &amp;amp; &#60;i&#62;",
    "<!-- a comment --> and ]]> and <?php",
    "`<img src=x onerror=window.pwned=1>",
    "\\`<img src=x onerror=window.pwned=1>`",
    "``<b>`` <i>`x`</i>",
    "**bold** __init__ _x_ ~~y~~ $\\href{javascript:window.pwned=1}{z}$",
    "a|b | c",
    "</style></textarea></title><img src=x onerror=window.pwned=1>",
    "{{7*7}} ${7*7} <%= 7 %>",
    "gnp.\u202e<b>exe",
    "two\nlines\r<b>",
    "not a letter: \udcff<i>",
    "名前 é\u0301 <b>",
]


class Seen(HTMLParser):
    """The text that a reader of some HTML sees, its tags, its attributes, and what is not seen."""

    def __init__(self, html: str):
        super().__init__()
        self.text, self.tags, self.attributes, self.hidden = "", [], [], []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes += attributes

    def handle_data(self, data):
        self.text += data

    def handle_comment(self, data):
        self.hidden.append(data)

    handle_decl = handle_pi = unknown_decl = handle_comment


def spaced(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()


def in_the_app(text: str) -> str:
    app = SimpleNamespace(status=SimpleNamespace(value=""))
    TranslatorApp.tell(app, text)
    return app.status.value


def on_the_board(text: str) -> str:
    board = SimpleNamespace(text=ipywidgets.HTML())
    TrainingBoard.tell(board, text)
    return board.text.value


def under_a_bar(text: str) -> str:
    bar = SimpleNamespace(text=ipywidgets.HTML())
    progress.Bar.write(bar, text)
    return bar.text.value


def under_a_figure(text: str) -> str:
    picture = Picture()
    picture.draw(Figure(figsize=(0.1, 0.1)), text)
    return picture.value


def below_the_plane(text: str) -> str:
    app = SimpleNamespace(play=SimpleNamespace(playing=False), status=ipywidgets.HTML())
    PlaneApp.tell(app, text)
    return app.status.value


HTML_SINKS = {
    "the app's line": (in_the_app, ["span"]),
    "an error in the app": (lambda text: in_the_app(f"Error: {DataError(text)}"), ["span"]),
    "the app's picture": (lambda text: figure(text, noise_image(0, (2, 2))), ["figure", "img", "figcaption"]),
    "the app's empty frame": (lambda text: figure(text, None), ["figure", "div", "figcaption"]),
    "the board's line": (on_the_board, ["span"]),
    "the line under a bar": (under_a_bar, ["span"]),
    "the text of a figure": (under_a_figure, ["img", "p"]),
    "the line below the plane": (below_the_plane, ["p"]),
}


@pytest.mark.parametrize("sink", HTML_SINKS)
def test_a_text_from_outside_adds_no_tag_to_a_widget_and_is_read_as_typed(sink):
    write, tags = HTML_SINKS[sink]
    own = {name for name, _ in Seen(write("plain")).attributes}
    for text in TEXTS:
        seen = Seen(write(text))
        assert seen.tags == tags and not seen.hidden, text
        assert printable(text) in seen.text, text
        assert {name for name, _ in seen.attributes} == own, text
        write(text).encode()  # what is not text would break the message to the browser


def test_a_widget_that_forgets_to_escape_is_noticed(monkeypatch):
    monkeypatch.setattr("minicyclegan.runs.progress.html", SimpleNamespace(escape=lambda text: text))
    with pytest.raises(AssertionError):
        test_a_text_from_outside_adds_no_tag_to_a_widget_and_is_read_as_typed("the app's line")


def test_names_in_the_lists_of_the_app_and_the_data_of_a_checkpoint_are_text(checkpoint, tmp_path):
    folder = tmp_path / "<img src=x onerror=window.pwned=1>\u202e"
    state = read_checkpoint(checkpoint)
    state["config"]["data"] = TEXTS[0]
    folder.mkdir()
    save_checkpoint(folder / "last.pt", state)
    app = translator_app([folder / "last.pt"])
    label = app.checkpoint.options[0][0]
    assert label == "<img src=x onerror=window.pwned=1>\\u202e/last.pt"
    seen = Seen(app.status.value)
    assert seen.tags == ["span"] and f"It was trained on {TEXTS[0]} at" in seen.text


def test_nothing_but_the_pixels_of_an_upload_reaches_the_page():
    notes, content = PngInfo(), io.BytesIO()
    notes.add_text("Title", TEXTS[0])
    notes.add_itxt("Comment", TEXTS[0])
    picture = noise_image(0)
    exif = picture.getexif()
    exif[0x010E] = TEXTS[0]
    picture.save(content, "PNG", pnginfo=notes, exif=exif, icc_profile=TEXTS[0].encode())
    assert b"onerror" in content.getvalue()
    shown = data_uri(read_upload("x.png", content.getvalue()))
    import base64

    assert b"onerror" not in base64.b64decode(shown.split(",")[1])


def graded_page(text: str, tmp_path) -> tuple[str, str]:
    """The feedback in Markdown and the table of a student all of whose texts are `text`."""
    card = SimpleNamespace(number=1, title="Title")
    graded = Graded([SimpleNamespace(card=card)], {1: ("not yet", text)}, [text])
    results = Results(tmp_path, {})
    results.add(SimpleNamespace(student=text, notebook="", path=SimpleNamespace(name=text)), graded)
    table = io.StringIO()
    csv.DictWriter(table, results.rows()[0]).writerows(results.rows())
    return results.feedback(text), table.getvalue()


@pytest.mark.parametrize("text", TEXTS)
def test_a_text_of_a_student_adds_no_html_link_or_picture_to_the_feedback(text, tmp_path):
    page, _ = graded_page(text, tmp_path)
    seen = Seen(markdown2html(page))
    assert set(seen.tags) <= {"h1", "h2", "p", "ul", "li", "strong", "code", "a"} and not seen.hidden
    links = [value for name, value in seen.attributes if name == "href" and not value.startswith("#")]
    assert all(link in text and link.startswith("http") for link in links)  # a bare address at most
    typed = spaced(re.sub(r"(?<!`)`(?!`)([^`]+)`(?!`)", r"\1", printable(spaced(text))))  # code stays code
    assert spaced(seen.text).lower().count(typed.lower()) >= 3, (typed, page, seen.text)


@pytest.mark.parametrize("text", TEXTS)
def test_a_value_in_a_report_of_repro_stays_code_in_its_cell(text):
    row = f"| a | b |\n|---|---|\n| {code(text)} | end |\n"
    seen = Seen(markdown2html(row))
    assert set(seen.tags) <= {"table", "thead", "tbody", "tr", "th", "td", "code"} and not seen.hidden
    assert seen.tags.count("td") == 2 and seen.tags.count("code") == 1


FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1+1", "\r=1+1", " =1+1", "\n=1+1", "x;=1+1", "x; @SUM(A1)"]


@pytest.mark.parametrize("text", FORMULAS)
def test_no_cell_of_a_table_is_a_formula(text):
    assert not re.search(r"(^|;)\s*[=+\-@]", harmless(text))
    rows = list(csv.DictReader(io.StringIO(as_csv([{"setting": text, "mean": -0.5}]).decode())))
    number = text.strip() in ("-1", "+1")  # the sweep's own numbers stay numbers
    assert number or not re.search(r"(^|;)\s*[=+\-@]", rows[0]["setting"])
    assert rows[0]["mean"] == "-0.5"


def course(root, title: str = "Title", cells=(), name: str = "plain.txt"):
    """A checkout with one notebook, which links to a folder with one file."""
    (root / "notebooks").mkdir(parents=True)
    (root / "files").mkdir()
    (root / "files" / name).write_text(TEXTS[1])
    first = nbformat.v4.new_markdown_cell(f"# {title}\n\n[files](../files)")
    notebook = nbformat.v4.new_notebook(cells=[first, *cells])
    nbformat.write(notebook, root / "notebooks" / "00_x.ipynb")
    return root


NAMES = [text for text in TEXTS if "/" not in text and "\udcff" not in text]


@pytest.mark.parametrize("name", NAMES)
def test_the_site_lists_files_and_shows_their_content_as_text(name, tmp_path):
    name += ".txt"
    build(course(tmp_path / "root", name=name), tmp_path / "out")
    listing = Seen((tmp_path / "out" / "files" / "files" / "index.html").read_text(encoding="utf-8"))
    assert printable(name) in listing.text and not {"img", "script", "svg"} & set(listing.tags)
    for path in (tmp_path / "out").rglob("*.html"):
        html = path.read_text(encoding="utf-8")
        assert scripts_in(html.split("<body>")[1]) == [] and "default-src 'none'" in html
        if path.name.startswith(name[:4]):
            assert TEXTS[1] in Seen(html).text


RUNNING = [
    "<script>window.pwned=1</script>",
    "<IMG SRC=data:x ONERROR=window.pwned=1>",
    "<img/src=data:x onerror=window.pwned=1>",
    "<svg onload=window.pwned=1>",
    "<svg><script>window.pwned=1</script></svg>",
    '<a href="java\nscript:window.pwned=1">x</a>',
    '<a href=" &#106;avascript:window.pwned=1">x</a>',
    '<a href="vbscript:x">x</a>',
    '<a href="data:text/html,<script>window.pwned=1</script>">x</a>',
    '<iframe srcdoc="<script>window.pwned=1</script>"></iframe>',
    '<meta http-equiv="refresh" content="0;url=http://example.org">',
    '<base href="http://example.org/">',
    '<form action="http://example.org/"><input></form>',
    '<object data="x"></object>',
]


@pytest.mark.parametrize("html", RUNNING)
@pytest.mark.parametrize("place", ["text", "output"])
def test_the_site_refuses_a_text_or_an_output_that_would_run(html, place, tmp_path):
    if place == "text":
        cell = nbformat.v4.new_markdown_cell(html)
    else:
        shown = nbformat.v4.new_output("display_data", {"text/html": html})
        cell = nbformat.v4.new_code_cell("1", outputs=[shown])
    root = course(tmp_path / "root", cells=[cell])
    try:
        build(root, tmp_path / "out")
    except RunError as error:
        assert "nothing runs in a page of the site" in str(error) and not (tmp_path / "out").exists()
    else:  # some of it is not HTML, or not a link in Markdown, and is shown as text
        seen = Seen((tmp_path / "out" / "00_x.html").read_text(encoding="utf-8"))
        links = [value for name, value in seen.attributes if name in ("href", "src")]
        assert place == "text" and "img" not in seen.tags and "svg" not in seen.tags
        assert not any("script:" in re.sub(r"\s", "", link) for link in links)


def test_the_site_refuses_a_picture_with_a_script(tmp_path):
    root = course(tmp_path / "root", name="x.svg")
    (root / "files" / "x.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg' onload='window.pwned=1'/>")
    with pytest.raises(RunError, match="onload= of <svg>"):
        build(root, tmp_path / "out")


def test_a_copy_among_the_sample_sheets_does_not_end_the_board(tmp_path):
    (tmp_path / "samples").mkdir()
    for name in ("step_000020.png", "step_000020 (1).png", "step_<b>.png"):
        noise_image(0).save(tmp_path / "samples" / name)
    board = SimpleNamespace(run_dir=tmp_path, sheet=None, pictures=[Picture(), Picture()])
    TrainingBoard.refresh(board)
    assert "Samples after step 20:" in board.pictures[1].value


def test_our_own_code_in_a_remark_stays_code_and_plain_words_stay_plain():
    assert as_text("`loss_d` is 0.5, not 0.25; see conv_1 (x)") == "`loss_d` is 0.5, not 0.25; see conv_1 (x)"
