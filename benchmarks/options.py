"""What does each departure of configs/cpu.yaml from the paper's recipe bring? One option at a time is set back to the paper's.

    python benchmarks/options.py [STEPS [NAME ...]]        # NAME: only rows that begin so

Prints, for each, the held-out L1 error in both directions (mean of the last three measurements, at 80, 90 and 100 % of the steps)
and the seconds the training took. One seed each: differences under about 0.003 are noise.
"""

import sys
import time
from pathlib import Path

import torch
import yaml

from minicyclegan import Config, Trainer, UnpairedBatches, held_out_error, load_seasons

# Paper's value of each option that the CPU profile sets differently (the widths only make it smaller, and are left out)
PAPER = {
    "upsampling": "transposed",
    "n_downsamplings": 2,
    "lambda_identity": 0.5,
    "batch_size": 1,
    "learning_rate": 0.0002,
    "discriminator_lr_factor": 1.0,
    "ema_decay": 0.0,
    "decay_share": 0.5,
}


def main(steps: int, only: list[str]) -> None:
    profile = yaml.safe_load((Path(__file__).parent.parent / "notebooks/configs/cpu.yaml").read_text())
    profile = {name: value for name, value in profile.items() if name in Config.__dataclass_fields__} | {
        "steps": steps
    }
    domains = load_seasons(profile["image_size"])
    print(f"{steps} steps, {torch.get_num_threads()} threads, torch {torch.__version__}")
    print(f"{'set back to the paper':<36}{'A to B':>8}{'B to A':>8}{'seconds':>9}")
    changes = {"nothing (configs/cpu.yaml)": {}}
    changes |= {"global_skip = True (an addition)": {"global_skip": True}}
    changes |= {
        f"{n} = {v}": {n: v}
        for n, v in PAPER.items()
        if profile.get(n, Config.__dataclass_fields__[n].default) != v
    }
    for name, change in changes.items():
        if only and not name.startswith(tuple(only)):
            continue
        config = Config(**(profile | change))
        trainer = Trainer(config, torch.device("cpu"))
        batches = UnpairedBatches(
            domains.train_a, domains.train_b, config.image_size, config.batch_size, config.seed
        )
        seconds, errors = 0.0, []
        while trainer.step < steps:
            started = time.monotonic()
            trainer.train_on(*batches.batch(trainer.step))
            seconds += time.monotonic() - started
            if trainer.step in (steps * 8 // 10, steps * 9 // 10, steps):
                errors.append(
                    list(held_out_error(trainer.translator, domains.test_a, domains.test_b).values())
                )
        ab, ba = torch.tensor(errors).mean(0).tolist()
        print(f"{name:<36}{ab:>8.4f}{ba:>8.4f}{seconds:>9.0f}", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 400, sys.argv[2:])
