"""All four networks' losses, gradients and steps against a plain re-derivation of Zhu et al. 2017.

The expected side is written from the paper with torch.nn.functional and Python. It reads the library's weights and
nothing else. Everything is in float64, so that "equal" can mean twelve digits.
"""

import copy
import math

import pytest
import torch
import torch.nn.functional as F
from conftest import tiny_config

import minicyclegan.cyclegan
import minicyclegan.gan_loss
from minicyclegan.cyclegan import CycleGAN, ImagePool, in_turn
from minicyclegan.fast.threads import in_two_threads
from minicyclegan.training import learning_rate_factor

NETWORKS = ("generator_ab", "generator_ba", "discriminator_a", "discriminator_b")


# The networks, from the paper's appendix


def plain_norm(x):
    mean = x.mean((2, 3), keepdim=True)
    variance = ((x - mean) ** 2).mean((2, 3), keepdim=True)
    return (x - mean) / (variance + 1e-5) ** 0.5


def plain_relu(x):
    return x * (x > 0)


def plain_generator(weights, x, config):
    """c7s1, down, residual blocks, up, c7s1, tanh. `weights` is a flat list: weight, bias, weight, bias, ..."""
    pairs = iter(zip(weights[::2], weights[1::2]))

    def convolve(x, pad, **options):
        weight, bias = next(pairs)
        return F.conv2d(F.pad(x, (pad,) * 4, mode="reflect") if pad else x, weight, bias, **options)

    given = x.clamp(-0.98, 0.98)
    x = plain_relu(plain_norm(convolve(x, 3)))
    for _ in range(config.n_downsamplings):
        x = plain_relu(plain_norm(convolve(x, 0, stride=2, padding=1)))
    for _ in range(config.n_blocks):
        inside = plain_relu(plain_norm(convolve(x, 1)))
        x = x + plain_norm(convolve(inside, 1))
    for _ in range(config.n_downsamplings):
        if config.upsampling == "transposed":
            weight, bias = next(pairs)
            x = F.conv_transpose2d(x, weight, bias, stride=2, padding=1, output_padding=1)
        else:
            x = convolve(x.repeat_interleave(2, 2).repeat_interleave(2, 3), 0, padding=1)
        x = plain_relu(plain_norm(x))
    x = convolve(x, 3)
    assert next(pairs, None) is None, "the library has more layers than the paper"
    if config.global_skip:
        return torch.tanh(x[:, :3].clamp(-4, 4).exp() * torch.atanh(given) + x[:, 3:])
    return torch.tanh(x)


def plain_discriminator(weights, x, config):
    """4x4 convolutions with strides 2, ..., 2, 1, 1; no norm on the first; slope 0.2; no sigmoid."""
    pairs = list(zip(weights[::2], weights[1::2]))
    for i, (weight, bias) in enumerate(pairs):
        x = F.conv2d(x, weight, bias, stride=2 if i < config.discriminator_layers else 1, padding=1)
        if 0 < i < len(pairs) - 1:
            x = plain_norm(x)
        if i < len(pairs) - 1:
            x = torch.where(x > 0, x, 0.2 * x)
    assert len(pairs) == config.discriminator_layers + 2
    return x


# The losses, from sections 3 and 4


def plain_gan(scores, target, mode):
    if mode == "lsgan":
        return ((scores - target) ** 2).mean()
    chance = 1 / (1 + torch.exp(-scores))  # cross-entropy, as in Goodfellow et al. 2014
    return -(target * torch.log(chance) + (1 - target) * torch.log(1 - chance)).mean()


def mean_absolute(x, y):
    return (x - y).abs().mean()


