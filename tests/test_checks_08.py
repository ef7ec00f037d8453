"""The checks of notebook 08 against wrong answers and different right ones."""

from mutants import Trial, solution, swap, trial_tests

from minicyclegan.checks import check_bootstrap, check_hidden, check_mean_error, check_psnr

STEM = "08_evaluate"
SETUP = """
import math
import torch
import numpy as np
from torch import Tensor
from minicyclegan.evaluation import l1_error
"""
PSNR, BOOTSTRAP, MEAN_ERROR, HIDDEN = (
    solution(STEM, check.__name__) for check in (check_psnr, check_bootstrap, check_mean_error, check_hidden)
)
PSNR_HEAD = "def psnr(guess, truth):\n"
BOOTSTRAP_HEAD = "def bootstrap(values, resamples=2000, seed=0):\n    generator = torch.Generator().manual_seed(seed)\n    n = len(values)\n"
ERROR_HEAD = "def mean_error(fakes, truths, batch=8):\n"
KEYS = "    if fakes.keys() != truths.keys():\n        raise ValueError('the names differ')\n"
RETURN = "return values[chosen].mean(1)"
ADDED = "def hide(pictures, postcard):\n    return {}\n\n\ndef restore(sent, postcard):\n    return {}\n"
BROKEN = """
def mean_error(fakes, truths, batch=8):
    names = sorted(fakes)
    guesses = torch.stack([fakes[name] for name in names])
    answers = torch.stack(list(truths.values()))
    errors = [l1_error(g, t).mean() for g, t in zip(guesses.split(batch), answers.split(batch))]
    return float(torch.stack(errors).mean())
"""


def psnr(*lines: str) -> str:
    return PSNR_HEAD + "".join(f"    {line}\n" for line in lines)


def bootstrap(*lines: str) -> str:
    return BOOTSTRAP_HEAD + "".join(f"    {line}\n" for line in lines)


