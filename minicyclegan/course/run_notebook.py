"""Notebook 07 as a program: without the cells that only teach, it is the report of one training run."""

import ast
import copy

from minicyclegan.course.cards import BEGIN, END, tags

TEACHES = {"lesson", "card", "check", "solution", "setup"}  # setup: whoever runs the command has the package
FOLDED = "# The code of this run, as notebook 07 builds it\n\n"


def only_defines(source: str) -> bool:
    """Whether a cell holds nothing but imports and definitions."""
    kinds = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef)
    return all(isinstance(statement, kinds) for statement in ast.parse(source).body)


def without_lessons(notebook, title: str):
    """A copy under this title without the cells whose tag is in TEACHES, and without outputs.

    The cells that only import and define, exercises included, become one folded cell in the place of the first of them:
    what runs is the notebook's own code, and what one reads is the run.
    """
    import nbformat

    notebook, kept, folded = copy.deepcopy(notebook), [], None
    for cell in notebook.cells:
        if tags(cell) & TEACHES:
            continue
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
            lines = [line for line in cell.source.split("\n") if line.strip() not in (BEGIN, END)]
            cell.source = "\n".join(lines)
            if "parameters" not in tags(cell) and only_defines(cell.source):
                if folded is None:
                    folded = nbformat.v4.new_code_cell(FOLDED + cell.source)
                    folded.metadata = {"jupyter": {"source_hidden": True}}
                    kept.append(folded)
                else:
                    folded.source += "\n\n\n" + cell.source.rstrip()
                continue
        kept.append(cell)
    notebook.cells = [nbformat.v4.new_markdown_cell(title), *kept]
    return notebook
