"""The checks of notebook 03 on the receptive field: its arithmetic, its repair, and how far one pixel reaches."""

import torch

from minicyclegan.checks.discriminator import (
    compare_kernels,
    compare_layers,
    convolutions,
    listed,
    random_int,
    scores_of,
    through,
    whole,
)
from minicyclegan.checks.frame import exercise, expect


@exercise("the field is that of the whole chain, for any kernels and strides")
def check_receptive_field(receptive_field):
    cases = [([4], [2]), ([5, 3, 4], [2, 3, 2])]
    for n in (3, 5, 6):
        kernels, strides = [random_int(3, 7) for _ in range(n)], [random_int(2, 3) for _ in range(n)]
        cases.append((kernels, strides))
    for kernels, strides in cases:
        given = list(kernels), list(strides)
        found = whole(receptive_field(*given), "receptive_field")
        expect(
            given == (kernels, strides),
            "your function empties or changes the lists that it was given: read them without `pop` or `reverse`.",
        )
        compare_field(found, kernels, strides)
    cases = [([4] * 5, [2, 2, 2, 1, 1]), ([5, 3, 3, 7], [1, 1, 2, 1])]
    for n in (1, 2, 3, 4, 4, 5):  # any kernels and strides, also of 1
        cases.append(([random_int(1, 9) for _ in range(n)], [random_int(1, 4) for _ in range(n)]))
    for kernels, strides in cases:
        found, wanted = whole(receptive_field(kernels, strides), "receptive_field"), chain(kernels, strides)
        expect(
            found == wanted,
            f"for kernels {listed(kernels)} and strides {listed(strides)} you get {found}, but the field is {wanted}: the walk back is the same for every kernel and stride, also for 1.",
        )


def chain(kernels, strides, start: int = 1, less: int = 1, add: int = 0) -> int:
    """The arithmetic of the field; with other arguments, its usual mistakes."""
    field = start
    for kernel, stride in zip(reversed(kernels), reversed(strides)):
        field = (field - less) * stride + kernel + add
    return field


def compare_field(found: int, kernels: list[int], strides: list[int]) -> None:
    wanted = chain(kernels, strides)
    text = f"for kernels {listed(kernels)} and strides {listed(strides)} you get {found}"
    for value, hint in (
        (chain(kernels[::-1], strides[::-1]), "you go from the first layer to the last. One score is where we start: go backwards."),
        (chain(kernels, strides, less=0), "n places in a row have n - 1 steps between them, not n."),
        (chain(kernels, strides, start=0), "you start with a field of 0 px, but one score is one place: start with 1."),
        (chain(kernels, strides, start=0, less=0), "you start with 0; one score is one place, and n places in a row have n - 1 steps between them."),
        (chain(kernels, strides, add=-1), "each window is as wide as its kernel, not one less: the formula adds the whole kernel."),
        (chain(kernels, strides, start=kernels[-1]), "the last layer counts twice: start with 1, the score itself."),
        (chain(kernels, [1] * len(kernels)), "that would be right if every stride were 1: where do your strides come in?"),
        (chain(kernels[1:], strides[1:]), "the first layer is missing: the walk back ends at the picture."),
        (chain(kernels[:-1], strides[:-1]), "the last layer is missing: the walk back begins there."),
        (chain(kernels[-1:], strides[-1:]), "that is the last layer alone: is the `return` inside the loop?"),
        (70, "70 is right for the paper's layers; your function should work for any."),
    ):  # fmt: skip
        expect(found == wanted or found != value, f"{text}: {hint}")
    expect(
        found == wanted,
        f"{text}, but the field is different. Work it out on paper, with field = 1 at the score.",
    )


@exercise("the field is 70 px, and nothing else has changed")
def check_discriminator_of_70(discriminator_of_70):
    from minicyclegan.discriminator import receptive_field_by_gradient

    c = random_int(2, 5)
    network = discriminator_of_70(c)
    x = torch.randn(1, 3, 128, 128)
    y = scores_of(network, x, f"discriminator_of_70({c})")
    layers = convolutions(network)
    expect(
        len(layers) == 5,
        f"your network has {len(layers)} convolutions, the broken one has 5: that is the right number of layers; how far does each one step?",
    )
    compare_kernels(layers)
    widths = [layer.out_channels for layer in layers]
    expect(
        widths == [c, 2 * c, 4 * c, 8 * c, 1],
        f"your widths are {listed(widths)} for c={c}: leave them as they were.",
    )
    strides = [layer.stride[0] for layer in layers]
    try:
        field = f"{receptive_field_by_gradient(network, 320)} px"
    except ValueError:
        field = "more than 150 px"
    expect(
        field != "94 px",
        f"the field is still 94 px, with the strides {listed(strides)}: one layer halves the picture and should not.",
    )
    expect(
        field == "70 px",
        f"with the strides {listed(strides)} the field is {field}: for 70 px, how many layers halve, and do they come first or last?",
    )
    expect(
        y.shape[2:] == (14, 14),
        f"the field is 70 px, but your map is {y.shape[2]} x {y.shape[3]} for 128 px and the paper's is 14 x 14: what does the last stride do?",
    )
    compare_layers(network, x, network(x))


@exercise("24 of 900 scores without norms, and all of them with norms")
def check_one_pixel(without_norms, with_norms):
    without_norms, with_norms = (
        whole(without_norms, "the first number"),
        whole(with_norms, "the second number"),
    )
    plain, normed = changed_scores(False), changed_scores(True)
    expect(
        (without_norms, with_norms) != (normed, plain),
        "you have the two the wrong way round: which of the two networks lets a pixel act beyond its patch?",
    )
    for value, hint in (
        (64, "64 is the number for a pixel in the middle. In a row, how many patches still reach the first column?"),
        (9, "9 is the number for a corner, and our pixel has an edge on one side only."),
        (1, "patches overlap: they are 70 px wide and only 8 px apart."),
        (8, "8 is right for one direction: the map has rows and columns."),
        (3, "3 is right for one direction: the map has rows and columns."),
        (4900, "4900 is the number of pixels in a patch; the question is for scores."),
        (900, "without norms a pixel has no influence beyond the patches that it lies in."),
        (0, "every pixel lies in some patches."),
    ):  # fmt: skip
        expect(without_norms == plain or without_norms != value, f"without norms: {hint}")
    expect(
        without_norms == plain,
        f"without norms it is not {without_norms}. Count the rows i with 8i - 23 <= 128 < 8i + 47, then the columns j with 0 in place of 128.",
    )
    expect(
        with_norms == normed,
        f"with norms it is not {with_norms}: a norm subtracts the mean of a whole channel. At how many places is it felt when that mean moves?",
    )


def changed_scores(norms: bool) -> int:
    """How many of the 30 x 30 scores of a picture of 256 px change when the pixel in row 128, column 0 does; measured."""
    from minicyclegan.discriminator import PatchDiscriminator

    network = PatchDiscriminator(4).double()
    picture = torch.rand(1, 3, 256, 256, dtype=torch.float64) * 2 - 1
    changed = picture.clone()
    changed[:, :, 128, 0] += 1
    pictures = torch.cat([picture, changed])
    with torch.no_grad():
        scores = network(pictures) if norms else through(convolutions(network), pictures, ())
    return int((scores[0] != scores[1]).sum())
