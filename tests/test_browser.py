"""The pages of the course in a real browser.

The widgets in JupyterLab are moved by keyboard and mouse, and nothing complains. Of hostile names, metadata and checkpoints nothing
runs, and they stand in the page as text. One file, so that JupyterLab, its scripts and the browser are started once.
"""

import io
import os
import re
import socket
import subprocess
import sys
from contextlib import closing, suppress
from pathlib import Path
from urllib.parse import urlsplit

import nbformat
import pytest
import records
from browser import chromium, lab, lab_profile, lab_server, unnamed, wait_for  # noqa: F401  (fixtures)
from conftest import ROOT, noise_image
from nbconvert.filters import markdown2html
from PIL.PngImagePlugin import PngInfo
from test_injection import NAMES, TEXTS, course, graded_page

from minicyclegan.course import site as site_module
from minicyclegan.course import site_page
from minicyclegan.errors import printable
from minicyclegan.runs.checkpoint import read_checkpoint, save_checkpoint

# The widgets

SHOTS = os.environ.get("BROWSER_SHOTS")  # a folder for screenshots, for people who want to look
EXPLORERS = """
import torch
torch.set_num_threads(1)
from minicyclegan.runs.checkpoint import load
from minicyclegan.course.files import course_folder, shipped_weights
from minicyclegan.seasons import draw, sample_scenes
from minicyclegan.widgets.sliders import cycle_viewer, lambda_slider, receptive_field_explorer
scenes = sample_scenes(5, seed=1)
"""
BOARD = """
import torch
torch.set_num_threads(1)
from minicyclegan.widgets.board import training_board
from minicyclegan.data import load_seasons
from minicyclegan.parameters import Config
config = Config(image_size=16, steps=3000, batch_size=1, base_channels=4, n_blocks=1, discriminator_channels=4, discriminator_layers=1)
board = training_board(config, load_seasons(16, n_train=20, n_test=6), "run", sample_every=20, log_every=5)
board
"""
PROGRESS = """
import time
from minicyclegan.runs.progress import progress_lines, watched
write = progress_lines()
for step in range(1, 4):
    write(f"step {step:>6}/3  cycle 1.000 <b>not bold</b>")
for _ in watched(range(3), "training"):
    time.sleep(0.3)
"""
GAMES = (
    "from minicyclegan.widgets.toy_app import cycle_in_the_plane, game_in_the_plane",
    "game = game_in_the_plane()\ngame",
    "cycle = cycle_in_the_plane()\ncycle",
)


def shoot(lab, name: str) -> None:  # noqa: F811
    if SHOTS:
        for theme in ("Light", "Dark"):
            lab.theme(f"JupyterLab {theme}")
            lab.page.wait_for_timeout(300)
            lab.page.screenshot(path=str(Path(SHOTS) / f"{name}-{theme.lower()}.png"))


def test_the_explorers_draw_anew_when_a_control_is_moved(lab):  # noqa: F811
    page = lab.page
    lab.open(
        EXPLORERS,
        "receptive_field_explorer(draw(scenes, 'summer', 128)[0])",
        "lambda_slider(course_folder() / 'sweeps')",
        "cycle_viewer(load(shipped_weights()), draw(scenes, 'summer', 64), draw(scenes, 'winter', 64))",
    )
    lab.run_all()
    outputs = page.locator(".jp-OutputArea-output", has=page.locator("img"))
    wait_for(lambda: outputs.count() == 3, 30, "showing the three widgets")

    def move(output, name: str, key: str) -> str:
        """Press a key on a slider; returns the words under the picture once it has changed."""
        image = output.locator("img")
        before = lab.pixels(image)
        output.get_by_role("slider", name=name).focus()
        page.keyboard.press(key)
        lab.idle()
        assert lab.pixels(image) != before, f"{name}: the picture did not change"
        return output.locator("p").inner_text()

    field, weight, viewer = (outputs.nth(k) for k in range(3))
    for output in (field, weight, viewer):
        words = output.locator("p").inner_text()
        assert len(words) > 40 and output.locator("img").get_attribute("alt") == words
        assert unnamed(output) == []
    assert "each score sees 70 x 70 px" in field.locator("p").inner_text()
    assert "kernel 5" in move(field, "kernel, px", "ArrowRight")
    assert "4 layers of stride 2" in move(field, "layers of stride 2", "ArrowRight")
    assert "lambda_cycle=100" in move(weight, "lambda_cycle", "ArrowRight")
    assert weight.get_by_role("slider").get_attribute("aria-valuetext") == "100"  # not its number among four
    assert "Picture 1 from A to B" in move(viewer, "picture", "ArrowRight")
    before = lab.pixels(viewer.locator("img"))
    begin = viewer.get_by_role("group", name="begin with")
    begin.get_by_role("button", name="B", exact=True, pressed=False).click()
    lab.idle()
    assert begin.get_by_role("button", name="B", exact=True, pressed=True).count() == 1
    assert lab.pixels(viewer.locator("img")) != before and "from B to A" in viewer.locator("p").inner_text()
    shoot(lab, "explorers")
    assert lab.errors == []


