"""What a notebook gave and where it ran, as plain values to compare, for `minicyclegan repro`."""

import datetime
import hashlib
import json
import platform
import re
from pathlib import Path

from minicyclegan.course.files import PACKAGE

# As in tests/nbval_sanitize.cfg, which an installed package does not have
SANITISE = re.compile(r"/tmp/[^\s'\"]+")


def short_hash(content: bytes | str) -> str:
    content = content.encode() if isinstance(content, str) else content
    return hashlib.sha256(content).hexdigest()[:16]


def code_cells(path: Path) -> list:
    """The code cells of a notebook file, without the one in which papermill puts parameters."""
    from minicyclegan.course.cards import read_notebook, tags

    cells = [cell for cell in read_notebook(path).cells if cell.cell_type == "code"]
    return [cell for cell in cells if "injected-parameters" not in tags(cell)]


def first_line(source: str) -> str:
    return next((line.strip() for line in source.splitlines() if line.strip()), "")[:60]


def text_of(cell, out: Path) -> str:
    """Those text outputs of a cell that nbval compares too, with temporary folders replaced."""
    parts = []
    for output in cell.outputs:
        if output.output_type == "stream":
            parts.append(output.text)
        for kind in ("text/plain", "text/html"):
            parts += [str(output.data[kind]) + "\n"] if kind in output.get("data", {}) else []
    return SANITISE.sub("TEMPORARY-FOLDER", "".join(parts).replace(str(out), "OUT"))


def cells_of(executed: Path, out: Path) -> list[dict]:
    """What each code cell gave: its first line, the hash of its source, its figures, and its text where that is compared."""
    from minicyclegan.course.cards import tags
    from minicyclegan.repro.pictures import figures_of

    return [
        {
            "first_line": first_line(cell.source),
            "source": short_hash(cell.source),
            "text": None if "nbval-ignore-output" in tags(cell) else text_of(cell, out),
            "figures": figures_of(cell, executed.stem),
        }
        for cell in code_cells(executed)
    ]


def not_run(executed: Path) -> list[str]:
    """The first lines of the code cells that did not run."""
    cells = [cell for cell in code_cells(executed) if cell.source.strip() and cell.execution_count is None]
    return [first_line(cell.source) for cell in cells]


def why_failed(executed: Path, reason: str) -> str:
    """The cell of an executed notebook that failed, and its error; the reason itself if no cell failed.

    When a run is stopped from outside, its running cell is interrupted: the cell says where, the reason says why.
    """
    for number, cell in enumerate(code_cells(executed) if executed.exists() else [], 1):
        for output in cell.outputs:
            if output.output_type == "error":
                where = f"code cell {number} (`{first_line(cell.source)}`)"
                if output.ename == "KeyboardInterrupt":
                    return f"{reason}, in {where}"
                said = f"{output.ename}: {output.evalue}".splitlines()[0][:200]
                return f"{where} failed with {said}"
    return reason


def training_results(run_dir: Path) -> dict:
    """What a run folder holds: its parameter file, its records without the clock, and the sizes of the networks' weights."""
    import torch

    from minicyclegan.runs.checkpoint import read_checkpoint
    from minicyclegan.runs.folder import read_metrics

    weights = read_checkpoint(run_dir / "last.pt")["model"]
    digest, norms = hashlib.sha256(), {}
    for name in sorted(weights):
        digest.update(weights[name].contiguous().numpy().tobytes())
    for network in sorted({name.split(".")[0] for name in weights}):
        parts = [w.double().flatten() for name, w in weights.items() if name.split(".")[0] == network]
        norms[network] = float(torch.cat(parts).norm())
    config = json.loads((run_dir / "config.json").read_text(encoding="utf-8"))
    records = read_metrics(run_dir / "metrics.jsonl")
    return {
        "config": config | {"data": data_name(config["data"])},
        "records": [{k: v for k, v in record.items() if k != "seconds"} for record in records],
        "weights": {"norms": norms, "sha256": digest.hexdigest()[:16]},
    }


