"""How good is `make train`, over several seeds? Mean and spread of the evaluation of finished runs.

    for seed in 0 1 2; do
        minicyclegan train seasons -f notebooks/configs/cpu.yaml -p seed=$seed -o runs/seed-$seed
    done
    python benchmarks/seasons_seeds.py runs/seed-0 runs/seed-1 runs/seed-2

Each run is compared with the shipped supervised twin (same settings, true pairs), on the 200 held-out scenes.
"""

import platform
import statistics
import sys
from pathlib import Path

import torch

from minicyclegan.cli.evaluate import report_of
from minicyclegan.runs.folder import read_metrics


def main(runs: list[str]) -> None:
    print(f"machine: {platform.machine()}, {torch.get_num_threads()} threads, torch {torch.__version__}")
    found = {}
    for run in runs:
        report = report_of(run)
        seconds = read_metrics(Path(run) / "metrics.jsonl")[-1]["seconds"]
        print(f"{run}: {seconds:.0f} s of training")
        for way, direction in report["directions"].items():
            rows = direction["rows"]
            values = {
                "gap_closed": direction["gap_closed"]["mean"],
                "L1": rows["CycleGAN"]["l1"]["mean"],
                "PSNR in dB": rows["CycleGAN"]["psnr"]["mean"],
                "PSNR below the twin's": rows["supervised twin"]["psnr"]["mean"]
                - rows["CycleGAN"]["psnr"]["mean"],
                "SSIM": rows["CycleGAN"]["ssim"]["mean"],
            }
            for name, value in values.items():
                found.setdefault((way, name), []).append(value)
    print(f"\n{'':<30}{'mean':>8}{'sd':>8}   each")
    for (way, name), values in found.items():
        spread = statistics.stdev(values) if len(values) > 1 else 0.0
        each = " ".join(f"{value:.4f}" for value in values)
        print(
            f"{way[0].upper()} to {way[1].upper()} {name:<23}{statistics.mean(values):>8.4f}{spread:>8.4f}   {each}"
        )


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    main(sys.argv[1:])