def test_the_board_shows_a_training_stops_it_and_goes_on(lab):  # noqa: F811
    page = lab.page
    lab.open(BOARD)
    lab.run_all()
    board = page.locator(".jp-OutputArea-output", has=page.get_by_role("button", name="Stop after this step"))
    wait_for(lambda: board.locator("img").count() == 2, 60, "the first curves and samples")
    first = lab.pixels(board.locator("img").nth(0))
    wait_for(lambda: lab.pixels(board.locator("img").nth(0)) != first, 30, "new curves")
    stop, go_on = (board.get_by_role("button", name=name) for name in ("Stop after this step", "Go on"))
    assert go_on.is_disabled() and unnamed(board) == []
    shoot(lab, "board")
    stop.click()
    wait_for(lambda: "stopped after step" in board.inner_text(), 30, "the stop")
    wait_for(lambda: go_on.is_enabled() and stop.is_disabled(), 10, "the buttons")
    stopped = board.inner_text().split("stopped after step ")[1].split()[0]
    assert read_checkpoint(lab.root / "run" / "last.pt")["step"] == int(stopped)
    shown = lab.pixels(board.locator("img").nth(0))
    go_on.click()
    wait_for(lambda: lab.pixels(board.locator("img").nth(0)) != shown, 30, "going on")
    stop.click()
    wait_for(lambda: go_on.is_enabled(), 30, "the second stop")
    assert int(board.inner_text().split("stopped after step ")[1].split()[0]) > int(stopped)
    assert lab.errors == []


def test_a_person_sees_a_bar(lab):  # noqa: F811
    lab.open(PROGRESS)
    lab.run_all()
    page = lab.page
    wait_for(lambda: page.locator(".jp-OutputArea-output .widget-hprogress").count() == 2, 20, "the bars")
    text = page.locator(".jp-OutputArea").inner_text()
    assert "step 3/3 cycle 1.000 <b>not bold</b>" in text and "training 3/3" in text
    assert lab.errors == []


