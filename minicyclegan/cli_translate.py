"""The command `minicyclegan translate` (plumbing)."""

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
    import io

    from PIL import Image

    from minicyclegan.checkpoint import load, write_file
    from minicyclegan.errors import DataError, RunError
    from minicyclegan.images import list_images

    source, target = Path(images), Path(output)
    if not source.exists():
        raise DataError(f"there is no image or folder {source}; check the path")
    paths = list_images(source) if source.is_dir() else [source]
    if not paths:
        raise DataError(f"no image in {source}; put some there (jpg, png, webp, tiff, ...)")
    formats = Image.registered_extensions()
    to_file = not source.is_dir() and formats.get(target.suffix.lower()) in Image.SAVE
    outputs = [target] if to_file else [target / f"{path.stem}.png" for path in paths]
    if len(set(outputs)) < len(outputs):  # a.jpg and a.png would both become a.png
        outputs = [target / f"{path.name}.png" for path in paths]
    taken = [path for path in outputs if path.exists()]
    if taken:
        raise RunError(f"{taken[0]} exists; choose another output")
    model = load(checkpoint, device)
    folder = target.parent if to_file else target
    is_new = not folder.exists()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunError(f"cannot make the folder {folder}: {error.strerror}; choose another output") from error
    written = []
    try:
        for path, result in zip(paths, outputs):
            try:
                picture = model.translate(path, to=to)
            except DataError as error:
                if on_bad_image == "refuse":
                    raise
                click.echo(f"skipped: {error}", err=True)
                continue
            buffer = io.BytesIO()
            picture.save(buffer, formats[result.suffix.lower()])
            write_file(result, lambda file: file.write(buffer.getvalue()))
            written.append(result)
    except (DataError, RunError):  # all or nothing: what came before the fault must not block the next try
        for result in written:
            result.unlink(missing_ok=True)
        if is_new:
            folder.rmdir()
        raise
    click.echo(f"{len(written)} of {len(paths)} images translated to domain {to.upper()}, in {target}")
    if not written:
        sys.exit(1)
