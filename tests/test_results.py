"""`minicyclegan results`: one page about a trained model, whatever its files are called, in a browser without a network."""

import html
import json
import os
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
import torch
from browser import FLAGS, find_browser
from click.testing import CliRunner
from conftest import files_in, make_folder, noise_image, shared_images, tiny_config, tiny_run

from minicyclegan.cli import main
from minicyclegan.course.site_html import scripts_in
from minicyclegan.data import load_folder, to_float
from minicyclegan.runs.checkpoint import load
from minicyclegan.serve.curves import curves, points_of, ticks
from minicyclegan.serve.results_html import MARK, picture_tag

BAD = "<script>alert(1)<b> & \"'\u202e.png"


class Page(HTMLParser):
    """What a test asks of a page: its headings, pictures, tables and texts."""

    def __init__(self, path: Path):
        super().__init__()
        self.source = path.read_text(encoding="utf-8")
        self.headings, self.alts, self.names, self.texts, self.open = [], [], [], [], ""
        self.feed(self.source)

    def handle_starttag(self, tag, attributes):
        values, self.open = dict(attributes), tag
        if tag == "img":
            assert values["src"].startswith("data:image/"), values["src"][:60]
            self.alts.append(values["alt"])
        if tag == "th" and values.get("scope") == "row":
            self.open = "name"

    def handle_data(self, data):
        if re.fullmatch("h[1-6]", self.open):
            self.headings.append((self.open, data))
        elif self.open == "name":
            self.names.append(data)
        elif data.strip():
            self.texts.append(data)
        self.open = ""

    def handle_endtag(self, tag):
        self.open = ""


def results(*arguments):
    return CliRunner().invoke(main, ["results", *map(str, arguments), "--device", "cpu"])


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    """Pairs of noise, one of them with a hostile name."""
    folder = make_folder(tmp_path_factory.mktemp("data") / "noise #1 {x}", n=3)
    for part, seed in (("testA", 50), ("testB", 51)):
        noise_image(seed).save(folder / part / BAD)
    return folder


@pytest.fixture(scope="module")
def trained(tmp_path_factory, data) -> Path:
    """A finished run on these pairs, to be read and never changed."""
    run_dir = tmp_path_factory.mktemp("runs") / "a <b> run"
    tiny_run(run_dir, load_folder(data, 16), data=str(data))
    return run_dir


