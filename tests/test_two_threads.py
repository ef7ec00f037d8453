"""Two directions in two threads are those of notebook 06 in turn: the same losses, weights and noise, at each run."""

import functools

import pytest
import torch
from conftest import tiny_config
from torch import nn

from minicyclegan.cyclegan import CycleGAN, ImagePool, in_turn, run_both
from minicyclegan.fast.norm import QuickInstanceNorm, use_quick_norms
from minicyclegan.fast.threads import in_two_threads, side_by_side, threads_for_each
from minicyclegan.generator import Generator
from minicyclegan.patch_nce import model_for
from minicyclegan.training import Trainer, learning_rate_factor

SETTINGS = {
    "the paper's": {},
    "no identity loss": {"lambda_identity": 0.0},
    "identity for a while": {"identity_share": 0.5},
    "bce": {"gan_mode": "bce"},
    "noise": {"cycle_noise": 0.1, "discriminator_noise": 0.2},
    "batches of one": {"batch_size": 1},
    "resize": {"upsampling": "resize", "n_downsamplings": 1},
    "global skip": {"global_skip": True},
    "CUT": {"method": "cut", "identity_share": 0.5},
    "FastCUT": {"method": "fastcut", "discriminator_noise": 0.2},
    "no pool, no average": {"pool_size": 0, "ema_decay": 0.0},
}


@pytest.fixture
def two_threads():
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(1)


def batches_of(config, steps: int, kind=torch.float32) -> list[tuple]:
    rng, shape = torch.Generator().manual_seed(7), (config.batch_size, 3, 16, 16)
    return [tuple(torch.rand(shape, generator=rng).to(kind) * 2 - 1 for _ in "ab") for _ in range(steps)]


def trained(config, learn, steps: int = 6, dtype=torch.float32, exact: bool = False):
    """A trainer after some steps, and the losses of each; `exact` computes in float64, where rounding stays small.

    One thread for each job, as the Trainer would give two cores: then nothing depends on what else the machine does.
    """
    trainer, losses = Trainer(config, torch.device("cpu"), dtype), []
    trainer.model.learn = learn
    if exact:
        trainer.model.double()
        trainer.average = trainer.average and trainer.average.double()
    for batch in batches_of(config, steps, torch.float64 if exact else torch.float32):
        losses.append({name: float(loss) for name, loss in trainer.train_on(*batch).items()})
    return trainer, losses


@functools.cache  # one training for both ways that are compared with it
def trained_plainly(config, steps: int = 6):
    """The same by notebook 06 (or 12) alone: no channels last, no quick norm, no fused Adam, one thread, float64."""
    torch.manual_seed(config.seed)
    model, losses = model_for(config).double(), []
    model.random = torch.Generator()
    adams = [
        torch.optim.Adam(
            [p for net in half for p in net.parameters()], 0, betas=(config.beta1, 0.999), foreach=False
        )
        for half in model.players()
    ]
    pools = [ImagePool(config.pool_size, seed=2 * config.seed + i) for i in range(2)]
    for step, batch in enumerate(batches_of(config, steps, torch.float64)):
        model.random.manual_seed(config.seed * 1_000_003 + step)
        for adam in adams:
            adam.param_groups[0]["lr"] = config.learning_rate * learning_rate_factor(
                step, config.steps, config.decay_share
            )
        with_identity = step < config.identity_share * config.steps
        losses.append(
            {n: float(x) for n, x in model.training_step(*batch, *adams, *pools, with_identity).items()}
        )
    return model, losses


@pytest.mark.parametrize("learn", [in_turn, in_two_threads])
@pytest.mark.parametrize("changes", SETTINGS.values(), ids=SETTINGS)
def test_the_quick_step_computes_the_losses_and_weights_of_notebook_06(changes, learn):
    config = tiny_config(**changes)
    plain, expected = trained_plainly(config)
    trainer, found = trained(config, learn, exact=True)
    for a, b in zip(expected, found, strict=True):
        assert b == pytest.approx(a, rel=1e-6)
        assert list(b) == list(a)  # the columns of metrics.jsonl keep their order
    weights = trainer.model.state_dict()
    assert all(torch.allclose(weights[name], w, atol=1e-7) for name, w in plain.state_dict().items())


