"""Notebooks by their paths: braces, dashes and other signs are taken as they are; a byte order mark is no part of the text."""

import json
import sys
import tempfile
from pathlib import Path

import nbformat
import pytest
from click.testing import CliRunner
from conftest import files_in

import minicyclegan.course.execution
from minicyclegan.cli import main
from minicyclegan.course.cards import read_notebook
from minicyclegan.course.execution import execute
from minicyclegan.course.notebook_files import literal, notebook_text, require_place
from minicyclegan.course.settings import parameters_of
from minicyclegan.course.student import write_student_copies
from minicyclegan.errors import RunError
from minicyclegan.grading.submission import submitted_cells

DECLARED = 'steps: int = 3\nname: str = "x"\n'
SAID = "import os\nprint(repr(name), steps, os.path.basename(os.getcwd()))"
MARK = b"\xef\xbb\xbf"


def notebook_of(*sources: str) -> bytes:
    """A notebook as small editors write it: no kernel, no language."""
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    cells[0].metadata["tags"] = ["parameters"]
    return nbformat.writes(nbformat.v4.new_notebook(cells=cells)).encode()


def run(*arguments):
    return CliRunner().invoke(main, ["run", *map(str, arguments)])


def printed_in(path: Path) -> str:
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return "".join(text for cell in cells for output in cell.get("outputs", []) for text in output["text"])


@pytest.mark.parametrize(
    ("folder", "name", "result"),
    [("a {steps} {} {0} {", "own {x}.ipynb", "res_{steps}_{.ipynb"), ("~ü 漢 %s #1 ?q", "-own.ipynb", "-")],
)
def test_braces_and_other_signs_in_paths_are_taken_as_they_are(tmp_path, monkeypatch, folder, name, result):
    here, temporary = tmp_path / folder, tmp_path / "tmp {p}"
    for path in (here, temporary):
        path.mkdir()
    (here / name).write_bytes(MARK + notebook_of(DECLARED, SAID))
    monkeypatch.chdir(here)
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    done = run("-o", f"new {{n}}/{result}", "-p", "name=0123{steps}", "-p", "steps=5", "--", name)
    assert (done.exit_code, done.output.splitlines()[-1]) == (0, f"done: new {{n}}/{result}"), done.output
    written = here / "new {n}" / result
    assert printed_in(written) == f"'0123{{steps}}' 5 {folder}\n"
    about = json.loads(written.read_text(encoding="utf-8"))["metadata"]["papermill"]
    assert (about["input_path"], about["output_path"]) == (name, f"new {{n}}/{result}")
    assert files_in(here) == sorted([name, f"new {{n}}/{result}"]) and files_in(temporary) == []


def test_papermill_gets_back_what_was_given(tmp_path):
    parameters = {"steps": 1}
    for name in ("x", "{", "}", "{{", "{steps}", "{}{0}{a.b!r:>3}", "-", "s3://a/{b}", "a%sb"):
        given = literal(tmp_path / name).format(**parameters)
        assert given == str(tmp_path / name)


@pytest.mark.parametrize("address", ["s3://bucket/x.ipynb", "https://example.invalid/x.ipynb", "gs://b/x"])
def test_an_address_is_no_file(tmp_path, monkeypatch, address):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own.ipynb").write_bytes(notebook_of(DECLARED))
    for arguments in ((address,), ("own.ipynb", "-o", address)):
        refused = run(*arguments)
        assert refused.exit_code == 1 and "is an address and not a file" in refused.output
    assert files_in(tmp_path) == ["own.ipynb"]


def test_a_place_where_nothing_can_be_written_is_refused_before_anything_runs(tmp_path, monkeypatch):
    monkeypatch.setattr(
        minicyclegan.course.execution, "kernel_here", lambda: pytest.fail("a kernel was started")
    )
    (tmp_path / "own.ipynb").write_bytes(notebook_of(DECLARED))
    for output in (
        tmp_path,
        tmp_path / "own.ipynb" / "x.ipynb",
        tmp_path / ("x" * 300),
        tmp_path / ("x" * 250),
    ):
        with pytest.raises(RunError, match="is a folder|cannot write"):
            execute(tmp_path / "own.ipynb", output, {})
    with pytest.raises(RunError, match="null byte|cannot write"):
        require_place("a\0b")
    require_place(tmp_path / "new" / "folders" / "x.ipynb")
    assert files_in(tmp_path) == ["own.ipynb"]


def test_a_run_whose_notebook_is_not_there_is_never_done(tmp_path, monkeypatch):
    (tmp_path / "own.ipynb").write_bytes(notebook_of(DECLARED))
    monkeypatch.setattr(minicyclegan.course.execution, "keep", lambda *a, **k: False)
    failed = run(tmp_path / "own.ipynb", "-o", tmp_path / "x.ipynb")
    assert failed.exit_code == 1 and "done" not in failed.output
    assert "was run to its end, but" in failed.output and "could not be written" in failed.output


def test_a_byte_order_mark_is_no_part_of_a_notebook(tmp_path):
    path = tmp_path / "01_lesson.ipynb"
    path.write_bytes(MARK + notebook_of(DECLARED, "x = 1"))
    assert notebook_text(path).startswith("{")
    assert parameters_of(path) == {"steps": (int, 3), "name": (str, "x")}
    assert [source for _, source in submitted_cells(path)] == [DECLARED, "x = 1"]
    assert len(read_notebook(path).cells) == 2
    (copy,) = write_student_copies(tmp_path, tmp_path / "out", [])
    assert not copy.read_bytes().startswith(MARK) and "x = 1" in copy.read_text(encoding="utf-8")


@pytest.mark.parametrize("content", [MARK, MARK + b"{", b"\xff\xfe{\x00", b"caf\xe9", b""])
def test_what_is_no_notebook_is_still_refused(tmp_path, content):
    (tmp_path / "x.ipynb").write_bytes(content)
    with pytest.raises(RunError, match="is not a notebook"):
        parameters_of(tmp_path / "x.ipynb")
    with pytest.raises(ValueError, match="not a notebook|empty"):
        submitted_cells(tmp_path / "x.ipynb")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such names")
def test_a_line_break_in_a_name_stays_in_the_name_and_out_of_the_message(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(minicyclegan.course.execution, "execute", lambda *given: None)
    (tmp_path / "a\nb.ipynb").write_bytes(notebook_of(DECLARED))
    assert run("a\nb.ipynb").output == "done: a\\nb.executed.ipynb\n"