@pytest.fixture(scope="module")
def page(trained, data, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("page") / "page.html"
    done = results(trained, "-o", out)
    assert done.exit_code == 0, done.output
    assert f"written: {out}" in done.output
    return out


def test_the_page_shows_every_picture_there_and_back_and_says_what_the_run_was(page, trained, data):
    found = Page(page)
    assert found.headings == [
        *[("h1", "Results of a <b> run"), ("h2", "The run"), ("h2", "From A to B"), ("h2", "From B to A")],
        *[("h2", "Losses"), ("h2", "Settings and commands")],
    ]
    names = sorted(["0.png", "1.png", "2.png", BAD])
    shown = [name.replace("\u202e", "\\u202e") for name in names]
    assert found.names == shown * 2
    assert len(found.alts) == len(set(found.alts)) == 24
    for words in (
        "0.png, a picture of A",
        "0.png translated to B",
        "the translation of 2.png translated back to B",
    ):
        assert words in found.alts
    texts = " ".join(found.texts)
    for words in (
        "6 of 6, with 2 of each domain",
        str(data),
        "16 px",
        "3 of A and 3 of B to train on, 4 and 4 to test",
    ):
        assert words in texts, words
    assert "-p image_size=16" in texts and "-p base_channels=4" in texts and "minicyclegan results " in texts
    assert re.search(r"\d{4}-\d\d-\d\d \d\d:\d\d", texts), "the date of the checkpoint"
    assert found.source.count("<polyline") >= 6 and 'lang="en"' in found.source


def test_nothing_on_the_page_runs_or_loads(page):
    source = page.read_text(encoding="utf-8")
    assert re.sub("<meta[^>]*>", "", source) != source
    assert scripts_in(re.sub("<meta[^>]*>", "", source)) == []
    assert set(re.findall(r"(?:src|href)=.(data:image/png|#s\d|.{9})", source)) == {
        *("data:image/png", "#s1", "#s2", "#s3", "#s4", "#s5")
    }
    assert "<script" not in source and "@import" not in source and "url(" not in source


def test_true_pairs_have_the_truth_and_the_error_of_each_picture(tmp_path, trained, data):
    domains = load_folder(data, 16)
    assert results(trained, "-o", tmp_path / "x.html", "--paired", "yes").exit_code == 0
    found = Page(tmp_path / "x.html")
    assert len(found.alts) == 32 and "the true picture of B for 1.png" in found.alts
    model, which = load(trained / "last.pt"), [p.name for p in domains.test_a.paths].index("1.png")
    real, truth = (to_float(part[[which]]) for part in (domains.test_a, domains.test_b))
    with torch.no_grad():
        l1, nothing = (float((x - truth).abs().mean()) / 2 for x in (model.generator_ab(real), real))
    assert f"L1 {l1:.3f}; the input {nothing:.3f}" in found.texts


def test_of_many_pictures_some_are_shown_and_it_is_said(tmp_path, trained, monkeypatch):
    import minicyclegan.serve.results as module

    monkeypatch.setattr(module, "TOGETHER", 300)  # one at a time
    assert results(trained, "--pictures", 2, "-o", tmp_path / "x.html").exit_code == 0
    found = Page(tmp_path / "x.html")
    assert found.names == ["0.png", "2.png"] * 2
    assert "2 of the 4 test pictures of A, sorted by name and evenly spaced." in found.texts
    assert "--pictures 2" in " ".join(found.texts)


def test_the_page_lies_in_the_runs_folder_and_may_be_made_again(tmp_path, trained, monkeypatch):
    import shutil

    run_dir = Path(shutil.copytree(trained, tmp_path / "run"))
    for _ in range(2):
        assert results(run_dir, "--pictures", 1).exit_code == 0
    assert MARK in (run_dir / "results.html").read_text(encoding="utf-8")
    (run_dir / "results.html").write_text("mine")
    refused = results(run_dir, "--pictures", 1)
    assert refused.exit_code == 1 and "was not made by this command" in refused.output
    assert (run_dir / "results.html").read_text() == "mine"
    assert results(run_dir, "--pictures", 1, "--force").exit_code == 0
    # A checkpoint that was kept, and one that was taken out of its run
    (run_dir / "kept").mkdir()
    shutil.copy(run_dir / "last.pt", run_dir / "kept" / "step_0000004.pt")
    assert results(run_dir / "kept" / "step_0000004.pt", "--pictures", 1).exit_code == 0
    assert (run_dir / "results-step_0000004.html").exists()
    monkeypatch.chdir(tmp_path)
    shutil.copy(run_dir / "last.pt", tmp_path / "winter.pt")
    assert results("winter.pt", "--pictures", 1).exit_code == 0
    assert "No losses were recorded beside this checkpoint." in (tmp_path / "winter-results.html").read_text()


def test_drawn_pictures_have_numbers(tmp_path, finished_run):
    assert results(finished_run, "--pictures", 3, "-o", tmp_path / "x.html").exit_code == 0
    found = Page(tmp_path / "x.html")
    assert found.names == ["number 0", "number 66", "number 133"] * 2
    assert "the true picture of A for number 66" in found.alts, "seasons are pairs"


def test_what_cannot_be_is_refused_in_one_sentence_and_nothing_is_left(tmp_path, trained, data):
    (tmp_path / "file").write_text("x")
    for arguments, words in (
        ([tmp_path / "nowhere"], "there is no run"),
        ([tmp_path], "holds no last.pt"),
        ([tmp_path / "file"], "damaged or not a checkpoint"),
        ([trained, "-o", tmp_path], "is a folder"),
        ([trained, "-o", tmp_path / "file" / "x.html"], "x.html"),
        ([trained, "-o", tmp_path / "x.html", "--data", tmp_path / "nowhere"], "nowhere"),
    ):
        done = results(*arguments)
        assert done.exit_code == 1 and words in done.output, (arguments, done.output)
        assert done.output.strip().splitlines()[-1].startswith("minicyclegan: ")
    assert files_in(tmp_path) == ["file"]


def test_pictures_that_were_moved_are_asked_for(tmp_path, trained, data):
    moved = data.rename(data.with_name("moved"))
    try:
        done = results(trained, "-o", tmp_path / "x.html")
        assert (
            done.exit_code == 1
            and "are not there; if they were moved, say where: --data FOLDER" in done.output
        )
        assert results(trained, "-o", tmp_path / "x.html", "--data", moved).exit_code == 0
        texts = " ".join(Page(tmp_path / "x.html").texts)
        assert (
            str(moved) in texts
            and "Data of the training" in texts
            and f"--data '{moved}'" in texts
            or moved.name
        )
    finally:
        moved.rename(data)


def test_a_run_that_is_short_odd_or_broken_off_still_has_its_curves():
    records = [
        {"step": step, "cycle": 1 / step, "gan_ab": float("nan"), "identity": "x"} for step in range(1, 1000)
    ]
    assert points_of(records, "gan_ab") == points_of(records, "identity") == []
    assert len(points_of(records, "cycle")) <= 300
    drawn = curves(records)
    assert drawn.count("<figure>") == 1 and "cycle from" in drawn and "nan" not in drawn
    for few in ([{"step": 1, "cycle": 0.0}], [{"step": 0, "cycle": -1.0}, {"step": 5, "cycle": -1.0}]):
        assert "nan" not in curves(few) and "inf" not in curves(few)
    assert "No losses" in curves([]) and "No losses" in curves([{"step": 3}])


@pytest.mark.parametrize(
    ("low", "high"), [(0, 0), (0, 1e-9), (0, 0.034), (-3, 7), (0, 99.9), (0, 266_999), (5, 5)]
)
def test_the_numbers_at_an_axis_are_round_few_and_hold_the_curve(low, high):
    found = ticks(low, high)
    assert 2 <= len(found) <= 8 or low == high
    assert found[0] <= low and found[-1] >= high - 1e-9 and found == sorted(set(found))


def test_a_large_picture_is_made_smaller_for_the_page_and_a_small_one_is_kept_to_the_bit():
    import base64
    import io

    from PIL import Image

    for size, kind, shown in (
        ((64, 64), "PNG", (64, 64)),
        ((256, 200), "JPEG", (256, 200)),
        ((1200, 600), "JPEG", (400, 200)),
    ):
        picture = noise_image(1, size)
        tag = picture_tag(picture, 'a "b" <c>')
        assert 'alt="a &quot;b&quot; &lt;c&gt;"' in tag and f'width="{shown[0]}" height="{shown[1]}"' in tag
        again = Image.open(io.BytesIO(base64.b64decode(tag.split("base64,")[1].split('"')[0])))
        assert (again.format, again.size) == (kind, shown)
        assert kind == "JPEG" or again.convert("RGB").tobytes() == picture.tobytes()


# In a browser

CONTRAST = """() => {
  const channel = c => (c /= 255) <= .04045 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4
  const light = ([r, g, b]) => .2126 * channel(r) + .7152 * channel(g) + .0722 * channel(b)
  const numbers = colour => colour.match(/[\\d.]+/g).map(Number)
  const behind = node => { for (; node; node = node.parentElement) {
    const paper = numbers(getComputedStyle(node).backgroundColor)
    if (paper.length < 4 || paper[3] > 0) return paper } return [255, 255, 255] }
  return [...document.querySelectorAll('h1, h2, p, a, dt, dd, th, th span, code, li, figcaption, svg text, svg polyline')].map(node => {
    const style = getComputedStyle(node), drawn = node.matches('polyline') ? style.stroke : node.matches('text') ? style.fill : style.color
    const [a, b] = [light(numbers(drawn)), light(behind(node))].sort((x, y) => y - x)
    return [node.nodeName, (a + .05) / (b + .05)] }) }"""


@pytest.fixture(scope="module")
def opened():
    """A function that opens a file in Chromium: (page, what it asked for, what its console said)."""
    executable = find_browser()
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=FLAGS)

        def open_page(path: Path, width: int, theme: str):
            page = browser.new_page(viewport={"width": width, "height": 1000}, color_scheme=theme)
            asked, said = [], []
            page.on("request", lambda request: asked.append(request.url))
            page.on("console", lambda message: said.append(message.text))
            page.on("pageerror", lambda error: said.append(str(error)))
            page.goto(path.as_uri())
            return page, [url for url in asked if not url.startswith("data:")], said

        try:
            yield open_page
        finally:
            browser.close()


