"""What decides a result moves the probe: a tenth of every parameter, and of every expression of the losses and of the step."""

import dataclasses
import functools
import json

import pytest
import torch
from conftest import ROOT
from planted import count, instrumented

import minicyclegan.cyclegan
import minicyclegan.data
import minicyclegan.fast.norm
import minicyclegan.repro.probe as probe_module
import minicyclegan.training
from minicyclegan.parameters import METHODS, Config
from minicyclegan.repro.probe import FIRST, RUNS, domains_for, probe, write_pictures
from minicyclegan.repro.tolerances import number

# Places where a tenth less changes nothing at all, and why
WITHOUT_EFFECT = {
    "training.__init__: config.learning_rate": "the rate is set anew before every step",
    "patch_nce.forward: layer(x)": "only the direction of the vector counts: it gets a length of 1",
    "patch_nce.__init__: torch.zeros(1, 3, 16, 16)": "only the shapes of its features are looked at",
}


def first_difference(numbers, expected: dict) -> str:
    """The first number that is further off than another machine may be, or the error of a probe that failed; else nothing."""
    try:
        for name, value in numbers:
            if name not in expected or number(
                name, expected[name], value, "numbers of the probe", same=False
            ):
                return name
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return ""


@pytest.fixture(scope="module")
def expected() -> dict:
    return dict(probe())


@pytest.fixture(scope="module")
def load(tmp_path_factory):
    """As the probe loads its pictures, but each kind once."""
    folder = tmp_path_factory.mktemp("pictures")
    write_pictures(folder)

    @functools.cache
    def once(image_size: int, load_size: int, value_range: str):
        changed = dataclasses.replace(
            FIRST, image_size=image_size, load_size=load_size, value_range=value_range
        )
        return domains_for(changed, folder)

    return lambda config, _: once(config.image_size, config.load_size, config.value_range)


def changed_fields() -> list[tuple[str, object]]:
    """Every field of the configuration with other values: a tenth more and less, the next whole number, another word."""
    found = []
    others = {
        "gan_mode": "bce",
        "upsampling": "resize",
        "value_range": "0..4504",
        "image_size": 20,
        "global_skip": True,
        "method": "cut",
    }
    for field in dataclasses.fields(Config):
        value = getattr(FIRST, field.name)
        if field.name == "data":  # only a name: see the test of the pictures
            continue
        if field.name in others:
            found.append((field.name, others[field.name]))
        elif isinstance(value, float):
            found += [(field.name, value * 1.1), (field.name, value * 0.9)]
        else:
            found.append((field.name, value + 1))
    # More halvings than these are refused, for 16 px and in general
    fewer = ("n_downsamplings", "discriminator_layers")
    return [(name, 1 if name in fewer else value) for name, value in found]


@pytest.mark.parametrize(("name", "value"), changed_fields(), ids=lambda part: str(part))
def test_every_field_of_the_configuration_moves_the_probe(name, value, expected, load):
    """By the numbers alone: that a parameter has another value would be noticed anyway."""
    run = "CUT" if name == "lambda_nce" else "least squares"
    changed = {run: dataclasses.replace(RUNS[run], **{name: value})}
    assert count(first_difference(probe(changed, load), expected))


def test_every_field_is_among_them():
    assert {name for name, _ in changed_fields()} | {"data"} == {
        field.name for field in dataclasses.fields(Config)
    }
    assert {config.gan_mode for config in RUNS.values()} == {"lsgan", "bce"}
    assert {config.upsampling for config in RUNS.values()} == {"transposed", "resize"}
    assert {config.global_skip for config in RUNS.values()} == {False, True}
    assert {config.method for config in RUNS.values()} == {*METHODS}


def darker(domains, part: str, index: int):
    """The same domains with one picture at 0.9 of its brightness."""
    pictures = [getattr(domains, name)[list(range(len(getattr(domains, name))))] for name in PARTS]
    pictures[PARTS.index(part)][index] = (pictures[PARTS.index(part)][index] * 0.9).to(torch.uint8)
    return minicyclegan.data.Domains(*pictures, domains.paired, domains.notes)


PARTS = ("train_a", "train_b", "test_a", "test_b")


@pytest.mark.parametrize("part", PARTS)
def test_a_darker_picture_moves_the_probe(part, expected, load):
    changed = probe({"least squares": FIRST}, lambda config, folder: darker(load(config, folder), part, 1))
    assert count(first_difference(changed, expected))


