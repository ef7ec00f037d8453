"""Bad input: one clear sentence of our own kind of error, and nothing half-written left behind."""

import errno
import os
import pickle
import shutil
from functools import partial
from pathlib import Path

import pytest
import torch
from conftest import (
    files_in,
    files_no_larger_than,
    make_folder,
    noise_image,
    random_pictures,
    tiny_config,
    tiny_domains,
    tiny_run,
)
from PIL import Image
from test_cli import refused as command_refused

from minicyclegan import training
from minicyclegan.course.settings import parameters_of, read_parameters
from minicyclegan.cyclegan import CycleGAN
from minicyclegan.data import ImageFolder, UnpairedBatches, load_folder
from minicyclegan.datasets import presets, suiting
from minicyclegan.datasets.faces import MEMORY, find_faces
from minicyclegan.datasets.named import load_domains
from minicyclegan.errors import CheckpointError, DataError, MiniCycleGANError, ParameterError, RunError
from minicyclegan.parameters import Config, check_name, check_parameters, check_type, declared_parameters
from minicyclegan.pictures.folders import list_images
from minicyclegan.pictures.images import read_image
from minicyclegan.runs.checkpoint import FORMAT, export_weights, load, read_checkpoint, save_checkpoint
from minicyclegan.runs.devices import choose_device
from minicyclegan.runs.files import write_file
from minicyclegan.runs.folder import read_metrics
from minicyclegan.runs.progress import Progress
from minicyclegan.training import train


class refused:
    """`with refused(DataError, "word", ...)`: that error is raised, in one line that holds these words."""

    def __init__(self, kind, *words):
        self.kind, self.words = kind, words

    def __enter__(self):
        return self

    def __exit__(self, kind, error, traceback):
        assert kind is not None, f"{self.kind.__name__} was not raised"
        if not issubclass(kind, self.kind):
            return False  # shows the other error
        self.text = str(error)
        assert isinstance(error, MiniCycleGANError)
        assert "\n" not in self.text and 20 < len(self.text) < 500, self.text
        for word in self.words:
            assert str(word) in self.text, f"{word!r} is not in: {self.text}"
        return True


def test_the_errors_of_this_package_have_one_base():
    for kind in (CheckpointError, DataError, ParameterError, RunError):
        assert issubclass(kind, MiniCycleGANError)
    assert issubclass(ParameterError, ValueError)


# Folders and images


def test_missing_folder(tmp_path):
    with refused(DataError, tmp_path / "nowhere", "trainA"):
        load_domains(tmp_path / "nowhere", 16)


@pytest.mark.parametrize("part", ["trainA", "trainB", "testA", "testB"])
def test_missing_part_of_a_folder(data_folder, part):
    shutil.rmtree(data_folder / part)
    with refused(DataError, data_folder / part):
        load_folder(data_folder, 16)


@pytest.mark.parametrize("part", ["trainA", "trainB", "testA", "testB"])
def test_empty_domain(data_folder, part):
    for path in (data_folder / part).iterdir():
        path.unlink()
    (data_folder / part / "notes.txt").write_text("soon")
    with refused(DataError, "no readable picture", data_folder / part):
        load_folder(data_folder, 16)


def test_a_file_instead_of_a_folder(tmp_path):
    (tmp_path / "file.zip").write_bytes(b"PK")
    with refused(DataError, "file.zip"):
        load_domains(tmp_path / "file.zip", 16)


