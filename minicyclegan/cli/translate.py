"""The command `minicyclegan translate`."""

import os
import sys
from pathlib import Path

import click


@click.command()
@click.argument("checkpoint", type=click.Path())
@click.argument("images", type=click.Path())
@click.option(
    "-o", "--output", required=True, type=click.Path(), help="A folder, or a file when IMAGES is one image."
)
@click.option("--to", default="b", type=click.Choice(["a", "b"]), help="Target domain.", show_default=True)
@click.option("--device", default="auto", help="auto, cuda, mps or cpu.", show_default=True)
@click.option(
    "--on-bad-image",
    default="refuse",
    type=click.Choice(["refuse", "skip"]),
    help="What to do with unreadable images.",
    show_default=True,
)
def translate(checkpoint, images, output, to, device, on_bad_image):
    """Translate IMAGES, one image or every image in a folder, with the CHECKPOINT of a run.

    Results are PNG files of the same name and size; one image may go to a file of any type. Nothing that exists is
    overwritten, and nothing is left behind when an image is refused.
    """
    import torch

    from minicyclegan.errors import DataError
    from minicyclegan.fast.norm import use_quick_norms
    from minicyclegan.pictures.images import list_images
    from minicyclegan.runs.checkpoint import load
    from minicyclegan.translate import translate_files

    source = Path(images)
    if not os.path.lexists(source):
        raise DataError(f"there is no picture or folder {source}; check the path")
    paths = list_images(source) if os.path.isdir(source) else source
    if not paths:
        raise DataError(f"no picture in {source}; put some there (jpg, png, webp, tiff, ...)")
    model = load(checkpoint, device)
    if next(model.parameters()).device.type == "cpu":
        use_quick_norms(model).to(memory_format=torch.channels_last)
    written = translate_files(
        model, paths, output, to, on_bad_image, say=lambda text: click.echo(text, err=True)
    )
    total = len(paths) if os.path.isdir(source) else 1
    click.echo(f"{len(written)} of {total} images translated to domain {to.upper()}, in {output}")
    if not written:
        sys.exit(1)
