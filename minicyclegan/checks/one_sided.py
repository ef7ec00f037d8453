"""The check of notebook 12 on CUT: one direction whose content is held by the contrast of patches."""

import torch
from torch import Tensor, nn

from minicyclegan.checks.frame import NotYet, exercise, expect
from minicyclegan.checks.patch_nce import contrast
from minicyclegan.checks.probes import same_gradients, unlike, untouched
from minicyclegan.parameters import Config
from minicyclegan.patch_nce import encoder_features

SLIPS = {
    "turned away": "the input is mirrored in this step, and the generator should see it so; where `mirrored` is true, flip the last dimension.",
    "not turned back": "the input was mirrored, so the features of the translation must be turned back before they are compared: place by place they show the other side.",
    "summed": "you add up the depths; take their mean, or a network with more depths has a heavier contrast.",
    "without weight": "the contrast has a weight, `lambda_nce`.",
    "not halved": "where both contrasts are there, each has half of `lambda_nce`.",
    "fake asks itself": "the keys come from the pictures that went in; yours come from the translation, so nothing ties it to its input.",
    "keys of the others": "the keys must come from the pictures that were translated: `real` for the fakes, and `other` for what the generator made of `other`.",
    "other head": "each generator has a head of its own: `head_ab` belongs to `generator_ab`.",
    "same places in turn": "the keys must be taken at the same places as the queries.",
}


class NoWayBack(nn.Module):
    """Stands in the place of the other generator, and is not to be used."""

    def forward(self, x):
        raise NotYet("your direction calls `back`: there is no way back in this method.")


def expected(model, there, discriminator, real, other, noise, identity: bool, slip: str = "") -> dict:
    """The losses of one direction, or what a slip makes of them."""
    seen, places, mirrored = noise
    head = model.head_ab if (there is model.generator_ab) != (slip == "other head") else model.head_ba
    given = torch.cat([real, other]) if identity else real
    made = there(given.flip(3) if mirrored and slip != "turned away" else given)
    losses = {"gan": (discriminator(made[: len(real)] + seen) - 1).square().mean()}
    asked = encoder_features(there, made, model.layers)
    if mirrored and slip != "not turned back":
        asked = [x.flip(3) for x in asked]
    source = made if slip == "fake asks itself" else given
    if slip == "keys of the others":
        source = torch.cat([other, real]) if identity else other
    known = [x.detach() for x in encoder_features(there, source, model.layers)]
    others = [here.flip(0) for here in places] if slip == "same places in turn" else places
    queries, keys = head(asked, places), [key.detach() for key in head(known, others)]
    parts = {"nce": slice(len(real))} | ({"nce_identity": slice(len(real), None)} if identity else {})
    for name, part in parts.items():
        terms = [contrast(q[part] @ k[part].transpose(1, 2) / 0.07) for q, k in zip(queries, keys)]
        weight = 1.0 if slip == "without weight" else model.config.lambda_nce
        weight /= 1 if slip == "not halved" else len(parts)
        losses[name] = weight * (sum(terms) if slip == "summed" else sum(terms) / len(terms))
    return losses


def near(one: Tensor, other: Tensor) -> bool:
    return torch.allclose(torch.as_tensor(one).double(), other.double(), rtol=1e-4, atol=1e-7)


@exercise(
    "a fake that passes for the target domain, patches that remember where they are from, and no way back"
)
def check_one_sided(CUT):
    for method in ("cut", "fastcut"):
        config = Config(
            image_size=16, base_channels=4, n_blocks=2, n_downsamplings=1, method=method, lambda_nce=0.6,
            discriminator_channels=4, discriminator_layers=1,
        )  # fmt: skip
        model = CUT(config).double()
        with torch.no_grad():
            for weight in model.parameters():
                weight.add_(0.2 * torch.randn_like(weight))
        pictures = torch.rand(2, 2, 3, 16, 16, dtype=torch.float64) * 2 - 1
        places = [torch.randperm(256 // s**2)[:40] for s in model.scales]
        for way, start, mirrored in (("ab", 0, False), ("ba", 1, True)):
            real, other = pictures[start], pictures[1 - start]
            noise = 0.1 * torch.randn_like(real), places, torch.tensor(mirrored and method == "fastcut")
            given = getattr(model, f"generator_{way}"), getattr(model, f"discriminator_{way[1]}"), real, other, noise  # fmt: skip
            for wanted in (True, False):
                compare_direction(model, way, given, wanted, method == "cut" and wanted)


def compare_direction(model, way: str, given: tuple, with_identity: bool, identity: bool) -> None:
    there, discriminator, real, other, noise = given
    with untouched("one_direction", pictures=[real, other], noise=list(noise[1])):
        found = model.one_direction(there, NoWayBack(), discriminator, real, other, noise, with_identity)
    expect(
        isinstance(found, tuple) and len(found) == 2 and isinstance(found[0], dict),
        "one_direction should return two things, as in CycleGAN: the losses by name, and the fakes.",
    )
    losses, fake = found
    wanted = expected(model, there, discriminator, real, other, noise, identity)
    expect(
        "nce_identity" in losses or not identity,
        "with the method `cut` and `with_identity`, pictures of the target domain are compared with what the generator makes of them: `nce_identity` is missing.",
    )
    expect(
        "nce_identity" not in losses or identity,
        "`nce_identity` belongs to the method `cut`, and only where `with_identity` is true.",
    )
    expect(
        losses.keys() == wanted.keys(),
        f"the losses should be named {', '.join(wanted)}, and yours are {', '.join(map(str, losses))}.",
    )
    expect(
        isinstance(fake, Tensor) and fake.shape == real.shape,
        f"the fakes should be the translations of `real` alone, {tuple(real.shape)}, and yours are {tuple(getattr(fake, 'shape', ()))}.",
    )
    slips = [] if near(losses["nce"], wanted["nce"]) and near(losses["gan"], wanted["gan"]) else SLIPS
    for name in slips:
        wrong = expected(model, there, discriminator, real, other, noise, identity, name)
        same = near(losses["nce"], wrong["nce"]) and near(losses["gan"], wrong["gan"])
        expect(not same or near(wrong["nce"], wanted["nce"]) and near(wrong["gan"], wanted["gan"]), SLIPS[name])  # fmt: skip
    for name, value in wanted.items():
        mine, right = unlike(losses[name], value)
        expect(near(losses[name], value), f"the loss {name} is {mine}, and it should be {right}.")
    head = model.head_ab if way == "ab" else model.head_ba
    for network, words in ((there, "generator"), (head, "head")):
        expect(
            same_gradients(sum(losses.values()), sum(wanted.values()), network.parameters()),
            f"the values are right, but the gradient of the {words} is not: the queries need theirs, and the keys, which are what is aimed at, have none.",
        )