def spoil(path: Path, how: str) -> Path:
    if how == "text":
        path = path.with_suffix(".jpg")
        path.write_text("this is not a picture\n")
    elif how == "empty":
        path.write_bytes(b"")
    elif how == "cut off":
        noise_image(0, (64, 64)).save(path)
        path.write_bytes(path.read_bytes()[:2000])
    elif how == "cut off jpg":
        path = path.with_suffix(".jpg")
        noise_image(0, (64, 64)).save(path)
        path.write_bytes(path.read_bytes()[:1000])
    elif how == "damaged":
        data = bytearray(noise_png := path.read_bytes())
        data[len(noise_png) // 2] ^= 0xFF
        path.write_bytes(data)
    return path


BAD_FILES = ["text", "empty", "cut off", "cut off jpg", "damaged"]


@pytest.mark.parametrize("how", BAD_FILES)
def test_one_unreadable_image_is_named_and_refused(data_folder, how):
    bad = spoil(data_folder / "trainB" / "2.png", how)
    with refused(DataError, "cannot read the picture", bad):
        load_folder(data_folder, 16)


@pytest.mark.parametrize("how", BAD_FILES)
def test_one_unreadable_image_is_skipped_and_listed(data_folder, how):
    bad = spoil(data_folder / "trainB" / "2.png", how)
    if bad.suffix == ".jpg":
        (data_folder / "trainB" / "2.png").unlink()
    domains = load_folder(data_folder, 16, on_bad_image="skip")
    assert len(domains.train_b) == 3 and len(domains.train_a) == 4
    note, _ = domains.notes  # the other is about pairs
    assert note.startswith("skipped: ") and str(bad) in note
    assert bad not in domains.train_b.paths


@pytest.mark.parametrize("how", BAD_FILES)
def test_one_unreadable_image_is_refused_before_a_kernel_starts_with_the_same_sentence(
    data_folder, tmp_path, monkeypatch, how
):
    monkeypatch.setattr(
        "minicyclegan.course.execution.started_kernel", lambda *a: pytest.fail("a kernel was started")
    )
    monkeypatch.chdir(tmp_path)
    bad = spoil(data_folder / "testA" / "2.png", how)
    with refused(DataError, bad) as later:
        load_folder(data_folder, 16)
    command_refused("train", data_folder, "-p", "on_bad_image=refuse", words=[later.text])
    if bad.suffix == ".jpg":
        (data_folder / "testA" / "2.png").unlink()
    faces = f"face_restoration:{data_folder / 'testA'}"
    command_refused("train", faces, "-p", "on_bad_image=refuse", words=[later.text])
    for path in (data_folder / "trainB").iterdir():
        spoil(path, "empty")
    command_refused("train", data_folder, words=["no readable picture in", "trainB"])
    assert not (tmp_path / "runs").exists()


def test_what_is_skipped_makes_no_batch(data_folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    spoil(data_folder / "trainB" / "2.png", "cut off")
    command_refused(
        "train", data_folder, "--batch", "4", words=["a batch has 4", "trainB has 3 that can be read"]
    )
    assert not (tmp_path / "runs").exists()


def test_of_many_doubtful_files_only_some_are_decoded_before_a_kernel_starts(data_folder, monkeypatch):
    decoded = []
    monkeypatch.setattr(suiting, "can_be_decoded", lambda path: decoded.append(path.name))
    for path in (data_folder / "trainA").iterdir():
        path.write_bytes(path.read_bytes()[:-12] + bytes(2_000_000))
    paths = list_images(data_folder / "trainA")
    assert [path.name for path in suiting.unreadable(paths)] == decoded == ["0.png"]
    assert suiting.unreadable(list_images(data_folder / "trainB")) == []


def test_the_faces_that_are_looked_at_are_those_that_are_trained_on(data_folder):
    (data_folder / ".hidden").mkdir()
    noise_image(1).save(data_folder / "face.png")
    assert suiting.faces_in(str(data_folder)) == find_faces(data_folder) and suiting.FACES == MEMORY


def test_lazy_reading_refuses_and_skips_as_well(data_folder):
    bad = spoil(data_folder / "trainA" / "1.png", "text")
    with refused(DataError, bad):
        ImageFolder(data_folder / "trainA", 16, memory_budget=0)
    folder = ImageFolder(data_folder / "trainA", 16, "skip", memory_budget=0)
    assert folder[[0, 1, 2, 3]].shape == (4, 3, 16, 16) and len(folder.skipped) == 1


def test_nothing_but_unreadable_images(data_folder):
    for path in (data_folder / "testA").iterdir():
        path.write_text("no picture")
    with refused(DataError, "no readable picture", "testA"):
        load_folder(data_folder, 16, on_bad_image="skip")


def test_an_unknown_word_for_on_bad_image(data_folder):
    with refused(ParameterError, "on_bad_image", "refuse", "skip"):
        load_folder(data_folder, 16, on_bad_image="ignore")


def test_a_text_file_called_jpg(tmp_path):
    (tmp_path / "x.jpg").write_text("not a picture")
    with refused(DataError, tmp_path / "x.jpg", "not a picture"):
        read_image(tmp_path / "x.jpg")


def test_an_image_that_is_not_there(tmp_path):
    with refused(DataError, "there is no picture", tmp_path / "x.png"):
        read_image(tmp_path / "x.png")


def test_an_image_that_is_a_folder(tmp_path):
    with refused(DataError, tmp_path):
        read_image(tmp_path)


def test_a_picture_that_is_a_bomb(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    noise_image(0, (60, 60)).save(tmp_path / "x.png")
    with refused(DataError, tmp_path / "x.png"):
        read_image(tmp_path / "x.png")


def test_images_smaller_than_the_crop_are_enlarged_and_noted(tmp_path):
    folder = make_folder(tmp_path / "small", n=3, size=(8, 12))
    noise_image(7, (40, 40)).save(folder / "trainA" / "large.png")
    domains = load_folder(folder, 16)
    assert domains.train_a[[0]].shape == (1, 3, 18, 18) and domains.test_b[[0]].shape == (1, 3, 16, 16)
    assert domains.notes[0] == "3 of 4 pictures in trainA are smaller than 18 px and were enlarged"
    assert [note.split(" are ")[0] for note in domains.notes[1:4]] == [
        f"3 of 3 pictures in {part}" for part in ("trainB", "testA", "testB")
    ]


def test_a_batch_larger_than_the_domain(tmp_path):
    with refused(DataError, "batch_size is 6", "domain B has 5"):
        UnpairedBatches(random_pictures(7, 16, 0), random_pictures(5, 16, 1), 16, 6, seed=0)
    with refused(DataError, "batch_size is 8", "domain A has 7"):
        tiny_run(tmp_path / "run", batch_size=8)
    assert not (tmp_path / "run").exists()


def test_pictures_smaller_than_the_crop(tmp_path):
    with refused(DataError, "image_size"):
        tiny_run(tmp_path / "run", image_size=32)  # the pictures have 20 px
    assert not (tmp_path / "run").exists()


# Checkpoints


def test_missing_checkpoint(tmp_path):
    for path in (tmp_path / "last.pt", tmp_path):
        with refused(CheckpointError, "there is no checkpoint", path):
            load(path)


@pytest.mark.parametrize(
    "content",
    [
        {"state_dict": {"weight": torch.zeros(3)}, "epoch": 3},
        {"format": "another-1"},
        [torch.zeros(3)],
        torch.zeros(3),
        "text",
        None,
    ],
    ids=["dict", "format", "list", "tensor", "text", "none"],
)
def test_a_checkpoint_of_another_program(tmp_path, content):
    torch.save(content, tmp_path / "other.pt")
    with refused(CheckpointError, tmp_path / "other.pt", FORMAT):
        load(tmp_path / "other.pt")


def test_a_whole_module_saved_by_another_program(tmp_path):
    torch.save(torch.nn.Linear(2, 2), tmp_path / "module.pt")
    with refused(CheckpointError, tmp_path / "module.pt"):
        load(tmp_path / "module.pt")


class Command:
    """Unpickling this runs a command."""

    def __init__(self, marker: Path):
        self.marker = marker

    def __reduce__(self):
        return os.mkdir, (str(self.marker),)


@pytest.mark.parametrize("way", ["pickle", "torch zip", "torch legacy", "inside a checkpoint"])
def test_a_pickle_that_would_run_a_command_does_not(tmp_path, way):
    path, marker = tmp_path / "evil.pt", tmp_path / "ran"
    if way == "pickle":
        path.write_bytes(pickle.dumps({"format": FORMAT, "model": Command(marker)}, protocol=2))
    elif way == "inside a checkpoint":
        save_checkpoint(path, {"config": {}, "model": Command(marker)})
    else:
        torch.save(Command(marker), path, _use_new_zipfile_serialization=way == "torch zip")
    for read in (load, read_checkpoint):
        with refused(CheckpointError, path):
            read(path)
    assert not marker.exists()
    if way == "pickle":
        pickle.loads(path.read_bytes())
    else:
        torch.load(path, weights_only=False)
    assert marker.exists(), "this test proves nothing: the pickle was harmless"


@pytest.mark.parametrize("share", [0.0, 0.001, 0.01, 0.3, 0.5, 0.9, 0.999])
def test_truncated_checkpoint(tmp_path, checkpoint, share):
    data = checkpoint.read_bytes()
    (tmp_path / "cut.pt").write_bytes(data[: int(len(data) * share)])
    with refused(CheckpointError, tmp_path / "cut.pt"):
        load(tmp_path / "cut.pt")


@pytest.mark.parametrize(
    "content", [b"hello, I am text\n" * 100, b"\x00" * 5000, b"\x89PNG\r\n\x1a\n" * 9, b"PK\x03\x04"]
)
def test_a_file_that_is_no_checkpoint(tmp_path, content):
    (tmp_path / "last.pt").write_bytes(content)
    with refused(CheckpointError, tmp_path / "last.pt"):
        load(tmp_path / "last.pt")


@pytest.mark.parametrize(
    "change",
    [
        lambda state: state.pop("config"),
        lambda state: state.pop("model") and state.pop("average"),
        lambda state: state.update(config=[1, 2]),
        lambda state: state["config"].update(surprise=1),
        lambda state: state["config"].update(base_channels=8),
        lambda state: state["config"].update(base_channels="8"),
        lambda state: state["config"].update(n_blocks=2),
        lambda state: state.update(average={"generator_ab.layers.1.weight": "text"}),
        lambda state: state.update(average=torch.zeros(3)),
    ],
)
def test_a_checkpoint_that_contradicts_itself(tmp_path, checkpoint, change):
    state = read_checkpoint(checkpoint)
    change(state)
    save_checkpoint(tmp_path / "odd.pt", state)
    with refused(CheckpointError, tmp_path / "odd.pt", "does not fit its own configuration"):
        load(tmp_path / "odd.pt")


def test_a_checkpoint_without_new_parameters_loads_with_their_defaults(tmp_path, checkpoint):
    state = read_checkpoint(checkpoint)
    state["config"].pop("discriminator_lr_factor")
    save_checkpoint(tmp_path / "older.pt", state)
    assert load(tmp_path / "older.pt").config == tiny_config()


def test_resume_from_exported_weights(tmp_path, checkpoint):
    export_weights(checkpoint, tmp_path / "last.pt")
    with refused(CheckpointError, tmp_path / "last.pt"):
        tiny_run(tmp_path, resume=True)


def test_export_of_something_else(tmp_path):
    (tmp_path / "x.pt").write_text("text")
    with refused(CheckpointError, tmp_path / "x.pt"):
        export_weights(tmp_path / "x.pt", tmp_path / "weights.pt")
    assert files_in(tmp_path) == ["x.pt"]


# The disk


@pytest.mark.parametrize("limit", [0, 100, 1000, 20_000, 200_000])
def test_a_disk_that_is_full_from_the_start(tmp_path, limit):
    with files_no_larger_than(limit):
        with refused(RunError, "cannot write", "choose another folder"):
            tiny_run(tmp_path / "run", checkpoint_every=2)
    left = files_in(tmp_path / "run")
    assert "last.pt" not in left and not any(name.endswith(".tmp") for name in left)
    assert all((tmp_path / "run" / name).stat().st_size for name in left), "an empty file was left behind"


def test_a_disk_that_fills_up_keeps_the_last_checkpoint(tmp_path, monkeypatch):
    """The limit falls after step 4, so that the checkpoint of step 6 does not fit."""
    original = training.save_next
    with files_no_larger_than(10**9):
        import resource

        def save(run_dir, state, for_good=False):
            if state["step"] == 6:
                resource.setrlimit(
                    resource.RLIMIT_FSIZE, (50_000, resource.getrlimit(resource.RLIMIT_FSIZE)[1])
                )
            original(run_dir, state)

        monkeypatch.setattr(training, "save_next", save)
        with refused(RunError, "cannot write", "last.pt"):
            tiny_run(tmp_path / "run", checkpoint_every=2)
    assert read_checkpoint(tmp_path / "run" / "last.pt")["step"] == 4
    assert not any(name.endswith(".tmp") for name in files_in(tmp_path / "run"))
    monkeypatch.undo()
    tiny_run(tmp_path / "run", checkpoint_every=2, resume=True)
    assert read_checkpoint(tmp_path / "run" / "last.pt")["step"] == 6


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a device that is always full")
def test_a_disk_that_has_no_room_for_the_metrics(tmp_path, monkeypatch):
    monkeypatch.setattr(training, "Progress", partial(Progress, every=0.0))
    metrics = tmp_path / "run" / "metrics.jsonl"

    def progress(line):
        if line.startswith("step      2/6"):
            metrics.rename(tmp_path / "before.jsonl")
            metrics.symlink_to("/dev/full")

    with refused(RunError, "metrics.jsonl", "choose another folder"):
        tiny_run(tmp_path / "run", progress=progress)


def test_write_file_writes_all_or_nothing(tmp_path):
    (tmp_path / "x").write_bytes(b"old")

    def fail(file):
        file.write(b"half of the n")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with refused(RunError, "cannot write", tmp_path / "x", "the disk is full"):
        write_file(tmp_path / "x", fail)
    assert (tmp_path / "x").read_bytes() == b"old" and files_in(tmp_path) == ["x"]
    with pytest.raises(KeyboardInterrupt):
        write_file(tmp_path / "x", lambda file: (_ for _ in ()).throw(KeyboardInterrupt))
    assert (tmp_path / "x").read_bytes() == b"old" and files_in(tmp_path) == ["x"]
    write_file(tmp_path / "x", lambda file: file.write(b"new"))
    assert (tmp_path / "x").read_bytes() == b"new" and files_in(tmp_path) == ["x"]


def test_a_run_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("in the way")
    for run_dir in (tmp_path / "file", tmp_path / "file" / "run"):
        with refused(RunError, "cannot make the run folder", run_dir):
            tiny_run(run_dir)
    assert (tmp_path / "file").read_text() == "in the way"


# Run folders


def contents(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in files_in(folder)}


def test_a_run_folder_that_already_holds_a_run(tmp_path):
    tiny_run(tmp_path)
    before = contents(tmp_path)
    for changes in ({}, {"seed": 1}):
        with refused(RunError, tmp_path, "already holds a run", "resume"):
            tiny_run(tmp_path, **changes)
    assert contents(tmp_path) == before


def test_resume_where_there_is_no_run(tmp_path):
    with refused(RunError, "nothing to resume", tmp_path / "run"):
        tiny_run(tmp_path / "run", resume=True)
    assert not (tmp_path / "run").exists()


def test_resume_with_other_parameters(tmp_path):
    tiny_run(tmp_path)
    before = contents(tmp_path)
    with refused(
        RunError, "other parameters", "learning_rate was 0.001, is now 0.002", "pool_size was 3, is now 9"
    ):
        tiny_run(tmp_path, resume=True, learning_rate=0.002, pool_size=9)
    assert contents(tmp_path) == before


def test_resume_from_a_damaged_checkpoint(tmp_path):
    tiny_run(tmp_path)
    (tmp_path / "last.pt").write_bytes((tmp_path / "last.pt").read_bytes()[:5000])
    before = contents(tmp_path)
    with refused(CheckpointError, tmp_path / "last.pt"):
        tiny_run(tmp_path, resume=True)
    assert contents(tmp_path) == before


@pytest.mark.parametrize(
    "options", [dict(device="gpu"), dict(precision="fp8"), dict(device="tpu:0")], ids=str
)
def test_an_unknown_device_or_precision_leaves_no_folder(tmp_path, options):
    with refused(ParameterError, *options.values()):
        tiny_run(tmp_path / "run", **options)
    assert not (tmp_path / "run").exists()


def test_cuda_where_there_is_none(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with refused(ParameterError, "cuda", "auto"):
        choose_device("cuda")


# Losses that are not numbers


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_loss_that_becomes_no_number_keeps_the_checkpoint_from_before(tmp_path, monkeypatch, value):
    original, calls = CycleGAN.one_direction, []

    def broken(*given):
        calls.append(1)
        losses, fake = original(*given)  # twice in a step: the eighth is in the fourth
        return losses | {"cycle": losses["cycle"] * (value if len(calls) == 8 else 1.0)}, fake

    monkeypatch.setattr(CycleGAN, "one_direction", broken)
    with refused(RunError, "the loss cycle became", "step 4", "last.pt"):
        tiny_run(tmp_path / "run", checkpoint_every=2)
    state = read_checkpoint(tmp_path / "run" / "last.pt")
    assert state["step"] == 2
    assert all(weight.isfinite().all() for weight in state["model"].values())


def test_no_checkpoint_ever_holds_weights_that_are_no_numbers(tmp_path, monkeypatch):
    """The losses of a step are from before its update: the weights have to be looked at as well."""
    train_on = training.Trainer.train_on

    def overflowing(trainer, *batch):
        losses = train_on(trainer, *batch)
        next(trainer.model.parameters()).data.fill_(float("inf"))
        return losses

    monkeypatch.setattr(training.Trainer, "train_on", overflowing)
    with refused(RunError, "a weight became infinite", "learning rate"):
        tiny_run(tmp_path / "run", steps=1, checkpoint_every=1)
    assert not (tmp_path / "run" / "last.pt").exists()


def test_a_loss_that_really_explodes(tmp_path, monkeypatch):
    monkeypatch.setattr(training, "learning_rate_factor", lambda step, steps, share: 1e33)
    with refused(RunError, "became", "learning rate"):
        tiny_run(tmp_path / "run")
    left = files_in(tmp_path / "run")
    assert "last.pt" not in left and not any(name.endswith(".tmp") for name in left)
    for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines():
        assert "NaN" not in line and "Infinity" not in line


def test_an_absurd_learning_rate_is_refused():
    with refused(ParameterError, "learning_rate", "between 0 and 1000"):
        tiny_config(learning_rate=1e39)


# Parameters


@pytest.mark.parametrize("name", ["checkpoint_every", "sample_every", "log_every"])
@pytest.mark.parametrize("value", [0, -1])
def test_every_so_many_steps_must_be_at_least_1(tmp_path, name, value):
    with refused(ParameterError, name):
        tiny_run(tmp_path / "run", **{name: value})
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("steps", "5", "int"),
        ("steps", 5.0, "int"),
        ("steps", True, "int"),
        ("steps", None, "int"),
        ("steps", 0, "greater than 0"),
        ("batch_size", -1, "greater than 0"),
        ("learning_rate", "1e-3", "float"),
        ("learning_rate", True, "float"),
        ("learning_rate", float("nan"), "float"),
        ("learning_rate", float("inf"), "float"),
        ("learning_rate", 0.0, "greater than 0"),
        ("lambda_cycle", -1.0, "negative"),
        ("pool_size", -1, "negative"),
        ("seed", -1, "negative"),
        ("beta1", 1.0, "between"),
        ("decay_share", 1.5, "between"),
        ("ema_decay", 1.0, "between"),
        ("gan_mode", "wgan", "lsgan or bce"),
        ("upsampling", "bilinear", "transposed or resize"),
        ("data", 3, "str"),
        ("image_size", 18, "divisible by 4"),
        ("image_size", 12, "too small"),
        ("discriminator_layers", 3, "image_size 16 is too small for 3"),
        ("n_downsamplings", 3, "1 or 2"),
        ("n_downsamplings", 0, "greater than 0"),
    ],
)
def test_a_value_that_cannot_be(name, value, words):
    with refused(ParameterError, name.split("_")[0], words):
        tiny_config(**{name: value})


def test_a_whole_number_is_welcome_where_a_fraction_is_wanted():
    config = tiny_config(lambda_cycle=5)
    assert config.lambda_cycle == 5.0 and type(config.lambda_cycle) is float


@pytest.mark.parametrize("image_size", [16, 20, 28, 32, 36])
@pytest.mark.parametrize("discriminator_layers", [1, 2, 3])
def test_a_size_that_is_not_refused_trains(tmp_path, image_size, discriminator_layers):
    try:
        changes = dict(image_size=image_size, discriminator_layers=discriminator_layers, steps=1)
        tiny_config(**changes)
    except ParameterError:
        assert discriminator_layers == 3 and image_size < 32
        return
    domains = tiny_domains()
    domains.train_a, domains.train_b = random_pictures(2, 36, 0), random_pictures(2, 36, 1)
    domains.test_a, domains.test_b = random_pictures(2, image_size, 2), random_pictures(2, image_size, 3)
    tiny_run(tmp_path, domains, **changes)


def test_any_seed_that_is_accepted_works(tmp_path):
    try:
        config = tiny_config(seed=10**13, steps=1)
    except ParameterError:
        return
    train(config, tiny_domains(), tmp_path, device="cpu", progress=lambda line: None)


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("lamda_cycle", "lambda_cycle"),
        ("lambda_identiy", "lambda_identity"),
        ("batchsize", "batch_size"),
        ("lr", "known names"),
        ("learning-rate", "learning_rate"),
        ("Steps", "steps"),
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest(wrong, right):
    with refused(ParameterError, repr(wrong), right):
        check_name(wrong, tiny_config().to_dict())


def test_an_unknown_name_for_config():
    with pytest.raises(TypeError, match="lamda_cycle"):  # Python's own sentence for an unknown keyword
        Config(lamda_cycle=5)


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        ("0.5", float),
        (1, bool),
        ("true", bool),
        (0, str),
        (1.0, int),
        (None, str),
        ([1, 2], int),
        (True, int),
    ],
)
def test_nothing_is_converted_silently(value, wanted):
    with refused(ParameterError, "parameter x must be", wanted.__name__):
        check_type("x", value, wanted)


