"""Values from outside: -p, YAML files, sweeps and options. One clear sentence, nothing written, nothing executed."""

import dataclasses
import os
import random
import resource
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner
from conftest import ROOT, files_in
from hypothesis import given, settings
from hypothesis import strategies as st
from records import record

from minicyclegan.cli import main
from minicyclegan.course.files import course_folder
from minicyclegan.course.settings import parameters_of, read_parameters
from minicyclegan.cyclegan import CycleGAN
from minicyclegan.errors import MiniCycleGANError, ParameterError
from minicyclegan.parameters import Config, check_type
from minicyclegan.runs.devices import choose_device, without_numbers
from minicyclegan.sweep.plan import read_sweep

DECLARED = parameters_of(course_folder() / "07_train.ipynb")
FIELDS = [field.name for field in dataclasses.fields(Config)]
QUICK = settings(derandomize=True, database=None, deadline=None, max_examples=80)


def fault_in_sentence(text: str) -> str:
    """What is wrong with a sentence for people; empty where nothing is."""
    if "\n" in text or not text.isprintable():
        return "it is no single line of text"
    return "" if 20 < len(text) < 1200 else f"it has {len(text)} characters"


def outcome(act) -> str:
    """`accepted`, `refused`, or what is wrong with how it was refused."""
    try:
        act()
    except MiniCycleGANError as error:
        fault = fault_in_sentence(str(error))
        return f"{fault}: {str(error)[:200]}" if fault else "refused"
    except Exception as error:
        return f"{type(error).__name__}: {str(error)[:200]}"
    return "accepted"


def configure(pairs: tuple[str, ...], file: Path | None = None) -> Config:
    """What every command does with its values before it does anything else."""
    given = read_parameters(pairs, file, DECLARED)
    return Config(**{name: value for name, value in given.items() if name in FIELDS})


HOSTILE_TEXTS = [
    "0x" + "f" * 20_000,
    "-0x" + "f" * 20_000,
    "9" * 5000,
    "-" + "9" * 400,
    "9" * 60_000,
    "1:" + ":".join(["1"] * 20_000),
    "0b" + "1" * 60_000,
    "1e999",
    "-1e999",
    "1e-999",
    "1" * 400 + "e5",
    ".nan",
    ".inf",
    "-.inf",
    "nan",
    "null",
    "~",
    "{}",
    "[]",
    "{a: b}",
    "[[1], [2]]",
    "[" * 3000,
    "{a: " * 3000,
    "- " * 3000,
    "2024-13-45",
    "2024-01-01",
    "!!int ''",
    "!!int x",
    "!!float x",
    "!!bool x",
    "!!timestamp x",
    "!!binary x",
    "!!set {1, 2}",
    "!!omap [1]",
    "!!python/object/apply:os.system ['touch executed']",
    "!!python/name:os.system",
    "!!python/object/new:subprocess.Popen [[touch, executed]]",
    "!<tag:yaml.org,2002:python/object/apply:os.system> ['touch executed']",
    "&a [*a]",
    "&a {x: *a}",
    "*a",
    "{{1: 2}: 3}",
    "{[1]: 3}",
    "=",
    "<<",
    "'",
    '"\\ud800"',
    '"\\0"',
    '"a\\0b"',
    '"\\x1b[31m"',
    '"a\\nb"',
    "\ud800",
    "\udcff",
    "\x00",
    "\x1b[2J",
    "\ufeff",
    "\u0663",
    "\u0661e\u0662",
    "\uff15",
    "\u202e5",
    "x" * 5000,
    "x" * 70_000,
    "--- 1\n--- 2",
    "%YAML 9.9\n--- 1",
    "--- !!map {",
    "\t5",
    "5 # five",
    "0o17",
    "1_000",
    "+5",
    "- 5",
    "yes",
    '{"$ref": 1}',
    "${HOME}",
    "$(touch executed)",
    "`touch executed`",
    "'); import os; os.system('touch executed') #'",
]


