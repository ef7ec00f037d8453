"""What the exercise cards of a notebook say; read by the lint, `student`, `grade` and the site."""

import ast
import re
from dataclasses import dataclass
from pathlib import Path

from minicyclegan.course.notebook_files import read_notebook as read_notebook
from minicyclegan.errors import RunError

BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"
# Prose with a look at each picture, and lines of code; rounded guesses
WORDS_PER_MINUTE, LINES_PER_MINUTE = 200, 20
TIME_LINE = re.compile(r"^\*Time: .*\*$", re.M)


@dataclass(frozen=True)
class Card:
    """One exercise: a markdown cell tagged `card`, code cells tagged `exercise`, one tagged `check`, one tagged `solution`."""

    number: str  # "2.1"
    title: str
    difficulty: int  # 1 to 5
    importance: int  # 1 to 5
    minutes: int
    check: str  # the function in minicyclegan.checks
    answers: tuple[str, ...]  # the names it is given
    exercise_cells: tuple[int, ...]  # positions in the notebook
    check_cell: int


def tags(cell) -> set[str]:
    return set(cell.get("metadata", {}).get("tags", []))


def cards(notebook, name: str = "the notebook") -> list[Card]:
    """The exercises of a notebook, in order. Raises RunError, with the place, for one that is incomplete."""
    found, cells = [], notebook.cells
    for start, cell in enumerate(cells):
        if "card" not in tags(cell):
            continue
        heading = re.match(r"### Exercise (\d+\.\d+): (.+)", cell.source)
        where = f"{name}, cell {start + 1}"
        if not heading:
            raise RunError(f"{where}: a card begins with `### Exercise N.K: title`")
        number, title = heading.groups()
        where = f"{name}, exercise {number}"
        rating = {}
        for key, unit in (("Difficulty", " of 5"), ("Importance", " of 5"), ("Time", " minutes")):
            row = re.search(rf"^\| {key} \| (\d+){unit} \|$", cell.source, re.M)
            if not row:
                raise RunError(f"{where}: the card needs the line `| {key} | NUMBER{unit} |`")
            rating[key] = int(row[1])
        if "| Look at |" not in cell.source:
            raise RunError(f"{where}: the card needs the line `| Look at | ... |`")
        if "<summary>Hint</summary>" not in cell.source:
            raise RunError(f"{where}: the card needs a folded hint, `<details><summary>Hint</summary>`")
        fill, check_cell, solution = [], None, None
        for k in range(start + 1, len(cells)):
            if "card" in tags(cells[k]):
                break
            if "exercise" in tags(cells[k]) and check_cell is None:
                fill.append(k)
            elif "check" in tags(cells[k]) and check_cell is None:
                check_cell = k
            elif "solution" in tags(cells[k]) and solution is None:
                solution = k
                break
        if not fill or check_cell is None or solution is None or not fill[-1] < check_cell < solution:
            raise RunError(
                f"{where}: after the card come cells tagged `exercise`, `check` and `solution`, in this order"
            )
        if not any(BEGIN in cells[k].source for k in fill):
            raise RunError(f"{where}: no cell to fill has `{BEGIN}`")
        if "<summary>Solution</summary>" not in cells[solution].source:
            raise RunError(f"{where}: the solution is folded, `<details><summary>Solution</summary>`")
        check, answers = check_call(cells[check_cell].source, where)
        found.append(
            Card(
                number,
                title.strip(),
                rating["Difficulty"],
                rating["Importance"],
                rating["Time"],
                check,
                answers,
                tuple(fill),
                check_cell,
            )
        )
    return found


def check_call(source: str, where: str = "the check cell") -> tuple[str, tuple[str, ...]]:
    """The function and the names in `check_something(Answer, other)`, the last line of a check cell. Raises RunError."""
    try:
        call = ast.parse(source).body[-1].value
        assert call.func.id.startswith("check_") and not call.keywords
        return call.func.id, tuple(argument.id for argument in call.args)
    except (SyntaxError, IndexError, AttributeError, AssertionError):
        raise RunError(
            f"{where}: the last line of a check cell is `check_something(Name)`, with plain names"
        ) from None


def words(notebook) -> int:
    """How many words of prose a student reads: the text cells, without folded hints and solutions, the bars of tables, and links."""
    text = "\n".join(
        cell.source
        for cell in notebook.cells
        if cell.cell_type == "markdown" and "solution" not in tags(cell)
    )
    text = re.sub(r"<details>.*?</details>", " ", TIME_LINE.sub("", text), flags=re.S)
    text = re.sub(r"\]\([^)]*\)", "]", text)
    return len(re.findall(r"[^\W_][\w'’.-]*", text))


def code_lines(notebook) -> int:
    """How many lines of code a student reads; empty ones do not count, nor the cell that looks for the package."""
    code = [cell for cell in notebook.cells if cell.cell_type == "code" and "setup" not in tags(cell)]
    sources = [cell.source for cell in code]
    return sum(bool(line.strip()) for source in sources for line in source.splitlines())


def minutes_to_read(notebook) -> int:
    return max(1, round(words(notebook) / WORDS_PER_MINUTE + code_lines(notebook) / LINES_PER_MINUTE))


def time_line(notebook) -> str:
    """The line in a notebook's first cell that says how long it takes; `make notebooks` keeps it true."""
    exercises = cards(notebook)
    line = f"*Time: about {minutes_to_read(notebook)} minutes to read"
    line += f" ({words(notebook):,} words, {code_lines(notebook)} lines of code)"
    if exercises:
        plural = "s" * (len(exercises) != 1)
        line += (
            f", {sum(card.minutes for card in exercises)} minutes for the {len(exercises)} exercise{plural}"
        )
    return line + ".*"


def stated_minutes(notebook) -> int:
    """Minutes to read and to solve, as in `time_line`."""
    return minutes_to_read(notebook) + sum(card.minutes for card in cards(notebook))


def set_time_line(notebook) -> None:
    """Write the time line at the end of the first cell, or in place of the one already there."""
    first = notebook.cells[0]
    line = time_line(notebook)
    first.source = (
        TIME_LINE.sub(line, first.source)
        if TIME_LINE.search(first.source)
        else f"{first.source.rstrip()}\n\n{line}"
    )


def table(folder: Path) -> str:
    """Every notebook with its words, minutes and exercises, as Markdown; docs/INSTRUCTORS.md holds it."""
    lines = [
        "| notebook | words | lines of code | to read | exercises | to solve | together |",
        "|---|---|---|---|---|---|---|",
    ]
    total = [0, 0]
    for path in sorted(folder.glob("*.ipynb")):
        notebook = read_notebook(path)
        found, read = cards(notebook, path.stem), minutes_to_read(notebook)
        solve = sum(card.minutes for card in found)
        total = [total[0] + read, total[1] + solve]
        lines.append(
            f"| {path.stem} | {words(notebook):,} | {code_lines(notebook)} | {read} min | {len(found)} | {solve} min | {read + solve} min |"
        )
    lines.append(f"| all | | | {total[0]} min | | {total[1]} min | {sum(total)} min |")
    return "\n".join(lines)


if __name__ == "__main__":
    from minicyclegan.course.files import course_folder

    print(table(course_folder()))