def test_two_threads_give_the_same_bits_at_each_run():
    config = tiny_config(cycle_noise=0.1, discriminator_noise=0.1, batch_size=3)
    states = [trained(config, in_two_threads, steps=12)[0].state_dict()["model"] for _ in range(3)]
    for state in states[1:]:
        assert all(torch.equal(state[name], states[0][name]) for name in state)


def test_bfloat16_works_in_two_threads():
    _, losses = trained(tiny_config(), in_two_threads, dtype=torch.bfloat16)
    _, exact = trained(tiny_config(), in_two_threads)
    assert losses[0]["cycle"] == pytest.approx(exact[0]["cycle"], rel=0.02)
    assert losses[0]["cycle"] != exact[0]["cycle"]


@pytest.mark.parametrize("n", [1, 3])
@pytest.mark.parametrize(
    "stored", [torch.contiguous_format, torch.channels_last], ids=["rows", "channels last"]
)
@pytest.mark.parametrize(
    "back", [torch.contiguous_format, torch.channels_last], ids=["rows", "channels last"]
)
def test_the_quick_norm_and_its_gradient_are_those_of_the_formula(n, stored, back):
    """PyTorch's own norm gives another gradient for one picture and a gradient that comes back channels last."""
    rng = torch.Generator().manual_seed(0)
    x, gradient = torch.randn(n, 5, 7, 9, generator=rng) * 3 + 2, torch.randn(n, 5, 7, 9, generator=rng)
    pair = [x.clone().requires_grad_(), x.contiguous(memory_format=stored).requires_grad_()]
    variance, mean = torch.var_mean(pair[0], (2, 3), correction=0, keepdim=True)
    formula, quick = (pair[0] - mean) / (variance + 1e-5).sqrt(), QuickInstanceNorm(5)(pair[1])
    formula.backward(gradient)
    quick.backward(gradient.contiguous(memory_format=back))
    assert torch.allclose(quick, formula, atol=1e-5)
    assert torch.allclose(pair[1].grad, pair[0].grad, atol=1e-5)


def test_quick_norms_take_every_place_and_no_weight_changes_its_name():
    network = Generator(4, 2)
    names, number = list(network.state_dict()), sum(type(m) is nn.InstanceNorm2d for m in network.modules())
    use_quick_norms(network)
    assert list(network.state_dict()) == names
    assert sum(type(m) is QuickInstanceNorm for m in network.modules()) == number == 9
    assert not any(type(m) is nn.InstanceNorm2d for m in network.modules())


@pytest.mark.parametrize("fails", ["first", "second"])
def test_an_error_in_either_thread_comes_out_and_the_threads_are_set_back(fails, two_threads):
    def work(name):
        assert torch.get_num_threads() == 1
        if name == fails:
            raise ValueError(name)
        return name

    with pytest.raises(ValueError, match=fails), threads_for_each(1):
        side_by_side(1, work, ("first",), ("second",))
    assert torch.get_num_threads() == 2
    assert side_by_side(1, str, (1,), (2,)) == ("1", "2")


@pytest.mark.parametrize("learn", [in_turn, in_two_threads])
def test_learning_adds_the_gradients_of_both_jobs_and_returns_all_of_it_detached(learn):
    """The contract of everything that may stand in `CycleGAN.learn`."""
    shared, own = nn.Parameter(torch.tensor(2.0)), nn.Parameter(torch.tensor(3.0))
    shared.grad = torch.tensor(100.0)  # gradients are added, never cleared

    def first():
        return {"a": shared * own, "b": shared**2}, shared + own

    def second():
        return {"a": 5 * shared}, 2 * shared

    (losses, other), (more, another) = learn(first, second)
    assert shared.grad == 100 + 3 + 4 + 5 and own.grad == 2
    assert losses == {"a": 6, "b": 4} and more == {"a": 10} and other == 5 and another == 4
    assert not any(x.requires_grad for x in (*losses.values(), *more.values(), other, another))


