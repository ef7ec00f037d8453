"""Pictures to begin with, for the app: those of the data that a model was trained on."""

from pathlib import Path

from PIL import Image

from minicyclegan.data import to_float
from minicyclegan.datasets.named import load_domains
from minicyclegan.datasets.old_photos import age, held_out_photograph
from minicyclegan.parameters import Config, brings_its_data
from minicyclegan.pictures.images import list_images, to_image, to_tensor
from minicyclegan.seasons import draw, sample_scenes


def examples_for(config: Config) -> dict[str, Path | Image.Image]:
    """A few test pictures of the data that a model was trained on, by name; none where they are not at hand."""
    folder = Path(config.data)
    if config.data == "seasons":
        scenes = sample_scenes(3, seed=2**20)
        drawn = {season: draw(scenes, season, config.image_size) for season in ("summer", "winter")}
        return {
            f"{s} {i + 1}": to_image(picture)
            for s, pictures in drawn.items()
            for i, picture in enumerate(pictures)
        }
    if config.data.startswith("old_photos"):
        fresh = {name: held_out_photograph(name) for name in ("temple.jpg", "dogs.jpg", "coffee.jpg")}
        pixels = {name: to_tensor(photograph)[None] for name, photograph in fresh.items()}
        return fresh | {f"old {name}": to_image(to_float(age(each))[0]) for name, each in pixels.items()}
    if brings_its_data(config.data):
        domains = load_domains(config.data, config.image_size)
        tests = {"A": domains.test_a[:4], "B": domains.test_b[:4]}
        return {
            f"test {x} {i + 1}": to_image(p / 127.5 - 1) for x, ps in tests.items() for i, p in enumerate(ps)
        }
    parts = [folder / name for name in ("testA", "testB") if (folder / name).is_dir()]
    return {f"{part.name}/{path.name}": path for part in parts for path in list_images(part)[:4]}
