"""Pictures that ship in data/: where they are, their table, and files that are to the bit as they were built."""

import csv
import hashlib
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from minicyclegan.course.files import shipped
from minicyclegan.errors import DataError


@dataclass(frozen=True)
class Pack:
    """A folder of pictures with a table and SHA256SUMS. What is missing or damaged raises DataError, which says what to do."""

    folder: str  # in the repository, such as data/emoji
    what: str  # in words
    script: str  # that builds it

    @property
    def repair(self) -> str:
        return f"clone the repository again, or build the pack with {self.script}"

    def place(self) -> Path:
        """Where the pack is. Raises DataError."""
        folder = shipped(self.folder)
        if folder is None:
            raise DataError(f"the {self.what} {self.folder} is missing; {self.repair}")
        return folder

    def rows(self, path: Path, columns: tuple[str, ...]) -> list[dict[str, str]]:
        """The rows of a table that has these columns. Raises DataError."""
        try:
            with open(path, encoding="utf-8", newline="") as file:
                rows = list(csv.DictReader(file))
        except FileNotFoundError:
            raise DataError(f"{path} of the {self.what} is missing; {self.repair}") from None
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise DataError(f"{path} of the {self.what} cannot be read ({error}); {self.repair}") from error
        if not rows or not all(tuple(row) == columns for row in rows):
            raise self.damaged(path)
        return rows

    def damaged(self, path: Path) -> DataError:
        return DataError(f"{path} of the {self.what} is damaged; {self.repair}")

    def picture(self, path: Path) -> Image.Image:
        """A file as RGB. Raises DataError when one bit of it is not as SHA256SUMS beside it says."""
        try:
            sums = dict(line.split()[::-1] for line in (path.parent / "SHA256SUMS").read_text().splitlines())
            if hashlib.sha256(path.read_bytes()).hexdigest() != sums[path.name]:
                raise ValueError("its checksum is wrong")
            with Image.open(path) as image:
                return image.convert("RGB")
        except FileNotFoundError as error:
            raise DataError(f"{error.filename} of the {self.what} is missing; {self.repair}") from None
        except (OSError, ValueError, KeyError) as error:
            raise DataError(f"{path} of the {self.what} cannot be read ({error}); {self.repair}") from error
