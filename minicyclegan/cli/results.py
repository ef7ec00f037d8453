"""The command `minicyclegan results`."""

import shlex
from pathlib import Path

import click

from minicyclegan.cli.options import paired_option


@click.command()
@click.argument("run", type=click.Path())
@click.option(
    "-o",
    "--output",
    metavar="OUT.html",
    type=click.Path(),
    help="The page. Default: results.html in the run's folder.",
)
@click.option(
    "--pictures",
    default=50,
    type=click.IntRange(min=1),
    show_default=True,
    help="At most this many of each domain, evenly spaced by name.",
)
@click.option(
    "--data", help="Pictures from elsewhere than the run had them; a name or a folder, as in training."
)
@paired_option
@click.option("--device", default="auto", help="auto, cuda, mps or cpu.", show_default=True)
@click.option("--force", is_flag=True, help="Overwrite a file that this command did not make.")
def results(run, output, pictures, data, paired, device, force):
    """Write one HTML page about RUN, a run folder or a checkpoint: look at it in any browser, or send it to somebody.

    It shows test pictures of both domains with their translations and returns, and with the truth and the L1 error where
    there are true pairs; the run's settings and the curves of its losses. Everything is in the one file: it needs no
    network and runs no script.
    """
    from minicyclegan.errors import printable
    from minicyclegan.quality.twins import find_checkpoint
    from minicyclegan.serve.results import pictures_for, place_for, read_trained, write_results

    trained = read_trained(find_checkpoint(run), device)
    path = place_for(trained, output, force)
    domains, said, notes = pictures_for(trained, data, paired)
    for note in notes:
        click.echo(printable(note), err=True)
    again = ["minicyclegan", "results", str(run), "--pictures", str(pictures)]
    again += ["--data", data] if data is not None else []
    again += ["--paired", paired] if paired != "auto" else []
    again += ["-o", str(output)] if output is not None else []
    write_results(
        *(trained, domains, said, notes, path, shlex.join(again), pictures),
        say=lambda line: click.echo(line, err=True),
    )
    size = Path(path).stat().st_size / 1e6
    click.echo(f"written: {printable(str(path))}, {size:.1f} MB; open it in a browser")
