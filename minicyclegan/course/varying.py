"""Numbers that vary between machines, shown to the reader and still compared.

A notebook prints `≈ 0.034 ± 0.005` where another machine may find something else: rounding differs between processors, and a
training makes more of it. A number with this mark counts as the same within what stands behind ±, or without that within two
units of its last digit. Everything else in an output must be the same to the letter.
"""

import re
from decimal import Decimal

MARKED = re.compile(
    r"≈ ?(-?\d[\d,]*(?:\.\d+)?(?:e[-+]?\d+)?)(?:( ?%)? ± (\d[\d,]*(?:\.\d+)?(?:e[-+]?\d+)?))?"
)


def value(text: str) -> Decimal:
    return Decimal(text.replace(",", ""))


def allowed(text: str, stated: str | None) -> Decimal:
    """How far another machine's number may be from this one."""
    return value(stated) if stated else Decimal(2).scaleb(value(text).as_tuple().exponent)


def settled(expected: str, got: str) -> str:
    """`got`, with each marked number that is near enough as `expected` has it: equal to `expected` if nothing else differs."""
    known, pieces, end = list(MARKED.finditer(expected)), [], 0
    found = list(MARKED.finditer(got))
    if len(known) != len(found):
        return got
    for old, new in zip(known, found):
        near = old[3] == new[3] and abs(value(old[1]) - value(new[1])) <= allowed(old[1], old[3])
        pieces += [got[end : new.start()], old[0] if near else new[0]]
        end = new.end()
    return "".join(pieces) + got[end:]


def settle_outputs(expected: list, got: list) -> None:
    """Give outputs of a cell, in place, the committed numbers wherever they are near enough."""
    for old, new in zip(expected, got):
        if "text" in old and "text" in new:
            new["text"] = settled(old["text"], new["text"])
        for kind in ("text/plain", "text/html"):
            texts = [output.get("data", {}).get(kind) for output in (old, new)]
            if all(isinstance(text, str) for text in texts):
                new["data"][kind] = settled(*texts)
