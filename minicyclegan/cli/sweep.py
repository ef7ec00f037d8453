"""The command `minicyclegan sweep`."""

import dataclasses
import sys
from pathlib import Path

import click


def read_share(context, parameter, text: str | None) -> tuple[int, int] | None:
    """`2/8` as (2, 8). Raises BadParameter."""
    if text is None:
        return None
    k, _, n = text.partition("/")
    if not (k.isdecimal() and n.isdecimal() and 1 <= int(k) <= int(n)):
        raise click.BadParameter(f"{text!r} is not a share; 2/8 is the second of eight machines")
    return int(k), int(n)


@click.command()
@click.argument("sweep_file", metavar="SWEEP", type=click.Path())
@click.option(
    "-j", "--jobs", default=1, type=click.IntRange(min=1), help="How many runs at a time.", show_default=True
)
@click.option(
    "-o", "--output", type=click.Path(file_okay=False), help="Folder of the runs. Default: runs/NAME."
)
@click.option("--dry-run", is_flag=True, help="Check everything and list the runs, and run nothing.")
@click.option(
    "--share",
    metavar="K/N",
    callback=read_share,
    help="For several machines and one folder: run every N-th member from the K-th on, and write no table (docs/SCALING.md).",
)
def sweep(sweep_file, jobs, output, dry_run, share):
    """Run a notebook many times with one parameter changed at a time, as SWEEP says, and write one table.

    SWEEP is a YAML file, or the name of one in notebooks/sweeps/ (`ablations`). The folder gets a run folder and a log
    for each member, NAME.csv with mean and spread of each setting, members.csv, and NAME.json with where it was
    measured. Finished members are not run again and members that were cut off are resumed: after an interruption,
    give the same command. A member that fails does not stop the others; it is named at the end, and the exit code is 1.
    """
    from minicyclegan.course.files import course_folder
    from minicyclegan.errors import RunError
    from minicyclegan.runs.progress import count
    from minicyclegan.sweep.plan import read_sweep
    from minicyclegan.sweep.run import only_sweep_in, run_members, state_of, threads_for

    path = Path(sweep_file)
    if not path.suffix and not path.exists():
        known = sorted((course_folder() / "sweeps").glob("*.yaml"))
        path = course_folder() / "sweeps" / f"{sweep_file}.yaml"
        if path not in known:
            raise RunError(
                f"there is no sweep {sweep_file}; give a YAML file, or one of {', '.join(p.stem for p in known)}"
            )
    planned = read_sweep(path)
    folder, part = Path(output or Path("runs") / planned.name), ""
    if share:
        k, n = share
        planned, part = dataclasses.replace(planned, members=planned.members[k - 1 :: n]), f"share {k}/{n}: "
    states = {member.name: state_of(member, folder) for member in planned.members}
    settings = count(len({row.setting for row in planned.rows}), "setting")
    click.echo(
        f"{planned.name}: {part}{settings}, {count(len(planned.members), 'run')} of {planned.notebook.name}, "
        f"{jobs} at a time with {count(threads_for(jobs), 'thread')} each, into {folder}"
    )
    if dry_run:
        for name, state in states.items():
            click.echo(f"  {state:<9} {name}")
        return

    from minicyclegan.sweep.table import write_results

    with only_sweep_in(folder, share):
        try:
            failed = run_members(planned, folder, jobs, click.echo)
        except KeyboardInterrupt:
            click.echo("stopped, and so are its runs; the same command resumes them", err=True)
            sys.exit(130)
        if failed:
            click.echo(f"\n{len(failed)} of {len(planned.members)} runs failed:", err=True)
            for name, reason in failed.items():
                click.echo(f"  {name}: {reason}", err=True)
            click.echo("Their logs are in their folders. The same command tries them again.", err=True)
        if share:
            click.echo(
                "\nThe table is made by the same command without --share, once all shares are finished."
            )
            sys.exit(1 if failed else 0)
        written = write_results(planned, folder, failed)
        click.echo("\nwritten:")
        for path in written:
            click.echo(f"  {path}")
    sys.exit(1 if failed else 0)
