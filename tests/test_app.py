"""The translator app, clicked by code: every click ends in pictures or in one line of text, never in a traceback."""

import base64
import io
import json
import os
import re
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import nbformat
import numpy as np
import pytest
from conftest import files_in, make_folder, noise_image, same_picture, tiny_run
from PIL import Image

from minicyclegan.cli import app as cli_app
from minicyclegan.course.files import shipped_weights
from minicyclegan.data import load_folder
from minicyclegan.errors import CheckpointError, RunError
from minicyclegan.runs.checkpoint import load
from minicyclegan.serve import app as module
from minicyclegan.serve.app import LARGEST, TranslatorApp, find_checkpoints, shrink, translator_app

HOSTILE = "<img src=x onerror=alert(1)>.png"


@pytest.fixture
def app(checkpoint, tmp_path, monkeypatch) -> TranslatorApp:
    monkeypatch.chdir(tmp_path)
    return translator_app([checkpoint, shipped_weights()])


def status(app) -> str:
    return re.sub("<[^>]*>", "", app.status.value)


def upload(app, name: str, content: bytes) -> None:
    """What the browser does when a file is chosen."""
    file = {
        "name": name,
        "type": "",
        "size": len(content),
        "content": memoryview(content),
        "last_modified": datetime.now(),
    }
    app.upload.value = (file,)


def as_png(image: Image.Image) -> bytes:
    content = io.BytesIO()
    image.save(content, "PNG")
    return content.getvalue()


def pictures_shown(app) -> list[Image.Image]:
    uris = [re.search(r'src="data:image/png;base64,([^"]*)"', figure.value) for figure in app.figures]
    return [Image.open(io.BytesIO(base64.b64decode(uri.group(1)))) for uri in uris if uri]


def test_choose_translate_and_save(app, checkpoint, tmp_path):
    assert status(app).startswith("Loaded.") and not pictures_shown(app)
    app.example.value = next(iter(app.examples))
    assert len(pictures_shown(app)) == 1 and "Press Translate" in status(app)
    app.button.click()
    before, translation, back = pictures_shown(app)
    model = load(checkpoint)
    assert same_picture(translation, model.translate(before, to="b"))
    assert same_picture(back, model.translate(translation, to="a"))
    assert app.link.value.count("<a ") == 1 and not app.save_button.disabled
    app.path.value = "winter.png"
    app.save_button.click()
    assert status(app) == f"Saved: {tmp_path / 'winter.png'}"
    assert np.array_equal(np.asarray(Image.open(tmp_path / "winter.png")), np.asarray(translation))


def test_the_other_direction(app, checkpoint):
    upload(app, "x.png", as_png(noise_image(1, (16, 16))))
    app.direction.value = "a"
    app.button.click()
    before, translation, back = pictures_shown(app)
    model = load(checkpoint)
    assert same_picture(translation, model.translate(before, to="a"))
    assert same_picture(back, model.translate(translation, to="b"))
    assert [re.search('alt="([^"]*)"', f.value).group(1) for f in app.figures] == [
        "B: x.png",
        "translated to A",
        "back to B",
    ]
    assert app.path.value == "x_to_a.png"


def test_a_changed_direction_or_picture_takes_the_old_result_away(app):
    upload(app, "x.png", as_png(noise_image(1)))
    for change in (
        lambda: setattr(app.direction, "value", "a"),
        lambda: upload(app, "y.png", as_png(noise_image(2))),
    ):
        app.button.click()
        assert len(pictures_shown(app)) == 3
        change()
        assert (
            len(pictures_shown(app)) == 1
            and app.result is None
            and app.save_button.disabled
            and not app.link.value
        )


def test_another_checkpoint_is_another_model(app):
    upload(app, "x.png", as_png(noise_image(1, (64, 64))))
    app.button.click()
    first = np.asarray(app.result)
    app.checkpoint.index = 1
    assert "64 px" in status(app)
    app.button.click()
    assert not np.array_equal(np.asarray(app.result.resize((16, 16))), first)
    assert same_picture(app.result, load(shipped_weights()).translate(noise_image(1, (64, 64))))


