"""Data-parallel training on paper: what a step sends, how long that takes, and the expected efficiency.

    python benchmarks/scaling.py [--step-ms 6,30,100] [--inside 350] [--between 40] [--latency 10]

Sent in each step, by each GPU of N: the gradients, 2 (N - 1) / N times their size in a ring; its own fakes for the pools to all
others; some bytes of losses and signals. `--inside` and `--between` are the GB/s that one GPU sends within a machine of 8, and to
another machine; `--latency` the microseconds of one hop of the ring. All three are assumptions, not measurements. A step of one GPU on
its own pictures takes --step-ms. DDP sends while it still computes: the efficiency lies between two bounds, all of the gradients'
time added to the step, or only the part that is longer than the half of the step that computes gradients.
"""

import argparse

import torch

from minicyclegan.cyclegan import CycleGAN
from minicyclegan.parameters import Config


def gradient_bytes(config: Config) -> int:
    """Bytes of the gradients of all four networks, in float32."""
    with torch.device("meta"):
        return 4 * sum(weights.numel() for weights in CycleGAN(config).parameters())


def seconds(gpus: int, gradients: int, fakes: int, bandwidth: float, hop: float) -> tuple[float, float]:
    """Seconds for the gradients, in a ring, and for the fakes of the pools, where each GPU receives those of all others."""
    ring = 2 * (gpus - 1) / gpus * gradients / bandwidth + 2 * (gpus - 1) * hop
    return ring, (gpus - 1) * fakes / bandwidth + (gpus - 1) * hop


def bounds(step: float, ring: float, pools: float) -> tuple[float, float]:
    """The least and the most efficiency: nothing of the ring's time is hidden, or as much as half of the step can hide."""
    return step / (step + ring + pools), step / (step + max(0.0, ring - step / 2) + pools)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--step-ms", default="6,30,100")
    parser.add_argument("--inside", type=float, default=350, help="GB/s")
    parser.add_argument("--between", type=float, default=40, help="GB/s")
    parser.add_argument("--latency", type=float, default=10, help="microseconds")
    args = parser.parse_args()
    gradients, fakes = gradient_bytes(Config()), 2 * 4 * 3 * 256**2
    print(f"the paper's networks: {gradients / 1e6:.1f} MB of gradients; one picture's two fakes: {fakes / 1e6:.2f} MB\n")  # fmt: skip
    print(
        "| GPUs | a GPU sends and receives, MB a step | gradients, ms | pools, ms | step, ms | efficiency |"
    )
    print("| --: | --: | --: | --: | --: | --: |")
    for gpus in (8, 64):
        bandwidth = 1e9 * (args.inside if gpus <= 8 else args.between)
        ring, pools = seconds(gpus, gradients, fakes, bandwidth, args.latency / 1e6)
        sent = (2 * (gpus - 1) / gpus * gradients + (gpus - 1) * fakes) / 1e6
        for step in map(float, args.step_ms.split(",")):
            least, most = bounds(step / 1000, ring, pools)
            print(f"| {gpus} | {sent:.0f} | {1000 * ring:.2f} | {1000 * pools:.2f} | {step:g} | {least:.0%} to {most:.0%} |")  # fmt: skip


if __name__ == "__main__":
    main()
