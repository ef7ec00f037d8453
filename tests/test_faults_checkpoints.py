"""Archives with right checksums whose pickle lies about its tensors, and zip files that two readers read differently.

The process that reads, and the rest of the hostile checkpoints, are in test_hostile_checkpoints.
"""

import io
import json
import os
import pickle
import struct
import zipfile
from pathlib import Path

import pytest
import torch
from records import record
from test_hostile_checkpoints import BOUND_MIB, Reader, archive, memory_of_an_idle_process, saved
from test_hostile_checkpoints import good as good
from test_hostile_checkpoints import reader as reader

REFUSED = "refused,refused,refused,refused"
ACCEPTED = "accepted,accepted,accepted,accepted"


class Storage:
    """Pickled as torch's reference to stored numbers: their kind, key of the entry, device and how many."""

    def __init__(self, kind: str, key: str, count: object):
        self.reference = ("storage", getattr(torch, kind), key, "cpu", count)


class Tensor:
    """Pickled as a tensor with any storage, offset, size and stride, whether they fit or not."""

    def __init__(
        self, storage, offset, size, stride, function=torch._utils._rebuild_tensor_v2, more=(False, {})
    ):
        self.call = (function, (storage, offset, size, stride, *more))

    def __reduce__(self):
        return self.call


class Pickler(pickle.Pickler):
    def persistent_id(self, value):
        return value.reference if isinstance(value, Storage) else None


def with_pickle(value, numbers: dict[str, bytes], **entries: bytes) -> bytes:
    buffer = io.BytesIO()
    Pickler(buffer, protocol=2).dump(value)
    members = {"data.pkl": buffer.getvalue(), "byteorder": b"little", "version": b"3\n"} | entries
    members |= {f"data/{key}": content for key, content in numbers.items()}
    return archive([(f"archive/{name}", content) for name, content in members.items()])


def lying_tensors() -> dict[str, bytes]:
    numbers = {"0": bytes(64)}  # sixteen float32

    def one(
        count=16, offset=0, size=(16,), stride=(1,), kind="FloatStorage", key="0", stored=numbers, **entries
    ):
        tensor = Tensor(Storage(kind, key, count), offset, size, stride)
        state = {
            "format": "minicyclegan-1",
            "config": {},
            "step": 0,
            "average": None,
            "model": {"generator_ab.x": tensor},
        }
        return with_pickle(state, stored, **entries)

    return {
        "the honest one, which has no configuration": one(),
        "an offset behind the end": one(offset=17),
        "an offset a little before the end": one(offset=8),
        "an offset of minus one": one(offset=-1),
        "an offset of 2**62": one(offset=2**62),
        "an offset of 2**70": one(offset=2**70),
        "an offset that is text": one(offset="0"),
        "more numbers than stored": one(size=(17,)),
        "a terabyte": one(size=(2**38,)),
        "2**62 times four bytes": one(size=(2**62,)),
        "a size that overflows": one(size=(2**32, 2**32), stride=(2**32, 1)),
        "a negative size": one(size=(-1,)),
        "a stride that leads out": one(size=(2, 8), stride=(2**40, 1)),
        "a negative stride": one(stride=(-1,)),
        "a stride of zero": one(size=(2**40,), stride=(0,)),
        "more strides than sizes": one(stride=(1, 1, 1)),
        "ten thousand dimensions": one(size=(1,) * 10_000, stride=(1,) * 10_000),
        "a storage that claims a gigabyte": one(count=2**28, size=(2**28,)),
        "a storage that claims 2**62 numbers": one(count=2**62),
        "a storage of minus one number": one(count=-1),
        "a storage whose count is text": one(count="16"),
        "a storage that is smaller than stored": one(count=8, size=(8,)),
        "an empty storage": one(count=0, size=(0,)),
        "a storage of bytes": one(kind="ByteStorage", count=64, size=(64,)),
        "a storage of doubles": one(kind="DoubleStorage", count=16),
        "a storage that is not there": one(key="7"),
        "a storage outside of its folder": one(key="../data.pkl", count=5),
        "a storage with a long name": one(key="x" * 60_000),
        "a storage with a zero byte in its name": one(key="0\0x"),
        "numbers that nothing refers to": one(stored=numbers | {"1": bytes(2**20)}),
        "another byte order": one(byteorder=b"big"),
        "an invalid byte order": one(byteorder=b"\xff" * 100),
        "an invalid alignment": one(**{".format_version": b"x", ".storage_alignment": b"-1"}),
        "a tensor rebuilt on another device": with_pickle(
            {
                "format": "minicyclegan-1",
                "model": Tensor(
                    "float32",
                    (3,),
                    torch.float32,
                    "meta",
                    function=torch._utils._rebuild_meta_tensor_no_storage,
                    more=(),
                ),
            },
            numbers,
        ),
    }


