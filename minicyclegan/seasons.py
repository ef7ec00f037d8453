"""Landscapes drawn by code: the same scene in summer and in winter (built in notebook 01_two_domains).

A scene is a row of numbers. `draw` turns a batch of scenes into pictures of one season, so two
pictures of one scene are a true pair. Training never sees a pair; evaluation does.
"""

import torch
from torch import Tensor

N_TREES = 3
N_FLOWERS = 8

# Every number that describes a scene, with its smallest and largest value. Lengths are in picture widths,
# x runs to the right and y runs down, both from 0 to 1.
SCENE_RANGES = {
    "light": (0.0, 1.0),  # 0 is noon, 1 is late afternoon
    "sun_x": (0.1, 0.9),
    "sun_y": (0.08, 0.24),
    "sun_radius": (0.05, 0.08),
    "cloud_x": (0.1, 0.9),
    "cloud_y": (0.08, 0.28),
    "cloud_width": (0.1, 0.2),
    "far_height": (0.38, 0.48),
    "far_swing": (0.03, 0.08),
    "far_phase": (0.0, 6.28),
    "far_waves": (4.0, 9.0),
    "near_height": (0.52, 0.62),
    "near_swing": (0.01, 0.05),
    "near_phase": (0.0, 6.28),
    "near_waves": (3.0, 6.0),
    "lake_x": (0.2, 0.8),
    "lake_y": (0.8, 0.9),
    "lake_width": (0.12, 0.3),
    "lake_height": (0.04, 0.08),
    "house_x": (0.15, 0.85),
    "house_y": (0.68, 0.76),
    "house_size": (0.10, 0.15),
    "house_colour": (0.0, 1.0),
    **{f"tree{i}_x": (0.06 + 0.33 * i, 0.28 + 0.33 * i) for i in range(N_TREES)},  # a third of the width each
    **{f"tree{i}_y": (0.70, 0.94) for i in range(N_TREES)},
    **{f"tree{i}_size": (0.24, 0.36) for i in range(N_TREES)},
    **{f"tree{i}_kind": (0.0, 1.0) for i in range(N_TREES)},  # above 0.5 a conifer, else a broadleaf
    **{f"flower{i}_x": (0.02, 0.98) for i in range(N_FLOWERS)},
    **{f"flower{i}_y": (0.72, 0.98) for i in range(N_FLOWERS)},
}

# (red, green, blue) from 0 to 1, one colour for each thing and season.
PALETTE = {
    "summer": {
        "sky_top": (0.22, 0.50, 0.90),
        "sky_low": (0.72, 0.87, 0.98),
        "sun": (1.00, 0.90, 0.30),
        "cloud": (1.00, 1.00, 1.00),
        "far": (0.33, 0.56, 0.42),
        "near": (0.45, 0.70, 0.25),
        "front": (0.36, 0.62, 0.20),
        "lake": (0.14, 0.42, 0.72),
        "crown": (0.18, 0.52, 0.10),
        "conifer": (0.05, 0.29, 0.24),
        "roof": (0.55, 0.16, 0.12),
        "flower": (0.95, 0.25, 0.35),
    },
    "winter": {
        "sky_top": (0.56, 0.62, 0.74),
        "sky_low": (0.86, 0.87, 0.90),
        "sun": (0.98, 0.95, 0.80),
        "cloud": (0.74, 0.76, 0.82),
        "far": (0.70, 0.76, 0.86),
        "near": (0.90, 0.92, 0.97),
        "front": (0.97, 0.98, 1.00),
        "lake": (0.66, 0.83, 0.90),
        "crown": (0.42, 0.33, 0.28),
        "conifer": (0.05, 0.29, 0.24),
        "roof": (0.95, 0.96, 1.00),
    },
}
WALLS = ((0.86, 0.80, 0.66), (0.62, 0.30, 0.20))  # house_colour 0 and 1
TRUNK = (0.36, 0.25, 0.16)
EVENING = (1.00, 0.66, 0.45)  # the glow over the horizon; the later the light, the stronger


