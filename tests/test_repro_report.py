"""The report of `minicyclegan repro` for people and for machines: verdict first, cause named, provenance once."""

import copy
import json
import re
import xml.etree.ElementTree as ET

import pytest
from click.testing import CliRunner

from minicyclegan.cli import main
from minicyclegan.errors import RunError
from minicyclegan.repro.ci import badge, junit, write_for_machines
from minicyclegan.repro.compare import compare, compare_training
from minicyclegan.repro.facts import surroundings
from minicyclegan.repro.page import page
from minicyclegan.repro.probe import probe
from minicyclegan.repro.report import markdown, provenance_rows, write_reference, write_report
from minicyclegan.repro.run import FORMAT, PROFILES, about_probe, with_probe
from minicyclegan.repro.tolerances import PLACE, difference
from minicyclegan.repro.words import (
    difference_in_words,
    figures_in_words,
    first_sentence,
    summary_line,
    values_in_words,
)

MODULES = {"cyclegan": "1", "training": "1", "fast/norm": "1", "checks/frame": "1", "cli/app": "1"}


def result() -> dict:
    """A result of two notebooks and the probe, small and complete."""
    place = dict.fromkeys(PLACE, "x") | {"device": "cpu", "threads": 1, "matplotlib": "3"}
    place |= {
        "commit": "abc123",
        "dirty": False,
        "date": "2026-11-28T10:00:00+00:00",
        "library": dict(MODULES),
    }
    about = place | {"seed": 0, "source": "s", "parameters": {}, "data": {"name": "d", "pictures": {}}}
    cell = {"first_line": "x = 1", "source": "x", "text": "1\n", "figures": []}
    words = {"not_run": [], "committed_outputs": 1, "cells": [cell]}
    records = [
        {"step": 1, "cycle": 12.96, "learning_rate": 0.001},
        {"step": 2, "cycle": 12.0, "learning_rate": 0.001},
    ]
    training = {"config": {"seed": 0}, "records": records, "weights": {"norms": {}, "sha256": "w"}}
    notebooks = {
        "02_generator": {"provenance": copy.deepcopy(about), "results": words, "seconds": 2.0},
        "07_train": {
            "provenance": copy.deepcopy(about) | {"parameters": {"learning_rate": 0.001}},
            "results": copy.deepcopy(words) | training,
            "seconds": 3.5,
        },
    }
    probe = {
        "provenance": copy.deepcopy(about),
        "results": {"numbers": {"least squares: cycle at step 1": 7.0}},
    }
    return {"profile": "smoke", "notebooks": notebooks, "probe": probe | {"seconds": 1.0}}


def compared(change) -> tuple[dict, dict, dict]:
    """The outcome, the reference and the result, after `change(reference, result)`."""
    old, new = result(), result()
    change(old, new)
    return compare(old, new), old, new


def another_cycle_loss(old, new):
    new["notebooks"]["07_train"]["results"]["records"][0]["cycle"] = 13.61


def changed(*names):
    def change(old, new):
        another_cycle_loss(old, new)
        for one in (*new["notebooks"].values(), new["probe"]):
            one["provenance"]["library"] |= dict.fromkeys(names, "2")

    return change


def test_the_first_difference_and_its_cause_are_one_sentence():
    said = first_sentence(*compared(changed("cyclegan", "checks/frame")))
    assert said == (
        "notebook 07, cycle loss at step 1: 12.96 expected, 13.61 found, 5 % off; "
        "cyclegan.py was changed since the reference"
    )


def other_threads(old, new):
    another_cycle_loss(old, new)
    for one in (*old["notebooks"].values(), old["probe"]):
        one["provenance"]["threads"] = 2


def other_parameter(old, new):
    another_cycle_loss(old, new)
    new["notebooks"]["07_train"]["provenance"]["parameters"]["learning_rate"] = 0.002


def other_pictures(old, new):
    another_cycle_loss(old, new)
    new["notebooks"]["07_train"]["provenance"]["data"]["hash of files"] = "z"


def edited(old, new):
    new["notebooks"]["02_generator"]["results"]["cells"][0] |= {"source": "y", "text": "2\n"}


def probe_only(old, new):
    new["probe"]["results"]["numbers"]["least squares: cycle at step 1"] = 7.7
    new["probe"]["provenance"]["library"]["training"] = "2"


def failed(old, new):
    one = new["notebooks"]["02_generator"]
    one["failure"] = "code cell 3 failed with ZeroDivisionError"
    another_cycle_loss(old, new)


