"""Notebook 11 shows every row of the article's table of mistakes, and its wrong code fails as the notebook says."""

import ast
import contextlib
import copy
import io
import re
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).parent.parent
NOTEBOOK = ROOT / "notebooks" / "11_the_article.ipynb"
ARTICLE = ROOT.parent / "shared" / "design" / "ARTICLE.md"

# Row: what the article claims, as the notebook quotes it, and the library's own thing that repairs it.
ROWS = {
    1: ("The cycle loss is the L1 norm of 1 - G(D(G(X)))", "cycle_consistency_loss"),
    2: ("`criterionCycle(1 - D(G(real_A)))`", "cycle_consistency_loss"),
    3: ("one generator G and one discriminator D", "CycleGAN"),
    4: ("`fake_A = G(real_B)`", "fake_a = right.generator_ba(test_b)"),
    5: ("L_D = L_GAN(G, D)", "discriminator_loss"),
    6: ("`criterion(D(fake_A), False) + criterion(D(fake_B), True)`", "discriminator_loss"),
    7: ("not detached", "detach()"),
    8: ("`nn.BCELoss()`, and its target is `True`", 'gan_loss(scores, True, "bce")'),
    9: ("`lambda * 100 * lossCycle`", "lambda_cycle"),
    10: ("`optimizerG` is made with the parameters of G", "generator_ba.parameters()"),
    11: ("循环层", "translate("),
    12: ("generator and discriminator have to be trained together", "mirrored_error"),
}

# Row, statement that must fail, its error, words of the message. Rows 3 to 6, 10 and 12 run without a word.
FAILURES = [
    (1, "(1 - G(D(G(real_A)))).abs().mean()", RuntimeError, "to have 3 channels"),
    (2, "criterionCycle(1 - D(G(real_A)))", TypeError, "missing 1 required positional argument: 'target'"),
    (7, "discriminator_loss(D(real_B), D(fake_B)).backward()", RuntimeError, "backward through the graph a second time"),
    (7, "discriminator_loss(D(real_B), D(fake_B)).backward()", RuntimeError, "modified by an inplace operation"),
    (8, "criterion(scores, True)", (TypeError, AttributeError), "'bool'"),
    (8, "criterion(scores, torch.ones_like(scores))", RuntimeError, "between 0 and 1"),
    (9, "compile('lambda * 100 * lossCycle', 'the article', 'eval')", SyntaxError, "invalid syntax"),
    (11, "model(real_A)", NotImplementedError, "forward"),
]  # fmt: skip


@pytest.fixture(scope="module")
def notebook():
    return nbformat.read(NOTEBOOK, as_version=4)


def sections(notebook) -> dict[str, list]:
    """The cells under each second-level heading; a cell with such headings in it is cut there."""
    found, heading = {"": []}, ""
    for cell in notebook.cells:
        if cell.cell_type == "code":
            found[heading].append(cell)
            continue
        for part in re.split(r"^(?=## )", cell.source, flags=re.MULTILINE):
            if part.startswith("## "):
                heading = part.splitlines()[0][3:]
                found[heading] = []
            found[heading].append(nbformat.v4.new_markdown_cell(part))
    return found


def rows_of(notebook) -> dict[int, list]:
    """The cells of each `## Row N: ...`."""
    return {
        int(m[1]): cells
        for name, cells in sections(notebook).items()
        if (m := re.match(r"Row (\d+): .", name))
    }


def row_faults(notebook) -> list[str]:
    """Everything that a row lacks, of these: the claim, a prediction before any code, the experiment, the repair and its output."""
    rows, faults = rows_of(notebook), []
    if list(rows) != list(ROWS):
        faults.append(f"the rows are {list(rows)}, not {list(ROWS)}")
    for row, cells in rows.items():
        claim, repair = ROWS.get(row, ("", ""))
        code = [i for i, cell in enumerate(cells) if cell.cell_type == "code"]
        text = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
        opening = "\n".join(cell.source for cell in cells[: code[0]]) if code else text
        said = re.search(r"\*\*The article says\.\*\*(.*?)\*\*Predict", opening, flags=re.DOTALL)
        if said is None:
            faults.append(f"row {row}: the claim and a prediction do not come before the first code")
        elif claim not in said[1]:
            faults.append(f"row {row}: the claim {claim!r} is not quoted")
        if "**Repair.**" not in text:
            faults.append(f"row {row}: no repair")
        if repair not in "\n".join(cells[i].source for i in code):
            faults.append(f"row {row}: the repair {repair} is never run")
        if not code or any(not cells[i].outputs for i in code if "print(" in cells[i].source):
            faults.append(f"row {row}: a cell shows nothing")
    return faults


