"""`minicyclegan repro`: the same again is the same, and whatever was planted is caught, named, and shown by the exit code."""

import configparser
import contextlib
import copy
import io
import json
import shutil
from pathlib import Path

import nbformat
import pytest
import yaml
from click.testing import CliRunner
from conftest import ROOT, make_folder, noise_image

import minicyclegan.repro.run
from minicyclegan.cli import main
from minicyclegan.repro.compare import PLACE, compare, compare_cells, text
from minicyclegan.repro.facts import SANITISE, code_cells, short_hash, why_failed
from minicyclegan.repro.report import markdown
from minicyclegan.repro.run import FORMAT, PROFILES, TRAINING
from minicyclegan.repro.tolerances import TOLERANCES

TINY = dict(image_size=16, steps=3, base_channels=4, n_blocks=1, discriminator_channels=4)
TINY |= dict(discriminator_layers=2, paired="yes")  # three test pictures are too few to tell by themselves
SAY = 'import tempfile\nprint("mean 0.25 of (3, 64), in", tempfile.gettempdir() + "/x")'
TRAIN = """from pathlib import Path
from minicyclegan.datasets.named import load_domains
from minicyclegan.parameters import Config, check_parameters
from minicyclegan.training import train
values = check_parameters(In, globals())
config = Config(**{name: value for name, value in values.items() if name in Config.__dataclass_fields__})
train(config, load_domains(data, image_size, paired=paired), run_dir, device, precision, checkpoint_every, sample_every, 1, progress=lambda line: None)
print("files:", len(list(Path(run_dir).iterdir())))"""


def write_notebook(path: Path, *sources: str, parameters: str = "") -> None:
    """A notebook whose code cells carry outputs, as an executed one."""
    said = nbformat.v4.new_output("stream", name="stdout", text="something\n")
    cells = [nbformat.v4.new_markdown_cell("# Title")]
    if parameters:
        cells.append(nbformat.v4.new_code_cell(parameters, metadata={"tags": ["parameters"]}))
    cells += [nbformat.v4.new_code_cell(s, outputs=[said], execution_count=1) for s in sources]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=kernel), path)


def course(folder: Path) -> Path:
    """Five small notebooks, one of them a training run of real parameters and tiny networks, and pictures to train on."""
    make_folder(folder / "noise", n=3)
    for name in ("01_good", "02_words", "03_words", "04_words"):
        write_notebook(folder / f"{name}.ipynb", SAY, "quiet = 1", 'print("end")')
    real = nbformat.read(ROOT / "notebooks" / "07_train.ipynb", as_version=4)
    cell = next(cell for cell in real.cells if "parameters" in cell.metadata.get("tags", []))
    write_notebook(folder / f"{TRAINING}.ipynb", TRAIN, parameters=cell.source)
    return folder


def repro(folder: Path, out: Path, *options: str, tiny: bool = True, only: str = "07"):
    """Run the command on notebooks in `folder`; returns the exit code, what it said, and its JSON report or None."""
    arguments = ["repro", "--notebooks", str(folder), "-o", str(out), "--only", only]
    if tiny and "07" in only:
        for name, value in (TINY | {"data": folder / "noise"}).items():
            arguments += ["-p", f"{name}={value}"]
    result = CliRunner().invoke(main, [*arguments, *options])
    report = out / "report.json"
    return result.exit_code, result.output, json.loads(report.read_text()) if report.exists() else None


def run_here(arguments: list[str], threads: int, cwd: Path, log: Path, seconds: float) -> str | None:
    """In place of `run_child`: the notebook's cells in this process, without the seconds that a kernel and its imports take."""
    _, path, _, executed, *settings = arguments
    given = yaml.safe_load(Path(settings[1]).read_text()) if settings else {}
    notebook, space = nbformat.read(path, as_version=4), {"In": [""]}
    for number, cell in enumerate((c for c in notebook.cells if c.cell_type == "code"), 1):
        said = io.StringIO()
        space["In"].append(cell.source)
        with contextlib.redirect_stdout(said):
            exec(cell.source, space)
        if "parameters" in cell.metadata.get("tags", []):
            space.update(given)
            space["In"].append("# Parameters\n" + "\n".join(f"{k} = {v!r}" for k, v in given.items()))
        outputs = [nbformat.v4.new_output("stream", name="stdout", text=said.getvalue())]
        cell.update(outputs=outputs if said.getvalue() else [], execution_count=number)
    nbformat.write(notebook, executed)