def test_to_look_at_both_nothing_learns():
    weight = nn.Parameter(torch.tensor(2.0))
    (losses, other), _ = run_both(lambda: ({"a": 3 * weight}, weight), lambda: ({"a": weight}, weight))
    assert losses["a"].requires_grad and other is weight and weight.grad is None


@pytest.mark.parametrize("learn", [in_turn, in_two_threads])
def test_a_changed_direction_or_discriminator_is_heeded_however_it_is_computed(learn):
    """As notebook 11 changes it: the losses are in one place, so there is one place to change."""
    config = tiny_config(cycle_noise=0.1, discriminator_noise=0.1)
    pictures = torch.rand(2, 2, 3, 16, 16, generator=torch.Generator().manual_seed(0)) * 2 - 1

    def trained(change=lambda model: None) -> dict:
        trainer = Trainer(config, torch.device("cpu"))
        trainer.model.learn = learn
        change(trainer.model)
        return trainer.train_on(*pictures)

    def without_cycle(model):
        plain = model.one_direction

        def changed(*given):
            losses, fake = plain(*given)
            return {name: loss for name, loss in losses.items() if name != "cycle"}, fake

        model.one_direction = changed

    def halved(model):
        plain = model.one_discriminator

        def changed(*given):
            losses, right = plain(*given)
            return {name: loss / 2 for name, loss in losses.items()}, right

        model.one_discriminator = changed

    assert "cycle" in trained() and "cycle" not in trained(without_cycle)
    torch.testing.assert_close(trained(halved)["discriminator_a"], trained()["discriminator_a"] / 2)


def test_directions_that_share_a_network_learn_in_turn_from_the_sum_of_both():
    """As in notebook 11: one generator both ways, one discriminator for both. In turn adds what a single backward would."""
    torch.manual_seed(0)
    model = CycleGAN(tiny_config()).double()
    model.generator_ba, model.discriminator_a = model.generator_ab, model.discriminator_b
    a, b = torch.rand(2, 2, 3, 16, 16, dtype=torch.float64) * 2 - 1
    noise, weights = model.draw_noise(a, b), list(model.generator_ab.parameters())
    losses, _, _ = model.generators_turn(a, b, noise, True, run_both)
    expected = torch.autograd.grad(sum(losses.values()), weights)
    model.generators_turn(a, b, noise, True, in_turn)
    assert all(torch.allclose(w.grad, e, rtol=1e-9, atol=1e-12) for w, e in zip(weights, expected))


@pytest.mark.parametrize("learn, share", [(in_two_threads, 1), (in_turn, 2)])
def test_each_direction_gets_half_of_the_threads_only_where_both_run_at_once(
    learn, share, two_threads, monkeypatch
):
    """A model that must learn in turn, as notebook 11's, or DDP, keeps all of them; and they are set back."""
    seen = []
    trainer = Trainer(tiny_config(), torch.device("cpu"))
    trainer.model.learn = learn
    step = trainer.model.training_step
    trainer.model.training_step = lambda *given: (seen.append(torch.get_num_threads()), step(*given))[1]
    trainer.train_on(*torch.zeros(2, 2, 3, 16, 16))
    assert seen == [share] and torch.get_num_threads() == 2


def test_the_trainer_takes_two_threads_where_there_are_two(two_threads):
    assert Trainer(tiny_config(), torch.device("cpu")).model.learn is in_two_threads
    torch.set_num_threads(1)
    assert Trainer(tiny_config(), torch.device("cpu")).model.learn is in_turn
