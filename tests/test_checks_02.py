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
            "a loop": swap(
                BLOCK,
                "        return x + self.body(x)",
                """        y = x
        for layer in self.body:
            y = layer(y)
        return torch.add(input=x, other=y)""",
            ),
            "in place on its own": swap(
                BLOCK,
                "        return x + self.body(x)",
                "        y = self.body(x)\n        y += x\n        return y",
            ),
            "sum": swap(BLOCK, "x + self.body(x)", "sum((x, self.body(x)))"),
            "a clone": swap(BLOCK, "x + self.body(x)", "self.body(x.clone()).add(x)"),
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
            "x cut off": (
                swap(BLOCK, "x + self.body(x)", "x.detach() + self.body(x)"),
                "it comes back through x and through f, so detach",
            ),
            "f cut off from x": (
                swap(BLOCK, "x + self.body(x)", "x + self.body(x.detach())"),
                "it comes back through x and through f, so detach",
            ),
            "f cut off": (
                swap(BLOCK, "x + self.body(x)", "x + self.body(x).detach()"),
                "the value is right, but no gradient reaches the",
            ),
            "twice through f": (
                swap(BLOCK, "x + self.body(x)", "x + self.body(self.body(x))"),
                "f is applied twice",
            ),
            "no gradient": (
                swap(
                    BLOCK,
                    "        return x + self.body(x)",
                    "        with torch.no_grad():\n            y = self.body(x)\n        return x + y",
                ),
                "the value is right, but no gradient reaches the",
            ),
            "dropout in training": (
                swap(BLOCK, "x + self.body(x)", "x + F.dropout(self.body(x), 0.5, self.training)"),
                "in training your output is not x + f(x), with f the",
            ),
            "only in training": (
                swap(BLOCK, "x + self.body(x)", "(x + self.body(x)) if self.training else x"),
                "your output is not x + f(x), with f the layers of",
            ),
            "ReLU at the end of f": (
                swap(BLOCK, "x + self.body(x)", "x + self.body(x).relu()"),
                "then the block can only add, never take away",
            ),
            "f subtracted": (swap(BLOCK, "x + self.body(x)", "x - self.body(x)"), "f(x) is subtracted"),
            "padding of zeros": (
                swap(BLOCK, "nn.ReflectionPad2d(1)", "nn.ZeroPad2d(1)"),
                "the padding is zeros",
            ),
            "the first half only": (
                swap(BLOCK, "x + self.body(x)", "x + self.body[:4](x)"),
                "in training your output is not x + f(x), with f the",
            ),
            "frozen": (
                swap(BLOCK, "        # fmt: on", "        # fmt: on\n        self.requires_grad_(False)"),
                "the value is right, but no gradient reaches the",
            ),
            "leaves eval": (swap(BLOCK, "x + self.body(x)", "x + self.eval().body(x)"), "in another mode"),
            "half of f": (swap(BLOCK, "x + self.body(x)", "x + 0.5 * self.body(x)"), "add it as it is"),
            "f of ReLU": (
                swap(BLOCK, "x + self.body(x)", "x + self.body(x.relu())"),
                "in training your output is not x + f(x), with f the",
            ),
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
            "floor": swap(
                SIZES,
                "(size + 2 * padding - kernel) // stride + 1",
                '__import__("math").floor((size + padding * 2 - 1 * (kernel - 1) - 1) / stride + 1)',
            ),
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
            "rounded to the nearest": (
                swap(
                    SIZES,
                    "(size + 2 * padding - kernel) // stride + 1",
                    "round((size + 2 * padding - kernel) / stride) + 1",
                ),
                "How many steps can the window go, and how many",
            ),
            "strides up to 3": (
                swap(SIZES, "// stride + 1", "// min(stride, 3) + 1"),
                "How many steps can the window go, and how many",
            ),
            "kernels up to 7": (
                swap(SIZES, "size + 2 * padding - kernel", "size + 2 * padding - min(kernel, 7)"),
                "How many steps can the window go, and how many",
            ),
            "transposed strides of 2 to 4": (
                swap(SIZES, "(size - 1) * stride", "(size - 1) * max(2, min(stride, 4))"),
                "Where does the last stamp begin, how wide is it",
            ),
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
            "numpy numbers": swap(
                INIT,
                "nn.init.normal_(layer.weight, 0.0, std)",
                'layer.weight.data = torch.tensor(__import__("numpy").random.default_rng().normal(0, std, layer.weight.shape), dtype=torch.float32)',
            ),
            "recursion": """
def init_weights(network, std=0.02):
    if isinstance(network, nn.modules.conv._ConvNd):
        with torch.no_grad():
            network.weight.copy_(torch.empty_like(network.weight).normal_(mean=0.0, std=std))
            network.bias.mul_(0)
    for child in network.children():
        init_weights(child, std=std)
    return network
""",
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
            "new Parameters": (
                swap(
                    INIT,
                    "nn.init.normal_(layer.weight, 0.0, std)",
                    "layer.weight = nn.Parameter(std * torch.randn_like(layer.weight))",
                ),
                "an optimiser that holds the old ones would never",
            ),
            "Laplace": (
                swap(
                    INIT,
                    "nn.init.normal_(layer.weight, 0.0, std)",
                    "layer.weight.data.copy_(torch.distributions.Laplace(0.0, std / 2**0.5).sample(layer.weight.shape))",
                ),
                "beyond three; of a normal distribution it is",
            ),
            "cut off at two deviations": (
                swap(
                    INIT,
                    "nn.init.normal_(layer.weight, 0.0, std)",
                    "nn.init.trunc_normal_(layer.weight, 0.0, 1.137 * std, -2 * 1.137 * std, 2 * 1.137 * std)",
                ),
                "beyond three; of a normal distribution it is",
            ),
            "plus and minus": (
                swap(
                    INIT,
                    "nn.init.normal_(layer.weight, 0.0, std)",
                    "layer.weight.data.copy_(std * torch.randn_like(layer.weight).sign())",
                ),
                "draw each on its own",
            ),
            "all filters alike": (
                swap(
                    INIT,
                    "nn.init.normal_(layer.weight, 0.0, std)",
                    "layer.weight.data.copy_(std * torch.randn_like(layer.weight[:1]).expand_as(layer.weight))",
                ),
                "draw each on its own",
            ),
            "seeded for each layer": (
                swap(
                    INIT,
                    "            nn.init.normal_(layer.weight, 0.0, std)",
                    "            torch.manual_seed(layer.weight.numel())\n            nn.init.normal_(layer.weight, 0.0, std)",
                ),
                "two layers of the same shape get the same weights",
            ),
            "leaves eval": (
                swap(INIT, "    return network", "    return network.eval()"),
                "after init_weights the network is in another mode",
            ),
            "frozen": (
                swap(INIT, "    return network", "    return network.requires_grad_(False)"),
                "after init_weights the network is in another mode",
            ),
            "batch norms as well": (
                swap(
                    INIT,
                    "isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d))",
                    'hasattr(layer, "bias") and not isinstance(layer, (nn.Linear, nn.InstanceNorm2d))',
                ),
                "the norms and the linear layer stay as they are",
            ),
            "two levels only": (
                swap(
                    INIT, "network.modules()", "[l for k in network.children() for l in (k, *k.children())]"
                ),
                "a convolution deep inside",
            ),
            "kaiming": (
                swap(
                    INIT, "nn.init.normal_(layer.weight, 0.0, std)", "nn.init.kaiming_normal_(layer.weight)"
                ),
                "the weights of the first convolution have a",
            ),
            "a copy": (
                swap(
                    INIT,
                    "    for layer in network.modules()",
                    '    network = __import__("copy").deepcopy(network)\n    for layer in network.modules()',
                ),
                "init_weights should give back the network itself",
            ),
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