@pytest.mark.parametrize(
    "name", ["data", "steps", "learning_rate", "resume", "device", "run_dir", "gan_mode"]
)
def test_no_value_from_the_command_line_gets_anything_but_one_sentence(name):
    found = {text[:60]: outcome(lambda: configure((f"{name}={text}",))) for text in HOSTILE_TEXTS}
    assert {text: what for text, what in found.items() if what not in ("accepted", "refused")} == {}
    least = 10 if DECLARED[name][0] is str and name != "gan_mode" and name != "device" else len(found) / 4
    assert list(found.values()).count("refused") > least, "a text may be nearly anything, a number not"


AS_TYPED = """2024_11_28 007 0123 1.10 1e3 1_000 12:30 2024-01-01 null true yes ~ ~/here = << - . [1] {a} {steps} a{b}c
%s 50% # #1 a#b ?x x? & &a *a ! | > @x `x` $HOME -x -- ' " x'y \\ \\n C:\\new ü 漢字 🙂 s3://b/c http://x""".split()
AS_TYPED += [
    "runs/try #2",
    "a: b",
    "two  blanks",
    " at the ends ",
    "line\nline",
    "tab\there",
    "x = y",
    "{a: 1}",
    "\ufeff",
]


@pytest.mark.parametrize("text", AS_TYPED)
def test_a_text_is_used_as_it_was_typed(text):
    for name in ("run_dir", "data"):
        assert read_parameters((f"{name}={text}",), None, DECLARED) == {name: text}


@pytest.mark.parametrize(
    ("typed", "text"),
    [("'007'", "007"), ('"a b"', "a b"), ("'it''s'", "it's"), ('"a\\tb"', "a\tb"), ('""', "")],
)
def test_quotes_around_the_whole_of_a_text_are_taken_off_as_yaml_does(typed, text):
    assert read_parameters((f"run_dir={typed}",), None, DECLARED) == {"run_dir": text}


def test_blanks_on_both_sides_of_the_sign_belong_to_the_writing():
    given = read_parameters(("run_dir = my runs", "steps = 7", " seed=3"), None, DECLARED)
    assert given == {"run_dir": "my runs", "steps": 7, "seed": 3}


WRITTEN = {
    name: name
    for name in "2024_11_28 007 0123 1.10 1e3 12:30 2024-01-01 null true yes ~ = ~/here a#b 0x10".split()
}
WRITTEN |= {"": "", "'007'": "007", '"a\\tb"': "a\tb", "007 # a remark": "007", "!!int 5": "5", "a b": "a b"}


@pytest.mark.parametrize("written", WRITTEN)
def test_a_text_in_a_file_is_used_as_it_is_written(tmp_path, written):
    (tmp_path / "x.yaml").write_text(f"steps: 0x10\nrun_dir: {written}\nlearning_rate: 1e-3\nresume: yes\n")
    given = read_parameters((), tmp_path / "x.yaml", DECLARED)
    assert given == {"steps": 16, "run_dir": WRITTEN[written], "learning_rate": 1e-3, "resume": True}


def test_numbers_and_truths_are_read_as_before():
    pairs = (
        "steps=1_000",
        "seed=0x10",
        "learning_rate=1e-3",
        "lambda_cycle=5",
        "resume=on",
        "pool_size=5 # five",
    )
    assert read_parameters(pairs, None, DECLARED) == {
        **{
            "steps": 1000,
            "seed": 16,
            "learning_rate": 1e-3,
            "lambda_cycle": 5.0,
            "resume": True,
            "pool_size": 5,
        }
    }
    for pair in ("steps='5'", "steps=12:30x", "resume='true'", "learning_rate='1'", "steps="):
        assert outcome(lambda: configure((pair,))) == "refused", pair


@pytest.mark.parametrize("name", ["rundir", "dat", "rum_dir"])
def test_a_misspelt_text_gets_its_hint(name):
    with pytest.raises(ParameterError, match="did you mean (run_dir|data)"):
        read_parameters((f"{name}=007",), None, DECLARED)