def test_a_click_a_slider_and_the_clock_move_the_games(lab):  # noqa: F811
    page = lab.page
    page.set_viewport_size({"width": 1280, "height": 1000})
    lab.open(*GAMES)
    page.evaluate("window.jupyterapp.commands.execute('application:toggle-left-area')")
    lab.run_all()
    apps = page.locator(".jp-OutputArea-output", has=page.locator("img"))
    wait_for(lambda: apps.count() == 2, 30, "showing both games")
    game, cycle = apps.nth(0), apps.nth(1)

    def picture(app) -> str:
        lab.idle()
        app.locator("img").scroll_into_view_if_needed()
        return lab.pixels(app.locator("img"))

    def press(app, name: str) -> None:
        app.get_by_role("button", name=name, exact=True).click()

    start = picture(game)
    shoot(lab, "game-start")
    seen = [start]
    for name, words in (
        ("step D", "D 10 steps, G 0 steps"),
        ("step G", "D 10 steps, G 10 steps"),
        ("10 rounds", "D 20 steps"),
    ):
        press(game, name)
        seen.append(picture(game))
        assert words in game.inner_text(), game.inner_text()
    assert len(set(seen)) == 4, "a click did not change the picture"

    press(game, "Play")
    game.get_by_role("button", name="Pause", exact=True).wait_for()
    wait_for(lambda: int(re.search(r"D (\d+) steps", game.inner_text())[1]) >= 60, 30, "the film")
    press(game, "Pause")
    stopped = picture(game)
    page.wait_for_timeout(600)
    assert picture(game) == stopped, "the film goes on after Pause"
    shoot(lab, "game-later")
    press(game, "Start anew")
    assert picture(game) == start, "the same seed did not give the same game"

    before = picture(cycle)
    slider = cycle.get_by_role("slider", name="lambda_cycle")
    slider.focus()
    page.keyboard.press("ArrowRight")
    after = picture(cycle)
    assert before != after and "lambda_cycle 0.1" in cycle.inner_text()
    assert slider.get_attribute("aria-valuetext") == "0.1", "a screen reader is told another value"
    slider.focus()
    page.keyboard.press("ArrowLeft")
    assert picture(cycle) == before, "lambda_cycle went back, its picture did not"
    assert unnamed(game) == unnamed(cycle) == []
    press(cycle, "10 rounds")
    assert picture(cycle) != before
    shoot(lab, "cycle")
    assert lab.errors == []


# Hostile input

BARE = "<img src=x onerror=window.pwned=1>"
APP = "from minicyclegan.serve.app import translator_app\ntranslator_app([{!r}])"
NO_ESCAPE = "import types, minicyclegan.runs.progress as p\np.html = types.SimpleNamespace(escape=lambda text: text)\n"
UPLOADS = [name for name in NAMES if "\n" not in name]  # a browser's file has no line break in its name
DONE, OPENED = {"texts": 0, "pages": 0}, set()  # shown as typed; opened without a fault


