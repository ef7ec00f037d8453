"""CUT and FastCUT against a plain re-derivation of Park et al. 2020, and CUT in the house: everything that CycleGAN can do.

The expected side is written with Python loops over pictures, depths and places. It reads the library's weights and the places
that were drawn, and nothing else.
"""

import copy
import math

import pytest
import torch
import torch.nn.functional as F
from click.testing import CliRunner
from conftest import tiny_config, tiny_domains, tiny_run
from test_losses_and_gradients import (
    assert_near,
    plain_discriminator,
    plain_gan,
    plain_generator,
    plain_norm,
    plain_relu,
)
from test_training import AfterSteps, assert_same_run

import minicyclegan.patch_nce as library
from minicyclegan.cli import main
from minicyclegan.cyclegan import CycleGAN, ImagePool, in_turn
from minicyclegan.data import load_seasons
from minicyclegan.errors import CheckpointError
from minicyclegan.fast.threads import in_two_threads
from minicyclegan.parameters import METHODS, Config
from minicyclegan.patch_nce import CUT, PatchHead, encoder_features, feature_layers, model_for, patch_nce_loss
from minicyclegan.runs.checkpoint import load
from minicyclegan.runs.folder import read_metrics
from minicyclegan.runs.plan import memory_needed, plan_lines
from minicyclegan.runs.progress import Progress
from minicyclegan.training import Trainer
from minicyclegan.widgets.board import curves

NETWORKS = ("generator_ab", "generator_ba", "head_ab", "head_ba", "discriminator_a", "discriminator_b")
WAYS = {"in turn": in_turn, "in two threads": in_two_threads}


# The contrast, from the paper's sections 3.2 and C.1


