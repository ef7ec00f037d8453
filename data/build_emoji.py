"""Builds data/emoji, the same emoji in two styles, from two npm packages. Needs Pillow, numpy and, to fetch them, npm.

    python data/build_emoji.py                    # fetches both packages (136 MB) and writes data/emoji
    python data/build_emoji.py --packages FOLDER  # with the two .tgz files, or their unpacked folders, in FOLDER

A run takes about two minutes. The same packages give the same pixels and the same table on every machine, and the same bytes
with the same version of libwebp. data/emoji/README.md describes what comes out.
"""

import argparse
import csv
import hashlib
import io
import json
import os
import subprocess
import tarfile
import tempfile
from collections import defaultdict
from pathlib import Path

import numpy as np
from PIL import Image, features

VERSION = "16.0.0"
STYLES = {"noto": "google", "twemoji": "twitter"}  # our name to the package's
TARBALLS = {
    "google": "fb5fd131b362aab7a55542d2a147a79708cce0a8b1c1bbacd470172708b5c438",
    "twitter": "f64a530c63bca463bd8317fdc4615ce63a53a0c65018e4ce2d848aaba7a28877",
}
TILE = 64
STEP = 5  # colours are rounded to multiples of this: at most 2 of 255 off, and 4.6 MB instead of 7.5

SAME = 0.005  # two emoji nearer than this in both styles are one picture; the older emoji stays
ALIKE = 0.08  # two emoji nearer than this in either style, one of them mirrored or not, share a group
LARGEST_TEST_GROUP = 6
N_TEST = 200

# Code points that say nothing about what is drawn: joiners, skin tones, man, woman, person, the signs of gender, facing
# right, and the letters that flags are spelled with
UNTELLING = {0xFE0F, 0x200D, 0x1F468, 0x1F469, 0x1F9D1, 0x2640, 0x2642, 0x27A1}
UNTELLING |= set(range(0x1F3FB, 0x1F400)) | set(range(0x1F1E6, 0x1F200))
MOONS = range(0x1F311, 0x1F31F)
# Subcategories that are one drawing over and over: another letter, another hand of the clock, another colour
SERIES = (
    "alphanum arrow award-medal cat-face family geometric heart keycap monkey-face person-symbol time zodiac"
)
SERIES = set(SERIES.split()) | {"hands"} | {f"hand-{k}" for k in ("single-finger", "prop")}
SERIES |= {f"hand-fingers-{k}" for k in ("open", "partial", "closed")}


def fetch(folder: Path) -> None:
    """Download both packages into `folder` with npm."""
    for name in STYLES.values():
        subprocess.run(
            ["npm", "pack", "--silent", f"emoji-datasource-{name}@{VERSION}"], cwd=folder, check=True
        )


def open_package(folder: Path, name: str):
    """A function from a path inside the package emoji-datasource-`name` to its bytes. Exits if it is another version."""
    tarball = folder / f"emoji-datasource-{name}-{VERSION}.tgz"
    if tarball.is_file():
        if hashlib.sha256(tarball.read_bytes()).hexdigest() != TARBALLS[name]:
            raise SystemExit(f"{tarball} is not the file this pack was made from (its sha256 differs)")
        wanted = ("package/package.json", "package/emoji.json", f"package/img/{name}/{TILE}/")
        with tarfile.open(tarball) as archive:
            files = {
                member.name.removeprefix("package/"): archive.extractfile(member).read()
                for member in archive
                if member.isfile() and member.name.startswith(wanted)
            }
        return files.__getitem__
    for root in (folder / f"emoji-datasource-{name}", folder / f"emoji-datasource-{name}" / "package"):
        if (root / "package.json").is_file():
            version = json.loads((root / "package.json").read_text(encoding="utf-8"))["version"]
            if version != VERSION:
                raise SystemExit(f"{root} is version {version}; this pack is made from {VERSION}")
            return lambda path: (root / path).read_bytes()
    raise SystemExit(f"{folder} has neither {tarball.name} nor a folder emoji-datasource-{name}")


