"""The check of notebook 08 on the fraud that hides a picture."""

import torch
from torch import Tensor

from minicyclegan.checks.evaluation import tensor
from minicyclegan.checks.frame import NotYet, exercise, expect
from minicyclegan.checks.probes import untouched


@exercise("the postcard looks untouched, stays in the range, and holds the whole picture")
def check_hidden(hide, restore):
    for n, height, width in ((3, 8, 8), (3, 12, 12), (4, 6, 10)):
        pictures = torch.rand(n, 3, height, width) * 2 - 1
        pictures[0].sign_()  # black and white to the ends of the range
        postcard = torch.rand(1, 3, height, width) * 2 - 1
        postcard[..., : width // 2].sign_()
        with untouched("hide", pictures=pictures, postcard=postcard):
            sent = tensor(hide(pictures, postcard), "hide")
        others = pictures.flip(0) / 2
        apart = tensor(hide(others, postcard), "hide")
        expect(
            sent.shape == pictures.shape,
            f"hide makes {tuple(sent.shape)} of pictures {tuple(pictures.shape)}: one postcard for each picture.",
        )
        expect(
            not torch.equal(sent, pictures),
            "hide returns the pictures themselves: anybody can see that they are not postcards.",
        )
        expect(
            float((sent - postcard).abs().max()) > 0,
            "hide returns the bare postcard: nothing of the picture is in it, so nothing can come back.",
        )
        visible = float((sent - postcard).abs().max())
        expect(
            visible <= 0.0402,
            f"what you send differs from the postcard by up to {visible:.3f}, and 0.04 is the limit: make the hidden picture fainter.",
        )
        outside = float(sent.abs().max())
        expect(
            outside <= 1.00001,
            f"what you send reaches {outside:.3f}, outside [-1, 1]: where the postcard is white there is no room. How can it make some?",
        )
        with untouched("restore", sent=sent, postcard=postcard):
            back = tensor(restore(sent, postcard), "restore")
        expect(
            back.shape == pictures.shape,
            f"restore makes {tuple(back.shape)} of {tuple(sent.shape)}: one picture for each postcard.",
        )
        one = tensor(restore(sent[2:3].clone(), postcard.clone()), "restore")
        expect(
            one.shape[0] == 1 and torch.allclose(one, back[2:3], atol=1e-3),
            "restore gives a different result for the third postcard alone than in the batch: it may use nothing but the postcard it is given.",
        )
        mixed = tensor(restore(torch.cat([apart[:1], sent[1:2]]), postcard.clone()), "restore")
        expect(
            torch.allclose(
                mixed, torch.cat([tensor(restore(apart, postcard), "restore")[:1], back[1:2]]), atol=1e-3
            ),
            "restore gives a different result for postcards that hide made in two calls: it may remember nothing, and use nothing but the postcards it is given.",
        )
        error = float((back - pictures).abs().mean()) / 2
        if error >= 0.001:
            raise NotYet(hint_for_hidden(back, pictures, sent, postcard, error))


def hint_for_hidden(back: Tensor, pictures: Tensor, sent: Tensor, postcard: Tensor, error: float) -> str:
    start = f"what comes back has a cycle error of {error:.3f}, and it should be below 0.001"
    if torch.allclose(back, sent):
        return f"{start}: restore returns the postcard as it came."
    x, y = back - back.mean(), pictures - pictures.mean()
    likeness = float((x * y).sum() / (x.norm() * y.norm()).clamp(min=1e-9))
    cut_off = sent.abs() >= 1
    rest = (back - pictures)[~cut_off].abs()
    if cut_off.any() and rest.numel() and float(rest.max()) < 0.01:
        return f"{start}: it is right except where you cut the postcard off at -1 and 1. A clamp destroys what it cuts; make room instead."
    if likeness > 0.9:
        factor = float((back * pictures).sum() / pictures.square().sum())
        return f"{start}: it is like the picture, but {factor:.2g} times as strong or with some of the postcard left in it. Undo in restore exactly what hide did, in reverse order."
    rest = back - pictures
    share = float((rest * postcard).sum() / postcard.expand_as(rest).square().sum())
    if torch.allclose(rest, share * postcard.expand_as(rest), atol=1e-3):
        return f"{start}: it is the picture plus {share:.3g} times the postcard. How much of the postcard did hide send?"
    if likeness < -0.5:
        return f"{start}: it is like the picture's negative. What is subtracted from what?"
    return f"{start}: it is not like the picture. What did hide add to what, and with which factor?"
