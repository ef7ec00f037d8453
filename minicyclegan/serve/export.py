"""Take a generator out of Python: ONNX, read by onnxruntime, by browsers and by phones."""

import importlib.util
import io
import warnings
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from minicyclegan.errors import ParameterError, RunError
from minicyclegan.runs.checkpoint import load
from minicyclegan.runs.files import write_file
from minicyclegan.translate import make_folder

SIZES = ((64, 64), (61, 33), (16, 100), (130, 75))  # height and width in px at which a new file is compared
TOLERANCE = 1e-4  # largest difference in a picture that runs from -1 to 1


def require_onnx() -> None:
    """Refuse, in one sentence, where a package is missing. Raises RunError."""
    missing = [name for name in ("onnx", "onnxruntime") if importlib.util.find_spec(name) is None]
    if missing:
        raise RunError(
            f"ONNX needs {' and '.join(missing)}, not installed here; run: python -m pip install {' '.join(missing)}"
        )


def export_onnx(checkpoint: str | Path, path: str | Path, to: str = "b") -> float:
    """Write one generator of a checkpoint as ONNX and compare it with PyTorch; returns the largest difference.

    The file takes `pictures`, float32 (N, 3, H, W) in [-1, 1], and gives `translations` of the same shape and range; N is
    free, and so are H and W from 16 px up. Raises ParameterError for a direction, CheckpointError, and RunError when
    a package is missing, `path` exists or cannot be written, or the file does not compute the same to 1e-4.
    """
    if to not in ("a", "b"):
        raise ParameterError(f'`to` must be "a" or "b", but it is {to!r}')
    path = Path(path)
    if path.exists():
        raise RunError(f"{path} exists; choose another output")
    require_onnx()
    model = load(checkpoint)
    generator = model.generator_ab if to == "b" else model.generator_ba
    content = to_onnx(generator)
    difference = largest_difference(generator, content)
    if not difference <= TOLERANCE:
        raise RunError(
            f"the ONNX file differs from PyTorch by {difference:.1e}, more than {TOLERANCE:.0e}, and was not kept; "
            "try another version of torch or onnxruntime"
        )
    make_folder(path.parent)
    write_file(path, lambda file: file.write(content))
    return difference


class AnySize(nn.Module):
    """A generator that takes pictures of any size of at least 16 px: padded to a multiple of 4, cut back afterwards."""

    def __init__(self, generator: nn.Module):
        super().__init__()
        self.generator = generator

    def forward(self, pictures: Tensor) -> Tensor:
        height, width = pictures.shape[2:]
        padded = F.pad(pictures, (0, -width % 4, 0, -height % 4), mode="replicate")
        return self.generator(padded)[..., :height, :width]


def to_onnx(generator: nn.Module) -> bytes:
    """A generator on the CPU as the bytes of an ONNX file, weights included. Raises RunError."""
    free = {0: "n", 2: "height", 3: "width"}
    example = torch.zeros(2, 3, 61, 94)  # no two sides equal, so that none is taken for another
    content = io.BytesIO()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            # The older of torch's two exporters: it needs no onnxscript, takes a second, and is the one that
            # can pad by free sizes in torch 2.6 as well.
            torch.onnx.export(
                AnySize(generator).eval(),
                (example,),
                content,
                dynamo=False,
                opset_version=17,
                input_names=["pictures"],
                output_names=["translations"],
                dynamic_axes={"pictures": free, "translations": free},
            )
    except Exception as error:  # the exporter is not ours, and future versions of torch may drop it
        reason = str(error).partition("\n")[0][:100]
        raise RunError(
            f"torch {torch.__version__} could not export to ONNX ({type(error).__name__}: {reason}); "
            "it was tested with torch 2.6 and 2.15"
        ) from error
    return content.getvalue()


@torch.no_grad()
def largest_difference(generator: nn.Module, content: bytes) -> float:
    """The largest difference between PyTorch and onnxruntime over noise pictures of every size in SIZES."""
    import onnxruntime

    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    worst = 0.0
    for n, (height, width) in enumerate(SIZES, start=1):
        pictures = torch.rand(n, 3, height, width, generator=torch.Generator().manual_seed(n)) * 2 - 1
        (found,) = session.run(None, {"pictures": pictures.numpy()})
        wanted = AnySize(generator)(pictures).numpy()
        if found.shape != wanted.shape or not np.isfinite(found).all():
            return float("inf")
        worst = max(worst, float(np.abs(found - wanted).max()))
    return worst
