"""ONNX: onnxruntime computes the same pictures as PyTorch, at any size, or there is no file."""

import importlib.util

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from conftest import files_in, random_pictures, tiny_config

from minicyclegan.cli.export import export
from minicyclegan.cyclegan import CycleGAN
from minicyclegan.data import to_float
from minicyclegan.errors import CheckpointError, MiniCycleGANError, ParameterError, RunError
from minicyclegan.generator import Generator
from minicyclegan.runs.checkpoint import load
from minicyclegan.serve import export as module
from minicyclegan.serve.export import export_onnx, largest_difference, to_onnx

HAS_ONNX = all(importlib.util.find_spec(name) for name in ("onnx", "onnxruntime"))
needs_onnx = pytest.mark.skipif(not HAS_ONNX, reason="the extra `onnx` (onnx, onnxruntime) is not installed")


def run_onnx(path, pictures: torch.Tensor) -> np.ndarray:
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return session.run(["translations"], {"pictures": pictures.numpy()})[0]


@needs_onnx
@pytest.mark.parametrize("to", ["a", "b"])
def test_the_same_pictures_as_the_checkpoint_at_many_sizes(checkpoint, tmp_path, to):
    difference = export_onnx(checkpoint, tmp_path / "new" / "x.onnx", to)
    assert 0 <= difference <= 1e-4
    assert files_in(tmp_path) == ["new/x.onnx"], "weights beside the file, or something temporary"
    model = load(checkpoint)
    for n, height, width in ((1, 16, 16), (2, 64, 64), (1, 66, 130), (3, 41, 20), (1, 19, 97)):
        pictures = to_float(torch.randint(256, (n, 3, height, width)))
        found = run_onnx(tmp_path / "new" / "x.onnx", pictures)
        assert found.shape == (n, 3, height, width)
        assert np.abs(found - model.translate(pictures, to=to).numpy()).max() <= 1e-4


@needs_onnx
@pytest.mark.parametrize("upsampling", ["transposed", "resize"])
@pytest.mark.parametrize("n_downsamplings", [1, 2])
def test_every_kind_of_generator(upsampling, n_downsamplings):
    torch.manual_seed(0)
    generator = Generator(4, 1, upsampling, n_downsamplings)
    assert largest_difference(generator.eval(), to_onnx(generator)) <= 1e-4


@needs_onnx
def test_a_generator_with_a_global_skip():
    torch.manual_seed(0)
    generator = Generator(4, 1, "resize", 1, global_skip=True).eval()
    assert largest_difference(generator, to_onnx(generator)) <= 1e-4


@needs_onnx
def test_the_two_directions_are_two_files(checkpoint, tmp_path):
    for to in "ab":
        export_onnx(checkpoint, tmp_path / f"{to}.onnx", to)
    pictures = to_float(random_pictures(1, 32, 0))
    assert (
        np.abs(run_onnx(tmp_path / "a.onnx", pictures) - run_onnx(tmp_path / "b.onnx", pictures)).max() > 1e-3
    )


@needs_onnx
def test_a_file_that_computes_something_else_is_not_kept(checkpoint, tmp_path, monkeypatch):
    torch.manual_seed(1)
    other = to_onnx(CycleGAN(tiny_config()).generator_ab)
    monkeypatch.setattr(module, "to_onnx", lambda generator: other)
    with pytest.raises(RunError, match="differs from PyTorch"):
        export_onnx(checkpoint, tmp_path / "x.onnx")
    assert files_in(tmp_path) == []


@needs_onnx
def test_a_failure_of_the_exporter_is_one_sentence(checkpoint, tmp_path, monkeypatch):
    def fail(*arguments, **options):
        raise TypeError("no such option\nand more")

    monkeypatch.setattr(torch.onnx, "export", fail)
    with pytest.raises(RunError, match="could not export to ONNX") as error:
        export_onnx(checkpoint, tmp_path / "x.onnx")
    assert torch.__version__ in str(error.value) and "\n" not in str(error.value)


@needs_onnx
def test_what_cannot_be_exported_is_refused(checkpoint, tmp_path):
    (tmp_path / "taken.onnx").write_text("mine")
    for arguments, kind, words in (
        ((checkpoint, tmp_path / "x.onnx", "c"), ParameterError, '"a" or "b"'),
        ((checkpoint, tmp_path / "taken.onnx"), RunError, "taken.onnx exists"),
        ((tmp_path / "nowhere.pt", tmp_path / "x.onnx"), CheckpointError, "no checkpoint"),
        ((checkpoint, tmp_path / "taken.onnx" / "x.onnx"), RunError, "cannot make the folder"),
    ):
        with pytest.raises(kind, match=words):
            export_onnx(*arguments)
    assert files_in(tmp_path) == ["taken.onnx"] and (tmp_path / "taken.onnx").read_text() == "mine"


@pytest.mark.parametrize(
    ("missing", "words"), [({"onnx"}, "onnx,"), ({"onnx", "onnxruntime"}, "onnx and onnxruntime,")]
)
def test_a_missing_package_is_named_with_what_to_do(checkpoint, tmp_path, monkeypatch, missing, words):
    monkeypatch.setattr(
        module.importlib.util, "find_spec", lambda name: None if name in missing else object()
    )
    with pytest.raises(RunError) as error:
        export_onnx(checkpoint, tmp_path / "x.onnx")
    assert words in str(error.value) and "pip install" in str(error.value) and files_in(tmp_path) == []


@needs_onnx
def test_the_command(checkpoint, tmp_path):
    result = CliRunner().invoke(export, [str(checkpoint), str(tmp_path / "x.onnx"), "--to", "a"])
    assert result.exit_code == 0, result.output
    assert "to domain A" in result.output and "largest difference" in result.output
    again = CliRunner().invoke(export, [str(checkpoint), str(tmp_path / "x.onnx")])
    assert isinstance(again.exception, MiniCycleGANError)