@pytest.mark.parametrize(
    "text", ["a\x1b[2J", "\x07", "caf\udce9", '"\\ud800"', '"\\x1b"', "x" * 4097, '"a" b "c"']
)
def test_a_text_that_no_settings_file_can_hold_is_refused(text):
    assert outcome(lambda: configure((f"run_dir={text}",))) == "refused"


@pytest.mark.parametrize(
    "pair",
    [
        "",
        "=",
        "=5",
        " = ",
        "steps",
        "x" * 60_000 + "=1",
        "\x1b[31m=5",
        "a\nb=5",
        "steps\0=5",
        "\ud800=1",
        "0=0",
    ],
)
def test_no_name_from_the_command_line_gets_anything_but_one_sentence(pair):
    assert outcome(lambda: configure((pair,))) == "refused"


HOSTILE_FILES = {
    "billion laughs": b"a: &a [x, x]\n"
    + b"".join(
        b"%c: &%c [*%c, *%c, *%c, *%c, *%c, *%c, *%c, *%c]\n" % (c, c, *[c - 1] * 8) for c in range(98, 118)
    ),
    "itself": b"steps: &a [*a]\n",
    "a merged reference": b"a: &a {steps: 5}\n<<: *a\n",
    "a python object": b"steps: !!python/object/apply:os.system ['touch executed']\n",
    "a python name": b"? !!python/name:os.system\n: 5\n",
    "nothing": b"",
    "a comment": b"# nothing\n",
    "a list": b"- steps: 5\n",
    "a number": b"5\n",
    "a text": b"steps = 5\n",
    "two documents": b"steps: 5\n---\nsteps: 6\n",
    "no UTF-8": b"data: caf\xe9\n",
    "UTF-16": "steps: 5\n".encode("utf-16"),
    "zero bytes": bytes(5000),
    "random bytes": random.Random(0).randbytes(5000),
    "a picture": b"\x89PNG\r\n\x1a\n" * 100,
    "a zip file": b"PK\x03\x04" * 100,
    "a name that is a number": b"5: 6\n",
    "a name that is null": b"~: 6\n",
    "a name that is a list": b"[1, 2]: 6\n",
    "a name that is unknown": b"stepz: 6\n",
    "a name with an escape": b'"\\e[31m": 6\n',
    "a value that is YAML in a text": b"data: '{'\nsteps: '['\n",
    "deep": b"steps: " + b"[" * 5000,
    "deep blocks": b"".join(b" " * i + b"a:\n" for i in range(300)),
    "too long": b"# x\n" * 40_000 + b"steps: 5\n",
    "a long number": b"steps: 0x" + b"f" * 50_000,
    "a tab": b"\tsteps: 5\n",
    "a null value": b"steps:\n",
    "a date": b"steps: 2024-13-45\n",
    "an unfinished text": b'data: "abc',
    "a value with a zero byte": b'data: "a\\0b"\n',
}


@pytest.mark.parametrize("name", HOSTILE_FILES)
def test_a_hostile_settings_file_is_refused_with_one_sentence(tmp_path, name):
    (tmp_path / "x.yaml").write_bytes(HOSTILE_FILES[name])
    assert outcome(lambda: configure((), tmp_path / "x.yaml")) == "refused"
    assert outcome(lambda: read_sweep(tmp_path / "x.yaml")) == "refused"


def test_a_settings_file_with_the_mark_that_windows_puts_first_is_read(tmp_path):
    (tmp_path / "x.yaml").write_bytes(b"\xef\xbb\xbfsteps: 5\r\nlearning_rate: 1e-3\r\n")
    assert read_parameters((), tmp_path / "x.yaml", DECLARED) == {"steps": 5, "learning_rate": 1e-3}


