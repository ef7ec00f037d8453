"""The widgets of the course, in JupyterLab and a real browser: moved by keyboard and mouse, and nothing complains."""

import os
import re
from pathlib import Path

from browser import chromium, lab, lab_profile, lab_server, unnamed, wait_for  # noqa: F401  (fixtures)

from minicyclegan.runs.checkpoint import read_checkpoint

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
