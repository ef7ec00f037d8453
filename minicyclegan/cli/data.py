"""The commands `minicyclegan data list | get | check`."""

import sys

import click


@click.group()
def data():
    """See which data sets there are, download them, check a folder of your own."""


@data.command("list")
def list_():
    """List the data sets: size of the download, pictures in each part, and whether it is here."""
    from minicyclegan.datasets.downloads import DATASETS, count_pictures, find

    click.echo(
        f"{'name':<23} {'MB':>5} {'trainA':>7} {'trainB':>7} {'testA':>6} {'testB':>6}  {'here':<7}  {'A':<24} B"
    )
    for name, dataset in DATASETS.items():
        folder = find(name)
        state = "-" if folder is None else "here" if count_pictures(folder) == dataset.counts else "partly"
        train_a, train_b, test_a, test_b = dataset.counts
        click.echo(
            f"{name:<23} {dataset.n_bytes / 1e6:>5.0f} {train_a:>7} {train_b:>7} {test_a:>6} {test_b:>6}  "
            f"{state:<7}  {dataset.a:<24} {dataset.b}"
        )
    click.echo(
        "\nGet one with `minicyclegan data get NAME`; it goes to data/downloads/NAME. Three need no download:\n"
        "  seasons     summer and winter, drawn by code, with true pairs\n"
        "  emoji       emoji in two styles, shipped in data/, with true pairs\n"
        "  old_photos  photographs and old photographs, shipped in data/, with true pairs"
    )


@data.command("get")
@click.argument("name")
@click.option(
    "-o",
    "--output",
    default="data/downloads",
    type=click.Path(file_okay=False),
    help="The folder into which the folder NAME goes.",
    show_default=True,
)
def get_(name, output):
    """Download the data set NAME, check it, and unpack it. An interrupted download resumes where it stopped."""
    from minicyclegan.datasets import downloads

    try:
        folder = downloads.get(name, output, downloads.MIRRORS)
    except KeyboardInterrupt:
        click.echo("\nstopped; the same command resumes the download", err=True)
        sys.exit(130)
    found = downloads.find(name)  # what the name alone means to `train`
    here = found is not None and found.samefile(folder)
    click.echo(f"Train on it: minicyclegan train {name}{'' if here else f' --data {folder}'}")


@data.command("check")
@click.argument("folder", type=click.Path())
def check_(folder):
    """Check FOLDER, with trainA, trainB, testA and testB, before training. The exit code is 1 when something must be fixed."""
    from minicyclegan.datasets.inspection import check_folder

    report = check_folder(folder)
    for line in report.lines:
        click.echo(line)
    sys.exit(1 if report.problems else 0)