def two_faced_archives(good: bytes) -> dict[str, bytes]:
    """Zip files whose directory at the end and whose entries say different things."""
    with zipfile.ZipFile(io.BytesIO(good)) as file:
        entries = file.infolist()
        members = [(entry.filename, file.read(entry)) for entry in entries]
    largest = max(entries, key=lambda entry: entry.file_size)
    directory = good.index(b"PK\x01\x02")
    end = good.rindex(b"PK\x05\x06")

    def changed(at: int, content: bytes) -> bytes:
        return good[:at] + content + good[at + len(content) :]

    name = largest.filename.encode()
    in_directory = good.index(name, directory) - 46
    other = [(n.replace(members[0][0].split("/")[0], "other", 1), bytes(len(c))) for n, c in members]
    made = {
        "a size of four billion in the directory": changed(in_directory + 20, b"\xfe\xff\xff\xff" * 2),
        "a size of nothing in the directory": changed(in_directory + 20, bytes(8)),
        "an entry that starts elsewhere": changed(in_directory + 42, struct.pack("<I", len(good) // 2)),
        "an entry that starts behind the end": changed(in_directory + 42, b"\xfe\xff\xff\xff"),
        "an entry with a password": changed(in_directory + 8, b"\x01\x00"),
        "an entry packed by a method of another time": changed(in_directory + 10, b"\x63\x00"),
        "another name in the entry than in the directory": changed(largest.header_offset + 30, b"X"),
        "sixty thousand entries": changed(end + 8, b"\xff\xfe\xff\xfe"),
        "no entries": changed(end + 8, bytes(4)),
        "a directory elsewhere": changed(end + 16, struct.pack("<I", directory + 1)),
        "two archives, one behind the other": good + archive(other),
        "two folders in one archive": archive(members + other),
        "two folders, the wrong one first": archive(other + members),
        "ten thousand entries more": archive(members + [(f"archive/data/x{i}", b"") for i in range(10_000)]),
        "names with escapes": archive([(f"\x1b[31m{n}", c) for n, c in members]),
        "names with backslashes": archive([(n.replace("/", "\\"), c) for n, c in members]),
        "absolute names": archive([(f"/{n}", c) for n, c in members]),
        "names in capitals": archive([(n.upper(), c) for n, c in members]),
        "packed with bzip2": archive(members, zipfile.ZIP_BZIP2),
        "packed with lzma": archive(members, zipfile.ZIP_LZMA),
        "a gigabyte of zeros after the archive's start": archive(
            [*members, ("archive/zeros", bytes(2**24))], zipfile.ZIP_DEFLATED
        ),
        "a program before the archive": b"#!/bin/sh\ntouch executed\n" + good,
        "a note after the archive": good + b"touch executed\n" * 10,
    }
    return made


def pickles_of_codes() -> dict[str, bytes]:
    """Pickles written by hand, opcode by opcode, in an archive that is otherwise right."""
    codes = {
        "a global of os": b"\x80\x02cos\nsystem\nX\x0e\x00\x00\x00touch executed\x85R.",
        "a global by stack": b"\x80\x04\x8c\x05posix\x8c\x06system\x93\x8c\x0etouch executed\x85R.",
        "an instance": b"\x80\x02(X\x0e\x00\x00\x00touch executedios\nsystem\n.",
        "an object": b"\x80\x02(cos\nsystem\nX\x0e\x00\x00\x00touch executedo.",
        "a build": b"\x80\x02ccollections\nOrderedDict\n)R}X\x08\x00\x00\x00__call__cos\nsystem\nsb.",
        "an allowed function with wrong arguments": b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n)R.",
        "an allowed function with a dict": b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n}R.",
        "a huge memo": b"\x80\x02Nr\xff\xff\xff\x7f.",
        "a memo that is not there": b"\x80\x02j\xff\xff\xff\x7f.",
        "an empty stack": b"\x80\x020.",
        "ten thousand marks": b"\x80\x02" + b"(" * 10_000 + b".",
        "a tuple of a hundred thousand tuples": b"\x80\x02)" + b"\x85" * 100_000 + b".",
        "protocol 200": b"\x80\xc8N.",
        "an extension": b"\x80\x02\x82\x01.",
        "a number of a million digits": b"\x80\x02\x8b\xff\xff\xff\x7f" + b"\xff" * 1000 + b".",
        "a reference that is no storage": b"\x80\x02X\x07\x00\x00\x00storageQ.",
        "a reference that is a number": b"\x80\x02K\x05Q.",
        "a dict that holds itself": b"\x80\x02}q\x00X\x06\x00\x00\x00formatX\x0e\x00\x00\x00minicyclegan-1sX\x05\x00\x00\x00modelh\x00s.",
    }
    return {
        name: archive(
            [("archive/data.pkl", code), ("archive/byteorder", b"little"), ("archive/version", b"3\n")]
        )
        for name, code in codes.items()
    }


