"""What the long tests measured, kept in tests/results/: the figures that RELIABILITY.md shows."""

import datetime
import json
import os
import platform
from pathlib import Path

RESULTS = Path(__file__).parent / "results"


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