def evaluation_results(report: dict) -> dict[str, float]:
    """The numbers of `minicyclegan evaluate --json` that are compared, by a name."""
    found = {}
    for way, direction in report["directions"].items():
        if direction["gap_closed"]:
            found[f"gap_closed {way}"] = direction["gap_closed"]["mean"]
        for row in ("CycleGAN", "there and back"):
            for measure, value in direction["rows"][row].items():
                found[f"{measure} {way}, {row}"] = value["mean"]
    return found


def data_name(data: str) -> str:
    """The name of a data set without the folder it is in."""
    kind, colon, folder = data.partition(":")
    return kind + colon + Path(folder).name if colon else Path(data).name


def data_facts(parameters: dict) -> dict:
    """Hashes of the pictures a notebook is given (of their files, or of their tensors where no file is read), and for
    each part their number, mean and deviation (0 to 255). For a notebook that draws its own, the same of some that it could draw.
    """
    import torch

    from minicyclegan.course.files import shipped_weights
    from minicyclegan.data import load_seasons
    from minicyclegan.datasets.named import load_domains

    if {"data", "image_size"} <= parameters.keys():
        name = data_name(parameters["data"])
        defaults = {"load_size": 0, "on_bad_image": "refuse", "value_range": "auto", "paired": "auto"}
        rest = (parameters.get(given, default) for given, default in defaults.items())
        domains, files = load_domains(parameters["data"], parameters["image_size"], *rest), []
    else:  # it draws its own; and the shipped weights are data to it
        name, domains = (
            "64 + 64 + 64 scenes of seasons at 32 px, and the shipped weights",
            load_seasons(32, 64, 64),
        )
        files = sorted(shipped_weights().parent.glob("*.pt"))
    drawn, of_files, means, tensors = hashlib.sha256(), hashlib.sha256(), {}, 0
    for part in ("train_a", "train_b", "test_a", "test_b"):
        pictures = getattr(domains, part)
        if isinstance(pictures, torch.Tensor):
            drawn.update(pictures.contiguous().numpy().tobytes())
            tensors += 1
        else:
            files += pictures.paths
        some = pictures[list(range(min(1000, len(pictures))))].double()
        means[part] = [len(pictures), round(float(some.mean()), 3), round(float(some.std()), 3)]
    for path in files:
        of_files.update(path.name.encode() + b"\0" + path.read_bytes())
    hashes = {"hash of drawn pictures": drawn.hexdigest()[:16]} if tensors else {}
    hashes |= {"hash of files": of_files.hexdigest()[:16]} if files else {}
    return {"name": name, **hashes, "pictures": means}


def surroundings(threads: int, device: str) -> dict:
    """Where this runs: commit, dirty or not, versions, machine, device, threads, and a hash of each library module."""
    import matplotlib
    import numpy
    import torch
    import torchvision

    from minicyclegan.sweep.table import git, provenance

    about, package, library = provenance(), PACKAGE, {}
    for path in sorted(package.rglob("*.py")):
        name = path.relative_to(package).with_suffix("").as_posix()
        library[name] = short_hash(path.read_bytes())[:8]
    watched = ("--", str(package), *(str(package.parent / name) for name in ("notebooks", "data")))
    dirty = git("status", "--porcelain", *watched, f":(exclude){package.parent}/notebooks/reference")
    features = ""
    if Path("/proc/cpuinfo").exists():
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        wanted = ("cpu family", "model\t", "flags", "Features")
        features = short_hash("\n".join(sorted({line for line in lines if line.startswith(wanted)})))
    return {
        "commit": about["commit"].rstrip("+"),
        "dirty": bool(dirty) if about["commit"] else None,
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "torchvision": torchvision.__version__,
        "numpy": numpy.__version__,
        "matplotlib": matplotlib.__version__,
        "machine": about["machine"],
        "processor": f"{features} {torch.backends.cpu.get_cpu_capability()}",
        "device": device,
        "threads": threads,
        "library": library,
    }
