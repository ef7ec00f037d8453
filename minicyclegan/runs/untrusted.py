"""What a checkpoint may hold, whoever wrote it: a sound archive, tensors and plain values."""

import sys
import zipfile
from pathlib import Path

import torch


def fault_in_archive(path: Path) -> str:
    """What is wrong with a file that should be torch's zip archive, as one clause; empty where nothing is."""
    if not zipfile.is_zipfile(path):
        return "it is not an archive as torch writes them, or its end is missing"
    with zipfile.ZipFile(path) as archive:
        entries = archive.infolist()
        if len({entry.filename for entry in entries}) < len(entries):
            return "two of its entries have the same name"
        if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries):
            return "it is compressed, which a checkpoint never is"
        if sum(entry.file_size for entry in entries) > path.stat().st_size:
            return "its entries are larger than the file"
        for entry in entries:
            if entry.filename.endswith("/byteorder") and archive.read(entry) != sys.byteorder.encode():
                return "it was written by another kind of processor"
        if damaged := archive.testzip():  # torch.load itself does not compare the checksums
            return f"the checksum of {damaged!r} is wrong"
    return ""


def sizes_in_archive(path: Path) -> list[int]:
    """The sizes in bytes of all stored numbers, sorted."""
    with zipfile.ZipFile(path) as archive:
        return sorted(e.file_size for e in archive.infolist() if "/data/" in e.filename and e.file_size)


class NotPlain(Exception):
    """Something in a file is neither a tensor nor a plain value."""


class Content:
    """What was found in a file: the sizes of the stored numbers by address, and how many values may still come.

    Without that limit, a small file that refers to the same list again and again would grow without end.
    """

    def __init__(self, values: int = 1_000_000):
        self.sizes, self.left = {}, values


def plain_copy(value, content: Content, depth: int = 0):
    """A copy, in memory of its own, of tensors and plain values in dicts, lists and tuples. Raises NotPlain."""
    content.left -= 1
    if content.left < 0 or depth > 20:
        raise NotPlain
    if type(value) is torch.Tensor:
        dense = (
            value.ndim <= 8
            and value.layout == torch.strided
            and value.device.type == "cpu"
            and not value.is_quantized
        )
        if not dense or value.numel() * value.element_size() > value.untyped_storage().nbytes():
            raise NotPlain  # sparse, or one number repeated a billion times: nothing that this program saves
        storage = value.untyped_storage()
        if storage.nbytes():
            content.sizes[storage.data_ptr()] = storage.nbytes()
        return value.clone()
    if isinstance(value, dict) and all(type(key) in (str, int) for key in value):
        return {key: plain_copy(part, content, depth + 1) for key, part in value.items()}
    if type(value) in (list, tuple):
        return type(value)(plain_copy(part, content, depth + 1) for part in value)
    if value is None or type(value) in (bool, int, float, str):
        return value
    raise NotPlain