CORPORA = {
    "tensors": lambda good: lying_tensors(),
    "archives": two_faced_archives,
    "pickles": lambda good: pickles_of_codes(),
}


def read_corpus(corpus: str, reader: Reader, good: Path, folder: Path) -> dict:
    """Give every file of a corpus to the reading process; how many were refused, and how many read as the original."""
    from test_training import assert_same

    from minicyclegan.runs.checkpoint import read_checkpoint

    problems, path = {}, folder / "x.pt"
    found = {"files": 0, "refused": 0, "damage_in_unused_bytes": 0}
    for name, content in CORPORA[corpus](good.read_bytes()).items():
        path.write_bytes(content)
        verdict, sentence, seen = reader.read(path)
        found["files"] += 1
        if verdict == ACCEPTED and not seen:
            assert_same(read_checkpoint(path), read_checkpoint(good))  # damage in bytes that nothing needs
            found["damage_in_unused_bytes"] += 1
        elif verdict == REFUSED and not seen:
            found["refused"] += 1
        elif corpus == "tensors" and verdict == "accepted,refused,refused,refused" and not seen:
            found["refused"] += 1  # plain values, but no network
        else:
            problems[name] = (verdict, sentence[:500], seen)
    assert not problems, json.dumps(problems, indent=1)
    assert not Path("executed").exists() and not (folder / "executed").exists()
    return found


@pytest.mark.parametrize("corpus", CORPORA)
def test_a_checkpoint_that_lies_with_right_checksums_is_refused_and_reads_no_foreign_memory(
    reader, good, tmp_path, corpus
):
    found = read_corpus(corpus, reader, good, tmp_path)
    assert found["refused"] > found["files"] / 2


@pytest.mark.long
def test_all_lying_checkpoints_are_refused_within_the_stated_memory(good, tmp_path):
    reader, totals = Reader(), {}
    for corpus in CORPORA:
        for name, count in read_corpus(corpus, reader, good, tmp_path).items():
            totals[name] = totals.get(name, 0) + count
    reader.process.kill()
    reader.process.wait()
    extra = round(reader.peak - memory_of_an_idle_process())
    assert extra < BOUND_MIB
    record(
        "checkpoints_structured",
        **totals,
        wrong_exceptions=0,
        crashes=0,
        hangs=0,
        executed=0,
        memory_on_top_of_an_idle_process_in_mib=extra,
        bound_mib=BOUND_MIB,
    )


def test_a_tensor_that_is_read_holds_only_numbers_of_its_file(tmp_path):
    """Whatever a lying tensor is read as, no value in it comes from other memory: all numbers in these files are zero."""
    from minicyclegan.errors import CheckpointError
    from minicyclegan.runs.checkpoint import read_checkpoint

    read = 0
    for name, content in lying_tensors().items():
        if any(word in name for word in ("terabyte", "2**62", "gigabyte", "overflows", "zero")):
            continue  # these are read in a process of their own above
        (tmp_path / "x.pt").write_bytes(content)
        try:
            tensor = read_checkpoint(tmp_path / "x.pt")["model"]["generator_ab.x"]
        except CheckpointError:
            continue
        read += 1
        assert tensor.numel() * tensor.element_size() <= 64 and not any(tensor.untyped_storage().tolist()), (
            name
        )
    assert 1 <= read < 10


@pytest.mark.long
def test_the_reader_reports_a_crash_and_goes_on_with_the_next_file(tmp_path, good):
    """The corpora above can fail: a process that dies is seen."""
    (tmp_path / "x.pt").write_bytes(good.read_bytes())
    reader = Reader()
    assert reader.read(tmp_path / "x.pt")[0] == ACCEPTED
    os.kill(reader.process.pid, 11)
    reader.process.wait()
    assert reader.read(tmp_path / "x.pt")[0] == ACCEPTED
    reader.process.kill()
    reader.process.wait()


def test_a_checkpoint_saved_by_torch_itself_without_changes_is_the_measure(reader, good, tmp_path):
    from minicyclegan.runs.checkpoint import read_checkpoint

    (tmp_path / "x.pt").write_bytes(saved(read_checkpoint(good)))
    assert reader.read(tmp_path / "x.pt")[0] == ACCEPTED
