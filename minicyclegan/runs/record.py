"""run.json: what a run folder knows besides its configuration, so that it can be resumed by its name alone.

It holds how the run was asked to work (device, intervals) and which pictures it was trained on: for each file its name, its
bytes and a hash of its beginning. What counts is that the pictures are the same, not where they are.
"""

import hashlib
from collections.abc import Iterable
from pathlib import Path

from minicyclegan.errors import RunError
from minicyclegan.runs.files import read_json

PARTS = {"trainA": "train_a", "trainB": "train_b", "testA": "test_a", "testB": "test_b"}
BEGINNING = 65_536  # bytes of a file that are hashed: two pictures that differ only later are most unlikely


def file_record(path: Path) -> list:
    """[bytes, hash] of a file."""
    with open(path, "rb") as file:
        return [path.stat().st_size, hashlib.blake2b(file.read(BEGINNING), digest_size=8).hexdigest()]


def files_record(paths: Iterable[Path]) -> dict:
    """Name to [bytes, hash]. Raises RunError for a file that is gone."""
    try:
        return {path.name: file_record(path) for path in paths}
    except OSError as error:
        raise RunError(
            f"cannot read {error.filename}: {error.strerror}; the data set changes while it is read"
        ) from error


def pictures_record(domains) -> dict:
    """The pictures of a data set by part: their files, or their number where they are drawn or not files of their own."""
    record = {}
    for part, name in PARTS.items():
        pictures = getattr(domains, name)
        paths = getattr(pictures, "paths", None)
        record[part] = len(pictures) if paths is None else files_record(paths)
    return record


def run_record(domains, options: dict) -> dict:
    """What goes to run.json: how the run was asked to work, and its pictures."""
    parts = [getattr(domains, name) for name in PARTS.values()]
    return {
        "options": options,
        "paired": domains.paired,
        "on_bad_image": "skip" if any(getattr(part, "skipped", None) for part in parts) else "refuse",
        "pictures": pictures_record(domains),
    }


def differences(before: dict, now: dict, but: Iterable[str] = ()) -> list[str]:
    """The values that were other before, each in words; those of the names in `but` may be."""
    names = [*now, *(name for name in before if name not in now)]
    return [
        f"{name} was {before.get(name)!r}, is now {now.get(name)!r}"
        for name in names
        if name not in but and before.get(name) != now.get(name)
    ]


def changes(before: dict, now: dict) -> str:
    """How the pictures of a run and those of now differ, in words; empty where they are the same."""
    texts = []
    for part in PARTS:
        old, new = before.get(part), now.get(part)
        if not isinstance(old, dict) or not isinstance(new, dict):
            texts += [] if old == new else [f"{part} is of another kind or number"]
            continue
        kinds = {
            "added": sorted(set(new) - set(old)),
            "removed": sorted(set(old) - set(new)),
            "changed": sorted(name for name in set(old) & set(new) if old[name] != new[name]),
        }
        texts += [
            f"{len(names)} {kind} in {part} ({', '.join(names[:3])}{', ...' if len(names) > 3 else ''})"
            for kind, names in kinds.items()
            if names
        ]
    return "; ".join(texts)


def read_record(run_dir: Path) -> dict:
    """The content of run.json; empty for a run of an earlier version. Raises RunError for a damaged one."""
    record = read_json(run_dir / "run.json") or {}
    if not isinstance(record, dict):
        raise RunError(f"{run_dir / 'run.json'} is damaged; remove it, and say --data where the pictures are")
    return record


def run_folder(checkpoint: Path) -> Path | None:
    """The folder of the run that a checkpoint lies in, also for one that was kept in kept/; None for other weights."""
    for folder in (checkpoint.parent, checkpoint.parent.parent):
        if (folder / "config.json").is_file() and (folder / "metrics.jsonl").is_file():
            return folder
    return None


def record_of(checkpoint: Path) -> dict:
    """`read_record` of the run that a checkpoint lies in."""
    return read_record(run_folder(checkpoint) or checkpoint.parent)


def require_same_pictures(run_dir: Path, domains, yes: bool = False) -> bool | None:
    """Whether the pictures are those of the run; None where the run does not tell. Raises RunError for others, unless `yes`."""
    before = read_record(run_dir).get("pictures")
    if not isinstance(before, dict):
        return None
    difference = changes(before, pictures_record(domains))
    if difference and not yes:
        raise RunError(
            f"these are not the pictures of the run in {run_dir}: {difference}; say where those are with --data, or go on with "
            "these with --yes (in a notebook: yes = True)"
        )
    return not difference


def mark_of(run_dir: Path) -> tuple | None:
    """What changes as soon as a training begins in a run folder: config.json is written anew."""
    try:
        facts = (run_dir / "config.json").stat()
        return facts.st_ino, facts.st_mtime_ns
    except OSError:
        return None
