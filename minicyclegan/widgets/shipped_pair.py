"""Two trainings that come with the course and differ in lambda_cycle alone; notebooks 04 and 05 show what they paint."""

import torch

from minicyclegan.course.files import shipped
from minicyclegan.errors import DataError
from minicyclegan.generator import Generator


def shipped_pair() -> dict[str, tuple[Generator, Generator]]:
    """The generators (A to B, B to A) at 32 px trained with the `game` alone, and with the game and the `cycle`.

    data/make_seasons_pair.py made them, and says how. Raises DataError.
    """
    path = shipped("data/seasons_32px_pair.pt")
    if path is None:
        raise DataError(
            "the shipped trainings data/seasons_32px_pair.pt are missing; clone the repository again"
        )
    weights, pair = torch.load(path, weights_only=True), {}
    for name, states in weights.items():
        generators = []
        for direction in ("ab", "ba"):
            generator = Generator(8, 2, "resize", n_downsamplings=1)
            generator.load_state_dict(states[direction])
            generators.append(generator.eval())
        pair[name] = tuple(generators)
    return pair