def plain_generator_losses(weights, a, b, config):
    g = lambda x: plain_generator(weights["generator_ab"], x, config)  # noqa: E731  the paper's G: A to B
    f = lambda x: plain_generator(weights["generator_ba"], x, config)  # noqa: E731  the paper's F: B to A
    fake_b, fake_a = g(a), f(b)
    judged_b = plain_discriminator(weights["discriminator_b"], fake_b, config)
    judged_a = plain_discriminator(weights["discriminator_a"], fake_a, config)
    losses = {
        "gan_ab": plain_gan(judged_b, 1.0, config.gan_mode),
        "gan_ba": plain_gan(judged_a, 1.0, config.gan_mode),
        "cycle": config.lambda_cycle * (mean_absolute(f(fake_b), a) + mean_absolute(g(fake_a), b)),
    }
    if config.lambda_identity:
        same = mean_absolute(f(a), a) + mean_absolute(g(b), b)
        losses["identity"] = config.lambda_identity * config.lambda_cycle * same
    return losses, fake_a.detach(), fake_b.detach()


def plain_discriminator_losses(weights, a, fake_a, b, fake_b, config):
    losses = {}
    for name, real, fake in (("discriminator_a", a, fake_a), ("discriminator_b", b, fake_b)):
        real_scores = plain_discriminator(weights[name], real, config)
        fake_scores = plain_discriminator(weights[name], fake, config)
        both = plain_gan(real_scores, 1.0, config.gan_mode) + plain_gan(fake_scores, 0.0, config.gan_mode)
        losses[name] = both / 2
    return losses


def plain_gradients(losses, weights, names):
    flat = [weight for name in names for weight in weights[name]]
    found = iter(torch.autograd.grad(sum(losses.values()), flat))
    return {name: [next(found) for _ in weights[name]] for name in names}


class PlainAdam:
    """Kingma and Ba 2015, algorithm 1."""

    def __init__(self, rate, beta1, beta2=0.999):
        self.rate, self.betas, self.t, self.memory = rate, (beta1, beta2), 0, {}

    def step(self, weights, gradients):
        self.t += 1
        beta1, beta2 = self.betas
        for name in gradients:
            for i, g in enumerate(gradients[name]):
                m, v = self.memory.get((name, i), (0, 0))
                m, v = beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * g * g
                self.memory[name, i] = m, v
                change = (m / (1 - beta1**self.t)) / ((v / (1 - beta2**self.t)).sqrt() + 1e-8)
                weights[name][i] = (weights[name][i] - self.rate * change).detach().requires_grad_()


def plain_steps(weights, batches, config):
    """Train: generators, then discriminators, on fakes from before the generators' step. Pool off."""
    adam_g, adam_d = (PlainAdam(config.learning_rate, config.beta1) for _ in range(2))
    for a, b in batches:
        losses_g, fake_a, fake_b = plain_generator_losses(weights, a, b, config)
        gradients_g = plain_gradients(losses_g, weights, NETWORKS[:2])
        adam_g.step(weights, gradients_g)
        losses_d = plain_discriminator_losses(weights, a, fake_a, b, fake_b, config)
        gradients_d = plain_gradients(losses_d, weights, NETWORKS[2:])
        adam_d.step(weights, gradients_d)
    return losses_g | losses_d, gradients_g | gradients_d


# The library beside it


def make_model(**changes) -> CycleGAN:
    """Tiny networks in float64 with large random weights and biases, so that every layer matters."""
    model = CycleGAN(tiny_config(**changes)).double()
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for weight in model.parameters():
            weight.normal_(0, 0.3, generator=generator)
    return model


def make_batches(n):
    generator = torch.Generator().manual_seed(6)
    draw = lambda: torch.rand(2, 3, 16, 16, generator=generator, dtype=torch.float64) * 2 - 1  # noqa: E731
    return [(draw(), draw()) for _ in range(n)]


def weights_of(model) -> dict[str, list]:
    return {
        name: [w.detach().clone().requires_grad_() for w in getattr(model, name).parameters()]
        for name in NETWORKS
    }


def gradients_of(model) -> dict[str, list]:
    return {name: [w.grad for w in getattr(model, name).parameters()] for name in NETWORKS}


def optimizers_of(model):
    config = model.config
    generators = [*model.generator_ab.parameters(), *model.generator_ba.parameters()]
    discriminators = [*model.discriminator_a.parameters(), *model.discriminator_b.parameters()]
    return [
        torch.optim.Adam(group, config.learning_rate, betas=(config.beta1, 0.999))
        for group in (generators, discriminators)
    ]


