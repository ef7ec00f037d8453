"""What the two ways to wear pictures share: each picture by itself, with random numbers that follow from its pixels."""

import hashlib
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from minicyclegan.errors import DataError
from minicyclegan.pictures.prefetch import read_all


def random_for(key: bytes) -> np.random.RandomState:
    """Random numbers that follow from `key` and are the same everywhere: RandomState alone promises that forever."""
    return np.random.RandomState(np.frombuffer(hashlib.sha256(key).digest(), "<u4"))


def random_of(pixels: np.ndarray, seed: int) -> np.random.RandomState:
    """Random numbers that follow from a picture, uint8 (H, W, 3), and a seed."""
    return random_for(f"{seed} {pixels.shape}".encode() + pixels.tobytes())


def worn(pictures: Tensor, wear: Callable[[np.ndarray], Tensor], who: str) -> Tensor:
    """What `wear` makes of each picture, uint8 (H, W, 3) to (3, H, W): uint8 (N, 3, H, W) in and out. Raises DataError."""
    if pictures.dtype != torch.uint8 or pictures.ndim != 4 or pictures.shape[1] != 3:
        raise DataError(
            f"{who} needs uint8 pictures (N, 3, H, W); these are {tuple(pictures.shape)} of {pictures.dtype}"
        )
    pixels = (picture.permute(1, 2, 0).contiguous().numpy() for picture in pictures)
    found = list(read_all(wear, pixels))
    return torch.stack(found) if found else pictures.clone()
