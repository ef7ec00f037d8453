"""The figures of notebook 06: both circles, before anything is built."""

from matplotlib.figure import Figure

from minicyclegan.cyclegan import CycleGAN
from minicyclegan.parameters import Config
from minicyclegan.widgets.diagrams import cycle_diagram


def circles_figure(config: Config) -> tuple[Figure, dict[str, int]]:
    """Both circles with all the losses, and how many parameters each of the four networks has."""
    model = CycleGAN(config)
    figure, _ = cycle_diagram(model)
    axis = figure.axes[0]
    for y, generator, domain in ((0.0, "generator_ab", "B"), (-2.4, "generator_ba", "A")):
        text = f"identity_loss: {generator}(real {domain})\nshould be real {domain}"
        axis.text(7.0, y - 0.86, text, ha="center", fontsize=9)
    return figure, {name: sum(p.numel() for p in part.parameters()) for name, part in model.named_children()}
