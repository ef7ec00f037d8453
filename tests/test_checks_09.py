"""The checks of notebook 09 against wrong answers and different right ones."""

from mutants import Trial, solution, swap, trial_tests

from minicyclegan.checks import (
    check_fair_comparison,
    check_lambda_order,
    check_noise,
    check_runs_needed,
    check_verdict,
)

STEM = "09_ablations"
SETUP = "import math\nimport statistics\nimport numpy as np\n"
NOISE, VERDICT, NEEDED, EFFECT = (
    solution(STEM, check.__name__)
    for check in (check_noise, check_verdict, check_runs_needed, check_fair_comparison)
)
FAIR = "all(run[key] == wanted[key] for key in wanted)"

TRIALS = [
    Trial(
        check_lambda_order,
        STEM,
        SETUP,
        right={
            "a tuple of floats": "my_order = (10.0, 1.0, 0.0, 100.0)",
            "an array": "my_order = np.array([10, 1, 0, 100])",
            "words": 'my_order = ["10", "1", "0", "100"]',
        },
        wrong={
            "twice the best": ("my_order = [10, 10, 1, 0, 100]", "it should hold each of"),
            "as on the axis": ("my_order = [0, 1, 10, 100]", "Must it be the winter of this place"),
            "the more the better": ("my_order = [100, 10, 1, 0]", "which lazy translation"),
            "no cycle is worst": ("my_order = [10, 1, 100, 0]", "whose layers keep the layout"),
            "100 is second": ("my_order = [10, 100, 1, 0]", "hardly left"),
            "a weight of 1 is enough": ("my_order = [1, 10, 0, 100]", "against two terms of the game"),
            "a little is worse than nothing": ("my_order = [10, 0, 1, 100]", "a weak demand"),
            "largest first": ("my_order = [100, 0, 1, 10]", "begin with the smallest"),
            "one forgotten": ("my_order = [10, 1, 100]", "exactly once"),
            "one number": ("my_order = 10", "a list of the four weights"),
            "names": ('my_order = ["ten", "one", "none", "hundred"]', "a list of the four weights"),
            "nothing yet": ("my_order = None", "there is no answer yet"),
        },
    ),
    Trial(
        check_noise,
        STEM,
        SETUP,
        right={
            "pairs of differences": """def noise(groups):
    s = d = 0
    for g in groups:
        x = [math.log(e) for e in g]
        s += sum((a - b) ** 2 for a in x for b in x) / (2 * len(x))
        d += len(x) - 1
    return pow(s / d, 0.5)
""",
            "with statistics.variance": """
def noise(groups):
    logs = [[math.log(e) for e in group] for group in groups]
    parts = [(len(g) - 1) * statistics.variance(g) for g in logs]
    return (sum(parts) / sum(len(g) - 1 for g in logs)) ** 0.5
""",
            "with numpy": """
def noise(groups):
    logs = [np.log(group) for group in groups]
    rest = np.concatenate([g - g.mean() for g in logs])
    return np.sqrt((rest**2).sum() / (len(rest) - len(logs)))
""",
        },
        wrong={
            "from the median": (
                swap(NOISE, "mean = statistics.fmean(logs)", "mean = statistics.median(logs)"),
                "you measure from the median of each setting",
            ),
            "mean distance": (
                swap(
                    NOISE,
                    "squares += sum((value - mean) ** 2 for value in logs)",
                    "squares += sum(abs(value - mean) for value in logs)",
                    "math.sqrt(squares / degrees)",
                    "squares / degrees",
                ),
                "sum of squares, sum of n -",
            ),
            "first and last only": (
                swap(
                    NOISE,
                    "logs = [math.log(error) for error in errors]",
                    "logs = [math.log(error) for error in (errors[0], errors[-1])]",
                ),
                "sum of squares, sum of n -",
            ),
            "sorted in place": (
                swap(NOISE, "        logs = [", "        errors.sort()\n        logs = ["),
                "noise writes into what it was given (groups), and",
            ),
            "divided by the mean error": (
                swap(NOISE, "math.log(error) for", "error / statistics.fmean(errors) for"),
                "sum of squares, sum of n -",
            ),
            "the last setting only": (
                swap(
                    NOISE,
                    "        squares +=",
                    "        squares =",
                    "        degrees +=",
                    "        degrees =",
                ),
                "sum of squares, sum of n -",
            ),
            "pairs only": (
                swap(NOISE, "        degrees += len(logs) - 1", "        degrees += min(3, len(logs) - 1)"),
                "sum of squares, sum of n -",
            ),
            "n": (swap(NOISE, "len(logs) - 1", "len(logs)"), "costs one of them"),
            "no logarithms": (swap(NOISE, "math.log(error)", "error"), "take the logarithms first"),
            "base 10": (swap(NOISE, "math.log(", "math.log10("), "natural ones"),
            "the root forgotten": (
                swap(NOISE, "math.sqrt(squares / degrees)", "squares / degrees"),
                "you give the variance",
            ),
            "one mean for all": (
                "def noise(groups):\n    return statistics.stdev([math.log(e) for g in groups for e in g])",
                "each setting has its own mean",
            ),
            "mean of the deviations": (
                "def noise(groups):\n    return statistics.fmean([statistics.stdev([math.log(e) for e in g]) for g in groups])",
                "take the root once",
            ),
            "mean of the variances": (
                "def noise(groups):\n    return statistics.fmean([statistics.variance([math.log(e) for e in g]) for g in groups]) ** 0.5",
                "counts no more than one with two",
            ),
            "divided by the settings": (swap(NOISE, "len(logs) - 1", "1"), "for pairs this is right"),
            "d squared over two for all": (
                """
def noise(groups):
    d = [math.log(max(g) / min(g)) for g in groups]
    return math.sqrt(sum(x * x / 2 for x in d) / len(d))
""",
                "sum of n - 1",
            ),
            "a memorised number": ("def noise(groups):\n    return 0.0548", "it should be"),
            "return forgotten": (swap(NOISE, "return math", "math"), "`return`"),
            "a stub": (
                swap(NOISE, "return math.sqrt(squares / degrees)", "raise NotImplementedError()"),
                "in it yet",
            ),
        },
    ),
    Trial(
        check_verdict,
        STEM,
        SETUP,
        right={
            "product": """def verdict(runs, base_runs, s, bar):
    x = math.log(math.prod(runs)) / len(runs)
    y = math.log(math.prod(base_runs)) / len(base_runs)
    error = math.hypot(s / math.sqrt(len(runs)), s / math.sqrt(len(base_runs)))
    return 'unclear' if -bar * error <= x - y <= bar * error else ('better', 'worse')[x > y]
""",
            "with numpy, sign first": """
def verdict(runs, base_runs, s, bar):
    z = (np.log(runs).mean() - np.log(base_runs).mean()) / s / np.sqrt(1 / len(runs) + 1 / len(base_runs))
    return "worse" if z > bar else "better" if z < -bar else "unclear"
""",
            "means of errors, then the logarithm": """
def verdict(runs, base_runs, s, bar):
    ratio = statistics.geometric_mean(runs) / statistics.geometric_mean(base_runs)
    limit = math.exp(bar * math.sqrt(s**2 / len(runs) + s**2 / len(base_runs)))
    if ratio > limit:
        return "worse"
    return "better" if 1 / ratio > limit else "unclear"
""",
        },
        wrong={
            "own scatter": (
                swap(
                    VERDICT,
                    "s * math.sqrt(",
                    "s * math.sqrt(",
                    "    distance = means[0] - means[1]",
                    "    distance = means[0] - means[1]\n    s = statistics.stdev([math.log(e) for e in [*runs, *base_runs]]) if len(runs) + len(base_runs) > 2 else s",
                ),
                "twice the base's error, half of it, seeds that",
            ),
            "median": (
                swap(VERDICT, "statistics.fmean(", "statistics.median("),
                "take the mean of all log errors, not their median",
            ),
            "logarithm of the mean error": (
                swap(
                    VERDICT,
                    "statistics.fmean(math.log(error) for error in errors)",
                    "math.log(statistics.fmean(errors))",
                ),
                "Take logarithms first and the mean then, not the",
            ),
            "the first two": (
                swap(VERDICT, "for error in errors)", "for error in errors[:2])"),
                "take the mean of all log errors, not their median",
            ),
            "pairs by zip": (
                swap(
                    VERDICT,
                    "[statistics.fmean(math.log(error) for error in errors) for errors in (runs, base_runs)]",
                    "[statistics.fmean(math.log(error) for error in errors) for errors in zip(*zip(runs, base_runs))]",
                ),
                "is called better, but the standard error of the",
            ),
            "s fixed": (
                swap(VERDICT, "s * math.sqrt", "0.05 * math.sqrt"),
                "Take the s that is given, not the scatter of these",
            ),
            "the smaller group counts": (
                swap(VERDICT, "1 / len(runs) + 1 / len(base_runs)", "2 / min(len(runs), len(base_runs))"),
                "is called unclear, but the standard error of the",
            ),
            "sorted in place": (
                swap(VERDICT, "    distance =", "    runs.sort()\n    distance ="),
                "verdict writes into what it was given (runs), and",
            ),
            "base 10": (
                swap(VERDICT, "math.log(", "math.log10("),
                "is nearly two standard errors, and you call it",
            ),
            "s squared": (
                swap(VERDICT, "s * math.sqrt(", "s**2 * math.sqrt("),
                "that is less than one standard error, s times the",
            ),
            "unclear is worse": (
                swap(
                    VERDICT,
                    'return "unclear"',
                    'return "worse" if distance > 0 and False else "unclear" if len(runs) > 0 and distance <= 0 else "unclear" if abs(distance) < 0.9 * bar * standard_error else "worse"',
                ),
                "is called worse, but the standard error of the",
            ),
            "better and worse swapped": (
                swap(VERDICT, "distance > 0", "distance < 0"),
                "a smaller error is the better one",
            ),
            "abs forgotten": (swap(VERDICT, "abs(distance)", "distance"), "on which side of 0"),
            "no bar": (swap(VERDICT, "abs(distance) < bar * standard_error", "False"), "how far from 0"),
            "a plain difference": (swap(VERDICT, "math.log(error)", "error"), "in another unit"),
            "a ratio minus one": (
                swap(VERDICT, "means[0] - means[1]", "math.exp(means[0] - means[1]) - 1"),
                "not equally far from 1",
            ),
            "the best seeds": (
                swap(
                    VERDICT, "statistics.fmean(math.log(error) for error in errors)", "math.log(min(errors))"
                ),
                "one lucky run",
            ),
            "s for the standard error": (
                swap(VERDICT, "s * math.sqrt(1 / len(runs) + 1 / len(base_runs))", "s"),
                "with 8 runs on each side",
            ),
            "the number of runs of one side only": (
                swap(VERDICT, "1 / len(runs) + 1 / len(base_runs)", "2 / len(runs)"),
                "the standard error of the difference is",
            ),
            "one mean varies": (
                swap(VERDICT, "1 / len(runs) + 1 / len(base_runs)", "1 / len(runs)"),
                "how much does their difference",
            ),
            "the bar forgotten": (
                swap(VERDICT, "bar * standard_error", "standard_error"),
                "where does `bar` come in",
            ),
            "other words": (swap(VERDICT, '"worse"', '"bad"'), "it should be one of"),
            "return forgotten": (swap(VERDICT, 'return "worse"', '"worse"'), "on every path"),
            "a stub": ("def verdict(runs, base_runs, s, bar):\n    raise NotImplementedError()", "in it yet"),
            "always unclear": (
                'def verdict(runs, base_runs, s, bar):\n    return "unclear"',
                "you call everything unclear",
            ),
        },
    ),
    Trial(
        check_runs_needed,
        STEM,
        SETUP,
        right={
            "int minus": """def runs_needed(factor, s, bar):
    n = 2 * (bar * s) ** 2 / math.log(factor) ** 2
    return max(-int(-n // 1), 2)
""",
            "step by step": """
def runs_needed(factor, s, bar):
    n = 2
    while bar * s * math.sqrt(2 / n) > abs(math.log(factor)):
        n += 1
    return n
""",
            "one more than the whole part": swap(NEEDED, "math.ceil(", "1 + int("),
            "with numpy": """
def runs_needed(factor, s, bar):
    return int(np.maximum(2, np.ceil(2 * np.square(bar * s / np.log(factor)))))
""",
        },
        wrong={
            "at least 3": (swap(NEEDED, "max(2,", "max(3,"), "one run fewer already passes"),
            "not for factors below 1": (
                swap(
                    NEEDED,
                    "math.log(factor)",
                    "math.log(max(factor, 1 / factor) if factor > 1 else 2 - factor)",
                ),
                "runs; the bar there is",
            ),
            "a bar of 2": (swap(NEEDED, "bar * s", "2 * s"), "you count with a bar of"),
            "even numbers": (
                swap(
                    NEEDED,
                    "math.ceil(2 * (bar * s / math.log(factor)) ** 2)",
                    "2 * math.ceil((bar * s / math.log(factor)) ** 2)",
                ),
                "one run fewer already passes",
            ),
            "capped": (
                swap(NEEDED, "return max(2, ", "return min(100, max(2, ", "** 2))", "** 2)))"),
                "runs; the bar there is",
            ),
            "the base's mean is sure": (swap(NEEDED, "2 * (bar", "(bar"), "both means vary"),
            "the square forgotten": (
                swap(NEEDED, ") ** 2", ")", "math.log(factor)", "abs(math.log(factor))"),
                "grows like s",
            ),
            "factor minus one": (swap(NEEDED, "math.log(factor)", "(factor - 1)"), "the factor minus 1"),
            "rounded down": (swap(NEEDED, "math.ceil", "math.floor"), "one too few"),
            "rounded": (swap(NEEDED, "math.ceil", "round"), "one too few"),
            "always one more": (swap(NEEDED, "** 2))", "** 2) + 1)"), "one too many"),
            "not whole": (swap(NEEDED, "math.ceil", ""), "the number of runs is whole"),
            "a single run": (swap(NEEDED, "max(2, ", "max(1, "), "2 is the minimum"),
            "solved with the sign": (
                swap(
                    NEEDED,
                    "max(2, math.ceil(2 * (bar * s / math.log(factor)) ** 2))",
                    "math.ceil(2 * (bar * s) ** 2 / (math.log(factor) * abs(math.log(factor))))",
                ),
                "the logarithm of a factor below 1",
            ),
            "no bar": (swap(NEEDED, "bar * s", "s"), "one standard error is chance"),
            "base 10": (swap(NEEDED, "math.log(", "math.log10("), "natural logarithms"),
            "both settings together": (swap(NEEDED, "2 * (bar", "4 * (bar"), "not for both together"),
            "a memorised number": ("def runs_needed(factor, s, bar):\n    return 6", "and the distance is"),
            "a stub": ("def runs_needed(factor, s, bar):\n    raise NotImplementedError()", "in it yet"),
        },
    ),
    Trial(
        check_fair_comparison,
        STEM,
        SETUP,
        right={
            "compare items": """def effect(runs, name, value, base):
    target = {**base, name: value}
    pick = lambda want: {r['seed']: math.log(r['error']) for r in runs if want.items() <= r.items()}
    a, b = pick(target), pick(base)
    d = [a[k] - b[k] for k in a if k in b]
    return math.e ** (math.fsum(d) / len(d))
""",
            "pair by pair": """
def effect(runs, name, value, base):
    logs = []
    for one in runs:
        for other in runs:
            twins = one["seed"] == other["seed"] and all(other[key] == base[key] for key in base)
            if twins and one[name] == value and all(one[key] == base[key] for key in base if key != name):
                logs.append(math.log(one["error"]) - math.log(other["error"]))
    return math.exp(sum(logs) / len(logs))
""",
            "a dict changed and repaired": """
def effect(runs, name, value, base):
    wanted = dict(base)
    wanted[name] = value
    def rest(run):
        return {k: v for k, v in run.items() if k not in ("seed", "error")}
    a = {r["seed"]: r["error"] for r in runs if rest(r) == wanted}
    b = {r["seed"]: r["error"] for r in runs if rest(r) == base}
    both = sorted(set(a) & set(b))
    return statistics.geometric_mean([a[k] for k in both]) / statistics.geometric_mean([b[k] for k in both])
""",
        },
        wrong={
            "three names by heart": (
                swap(EFFECT, "for key in wanted)", 'for key in ("pool_size", "gan_mode", "lambda_cycle"))'),
                "as well, runs with other steps change your result",
            ),
            "runs changed": (
                swap(EFFECT, 'run["seed"]: run["error"]', 'run.pop("seed"): run["error"]'),
                "effect writes into what it was given (runs), and",
            ),
            "median": (
                swap(EFFECT, "statistics.fmean(", "statistics.median("),
                "you take the median of the logarithms; the card",
            ),
            "value by heart": (
                swap(
                    EFFECT,
                    "{name: value}",
                    '{name: 0 if name == "pool_size" else "bce" if name == "gan_mode" else value}',
                    "statistics.fmean(math",
                    "statistics.fmean(len(seeds) and math",
                ),
                "in the list as well, you give a wrong factor",
            ),
            "sorted": (
                swap(
                    EFFECT,
                    "    changed, usual",
                    '    runs.sort(key=lambda run: run["error"])\n    changed, usual',
                ),
                "effect writes into what it was given (runs), and",
            ),
            "first three seeds": (
                swap(EFFECT, "for seed in seeds)", "for seed in sorted(seeds)[:3])"),
                "; the mean logarithm belongs to",
            ),
            "one difference at most": (
                swap(
                    EFFECT,
                    "all(run[key] == wanted[key] for key in wanted)",
                    "run[name] == wanted[name] and sum(run[key] != wanted[key] for key in wanted) <= (wanted[name] == base[name])",
                ),
                "on the base's side you also count runs that are not",
            ),
            "the colleague's": (
                """
def effect(runs, name, value, base):
    changed = [run["error"] for run in runs if run[name] == value]
    usual = [run["error"] for run in runs if run[name] == base[name]]
    return min(changed) / statistics.fmean(usual)
""",
                "the best seed of one side",
            ),
            "best against best": (
                swap(
                    EFFECT,
                    "math.exp(statistics.fmean(math.log(changed[seed] / usual[seed]) for seed in seeds))",
                    "min(changed.values()) / min(usual.values())",
                ),
                "with four tries",
            ),
            "the best pair": (
                swap(
                    EFFECT,
                    "math.exp(statistics.fmean(math.log(changed[seed] / usual[seed]) for seed in seeds))",
                    "min(changed[seed] / usual[seed] for seed in seeds)",
                ),
                "looks best",
            ),
            "a ratio of means": (
                swap(
                    EFFECT,
                    "math.exp(statistics.fmean(math.log(changed[seed] / usual[seed]) for seed in seeds))",
                    "statistics.fmean(changed[s] for s in seeds) / statistics.fmean(usual[s] for s in seeds)",
                ),
                "you divide mean errors",
            ),
            "a mean of ratios": (
                swap(
                    EFFECT,
                    "math.exp(",
                    "(",
                    "math.log(changed[seed] / usual[seed])",
                    "changed[seed] / usual[seed]",
                ),
                "a half and a double",
            ),
            "a logarithm": (swap(EFFECT, "math.exp(", "("), "you give a logarithm"),
            "other things changed, too": (
                swap(
                    EFFECT,
                    FAIR,
                    'run[name] == wanted[name] and (wanted[name] != base[name] or run["gan_mode"] == "lsgan" and run["lambda_cycle"] == 10)',
                ),
                "one change at a time",
            ),
            "the base's side unfiltered": (
                swap(
                    EFFECT,
                    "usual = errors(base | {name: value}), errors(base)",
                    "usual = errors(base | {name: value}), errors({name: base[name]})",
                ),
                "runs that are not the base",
            ),
            "all seeds of both sides": (
                swap(
                    EFFECT,
                    "math.exp(statistics.fmean(math.log(changed[seed] / usual[seed]) for seed in seeds))",
                    "statistics.geometric_mean(changed.values()) / statistics.geometric_mean(usual.values())",
                ),
                "same seed on both sides",
            ),
            "the caller's base changed": (
                swap(
                    EFFECT,
                    "    changed, usual = errors(base | {name: value}), errors(base)",
                    "    usual = errors(base)\n    base[name] = value\n    changed = errors(base)",
                ),
                "the caller's `base`",
            ),
            "upside down": (
                swap(EFFECT, "changed[seed] / usual[seed]", "usual[seed] / changed[seed]"),
                "upside down",
            ),
            "always the pool": (swap(EFFECT, "{name: value}", '{"pool_size": 0}'), "use `name` and `value`"),
            "a stub": ("def effect(runs, name, value, base):\n    raise NotImplementedError()", "in it yet"),
        },
    ),
]

test_right, test_wrong, test_enough = trial_tests(TRIALS)
