"""Unpaired pictures from two domains (Zhu et al. 2017, section 3), built in notebook 01_two_domains."""

import os
from dataclasses import dataclass
from pathlib import Path

import torch
from PIL import Image, ImageOps
from torch import Tensor

from minicyclegan.course.first_edition import moved_names
from minicyclegan.errors import DataError, ParameterError
from minicyclegan.parameters import value_range_of
from minicyclegan.pictures.folders import no_folder, no_image
from minicyclegan.pictures.images import list_images, read_image, to_tensor
from minicyclegan.pictures.pairs import find_pairs
from minicyclegan.pictures.prefetch import read_all
from minicyclegan.pictures.survey import survey_folders
from minicyclegan.seasons import draw, sample_scenes

__getattr__ = moved_names("data")


def to_float(pictures: Tensor) -> Tensor:
    """uint8 in [0, 255] to float in [-1, 1], the range of the generator's tanh."""
    return pictures.float() / 127.5 - 1


def to_uint8(pictures: Tensor) -> Tensor:
    """float in [-1, 1] to uint8 in [0, 255], the nearest step."""
    return ((pictures + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)


class ImageFolder:
    """The pictures of one folder, each cut to a centred square and scaled to `size` px, as uint8 (3, size, size).

    Every file is decoded once at the start, several at a time, which finds the bad ones: `on_bad_image` is "refuse" (a
    DataError names the first of them) or "skip" (they are left out and listed in `skipped`). If all pictures fit into
    `memory_budget` bytes, at 3 * size * size each, they are kept and take exactly that; otherwise only the names are kept,
    and each picture is read again when it is asked for. While files are read, a few are open, each at most as large as
    `read_image` allows, which also gets `value_range`. Raises DataError for a missing or empty folder.
    """

    def __init__(
        self,
        folder: str | Path,
        size: int,
        on_bad_image: str = "refuse",
        memory_budget: int = 2 * 1024**3,
        value_range: tuple[float, float] | None = None,
    ):
        if on_bad_image not in ("refuse", "skip"):
            raise ParameterError(f"on_bad_image must be refuse or skip, but it is {on_bad_image!r}")
        if not os.path.isdir(folder):
            raise DataError(no_folder(folder))
        self.size, self.value_range, self.pictures = size, value_range, None
        self.paths, self.skipped, self.enlarged = [], [], set()
        paths = list_images(folder)
        keep = len(paths) * 3 * size * size <= memory_budget
        pictures = torch.empty(len(paths) if keep else 0, 3, size, size, dtype=torch.uint8)
        for path, result in zip(paths, read_all(self.read if keep else self.check, paths)):
            if not isinstance(result, DataError):
                if keep:
                    pictures[len(self.paths)] = result
                self.paths.append(path)
            elif on_bad_image == "skip":
                self.skipped.append(str(result))
            else:
                raise result
        if not self.paths:
            raise DataError(no_image(folder))
        if keep:
            self.pictures = pictures[: len(self.paths)]

    def open(self, path: Path) -> Image.Image:
        image = read_image(path, self.value_range)
        if min(image.size) < self.size:
            self.enlarged.add(path)
        return image

    def check(self, path: Path) -> None:
        self.open(path)

    def read(self, path: Path) -> Tensor:
        return to_tensor(ImageOps.fit(self.open(path), (self.size, self.size), Image.Resampling.BICUBIC))

    def keep(self, indices: list[int]) -> None:
        """Only these pictures, in this order; the others are left out from now on."""
        self.paths = [self.paths[i] for i in indices]
        if self.pictures is not None:
            self.pictures = self.pictures[indices]

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, indices: list[int]) -> Tensor:
        """The pictures with these indices: uint8 (len(indices), 3, size, size)."""
        if self.pictures is not None:
            return self.pictures[indices]
        return torch.stack([self.read(self.paths[i]) for i in indices])


def random_crop_flip(pictures: Tensor, size: int, generator: torch.Generator) -> Tensor:
    """A random crop of `size` px from each picture, mirrored half of the time; (N, 3, size, size).

    Every picture is cropped at a place of its own, a new one each time it is drawn.
    """
    n, _, height, width = pictures.shape
    top = torch.randint(height - size + 1, (n,), generator=generator).tolist()
    left = torch.randint(width - size + 1, (n,), generator=generator).tolist()
    flip = torch.randint(2, (n,), generator=generator).tolist()
    crops = [p[:, t : t + size, k : k + size] for p, t, k in zip(pictures, top, left)]
    return torch.stack([crop.flip(2) if f else crop for crop, f in zip(crops, flip)])


