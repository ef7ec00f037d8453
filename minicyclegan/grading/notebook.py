"""Grade one submitted notebook: run its cells in a fresh kernel and judge each exercise at its place.

The exercises and their checks come from the course's own notebook, never from the submission. Where an answer is not right,
the course's solution is run after it, so that later exercises are judged on their own merits.
"""

import ast
import json
import re
import secrets
import shutil
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from minicyclegan.course.cards import Card, cards, read_notebook
from minicyclegan.course.files import PACKAGE
from minicyclegan.course.first_edition import FORMER_ANSWERS
from minicyclegan.grading.session import FILE_LIMIT, GB, START_SECONDS, Kernel, Limits, Reply
from minicyclegan.grading.submission import submitted_cells, working_copy

RIGHT, NOT_YET, UNKNOWN = "right", "not yet", "could not be judged"
DEADLY = ", and the cell was left out after that"
RESTARTS = 2  # a cell that kills the kernel is left out, and the rest is judged in a new one


@dataclass(frozen=True)
class Exercise:
    """One exercise of the course's notebook."""

    card: Card
    cells: tuple[str, ...]  # the sources of the solution
    asked: tuple[str, ...]  # what the student defines
    check_id: str
    fill_id: str


@dataclass
class Graded:
    """What came out of one notebook: a (verdict, reason) for each exercise, and remarks for the feedback."""

    exercises: list[Exercise]
    verdicts: dict[str, tuple[str, str]] = field(default_factory=dict)  # exercise number: ...
    failed: dict[int, str] = field(default_factory=dict)  # code cell, from 0: what happened
    remarks: list[str] = field(default_factory=list)
    seconds: float = 0

    def fill(self, reason: str) -> None:
        """Give the exercises without a verdict this reason."""
        for exercise in self.exercises:
            self.verdicts.setdefault(exercise.card.number, (UNKNOWN, reason))


def exercises_of(path: Path) -> list[Exercise]:
    """The exercises of a notebook of the course. Raises RunError."""
    notebook = read_notebook(path)
    found = []
    for card in cards(notebook, path.stem):
        sources = tuple(notebook.cells[k].source for k in card.exercise_cells)
        asked = {node.name for source in sources for node in ast.parse(source).body if hasattr(node, "name")}
        ids = [notebook.cells[k].get("id", "") for k in (card.check_cell, card.exercise_cells[-1])]
        found.append(Exercise(card, sources, tuple(sorted(asked | set(card.answers))), *ids))
    return found


def place_of(exercise: Exercise, cells: list) -> int:
    """After which of these cells an exercise is judged: its check, else its cell to fill, else the last one."""
    call = re.compile(rf"^(?!\s*(?:def|class)\b)[^#\n]*\b{exercise.card.check}\s*\(", re.M)
    names = "|".join(map(re.escape, exercise.card.answers))
    defines = re.compile(rf"^(?:(?:def|class)\s+(?:{names})\b|(?:{names})\s*[=:])", re.M)
    calls = [k for k, (_, source) in enumerate(cells) if call.search(source)]
    same = [k for k in calls if cells[k][0] == exercise.check_id]
    filled = [k for k, (own, _) in enumerate(cells) if own and own == exercise.fill_id]
    defined = [k for k, (_, source) in enumerate(cells) if defines.search(source)]
    return (same[-1:] or calls[-1:] or filled[-1:] or defined[-1:] or [len(cells) - 1])[0]


def grade_notebook(
    path: Path,
    exercises: list[Exercise],
    template: Path,
    limits: Limits,
    stop: threading.Event,
    own_folder: bool = True,
) -> Graded:
    """Run a submission and judge its exercises. Never raises for anything that the submission does."""
    graded = Graded(exercises)
    try:
        cells = submitted_cells(path)
    except (ValueError, OSError) as error:
        graded.fill(str(error))
        return graded
    folder, deadline = Path(tempfile.mkdtemp(prefix="minicyclegan-")), None
    try:
        remark = working_copy(folder, template, path, own_folder)
        for _ in range(1 + RESTARTS):
            with Kernel(folder, folder / "notebooks", limits, stop) as kernel:
                start = kernel.start(deadline)
                deadline = kernel.deadline
                if start.problem:
                    graded.fill(f"the kernel did not start: {start.problem}")
                else:
                    run_and_judge(kernel, cells, graded)
            if len(graded.verdicts) == len(exercises) or time.monotonic() > deadline:
                break
        graded.fill(kernel.dead)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    stopped = [f"{named(k, cells[k][1])}: {problem}" for k, problem in sorted(graded.failed.items())]
    graded.remarks = stopped + list(dict.fromkeys(graded.remarks)) + ([remark] if remark else [])
    return graded


