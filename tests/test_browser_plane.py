"""The games in the plane, in JupyterLab and a real browser: a click or a key changes the picture, and nothing complains."""

import os
import re
from pathlib import Path

from browser import lab, lab_server, unnamed, wait_for  # noqa: F401  (fixtures)

SHOTS = os.environ.get("BROWSER_SHOTS")  # a folder for screenshots, for people who want to look
CELLS = (
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


def test_a_click_a_slider_and_the_clock_move_the_games(lab):  # noqa: F811
    page = lab.page
    page.set_viewport_size({"width": 1280, "height": 1000})
    lab.open(*CELLS)
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