class UnpairedBatches:
    """Batches of (real_a, real_b), each (batch_size, 3, size, size) in [-1, 1], A and B shuffled independently.

    Batch number `step` depends on `seed` and `step` alone, so a run can stop and resume anywhere without remembering the
    state of a random generator. Each domain shows all its pictures once before any of them comes again.
    """

    def __init__(self, pictures_a, pictures_b, size: int, batch_size: int, seed: int):
        for name, pictures in (("A", pictures_a), ("B", pictures_b)):
            if len(pictures) < batch_size:
                raise DataError(
                    f"batch_size is {batch_size} but domain {name} has {len(pictures)} training pictures; "
                    "use a smaller batch_size"
                )
            side = pictures.size if isinstance(pictures, ImageFolder) else min(pictures.shape[2:])
            if side < size:
                raise DataError(
                    f"image_size is {size} but the pictures of domain {name} have {side} px; lower image_size"
                )
        self.domains = (pictures_a, pictures_b)
        self.size, self.batch_size, self.seed = size, batch_size, seed
        self.orders = {}  # (domain, epoch) to a permutation; only the current epochs are kept

    def order(self, domain: int, epoch: int) -> Tensor:
        """The order in which one domain's pictures appear in one epoch."""
        order = self.orders.get((domain, epoch))
        if order is None:
            generator = torch.Generator().manual_seed((self.seed * 2 + domain) * 1_000_003 + epoch)
            order = torch.randperm(len(self.domains[domain]), generator=generator)
            kept = {key: old for key, old in self.orders.items() if key[1] >= epoch - 1}
            self.orders = {**kept, (domain, epoch): order}  # a new dict: another thread may read the old
        return order

    def indices(self, domain: int, step: int) -> list[int]:
        """Which pictures of domain 0 (A) or 1 (B) training step `step` shows; steps count from 0."""
        n = len(self.domains[domain])
        positions = range(step * self.batch_size, (step + 1) * self.batch_size)
        return [int(self.order(domain, p // n)[p % n]) for p in positions]

    def draws_crops(self, domain: int, step: int) -> torch.Generator:
        """The random generator for the crops of domain 0 (A) or 1 (B) at training step `step`."""
        return torch.Generator().manual_seed((self.seed * 2 + domain) * 1_000_003 + 500_000 + step)

    def batch(self, step: int) -> tuple[Tensor, Tensor]:
        """The batch of training step `step`, which counts from 0."""
        pair = []
        for domain, pictures in enumerate(self.domains):
            shown = pictures[self.indices(domain, step)]
            crops = random_crop_flip(shown, self.size, self.draws_crops(domain, step))
            pair.append(to_float(crops))
        return pair[0], pair[1]


@dataclass
class Domains:
    """Two domains, ready to train on: uint8 pictures for training (possibly larger than the crop) and for testing.

    `paired` says whether test picture number i of A and of B show the same thing; training never uses it. `value_range`
    is black and white for pictures of more than 8 bits, and "auto" where there are none.
    """

    train_a: Tensor | ImageFolder
    train_b: Tensor | ImageFolder
    test_a: Tensor | ImageFolder
    test_b: Tensor | ImageFolder
    paired: bool
    notes: list[str]
    value_range: str = "auto"


def load_seasons(size: int, n_train: int = 1000, n_test: int = 200, seed: int = 0) -> Domains:
    """Summer (A) and winter (B). No scene of training A is in training B, and none of either is in the test pairs."""
    scenes = sample_scenes(n_test + 2 * n_train, seed)

    def pictures(season: str, first: int, last: int) -> Tensor:
        n = max(1, min(100, 2**18 // size**2))  # this few fit into the processor's cache: five times faster
        parts = [{k: v[i : min(i + n, last)] for k, v in scenes.items()} for i in range(first, last, n)]
        return torch.cat([to_uint8(draw(part, season, size)) for part in parts])

    return Domains(
        train_a=pictures("summer", n_test, n_test + n_train),
        train_b=pictures("winter", n_test + n_train, n_test + 2 * n_train),
        test_a=pictures("summer", 0, n_test),
        test_b=pictures("winter", 0, n_test),
        paired=True,
        notes=[],
    )


def load_folder(
    folder: str | Path,
    size: int,
    load_size: int = 0,
    on_bad_image: str = "refuse",
    value_range: str = "auto",
    paired: str = "auto",
) -> Domains:
    """A folder with trainA, trainB, testA and testB. `load_size` is the side before the random crop; 0 is 286/256 of `size`.

    The test pictures count as true pairs when testA and testB hold the same file names and pictures of one name look
    alike; `paired` "yes" or "no" decides it without looking. `notes` say what was found, assumed and left out. Raises
    DataError.
    """
    folder = Path(folder)
    load_size = load_size or round(size * 286 / 256)
    if load_size < size:
        raise DataError(
            f"load_size is {load_size}, smaller than image_size {size}; make it at least as large"
        )
    folders = {name: folder / name for name in ("trainA", "trainB", "testA", "testB")}
    value_range, remarks = survey_folders(folders, value_range)
    parts = {
        name: ImageFolder(
            place,
            load_size if name.startswith("train") else size,
            on_bad_image,
            value_range=value_range_of(value_range, name[-1]),
        )
        for name, place in folders.items()
    }
    notes = [f"skipped: {text}" for part in parts.values() for text in part.skipped]
    notes += [
        f"{len(part.enlarged)} of {len(part)} pictures in {name} are smaller than {part.size} px and were enlarged"
        for name, part in parts.items()
        if part.enlarged
    ]
    pairs, why = find_pairs(parts["testA"], parts["testB"], paired)
    if pairs:
        parts["testA"].keep([i for i, _ in pairs])
        parts["testB"].keep([k for _, k in pairs])
    return Domains(
        *parts.values(), paired=bool(pairs), notes=notes + remarks + [why], value_range=value_range
    )
