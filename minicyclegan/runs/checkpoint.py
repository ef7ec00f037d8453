"""Checkpoints: written whole or not at all, and read without executing anything."""

import contextlib
import os
import pickle
import shutil
from pathlib import Path

import torch

from minicyclegan.errors import CheckpointError, MiniCycleGANError
from minicyclegan.runs.files import cannot_write, write_file
from minicyclegan.runs.untrusted import Content, NotPlain, fault_in_archive, plain_copy, sizes_in_archive

FORMAT = "minicyclegan-1"


def save_checkpoint(path: str | Path, state: dict) -> None:
    """Write tensors and plain values; `read_checkpoint` gives them back."""
    write_file(path, lambda file: torch.save({"format": FORMAT, **state}, file))


def read_checkpoint(path: str | Path) -> dict:
    """Read what `save_checkpoint` wrote, on the CPU, with torch's loader that executes no code.

    Every byte is compared with the checksums in the file, and the content is copied into memory of its own: at most what
    the file holds, whatever it claims. Raises CheckpointError.
    """
    path = Path(path)
    try:
        if not path.is_file():
            raise CheckpointError(
                f"there is no checkpoint {path}; check the path (a run keeps its newest in last.pt)"
            )
        if fault := fault_in_archive(path):
            raise CheckpointError(f"{path} is damaged or not a checkpoint: {fault}; use another checkpoint")
        # Mapped, not read: a tensor that claims to be larger than the file cannot reach into other memory
        mapped = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
        state = plain_copy(mapped, content := Content())
        if sorted(content.sizes.values()) != sizes_in_archive(path):
            raise NotPlain  # tensors that are larger or smaller than what is stored for them
    except CheckpointError:
        raise
    except OSError as error:
        raise CheckpointError(f"cannot read {path}: {error.strerror}; check its permissions") from error
    except (pickle.UnpicklingError, NotPlain) as error:
        raise CheckpointError(
            f"{path} is damaged or not a checkpoint of miniCycleGAN: it holds something other than tensors and plain values; "
            "use another checkpoint"
        ) from error
    except Exception as error:  # a damaged file can raise nearly anything
        raise CheckpointError(
            f"{path} is damaged or cut off and cannot be read ({type(error).__name__}); use another checkpoint"
        ) from error
    if not isinstance(state, dict) or state.get("format") != FORMAT:
        raise CheckpointError(
            f"{path} was not written by this program (it does not say {FORMAT!r}); use a last.pt of a miniCycleGAN run"
        )
    return state


def load(path: str | Path, device: str = "cpu"):
    """The CycleGAN of a checkpoint or of shipped weights, ready to translate: `load(path).translate(image, to="b")`.

    The checkpoint carries its configuration; the model comes without discriminators. Where a moving average of the
    generators was kept, its weights are used. Raises CheckpointError, and ParameterError for a device that is missing.
    """
    from minicyclegan.cyclegan import CycleGAN  # here, so that reading a file needs no networks
    from minicyclegan.parameters import Config
    from minicyclegan.runs.devices import choose_device, without_numbers

    torch_device = choose_device(device)[0]
    state = read_checkpoint(path)
    try:
        saved = state["model"] if state["average"] is None else state["average"]
        weights = {name: tensor for name, tensor in saved.items() if name.startswith("generator_")}
        with without_numbers():  # the file has them, if it is sound
            model = CycleGAN(Config(**state["config"]))
        model.discriminator_a = model.discriminator_b = None  # translation needs none
        for name, like in model.state_dict().items():
            if weights[name].shape != like.shape:
                raise ValueError(f"{name} is {tuple(weights[name].shape)} instead of {tuple(like.shape)}")
        if bad := [name for name in weights if not sound_weight(weights[name])]:
            raise ValueError(f"{bad[0]} is not a weight, or holds numbers that are not finite")
        model.load_state_dict({name: tensor.float() for name, tensor in weights.items()}, assign=True)
    except (KeyError, TypeError, AttributeError, RuntimeError, ValueError, MiniCycleGANError) as error:
        text = f"it has no {error}" if isinstance(error, KeyError) else str(error).splitlines()[0]
        raise CheckpointError(
            f"{path} does not fit its own configuration: {text}; use another checkpoint"
        ) from error
    return model.to(torch_device).eval()


def sound_weight(tensor) -> bool:
    return tensor.is_floating_point() and bool(tensor.isfinite().all())


def save_next(run_dir: Path, state: dict, for_good: bool = False) -> None:
    """Write last.pt, and keep the one before as previous.pt. At every moment at least one of the two is whole.

    `for_good` gives it a second name that no later one takes.
    """
    last, previous = run_dir / "last.pt", run_dir / "previous.pt"
    if last.exists():
        temporary = run_dir / f".previous.pt.{os.getpid()}.tmp"
        try:
            temporary.unlink(missing_ok=True)
            try:
                os.link(last, temporary)
            except OSError:  # some file systems have no links
                shutil.copyfile(last, temporary)
            os.replace(temporary, previous)
        except OSError as error:
            raise cannot_write(previous, error) from error
        finally:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)
    save_checkpoint(last, state)
    if for_good:
        keep_for_good(run_dir, state["step"])


def keep_for_good(run_dir: Path, step: int) -> None:
    """Give the newest checkpoint a second name that no later one takes: kept/step_0001000.pt."""
    kept = run_dir / "kept" / f"step_{step:07d}.pt"
    try:
        kept.parent.mkdir(exist_ok=True)
        kept.unlink(missing_ok=True)  # from before a resume: the step was made again
        try:
            os.link(run_dir / "last.pt", kept)
        except OSError:  # some file systems have no links
            shutil.copyfile(run_dir / "last.pt", kept)
    except OSError as error:
        raise cannot_write(kept, error) from error


def read_newest(run_dir: Path) -> tuple[dict, str]:
    """The newest whole checkpoint of a run, and a sentence where that is not last.pt. Raises CheckpointError."""
    try:
        return read_checkpoint(run_dir / "last.pt"), ""
    except CheckpointError as error:
        if not (run_dir / "previous.pt").exists():
            raise
        state = read_checkpoint(run_dir / "previous.pt")
        return state, f"{error}; going on with previous.pt, step {state['step']}"


def export_weights(checkpoint: str | Path, path: str | Path) -> None:
    """Keep only what translation needs, in half precision: the two generators and the configuration. Raises CheckpointError."""
    load(checkpoint)  # refuses what does not fit its own configuration
    state = read_checkpoint(checkpoint)
    weights = state["model"] if state["average"] is None else state["average"]
    weights = {name: tensor.half() for name, tensor in weights.items() if name.startswith("generator")}
    save_checkpoint(
        path, {"config": state["config"], "step": state.get("step", 0), "model": weights, "average": None}
    )