@pytest.mark.parametrize(("width", "theme"), [(800, "dark"), (1280, "light")])
def test_in_a_browser_it_loads_nothing_fits_and_can_be_read(opened, page, width, theme):
    shown, asked, said = opened(page, width, theme)
    assert asked == [page.as_uri()] and said == []
    assert shown.title() == "Results of a <b> run" and shown.evaluate("document.documentElement.lang") == "en"
    assert shown.evaluate("document.documentElement.scrollWidth <= innerWidth"), (
        "it must be scrolled sideways"
    )
    images = shown.evaluate(
        "[...document.images].map(i => [i.complete && i.naturalWidth, i.clientWidth, i.alt])"
    )
    assert len(images) >= 24 and all(natural == 16 and drawn >= 90 and alt for natural, drawn, alt in images)
    dark = shown.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(20, 23, 29)"
    assert dark == (theme == "dark")
    weak = [
        (name, round(ratio, 1))
        for name, ratio in shown.evaluate(CONTRAST)
        if ratio < (3 if name == "polyline" else 4.5)
    ]
    assert weak == []
    shown.get_by_role("link", name="Losses").click()
    assert shown.get_by_role("heading", name="Losses").evaluate("e => e.getBoundingClientRect().top") < 900
    assert shown.get_by_role("img", name=re.compile("Adversarial losses: generator A to B from")).count() == 1
    shown.close()


def test_real_photographs(tmp_path):
    """What a user sees after a run on photographs of another kind in each folder."""
    folder = shared_images("monet2photo")
    data = tmp_path / "few"
    for part in ("trainA", "trainB", "testA", "testB"):
        (data / part).mkdir(parents=True)
        for path in sorted((folder / part).iterdir())[:3]:
            os.symlink(path, data / part / path.name)
    tiny_run(tmp_path / "run", load_folder(data, 32), data=str(data), image_size=32)
    done = results(tmp_path / "run")
    assert done.exit_code == 0, done.output
    found = Page(tmp_path / "run" / "results.html")
    assert len(found.alts) == 18 and not any("true picture" in alt for alt in found.alts)
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    assert config["image_size"] == 32 and html.escape(str(data)) in found.source
    assert tiny_config().steps == 6
