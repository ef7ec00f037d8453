"""Parameters: the one dataclass of hyperparameters, and the checks that refuse unknown names and wrong types."""

import ast
import dataclasses
import difflib
import math
from dataclasses import dataclass

from minicyclegan.errors import ParameterError


def shown(value) -> str:
    """A value as it appears in a message: at most 80 characters, whatever it is."""
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # Python does not print numbers of more than 4,300 digits
        return f"a very long {type(value).__name__}"
    return text if len(text) <= 80 else text[:77] + "..."


def check_name(name: str, known) -> None:
    """Refuse a name that is not in `known`, and offer the nearest that is."""
    if name not in known:
        near = difflib.get_close_matches(name[:80], known, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]}?" if near else f"known names: {', '.join(known)}"
        raise ParameterError(f"there is no parameter {shown(name)}; {hint}")


def check_type(name: str, value, wanted: type):
    """Return `value` if it is of the wanted type (int, float, bool or str), else refuse it.

    A whole number is welcome where a float is wanted; nothing else is converted: "0.5" is not a number, 1 is not a bool.
    """
    if type(value) is int and not -LARGEST_NUMBER <= value <= LARGEST_NUMBER:
        raise ParameterError(f"parameter {name} must have at most 18 digits, but it is {shown(value)}")
    if wanted is type(value) is str and (len(value) > LONGEST_TEXT or "\0" in value):
        raise ParameterError(
            f"parameter {name} must be text of at most {LONGEST_TEXT:,} characters without a zero byte, "
            f"but it is {shown(value)}"
        )
    if wanted is float and type(value) in (int, float) and math.isfinite(value):
        return float(value)
    if type(value) is not wanted or wanted is float:
        raise ParameterError(
            f"parameter {name} must be {wanted.__name__}, but it is {shown(value)} ({type(value).__name__})"
        )
    return value


def check_intervals(values: dict) -> None:
    """Refuse a number of steps between two checkpoints, samples or log lines that is below 1, and an unknown word for `compile`.

    Other names are ignored. `keep_every` may be 0: then no checkpoint is kept for good.
    """
    for name, value in values.items():
        least = 0 if name == "keep_every" else 1
        if name.endswith("_every") and value < least:
            raise ParameterError(f"parameter {name} must be at least {least}, but it is {value}")
        if name == "compile" and value not in ("auto", "yes", "no"):
            raise ParameterError(f"compile must be auto, yes or no, but it is {shown(value)}")


def value_range_of(text: str, domain: str) -> tuple[float, float] | None:
    """What is black and what is white in pictures of domain "a" or "b" that have more than 8 bits; None is not known.

    `text` is "auto", or "LOW..HIGH", or "LOW..HIGH, LOW..HIGH" for A and B. Raises ParameterError for anything else.
    """
    if text == "auto":
        return None
    try:
        ranges = [tuple(float(end) for end in part.split("..")) for part in text.split(",")]
        (low_a, high_a), (low_b, high_b) = ranges * 2 if len(ranges) == 1 else ranges
        if -math.inf < low_a < high_a < math.inf and -math.inf < low_b < high_b < math.inf:
            return (low_a, high_a) if domain.lower() == "a" else (low_b, high_b)
    except ValueError:
        pass
    raise ParameterError(
        f"parameter value_range must be auto, LOW..HIGH such as 0..4095, or LOW..HIGH, LOW..HIGH for A and B, but it is {shown(text)}"
    )


def brings_its_data(data: str) -> bool:
    """Whether a value of Config.data names pictures that come with the package, drawn by code or shipped in data/."""
    return str(data).partition(":")[0] in ("seasons", "emoji", "old_photos")


METHODS = {"cyclegan": "CycleGAN", "cut": "CUT", "fastcut": "FastCUT"}  # and their names in tables
CHOICES = {"method": METHODS, "upsampling": ("transposed", "resize"), "gan_mode": ("lsgan", "bce")}

