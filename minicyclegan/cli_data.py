"""The commands `minicyclegan data list | get | check` (plumbing)."""

import click


@click.group()
def data():
    """Stub."""
