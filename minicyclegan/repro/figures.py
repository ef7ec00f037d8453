"""Compare figures by the squares of their panels, for `minicyclegan repro`."""

import numpy as np

from minicyclegan.repro.pictures import facts_of_figure, pngs_of, squares
from minicyclegan.repro.tolerances import FIGURES, difference

AROUND = 25  # of 255: how far the colour around the panels may be off on another machine


def apart(old: dict, new: dict) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The squares of two panels that neither has covered by words, from 0 to 1, and their numbers from 1."""
    a, b = squares(old).reshape(-1, 4), squares(new).reshape(-1, 4)
    both = (a[:, 3] > 0) & (b[:, 3] > 0)
    return a[both][:, :3] / 255, b[both][:, :3] / 255, np.flatnonzero(both) + 1


def difference_of_figures(what: str, old: dict, new: dict, exactly: bool) -> list[dict]:
    """At most one difference: that of the panel which is furthest off, if any is further than allowed."""
    if old["hash"] == new["hash"]:
        return []
    if not ("panels" in old and "panels" in new):
        return [difference(f"{what}: hash of the pixels", old["hash"], new["hash"])]
    if len(old["panels"]) != len(new["panels"]):
        return [difference(f"{what}: number of panels", len(old["panels"]), len(new["panels"]))]
    sizes = FIGURES["trained" if new.get("kind") == "trained" else "drawn"]
    tolerance = (
        "exact" if exactly else "{:g} in the mean, {:g} root mean square, {:g} in a square".format(*sizes)
    )
    off = []
    for number, panels in enumerate(zip(old["panels"], new["panels"]), 1):
        a, b, places = apart(*panels)
        if not len(places):
            continue
        by = b - a
        seen = abs(by.mean()), np.sqrt((by**2).mean()), abs(by).max()
        share = max(one / size for one, size in zip(seen, sizes))
        if share > (0 if exactly else 1):
            k = int(abs(by).mean(1).argmax())
            everywhere = seen[0] > 0.5 * abs(by[k].mean())  # and not only in one corner
            where = "" if everywhere else f", square {places[k]} of 64"
            pair = (a.mean(), b.mean()) if everywhere else (a[k].mean(), b[k].mean())
            off.append((share, f"panel {number} of {len(new['panels'])}{where}", pair))
    if off:
        _, where, pair = max(off)
        others = f" (and of {len(off) - 1} more)" if len(off) > 1 else ""
        pair = (round(float(value), 4) for value in pair)
        return [difference(f"{what}: brightness of {where}{others}", *pair, tolerance)]
    if max(abs(a - b) for a, b in zip(old["around"], new["around"])) > (0 if exactly else AROUND):
        return [difference(f"{what}: colour around the panels", old["around"], new["around"], tolerance)]
    return [difference(f"{what}: hash of the pixels", old["hash"], new["hash"])] if exactly else []


def name_of_figure(cell: dict, number: int, alt: str) -> str:
    words = alt if len(alt) <= 60 else alt[:57].rstrip() + "..."
    return f'code cell {number} (`{cell["first_line"]}`), the figure "{words}"'


def left_out_elsewhere(old: dict, new: dict) -> str:
    """Why two figures that were drawn on different machines are not compared; empty if they are."""
    if new.get("kind") == "rounding":
        return "what they show is decided by rounding, and they were drawn on another machine"
    if not ("panels" in old and "panels" in new):
        return "they do not say where their panels are, and were drawn on another machine"
    return ""


def compare_figures(
    old: list[dict], new: list[dict], pairs: list[tuple[int, int]], exactly: bool
) -> tuple[list[dict], dict]:
    """Differences of the figures in cells that belong together; how many were compared, and why others were left out."""
    found, left_out, compared = [], {}, 0

    def leave_out(reason: str, number: int) -> None:
        if number:
            left_out[reason] = left_out.get(reason, 0) + number

    for i, j in pairs:
        a, b = old[i].get("figures"), new[j].get("figures", [])
        if new[j]["text"] is None:
            leave_out("their cells say that their output varies (nbval-ignore-output)", len(b))
            continue
        if a is None:
            leave_out("the reference was made before figures were compared; --update adds them", len(b))
            continue
        if len(a) != len(b):
            what = f"code cell {j + 1} (`{new[j]['first_line']}`): number of figures"
            found.append(difference(what, len(a), len(b)))
        for k, (one, other) in enumerate(zip(a, b)):
            reason = "" if exactly or one["hash"] == other["hash"] else left_out_elsewhere(one, other)
            if reason:
                leave_out(reason, 1)
                continue
            compared += 1
            figure = {"cell": j + 1, "number": k + 1, "alt": other["alt"]}
            kept = {"old": {"cell": i, "figure": k}}
            what = name_of_figure(new[j], j + 1, other["alt"])
            found += [
                d | {"figure": figure, **kept} for d in difference_of_figures(what, one, other, exactly)
            ]
    return found, {"compared": compared, "left out": left_out}


def stale_figures(committed: list, cells: list[dict], executed: list) -> list[dict]:
    """Figures in a notebook's file that are not those which the notebook gives, whoever drew them, as differences.

    `committed` and `executed` are the code cells of both, `cells` what is kept of the latter. Where a figure in the file does
    not say where its panels are, those of the new one hold, if both have the same size.
    """
    found = []
    for number, (old, facts, new) in enumerate(zip(committed, cells, executed), 1):
        if facts["text"] is None:
            continue
        for k, ((png, about), (_, about_new), b) in enumerate(
            zip(pngs_of(old), pngs_of(new), facts["figures"])
        ):
            a = facts_of_figure(png, about)
            if "panels" not in a and a["size"] == b["size"]:
                a = facts_of_figure(png, about_new)
            if left_out_elsewhere(a, b):
                continue
            what = name_of_figure(facts, number, b["alt"]) + " in the notebook's file"
            figure = {"cell": number, "number": k + 1, "alt": b["alt"]}
            found += [d | {"figure": figure} for d in difference_of_figures(what, a, b, exactly=False)]
    return found
