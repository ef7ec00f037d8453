"""Checks that raise, for machines that mark: `checks.strict(True)` and MINICYCLEGAN_STRICT."""

import pytest

from minicyclegan import checks
from minicyclegan.checks.frame import NotYet, exercise, expect, is_strict, strict
from minicyclegan.generator import ResidualBlock


@exercise("it is seven")
def check_seven(seven):
    expect(seven == 7, f"you have {seven}: how many days has a week?")


@exercise("the function is there")
def check_function(function):
    expect(callable(function), "it is no function.")


@pytest.fixture(autouse=True)
def as_at_the_start(monkeypatch):
    monkeypatch.delenv("MINICYCLEGAN_STRICT", raising=False)
    monkeypatch.setattr(strict, "on", None)


def test_a_check_prints_until_it_is_told_to_raise(capsys):
    check_seven(6)
    assert capsys.readouterr().out == "Not yet: you have 6: how many days has a week?\n"
    strict(True)
    with pytest.raises(AssertionError, match="^Not yet: you have 6: how many days has a week") as problem:
        check_seven(6)
    assert type(problem.value) is NotYet and problem.value._render_traceback_() == [str(problem.value)]
    check_seven(7)
    assert capsys.readouterr().out == "Right: it is seven.\n"
    strict(False)
    check_seven(6)
    assert capsys.readouterr().out.startswith("Not yet: ")


@pytest.mark.parametrize(
    ("answer", "said"), [(None, "there is no answer yet"), (..., "there is no answer yet"), ([], "you have")]
)
def test_whatever_is_wrong_raises(answer, said):
    with strict(), pytest.raises(NotYet, match=f"^Not yet: {said}"):
        check_seven(answer)


def test_a_block_is_strict_and_what_was_before_comes_back(capsys):
    with pytest.raises(NotYet), strict():
        check_seven(6)
    assert not is_strict()
    strict(True)
    with strict(False):
        check_seven(6)
    assert is_strict() and "Not yet" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("word", "on"),
    [("1", True), ("true", True), ("yse", True), ("0", False), ("", False), (" No ", False), ("off", False)],
)
def test_the_environment_decides_where_nobody_did(monkeypatch, word, on):
    monkeypatch.setenv("MINICYCLEGAN_STRICT", word)
    assert is_strict() is on
    with strict(not on):
        assert is_strict() is not on


def test_a_cell_that_ends_with_it_says_what_holds():
    assert repr(strict(True)) == "checks raise NotYet"
    assert repr(strict(False)) == "checks print, and never raise"


def test_what_is_taken_from_the_library_is_refused_where_it_would_earn_points(capsys):
    checks.check_residual_block(ResidualBlock)
    assert capsys.readouterr().out.startswith("Right: "), "to look at it is allowed"
    with (
        strict(),
        pytest.raises(NotYet, match="minicyclegan.generator.ResidualBlock, taken from the library"),
    ):
        checks.check_residual_block(ResidualBlock)
    with strict():
        check_function(lambda: 0)
        check_function(test_a_check_prints_until_it_is_told_to_raise)


def test_hint_never_raises():
    """`minicyclegan grade` and the tests of the checks ask it."""
    with strict():
        assert check_seven.hint(6).startswith("you have 6") and check_seven.hint(7) is None


def test_it_is_offered_beside_the_checks():
    assert checks.strict is strict
