"""The curves of a run's losses as SVG: no script, no file beside it, readable on light and on dark paper."""

import math
from html import escape

WIDTH, HEIGHT = 480, 266
LEFT, RIGHT, TOP, BOTTOM = 52, 468, 12, 222  # the corners of the field in which the curves are
MOST = 300  # points of a curve; where there are more records, neighbours are averaged
PANELS = {
    "Cycle and identity losses, with their weights": ("cycle", "identity"),
    "Contrast of patches, with its weight": ("nce", "nce_identity"),
    "Adversarial losses": ("gan_ab", "gan_ba", "discriminator_a", "discriminator_b"),
    "L1 error on held-out pictures": ("held_out_ab", "held_out_ba"),
}
WORDS = {
    "nce": "inputs",
    "nce_identity": "pictures of the target domain",
    "gan_ab": "generator A to B",
    "gan_ba": "generator B to A",
    "discriminator_a": "discriminator of A",
    "discriminator_b": "discriminator of B",
    "held_out_ab": "A to B",
    "held_out_ba": "B to A",
}

# The number of a curve's colour and dashes on the page. A direction has the colour of the domain it leads to: blue or orange
LINES = {"gan_ba": 0, "held_out_ba": 0, "gan_ab": 1, "held_out_ab": 1, "cycle": 2, "discriminator_a": 2}
LINES |= {"identity": 3, "discriminator_b": 3, "nce": 2, "nce_identity": 3}


def points_of(records: list[dict], name: str) -> list[tuple[float, float]]:
    """(step, value) of one loss, at most MOST of them; what is not a finite number is left out."""
    found = [
        (r["step"], r[name])
        for r in records
        if isinstance(r.get(name), (int, float)) and math.isfinite(r[name])
    ]
    n = math.ceil(len(found) / MOST) or 1
    parts = [found[first : first + n] for first in range(0, len(found), n)]
    return [(sum(x for x, _ in part) / len(part), sum(y for _, y in part) / len(part)) for part in parts]


def ticks(low: float, high: float, most: int = 5) -> list[float]:
    """Round numbers from below `low` to above `high`, at most about `most` gaps between them."""
    gap = max(high - low, 1e-9) / most
    power = 10.0 ** math.floor(math.log10(gap))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= gap * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(k * step, 12) for k in range(first, last + 1)]


def curves(records: list[dict]) -> str:
    """HTML: a figure for each panel of PANELS whose losses are in the records of a metrics.jsonl; a sentence where there are none."""
    figures = []
    for title, names in PANELS.items():
        lines = {name: points for name in names if (points := points_of(records, name))}
        if lines:
            figures.append(panel(title, lines))
    if not figures:
        return "<p>No losses were recorded beside this checkpoint.</p>"
    return f'<div class="curves">\n{chr(10).join(figures)}\n</div>'


def panel(title: str, lines: dict[str, list[tuple[float, float]]]) -> str:
    """One figure: axes with numbers, a curve for each loss by name, and the names in words with their colours below."""
    xs = [x for points in lines.values() for x, _ in points]
    ys = [y for points in lines.values() for _, y in points]
    last = max(*xs, 1)
    across = [x for x in ticks(0, last) if x <= last]
    up = ticks(min(0, *ys, 0), max(*ys, 1e-6))

    def place(x: float, y: float) -> str:
        height = (y - up[0]) / (up[-1] - up[0]) * (BOTTOM - TOP)
        return f"{LEFT + x / last * (RIGHT - LEFT):.1f},{BOTTOM - height:.1f}"

    parts = []
    for y in up:
        height = place(0, y).split(",")[1]
        parts.append(f'<path class="grid" d="M{LEFT} {height}H{RIGHT}"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{float(height) + 5:.1f}" text-anchor="end">{y:g}</text>')
    for x in across:
        parts.append(
            f'<text x="{place(x, up[0]).split(",")[0]}" y="{BOTTOM + 18}" text-anchor="middle">{x:,g}</text>'
        )
    parts.append(f'<text x="{(LEFT + RIGHT) / 2}" y="{BOTTOM + 38}" text-anchor="middle">step</text>')
    for name, points in lines.items():
        if len(points) == 1:
            x, y = place(*points[0]).split(",")
            parts.append(f'<circle class="line{LINES[name]}" cx="{x}" cy="{y}" r="3"/>')
        drawn = " ".join(place(*point) for point in points)
        parts.append(f'<polyline class="line{LINES[name]}" points="{drawn}"/>')
    said = "; ".join(
        f"{WORDS.get(name, name)} from {points[0][1]:.3g} at step {points[0][0]:,.0f} to {points[-1][1]:.3g} at step {points[-1][0]:,.0f}"
        for name, points in lines.items()
    )
    legend = "".join(
        f'<li><svg aria-hidden="true" width="30" height="10"><path class="line{LINES[name]}" d="M1 5H29"/></svg> '
        f"{escape(WORDS.get(name, name))}</li>"
        for name in lines
    )
    return (
        f'<figure><svg role="img" aria-label="{escape(f"{title}: {said}", quote=True)}" viewBox="0 0 {WIDTH} {HEIGHT}">'
        f"{''.join(parts)}</svg><figcaption><strong>{escape(title)}</strong><ul>{legend}</ul></figcaption></figure>"
    )
