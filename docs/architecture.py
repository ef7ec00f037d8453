"""The house, drawn from its imports: `python docs/architecture.py` makes docs/architecture.png and the table in docs/ARCHITECTURE.md.

A unit is a module of the first floor or a whole sub-package. `FLOORS` says where each stands; everything else is read with
`ast` from minicyclegan/, imports inside functions included. The picture leaves out an arrow where other arrows already lead
from the same unit to the same unit; the table has them all.
"""

import ast
import functools
import re
from dataclasses import dataclass
from pathlib import Path

DOCS = Path(__file__).parent
PACKAGE = DOCS.parent / "minicyclegan"
PAGE, PICTURE = DOCS / "ARCHITECTURE.md", DOCS / "architecture.png"

# The order in which imports may run: a unit imports only units that stand before it
ORDER = (
    "first_edition errors parameters pictures seasons data generator discriminator gan_loss cycle_loss cyclegan patch_nce fast runs "
    "samples training distributed evaluation diagnosis course datasets quality translate widgets serve checks grading sweep "
    "repro cli train_distributed"
).split()
APART = "course.first_edition"  # a unit of its own: it imports nothing until somebody asks for a name of the first edition

# From the roof down: name and purpose of a floor, its colours (floor, boxes, ink), and for each unit where the middle of its
# box is (0 to 100; None: in its turn, with equal gaps) and a few words below its name
FLOORS = {
    ("Roof", "what one types"): (
        ("#f6e3d3", "#fdf4ec", "#a5561f"),
        {"train_distributed": (20, "torchrun"), "cli": (56, "minicyclegan …")},
    ),
    ("Second floor", "around the course"): (
        ("#dcebdd", "#f1f8f1", "#3a7344"),
        {
            "distributed": (6.5, "DDP, processes"),
            "widgets": (18.5, "figures, sliders"),
            "repro": (31, "the same again?"),
            "sweep": (43, "many runs"),
            "grading": (54.5, "a class"),
            "checks": (67, "the exercises"),
            "quality": (81, "tables, distance, twins"),
            "serve": (95, "app, ONNX"),
        },
    ),
    ("First floor", "the course"): (
        ("#d8e5f3", "#f0f6fc", "#2f6299"),
        {
            "seasons": (None, "01"),
            "data": (None, "01"),
            "generator": (None, "02"),
            "discriminator": (None, "03"),
            "gan_loss": (None, "04"),
            "cycle_loss": (None, "05"),
            "cyclegan": (None, "06"),
            "patch_nce": (None, "12"),
            "samples": (None, "07"),
            "training": (None, "07"),
            "evaluation": (None, "08"),
            "diagnosis": (None, "08b"),
            "translate": (None, "10"),
        },
    ),
    ("Mezzanine", "in between"): (
        ("#e9e1f0", "#f7f2fb", "#6c4d93"),
        {
            "fast": (51, "threads, norms"),
            "runs": (64, "checkpoints, locks"),
            "course": (79, "notebooks, cards, site"),
            "datasets": (93.5, "names, downloads"),
        },
    ),
    ("Ground floor", "for everybody"): (
        ("#e8e4d8", "#f8f6ef", "#6f6548"),
        {
            "first_edition": (9, "old names"),
            "pictures": (24, "files, batches ahead"),
            "errors": (38.5, "one sentence each"),
            "parameters": (53, "Config, its checks"),
        },
    ),
}


@dataclass(frozen=True)
class Import:
    """One import of a module of the package by another; both are named as behind `minicyclegan.`, "" is the package itself."""

    importer: str
    imported: str
    line: int
    late: bool  # inside a function: it waits until that is called