def run_and_judge(kernel: Kernel, cells: list, graded: Graded) -> None:
    """Run the cells one by one and judge each exercise after its place, until all are judged or the kernel is dead.

    In a new kernel, cells that killed the one before are left out, and what was judged is not judged again.
    """
    secret = prepared(kernel, graded)
    deadly = {k for k, problem in graded.failed.items() if problem.endswith(DEADLY)}
    places = {exercise.card.number: place_of(exercise, cells) for exercise in graded.exercises}
    for k, (_, source) in enumerate(cells):
        if kernel.dead or len(graded.verdicts) == len(graded.exercises) and not deadly:
            return  # no cell that follows can change a verdict
        if k not in deadly:
            reply = kernel.run(source)
            if reply.problem:
                graded.failed[k] = reply.problem + (DEADLY if kernel.dead else "")
        for exercise in graded.exercises:
            if places[exercise.card.number] == k and not kernel.dead:
                judge(kernel, secret, exercise, cells, graded)


def prepared(kernel: Kernel, graded: Graded) -> str:
    """Send kernel.py into a kernel. Returns the name it has there, which the notebook cannot know."""
    secret = f"_{secrets.token_hex(8)}"
    source = (PACKAGE / "grading" / "kernel.py").read_text(encoding="utf-8")
    start = f"import sys, types; sys.modules[{secret!r}] = types.ModuleType({secret!r})\n"
    start += f"exec({source!r}, sys.modules[{secret!r}].__dict__)\n"
    limits = int(kernel.limits.memory * GB), FILE_LIMIT
    start += f"sys.modules[{secret!r}].prepare{limits}; del sys, types"
    reply = kernel.run(start, quiet=True, seconds=START_SECONDS)  # it imports torch
    if reply.problem:
        kernel.end(f"the kernel did not start: {reply.problem}")
    return secret


def judge(kernel: Kernel, secret: str, exercise: Exercise, cells: list, graded: Graded) -> None:
    """Judge one exercise now, and put the course's solution in place of an answer that is not right."""
    card = exercise.card
    if card.number not in graded.verdicts:
        task = {
            "package": str(PACKAGE),
            "check": card.check,
            "answers": card.answers,
            "former": FORMER_ANSWERS,
            "asked": exercise.asked,
        }
        reply = kernel.value(f"__import__('sys').modules[{secret!r}].judge({json.dumps(json.dumps(task))})")
        graded.verdicts[card.number] = in_words(reply, exercise, cells, graded.failed)
    if graded.verdicts[card.number][0] == RIGHT or kernel.dead:
        return
    problems = [kernel.run(source, quiet=True).problem for source in exercise.cells]
    said = f"after {card.number} we ran the course's solution, so that the rest is judged on its own"
    if any(problems):
        said = (
            f"the course's solution to {card.number} did not run here either: {next(filter(None, problems))}"
        )
    graded.remarks.append(said)


def in_words(reply: Reply, exercise: Exercise, cells: list, failed: dict) -> tuple[str, str]:
    """The verdict and the reason, from what the judge in the kernel answered."""
    if reply.value is None:
        if reply.limit:
            return NOT_YET, f"while your answer was tested, {reply.problem}"
        return UNKNOWN, f"the check could not be run: {reply.problem}"
    found = json.loads(reply.value)
    if "missing" in found:
        return NOT_YET, not_there(found["missing"], exercise, cells, failed)
    if found["borrowed"]:
        return NOT_YET, f"this is {found['borrowed'][0]}, taken from the library: write it yourself"
    own = (
        f" (the notebook defines a {exercise.card.check} of its own; it was not used)"
        if found["own_check"]
        else ""
    )
    changes = ", ".join(found["changed"])
    if found["hint"] is not None:
        return NOT_YET, found["hint"] + own + (f" (the notebook also changes {changes})" if changes else "")
    if found["changed"]:
        return (
            UNKNOWN,
            f"the notebook changes {changes}, which the check relies on: take that out, or ask your teacher",
        )
    return RIGHT, own.strip()


def not_there(missing: dict, exercise: Exercise, cells: list, failed: dict) -> str:
    """Why an answer's name does not exist: its cell failed, it was renamed, or it was never written."""
    name, near = next(iter(missing.items()))
    for k, problem in failed.items():
        if (
            re.search(rf"^(?:def|class)?\s*{re.escape(name)}\b", cells[k][1], re.M)
            or cells[k][0] == exercise.fill_id != ""
        ):
            return f"there is no {name}, because its cell stopped: {problem}"
    if near:
        return f"there is no {name} in the notebook; there is {near}: was it renamed?"
    return f"there is no {name} in the notebook: was the cell of the exercise deleted?"


def named(k: int, source: str) -> str:
    """A cell in words: its number among the code cells, and its first line."""
    first = next((line.strip() for line in source.splitlines() if line.strip()), "")
    return f"code cell {k + 1} (`{first[:60].replace('`', '')}`)"