def assert_near(found, expected, what, tolerance):
    difference = float((found - expected).detach().abs().max())
    scale = max(1.0, float(expected.detach().abs().max()))
    assert difference <= tolerance * scale, f"{what} differs by {difference:.3g}"


# DDP, which wants processes, is compared in test_distributed.py
WAYS = {"in turn": in_turn, "in two threads": in_two_threads}


def compare_with_plain(steps=1, way="in turn", arrange=lambda model: model, **changes):
    """Train the library's CycleGAN for some steps and hold its losses, gradients and weights against the plain ones.

    `way` is how the two directions are computed; `arrange` may put another model around the same networks.
    """
    model = make_model(**changes)
    weights, batches = weights_of(model), make_batches(steps)
    model.learn = WAYS[way]
    model = arrange(model)
    optimizers = optimizers_of(model)
    for a, b in batches:
        losses = model.training_step(a, b, *optimizers, ImagePool(0), ImagePool(0))
    expected_losses, expected_gradients = plain_steps(weights, batches, model.config)
    assert {name for name in losses if not name.startswith("accuracy")} == expected_losses.keys()
    for name, loss in expected_losses.items():
        assert_near(losses[name], loss.detach(), f"loss {name}", 1e-10)
    for name, gradients in gradients_of(model).items():
        for i, (found, expected) in enumerate(zip(gradients, expected_gradients[name], strict=True)):
            assert_near(found, expected, f"gradient {i} of {name}", 1e-8)
    for name in NETWORKS:
        for i, (found, expected) in enumerate(
            zip(getattr(model, name).parameters(), weights[name], strict=True)
        ):
            assert_near(found.detach(), expected.detach(), f"weight {i} of {name}", 1e-6)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("gan_mode", ["lsgan", "bce"])
@pytest.mark.parametrize("lambda_identity", [0.5, 0.0])
@pytest.mark.parametrize(
    "shape",
    [
        dict(),
        dict(n_blocks=2, discriminator_layers=1),
        dict(upsampling="resize", n_downsamplings=1),
        dict(upsampling="resize", lambda_cycle=3.0),
        dict(upsampling="resize", n_downsamplings=1, global_skip=True),
    ],
    ids=str,
)
def test_losses_and_gradients_of_all_four_networks(way, gan_mode, lambda_identity, shape):
    compare_with_plain(way=way, gan_mode=gan_mode, lambda_identity=lambda_identity, **shape)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("gan_mode", ["lsgan", "bce"])
def test_three_steps_of_adam_end_with_the_same_weights(way, gan_mode):
    compare_with_plain(steps=3, way=way, gan_mode=gan_mode)


def test_networks_alone_give_the_plain_output():
    model = make_model()
    weights, (a, _) = weights_of(model), make_batches(1)[0]
    with torch.no_grad():
        for name in NETWORKS[:2]:
            assert_near(getattr(model, name)(a), plain_generator(weights[name], a, model.config), name, 1e-12)
        for name in NETWORKS[2:]:
            assert_near(
                getattr(model, name)(a), plain_discriminator(weights[name], a, model.config), name, 1e-10
            )


# Mistakes others made. Each is put into the library for the duration of one test: the comparison must fail.


def one_sided_cycle(self, there, back, discriminator, real, *others):
    """Only A to B to A comes back."""
    losses, fake = one_direction(self, there, back, discriminator, real, *others)
    return losses | {"cycle": (2 if there is self.generator_ab else 0) * losses["cycle"]}, fake


def swapped_identity(self, there, back, discriminator, real, other, *others):
    losses, fake = one_direction(self, there, back, discriminator, real, other, *others)
    weight = self.config.lambda_cycle * self.config.lambda_identity
    return losses | {"identity": weight * mean_absolute(there(real), real)}, fake


def unhalved(real_scores, fake_scores, mode):
    return plain_gan(real_scores, 1.0, mode) + plain_gan(fake_scores, 0.0, mode)