def test_every_row_has_its_claim_a_prediction_an_experiment_and_a_repair(notebook):
    assert row_faults(notebook) == []


def markdown_tables(text: str) -> list[list[str]]:
    """The first column of each table, without its heading."""
    tables = re.findall(r"(?:^\|.*\n?)+", text, flags=re.MULTILINE)
    return [[re.split(r"(?<!\\)\|", line)[1].strip() for line in table.splitlines()[2:]] for table in tables]


def test_the_rows_are_those_of_the_article_page():
    if not ARTICLE.is_file():
        pytest.skip(f"{ARTICLE} is not on this machine")
    described, wrong = markdown_tables(ARTICLE.read_text(encoding="utf-8"))
    assert len(wrong) == len(ROWS)
    page = nbformat.read(NOTEBOOK, as_version=4)
    first = markdown_tables(
        "\n".join(c.source for c in sections(page)["What the article describes"] if c.cell_type == "markdown")
    )[0]
    assert len(first) == len(described)


def test_every_row_is_in_the_table_at_the_end(notebook):
    text = "\n".join(cell.source for cell in sections(notebook)["All twelve"])
    assert markdown_tables(text)[0] == [str(row) for row in ROWS]


def broken_links(notebook, folder: Path) -> list[str]:
    text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", text)
    return [link for link in dict.fromkeys(links) if not (folder / link).exists()]


def test_every_link_of_the_notebook_leads_to_a_file(notebook):
    assert broken_links(notebook, NOTEBOOK.parent) == []


def prepared(notebook) -> dict:
    """What the cells before row 1 define: imports, the article's G and D, two batches of pictures."""
    namespace = {"In": []}
    for name, cells in sections(notebook).items():
        if name.startswith("Row 1:"):
            return namespace
        for cell in cells:
            if cell.cell_type == "code":
                namespace["In"].append(cell.source)
                with contextlib.redirect_stdout(io.StringIO()):
                    exec(cell.source, namespace)  # noqa: S102 - the code of our own notebook
    raise AssertionError("there is no row 1")


def failures_of(notebook) -> list[tuple[int, str, Exception | None, str]]:
    """Run each row that fails with a message down to its last `try`, so that nothing is trained.

    For each `try`: the row, the last statement in it, what that raised, and what the cell had printed in the notebook.
    """
    found, namespace = [], prepared(notebook)
    rows = rows_of(notebook)
    for row in dict.fromkeys(row for row, *_ in FAILURES):
        code = [cell for cell in rows[row] if cell.cell_type == "code"]
        trees = [ast.parse(cell.source).body for cell in code]
        last = max(i for i, body in enumerate(trees) if any(isinstance(node, ast.Try) for node in body))
        for cell, body in zip(code[: last + 1], trees):
            printed = "".join(output.get("text", "") for output in cell.outputs)
            for node in body:
                if not isinstance(node, ast.Try):
                    run([node], namespace)
                    continue
                error = None
                try:
                    run(node.body, namespace)
                except Exception as raised:  # noqa: BLE001 - any error may be the answer
                    error = raised
                found.append((row, ast.unparse(node.body[-1]), error, printed))
    return found


def run(statements: list[ast.stmt], namespace: dict) -> None:
    with contextlib.redirect_stdout(io.StringIO()):
        exec(compile(ast.Module(statements, []), "notebook 11", "exec"), namespace)  # noqa: S102 - the code of our own notebook


