"""Pictures of your own: split two folders into a data set, translate files, go there and back; built in 10_your_images."""

import contextlib
import io
import itertools
import os
import random
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import torch
from PIL import Image

from minicyclegan.cyclegan import CycleGAN
from minicyclegan.datasets.inspection import require_two_folders
from minicyclegan.datasets.lookalikes import alike_groups, look_at_all
from minicyclegan.errors import DataError, ParameterError, RunError
from minicyclegan.fast.large import LargePictures, no_bar
from minicyclegan.fast.threads import set_by_ctrl_c, threads_for_each
from minicyclegan.parameters import value_range_of
from minicyclegan.pictures.images import as_batch, list_images, read_image, to_image
from minicyclegan.pictures.outputs import all_or_nothing, as_file, at_size, require_size, result_paths
from minicyclegan.pictures.prefetch import read_all
from minicyclegan.runs.devices import available_memory
from minicyclegan.runs.files import write_file

ALONE_FROM = 512 * 512  # pixels; a picture of more is translated alone
TOGETHER = 8 * 64 * 64  # most pixels of small pictures that go through the network together
ONE_AT_A_TIME = threading.Lock()


def choose_test(letters: list[str], groups: list[int], test_share: float, seed: int) -> list[bool]:
    """Which pictures become test pictures: about `test_share` of each domain, at least one, whole groups only.

    `letters` has the domain of each picture, "A" or "B", and `groups` a number that is equal for pictures that look
    alike. Raises DataError where no such choice exists.
    """
    wanted = {letter: max(1, round(test_share * letters.count(letter))) for letter in "AB"}
    members = {group: [x for x, g in zip(letters, groups) if g == group] for group in groups}
    order = sorted(members)
    random.Random(seed).shuffle(order)
    chosen, counts = set(), {"A": 0, "B": 0}
    for group in order:
        after = {letter: counts[letter] + members[group].count(letter) for letter in "AB"}
        if all(after[letter] <= wanted[letter] for letter in "AB"):
            chosen.add(group)
            counts = after
    for letter in "AB":
        if not 0 < counts[letter] < letters.count(letter):
            raise DataError(
                f"the {letters.count(letter)} pictures of domain {letter} cannot be split into training and test: "
                "they are too few, or too many of them look alike; add some"
            )
    return [group in chosen for group in groups]


def split_into_domains(
    folder_a: str | Path,
    folder_b: str | Path,
    target: str | Path,
    test_share: float = 0.1,
    seed: int = 0,
    leave_out: list[Path] | tuple = (),
) -> dict[str, int]:
    """Copy the pictures of two folders into `target`: trainA, trainB, testA and testB. Returns how many went where.

    Pictures that look alike stay on one side. A copy is called a-NAME or b-NAME, so that equal names in both folders
    are not mistaken for true pairs. The sources stay as they are, and `target` appears whole or not at all. Raises
    DataError for a missing folder or an unreadable picture that is not in `leave_out`, RunError if `target` exists.
    """
    target = Path(target)
    require_two_folders(folder_a, folder_b)
    if not 0 < test_share < 1:
        raise ParameterError(f"test_share must be between 0 and 1, but it is {test_share}")
    if os.path.lexists(target):
        raise RunError(f"{target} exists; choose another folder")
    left_out = {Path(path).resolve() for path in leave_out}
    pictures = [
        (letter, path)
        for letter, folder in (("A", folder_a), ("B", folder_b))
        for path in list_images(folder)
        if path.resolve() not in left_out
    ]
    looks, unreadable = look_at_all([path for _, path in pictures])
    for path, reason in unreadable.items():
        raise DataError(f"cannot read the picture {path}: {reason}; remove it or leave it out")
    letters = [letter for letter, _ in pictures]
    in_test = choose_test(letters, alike_groups(looks), test_share, seed)

    counts = {"trainA": 0, "trainB": 0, "testA": 0, "testB": 0}
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        for part in counts:
            (temporary / part).mkdir(parents=True)
        for (letter, path), test in zip(pictures, in_test):
            part = ("test" if test else "train") + letter
            shutil.copyfile(path, temporary / part / f"{letter.lower()}-{path.name}")
            counts[part] += 1
        os.rename(temporary, target)
    except OSError as error:
        raise RunError(f"cannot make {target}: {error.strerror}; choose another folder") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return counts


def make_folder(folder: str | Path) -> None:
    """Make a folder and those above it. Raises RunError."""
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunError(f"cannot make the folder {folder}: {error.strerror}; choose another output") from error


def save_picture(picture: Image.Image, path: str | Path) -> None:
    """Write a picture whole or not at all, in the type that the path's suffix names. Raises RunError, also if it exists."""
    path = Path(path)
    if os.path.lexists(path):
        raise RunError(f"{path} exists; choose another output")
    kind = Image.registered_extensions().get(path.suffix.lower())
    if kind not in Image.SAVE:
        raise RunError(f"{path} does not end in a type of picture that can be written; use .png")
    content = io.BytesIO()
    try:
        picture.save(content, kind)
    except Exception as error:  # some types refuse large sides, some colours
        raise RunError(
            f"cannot make {path} of {picture.width} x {picture.height} px: {error}; use .png"
        ) from error
    write_file(path, lambda file: file.write(content.getbuffer()), flush=False)


