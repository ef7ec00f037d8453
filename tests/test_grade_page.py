"""`minicyclegan grade`: the page of feedback in HTML, and the exit codes for machines. No kernel is started here."""

from html.parser import HTMLParser
from pathlib import Path

import pytest
from click.testing import CliRunner

from minicyclegan.cli.course import grade
from minicyclegan.course.files import course_folder
from minicyclegan.course.site_html import scripts_in
from minicyclegan.grading.notebook import NOT_YET, RIGHT, UNKNOWN, Graded, exercises_of
from minicyclegan.grading.page import in_html, sentence_in_html
from minicyclegan.grading.report import Results
from minicyclegan.grading.submission import Submission

PATH = course_folder() / "02_generator.ipynb"
EXERCISES = exercises_of(PATH)
HOSTILE = "<script>alert(1)</script> & `</code><b>` [link](javascript:x)"


def graded(*verdicts, remarks=()):
    return Graded(EXERCISES, dict(zip(("2.1", "2.2", "2.3"), verdicts, strict=True)), remarks=list(remarks))


def results(out: Path, **students) -> Results:
    found = Results(out, {PATH.stem: EXERCISES})
    for student, one in students.items():
        found.add(Submission(student, PATH.stem, PATH, True), one)
    return found


class Text(HTMLParser):
    def __init__(self):
        super().__init__()
        self.text, self.code, self.inside = "", [], False

    def handle_starttag(self, tag, attributes):
        self.inside = tag == "code"

    def handle_endtag(self, tag):
        self.inside = False

    def handle_data(self, data):
        self.text += data
        if self.inside:
            self.code.append(data)


def read(html: str) -> Text:
    found = Text()
    found.feed(html)
    return found


OK = RIGHT, ""
NOT = NOT_YET, "init_weights(network, 0.1) should draw with a deviation of 0.1: use `std`."


def test_the_page_stands_beside_the_markdown_and_says_the_same(tmp_path):
    results(tmp_path, anna=graded(OK, NOT, (UNKNOWN, "the kernel ended itself"), remarks=["a", "b"])).write()
    assert sorted(path.name for path in (tmp_path / "feedback").iterdir()) == ["anna.html", "anna.md"]
    page = (tmp_path / "feedback" / "anna.html").read_text(encoding="utf-8")
    text = " ".join(read(page).text.split())
    for said in (
        *(
            "Feedback for anna",
            "1 of 3 exercises are right.",
            "02_generator",
            "2.1 the residual block: right.",
        ),
        "2.2 sizes by arithmetic: not yet. init_weights(network, 0.1) should draw with a deviation of 0.1: use std.",
        *("2.3 the first weights: could not be judged. The kernel ended itself.", "What else was noticed"),
    ):
        assert said in text
    assert {"init_weights(network, 0.1)", "std"} <= set(read(page).code)


def test_everything_right_has_no_word_of_repair(tmp_path):
    results(tmp_path, anna=graded(OK, OK, OK)).write()
    page = (tmp_path / "feedback" / "anna.html").read_text(encoding="utf-8")
    assert "3 of 3 exercises are right." in page and "Repair" not in page and "noticed" not in page


def test_what_a_student_writes_stays_text(tmp_path):
    results(tmp_path, **{"a<b>": graded((NOT_YET, HOSTILE), OK, OK, remarks=[HOSTILE] * 14)}).write()
    page = (tmp_path / "feedback" / "a<b>.html").read_text(encoding="utf-8")
    assert [found for found in scripts_in(page) if found != "<meta>"] == []
    assert "<b>" not in page and "<script" not in page and "href" not in page and "http:" not in page
    assert read(page).text.count("<script>alert(1)</script>") == 13 and "and 2 more" in page


@pytest.mark.parametrize(
    ("hint", "code"),
    [
        ("there is no ResidualBlock in the notebook: was the cell deleted?", ["ResidualBlock"]),
        ("double(5) gives 15: what is twice 5?", ["double(5)"]),
        ("put yours in place of `raise NotImplementedError()`.", ["raise NotImplementedError()"]),
        ("your code stopped with ValueError in line 3 of your cell (`x = 1`): no", ["ValueError", "x = 1"]),
        (
            "this is minicyclegan.generator.ResidualBlock, taken from it",
            ["minicyclegan.generator.ResidualBlock"],
        ),
        ("F.l1_loss is a generator's here, and G(b) is not", ["F.l1_loss", "G(b)"]),
        ("the notebook changes torch.equal, on which the check relies", ["torch.equal"]),
        ("it took 0.02 of 10 seconds, e.g. two of the cell(s); the student's noise", []),
        ("no 02_generator.ipynb was handed in", ["02_generator.ipynb"]),
    ],
)
def test_names_of_code_are_in_code_type(hint, code):
    page = read(in_html(hint, ("ResidualBlock", "noise")))
    assert page.code == code and page.text == hint.replace("`", "")


def test_a_sentence_begins_with_a_capital_unless_it_begins_with_code():
    assert sentence_in_html("double(5) gives 15", ()) == "<code>double(5)</code> gives 15."
    assert sentence_in_html("why is that?", ()) == "Why is that?"
    assert sentence_in_html("<b> is odd", ()) == "&lt;b&gt; is odd."
    assert sentence_in_html("", ()) == ""


# Exit codes


@pytest.mark.parametrize(
    ("share", "below"), [(0, []), (0.3, ["carl"]), (0.67, ["bert", "carl"]), (1, ["bert", "carl"])]
)
def test_below_names_those_with_a_smaller_share(tmp_path, share, below):
    class_ = results(tmp_path, anna=graded(OK, OK, OK), bert=graded(OK, OK, NOT), carl=graded(NOT, NOT, NOT))
    assert [student for student, _, _ in class_.below(share)] == below


def test_a_share_that_is_met_exactly_is_enough(tmp_path):
    one = results(tmp_path, anna=graded(OK, OK, NOT))
    assert one.below(2 / 3) == [] and one.below(0.67) == [("anna", 2, 3)]


@pytest.fixture
def nothing_handed_in(tmp_path):
    (tmp_path / "class" / "anna").mkdir(parents=True)
    return [str(tmp_path / "class"), "-o", str(tmp_path / "grades"), "--only", "02"]


def test_below_is_exit_code_1_and_says_who(nothing_handed_in):
    result = CliRunner().invoke(grade, [*nothing_handed_in, "--fail-under", "0.8"])
    assert result.exit_code == 1 and "below 0.8: anna, 0 of 3 right" in result.output


def test_without_the_option_or_with_enough_right_it_is_0(nothing_handed_in, tmp_path):
    assert CliRunner().invoke(grade, nothing_handed_in).exit_code == 0
    other = [*nothing_handed_in[:2], str(tmp_path / "more"), "--only", "02", "--fail-under", "0"]
    result = CliRunner().invoke(grade, other)
    assert result.exit_code == 0 and "nobody is below 0" in result.output


def test_nothing_to_grade_is_another_code_than_below(tmp_path):
    from minicyclegan.cli import main

    command = ["grade", str(tmp_path / "nowhere"), "-o", str(tmp_path / "grades")]
    assert CliRunner().invoke(main, command).exit_code == 1
    result = CliRunner().invoke(main, [*command, "--fail-under", "0.8"])
    assert result.exit_code == 2 and "there is no folder" in result.output


@pytest.mark.parametrize("share", ["80", "-0.1", "most"])
def test_a_share_is_a_fraction(nothing_handed_in, share):
    result = CliRunner().invoke(grade, [*nothing_handed_in, "--fail-under", share])
    assert result.exit_code == 2 and "--fail-under" in result.output