@pytest.fixture
def here(monkeypatch):
    """Notebooks run in this process."""
    monkeypatch.setattr("minicyclegan.repro.run.run_child", run_here)


@pytest.fixture(scope="module")
def kept(tmp_path_factory) -> Path:
    """A course with a reference, to copy and not to change."""
    folder = course(tmp_path_factory.mktemp("course"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(minicyclegan.repro.run, "run_child", run_here)
        code, said, _ = repro(folder, folder / "out", "--update", only="01,07")
    assert code == 0, said
    path = folder / "reference" / "smoke.json"
    reference = json.loads(path.read_text())
    for name in ("02_words", "03_words", "04_words"):  # the same cells as 01_good: no need to run them
        reference["notebooks"][name] = reference["notebooks"]["01_good"]
    path.write_text(json.dumps(reference))
    shutil.rmtree(folder / "out")
    return folder


@pytest.fixture
def folder(kept, tmp_path) -> Path:
    return Path(shutil.copytree(kept, tmp_path / "course"))


def reference_of(folder: Path) -> dict:
    return json.loads((folder / "reference" / "smoke.json").read_text())


def test_the_same_again_is_the_same_and_the_report_says_everything_that_is_needed_to_repeat_it(
    folder, tmp_path
):
    code, said, report = repro(folder, tmp_path / "out")
    assert code == 0 and said.endswith("same\n"), said
    assert report["verdict"] == "same" and report["exit_code"] == 0
    assert report["notebooks"][TRAINING]["verdict"] == "same" and f"{TRAINING}: same" in said
    about = report["notebooks"][TRAINING]["here"]["provenance"]
    assert set(PLACE) | {"commit", "dirty", "seed", "source", "library", "date"} < about.keys()
    assert about["parameters"]["learning_rate"] == 0.001, "a default"
    assert about["parameters"]["steps"] == 3, "a given one"
    assert about["data"]["hash of files"] and about["data"]["name"] == "noise"
    page = (tmp_path / "out" / "report.md").read_text()
    assert "| parameters: learning_rate | `0.001` | `0.001` |" in page and "| threads | `1` | `1` |" in page


def test_a_changed_seed_and_another_picture_are_each_caught_and_named(here, folder, tmp_path):
    noise_image(999).save(folder / "noise" / "testA" / "2.png")
    code, said, report = repro(folder, tmp_path / "out", "-p", "seed=1")
    assert code == 1 and said.endswith("differs\n"), said
    assert "config.json: seed: expected 0, got 1" in said and "seed: 0 in the reference, 1 here" in said
    assert "off by" in said and "tolerance: exact" in said
    assert "metrics.jsonl: cycle at step 1" in json.dumps(report["notebooks"][TRAINING]["differences"])
    assert "data hash of files: expected" in said, said
    one = report["notebooks"][TRAINING]
    before, now = (part["data"]["hash of files"] for part in (one["reference"], one["here"]["provenance"]))
    assert f"provenance: data hash of files: {before} in the reference, {now} here" in said and before != now


def test_stripped_and_changed_notebooks_are_caught_and_named(here, folder, tmp_path):
    stripped = nbformat.read(folder / "02_words.ipynb", as_version=4)
    for cell in stripped.cells:
        cell.pop("outputs", None) if cell.cell_type != "code" else cell.update(outputs=[])
    nbformat.write(stripped, folder / "02_words.ipynb")
    write_notebook(folder / "03_words.ipynb", SAY.replace("0.25", "0.26"), 'print("end")')
    code, said, report = repro(folder, tmp_path / "out", only="02,03")
    assert code == 1, said
    assert [one["verdict"] for one in report["notebooks"].values()] == ["differs", "differs"]
    assert "carry outputs in the notebook file, before it is run: expected 3, got 0" in said
    assert "code cell 2 of the reference (`quiet = 1`) is not in the notebook any more" in said
    assert "printed: expected 0.25, got 0.26, off by +0.01 (+4.00%); tolerance: exact" in said
    assert "provenance: code cell 1 (`import tempfile`) was edited" in said
    assert "notebook source hash: " in said


def test_what_cannot_run_is_named_and_the_others_still_run(folder, monkeypatch, tmp_path):
    child = minicyclegan.repro.run.run_child  # for those that fail; the one that does not runs here
    monkeypatch.setattr(
        minicyclegan.repro.run,
        "run_child",
        lambda arguments, *rest: (run_here if "01_good" in arguments[1] else child)(arguments, *rest),
    )
    write_notebook(folder / "02_words.ipynb", SAY, "quiet = 1", '1 / 0  # no\nprint("end")')
    write_notebook(folder / "03_words.ipynb", SAY, "quiet = 1", "import os\nos._exit(3)")
    write_notebook(folder / "04_words.ipynb", SAY, "quiet = 1", "while True:\n    pass")
    before = (folder / "reference" / "smoke.json").read_bytes()
    code, said, report = repro(folder, tmp_path / "out", "--update", only="02,03,01")
    assert code == 2 and report["exit_code"] == 2, said
    assert (
        "02_words: could not run: code cell 3 (`1 / 0  # no`) failed with ZeroDivisionError: division by zero"
        in said
    )
    assert "03_words: could not run: " in said and "the kernel of 03_words.ipynb died" in said
    assert "01_good: same" in said
    assert "the reference was left as it was, because 02_words, 03_words could not run" in said
    assert (folder / "reference" / "smoke.json").read_bytes() == before
    code, said, _ = repro(folder, tmp_path / "hangs", "--minutes", "0.03", only="04")
    assert code == 2 and "04_words: could not run: it was stopped after 2 s" in said
    assert said.endswith("could not run\n")


def test_a_notebook_that_hangs_is_named_with_the_cell_it_was_stopped_in(tmp_path):
    # A fast machine reaches the cell before the time is up, and a slow one does not: both say why
    path, stopped = tmp_path / "04_words.ipynb", "it was stopped after 2 s"
    assert why_failed(path, stopped) == stopped
    write_notebook(path, SAY, "while True:\n    pass")
    assert why_failed(path, stopped) == stopped
    notebook = nbformat.read(path, as_version=4)
    interrupted = nbformat.v4.new_output("error", ename="KeyboardInterrupt", evalue="", traceback=[])
    notebook.cells[-1].outputs = [interrupted]
    nbformat.write(notebook, path)
    assert why_failed(path, stopped) == f"{stopped}, in code cell 2 (`while True:`)"


def test_a_failing_training_run_is_named_by_its_own_sentence(folder, tmp_path):
    (folder / "noise" / "trainB" / "1.png").write_bytes(b"no picture")
    code, said, _ = repro(folder, tmp_path / "out")
    assert code == 2 and "cannot read the picture" in said and "trainB/1.png" in said, said


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--only", "44"], "there is no notebook 44; the course has 01_good"),
        (["--only", "07", "-p", "learnin_rate=1"], "did you mean learning_rate?"),
        (["--only", "07", "-p", "image_size=17"], "image_size must be divisible by 4"),
        (["--only", "01", "-p", "seed=1"], f"{TRAINING}, which is not among the chosen"),
        (
            ["--profile", "gpu"],
            "the profile gpu needs a CUDA GPU, and torch sees none here; use --profile cpu",
        ),
        (["--profile", "cpu"], "--profile cpu --update` makes it"),
        (["--reference", "damaged"], "is damaged; restore it from git"),
        (["--reference", "other"], "is not a reference of this program"),
        (["-o", "full"], "is not empty; choose another folder with -o"),
        (["--notebooks", "nowhere"], "there is no notebook 00"),
    ],
)
def test_what_cannot_begin_is_said_in_one_sentence_with_exit_code_2(folder, monkeypatch, options, words):
    monkeypatch.chdir(folder)
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    for name, content in (("damaged", "{"), ("other", "{}"), ("full", "")):
        (folder / name).mkdir()
        (folder / name / "smoke.json").write_text(content)
    start = [] if "--notebooks" in options else ["--notebooks", "."]
    only = [] if {"--only", "--profile", "--notebooks"} & set(options) else ["--only", "01"]
    result = CliRunner().invoke(main, ["repro", *start, *only, *options])
    said = result.output.strip().splitlines()[-1]
    assert result.exit_code == 2 and said.startswith("minicyclegan: could not run: ") and words in said, (
        result.output
    )
    assert "Traceback" not in result.output and not list(folder.rglob("report.*"))


