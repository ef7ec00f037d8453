"""The command `minicyclegan doctor`: what is wrong with this machine, and what to do."""

import importlib.metadata
import os
import platform
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import click


def check_machine() -> Iterator[tuple[bool, str]]:
    """(whether it is good, one line that says what was found and, where it is not good, what to do)."""
    good = sys.version_info >= (3, 11)
    yield good, f"Python {platform.python_version()}" + ("" if good else ": install Python 3.11 or newer")

    try:
        import torch
        import torchvision
        import torchvision.ops  # the compiled part: fails when the two do not match

        torchvision.ops.nms(torch.zeros(1, 4), torch.zeros(1), 0.5)
        yield True, f"torch {torch.__version__} and torchvision {torchvision.__version__} work together"
    except Exception as error:  # whatever keeps them from loading is what we want to report
        yield (
            False,
            f"torch and torchvision do not work together ({str(error).splitlines()[0][:80]}): pip install --force-reinstall torch torchvision",
        )
        return

    from minicyclegan.runs.devices import available_memory, choose_device

    yield True, choose_device()[2]
    if torch.cuda.is_available():
        free, total = torch.cuda.mem_get_info()
        yield (
            free > 4e9,
            f"GPU memory: {free / 1e9:.1f} of {total / 1e9:.1f} GB free"
            + ("" if free > 4e9 else ": under 4 GB, use a smaller image_size or batch_size"),
        )
    memory = available_memory()
    if memory is not None:
        yield (
            memory > 2e9,
            f"memory: {memory / 1e9:.1f} GB available"
            + ("" if memory > 2e9 else ": under 2 GB, close other programs"),
        )

    for name in ("jupyterlab", "ipykernel", "papermill", "nbval", "ipywidgets", "matplotlib"):
        try:
            yield True, f"{name} {importlib.metadata.version(name)}"
        except importlib.metadata.PackageNotFoundError:
            yield False, f"{name} is missing: pip install {name}"

    from minicyclegan.course.execution import kernel_here
    from minicyclegan.course.files import course_folder, shipped_weights
    from minicyclegan.errors import MiniCycleGANError

    for what, find in (
        ("kernel", kernel_here),
        ("notebooks", course_folder),
        ("shipped weights", shipped_weights),
    ):
        try:
            yield True, f"{what}: {find()}"
        except MiniCycleGANError as error:
            yield False, f"{what}: {error}"
    for what, folder in (("this folder", Path.cwd()), ("the temporary folder", Path(tempfile.gettempdir()))):
        good = os.access(folder, os.W_OK)
        yield (
            good,
            f"{what} is {'' if good else 'not '}writable: {folder}"
            + ("" if good else "; work in another one, runs are written here"),
        )


@click.command()
def doctor():
    """Check this machine: one line for each thing, and what to do where something is wrong."""
    sound = True
    for good, text in check_machine():
        click.echo(f"{'ok   ' if good else 'WRONG'} {text}")
        sound = sound and good
    sys.exit(0 if sound else 1)