DECLARED = (
    'steps: int = 10  # a comment\nrate: float = 0.1\nname: str = "x"\nresume: bool = False\nother = 3\n'
)


def test_declared_parameters():
    assert declared_parameters(DECLARED) == {
        "steps": (int, 10),
        "rate": (float, 0.1),
        "name": (str, "x"),
        "resume": (bool, False),
    }


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        (("steps=5",), {"steps": 5}),
        (("rate=1e-3",), {"rate": 1e-3}),
        (("rate=2",), {"rate": 2.0}),
        (("resume=true", "name=a b"), {"resume": True, "name": "a b"}),
        (("name=",), {"name": ""}),
        (("name=2024",), {"name": "2024"}),
        (("name=a=b",), {"name": "a=b"}),
        (("steps=5", "steps=7"), {"steps": 7}),
    ],
)
def test_parameters_from_the_command_line_are_typed(pairs, expected):
    found = read_parameters(pairs, None, declared_parameters(DECLARED))
    assert found == expected
    assert [type(value) for value in found.values()] == [type(value) for value in expected.values()]


@pytest.mark.parametrize(
    ("pairs", "words"),
    [
        (("step=5",), ["'step'", "steps"]),
        (("other=5",), ["'other'"]),
        (("steps",), ["name=value"]),
        (("steps=five",), ["steps", "int"]),
        (("steps=5.5",), ["steps", "int"]),
        (("steps=",), ["steps", "int"]),
        (("resume=1",), ["resume", "bool"]),
        (("rate=[1, 2]",), ["rate", "float"]),
        (("rate=[1, 2",), ["rate"]),
    ],
)
def test_mistyped_parameters_on_the_command_line(pairs, words):
    with refused(ParameterError, *words):
        read_parameters(pairs, None, declared_parameters(DECLARED))


