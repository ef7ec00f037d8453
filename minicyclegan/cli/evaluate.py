"""The command `minicyclegan evaluate`."""

import json
import os
import time
from pathlib import Path

import click


@click.command()
@click.argument("run", type=click.Path())
@click.option(
    "--data", help="Evaluate on data other than the run was trained on; a name or a folder, as in training."
)
@click.option(
    "--twin-steps",
    type=click.IntRange(min=1),
    help="Train the supervised twin for this many steps and keep it.",
)
@click.option(
    "--pictures",
    default=200,
    type=click.IntRange(min=2),
    help="At most this many of each domain.",
    show_default=True,
)
@click.option(
    "--seed",
    default=0,
    type=click.IntRange(min=0, max=2**31 - 1),
    help="Seed of the classifier and the bootstrap.",
    show_default=True,
)
@click.option(
    "--kid", is_flag=True, help="Also KID and FID (needs the extra `evaluation` and, once, a network)."
)
@click.option(
    "--health",
    type=click.Path(dir_okay=False),
    help="Also draw the run's training health into this PNG file.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of the table.")
@click.option("--device", default="auto", help="auto, cuda, mps or cpu.", show_default=True)
def evaluate(run, data, twin_steps, pictures, seed, kid, health, as_json, device):
    """How good is RUN, a run folder or a checkpoint? The table of notebook 08, on held-out pictures.

    Where the test pictures are true pairs: L1, PSNR and SSIM next to doing nothing, a colour transfer and the
    supervised twin, and gap_closed, the share of the way from doing nothing to the twin. Everywhere: how often a
    translation passes for the target domain, and the cycle error.
    """
    report = report_of(
        run, data, twin_steps, pictures, seed, kid, device, lambda line: click.echo(line, err=True)
    )
    if health:
        from minicyclegan.runs.files import write_file
        from minicyclegan.widgets.figures import training_health

        figure = training_health(Path(run))
        write_file(health, lambda file: figure.savefig(file, format="png", bbox_inches="tight"))
    if as_json:
        click.echo(json.dumps(report, indent=2))
    else:
        from minicyclegan.quality.report import report_lines

        click.echo("\n".join(report_lines(report)))


def report_of(
    run, data=None, twin_steps=None, pictures=200, seed=0, kid=False, device="auto", progress=print
) -> dict:
    """What the command prints, as plain values: `evaluation.quality_report` with notes, and KID and FID if asked for.

    `progress` receives lines of text while something takes long. Raises RunError, CheckpointError or DataError.
    """
    import dataclasses

    from minicyclegan.datasets.named import load_domains
    from minicyclegan.errors import DataError
    from minicyclegan.evaluation import quality_report
    from minicyclegan.parameters import Config
    from minicyclegan.quality.twins import find_checkpoint, known_twins
    from minicyclegan.runs.checkpoint import load, read_checkpoint

    path = find_checkpoint(run)
    model = load(path, device)
    config = Config(**read_checkpoint(path)["config"])
    if data is not None:
        config = dataclasses.replace(config, data=data)
    domains = load_domains(config.data, config.image_size, config.load_size)
    notes = []
    if not domains.paired and twin_steps:
        raise DataError(f"{config.data} has no true pairs to train a twin on; leave --twin-steps out")
    known = None
    if twin_steps:
        known = trained_twins(path, config, twin_steps, progress)
    elif domains.paired:
        known = known_twins(path, config)
    twins, about = known or (None, None)
    if about:
        notes += [
            f"supervised twin: {about['steps']} steps on {about['n_pairs']} true pairs of the training set, seed {about['seed']}"
        ]
    elif domains.paired:
        notes += [f"no twin, so no gap_closed: --twin-steps {config.steps} trains one, once, and keeps it"]
    else:
        notes += [
            "the test pictures of A and B are not true pairs, so nothing here is compared with the truth"
        ]
    report = {
        "run": str(path),
        "data": config.data,
        "image_size": config.image_size,
        "seed": seed,
        "twin": about,
    }
    report |= quality_report(model, domains, twins, pictures, seed)
    if kid:
        report["kid_and_fid"] = kid_of(model, domains, pictures, seed)
        notes += [
            f"{way.upper()[0]} to {way.upper()[1]}: {name.upper()} {v['mean']:.4g} ({v['low']:.4g} to {v['high']:.4g}), "
            f"{v['n_fake']} translations against {v['n_real']} held-out pictures"
            for way, values in report["kid_and_fid"].items()
            for name, v in values.items()
        ]
    return report | {"notes": notes}


def trained_twins(path: Path, config, steps: int, progress) -> tuple[dict, dict]:
    """The twins kept beside the checkpoint if they match, else new ones, which are then kept. Raises DataError."""
    from minicyclegan.errors import CheckpointError, DataError, RunError
    from minicyclegan.evaluation import supervised_twin
    from minicyclegan.quality.twins import read_twins, save_twins, training_pairs, twin_path

    kept = twin_path(path)
    if kept.is_file():
        try:
            twins, about = read_twins(kept, config)
            if (about["steps"], about["seed"]) == (steps, config.seed):
                return twins, about
        except CheckpointError:  # of other settings, or damaged: it is trained again
            pass
    if not os.access(kept.parent, os.W_OK):
        raise RunError(
            f"cannot write {kept}, where the twin would be kept; copy the checkpoint to a folder of your own"
        )
    pairs = training_pairs(config)
    if isinstance(pairs, str):
        raise DataError(f"{pairs}; leave --twin-steps out")
    started = time.monotonic()
    twins = {}
    for way, (source, target) in (("ab", pairs), ("ba", pairs[::-1])):
        progress(
            f"training the twin {way[0].upper()} to {way[1].upper()}: {steps} steps on {len(source)} pairs"
        )
        twins[way] = supervised_twin(config, source, target, steps)
        progress(f"  {time.monotonic() - started:.0f} s")
    save_twins(kept, twins, config, steps, len(pairs[0]))
    return read_twins(kept, config)  # as everyone after us will see them: in half precision


def kid_of(model, domains, pictures: int, seed: int) -> dict:
    """KID and FID of both directions."""
    from minicyclegan.data import to_float, to_uint8
    from minicyclegan.evaluation import translate_all
    from minicyclegan.quality.report import kid_and_fid

    result = {}
    for way, generator, source, target in (
        ("ab", model.generator_ab, domains.test_a, domains.test_b),
        ("ba", model.generator_ba, domains.test_b, domains.test_a),
    ):
        inputs, real = (part[list(range(min(pictures, len(part))))] for part in (source, target))
        result[way] = kid_and_fid(real, to_uint8(translate_all(generator, to_float(inputs))), seed=seed)
    return result
