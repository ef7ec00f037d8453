"""Damage to a file's bytes, the kinds that bad disks, broken downloads and unkind people make."""

import random


def mutate(data: bytes, dice: random.Random) -> tuple[str, bytes]:
    """One damaged copy and the name of what was done to it. The same dice give the same damage."""
    kind = dice.choice(
        ("flip bits", "cut off", "zeros", "noise", "swap", "repeat", "remove", "insert", "extreme")
    )
    damaged = bytearray(data)
    at = dice.randrange(len(data))
    length = min(dice.choice((1, 2, 4, 16, 64, 512)), len(data) - at)
    if kind == "flip bits":
        for _ in range(dice.choice((1, 2, 8, 64))):
            damaged[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
    elif kind == "cut off":
        del damaged[at:]
    elif kind == "zeros":
        damaged[at : at + length] = bytes(length)
    elif kind == "noise":
        damaged[at : at + length] = dice.randbytes(length)
    elif kind == "swap":
        other = dice.randrange(len(data) - length + 1)
        damaged[at : at + length], damaged[other : other + length] = (
            data[other : other + length],
            data[at : at + length],
        )
    elif kind == "repeat":
        damaged[at:at] = data[at : at + length]
    elif kind == "remove":
        del damaged[at : at + length]
    elif kind == "insert":
        damaged[at:at] = dice.randbytes(length)
    elif kind == "extreme":  # a length or a size that says "four billion"
        damaged[at : at + 4] = dice.choice(
            (b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\xff\xff\xff\x7f", bytes(4))
        )
    return kind, bytes(damaged)