def test_a_fault_of_ours_is_no_difference(folder, monkeypatch, tmp_path):
    monkeypatch.setattr("minicyclegan.repro.run.run_all", lambda *_: {"notebooks": {}})
    monkeypatch.setattr("minicyclegan.repro.compare.compare", lambda *_: 1 / 0)
    code, said, _ = repro(folder, tmp_path / "out", only="01")
    assert code == 2 and "could not run: ZeroDivisionError" in said


def planted(reference: dict, change) -> dict:
    """The verdict on notebook 07 when the reference comes from a machine with two threads, after a change of the result."""
    old, new = copy.deepcopy(reference), copy.deepcopy(reference)
    old["notebooks"][TRAINING]["provenance"]["threads"] = 2
    change(new["notebooks"][TRAINING])
    new["notebooks"] = {TRAINING: new["notebooks"][TRAINING]}
    return compare(old, new)["notebooks"][TRAINING]


@pytest.mark.parametrize(
    ("place", "step", "factor", "verdict"),
    [
        ("cycle", 0, 1 + 1e-6, "same"),
        ("cycle", 0, 1 + 1e-4, "differs"),
        ("gan_ab", 1, 1 + 1e-3, "same"),
        ("gan_ab", 1, 1.02, "differs"),
        # The third step may already be far away: not compared, and the report says so
        ("gan_ab", 2, 1.5, "same"),
        ("cycle", 2, float("nan"), "differs"),
        ("learning_rate", 2, 1.001, "differs"),
        ("held_out_ab", 0, 1 + 1e-4, "same"),
        ("held_out_ab", 0, 1.01, "differs"),
        ("held_out_ab", 2, 1.4, "same"),
        ("held_out_ab", 2, 1.6, "differs"),
        ("held_out_ab", 2, float("nan"), "differs"),
    ],
)
def test_in_other_surroundings_each_number_has_its_tolerance(kept, place, step, factor, verdict):
    def change(one):
        one["results"]["records"][step][place] *= factor

    one = planted(reference_of(kept), change)
    assert one["verdict"] == verdict and one["surroundings"] == "other"
    assert "threads: 2 in the reference, 1 here" in one["provenance"]
    assert all(place in d["what"] and d["tolerance"] != "exact" for d in one["differences"])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda one: one["results"]["config"].update(pool_size=0), "config.json: pool_size"),
        (lambda one: one["results"]["records"].pop(), "metrics.jsonl: the steps"),
        (lambda one: one["results"]["weights"]["norms"].update(generator_ab=1.0), "weights of generator_ab"),
        (lambda one: one["results"].update(not_run=["x = 1"]), "did not run"),
        (lambda one: one["results"]["cells"][1].update(text="files: 9\n"), "printed"),
        (lambda one: one["results"].update(evaluation={"gap_closed ab": 0.9}), "evaluation: gap_closed ab"),
        (lambda one: one["provenance"]["data"].update({"hash of files": "0"}), "data hash of files"),
        (
            lambda one: one["provenance"]["data"]["pictures"].update(train_a=[3, 1.0, 1.0]),
            "pictures in train_a",
        ),
    ],
)
def test_in_other_surroundings_facts_are_still_exact(kept, change, words):
    assert planted(reference_of(kept), lambda one: None)["verdict"] == "same"
    one = planted(reference_of(kept), change)
    assert one["verdict"] == "differs" and words in one["differences"][0]["what"]


