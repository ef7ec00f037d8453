"""What a run says before it begins: its settings, its time and memory; what it refuses, and what fits instead."""

import dataclasses
import subprocess
import sys

import pytest
import torch
from conftest import make_folder, tiny_config, tiny_domains
from test_cli import call, refused

from minicyclegan.cyclegan import CycleGAN
from minicyclegan.datasets import suiting as suits
from minicyclegan.datasets.suiting import Survey, images_of_parts, sizes_in, suiting
from minicyclegan.errors import DataError, RunError
from minicyclegan.parameters import Config
from minicyclegan.runs import plan, room
from minicyclegan.runs.plan import duration, memory_needed, plan_run
from minicyclegan.runs.progress import Progress
from minicyclegan.training import Trainer

CPU = torch.device("cpu")


def planned(config: Config, **options) -> tuple[Config, str]:
    lines = []
    found = plan_run(Trainer, config, tiny_domains(), "cpu", "fp32", say=lines.append, **options)
    return found, "\n".join(lines)


def test_a_plan_says_in_words_what_will_be_done_and_what_changes_it():
    config, text = planned(tiny_config(steps=50))
    assert config == tiny_config(steps=50)
    for words in (
        *("7 of A and 5 of B to train on, 4 and 4 to test", "16 px, cut at random from 20 px", "[--size"),
        *(
            "4 channels and 1 block, ",
            "patches of 34 px",
            "50 with 2 of each domain: every picture about 14 times",
        ),
        *("CPU with 1 thread in fp32", "GB that are free", "50 steps of", "measured just now", "--minutes"),
    ):
        assert words in text, f"{words!r} is not in\n{text}"


def test_a_plan_changes_no_bit_of_the_run():
    def weights():
        return [weight.clone() for weight in Trainer(tiny_config(), CPU).model.parameters()]

    before = weights()
    planned(tiny_config())
    assert all(torch.equal(a, b) for a, b in zip(before, weights()))


@pytest.fixture
def slow_steps(monkeypatch):
    monkeypatch.setattr(plan, "seconds_per_step", lambda *a: 18.0)


def test_minutes_choose_the_steps_that_fit(slow_steps):
    config, text = planned(tiny_config(), minutes=30)
    assert config.steps == int(0.95 * 30 * 60 / 18) and "fit into 30 minutes" in text
    assert planned(tiny_config(), minutes=0.01)[0].steps == 1, "one step is always made"
    assert planned(tiny_config(), minutes=30, first_step=1000)[0].steps == 1000 + config.steps


def test_more_than_a_day_is_asked_about_and_what_fits_is_said(slow_steps):
    with pytest.raises(RunError, match="about 56 days; 4,560 steps fit into a day .*--yes"):
        planned(tiny_config(steps=267_000))
    assert "59 days" in planned(tiny_config(steps=267_000), yes=True)[1]
    assert "days" not in planned(tiny_config(steps=267_000), first_step=266_000)[1], (
        "only what is left counts"
    )


def test_more_memory_than_there_is_is_refused_before_a_step_is_tried(monkeypatch):
    monkeypatch.setattr(plan, "available_memory", lambda device: 2e9)
    monkeypatch.setattr(plan, "seconds_per_step", lambda *a: pytest.fail("a step was tried"))
    with pytest.raises(RunError, match=r"need about \d+\.\d GB .* 2\.0 GB are free; --size \d+ fits.*--yes"):
        planned(Config(image_size=512, batch_size=4, n_blocks=9))


def test_the_memory_that_is_expected_is_near_what_was_measured():
    """benchmarks/step_memory.py, 128 px, in turn: 545 and 1,302 MiB more than before the first step, for batches of 1 and 4."""
    for batch, measured in ((1, 545), (4, 1302)):
        config = Config(image_size=128, batch_size=batch, n_blocks=6)
        expected = memory_needed(config, tiny_domains(), CPU, torch.float32) - plan.PYTORCH
        assert 0.75 * measured < expected / 2**20 < 1.33 * measured