TRIALS = [
    Trial(
        check_psnr,
        STEM,
        SETUP,
        right={
            "where": """def psnr(guess, truth):
    e = torch.einsum('nchw,nchw->n', guess - truth, guess - truth) / (4 * guess[0].numel())
    return torch.where(e > 1e-10, -10 * torch.log(e) / math.log(10), torch.tensor(100.0))
""",
            "mse_loss": """def psnr(guess, truth):
    e = torch.nn.functional.mse_loss(guess / 2, truth / 2, reduction='none').flatten(1).mean(dim=1)
    return torch.log10(torch.maximum(e, torch.tensor(1e-10))).mul(-10)
""",
            "a peak of 2": psnr(
                "squared = (guess - truth).pow(2).flatten(1).mean(1)",
                "return 10 * torch.log10(4 / squared.clamp(min=4e-10))",
            ),
            "the root": psnr(
                "root = ((guess - truth) / 2).flatten(1).norm(dim=1) / guess[0].numel() ** 0.5",
                "return -20 * torch.log10(torch.clamp(root, min=1e-5))",
            ),
            "picture by picture": psnr(
                "x, y = (guess + 1) / 2, (truth + 1) / 2",
                "errors = [float(((a - b) ** 2).mean()) for a, b in zip(x, y)]",
                "return torch.tensor([-10 * math.log10(max(e, 1e-10)) for e in errors])",
            ),
        },
        wrong={
            "all or none": (
                swap(
                    PSNR,
                    "    return -10",
                    "    if (squared == 0).any():\n        return torch.full_like(squared, 100.0)\n    return -10",
                ),
                "where one of three pictures is equal to its truth",
            ),
            "grey first": (
                swap(
                    PSNR,
                    "((guess - truth) / 2).square()",
                    "((guess - truth) / 2).mean(1, keepdim=True).square()",
                ),
                "an error in red and its opposite in green are two",
            ),
            "writes into the guess": (
                swap(PSNR, "(guess - truth) / 2", "guess.sub_(truth) / 2"),
                "psnr writes into what it was given (pictures), and",
            ),
            "the range of the truth": (
                swap(
                    PSNR,
                    "((guess - truth) / 2)",
                    "((guess - truth) / (truth.amax((1, 2, 3), keepdim=True) - truth.amin((1, 2, 3), keepdim=True)))",
                ),
                "you divide by the range that the true picture",
            ),
            "the peak of the picture": (
                swap(
                    PSNR,
                    "    return -10 * squared.clamp(min=1e-10).log10()",
                    "    return 10 * (((truth + 1) / 2).amax((1, 2, 3)) ** 2 / squared.clamp(min=1e-10)).log10()",
                ),
                "you take the brightest pixel of the true picture",
            ),
            "at least 40 dB lost": (
                swap(
                    PSNR,
                    "    return -10 * squared",
                    "    squared = squared.where(squared == 0, squared.clamp(min=1e-5))\n    return -10 * squared",
                ),
                "what is its share of the range squared, in decibels",
            ),
            "squeezed": (
                swap(PSNR, ".clamp(min=1e-10)", ".squeeze().clamp(min=1e-10)"),
                "a picture alone gets another number than in a",
            ),
            "the logarithm of each colour": (
                swap(
                    PSNR,
                    ".mean((1, 2, 3))\n    return -10 * squared.clamp(min=1e-10).log10()",
                    ".mean((2, 3))\n    return (-10 * squared.clamp(min=1e-10).log10()).mean(1)",
                ),
                "you take the logarithm for each colour and average",
            ),
            "differences averaged": (
                swap(PSNR, ".square().mean((1, 2, 3))", ".mean((1, 2, 3)).square()"),
                "you average the differences before you square them",
            ),
            "for 12 x 16 only": (
                swap(PSNR, ".mean((1, 2, 3))", ".sum((1, 2, 3)) / 576"),
                "what is its share of the range squared, in decibels",
            ),
            "a peak of 1": (swap(PSNR, "((guess - truth) / 2)", "(guess - truth)"), "you took a peak of 1"),
            "halved after the square": (
                psnr(
                    "squared = (guess - truth).square().mean((1, 2, 3)) / 2",
                    "return -10 * squared.clamp(min=1e-10).log10()",
                ),
                "*before* it is squared",
            ),
            "divided by 4": (swap(PSNR, "/ 2)", "/ 4)"), "divided out twice"),
            "255": (
                psnr(
                    "squared = (guess - truth).square().mean((1, 2, 3))",
                    "return 10 * (255**2 / squared.clamp(min=1e-10)).log10()",
                ),
                "a peak of 255",
            ),
            "the sign": (swap(PSNR, "-10 *", "10 *"), "your numbers are negative"),
            "10 with the root": (swap(PSNR, "mean((1, 2, 3))", "mean((1, 2, 3)).sqrt()"), "half as large"),
            "20 without the root": (swap(PSNR, "-10 *", "-20 *"), "belongs to the root"),
            "the natural logarithm": (swap(PSNR, "log10()", "log()"), "of base 10"),
            "absolute differences": (swap(PSNR, ".square()", ".abs()"), "squares them before the mean"),
            "one number": (swap(PSNR, ".mean((1, 2, 3))", ".mean()"), "you give one number"),
            "one number four times": (
                swap(PSNR, ".mean((1, 2, 3))", ".mean().expand(len(guess))"),
                "over the batch before the logarithm",
            ),
            "channels kept": (swap(PSNR, "(1, 2, 3)", "(2, 3)"), "which axes"),
            "no clamp": (swap(PSNR, ".clamp(min=1e-10)", ""), "away from 0"),
            "another clamp": (swap(PSNR, "1e-10", "1e-8"), "80.0 dB and should get 100"),
            "a sum": (swap(PSNR, ".mean((1, 2, 3))", ".sum((1, 2, 3))"), "share of the range squared"),
            "return forgotten": (swap(PSNR, "return ", ""), "`return`"),
        },
    ),
    Trial(
        check_bootstrap,
        STEM,
        SETUP,
        right={
            "global seed": swap(
                BOOTSTRAP,
                "    generator = torch.Generator().manual_seed(seed)\n    chosen = torch.randint(len(values), (resamples, len(values)), generator=generator)",
                "    torch.manual_seed(seed)\n    chosen = torch.multinomial(torch.ones(len(values)), resamples * len(values), replacement=True).view(resamples, -1)",
            ),
            "rand and floor": swap(
                BOOTSTRAP,
                "torch.randint(len(values), (resamples, len(values)), generator=generator)",
                "(torch.rand((resamples, len(values)), generator=generator) * len(values)).long()",
            ),
            "a loop": bootstrap(
                "sets = [values[torch.randint(n, (n,), generator=generator)] for _ in range(resamples)]",
                "return torch.stack([drawn.mean(0) for drawn in sets])",
            ),
            "numpy's random numbers": bootstrap(
                "rng = np.random.default_rng(seed)",
                "return torch.stack([values[torch.from_numpy(rng.choice(n, n))].mean(0) for _ in range(resamples)])",
            ),
            "counts instead of pictures": bootstrap(
                "chosen = torch.randint(n, (resamples, n), generator=generator)",
                "counts = torch.zeros(resamples, n).scatter_add_(1, chosen, torch.ones(resamples, n))",
                "return counts @ values / n",
            ),
        },
        wrong={
            "seed modulo 2": (
                swap(BOOTSTRAP, "manual_seed(seed)", "manual_seed(seed % 4)"),
                "the seed that is given is not used, or not all of",
            ),
            "a run of neighbours": (
                swap(
                    BOOTSTRAP,
                    "    return values[chosen].mean(1)",
                    "    chosen = (chosen[:, ::4].repeat_interleave(4, 1)[:, : len(values)] + torch.arange(len(values)) % 4) % len(values)\n    return values[chosen].mean(1)",
                ),
                "which pictures are in a test set together does not",
            ),
            "ends half as likely": (
                swap(
                    BOOTSTRAP,
                    "torch.randint(len(values), (resamples, len(values)), generator=generator)",
                    "(torch.rand((resamples, len(values)), generator=generator) * (len(values) - 1)).round().long()",
                ),
                "every position should be as likely",
            ),
            "draws follow the values": (
                swap(
                    BOOTSTRAP,
                    "    chosen",
                    "    generator.manual_seed(seed + int(values.sum() * 1000))\n    chosen",
                ),
                "the draws follow from the seed alone, or",
            ),
            "default of 1000": (
                swap(BOOTSTRAP, "resamples: int = 2000", "resamples: int = 1000"),
                "without more it should draw",
            ),
            "default seed": (
                swap(BOOTSTRAP, "seed: int = 0", "seed: int = 1"),
                "without more it should draw",
            ),
            "squeezed": (swap(BOOTSTRAP, ".mean(1)", ".mean(1).squeeze()"), "the result has the shape "),
            "one set, turned": (
                swap(
                    BOOTSTRAP,
                    "    return values[chosen].mean(1)",
                    "    chosen = (chosen[:1] + torch.arange(resamples)[:, None] * 0 + torch.randint(len(values), (resamples, 1), generator=generator)) % len(values)\n    return values[chosen].mean(1)",
                ),
                "which pictures are in a test set together does not",
            ),
            "half the draws twice": (
                swap(
                    BOOTSTRAP,
                    "    return values[chosen].mean(1)",
                    "    chosen = chosen[: (resamples + 1) // 2].repeat_interleave(2, 0)[:resamples]\n    return values[chosen].mean(1)",
                ),
                "your test sets follow from each other",
            ),
            "one picture fewer": (
                swap(BOOTSTRAP, "(resamples, len(values))", "(resamples, len(values) - 1)"),
                "pictures, drawn from the values themselves",
            ),
            "weights": (
                swap(
                    BOOTSTRAP,
                    "    return values[chosen].mean(1)",
                    """    w = torch.distributions.Dirichlet(torch.ones(len(values))).sample((resamples,))
    w = torch.rand((resamples, len(values)), generator=generator)
    w = -w.log()
    return (w / w.sum(1, keepdim=True)) @ values""",
                ),
                "pictures, drawn from the values themselves",
            ),
            "sorted in place": (
                swap(
                    BOOTSTRAP,
                    "    generator = torch.Generator()",
                    "    values.copy_(values.sort(0)[0])\n    generator = torch.Generator()",
                ),
                "bootstrap writes into what it was given (values)",
            ),
            "global numbers": (
                swap(BOOTSTRAP, ", generator=generator)", ")"),
                "two calls with the same seed give different numbers",
            ),
            "the last never": (
                swap(BOOTSTRAP, "torch.randint(len(values), (", "torch.randint(len(values) - 1, ("),
                "to the last should be as likely",
            ),
            "without repetition": (
                bootstrap(
                    "return torch.stack([values[torch.randperm(n, generator=generator)].mean(0) for _ in range(resamples)])"
                ),
                "Draw with repetition",
            ),
            "half of the pictures": (
                swap(BOOTSTRAP, "(resamples, len(values))", "(resamples, len(values) // 2)"),
                "should have 40 pictures",
            ),
            "as many pictures as draws": (
                swap(BOOTSTRAP, "(resamples, len(values))", "(resamples, resamples)"),
                "should have 40 pictures",
            ),
            "half, without repetition": (
                bootstrap(
                    "return torch.stack([values[torch.randperm(n, generator=generator)[: n // 4]].mean(0) for _ in range(resamples)])"
                ),
                "should have 40 pictures",
            ),
            "the wrong axis": (swap(BOOTSTRAP, ".mean(1)", ".mean(0)"), "has the shape (40,)"),
            "one number": (swap(BOOTSTRAP, ".mean(1)", ".mean()"), "one mean for each drawn"),
            "no mean": (swap(BOOTSTRAP, ".mean(1)", ""), "one mean for each drawn"),
            "medians": (swap(BOOTSTRAP, RETURN, "return values[chosen].median(1)[0]"), "not its median"),
            "sums": (swap(BOOTSTRAP, ".mean(1)", ".sum(1)"), "sums, not means"),
            "no generator": (swap(BOOTSTRAP, ", generator=generator", ""), "same seed give different"),
            "always seed 0": (swap(BOOTSTRAP, "manual_seed(seed)", "manual_seed(0)"), "is not used"),
            "one draw for all": (
                bootstrap(
                    "return values[torch.randint(n, (n,), generator=generator)].mean(0).expand(resamples)"
                ),
                "all your test sets are the same",
            ),
            "seeded in the loop": (
                bootstrap(
                    "sets = []",
                    "for _ in range(resamples):",
                    "    generator.manual_seed(seed)",
                    "    sets.append(values[torch.randint(n, (n,), generator=generator)].mean(0))",
                    "return torch.stack(sets)",
                ),
                "all your test sets are the same",
            ),
            "a normal distribution": (
                bootstrap(
                    "noise = torch.randn(resamples, generator=generator)",
                    "return values.mean(0) + noise * values.std(0) / n**0.5",
                ),
                "values that were given",
            ),
            "columns drawn apart": (
                bootstrap(
                    "chosen = torch.randint(n, (resamples, *values.shape), generator=generator)",
                    "if values.ndim == 1:",
                    "    return values[chosen].mean(1)",
                    "return torch.stack([values[chosen[:, :, k], k].mean(1) for k in range(values.shape[1])], 1)",
                ),
                "drawn separately",
            ),
            "columns averaged": (swap(BOOTSTRAP, ".mean(1)", ".flatten(1).mean(1)"), "not (600, 2)"),
            "the last picture never": (
                swap(BOOTSTRAP, "randint(len(values),", "randint(len(values) // 4,"),
                "every position from 0",
            ),
        },
    ),
    Trial(
        check_mean_error,
        STEM,
        SETUP,
        right={
            "sum by hand": """def mean_error(fakes, truths, batch=8):
    if set(fakes) ^ set(truths):
        raise KeyError('names')
    return sum(float((fakes[n] - truths[n]).abs().mean() / 2) for n in sorted(fakes)) / len(fakes)
""",
            "numpy": """import numpy as np
def mean_error(fakes, truths, batch=8):
    assert sorted(fakes) == sorted(truths)
    return float(np.mean([np.abs(fakes[n].numpy() - truths[n].numpy()).mean() / 2 for n in truths]))
""",
            "a sum": ERROR_HEAD
            + KEYS
            + """
    total = 0.0
    for name, fake in fakes.items():
        total += float(l1_error(fake[None], truths[name][None]))
    return total / len(fakes)
""",
            "weights for the batches": ERROR_HEAD
            + """
    assert set(fakes) == set(truths), "the names differ"
    names = sorted(truths)
    guesses = torch.stack([fakes[name] for name in names]).split(batch)
    answers = torch.stack([truths[name] for name in names]).split(batch)
    return sum(l1_error(g, a).mean() * len(g) for g, a in zip(guesses, answers)) / len(names)
""",
        },
        wrong={
            "only the number is compared": (
                swap(
                    MEAN_ERROR,
                    "if fakes.keys() != truths.keys()",
                    "if len(fakes) != len(truths)",
                    "truths))\n",
                    "truths))\n",
                    "(torch.stack([side[name] for name in some]) for side in (fakes, truths))",
                    "(torch.stack([side.get(name, side[next(iter(side))]) for name in some]) for side in (fakes, truths))",
                ),
                "but not of the same names",
            ),
            "all at once": (
                swap(
                    MEAN_ERROR,
                    "    names, errors = list(fakes), []\n",
                    "    names, errors = list(fakes), []\n    batch = len(names)\n",
                ),
                "pictures at once",
            ),
            "at least eight at once": (
                swap(
                    MEAN_ERROR,
                    "    names, errors = list(fakes), []\n",
                    "    names, errors = list(fakes), []\n    batch = max(8, batch)\n",
                ),
                "pictures at once",
            ),
            "default of 16": (swap(MEAN_ERROR, "batch: int = 8", "batch: int = 16"), "pictures at once"),
            "a superset passes": (
                swap(MEAN_ERROR, "fakes.keys() != truths.keys()", "not fakes.keys() <= truths.keys()"),
                "a missing translation must be an error, or hard",
            ),
            "a subset passes": (
                swap(
                    MEAN_ERROR,
                    "fakes.keys() != truths.keys()",
                    "not fakes.keys() >= truths.keys()",
                    "names, errors = list(fakes), []",
                    "names, errors = list(truths), []",
                ),
                "a missing truth must be an error, or hard pictures",
            ),
            "eats the dicts": (
                swap(
                    MEAN_ERROR,
                    "    names, errors = list(fakes), []\n",
                    """    names, errors = list(fakes), []
    fakes["extra"] = fakes[names[0]]
    del fakes["extra"], fakes[names[-1]]
    fakes = fakes | {names[-1]: truths[names[-1]]}
""",
                ),
                "mean_error writes into what it was given (fakes)",
            ),
            "writes into pictures": (
                swap(
                    MEAN_ERROR,
                    "errors.append(l1_error(guesses, answers))",
                    "for n in some:\n            fakes[n].clamp_(-1, 1)\n        errors.append(l1_error(guesses, answers))",
                ),
                "mean_error writes into what it was given (fakes)",
            ),
            "median": (
                swap(MEAN_ERROR, "float(torch.cat(errors).mean())", "float(torch.cat(errors).median())"),
                "is each of them compared with the truth of its name",
            ),
            "prints only": (
                swap(
                    MEAN_ERROR,
                    "        raise ValueError",
                    "        fakes = {k: v for k, v in fakes.items() if k in truths}\n        print",
                ),
                "a missing truth must be an error, or hard pictures",
            ),
            "as it was": (BROKEN, "which truth does 10.png meet"),
            "nothing sorted": (swap(BROKEN, "sorted(fakes)", "list(fakes)"), "which truth does 10.png meet"),
            "both sorted as words, batches unequal": (
                swap(BROKEN, "list(truths.values())", "[truths[name] for name in names]"),
                "the last batch is shorter",
            ),
            "a missing fake unseen": (
                ERROR_HEAD
                + "    return float(torch.stack([l1_error(fakes[k][None], truths[k][None])[0] for k in fakes]).mean())\n",
                "a missing translation must be an error",
            ),
            "only what both have": (
                ERROR_HEAD
                + "    some = fakes.keys() & truths.keys()\n"
                + "    return sum(float(l1_error(fakes[k][None], truths[k][None])) for k in some) / len(some)\n",
                "a missing truth must be an error",
            ),
            "the last batch dropped": (
                swap(MEAN_ERROR, "range(0, len(names), batch)", "range(0, len(names) - batch + 1, batch)"),
                "the last batch is shorter",
            ),
            "mean of means": (
                swap(MEAN_ERROR, "l1_error(guesses, answers))", "l1_error(guesses, answers).mean()[None])"),
                "the last batch is shorter",
            ),
            "the half forgotten": (
                swap(MEAN_ERROR, "l1_error(guesses, answers))", "(guesses - answers).abs().mean((1, 2, 3)))"),
                "twice as large as it should be",
            ),
            "squares": (
                swap(
                    MEAN_ERROR, "l1_error(guesses, answers))", "(guesses - answers).square().mean((1, 2, 3)))"
                ),
                "have a mean error of",
            ),
            "one error a picture": (
                swap(MEAN_ERROR, "float(torch.cat(errors).mean())", "torch.cat(errors)"),
                "one number for all",
            ),
            "return forgotten": (swap(MEAN_ERROR, "return float", "float"), "`return`"),
        },
    ),
    Trial(
        check_hidden,
        STEM,
        SETUP,
        right={
            "lerp": """def hide(pictures, postcard):
    return torch.lerp(postcard, pictures, 0.015)


def restore(sent, postcard):
    return postcard + (sent - postcard) / 0.015
""",
            "a larger share": ADDED.format(
                "postcard + (pictures - postcard) / 64", "postcard + (sent - postcard) * 64"
            ),
            "a clamp of the postcard": ADDED.format(
                "postcard.clamp(-0.98, 0.98) + 0.02 * pictures", "50 * (sent - postcard.clamp(-0.98, 0.98))"
            ),
            "inwards": ADDED.format(
                "postcard - torch.sign(postcard) * 0.01 * (pictures + 1)",
                "(postcard - sent) / (0.01 * torch.sign(postcard)) - 1",
            ),
        },
        wrong={
            "writes into the postcard": (
                """def hide(pictures, postcard):
    postcard *= 0.99
    return postcard + 0.01 * pictures


def restore(sent, postcard):
    return (sent - 0.99 * postcard) / 0.01
""",
                "hide writes into what it was given (postcard), and",
            ),
            "the first postcard": (
                """KEPT = []


def hide(pictures, postcard):
    KEPT[:] = [pictures.clone()] + KEPT
    return 0.99 * postcard + 0.0 * pictures


def restore(sent, postcard):
    return KEPT[1] if len(sent) == len(KEPT[1]) else KEPT[1][2:3]
""",
                "restore gives a different result for postcards that",
            ),
            "0.05": (
                """def hide(pictures, postcard):
    return 0.975 * postcard + 0.025 * pictures


def restore(sent, postcard):
    return (sent - 0.975 * postcard) / 0.025
""",
                "what you send differs from the postcard by up to",
            ),
            "rounded to bytes": (
                """def hide(pictures, postcard):
    return ((0.99 * postcard + 0.01 * pictures) * 127.5).round() / 127.5


def restore(sent, postcard):
    return (sent - 0.99 * postcard) / 0.01
""",
                "where the postcard is white there is no room",
            ),
            "out of the range": (
                ADDED.format("postcard + 0.02 * pictures", "(sent - postcard) / 0.02"),
                "where the postcard is white",
            ),
            "a clamp": (
                ADDED.format("(postcard + 0.02 * pictures).clamp(-1, 1)", "(sent - postcard) / 0.02"),
                "A clamp destroys",
            ),
            "the bare postcard": (
                ADDED.format("postcard.expand_as(pictures)", "sent"),
                "hide returns the bare postcard",
            ),
            "no postcard": (ADDED.format("pictures", "sent"), "hide returns the pictures themselves"),
            "too strong": (
                ADDED.format("0.9 * postcard + 0.1 * pictures", "(sent - 0.9 * postcard) / 0.1"),
                "make the hidden picture fainter",
            ),
            "the negative as a postcard": (ADDED.format("-pictures", "-sent"), "and 0.04 is the limit"),
            "some of the postcard left": (
                swap(HIDDEN, "(sent - 0.99 * postcard)", "(sent - postcard)"),
                "How much of the postcard did hide send",
            ),
            "not divided": (swap(HIDDEN, "/ 0.01", ""), "times as strong"),
            "subtracted the wrong way": (
                swap(HIDDEN, "sent - 0.99 * postcard", "0.99 * postcard - sent"),
                "the picture's negative",
            ),
            "restore does nothing": (
                swap(HIDDEN, "(sent - 0.99 * postcard) / 0.01", "sent"),
                "the postcard as it came",
            ),
            "a memory": (
                "memory = []\n\n\ndef hide(pictures, postcard):\n    memory[:] = [pictures]\n    return 0.999 * postcard.expand_as(pictures)\n"
                "\n\ndef restore(sent, postcard):\n    return memory[0][: len(sent)]\n",
                "nothing but the postcard",
            ),
            "one postcard for all": (
                ADDED.format("0.99 * postcard + 0.01 * pictures[:1]", "(sent - 0.99 * postcard) / 0.01"),
                "one postcard for each picture",
            ),
            "the average hidden": (
                ADDED.format(
                    "0.99 * postcard + 0.01 * pictures.mean(0, keepdim=True).expand_as(pictures)",
                    "(sent - 0.99 * postcard) / 0.01",
                ),
                "What did hide add",
            ),
            "restore unwritten": (
                swap(HIDDEN, "return (sent - 0.99 * postcard) / 0.01", "raise NotImplementedError()"),
                "no code in it yet",
            ),
        },
    ),
]

test_right, test_wrong, test_enough = trial_tests(TRIALS)
