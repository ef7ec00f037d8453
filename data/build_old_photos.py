"""Builds data/old_photos, 38 free photographs, from three Debian packages and two Python packages. Needs Pillow and dpkg-deb.

    python data/build_old_photos.py                    # fetches the packages (190 MB) with apt-get and pip, writes data/old_photos
    python data/build_old_photos.py --packages FOLDER  # with the .deb and .whl files in FOLDER

A run takes half a minute. The same packages give the same pixels with the same version of Pillow. data/old_photos/README.md
describes what comes out; what makes the photographs old is minicyclegan/datasets/old_photos.py.
"""

import argparse
import csv
import hashlib
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from PIL import Image

LONGEST, QUALITY = 1024, 84  # the longer side in pixels, and the quality of the JPEG files
DEBIAN = (
    "lomiri-wallpapers-16.04",
    "lomiri-wallpapers-20.04",
    "mate-backgrounds",
    "plasma-workspace-wallpapers",
)
WHEELS = ("scikit-image==0.26.0", "scikit-learn==1.9.1")
COMMON = Path("/usr/share/common-licenses")  # the texts of the licences that ask for it, on Debian

LOMIRI = "usr/share/backgrounds/"
MATE = "usr/share/backgrounds/mate/nature/"
PLASMA = "usr/share/wallpapers/"
CC = "CC-BY-4.0", "CC-BY-SA-4.0", "CC-BY-SA-3.0"

# name, side, package, path in it, author, licence by the package's copyright file. A: training, as they are; B: training, to be
# aged; test: true pairs. The sides hold the same kinds of motifs, as far as 38 photographs can.
PHOTOGRAPHS = [
    ("alpine_meadow", "A", "lomiri-wallpapers-16.04", LOMIRI + "picosdeeuropa_by_Aitzol_Berasategi.jpg", "Aitzol Berasategi", CC[0]),
    ("bridge_ropes", "A", "lomiri-wallpapers-16.04", LOMIRI + "Bridge_by_Sander_Klootwijk.jpg", "Sander Klootwijk", CC[1]),
    ("dragonfly", "A", "lomiri-wallpapers-16.04", LOMIRI + "Dragonfly_by_Bolly.jpg", "Bolly", CC[1]),
    ("wine", "A", "lomiri-wallpapers-16.04", LOMIRI + "Wine_by_Jakkub_Mede.jpg", "Jakub Mede", CC[0]),
    ("nuthatch", "A", "lomiri-wallpapers-20.04", LOMIRI + "Kleiber_by_Lukas_Baubkus.jpg", "Lukas Baubkus", CC[2]),
    ("marigold", "A", "mate-backgrounds", MATE + "Garden.jpg", "Charles Barbin", "GPL-2+"),
    ("meadow", "A", "mate-backgrounds", MATE + "GreenMeadow.jpg", "Timothy Schellhase, Lapo Calamandrei", "GPL-2+"),
    ("leaf", "A", "mate-backgrounds", MATE + "Blinds.jpg", "Lennart Poettering, Andrea Cimitan", "GPL-2+"),
    ("storm", "A", "mate-backgrounds", MATE + "Storm.jpg", "Sergey Nazarov", "GPL-2+"),
    ("boats", "A", "plasma-workspace-wallpapers", PLASMA + "EveningGlow", "Ian Hex", "GPL-2+ / LGPL-3"),
    ("summer_night", "A", "plasma-workspace-wallpapers", PLASMA + "summer_1am", "Risto Saukonpää", "GPL-2+ / LGPL-3"),
    ("dahlia", "A", "scikit-learn", "sklearn/datasets/images/flower.jpg", "vultilion", "CC-BY-2.0"),
    ("cat", "A", "scikit-image", "skimage/data/chelsea.png", "Stefan van der Walt", "CC0-1.0"),
    ("astronaut", "A", "scikit-image", "skimage/data/astronaut.png", "NASA", "public domain"),
    ("stream", "B", "lomiri-wallpapers-16.04", LOMIRI + "life_by_Aitzol_Berasategi.jpg", "Aitzol Berasategi", CC[0]),
    ("sunset", "B", "lomiri-wallpapers-16.04", LOMIRI + "sunset_by_Aitzol_Berasategi.jpg", "Aitzol Berasategi", CC[0]),
    ("lamp", "B", "lomiri-wallpapers-16.04", LOMIRI + "free_by_Peter_Nerlich.jpg", "Peter Nerlich", CC[1]),
    ("clock", "B", "lomiri-wallpapers-16.04", LOMIRI + "greentock_by_Peter_Nerlich.jpg", "Peter Nerlich", CC[1]),
    ("orange_flower", "B", "mate-backgrounds", MATE + "FreshFlower.jpg", "Jens Ansorg", "GPL-2+"),
    ("rain_drops", "B", "mate-backgrounds", MATE + "RainDrops.jpg", "blackcombwhistler07", "GPL-2+"),
    ("seeds", "B", "mate-backgrounds", MATE + "TwoWings.jpg", "Charles Barbin, Hylke Bons", "GPL-2+"),
    ("splash", "B", "mate-backgrounds", MATE + "Aqua.jpg", "Charles Barbin", "GPL-2+"),
    ("yellow_flower", "B", "mate-backgrounds", MATE + "YellowFlower.jpg", "Charles Barbin", "GPL-2+"),
    ("kite", "B", "plasma-workspace-wallpapers", PLASMA + "Kite", "Risto Saukonpää", "GPL-2+ / LGPL-3"),
    ("moss", "B", "plasma-workspace-wallpapers", PLASMA + "OneStandsOut", "Risto Saukonpää", "GPL-2+ / LGPL-3"),
    ("dark_lake", "B", "plasma-workspace-wallpapers", PLASMA + "DarkestHour", "Risto Saukonpää", "GPL-2+ / LGPL-3"),
    ("rocket", "B", "scikit-image", "skimage/data/rocket.jpg", "SpaceX", "public domain"),
    ("autumn_mountain", "test", "lomiri-wallpapers-16.04", LOMIRI + "aitzgorri_by_Aitzol_Berasategi.jpg", "Aitzol Berasategi", CC[0]),
    ("dogs", "test", "lomiri-wallpapers-16.04", LOMIRI + "friends_by_Aitzol_Berasategi.jpg", "Aitzol Berasategi", CC[0]),
    ("brushes", "test", "lomiri-wallpapers-16.04", LOMIRI + "Picture_1A_by_freespace.jpg", 'Trevor "Freespace"', CC[0]),
    ("fig", "test", "lomiri-wallpapers-16.04", LOMIRI + "Picture_0B_by_freespace.jpg", 'Trevor "Freespace"', CC[0]),
    ("dandelions", "test", "lomiri-wallpapers-16.04", LOMIRI + "seeding_by_Clements_Engelhardt.jpg", "Clemens Engelhardt", "CC0-1.0"),
    ("dune", "test", "mate-backgrounds", MATE + "Dune.jpg", "Marco Cogoni, Hylke Bons", "GPL-2+"),
    ("ladybird", "test", "mate-backgrounds", MATE + "LadyBird.jpg", "Charles Barbin", "GPL-2+"),
    ("maple_leaf", "test", "plasma-workspace-wallpapers", PLASMA + "FallenLeaf", "Martin Klapetek", "GPL-2+ / LGPL-3"),
    ("forest_path", "test", "plasma-workspace-wallpapers", PLASMA + "Path", "Risto Saukonpää", "GPL-2+ / LGPL-3"),
    ("temple", "test", "scikit-learn", "sklearn/datasets/images/china.jpg", "danielbuechele", "CC-BY-2.0"),
    ("coffee", "test", "scikit-image", "skimage/data/coffee.png", "Rachel Michetti", "CC0-1.0"),
]  # fmt: skip


