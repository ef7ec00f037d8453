"""The command `minicyclegan sweep` (plumbing)."""

import click


@click.command()
@click.argument("file")
def sweep(file):
    """Stub."""
