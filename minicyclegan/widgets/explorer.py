"""Controls above a picture that is redrawn at every change: what the notebooks' widgets share."""

import base64
import html
import io

import ipywidgets
from matplotlib.figure import Figure

from minicyclegan.errors import printable
from minicyclegan.widgets.names import spoken_names

WIDE = {"layout": {"width": "420px"}, "style": {"description_width": "170px"}}


def slider(name: str, options, value) -> ipywidgets.SelectionSlider:
    """A slider over a few values, moved by mouse or by the arrow keys."""
    return ipywidgets.SelectionSlider(options=options, value=value, description=name, **WIDE)


class Picture(ipywidgets.HTML):
    """A figure with a text for readers who cannot see it; a screen reader is told of each change."""

    def __init__(self):
        super().__init__(layout={"max_width": "100%"})

    def draw(self, figure: Figure, alt: str) -> None:
        content = io.BytesIO()
        figure.savefig(content, format="png", dpi=90, facecolor="white")
        picture = base64.b64encode(content.getvalue()).decode()
        alt = html.escape(printable(alt), quote=True)
        source = f'src="data:image/png;base64,{picture}" style="max-width:100%"'
        self.value = f'<img role="img" alt="{alt}" {source}><p role="status">{alt}</p>'


class Explorer(ipywidgets.VBox):
    """Controls above one picture. `draw(**values)` gives a figure and its text; every change of a control redraws it.

    Where no widgets are shown, `title` stands in its place: the notebook shows the same figure beside it, once.
    """

    def __init__(self, controls: dict[str, ipywidgets.Widget], draw, title: str):
        self.controls, self.figure, self.title, self.picture = controls, draw, title, Picture()
        super().__init__([*controls.values(), self.picture, spoken_names()])
        for control in controls.values():
            control.observe(lambda change: self.update(), "value")
        self.update()

    def _repr_mimebundle_(self, **options):
        bundle = super()._repr_mimebundle_(**options)
        bundle["text/plain"] = self.title
        return bundle

    def update(self) -> None:
        self.picture.draw(*self.figure(**{name: control.value for name, control in self.controls.items()}))
