"""The command `minicyclegan evaluate` (plumbing)."""

import click


@click.command()
@click.argument("run")
def evaluate(run):
    """Stub."""