@functools.cache
def modules() -> dict[str, Path]:
    """Every module of the package by its name behind `minicyclegan.`; a sub-package stands for its __init__."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def unit_of(module: str) -> str:
    """The unit that a module belongs to; "" for the package itself, whose public names are not counted."""
    return APART.rpartition(".")[2] if module == APART else module.partition(".")[0]


@functools.cache
def imports() -> tuple[Import, ...]:
    """Every import within the package, in the order of the files and lines."""
    found = []
    for importer, path in modules().items():
        tree = ast.parse(path.read_text(encoding="utf-8"))
        functions = [node for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.Lambda))]
        late = {id(inner) for function in functions for inner in ast.walk(function)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module:
                names = [f"{node.module}.{alias.name}" for alias in node.names]
            else:
                continue
            for name in names:
                first, _, rest = name.partition(".")
                if first == "minicyclegan":  # either a module, or a name in one
                    imported = rest if rest in modules() else rest.rpartition(".")[0]
                    found.append(Import(importer, imported, node.lineno, id(node) in late))
    return tuple(sorted(set(found), key=lambda found: (found.importer, found.line, found.imported)))


@functools.cache
def arrows() -> dict[tuple[str, str], bool]:
    """From unit to unit, what imports what, in the order of the course; and whether all of these imports are late."""
    found, known = {}, {unit_of(module) for module in modules()} - {""}
    for misplaced in (known ^ set(ORDER), known ^ {unit for _, units in FLOORS.values() for unit in units}):
        if misplaced:
            raise ValueError(
                f"{', '.join(sorted(misplaced))}: give each unit its place in ORDER and FLOORS, and no other"
            )
    for one in imports():
        pair = unit_of(one.importer), unit_of(one.imported)
        if "" not in pair and pair[0] != pair[1] and one.importer != APART:
            found[pair] = found.get(pair, True) and one.late
    return dict(sorted(found.items(), key=lambda item: [ORDER.index(unit) for unit in item[0]]))


def against_the_order() -> list[str]:
    """Each import that leads to a unit which stands later in ORDER, as a line of text."""
    wrong = {(a, b) for a, b in arrows() if ORDER.index(b) > ORDER.index(a)}
    return [
        f"{one.importer}, line {one.line}, imports {one.imported}"
        for one in imports()
        if (unit_of(one.importer), unit_of(one.imported)) in wrong
    ]


def drawn() -> list[tuple[str, str]]:
    """The arrows that say something which no chain of other arrows says; one against the order is drawn in any case."""
    direct = {a: {y for x, y in arrows() if x == a and ORDER.index(y) < ORDER.index(x)} for a in ORDER}

    def within_reach(a: str) -> set[str]:
        return direct[a].union(*(within_reach(b) for b in direct[a]))

    return [(a, b) for a, b in arrows() if not any(b in within_reach(c) for c in direct[a])]


def table() -> str:
    """Markdown: each unit from the ground up, what it says of itself, and all that it imports."""
    lines = ["| unit | in its own words | imports |", "|---|---|---|"]
    for unit in ORDER:
        path = modules()[APART if unit == unit_of(APART) else unit]
        place, folder = (path.parent, "/") if path.stem == "__init__" else (path, "")
        said = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))).split("\n\n")[0]
        said = re.sub(r"\s*\((plumbing|docs/)[^)]*\)", "", " ".join(said.split())).replace("|", "\\|")
        used = ", ".join(b for a, b in arrows() if a == unit)
        link = f"../{place.relative_to(DOCS.parent).as_posix()}{folder}"
        lines.append(f"| [{unit}{folder}]({link}) | {said} | {used or 'nothing'} |")
    return "\n".join(lines)


def filled(text: str) -> str:
    """The page with the table between its marks made anew."""
    new = f"<!-- imports -->\n{table()}\n<!-- end -->"
    return re.sub(r"<!-- imports -->\n.*?<!-- end -->", lambda found: new, text, flags=re.DOTALL)


# The picture. Everything below is measured in pixels of a page that is WIDTH of them wide
WIDTH, HEIGHT, FLOOR, PANEL, BOX, LEFT, RIGHT = 1200, 702, 132, 120, 46, 58, 1192
INK, PAPER, LINE = "#1f2733", "#f7f5f0", "#566070"
Point = tuple[float, float]


@dataclass(frozen=True)
class Box:
    """The box of a unit: its middle, its width, and the number of its floor, counted from the roof."""

    x: float
    y: float
    width: float
    floor: int

    @property
    def ends(self) -> Point:
        return self.x - self.width / 2, self.x + self.width / 2


def name_of(unit: str) -> str:
    """A sub-package ends in a stroke."""
    return f"{unit}/" if unit in modules() and modules()[unit].stem == "__init__" else unit


@functools.cache
def boxes() -> dict[str, Box]:
    found = {}
    for floor, (_, units) in enumerate(FLOORS.values()):
        widths = [max(7.8 * len(name_of(unit)), 6.1 * len(words)) + 14 for unit, (_, words) in units.items()]
        gap = (RIGHT - LEFT - sum(widths)) / (len(widths) + 1)
        for k, (unit, (place, _)) in enumerate(units.items()):
            x = LEFT + sum(widths[:k]) + (k + 1) * gap + widths[k] / 2
            x = x if place is None else LEFT + place * (RIGHT - LEFT) / 100
            found[unit] = Box(x, HEIGHT - 8 - PANEL / 2 - FLOOR * floor, widths[k], floor)
    return found


def sides(a: str, b: str) -> tuple[str, str]:
    """The sides of their boxes at which the arrow from `a` to `b` begins and ends."""
    one, other = boxes()[a], boxes()[b]
    if one.floor != other.floor:
        return ("bottom", "top") if one.floor < other.floor else ("top", "bottom")
    low, high = sorted((one.x, other.x))
    if any(box.floor == one.floor and low < box.x < high for box in boxes().values()):
        return "top", "top"
    return ("left", "right") if other.x < one.x else ("right", "left")


def ports() -> dict[tuple[str, str], tuple[Point, Point]]:
    """Where each drawn arrow begins and ends, spread over the sides of the boxes in the order of the other ends."""
    at, found = {}, {}
    for a, b in drawn():
        for end, (unit, other, side) in enumerate(zip((a, b), (b, a), sides(a, b))):
            at.setdefault((unit, side), []).append((boxes()[other].x, a, b, end))
    for (unit, side), meeting in at.items():
        box = boxes()[unit]
        for k, (_, a, b, end) in enumerate(sorted(meeting), start=1):
            x = box.ends[side == "right"]
            if side in ("top", "bottom"):
                x = box.x + box.width * (k / (len(meeting) + 1) - 0.5)
            y = box.y + {"top": BOX / 2, "bottom": -BOX / 2}.get(side, 0)
            found.setdefault((a, b), [None, None])[end] = (x, y)
    return {pair: tuple(points) for pair, points in found.items()}


def curve(start: Point, end: Point) -> list[Point]:
    """The two inner corners and the end of a Bezier curve that begins and ends upright."""
    bend = (end[1] - start[1]) / 2
    return [(start[0], start[1] + bend), (end[0], end[1] - bend), end]


def meets_a_box(start: Point, end: Point, floor: int) -> bool:
    """Whether a curve comes nearer than 7 pixels to a box of this floor."""
    (x0, y0), ((x1, y1), (x2, y2), (x3, y3)) = start, curve(start, end)
    for t in (k / 100 for k in range(101)):
        weights = (1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3
        x, y = (
            sum(w * v for w, v in zip(weights, values)) for values in ((x0, x1, x2, x3), (y0, y1, y2, y3))
        )
        if any(
            box.floor == floor and box.ends[0] - 7 < x < box.ends[1] + 7 and abs(y - box.y) < BOX / 2 + 7
            for box in boxes().values()
        ):
            return True
    return False


def gaps() -> dict[tuple[str, str], list[Point]]:
    """For each arrow that must pass between the boxes of a floor, where it does: (x, the middle of the floor), on its way."""
    through, found = {}, {}
    for (a, b), (start, end) in ports().items():
        step = 1 if boxes()[a].floor < boxes()[b].floor else -1
        for floor in range(boxes()[a].floor + step, boxes()[b].floor, step):
            if boxes()[a].floor != boxes()[b].floor and meets_a_box(start, end, floor):
                row = sorted((box for box in boxes().values() if box.floor == floor), key=lambda box: box.x)
                edges = [LEFT, *(x for box in row for x in box.ends), RIGHT]
                wanted = start[0] + (end[0] - start[0]) * (start[1] - row[0].y) / (start[1] - end[1])
                gap = min(
                    zip(edges[::2], edges[1::2]), key=lambda gap: max(gap[0] - wanted, wanted - gap[1], 0)
                )
                through.setdefault((floor, gap), []).append((start[0] + end[0], a, b, row[0].y))
    for (_, (low, high)), passing in through.items():
        for k, (_, a, b, y) in enumerate(sorted(passing), start=1):
            found.setdefault((a, b), []).append((low + (high - low) * k / (len(passing) + 1), y))
    return found


def way(a: str, b: str) -> list[Point]:
    """The corners of the Bezier curves from `a` to `b`: up or down, through gaps where it must be, or along a floor."""
    start, end = ports()[a, b]
    if sides(a, b)[0] in ("left", "right"):
        third = (end[0] - start[0]) / 3
        return [start, (start[0] + third, start[1]), (end[0] - third, end[1]), end]
    if sides(a, b) == ("top", "top"):
        rise = min(34, 14 + abs(end[0] - start[0]) / 14)
        return [start, (start[0], start[1] + rise), (end[0], end[1] + rise), end]
    points, here, half = [start], start, BOX / 2 if end[1] < start[1] else -BOX / 2
    for x, y in gaps().get((a, b), []):
        points += curve(here, (x, y + half)) + curve((x, y + half), (x, y - half))
        here = (x, y - half)
    return points + curve(here, end)


def draw(path: Path = PICTURE) -> None:
    """Write the picture of the floors: the same bytes each time, on one machine."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
    from matplotlib.path import Path as Corners

    figure = Figure(figsize=(WIDTH / 100, HEIGHT / 100), dpi=160, facecolor=PAPER)
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, WIDTH), ylim=(0, HEIGHT))
    axes.set_axis_off()

    def box(x: float, y: float, width: float, height: float, **looks) -> None:
        shape = "round,pad=0,rounding_size=6"
        axes.add_patch(FancyBboxPatch((x - width / 2, y - height / 2), width, height, shape, **looks))

    def say(x: float, y: float, words: str, size: float, **looks) -> None:
        axes.text(x, y, words, size=size, va="center", zorder=4, **({"ha": "center", "color": INK} | looks))

    for number, ((name, purpose), ((shade, light, ink), units)) in enumerate(FLOORS.items()):
        y = HEIGHT - 8 - PANEL / 2 - FLOOR * number
        box(WIDTH / 2, y, WIDTH - 16, PANEL, facecolor=shade, edgecolor="none", zorder=0)
        say(24, y, name, 10.5, weight="bold", color=ink, rotation=90)
        say(44, y, purpose, 9, rotation=90)
        for unit, (_, words) in units.items():
            one = boxes()[unit]
            box(one.x, y, one.width, BOX, facecolor=light, edgecolor=ink, linewidth=1.2, zorder=3)
            say(one.x, y + 9, name_of(unit), 9.5, weight="bold")
            say(one.x, y - 11, words, 8)
    for a, b in drawn():
        corners = way(a, b)
        form = Corners(corners, [Corners.MOVETO] + [Corners.CURVE4] * (len(corners) - 1))
        arrow = FancyArrowPatch(path=form, arrowstyle="-|>,head_length=4.5,head_width=2.4", color=LINE)
        arrow.set(linewidth=1.1, linestyle="--" if arrows()[a, b] else "-", zorder=2, capstyle="butt")
        axes.add_patch(arrow)
    legend = (
        "An arrow leads from a unit to one that it imports; dashed where every import waits inside a function. "
        f"Drawn are the {len(drawn())} of {len(arrows())} from which the others follow. 01 to 12: the notebook."
    )
    say(16, 19, legend, 9, ha="left")
    figure.savefig(path, metadata={"Software": None})


if __name__ == "__main__":
    for line in against_the_order():
        print("against the order:", line)
    draw()
    if PAGE.exists():
        PAGE.write_text(filled(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
