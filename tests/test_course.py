"""The course as a whole: exercises on whole cards, every check tried, time stated and bounded, readable by everyone."""

import ast
import re

import nbformat
import pytest
from conftest import ROOT

import minicyclegan.checks
from minicyclegan.course.cards import (
    cards,
    check_call,
    read_notebook,
    set_time_line,
    stated_minutes,
    table,
    tags,
    time_line,
    words,
)
from minicyclegan.errors import RunError

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
WITH_EXERCISES = [path for path in NOTEBOOKS if path.stem.split("_")[0] not in ("00", "08b", "10")]
MOST_MINUTES = 90


@pytest.mark.parametrize("path", WITH_EXERCISES, ids=lambda p: p.stem)
def test_a_notebook_has_three_to_six_whole_exercises(path):
    found = cards(read_notebook(path), path.stem)
    assert 3 <= len(found) <= 6
    assert [card.number for card in found] == [f"{int(path.name[:2])}.{k + 1}" for k in range(len(found))]
    for card in found:
        assert 1 <= card.difficulty <= 5 and 1 <= card.importance <= 5 and 1 <= card.minutes <= 30, (
            card.number
        )


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_the_time_is_stated_and_bounded(path):
    notebook = read_notebook(path)
    assert time_line(notebook) in notebook.cells[0].source, "run `make notebooks`"
    assert stated_minutes(notebook) <= MOST_MINUTES


def test_the_instructors_table_is_that_of_the_notebooks():
    assert table(ROOT / "notebooks") in (ROOT / "docs" / "INSTRUCTORS.md").read_text(encoding="utf-8"), (
        "put what `python -m minicyclegan.course.cards` prints into docs/INSTRUCTORS.md"
    )


