"""The checks of notebook 12: patches of the same places, their contrast, its two ends, and the direction without a way back."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from minicyclegan.checks.frame import exercise, expect
from minicyclegan.checks.gan_loss import refuse
from minicyclegan.checks.probes import reached, same_gradients, untouched


def unit(n: int, places: int, width: int) -> Tensor:
    return F.normalize(torch.randn(n, places, width), dim=-1)


@exercise("at each place its own features, from its own layers, as a vector of length 1")
def check_patch_head(PatchHead):
    for sizes in (((4, 6), (2, 3)), ((5, 5), (3, 4))):
        features = [torch.randn(2, 3, *sizes[0]), torch.randn(2, 8, *sizes[1])]
        places = [torch.tensor([7, 0, 13, 5]), torch.tensor([5, 2, 4])]
        head = PatchHead([3, 8], 16)
        with untouched("PatchHead", features=features, places=places):
            found = head(features, places)
        expect(
            isinstance(found, (list, tuple)) and len(found) == 2,
            "the head should return a list with one tensor for each depth.",
        )
        for depth, (mine, x, here) in enumerate(zip(found, features, places)):
            shape = (2, len(here), 16)
            expect(
                isinstance(mine, Tensor) and tuple(mine.shape) == shape,
                f"depth {depth} should be (N, P, width), here {shape}, but it is {tuple(getattr(mine, 'shape', ()))}.",
            )
            compare_vectors(mine, x, here, head.layers, depth)
        loss = sum((x * torch.randn_like(x)).sum() for x in found)
        expect(
            reached(loss, head.parameters()),
            "the values are right, but no gradient reaches the head's own layers: something is detached.",
        )


def compare_vectors(mine: Tensor, x: Tensor, here: Tensor, layers, depth: int) -> None:
    """One depth against what it should be, with a hint for each usual slip."""
    rows = x.flatten(2)[:, :, here].transpose(1, 2)
    columns = x.transpose(2, 3).flatten(2)[:, :, here].transpose(1, 2)
    first = x.flatten(2)[:, :, : len(here)].transpose(1, 2)
    with torch.no_grad():
        wanted = F.normalize(layers[depth](rows), dim=-1)
        mistakes = [
            (layers[depth](rows), "these vectors are as long as they came out of the layers: divide each by its own length (F.normalize)."),
            (F.normalize(layers[depth](rows), dim=1), "you divide by a length that runs over the places: each vector, the last dimension, gets a length of 1."),
            (F.normalize(layers[depth](rows), dim=0), "you divide by a length that runs over the pictures: each vector, the last dimension, gets a length of 1."),
            (F.normalize(layers[depth](columns), dim=-1), "these are the places counted column by column; they count row by row, as `flatten` does."),
            (F.normalize(layers[depth](first), dim=-1), "these are the first places and not the ones that were asked for: index with `places`."),
            (F.normalize(layers[depth](x.flatten(2)[:, :, here.sort().values].transpose(1, 2)), dim=-1), "the places are there, but in another order than they were asked for."),
        ]  # fmt: skip
    with torch.no_grad():
        refuse(
            mine.detach(),
            wanted,
            mistakes,
            f"the vectors of depth {depth} are not those of its layers at the places asked for: take the features at `places[{depth}]`, then layer {depth} of the head, then a length of 1.",
        )


@exercise("each query is compared with all keys of its own picture, and its own key is the answer")
def check_patch_nce_loss(patch_nce_loss):
    for n, places, width, temperature in ((2, 6, 5, 0.07), (3, 4, 8, 0.5)):
        queries, keys = unit(n, places, width).requires_grad_(), unit(n, places, width).requires_grad_()
        with untouched("patch_nce_loss", queries=queries, keys=keys):
            loss = patch_nce_loss(queries, keys, temperature)
        expect(
            isinstance(loss, Tensor) and loss.shape == (),
            "the loss should be one number, a tensor without dimensions: the mean over all places of all pictures.",
        )
        likeness = queries @ keys.detach().transpose(1, 2) / temperature
        wanted = contrast(likeness)
        with torch.no_grad():
            whole = queries.flatten(0, 1) @ keys.flatten(0, 1).T / temperature
            euclid = -torch.cdist(queries, keys).square() / temperature
            own = likeness.diagonal(dim1=1, dim2=2)
            others = likeness.masked_fill(torch.eye(places, dtype=torch.bool), -math.inf)
            mistakes = [
                (contrast(likeness * temperature), "you do not divide by the temperature."),
                (contrast(likeness * temperature**2), "you multiply by the temperature; divide by it."),
                (contrast(whole[None]), "you compare with the patches of all pictures in the batch: the wrong answers come from the query's own picture."),
                (contrast(likeness.transpose(1, 2)), "you ask the keys and let the queries answer: each query chooses among the keys."),
                (-own.mean(), "you only look at the right key; the others must be less alike, or everything may become one point."),
                ((others.logsumexp(-1) - own).mean(), "the right key belongs below the fraction line too, beside the wrong ones."),
                (contrast(likeness) * places, "that is a sum over the places: take the mean, or the loss grows with their number."),
                (contrast(likeness) * places * n, "that is a sum over all places of all pictures: take the mean."),
                (contrast(likeness) * n, "that is a sum over the pictures: take the mean."),
                (contrast(euclid), "that is a distance; the paper compares by the scalar product of the two vectors."),
                (-contrast(likeness), "the sign is turned: the loss falls when the right key is chosen."),
            ]  # fmt: skip
        refuse(
            loss.detach(),
            wanted.detach(),
            mistakes,
            f"for {places} places the loss should be {float(wanted.detach()):.4f}, and yours is {float(loss.detach()):.4f}: cross-entropy of queries @ keys / temperature, where place i is the answer for query i.",
        )
        expect(
            reached(loss, [queries]),
            "the value is right, but no gradient reaches the queries: the generator would learn nothing.",
        )
        expect(
            not reached(loss, [keys]),
            "the value is right, but the keys get a gradient too: they are what is aimed at, so detach them.",
        )
        expect(
            same_gradients(loss, wanted, [queries]), "the value is right, but the queries' gradient is not."
        )
    with torch.no_grad():
        far = 40 * unit(2, 5, 4)
        expect(
            bool(torch.as_tensor(patch_nce_loss(far, far, 0.01)).isfinite()),
            "for large numbers the loss is not finite: exp overflows. F.cross_entropy, or logsumexp, takes care of that.",
        )


def contrast(likeness: Tensor) -> Tensor:
    """(N, P, P): the mean of -log softmax on the diagonal."""
    return -likeness.log_softmax(-1).diagonal(dim1=1, dim2=2).mean()


@exercise("guessing costs log P, whatever the temperature; and perfection costs more, the warmer it is")
def check_two_ends(guessing, perfect):
    for patches in (256, 16, 2):
        found = float(guessing(patches))
        wanted = math.log(patches)
        for wrong, hint in (
            (1 / patches, "that is the chance to guess right; the loss is minus its logarithm."),
            (math.log2(patches), "cross-entropy is measured with the natural logarithm, `math.log`."),
            (-wanted, "the sign is turned: the logarithm of a chance is negative, and the loss has a minus."),
            (math.log(patches - 1), "the right key is among the answers too: P of them, not P - 1."),
        ):
            expect(patches == 2 or not math.isclose(found, wrong, rel_tol=1e-6), f"guessing: {hint}")
        expect(
            math.isclose(found, wanted, rel_tol=1e-6),
            f"guessing among {patches} should cost {wanted:.4f}, and yours is {found:.4f}: every answer has a probability of 1 / {patches}.",
        )
        for temperature in (0.07, 0.5, 1.0, 2.0):
            found = float(perfect(patches, temperature))
            wanted = math.log1p((patches - 1) * math.exp(-1 / temperature))
            hints = [
                (0.0, "perfect is not free: the wrong keys have a likeness of 0, and exp(0) = 1 for each of them."),
                (math.log1p((patches - 1) * math.exp(-temperature)), "the likeness is divided by the temperature: 1 / temperature, not the temperature."),
                (math.log1p(patches * math.exp(-1 / temperature)), "there are P - 1 wrong keys, not P."),
                (math.log1p((patches - 1) * math.exp(-2 / temperature)), "the wrong keys stand at a right angle, a likeness of 0, not -1."),
                (math.log((patches - 1) * math.exp(-1 / temperature)), "the right key is below the fraction line too: 1 + (P - 1) ..."),
            ]  # fmt: skip
            for wrong, hint in hints:
                if not math.isclose(wrong, wanted, rel_tol=1e-4, abs_tol=1e-12):
                    expect(not math.isclose(found, wrong, rel_tol=1e-6, abs_tol=1e-15), f"perfect: {hint}")
            expect(
                math.isclose(found, wanted, rel_tol=1e-4, abs_tol=1e-12),
                f"perfect, {patches} patches at {temperature}: {wanted:.4g}, and yours is {found:.4g}. Begin with the softmax of one 1 / temperature and {patches - 1} zeros.",
            )