def test_the_hash_of_drawn_pictures_counts_in_the_same_surroundings_and_is_told_in_others(kept):
    def change(one):
        one["provenance"]["data"]["hash of drawn pictures"] = "other"

    one = planted(reference_of(kept), change)  # another processor may round a byte differently
    assert one["verdict"] == "same" and any("hash of drawn pictures" in line for line in one["provenance"])
    reference = reference_of(kept)
    result = copy.deepcopy(reference)
    change(result["notebooks"][TRAINING])
    one = compare(reference, result)["notebooks"][TRAINING]
    assert one["verdict"] == "differs" and "data hash of drawn pictures" in one["differences"][0]["what"]


def test_in_the_same_surroundings_the_last_digit_of_every_number_counts(kept):
    reference = reference_of(kept)
    for step, record in enumerate(reference["notebooks"][TRAINING]["results"]["records"]):
        for name in record.keys() - {"step"}:
            other = copy.deepcopy(reference)
            other["notebooks"][TRAINING]["results"]["records"][step][name] += 1e-12
            other["notebooks"] = {TRAINING: other["notebooks"][TRAINING]}
            outcome = compare(reference, other)
            assert outcome["verdict"] == "differs", name
            assert [name in d["what"] for d in outcome["notebooks"][TRAINING]["differences"]] == [True]


