"""The check of notebook 02 on the sizes of convolutions."""

import torch
from torch import nn

from minicyclegan.checks.frame import NotYet, exercise, expect

# What a common slip makes of (size, kernel, stride, padding): a formula that explains every wrong size names the slip.
CONVOLUTION_SLIPS = (
    (lambda s, k, t, p: (s + 2 * p - k) // t, "Count the first window too."),
    (lambda s, k, t, p: (s + p - k) // t + 1, "The padding is on both sides."),
    (lambda s, k, t, p: (s - k) // t + 1, "Where is the padding?"),
    (lambda s, k, t, p: (s + 2 * p) // t - k + 1, "The kernel is taken off before the division."),
    (lambda s, k, t, p: (s + 2 * p) // t, "Does a window that begins at the last pixel fit?"),
    (lambda s, k, t, p: -((k - s - 2 * p) // t) + 1, "A window that does not fit is left out: round down."),
    (lambda s, k, t, p: s + 2 * p - k + 1, "What does the stride do?"),
)
# The same for (size, kernel, stride, padding, output_padding).
TRANSPOSED_SLIPS = (
    (lambda s, k, t, p, o: (s - 1) * t - 2 * p + k, "The output_padding is missing."),
    (lambda s, k, t, p, o: s * t - 2 * p + k + o, "Where does the last stamp begin? The first begins at 0."),
    (lambda s, k, t, p, o: s * t - 2 * p + o, "The last stamp is as wide as the kernel."),
    (lambda s, k, t, p, o: (s - 1) * t - 2 * p + o, "The last stamp is as wide as the kernel."),
    (lambda s, k, t, p, o: (s - 1) * t - p + k + o, "The padding is cut off at both sides."),
    (lambda s, k, t, p, o: (s - 1) * t + 2 * p + k + o, "Here the padding is cut off, not added."),
    (lambda s, k, t, p, o: (s - 1) * t - 2 * p + k + 2 * o, "The output_padding is added on one side only."),
)


def compare_sizes(answer, real, cases, slips, otherwise: str) -> None:
    """Compare `answer(*case)` with `real(*case)` for all cases; a difference is named after the slip that explains it."""
    found = [answer(*case) for case in cases]
    expect(None not in found, f"{answer.__name__} gives None: is there a `return`?")
    names = ("size", "kernel", "stride", "padding", "output_padding")
    for case, mine, wanted in zip(cases, found, map(lambda case: real(*case), cases)):
        where = f"{answer.__name__}, " + ", ".join(f"{name} {value}" for name, value in zip(names, case))
        expect(
            mine == int(mine),
            f"{where}: you say {mine:.4g}, but a picture has whole pixels; what becomes of places where the window does not fit?",
        )
        if mine != wanted:
            hints = [hint for slip, hint in slips if found == [slip(*case) for case in cases]]
            raise NotYet(f"{where}: you say {int(mine)}, PyTorch gives {wanted}. {(hints or [otherwise])[0]}")


@exercise("both sizes are right for every kernel, stride and padding that was tried")
def check_sizes(after_convolution, after_transposed):
    def draw(low: int, high: int) -> int:
        return int(torch.randint(low, high, ()))

    cases = []
    for k in range(
        200
    ):  # mostly sizes as they occur, but also a window that is as wide as the padded picture, and long steps
        kernel = draw(1, 8 if k < 150 else 13)
        padding = draw(0, (kernel + 1) // 2 + 1)
        least = max(1, kernel - 2 * padding) if k >= 150 else 8
        cases.append((draw(least, 40), kernel, draw(1, 4 if k < 150 else 9), padding))
    compare_sizes(
        after_convolution,
        lambda size, *layer: nn.Conv1d(1, 1, *layer)(torch.zeros(1, 1, size)).shape[-1],
        cases,
        CONVOLUTION_SLIPS,
        "How many steps can the window go, and how many places is that?",
    )
    cases = []
    for k in range(200):
        kernel, stride = draw(2, 8 if k < 150 else 13), draw(2 if k < 150 else 1, 5 if k < 150 else 9)
        cases.append((draw(4, 30), kernel, stride, draw(0, (kernel + 1) // 2), draw(0, stride)))
    compare_sizes(
        after_transposed,
        lambda size, *layer: nn.ConvTranspose1d(1, 1, *layer)(torch.zeros(1, 1, size)).shape[-1],
        cases,
        TRANSPOSED_SLIPS,
        "Where does the last stamp begin, how wide is it, and what is cut off at both sides?",
    )
