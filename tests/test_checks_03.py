"""The checks of notebook 03 against wrong answers and different right ones."""

from mutants import Trial, solution, swap, trial_tests

from minicyclegan.checks import (
    check_dead_biases,
    check_discriminator_of_70,
    check_one_pixel,
    check_patch_discriminator,
    check_receptive_field,
)

NOTEBOOK = "03_discriminator"
PATCH = solution(NOTEBOOK, "check_patch_discriminator")
DEAD = solution(NOTEBOOK, "check_dead_biases")
FIELD = solution(NOTEBOOK, "check_receptive_field")
JUDGE = solution(NOTEBOOK, "check_discriminator_of_70")


def pixel(without, with_norms) -> str:
    return f"scores_without_norms, scores_with_norms = {without}, {with_norms}\n"


TRIALS = [
    Trial(
        check_patch_discriminator,
        NOTEBOOK,
        right={
            "keywords": swap(
                PATCH,
                "nn.Conv2d(channels_in, channels_out, 4, stride=stride, padding=1)",
                "nn.Conv2d(in_channels=channels_in, out_channels=channels_out, kernel_size=(4, 4), stride=(stride, stride), padding=(1, 1))",
                "nn.LeakyReLU(0.2, inplace=True)",
                "nn.LeakyReLU(negative_slope=0.2)",
            ),
            "biases left out where they are dead": """
class PatchDiscriminator(nn.Module):
    def __init__(self, base_channels=64, n_layers=3):
        super().__init__()
        width, parts = base_channels, [nn.Conv2d(3, base_channels, 4, 2, 1), nn.LeakyReLU(0.2)]
        for i in range(1, n_layers + 1):
            wider = base_channels * min(2**i, 8)
            parts += [nn.Conv2d(width, wider, 4, 2 if i < n_layers else 1, 1, bias=False), nn.InstanceNorm2d(wider), nn.LeakyReLU(0.2)]
            width = wider
        self.layers = nn.Sequential(*parts, nn.Conv2d(width, 1, 4, 1, 1))

    def forward(self, x):
        return self.layers(x)
""",
            "appended one by one": """
class PatchDiscriminator(nn.Module):
    def __init__(self, base_channels=64, n_layers=3):
        super().__init__()
        widths = [3] + [base_channels * min(2**i, 8) for i in range(n_layers + 1)] + [1]
        strides = [2] * n_layers + [1, 1]
        self.layers = nn.Sequential()
        for k, (a, b, s) in enumerate(zip(widths, widths[1:], strides)):
            self.layers.append(nn.Conv2d(a, b, 4, s, 1))
            if 0 < k < n_layers + 1:
                self.layers.append(nn.InstanceNorm2d(b, affine=False))
            if k < n_layers + 1:
                self.layers.append(nn.LeakyReLU(negative_slope=0.2))

    def forward(self, x):
        for layer in self.layers:
            x = layer(x)
        return x
""",
        },
        wrong={
            "reflecting": (
                swap(PATCH, "padding=1", 'padding=1, padding_mode="reflect"'),
                "shows the discriminator a picture that goes on",
            ),
            "replicating in the last layer": (
                swap(
                    PATCH,
                    "nn.Conv2d(channels_out, 1, 4, stride=1, padding=1)",
                    'nn.Conv2d(channels_out, 1, 4, stride=1, padding=1, padding_mode="replicate")',
                ),
                "shows the discriminator a picture that goes on",
            ),
            "running statistics": (
                swap(
                    PATCH,
                    "nn.InstanceNorm2d(channels_out)",
                    "nn.InstanceNorm2d(channels_out, track_running_stats=True)",
                ),
                "the norms keep running statistics, or something is",
            ),
            "no norm in the last of the loop": (
                swap(
                    PATCH,
                    "                nn.InstanceNorm2d(channels_out),\n",
                    "                nn.InstanceNorm2d(channels_out) if i < n_layers else nn.Identity(),\n",
                ),
                "all but the first and the last have one",
            ),
            "under another name": (
                swap(PATCH, "self.layers = nn", "self.net = nn", "self.layers(x)", "self.net(x)"),
                "the cells below go through",
            ),
            "a list of modules": (
                swap(
                    PATCH,
                    "self.layers = nn.Sequential(*layers, nn.Conv2d(channels_out, 1, 4, stride=1, padding=1))",
                    "self.layers = nn.ModuleList([*layers, nn.Conv2d(channels_out, 1, 4, stride=1, padding=1)])",
                    "        return self.layers(x)",
                    "        for layer in self.layers:\n            x = layer(x)\n        return x",
                ),
                "the cells below go through",
            ),
            "other defaults": (
                swap(PATCH, "n_layers: int = 3", "n_layers: int = 4"),
                "PatchDiscriminator() without numbers",
            ),
            "other base": (
                swap(PATCH, "base_channels: int = 64", "base_channels: int = 32"),
                "PatchDiscriminator() without numbers",
            ),
            "dropout": (
                swap(
                    PATCH,
                    "                nn.LeakyReLU(0.2, inplace=True),\n",
                    "                nn.LeakyReLU(0.2, inplace=True),\n                nn.Dropout(0.5),\n",
                ),
                "your convolutions are right, but what comes between",
            ),
            "dropout that is off": (
                swap(
                    PATCH,
                    "                nn.LeakyReLU(0.2, inplace=True),\n",
                    """                nn.LeakyReLU(0.2, inplace=True),
                nn.Dropout(0.0),
                nn.BatchNorm2d(channels_out, affine=False).eval(),
""",
                ),
                "you have batch norms; an instance norm looks at",
            ),
            "affine norms": (
                swap(
                    PATCH, "nn.InstanceNorm2d(channels_out)", "nn.InstanceNorm2d(channels_out, affine=True)"
                ),
                "the norms of the paper have none",
            ),
            "kernels 4 x 3": (
                swap(
                    PATCH,
                    "nn.Conv2d(channels_in, channels_out, 4,",
                    "nn.Conv2d(channels_in, channels_out, (4, 3),",
                ),
                "all of the paper's are",
            ),
            "frozen first": (
                swap(
                    PATCH,
                    "        layers = [first,",
                    "        first.requires_grad_(False)\n        layers = [first,",
                ),
                "the scores are right, but the gradients of some",
            ),
            "detached": (
                swap(PATCH, "return self.layers(x)", "return self.layers[2:](self.layers[:2](x).detach())"),
                "the scores are right, but the gradients of some",
            ),
            "the scores of the middle": (
                swap(
                    PATCH,
                    "return self.layers(x)",
                    "return self.layers(x) * (self.training + 0.0) + self.layers(x.clone()).clamp(-9, 9) * (not self.training) * 0.5",
                ),
                "the norms keep running statistics, or something is",
            ),
            "capped at 512": (
                swap(
                    PATCH,
                    "min(2 ** (i - 1), 8)",
                    "min(2 ** (i - 1), 512 // c)",
                    "min(2**i, 8)",
                    "min(2**i, 512 // c)",
                ),
                "they double, but never go beyond",
            ),
            "dilated last": (
                swap(
                    PATCH,
                    "nn.Conv2d(channels_out, 1, 4, stride=1, padding=1)",
                    "nn.Conv2d(channels_out, 1, 4, stride=1, padding=1, dilation=2)",
                ),
                "one of your convolutions has a dilation, groups, or",
            ),
            "94 px": (
                swap(PATCH, "stride = 2 if i < n_layers else 1", "stride = 2"),
                "last two have stride 1",
            ),
            "one layer too few": (
                swap(PATCH, "range(1, n_layers + 1)", "range(1, n_layers)"),
                "n_layers in the loop, one last",
            ),
            "never capped": (
                swap(PATCH, "min(2 ** (i - 1), 8)", "2 ** (i - 1)", "min(2**i, 8)", "2**i"),
                "never go beyond 8 times",
            ),
            "norm on the first": (
                swap(PATCH, "layers = [first, ", "layers = [first, nn.InstanceNorm2d(c), "),
                "a norm follows the first convolution",
            ),
            "no norm": (
                swap(PATCH, "                nn.InstanceNorm2d(channels_out),\n", ""),
                "no instance norm is at work",
            ),
            "ReLU": (swap(PATCH, "nn.LeakyReLU(0.2, inplace=True)", "nn.ReLU()"), "that is a ReLU"),
            "default slope": (
                swap(PATCH, "nn.LeakyReLU(0.2, inplace=True)", "nn.LeakyReLU()"),
                "PyTorch's default",
            ),
            "sigmoid at the end": (
                swap(PATCH, "stride=1, padding=1))", "stride=1, padding=1), nn.Sigmoid())"),
                "there is a sigmoid at the end",
            ),
            "no padding": (swap(PATCH, "padding=1", "padding=0"), "every layer has a padding of 1"),
            "batch norm": (
                swap(PATCH, "nn.InstanceNorm2d(channels_out)", "nn.BatchNorm2d(channels_out)"),
                "batch norm",
            ),
            "one number": (
                swap(PATCH, "stride=1, padding=1))", "stride=1, padding=1), nn.AdaptiveAvgPool2d(1))"),
                "one number for a whole picture",
            ),
        },
    ),
    Trial(
        check_dead_biases,
        NOTEBOOK,
        right={
            "pairwise": swap(DEAD, "zip(layers, layers[1:])", '__import__("itertools").pairwise(layers)'),
            "by index": """
def dead_biases(layers):
    layers, total = list(layers), 0
    for k in range(len(layers) - 1):
        if isinstance(layers[k], nn.Conv2d) and layers[k].bias is not None and isinstance(layers[k + 1], nn.InstanceNorm2d):
            total += layers[k].out_channels
    return total
""",
            "backwards": """
def dead_biases(layers):
    total, following = 0, None
    for layer in reversed(list(layers)):
        if isinstance(following, nn.InstanceNorm2d) and getattr(layer, "bias", None) is not None:
            total += len(layer.bias)
        following = layer
    return total
""",
        },
        wrong={
            "batch norms as well": (
                swap(
                    DEAD,
                    "isinstance(following, nn.InstanceNorm2d)",
                    "isinstance(following, (nn.InstanceNorm2d, nn.BatchNorm2d))",
                ),
                "biases stand directly in front of an instance norm",
            ),
            "any layer with norm in its name": (
                swap(DEAD, "isinstance(following, nn.InstanceNorm2d)", '"Norm" in type(following).__name__'),
                "biases stand directly in front of an instance norm",
            ),
            "removes them": (
                swap(DEAD, "dead += layer.bias.numel()", "dead += layer.bias.data.zero_().numel()"),
                "dead_biases changes the weights of the network",
            ),
            "the first one only": (
                swap(DEAD, "dead += layer.bias.numel()", "return layer.bias.numel()"),
                "is the end of the list looked at",
            ),
            "nothing for one layer": (
                swap(DEAD, "    dead = 0", "    dead = 0 if len(layers) > 1 else layers[0].out_channels"),
                "a single convolution with nothing behind it has",
            ),
            "every second pair": (
                swap(DEAD, "zip(layers, layers[1:])", "list(zip(layers, layers[1:]))[::2]"),
                "is the end of the list looked at",
            ),
            "all biases": (
                "def dead_biases(layers):\n    return sum(l.bias.numel() for l in layers if isinstance(l, nn.Conv2d) and l.bias is not None)\n",
                "that is all the biases",
            ),
            "layers": (swap(DEAD, "layer.bias.numel()", "1"), "How many biases"),
            "inputs": (swap(DEAD, "layer.bias.numel()", "layer.in_channels"), "comes OUT"),
            "weights": (swap(DEAD, "layer.bias.numel()", "layer.weight.numel()"), "those are weights"),
            "the one after": (
                "def dead_biases(layers):\n    layers = list(layers)\n    return sum(b.bias.numel() for a, b in zip(layers, layers[1:]) if isinstance(a, nn.InstanceNorm2d) and isinstance(b, nn.Conv2d))\n",
                "Which convolutions have a norm",
            ),
            "any norm later": (
                "def dead_biases(layers):\n    layers = list(layers)\n    return sum(l.bias.numel() for k, l in enumerate(layers) if isinstance(l, nn.Conv2d) and l.bias is not None and any(isinstance(x, nn.InstanceNorm2d) for x in layers[k + 1 : k + 3]))\n",
                "keeps the biases alive",
            ),
            "memorised": ("def dead_biases(layers):\n    return 896\n", "Which convolutions have a norm"),
            "no bias": (swap(DEAD, "layer.bias is not None", "True"), "bias=False has no biases"),
        },
    ),
    Trial(
        check_receptive_field,
        NOTEBOOK,
        right={
            "reduce": """import functools


def receptive_field(kernels, strides):
    return functools.reduce(lambda f, ks: (f - 1) * ks[1] + ks[0], list(zip(kernels, strides))[::-1], 1)
""",
            "forwards": """
def receptive_field(kernels, strides):
    field, jump = 1, 1
    for k, s in zip(kernels, strides):
        field += (k - 1) * jump
        jump *= s
    return field
""",
            "recursive": """
def receptive_field(kernels, strides):
    if not kernels:
        return 1
    return (receptive_field(kernels[1:], strides[1:]) - 1) * strides[0] + kernels[0]
""",
        },
        wrong={
            "strides of at least 2": (
                swap(FIELD, "(field - 1) * stride", "(field - 1) * max(2, stride)"),
                "the walk back is the same for every kernel and",
            ),
            "kernels of at least 3": (
                swap(FIELD, "+ kernel", "+ max(3, kernel)"),
                "the walk back is the same for every kernel and",
            ),
            "at least three layers": (
                swap(
                    FIELD,
                    "    field = 1\n",
                    """    field = 1
    if len(kernels) < 2:
        return kernels[0] * strides[0]
""",
                ),
                "Work it out on paper, with field =",
            ),
            "forwards with the backward formula": (
                swap(
                    FIELD, "zip(reversed(kernels), reversed(strides), strict=True)", "zip(kernels, strides)"
                ),
                "go backwards",
            ),
            "n steps": (swap(FIELD, "(field - 1) * stride", "field * stride"), "n - 1 steps"),
            "starts with 0": (swap(FIELD, "field = 1", "field = 0"), "start with 1"),
            "strides forgotten": (
                swap(FIELD, "(field - 1) * stride", "(field - 1)"),
                "where do your strides come in",
            ),
            "return in the loop": (
                swap(FIELD, "    return field", "        return field"),
                "inside the loop",
            ),
            "memorised": ("def receptive_field(kernels, strides):\n    return 70\n", "should work for any"),
            "kernel less one": (
                swap(FIELD, "stride + kernel", "stride + kernel - 1"),
                "adds the whole kernel",
            ),
            "empties the lists": (
                "def receptive_field(kernels, strides):\n    field = 1\n    while kernels:\n        field = (field - 1) * strides.pop() + kernels.pop()\n    return field\n",
                "without `pop`",
            ),
        },
    ),
    Trial(
        check_discriminator_of_70,
        NOTEBOOK,
        right={
            "a loop": """
def discriminator_of_70(c):
    layers, before = [], 3
    for k, (width, stride) in enumerate(((c, 2), (2 * c, 2), (4 * c, 2), (8 * c, 1))):
        layers += [nn.Conv2d(before, width, 4, stride, 1)] + [nn.InstanceNorm2d(width)] * (k > 0) + [nn.LeakyReLU(0.2)]
        before = width
    return nn.Sequential(*layers, nn.Conv2d(before, 1, 4, padding=1))
""",
            "the library's": "from minicyclegan.discriminator import PatchDiscriminator\n\n\ndef discriminator_of_70(c):\n    return PatchDiscriminator(c)\n",
        },
        wrong={
            "reflecting": (
                swap(
                    JUDGE,
                    "8 * c, 4, stride=1, padding=1)",
                    '8 * c, 4, stride=1, padding=1, padding_mode="reflect")',
                ),
                "shows the discriminator a picture that goes on",
            ),
            "without the last norm": (
                swap(JUDGE, "nn.InstanceNorm2d(8 * c), ", ""),
                "all but the first and the last have one",
            ),
            "fixed width": (
                swap(JUDGE, "    # fmt: off\n", "    # fmt: off\n    c = 64\n"),
                "leave them as they were",
            ),
            "a dilation": (
                swap(
                    JUDGE,
                    "nn.Conv2d(8 * c, 1, 4, padding=1)",
                    "nn.Conv2d(8 * c, 1, 4, padding=1, dilation=2)",
                ),
                "one of your convolutions has a dilation, groups, or",
            ),
            "still 94": (
                swap(
                    JUDGE,
                    "nn.Conv2d(4 * c, 8 * c, 4, stride=1, padding=1)",
                    "nn.Conv2d(4 * c, 8 * c, 4, stride=2, padding=1)",
                ),
                "the field is still 94 px",
            ),
            "a layer left out": (
                swap(
                    JUDGE,
                    "        nn.Conv2d(4 * c, 8 * c, 4, stride=1, padding=1), nn.InstanceNorm2d(8 * c), nn.LeakyReLU(0.2),\n",
                    "",
                    "nn.Conv2d(8 * c, 1",
                    "nn.Conv2d(4 * c, 1",
                ),
                "the broken one has 5",
            ),
            "the wrong layer": (
                swap(
                    JUDGE,
                    "nn.Conv2d(3, c, 4, stride=2, padding=1)",
                    "nn.Conv2d(3, c, 4, stride=1, padding=1)",
                    "nn.Conv2d(4 * c, 8 * c, 4, stride=1, padding=1)",
                    "nn.Conv2d(4 * c, 8 * c, 4, stride=2, padding=1)",
                ),
                "do they come first or last",
            ),
            "smaller kernels": (
                swap(JUDGE, "8 * c, 4, stride=1", "8 * c, 3, stride=1"),
                "all of the paper's are 4",
            ),
            "two layers changed": (
                swap(JUDGE, "nn.Conv2d(2 * c, 4 * c, 4, stride=2", "nn.Conv2d(2 * c, 4 * c, 4, stride=1"),
                "how many layers halve",
            ),
            "widths changed": (
                swap(
                    JUDGE,
                    "nn.Conv2d(2 * c, 4 * c,",
                    "nn.Conv2d(2 * c, 8 * c,",
                    "nn.Conv2d(4 * c, 8 * c,",
                    "nn.Conv2d(8 * c, 8 * c,",
                    "nn.InstanceNorm2d(4 * c)",
                    "nn.InstanceNorm2d(8 * c)",
                ),
                "leave them as they were",
            ),
        },
    ),
    Trial(
        check_one_pixel,
        NOTEBOOK,
        right={
            "computed": "scores_without_norms, scores_with_norms = 8 * 3, 30 * 30\n",
            "floats": pixel("24.0", "900.0"),
        },
        wrong={
            "rows too many": ("scores_without_norms, scores_with_norms = 27, 900", "then the columns j with"),
            "all of a row": (
                "scores_without_norms, scores_with_norms = 24, 90",
                "At how many places is it felt when that mean moves",
            ),
            "the middle": (pixel(64, 900), "a pixel in the middle"),
            "a corner": (pixel(9, 900), "a corner"),
            "no overlap": (pixel(1, 900), "patches overlap"),
            "one direction": (pixel(8, 900), "rows and columns"),
            "swapped": (pixel(900, 24), "wrong way round"),
            "norms without effect": (pixel(24, 24), "subtracts the mean"),
            "nearly": (pixel(32, 900), "Count the rows"),
            "words": (pixel("'many'", "'all'"), "one whole number"),
        },
    ),
]

test_right, test_wrong, test_enough = trial_tests(TRIALS)
