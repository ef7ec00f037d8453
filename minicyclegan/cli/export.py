"""The command `minicyclegan export`."""

import click


@click.command()
@click.argument("checkpoint", type=click.Path())
@click.argument("output", type=click.Path())
@click.option("--to", default="b", type=click.Choice(["a", "b"]), help="Target domain.", show_default=True)
def export(checkpoint, output, to):
    """Write the generator of a CHECKPOINT as ONNX to OUTPUT, and check that onnxruntime computes the same."""
    from minicyclegan.serve.export import export_onnx

    difference = export_onnx(checkpoint, output, to)
    click.echo(f"written: {output}, to domain {to.upper()}; largest difference from PyTorch {difference:.1e}")
    click.echo("input `pictures` float32 (N, 3, H, W) in [-1, 1], output `translations` of the same shape")
