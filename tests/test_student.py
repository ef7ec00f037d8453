"""`minicyclegan student`: copies of the notebooks without their solutions."""

import ast
import importlib.util

import nbformat
import pytest
from click.testing import CliRunner

import minicyclegan.course.student
from minicyclegan.cli.course import student
from minicyclegan.course.cards import cards, read_notebook, tags
from minicyclegan.course.files import course_folder
from minicyclegan.course.student import chosen_notebooks, cut, student_copy, write_student_copies
from minicyclegan.errors import RunError

COURSE = course_folder()
NOTEBOOKS = sorted(COURSE.glob("*.ipynb"))
CARD = """### Exercise 1.{k}: {title}

| | |
|---|---|
| Difficulty | 1 of 5 |
| Importance | 2 of 5 |
| Time | 3 minutes |
| Look at | the line above |

Do it.

<details><summary>Hint</summary>

Think.

</details>"""
SOLUTION = "<details><summary>Solution</summary>\n\nBecause.\n\n</details>\n"
TWO_REGIONS = """def double(x):
    \"\"\"Twice x.\"\"\"
    ### BEGIN SOLUTION
    y = x

    if x:
        y = x + x
    ### END SOLUTION
    result = None
    ### BEGIN SOLUTION
    result = y
    ### END SOLUTION
    return result"""


def markdown(source, *tagged):
    return nbformat.v4.new_markdown_cell(source, metadata={"tags": list(tagged)} if tagged else {})


def code(source, *tagged):
    output = nbformat.v4.new_output("stream", name="stdout", text="old\n")
    metadata = {"collapsed": True, "scrolled": True} | ({"tags": list(tagged)} if tagged else {})
    return nbformat.v4.new_code_cell(source, execution_count=3, outputs=[output], metadata=metadata)


def lesson(*fills):
    """A notebook with an exercise for each of these cells to fill."""
    cells = [markdown("# 1. A lesson"), code("teachers = 1", "instructor"), code("x = 2")]
    for k, fill in enumerate(fills, 1):
        cells += [markdown(CARD.format(k=k, title=f"part {k}"), "card"), code(fill, "exercise")]
        cells += [code(f"check_it(answer_{k})", "check"), markdown(SOLUTION, "solution")]
    return nbformat.v4.new_notebook(cells=[*cells, markdown("Read on.")])


@pytest.fixture
def course(tmp_path):
    """A course of two notebooks with a folder, a file and rubbish beside them."""
    folder = tmp_path / "course"
    (folder / "configs").mkdir(parents=True)
    (folder / ".ipynb_checkpoints").mkdir()
    (folder / "configs" / "cpu.yaml").write_text("steps: 3\n")
    (folder / "scene.png").write_bytes(b"png")
    (folder / ".ipynb_checkpoints" / "01_one.ipynb").write_text("old")
    nbformat.write(lesson(TWO_REGIONS), folder / "01_one.ipynb")
    nbformat.write(
        lesson("answer_1 = None\n### BEGIN SOLUTION\nanswer_1 = 7\n### END SOLUTION"), folder / "02_two.ipynb"
    )
    return folder


def below(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


# What is cut


def test_marked_regions_become_stubs_at_the_indent_of_their_marks():
    source, regions = cut(TWO_REGIONS, "here")
    stub = "    # YOUR CODE HERE\n    raise NotImplementedError()"
    assert (
        source == f'def double(x):\n    """Twice x."""\n{stub}\n    result = None\n{stub}\n    return result'
    )
    assert regions == ["y = x\n\nif x:\n    y = x + x", "result = y"]
    ast.parse(source)


def test_what_has_no_marks_is_as_before():
    for source in ("", "x = 1\n", "# the best solution begins here", "\n\n"):
        assert cut(source, "here") == (source, [])


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("### BEGIN SOLUTION\nx = 1", "here: `### BEGIN SOLUTION` without `### END SOLUTION`"),
        ("x = 1\n### END SOLUTION", "here, line 2: `### END SOLUTION` without"),
        (
            "### BEGIN SOLUTION\n### BEGIN SOLUTION\n### END SOLUTION",
            "line 2: `### BEGIN SOLUTION` stands inside",
        ),
        ("### BEGIN SOLUTION\n### END SOLUTION\n### END SOLUTION", "line 3"),
        ("## BEGIN SOLUTION\nx = 1\n## END SOLUTION", "line 1: write the mark alone on its line"),
        ("### begin solution\nx = 1\n### end solution", "line 1: write the mark alone"),
        ("x = 1  ### BEGIN SOLUTION\ny\n### END SOLUTION", "line 1: write the mark alone"),
        ("### BEGIN SOLUTION\nx = 1\n### END  SOLUTION", "line 3: write the mark alone"),
    ],
)
def test_marks_that_are_not_in_pairs_are_refused_with_their_place(source, words):
    with pytest.raises(RunError, match="here") as problem:
        cut(source, "here")
    assert words in str(problem.value) and "\n" not in str(problem.value)