def failure_faults(notebook) -> list[str]:
    """Every place where the wrong code does not fail as FAILURES says, or the notebook does not print what it raised."""
    # Row 9 ends with a refused value
    found = [entry for entry in failures_of(notebook) if "Config(" not in entry[1]]
    if [entry[:2] for entry in found] != [entry[:2] for entry in FAILURES]:
        return [f"the statements that should fail are {[entry[:2] for entry in found]}"]
    faults = []
    for (row, statement, error, printed), (_, _, kind, words) in zip(found, FAILURES):
        if not isinstance(error, kind) or words not in str(error):
            faults.append(f"row {row}: {statement} raised {error!r}")
        elif type(error).__name__ not in printed or words not in printed:
            faults.append(
                f"row {row}: the notebook does not show {type(error).__name__} with the words {words!r}"
            )
    return faults


def test_the_article_s_wrong_code_raises_what_the_notebook_shows(notebook):
    assert failure_faults(notebook) == []


def test_both_cycle_terms_are_trained_with_the_same_budget(notebook):
    """One configuration for both arms, and the promise is an assertion that cannot be skipped at the default budget."""
    source = "\n".join(cell.source for cell in rows_of(notebook)[2] if cell.cell_type == "code")
    calls = {
        ast.unparse(n)
        for n in ast.walk(ast.parse(source))
        if isinstance(n, ast.Call) and getattr(n.func, "id", "") == "train_arm"
    }
    assert {"train_arm(config)", "train_arm(config, as_in_the_article)"} <= calls
    asserted = {ast.unparse(n.test) for n in ast.walk(ast.parse(source)) if isinstance(n, ast.Assert)}
    assert {"right_error < 0.75 * wrong_error", "right_error < 0.4 * nothing"} <= asserted
    assert "held_out_error(model, domains.test_a, domains.test_b)" in source


def spoiled(notebook, old: str, new: str):
    """A copy of the notebook with one text replaced, in the first cell that holds it."""
    notebook = copy.deepcopy(notebook)
    cell = next(cell for cell in notebook.cells if old in cell.source)
    cell.source = cell.source.replace(old, new, 1)
    return notebook


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("## Row 7: fakes", "## Fakes", "the rows are"),
        ("`criterionCycle(1 - D(G(real_A)))`", "`criterionCycle(real_A)`", "row 2: the claim"),
        ("**Predict.** How many", "How many", "row 2: the claim and a prediction"),
        ("**Repair.** Opposite aims", "Opposite aims", "row 5: no repair"),
        ("fake_a = right.generator_ba(test_b)", "fake_a = right.generator_ab(test_b)", "row 4: the repair"),
    ],
)  # fmt: skip
def test_a_row_that_lacks_something_is_seen(notebook, old, new, words):
    assert any(words in fault for fault in row_faults(spoiled(notebook, old, new)))


def test_a_cell_without_output_is_seen(notebook):
    notebook = copy.deepcopy(notebook)
    next(cell for cell in notebook.cells if "optimizer_over" in cell.source).outputs = []
    assert row_faults(notebook) == ["row 10: a cell shows nothing"]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("    criterionCycle(1 - D(G(real_A)))", "    criterionCycle(1 - D(G(real_A)), D(real_A))", "should fail"),
        ("D = init_weights(PatchDiscriminator(4, n_layers=2))", "D = lambda x: x", "row 1: "),
        ("criterion, criterionCycle = nn.BCELoss(), ", "criterion, criterionCycle = nn.BCEWithLogitsLoss(), ", "row 8: "),
        ("generator_loss(D(fake_B)).backward(retain_graph=True)\noptimizerG.step()", "generator_loss(D(fake_B)).backward(retain_graph=True)", "row 7: "),
        ("model = CycleGAN(tiny)\ntry:", "model = G\ntry:", "row 11: "),
    ],
)  # fmt: skip
def test_wrong_code_that_does_not_fail_as_told_is_seen(notebook, old, new, words):
    assert any(words in fault for fault in failure_faults(spoiled(notebook, old, new)))


def test_a_message_that_is_not_shown_is_seen(notebook):
    notebook = copy.deepcopy(notebook)
    cell = next(cell for cell in notebook.cells if "lambda * 100" in cell.source and cell.cell_type == "code")
    cell.outputs[0]["text"] = "it failed\n"
    assert failure_faults(notebook) == [
        "row 9: the notebook does not show SyntaxError with the words 'invalid syntax'"
    ]


def test_a_link_to_nowhere_is_seen(notebook, tmp_path):
    assert "06_cyclegan.ipynb" in broken_links(notebook, tmp_path)
