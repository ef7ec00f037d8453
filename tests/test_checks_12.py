"""The checks of notebook 12 against wrong answers and different right ones."""

from mutants import Trial, solution, swap, trial_tests

from minicyclegan.checks import check_one_sided, check_patch_head, check_patch_nce_loss, check_two_ends

NOTEBOOK = "12_patch_nce"
HEAD = solution(NOTEBOOK, "check_patch_head")
LOSS = solution(NOTEBOOK, "check_patch_nce_loss")
ENDS = solution(NOTEBOOK, "check_two_ends")
CUT = solution(NOTEBOOK, "check_one_sided")
CHOSEN, NORMAL = "x.flatten(2)[:, :, here].transpose(1, 2)", "F.normalize(layer(x), dim=-1)"
SETUP = """
import math
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from minicyclegan.cyclegan import CycleGAN
from minicyclegan.gan_loss import generator_loss
from minicyclegan.parameters import Config
from minicyclegan.patch_nce import PatchHead, encoder_features, feature_layers, patch_nce_loss
"""


def loss(body: str) -> str:
    return f"def patch_nce_loss(queries, keys, temperature=0.07):\n    {body}\n"


def ends(guessing: str = "math.log(patches)", perfect: str = "math.log(1 + (patches - 1) * math.exp(-1 / temperature))") -> str:  # fmt: skip
    return f"def guessing(patches):\n    return {guessing}\n\n\ndef perfect(patches, temperature):\n    return {perfect}\n"


