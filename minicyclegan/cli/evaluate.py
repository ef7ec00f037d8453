"""The command `minicyclegan evaluate`."""

import json
import os
import time
from pathlib import Path

import click

from minicyclegan.cli.options import paired_option


@click.command()
@click.argument("run", type=click.Path())
@click.option(
    "--data",
    help="Evaluate on these data: others than in the training, or the same that were moved; a name or a folder.",
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
@paired_option
@click.option(
    "--palette",
    type=click.Path(),
    help="Classes of label maps, lines NAME R G B; else palette.txt of the data's folder.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of the table.")
@click.option("--device", default="auto", help="auto, cuda, mps or cpu.", show_default=True)
def evaluate(run, data, twin_steps, pictures, seed, kid, health, paired, palette, as_json, device):
    """How good is RUN, a run folder or a checkpoint? The table of notebook 08, on held-out pictures.

    Everywhere: how far the translations are from real pictures in colours and textures, beside real pictures among
    themselves and the untranslated inputs; how often a translation passes for the target domain; the cycle error. Where
    the test pictures are true pairs: L1, PSNR and SSIM next to doing nothing, a colour transfer and the supervised twin,
    and gap_closed, the share of the way from doing nothing to the twin. Where one domain has label maps and a palette
    names their classes: pixel accuracy, class accuracy and IoU, as in the paper's Table 3.
    """
    report = report_of(
        *(run, data, twin_steps, pictures, seed, kid, device),
        progress=lambda line: click.echo(line, err=True),
        paired=paired,
        palette=palette,
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
    run,
    data=None,
    twin_steps=None,
    pictures=200,
    seed=0,
    kid=False,
    device="auto",
    progress=print,
    paired="auto",
    palette=None,
) -> dict:
    """What the command prints, as plain values: `quality.measures.measured` with notes.

    `progress` receives lines of text: what was found in the data, and what takes long. Raises RunError, CheckpointError
    or DataError.
    """
    import dataclasses

    from minicyclegan.errors import DataError
    from minicyclegan.parameters import Config
    from minicyclegan.quality.labels import find_palette
    from minicyclegan.quality.measures import measured
    from minicyclegan.quality.run_data import data_of, require_data, same_data
    from minicyclegan.quality.twins import find_checkpoint
    from minicyclegan.runs.checkpoint import load, read_checkpoint

    path = find_checkpoint(run)
    trained = config = Config(**read_checkpoint(path)["config"])
    if data is not None:
        config = dataclasses.replace(config, data=data)
    else:
        require_data(config.data)
    classes = find_palette(config.data, palette)
    model = load(path, device)
    domains, said = data_of(path, config, paired, own=data is None)
    if not domains.paired and twin_steps:
        raise DataError(
            f"{config.data} has no true pairs to train a twin on; leave --twin-steps out, or say --paired yes"
        )
    for line in said:
        progress(line)
    known, notes = None, []
    same = trained if data is None else same_data(path, trained, config, domains)
    if twin_steps:
        known = trained_twins(path, same, twin_steps, progress, config.data)
    elif domains.paired:
        known, notes = twins_for(path, same, trained.data)
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
    if domains.paired and not said:
        notes += [
            f"the test pictures are true pairs, as {config.data} is made; --paired no leaves the truth out"
        ]
    report = {
        "run": str(path),
        "data": config.data,
        "data_notes": said,
        "image_size": config.image_size,
        "seed": seed,
        "twin": about,
    }
    report |= measured(model, domains, twins, pictures, seed, classes, kid)
    for way, values in report.get("kid_and_fid", {}).items():
        for name, v in values.items():
            interval = "no interval" if v["low"] is None else f"{v['low']:.4g} to {v['high']:.4g}"
            notes += [
                f"{way.upper()[0]} to {way.upper()[1]}: {name.upper()} {v['mean']:.4g} ({interval}), "
                f"{v['n_fake']} translations against {v['n_real']} held-out pictures"
            ]
    return report | {"notes": notes + report["notes"]}


def twins_for(path: Path, config, trained_on: str) -> tuple[tuple | None, list[str]]:
    """The twins that are known for a run and these data, or None; and a line where a kept twin learned from others."""
    from minicyclegan.errors import CheckpointError
    from minicyclegan.quality.twins import known_twins

    try:
        return known_twins(path, config), []
    except CheckpointError:
        if config.data == trained_on:
            raise
        return None, [f"the twin kept beside the run learned from {trained_on}, so it is not used here"]


def trained_twins(path: Path, config, steps: int, progress, data: str) -> tuple[dict, dict]:
    """The twins kept beside the checkpoint if they match, else new ones, which are then kept. Raises DataError.

    `data` is where the pictures of config.data are now.
    """
    import dataclasses

    from minicyclegan.errors import CheckpointError, DataError, RunError
    from minicyclegan.evaluation import supervised_twin
    from minicyclegan.quality.twins import read_twins, save_twins, training_pairs, twin_path
    from minicyclegan.runs.record import record_of

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
    bad = record_of(path).get("on_bad_image", "refuse")
    pairs = training_pairs(dataclasses.replace(config, data=data), "yes", bad)
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
