"""The command `minicyclegan translate`."""

import contextlib
import os
import sys
from pathlib import Path

import click

from minicyclegan.cli.options import bad_image_option


@click.command()
@click.argument("checkpoint", type=click.Path())
@click.argument("images", type=click.Path())
@click.option(
    "-o", "--output", required=True, type=click.Path(), help="A folder, or a file when IMAGES is one image."
)
@click.option("--to", default="b", type=click.Choice(["a", "b"]), help="Target domain.", show_default=True)
@click.option("--device", default="auto", help="auto, cuda, mps or cpu.", show_default=True)
@bad_image_option
@click.option(
    "--recursive", is_flag=True, help="Enter the folders within IMAGES too, and keep them in the output."
)
@click.option(
    "--size",
    metavar="N",
    type=click.IntRange(min=16),
    help="Translate with a shorter side of N px, and scale the results back.",
)
@click.option(
    "--value-range",
    metavar="LOW..HIGH",
    help="Black and white where images have more than 8 bits; by default those of the training.",
)
def translate(checkpoint, images, output, to, device, on_bad_image, recursive, size, value_range):
    """Translate IMAGES, one image or every image in a folder, with the CHECKPOINT of a run.

    Results are PNG files of the same name and size; one image may go to a file of any type. Nothing that exists is
    overwritten, and nothing is left behind when an image is refused. Large images go through the network in strips, with
    the same result in less memory.
    """
    import torch

    from minicyclegan.errors import DataError
    from minicyclegan.fast.norm import use_quick_norms
    from minicyclegan.pictures.folders import left_out
    from minicyclegan.pictures.outputs import (
        as_file,
        far_from_training,
        folders_below,
        images_in,
        shorter_sides,
    )
    from minicyclegan.runs.checkpoint import load
    from minicyclegan.translate import translate_files

    source = Path(images)
    if not os.path.lexists(source):
        raise DataError(f"there is no picture or folder {source}; check the path")
    if os.path.isdir(source):
        folders = folders_below(source, output) if recursive else [source]
        paths = images_in(folders)
        if not paths:
            others = left_out(source, None if recursive else "--recursive enters them")
            there = f"it holds {others}" if others else "put some there (jpg, png, webp, tiff, ...)"
            raise DataError(f"no picture in {source}; {there}")
        say_left_out(folders, recursive)
    else:
        paths = [source]
        as_file(output, single=True)  # refused before the checkpoint is read
    model = load(checkpoint, device)
    if far := far_from_training(
        [size] * len(paths) if size else shorter_sides(paths), model.config.image_size
    ):
        tell(far)
    say_depths(paths, value_range or model.config.value_range, to)
    if next(model.parameters()).device.type == "cpu":
        use_quick_norms(model).to(memory_format=torch.channels_last)
    written = translate_files(
        model,
        paths if os.path.isdir(source) else source,
        output,
        to,
        on_bad_image,
        tell,
        size=size,
        value_range=value_range,
        root=source if recursive and os.path.isdir(source) else None,
        bar=bar,
    )
    click.echo(f"{len(written)} of {len(paths)} images translated to domain {to.upper()}, in {output}")
    if not written:
        sys.exit(1)


def tell(line: str) -> None:
    click.echo(line, err=True)


@contextlib.contextmanager
def bar(label: str):
    """A bar with the time left; where nobody looks, only its label."""
    from minicyclegan.errors import printable

    with click.progressbar(length=1000, label=printable(label), file=sys.stderr) as shown:
        yield lambda share: shown.update(int(1000 * share) - shown.pos)


def say_left_out(folders: list[Path], recursive: bool) -> None:
    """One line about what is not translated; with `recursive` one for each folder that has such files."""
    from minicyclegan.errors import printable
    from minicyclegan.pictures.folders import left_out

    for folder in folders:
        if others := left_out(folder, None if recursive else "not entered; --recursive enters them"):
            tell(printable(f"left out of {folder}: {others}"))


def say_depths(paths: list[Path], value_range: str, to: str) -> None:
    """What does not come through of these pictures, and which brightness is black and white where they do not say it."""
    from minicyclegan.parameters import value_range_of
    from minicyclegan.pictures.prefetch import read_all
    from minicyclegan.pictures.survey import facts_of, remarks

    facts = [one for one in read_all(facts_of, paths) if one]
    for line in remarks({"these": facts}):
        tell(line)
    deep = [one for one in facts if one.depth != "known"]
    low, high = value_range_of(value_range, "a" if to == "b" else "b") or (0, 65535)
    if deep:
        number = "1 picture has" if len(deep) == 1 else f"{len(deep)} pictures have"
        tell(
            f"{number} more than 8 bits: {low:g} is black and {high:g} is white; --value-range LOW..HIGH changes it"
        )
