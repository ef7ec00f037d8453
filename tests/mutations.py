"""Damage to a file's bytes, the kinds that bad disks, broken downloads and unkind people make."""

import random
import struct
import zlib


def mutate(data: bytes, rng: random.Random) -> tuple[str, bytes]:
    """One damaged copy and the name of what was done to it. The same random numbers give the same damage."""
    kind = rng.choice(
        ("flip bits", "cut off", "zeros", "noise", "swap", "repeat", "remove", "insert", "extreme")
    )
    damaged = bytearray(data)
    at = rng.randrange(len(data))
    length = min(rng.choice((1, 2, 4, 16, 64, 512)), len(data) - at)
    if kind == "flip bits":
        for _ in range(rng.choice((1, 2, 8, 64))):
            damaged[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    elif kind == "cut off":
        del damaged[at:]
    elif kind == "zeros":
        damaged[at : at + length] = bytes(length)
    elif kind == "noise":
        damaged[at : at + length] = rng.randbytes(length)
    elif kind == "swap":
        other = rng.randrange(len(data) - length + 1)
        damaged[at : at + length], damaged[other : other + length] = (
            data[other : other + length],
            data[at : at + length],
        )
    elif kind == "repeat":
        damaged[at:at] = data[at : at + length]
    elif kind == "remove":
        del damaged[at : at + length]
    elif kind == "insert":
        damaged[at:at] = rng.randbytes(length)
    elif kind == "extreme":  # a length or a size that says "four billion"
        damaged[at : at + 4] = rng.choice(
            (b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\xff\xff\xff\x7f", bytes(4))
        )
    return kind, bytes(damaged)


# Pictures: damage that knows the format, so that it passes the first checks (signature, checksums) and goes deep


def png_chunks(data: bytes) -> list[tuple[bytes, bytes]]:
    """The chunks of a whole PNG file as (type, content)."""
    chunks, at = [], 8
    while at < len(data):
        length = int.from_bytes(data[at : at + 4], "big")
        chunks.append((data[at + 4 : at + 8], data[at + 8 : at + 8 + length]))
        at += 12 + length
    return chunks


def png_file(chunks: list[tuple[bytes, bytes]]) -> bytes:
    """A PNG file of these chunks, with right lengths and right checksums."""
    parts = [b"\x89PNG\r\n\x1a\n"]
    for kind, content in chunks:
        check = zlib.crc32(kind + content).to_bytes(4, "big")
        parts += [len(content).to_bytes(4, "big"), kind, content, check]
    return b"".join(parts)


def mutate_png(data: bytes, rng: random.Random) -> tuple[str, bytes]:
    """Damage inside one chunk, or chunks lost, doubled or in another order; every checksum is right."""
    chunks = png_chunks(data)
    at = rng.randrange(len(chunks))
    kind, content = chunks[at]
    how = rng.choice(("header", "inside", "inside", "packed", "lost", "twice", "moved", "type", "new"))
    if how == "header":  # width, height, depth, colour type, compression, filter, interlacing
        header = list(struct.unpack(">IIBBBBB", chunks[0][1]))
        field = rng.randrange(7)
        header[field] = rng.choice(EXTREMES) % 2**32 if field < 2 else rng.choice((0, 1, 3, 7, 16, 255))
        chunks[0] = (b"IHDR", struct.pack(">IIBBBBB", *header))
    elif how == "inside" and content:
        chunks[at] = (kind, mutate(content, rng)[1])
    elif how == "packed":  # the pixels' filter bytes and values, packed again: zlib finds nothing wrong
        packed = [i for i, chunk in enumerate(chunks) if chunk[0] == b"IDAT"]
        content = zlib.decompress(b"".join(chunks[i][1] for i in packed))
        chunks[packed[0] : packed[-1] + 1] = [(b"IDAT", zlib.compress(mutate(content, rng)[1]))]
    elif how == "lost":
        del chunks[at]
    elif how == "twice":
        chunks.insert(rng.randrange(len(chunks)), chunks[at])
    elif how == "moved":
        chunks.insert(rng.randrange(len(chunks)), chunks.pop(at))
    elif how == "type":
        chunks[at] = (rng.choice((b"tRNS", b"PLTE", b"fcTL", b"acTL", b"iCCP", b"eXIf", b"IEND")), content)
    else:
        names = (
            b"tRNS",
            b"gAMA",
            b"cHRM",
            b"pHYs",
            b"eXIf",
            b"iCCP",
            b"zTXt",
            b"iTXt",
            b"tEXt",
            b"acTL",
            b"fcTL",
            b"fdAT",
        )
        chunks.insert(1, (rng.choice(names), rng.randbytes(rng.choice((0, 1, 4, 9, 26, 300)))))
    return f"png {how}", png_file(chunks)


EXTREMES = (0, 1, 2, 3, 255, 2**15, 2**16 - 1, 2**31 - 1, 2**31, 2**32 - 1, 30_000, 100_000)


def jpeg_fields(data: bytes) -> list[tuple[int, int, str]]:
    """Where a JPEG file keeps lengths, sizes and tables, up to the first scan: (offset, bytes, byte order)."""
    fields, at = [], 2
    while at + 4 < len(data) and data[at] == 0xFF:
        marker, length = data[at + 1], int.from_bytes(data[at + 2 : at + 4], "big")
        fields.append((at + 2, 2, "big"))
        # Precision, height, width, number of components, and for each id, sampling, table
        if 0xC0 <= marker <= 0xC2:
            fields += [(at + 4, 1, "big"), (at + 5, 2, "big"), (at + 7, 2, "big")] * 2
        fields += [(i, 1, "big") for i in range(at + 4, min(at + 2 + length, at + 40))]
        if marker == 0xDA:
            break
        at += 2 + length
    return fields


def gif_fields(data: bytes) -> list[tuple[int, int, str]]:
    """Where a GIF file keeps the size of its canvas, its flags, and each frame's place, size and first block."""
    fields = [(6, 2, "little"), (8, 2, "little"), (10, 1, "little"), (11, 1, "little")]
    at = 13 + (3 * 2 ** ((data[10] & 7) + 1) if data[10] & 0x80 else 0)
    while at < len(data) and data[at] in (0x21, 0x2C):
        if data[at] == 0x2C:
            fields += [(at + i, 2, "little") for i in (1, 3, 5, 7)] + [(at + 9, 1, "little")]
            at += 10 + (3 * 2 ** ((data[at + 9] & 7) + 1) if data[at + 9] & 0x80 else 0)
            fields.append((at, 1, "little"))  # the smallest code of the packed pixels
            at += 1
        else:
            fields.append((at + 1, 1, "little"))
            at += 2
        while at < len(data) and data[at]:  # blocks, each after its length
            fields.append((at, 1, "little"))
            at += 1 + data[at]
        at += 1
    return fields


def webp_fields(data: bytes) -> list[tuple[int, int, str]]:
    """Where a WEBP file keeps the lengths of its chunks, and the first bytes of each: canvas, flags, frame sizes."""
    fields, at = [(4, 4, "little")], 12
    while at + 8 < len(data):
        length = int.from_bytes(data[at + 4 : at + 8], "little")
        fields += [(at, 4, "little"), (at + 4, 4, "little")]
        fields += [(at + 8 + i, 1, "little") for i in range(min(24, length))]
        if data[at : at + 4] in (b"VP8X", b"ANMF"):
            first = at + 12 if data[at : at + 4] == b"VP8X" else at + 14
            fields += [(first, 3, "little"), (first + 3, 3, "little")] * 2
        at += 8 + length + length % 2
    return fields


def tiff_fields(data: bytes) -> list[tuple[int, int, str]]:
    """Where a TIFF file keeps its directories: each entry's tag, type, count and value, and the way to the next one."""
    order = "little" if data[:2] == b"II" else "big"
    fields, at = [(4, 4, order)], int.from_bytes(data[4:8], order)
    while 0 < at < len(data) - 2:
        entries = int.from_bytes(data[at : at + 2], order)
        fields.append((at, 2, order))
        for entry in range(at + 2, at + 2 + 12 * entries, 12):
            fields += [(entry, 2, order), (entry + 2, 2, order), (entry + 4, 4, order)]
            fields += [(entry + 8, 4, order)] * 2 + [(entry + 8, 2, order)] * 2
        fields.append((at + 2 + 12 * entries, 4, order))
        at = int.from_bytes(data[at + 2 + 12 * entries : at + 6 + 12 * entries], order)
    return fields


def bmp_fields(data: bytes) -> list[tuple[int, int, str]]:
    """Where a BMP file keeps sizes, depth, packing, number of colours and the place of its pixels."""
    wide = [(i, 4, "little") for i in (2, 10, 14, 18, 22, 30, 34, 38, 42, 46, 50)]
    return wide + [(26, 2, "little"), (28, 2, "little")] * 2 + [(i, 4, "little") for i in (18, 22, 30)]


PICTURE_FIELDS = {
    b"\xff\xd8": jpeg_fields,
    b"GIF8": gif_fields,
    b"RIFF": webp_fields,
    b"II*\x00": tiff_fields,
    b"MM\x00*": tiff_fields,
    b"BM": bmp_fields,
}


def mutate_picture(data: bytes, rng: random.Random) -> tuple[str, bytes]:
    """One picture file, damaged where its format keeps lengths, sizes, flags, tables and offsets."""
    if data.startswith(b"\x89PNG"):
        return mutate_png(data, rng)
    find = next((find for start, find in PICTURE_FIELDS.items() if data.startswith(start)), None)
    if find is None:
        return mutate(data, rng)
    fields, damaged = find(data), bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        at, length, order = rng.choice(fields)
        # an extreme, a neighbour of the right value, the end of the file, or the field's own place: a loop
        right = int.from_bytes(data[at : at + length], order)
        value = rng.choice((*EXTREMES, right + 1, right - 1, right * 2, len(data), at))
        damaged[at : at + length] = (value % 256**length).to_bytes(length, order)
    return find.__name__.replace("_", " "), bytes(damaged)