def averaged_before_squaring(scores, is_real, mode="lsgan"):
    return plain_gan(scores.mean(), 1.0 if is_real else 0.0, mode)


def each_generator_gets_one_cycle_term(self, there, back, discriminator, real, *others):
    """As in keras-io: the first half of each circle passes no gradient on."""
    losses, fake = one_direction(self, there, back, discriminator, real, *others)
    cycle = self.config.lambda_cycle * mean_absolute(back(fake.detach()), real)
    return losses | {"cycle": cycle}, fake


def the_wrong_discriminator(self, there, back, discriminator, *others):
    other = self.discriminator_a if discriminator is self.discriminator_b else self.discriminator_b
    return one_direction(self, there, back, other, *others)


def fakes_swapped(self, real_a, fake_a, real_b, fake_b, *others):
    return discriminators_turn(self, real_a, fake_b, real_b, fake_a, *others)


def discriminators_on_fakes_of_after_the_step(self, real_a, fake_a, real_b, fake_b, *others):
    fake_a, fake_b = self.generator_ba(real_b).detach(), self.generator_ab(real_a).detach()
    return discriminators_turn(self, real_a, fake_a, real_b, fake_b, *others)


def discriminators_first(self, real_a, real_b, optimizer_g, optimizer_d, pool_a, pool_b):
    with torch.no_grad():
        fake_b, fake_a = self.generator_ab(real_a), self.generator_ba(real_b)
    losses_d, _ = self.discriminator_losses(real_a, fake_a, real_b, fake_b)
    optimizer_d.zero_grad()
    sum(losses_d.values()).backward()
    optimizer_d.step()
    gradients = [w.grad.clone() for w in optimizer_d.param_groups[0]["params"]]
    losses_g, _, _ = self.generator_losses(real_a, real_b)
    optimizer_g.zero_grad()
    sum(losses_g.values()).backward()
    optimizer_g.step()
    for weight, gradient in zip(optimizer_d.param_groups[0]["params"], gradients):
        weight.grad = gradient
    return losses_g | losses_d


one_direction, discriminators_turn = CycleGAN.one_direction, CycleGAN.discriminators_turn


@pytest.mark.parametrize(
    ("where", "name", "mistake"),
    [
        (CycleGAN, "one_direction", one_sided_cycle),
        (CycleGAN, "one_direction", swapped_identity),
        (minicyclegan.cyclegan, "discriminator_loss", unhalved),
        (minicyclegan.gan_loss, "gan_loss", averaged_before_squaring),
        (CycleGAN, "one_direction", each_generator_gets_one_cycle_term),
        (CycleGAN, "one_direction", the_wrong_discriminator),
        (CycleGAN, "discriminators_turn", fakes_swapped),
        (CycleGAN, "discriminators_turn", discriminators_on_fakes_of_after_the_step),
        (CycleGAN, "training_step", discriminators_first),
        (torch.nn.InstanceNorm2d, "forward", lambda self, x: x),
    ],
    ids=lambda value: getattr(value, "__name__", str(value)),
)
def test_the_comparison_sees_this_mistake(monkeypatch, where, name, mistake):
    monkeypatch.setattr(where, name, mistake)
    with pytest.raises(AssertionError, match="differs by"):
        compare_with_plain()


def test_no_gradient_of_the_discriminators_reaches_the_generators():
    """The fakes are detached: the generators' gradients after a step are those of the generators' losses alone."""
    model = make_model()
    (a, b), weights = make_batches(1)[0], weights_of(model)
    fakes_seen = []

    class Watching(ImagePool):
        def query(self, fakes):
            fakes_seen.append(fakes)
            return super().query(fakes)

    model.training_step(a, b, *optimizers_of(model), Watching(2), Watching(2))
    losses, _, _ = plain_generator_losses(weights, a, b, model.config)
    expected = plain_gradients(losses, weights, NETWORKS[:2])
    for name in NETWORKS[:2]:
        for found, wanted in zip(gradients_of(model)[name], expected[name]):
            assert_near(found, wanted, name, 1e-8)
    assert len(fakes_seen) == 2 and not any(fakes.requires_grad for fakes in fakes_seen)