def odd_paths(folder: Path) -> list[str]:
    """Paths that are not files to read, among them some on which a careless program waits for ever."""
    (folder / "folder").mkdir()
    (folder / "loop").symlink_to(folder / "loop")
    os.mkfifo(folder / "pipe")
    names = ["folder", "loop", "pipe", "missing", "x" * 300, "missing/x" * 60, "new\nline\x1b[31m", "{steps}"]
    return [str(folder / name) for name in names] + ["/dev/zero", "/dev/tty", ""]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no such files")
def test_a_settings_file_that_is_no_file_is_refused_and_nothing_hangs(tmp_path):
    for path in odd_paths(tmp_path):
        if path:
            assert outcome(lambda: configure((), path)) == "refused", path
        assert outcome(lambda: read_sweep(path)) == "refused", path


# Generated values

SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=30), st.integers(-(10**30), 10**30)
)
VALUES = st.recursive(
    SCALARS, lambda part: st.lists(part, max_size=3) | st.dictionaries(st.text(max_size=4), part)
)


@QUICK
@given(name=st.sampled_from(FIELDS), value=VALUES)
def test_a_config_takes_any_value_or_refuses_it_with_one_sentence(name, value):
    assert outcome(lambda: Config(**{name: value})) in ("accepted", "refused")


@QUICK
@given(name=st.sampled_from(sorted(DECLARED)), text=st.text(max_size=40))
def test_any_text_after_p_is_taken_or_refused_with_one_sentence(name, text):
    assert outcome(lambda: configure((f"{name}={text}",))) in ("accepted", "refused")


@QUICK
@given(pair=st.text(max_size=40))
def test_any_text_as_p_is_taken_or_refused_with_one_sentence(pair):
    assert outcome(lambda: configure((pair,))) in ("accepted", "refused")


# What is accepted can be built

EDGES = {
    "image_size": [16, 20, 256, 4096],
    "batch_size": [1, 64, 4096],
    "base_channels": [1, 3, 64, 1024],
    "n_blocks": [0, 1, 9, 64],
    "n_downsamplings": [1, 2],
    "upsampling": ["transposed", "resize"],
    "discriminator_channels": [1, 5, 64, 1024],
    "discriminator_layers": [1, 3, 8],
    "pool_size": [0, 50, 100_000],
    "seed": [0, 2**31 - 1],
    "learning_rate": [5e-324, 1e-4, 1000.0],
}


def test_every_accepted_config_builds_networks_below_the_stated_size():
    """On torch's device without memory, so that the largest cost nothing here."""
    rng, built, refused = random.Random(5), 0, 0
    for _ in range(400):
        changes = {name: rng.choice(values) for name, values in EDGES.items()}
        try:
            config = Config(**changes)
        except ParameterError as error:
            assert not fault_in_sentence(str(error))
            refused += 1
            continue
        assert config.batch_size * config.image_size**2 <= 2**28
        assert config.pool_size * config.image_size**2 <= 2**31
        if built < 40:
            with without_numbers():
                model = CycleGAN(config)
            for network in (model.generator_ab, model.discriminator_a):
                assert sum(weight.numel() for weight in network.parameters()) < 2**33
            pictures = torch.zeros(1, 3, config.image_size, config.image_size, device="meta")
            assert model.generator_ab.to("meta")(pictures).shape == pictures.shape
            model.discriminator_a(pictures)
        built += 1
    assert built >= 20 and refused >= 100, (built, refused)


@pytest.mark.parametrize(
    ("changes", "number"),
    [
        ({"base_channels": 10**9}, "1,024"),
        ({"n_blocks": 10**6}, "64"),
        ({"image_size": 10**6, "batch_size": 10**6}, "4,096"),
        ({"image_size": 4096, "batch_size": 4096}, "268,435,456"),
        ({"image_size": 4096, "pool_size": 10_000}, "2,147,483,648"),
        ({"base_channels": 1024, "n_blocks": 64}, "4,294,967,296"),
        ({"discriminator_channels": 1024, "discriminator_layers": 8, "image_size": 1024}, "4,294,967,296"),
        ({"steps": 10**30}, "18 digits"),
        ({"seed": 2**31}, "2,147,483,647"),
    ],
    ids=str,
)
def test_what_no_memory_holds_is_refused_with_the_number_that_is_allowed(changes, number):
    with pytest.raises(ParameterError) as caught:
        Config(**changes)
    assert number in str(caught.value) and not fault_in_sentence(str(caught.value))


