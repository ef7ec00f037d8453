"""The checks of notebook 02 against wrong answers and different right ones."""

from mutants import Trial, solution, swap, trial_tests

from minicyclegan.checks import check_init_weights, check_residual_block, check_sizes

BLOCK = solution("02_generator", "check_residual_block")

SIZES = solution("02_generator", "check_sizes")
INIT = solution("02_generator", "check_init_weights")

TRIALS = [
    Trial(
        check_residual_block,
        "02_generator",
        right={
            "written out": """
class ResidualBlock(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.first, self.second = nn.Conv2d(channels, channels, 3), nn.Conv2d(channels, channels, 3)

    def forward(self, x):
        y = F.relu(F.instance_norm(self.first(F.pad(x, (1, 1, 1, 1), mode="reflect"))))
        y = F.instance_norm(self.second(F.pad(y, (1, 1, 1, 1), mode="reflect")))
        return torch.add(y, x)
""",
            "no biases, list of layers": """
class ResidualBlock(nn.Module):
    def __init__(self, channels):
        super().__init__()
        half = [nn.Conv2d(channels, channels, 3, padding=1, padding_mode="reflect", bias=False), nn.InstanceNorm2d(channels)]
        other = [nn.Conv2d(channels, channels, 3, padding=1, padding_mode="reflect", bias=False), nn.InstanceNorm2d(channels)]
        self.layers = nn.ModuleList([*half, nn.ReLU(), *other])

    def forward(self, x):
        y = x
        for layer in self.layers:
            y = layer(y)
        return y + x
""",
        },
        wrong={
            "the input forgotten": (swap(BLOCK, "x + self.body(x)", "self.body(x)"), "where does x go"),
            "added in place": (
                swap(BLOCK, "return x + self.body(x)", "x += self.body(x)\n        return x"),
                "in place",
            ),
            "ReLU after the sum": (
                swap(BLOCK, "x + self.body(x)", "(x + self.body(x)).relu()"),
                "no ReLU belongs",
            ),
            "padding forgotten": (
                swap(BLOCK, "nn.ReflectionPad2d(1)", "nn.Identity()", "x + self.body(x)", "self.body(x)"),
                "12 px wide for 16",
            ),
            "return forgotten": (swap(BLOCK, "return x + self.body(x)", "x + self.body(x)"), "`return`"),
            "halved": (swap(BLOCK, "x + self.body(x)", "(x + self.body(x)) / 2"), "unscaled"),
            "only the input": (swap(BLOCK, "x + self.body(x)", "x"), "nothing is added"),
            "a stub": (
                swap(BLOCK, "return x + self.body(x)", "raise NotImplementedError()"),
                "no code in it yet",
            ),
            "misspelt": (swap(BLOCK, "self.body(x)", "self.boddy(x)"), "AttributeError in line"),
        },
    ),
    Trial(
        check_sizes,
        "02_generator",
        right={
            "ask PyTorch": """
def after_convolution(size, kernel, stride, padding):
    return nn.Conv1d(1, 1, kernel, stride, padding)(torch.zeros(1, 1, size)).shape[-1]


def after_transposed(size, kernel, stride, padding, output_padding):
    return nn.ConvTranspose1d(1, 1, kernel, stride, padding, output_padding)(torch.zeros(1, 1, size)).shape[-1]
""",
            "count the windows": """
def after_convolution(size, kernel, stride, padding):
    return len(range(-padding, size + padding - kernel + 1, stride))


def after_transposed(size, kernel, stride, padding, output_padding):
    return max(i * stride + kernel for i in range(size)) - padding - padding + output_padding
""",
        },
        wrong={
            "the first window forgotten": (
                swap(SIZES, "// stride + 1", "// stride"),
                "Count the first window too",
            ),
            "not rounded": (swap(SIZES, "// stride + 1", "/ stride + 1"), "whole pixels"),
            "padding on one side": (
                swap(SIZES, "size + 2 * padding - kernel", "size + padding - kernel"),
                "The padding is on both sides",
            ),
            "kernel after the division": (
                swap(
                    SIZES,
                    "(size + 2 * padding - kernel) // stride + 1",
                    "(size + 2 * padding) // stride - kernel + 1",
                ),
                "taken off before the division",
            ),
            "rounded up": (
                swap(
                    SIZES,
                    "(size + 2 * padding - kernel) // stride + 1",
                    "-((kernel - size - 2 * padding) // stride) + 1",
                ),
                "left out: round down",
            ),
            "return forgotten": (
                swap(SIZES, "return (size + 2", "(size + 2"),
                "after_convolution gives None",
            ),
            "second return forgotten": (
                swap(SIZES, "return (size - 1)", "(size - 1)"),
                "after_transposed gives None",
            ),
            "cut off at one side": (
                swap(SIZES, "* stride - 2 * padding", "* stride - padding"),
                "cut off at both sides",
            ),
            "padding added": (
                swap(SIZES, "* stride - 2 * padding", "* stride + 2 * padding"),
                "cut off, not added",
            ),
            "always half": (
                swap(SIZES, "(size + 2 * padding - kernel) // stride + 1", "size // 2"),
                "how many places is that",
            ),
            "output_padding forgotten": (swap(SIZES, " + output_padding", ""), "output_padding is missing"),
            "twice as large": (
                swap(SIZES, "(size - 1) * stride - 2 * padding + kernel + output_padding", "2 * size"),
                "Where does the last stamp begin",
            ),
            "last stamp forgotten": (
                swap(SIZES, "(size - 1) * stride - 2 * padding + kernel", "size * stride - 2 * padding"),
                "as wide as the kernel",
            ),
            "one stamp too many": (
                swap(SIZES, "(size - 1) * stride", "size * stride"),
                "The first begins at 0",
            ),
        },
    ),
    Trial(
        check_init_weights,
        "02_generator",
        right={
            "by data": """
def init_weights(network, std=0.02):
    for layer in network.modules():
        if type(layer).__name__ in ("Conv2d", "ConvTranspose2d"):
            layer.weight.data = std * torch.randn_like(layer.weight)
            layer.bias.data.zero_()
    return network
""",
            "with apply": """
@torch.no_grad()
def draw(layer, std):
    if isinstance(layer, nn.Conv2d) or isinstance(layer, nn.ConvTranspose2d):
        layer.weight.normal_(0, std)
        layer.bias.fill_(0)


def init_weights(network, std=0.02):
    return network.apply(lambda layer: draw(layer, std))
""",
        },
        wrong={
            "transposed forgotten": (
                swap(INIT, "(nn.Conv2d, nn.ConvTranspose2d)", "nn.Conv2d"),
                "of the transposed convolution",
            ),
            "only the outer layers": (
                swap(INIT, "network.modules()", "network.children()"),
                "inside a block",
            ),
            "biases forgotten": (swap(INIT, "            nn.init.zeros_(layer.bias)\n", ""), "are not 0"),
            "variance": (swap(INIT, "0.0, std)", "0.0, std**2)"), "0.02 squared"),
            "uniform": (
                swap(
                    INIT,
                    "nn.init.normal_(layer.weight, 0.0, std)",
                    "nn.init.uniform_(layer.weight, -1.73 * std, 1.73 * std)",
                ),
                "normal, or uniform",
            ),
            "mean": (swap(INIT, "0.0, std)", "std, std)"), "it should be 0"),
            "every layer with a weight": (
                swap(
                    INIT,
                    "isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d))",
                    "getattr(layer, 'weight', None) is not None",
                ),
                "not a convolution",
            ),
            "nothing returned": (swap(INIT, "    return network\n", "    return None\n"), "`return network`"),
            "std ignored": (swap(INIT, "0.0, std)", "0.0, 0.02)"), "use `std`"),
            "seeded": (
                swap(INIT, "    for layer in network", "    torch.manual_seed(0)\n    for layer in network"),
                "the same weights",
            ),
        },
    ),
]

test_right, test_wrong, test_enough = trial_tests(TRIALS)