def test_both_cycle_terms_reach_both_generators():
    model = make_model(lambda_identity=0.0)
    a, b = make_batches(1)[0]
    for first, second, real in (("generator_ab", "generator_ba", a), ("generator_ba", "generator_ab", b)):
        model.zero_grad()
        cycled = getattr(model, second)(getattr(model, first)(real))
        mean_absolute(cycled, real).backward()
        for name in (first, second):
            assert getattr(model, name).layers[1].weight.grad.abs().max() > 1e-6
    model.zero_grad()
    model.generator_losses(a, b)[0]["cycle"].backward()
    weights = weights_of(model)
    expected = plain_gradients(
        {"cycle": plain_generator_losses(weights, a, b, model.config)[0]["cycle"]}, weights, NETWORKS[:2]
    )
    for name in NETWORKS[:2]:
        for found, wanted in zip(gradients_of(model)[name], expected[name]):
            assert_near(found, wanted, name, 1e-8)


def test_identity_gives_each_generator_a_picture_of_its_target():
    """Only the generator into A sees real A for the identity; a perfect identity on both sides costs nothing."""
    model = make_model(lambda_identity=0.5)
    a, b = make_batches(1)[0]
    losses = model.generator_losses(a, b)[0]
    expected = 5.0 * (mean_absolute(model.generator_ba(a), a) + mean_absolute(model.generator_ab(b), b))
    assert_near(losses["identity"], expected, "identity", 1e-10)
    wrong = 5.0 * (mean_absolute(model.generator_ab(a), a) + mean_absolute(model.generator_ba(b), b))
    assert abs(float((losses["identity"] - wrong).detach())) > 1e-3


def test_the_discriminators_do_not_move_in_the_generators_step_and_the_other_way_round():
    model = make_model()
    a, b = make_batches(1)[0]
    for frozen, moving in ((0, 1), (1, 0)):
        before = copy.deepcopy(model.state_dict())
        optimizers = optimizers_of(model)
        for group in optimizers[frozen].param_groups:
            group["lr"] = 0.0
        model.training_step(a, b, *optimizers, ImagePool(0), ImagePool(0))
        moved = {
            name.split(".")[0]
            for name, value in model.state_dict().items()
            if not torch.equal(value, before[name])
        }
        assert moved == set(NETWORKS[:2] if moving == 0 else NETWORKS[2:])


@pytest.mark.parametrize("mode", ["lsgan", "bce"])
def test_gan_loss_by_hand(mode):
    scores = torch.tensor([[0.5, -1.0], [2.0, 0.0]], dtype=torch.float64)
    for is_real in (True, False):
        if mode == "lsgan":
            expected = sum((s - is_real) ** 2 for s in (0.5, -1.0, 2.0, 0.0)) / 4
        else:
            sign = -1 if is_real else 1
            expected = sum(math.log(1 + math.exp(sign * s)) for s in (0.5, -1.0, 2.0, 0.0)) / 4
        assert float(minicyclegan.gan_loss.gan_loss(scores, is_real, mode)) == pytest.approx(
            expected, abs=1e-12
        )


def test_bce_does_not_overflow_and_an_unknown_mode_is_refused():
    loss = minicyclegan.gan_loss.gan_loss(torch.tensor([-1000.0, 1000.0]), True, "bce")
    assert float(loss) == pytest.approx(500.0)
    with pytest.raises(ValueError, match="lsgan"):
        minicyclegan.gan_loss.gan_loss(torch.zeros(1), True, "wgan")


# The pool (section 4, after Shrivastava et al. 2017)


def numbered(*numbers) -> torch.Tensor:
    """Pictures that hold nothing but their number."""
    return torch.tensor(numbers, dtype=torch.float32).view(-1, 1, 1, 1).expand(-1, 3, 2, 2).clone()


def numbers_in(pictures) -> list[int]:
    return [int(picture[0, 0, 0]) for picture in pictures]