def test_a_mark_in_a_text_cell_is_refused():
    notebook = lesson(TWO_REGIONS)
    notebook.cells.append(markdown("### BEGIN SOLUTION\nsecret\n### END SOLUTION"))
    with pytest.raises(RunError, match="01_one, cell 9: .* belong in a code cell"):
        student_copy(notebook, "01_one")


def test_a_student_copy_keeps_checks_and_drops_what_is_for_teachers():
    original = lesson(TWO_REGIONS)
    before = original.copy()
    copy = student_copy(original, "01_one")
    assert [sorted(tags(cell)) for cell in copy.cells] == [[], [], ["card"], ["exercise"], ["check"], []]
    assert original == before and "BEGIN SOLUTION" in original.cells[4].source
    assert [cell.id for cell in copy.cells] == [original.cells[k].id for k in (0, 2, 3, 4, 5, 7)]
    for cell in copy.cells:
        if cell.cell_type == "code":
            assert cell.outputs == [] and cell.execution_count is None
            assert not {"collapsed", "scrolled"} & set(cell.metadata)
    text = nbformat.writes(copy)
    assert "x + x" not in text and "Because" not in text and "teachers" not in text


def test_folded_solutions_hold_the_code_that_was_cut_and_only_their_own():
    second = "answer_2 = None\n### BEGIN SOLUTION\nanswer_2 = 41 + 1\n### END SOLUTION"
    copy = student_copy(lesson(TWO_REGIONS, second), "01_one", folded=True)
    folds = [cell.source for cell in copy.cells if "solution" in tags(cell)]
    assert folds[0] == (
        "<details><summary>Solution</summary>\n\nBecause.\n\n"
        "```python\ny = x\n\nif x:\n    y = x + x\n```\n\n```python\nresult = y\n```\n\n</details>\n"
    )
    assert folds[1].endswith("Because.\n\n```python\nanswer_2 = 41 + 1\n```\n\n</details>\n")
    cells = [cell.source for cell in copy.cells if cell.cell_type == "code"]
    assert not any("x + x" in source or "41 + 1" in source or "teachers" in source for source in cells)


# The folder


def test_the_folder_holds_the_copies_and_what_lies_beside_them(course, tmp_path):
    written = write_student_copies(course, tmp_path / "deep" / "class", [])
    assert [path.name for path in written] == ["01_one.ipynb", "02_two.ipynb"]
    assert below(tmp_path / "deep") == [
        f"class/{name}" for name in ("01_one.ipynb", "02_two.ipynb", "configs/cpu.yaml", "scene.png")
    ]
    nbformat.validate(read_notebook(written[0]))
    assert "raise NotImplementedError()" in written[1].read_text()


def test_only_the_chosen_notebooks(course, tmp_path):
    assert [path.name for path in write_student_copies(course, tmp_path / "a", ["02"])] == ["02_two.ipynb"]
    (tmp_path / "b").mkdir()  # an empty folder is as good as none
    assert len(write_student_copies(course, tmp_path / "b", ["02", "01_one"])) == 2
    with pytest.raises(RunError, match="there is no notebook 07; the course has 01_one, 02_two"):
        write_student_copies(course, tmp_path / "c", ["07"])
    assert not (tmp_path / "c").exists()


