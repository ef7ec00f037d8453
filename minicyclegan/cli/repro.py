"""The command `minicyclegan repro`."""

import sys
from pathlib import Path

import click


@click.command()
@click.option(
    "--profile",
    type=click.Choice(["smoke", "cpu", "gpu"]),
    default="smoke",
    show_default=True,
    help="smoke: a few steps of notebook 07 and the quick notebooks; cpu, gpu: 07 in full, and its evaluation.",
)
@click.option(
    "--only",
    default="",
    metavar="02,07",
    help="These notebooks instead of the profile's; probe is the probe.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(file_okay=False),
    help="Folder for the report, new or empty. Default: the next free runs/repro-NUMBER.",
)
@click.option(
    "-p",
    "parameters",
    multiple=True,
    metavar="NAME=VALUE",
    help="Set a parameter of notebook 07; repeatable.",
)
@click.option(
    "--threads", default=1, type=click.IntRange(min=1), show_default=True, help="Of each notebook's process."
)
@click.option(
    "--minutes",
    type=click.FloatRange(min=0, min_open=True, max=100_000),
    help="Stop a notebook that takes longer.",
)
@click.option("--update", is_flag=True, help="Make the result the new reference.")
@click.option("--junit", type=click.Path(), metavar="FILE", help="Write the verdicts as JUnit XML too.")
@click.option(
    "--reference",
    type=click.Path(file_okay=False),
    help="Folder of references. Default: notebooks/reference.",
)
@click.option(
    "--notebooks", type=click.Path(file_okay=False), help="Folder of notebooks. Default: the course's."
)
def repro(profile, only, output, parameters, threads, minutes, update, junit, reference, notebooks):
    """Run notebooks again and compare with the committed reference: for a machine that checks on a schedule.

    Compared are numbers, printed texts and figures, and in the profile smoke the probe: three short trainings with every
    term of the losses switched on.

    Exit code 0: everything is the same. 1: something differs; it says which number, by how much, and what else differs
    here. 2: something could not run (this wins over 1). The report is a page, report.html, and the same as report.md and
    report.json, with everything that is needed to repeat it, beside badge.svg, badge.json and summary.txt, the executed
    notebooks and their logs.
    """
    import signal

    from minicyclegan.errors import MiniCycleGANError

    # A scheduler ends what takes too long with SIGTERM: the notebook's process must end too
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        code = repeat_and_compare(
            profile, only, output, parameters, threads, minutes, update, junit, reference, notebooks
        )
    except KeyboardInterrupt:
        click.echo("stopped, and so is its notebook; there is no verdict", err=True)
        code = 130
    except MiniCycleGANError as error:
        click.echo(f"minicyclegan: could not run: {error}", err=True)
        code = 2
    except Exception as error:
        # A fault of ours must not look like "differs", as Python's own exit code 1 would
        import traceback

        traceback.print_exc()
        click.echo(f"minicyclegan: could not run: {type(error).__name__}: {error}", err=True)
        code = 2
    finally:
        signal.signal(signal.SIGTERM, before)
    sys.exit(code)


def repeat_and_compare(
    profile, only, output, parameters, threads, minutes, update, junit, reference, notebooks
) -> int:
    """What the command does; returns its exit code. Raises MiniCycleGANError before anything runs."""
    from minicyclegan.course.files import course_folder
    from minicyclegan.errors import RunError
    from minicyclegan.repro.ci import require_writable, write_for_machines
    from minicyclegan.repro.compare import compare
    from minicyclegan.repro.report import read_reference, verdict_lines, write_reference, write_report
    from minicyclegan.repro.run import PROFILES, chosen_notebooks, run_all, with_probe
    from minicyclegan.repro.shown import draw_figures
    from minicyclegan.repro.words import figures_in_words, first_sentence, summary_line

    folder = Path(notebooks or course_folder()).resolve()
    kept = Path(reference or folder / "reference").resolve()
    chosen = chosen_notebooks(PROFILES[profile], only, folder)
    if PROFILES[profile].device == "cuda":
        import torch

        if not torch.cuda.is_available():
            raise RunError("the profile gpu needs a CUDA GPU, and torch sees none here; use --profile cpu")
    try:
        old = read_reference(kept, profile)
    except RunError:
        if not update:
            raise
        old = None
    junit_file = Path(junit).resolve() if junit else None
    if junit_file is not None:
        require_writable(junit_file)
    out = new_folder(output)
    click.echo(f"profile {profile}, {threads} thread{'s' if threads > 1 else ''}, into {out}")
    probe = with_probe(PROFILES[profile], only)
    result = run_all(profile, chosen, parameters, out, threads, minutes, click.echo, probe)
    outcome = compare(old or {}, result, update)
    draw_figures(out, folder, outcome, old or {})
    files = write_report(out, outcome, old or {}, result)
    files += write_for_machines(out, outcome, result, junit_file)
    click.echo(f"\n{first_sentence(outcome, old or {}, result)}\n")
    for line in verdict_lines(outcome):
        click.echo(line)
    for line in figures_in_words(outcome):
        click.echo(line)
    if update:  # raises where a notebook failed
        # a part of a profile keeps the rest of its reference; a whole one replaces it
        files.append(write_reference(kept, result, old if only else None))
        click.echo("\nthis is the new reference; look at what differs from the old one before you commit it")
    click.echo("\nwritten:")
    for path in files:
        click.echo(f"  {path}")
    click.echo(f"\n{summary_line(outcome, result)}")
    if not update:
        click.echo(outcome["verdict"])
    return 0 if update else outcome["exit_code"]


def new_folder(output: str | None) -> Path:
    """An empty folder for the report. Raises RunError: an old report must not pass for this one."""
    from minicyclegan.errors import RunError

    out, number = Path(output or "runs/repro-1"), 1
    while output is None and out.exists():
        number += 1
        out = Path(f"runs/repro-{number}")
    try:
        out.mkdir(parents=True, exist_ok=True)
        if any(out.iterdir()):
            raise RunError(f"{out} is not empty; choose another folder with -o")
    except OSError as error:
        raise RunError(f"cannot use the folder {out}: {error.strerror}; choose another with -o") from error
    return out.resolve()