@pytest.mark.parametrize(
    ("old", "new", "same", "other"),
    [
        ("error 0.31\n", "error 0.32\n", False, True),
        ("error 0.31\n", "error 0.33\n", False, False),
        ("error -0.310\n", "error 0.310\n", False, False),
        ("off by 3.1e-07\n", "off by 3.2e-07\n", False, True),
        ("off by 3.1e-07\n", "off by 5.1e-07\n", False, False),
        ("64 px\n", "65 px\n", False, False),
        ("all equal: True\n", "all equal: False\n", False, False),
        ("a\nb\n", "a\n", False, False),
        ("0.5 nan\n", "0.5 nan\n", True, True),
        ("error ≈ 0.31 ± 0.05\n", "error ≈ 0.35 ± 0.05\n", False, True),
        ("error ≈ 0.31 ± 0.05\n", "error ≈ 0.37 ± 0.05\n", False, False),
        ("error ≈ 0.31\n", "error ≈ 0.33\n", False, True),
    ],
)
def test_printed_text_is_compared_exactly_and_elsewhere_to_one_unit_of_the_last_digit(old, new, same, other):
    assert (not text("it", old, new, True), not text("it", old, new, False)) == (same, other)


def test_cells_that_moved_were_removed_or_were_edited_are_told_apart():
    def cells(*sources):
        return [{"first_line": s, "source": s, "text": s.upper()} for s in sources]

    found, notes = compare_cells(cells("a", "b", "c"), cells("a", "b", "c"), True)
    assert (found, notes) == ([], [])
    found, notes = compare_cells(cells("a", "b", "c"), cells("new", "a", "c"), True)
    assert [
        "(`new`) is not in the reference" in found[0]["what"],
        "cell 2 of the reference (`b`)" in found[1]["what"],
    ]
    assert len(found) == 2 and notes == []
    found, notes = compare_cells(cells("a", "b"), cells("a", "x"), True)
    assert notes == ["code cell 2 (`x`) was edited"] and found[0]["got"] == "X"


