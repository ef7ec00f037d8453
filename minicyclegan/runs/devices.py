"""Which device and which dtype to compute with."""

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from minicyclegan.errors import ParameterError
from minicyclegan.parameters import shown

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


class Undrawn(TorchFunctionMode):
    """Random first weights stay undrawn. On `meta` nothing is drawn anyway, and for that PyTorch imports its compiler: 1.7 seconds."""

    def __torch_function__(self, function, types, given=(), named=None):
        named = named or {}
        if function is nn.init.normal_:
            return named.get("tensor", *given[:1])
        return function(*given, **named)


@contextlib.contextmanager
def without_numbers() -> Iterator[None]:
    """Networks and tensors that are made in this block have shapes and no numbers: even the largest cost nothing."""
    with torch.device("meta"), Undrawn():
        yield


def choose_device(device: str = "auto", precision: str = "auto") -> tuple[torch.device, torch.dtype, str]:
    """The device, the dtype of the forward pass, and one sentence that says which were chosen.

    `auto` takes CUDA with what the card is good at (`best_on_cuda`), else Apple's MPS, else the CPU with fp32, which gives the
    same results on every processor up to rounding. The precision `fast` is bf16 also on a CPU that has instructions for it.
    Raises ParameterError for an unknown word, or a device that is missing here.
    """
    if device == "auto":
        device = (
            "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
        )
    if not isinstance(device, str) or not re.fullmatch(r"cpu|mps|cuda(:[0-9]{1,3})?", device):
        raise ParameterError(f"device must be auto, cuda, cuda:1, mps or cpu, but it is {shown(device)}")
    kind, _, number = device.partition(":")
    if kind == "cuda" and not torch.cuda.is_available():
        raise ParameterError(
            "device is cuda, but torch sees no CUDA device here; use auto, or run `minicyclegan doctor`"
        )
    if kind == "cuda" and number and int(number) >= torch.cuda.device_count():
        raise ParameterError(
            f"device is {device}, but torch sees {torch.cuda.device_count()} CUDA devices here, counted from 0"
        )
    if kind == "mps" and not torch.backends.mps.is_available():
        raise ParameterError("device is mps, but torch sees no Apple GPU here; use auto")
    if precision in ("auto", "fast"):
        on_cpu = precision == "fast" and kind == "cpu" and cpu_has_bf16()
        precision = best_on_cuda(torch.device(device)) if kind == "cuda" else "bf16" if on_cpu else "fp32"
    if not isinstance(precision, str) or precision not in DTYPES:
        raise ParameterError(
            f"precision must be auto, fast, fp32, bf16 or fp16, but it is {shown(precision)}"
        )
    threads = torch.get_num_threads()
    name = (
        torch.cuda.get_device_name(device)
        if kind == "cuda"
        else {"mps": "Apple GPU", "cpu": f"CPU with {threads} thread{'' if threads == 1 else 's'}"}[kind]
    )
    return torch.device(device), DTYPES[precision], f"computing on {name} in {precision}"


def best_on_cuda(device: torch.device) -> str:
    """The precision that a card has fast arithmetic for: bf16 from compute capability 8 on (2020), fp16 with 7, else fp32.

    `torch.cuda.is_bf16_supported()` also says yes where bf16 is only emulated, many times slower, as on a T4.
    """
    if torch.version.hip:  # AMD numbers its cards in another way
        return "bf16" if torch.cuda.is_bf16_supported() else "fp32"
    capability = torch.cuda.get_device_capability(device)[0]
    return "bf16" if capability >= 8 else "fp16" if capability == 7 else "fp32"


def cpu_has_bf16() -> bool:
    """Whether the processor has instructions for bf16 (AVX-512 BF16); elsewhere bf16 is slower than fp32.

    PyTorch answers this in a private function; without that function the answer is no.
    """
    return bool(getattr(torch.cpu, "_is_avx512_bf16_supported", bool)())


def available_memory(device: torch.device = torch.device("cpu")) -> float | None:
    """Bytes that a program can still take on a device; None where the system does not tell."""
    if device.type == "cuda":
        return float(torch.cuda.mem_get_info(device)[0])
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        free = next(float(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable"))
    except (OSError, StopIteration):
        return None
    try:  # a container may have less than the machine
        folder = Path("/sys/fs/cgroup")
        limit, used = (int((folder / name).read_text()) for name in ("memory.max", "memory.current"))
        return min(free, float(limit - used))
    except (OSError, ValueError):  # no container, or "max": no limit
        return free