class Watch:
    """What a page does that it should not: `found` lists dialogs, requests to elsewhere, complaints of the console."""

    def __init__(self, page, home: str):
        self.page, self.home, self.found = page, home, []
        page.on("dialog", lambda dialog: (self.found.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        page.on("request", lambda request: self.request(request.url))
        page.on("pageerror", lambda error: self.found.append(f"page error: {error}"))
        page.on(
            "console",
            lambda line: self.found.append(f"console: {line.text}") if line.type == "error" else None,
        )

    def request(self, url: str) -> None:
        if urlsplit(url).scheme not in ("data", "blob") and not url.startswith(self.home):
            self.found.append(f"request: {url}")

    def faults(self) -> list[str]:
        """Everything that was found, and whether a script has run in any frame."""
        self.page.wait_for_timeout(200)
        ran = [frame.url for frame in self.page.frames if frame.evaluate("'pwned' in window")]
        return self.found + [f"a script ran in {url}" for url in ran]


def png(text: str) -> bytes:
    """A picture whose notes, EXIF and colour profile hold `text`."""
    notes, content, picture = PngInfo(), io.BytesIO(), noise_image(0, (16, 16))
    notes.add_itxt("Title", text)
    exif = picture.getexif()
    exif[0x010E] = text
    picture.save(content, "PNG", pnginfo=notes, exif=exif, icc_profile=text.encode())
    return content.getvalue()


@pytest.fixture(scope="module")
def hostile_checkpoint(finished_run, tmp_path_factory):
    """A checkpoint whose data are HTML, in a folder whose name is."""
    state, folder = read_checkpoint(finished_run / "last.pt"), tmp_path_factory.mktemp("hostile") / BARE
    state["config"]["data"] = BARE
    folder.mkdir()
    save_checkpoint(folder / "last.pt", state)
    return folder / "last.pt"


@pytest.fixture
def page(chromium):  # noqa: F811
    """An empty page of a browser without JupyterLab."""
    with closing(chromium.new_page()) as page:
        yield page


def upload(page, name: str, content: bytes, words: str) -> None:
    with page.expect_file_chooser() as chooser:
        page.locator("button", has_text="Upload a picture").click()
    chooser.value.set_files({"name": name, "mimeType": "image/png", "buffer": content})
    wait_for(lambda: words in page.locator("span[role=status]").inner_text(), 30, f"showing {words}")


def use_the_app(page) -> None:
    """Hostile checkpoint, then every hostile name with a good and with a damaged file."""
    status = page.locator("span[role=status]")
    wait_for(lambda: f"It was trained on {BARE} at" in status.inner_text(), 60, "loading the checkpoint")
    label = page.locator(".widget-dropdown option").first.text_content()
    assert label.replace("\xa0", " ") == f"{BARE}/last.pt"  # ipywidgets keeps spaces from being squeezed
    for name in UPLOADS:
        shown = printable(name.replace("/", ":"))
        upload(page, name, png(name), f"{shown}: 16 x 16 px")
        assert f"A: {shown}" in page.locator("figcaption").first.inner_text()
        upload(page, name, b"no picture", "Error")
        assert shown in status.inner_text()
        DONE["texts"] += 1
    upload(page, BARE + ".png", png(BARE), "16 x 16 px")
    page.get_by_role("button", name="Translate", exact=True).click()
    wait_for(lambda: "translated at" in status.inner_text(), 30, "translating")
    assert f"{BARE}.png: translated at" in status.inner_text()


def test_nothing_from_a_file_or_a_checkpoint_runs_in_the_app_in_jupyterlab(lab, hostile_checkpoint):  # noqa: F811
    watch = Watch(lab.page, lab.address)
    lab.open(APP.format(str(hostile_checkpoint)))
    lab.run_all()
    use_the_app(lab.page)
    assert watch.faults() == []
    DONE["pages"] += 1
    OPENED.add("JupyterLab")


def test_an_app_that_forgets_to_escape_is_noticed_by_the_same_harness(lab, hostile_checkpoint):  # noqa: F811
    watch = Watch(lab.page, lab.address)
    lab.open(NO_ESCAPE + APP.format(str(hostile_checkpoint)))
    lab.run_all()
    assert any(fault.startswith("a script ran") for fault in watch.faults())


@pytest.fixture(scope="module")
def voila(hostile_checkpoint, finished_run, chromium, tmp_path_factory):  # noqa: F811
    """`minicyclegan app CHECKPOINT CHECKPOINT` as a person starts it, the hostile one first; its address and its folder.

    Each page has a kernel of its own.
    """
    pytest.importorskip("voila", reason="voila is not installed: pip install 'minicyclegan[app]'")
    folder = tmp_path_factory.mktemp("voila")
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    code = "from minicyclegan.cli.app import app; app()"
    checkpoints = [str(hostile_checkpoint), str(finished_run / "last.pt")]
    command = [sys.executable, "-c", code, *checkpoints, f"--port={port}", "--no-browser"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with open(folder / "voila.log", "w") as log:
        server = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log)
        address = f"http://127.0.0.1:{port}"

        def answers() -> bool:
            assert server.poll() is None, (folder / "voila.log").read_text()[-2000:]
            with suppress(OSError), closing(socket.create_connection(("127.0.0.1", port), 1)):
                return True
            return False

        try:
            wait_for(answers, 60, "the start of Voila")
            yield address, folder
        finally:
            server.send_signal(2)  # as Ctrl-C: the command stops Voila too
            try:
                server.wait(20)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def app_in_voila(page, voila) -> Watch:
    """The app opened in the page, with everything seen of it from the start."""
    watch = Watch(page, voila[0])
    page.goto(voila[0], timeout=60_000)
    page.locator("span[role=status]").wait_for(timeout=60_000)
    return watch


def test_nothing_from_a_file_or_a_checkpoint_runs_in_the_app_in_voila(page, voila):
    watch = app_in_voila(page, voila)
    use_the_app(page)
    assert watch.faults() == []
    DONE["pages"] += 1
    OPENED.add("Voila")


def test_the_app_in_voila_needs_no_other_machine_and_its_controls_have_names(page, voila):
    """As a person without internet uses it: what would go elsewhere is refused, and would be listed."""
    page.route(lambda url: urlsplit(url).hostname != "127.0.0.1", lambda route: route.abort())
    watch = app_in_voila(page, voila)
    page.get_by_role("combobox", name="Checkpoint").select_option(index=1)
    page.get_by_role("combobox", name="or example").select_option("summer 1")
    direction = page.get_by_role("group", name="Direction")
    direction.get_by_role("button", name="B to A", pressed=False).click()
    direction.get_by_role("button", name="B to A", pressed=True).wait_for()
    page.get_by_role("button", name="Translate", exact=True).click()
    page.get_by_role("img", name="translated to A").wait_for()
    for name in ("Checkpoint", "Shorter side"):
        assert page.get_by_role("combobox", name=name).count() == 1
    page.get_by_role("textbox", name="Save as").fill("kept.png")
    page.get_by_role("button", name="Save", exact=True).click()
    wait_for((voila[1] / "kept.png").is_file, 20, "saving")
    assert watch.faults() == []


def open_site(page, folder):
    """Open every page of a site from the disk; gives the watch and all text seen."""
    watch, text = Watch(page, folder.as_uri() + "/"), ""
    for path in sorted(folder.rglob("*.html")):
        page.goto(path.as_uri())
        text += page.inner_text("body")
        assert page.evaluate("getComputedStyle(document.body).maxWidth") == "992px", "the style is missing"
        pictures = page.locator("img").evaluate_all("images => images.map(i => i.naturalWidth)")
        assert all(pictures), "the page's own policy hides a picture"
        watch.found += watch.faults()[len(watch.found) :]
        DONE["pages"] += 1
    return watch, text


def test_nothing_runs_in_the_site_and_names_of_files_are_read_as_typed(page, tmp_path):
    root = course(tmp_path / "root", title="A formula $x^2$ and &lt;b&gt;")
    noise_image(0).save(root / "files" / "picture.png")
    names = [name + ".txt" for name in NAMES]
    for name in names:
        (root / "files" / name).write_text(TEXTS[1])
    site_module.build(root, tmp_path / "site")
    watch, text = open_site(page, tmp_path / "site")
    assert watch.found == []
    squeezed = re.sub(r"\s+", " ", text)
    assert [name for name in names if printable(name) not in squeezed] == []
    assert TEXTS[1] in text
    DONE["texts"] += len(names)
    OPENED.add("site")


@pytest.mark.parametrize("policy", [True, False])
def test_what_the_site_would_refuse_is_stopped_by_its_policy_and_runs_without(
    page, tmp_path, monkeypatch, policy
):
    shown = nbformat.v4.new_output("display_data", {"text/html": "<img src=data:x onerror=window.pwned=1>"})
    cell = nbformat.v4.new_code_cell("1", outputs=[shown])
    monkeypatch.setattr(site_module, "refuse_scripts", lambda *arguments: None)
    if not policy:
        monkeypatch.setattr(site_page, "POLICY", "")
    root = course(tmp_path / "root", cells=[cell])
    site_module.build(root, tmp_path / "site")
    watch = Watch(page, (tmp_path / "site").as_uri() + "/")
    page.goto((tmp_path / "site" / "00_x.html").as_uri())
    faults = watch.faults()
    assert any(fault.startswith("a script ran") for fault in faults) is not policy, faults
    assert any("Content Security Policy" in fault for fault in faults) is policy, faults


def test_nothing_runs_in_the_feedback_for_students_and_it_is_read_as_typed(page, tmp_path):
    """The Markdown, made to HTML by a program that lets HTML through and opened without any policy."""
    watch = Watch(page, tmp_path.as_uri() + "/")
    for text in TEXTS:
        html = f"<!DOCTYPE html><meta charset=utf-8>{markdown2html(graded_page(text, tmp_path)[0])}"
        (tmp_path / "page.html").write_text(html, encoding="utf-8")
        page.goto((tmp_path / "page.html").as_uri())
        assert watch.faults() == [], text
        DONE["texts"] += 1
    DONE["pages"] += 1
    OPENED.add("feedback")


def test_the_figures_are_kept():
    if OPENED != {"JupyterLab", "Voila", "site", "feedback"}:
        pytest.skip("not every page was opened, or something was found in one")
    records.record("injection", **DONE, executed=0)
