"""What `minicyclegan repro` found, in sentences: the first difference, its likely cause, the surroundings."""

import os
import re

from minicyclegan.repro.compare import parts_of
from minicyclegan.repro.tolerances import PLACE

RECORDS = re.compile(r"(?:metrics\.jsonl: |(?P<run>[\w -]+): )?(?P<name>\w+) at step (?P<step>\d+)")
WAYS = {"ab": "A to B", "ba": "B to A", "a": "A", "b": "B"}
KINDS = {
    "gan": "adversarial loss from {}",
    "discriminator": "loss of discriminator {}",
    "held_out": "held-out error from {}",
    "accuracy_real": "accuracy of discriminator {} about real pictures",
    "accuracy_fake": "accuracy of discriminator {} about fakes",
}
# The modules that a change of the numbers is first looked for in, and the sub-packages after them; others decide no number
FIRST = "cyclegan gan_loss cycle_loss generator discriminator training data seasons parameters samples evaluation".split()
AFTER = ("fast/", "pictures/", "datasets/", "runs/", "widgets/", "diagnosis", "translate", "course/")
PLACES = {
    "threads": "number of threads",
    "python": "version of Python",
    "device": "device",
    "machine": "machine",
}


def part_in_words(name: str) -> str:
    if name == "probe":
        return "the probe"
    number = re.match(r"(\d\d[a-z]?)_", name)
    return f"notebook {number[1]}" if number else f"notebook {name}"


def thing_in_words(what: str) -> str:
    """What differs, such as "cycle loss at step 1" for "metrics.jsonl: cycle at step 1"."""
    found = RECORDS.fullmatch(what)
    if not found:
        return what.removeprefix("last.pt: ").replace("config.json: ", "parameter ")
    name, way = found["name"], ""
    if name.rsplit("_", 1)[-1] in WAYS:
        name, way = name.rsplit("_", 1)
    known = KINDS[name].format(WAYS[way]) if name in KINDS and way else f"{found['name'].replace('_', ' ')}"
    known += " loss" if name in ("cycle", "identity") else ""
    run = f" of the run with {found['run']}" if found["run"] else ""
    return f"{known} at step {found['step']}{run}"


def values_in_words(expected, got) -> tuple[str, ...]:
    """Two values: numbers with as many digits as show that they differ, at least four; texts on one line."""
    if all(type(value) in (int, float) for value in (expected, got)):
        for digits in range(4, 18):
            a, b = (f"{value:.{digits}g}" for value in (expected, got))
            if a != b:
                return a, b
        return str(expected), str(got)
    words = [repr(value) if isinstance(value, str) else str(value) for value in (expected, got)]
    alike = len(os.path.commonprefix(words))
    begin = max(0, alike - 20) if alike > 60 else 0  # two long texts are shown from where they differ
    return tuple(("..." if begin else "") + shortened(one[begin:]) for one in words)


def shortened(words: str) -> str:
    return words if len(words) <= 90 else words[:87] + "..."


def difference_in_words(one: dict) -> str:
    expected, got = one["expected"], one["got"]
    if expected is None or got is None:
        where = "is not in the reference" if expected is None else "is missing here"
        return f"{thing_in_words(one['what'])} {where}"
    line = f"{thing_in_words(one['what'])}: {' expected, '.join(values_in_words(expected, got))} found"
    if all(type(value) in (int, float) for value in (expected, got)) and expected and got == got:
        share = 100 * abs(got - expected) / abs(expected)
        size = f"{share:.0f}" if share >= 10 else f"{share:.2g}"
        line += f", {share / 100:.0f} times off" if share >= 1000 else f", {size} % off"
    return line


def listed(names: list[str], most: int = 3) -> str:
    """A, B and C; where there are more, the first two and how many others."""
    shown = names if len(names) <= most else [*names[: most - 1], f"{len(names) - most + 1} more modules"]
    return " and ".join(filter(None, (", ".join(shown[:-1]), shown[-1])))


def cause_in_words(one: dict, old: dict, new: dict) -> str:
    """What is different that can be the reason, the nearest first: parameters, pictures, code, notebook, machine."""
    if one.get("probe") and old.get("source") != new.get("source"):
        return "the probe was changed since the reference"
    a, b = old.get("parameters", {}), new.get("parameters", {})
    changed = [name for name in a | b if a.get(name) != b.get(name)]
    if changed:
        name = changed[0]
        more = f", and {len(changed) - 1} more parameters differ" if len(changed) > 1 else ""
        return f"parameter {name} is {b.get(name, 'missing')} here and {a.get(name, 'missing')} in the reference{more}"
    if old.get("data") != new.get("data"):
        return "the pictures are not those of the reference"
    modules = [name for name in FIRST if name in one.get("changed", [])]
    modules += [name for name in one.get("changed", []) if name.startswith(AFTER)]
    if modules:
        was = "was" if len(modules) == 1 else "were"
        return f"{listed([f'{name}.py' for name in modules])} {was} changed since the reference"
    if one.get("edited"):
        return "the notebook was edited since the reference"
    if one.get("surroundings") == "other":
        return surroundings_in_words(old, new)
    return "no code, parameter, picture or version that is watched was changed since the reference"