def test_parameters_from_a_file(tmp_path):
    path = tmp_path / "x.yaml"
    path.write_text("steps: 5\nrate: 1e-4\n")
    declared = declared_parameters(DECLARED)
    assert read_parameters((), path, declared) == {"steps": 5, "rate": 1e-4}
    assert read_parameters(("steps=6",), path, declared)["steps"] == 6  # the command line wins
    for content, words in (
        ("stepz: 5", "steps"),
        ("steps: [", "cannot read"),
        ("- 5", "name: value"),
        ("", "name: value"),
    ):
        path.write_text(content)
        with refused(ParameterError, words):
            read_parameters((), path, declared)
    with refused(ParameterError, tmp_path / "nothing.yaml"):
        read_parameters((), tmp_path / "nothing.yaml", declared)


def test_check_parameters_in_a_notebook():
    namespace = {"steps": 7, "rate": 0.1, "name": "x", "resume": False}
    history = ["", "%matplotlib inline", DECLARED, "# Parameters\nsteps = 7\n"]
    assert check_parameters(history, namespace) == namespace
    with refused(ParameterError, "'stepz'", "steps"):
        check_parameters([*history[:3], "# Parameters\nstepz = 7\n"], namespace)
    with refused(ParameterError, "rate", "float"):
        check_parameters(history, namespace | {"rate": "0.1"})


