"""The command `minicyclegan split`."""

import contextlib
import os
import shlex
from pathlib import Path

import click

from minicyclegan.cli.options import bad_image_option


@click.command()
@click.argument("folder_a", type=click.Path(path_type=Path))
@click.argument("folder_b", type=click.Path(path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
@click.option(
    "--test-share",
    type=float,
    default=0.1,
    show_default=True,
    help="The share of each folder that is kept for testing, between 0 and 1; at least one picture.",
)
@click.option(
    "--seed", type=int, default=0, show_default=True, help="Another seed chooses other test pictures."
)
@bad_image_option
def split(folder_a, folder_b, out, test_share, seed, on_bad_image):
    """Make a data set of two folders of pictures: OUT gets trainA, trainB, testA and testB.

    FOLDER_A and FOLDER_B hold one kind of picture each; they stay as they are, and what is in OUT are copies. Pictures
    that look alike stay together, all for training or all for testing. OUT appears whole or not at all.
    """
    from minicyclegan.datasets.inspection import check_two_folders, require_two_folders
    from minicyclegan.errors import DataError, ParameterError, RunError, printable
    from minicyclegan.pictures.folders import left_out, list_images, no_image
    from minicyclegan.translate import split_into_domains

    folders = {"A": folder_a, "B": folder_b}
    require_two_folders(folder_a, folder_b)
    if not 0 < test_share < 1:
        raise ParameterError(f"--test-share must be between 0 and 1, but it is {test_share}")
    if os.path.lexists(out):
        raise RunError(f"{out} exists; choose another folder")
    pictures = {letter: list_images(folder) for letter, folder in folders.items()}
    for letter, folder in folders.items():
        if not pictures[letter]:
            raise DataError(no_image(folder))
    for letter, folder in folders.items():
        click.echo(f"{letter}: {len(pictures[letter])} pictures in {printable(str(folder))}")
        if others := left_out(folder):
            click.echo(f"   left out: {others}")
    report = check_two_folders(folder_a, folder_b)
    bad = [f"{path}: {reason}" for path, reason in report.unreadable.items()]
    if bad and on_bad_image == "refuse":
        raise DataError(
            f"{len(bad)} of {sum(map(len, pictures.values()))} pictures cannot be read, the first is {bad[0]}; "
            "remove them, or leave them out with --on-bad-image skip"
        )
    for line in bad:
        click.echo(f"skipped: {printable(line)}", err=True)
    for line in alike(report.copies):
        click.echo(printable(line))
    new_folders = [path for path in out.absolute().parents if not path.exists()]
    try:
        counts = split_into_domains(folder_a, folder_b, out, test_share, seed, list(report.unreadable))
    except BaseException:  # nothing is left of it, also after Ctrl-C
        for path in new_folders:
            with contextlib.suppress(OSError):
                path.rmdir()
        raise
    click.echo(f"copied into {printable(str(out))}: {', '.join(f'{n} {part}' for part, n in counts.items())}")
    click.echo("each copy is called a-NAME or b-NAME, so that equal names are not taken for true pairs")
    name = f"./{out}" if str(out).startswith("-") else str(out)
    click.echo(f"\nTrain on them: minicyclegan train {shlex.quote(name)}")


def alike(copies: list[list[Path]]) -> list[str]:
    """What is to be said of groups of pictures that show the same: (folder A's or B's, or both), as lines."""
    lines = []
    if copies:
        names = " = ".join(f"{path.parent.name}/{path.name}" for path in copies[0][:3])
        lines.append(
            f"{sum(map(len, copies))} pictures look like another one, in {len(copies)} "
            f"{'group' if len(copies) == 1 else 'groups'}, for instance {names}; each group stays together"
        )
    both = [group for group in copies if len({path.parent for path in group}) > 1]
    if both:
        names = " = ".join(f"{path.parent.name}/{path.name}" for path in (both[0][0], both[0][-1]))
        lines.append(
            f"{len(both)} of these groups {'is' if len(both) == 1 else 'are'} in both folders, for instance {names}: "
            "keep each picture in the folder where it belongs"
        )
    return lines