@pytest.mark.parametrize(
    ("size", "choice", "expected"),
    [
        ((40, 20), 16, (32, 16)),
        ((10, 8), 16, (10, 8)),
        ((40, 20), LARGEST, (40, 20)),
        ((4000, 20), 16, (1024, 5)),
    ],
)
def test_a_picture_is_scaled_down_and_never_up(size, choice, expected):
    assert shrink(noise_image(0, size), choice).size == expected


@pytest.mark.parametrize("mode", ["L", "RGBA", "P", "1"])
def test_an_upload_of_any_mode_and_shape(app, mode):
    upload(app, "x.png", as_png(noise_image(1, (31, 17)).convert(mode)))
    app.size.value = LARGEST
    app.button.click()
    assert app.result.size == (31, 17) and app.result.mode == "RGB", status(app)


@pytest.mark.parametrize(
    "content", [b"", b"text", as_png(noise_image(0, (90, 90)))[:3000]], ids=["empty", "text", "cut off"]
)
def test_a_file_that_is_no_picture(app, content):
    upload(app, "x.png", content)
    assert status(app).startswith("Error: cannot read the picture x.png: ") and "\n" not in status(app)
    app.button.click()
    assert "nothing to translate" in status(app)


def test_a_hostile_name_is_text_everywhere(app, tmp_path):
    upload(app, HOSTILE, as_png(noise_image(0)))
    everything = [[status(app)]]
    app.button.click()
    everything.append([figure.value for figure in app.figures] + [app.status.value, app.link.value])
    app.save_button.click()
    everything.append([app.status.value])
    upload(app, HOSTILE, b"no picture")
    everything.append([app.status.value])
    for values in everything:
        assert not any("<img src=x" in value for value in values)
    assert "&lt;img src=x onerror=alert(1)&gt;.png" in app.figures[0].value
    assert files_in(tmp_path) == ["img_src_x_onerror_alert_1_to_b.png"]


@pytest.mark.parametrize(
    "name", ["../../etc/passwd.png", ".png", "", "..", "a/b.png", "x" * 300 + ".png", "ü ä.png"]
)
def test_no_name_leads_the_result_out_of_the_folder(app, name, tmp_path):
    upload(app, name, as_png(noise_image(0)))
    app.button.click()
    assert Path(app.path.value).name == app.path.value and len(app.path.value) < 100
    app.save_button.click()
    assert len(files_in(tmp_path)) == 1, status(app)


def test_saving_refuses_in_one_line(app, tmp_path):
    upload(app, "x.png", as_png(noise_image(0)))
    app.button.click()
    (tmp_path / "mine.png").write_text("mine")
    for path, words in (
        ("mine.png", "mine.png exists"),
        ("nowhere/x.png", "cannot write"),
        ("x.txt", "use .png"),
        ("", "use .png"),
    ):
        app.path.value = path
        app.save_button.click()
        assert status(app).startswith("Error: "), path
        assert words in status(app) or path == "", status(app)
    assert files_in(tmp_path) == ["mine.png"] and (tmp_path / "mine.png").read_text() == "mine"


def test_a_damaged_checkpoint_is_told_and_the_next_one_works(tmp_path):
    (tmp_path / "last.pt").write_text("damaged")
    app = translator_app([tmp_path / "last.pt", shipped_weights()])
    assert status(app).startswith("Error: ") and "last.pt" in status(app) and app.model is None
    app.button.click()
    assert "nothing to translate" in status(app)
    app.checkpoint.index = 1
    app.example.value = "winter 2"
    app.button.click()
    assert app.result is not None


def test_without_any_checkpoint_it_says_so():
    assert "there is no checkpoint" in status(translator_app([]))


def test_an_error_that_nobody_expected_is_one_line_too(app, monkeypatch):
    upload(app, "x.png", as_png(noise_image(0)))

    def fail(*arguments, **options):
        raise MemoryError("<b>full</b>")

    monkeypatch.setattr(module, "round_trip", fail)
    app.button.click()
    assert "something unexpected went wrong (MemoryError" in status(app) and "<b>" not in app.status.value
    assert not app.button.disabled, "the button must come back"