LARGEST_NUMBER = 10**18  # of any whole number: less than torch and the clocks of a system can count to
LONGEST_TEXT = 4096  # characters; no path is longer on Linux

# Far beyond what anybody trains, and small enough that no typing slip fills the memory or runs forever
LARGEST = {
    "image_size": 4096,
    "load_size": 8192,
    "steps": 1_000_000_000,
    "batch_size": 4096,
    "seed": 2**31 - 1,
    "base_channels": 1024,
    "n_blocks": 64,
    "discriminator_channels": 1024,
    "discriminator_layers": 8,
    "lambda_cycle": 1_000_000,
    "lambda_identity": 1_000_000,
    "lambda_nce": 1_000_000,
    "pool_size": 100_000,
}


@dataclass(frozen=True)
class Config:
    """Everything that decides what a training run computes. The defaults are the paper's recipe at 256 px.

    Raises ParameterError, in one sentence, for a wrong type or an impossible value.
    """

    data: str = "seasons"  # `seasons`, `emoji`, `old_photos`, or a folder with trainA, trainB, testA, testB
    method: str = "cyclegan"  # or `cut` or `fastcut`: without a way back, notebook 12
    image_size: int = 256  # side of the training crop in pixels, divisible by 4
    load_size: int = 0  # side before the random crop; 0 is 286/256 of image_size for folders (paper)
    steps: int = 267_000  # training steps; 200 epochs of horse2zebra at batch size 1
    batch_size: int = 1
    seed: int = 0
    base_channels: int = 64  # width of the generators
    n_blocks: int = 9  # residual blocks: 9 at 256 px, 6 at 128 px
    upsampling: str = "transposed"  # or `resize`: no checkerboards, not the paper's
    # 1 keeps the blocks at half the size instead of a quarter: sharper small pictures, not the paper's
    n_downsamplings: int = 2
    global_skip: bool = (
        False  # the generator computes a change of its input: for colours and light; not the paper's
    )
    discriminator_channels: int = 64
    discriminator_layers: int = 3  # 3 sees patches of 70 px, 2 of 34, 1 of 16
    gan_mode: str = "lsgan"  # or `bce`
    lambda_cycle: float = 10.0
    lambda_identity: float = 0.5  # as a share of lambda_cycle
    identity_share: float = 1.0  # the first share of the steps, in which the identity loss is used (paper: 1)
    lambda_nce: float = (
        1.0  # weight of the contrast of patches, for `cut` (1 in its paper) and `fastcut` (10)
    )
    cycle_noise: float = 0.0  # deviation of the noise put on a fake before its way back; 0 is off (paper)
    discriminator_noise: float = 0.0  # deviation of the noise on what discriminators see; 0 is off (paper)
    pool_size: int = 50  # earlier fakes shown to the discriminators again; 0 turns the pool off
    learning_rate: float = 2e-4
    discriminator_lr_factor: float = 1.0  # share of the generators' learning rate (paper: 1)
    beta1: float = 0.5  # Adam's first momentum
    decay_share: float = 0.5  # the last share of the steps, in which the learning rate falls linearly
    ema_decay: float = 0.0  # moving average of the generators' weights for translation; 0 is off (paper)
    value_range: str = "auto"  # black and white where pictures have more than 8 bits, such as 0..4095

    def __post_init__(self):
        for field in dataclasses.fields(self):
            object.__setattr__(
                self, field.name, check_type(field.name, getattr(self, field.name), field.type)
            )

        def refuse(name: str, what: str, value) -> None:
            raise ParameterError(f"parameter {name} must {what}, but it is {value}")

        positive = "image_size steps batch_size base_channels n_downsamplings discriminator_channels "
        positive += "discriminator_layers learning_rate discriminator_lr_factor"
        for name in positive.split():
            if getattr(self, name) <= 0:
                refuse(name, "be greater than 0", getattr(self, name))
        not_negative = "load_size n_blocks lambda_cycle lambda_identity lambda_nce cycle_noise "
        not_negative += "discriminator_noise pool_size seed"
        for name in not_negative.split():
            if getattr(self, name) < 0:
                refuse(name, "not be negative", getattr(self, name))
        for name, top in (
            ("learning_rate", 1000.0),
            ("decay_share", 1.0),
            ("identity_share", 1.0),
            ("cycle_noise", 1.0),
            ("discriminator_noise", 1.0),
            ("ema_decay", 0.99999),
            ("beta1", 0.99999),
        ):
            if not 0 <= getattr(self, name) <= top:
                refuse(name, f"be between 0 and {top:g}", getattr(self, name))
        for name, top in LARGEST.items():
            if getattr(self, name) > top:
                refuse(name, f"be at most {top:,}", f"{getattr(self, name):,}")
        for name, words in CHOICES.items():
            if getattr(self, name) not in words:
                refuse(name, f"be {' or '.join(words)}", shown(getattr(self, name)))
        value_range_of(self.value_range, "a")
        if self.n_downsamplings > 2:
            refuse("n_downsamplings", "be 1 or 2", self.n_downsamplings)
        pixels, width = self.image_size**2, self.base_channels * 2**self.n_downsamplings
        widest = self.discriminator_channels * 2 ** min(self.discriminator_layers, 3)
        for what, amount, top in (  # each may be large alone, but not all together
            ("batch_size x image_size x image_size", self.batch_size * pixels, 2**28),
            ("pool_size x image_size x image_size", self.pool_size * pixels, 2**31),
            ("the number of weights in the residual blocks", self.n_blocks * 18 * width**2, 2**32),
            ("the number of weights in a discriminator", self.discriminator_layers * 16 * widest**2, 2**32),
        ):
            if amount > top:
                raise ParameterError(f"{what} must be at most {top:,}, but it is {amount:,}")
        if self.image_size % 4:
            refuse("image_size", "be divisible by 4", self.image_size)
        # Below this the last 4x4 convolutions have nothing left to see
        smallest = max(16, 4 * 2**self.discriminator_layers)
        if self.image_size < smallest:
            raise ParameterError(
                f"image_size {self.image_size} is too small for {self.discriminator_layers} discriminator layers; use {smallest} or more"
            )

    def to_dict(self) -> dict:
        """The fields as plain values, for JSON and for a checkpoint."""
        return dataclasses.asdict(self)


