"""A check of pictures before training: what is there, what is wrong with it, what to do."""

import os
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from minicyclegan.data import ImageFolder
from minicyclegan.datasets.lookalikes import Look, alike_groups, look_at_all
from minicyclegan.errors import DataError, printable
from minicyclegan.parameters import value_range_of
from minicyclegan.pictures.folders import PARTS, left_out, list_images
from minicyclegan.pictures.pairs import by_name, find_pairs
from minicyclegan.pictures.survey import TRAINING, survey

FEW = 50  # fewer training pictures than this and a warning is due


@dataclass
class Report:
    """The result of a check. `print(report)` shows it.

    `problems` must be mended before training, `warnings` should be read; both are also among `lines`. `counts` has the
    readable pictures by part, `unreadable` the other files with the reason. `copies` are groups of files that show
    the same picture: equal, scaled, recompressed, in grey, or mirrored; the one to keep comes first.
    """

    lines: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    unreadable: dict[Path, str] = field(default_factory=dict)
    copies: list[list[Path]] = field(default_factory=list)

    def __str__(self) -> str:
        return "\n".join(self.lines)


def check_folder(folder: str | Path, image_size: int = 256) -> Report:
    """Check a data set with trainA, trainB, testA and testB, to be trained at `image_size` px. Raises DataError.

    A thousand photographs of 256 px take about a second; large ones are read in about the time the disk needs.
    """
    folder = Path(folder)
    if not os.path.isdir(folder):
        raise DataError(f"there is no folder {folder}; check the path")
    parts = {name: folder / name for name in PARTS if os.path.isdir(folder / name)}
    if not parts:
        raise DataError(
            f"{folder} holds none of {', '.join(PARTS)}; make them from two folders of pictures with notebook 10_your_images"
        )
    report, ranges = check_parts(parts, image_size)
    missing = [name for name in PARTS if name not in parts]
    if missing:
        add_problem(report, f"no folder {', '.join(missing)}: make it and put some pictures there")
    if report.counts.get("testA") and report.counts.get("testB"):
        test_a, test_b = (
            ImageFolder(parts[name], 64, "skip", value_range=ranges[name[-1]]) for name in PARTS[2:]
        )
        pairs, why = find_pairs(test_a, test_b)
        if pairs or not by_name(test_a.paths, test_b.paths):
            report.lines.append(why)
        else:
            add_warning(report, why)
    return finish(report)


def check_two_folders(folder_a: str | Path, folder_b: str | Path, image_size: int = 256) -> Report:
    """Check two folders of pictures, domain A and domain B, before they are split. Raises DataError."""
    require_two_folders(folder_a, folder_b)
    return finish(check_parts({"A": Path(folder_a), "B": Path(folder_b)}, image_size)[0])


def require_two_folders(folder_a: str | Path, folder_b: str | Path) -> None:
    """Refuse two folders that are missing or the same one. Raises DataError."""
    for path in (folder_a, folder_b):
        if not os.path.isdir(path):
            raise DataError(f"there is no folder {path}; check the path")
    if Path(folder_a).resolve() == Path(folder_b).resolve():
        raise DataError(
            f"A and B are the same folder, {folder_a}; give two folders, one for each kind of picture"
        )


def check_parts(parts: dict[str, Path], image_size: int) -> tuple[Report, dict]:
    """The checks that every kind of data set gets; and the values that are black and white in domains A and B."""
    report, looks, part_of = Report(), [], {}
    for part, folder in parts.items():
        paths = list_images(folder)
        found, unreadable = look_at_all(paths)
        report.unreadable |= unreadable
        report.counts[part] = len(found)
        describe_part(report, part, folder, found, image_size)
        for path, reason in unreadable.items():
            add_problem(report, f"{part}/{path.name} cannot be read ({reason}): replace or remove it")
        looks += found
        part_of |= {look.path: part for look in found}
    members = defaultdict(list)
    for look, group in zip(looks, alike_groups(looks)):
        members[group].append(look)
    report.copies = [best_first(same) for same in members.values() if len(same) > 1]
    describe_copies(report, part_of)
    files, value_range = {part: list_images(folder) for part, folder in parts.items()}, "auto"
    try:
        value_range, remarks = survey(files, "auto", TRAINING | {"A": "A", "B": "B"})
        for text in remarks:
            add_warning(report, text)
    except DataError as error:
        add_problem(report, str(error))
    return report, {letter: value_range_of(value_range, letter) for letter in "AB"}


