"""The checks of notebook 07 against wrong answers and different right ones."""

from mutants import Trial, solution, swap, trial_tests

from minicyclegan.checks import (
    check_learning_rate_factor,
    check_resume,
    check_training_length,
    check_update_average,
)

STEM = "07_train"
SETUP = """
import copy
import math
import torch
from torch import Tensor, nn
from minicyclegan.cyclegan import CycleGAN, ImagePool, in_turn
from minicyclegan.fast.cuda import use_gpu_well
from minicyclegan.fast.norm import use_quick_norms
from minicyclegan.fast.threads import in_two_threads, threads_for_each
from minicyclegan.parameters import Config
from minicyclegan.patch_nce import model_for
"""
FACTOR, LENGTH, AVERAGE, TRAINER = (
    solution(STEM, check.__name__)
    for check in (check_learning_rate_factor, check_training_length, check_update_average, check_resume)
)
FACTOR_HEAD = (
    "def learning_rate_factor(step, steps, decay_share):\n    falling = round(steps * decay_share)\n"
)
LENGTH_HEAD = "def training_length(epochs, n_a, n_b, batch_size, seconds_per_step):\n"
AVERAGE_HEAD = "@torch.no_grad()\ndef update_average(average, model, decay, step):\n    d = min(decay, (1 + step) / (10 + step))\n"
STEPS = "math.ceil(epochs * max(n_a, n_b) / batch_size)"
SLOW = "decay = min(decay, (1 + step) / (10 + step))"
AVERAGE_LINE = """        if self.average is not None:
            self.average.load_state_dict(state["average"])
"""
PICTURES = 'pool.pictures = [picture.to(device) for picture in saved["pictures"]]'
RANDOM = 'pool.generator.set_state(saved["generator"])'
SUMS = 'self.sums = {name: total.to(device) for name, total in state["losses"]["sums"].items()}'


def factor(*lines: str) -> str:
    return FACTOR_HEAD + "".join(f"    {line}\n" for line in lines)


def length(*lines: str) -> str:
    return LENGTH_HEAD + "".join(f"    {line}\n" for line in lines)


def average(*lines: str) -> str:
    return AVERAGE_HEAD + "".join(f"    {line}\n" for line in lines)