def test_files_that_are_no_notebooks(tmp_path):
    with refused(RunError, tmp_path / "x.ipynb"):
        parameters_of(tmp_path / "x.ipynb")
    for content in ("text", "{}", "[1]", ""):
        (tmp_path / "x.ipynb").write_text(content)
        with refused(RunError, "is not a notebook", tmp_path / "x.ipynb"):
            parameters_of(tmp_path / "x.ipynb")


def parameters_after(cells, history):
    """What check_parameters says after these cells ran, with or without a history of them."""
    namespace = {}
    for cell in cells:
        exec(cell, namespace)
    return check_parameters(cells if history else [], namespace)


PARAMETER_CELL = 'steps: int = 5  # a comment\nname: str = "x"\n'


@pytest.mark.parametrize("history", [True, False])
def test_the_notebook_checks_its_parameters_with_and_without_a_history(history):
    assert parameters_after(["", PARAMETER_CELL], history) == {"steps": 5, "name": "x"}
    assert parameters_after([PARAMETER_CELL, "# Parameters\nsteps = 7\n"], history)["steps"] == 7
    with refused(ParameterError, "steps must be int"):
        parameters_after([PARAMETER_CELL, "# Parameters\nsteps = 0.5\n"], history)
    with refused(ParameterError, "no parameters"):
        parameters_after(["x = 1"], history)


