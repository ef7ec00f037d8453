"""What several test files share: tiny settings, tiny pictures, folders of images, and the real images where there are any."""

import contextlib
import gc
import os
import signal
from pathlib import Path

# Two workers share two cores: one thread each, and one for every kernel and process that they start. With two threads each,
# a notebook of one minute takes nine. Before torch is imported, which looks once
for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[name] = "1"

import numpy as np
import pytest
import torch
from forked import SELDOM, processes_forked, use_for_nbval
from PIL import Image

from minicyclegan.data import Domains
from minicyclegan.fast import recording
from minicyclegan.parameters import Config
from minicyclegan.training import train

# `pytest.param(value, marks=LONG)`: a case of a kind of which `make test` tries another one
LONG = pytest.mark.long
# For a test that needs a GPU: run where there is one, listed as skipped elsewhere
ON_CUDA = [
    pytest.mark.cuda,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="torch sees no CUDA GPU here"),
]
ROOT = Path(__file__).parent.parent
SHARED_DATA = Path(os.environ.get("MINICYCLEGAN_TEST_IMAGES", ROOT.parent / "shared" / "data"))


# `make test &` in a script starts programs that ignore Ctrl-C, and the tests that send it would wait for ever
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    """Networks this small are bound by overhead: one thread is the fastest."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session", autouse=True)
def no_waiting_for_the_disk():
    """Files reach the disk before they are renamed, which only a loss of power would show: hundreds of tiny runs need not wait.

    Processes that tests start do: those that are killed, and those whose disk is full.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda descriptor: None)
        yield


def tiny_config(**changes) -> Config:
    """The smallest networks that still have every kind of layer."""
    tiny = dict(image_size=16, steps=6, batch_size=2, base_channels=4, n_blocks=1, discriminator_channels=4)
    tiny |= dict(discriminator_layers=2, pool_size=3, ema_decay=0.9, learning_rate=1e-3)
    return Config(**(tiny | changes))


def random_pictures(n: int, size: int, seed: int) -> torch.Tensor:
    return torch.randint(256, (n, 3, size, size), generator=torch.Generator().manual_seed(seed)).to(
        torch.uint8
    )


def tiny_domains(paired: bool = True) -> Domains:
    """Pictures of noise, larger than the crop of 16 px, and more in one domain than in the other."""
    train_a, train_b = random_pictures(7, 20, 1), random_pictures(5, 20, 2)
    return Domains(train_a, train_b, random_pictures(4, 16, 3), random_pictures(4, 16, 4), paired, [])


def tiny_run(run_dir: Path, domains: Domains | None = None, resume: bool = False, **changes):
    """Train the tiny networks. Keys of `train` go to it, all others into the configuration."""
    options = dict(device="cpu", precision="fp32", log_every=1, progress=lambda line: None)
    options |= {
        key: changes.pop(key)
        for key in [*options, "checkpoint_every", "sample_every", "stop", "keep_every", "start_from", "yes"]
        + ["compile", "deterministic"]
        if key in changes
    }
    return train(tiny_config(**changes), domains or tiny_domains(), run_dir, resume=resume, **options)


def noise_image(seed: int, size: tuple[int, int] = (20, 20)) -> Image.Image:
    pixels = torch.randint(256, (size[1], size[0], 3), generator=torch.Generator().manual_seed(seed))
    return Image.fromarray(pixels.to(torch.uint8).numpy())


def same_picture(one: Image.Image, other: Image.Image) -> bool:
    """Whether two PIL images show the same: to the bit, or within two of 255 levels where a GPU may have made one of them."""
    off = np.abs(np.asarray(one, int) - np.asarray(other, int)).max() if one.size == other.size else 255
    return off <= (2 if torch.cuda.is_available() else 0)


def make_folder(folder: Path, n: int = 4, size: tuple[int, int] = (20, 20)) -> Path:
    """A data set of noise: trainA, trainB, testA, testB with `n` PNG files each."""
    for k, part in enumerate(("trainA", "trainB", "testA", "testB")):
        (folder / part).mkdir(parents=True)
        for i in range(n):
            noise_image(100 * k + i, size).save(folder / part / f"{i}.png")
    return folder


@contextlib.contextmanager
def files_no_larger_than(size: int):
    """A real limit of the operating system: writing more fails, as on a full disk."""
    resource = pytest.importorskip("resource", reason="Windows has no limit for the size of files")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def files_in(folder: Path) -> list[str]:
    """The files below a folder, without the folders."""
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if not p.is_dir())


@pytest.fixture
def forked():
    """Each Python and kernel that the test starts is forked from one that has imported PyTorch: `forked.py`."""
    with processes_forked():
        yield