TRIALS = [
    Trial(
        check_learning_rate_factor,
        STEM,
        SETUP,
        right={
            "generator": """def learning_rate_factor(step, steps, decay_share):
    line = round(steps * decay_share)
    table = [1.0] * (steps - line) + [k / line for k in range(line, 0, -1)]
    return table[step]
""",
            "two cases": factor(
                "left = steps - step", "if left >= falling:", "    return 1.0", "return left / falling"
            ),
            "downwards from 1": factor("return 1.0 - max(0, step - (steps - falling)) / max(1, falling)"),
            "a tensor": factor("return torch.tensor((steps - step) / max(1, falling)).clamp(max=1)"),
        },
        wrong={
            "int": (
                swap(FACTOR, "round(steps * decay_share)", "int(steps * decay_share)"),
                "Is the number of steps rounded to the nearest",
            ),
            "ceil": (
                swap(FACTOR, "round(steps * decay_share)", "math.ceil(steps * decay_share)"),
                "Is the number of steps rounded to the nearest",
            ),
            "a line of at least 2": (
                swap(FACTOR, "max(1, round", "max(2, round"),
                "to the end, but it does not",
            ),
            "share as float": (
                swap(
                    FACTOR,
                    "decay_steps = max(1, round(steps * decay_share))",
                    "decay_steps = max(1, steps * decay_share)",
                ),
                "Is the number of steps rounded to the nearest",
            ),
            "squared": (
                swap(
                    FACTOR,
                    "return min(1.0, (steps - step) / decay_steps)",
                    "return min(1.0, (steps - step) / decay_steps) ** 2",
                ),
                "but a straight line from",
            ),
            "floor of 0.1": (
                swap(
                    FACTOR,
                    "return min(1.0, ",
                    "return max(0.1, min(1.0, ",
                    "/ decay_steps)",
                    "/ decay_steps))",
                ),
                "but a straight line from",
            ),
            "0 at the last step": (
                factor("return min(1.0, (steps - 1 - step) / max(1, falling))"),
                "learns nothing",
            ),
            "one step too high": (
                factor("return min(1.0, (steps - step + 1) / max(1, falling))"),
                "two steps after",
            ),
            "one stair too many": (
                factor("return 1 - max(0, step + 1 - (steps - falling)) / (falling + 1)"),
                "begins one step too early",
            ),
            "below zero": (
                factor("return 1 - max(0, step - (steps - falling) + 2) / max(1, falling)"),
                "below zero",
            ),
            "no cap": (
                swap(FACTOR, "min(1.0, (steps - step) / decay_steps)", "(steps - step) / decay_steps"),
                "what caps",
            ),
            "no guard against zero": (
                swap(FACTOR, "max(1, round(steps * decay_share))", "round(steps * decay_share)"),
                "divide by zero",
            ),
            "the share of the beginning": (
                factor("return min(1.0, (steps - step) / max(1, steps - falling))"),
                "the share at the end",
            ),
            "over the whole run": (factor("return (steps - step) / steps"), "from the first step on"),
            "a jump": (factor("return 1.0 if step < steps - falling else 0.1"), "jumps to 0.1"),
            "whole numbers": (factor("return min(1, (steps - step) // max(1, falling))"), "jumps to 0"),
            "for 200 steps only": (factor("return min(1.0, (200 - step) / 100)"), "1 at every step"),
            "a cosine": (
                factor(
                    "left = min(1.0, (steps - step) / max(1, falling))",
                    "return 0.5 - 0.5 * math.cos(math.pi * left)",
                ),
                "a straight line",
            ),
            "the rate itself": (swap(FACTOR, "return min", "return 0.0002 * min"), "begins at 1"),
            "return forgotten": (swap(FACTOR, "return ", ""), "`return`"),
        },
    ),
    Trial(
        check_training_length,
        STEM,
        SETUP,
        right={
            "divmod": """def training_length(epochs, n_a, n_b, batch_size, seconds_per_step):
    whole, rest = divmod(epochs * max((n_a, n_b)), batch_size)
    whole += rest > 0
    return whole, whole * seconds_per_step / 60 / 60
""",
            "numpy ceil": """import numpy as np
def training_length(epochs, n_a, n_b, batch_size, seconds_per_step):
    steps = int(np.ceil(epochs * np.maximum(n_a, n_b) / batch_size))
    return steps, steps / (3600 / seconds_per_step)
""",
            "whole division": length(
                "steps = -(-epochs * max(n_a, n_b) // batch_size)",
                "return steps, steps / 3600 * seconds_per_step",
            ),
            "a list and a loop": length(
                "shown = steps = 0",
                "while shown < epochs * (n_a if n_a > n_b else n_b):",
                "    shown, steps = shown + batch_size, steps + 1",
                "return [steps, steps * (seconds_per_step / 60) / 60]",
            ),
        },
        wrong={
            "one more": (
                swap(
                    LENGTH,
                    "math.ceil(epochs * max(n_a, n_b) / batch_size)",
                    "epochs * max(n_a, n_b) // batch_size + 1",
                ),
                "here the last batch is full, and nothing is left",
            ),
            "rounded": (swap(LENGTH, "math.ceil(", "round("), "steps some pictures are still waiting"),
            "hours of parts": (
                swap(
                    LENGTH,
                    "steps * seconds_per_step / 3600",
                    "epochs * max(n_a, n_b) / batch_size * seconds_per_step / 3600",
                ),
                "the last step lasts as long as the others",
            ),
            "whole hours": (
                swap(LENGTH, "steps * seconds_per_step / 3600", "steps * seconds_per_step // 3600"),
                "which two numbers make the seconds, and how many",
            ),
            "batches of the larger each": (
                swap(LENGTH, "max(n_a, n_b) / batch_size", "max(n_a, n_b, batch_size) / batch_size"),
                "You round in each epoch, but a batch here runs on",
            ),
            "hours first": (
                swap(
                    LENGTH,
                    "return steps, steps * seconds_per_step / 3600",
                    "return steps * seconds_per_step / 3600, steps",
                ),
                "first the steps, then the hours",
            ),
            "the smaller domain": (swap(LENGTH, "max(", "min("), "count the smaller domain"),
            "both domains": (swap(LENGTH, "max(n_a, n_b)", "(n_a + n_b)"), "add the two domains"),
            "only A": (swap(LENGTH, "max(n_a, n_b)", "n_a"), "count the smaller domain"),
            "rounded each epoch": (
                swap(LENGTH, STEPS, "epochs * math.ceil(max(n_a, n_b) / batch_size)"),
                "Round once",
            ),
            "the rest dropped": (
                swap(LENGTH, STEPS, "epochs * (max(n_a, n_b) // batch_size)"),
                "drop the rest",
            ),
            "rounded down": (swap(LENGTH, "math.ceil", "int"), "Round the other way"),
            "not rounded": (swap(LENGTH, "math.ceil", ""), "no fractions of a step"),
            "pictures": (swap(LENGTH, STEPS, "epochs * max(n_a, n_b)"), "go into one step"),
            "times the batch": (swap(LENGTH, " / batch_size", " * batch_size"), "pictures at once"),
            "no epochs": (swap(LENGTH, "epochs * max", "max"), "How many pictures of the larger"),
            "seconds": (swap(LENGTH, " / 3600", ""), "hours are seconds"),
            "minutes": (swap(LENGTH, "3600", "60"), "hours are minutes"),
            "divided by the seconds": (swap(LENGTH, "steps * sec", "steps / sec"), "which two numbers"),
            "the steps alone": (
                swap(LENGTH, "return steps, steps * seconds_per_step / 3600", "return steps"),
                "return two things",
            ),
        },
    ),
    Trial(
        check_update_average,
        STEM,
        SETUP,
        right={
            "state dict copy": swap(
                AVERAGE,
                "    torch._foreach_lerp_(list(average.parameters()), list(network.parameters()), 1 - decay)\n",
                """    target = network.state_dict()
    for name, value in average.state_dict().items():
        value.copy_(value * decay + target[name] * (1 - decay))
""",
            ),
            "data": swap(
                AVERAGE,
                "    torch._foreach_lerp_(list(average.parameters()), list(network.parameters()), 1 - decay)\n",
                "    for a, n in zip(average.parameters(), network.parameters()):\n        a.data = torch.lerp(n.data, a.data, decay)\n",
            ),
            "a loop with copy_": average(
                'for name in ("generator_ab", "generator_ba"):',
                "    for old, new in zip(getattr(average, name).parameters(), getattr(model, name).parameters()):",
                "        old.copy_(d * old + (1 - d) * new)",
            ),
            "in place, by names": average(
                "current = dict(model.named_parameters())",
                "for name, old in average.named_parameters():",
                '    if name.startswith("generator"):',
                "        old.mul_(d).add_(current[name], alpha=1 - d)",
            ),
            "whole state": average(
                "for a, m in ((average.generator_ab, model.generator_ab), (average.generator_ba, model.generator_ba)):",
                "    new = m.state_dict()",
                "    a.load_state_dict({k: d * v + (1 - d) * new[k] for k, v in a.state_dict().items()})",
            ),
        },
        wrong={
            "new Parameters": (
                swap(
                    AVERAGE,
                    "    torch._foreach_lerp_(list(average.parameters()), list(network.parameters()), 1 - decay)\n",
                    """    for (name, old), new in zip(list(average.named_parameters()), network.parameters()):
        *path, last = name.split('.')
        setattr(average.get_submodule('.'.join(path)), last, nn.Parameter(decay * old + (1 - decay) * new))
""",
                ),
                "its own must change in place, as with",
            ),
            "weights only": (
                swap(
                    AVERAGE,
                    "    torch._foreach_lerp_(list(average.parameters()), list(network.parameters()), 1 - decay)\n",
                    """    for (name, old), new in zip(average.named_parameters(), network.parameters()):
        if 'weight' in name:
            old.lerp_(new, 1 - decay)
""",
                ),
                "every weight is averaged, the biases too",
            ),
            "shares memory": (
                swap(
                    AVERAGE,
                    "    torch._foreach_lerp_(list(average.parameters()), list(network.parameters()), 1 - decay)\n",
                    """    for old, new in zip(average.parameters(), network.parameters()):
        if decay == 0:
            old.data = new.data
        else:
            old.lerp_(new, 1 - decay)
""",
                ),
                "the average and the model share memory",
            ),
            "counts its own steps": (
                swap(
                    AVERAGE,
                    "    decay = min",
                    """    global CALLS
    CALLS = globals().get("CALLS", -1) + 1
    step = CALLS // 2
    decay = min""",
                ),
                "of itself; the smaller of decay and ",
            ),
            "from the other generator": (
                swap(
                    AVERAGE,
                    "getattr(model, name)",
                    'getattr(model, "generator_ba" if name.endswith("ab") else "generator_ab")',
                ),
                "the average of generator_ab moves towards the",
            ),
            "model to eval": (
                swap(
                    AVERAGE,
                    "    torch._foreach_lerp_(list(average.parameters()), list(network.parameters()), 1 - decay)\n",
                    "    torch._foreach_lerp_(list(average.parameters()), list(network.parameters()), 1 - decay)\n    network.eval()\n",
                ),
                "your code leaves the model that is being trained in",
            ),
            "gradients cleared": (
                swap(
                    AVERAGE,
                    "    torch._foreach_lerp_(list(average.parameters()), list(network.parameters()), 1 - decay)\n",
                    "    torch._foreach_lerp_(list(average.parameters()), list(network.parameters()), 1 - decay)\n    network.zero_grad()\n",
                ),
                "your code leaves the model that is being trained in",
            ),
            "nothing at decay 0": (
                swap(AVERAGE, "    decay = min(", "    decay = decay or 0.5\n    decay = min("),
                "it should become the model, whatever the step",
            ),
            "capped step": (
                swap(AVERAGE, "(1 + step) / (10 + step)", "(1 + min(step, 1000)) / (10 + min(step, 1000))"),
                "of itself; the smaller of decay and ",
            ),
            "always slow": (
                swap(AVERAGE, "min(decay, (1 + step) / (10 + step))", "(1 + step) / (10 + step)"),
                "you take the larger of the two decays, or always",
            ),
            "the sum too large": (
                swap(AVERAGE, "1 - decay)", "min(1.0, 1.1 - decay))"),
                "of itself; the smaller of decay and ",
            ),
            "frozen": (
                swap(
                    AVERAGE,
                    "    torch._foreach_lerp_(list(average.parameters()), list(network.parameters()), 1 - decay)\n",
                    "    torch._foreach_lerp_(list(average.parameters()), list(network.parameters()), 1 - decay)\n    network.requires_grad_(False)\n",
                ),
                "your code leaves the model that is being trained in",
            ),
            "shares swapped": (swap(AVERAGE, "1 - decay", "decay"), "shares are swapped"),
            "no slow start": (swap(AVERAGE, SLOW, "pass"), "Where is the slow start"),
            "the larger decay": (swap(AVERAGE, "min(decay", "max(decay"), "the smaller one is wanted"),
            "from 1": (swap(AVERAGE, SLOW, "decay = min(decay, (2 + step) / (11 + step))"), "counts from 0"),
            "1 forgotten": (swap(AVERAGE, SLOW, "decay = min(decay, step / (10 + step))"), "counts from 0"),
            "squared": (swap(AVERAGE, "1 - decay", "1 - decay**2"), "the smaller of decay and"),
            "the model moves": (
                swap(
                    AVERAGE,
                    "(list(average.parameters()), list(network.parameters()), 1 - decay)",
                    "(list(network.parameters()), list(average.parameters()), decay)",
                ),
                "only `average` may move",
            ),
            "one generator": (
                swap(AVERAGE, '("generator_ab", "generator_ba")', '("generator_ab",)'),
                "there are two generators",
            ),
            "not in place": (
                average(
                    'for name in ("generator_ab", "generator_ba"):',
                    "    for old, new in zip(getattr(average, name).parameters(), getattr(model, name).parameters()):",
                    "        old = d * old + (1 - d) * new",
                ),
                "did not move at all",
            ),
            "everything": (
                average(
                    "for old, new in zip(average.parameters(), model.parameters()):",
                    "    old.lerp_(new, 1 - d)",
                ),
                "the discriminators as well",
            ),
            "added up": (
                average(
                    'for name in ("generator_ab", "generator_ba"):',
                    "    for old, new in zip(getattr(average, name).parameters(), getattr(model, name).parameters()):",
                    "        old.add_(new, alpha=1 - d)",
                ),
                "the average keeps",
            ),
        },
    ),
    Trial(
        check_resume,
        STEM,
        SETUP,
        right={
            "self.device": swap(
                TRAINER,
                "        self.config, self.step = config, 0\n",
                "        self.config, self.step, self.device = config, 0, device\n",
                "        device = next(self.model.parameters()).device\n",
                "        device = self.device\n",
            ),
            "slices": swap(
                TRAINER,
                'pool.pictures = [picture.to(device) for picture in saved["pictures"]]',
                'pool.pictures[:] = map(lambda p: p.to(device), saved["pictures"])',
                'self.sums = {name: total.to(device) for name, total in state["losses"]["sums"].items()}',
                'self.sums.clear()\n        for name, total in state["losses"]["sums"].items():\n            self.sums[name] = total.to(device, copy=True)',
            ),
            "one after the other": swap(
                TRAINER,
                'for pool, saved in zip((self.pool_a, self.pool_b), state["pools"]):',
                'for k, pool in enumerate([self.pool_a, self.pool_b]):\n            saved = state["pools"][k]',
                AVERAGE_LINE,
                '        if state["average"]:\n            self.average.load_state_dict(state["average"])\n',
            ),
            "attributes set in a loop": swap(
                TRAINER,
                SUMS,
                "self.sums = {}\n        for name in state['losses']['sums']:\n            self.sums[name] = state['losses']['sums'][name].to(device=device)",
                '        self.optimizer_g.load_state_dict(state["optimizer_g"])\n        self.optimizer_d.load_state_dict(state["optimizer_d"])\n',
                '        for name in ("optimizer_d", "optimizer_g"):\n            getattr(self, name).load_state_dict(state[name])\n',
                PICTURES,
                "pool.pictures.clear()\n            pool.pictures.extend(p.to(device) for p in saved['pictures'])",
            ),
        },
        wrong={
            "pictures added": (
                swap(
                    TRAINER,
                    'pool.pictures = [picture.to(device) for picture in saved["pictures"]]',
                    'pool.pictures += [picture.to(device) for picture in saved["pictures"]]',
                ),
                "is the saved list added to what was there",
            ),
            "sums updated": (
                swap(
                    TRAINER,
                    'self.sums = {name: total.to(device) for name, total in state["losses"]["sums"].items()}',
                    'self.sums.update({name: total.to(device) for name, total in state["losses"]["sums"].items()})',
                ),
                "that were not saved",
            ),
            "number added": (
                swap(TRAINER, "self.summed = state", "self.summed += state"),
                "`summed` is 7 and not 5",
            ),
            "step added": (
                swap(TRAINER, 'self.step = state["step"]', 'self.step += state["step"]'),
                "resumes at step 7 and not at 5",
            ),
            "pictures left on the CPU": (
                swap(
                    TRAINER,
                    'pool.pictures = [picture.to(device) for picture in saved["pictures"]]',
                    'pool.pictures = list(saved["pictures"])',
                ),
                "a checkpoint is read onto the CPU, and the networks",
            ),
            "sums left on the CPU": (
                swap(
                    TRAINER,
                    'self.sums = {name: total.to(device) for name, total in state["losses"]["sums"].items()}',
                    'self.sums = dict(state["losses"]["sums"])',
                ),
                "a checkpoint is read onto the CPU, and the networks",
            ),
            "sums added": (
                swap(
                    TRAINER,
                    'self.sums = {name: total.to(device) for name, total in state["losses"]["sums"].items()}',
                    'self.sums = {name: self.sums.get(name, 0) + total.to(device) for name, total in state["losses"]["sums"].items()}',
                ),
                "the sums of the losses did not come back",
            ),
            "pictures without a list": (
                swap(
                    TRAINER,
                    'pool.pictures = [picture.to(device) for picture in saved["pictures"]]',
                    'pool.pictures = tuple(picture.to(device) for picture in saved["pictures"])',
                ),
                "the pool appends to it and exchanges pictures, so",
            ),
            "one tensor of pictures": (
                swap(
                    TRAINER,
                    'pool.pictures = [picture.to(device) for picture in saved["pictures"]]',
                    'pool.pictures = torch.stack([picture.to(device) for picture in saved["pictures"]]) if saved["pictures"] else []',
                ),
                "the pool appends to it and exchanges pictures, so",
            ),
            "the same list": (
                swap(
                    TRAINER,
                    'pool.pictures = [picture.to(device) for picture in saved["pictures"]]',
                    'for k, p in enumerate(saved["pictures"]):\n                saved["pictures"][k] = p.to(device)\n            pool.pictures = saved["pictures"]',
                ),
                "when training goes on, the state that was given",
            ),
            "weights assigned": (
                swap(
                    TRAINER,
                    'self.model.load_state_dict(state["model"])',
                    'self.model.load_state_dict(state["model"], assign=True)',
                ),
                "every part looks right, yet the next steps after",
            ),
            "everything to the device": (
                swap(
                    TRAINER,
                    'pool.generator.set_state(saved["generator"])',
                    'pool.generator.set_state(saved["generator"].to(device))',
                ),
                "the state of a random generator stays on the CPU",
            ),
            "the average of the model": (
                swap(
                    TRAINER,
                    'self.average.load_state_dict(state["average"])',
                    'self.average.load_state_dict(state["model"])',
                ),
                "until it has caught up, the translations are those",
            ),
            "leaves eval": (
                swap(
                    TRAINER,
                    'self.model.load_state_dict(state["model"])',
                    'self.model.load_state_dict(state["model"])\n        self.model.eval()',
                ),
                "after loading, the networks are in another mode or",
            ),
            "frozen": (
                swap(
                    TRAINER,
                    'self.model.load_state_dict(state["model"])',
                    'self.model.load_state_dict(state["model"])\n        self.model.discriminator_a.requires_grad_(False)',
                ),
                "after loading, the networks are in another mode or",
            ),
            "only a fuller pool": (
                swap(
                    TRAINER,
                    'pool.pictures = [picture.to(device) for picture in saved["pictures"]]',
                    'if saved["pictures"] and not pool.pictures:\n                pool.pictures = [picture.to(device) for picture in saved["pictures"]]',
                ),
                "that are not the 2 saved ones",
            ),
            "seed again": (
                swap(
                    TRAINER,
                    'pool.generator.set_state(saved["generator"])',
                    "pool.generator.manual_seed(self.step)",
                ),
                "the pictures of pool_a are back, but not the state",
            ),
            "state eaten": (
                swap(
                    TRAINER,
                    'pool.pictures = [picture.to(device) for picture in saved["pictures"]]',
                    'pool.pictures = [saved["pictures"].pop(0).to(device) for _ in range(len(saved["pictures"]))]',
                ),
                "whoever reads it next finds something else",
            ),
            "the same generator for both": (
                swap(
                    TRAINER,
                    'pool.generator.set_state(saved["generator"])',
                    'pool.generator.set_state(state["pools"][0]["generator"])',
                ),
                "the pictures of pool_b are back, but not the state",
            ),
            "a lazy list": (
                swap(
                    TRAINER,
                    'pool.pictures = [picture.to(device) for picture in saved["pictures"]]',
                    'pool.pictures = (picture.to(device) for picture in saved["pictures"])',
                ),
                "the pool appends to it and exchanges pictures, so",
            ),
            "first picture only": (
                swap(
                    TRAINER,
                    'pool.pictures = [picture.to(device) for picture in saved["pictures"]]',
                    'pool.pictures = [picture.to(device) for picture in saved["pictures"][:1]]',
                ),
                "the discriminator meets other old fakes than before",
            ),
            "as many programs do": (
                swap(
                    TRAINER,
                    '        self.optimizer_g.load_state_dict(state["optimizer_g"])\n        self.optimizer_d.load_state_dict(state["optimizer_d"])\n',
                    "",
                    PICTURES,
                    "pass",
                    RANDOM,
                    "pass",
                ),
                "Adam's two averages",
            ),
            "one optimiser forgotten": (
                swap(TRAINER, '        self.optimizer_d.load_state_dict(state["optimizer_d"])\n', ""),
                "optimizer_d remembers nothing",
            ),
            "the average forgotten": (swap(TRAINER, AVERAGE_LINE, ""), "moving average did not come back"),
            "the average not asked for": (
                swap(TRAINER, AVERAGE_LINE, '        self.average.load_state_dict(state["average"])\n'),
                "there is no average",
            ),
            "the average trains on": (
                swap(
                    TRAINER,
                    'self.model.load_state_dict(state["model"])',
                    'self.model.load_state_dict(state["average"] or state["model"])',
                ),
                "weights of the average",
            ),
            "the networks forgotten": (
                swap(TRAINER, 'self.model.load_state_dict(state["model"])', "pass"),
                "do not hold the saved weights",
            ),
            "the step forgotten": (swap(TRAINER, 'self.step = state["step"]', "pass"), "resumes at step 0"),
            "the step counted twice": (
                swap(TRAINER, 'self.step = state["step"]', 'self.step = state["step"] + 1'),
                "resumes at step 6",
            ),
            "the pools forgotten": (swap(TRAINER, PICTURES, "pass"), "pool_a holds 0 pictures"),
            "the random generator forgotten": (
                swap(TRAINER, RANDOM, "pass"),
                "the state of its random generator",
            ),
            "one pool": (
                swap(TRAINER, "zip((self.pool_a, self.pool_b), state", "zip((self.pool_a,), state"),
                "pool_b holds 0 pictures",
            ),
            "the pools swapped": (
                swap(
                    TRAINER, "zip((self.pool_a, self.pool_b), state", "zip((self.pool_b, self.pool_a), state"
                ),
                "pools are swapped",
            ),
            "the sums forgotten": (swap(TRAINER, SUMS, "pass"), "sums of the losses did not"),
            "their number forgotten": (
                swap(TRAINER, 'self.summed = state["losses"]["summed"]', "pass"),
                "the wrong number",
            ),
            "one optimiser for both": (
                swap(
                    TRAINER,
                    'self.optimizer_d.load_state_dict(state["optimizer_d"])',
                    'self.optimizer_d.load_state_dict(state["optimizer_g"])',
                ),
                "ValueError",
            ),
        },
    ),
]

test_right, test_wrong, test_enough = trial_tests(TRIALS)