def test_a_folder_that_holds_files_is_refused_and_left_alone(course, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "01_one.ipynb").write_text("my answers")
    with pytest.raises(RunError, match="mine is not empty"):
        write_student_copies(course, tmp_path / "mine", [])
    assert (tmp_path / "mine" / "01_one.ipynb").read_text() == "my answers"


@pytest.mark.parametrize("fault", ["marks", "card", "not a notebook", "disk"])
def test_after_a_fault_nothing_is_left(course, tmp_path, monkeypatch, fault):
    if fault == "marks":
        nbformat.write(lesson("### BEGIN SOLUTION\n1"), course / "02_two.ipynb")
        words = r"^02_two, cell 5: `### BEGIN SOLUTION` without"
    elif fault == "card":
        broken = lesson(TWO_REGIONS)
        broken.cells[3].source = broken.cells[3].source.replace("| Time |", "| Hours |")
        nbformat.write(broken, course / "02_two.ipynb")
        words = r"^02_two, exercise 1.1: the card needs"
    elif fault == "not a notebook":
        (course / "02_two.ipynb").write_text("text")
        words = "02_two.ipynb is not a notebook"
    else:
        words = r"^cannot write the copies to .*: disk full"

        def full(*arguments, **options):
            raise OSError(28, "disk full")

        monkeypatch.setattr(minicyclegan.course.student.shutil, "copy", full)
    with pytest.raises(RunError, match=words):
        write_student_copies(course, tmp_path / "out" / "class", [])
    assert not (tmp_path / "out").exists() or list((tmp_path / "out").iterdir()) == []


def test_the_command(tmp_path):
    result = CliRunner().invoke(
        student, [str(tmp_path / "class"), "--only", "02, 01", "--solutions", "folded"]
    )
    assert result.exit_code == 0, result.output
    assert f"done: 2 notebooks for students in {tmp_path / 'class'}" in result.output
    assert "```python\nreturn x + self.body(x)\n```" in "\n".join(
        cell.source for cell in read_notebook(tmp_path / "class" / "02_generator.ipynb").cells
    )
    assert (tmp_path / "class" / "configs").is_dir()


# The committed course


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_student_copy_of_each_committed_notebook_is_whole(path):
    notebook = read_notebook(path)
    copy = student_copy(notebook, path.stem)
    nbformat.validate(copy)
    exercises = cards(notebook)
    sources = [cell.source for cell in copy.cells if cell.cell_type == "code"]
    assert sum("raise NotImplementedError()" in source for source in sources) >= len(exercises)
    assert sum("check" in tags(cell) for cell in copy.cells) == len(exercises)
    for k in (k for card in exercises for k in card.exercise_cells):
        for region in cut(notebook.cells[k].source, "here")[1]:
            if len(region) > 40:  # short ones, `2`, stand in many places
                assert not any(region in source for source in sources), f"the copy gives away: {region}"
            assert region, "there is nothing between the marks"


@pytest.mark.skipif(
    importlib.util.find_spec("nbgrader") is None, reason="nbgrader is not installed: the extra `nbgrader`"
)
def test_copies_equal_what_nbgrader_makes():
    from nbgrader.preprocessors import ClearOutput, ClearSolutions

    clear = ClearSolutions()
    clear.enforce_metadata = False
    compared = stubs = 0
    notebooks = {path.stem: read_notebook(path) for path in NOTEBOOKS}
    notebooks["planted"] = lesson(TWO_REGIONS, "answer_2 = None\n### BEGIN SOLUTION\n\n### END SOLUTION\n")
    for name, notebook in notebooks.items():
        expected = nbformat.from_dict(notebook)
        for preprocessor in (clear, ClearOutput()):
            expected, _ = preprocessor.preprocess(expected, {})
        expected = [cell for cell in expected.cells if not tags(cell) & {"solution", "instructor"}]
        found = student_copy(notebook, name).cells
        assert found == expected, name
        compared += len(found)
        stubs += sum("# YOUR CODE HERE" in cell.source for cell in found)
    assert stubs >= 3
    print(f"{len(notebooks)} notebooks, {compared} cells equal to nbgrader's, {stubs} of them with a stub")


def test_names_are_beginnings():
    assert [path.stem for path in chosen_notebooks(COURSE, ["02"])] == ["02_generator"]