TYPES = {"int": int, "float": float, "str": str, "bool": bool}


def declared_parameters(source: str) -> dict[str, tuple[type, object]]:
    """The names, types and defaults in a parameters cell: every line is `name: type = value`."""
    return {
        line.target.id: (TYPES[line.annotation.id], ast.literal_eval(line.value))
        for line in ast.parse(source).body
        if isinstance(line, ast.AnnAssign) and getattr(line.annotation, "id", None) in TYPES
    }


def check_parameters(history: list[str], namespace: dict) -> dict:
    """Check the parameters of a running notebook and return their values by name.

    `history` is Jupyter's `In`, `namespace` is `globals()`. The first cell with lines `name: type = value` declares the
    parameters. Papermill puts the values it was given into a cell that starts with "# Parameters". Raises ParameterError
    for a name there that was not declared, and for a value of the wrong type wherever it was set.
    """
    declared = {}
    for source in history:
        try:
            lines = ast.parse(source).body
        except SyntaxError:  # a cell with a magic, or a slip that was corrected later
            continue
        declared = declared or {name: wanted for name, (wanted, _) in declared_parameters(source).items()}
        if source.startswith("# Parameters\n"):
            for line in lines:
                check_name(line.targets[0].id, declared)
    if not declared:  # a runner that keeps no history, such as nbval: Python remembers the annotations
        kept = namespace.get("__annotations__", {})
        declared = {name: wanted for name, wanted in kept.items() if wanted in TYPES.values()}
    if not declared:
        raise ParameterError("no parameters were found; run the cell with the parameters first")
    return {name: check_type(name, namespace[name], wanted) for name, wanted in declared.items()}
