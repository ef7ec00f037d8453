"""JupyterLab in a real browser, for tests of widgets: import the fixtures `chromium`, `lab_server` and `lab` from here.

The server is configured as `jupyterlab.galata.configure_jupyter_server` does it, except that it has a token, a free port and
folders of its own; the kernel is the Python that runs the tests. Without playwright or a Chromium the tests are skipped.
"""

import contextlib
import json
import os
import re
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import nbformat
import pytest

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
]
NAMES = ("chromium", "chromium-browser", "google-chrome")
ROOT = Path(__file__).parent.parent
SETTINGS = {
    "@jupyterlab/notebook-extension:tracker": {"windowingMode": "none"},
    "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False},
}
PANEL = "window.jupyterapp.shell.currentWidget"


def find_browser() -> str:
    """Path of a chromium, from $CHROMIUM or the usual names; skips the test where there is none."""
    pytest.importorskip(
        "playwright", reason="playwright is not installed: pip install 'minicyclegan[browser]'"
    )
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    if not found:
        pytest.skip(f"there is no browser: install one of {', '.join(NAMES)} or set CHROMIUM")
    return found


def wait_for(ready, seconds: float, what: str) -> None:
    """Ask `ready()` until it is true; fails with `what` in its message when that takes too long."""
    end = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < end, f"{what} took more than {seconds} s"
        time.sleep(0.1)


def unnamed(place) -> list[str]:
    """The controls in a Playwright locator that a screen reader would announce without a name, as lines of its tree."""
    roles = "button|slider|combobox|textbox|spinbutton|checkbox|group"
    lines = place.aria_snapshot().splitlines()
    return [line.strip() for line in lines if re.match(rf'\s*- ({roles})(?! "[^"]*\w)', line)]


class Lab:
    """One page with JupyterLab. `page` is Playwright's; `errors` collects what the console complained about."""

    def __init__(self, address: str, token: str, root: Path, page):
        self.address, self.token, self.root, self.page, self.errors = address, token, root, page, []
        page.on(
            "console", lambda message: self.errors.append(message.text) if message.type == "error" else None
        )
        page.on("pageerror", lambda error: self.errors.append(f"page error: {error}"))

    def open(self, *sources: str, name: str = "test.ipynb") -> None:
        """Write a notebook of these code cells, open it and wait for its kernel. Its widgets are not saved."""
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])
        notebook.metadata["kernelspec"] = {
            "name": "python3",
            "display_name": "Python 3",
            "language": "python",
        }
        nbformat.write(notebook, self.root / name)
        self.page.goto(f"{self.address}/lab/tree/{name}?reset&token={self.token}")
        self.page.wait_for_selector(".jp-Notebook .jp-Cell")
        wait_for(lambda: self.status() == "idle", 60, "the kernel's start")

    def status(self) -> str | None:
        return self.page.evaluate(f"window.jupyterapp && {PANEL}?.sessionContext?.session?.kernel?.status")

    def run_all(self, seconds: float = 120) -> None:
        """Run all cells and wait until the kernel has nothing left to do; fails where a cell failed."""
        assert self.page.evaluate("window.jupyterapp.commands.execute('notebook:run-all-cells')"), (
            "a cell failed"
        )
        self.idle(seconds)
        failures = self.page.locator(".jp-OutputArea-output[data-mime-type*='error']").all_text_contents()
        assert not failures, failures

    def idle(self, seconds: float = 60) -> None:
        """Wait until the kernel was idle three times in a row, 0.2 s apart: messages of a click are on their way first."""
        end, quiet = time.monotonic() + seconds, 0
        while quiet < 3:
            self.page.wait_for_timeout(200)
            quiet = quiet + 1 if self.status() == "idle" else 0
            assert time.monotonic() < end, f"the kernel was still busy after {seconds} s"

    def pixels(self, image) -> str:
        """What the <img> found by a Playwright locator shows, as text: two are equal when not one pixel has changed."""
        return image.evaluate(
            """async image => {
                await image.decode()
                const canvas = document.createElement('canvas')
                canvas.width = image.naturalWidth
                canvas.height = image.naturalHeight
                canvas.getContext('2d').drawImage(image, 0, 0)
                return canvas.toDataURL()
            }"""
        )

    def theme(self, name: str) -> None:
        """ "JupyterLab Light" or "JupyterLab Dark"."""
        self.page.evaluate(
            f"window.jupyterapp.commands.execute('apputils:change-theme', {{theme: '{name}'}})"
        )
        self.page.wait_for_function(f"document.body.dataset.jpThemeName === '{name}'")

    def shutdown_kernel(self) -> None:
        self.page.evaluate(f"{PANEL}?.sessionContext?.shutdown()")


