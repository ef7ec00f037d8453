"""The house: imports run one way, modules are short in every room, files are found by one function, losses stand once."""

import ast
import re
import subprocess
import sys

import pytest
from conftest import ROOT

sys.path.insert(0, str(ROOT / "docs"))
import architecture  # noqa: E402

PACKAGE = ROOT / "minicyclegan"
MODULES = sorted(PACKAGE.rglob("*.py"))
FIRST_FLOOR = """seasons data generator discriminator gan_loss cycle_loss cyclegan training samples evaluation diagnosis translate patch_nce
parameters errors __init__ train_distributed""".split()


def named(path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def test_imports_run_one_way_between_rooms_and_the_page_shows_them():
    assert architecture.against_the_order() == []
    text = architecture.PAGE.read_text(encoding="utf-8")
    assert architecture.filled(text) == text, "run python docs/architecture.py"


def test_an_import_against_the_order_would_be_seen(monkeypatch):
    planted = architecture.Import("generator", "training", 1, True)
    monkeypatch.setattr(architecture, "imports", lambda: (planted,))
    architecture.arrows.cache_clear()
    try:
        assert architecture.against_the_order() == ["generator, line 1, imports training"]
    finally:
        architecture.arrows.cache_clear()


def test_no_module_reaches_itself_through_its_imports():
    """Inside a sub-package too, where the order of the rooms says nothing."""
    leads_to = {}
    for one in architecture.imports():
        if one.importer not in ("", architecture.APART):
            leads_to.setdefault(one.importer, set()).add(one.imported)

    def circle_from(start: str) -> list[str]:
        ways = [[start]]
        seen = set()
        while ways:
            way = ways.pop()
            for following in leads_to.get(way[-1], ()):
                if following == start:
                    return [*way, start]
                if following not in seen:
                    seen.add(following)
                    ways.append([*way, following])
        return []

    assert [circle for module in leads_to if (circle := circle_from(module))] == []


def test_the_first_floor_is_the_course():
    assert sorted(path.stem for path in PACKAGE.glob("*.py")) == sorted(FIRST_FLOOR)


@pytest.mark.parametrize("path", MODULES, ids=named)
def test_a_module_is_short_and_says_what_it_is(path):
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 250
    assert text.startswith('"""')


def test_every_module_is_in_the_repository():
    """An ignore file that names a folder like one of the package would leave it out of every clone and wheel."""
    try:
        listed = subprocess.run(
            ["git", "ls-files", "-z", "minicyclegan"], cwd=ROOT, capture_output=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("this is not a git checkout")
    tracked = {ROOT / name.decode() for name in listed.stdout.split(b"\0") if name}
    assert [named(path) for path in MODULES if path not in tracked] == []


def test_files_are_found_by_one_function():
    found = [named(path) for path in MODULES if "__file__" in path.read_text(encoding="utf-8")]
    assert found == ["course/files.py", "grading/kernel.py"]  # the latter asks where torch lies


def weighings(program: str) -> list[str]:
    """The products in a program that have lambda_cycle or lambda_identity as a factor; comments and texts do not count."""
    found = []
    for node in ast.walk(ast.parse(program)):
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
            factors = [ast.unparse(side) for side in (node.left, node.right)]
            if any(re.search(r"\blambda_(cycle|identity)$", factor) for factor in factors):
                found.append(ast.unparse(node))
    return found


def test_the_losses_are_weighed_in_one_place_of_the_repository():
    """The notebooks aside, which build them, and the tests' oracle, which derives them again on purpose."""
    assert weighings("x = loss * config.lambda_cycle") and weighings("x = lambda_identity * 2")
    files = [
        path
        for folder in ("minicyclegan", "benchmarks", "data", "docs")
        for path in (ROOT / folder).rglob("*.py")
    ]
    places = [
        path.relative_to(ROOT).as_posix() for path in files if weighings(path.read_text(encoding="utf-8"))
    ]
    assert places == ["minicyclegan/cyclegan.py"]


def test_only_recordings_on_a_gpu_are_compiled():
    """What a resume promises is shown without compiling; on CUDA it promises bits only if `deterministic` is asked for."""
    sources = [path for path in MODULES if path.name != "recording.py"]
    sources += (ROOT / "notebooks").glob("*.ipynb")
    assert len(sources) > 60
    compiles = re.compile(r"(?<!\bre)\.compile\(|torch\.jit\.")
    assert compiles.search("network.compile()") and not compiles.search("re.compile('x')")
    for path in sources:
        assert not compiles.search(path.read_text(encoding="utf-8")), path.name