def test_a_whole_number_too_large_for_a_fraction_is_refused():
    for value in (10**400, -(10**400), 10**5000):
        for wanted in (int, float, str):
            with pytest.raises(ParameterError):
                check_type("x", value, wanted)


# Devices


@pytest.mark.parametrize(
    "device",
    [
        "",
        " ",
        "cpu:xx",
        "cpu:7",
        "cpu:-1",
        "cpu ",
        "CPU",
        "cpu\n",
        "cuda:99",
        "cuda:",
        "cuda:-1",
        "cuda:\u0663",
    ]
    + [
        "cuda:" + "9" * 5000,
        "mps:5",
        "auto\n",
        "meta",
        "xla",
        "\x1b[31m",
        "\0",
        "x" * 10_000,
        0,
        None,
        b"cpu",
        ["cpu"],
    ],
    ids=lambda device: repr(device)[:20],
)
@pytest.mark.parametrize("cards", [0, 2])
def test_a_device_that_is_none_is_refused_with_one_sentence(monkeypatch, device, cards):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cards > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: cards)
    assert outcome(lambda: choose_device(device, "fp32")) == "refused"


# Sweeps

HOSTILE_SWEEPS = {
    "base is a number": "base: 5\n",
    "base is a list": "base: [x]\n",
    "base is a folder": "base: .\n",
    "base with a zero byte": 'base: "a\\0b"\n',
    "notebook is a list": "notebook: [1]\n",
    "notebook with a zero byte": 'notebook: "a\\0.ipynb"\n',
    "notebook that is no notebook": "notebook: x.ipynb\n",
    "an axis called steps=5": "axes: {steps=5: [1]}\n",
    "an axis with spaces": "axes: {' steps ': [1]}\n",
    "an axis that is a number": "axes: {5: [1]}\n",
    "an axis of maps": "axes: {steps: [{a: b}]}\n",
    "an empty axis": "axes: {steps: []}\n",
    "an axis of nan": "axes: {learning_rate: [.nan]}\n",
    "a grid of a million million runs": "grid: {"
    + ", ".join(
        f"{name}: [{', '.join(map(str, range(1, 101)))}]" for name in FIELDS if DECLARED[name][0] is int
    )
    + "}\n",
    "twenty thousand seeds": f"seeds: [{', '.join(map(str, range(12_000)))}]\n",
    "seeds of text": "seeds: [a]\n",
    "seeds of maps": "seeds: [{}]\n",
    "a huge seed": "seeds: [0x" + "f" * 20_000 + "]\n",
    "a negative seed": "seeds: [-1]\n",
    "seeds is a number": "seeds: 5\n",
    "parameters is a list": "parameters: [1]\n",
    "parameters has a null": "parameters: {~: 5}\n",
    "checkpoints each zero steps": "parameters: {checkpoint_every: 0}\n",
    "an unknown entry": "axis: {}\n",
    "a deep value": "parameters: {steps: " + "[" * 300 + "]" * 300 + "}\n",
}


@pytest.mark.parametrize("name", HOSTILE_SWEEPS)
def test_a_hostile_sweep_is_refused_with_one_sentence(tmp_path, name):
    (tmp_path / "x.yaml").write_text(HOSTILE_SWEEPS[name], encoding="utf-8")
    assert outcome(lambda: read_sweep(tmp_path / "x.yaml")) == "refused"


# Commands


def command(*arguments) -> str:
    """Run a command inside this process; returns the one sentence it refused with, after checking that it did."""
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert result.exit_code != 0, f"accepted: {result.output}"
    assert result.exception is None or isinstance(result.exception, SystemExit), repr(result.exception)
    assert "Traceback" not in result.output and "\x1b" not in result.output
    last = result.output.strip().splitlines()[-1]
    assert not fault_in_sentence(last), result.output
    return last