def sample_scenes(n: int, seed: int) -> dict[str, Tensor]:
    """Describe `n` random scenes. The first scenes do not change when `n` grows.

    Returns a dictionary from each name of SCENE_RANGES to a float tensor of shape (n, 1, 1),
    ready to be combined with a picture plane (H, W).
    """
    generator = torch.Generator().manual_seed(seed)
    unit = torch.rand(n, len(SCENE_RANGES), generator=generator)
    low, high = torch.tensor(list(SCENE_RANGES.values())).unbind(1)
    values = low + unit * (high - low)
    return {name: values[:, i, None, None] for i, name in enumerate(SCENE_RANGES)}


def paint(picture: Tensor, colour, distance: Tensor) -> None:
    """Paint, in place, where `distance` (in pixels, negative inside) says so, with soft edges one pixel wide.

    picture: (N, 3, H, W) in [0, 1]; colour: three numbers, or a tensor that fits (N, 3, H, W); distance: (N, H, W).
    """
    cover = (0.5 - distance).clamp(0, 1).unsqueeze(1)
    if not torch.is_tensor(colour):
        colour = torch.tensor(colour).view(1, 3, 1, 1)
    picture.lerp_(colour.expand_as(picture), cover.expand_as(picture))


def ellipse(x: Tensor, y: Tensor, centre_x, centre_y, width, height) -> Tensor:
    """About how far each point lies outside an ellipse with half-axes `width` and `height`."""
    radius = ((x - centre_x) / width).square() + ((y - centre_y) / height).square()
    return (radius.sqrt() - 1) * torch.minimum(torch.as_tensor(width), torch.as_tensor(height))


def box(x: Tensor, y: Tensor, left, right, top, bottom) -> Tensor:
    """How far each point lies outside a box."""
    return torch.maximum(torch.maximum(left - x, x - right), torch.maximum(top - y, y - bottom))


def triangle(x: Tensor, y: Tensor, centre_x, top, bottom, half_width) -> Tensor:
    """About how far each point lies outside an upright triangle standing on `bottom`."""
    slope = half_width / (bottom - top)
    side = ((x - centre_x).abs() - (y - top) * slope) / (1 + slope * slope) ** 0.5
    return torch.maximum(side, y - bottom)


def line(x: Tensor, y: Tensor, start_x, start_y, end_x, end_y, half_width: float) -> Tensor:
    """How far each point lies outside a straight line with round ends."""
    along_x, along_y = end_x - start_x, end_y - start_y
    share = ((x - start_x) * along_x + (y - start_y) * along_y) / (along_x.square() + along_y.square())
    share = share.clamp(0, 1)  # the nearest point of the line, from 0 at its start to 1 at its end
    return torch.hypot(x - start_x - share * along_x, y - start_y - share * along_y) - half_width


def draw_tree(
    picture: Tensor, scene: dict[str, Tensor], i: int, season: str, x: Tensor, y: Tensor, size: int
) -> None:
    """Paint tree `i`: a conifer keeps its needles and wears snow; a broadleaf is green in summer, bare in winter."""
    colours = PALETTE[season]
    tree_x, foot, height = scene[f"tree{i}_x"], scene[f"tree{i}_y"], scene[f"tree{i}_size"]
    conifer = scene[f"tree{i}_kind"] > 0.5
    nowhere = torch.tensor(1.0)  # a distance that paints nothing
    paint(picture, TRUNK, size * box(x, y, tree_x - 0.012, tree_x + 0.012, foot - 0.5 * height, foot))
    needles = triangle(x, y, tree_x, foot - height, foot - 0.15 * height, 0.32 * height)
    crown = ellipse(x, y, tree_x, foot - 0.68 * height, 0.26 * height, 0.34 * height)
    if season == "winter":  # a bare crown is the trunk's upper half and four branches
        crown = box(x, y, tree_x - 0.012, tree_x + 0.012, foot - 0.98 * height, foot - 0.4 * height)
        for side, low, high in (
            (-0.24, 0.4, 0.75),
            (0.24, 0.4, 0.75),
            (-0.17, 0.62, 0.95),
            (0.17, 0.62, 0.95),
        ):
            end_x, end_y = tree_x + side * height, foot - high * height
            crown = torch.minimum(crown, line(x, y, tree_x, foot - low * height, end_x, end_y, 0.012))
    paint(picture, colours["conifer"], size * torch.where(conifer, needles, nowhere))
    paint(picture, colours["crown"], size * torch.where(conifer, nowhere, crown))
    if season == "winter":
        cap = triangle(x, y, tree_x, foot - height, foot - 0.62 * height, 0.32 * height * 0.38 / 0.85)
        paint(picture, colours["front"], size * torch.where(conifer, cap, nowhere))