TRIALS = [
    Trial(
        check_patch_head,
        NOTEBOOK,
        SETUP,
        right={
            "channels last first": swap(HEAD, CHOSEN, "x.permute(0, 2, 3, 1).flatten(1, 2)[:, here]"),
            "divided by hand": swap(HEAD, NORMAL, "layer(x) / layer(x).norm(dim=2, keepdim=True)"),
            "rows and columns": swap(
                HEAD, CHOSEN, "x[:, :, here // x.shape[3], here % x.shape[3]].permute(0, 2, 1)"
            ),
        },
        wrong={
            "no length": (swap(HEAD, NORMAL, "layer(x)"), "divide each by its own length"),
            "default dimension": (swap(HEAD, NORMAL, "F.normalize(layer(x))"), "runs over the places"),
            "over the pictures": (
                swap(HEAD, NORMAL, "F.normalize(layer(x), dim=0)"),
                "runs over the pictures",
            ),
            "column by column": (
                swap(HEAD, CHOSEN, "x.transpose(2, 3).flatten(2)[:, :, here].transpose(1, 2)"),
                "row by row",
            ),
            "the first places": (
                swap(HEAD, CHOSEN, "x.flatten(2)[:, :, : len(here)].transpose(1, 2)"),
                "index with `places`",
            ),
            "in another order": (
                swap(HEAD, CHOSEN, "x.flatten(2)[:, :, here.sort().values].transpose(1, 2)"),
                "in another order than they were asked for",
            ),
            "all places": (swap(HEAD, CHOSEN, "x.flatten(2).transpose(1, 2)"), "(N, P, width)"),
            "not exchanged back": (
                swap(HEAD, NORMAL, "F.normalize(layer(x), dim=-1).transpose(1, 2)"),
                "(N, P, width)",
            ),
            "detached": (swap(HEAD, NORMAL, "F.normalize(layer(x), dim=-1).detach()"), "is detached"),
            "the layers of the first depth": (
                swap(
                    HEAD,
                    "zip(self.layers, chosen, strict=True)",
                    "zip([self.layers[0]] * len(chosen), chosen)",
                ),
                "your code stopped",
            ),  # fmt: skip
            "nothing": (swap(HEAD, "return [", "found = ["), "should return a list"),
        },
    ),
    Trial(
        check_patch_nce_loss,
        NOTEBOOK,
        SETUP,
        right={
            "log_softmax": loss(
                "likeness = torch.einsum('npc,nqc->npq', queries, keys.detach()) / temperature\n    return -likeness.log_softmax(2).diagonal(dim1=1, dim2=2).mean()"
            ),
            "picture by picture": loss(
                "terms = [F.cross_entropy(q @ k.detach().T / temperature, torch.arange(len(q))) for q, k in zip(queries, keys)]\n    return sum(terms) / len(terms)"
            ),
            "logsumexp": loss(
                "s = queries @ keys.detach().transpose(1, 2) / temperature\n    own = (queries * keys.detach()).sum(-1) / temperature\n    return (s.logsumexp(-1) - own).mean()"
            ),
        },
        wrong={
            "no temperature": (swap(LOSS, " / temperature", ""), "do not divide by the temperature"),
            "times temperature": (
                swap(LOSS, "/ temperature", "* temperature"),
                "multiply by the temperature",
            ),
            "keys learn": (swap(LOSS, "keys.detach()", "keys"), "keys get a gradient too"),
            "queries detached": (
                swap(LOSS, "queries @ keys.detach()", "queries.detach() @ keys"),
                "no gradient reaches the queries",
            ),
            "keys ask": (
                swap(
                    LOSS, "queries @ keys.detach().transpose(1, 2)", "keys.detach() @ queries.transpose(1, 2)"
                ),
                "you ask the keys",
            ),  # fmt: skip
            "the whole batch": (
                loss(
                    "s = queries.flatten(0, 1) @ keys.detach().flatten(0, 1).T / temperature\n    return F.cross_entropy(s, torch.arange(len(s)))"
                ),
                "all pictures in the batch",
            ),
            "only the right key": (
                loss("return -((queries * keys.detach()).sum(-1) / temperature).mean()"),
                "only look at the right key",
            ),
            "right key not below the line": (
                loss(
                    "s = queries @ keys.detach().transpose(1, 2) / temperature\n    own = s.diagonal(dim1=1, dim2=2)\n    rest = s.masked_fill(torch.eye(s.shape[1], dtype=torch.bool), -math.inf)\n    return (rest.logsumexp(-1) - own).mean()"
                ),
                "below the fraction line",
            ),
            "sum": (
                swap(
                    LOSS,
                    "F.cross_entropy(logits.flatten(0, 1), answers)",
                    "F.cross_entropy(logits.flatten(0, 1), answers, reduction='sum')",
                ),
                "sum over all places",
            ),  # fmt: skip
            "no reduction": (
                swap(
                    LOSS,
                    "F.cross_entropy(logits.flatten(0, 1), answers)",
                    "F.cross_entropy(logits.flatten(0, 1), answers, reduction='none')",
                ),
                "one number",
            ),  # fmt: skip
            "the sign": (swap(LOSS, "return F.cross", "return -F.cross"), "the sign is turned"),
            "distances": (
                swap(
                    LOSS,
                    "queries @ keys.detach().transpose(1, 2)",
                    "-torch.cdist(queries, keys.detach()).square()",
                ),
                "that is a distance",
            ),  # fmt: skip
            "always the first": (
                swap(
                    LOSS,
                    "torch.arange(logits.shape[1], device=logits.device)",
                    "torch.zeros(logits.shape[1], dtype=torch.long)",
                ),
                "place i is the answer",
            ),  # fmt: skip
            "by hand, overflowing": (
                loss(
                    "s = (queries @ keys.detach().transpose(1, 2) / temperature).exp()\n    return -(s.diagonal(dim1=1, dim2=2) / s.sum(-1)).log().mean()"
                ),
                "exp overflows",
            ),
            "in place": (
                loss(
                    "queries.data /= 2\n    s = queries @ keys.detach().transpose(1, 2) / temperature\n    return F.cross_entropy(s.flatten(0, 1), torch.arange(s.shape[1]).repeat(len(s)))"
                ),
                "writes into",
            ),
        },
    ),
    Trial(
        check_two_ends,
        NOTEBOOK,
        SETUP,
        right={
            "plain log": ends(),
            "by softmax": ends(
                "-math.log(1 / patches)",
                "-math.log(math.exp(1 / temperature) / (math.exp(1 / temperature) + patches - 1))",
            ),
            "with torch": ends(
                "float(torch.tensor(float(patches)).log())",
                "float(F.cross_entropy(torch.tensor([[1 / temperature] + [0.0] * (patches - 1)], dtype=torch.float64), torch.tensor([0])))",
            ),
        },
        wrong={
            "a chance": (ends("1 / patches"), "the chance to guess right"),
            "bits": (ends("math.log2(patches)"), "natural logarithm"),
            "negative": (ends("math.log(1 / patches)"), "the sign is turned"),
            "one less": (
                ends("math.log(patches - 1) if patches > 2 else math.log(2)"),
                "P of them, not P - 1",
            ),
            "free": (ends(perfect="0.0"), "perfect is not free"),
            "times temperature": (
                ends(perfect="math.log(1 + (patches - 1) * math.exp(-temperature))"),
                "1 / temperature, not the temperature",
            ),
            "P wrong keys": (
                ends(perfect="math.log(1 + patches * math.exp(-1 / temperature))"),
                "P - 1 wrong keys",
            ),
            "opposite keys": (
                ends(perfect="math.log(1 + (patches - 1) * math.exp(-2 / temperature))"),
                "a likeness of 0, not -1",
            ),
            "without the right key": (
                ends(perfect="math.log((patches - 1) * math.exp(-1 / temperature))"),
                "the right key is below",
            ),
        },  # fmt: skip
    ),
    Trial(
        check_one_sided,
        NOTEBOOK,
        SETUP,
        right={
            "with if": swap(
                CUT, "torch.where(mirrored, given.flip(3), given)", "given.flip(3) if mirrored else given"
            ),  # fmt: skip
            "keys first": swap(
                CUT,
                "made = there(",
                "with torch.no_grad():\n                known = encoder_features(there, given, self.layers)\n            made = there(",
            ),
            "detached instead of no_grad": swap(
                CUT,
                "with torch.no_grad():\n                known = encoder_features(there, given, self.layers)",
                "known = [x.detach() for x in encoder_features(there, given, self.layers)]",
            ),
        },
        wrong={
            "never mirrored": (
                swap(CUT, "there(torch.where(mirrored, given.flip(3), given))", "there(given)"),
                "the generator should see it so",
            ),
            "not turned back": (
                swap(CUT, "torch.where(mirrored, x.flip(3), x).to(real)", "x.to(real)"),
                "must be turned back",
            ),
            "summed over the depths": (
                swap(CUT, "torch.stack(each).mean()", "torch.stack(each).sum()"),
                "take their mean",
            ),
            "without weight": (
                swap(CUT, "config.lambda_nce / len(parts) * torch", "1 / len(parts) * torch"),
                "has a weight",
            ),
            "not halved": (
                swap(CUT, "config.lambda_nce / len(parts)", "config.lambda_nce"),
                "half of `lambda_nce`",
            ),  # fmt: skip
            "the other head": (
                swap(CUT, "there is self.generator_ab", "there is self.generator_ba"),
                "a head of its own",
            ),
            "keys from the translation": (
                swap(CUT, "known = encoder_features(there, given,", "known = encoder_features(there, made,"),
                "nothing ties it to its input",
            ),
            "keys learn": (
                swap(
                    CUT,
                    "with torch.no_grad():\n                known",
                    "if True:\n                known",
                    "key[part]",
                    "key[part]",
                ).replace(
                    "patch_nce_loss(query[part]",
                    "-(query[part] @ key[part].transpose(1, 2) / 0.07).log_softmax(-1).diagonal(dim1=1, dim2=2).mean() if True else patch_nce_loss(query[part]",
                ),
                "the gradient of the",
            ),
            "comes back": (
                swap(
                    CUT,
                    "fake = made[: len(real)]",
                    "fake = made[: len(real)]\n            cycled = back(fake)",
                ),
                "there is no way back",
            ),
            "all are fakes": (swap(CUT, "fake = made[: len(real)]", "fake = made"), "your code stopped with"),
            "always with identity": (
                swap(CUT, 'with_identity = with_identity and config.method == "cut"', "with_identity = True"),
                "only where `with_identity` is true",
            ),
            "never with identity": (
                swap(
                    CUT, 'with_identity = with_identity and config.method == "cut"', "with_identity = False"
                ),
                "`nce_identity` is missing",
            ),
            "no noise": (
                swap(CUT, "discriminator(fake + seen_noise)", "discriminator(fake)"),
                "the loss gan is",
            ),
            "the fakes are wanted fake": (
                swap(
                    CUT,
                    "generator_loss(discriminator(fake + seen_noise), config.gan_mode)",
                    "discriminator(fake + seen_noise).square().mean()",
                ),
                "the loss gan is",
            ),
        },  # fmt: skip
    ),
]

test_right, test_wrong, test_enough = trial_tests(TRIALS)