def read_tile(data: bytes) -> np.ndarray:
    """One PNG of any mode over white, colours rounded to multiples of STEP: uint8 (64, 64, 3)."""
    image = Image.open(io.BytesIO(data)).convert("RGBA")
    if image.size != (TILE, TILE):
        raise SystemExit(f"an image is {image.size[0]}x{image.size[1]}, not {TILE}x{TILE}")
    white = Image.new("RGBA", image.size, (255, 255, 255, 255))
    pixels = np.asarray(Image.alpha_composite(white, image).convert("RGB"), dtype=np.int16)
    return ((pixels + STEP // 2) // STEP * STEP).astype(np.uint8)


def read_emoji(folder: Path) -> tuple[list[dict], dict[str, np.ndarray]]:
    """The emoji both packages draw, oldest first and without bare skin tones, and their tiles (N, 64, 64, 3) by style."""
    packages = {style: open_package(folder, name) for style, name in STYLES.items()}
    tables = {
        style: {emoji["unified"]: emoji for emoji in json.loads(read("emoji.json"))}
        for style, read in packages.items()
    }
    chosen = [
        emoji
        for codes, emoji in tables["noto"].items()
        if codes in tables["twemoji"]
        and emoji["has_img_google"]
        and tables["twemoji"][codes]["has_img_twitter"]
        and emoji["category"] != "Component"
    ]
    chosen.sort(key=lambda emoji: (float(emoji["added_in"]), emoji["sort_order"], emoji["unified"]))
    tiles = {
        style: np.stack(
            [
                read_tile(read(f"img/{STYLES[style]}/{TILE}/{tables[style][e['unified']]['image']}"))
                for e in chosen
            ]
        )
        for style, read in packages.items()
    }
    return chosen, tiles


def distances(tiles: np.ndarray, mirrored: bool) -> np.ndarray:
    """Mean absolute difference of every pair at half the size, in [0, 1]: float64 (N, N). `mirrored` flips one of the two.

    Sums of whole numbers until the last division, so every machine finds the same groups.
    """
    n = len(tiles)
    small = tiles.reshape(n, TILE // 2, 2, TILE // 2, 2, 3).sum((2, 4), dtype=np.int16)
    other = (small[:, :, ::-1] if mirrored else small).reshape(n, -1)
    small = small.reshape(n, -1)
    sums = np.zeros((n, n), dtype=np.int64)
    for i in range(n):
        sums[i, i:] = np.abs(other[i:] - small[i]).sum(1, dtype=np.int64)
    return np.maximum(sums, sums.T) / (4 * 255 * small.shape[1])


def find_groups(emoji: list[dict], near: np.ndarray) -> list[list[int]]:
    """The numbers of the emoji in groups, by union-find. near (N, N) says which pictures look alike."""
    parent = {}

    def root(node):
        while parent.setdefault(node, node) != node:
            node = parent[node]
        return node

    for i, one in enumerate(emoji):
        root(i)
        for code in (int(part, 16) for part in one["unified"].split("-")):
            if code in MOONS:
                parent[root(i)] = root("moon")
            elif code not in UNTELLING:
                parent[root(i)] = root(f"code point {code:X}")
        if one["subcategory"] in SERIES:
            parent[root(i)] = root(f"series {one['subcategory']}")
    for i, j in zip(*np.nonzero(np.triu(near, 1))):
        parent[root(int(i))] = root(int(j))
    groups = defaultdict(list)
    for i in range(len(emoji)):
        groups[root(i)].append(i)
    return list(groups.values())


def split(names: list[list[str]], n_test: int) -> set[int]:
    """The numbers of the groups to test on. names are the code points of each group's emoji.

    Groups are taken in the order of the SHA-256 of their first name; large groups stay in training, and so does a group
    that would make the test set larger than `n_test`.
    """
    chosen, count = set(), 0
    for k in sorted(range(len(names)), key=lambda k: hashlib.sha256(min(names[k]).encode()).hexdigest()):
        if len(names[k]) <= LARGEST_TEST_GROUP and count + len(names[k]) <= n_test:
            chosen.add(k)
            count += len(names[k])
    return chosen


def sheet(tiles: np.ndarray) -> bytes:
    """The tiles row by row in a nearly square sheet, as lossless WebP; places that are left over are white."""
    columns = int(np.ceil(np.sqrt(len(tiles))))
    rows = -(-len(tiles) // columns)
    full = np.full((rows * columns, TILE, TILE, 3), 255, dtype=np.uint8)
    full[: len(tiles)] = tiles
    picture = full.reshape(rows, columns, TILE, TILE, 3).transpose(0, 2, 1, 3, 4)
    file = io.BytesIO()
    picture = Image.fromarray(picture.reshape(rows * TILE, columns * TILE, 3))
    picture.save(file, "WEBP", lossless=True, quality=100, method=6)
    return file.getvalue()


def build(packages: Path, n_test: int = N_TEST) -> dict[str, bytes]:
    """The files of the pack by name: noto.webp, twemoji.webp, emoji.csv and SHA256SUMS."""
    emoji, tiles = read_emoji(packages)
    apart = {style: distances(tiles[style], mirrored=False) for style in STYLES}
    same = np.maximum(*apart.values()) < SAME
    keep = [i for i in range(len(emoji)) if not same[i, :i].any()]
    nearest = np.minimum(*apart.values())
    for style in STYLES:
        nearest = np.minimum(nearest, distances(tiles[style], mirrored=True))
    keep.sort(key=lambda i: emoji[i]["sort_order"])  # neighbours look alike: the sheets pack better
    kept = [emoji[i] for i in keep]
    groups = find_groups(kept, nearest[np.ix_(keep, keep)] < ALIKE)
    names = [[kept[i]["unified"] for i in group] for group in groups]
    test = split(names, n_test)
    group_of = {i: k for k, group in enumerate(groups) for i in group}
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(["tile", "codepoints", "name", "category", "subcategory", "group", "split"])
    for i, one in enumerate(kept):
        k = group_of[i]
        row = [i, one["unified"], one["short_name"], one["category"], one["subcategory"], min(names[k])]
        writer.writerow([*row, "test" if k in test else "train"])
    files = {f"{style}.webp": sheet(tiles[style][keep]) for style in STYLES}
    sums = [f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in files.items()]
    files |= {"emoji.csv": table.getvalue().encode(), "SHA256SUMS": "".join(sums).encode()}
    print(
        f"{len(emoji)} emoji, {len(emoji) - len(keep)} of them dropped as copies; {len(groups)} groups,",
        end=" ",
    )
    print(
        f"the largest of {max(map(len, groups))}; {sum(len(names[k]) for k in test)} to test on; libwebp",
        end=" ",
    )
    print(features.version("webp"))
    return files


def main() -> None:
    parser = argparse.ArgumentParser(
        description="Build the emoji pack from emoji-datasource-google and -twitter."
    )
    parser.add_argument(
        "--packages", type=Path, help="folder with the two packages; without it npm fetches them"
    )
    parser.add_argument("-o", "--output", type=Path, default=Path(__file__).parent / "emoji")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        if options.packages is None:
            fetch(Path(temporary))
        files = build(options.packages or Path(temporary))
    options.output.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (options.output / f".{name}.tmp").write_bytes(data)
    for name, data in files.items():
        os.replace(options.output / f".{name}.tmp", options.output / name)
        print(f"{len(data):>9,} bytes  {hashlib.sha256(data).hexdigest()}  {name}")


if __name__ == "__main__":
    main()