def test_markdown_from_a_notebook_cannot_break_the_report(kept):
    def change(one):
        one["results"]["cells"][1]["text"] = "`| # <script>alert(1)</script> ```\n"

    reference = reference_of(kept)
    result = copy.deepcopy(reference)
    change(result["notebooks"][TRAINING])
    page = markdown(compare(reference, result), reference, result)
    line = next(line for line in page.splitlines() if "script" in line)
    before = line[: line.index("<script>")]
    assert before.count("`") % 2 == 1, "outside of code"


def test_a_part_of_the_reference_can_be_made_new_and_the_rest_stays(here, folder, tmp_path):
    write_notebook(folder / "02_words.ipynb", SAY.replace("0.25", "0.26"), "quiet = 1", 'print("end")')
    before = reference_of(folder)["notebooks"]
    code, said, _ = repro(folder, tmp_path / "out", "--update", only="02")
    assert code == 0 and "expected 0.25, got 0.26" in said and "this is the new reference" in said
    after = reference_of(folder)["notebooks"]
    assert after.keys() == before.keys()
    assert {name for name in after if after[name] != before[name]} == {"02_words"}
    assert "mean 0.26" in after["02_words"]["results"]["cells"][0]["text"]


def test_temporary_folders_are_replaced_as_nbval_replaces_them():
    config = configparser.ConfigParser()
    config.read(ROOT / "tests" / "nbval_sanitize.cfg")
    assert [config[name]["regex"] for name in config.sections()] == [SANITISE.pattern.replace('\\"', '"')]


@pytest.mark.long
def test_a_changed_learning_rate_of_the_real_notebook_07_is_found_by_the_committed_reference(tmp_path):
    code, said, report = repro(ROOT / "notebooks", tmp_path / "out", "-p", "learning_rate=0.002", tiny=False)
    assert (
        code == 1
        and "config.json: learning_rate: expected 0.001, got 0.002, off by +0.001 (+100.00%)" in said
    )
    assert "provenance: learning_rate: 0.001 in the reference, 0.002 here" in said
    found = {d["what"] for d in report["notebooks"][TRAINING]["differences"]}
    assert "metrics.jsonl: cycle at step 1" not in found, "the first step has not learned yet"
    assert {"metrics.jsonl: held_out_ab at step 1", "metrics.jsonl: cycle at step 2"} <= found


@pytest.mark.parametrize("profile", ["smoke", "cpu"])
def test_the_committed_reference_has_every_notebook_of_its_profile_and_the_tolerances(profile):
    reference = json.loads((ROOT / "notebooks" / "reference" / f"{profile}.json").read_text())
    assert reference["format"] == FORMAT and reference["profile"] == profile
    for begin in PROFILES[profile].notebooks:
        (name,) = [name for name in reference["notebooks"] if name.startswith(begin)]
        assert reference["notebooks"][name]["results"]["not_run"] == []
        assert reference["notebooks"][name]["provenance"]["threads"] == 1
    assert TOLERANCES.keys() < reference["tolerances"]["other surroundings"].keys()
    if profile == "cpu":
        evaluation = reference["notebooks"][TRAINING]["results"]["evaluation"]
        assert evaluation["gap_closed ab"] > 0.9 and evaluation["gap_closed ba"] > 0.9


def test_the_committed_reference_was_made_of_the_committed_notebooks():
    """Else `minicyclegan repro` says "differs" on a clean clone: run `minicyclegan repro --update`, and look at what it says."""
    reference = json.loads((ROOT / "notebooks" / "reference" / "smoke.json").read_text(encoding="utf-8"))
    assert len(reference["notebooks"]) >= 6
    for name, facts in reference["notebooks"].items():
        recorded = [cell["source"] for cell in facts["results"]["cells"]]
        committed = [short_hash(cell.source) for cell in code_cells(ROOT / "notebooks" / f"{name}.ipynb")]
        assert recorded == committed, f"{name} was changed since"
