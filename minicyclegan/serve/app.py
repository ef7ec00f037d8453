"""A translator app, in a notebook or full screen with `minicyclegan app`."""

import base64
import functools
import html
import io
import re
from pathlib import Path

import ipywidgets as widgets
import torch
from PIL import Image

from minicyclegan.course.files import course_folder, shipped_weights
from minicyclegan.errors import DataError, MiniCycleGANError, printable
from minicyclegan.parameters import value_range_of
from minicyclegan.pictures.images import decode, read_image
from minicyclegan.runs.checkpoint import load
from minicyclegan.runs.progress import status_line
from minicyclegan.serve.examples import examples_for
from minicyclegan.translate import round_trip, save_picture
from minicyclegan.widgets.names import spoken_names

LARGEST = 1024  # longer side in px up to which a picture is translated: more may not fit into memory
ROW = {"flex_flow": "row wrap"}  # on a narrow page what does not fit stands below
TWIN = "The translator app: choose a checkpoint and a picture, translate it there and back, save the result"


def find_checkpoints() -> list[Path]:
    """The newest checkpoint of every run in ./runs and in the checkout's runs/, and both shipped weights."""
    parents = dict.fromkeys(path.resolve() for path in (Path("runs"), course_folder().parent / "runs"))
    found = [path for parent in parents for path in sorted(parent.glob("*/last.pt"))]
    return [*found, shipped_weights("old_photos"), shipped_weights()]


def read_upload(name: str, content: bytes, value_range=None) -> Image.Image:
    """An uploaded file as 8-bit RGB; `value_range` as in `read_image`. Raises DataError."""
    return decode(io.BytesIO(content), name, "upload another file", value_range)


def shrink(picture: Image.Image, short: int) -> Image.Image:
    """A picture whose shorter side has at most `short` px and whose longer side at most LARGEST; never enlarged."""
    factor = min(1.0, short / min(picture.size), LARGEST / max(picture.size))
    size = tuple(max(1, round(side * factor)) for side in picture.size)
    return picture if size == picture.size else picture.resize(size, Image.Resampling.LANCZOS)


def data_uri(picture: Image.Image) -> str:
    content = io.BytesIO()
    picture.save(content, "PNG")
    return "data:image/png;base64," + base64.b64encode(content.getvalue()).decode()


def figure(title: str, picture: Image.Image | None) -> str:
    """HTML for one picture with its title under it, at 240 px; `title` is text and is escaped."""
    title = html.escape(printable(title))
    style = "width:240px;height:240px;object-fit:contain;image-rendering:pixelated;background:#8882"
    shown = (
        f'<img alt="{title}" src="{data_uri(picture)}" style="{style}">'
        if picture
        else f'<div style="{style}"></div>'
    )
    return f'<figure style="margin:4px;width:240px">{shown}<figcaption style="overflow-wrap:anywhere">{title}</figcaption></figure>'


def guarded(method):
    """Every error of a click becomes one line in the app; a traceback would be lost or fill the page."""

    @functools.wraps(method)
    def run(self, *arguments):
        try:
            method(self, *arguments)
        except MiniCycleGANError as error:
            self.tell(f"Error: {error}")
        except Exception as error:  # whatever it is, the student must see it and go on
            self.tell(
                f"Error: something unexpected went wrong ({type(error).__name__}: {error}); try another picture"
            )

    return run