CASES = {
    "nothing is different": (another_cycle_loss, "nothing", "that is watched was changed"),
    "two modules": (changed("training", "cyclegan"), "", "cyclegan.py and training.py were changed"),
    "many modules": (changed(*MODULES), "", "cyclegan.py, training.py and fast/norm.py were changed"),
    "no module that decides": (changed("checks/frame"), "", "no code, parameter, picture or version"),
    "other threads": (other_threads, "", "number of threads 1 instead of 2"),
    "a parameter": (other_parameter, "", "parameter learning_rate is 0.002 here and 0.001 in the reference"),
    "pictures": (other_pictures, "", "the pictures are not those of the reference"),
    "an edited cell": (
        edited,
        "",
        "notebook 02, code cell 1 (`x = 1`) printed: 1 expected, 2 found, 100 % off; the notebook was edited",
    ),
    "the probe": (
        probe_only,
        "",
        "the probe, cycle loss at step 1 of the run with least squares: 7 expected, 7.7 found, 10 % off; training.py",
    ),
    "a failure": (
        failed,
        "",
        "notebook 02 could not run: code cell 3 failed with ZeroDivisionError; notebook 07 differs",
    ),
    "no difference": (
        lambda old, new: None,
        "",
        "everything is as in the reference: 2 notebooks, 1 numbers of the probe",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_what_is_said_first(name):
    change, _, words = CASES[name]
    assert words in first_sentence(*compared(change))


@pytest.mark.parametrize(
    ("expected", "got", "words"),
    [
        (12.96, 13.61, ("12.96", "13.61")),
        (1.0, 1.0 + 1e-12, ("1", "1.000000000001")),
        (0.0, -0.0, ("0", "-0")),
        ("a" * 500, "b", ("'" + "a" * 86 + "...", "'b'")),
        ("a" * 500, "a" * 499 + "b", ("..." + "a" * 21 + "'", "..." + "a" * 20 + "b'")),
        (3, None, ("3", "None")),
    ],
)
def test_two_values_are_never_shown_as_equal(expected, got, words):
    assert values_in_words(expected, got) == words


def test_every_kind_of_difference_has_words():
    names = (
        "cycle",
        "identity",
        "gan_ab",
        "discriminator_a",
        "held_out_ba",
        "accuracy_real_b",
        "learning_rate",
    )
    said = [difference_in_words(difference(f"metrics.jsonl: {name} at step 3", 1.0, 2.0)) for name in names]
    assert said[2] == "adversarial loss from A to B at step 3: 1 expected, 2 found, 100 % off"
    assert len(set(said)) == len(names) and not any("_" in line for line in said)
    old = result()["notebooks"]["07_train"]["results"]
    new = copy.deepcopy(old)
    new["config"]["seed"] = 1
    (found,) = compare_training(old, new, same=True)
    assert difference_in_words(found) == "parameter seed: 0 expected, 1 found"
    assert "nan found" in difference_in_words(difference("x", 1.0, float("nan")))
    assert difference_in_words(difference("x", 1.0, 50.0)) == "x: 1 expected, 50 found, 49 times off"


def page_of(outcome, old, new, folder) -> str:
    return page(folder, outcome, old, new, provenance_rows(old, new))


def test_the_page_begins_with_verdict_and_sentence_and_has_the_provenance_once(tmp_path):
    case = compared(changed("cyclegan"))
    html, text = page_of(*case, tmp_path), markdown(*case)
    plain = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html.split("<main>")[1]))
    sentence = first_sentence(*case)[1:]
    assert plain.index("differs") < plain.index(sentence) < plain.index("figures compared")
    assert text.startswith("# minicyclegan repro: differs\n\nN" + sentence)
    for content in (plain, text):
        assert content.count("abc123") == 2, "the commit of the reference and of here"
    assert "| parameters: learning_rate | `0.001` | `0.001` |" in text
    assert (
        "surroundings | other" not in text
        and "<script" not in html
        and "http" not in html.replace("http-equiv", "")
    )
    for part in ("02_generator", "07_train", "probe"):
        assert part in plain and part in text


def test_other_surroundings_are_said_in_words(tmp_path):
    case = compared(other_threads)
    for content in (page_of(*case, tmp_path), markdown(*case)):
        assert "within tolerances: number of threads 1 instead of 2" in content
        assert ">other<" not in content and "| other |" not in content
    assert "| exactly |" in markdown(*compared(another_cycle_loss))


def test_nothing_from_a_notebook_is_markup_in_the_page(tmp_path):
    def hostile(old, new):
        cell = new["notebooks"]["02_generator"]["results"]["cells"][0]
        cell |= {"first_line": "<script>alert(1)</script> `x`", "text": "<img src=x onerror=alert(1)>\n"}

    case = compared(hostile)
    html = page_of(*case, tmp_path)
    assert "<script" not in html and "<img" not in html and "&lt;script&gt;" in html
    assert "default-src 'none'" in html


def test_how_many_figures_were_compared_and_why_others_were_not_is_said():
    outcome = compared(lambda old, new: None)[0]
    outcome["notebooks"]["02_generator"]["figures"] = {"compared": 3, "left out": {"they vary": 2}}
    outcome["notebooks"]["07_train"]["figures"] = {"compared": 1, "left out": {"they vary": 1}}
    assert figures_in_words(outcome) == ["4 figures were compared.", "3 were not: they vary."]