@pytest.fixture(scope="module")
def lab_server(tmp_path_factory):
    """A running JupyterLab: its address, its token and its empty folder. Stopped whatever happens."""
    find_browser()
    home = tmp_path_factory.mktemp("jupyter")
    folders = {f"JUPYTER_{kind}_DIR": home / kind.lower() for kind in ("CONFIG", "DATA", "RUNTIME")}
    root, settings = home / "notebooks", home / "settings"
    kernel = folders["JUPYTER_DATA_DIR"] / "kernels" / "python3"
    for folder in (*folders.values(), root, settings, kernel):
        folder.mkdir(parents=True)
    (settings / "overrides.json").write_text(json.dumps(SETTINGS))
    command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    spec = {"argv": command, "display_name": "Python 3", "language": "python"}
    (kernel / "kernel.json").write_text(json.dumps(spec))
    token = secrets.token_hex(16)
    with contextlib.closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    config = home / "server.py"
    config.write_text(
        "from jupyterlab.galata import configure_jupyter_server\n"
        "configure_jupyter_server(c)\n"
        f"c.ServerApp.ip, c.ServerApp.port, c.ServerApp.root_dir = '127.0.0.1', {port}, {str(root)!r}\n"
        f"c.IdentityProvider.token, c.ServerApp.disable_check_xsrf, c.ServerApp.allow_root = {token!r}, False, True\n"
        f"c.LabApp.workspaces_dir, c.LabApp.app_settings_dir = {str(home / 'workspaces')!r}, {str(settings)!r}\n"
        "c.LabApp.news_url, c.LabApp.extension_manager = None, 'readonly'\n"
    )
    environment = os.environ | {name: str(folder) for name, folder in folders.items()}
    environment |= {"PYTHONPATH": str(ROOT), "JUPYTERLAB_GALATA_ROOT_DIR": str(root), "TMPDIR": str(home)}
    with open(home / "server.log", "w") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "jupyterlab", f"--config={config}"],
            stdout=log,
            stderr=log,
            env=environment,
            cwd=root,
        )

        def answers() -> bool:
            assert server.poll() is None, "the server has died:\n" + (home / "server.log").read_text()[-2000:]
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"{address}/api?token={token}", timeout=2).close()
                return True
            return False

        try:
            wait_for(answers, 60, "the start of the server")
            yield address, token, root
        finally:
            server.terminate()
            try:
                server.wait(15)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


@pytest.fixture(scope="module")
def chromium():
    """A running browser without a window, for all tests of a file."""
    executable = find_browser()  # skips the test where playwright or a browser is missing
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=FLAGS)
        try:
            yield browser
        finally:
            browser.close()


@pytest.fixture(scope="module")
def lab_profile(chromium):
    """What the pages with JupyterLab share: above all its scripts, which take seconds to be read."""
    with contextlib.closing(chromium.new_context(viewport={"width": 1280, "height": 1000})) as profile:
        profile.set_default_timeout(30_000)
        yield profile


@pytest.fixture
def lab(lab_server, lab_profile):
    """A fresh page with JupyterLab, see Lab."""
    with contextlib.closing(lab_profile.new_page()) as page:
        opened = Lab(*lab_server, page)
        yield opened
        opened.shutdown_kernel()