class TranslatorApp(widgets.VBox):
    """The app as one widget. Its state is in `model`, `picture` and `result`; what a click does is a method."""

    def __init__(self, checkpoints: list[str | Path] | None = None):
        paths = [Path(path) for path in (find_checkpoints() if checkpoints is None else checkpoints)]
        self.model = self.picture = self.result = None
        self.name, self.examples = "", {}
        wide = {"layout": {"width": "400px"}, "style": {"description_width": "90px"}}
        self.checkpoint = widgets.Dropdown(
            description="Checkpoint",
            options=[(printable(f"{p.parent.name}/{p.name}"), p) for p in paths],
            **wide,
        )
        self.upload = widgets.FileUpload(
            description="Upload a picture", multiple=False, layout={"width": "auto"}
        )
        self.example = widgets.Dropdown(description="or example", **wide)
        self.direction = widgets.ToggleButtons(
            description="Direction",
            options=[("A to B", "b"), ("B to A", "a")],
            layout={"display": "flex", "width": "max-content"},
            style={"button_width": "80px", "description_width": "90px"},
        )
        self.size = widgets.Dropdown(description="Shorter side", **wide)
        self.button = widgets.Button(description="Translate", button_style="primary")
        self.figures = [widgets.HTML() for _ in range(3)]
        self.status = widgets.HTML()
        self.path = widgets.Text(description="Save as", **wide)
        self.save_button = widgets.Button(description="Save", disabled=True)
        self.link = widgets.HTML()
        super().__init__(
            [
                self.checkpoint,
                widgets.HBox([self.upload, self.example], layout=ROW),
                widgets.HBox([self.direction, self.size, self.button], layout=ROW),
                self.status,
                widgets.HBox(self.figures, layout=ROW),
                widgets.HBox([self.path, self.save_button, self.link], layout=ROW),
                spoken_names(),
            ]
        )
        self.checkpoint.observe(lambda change: self.choose_checkpoint(), "value")
        self.upload.observe(lambda change: self.take_upload(), "value")
        self.example.observe(lambda change: self.take_example(), "value")
        self.direction.observe(lambda change: self.show(), "value")
        self.button.on_click(lambda button: self.translate())
        self.save_button.on_click(lambda button: self.save())
        self.show()
        self.choose_checkpoint()

    def _repr_mimebundle_(self, **options):
        """Where no widgets are shown, one plain sentence stands for the app."""
        bundle = super()._repr_mimebundle_(**options)
        bundle["text/plain"] = TWIN
        return bundle

    def tell(self, text: str) -> None:
        """Show one line of text; it is escaped, because file names come from anywhere."""
        self.status.value = status_line(text)

    def show(self, translation: Image.Image | None = None, back: Image.Image | None = None) -> None:
        """Show the picture, its translation and the way back, or empty frames."""
        source, target = ("A", "B") if self.direction.value == "b" else ("B", "A")
        titles = [
            f"{source}: {self.name}" if self.name else source,
            f"translated to {target}",
            f"back to {source}",
        ]
        for widget, title, picture in zip(self.figures, titles, (self.picture, translation, back)):
            widget.value = figure(title, picture)
        self.result, self.link.value, self.save_button.disabled = translation, "", translation is None

    @guarded
    def choose_checkpoint(self) -> None:
        self.model, self.examples, self.example.options, self.size.options = None, {}, [], []
        self.show()
        if self.checkpoint.value is None:
            raise DataError("there is no checkpoint; train one with notebook 07_train")
        self.model = load(self.checkpoint.value, "auto")
        side = self.model.config.image_size
        larger = [(f"at most {side * k} px", side * k) for k in (2, 4) if side * k < LARGEST]
        unlimited = (f"as it is (longer side at most {LARGEST} px)", LARGEST)
        self.size.options = [(f"at most {side} px, as in training", side), *larger, unlimited]
        self.size.value = side
        self.examples = examples_for(self.model.config)
        self.example.options = [("choose one", None), *((printable(name), name) for name in self.examples)]
        self.tell(f"Loaded. It was trained on {self.model.config.data} at {side} px. Now choose a picture.")

    @guarded
    def take_upload(self) -> None:
        if self.upload.value:
            file = self.upload.value[0]
            self.example.value = None if self.examples else self.example.value
            self.take(file["name"], read_upload(file["name"], bytes(file["content"]), self.value_range))

    @guarded
    def take_example(self) -> None:
        if self.example.value is not None:
            source = self.examples[self.example.value]
            self.take(
                self.example.value,
                read_image(source, self.value_range) if isinstance(source, Path) else source,
            )

    @property
    def value_range(self):
        """Black and white in pictures of more than 8 bits, as in the model's training."""
        source = "a" if self.direction.value == "b" else "b"
        return value_range_of(self.model.config.value_range, source) if self.model else None

    def take(self, name: str, picture: Image.Image) -> None:
        self.name, self.picture = name, picture
        self.show()
        self.tell(f"{name}: {picture.width} x {picture.height} px. Press Translate.")

    @guarded
    def translate(self) -> None:
        if self.model is None or self.picture is None:
            raise DataError("there is nothing to translate yet; choose a checkpoint and a picture first")
        self.button.disabled = True
        self.tell("Translating ...")
        try:
            small = shrink(self.picture, self.size.value)
            with torch.inference_mode():
                translation, back = round_trip(self.model, small, to=self.direction.value)
        finally:
            self.button.disabled = False
        self.show(translation, back)
        stem = re.sub(r"[^\w-]+", "_", Path(self.name).stem).strip("_")[:60] or "picture"
        self.path.value = f"{stem}_to_{self.direction.value}.png"
        self.link.value = f'<a download="{self.path.value}" href="{data_uri(translation)}">Download</a>'
        self.tell(f"{self.name}: translated at {small.width} x {small.height} px.")

    @guarded
    def save(self) -> None:
        save_picture(self.result, Path(self.path.value).expanduser())
        self.tell(f"Saved: {Path(self.path.value).expanduser().resolve()}")


def translator_app(checkpoints: list[str | Path] | None = None) -> TranslatorApp:
    """An ipywidgets container: choose a checkpoint, upload or pick a picture, see A, B and back again, save the result.

    Without `checkpoints` it offers every run in runs/ and the shipped weights. Errors are shown in the app.
    """
    return TranslatorApp(checkpoints)