def test_steps_of_small_pictures_stand_for_those_that_take_minutes():
    sizes = []

    class Watched(Trainer):
        def __init__(self, config, *rest):
            sizes.append(config.image_size)
            super().__init__(
                dataclasses.replace(config, base_channels=4, n_blocks=0, discriminator_channels=4), *rest
            )

    large = dataclasses.replace(tiny_domains(), train_a=torch.zeros(1, 3, 256, 256, dtype=torch.uint8))
    large.train_b = large.train_a
    assert plan.seconds_per_step(Watched, Config(), large, CPU, torch.float32) > 0
    assert sizes == [64]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.074, "0.074 s"), (18, "18 s"), (185, "3:05 minutes"), (9000, "2.5 hours"), (55 * 86400, "55 days")],
)
def test_durations_are_said_in_units_of_their_size(seconds, text):
    assert duration(seconds) == text


def test_a_line_comes_after_ten_seconds_whatever_a_step_takes():
    lines = []
    clock = Progress(0, 1000, lines.append)
    clock.beat(1)
    assert lines == []
    clock.last -= 11
    clock.started -= 11
    clock.beat(1)
    assert len(lines) == 1 and lines[0].split()[:2] == ["step", "1/1000"] and "11.0 s a step" in lines[0]
    assert "3:03:" in lines[0], "hours are hours"
    clock.beat(2)
    assert len(lines) == 1


# Settings for a folder that brings none


def a_survey(side: int, n: int = 100) -> Survey:
    return Survey(dict.fromkeys(("trainA", "trainB", "testA", "testB"), n), side + 20, side)


@pytest.mark.parametrize(
    ("found", "gpu", "stem", "changes"),
    [
        (a_survey(256), False, "colours_64", {}),
        (a_survey(40), False, "colours_64", {"image_size": 32, "discriminator_layers": 2}),
        (a_survey(400, 1334), True, "horse2zebra", {"steps": 266_800}),
        (a_survey(140, 1000), True, "cats_dogs_128", {"image_size": 128, "steps": 50_000}),
        (a_survey(256, 2), False, "colours_64", {"batch_size": 1}),
    ],
)
def test_a_folder_gets_the_settings_that_suit_its_pictures_and_the_machine(found, gpu, stem, changes):
    assert suiting(found, gpu)[:2] == (stem, changes)


def test_a_survey_counts_and_measures_without_decoding(tmp_path):
    data = make_folder(tmp_path / "data", n=3, size=(40, 30))
    (data / "trainA" / "broken.png").write_text("text")
    found = sizes_in(images_of_parts(data))
    assert found.counts == {"trainA": 4, "trainB": 3, "testA": 3, "testB": 3} and found.side == 30
    (data / "testB").rename(data / "elsewhere")
    with pytest.raises(DataError, match="testB"):
        images_of_parts(data)


def test_a_folder_one_level_too_deep_is_named_by_the_command(tmp_path):
    make_folder(tmp_path / "mine" / "inner", n=1)
    refused(
        "train", tmp_path / "mine", words=["there is no trainA in", f"give {tmp_path / 'mine' / 'inner'}"]
    )


@pytest.fixture
def no_kernel(monkeypatch, tmp_path):
    """The command runs in a folder of its own, and a kernel that starts fails the test."""
    monkeypatch.setattr(
        "minicyclegan.course.execution.started_kernel", lambda *a: pytest.fail("a kernel was started")
    )
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def at_the_kernel(monkeypatch, tmp_path):
    """The command runs in a folder of its own, and ends where it would start a kernel, which it says."""

    def start(*given):
        raise RunError("here the kernel starts")

    monkeypatch.setattr("minicyclegan.course.execution.started_kernel", start)
    monkeypatch.chdir(tmp_path)


def test_a_batch_larger_than_a_domain_and_a_wrong_word_are_refused_before_a_kernel_starts(
    tmp_path, monkeypatch, no_kernel
):
    listed, list_images = [], suits.list_images
    monkeypatch.setattr(
        suits, "list_images", lambda folder: listed.append(folder.name) or list_images(folder)
    )
    data = make_folder(tmp_path / "mine", n=3)
    refused("train", data, "--batch", "4", words=["a batch has 4 pictures", "trainA has 3", "--batch"])
    assert listed == ["trainA", "trainB", "testA", "testB"], "each folder is listed once"
    for words in ("compile must be auto, yes or no", "paired must be auto", "on_bad_image must be refuse"):
        refused("train", data, "-p", f"{words.split()[0]}=maybe", words=[words])
    refused("train", data, "-p", "load_size=8", words=["load_size is 8, smaller than image_size 32"])
    assert not (tmp_path / "runs").exists()