def fetch(folder: Path) -> None:
    """Download the packages into `folder` by the ordinary clients."""
    subprocess.run(["apt-get", "download", *DEBIAN], cwd=folder, check=True)
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", *WHEELS]
    subprocess.run(pip, cwd=folder, check=True)


def unpack(packages: Path, folder: Path) -> dict[str, Path]:
    """The unpacked packages by name. Exits if one is missing."""
    places = {}
    for name in [*DEBIAN, *(wheel.split("==")[0] for wheel in WHEELS)]:
        found = [*packages.glob(f"{name}_*.deb"), *packages.glob(f"{name.replace('-', '_')}-*.whl")]
        if len(found) != 1:
            raise SystemExit(f"{packages} holds {len(found)} packages {name}; one is needed")
        places[name] = folder / name
        if found[0].suffix == ".deb":
            subprocess.run(["dpkg-deb", "-x", found[0], places[name]], check=True)
        else:
            zipfile.ZipFile(found[0]).extractall(places[name])
    return places


def find(place: Path) -> Path:
    """The file of a photograph: of a wallpaper in several sizes, the JPEG with the most pixels."""
    if place.is_dir():
        return max(place.glob("contents/images/*.jpg"), key=lambda path: path.stat().st_size)
    return place


def reduced(path: Path) -> Image.Image:
    """The photograph, RGB, its longer side at most LONGEST."""
    image = Image.open(path).convert("RGB")
    scale = LONGEST / max(image.size)
    if scale < 1:
        image = image.resize([round(side * scale) for side in image.size], Image.Resampling.LANCZOS)
    return image


def build(packages: Path, target: Path) -> None:
    target.mkdir(parents=True, exist_ok=True)
    rows, sums = [], []
    with tempfile.TemporaryDirectory() as folder:
        places = unpack(packages, Path(folder))
        for name, side, package, inside, author, licence in PHOTOGRAPHS:
            path = find(places[package] / inside)
            file = target / f"{name}.jpg"
            image = reduced(path)
            image.save(file, quality=QUALITY, optimize=True, progressive=True)
            origin = f"{package}: {path.relative_to(places[package])}"
            rows.append([file.name, side, *image.size, author, licence, origin])
            sums.append(f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}")
    with open(target / "photographs.csv", "w", encoding="utf-8", newline="") as table:
        writer = csv.writer(table, lineterminator="\n")
        writer.writerow(["file", "side", "width", "height", "author", "licence", "origin"])
        writer.writerows(rows)
    (target / "SHA256SUMS").write_text("\n".join(sums) + "\n")
    for name in ("GPL-2", "GPL-3", "LGPL-3"):
        (target / f"LICENSE-{name}.txt").write_text(
            (COMMON / name).read_text(encoding="utf-8"), encoding="utf-8"
        )
    size = sum(path.stat().st_size for path in target.iterdir())
    print(f"{target}: {len(rows)} photographs, {size:,} bytes")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--packages", type=Path, help="a folder with the packages; without it they are fetched"
    )
    parser.add_argument("--target", type=Path, default=Path(__file__).parent / "old_photos")
    options = parser.parse_args()
    if options.packages:
        build(options.packages, options.target)
    else:
        with tempfile.TemporaryDirectory() as folder:
            fetch(Path(folder))
            build(Path(folder), options.target)


if __name__ == "__main__":
    main()
