"""How good is a translation, and compared with what (beyond Zhu et al. 2017, section 5.1)? Built in notebook 08_evaluate."""

import copy

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from minicyclegan.data import Domains, to_float
from minicyclegan.fast.norm import use_quick_norms
from minicyclegan.generator import Generator, init_weights
from minicyclegan.parameters import Config
from minicyclegan.training import learning_rate_factor, move_average


def l1_error(guess: Tensor, truth: Tensor) -> Tensor:
    """Mean absolute difference of each picture, from 0 (equal) to 1 (black for white).

    Both are (N, 3, H, W) in [-1, 1], a range two wide: hence the half. Returns (N,).
    """
    return (guess - truth).abs().mean((1, 2, 3)) / 2


def psnr(guess: Tensor, truth: Tensor) -> Tensor:
    """Peak signal to noise ratio of each picture in dB, with peak 1; (N, 3, H, W) in [-1, 1] to (N,).

    The logarithm is taken for each picture on its own, before any averaging. Equal pictures would be infinite and get
    100.
    """
    squared = ((guess - truth) / 2).square().mean((1, 2, 3))
    return -10 * squared.clamp(min=1e-10).log10()


def ssim(guess: Tensor, truth: Tensor) -> Tensor:
    """Structural similarity of each picture (Wang et al. 2004), 1 for equal ones; (N, 3, H, W) in [-1, 1] to (N,).

    A Gaussian window of 11x11 pixels (sigma 1.5) slides over each channel, only where it fits entirely, so H and W
    must be at least 11. Returns the mean over places and channels.
    """
    line = torch.exp(-(torch.arange(-5.0, 6.0) ** 2) / (2 * 1.5**2))
    window = (line[:, None] * line / line.sum() ** 2).expand(3, 1, 11, 11).to(guess)

    def local_mean(pictures: Tensor) -> Tensor:
        return F.conv2d(pictures, window, groups=3)

    x, y = guess / 2, truth / 2  # from -0.5 to 0.5: rounding harms the variances less than from 0 to 1
    mean_x, mean_y = local_mean(x), local_mean(y)
    variance_x = local_mean(x * x) - mean_x**2
    variance_y = local_mean(y * y) - mean_y**2
    covariance = local_mean(x * y) - mean_x * mean_y
    mean_x, mean_y = mean_x + 0.5, mean_y + 0.5
    c1, c2 = 0.01**2, 0.03**2  # keep the fractions stable where a window is flat
    brightness = (2 * mean_x * mean_y + c1) / (mean_x**2 + mean_y**2 + c1)
    structure = (2 * covariance + c2) / (variance_x + variance_y + c2)
    return (brightness * structure).mean((1, 2, 3))


def compare(guess: Tensor, truth: Tensor) -> dict[str, Tensor]:
    """The three measures of each picture by name, (N,) each."""
    return {"l1": l1_error(guess, truth), "psnr": psnr(guess, truth), "ssim": ssim(guess, truth)}


def bootstrap(values: Tensor, resamples: int = 2000, seed: int = 0) -> Tensor:
    """The means of `resamples` test sets drawn, with repetition, from this one: (N, ...) to (resamples, ...)."""
    generator = torch.Generator().manual_seed(seed)
    chosen = torch.randint(len(values), (resamples, len(values)), generator=generator)
    return values[chosen].mean(1)


def interval(means: Tensor) -> tuple[float, float]:
    """The middle 95 % of the bootstrap's means (resamples,): low and high end."""
    low, high = means.quantile(torch.tensor([0.025, 0.975])).tolist()
    return low, high


def summary(values: Tensor, seed: int = 0) -> dict[str, float]:
    """Mean of one value for each picture, (N,), and both ends of its 95 % bootstrap interval."""
    low, high = interval(bootstrap(values, seed=seed))
    return {"mean": float(values.mean()), "low": low, "high": high}


def gap_closed(nothing, model, twin):
    """The share of the way from doing nothing (0) to the supervised twin (1), from their mean L1 errors.

    Below 0 the model does harm; above 1 it is better than its twin. Takes numbers, or tensors of one shape.
    """
    return (nothing - model) / (nothing - twin)


def colour_transfer(pictures: Tensor, target: Tensor) -> Tensor:
    """Each picture with the mean and deviation per channel of all target pictures, clipped to [-1, 1].

    pictures (N, 3, H, W) and target (M, 3, H', W'), both in [-1, 1].
    """
    mean, deviation = pictures.mean((2, 3), keepdim=True), pictures.std((2, 3), keepdim=True)
    goal = target.mean((0, 2, 3)).view(1, 3, 1, 1), target.std((0, 2, 3)).view(1, 3, 1, 1)
    return ((pictures - mean) / deviation.clamp(min=1e-6) * goal[1] + goal[0]).clamp(-1, 1)


def supervised_twin(config: Config, source: Tensor, target: Tensor, steps: int) -> Generator:
    """The generator of `config`, shown the answers: same size, batch, optimiser, schedule and moving average, L1 loss.

    source and target are true pairs from the *training* set, uint8 (N, 3, H, W). The same seed gives the same twin.
    """
    torch.manual_seed(config.seed)
    shape = (config.base_channels, config.n_blocks, config.upsampling)
    shape += (config.n_downsamplings, config.global_skip)
    twin = use_quick_norms(init_weights(Generator(*shape))).to(memory_format=torch.channels_last)
    average = copy.deepcopy(twin)
    optimizer = torch.optim.Adam(twin.parameters(), config.learning_rate, betas=(config.beta1, 0.999))
    for step in range(steps):
        factor = learning_rate_factor(step, steps, config.decay_share)
        optimizer.param_groups[0]["lr"] = config.learning_rate * factor
        chosen = torch.randint(len(source), (config.batch_size,))
        pair = torch.stack([to_float(source[chosen]), to_float(target[chosen])])
        if torch.rand(()) < 0.5:
            pair = pair.flip(4)  # both, or they are no longer a pair
        loss = F.l1_loss(twin(pair[0].contiguous(memory_format=torch.channels_last)), pair[1])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        move_average(average, twin, config.ema_decay, step)
    return average.eval()