def plain_features(weights, x, config) -> list:
    """The picture, each downsampling, the first residual block, the one in the middle."""
    pairs = iter(zip(weights[::2], weights[1::2]))
    found = [x]
    weight, bias = next(pairs)
    x = plain_relu(plain_norm(F.conv2d(F.pad(x, (3,) * 4, mode="reflect"), weight, bias)))
    for _ in range(config.n_downsamplings):
        weight, bias = next(pairs)
        x = plain_relu(plain_norm(F.conv2d(x, weight, bias, stride=2, padding=1)))
        found.append(x)
    for block in range(config.n_blocks):
        (first, bias_1), (second, bias_2) = next(pairs), next(pairs)
        inside = plain_relu(plain_norm(F.conv2d(F.pad(x, (1,) * 4, mode="reflect"), first, bias_1)))
        x = x + plain_norm(F.conv2d(F.pad(inside, (1,) * 4, mode="reflect"), second, bias_2))
        if block in (0, config.n_blocks // 2):
            found.append(x)
    return found


def plain_head(weights, depth, vector):
    """Linear, ReLU, linear, divided by its length; for one place of one picture."""
    first, bias_1, second, bias_2 = weights[4 * depth : 4 * depth + 4]
    y = second @ plain_relu(first @ vector + bias_1) + bias_2
    return y / (y * y).sum() ** 0.5


def plain_contrast(generator, head, pictures, made, places, mirrored, config):
    """The mean over depths of the mean over pictures and places of -log softmax at the place itself."""
    there, here = plain_features(generator, made, config), plain_features(generator, pictures, config)
    depths = []
    for depth, (new, old) in enumerate(zip(there, here, strict=True)):
        new = new.flip(3) if mirrored else new
        width, terms = new.shape[3], []
        for picture in range(len(new)):
            at = [(int(place) // width, int(place) % width) for place in places[depth]]
            queries = [plain_head(head, depth, new[picture, :, y, x]) for y, x in at]
            keys = [plain_head(head, depth, old[picture, :, y, x]).detach() for y, x in at]
            for own, query in enumerate(queries):
                likeness = torch.stack([(query * key).sum() / 0.07 for key in keys])
                terms.append(torch.log(torch.exp(likeness - likeness[own]).sum()))
        depths.append(sum(terms) / len(terms))
    return sum(depths) / len(depths)


def plain_losses(weights, a, b, noise, config):
    losses, fakes = {"nce": 0.0}, {}
    for way, real, other, judge in (("ab", a, b, "discriminator_b"), ("ba", b, a, "discriminator_a")):
        generator, head = weights[f"generator_{way}"], weights[f"head_{way}"]
        _, places, mirrored = noise[way]
        fake = plain_generator(generator, real.flip(3) if mirrored else real, config)
        scores = plain_discriminator(weights[judge], fake, config)
        losses[f"gan_{way}"] = plain_gan(scores, 1.0, config.gan_mode)
        weight = config.lambda_nce * (0.5 if config.method == "cut" else 1.0)
        losses["nce"] += weight * plain_contrast(generator, head, real, fake, places, mirrored, config)
        if config.method == "cut":
            same = plain_generator(generator, other, config)
            contrast = plain_contrast(generator, head, other, same, places, False, config)
            losses["nce_identity"] = losses.get("nce_identity", 0.0) + weight * contrast
        fakes[way] = fake
    return losses, fakes


# The library beside it


def make_model(**changes) -> CUT:
    """Tiny networks in float64 with large random weights and biases, and few places, so that loops end."""
    model = model_for(tiny_config(**({"method": "cut", "lambda_nce": 0.7} | changes))).double()
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for weight in model.parameters():
            weight.normal_(0, 0.3, generator=generator)
    model.PATCHES = 9
    model.random = torch.Generator().manual_seed(changes.get("seed", 3))
    return model


def make_batch():
    generator = torch.Generator().manual_seed(6)
    return [torch.rand(2, 3, 16, 16, generator=generator, dtype=torch.float64) * 2 - 1 for _ in "ab"]


def compare_with_plain(way="in turn", arrange=lambda model: None, mirrored=None, **changes):
    model, (a, b) = make_model(**changes), make_batch()
    weights = {
        name: [w.detach().clone().requires_grad_() for w in getattr(model, name).parameters()]
        for name in NETWORKS
    }
    noise = model.draw_noise(a, b)
    if mirrored is not None:
        noise = {key: (*one[:2], torch.tensor(mirrored)) if key in ("ab", "ba") else one for key, one in noise.items()}  # fmt: skip
    expected, fakes = plain_losses(weights, a, b, noise, model.config)
    flat = [weight for name in NETWORKS[:4] for weight in weights[name]]
    gradients = iter(torch.autograd.grad(sum(expected.values()), flat))
    arrange(model)
    for network in (model.discriminator_a, model.discriminator_b):
        network.requires_grad_(False)
    losses, fake_a, fake_b = model.generators_turn(a, b, noise, True, WAYS[way])
    assert losses.keys() == expected.keys()
    for name, loss in expected.items():
        assert_near(losses[name], loss.detach(), f"loss {name}", 1e-10)
    assert_near(fake_a, fakes["ba"].detach(), "fake_a", 1e-10)
    assert_near(fake_b, fakes["ab"].detach(), "fake_b", 1e-10)
    for name in NETWORKS[:4]:
        for i, weight in enumerate(getattr(model, name).parameters()):
            assert_near(weight.grad, next(gradients), f"gradient {i} of {name}", 1e-8)
    assert all(w.grad is None for w in model.discriminator_b.parameters())


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    "changes",
    [
        dict(),
        dict(method="fastcut", mirrored=True),
        dict(method="fastcut", mirrored=False),
        dict(gan_mode="bce", n_blocks=3, upsampling="resize", n_downsamplings=1),
        dict(global_skip=True, n_blocks=2),
    ],
    ids=str,
)
def test_losses_and_gradients_of_generators_and_heads(way, changes):
    compare_with_plain(way, **changes)


# Mistakes. Each is put into the library for the duration of one test: the comparison must fail.


def with_gradient_to_the_keys(queries, keys, temperature=0.07):
    logits = queries @ keys.transpose(1, 2) / temperature
    answers = torch.arange(logits.shape[1]).repeat(len(logits))
    return F.cross_entropy(logits.flatten(0, 1), answers)


def keys_ask(queries, keys, temperature=0.07):
    return patch_nce_loss(keys, queries, temperature)


def without_temperature(queries, keys, temperature=0.07):
    return patch_nce_loss(queries, keys, 1.0)


def negatives_from_the_whole_batch(queries, keys, temperature=0.07):
    return patch_nce_loss(queries.flatten(0, 1)[None], keys.flatten(0, 1)[None], temperature)


LOSSES = [keys_ask, without_temperature, negatives_from_the_whole_batch]


@pytest.mark.parametrize("wrong", LOSSES)
def test_a_wrong_contrast_is_seen(monkeypatch, wrong):
    monkeypatch.setattr(library, "patch_nce_loss", wrong)
    with pytest.raises(AssertionError):
        compare_with_plain()


def test_a_gradient_to_the_keys_is_seen(monkeypatch):
    monkeypatch.setattr(library, "patch_nce_loss", with_gradient_to_the_keys)

    def unlocked(model):  # the other of two locks on that door
        monkeypatch.setattr(torch, "no_grad", torch.enable_grad)

    with pytest.raises(AssertionError, match="gradient"):
        compare_with_plain(arrange=unlocked)


def wrong_head(model):
    model.head_ab, model.head_ba = model.head_ba, model.head_ab


def one_depth_less(model):
    model.layers = model.layers[:-1]


def unnormalised(model):
    model.head_ab.forward = lambda features, places: [
        layer(x.flatten(2)[:, :, here].transpose(1, 2)) for layer, x, here in zip(model.head_ab.layers, features, places)
    ]  # fmt: skip


@pytest.mark.parametrize("arrange", [wrong_head, one_depth_less, unnormalised])
def test_a_wrong_arrangement_is_seen(arrange):
    with pytest.raises((AssertionError, ValueError)):
        compare_with_plain(arrange=arrange)


# What the parts promise


def test_the_papers_layers_for_the_papers_network():
    """Both downsamplings, the first and the fifth of nine blocks (appendix C.1)."""
    model = CycleGAN(tiny_config(n_blocks=9))
    kinds = [type(layer).__name__ for layer in model.generator_ab.layers]
    layers = feature_layers(2, 9)
    blocks = [i for i, kind in enumerate(kinds) if kind == "ResidualBlock"]
    assert layers == [4, 5, blocks[0], blocks[4]]
    shapes = [
        tuple(f.shape[1:]) for f in encoder_features(model.generator_ab, torch.zeros(1, 3, 16, 16), layers)
    ]
    c = model.config.base_channels
    assert shapes == [(3, 16, 16), (2 * c, 8, 8), (4 * c, 4, 4), (4 * c, 4, 4), (4 * c, 4, 4)]


@pytest.mark.parametrize("n_blocks, more", [(0, 0), (1, 1), (2, 2)])
def test_few_blocks_give_fewer_depths(n_blocks, more):
    assert len(feature_layers(1, n_blocks)) == 1 + more
    model = make_model(n_blocks=n_blocks, n_downsamplings=1)
    assert len(model.head_ab.layers) == 2 + more
    losses, *_ = model.generator_losses(*make_batch())
    assert all(loss.isfinite() for loss in losses.values())


def test_who_cannot_tell_has_log_p_and_who_can_has_almost_nothing():
    same = F.normalize(torch.ones(2, 50, 8), dim=-1)
    assert float(patch_nce_loss(same, same)) == pytest.approx(math.log(50), abs=1e-5)
    apart = torch.eye(50, dtype=torch.float64).expand(2, 50, 50)
    assert float(patch_nce_loss(apart, apart)) == pytest.approx(math.log(1 + 49 * math.exp(-1 / 0.07)))


def test_places_are_different_ones_and_as_many_as_there_are():
    model = CUT(tiny_config(method="cut", n_downsamplings=2))
    model.PATCHES = 50
    _, places, mirrored = model.draw_noise(*(torch.zeros(2, 3, 32, 32) for _ in "ab"))["ab"]
    assert [len(one) for one in places] == [50] * len(model.scales)
    assert all(len(set(one.tolist())) == 50 for one in places) and not mirrored
    _, places, _ = model.draw_noise(*(torch.zeros(2, 3, 16, 16) for _ in "ab"))["ab"]
    assert sorted(places[-1].tolist()) == list(range(16))


def test_fastcut_mirrors_half_of_the_steps_and_cut_none():
    real = torch.zeros(1, 3, 16, 16)
    for method, least, most in (("cut", 0, 0), ("fastcut", 60, 140)):
        model = CUT(tiny_config(method=method))
        model.random = torch.Generator().manual_seed(0)
        count = sum(bool(model.draw_noise(real, real)["ab"][2]) for _ in range(200))
        assert least <= count <= most


def test_the_heads_learn_and_no_direction_learns_from_the_other():
    """Each generator, head and discriminator moves; and A to B ends the same, whatever happens from B to A."""
    trainers = []
    for disturbed in (False, True):
        trainer = Trainer(tiny_config(method="cut", steps=4), torch.device("cpu"))
        before = copy.deepcopy(trainer.model.state_dict())
        torch.manual_seed(0)
        for _ in range(2):
            a, b = torch.rand(2, 3, 16, 16) * 2 - 1, torch.rand(2, 3, 16, 16) * 2 - 1
            with torch.no_grad():
                for weight in trainer.model.generator_ba.parameters():
                    weight.add_(0.5 if disturbed else 0.0)
            trainer.train_on(a, b)
        after = trainer.model.state_dict()
        for name in NETWORKS:
            assert any(not torch.equal(after[k], before[k]) for k in after if k.startswith(name)), name
        trainers.append(after)
    for name in ("generator_ab", "head_ab", "discriminator_b"):
        assert all(torch.equal(trainers[0][k], trainers[1][k]) for k in trainers[0] if k.startswith(name))


def test_a_step_with_pools_and_both_turns():
    model, (a, b) = make_model(), make_batch()
    generators, discriminators = (torch.nn.ModuleList(turn).parameters() for turn in model.players())
    optimizers = torch.optim.Adam(generators, 1e-3), torch.optim.Adam(discriminators, 1e-3)
    losses = model.training_step(a, b, *optimizers, ImagePool(4), ImagePool(4))
    assert {"nce", "nce_identity", "gan_ab", "gan_ba", "discriminator_a", "discriminator_b"} < losses.keys()
    assert "cycle" not in losses and "identity" not in losses


def test_the_head_gives_vectors_of_length_one():
    head = PatchHead([3, 8], 16)
    features = [torch.randn(2, 3, 8, 8), torch.randn(2, 8, 4, 4)]
    found = head(features, [torch.arange(5), torch.arange(7)])
    assert [tuple(x.shape) for x in found] == [(2, 5, 16), (2, 7, 16)]
    assert all(torch.allclose(x.norm(dim=-1), torch.ones(x.shape[:2])) for x in found)


# In the house: whatever CycleGAN's runs can do


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory):
    run_dir = tmp_path_factory.mktemp("cut") / "run"
    tiny_run(run_dir, load_seasons(16, 20, 6), method="cut", steps=4, pool_size=0)
    return run_dir


def command(*words) -> str:
    result = CliRunner().invoke(main, [*map(str, words)])
    assert result.exit_code == 0, result.output
    return result.output


@pytest.mark.parametrize("method", ["cut", "fastcut"])
def test_stopped_after_every_step_and_resumed_it_is_the_same_run(tmp_path, method):
    options = {"method": method, "steps": 4, "pool_size": 3, "log_every": 3}
    tiny_run(tmp_path / "straight", **options)
    for step in range(1, 5):
        tiny_run(tmp_path / "cut", resume=step > 1, stop=AfterSteps(1), **options)
    assert_same_run(tmp_path / "cut", tmp_path / "straight")


def test_its_checkpoint_translates_and_names_its_method(run_dir, tmp_path):
    model = load(run_dir / "last.pt")
    assert model.config.method == "cut" and not any("head" in name for name in model.state_dict())
    picture = torch.zeros(3, 20, 24)
    assert model.translate(picture, to="b").shape == model.translate(picture, to="a").shape == picture.shape
    assert METHODS[model.config.method] == "CUT"


def test_evaluate_and_results_speak_of_cut_and_of_its_losses(run_dir):
    table = command("evaluate", run_dir, "--pictures", 6, "--device", "cpu")
    assert "\nCUT " in table and "CycleGAN " not in table
    command("results", run_dir, "--device", "cpu")
    page = (run_dir / "results.html").read_text(encoding="utf-8")
    assert "Contrast of patches, with its weight" in page and "Cycle and identity losses" not in page


def test_a_board_and_a_line_of_progress_show_the_contrast(run_dir):
    records, lines = read_metrics(run_dir / "metrics.jsonl"), []
    assert {"nce", "nce_identity"} < records[-1].keys() and "cycle" not in records[-1]
    Progress(0, 4, lines.append).report(4, records[-1])
    assert " nce " in lines[0] and "cycle" not in lines[0]
    labels = [line.get_label() for axis in curves(records).axes for line in axis.lines]
    assert "contrast (weighted)" in labels and "cycle (weighted)" not in labels


def test_weights_of_the_other_method_are_refused_by_name(checkpoint, tmp_path):
    with pytest.raises(CheckpointError, match="method is 'cyclegan' there and 'cut' here"):
        tiny_run(tmp_path / "new", method="cut", start_from=checkpoint)


def test_the_plan_says_what_is_not_used():
    lines = plan_lines(tiny_config(method="fastcut"), tiny_domains(), "computing on CPU")
    assert "FastCUT, one for each direction" in lines[1] and "lambda_cycle" in lines[1]
    assert not any("method" in line for line in plan_lines(tiny_config(), tiny_domains(), "computing on CPU"))


def test_its_memory_is_counted_without_numbers():
    needs = {
        method: memory_needed(Config(method=method), tiny_domains(), torch.device("cpu"), torch.float32)
        for method in METHODS
    }
    assert needs["fastcut"] < needs["cut"], "the identity variant sends twice as many pictures through"
    assert needs["fastcut"] < needs["cyclegan"], "there is no way back to keep"