def best_first(same: list[Look]) -> list[Path]:
    """The copies of one picture: the first part's before the next part's, large before small, colour before grey."""
    order = {folder: i for i, folder in enumerate(dict.fromkeys(look.path.parent for look in same))}

    def rank(look: Look) -> tuple:
        return order[look.path.parent], -look.size[0] * look.size[1], "grey" in look.kinds, look.path.name

    return [look.path for look in sorted(same, key=rank)]


def describe_part(report: Report, part: str, folder: Path, looks: list[Look], image_size: int) -> None:
    """Count, sizes, kinds and names of one folder."""
    others = left_out(folder)
    if others:
        add_warning(report, f"{part}: training leaves out {others}")
    if not looks:
        add_problem(report, f"{part}: no readable picture; put some there (jpg, png, webp, tiff, ...)")
        return
    n = len(looks)
    short, long = [min(look.size) for look in looks], [max(look.size) for look in looks]
    sides = (
        f"{min(short)} px"
        if min(short) == max(short)
        else f"{min(short)} to {max(short)} px, median {median(short):.0f}"
    )
    report.lines.append(f"{part}: {n} pictures, shorter side {sides}, longer side up to {max(long)} px")
    if n < FEW and not part.startswith("test"):
        add_warning(
            report, f"{part}: only {n} pictures; a few hundred is where CycleGAN begins to generalise"
        )
    enlarged = sum(side < image_size for side in short)
    if enlarged:
        add_warning(
            report,
            f"{part}: {enlarged} of {n} are smaller than {image_size} px and will be enlarged; a smaller image_size avoids it",
        )
    oblong = sum(a != b for a, b in zip(short, long))
    if oblong:
        report.lines.append(
            f"{part}: {oblong} of {n} are not square; training uses the square in their middle"
        )
    for kind, advice in WHAT_HAPPENS.items():
        names = [look.path.name for look in looks if kind in look.kinds]
        if names:
            add_warning(report, f"{part}: {len(names)} of {n} are {kind} ({some(names)}): {advice}")
    stems = Counter(look.path.stem.lower() for look in looks)
    twice = sorted(stem for stem, count in stems.items() if count > 1)
    if twice:
        add_warning(report, f"{part}: several files differ only in type or case: {some(twice)}; rename them")


WHAT_HAPPENS = {
    "grey": "they are used with three equal channels; leave them out if the domain has colour, or D learns to look for grey",
    "more than 8 bits": "they are scaled to 8 bits",
    "animated or with several pages": "only the first picture of each file is used",
}


def describe_copies(report: Report, part_of: dict[Path, str]) -> None:
    """What each group of copies means, by the parts it touches."""
    kinds = defaultdict(list)
    for paths in report.copies:
        parts = {part_of[path] for path in paths}
        domains, uses = {part[-1] for part in parts}, {part[:-1] for part in parts}
        kind = "domains" if len(domains) > 1 else "leak" if len(uses) > 1 else "within"
        kinds[kind].append(" = ".join(f"{part_of[path]}/{path.name}" for path in paths[:4]))
    if kinds["domains"]:
        add_problem(
            report, f"in both domains: {some(kinds['domains'])}: keep each in the domain where it belongs"
        )
    if kinds["leak"]:
        add_problem(
            report, f"in training and in test: {some(kinds['leak'])}: remove them from the training folder"
        )
    if kinds["within"]:
        add_warning(report, f"the same picture several times: {some(kinds['within'])}: keep one of each")


def some(items: list[str], show: int = 3) -> str:
    """The first few of many items and how many there are."""
    return "; ".join(items[:show]) + (f"; and {len(items) - show} more" if len(items) > show else "")


def add_problem(report: Report, text: str) -> None:
    text = printable(text)
    report.problems.append(text)
    report.lines.append(f"PROBLEM {text}")


def add_warning(report: Report, text: str) -> None:
    text = printable(text)
    report.warnings.append(text)
    report.lines.append(f"note    {text}")


def finish(report: Report) -> Report:
    total = sum(report.counts.values())
    report.lines.append(
        f"{total} pictures looked at: {len(report.problems)} problems, {len(report.warnings)} notes"
    )
    return report