def names_of_trials() -> dict[str, str]:
    """Every check that has a Trial, with the file of the trial."""
    found = {}
    for path in sorted((ROOT / "tests").glob("test_checks_*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Trial":
                found[node.args[0].id] = path.name
    return found


def test_every_check_is_on_a_card_and_every_card_has_a_check_that_was_tried():
    on_cards = {}
    for path in NOTEBOOKS:
        for card in cards(read_notebook(path), path.stem):
            assert card.check not in on_cards, f"{card.check} is used by two exercises"
            on_cards[card.check] = path.stem.split("_")[0]
    former = {"check_judge_of_70"}  # for student copies that were handed out earlier
    exported = {name for name in minicyclegan.checks.__all__ if name.startswith("check_")} - former
    assert set(on_cards) == exported
    tried = names_of_trials()
    assert set(tried) == exported
    assert {check: f"test_checks_{number}.py" for check, number in on_cards.items()} == tried


def heading_faults(notebook) -> list[str]:
    """Headings that skip a level, or a second top-level heading."""
    faults, last = [], 0
    for cell in notebook.cells:
        if cell.cell_type != "markdown":
            continue
        text = re.sub(r"```.*?```", "", cell.source, flags=re.DOTALL)
        for line in text.splitlines():
            if heading := re.match(r"(#+) \S", line):
                level = len(heading[1])
                if level > last + 1 or (level == 1 and last > 0):
                    faults.append(f"`{line}` after a heading of level {last}")
                last = level
    return faults


def alt_faults(notebook) -> list[str]:
    """Pictures, links and folds that say nothing to readers who cannot see."""
    faults = []
    for number, cell in enumerate(notebook.cells, 1):
        if cell.cell_type == "markdown":
            if re.search(r"!\[\s*\]\(", cell.source) or any(
                'alt="' not in image or 'alt=""' in image for image in re.findall(r"<img[^>]*>", cell.source)
            ):
                faults.append(f"cell {number}: a picture without alt text")
            if re.search(r"(?<!!)\[\s*\]\(|\[(here|click here|this|link)\]\(", cell.source, re.IGNORECASE):
                faults.append(f"cell {number}: a link whose text does not say where it leads")
            if cell.source.count("<details>") != cell.source.count("<summary>"):
                faults.append(f"cell {number}: a fold without a summary")
            if cell.source.count("<details>") != cell.source.count("</details>"):
                faults.append(f"cell {number}: a fold that is not closed")
            continue
        for output in cell.get("outputs", []):
            for kind in output.get("data", {}):
                if kind.startswith("image/"):
                    alt = output.metadata.get(kind, {}).get("alt", "")
                    if len(alt) < 20 or output.data.get("text/plain") != alt:
                        faults.append(f"cell {number}: a picture without alt text")
    return faults


COLOUR_WORDS = r"\b(red|green|blue|orange|grey|gray|black|purple|pink)\b"


def colour_faults(notebook) -> list[str]:
    """Sentences that tell lines or dots of a figure apart by their colour alone."""
    pattern = (
        rf"(the|each|every) {COLOUR_WORDS} (line|curve|dot|dots|point|points|bar|bars|area|lines|curves)\b"
    )
    return [
        f"cell {number}: {match[0]!r}"
        for number, cell in enumerate(notebook.cells, 1)
        if cell.cell_type == "markdown"
        for match in re.finditer(pattern, cell.source, re.IGNORECASE)
    ]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_a_notebook_is_readable_by_everybody(path):
    notebook = read_notebook(path)
    assert heading_faults(notebook) + alt_faults(notebook) + colour_faults(notebook) == []


def a_notebook(*cells):
    make = {"m": nbformat.v4.new_markdown_cell, "c": nbformat.v4.new_code_cell}
    return nbformat.v4.new_notebook(
        cells=[make[kind](source, metadata={"tags": given.split()}) for kind, given, source in cells]
    )


CARD = """### Exercise 3.1: the map

| | |
|---|---|
| Difficulty | 2 of 5 |
| Importance | 5 of 5 |
| Time | 10 minutes |
| Look at | above |

Write it. Four more words.

<details><summary>Hint</summary>

Secret words that nobody counts.

</details>"""
WHOLE = [
    ("m", "", "# Title"),
    ("m", "card", CARD),
    ("c", "exercise", "def f():\n    ### BEGIN SOLUTION\n    return 1\n    ### END SOLUTION"),
    ("c", "check", "from minicyclegan.checks import check_f\n\ncheck_f(f)"),
    ("m", "solution", "<details><summary>Solution</summary>\n\nOne.\n\n</details>"),
]


def test_a_whole_card_is_read():
    (card,) = cards(a_notebook(*WHOLE))
    assert (card.number, card.title, card.minutes, card.check, card.answers) == (
        "3.1",
        "the map",
        10,
        "check_f",
        ("f",),
    )
    assert (card.exercise_cells, card.check_cell) == ((2,), 3)


@pytest.mark.parametrize(
    ("place", "old", "new", "fault"),
    [
        (1, "### Exercise 3.1", "### Task 3.1", "begins with"),
        (1, "| Difficulty | 2 of 5 |", "| Difficulty | easy |", "Difficulty"),
        (1, "| Time | 10 minutes |", "", "Time"),
        (1, "| Look at | above |", "", "Look at"),
        (1, "<summary>Hint</summary>", "<summary>Help</summary>", "hint"),
        (2, "### BEGIN SOLUTION", "# begin", "BEGIN SOLUTION"),
        (3, "check_f(f)", "print(f)", "last line"),
        (3, "check_f(f)", "check_f(f())", "last line"),
        (4, "<summary>Solution</summary>", "<summary>So</summary>", "folded"),
    ],
)
def test_a_card_that_is_not_whole_is_refused(place, old, new, fault):
    cells = list(WHOLE)
    cells[place] = (*cells[place][:2], cells[place][2].replace(old, new))
    with pytest.raises(RunError, match=fault):
        cards(a_notebook(*cells))


@pytest.mark.parametrize(
    "order", [(0, 1, 3, 2, 4), (0, 1, 2, 4, 3), (0, 1, 2, 3), (0, 1, 2, 4), (0, 1, 3, 4)]
)
def test_cells_out_of_order_are_refused(order):
    with pytest.raises(RunError, match="in this order"):
        cards(a_notebook(*[WHOLE[k] for k in order]))


def test_hints_solutions_and_the_time_line_are_not_counted_as_reading():
    notebook = a_notebook(*WHOLE)
    read = words(notebook)
    set_time_line(notebook)
    assert words(notebook) == read
    assert "10 minutes for the 1 exercise" in notebook.cells[0].source
    notebook.cells[-1].source += " and many more words"
    set_time_line(notebook)
    assert words(notebook) == read and notebook.cells[0].source.count("*Time:") == 1


def test_the_lints_see_what_they_are_for():
    bad = a_notebook(
        ("m", "", "# One\n\n### Three\n\n# Again"),
        ("m", "", "![](a.png) and [here](b.html) and <details>x"),
        ("m", "", "The red line falls."),
    )
    assert len(heading_faults(bad)) == 2
    assert len(alt_faults(bad)) == 4
    assert colour_faults(bad) == ["cell 3: 'The red line'"]
    picture = nbformat.v4.new_output("display_data", {"image/png": "", "text/plain": "x"})
    bad.cells.append(nbformat.v4.new_code_cell("", outputs=[picture]))
    assert len(alt_faults(bad)) == 5


def test_check_call_reads_the_last_line():
    assert check_call("import x\n\ncheck_it(One, two)") == ("check_it", ("One", "two"))
    assert tags(WHOLE and a_notebook(*WHOLE).cells[1]) == {"card"}