def test_examples_come_from_the_data_the_model_was_trained_on(tmp_path):
    folder = make_folder(tmp_path / "data")
    (folder / "testA" / "0.png").rename(folder / "testA" / "<b>0.png")
    tiny_run(tmp_path / "run", load_folder(folder, 16), data=str(folder), steps=1)
    app = translator_app([tmp_path / "run" / "last.pt"])
    assert list(app.examples)[:2] == ["testA/1.png", "testA/2.png"] and "testB/0.png" in app.examples
    app.example.value = "testA/<b>0.png"
    app.button.click()
    assert app.result is not None and not any("<b>" in figure.value for figure in app.figures)
    (folder / "testA" / "1.png").unlink()
    app.example.value = "testA/1.png"
    assert status(app).startswith("Error: there is no picture")


def test_checkpoints_are_found(tmp_path, monkeypatch):
    (tmp_path / "runs" / "mine").mkdir(parents=True)
    (tmp_path / "runs" / "mine" / "last.pt").write_text("x")
    monkeypatch.chdir(tmp_path)
    found = find_checkpoints()
    assert found[0] == tmp_path / "runs" / "mine" / "last.pt" and found[-1] == shipped_weights()
    assert len(found) == len(set(found))


def test_where_no_widget_is_shown_there_is_one_sentence(app):
    bundle = app._repr_mimebundle_()
    assert bundle["text/plain"] == module.TWIN and "application/vnd.jupyter.widget-view+json" in bundle


# The command `app`, full-screen with Voila


def test_without_voila_the_command_says_what_to_do(monkeypatch):
    monkeypatch.setattr(cli_app.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(RunError, match="pip install voila"):
        cli_app.app.main([], standalone_mode=False)


def test_the_command_refuses_a_bad_checkpoint_before_it_starts_anything(monkeypatch, tmp_path):
    monkeypatch.setattr(cli_app.importlib.util, "find_spec", lambda name: object())
    monkeypatch.setattr(cli_app.subprocess, "Popen", lambda *a, **k: pytest.fail("Voila was started"))
    with pytest.raises(CheckpointError, match="nowhere"):
        cli_app.app.main([str(tmp_path / "nowhere.pt")], standalone_mode=False)


def test_the_command_runs_voila_on_this_machine_only_with_the_app(monkeypatch, checkpoint, tmp_path):
    seen = {}
    real = subprocess.Popen

    def start(command, env):
        seen["command"] = command
        folder = Path(env["JUPYTER_PATH"].split(os.pathsep)[0]) / "voila" / "templates" / "minicyclegan"
        seen["template"] = (folder / "index.html.j2").read_text()
        (cell,) = nbformat.read(command[3], as_version=4).cells
        seen["source"] = cell.source
        return real([sys.executable, "-c", "raise SystemExit(3)"])

    monkeypatch.setattr(cli_app.importlib.util, "find_spec", lambda name: object())
    monkeypatch.setattr(cli_app.subprocess, "Popen", start)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RunError, match="code 3.*port 8877"):
        cli_app.app.main([str(checkpoint), "--port", "8877", "--no-browser"], standalone_mode=False)
    assert seen["command"][1:3] == ["-m", "voila"] and "--port=8877" in seen["command"]
    assert "--Voila.ip=127.0.0.1" in seen["command"] and "--no-browser" in seen["command"]
    assert "--template=minicyclegan" in seen["command"] and "cdn.jsdelivr.net" in seen["template"]
    assert not Path(seen["command"][3]).exists(), "the notebook is left behind"
    monkeypatch.chdir(tmp_path.parent)
    names = {}
    exec(seen["source"].replace("translator_app(", "app = translator_app("), names)
    assert names["app"].checkpoint.value == checkpoint.resolve() and Path.cwd() == tmp_path
    assert json.dumps(str(checkpoint.resolve()))[1:-1] in seen["source"]