def surroundings_in_words(old: dict, new: dict) -> str:
    """How the place of a run differs from that of the reference."""
    differing = [name for name in (*PLACE, "matplotlib") if old.get(name, "unknown") != new.get(name)]
    if not differing:
        return "the same machine, versions and threads"
    words = []
    for name in differing:
        a, b = old.get(name, "not recorded"), new.get(name)
        words.append(
            "another kind of processor"
            if name == "processor"
            else f"{PLACES.get(name, name)} {b} instead of {a}"
        )
    return ", ".join(words)


def how_compared(one: dict, old: dict, new: dict) -> str:
    """A cell of the table: exactly, or within tolerances and why."""
    if "surroundings" not in one:
        return "not compared"
    if one["surroundings"] == "same":
        return "exactly"
    return f"within tolerances: {surroundings_in_words(old, new)}"


def provenances(name: str, reference: dict, result: dict) -> tuple[dict, dict]:
    old, new = (parts_of(whole).get(name, {}).get("provenance", {}) for whole in (reference, result))
    return old, new


def figures_in_words(outcome: dict) -> list[str]:
    """How many figures were compared and how many not, and why, one line each."""
    compared, left_out = 0, {}
    for one in parts_of(outcome).values():
        compared += one.get("figures", {}).get("compared", 0)
        for reason, number in one.get("figures", {}).get("left out", {}).items():
            left_out[reason] = left_out.get(reason, 0) + number
    lines = [f"{compared} figures were compared."] if compared or left_out else []
    return lines + [f"{number} were not: {reason}." for reason, number in left_out.items()]


def not_drawn(one: dict) -> str:
    """How many figures of a part differ and are not drawn in the report; empty if all are."""
    left = sum("figure" in d and "pictures" not in d for d in one["differences"])
    return f"{left} more figures differ and are not drawn; all are in the executed notebooks." if left else ""


def first_sentence(outcome: dict, reference: dict, result: dict) -> str:
    """The verdict in a sentence: what is the first difference, and why there may be one."""
    parts = parts_of(outcome)
    failed = [name for name, one in parts.items() if one["verdict"] == "could not run"]
    differing = [name for name, one in parts.items() if one["verdict"] == "differs"]
    if failed:
        more = f" ({len(failed) - 1} more could not run)" if len(failed) > 1 else ""
        also = f"; {listed([part_in_words(name) for name in differing], 99)} differ" if differing else ""
        also += "s" if len(differing) == 1 else ""
        return f"{part_in_words(failed[0])} could not run{more}: {parts[failed[0]]['reason']}{also}"
    if differing:
        one = parts[differing[0]]
        said = f"{part_in_words(differing[0])}, {difference_in_words(one['differences'][0])}"
        return f"{said}; {cause_in_words(one, *provenances(differing[0], reference, result))}"
    return f"everything is as in the reference: {counted(outcome, result)}"


def counted(outcome: dict, result: dict) -> str:
    """What was compared, such as "6 notebooks, 42 figures, 412 numbers of the probe"."""
    figures = sum(one.get("figures", {}).get("compared", 0) for one in parts_of(outcome).values())
    notebooks = len(outcome["notebooks"])
    words = [f"{notebooks} notebook{'s' if notebooks > 1 else ''}"] if notebooks else []
    words += [f"{figures} figure{'s' if figures > 1 else ''}"] if figures else []
    numbers = result.get("probe", {}).get("results", {}).get("numbers", {})
    words += [f"{len(numbers)} numbers of the probe"] if numbers else []
    return ", ".join(words)


def summary_line(outcome: dict, result: dict) -> str:
    """One line, like a badge: verdict, what was compared, when and of which commit."""
    about = next(iter(parts_of(result).values()))["provenance"]
    commit = (about.get("commit") or "no commit") + (
        " with uncommitted changes" if about.get("dirty") else ""
    )
    words = f"repro {result['profile']}: {outcome['verdict']} ({counted(outcome, result)})"
    return f"{words}, {about['date'][:10]}, {commit}"