def test_pool_against_a_plain_re_derivation():
    pool, generator, kept = ImagePool(4, seed=3), torch.Generator().manual_seed(3), []
    for step in range(100):
        new = [3 * step, 3 * step + 1, 3 * step + 2]
        expected = []
        for number in new:
            if len(kept) < 4:
                kept.append(number)
            elif float(torch.rand((), generator=generator)) < 0.5:
                place = int(torch.randint(4, (), generator=generator))
                number, kept[place] = kept[place], number
            expected.append(number)
        assert numbers_in(pool.query(numbered(*new))) == expected
        assert numbers_in(pool.pictures) == kept


def test_pool_gives_back_what_it_gets_until_it_is_full():
    pool = ImagePool(5)
    assert numbers_in(pool.query(numbered(1, 2))) == [1, 2]
    assert numbers_in(pool.query(numbered(3, 4))) == [3, 4]
    assert numbers_in(pool.pictures) == [1, 2, 3, 4]


def test_full_pool_swaps_half_of_the_time_and_every_place_as_often():
    pool, old, places = ImagePool(10), 0, [0] * 10
    pool.query(numbered(*range(10)))
    for number in range(10, 2010):
        before = numbers_in(pool.pictures)
        (handed_out,) = numbers_in(pool.query(numbered(number)))
        after = numbers_in(pool.pictures)
        if handed_out == number:  # passed through; the pool did not change
            assert after == before
        else:  # an old one went out for good, and the new one sits in its place
            place = before.index(handed_out)
            assert after == [*before[:place], number, *before[place + 1 :]]
            places[place] += 1
            old += 1
    assert 920 < old < 1080  # 1000 expected, standard deviation 22
    assert min(places) > 60 and max(places) < 140  # 100 expected, standard deviation about 10


def test_pool_of_size_0_is_off():
    pool, fakes = ImagePool(0), numbered(1, 2, 3)
    assert torch.equal(pool.query(fakes), fakes) and pool.pictures == []


def test_pool_keeps_copies():
    pool, fakes = ImagePool(2), numbered(1, 2)
    pool.query(fakes)
    fakes.zero_()
    assert numbers_in(pool.pictures) == [1, 2]


def test_each_domain_has_its_own_pool_and_the_discriminators_see_what_it_hands_out():
    model = make_model()
    (a, b), (old_a, old_b) = make_batches(2)
    weights = weights_of(model)

    class Stub:
        def __init__(self, answer):
            self.answer = answer

        def query(self, fakes):
            self.asked = fakes
            return self.answer

    pool_a, pool_b = Stub(old_a), Stub(old_b)
    losses = model.training_step(a, b, *optimizers_of(model), pool_a, pool_b)
    _, fake_a, fake_b = plain_generator_losses(weights, a, b, model.config)
    assert_near(pool_a.asked, fake_a, "what pool A was given", 1e-12)
    assert_near(pool_b.asked, fake_b, "what pool B was given", 1e-12)
    expected = plain_discriminator_losses(weights, a, old_a, b, old_b, model.config)
    for name, loss in expected.items():
        assert_near(losses[name], loss.detach(), name, 1e-10)


def test_noise_is_added_to_the_fakes_on_their_way_back_and_nowhere_else():
    """The cycle loss by hand, with the same noise; the GAN losses and the fakes do not feel it."""
    model, quiet = make_model(cycle_noise=0.3), make_model()
    quiet.load_state_dict(model.state_dict())
    (a, b) = make_batches(1)[0]
    model.random = torch.Generator().manual_seed(5)
    losses, fake_a, fake_b = model.generator_losses(a, b)
    expected, same_a, same_b = quiet.generator_losses(a, b)
    assert torch.equal(fake_a, same_a) and torch.equal(fake_b, same_b)
    for name in ("gan_ab", "gan_ba", "identity"):
        assert torch.equal(losses[name], expected[name])
    random = torch.Generator().manual_seed(5)
    noise_b, noise_a = (torch.randn(a.shape, generator=random) for _ in range(2))
    cycled_a, cycled_b = (
        model.generator_ba(fake_b + 0.3 * noise_b),
        model.generator_ab(fake_a + 0.3 * noise_a),
    )
    by_hand = model.config.lambda_cycle * ((cycled_a - a).abs().mean() + (cycled_b - b).abs().mean())
    assert_near(losses["cycle"].detach(), by_hand.detach(), "cycle with noise", 1e-6)
    assert abs(float((losses["cycle"] - expected["cycle"]).detach())) > 1e-4


