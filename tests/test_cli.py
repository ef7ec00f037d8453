"""The command line: light help, translation of files and folders, training through notebook 07, the doctor."""

import importlib.metadata
import json
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import numpy as np
import pytest
import torch
from click.testing import CliRunner
from conftest import ROOT, files_in, files_no_larger_than, make_folder, noise_image, tiny_config
from PIL import Image

import minicyclegan.cli.doctor
from minicyclegan.cli import main
from minicyclegan.cli.beginning import next_free
from minicyclegan.course.cards import read_notebook, tags
from minicyclegan.course.execution import execute
from minicyclegan.course.files import course_folder
from minicyclegan.course.run_notebook import only_defines
from minicyclegan.course.settings import parameters_of, read_parameters
from minicyclegan.data import load_folder
from minicyclegan.errors import MiniCycleGANError, RunError
from minicyclegan.parameters import Config
from minicyclegan.runs.checkpoint import load, read_checkpoint
from minicyclegan.runs.folder import read_metrics
from minicyclegan.training import Trainer, train


def call(*arguments) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of a command; nothing but a clean exit may come of it."""
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), repr(result.exception)
    return result.exit_code, result.stdout, result.stderr


def refused(*arguments, words=()):
    """The command ends with exit code 1 and one sentence on stderr that holds these words."""
    code, _, error = call(*arguments)
    assert code == 1
    # Above it may stand what was said before the time is spent; it is no reason
    error = error.splitlines(keepends=True)[-1]
    assert error.startswith("minicyclegan: ") and error.endswith("\n"), error
    for word in words:
        assert str(word) in error, f"{word} is not in: {error}"


# Light imports

LIGHT = """
import sys
import minicyclegan
from click.testing import CliRunner
from minicyclegan.cli import main
for arguments in (["--help"], ["--version"], ["train", "-h"], ["run", "-h"], ["translate", "-h"], ["doctor", "-h"]):
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0 and "minicyclegan" in result.output.lower() + "minicyclegan", result.output
heavy = {"torch", "torchvision", "numpy", "PIL", "matplotlib", "papermill", "nbformat"} & set(sys.modules)
assert not heavy, heavy
import nbformat
assert "lark" not in sys.modules, "a grammar that takes a second to read"
minicyclegan.Generator
assert "torch" in sys.modules
"""


def test_import_and_help_do_not_load_torch():
    subprocess.run([sys.executable, "-c", LIGHT], cwd=ROOT, check=True)


def test_the_module_can_be_run():
    command = [sys.executable, "-m", "minicyclegan.cli", "--help"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    for name in ("train", "run", "translate", "doctor"):
        assert f"  {name} " in result.stdout


def test_an_error_is_one_sentence_without_traceback(tmp_path):
    command = [sys.executable, "-m", "minicyclegan.cli", "train", "seasons", "-p", "lamda_cycle=5"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert result.returncode == 1 and result.stdout == ""
    assert result.stderr == "minicyclegan: there is no parameter 'lamda_cycle'; did you mean lambda_cycle?\n"
    assert files_in(tmp_path) == []


# Translate


@pytest.fixture
def photos(tmp_path) -> Path:
    (tmp_path / "photos").mkdir()
    for i, (name, size) in enumerate({"a.png": (20, 20), "b.jpg": (33, 17), "c.webp": (7, 50)}.items()):
        noise_image(i, size).save(tmp_path / "photos" / name)
    return tmp_path / "photos"


@pytest.mark.parametrize("to", ["a", "b"])
def test_translate_one_image_to_a_file(checkpoint, photos, tmp_path, to):
    out = tmp_path / "deep" / "result.png"
    code, text, _ = call("translate", checkpoint, photos / "b.jpg", "-o", out, "--to", to, "--device", "cpu")
    assert code == 0 and f"1 of 1 images translated to domain {to.upper()}" in text
    with Image.open(out) as found:
        expected = load(checkpoint).translate(photos / "b.jpg", to=to)
        assert found.size == (33, 17) and np.array_equal(np.asarray(found), np.asarray(expected))


def test_translate_one_image_into_a_folder(checkpoint, photos, tmp_path):
    assert call("translate", checkpoint, photos / "b.jpg", "-o", tmp_path / "out")[0] == 0
    assert files_in(tmp_path / "out") == ["b.png"]


def test_translate_a_folder(checkpoint, photos, tmp_path):
    (photos / "notes.txt").write_text("not an image, not listed")
    code, text, _ = call("translate", checkpoint, photos, "-o", tmp_path / "out")
    assert code == 0 and "3 of 3 images" in text
    assert files_in(tmp_path / "out") == ["a.png", "b.png", "c.png"]
    sizes = [Image.open(tmp_path / "out" / name).size for name in ("a.png", "b.png", "c.png")]
    assert sizes == [(20, 20), (33, 17), (7, 50)]


def test_two_images_with_one_name_do_not_overwrite_each_other(checkpoint, photos, tmp_path):
    noise_image(9).save(photos / "a.jpg")
    assert call("translate", checkpoint, photos, "-o", tmp_path / "out")[0] == 0
    assert files_in(tmp_path / "out") == ["a.jpg.png", "a.png.png", "b.png", "c.png"]


def test_existing_output_is_refused(checkpoint, photos, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "b.png").write_text("mine")
    refused("translate", checkpoint, photos, "-o", tmp_path / "out", words=["b.png exists"])
    refused(
        "translate", checkpoint, photos / "a.png", "-o", tmp_path / "out" / "b.png", words=["b.png exists"]
    )
    assert files_in(tmp_path / "out") == ["b.png"] and (tmp_path / "out" / "b.png").read_text() == "mine"


def test_a_bad_image_is_refused(checkpoint, photos, tmp_path):
    (photos / "a.png").write_text("not an image")
    refused("translate", checkpoint, photos, "-o", tmp_path / "out", words=["cannot read", photos / "a.png"])


def test_a_bad_image_is_skipped(checkpoint, photos, tmp_path):
    (photos / "b.jpg").write_text("not an image")
    code, text, error = call(
        "translate", checkpoint, photos, "-o", tmp_path / "out", "--on-bad-image", "skip"
    )
    assert code == 0 and "2 of 3 images" in text
    assert error.startswith("skipped: ") and str(photos / "b.jpg") in error
    assert files_in(tmp_path / "out") == ["a.png", "c.png"]


def test_nothing_but_bad_images_is_a_failure(checkpoint, tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "x.jpg").write_text("text")
    code, text, _ = call(
        "translate", checkpoint, tmp_path / "photos", "-o", tmp_path / "out", "--on-bad-image", "skip"
    )
    assert code == 1 and "0 of 1 images" in text


def test_a_refused_folder_leaves_nothing_behind(checkpoint, photos, tmp_path):
    (photos / "c.webp").write_text("not an image")
    refused("translate", checkpoint, photos, "-o", tmp_path / "out", words=[photos / "c.webp"])
    (photos / "c.webp").unlink()
    assert call("translate", checkpoint, photos, "-o", tmp_path / "out")[0] == 0


def test_one_image_to_a_jpg(checkpoint, photos, tmp_path):
    """Either a picture or a refusal, but no folder called winter.jpg."""
    call("translate", checkpoint, photos / "a.png", "-o", tmp_path / "winter.jpg")
    assert not (tmp_path / "winter.jpg").is_dir()


def test_translate_refuses_what_cannot_be(checkpoint, photos, tmp_path):
    out = tmp_path / "out"
    (tmp_path / "empty").mkdir()
    (tmp_path / "other.pt").write_text("no checkpoint")
    refused(
        "translate", checkpoint, tmp_path / "nowhere", "-o", out, words=["no picture or folder", "nowhere"]
    )
    refused("translate", checkpoint, tmp_path / "empty", "-o", out, words=["no picture in", "empty"])
    refused("translate", tmp_path / "nowhere.pt", photos, "-o", out, words=["there is no checkpoint"])
    refused("translate", tmp_path / "other.pt", photos, "-o", out, words=["other.pt"])
    refused("translate", checkpoint, photos, "-o", out, "--device", "gpu", words=["device", "'gpu'"])
    refused("translate", checkpoint, photos, "-o", photos / "a.png" / "out", words=["cannot make the folder"])
    assert not out.exists()


def test_translate_says_which_words_it_knows(checkpoint, photos, tmp_path):
    code, _, error = call("translate", checkpoint, photos, "-o", tmp_path / "out", "--to", "c")
    assert code == 2 and "'a', 'b'" in error
    code, _, error = call("translate", checkpoint, photos)
    assert code == 2 and "--output" in error


def test_translate_onto_a_full_disk(checkpoint, tmp_path):
    noise_image(0, (200, 200)).save(tmp_path / "large.png")
    with files_no_larger_than(5_000):
        refused(
            "translate",
            checkpoint,
            tmp_path / "large.png",
            "-o",
            tmp_path / "out.png",
            words=["cannot write"],
        )
    assert files_in(tmp_path) == ["large.png"]


# Train, by running notebook 07

NOTEBOOK = ROOT / "notebooks" / "07_train.ipynb"
needs_notebook = pytest.mark.skipif(
    not NOTEBOOK.exists(), reason="notebooks/07_train.ipynb is not written yet"
)
INTERFACE = """data image_size load_size steps batch_size seed base_channels n_blocks upsampling discriminator_channels
discriminator_layers gan_mode lambda_cycle lambda_identity pool_size learning_rate beta1 decay_share ema_decay device
precision run_dir checkpoint_every sample_every resume on_bad_image""".split()


def settings(**changes) -> list[str]:
    """The tiny configuration as -p options."""
    tiny = tiny_config().to_dict() | dict(device="cpu", precision="fp32", checkpoint_every=2) | changes
    tiny.pop("data")
    return [part for name, value in tiny.items() for part in ("-p", f"{name}={str(value)}")]


@needs_notebook
def test_the_notebook_declares_the_public_parameters():
    declared = parameters_of(NOTEBOOK)
    assert set(INTERFACE) <= set(declared)
    assert set(Config().to_dict()) <= set(declared), (
        "the configuration has a parameter that the notebook has not"
    )
    for name, value in Config().to_dict().items():
        assert declared[name][0] is type(value), name
    for kind, default in declared.values():
        assert type(default) is kind
    Config(**{name: default for name, (_, default) in declared.items() if name in Config().to_dict()})


@needs_notebook
@pytest.mark.parametrize(
    "path", sorted((ROOT / "notebooks" / "configs").glob("*.yaml")), ids=lambda path: path.stem
)
def test_each_file_of_settings_is_accepted(path):
    declared = parameters_of(NOTEBOOK)
    values = {name: default for name, (_, default) in declared.items()} | read_parameters((), path, declared)
    Config(**{name: values[name] for name in Config().to_dict()})


@pytest.fixture
def in_tmp(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@needs_notebook
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["seasons", "-p", "lamda_cycle=5"], ["'lamda_cycle'", "did you mean lambda_cycle?"]),
        (["seasons", "-p", "stepz=5"], ["'stepz'", "did you mean steps?"]),
        (["seasons", "-p", "steps=many"], ["steps must be int", "'many'"]),
        (["seasons", "-p", "steps=1.5"], ["steps must be int"]),
        (["seasons", "-p", "resume=1"], ["resume must be bool"]),
        (["seasons", "-p", "learning_rate=fast"], ["learning_rate must be float"]),
        (["seasons", "-p", "learning_rate=-1"], ["learning_rate must be greater than 0"]),
        (["seasons", "-p", "gan_mode=wgan"], ["gan_mode must be lsgan or bce"]),
        (["seasons", "-p", "image_size=30"], ["image_size must be divisible by 4"]),
        (["seasons", "-p", "steps"], ["name=value"]),
        (["seasons", "-f", "nothing.yaml"], ["nothing.yaml"]),
        (["nowhere"], ["there is no folder nowhere"]),
        (["seasons", "-p", "data=nowhere"], ["there is no folder nowhere"]),
    ],
    ids=lambda value: " ".join(value),
)
def test_train_refuses_before_anything_runs(in_tmp, monkeypatch, arguments, words):
    monkeypatch.setattr(
        "minicyclegan.course.execution.execute", lambda *a: pytest.fail("the notebook was run")
    )
    refused("train", *arguments, words=words)
    assert list(in_tmp.iterdir()) == []


@needs_notebook
def test_train_refuses_a_folder_that_holds_a_run(in_tmp, finished_run, monkeypatch):
    monkeypatch.setattr(
        "minicyclegan.course.execution.execute", lambda *a: pytest.fail("the notebook was run")
    )
    before = files_in(finished_run)
    refused("train", "seasons", "-o", finished_run, words=["already holds a run", "--resume"])
    assert files_in(finished_run) == before


@needs_notebook
def test_train_on_a_folder_leaves_a_run_and_the_executed_notebook(in_tmp):
    data = make_folder(in_tmp / "noise")
    (data / "trainA" / "1.png").write_text("not an image")
    code, text, error = call(
        "train", data, *settings(data="", on_bad_image="skip"), "-p", "checkpoint_every=2"
    )
    assert code == 0, text + error
    run_dir = in_tmp / "runs" / "noise-1"
    assert files_in(run_dir)[:4] == ["07_train.ipynb", "config.json", "last.pt", "metrics.jsonl"]
    for name in ("07_train.ipynb", "last.pt", "metrics.jsonl", "samples/step_0000006.png"):
        assert str(run_dir / name) in text, "the end of the output names the files"
    assert "skipped: cannot read the picture" in text and "steps/s" in text
    assert json.loads((run_dir / "config.json").read_text(encoding="utf-8")) == tiny_config().to_dict() | {
        "data": str(data)
    }
    assert load(run_dir / "last.pt").translate(noise_image(0, (9, 9))).size == (9, 9)
    notebook = json.loads((run_dir / "07_train.ipynb").read_text(encoding="utf-8"))
    assert "widgets" not in notebook["metadata"]
    assert all(cell["execution_count"] for cell in notebook["cells"] if cell["cell_type"] == "code")
    assert next_free(Path("runs"), "noise") == Path("runs/noise-2")


@needs_notebook
@pytest.mark.long
def test_train_resumes_a_stopped_run_to_the_bits_of_one_go(in_tmp, monkeypatch):
    data = make_folder(in_tmp / "noise")
    config, options = tiny_config(data=str(data)), dict(device="cpu", precision="fp32", checkpoint_every=2)
    train(config, load_folder(data, 16), in_tmp / "straight", **options)
    original = Trainer.train_on

    def train_on(self, *batch):
        if self.step == 5:
            raise KeyboardInterrupt
        return original(self, *batch)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Trainer, "train_on", train_on)
        train(config, load_folder(data, 16), in_tmp / "stopped", **options)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # as many threads in the kernel as here
    code, text, error = call("train", data, *settings(), "-o", in_tmp / "stopped", "-p", "resume=true")
    assert code == 0, text + error
    assert "resuming after step 4 of 6" in text
    assert [record["step"] for record in read_metrics(in_tmp / "stopped" / "metrics.jsonl")][-1] == 6
    found, expected = (read_checkpoint(in_tmp / name / "last.pt") for name in ("stopped", "straight"))
    for name, weight in expected["model"].items():
        assert torch.equal(found["model"][name], weight), name


@needs_notebook
def test_the_notebook_itself_refuses_an_unknown_parameter(in_tmp, tmp_path_factory):
    """Its cells up to the one that looks, which only define and import before; of the imports the one that is needed."""
    notebook = read_notebook(NOTEBOOK)
    code = [cell for cell in notebook.cells if cell.cell_type == "code" and "setup" not in tags(cell)]
    at = next(k for k, cell in enumerate(code) if "check_parameters(In, globals())" in cell.source)
    assert tags(code[0]) == {"parameters"} and all(only_defines(cell.source) for cell in code[1:at])
    lines = [line for cell in code[1:at] for line in cell.source.split("\n")]
    code[at - 1].source = next(line for line in lines if re.search(r"import.*\bcheck_parameters\b", line))
    notebook.cells = [code[0], code[at - 1], code[at]]
    path = tmp_path_factory.mktemp("short") / NOTEBOOK.name
    nbformat.write(notebook, path)
    with pytest.raises(RunError, match="did you mean lambda_cycle"):
        execute(path, in_tmp / "run" / "07_train.ipynb", {"lamda_cycle": 5})
    assert list(in_tmp.iterdir()) == []


# Run any notebook


def test_run_refuses_what_is_no_notebook_of_the_course(in_tmp):
    try:
        course_folder()
    except MiniCycleGANError:
        pytest.skip("this installation has no notebooks")
    refused("run", "99_nothing", words=["there is no notebook 99_nothing"])
    (in_tmp / "x.ipynb").write_text("text")
    refused("run", "x.ipynb", words=["x.ipynb is not a notebook"])
    if NOTEBOOK.exists():
        refused("run", "07", "-p", "stepz=3", words=["did you mean steps?"])
    assert files_in(in_tmp) == ["x.ipynb"]


def test_run_executes_a_notebook_with_its_parameters(in_tmp):
    cells = [
        nbformat.v4.new_code_cell("steps: int = 1\nname: str = 'x'", metadata={"tags": ["parameters"]}),
        nbformat.v4.new_code_cell("print('got', steps, name)"),
        nbformat.v4.new_code_cell("assert steps < 9, 'too many'"),
    ]
    notebook = nbformat.v4.new_notebook(cells=cells, metadata={"language_info": {"name": "python"}})
    nbformat.write(notebook, in_tmp / "mine.ipynb")
    code, text, error = call("run", "mine.ipynb", "-p", "steps=7")
    assert code == 0 and "got 7 x" in text, text + error
    assert files_in(in_tmp) == ["mine.executed.ipynb", "mine.ipynb"]
    refused(
        "run", "mine.ipynb", "-p", "steps=9", "-o", "failed.ipynb", words=["AssertionError", "failed.ipynb"]
    )
    assert "too many" in (in_tmp / "failed.ipynb").read_text(encoding="utf-8")


def test_run_executes_a_notebook_that_does_not_name_its_language(in_tmp):
    nbformat.write(
        nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("print(1)")]), in_tmp / "bare.ipynb"
    )
    assert call("run", "bare.ipynb")[0] in (0, 1)


# The doctor


def test_doctor_says_one_line_for_each_thing():
    code, text, _ = call("doctor")
    lines = text.splitlines()
    assert all(line.startswith(("ok    ", "WRONG ")) for line in lines)
    assert code == (1 if any(line.startswith("WRONG") for line in lines) else 0)
    for words in (
        "Python 3.",
        f"torch {torch.__version__} and torchvision",
        "computing on",
        "jupyterlab",
        "ipykernel",
        "papermill",
        "nbval 0.11.0",
        "ipywidgets",
        "matplotlib",
        "kernel: python3",
        "notebooks: ",
        "shipped weights",
        "this folder is writable",
        "the temporary folder is writable",
    ):
        assert sum(words in line for line in lines) == 1, words


def test_doctor_names_a_missing_package_and_what_to_do(monkeypatch):
    original = importlib.metadata.version

    def version(name):
        if name == "nbval":
            raise importlib.metadata.PackageNotFoundError(name)
        return original(name)

    monkeypatch.setattr(importlib.metadata, "version", version)
    code, text, _ = call("doctor")
    assert code == 1 and "WRONG nbval is missing: pip install nbval" in text.splitlines()


def test_doctor_sees_torch_and_torchvision_that_do_not_match(monkeypatch):
    import torchvision.ops

    def broken(*arguments):
        raise RuntimeError("operator torchvision::nms does not exist")

    monkeypatch.setattr(torchvision.ops, "nms", broken)
    code, text, _ = call("doctor")
    (line,) = [line for line in text.splitlines() if line.startswith("WRONG")]
    assert code == 1 and "do not work together" in line and "pip install" in line


def test_doctor_warns_of_little_memory(monkeypatch):
    monkeypatch.setattr("minicyclegan.runs.devices.available_memory", lambda: 1e9)
    code, text, _ = call("doctor")
    assert (
        code == 1 and "WRONG memory: 1.0 GB available: under 2 GB, close other programs" in text.splitlines()
    )


def test_doctor_sees_a_folder_that_is_not_writable(monkeypatch, in_tmp):
    monkeypatch.setattr(minicyclegan.cli.doctor.os, "access", lambda folder, mode: Path(folder) != in_tmp)
    code, text, _ = call("doctor")
    assert code == 1 and f"this folder is not writable: {in_tmp}; work in another one" in text
