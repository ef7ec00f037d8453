"""The checks of notebook 02 against wrong answers and different right ones."""

from mutants import Trial, solution, swap, trial_tests

from minicyclegan.checks import check_residual_block

BLOCK = solution("02_generator", "check_residual_block")

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
                "there is no ReLU",
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
    )
]

test_right, test_wrong, test_enough = trial_tests(TRIALS)
