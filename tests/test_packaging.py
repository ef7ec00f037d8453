"""What ships: one list of packages, reasons for each, short modules, public names that resolve."""

import json
import re
import subprocess
import tomllib

import pytest
import yaml
from conftest import ROOT

import minicyclegan

CARD = "torch torchvision jupyterlab ipywidgets matplotlib nbval papermill pytest".split()
CONDA_NAMES = {"pytorch": "torch", "matplotlib-base": "matplotlib"}
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
ENVIRONMENT = ROOT / "environment.yml"


def name_and_version(requirement: str) -> tuple[str, str]:
    """`nbval==0.11.0` and conda's `nbval=0.11.0` to ("nbval", "=0.11.0")."""
    name, version = re.fullmatch(r"([A-Za-z0-9_.-]+)\s*(.*)", requirement).groups()
    return CONDA_NAMES.get(name, name), version.replace("==", "=").replace(" ", "")


def in_pyproject() -> dict[str, str]:
    return dict(name_and_version(text) for text in PYPROJECT["project"]["dependencies"])


def in_environment() -> dict[str, str]:
    if not ENVIRONMENT.exists():
        pytest.skip("environment.yml is not written yet")
    lines = yaml.safe_load(ENVIRONMENT.read_text(encoding="utf-8"))["dependencies"]
    return dict(name_and_version(line) for line in lines if isinstance(line, str))


def test_the_card_is_part_of_pyproject():
    assert set(CARD) <= set(in_pyproject())


def test_environment_and_pyproject_name_the_same_packages_and_versions():
    environment = in_environment()
    python = environment.pop("python")
    # Binder's repo2docker reads only `=3.12`: with a range it would begin with a Python that is too old
    assert re.fullmatch(r"=3\.\d+", python)
    assert int(python[3:]) >= int(PYPROJECT["project"]["requires-python"].removeprefix(">=3."))
    environment.pop("pip", None)  # conda wants it listed, to install this package
    assert environment == in_pyproject()


def test_environment_installs_this_package_itself():
    in_environment()
    content = yaml.safe_load(ENVIRONMENT.read_text(encoding="utf-8"))
    assert content["channels"] == ["conda-forge"] and content["name"] == "minicyclegan"
    (pip,) = [line["pip"] for line in content["dependencies"] if isinstance(line, dict)]
    assert len(pip) == 1 and re.fullmatch(r"(-e|--editable) \.", pip[0])


def test_the_devcontainer_names_what_there_is():
    content = json.loads((ROOT / ".devcontainer" / "devcontainer.json").read_text(encoding="utf-8"))
    targets = re.findall(r"^([\w./-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M)
    make, target = content["postCreateCommand"].split()
    assert make == "make" and target in targets
    python = content["customizations"]["vscode"]["settings"]["python.defaultInterpreterPath"]
    assert python == f"${{containerWorkspaceFolder}}/{target.replace('installed', 'bin/python')}"
    image, version = content["image"].split(":")
    assert image == "python" and in_environment()["python"] == f"={version}"


def test_every_dependency_has_a_reason_beside_it():
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    block = re.search(r"^dependencies = \[\n(.*?)^\]", text, re.MULTILINE | re.DOTALL).group(1)
    lines = block.strip().splitlines()
    assert len(lines) == len(PYPROJECT["project"]["dependencies"])
    for line in lines:
        assert re.fullmatch(r'"[^"]+",\s+# .{10,}', line.strip()), f"no reason: {line}"


def test_versions_agree():
    assert minicyclegan.__version__ == PYPROJECT["project"]["version"]


@pytest.mark.parametrize("name", minicyclegan.__all__)
def test_a_public_name_resolves_and_has_a_docstring(name):
    value = getattr(minicyclegan, name)
    assert callable(value) and value.__name__ == name
    assert value.__doc__ and len(value.__doc__) > 20
    assert not value.__doc__.startswith(f"{name}("), (
        "this is what dataclass writes when there is no docstring"
    )


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="Generater"):
        minicyclegan.Generater
    assert set(minicyclegan.__all__) <= set(dir(minicyclegan))


def test_no_name_of_a_registry_is_in_a_committed_file():
    hosts = ["pypi" + ".org", "files.python" + "hosted", "download." + "pytorch.org", "registry." + "npmjs"]
    try:
        listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("this is no git checkout")
    paths = [ROOT / name.decode() for name in listed.split(b"\0") if name]
    assert len(paths) > 20
    found = [
        f"{path.relative_to(ROOT)}: {host}"
        for path in paths
        if path.is_file()
        for host in hosts
        if host.encode() in path.read_bytes()
    ]
    assert not found


def test_licence_is_mit():
    assert (ROOT / "LICENSE").read_text(encoding="utf-8").startswith("MIT License")
