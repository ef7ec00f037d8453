"""Diagrams drawn from the real networks: what is drawn is what a forward pass went through."""

import itertools
from dataclasses import dataclass

import torch
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, Rectangle
from torch import nn

from minicyclegan.cyclegan import CycleGAN
from minicyclegan.widgets.figures import COLOUR_A, COLOUR_B, COLOUR_FAKE, COLOUR_GREY

# The paper's letter for a stage, with the colour and the hatching of its box: nobody has to rely on the colour alone.
LOOKS = {"c": (COLOUR_GREY, ""), "d": (COLOUR_A, "\\\\"), "R": (COLOUR_FAKE, "xx"), "u": (COLOUR_B, "//")}


@dataclass(frozen=True)
class Stage:
    """One step of a network: `d128` and the shape (channels, H, W) that leaves it."""

    name: str
    shape: tuple[int, int, int]


def stages(network: nn.Module, size: int) -> list[Stage]:
    """What a picture (3, size, size) passes: residual blocks, and the convolutions outside of them, in the paper's shorthand.

    Norms, activations and padding belong to the convolution beside them; an upsampling belongs to the one after it.
    """
    blocks = [module for module in network.modules() if type(module).__name__ == "ResidualBlock"]
    inside = {layer for block in blocks for layer in block.modules()} - set(blocks)
    passed, handles = [], []
    for module in network.modules():
        if module in blocks or (
            isinstance(module, (nn.Conv2d, nn.ConvTranspose2d, nn.Upsample)) and module not in inside
        ):
            handles.append(module.register_forward_hook(lambda *event: passed.append(event)))
    try:
        with torch.no_grad():
            network(torch.zeros(1, 3, size, size))
    finally:
        for handle in handles:
            handle.remove()
    found, enlarged = [], False
    for module, _, output in passed:
        if isinstance(module, nn.Upsample):
            enlarged = True
            continue
        shape = tuple(output.shape[1:])
        if module in blocks:
            name = f"R{shape[0]}"
        elif enlarged or isinstance(module, nn.ConvTranspose2d):
            name = f"u{shape[0]}"
        elif module.kernel_size[0] == 3 and module.stride[0] == 2:
            name = f"d{shape[0]}"
        else:
            name = f"c{module.kernel_size[0]}s{module.stride[0]}-{shape[0]}"
        found.append(Stage(name, shape))
        enlarged = False
    return found


def in_paper_shorthand(found: list[Stage]) -> str:
    """`c7s1-64, d128, d256, 9 x R256, u128, u64, c7s1-3`."""
    groups = [(stage.name, len(list(group))) for stage, group in itertools.groupby(found)]
    return ", ".join(name if n == 1 else f"{n} x {name}" for name, n in groups)


def network_diagram(network: nn.Module, size: int) -> tuple[Figure, str]:
    """The stages of a network as boxes, as high as the picture and as wide as the channels; and the same in words."""
    found = [Stage("picture", (3, size, size)), *stages(network, size)]
    groups = [(stage, len(list(group))) for stage, group in itertools.groupby(found)]
    figure = Figure(figsize=(9, 3.2), layout="constrained")
    axis = figure.subplots()
    x, tallest = 0.0, size
    for stage, repeated in groups:
        channels, height, _ = stage.shape
        wide = 0.08 * size * (channels / 3) ** 0.35
        colour, hatch = LOOKS.get(stage.name[0], ("white", ""))
        for k in range(min(repeated, 3)):
            corner = (x + 0.05 * size * k, -height / 2 - 0.02 * size * k)
            box = Rectangle(corner, wide, height, facecolor=colour, edgecolor="black", hatch=hatch)
            box.set(alpha=0.55 if stage.name != "picture" else 1.0, linewidth=0.8)
            axis.add_patch(box)
        name = stage.name if repeated == 1 else f"{repeated} x {stage.name}"
        middle = x + wide / 2 + 0.025 * size * (min(repeated, 3) - 1)
        axis.text(middle, -tallest / 2 - 0.1 * size, name, ha="center", va="top", fontsize=10)
        axis.text(
            middle, tallest / 2 + 0.04 * size, f"{channels} x\n{height} x {height}", ha="center", fontsize=9
        )
        x += wide + 0.05 * size * (min(repeated, 3) - 1) + 0.27 * size
    axis.set(xlim=(-0.2 * size, x), ylim=(-0.75 * size, 0.8 * size))
    axis.axis("off")
    words = in_paper_shorthand(stages(network, size))
    parameters = sum(p.numel() for p in network.parameters())
    last = " x ".join(map(str, found[-1].shape))
    return (
        figure,
        f"A picture of 3 x {size} x {size} passes {words} and leaves as {last}; {parameters:,} parameters",
    )


def cycle_diagram(model: CycleGAN) -> tuple[Figure, str]:
    """Both cycles: who translates, who judges, and where the losses are taken, with the numbers of the real networks."""
    count = {name: sum(p.numel() for p in network.parameters()) for name, network in model.named_children()}
    figure = Figure(figsize=(9, 3.8), layout="constrained")
    axis = figure.subplots()
    rows = (("A", "B", "generator_ab", "generator_ba"), ("B", "A", "generator_ba", "generator_ab"))
    for row, (source, target, there, back) in enumerate(rows):
        y = -2.4 * row
        colours = {"A": COLOUR_A, "B": COLOUR_B}
        pictures = {
            0.0: (f"real {source}", source),
            4.0: (f"fake {target}", target),
            8.0: (f"cycled {source}", source),
        }
        for x, (text, domain) in pictures.items():
            box = FancyBboxPatch((x - 0.55, y - 0.25), 1.1, 0.5, boxstyle="round,pad=0.05", facecolor="white")
            box.set(edgecolor=colours[domain], linewidth=2.5, linestyle="-" if domain == "A" else "--")
            axis.add_patch(box)
            axis.text(x, y, text, ha="center", va="center", fontsize=10)
        for x, network in ((0.7, there), (4.7, back)):
            axis.add_patch(
                FancyArrowPatch((x, y), (x + 2.6, y), arrowstyle="-|>", mutation_scale=16, color="black")
            )
            axis.text(x + 1.3, y + 0.12, f"{network}\n{count[network]:,} parameters", ha="center", fontsize=9)
        discriminator = f"discriminator_{target.lower()}"
        axis.text(
            4.0, y - 0.78, f"{discriminator} ({count[discriminator]:,}): gan loss", ha="center", fontsize=9
        )
        axis.add_patch(FancyArrowPatch((4.0, y - 0.3), (4.0, y - 0.62), arrowstyle="-|>", mutation_scale=10))
        arc = FancyArrowPatch(
            (8.0, y + 0.3), (0.0, y + 0.3), connectionstyle="arc3,rad=0.13", arrowstyle="<|-|>"
        )
        arc.set(mutation_scale=12, color=COLOUR_FAKE, linestyle=":", linewidth=2)
        axis.add_patch(arc)
        axis.text(4.0, y + 1.02, "cycle_consistency_loss", ha="center", fontsize=9)
    axis.set(xlim=(-0.8, 8.8), ylim=(-3.5, 1.4))
    axis.axis("off")
    return figure, (
        "Two rows: real A goes through generator_ab to fake B and through generator_ba back to A, and real B the other way; "
        "discriminator_b judges fake B, discriminator_a judges fake A, and each picture that comes back is compared with the original"
    )
