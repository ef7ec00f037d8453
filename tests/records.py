"""What the long tests measured, kept in tests/results/: the figures that docs/RELIABILITY.md shows."""

import datetime
import json
import os
import platform
from pathlib import Path

RESULTS = Path(__file__).parent / "results"
BEGIN = "<!-- written by `python tests/records.py` from tests/results -->"
END = "<!-- end of what is written by a program -->"


def machine() -> dict:
    """Where a figure was measured: processor, cores, system, versions and the day."""
    import torch
    import torchvision

    cpu = platform.processor() or platform.machine()
    if Path("/proc/cpuinfo").exists():
        names = [
            line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")
        ]
        cpu = names[0].split(":", 1)[1].strip() if names else cpu
    return {
        "date": datetime.date.today().isoformat(),
        "cpu": f"{cpu}, {os.cpu_count()} cores",
        "system": platform.platform(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "torchvision": torchvision.__version__,
    }


def record(name: str, **figures) -> None:
    """Keep the figures of one long test as tests/results/NAME.json, where `make long` asks for it; else only print them."""
    print(name, json.dumps(figures))
    if os.environ.get("MINICYCLEGAN_RECORD") == "1":
        RESULTS.mkdir(exist_ok=True)
        text = json.dumps({"machine": machine(), **figures}, indent=2, ensure_ascii=False)
        (RESULTS / f"{name}.json").write_text(text + "\n", encoding="utf-8")


def tables() -> str:
    """All kept figures as Markdown: a table for each long test, with the machine and the day."""
    parts = []
    for path in sorted(RESULTS.glob("*.json")):
        figures = json.loads(path.read_text(encoding="utf-8"))
        where = figures.pop("machine")
        versions = f"Python {where['python']}, torch {where['torch']}, torchvision {where['torchvision']}"
        # A row for each, with the names above the columns
        if all(isinstance(value, dict) for value in figures.values()):
            names = list(dict.fromkeys(name for value in figures.values() for name in value))
            rows = [
                f"| {say(row)} | {' | '.join(value_text(value.get(name, '')) for name in names)} |"
                for row, value in figures.items()
            ]
            columns = [f"| | {' | '.join(say(name) for name in names)} |", "|---" * (len(names) + 1) + "|"]
        else:
            rows = [f"| {say(name)} | {value_text(value)} |" for name, value in figures.items()]
            columns = ["| | |", "|---|---|"]
        head = [f"### {say(path.stem)}", "", f"{where['date']}, {where['cpu']}, {versions}.", "", *columns]
        parts.append("\n".join([*head, *rows]))
    return "\n\n".join(parts)


def say(name: str) -> str:
    return name.replace("_", " ")


def value_text(value) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{say(str(key))}: {value_text(part)}" for key, part in value.items())
    if isinstance(value, list):
        return "; ".join(value_text(part) for part in value)
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def refresh(page: Path) -> None:
    """Put the tables between the two marks in docs/RELIABILITY.md."""
    text = page.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    page.write_text(f"{before}{BEGIN}\n\n{tables()}\n\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    refresh(RESULTS.parent.parent / "docs" / "RELIABILITY.md")
