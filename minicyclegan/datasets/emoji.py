"""The same emoji in two styles, Noto (A) and Twemoji (B): real drawings with true pairs, shipped in data/emoji."""

from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from minicyclegan.data import Domains
from minicyclegan.datasets.packs import Pack
from minicyclegan.errors import DataError
from minicyclegan.pictures.images import to_tensor

TILE = 64  # side of one emoji in the sheets, in pixels
STYLES = ("noto", "twemoji")  # domain A, domain B
COLUMNS = ("tile", "codepoints", "name", "category", "subcategory", "group", "split")
PACK = Pack("data/emoji", "emoji pack", "data/build_emoji.py")


def emoji_folder() -> Path:
    """Where the pack is. Raises DataError."""
    return PACK.place()


def read_table(folder: str | Path | None = None) -> list[dict[str, str]]:
    """One row for each emoji, in the order of the tiles, with the names in COLUMNS. Raises DataError."""
    path = Path(folder or emoji_folder()) / "emoji.csv"
    rows = PACK.rows(path, COLUMNS)
    in_order = all(row["tile"] == str(i) for i, row in enumerate(rows))
    if not in_order or {row["split"] for row in rows} != {"train", "test"}:
        raise PACK.damaged(path)
    return rows


def read_sheet(folder: Path, style: str, count: int) -> list[Image.Image]:
    """The first `count` tiles of one style: RGB, 64 px. Raises DataError when one bit of the file is not as it was built."""
    path = folder / f"{style}.webp"
    sheet = PACK.picture(path)
    columns, rows = sheet.width // TILE, sheet.height // TILE
    if columns * rows < count:
        raise DataError(
            f"{path} has room for {columns * rows} emoji but emoji.csv lists {count}; {PACK.repair}"
        )
    corners = [(i % columns * TILE, i // columns * TILE) for i in range(count)]
    return [sheet.crop((x, y, x + TILE, y + TILE)) for x, y in corners]


def load_emoji(size: int, folder: str | Path | None = None) -> Domains:
    """Noto (A) and Twemoji (B), uint8 (N, 3, size, size), over white, scaled from 64 px by Pillow's bicubic filter.

    A and B hold the same emoji, each in the order of the table; training is unpaired because `UnpairedBatches` shuffles
    each domain on its own. No test emoji, nor any that looks like one, is in the training pictures. Raises DataError.
    """
    if size < 1:
        raise DataError(f"the size of an emoji must be at least 1 px, but it is {size}")
    folder = Path(folder or emoji_folder())
    table = read_table(folder)
    parts = {}
    for style in STYLES:
        tiles = read_sheet(folder, style, len(table))
        tiles = [tile.resize((size, size), Image.Resampling.BICUBIC) for tile in tiles]
        for split in ("train", "test"):
            chosen = [to_tensor(tile) for tile, row in zip(tiles, table) if row["split"] == split]
            parts[split, style] = torch.stack(chosen)
    notes = [f"the emoji are drawn at {TILE} px and were enlarged to {size} px"] if size > TILE else []
    trains, tests = ([parts[split, style] for style in STYLES] for split in ("train", "test"))
    return Domains(*trains, *tests, paired=True, notes=notes)


def training_pairs(size: int) -> tuple[Tensor, Tensor]:
    """The training emoji as true pairs, uint8 (N, 3, size, size) each: for the supervised twin, never for CycleGAN."""
    domains = load_emoji(size)
    return domains.train_a, domains.train_b
