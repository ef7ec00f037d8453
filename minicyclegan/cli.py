"""The command line: `minicyclegan --help` (plumbing). Heavy imports wait inside the commands."""

import sys
from pathlib import Path

import click


class OneSentence(click.Group):
    """Shows this package's own errors as one sentence and exit code 1, without a traceback."""

    def invoke(self, ctx):
        from minicyclegan.errors import MiniCycleGANError

        try:
            return super().invoke(ctx)
        except MiniCycleGANError as error:
            click.echo(f"minicyclegan: {error}", err=True)
            sys.exit(1)


@click.group(cls=OneSentence, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="minicyclegan")
def main():
    """CycleGAN, built step by step in notebooks: train, translate, and check this machine."""


parameters_option = click.option(
    "-p",
    "parameters",
    multiple=True,
    metavar="NAME=VALUE",
    help="Set a parameter; the value is read as YAML. May be repeated.",
)
file_option = click.option(
    "-f",
    "--file",
    type=click.Path(dir_okay=False),
    help="A YAML file with lines `name: value`, as in notebooks/configs/.",
)


@main.command()
@click.argument("data", default="seasons")
@parameters_option
@file_option
@click.option(
    "-o",
    "--run-dir",
    type=click.Path(file_okay=False),
    help="Folder of the run. Default: the next free runs/NAME-NUMBER.",
)
def train(data, parameters, file, run_dir):
    """Train on DATA, `seasons` or a folder with trainA, trainB, testA and testB, by running notebook 07_train.

    A run folder holds config.json, metrics.jsonl, samples/, last.pt and the executed notebook.
    To go on with a run: -o THE_FOLDER -p resume=true and the same parameters.
    """
    from dataclasses import fields

    from minicyclegan.errors import DataError, RunError
    from minicyclegan.notebooks import course_folder, execute, parameters_of, read_parameters
    from minicyclegan.parameters import Config

    notebook = course_folder() / "07_train.ipynb"
    declared = parameters_of(notebook)
    values = {"data": data} | read_parameters(parameters, file, declared)
    if data != "seasons":
        values["data"] = data
    if values["data"] != "seasons":
        folder = Path(values["data"]).expanduser().resolve()
        if not folder.is_dir():
            raise DataError(
                f"there is no folder {values['data']}; give `seasons`, or a folder with trainA, trainB, testA and testB"
            )
        values["data"] = str(folder)
    merged = {name: values.get(name, default) for name, (_, default) in declared.items()}
    Config(
        **{field.name: merged[field.name] for field in fields(Config)}
    )  # refuses impossible values before anything runs
    run_dir = Path(
        run_dir or values.get("run_dir") or next_free(Path("runs"), Path(values["data"]).name)
    ).resolve()
    values["run_dir"] = str(run_dir)
    if (run_dir / "last.pt").exists() and not merged["resume"]:
        raise RunError(
            f"{run_dir} already holds a run; choose another with -o, or go on with it with -p resume=true"
        )
    executed = run_dir / (
        "07_train.ipynb"
        if not (run_dir / "07_train.ipynb").exists()
        else f"07_train-resumed-{len(list(run_dir.glob('07_train*.ipynb')))}.ipynb"
    )
    click.echo(f"running {notebook.name} on {values['data']}, into {run_dir}")
    execute(notebook, executed, values)
    samples = sorted((run_dir / "samples").glob("*.png"))
    click.echo("\ndone:")
    for what, path in (
        ("executed notebook", executed),
        ("checkpoint", run_dir / "last.pt"),
        ("metrics", run_dir / "metrics.jsonl"),
        ("translations", samples[-1]),
    ):
        click.echo(f"  {what:<18} {path}")
    click.echo(
        f"\nTranslate pictures of your own: minicyclegan translate {run_dir / 'last.pt'} FOLDER -o OUT"
    )


def next_free(parent: Path, name: str) -> Path:
    """parent/name-1, or the first number that is not taken."""
    number = 1
    while (parent / f"{name}-{number}").exists():
        number += 1
    return parent / f"{name}-{number}"


@main.command()
@click.argument("notebook")
@parameters_option
@file_option
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False),
    help="Executed notebook. Default: NAME.executed.ipynb here.",
)
def run(notebook, parameters, file, output):
    """Run NOTEBOOK, a path or the beginning of a course notebook's name (`04`), through papermill."""
    from minicyclegan.errors import RunError
    from minicyclegan.notebooks import course_folder, execute, parameters_of, read_parameters

    path = Path(notebook)
    if not path.is_file():
        found = sorted(course_folder().glob(f"{notebook}*.ipynb"))
        if len(found) != 1:
            raise RunError(
                f"there is no notebook {notebook}; the course has {', '.join(p.stem for p in sorted(course_folder().glob('*.ipynb')))}"
            )
        path = found[0]
    output = Path(output or f"{path.stem}.executed.ipynb")
    execute(path, output, read_parameters(parameters, file, parameters_of(path)))
    click.echo(f"done: {output}")


@main.command()
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


@main.command()
def doctor():
    """Check this machine: one line a thing, and what to do where something is wrong."""
    from minicyclegan.doctor import check_machine

    sound = True
    for good, text in check_machine():
        click.echo(f"{'ok   ' if good else 'WRONG'} {text}")
        sound = sound and good
    sys.exit(0 if sound else 1)


if __name__ == "__main__":
    main()