def test_the_notebook_refuses_an_unknown_name_that_papermill_set():
    with refused(ParameterError, "stepz", "did you mean steps"):
        parameters_after([PARAMETER_CELL, "# Parameters\nstepz = 7\n"], True)


# Files of a run that somebody changed


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{", "line 2"),
        ("[1]", "not a record"),
        ('{"step": "x"}', "not a record"),
        ("[" * 100_000, "line 2"),
        ("\udce4", "line 2"),
    ],
    ids=["cut off", "a list", "a step that is text", "nested", "no text"],
)
def test_metrics_that_are_damaged_are_named_with_the_line_and_a_resume_drops_it(tmp_path, line, words):
    tiny_run(tmp_path / "run")
    path = tmp_path / "run" / "metrics.jsonl"
    lines = path.read_bytes().split(b"\n")
    path.write_bytes(b"\n".join([lines[0], line.encode(errors="surrogateescape"), *lines[1:]]))
    with refused(RunError, words, path):
        read_metrics(path)
    tiny_run(tmp_path / "run", resume=True)
    assert [record["step"] for record in read_metrics(path)] == [1, 2, 3, 4, 5, 6]


def test_metrics_that_are_not_there_are_refused(tmp_path):
    with refused(RunError, "cannot read", tmp_path / "metrics.jsonl"):
        read_metrics(tmp_path / "metrics.jsonl")


@pytest.mark.parametrize("folder", ["~nobody_is_called_so", "x" * 5000, "a\0b"])
def test_a_data_folder_that_cannot_be(folder):
    with refused(DataError, "there is no folder") if len(folder) < 400 else pytest.raises(DataError):
        presets.resolve("cats_dogs", folder)
