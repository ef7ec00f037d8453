"""The command `minicyclegan app`: the translator full-screen, with Voila."""

import importlib.util
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import click

# Voila's page with the addresses of its icons, at cdn.jsdelivr.net, turned into empty styles: nothing is loaded from elsewhere
TEMPLATE = """{%- extends "voila/templates/lab/index.html.j2" -%}
{%- block notebook_css -%}
{{ super() | replace("https://cdn.jsdelivr.net/", "data:text/css,/*") }}
{%- endblock notebook_css -%}
"""


@click.command()
@click.argument("checkpoints", type=click.Path(), nargs=-1)
@click.option("--port", default=8866, show_default=True, help="Port on this machine.")
@click.option("--browser/--no-browser", default=True, help="Open a browser.", show_default=True)
def app(checkpoints, port, browser):
    """Open the translator app in a window of its own, with CHECKPOINTS or with every run in runs/.

    It listens on this machine only. Stop it with Ctrl-C.
    """
    import nbformat

    from minicyclegan.course.execution import kernel_here
    from minicyclegan.errors import RunError
    from minicyclegan.runs.checkpoint import read_checkpoint

    if importlib.util.find_spec("voila") is None:
        raise RunError(
            "the app in a window of its own needs Voila; run: python -m pip install voila; "
            "without it, the same app is in notebook 10_your_images"
        )
    kernel = kernel_here()
    for path in checkpoints:
        read_checkpoint(path)  # refuses here, in words, rather than in the browser
    chosen = [str(Path(path).resolve()) for path in checkpoints] or None
    source = (
        "import os\n"
        f"os.chdir({os.getcwd()!r})\n"  # what is saved goes where the command was given
        "from minicyclegan.serve.app import translator_app\n"
        f"translator_app({chosen!r})"
    )
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)])
    notebook.metadata["kernelspec"] = {"name": kernel, "display_name": "Python 3", "language": "python"}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "miniCycleGAN.ipynb"
        nbformat.write(notebook, path)
        template = Path(folder) / "voila" / "templates" / "minicyclegan"
        template.mkdir(parents=True)
        (template / "conf.json").write_text('{"base_template": "lab"}', encoding="utf-8")
        (template / "index.html.j2").write_text(TEMPLATE, encoding="utf-8")
        places = os.pathsep.join(filter(None, (folder, os.environ.get("JUPYTER_PATH"))))
        click.echo(f"the app is at http://localhost:{port} in a moment; stop it with Ctrl-C")
        command = [sys.executable, "-m", "voila", str(path), f"--port={port}", "--Voila.ip=127.0.0.1"]
        command += ["--template=minicyclegan"] + ([] if browser else ["--no-browser"])
        with subprocess.Popen(command, env=os.environ | {"JUPYTER_PATH": places}) as server:
            try:
                code = server.wait()
            except KeyboardInterrupt:
                server.terminate()
                code = 0
        if code:
            raise RunError(
                f"Voila ended with code {code}; if the port {port} is taken, choose another with --port"
            )
