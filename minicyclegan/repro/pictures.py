"""What a figure shows, as a few numbers for each of its panels, so that figures can be compared like other results.

Another version of matplotlib has other fonts, and with them panels that are a little larger or lie a little elsewhere. So each panel
is compared by itself: cut out, without the pixels that words cover, as the mean colours of GRID x GRID squares.
Where a figure's panels are is written beside it in the notebook (widgets/panels.py).
"""

import base64
import hashlib
import io

import numpy as np
from PIL import Image

GRID, EDGE = 8, 2  # squares along a side; pixels along a panel's edge that are not looked at: its frame
# Figures that another machine draws a little differently, by the first words of their texts: they show what was just trained
TRAINED = {
    "02_generator": ("three scenes: two that were trained on", "five versions of one summer scene"),
    "06_cyclegan": ("Four summer test pictures, their first rough translations",),
    "07_train": ("",),
}
# Figures that it draws altogether differently: in an even grey a norm finds nothing but the rounding, and makes a picture of it
ROUNDING = {"00_whole_game": ("A summer landscape at 200 px",)}
NEEDED = 0.5  # share of a square's pixels that must be free of words


def decoded(png: bytes) -> np.ndarray:
    """A picture as uint8 (height, width, 3); what is transparent is white."""
    with Image.open(io.BytesIO(png)) as image:
        page = Image.new("RGBA", image.size, "white")
        page.alpha_composite(image.convert("RGBA"))
    return np.asarray(page.convert("RGB"))


def squares_of(pixels: np.ndarray, free: np.ndarray) -> np.ndarray:
    """Mean colours of the squares of a panel, uint8 (GRID, GRID, 4): red, green, blue, and 1 where enough is free of words.

    A square's border may run through a pixel, which then counts for both sides with its share: no step from one size of a
    panel to the next.
    """
    weights = []
    for side in pixels.shape[:2]:
        ends = np.linspace(0, side, GRID + 1)
        at = np.arange(side)
        weights.append(np.clip(np.minimum(ends[1:, None], at + 1) - np.maximum(ends[:-1, None], at), 0, None))
    down, across = weights
    counted, whole = (down @ plane @ across.T for plane in (free.astype(float), np.ones(free.shape)))
    sums = np.stack([down @ (pixels[..., c] * free) @ across.T for c in range(3)], -1)
    means = sums / np.maximum(counted, 1e-9)[..., None]
    enough = (counted >= NEEDED * whole)[..., None]
    return np.concatenate([(means * enough).round(), enough], -1).astype(np.uint8)


def facts_of_figure(png: bytes, about: dict) -> dict:
    """What is kept of a figure. `about` is what its notebook says of it; without `panels` there, only the hash can be compared."""
    pixels = decoded(png)
    height, width = pixels.shape[:2]
    facts = {"alt": about.get("alt", ""), "size": [width, height]}
    facts["hash"] = hashlib.sha256(str(pixels.shape).encode() + pixels.tobytes()).hexdigest()[:16]
    if not about.get("panels"):
        return facts
    free, outside = np.ones((height, width), bool), np.ones((height, width), bool)
    for left, top, right, bottom in about.get("words", []):
        free[max(0, top - 1) : bottom + 1, max(0, left - 1) : right + 1] = False
    panels = []
    for left, top, right, bottom in about["panels"]:
        outside[max(0, top - EDGE) : bottom + EDGE, max(0, left - EDGE) : right + EDGE] = False
        inside = slice(max(0, top + EDGE), bottom - EDGE), slice(max(0, left + EDGE), right - EDGE)
        if min(pixels[inside].shape[:2]) < GRID:
            continue
        squares = base64.b64encode(squares_of(pixels[inside], free[inside]).tobytes()).decode()
        panels.append({"box": [left, top, right, bottom], "squares": squares})
    around = np.median(pixels[outside], 0) if outside.any() else np.full(3, 255.0)
    return facts | {"around": [round(float(c)) for c in around], "panels": panels}


def pngs_of(cell) -> list[tuple[bytes, dict]]:
    """The pictures among the outputs of a code cell, each with what the notebook says of it."""
    return [
        (base64.b64decode(output.data["image/png"]), output.get("metadata", {}).get("image/png", {}))
        for output in cell.outputs
        if "image/png" in output.get("data", {})
    ]


def figures_of(cell, notebook: str) -> list[dict]:
    """What is kept of the figures of a code cell. Raises OSError for one that is no picture."""
    found = [facts_of_figure(png, about) for png, about in pngs_of(cell)]
    for kind, table in (("trained", TRAINED), ("rounding", ROUNDING)):
        for one in found:
            if one["alt"].startswith(table.get(notebook, ())):
                one["kind"] = kind
    return found


def squares(panel: dict) -> np.ndarray:
    """The kept squares of a panel, uint8 (GRID, GRID, 4)."""
    return np.frombuffer(base64.b64decode(panel["squares"]), np.uint8).reshape(GRID, GRID, 4)