def test_a_tenth_of_every_expression_of_the_losses_and_of_the_step_moves_the_probe(
    expected, load, monkeypatch
):
    lost = []
    with instrumented() as (plants, copy):
        domains = {}

        def once(config, folder):  # the copy has its own kind of pictures
            key = config.image_size
            domains[key] = domains.get(key) or copy.domains_for(config, folder)
            return domains[key]

        numbers = {}
        for plants.run, config in RUNS.items():
            numbers |= dict(copy.probe({plants.run: config}, load=once))
        assert numbers == expected, "the copy computes what the library computes"
        monkeypatch.setattr(copy, "write_pictures", lambda folder: None)
        for place in sorted(plants.seen):
            module, _, line = plants.places[place].partition(", line ")
            if f"{module}: {line.split(': ', 1)[1]}" in WITHOUT_EFFECT:
                continue
            plants.active = place
            # The run that first came by, then all others: most places show there, and the later ones nowhere before
            first = plants.seen[place]
            runs = {first: RUNS[first]} | RUNS
            if not count(first_difference(copy.probe(runs, load=once), expected)):
                lost.append(plants.places[place])
    assert not lost
    found = "\n".join(plants.places[place] for place in plants.seen)
    for words in (
        "gan_loss(fake_scores, True, mode)",
        "F.l1_loss(returned, real)",
        "0.5",
        "0.999",
        "0.2",
        "config.lambda_identity",
        "config.lambda_nce",
        "temperature",
    ):
        assert words in found, f"nothing was planted in {words}"


def one_way_only(monkeypatch, name: str) -> None:
    """0.9 of one loss, only from A to B."""
    original = minicyclegan.cyclegan.CycleGAN.one_direction

    def changed(self, there, *rest):
        losses, fake = original(self, there, *rest)
        if there is self.generator_ab:
            losses[name] = 0.9 * losses[name]
        return losses, fake

    monkeypatch.setattr(minicyclegan.cyclegan.CycleGAN, "one_direction", changed)


def other_deviation(monkeypatch) -> None:
    original = minicyclegan.cyclegan.init_weights
    monkeypatch.setattr(minicyclegan.cyclegan, "init_weights", lambda network: original(network, 0.018))


def other_eps_of_the_norms(monkeypatch) -> None:
    original = minicyclegan.training.use_quick_norms

    def changed(network):
        for layer in original(network).modules():
            if isinstance(layer, torch.nn.InstanceNorm2d):
                layer.eps *= 1.1
        return network

    monkeypatch.setattr(minicyclegan.training, "use_quick_norms", changed)


def other_adam(monkeypatch, **changes) -> None:
    monkeypatch.setattr(torch.optim, "Adam", functools.partial(torch.optim.Adam, **changes))


def never_mirrored(monkeypatch) -> None:
    def changed(pictures, size, generator):
        height, width = pictures.shape[2:]
        n = len(pictures)
        top = torch.randint(height - size + 1, (n,), generator=generator).tolist()
        left = torch.randint(width - size + 1, (n,), generator=generator).tolist()
        return torch.stack([p[:, t : t + size, k : k + size] for p, t, k in zip(pictures, top, left)])

    monkeypatch.setattr(minicyclegan.data, "random_crop_flip", changed)


def only_one_discriminator_decays(monkeypatch) -> None:
    original = minicyclegan.training.Trainer.train_on

    def changed(self, *pictures):
        losses = original(self, *pictures)
        with torch.no_grad():
            for weights in self.model.discriminator_b.parameters():
                weights.mul_(0.999)
        return losses

    monkeypatch.setattr(minicyclegan.training.Trainer, "train_on", changed)
    monkeypatch.setattr(probe_module, "Trainer", minicyclegan.training.Trainer)


PLANTS = {
    "identity from A to B": lambda patch: one_way_only(patch, "identity"),
    "cycle from A to B": lambda patch: one_way_only(patch, "cycle"),
    "adversarial from A to B": lambda patch: one_way_only(patch, "gan"),
    "deviation of the first weights": other_deviation,
    "eps of the norms": other_eps_of_the_norms,
    "eps of Adam": lambda patch: other_adam(patch, eps=1.1e-8),
    "weight decay of 0.001": lambda patch: other_adam(patch, weight_decay=1e-3),
    "never mirrored": never_mirrored,
    "one discriminator shrinks": only_one_discriminator_decays,
}


@pytest.mark.parametrize("name", PLANTS)
def test_changes_that_no_single_expression_shows(name, expected, load, monkeypatch):
    PLANTS[name](monkeypatch)
    assert count(first_difference(probe(load=load), expected))


def test_the_probe_says_the_same_twice_and_leaves_the_number_format_as_it_was(expected):
    assert dict(probe()) == expected and torch.get_default_dtype() == torch.float32
    assert len(expected) > 400 and all(value == value for value in expected.values())


def test_the_committed_reference_has_the_numbers_of_the_probe(expected):
    """A change of any result is noticed here, a second after it was made. If it was meant: `minicyclegan repro --update`."""
    reference = json.loads((ROOT / "notebooks" / "reference" / "smoke.json").read_text(encoding="utf-8"))
    assert "probe" in reference, "the reference is older than the probe: run minicyclegan repro --update"
    kept = reference["probe"]["results"]["numbers"]
    assert kept.keys() == expected.keys()
    assert first_difference(expected.items(), kept) == ""
