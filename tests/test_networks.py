"""Generator and discriminator are the paper's: sizes, counts, receptive fields, dead biases, first weights."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from minicyclegan.discriminator import PatchDiscriminator, receptive_field, receptive_field_by_gradient
from minicyclegan.generator import Generator, ResidualBlock, downsample, init_weights, upsample, with_change


def count(network: nn.Module) -> int:
    return sum(weight.numel() for weight in network.parameters())


@pytest.mark.parametrize(
    ("network", "parameters"),
    [
        (lambda: Generator(), 11_378_179),
        (lambda: Generator(n_blocks=6), 7_837_699),
        (lambda: Generator(base_channels=32, n_blocks=6), 1_965_059),
        (lambda: PatchDiscriminator(), 2_764_737),
    ],
    ids=["ResNet-9", "ResNet-6", "ResNet-6 narrow", "PatchGAN"],
)
def test_parameter_count(network, parameters):
    with torch.device("meta"):  # counting needs no memory
        assert count(network()) == parameters


def test_parameter_count_of_the_generator_by_arithmetic():
    """c7s1-64, d128, d256, 9 x R256, u128, u64, c7s1-3: weights plus a bias for each output channel."""
    layers = [
        (3, 64, 7),
        (64, 128, 3),
        (128, 256, 3),
        *[(256, 256, 3)] * 18,
        (256, 128, 3),
        (128, 64, 3),
        (64, 3, 7),
    ]
    assert sum(i * o * k * k + o for i, o, k in layers) == 11_378_179


@pytest.mark.parametrize("shape", [(1, 3, 16, 16), (2, 3, 32, 32), (1, 3, 20, 44), (3, 3, 64, 16)], ids=str)
@pytest.mark.parametrize("upsampling", ["transposed", "resize"])
@pytest.mark.parametrize(("n_downsamplings", "global_skip"), [(1, False), (2, False), (1, True), (2, True)])
def test_generator_keeps_the_shape_and_stays_in_range(shape, upsampling, n_downsamplings, global_skip):
    generator = Generator(4, 1, upsampling, n_downsamplings, global_skip)
    result = generator(torch.rand(shape) * 2 - 1)
    assert result.shape == shape
    assert result.abs().max() <= 1


@pytest.mark.parametrize(
    ("n_layers", "size", "side"),
    [
        (3, 256, 30),
        (3, 128, 14),
        (3, 70, 6),
        (3, 64, 6),
        (3, 32, 2),
        (2, 64, 14),
        (2, 16, 2),
        (1, 64, 30),
        (1, 16, 6),
    ],
)
def test_discriminator_gives_a_map_of_scores(n_layers, size, side):
    assert PatchDiscriminator(4, n_layers)(torch.zeros(2, 3, size, size)).shape == (2, 1, side, side)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16], ids=str)
def test_no_change_gives_the_picture_back_except_next_to_black_and_white(dtype):
    levels = torch.arange(256)
    picture = (levels / 127.5 - 1).view(1, 1, 16, 16).expand(1, 3, 16, 16)
    unchanged = with_change(picture.to(dtype), torch.zeros(1, 6, 16, 16, dtype=dtype))
    assert unchanged.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)
    if dtype in (torch.float64, torch.float32):
        found = ((unchanged[0, 0].flatten() + 1) * 127.5).round().long()
        assert torch.equal(found[3:253], levels[3:253]), "to the step of 8 bits"
        assert (found - levels).abs().max() <= 3
    for extreme in (1e4, -1e4, 100.0, -100.0):
        change = torch.full((1, 6, 16, 16), extreme, dtype=dtype)
        assert with_change(picture.to(dtype), change).abs().max() <= 1, "finite and in range"


def test_only_the_global_skip_sees_how_light_a_picture_is():
    """An instance norm takes a constant added to all pixels away again; what is added at the end keeps it."""
    torch.manual_seed(0)
    dark = torch.rand(1, 3, 16, 16) * 0.5 - 0.7
    plain, skipping = Generator(4, 1), Generator(4, 1, global_skip=True)
    with torch.no_grad():
        assert (plain(dark + 0.5) - plain(dark)).abs().max() < 1e-3
        assert (skipping(dark + 0.5) - skipping(dark)).mean() > 0.1
    assert plain.layers[-2].out_channels == 3 and skipping.layers[-2].out_channels == 6


def test_building_blocks_keep_halve_and_double():
    x = torch.rand(2, 8, 12, 20)
    assert ResidualBlock(8)(x).shape == (2, 8, 12, 20)
    assert downsample(8, 16)(x).shape == (2, 16, 6, 10)
    assert upsample(8, 4)(x).shape == (2, 4, 24, 40)
    assert upsample(8, 4, "resize")(x).shape == (2, 4, 24, 40)


def test_an_unknown_upsampling_is_refused():
    with pytest.raises(ValueError, match="transposed"):
        upsample(8, 4, "bilinear")


def test_there_is_no_relu_after_the_residual_sum():
    block = ResidualBlock(4)
    with torch.no_grad():
        for weight in block.parameters():
            weight.zero_()
    x = torch.linspace(-3, -1, 64).view(1, 4, 4, 4)
    assert torch.equal(block(x), x)


def test_resize_draws_no_checkerboard():
    """One colour in, one colour out: in the middle of the picture all pixels of a channel are equal."""
    torch.manual_seed(0)
    x = torch.ones(1, 8, 8, 8)
    resized, transposed = (
        upsample(8, 4, kind)[:-2](x).detach()[..., 3:-3, 3:-3] for kind in ("resize", "transposed")
    )
    assert float(resized.std((2, 3)).max()) < 1e-5
    assert float(transposed.std((2, 3)).max()) > 1e-2


def test_scores_are_raw_numbers():
    torch.manual_seed(0)
    network = PatchDiscriminator(4, 2)
    with torch.no_grad():
        network.layers[-1].bias.fill_(7.0)
    assert network(torch.zeros(1, 3, 32, 32)).max() > 5


# Receptive fields

FIELDS = [(1, 16), (2, 34), (3, 70), (4, 142), (5, 286)]


@pytest.mark.parametrize(("n_layers", "field"), FIELDS)
def test_receptive_field_by_arithmetic(n_layers, field):
    assert receptive_field([4] * (n_layers + 2), [2] * n_layers + [1, 1]) == field


@pytest.mark.parametrize(("n_layers", "field"), FIELDS)
def test_kernels_and_strides_are_those_of_the_arithmetic(n_layers, field):
    convolutions = [
        layer for layer in PatchDiscriminator(1, n_layers).modules() if isinstance(layer, nn.Conv2d)
    ]
    assert [layer.kernel_size for layer in convolutions] == [(4, 4)] * (n_layers + 2)
    assert [layer.stride[0] for layer in convolutions] == [2] * n_layers + [1, 1]
    assert [layer.padding[0] for layer in convolutions] == [1] * (n_layers + 2)


@pytest.mark.parametrize(("n_layers", "field"), FIELDS)
def test_receptive_field_by_gradient(n_layers, field):
    size = 2 ** (field - 1).bit_length() + 64
    assert receptive_field_by_gradient(PatchDiscriminator(1, n_layers), size) == field


@pytest.mark.parametrize(("n_layers", "field"), FIELDS)
def test_receptive_field_by_a_plain_gradient(n_layers, field):
    """The same without the library: kernels of ones, and how far the middle score's gradient reaches."""
    picture = torch.zeros(1, 1, 400, 400, dtype=torch.float64, requires_grad=True)
    x, ones = picture, torch.ones(1, 1, 4, 4, dtype=torch.float64)
    for stride in [2] * n_layers + [1, 1]:
        x = F.conv2d(x, ones, stride=stride, padding=1)
    x[0, 0, x.shape[2] // 2, x.shape[3] // 2].backward()
    rows, columns = picture.grad[0, 0].nonzero(as_tuple=True)
    assert int(rows.max() - rows.min()) + 1 == int(columns.max() - columns.min()) + 1 == field


def test_the_usual_mistake_has_a_field_of_94():
    """Strides 2, 2, 2, 2, 1 with a last 4x4 convolution, as in several tutorials."""
    assert receptive_field([4] * 5, [2, 2, 2, 2, 1]) == 94


def test_measuring_the_field_leaves_the_network_as_it_was():
    network = PatchDiscriminator(4, 2)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    receptive_field_by_gradient(network, 64)
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert all(weight.grad is None for weight in network.parameters())


# Dead biases: what an instance norm subtracts again


def dead_and_living_biases(network: nn.Module, size: int) -> tuple[int, int]:
    """How many biases have no gradient (to fifteen digits of the largest), and how many have one."""
    torch.manual_seed(0)
    network = network.double()
    with torch.no_grad():
        for weight in network.parameters():
            weight.normal_(0, 0.05)
    result = network(torch.randn(1, 3, size, size, dtype=torch.float64))
    (result * torch.randn_like(result)).sum().backward()
    gradients = torch.cat([w.grad for name, w in network.named_parameters() if name.endswith("bias")]).abs()
    dead = int((gradients < 1e-10 * gradients.max()).sum())
    return dead, len(gradients) - dead


def test_dead_biases_of_the_generator():
    assert dead_and_living_biases(Generator(), 32) == (5_248, 3)


def test_dead_biases_of_the_discriminator():
    assert dead_and_living_biases(PatchDiscriminator(), 64) == (896, 64 + 1)


def test_dead_biases_change_nothing():
    torch.manual_seed(0)
    generator, x = Generator(4, 1).double(), torch.randn(1, 3, 32, 32, dtype=torch.float64)
    before = generator(x)
    with torch.no_grad():
        generator.layers[1].bias.add_(3.0)
    assert torch.allclose(generator(x), before, atol=1e-9)


# First weights: N(0, 0.02), biases 0


@pytest.mark.parametrize("make", [lambda: Generator(32, 2), lambda: PatchDiscriminator(32)], ids=["G", "D"])
def test_first_weights(make):
    torch.manual_seed(0)
    network = make()
    assert init_weights(network) is network
    layers = [layer for layer in network.modules() if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d))]
    for layer in layers:
        n = layer.weight.numel()
        assert abs(float(layer.weight.detach().mean())) < 5 * 0.02 / n**0.5
        assert float(layer.weight.detach().std()) == pytest.approx(0.02, rel=5 / (2 * n) ** 0.5)
        assert not layer.bias.any()
    everything = torch.cat([layer.weight.detach().flatten() for layer in layers]) / 0.02
    # A normal distribution, not a uniform one
    assert float((everything**4).mean()) == pytest.approx(3.0, abs=0.1)


def test_init_weights_with_another_deviation():
    torch.manual_seed(0)
    assert float(init_weights(nn.Conv2d(64, 64, 3), std=0.1).weight.detach().std()) == pytest.approx(
        0.1, rel=0.03
    )


def test_instance_norm_has_no_weights_and_no_memory():
    for network in (Generator(4, 1), PatchDiscriminator(4)):
        norms = [layer for layer in network.modules() if isinstance(layer, nn.InstanceNorm2d)]
        assert norms and not any(layer.affine or layer.track_running_stats for layer in norms)
        assert not list(network.buffers())