def test_junit_has_a_case_for_each_part_with_failures_and_errors():
    outcome, _, new = compared(failed)
    suites = ET.fromstring(junit(outcome, new))
    (suite,) = suites
    assert suites.attrib | {"name": ""} == {
        "name": "",
        "tests": "3",
        "failures": "1",
        "errors": "1",
        "time": "6.5",
    }
    cases = {case.get("name"): case for case in suite}
    assert list(cases) == ["02_generator", "07_train", "probe"] and len(cases["probe"]) == 0
    assert "ZeroDivisionError" in cases["02_generator"].find("error").get("message")
    assert "12.96 expected" in cases["07_train"].find("failure").get("message")


def test_junit_is_xml_whatever_a_notebook_printed():
    def hostile(old, new):
        new["notebooks"]["02_generator"]["results"]["cells"][0]["text"] = "\x00\x1b[31m]]> & < \ud800 \n"

    outcome, _, new = compared(hostile)
    assert ET.fromstring(junit(outcome, new)).get("failures") == "1"


@pytest.mark.parametrize("verdict", ["same", "differs", "could not run"])
def test_the_badge_says_the_verdict(verdict, tmp_path):
    assert verdict in "".join(ET.fromstring(badge(verdict)).itertext())
    outcome, _, new = compared(lambda old, new: None)
    outcome["verdict"] = verdict
    files = write_for_machines(tmp_path, outcome, new, tmp_path / "junit.xml")
    assert [path.name for path in files] == ["badge.svg", "badge.json", "summary.txt", "junit.xml"]
    shields = json.loads((tmp_path / "badge.json").read_text())
    assert shields["schemaVersion"] == 1 and shields["message"] == verdict
    line = (tmp_path / "summary.txt").read_text()
    assert line == summary_line(outcome, new) + "\n" and line.startswith(
        f"repro smoke: {verdict} (2 notebooks"
    )
    assert line.endswith("2026-11-28, abc123\n")


def test_the_report_is_written_three_times(tmp_path):
    outcome, old, new = compared(changed("cyclegan"))
    files = write_report(tmp_path, outcome, old, new)
    assert [path.name for path in files] == ["report.html", "report.md", "report.json"]
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["sentence"] == first_sentence(outcome, old, new) and report["probe"]["verdict"] == "same"


def test_which_profiles_have_the_probe():
    assert with_probe(PROFILES["smoke"], "") and not with_probe(PROFILES["cpu"], "")
    assert not with_probe(PROFILES["smoke"], "07") and with_probe(PROFILES["cpu"], "07, probe")


def run(folder, out, *options):
    given = ["repro", "--only", "probe", "--reference", str(folder / "reference"), "-o", str(folder / out)]
    answer = CliRunner().invoke(main, [*given, *options])
    return answer.exit_code, answer.output


def test_the_probe_runs_by_itself_and_a_planted_difference_ends_with_1(forked, tmp_path):
    code, said = run(tmp_path, "first")
    assert code == 2 and "--update` makes it" in said
    numbers = dict(probe())
    numbers["cross-entropy: identity at step 1"] /= 0.9
    kept = {
        "provenance": about_probe(surroundings(1, "cpu")),
        "results": {"numbers": numbers},
        "seconds": 1.0,
    }
    reference = {"format": FORMAT, "profile": "smoke", "notebooks": {}, "probe": kept}
    path = write_reference(tmp_path / "reference", reference, None)
    assert json.loads(path.read_text())["probe"] == kept
    code, said = run(tmp_path, "again", "--junit", str(tmp_path / "junit.xml"))
    assert code == 1 and said.endswith("differs\n"), said
    assert "the probe, identity loss at step 1 of the run with cross-entropy: " in said and "10 % off" in said
    assert ET.parse(tmp_path / "junit.xml").getroot().get("failures") == "1"
    assert "identity loss at step 1" in (tmp_path / "again" / "report.html").read_text()
    assert said.count("expected") == 2, "nothing else differs: the process computes what this one computed"


def test_a_part_of_a_reference_that_is_made_anew_keeps_the_probe(tmp_path):
    old, new = result(), result()
    del new["probe"]
    new["notebooks"]["07_train"]["results"]["stale"] = [{"what": "x"}]
    kept = json.loads(write_reference(tmp_path, new, old).read_text())
    assert kept["probe"] == old["probe"] and "stale" not in kept["notebooks"]["07_train"]["results"]
    old["probe"] = {"provenance": {}, "failure": "no memory"}
    with pytest.raises(RunError, match="because probe could not run"):
        write_reference(tmp_path, old, None)


def test_a_junit_file_that_cannot_be_written_is_refused_before_anything_runs(tmp_path):
    (tmp_path / "reference").mkdir()
    (tmp_path / "reference" / "smoke.json").write_text('{"format": "minicyclegan-repro-1", "notebooks": {}}')
    for name, words in (("nowhere/x.xml", "there is no folder"), ("reference", "is a folder")):
        code, said = run(tmp_path, "out", "--junit", str(tmp_path / name))
        assert code == 2 and words in said and not (tmp_path / "out").exists(), said