COMMANDS = [
    ["train", "-p", "steps=0x" + "f" * 9000],
    ["train", "-p", "steps=!!python/object/apply:os.system ['touch executed']"],
    ["train", "-p", "device=cpu:xx"],
    ["train", "-p", "device=cuda:99"],
    ["train", "-p", "device="],
    ["train", "-p", "precision=fp8"],
    ["train", "-p", "checkpoint_every=0"],
    ["train", "-p", "base_channels=1000000000"],
    ["train", "-p", "image_size=1000000", "-p", "batch_size=1000000"],
    ["train", "-p", 'data="a\\0b"'],
    ["train", "-p", 'run_dir="a\\0b"'],
    ["train", "-p", "data=" + "x" * 300],
    ["train", "x" * 300],
    ["train", "\x1b[31m"],
    ["train", "-f", "/dev/zero"],
    ["train", "-f", "."],
    ["train", "-f", "missing.yaml"],
    ["run", "04", "-p", "steps=5"],
    ["run", "\x1b[31m"],
    ["run", "x" * 300],
    ["run", "[["],
    ["run", "/"],
    ["run", "07", "-p", "steps=2024-13-45"],
    ["sweep", "/dev/zero"],
    ["sweep", "."],
    ["sweep", "x" * 300],
    ["sweep", "missing"],
    ["sweep", "ablations", "-j", "0"],
    ["repro", "-p", "steps=[["],
    ["repro", "-p", "steps=" + "9" * 5000],
    ["repro", "--minutes", "nan", "-p", "steps=x"],
    ["repro", "--only", "[["],
    ["repro", "--only", "02", "-p", "steps=5"],
    ["repro", "--threads", "0"],
    ["evaluate", "missing"],
    ["evaluate", "."],
    ["evaluate", "x" * 300],
    ["evaluate", "missing", "--seed", "-1"],
    ["evaluate", "missing", "--seed", str(2**70)],
    ["evaluate", "missing", "--pictures", "1e9"],
    ["translate", "missing.pt", ".", "-o", "out"],
    ["translate", "missing.pt", "x" * 300, "-o", "out"],
    ["translate", "missing.pt", "missing", "-o", "out", "--device", "cpu:xx"],
    ["export", "missing.pt", "out.onnx"],
    ["export", "x" * 300, "out.onnx"],
    ["export", "missing.pt", "x" * 300],
    ["data", "check", "x" * 300],
    ["data", "get", "\x1b[31m"],
]


@pytest.mark.parametrize(
    "arguments", COMMANDS, ids=lambda arguments: " ".join(arguments)[:50].encode("unicode_escape")
)
def test_a_command_refuses_in_one_sentence_and_writes_nothing(tmp_path, monkeypatch, arguments):
    monkeypatch.chdir(tmp_path)
    command(*arguments)
    assert files_in(tmp_path) == []
    assert list(tmp_path.iterdir()) in ([], [tmp_path / "runs"]), "a folder was left behind"


@pytest.mark.parametrize("device", ["cpu:xx", "cuda:99", "", "\n"])
def test_commands_that_read_a_checkpoint_refuse_a_device_in_one_sentence(
    tmp_path, monkeypatch, checkpoint, device
):
    from conftest import noise_image

    monkeypatch.chdir(tmp_path)
    noise_image(0).save("x.png")
    assert "device" in command("translate", checkpoint, "x.png", "-o", "out", "--device", device)
    assert "device" in command("evaluate", checkpoint, "--device", device)
    assert files_in(tmp_path) == ["x.png"]


