"""The files of the supervised twin, and true pairs to train it on."""

from pathlib import Path

import torch
from torch import Tensor

from minicyclegan.data import to_uint8
from minicyclegan.datasets.named import load_domains
from minicyclegan.errors import CheckpointError, RunError
from minicyclegan.generator import Generator
from minicyclegan.parameters import Config
from minicyclegan.runs.checkpoint import read_checkpoint, save_checkpoint
from minicyclegan.seasons import draw, sample_scenes

# What decides a twin's weights, besides its seed and its number of steps; lambda_cycle, say, does not
TWIN_FIELDS = [
    "data",
    "image_size",
    "batch_size",
    "base_channels",
    "n_blocks",
    "upsampling",
    "n_downsamplings",
    "global_skip",
    "learning_rate",
    "beta1",
    "decay_share",
    "ema_decay",
]


def find_checkpoint(run: str | Path) -> Path:
    """The checkpoint of a run folder, or the path itself if it is a file. Raises RunError."""
    run = Path(run)
    if run.is_dir():
        if not (run / "last.pt").is_file():
            raise RunError(f"{run} holds no last.pt; give the folder of a run, or a checkpoint")
        return run / "last.pt"
    if not run.exists():
        raise RunError(f"there is no run {run}; give the folder of a run, or a checkpoint")
    return run


def training_pairs(
    config: Config, paired: str = "auto", on_bad_image: str = "refuse"
) -> tuple[Tensor, Tensor] | str:
    """True pairs to train a twin on, uint8 (N, 3, H, W) each; where there are none, a sentence that says why.

    None of them shows anything that is in the test pictures. Seasons: the scenes of training A, drawn in both. Other
    data: as their module makes them, or the pictures of trainA and trainB that share a name, if the test pictures are true
    pairs or `paired` is "yes". Raises DataError.
    """
    if config.data == "seasons":
        n_test, n_train = 200, 1000  # as load_seasons has them
        scenes = sample_scenes(n_test + 2 * n_train, 0)

        def drawn(season: str) -> Tensor:
            chunks = range(n_test, n_test + n_train, 50)
            return torch.cat(
                [
                    to_uint8(draw({k: v[i : i + 50] for k, v in scenes.items()}, season, config.image_size))
                    for i in chunks
                ]
            )

        return drawn("summer"), drawn("winter")
    name, _, folder = config.data.partition(":")
    if name == "emoji":
        from minicyclegan.datasets.emoji import training_pairs as emoji_pairs

        return emoji_pairs(config.image_size)
    if name == "old_photos":
        from minicyclegan.datasets.old_photos import training_pairs as photograph_pairs

        return photograph_pairs(config.image_size, strong=folder == "strong")
    if name == "face_restoration":
        from minicyclegan.datasets.faces import training_pairs as face_pairs

        return face_pairs(folder, config.image_size, on_bad_image, value_range=config.value_range)
    if not Path(config.data).is_dir():
        return f"no twin: {config.data} has no true pairs for training"
    size = config.image_size
    domains = load_domains(config.data, size, size, on_bad_image, config.value_range, paired)
    by_name = [
        {path.stem: i for i, path in enumerate(part.paths)} for part in (domains.train_a, domains.train_b)
    ]
    names = sorted(by_name[0].keys() & by_name[1].keys())
    if not domains.paired or len(names) < config.batch_size:
        return "no twin: the training pictures of A and B are not true pairs (no equal file names)"
    return tuple(
        part[[index[n] for n in names]] for part, index in zip((domains.train_a, domains.train_b), by_name)
    )


def twin_path(checkpoint: str | Path) -> Path:
    """Where the twins of a checkpoint are kept: twin.pt beside a run's last.pt, NAME_twin.pt beside NAME.pt."""
    checkpoint = Path(checkpoint)
    return checkpoint.with_name("twin.pt" if checkpoint.name == "last.pt" else f"{checkpoint.stem}_twin.pt")


def save_twins(
    path: str | Path, twins: dict[str, Generator], config: Config, steps: int, n_pairs: int
) -> None:
    """Keep two twins, "ab" and "ba", in half precision, with all that is needed to make them again. Raises RunError."""
    made_of = {name: getattr(config, name) for name in TWIN_FIELDS}
    state = {"twin_config": made_of, "seed": config.seed, "steps": steps, "n_pairs": n_pairs}
    for way, twin in twins.items():
        state[way] = {name: tensor.half() for name, tensor in twin.state_dict().items()}
    save_checkpoint(path, state)


def read_twins(path: str | Path, config: Config) -> tuple[dict[str, Generator], dict]:
    """The twins "ab" and "ba", and a dictionary with their steps, seed and n_pairs.

    Raises CheckpointError when the file is damaged, or belongs to a model of other settings.
    """
    state = read_checkpoint(path)
    try:
        made_of = Config().to_dict() | state["twin_config"]  # an older file lacks newer fields
        differences = [n for n in TWIN_FIELDS if made_of[n] != getattr(config, n)]
        if differences:
            raise CheckpointError(
                f"{path} is the twin of a model with another {differences[0]}; train a new one with --twin-steps"
            )
        twins = {}
        for way in ("ab", "ba"):
            shape = (config.base_channels, config.n_blocks, config.upsampling)
            shape += (config.n_downsamplings, config.global_skip)
            twins[way] = Generator(*shape).eval()
            twins[way].load_state_dict({name: tensor.float() for name, tensor in state[way].items()})
        return twins, {name: state[name] for name in ("steps", "seed", "n_pairs")}
    except (KeyError, TypeError, AttributeError, RuntimeError) as error:
        raise CheckpointError(f"{path} holds no twin; delete it and train one with --twin-steps") from error


def known_twins(checkpoint: str | Path, config: Config) -> tuple[dict, dict] | None:
    """Twins kept beside the checkpoint; else the shipped ones, if they have the same settings and at least as many steps.

    The seed may differ: two twins of two seeds are nearly equally good. A twin that was trained longer is the stricter
    measure. None where there are neither.
    """
    from minicyclegan.course.files import shipped_weights

    name = "old_photos" if config.data == "old_photos" else "seasons"
    own, shipped = twin_path(checkpoint), twin_path(shipped_weights(name))
    if own.is_file():
        return read_twins(own, config)
    if shipped.is_file():
        try:
            twins, about = read_twins(shipped, config)
        except CheckpointError:  # other settings: not a twin of this model
            return None
        return (twins, about) if about["steps"] >= config.steps else None
    return None
