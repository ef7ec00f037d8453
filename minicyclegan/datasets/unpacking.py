"""Zip files from elsewhere: unpacked only into their own folder, and never larger than was agreed (plumbing)."""

import os
import stat
import zipfile
import zlib
from pathlib import Path

from minicyclegan.errors import DataError

CHUNK = 1024 * 1024


def unpack(path: str | Path, folder: str | Path, top: str, n_bytes: int, n_entries: int) -> None:
    """Unpack the zip file at `path` into the new folder `folder`. Every entry must lie in the zip's folder `top`.

    At most `n_bytes` are written and at most `n_entries` entries are taken, whatever the zip says of itself. All names are
    checked before the first file is written. Raises DataError, and leaves `folder` as far as it came: delete it then.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            if len(entries) > n_entries:
                raise refusal(
                    path, f"it has {len(entries):,} entries, and at most {n_entries:,} are expected"
                )
            if sum(entry.file_size for entry in entries) > n_bytes:
                raise refusal(path, f"unpacked it would be larger than {n_bytes / 1e6:,.1f} MB")
            places = {entry: place_of(entry, path, top) for entry in entries}
            files = [place for place in places.values() if place]
            if len(set(files)) < len(files):
                raise refusal(path, "it holds two files of the same name")
            left = n_bytes
            for entry, place in places.items():
                if place:
                    left -= write_entry(archive, entry, Path(folder) / place, left, path)
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise refusal(path, f"it is damaged ({error or type(error).__name__})") from error
    except (RuntimeError, NotImplementedError, UnicodeError) as error:  # a password, a method zipfile lacks
        raise refusal(path, f"this program cannot read it ({error})") from error
    except (OSError, ValueError) as error:
        raise DataError(
            f"cannot unpack {path} into {folder}: {getattr(error, 'strerror', None) or error}; free some space or choose another folder"
        ) from error


def refusal(path: str | Path, reason: str) -> DataError:
    return DataError(f"{path} was not unpacked: {reason}; get the file again, from a place you trust")


def place_of(entry: zipfile.ZipInfo, path: str | Path, top: str) -> Path | None:
    """Where an entry goes, relative to the folder that stands for `top`; None for what needs no file of its own.

    Raises DataError for a name that leads elsewhere or would mean different things on different systems, and for links.
    """
    name = entry.orig_filename  # zipfile cuts `filename` at a NUL and turns the system's separators around
    shown = ascii(name[:80])
    parts = name.removesuffix("/").split("/")
    if any(ord(letter) < 32 or ord(letter) == 127 for letter in name) or "\\" in name:
        raise refusal(path, f"the name {shown} in it has a backslash or a control character")
    if any(part in ("", ".", "..") for part in parts):
        raise refusal(path, f"the name {shown} in it leads out of its folder")
    if stat.S_IFMT(entry.external_attr >> 16) not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise refusal(path, f"{shown} in it is a link or another special file")
    if parts[0] == "__MACOSX":  # what a Mac adds to its zip files
        return None
    if parts[0] != top or (len(parts) == 1 and not name.endswith("/")):
        raise refusal(path, f"{shown} in it is not in the folder {top}/")
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise refusal(path, f"{shown} in it is packed in an unusual way")
    return None if name.endswith("/") else Path(*parts[1:])


def write_entry(
    archive: zipfile.ZipFile, entry: zipfile.ZipInfo, target: Path, limit: int, path: str | Path
) -> int:
    """Write one file of the zip to `target`, which must be new. Returns its bytes, which are counted, not believed."""
    if os.name == "nt" and ":" in "".join(target.parts[1:]):  # a drive or a hidden stream, there
        raise refusal(path, f"the name {target.name!a} in it has a colon")
    target.parent.mkdir(parents=True, exist_ok=True)
    written = 0
    with archive.open(entry) as source, open(target, "xb") as file:
        while chunk := source.read(CHUNK):
            written += len(chunk)
            if written > limit:
                raise refusal(path, "unpacked it is larger than agreed")
            file.write(chunk)
    return written