def test_values_reach_the_notebook_as_values_and_never_as_code(tmp_path, monkeypatch):
    """Papermill writes the values into a cell: whatever is in a text, the cell gives that text back."""
    from papermill.translators import PythonTranslator

    monkeypatch.chdir(tmp_path)
    rng = random.Random(3)
    pieces = [
        '"',
        "'",
        "\\",
        "\n",
        "#",
        "{",
        "}",
        '"""',
        "; open('executed', 'w'); ",
        "\r",
        "\u2028",
        "\x1b",
        "\\N{DIGIT ONE}",
    ]
    for _ in range(500):
        text = "".join(rng.choice(pieces) for _ in range(rng.randrange(12)))
        values = {"data": text, "steps": 10**18, "learning_rate": 5e-324, "resume": True}
        namespace = {}
        exec(PythonTranslator.codify(values), namespace)
        assert {name: namespace[name] for name in values} == values
    assert files_in(tmp_path) == []


# Real processes, with a limit of memory and time

MEMORY = 2**33  # bytes of address space for a whole process; torch alone maps a large part of it
SECONDS = 60


def real(arguments: list[str], folder: Path) -> subprocess.CompletedProcess:
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, "-m", "minicyclegan.cli", *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        stdin=subprocess.DEVNULL,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY)),
    )


REAL = [
    ["train", "-f", "bomb.yaml"],
    ["train", "-f", "pipe"],
    ["train", "-p", "steps=0x" + "f" * 9000],
    ["sweep", "bomb.yaml"],
    ["train", "-p", os.fsdecode(b"data=caf\xe9\xff")],
]


@pytest.mark.skipif(
    not hasattr(os, "mkfifo"), reason="Windows has neither pipes of this kind nor these limits"
)
@pytest.mark.parametrize(
    "arguments", REAL, ids=lambda arguments: " ".join(arguments)[:30].encode("unicode_escape")
)
def test_a_real_process_refuses_within_its_memory_and_hangs_never(tmp_path, arguments):
    (tmp_path / "bomb.yaml").write_bytes(HOSTILE_FILES["billion laughs"])
    os.mkfifo(tmp_path / "pipe")
    done = real(arguments, tmp_path)
    assert done.returncode == 1 and "Traceback" not in done.stderr, done.stderr
    assert done.stderr.startswith("minicyclegan: ") and not fault_in_sentence(done.stderr.strip())
    assert files_in(tmp_path) == ["bomb.yaml", "pipe"]


# The whole count


@pytest.mark.long
def test_ten_thousand_hostile_values_get_one_sentence_or_are_read(tmp_path):
    rng, found, wrong, longest = random.Random(9), {"accepted": 0, "refused": 0}, {}, 0.0
    letters = "0123456789.eE+-:_xob[]{},&*!|>%@`'\"#? \t\n\r~\\/=<aftn\0\x1b\ufeff\u0663\ud800"

    def note(what: str, act) -> None:
        nonlocal longest
        began = time.monotonic()
        verdict = outcome(act)
        longest = max(longest, time.monotonic() - began)
        if verdict in found:
            found[verdict] += 1
        else:
            wrong[what[:80]] = verdict

    for name in DECLARED:
        for text in HOSTILE_TEXTS:
            note(f"{name}={text}", lambda: configure((f"{name}={text}",)))
    path = tmp_path / "x.yaml"
    original = (course_folder() / "configs" / "cpu.yaml").read_bytes()
    from mutations import mutate

    for i in range(8000):
        name = rng.choice(sorted(DECLARED))
        text = "".join(rng.choice(letters) for _ in range(rng.randrange(1, 30)))
        if i % 3 == 0:
            note(f"{name}={text}", lambda: configure((f"{name}={text}",)))
        else:
            content = (
                mutate(original, rng)[1] if i % 3 == 1 else f"{name}: {text}\n".encode("utf-8", "replace")
            )
            path.write_bytes(content)
            note(repr(content), lambda: configure((), path))
    assert wrong == {}
    assert longest < SECONDS, "one value kept the program busy"
    count = sum(found.values())
    record("parameters", values=count, **found, wrong=0, executed=0, longest_seconds=round(longest, 2))
    assert not (ROOT / "executed").exists() and not Path("executed").exists()
