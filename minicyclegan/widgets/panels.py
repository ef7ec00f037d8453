"""Where in a saved figure its panels are, and where words cover them: what another version of matplotlib moves."""

import matplotlib.pyplot as plt
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.legend import Legend
from matplotlib.text import Text
from matplotlib.transforms import Bbox


def panels_of(figure: Figure) -> dict[str, list[list[int]]]:
    """Boxes [left, top, right, bottom] in pixels of the PNG that `savefig(bbox_inches="tight")` has just written.

    `panels` are the insides of the axes, `words` the texts and legends that lie over them. Nothing is drawn again: a
    constrained layout that is made twice comes out a little different.
    """
    if not hasattr(figure.canvas, "get_renderer"):  # a figure that was made without pyplot
        FigureCanvasAgg(figure)
    renderer, dpi = figure.canvas.get_renderer(), figure.dpi
    page = figure.get_tightbbox(renderer).padded(plt.rcParams["savefig.pad_inches"])

    def box(area: Bbox) -> list[int]:
        left, right = (round(x - page.x0 * dpi) for x in (area.x0, area.x1))
        top, bottom = (round(page.y1 * dpi - y) for y in (area.y1, area.y0))
        return [left, top, right, bottom]

    panels = [axes.get_window_extent(renderer) for axes in figure.axes if axes.get_visible()]
    spoken = [one for one in figure.findobj(Text) if one.get_visible() and one.get_text().strip()]
    spoken += [one for one in figure.findobj(Legend) if one.get_visible()]
    words = [one.get_window_extent(renderer) for one in spoken]
    over = [one for one in words if any(one.overlaps(panel) for panel in panels)]
    return {"panels": [box(one) for one in panels], "words": [box(one) for one in over]}