def test_noise_for_the_discriminators_is_on_reals_and_fakes_alike_and_not_in_the_cycle():
    model = make_model(discriminator_noise=0.3)
    seen = []
    for name in ("discriminator_a", "discriminator_b"):
        getattr(model, name).register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    a, b = make_batches(1)[0]
    losses, fake_a, fake_b = model.generator_losses(a, b)
    by_hand = (model.generator_ba(fake_b) - a).abs().mean() + (model.generator_ab(fake_a) - b).abs().mean()
    assert_near(losses["cycle"].detach(), (model.config.lambda_cycle * by_hand).detach(), "cycle", 1e-10)
    model.discriminator_losses(a, fake_a, b, fake_b)
    clean = [fake_b, fake_a, torch.cat([a, fake_a]), torch.cat([b, fake_b])]
    for given, expected in zip(seen, clean, strict=True):
        noise = (given - expected).detach()
        for picture in noise:  # each picture, real or fake, its own
            assert 0.25 < float(picture.std()) < 0.35
            assert abs(float(picture.mean())) < 0.06
        assert not torch.allclose(noise[0], noise[1])


@pytest.mark.parametrize(("gan_mode", "middle"), [("lsgan", 0.5), ("bce", 0.0)])
def test_accuracies_count_the_patches_on_the_right_side(gan_mode, middle):
    """One score map by hand: reals above the middle and fakes below it are right, a score on the middle is wrong."""

    class Scripted(torch.nn.Module):
        def __init__(self, offsets):
            super().__init__()
            self.scores = middle + torch.tensor(offsets).view(2, 1, 1, 4)

        def forward(self, pictures):
            return self.scores

    model = make_model(gan_mode=gan_mode)
    model.discriminator_a = Scripted([[0.1, 0.2, -0.1, 0.0], [-0.1, -0.1, -0.2, 0.3]])
    model.discriminator_b = Scripted([[0.1, 0.1, 0.1, 0.1], [0.1, 0.1, 0.1, 0.1]])
    picture = torch.zeros(1, 3, 16, 16, dtype=torch.float64)
    _, accuracies = model.discriminator_losses(picture, picture, picture, picture)
    found = {name: float(value) for name, value in accuracies.items()}
    assert found == {
        "accuracy_real_a": 0.5,
        "accuracy_fake_a": 0.75,
        "accuracy_real_b": 1.0,
        "accuracy_fake_b": 0.0,
    }


# The learning rate (section 4)


def test_learning_rate_is_constant_for_half_and_never_0():
    factors = [learning_rate_factor(step, 200, 0.5) for step in range(200)]
    assert factors[:101] == [1.0] * 101
    assert factors[101:] == pytest.approx([1 - k / 100 for k in range(1, 100)])
    assert factors[-1] == pytest.approx(1 / 100)
    drops = [before - after for before, after in zip(factors[100:], factors[101:])]
    assert drops == pytest.approx([0.01] * 99)  # a straight line


@pytest.mark.parametrize("steps", [1, 2, 3, 7, 100])
@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 1.0])
def test_learning_rate_factor_is_in_0_1_and_positive_at_every_step(steps, share):
    factors = [learning_rate_factor(step, steps, share) for step in range(steps)]
    assert factors[0] == 1.0
    assert all(0 < factor <= 1 for factor in factors)
    assert factors == sorted(factors, reverse=True)


def test_without_decay_the_learning_rate_stays():
    assert {learning_rate_factor(step, 50, 0.0) for step in range(50)} == {1.0}