class DomainClassifier(nn.Module):
    """Pictures (N, 3, H, W) in [-1, 1] to one number each (N,): above 0 it takes the picture for B, below for A.

    It looks at no more than 64 x 64 pixels, which keeps it quick.
    """

    def __init__(self):
        super().__init__()
        # fmt: off
        self.features = nn.Sequential(
            nn.Conv2d(3, 16, 4, stride=2, padding=1), nn.ReLU(inplace=True),
            nn.Conv2d(16, 32, 4, stride=2, padding=1), nn.ReLU(inplace=True),
            nn.Conv2d(32, 32, 4, stride=2, padding=1), nn.ReLU(inplace=True),
            nn.AdaptiveAvgPool2d(2), nn.Flatten(),
        )
        # fmt: on
        self.score = nn.Linear(128, 1)

    def forward(self, x: Tensor) -> Tensor:
        if max(x.shape[2:]) > 64:
            x = F.adaptive_avg_pool2d(x, 64)
        return self.score(self.features(x)).squeeze(1)


def train_classifier(train_a, train_b, steps: int = 200, seed: int = 0) -> DomainClassifier:
    """Teach a classifier to tell real A from real B in a few seconds; it never sees a translation.

    Both are uint8 (N, 3, H, W), tensors or an ImageFolder each.
    """
    torch.manual_seed(seed)
    classifier = DomainClassifier()
    optimizer = torch.optim.Adam(classifier.parameters(), 2e-3)
    answers = torch.cat([torch.zeros(16), torch.ones(16)])
    for _ in range(steps):
        batches = [p[torch.randint(len(p), (16,)).tolist()] for p in (train_a, train_b)]
        pictures = torch.cat([to_float(batch) for batch in batches])
        if torch.rand(()) < 0.5:
            pictures = pictures.flip(3)
        loss = F.binary_cross_entropy_with_logits(classifier(pictures), answers)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return classifier.eval()


@torch.no_grad()
def passes_for(classifier: DomainClassifier, pictures: Tensor, target: str) -> Tensor:
    """1 for each picture (N, 3, H, W) that the classifier takes for domain `target` ("a" or "b"), else 0; (N,)."""
    scores = torch.cat([classifier(part) for part in pictures.split(50)])
    return ((scores > 0) == (target == "b")).float()


@torch.no_grad()
def translate_all(generator: nn.Module, pictures: Tensor) -> Tensor:
    """(N, 3, H, W) in [-1, 1] through a generator, fifty at a time, and back on the CPU."""
    device = next(generator.parameters()).device
    return torch.cat([generator(part.to(device)).cpu() for part in pictures.split(50)])


def quality_report(
    model, domains: Domains, twins: dict | None = None, n: int = 200, seed: int = 0, name: str = "CycleGAN"
) -> dict:
    """Everything `minicyclegan evaluate` prints, on the first `n` test pictures of each domain, as plain values.

    model has generator_ab and generator_ba, and its row has the `name`. twins has two generators, "ab" and "ba". Where the test pictures are
    pairs, every row is compared with the truth; `passes` needs no truth. Each number is a `summary`.
    """

    def first(pictures, limit: int) -> Tensor:
        return pictures[list(range(min(limit, len(pictures))))]

    test = {"a": to_float(first(domains.test_a, n)), "b": to_float(first(domains.test_b, n))}
    train = {"a": first(domains.train_a, 1000), "b": first(domains.train_b, 1000)}
    classifier = train_classifier(train["a"], train["b"], seed=seed)
    generators = {"ab": model.generator_ab, "ba": model.generator_ba}
    report = {"paired": domains.paired, "directions": {}}
    for source, target in ("ab", "ba"):
        inputs, real = test[source], test[target]
        fakes = translate_all(generators[source + target], inputs)
        guesses = {"doing nothing": inputs}
        guesses["colour transfer"] = colour_transfer(inputs, to_float(train[target]))
        guesses[name] = fakes
        if twins:
            guesses["supervised twin"] = translate_all(twins[source + target], inputs)
        rows = {row: compare(guess, real) if domains.paired else {} for row, guess in guesses.items()}
        for row, guess in guesses.items():
            rows[row]["passes"] = passes_for(classifier, guess, target)
        rows["real pictures"] = {"passes": passes_for(classifier, real, target)}
        rows["there and back"] = compare(translate_all(generators[target + source], fakes), inputs)
        direction = {"n": len(inputs), "gap_closed": None}
        if twins and domains.paired:
            errors = [rows[row]["l1"] for row in ("doing nothing", name, "supervised twin")]
            low, high = interval(gap_closed(*bootstrap(torch.stack(errors, 1), seed=seed).unbind(1)))
            share = gap_closed(*(float(error.mean()) for error in errors))
            direction["gap_closed"] = {"mean": share, "low": low, "high": high}
        direction["rows"] = {
            row: {measure: summary(values, seed) for measure, values in measures.items()}
            for row, measures in rows.items()
        }
        report["directions"][source + target] = direction
    return report