def draw(scene: dict[str, Tensor], season: str, size: int) -> Tensor:
    """Draw scenes in one season: a float tensor (N, 3, size, size) in [-1, 1].

    Raises KeyError for a season that PALETTE does not know.
    """
    colours = PALETTE[season]
    axis = (torch.arange(size) + 0.5) / size
    y, x = axis.view(1, size, 1), axis.view(1, 1, size)

    def colour(name: str) -> Tensor:
        return torch.tensor(colours[name]).view(1, 3, 1, 1)

    low = torch.lerp(
        colour("sky_low"), torch.tensor(EVENING).view(1, 3, 1, 1), 0.7 * scene["light"].unsqueeze(1)
    )
    picture = torch.lerp(colour("sky_top"), low, (y / 0.5).clamp(max=1).unsqueeze(1)).repeat(1, 1, 1, size)
    radius = scene["sun_radius"]
    paint(picture, colours["sun"], size * ellipse(x, y, scene["sun_x"], scene["sun_y"], radius, radius))
    for shift, scale in ((-0.6, 0.7), (0.0, 1.0), (0.7, 0.6)):  # a cloud is three flat ellipses
        width = scene["cloud_width"]
        middle = scene["cloud_x"] + shift * width
        puff = ellipse(x, y, middle, scene["cloud_y"], scale * width, 0.35 * scale * width)
        paint(picture, colours["cloud"], size * puff)

    for name in ("far", "near"):  # the height of a hill's outline at every x
        wave = torch.sin(scene[f"{name}_waves"] * x + scene[f"{name}_phase"])
        outline = scene[f"{name}_height"] + scene[f"{name}_swing"] * wave
        paint(picture, colours[name], size * (outline - y))
    meadow = torch.lerp(colour("near"), colour("front"), ((y - 0.55) / 0.45).clamp(0, 1).unsqueeze(1))
    paint(picture, meadow, size * (outline - y))
    if season == "summer":  # nothing in winter says where flowers will grow: a translation has to guess
        for i in range(N_FLOWERS):
            flower = ellipse(x, y, scene[f"flower{i}_x"], scene[f"flower{i}_y"], 0.011, 0.011)
            paint(picture, colours["flower"], size * flower)
    lake = ellipse(x, y, scene["lake_x"], scene["lake_y"], scene["lake_width"], scene["lake_height"])
    paint(picture, colours["lake"], size * lake)

    house_x, foot, half = scene["house_x"], scene["house_y"], scene["house_size"]
    first_wall, second_wall = (torch.tensor(wall).view(1, 3, 1, 1) for wall in WALLS)
    wall = torch.lerp(first_wall, second_wall, scene["house_colour"].unsqueeze(1))
    paint(picture, wall, size * box(x, y, house_x - half, house_x + half, foot - 1.1 * half, foot))
    door = box(x, y, house_x - 0.2 * half, house_x + 0.2 * half, foot - 0.6 * half, foot)
    paint(picture, TRUNK, size * door)
    roof = triangle(x, y, house_x, foot - 2.1 * half, foot - 1.05 * half, 1.3 * half)
    paint(picture, colours["roof"], size * roof)
    for i in range(N_TREES):
        draw_tree(picture, scene, i, season, x, y, size)
    return picture.mul_(2).sub_(1)
