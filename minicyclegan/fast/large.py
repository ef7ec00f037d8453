"""Pictures that are too large to go through a network at once: how much memory they would need, and the other way."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn

from minicyclegan.errors import DataError
from minicyclegan.fast.rows import Rows
from minicyclegan.fast.strips import STRIP_BYTES, InStrips

AT_ONCE = 1024**3  # bytes: a picture that would need more goes in strips, which take no longer, or hardly
UNKNOWN = 4 * 1024**3  # bytes that are taken to be free where the system does not tell
FULL_SIZE = (
    3.5  # tensors of the picture's full size, and all channels, that are held at a time at most: measured
)
STRIPS = 12  # strips that are held at a time at most, with the copies of a convolution: measured
SAMPLE_ROWS = 32  # of a picture, to find the time for all of it


def gigabytes(n_bytes: float) -> str:
    return f"{n_bytes / 1e9:.1f} GB"


def minutes(seconds: float) -> str:
    return f"{max(1, round(seconds))} s" if seconds < 90 else f"{round(seconds / 60)} minutes"


def memory_at_once(generator: nn.Module, width: int, height: int) -> float:
    """About how many bytes it takes to translate a picture of this size as a whole."""
    first = next(layer for layer in generator.modules() if isinstance(layer, nn.Conv2d))
    return width * height * (FULL_SIZE * 4 * first.out_channels + 40)


@contextmanager
def no_bar(label: str) -> Iterator[Callable[[float], None]]:
    yield lambda share: None


def rows_of(image: Image.Image, device: torch.device) -> Rows:
    """An RGB picture as `CycleGAN.translate` gives it to the network: in [-1, 1], a multiple of 4 px and at least 16."""
    pixels = np.asarray(image)
    height, width = pixels.shape[:2]
    right, bottom = max(-width % 4, 16 - width), max(-height % 4, 16 - height)

    def make(first: int, end: int) -> Tensor:
        real = torch.from_numpy(pixels[min(first, height - 1) : end].copy()).to(device)
        rows = real.permute(2, 0, 1)[None].float().div_(127.5).sub_(1)
        return F.pad(rows, (0, right, 0, end - first - rows.shape[2]), mode="replicate")

    return Rows(make, 3, height + bottom, width + right, 12.0 * (width + right))


class LargePictures:
    """Translates pictures in strips, with one line before the first of them.

    `free` gives the bytes that can still be taken on a device, or None. `bar` opens a progress bar with a label and gives
    the function that moves it to a share from 0 to 1. The work ends with a DataError soon after `stop` says True.
    """

    def __init__(
        self, free: Callable[[torch.device], float | None], say=print, bar=no_bar, stop=lambda: False
    ):
        self.free, self.say, self.bar, self.stop = free, say, bar, stop
        self.said = set()  # sizes

    def needed(self, generator: nn.Module, width: int, height: int) -> bool:
        """Whether a picture of this size is too large to go through at once: it would need half of the free memory, or AT_ONCE."""
        device = next(generator.parameters()).device
        most = (self.free(device) or UNKNOWN) / 2
        most = min(AT_ONCE, most) if device.type == "cpu" else most
        return memory_at_once(generator, width, height) > most

    def plan(self, generator: nn.Module, image: Image.Image, device: torch.device) -> InStrips:
        """How it will be done: numbers are stored in float32, or float16 where memory is short. Raises DataError."""
        # A GPU would be idle between small strips
        strip_bytes = STRIP_BYTES if device.type == "cpu" else 32 * STRIP_BYTES
        free = self.free(device) or UNKNOWN
        for dtype in (torch.float32, torch.float16):
            dry = InStrips(dtype, strip_bytes, dry=True)
            dry.translate(generator, rows_of(image, device), None)
            need = dry.kept + STRIPS * strip_bytes
            if need < 0.9 * free:
                break
        else:
            raise DataError(
                f"a picture of {image.width} x {image.height} px needs {gigabytes(need)} of memory even in strips, and "
                f"{gigabytes(free)} are free; work at a smaller size (--size), or make it smaller"
            )
        if image.size not in self.said:
            self.said.add(image.size)
            at_once = memory_at_once(generator, image.width, image.height)
            rounded = (
                ", with numbers stored in 16 bits because memory is short" if dtype == torch.float16 else ""
            )
            self.say(
                f"a picture of {image.width} x {image.height} px would need about {gigabytes(at_once)} of memory at once; it goes "
                f"in strips{rounded}: about {gigabytes(need)} and {minutes(self.seconds(generator, image, dry))}"
            )
        return dry

    def seconds(self, generator: nn.Module, image: Image.Image, dry: InStrips) -> float:
        """About how long a picture takes, by its first rows."""
        device = next(generator.parameters()).device
        sample = rows_of(image.crop((0, 0, image.width, min(image.height, SAMPLE_ROWS))), device)
        for _ in range(2):  # the first time is slower
            trial = InStrips(dry.dtype, dry.strip_bytes)
            started = time.perf_counter()
            trial.translate(generator, sample, lambda strip, top, bottom: strip.cpu())
            taken = time.perf_counter() - started
        return taken * dry.done / trial.done

    def translate(self, generator: nn.Module, image: Image.Image, label: str = "") -> Image.Image:
        """What the generator makes of an RGB picture, of the same size. Raises DataError where memory is too small."""
        device = next(generator.parameters()).device
        plan = self.plan(generator, image, device)
        result = np.empty((image.height, image.width, 3), np.uint8)

        def take(strip: Tensor, top: int, bottom: int) -> None:
            if not strip.isfinite().all():
                raise DataError(
                    f"a picture of {image.width} x {image.height} px comes out with values that are no numbers; "
                    "work at a smaller size (--size), or use another checkpoint"
                )
            values = strip[0, :, :, : image.width].add(1).mul_(127.5)  # as in to_image
            rows = values.round_().clamp_(0, 255).to(torch.uint8).permute(1, 2, 0).cpu().numpy()
            result[top:bottom] = rows[: max(0, image.height - top)]

        def reach(done: float) -> None:
            if self.stop():
                raise DataError("stopped")
            move(done / plan.done)

        try:
            with self.bar(label or f"{image.width} x {image.height} px") as move:
                work = InStrips(plan.dtype, plan.strip_bytes, reach=reach)
                work.translate(generator, rows_of(image, device), take)
        except (MemoryError, RuntimeError) as error:
            if isinstance(error, RuntimeError) and "memory" not in str(error):
                raise
            raise DataError(
                f"a picture of {image.width} x {image.height} px needs too much memory; work at a smaller size (--size)"
            ) from error
        return Image.fromarray(result)