@pytest.fixture
def data_folder(tmp_path) -> Path:
    return make_folder(tmp_path / "noise")


@pytest.fixture(scope="session")
def finished_run(tmp_path_factory) -> Path:
    """One finished tiny run, to be read and never changed."""
    run_dir = tmp_path_factory.mktemp("finished") / "run"
    tiny_run(run_dir)
    return run_dir


@pytest.fixture
def checkpoint(finished_run) -> Path:
    return finished_run / "last.pt"


@pytest.fixture
def on_streams(monkeypatch) -> list:
    """Stand-ins for two CUDA streams, and what happens on them, in order."""
    events = []

    class Stream:
        device = torch.device("cpu")

        def __init__(self, name: str):
            self.name = name

        def wait_stream(self, stream) -> None:
            events.append(f"{self.name} waits for {stream.name}")

    @contextlib.contextmanager
    def stream(chosen):
        events.append(f"on {chosen.name}")
        yield
        events.append(f"off {chosen.name}")

    here, other = Stream("here"), Stream("other")
    monkeypatch.setattr(torch.cuda, "current_stream", lambda: here)
    monkeypatch.setattr(torch.cuda, "stream", stream)
    monkeypatch.setattr(recording, "second_stream", lambda device: other)
    monkeypatch.setattr(
        torch.Tensor, "record_stream", lambda x, s: events.append(f"{list(x.shape)} kept for {s.name}")
    )
    return events


def shared_images(name: str) -> Path:
    folder = SHARED_DATA / name
    if not folder.is_dir():
        pytest.skip(f"the real images {folder} are not on this machine")
    return folder


# What takes longest comes first, so that no worker is left alone with it at the end: all that take ten seconds or more
LONGEST = """
test_browser.py 08b_diagnosis.ipynb 11_the_article.ipynb 07_train.ipynb 12_patch_nce.ipynb 05_cycle_consistency.ipynb
08_evaluate.ipynb test_site.py 10_your_images.ipynb test_kills.py test_distributed.py test_room_without_internet.py
04_gan_loss.ipynb test_repro_planted.py test_grade.py test_sweep.py 09_ablations.ipynb 02_generator.ipynb
test_faults_images.py test_training.py test_evaluation.py test_bad_disks.py test_determinism.py test_old_photos.py
test_hostile_checkpoints.py test_repro.py test_cli.py test_gpu_step.py test_plan.py test_faults_parameters.py
test_exact_resume.py test_emoji.py test_two_threads.py test_toy_game.py test_patch_nce.py test_checks_07.py
test_faults_checkpoints.py test_endurance.py 00_whole_game.ipynb
""".split()


def pytest_configure(config):
    """Kernels for nbval are forked."""
    use_for_nbval()


@pytest.hookimpl(wrapper=True)
def pytest_collection():
    """Collecting thousands of tests makes what stays: looking for rubbish among it, again and again, takes a third of the time.

    Afterwards it is looked for less often than usual, and so in the processes that are forked: that saves a twentieth.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.collect()
        gc.freeze()
        gc.enable()
        gc.set_threshold(SELDOM)


def pytest_collection_modifyitems(items):
    """Whole files in the order of LONGEST, then all others; within a file nothing changes."""
    place = {name: number for number, name in enumerate(LONGEST)}
    items.sort(key=lambda item: place.get(item.path.name, len(place)))


def pytest_sessionfinish(session):
    """A worker hands its part of the score to the process that started it."""
    from mutants import SCORE
    from planted import PLANTED

    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["score"] = SCORE
        session.config.workeroutput["planted"] = PLANTED


@pytest.hookimpl(optionalhook=True)  # of pytest-xdist
def pytest_testnodedown(node):
    from mutants import SCORE
    from planted import PLANTED

    for total, name in ((SCORE, "score"), (PLANTED, "planted")):
        for what, number in getattr(node, "workeroutput", {}).get(name, {}).items():
            total[what] += number


def pytest_terminal_summary(terminalreporter):
    """Say how well the checks of the exercises did, wrong answers refused and right ones accepted; and how well `repro`."""
    from mutants import SCORE
    from planted import PLANTED

    if SCORE["mutants tried"]:
        terminalreporter.write_sep("-", "checks of the exercises")
        for what, done in (("mutants", "rejected"), ("right answers", "accepted")):
            line = f"{what} {done} / tried: {SCORE[f'{what} {done}']} / {SCORE[f'{what} tried']}"
            terminalreporter.write_line(line)
    if PLANTED["planted"]:
        terminalreporter.write_sep("-", "minicyclegan repro")
        terminalreporter.write_line(f"differences found / planted: {PLANTED['found']} / {PLANTED['planted']}")
