"""Work in other threads: the next batch while a step runs, and many pictures read at once."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
import warnings
from collections import Counter

import pytest
import torch
from conftest import ROOT, make_folder, noise_image, random_pictures
from PIL import Image

import minicyclegan.pictures.images
import minicyclegan.pictures.prefetch
from minicyclegan.data import ImageFolder, UnpairedBatches
from minicyclegan.datasets.faces import load_faces
from minicyclegan.errors import DataError
from minicyclegan.pictures.images import read_image
from minicyclegan.pictures.prefetch import WAITING, Prefetch, no_warnings, read_all
from minicyclegan.runs.signals import signals_noted


def helpers() -> list[str]:
    """The names of the threads that this module starts and that exist now."""
    names = [thread.name for thread in threading.enumerate()]
    return [name for name in names if name.startswith(("prefetch", "read_all"))]


# The next batch


class Kitchen:
    """Makes batches that hold nothing but the step, and writes down which thread made which, in order."""

    def __init__(self, fails_at: int = -1):
        self.made, self.threads, self.fails_at = [], set(), fails_at

    def make(self, step: int) -> tuple[torch.Tensor, torch.Tensor]:
        self.threads.add(threading.get_ident())
        if step == self.fails_at:
            raise DataError(f"no picture for step {step}; add one")
        self.made.append(step)
        return torch.full((2, 3, 4, 4), step), torch.full((2, 3, 4, 4), -step)


def from_tensors(tmp_path) -> UnpairedBatches:
    return UnpairedBatches(random_pictures(7, 20, 1), random_pictures(5, 20, 2), 16, 2, seed=3)


def from_files(tmp_path) -> UnpairedBatches:
    if not (tmp_path / "noise").exists():
        make_folder(tmp_path / "noise", n=5)
    parts = [ImageFolder(tmp_path / "noise" / part, 18, memory_budget=0) for part in ("trainA", "trainB")]
    return UnpairedBatches(*parts, 16, 2, seed=3)


@pytest.mark.parametrize("threads", [1, 2, 5])
@pytest.mark.parametrize("first", [0, 7])
@pytest.mark.parametrize("pictures", [from_tensors, from_files])
def test_batches_made_ahead_are_those_made_in_turn_to_the_bit(tmp_path, pictures, first, threads):
    plain = pictures(tmp_path)
    with Prefetch(pictures(tmp_path).batch, end=20, threads=threads) as source:
        for step in range(first, 20):
            for found, wanted in zip(source.batch(step), plain.batch(step), strict=True):
                assert torch.equal(found, wanted), f"step {step}"


@pytest.mark.parametrize("threads", [1, 3])
def test_other_threads_make_every_batch_once_and_none_past_the_end(threads):
    kitchen = Kitchen()
    with Prefetch(kitchen.make, end=9, threads=threads) as source:
        for step in range(2, 9):
            assert int(source.batch(step)[0][0, 0, 0, 0]) == step
    assert sorted(kitchen.made) == list(range(2, 9))
    assert 1 <= len(kitchen.threads) <= threads and threading.get_ident() not in kitchen.threads


def test_several_batches_are_made_at_once():
    together = threading.Barrier(3)  # passed only by three that are here at the same time

    def make(step):
        together.wait(60)
        return (torch.full((1,), step),)

    with Prefetch(make, end=9, threads=3) as source:
        assert [int(source.batch(step)[0]) for step in range(9)] == list(range(9))


@pytest.mark.parametrize("threads", [1, 2])
def test_not_more_batches_than_stated_wait(threads):
    kitchen = Kitchen()
    with Prefetch(kitchen.make, end=1000, threads=threads) as source:
        for step in range(5):
            source.batch(step)
            assert len(source.coming) == 2 * threads
            for batch in source.coming.values():
                batch.result()
            assert sorted(kitchen.made) == list(range(step + 2 * threads + 1))


def test_the_next_batches_are_made_while_the_step_runs():
    kitchen = Kitchen()
    with Prefetch(kitchen.make, end=10, threads=1) as source:
        source.batch(0)  # and now a step runs: this thread asks for nothing
        limit = time.monotonic() + 30
        while 2 not in kitchen.made and time.monotonic() < limit:
            time.sleep(0.001)
    assert kitchen.made == [0, 1, 2]


def test_batches_in_any_order_are_the_right_ones():
    kitchen = Kitchen()
    with Prefetch(kitchen.make, end=10, threads=2) as source:
        for step in (4, 0, 0, 9, 3, 8, 12, 9):
            assert int(source.batch(step)[0][0, 0, 0, 0]) == step


def test_an_error_comes_out_at_the_batch_it_belongs_to_and_not_before():
    kitchen, done = Kitchen(fails_at=3), []
    with Prefetch(kitchen.make, end=10, threads=2) as source:
        with pytest.raises(DataError, match="no picture for step 3; add one"):
            for step in range(10):
                source.batch(step)
                done.append(step)
    assert done == [0, 1, 2] and helpers() == []


def test_an_error_ahead_of_the_end_of_the_training_is_never_heard():
    with Prefetch(Kitchen(fails_at=3).make, end=10) as source:
        for step in range(3):  # stopped here, by Ctrl-C for example: batch 3 was begun and failed
            source.batch(step)
    assert helpers() == []


def test_a_damaged_file_is_named_at_the_batch_that_shows_it(tmp_path):
    batches = from_files(tmp_path)
    bad = tmp_path / "noise" / "trainB" / "2.png"
    first = next(step for step in range(20) if 2 in batches.indices(1, step))
    bad.write_bytes(bytes(100))
    with Prefetch(batches.batch, end=20) as source:
        for step in range(first):
            source.batch(step)
        with pytest.raises(DataError) as error:
            source.batch(first)
    assert str(bad) in str(error.value) and helpers() == []


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_no_thread_is_left_and_the_filters_are_as_before_whatever_breaks_the_training_off(error):
    before = list(warnings.filters)
    with pytest.raises(error):
        with Prefetch(Kitchen().make, end=100, threads=2) as source:
            source.batch(0)
            assert len(helpers()) == 2
            raise error
    assert helpers() == [] and warnings.filters == before and no_warnings.inside == 0


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such signal to send to oneself")
def test_ctrl_c_while_the_training_waits_for_a_batch_ends_it_and_leaves_no_thread():
    begun, go_on = threading.Event(), threading.Event()

    def make(step):
        begun.set()
        go_on.wait(60)
        return (torch.zeros(1),)

    def interrupt():
        begun.wait(60)
        os.kill(os.getpid(), signal.SIGINT)
        go_on.set()

    other = threading.Thread(target=interrupt)
    with pytest.raises(KeyboardInterrupt):
        with Prefetch(make, end=3) as source:
            other.start()
            source.batch(0)
            time.sleep(60)  # the signal may act a moment after the batch is there
    other.join()
    assert helpers() == []


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such signal to send to oneself")
def test_a_signal_that_is_noted_and_waits_does_not_disturb_the_batch():
    """As in `train`, which ends the run after the step."""

    def make(step):
        if step == 1:
            os.kill(os.getpid(), signal.SIGINT)
        return (torch.full((1,), step),)

    with signals_noted() as noted, Prefetch(make, end=5) as source:
        for step in range(5):
            assert int(source.batch(step)[0]) == step
    assert noted == [signal.SIGINT] and helpers() == []


def test_orders_may_be_asked_for_by_two_threads_at_once():
    """A failed run looks up the pictures of a step while the next batch is still being made."""
    batches, failures = from_tensors(None), []
    alone = from_tensors(None)
    wanted = {epoch: alone.order(0, epoch).tolist() for epoch in range(40)}

    def ask(epochs):
        try:
            for epoch in epochs:
                if batches.order(0, epoch).tolist() != wanted[epoch]:
                    failures.append(epoch)
        except Exception as error:
            failures.append(repr(error))

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [
            threading.Thread(target=ask, args=([*range(k, 40, 7)] * 60,), daemon=True) for k in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert failures == []


# Many pictures at once


def test_results_come_in_order_and_errors_in_their_place():
    def read(number):
        time.sleep(0.002 * (number % 7 == 0))  # some take longer
        if number % 10 == 3:
            raise DataError(f"number {number} is bad")
        return number * number

    results = list(read_all(read, range(300)))
    assert len(results) == 300 and helpers() == []
    for number, result in enumerate(results):
        assert str(result) == (f"number {number} is bad" if number % 10 == 3 else str(number * number))


def test_another_error_than_a_bad_picture_is_raised():
    with pytest.raises(ZeroDivisionError):
        list(read_all(lambda number: 1 // (50 - number), range(100)))
    assert helpers() == []


def test_nothing_to_read_is_nothing_read():
    assert list(read_all(read_image, [])) == [] and helpers() == []


def test_whoever_takes_results_slowly_never_has_more_than_the_stated_number_waiting():
    begun, taken = [], 0
    for _ in read_all(begun.append, range(400)):
        assert len(begun) - taken <= WAITING
        taken += 1
    assert taken == len(begun) == 400


@pytest.mark.parametrize("error", [DataError, KeyboardInterrupt])
def test_a_loop_that_breaks_off_leaves_no_thread_and_reads_no_further(error):
    begun, before = [], list(warnings.filters)
    with contextlib.suppress(error):
        for _, path in zip(read_all(begun.append, range(1000)), range(1000)):
            if path == 100:
                raise error
    assert helpers() == [] and 100 < len(begun) <= 101 + WAITING
    assert warnings.filters == before and no_warnings.inside == 0


def mixed_folder(folder):
    """Intact pictures of several sizes and, between them, files that are not pictures."""
    folder.mkdir()
    for i in range(60):
        noise_image(i, [(20, 20), (31, 17), (8, 40), (90, 64)][i % 4]).save(folder / f"{i:02d}.png")
    for i in (0, 11, 12, 35, 59):
        (folder / f"{i:02d}.png").write_bytes(bytes(i))
    return folder


@pytest.mark.parametrize("budget", [2**31, 0], ids=["kept", "read again each time"])
def test_a_folder_read_by_many_threads_is_the_one_read_by_one(tmp_path, monkeypatch, budget):
    folders = []
    for threads in (1, 8):
        monkeypatch.setattr(minicyclegan.pictures.prefetch, "THREADS", threads)
        folder = mixed_folder(tmp_path / "mixed") if threads == 1 else tmp_path / "mixed"
        folders.append(ImageFolder(folder, 16, "skip", budget))
    one, many = folders
    assert one.paths == many.paths == sorted(many.paths) and len(many) == 55
    assert one.skipped == many.skipped and len(many.skipped) == 5
    assert one.enlarged == many.enlarged and len(many.enlarged) > 5
    assert torch.equal(one[list(range(55))], many[list(range(55))])


@pytest.mark.parametrize("budget", [2**31, 0], ids=["kept", "read again each time"])
def test_the_first_bad_file_is_named_even_if_a_later_one_is_found_sooner(tmp_path, monkeypatch, budget):
    folder, later = mixed_folder(tmp_path / "mixed"), threading.Event()

    def read(path, value_range=None):
        if path.name == "00.png":
            assert later.wait(60)
        try:
            return read_image(path, value_range)
        finally:
            if path.name == "11.png":
                later.set()

    monkeypatch.setattr(minicyclegan.pictures.prefetch, "THREADS", 2)
    monkeypatch.setattr("minicyclegan.data.read_image", read)
    with pytest.raises(DataError, match="cannot read the picture .*00.png"):
        ImageFolder(folder, 16, memory_budget=budget)
    assert later.is_set() and helpers() == []


def test_faces_read_and_worn_by_many_threads_are_those_of_one(tmp_path, monkeypatch):
    for i in range(60):
        noise_image(i, (24, 30)).save(tmp_path / f"{i}.png")
    (tmp_path / "bad.jpg").write_bytes(b"no picture at all")
    found = []
    for threads in (1, 8):
        monkeypatch.setattr(minicyclegan.pictures.prefetch, "THREADS", threads)
        found.append(load_faces(tmp_path, 16, "skip"))
    one, many = found
    for part in ("train_a", "train_b", "test_a", "test_b"):
        assert torch.equal(getattr(one, part), getattr(many, part)), part
    assert one.notes == many.notes and "bad.jpg" in many.notes[0]


PEAK = """
import resource, sys
sys.path.insert(0, sys.argv[1])
from minicyclegan.data import ImageFolder
ImageFolder(sys.argv[2] + "/few", 512)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
pictures = ImageFolder(sys.argv[2] + "/many", 512, memory_budget=int(sys.argv[3])).pictures
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the largest memory is counted in KiB on Linux alone")
@pytest.mark.parametrize(("budget", "most"), [(2**31, 1.25), (0, 0.25)], ids=["kept", "read each time"])
def test_a_folder_takes_the_memory_of_its_pictures_and_not_twice_that(forked, tmp_path, budget, most):
    """200 pictures of 512 px are 150 MiB. Made into a list first and then put together, they took twice as much."""
    for name, n in (("few", 10), ("many", 200)):
        (tmp_path / name).mkdir()
        noise_image(0).save(tmp_path / name / "0.png")
        for i in range(1, n):
            os.link(tmp_path / name / "0.png", tmp_path / name / f"{i}.png")
    command = [sys.executable, "-c", PEAK, str(ROOT), str(tmp_path), str(budget)]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | {"OMP_NUM_THREADS": "1"})
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) < most * 150