def parts_of_one_size(
    jobs: list[tuple[Path, Path]], faults: list[DataError], size: int | None = None, value_range=None
) -> Iterator[list[tuple[Image.Image, Path, tuple[int, int]]]]:
    """The pictures of jobs (path, result), in order, with result and own size: neighbours of one size together, up to TOGETHER pixels.

    They are read only when asked for, and scaled to `size`. What is wrong with those that cannot be read is added to `faults`.
    """

    def readable():
        for path, result in jobs:
            try:
                image = read_image(path, value_range)
                yield at_size(image, size), result, image.size
            except DataError as error:
                faults.append(error)

    for (width, height), row in itertools.groupby(readable(), lambda job: job[0].size):
        while part := list(itertools.islice(row, max(1, TOGETHER // (width * height)))):
            yield part


def translate_together(
    model: CycleGAN, images: list[Image.Image], to: str, large: LargePictures, label: str = ""
) -> list[Image.Image]:
    """The translations of pictures of one size. Raises DataError where memory is too small for them."""
    if len(images) == 1:
        if to in ("a", "b") and images[0].width * images[0].height > ALONE_FROM:
            generator = model.generator_ab if to == "b" else model.generator_ba
            if large.needed(generator, *images[0].size):
                return [large.translate(generator, images[0], label)]
        return [model.translate(images[0], to=to)]
    batch = torch.cat([as_batch(image)[0] for image in images])
    return [to_image(picture) for picture in model.translate(batch, to=to)]


def translate_files(
    model: CycleGAN,
    paths: str | Path | list[Path],
    out: str | Path,
    to: str = "b",
    on_bad_image: str = "refuse",
    say=print,
    size: int | None = None,
    value_range: str | None = None,
    root: Path | None = None,
    bar=no_bar,
) -> list[Path]:
    """Translate files into the folder `out`, as PNG of the same name and size. Returns the files that were written.

    One path, not in a list, may also go to a file: `out` then ends in a picture's suffix. Below `root` folders are kept.
    Where two results would have one name they keep their old suffix as well, which is told to `say`. Nothing that exists is
    overwritten. With on_bad_image="skip" an unreadable picture is reported to `say`; with "refuse" it raises DataError,
    and then, as after any other failure, nothing that this call wrote is left. Raises RunError for the output.

    Pictures are translated with a shorter side of `size` px and come back to their own. `value_range` is that of the
    training, or a text as in `Config`. What is too large to go through the network at once goes in strips, behind a `bar`.
    """
    if on_bad_image not in ("refuse", "skip"):
        raise ParameterError(f"on_bad_image must be refuse or skip, but it is {on_bad_image!r}")
    require_size(size)
    black_and_white = value_range_of(value_range or model.config.value_range, "a" if to == "b" else "b")
    single = isinstance(paths, (str, Path))
    paths = [Path(path) for path in ([paths] if single else paths)]
    to_file, out = as_file(out, single), Path(out)
    results, renamed = ([out], "") if to_file else result_paths(paths, out, root)
    if renamed:
        say(renamed)
    jobs = list(zip(paths, results))
    over = threading.Event()  # threads still at work stop after their present pictures, or strip
    large = LargePictures(available_memory, say, bar, over.is_set)
    threads = torch.get_num_threads()
    workers = min(8, threads)
    share = max(1, min(8, len(jobs) // (8 * workers)))  # so few that all threads end at about the same time
    shares = [jobs[first : first + share] for first in range(0, len(jobs), share)]

    def translate_share(jobs_of_one: list[tuple[Path, Path]]) -> list[DataError]:
        """Translate some of the pictures; returns what is wrong with those that were not translated.

        Small pictures are too little work to share: each thread takes some. A large one gets all threads and memory.
        """
        faults = []
        for part in parts_of_one_size(jobs_of_one, faults, size, black_and_white):
            if over.is_set() or (faults and on_bad_image == "refuse"):
                break
            alone = len(jobs) == 1 or part[0][0].width * part[0][0].height > ALONE_FROM
            try:
                with ONE_AT_A_TIME if alone else contextlib.nullcontext():
                    torch.set_num_threads(threads if alone else 1)
                    images = [image for image, _, _ in part]
                    pictures = translate_together(model, images, to, large, part[0][1].name)
            except DataError as error:  # too little memory
                faults += [error] * len(part)
                continue
            for picture, (_, result, own_size) in zip(pictures, part):
                make_folder(result.parent)
                save_picture(picture if picture.size == own_size else picture.resize(own_size), result)
                written.append(result)
        return faults

    with all_or_nothing(results) as written, set_by_ctrl_c(over):
        make_folder(out.parent if to_file else out)
        outcomes = read_all(translate_share, shares, workers)
        with threads_for_each(1), contextlib.closing(outcomes), contextlib.ExitStack() as at_end:
            at_end.callback(over.set)
            for fault in itertools.chain.from_iterable(outcomes):
                if on_bad_image == "refuse":
                    raise fault
                say(f"skipped: {fault}")
    done = set(written)
    return [result for result in results if result in done]


def round_trip(model: CycleGAN, image, to: str = "b"):
    """Translate a picture of any kind and its translation back: (translation, back), of the kind that went in."""
    translation = model.translate(image, to=to)
    return translation, model.translate(translation, to="a" if to == "b" else "b")