def test_a_run_of_more_than_a_day_is_refused_before_a_kernel_starts(tmp_path, slow_steps, no_kernel):
    refused(
        "train", "--steps", "100000000", words=["days; 4,560 steps fit into a day (--steps 4560", "--yes"]
    )
    refused("train", "--minutes", "2000", words=["about 31.7 hours", "--yes"])
    assert not (tmp_path / "runs").exists()


def test_a_run_of_more_memory_than_there_is_is_refused_before_a_kernel_starts(
    tmp_path, monkeypatch, no_kernel
):
    monkeypatch.setattr(room, "memory_of_machine", lambda: 8e9)
    monkeypatch.setattr(plan, "available_memory", lambda device: 2e9)
    monkeypatch.setattr(plan, "seconds_per_step", lambda *a: pytest.fail("a step was tried"))
    large = ["--size", "512", "--batch", "4", "-p", "pool_size=0"]
    refused("train", *large, words=["GB of memory, and 2.0 GB are free; --size", "--yes"])
    assert not (tmp_path / "runs").exists()


def test_only_a_doubtful_run_that_was_not_asked_for_with_yes_is_planned_before_the_kernel(
    tmp_path, monkeypatch, at_the_kernel
):
    make_folder(tmp_path / "seasons", n=1)  # has nothing to do with the preset of this name
    planned = []
    monkeypatch.setattr(plan, "plan_run", lambda *a, **options: planned.append(options["first_step"]))
    for more in ((), ("--minutes", "30"), ("--steps", "100000000", "--yes")):
        refused("train", *more, words=["here the kernel starts"])
    assert planned == []
    refused("train", "--steps", "100000000", words=["here the kernel starts"])
    assert planned == [0]
    monkeypatch.setattr("minicyclegan.datasets.presets.on_gpu", lambda device: True)
    refused("train", "--steps", "100000000", words=["here the kernel starts"])
    assert planned == [0], "nothing is tried on a GPU, where it would hold memory"
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    "config",
    [
        Config(n_blocks=6, image_size=128, batch_size=4),
        Config(n_blocks=6, n_downsamplings=1, base_channels=32, lambda_identity=0, global_skip=True),
        Config(n_blocks=0, image_size=512, base_channels=8, discriminator_layers=1, upsampling="resize"),
    ],
)
def test_what_is_guessed_without_torch_is_near_what_is_counted(config):
    counted = memory_needed(config, tiny_domains(), CPU, torch.float32) - plan.PYTORCH
    if torch.get_num_threads() == 1:
        counted *= 2  # the guess is for two directions at the same time
    assert 1 / 3 < room.memory(config) / counted < 3
    with torch.device("meta"):
        weights = sum(w.numel() for w in CycleGAN(config).parameters())
    assert 1 / 2 < room.weights(config) / weights < 5, "never less than half: `may_fill_the_disk` doubles it"


def test_plan_says_it_all_and_trains_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    make_folder(tmp_path / "mine", n=3, size=(40, 30))
    code, text, error = call("train", "mine", "--plan", "--steps", "7")
    assert code == 0, text + error
    for words in (
        *("3 pictures of A and 3 of B", "most of 40 x 30 px", "colours_64.yaml, image_size 32", "-f FILE"),
        *("32 px, cut at random from 36 px", "7 steps of"),
    ):
        assert words in text, f"{words!r} is not in\n{text}"
    assert not (tmp_path / "runs").exists()
    refused("train", "mine", "--plan", "--steps", "1000000000", words=["fit into a day", "--yes"])
    refused(
        "train",
        "mine",
        "--plan",
        "--size",
        "4096",
        "--batch",
        "3",
        "--steps",
        "9",
        words=["of memory", "--size"],
    )


def test_a_good_run_comes_to_its_kernel_without_importing_torch(tmp_path):
    """PyTorch takes two seconds to import, and the kernel imports it anyway."""
    program = """
import sys
import minicyclegan.course.execution as execution
def started(*given, **options):
    print("torch" in sys.modules)
    raise SystemExit
execution.execute = started
from minicyclegan.cli import main
main(["train", "seasons", "--steps", "40"])
"""
    ended = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True)
    assert ended.stdout.splitlines()[-1] == "False", ended.stdout + ended.stderr