def test_large_pictures_are_decoded_one_at_a_time_and_small_ones_together(tmp_path, monkeypatch):
    noise_image(0).save(tmp_path / "x.png")
    inside, most, real = Counter(), [], minicyclegan.pictures.images.to_uint8_rgb
    meeting = threading.Barrier(2)

    def counted(image, value_range=None):
        inside["now"] += 1
        most.append(inside["now"])
        if together:
            meeting.wait(60)  # passes only when two threads are here
        else:
            time.sleep(0.002)
        inside["now"] -= 1
        return real(image, value_range)

    monkeypatch.setattr(minicyclegan.pictures.images, "to_uint8_rgb", counted)
    monkeypatch.setattr(minicyclegan.pictures.prefetch, "THREADS", 2)
    together = True
    assert len(list(read_all(read_image, [tmp_path / "x.png"] * 10))) == 10
    together = False
    most.clear()
    monkeypatch.setattr(minicyclegan.pictures.images, "LARGE", 0)
    assert len(list(read_all(read_image, [tmp_path / "x.png"] * 10))) == 10
    assert most == [1] * 10


# Warnings


def odd_file(tmp_path):
    """An intact picture that Pillow warns about each time it is read."""
    exif = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\xff\0\0\0\x06"  # 255 values promised, none there
    path = tmp_path / "odd.jpg"
    noise_image(0).save(path, exif=exif)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        Image.open(path).getexif()
    assert said, "Pillow has nothing to say of this file any more: the tests below need another one"
    return path


def test_odd_files_read_by_many_threads_give_no_warning_and_leave_the_filters_as_they_were(tmp_path):
    path = odd_file(tmp_path)

    def many():
        for _ in range(40):
            read_image(path)

    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        before = list(warnings.filters)
        threads = [threading.Thread(target=many) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert warnings.filters == before
        warnings.warn("a warning of ours is heard again", stacklevel=1)
    assert [str(entry.message) for entry in said] == ["a warning of ours is heard again"]


def test_warnings_of_the_training_are_heard_while_batches_of_odd_files_are_made(tmp_path):
    path = odd_file(tmp_path)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        before = list(warnings.filters)
        with Prefetch(lambda step: (read_image(path),), end=30) as source:
            for step in range(30):
                with warnings.catch_warnings():  # as parts of torch do
                    source.batch(step)
                    warnings.simplefilter("ignore")
                warnings.warn(f"step {step}", stacklevel=1)
        assert warnings.filters == before
    assert [str(entry.message) for entry in said] == [f"step {step}" for step in range(30)]
