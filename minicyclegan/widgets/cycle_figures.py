"""The figures of notebook 05: blobs with numbers, so that merged, turned and mirrored can be read off."""

import matplotlib.pyplot as plt
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from torch import Tensor

MARKERS = "osD^v<>P"
HALF = 2.75  # the plane reaches from -HALF to HALF
SHARE = 0.2  # a blob counts as being at a place when this share of its points is there


def who_is_where(points: Tensor, blob: Tensor, centres: Tensor) -> list[list[int]]:
    """For each of `centres` the numbers, from 1, of the blobs of which at least SHARE of the points lie nearest to it."""
    place = torch.cdist(points, centres).argmin(1)
    numbers = range(int(blob.max()) + 1)
    return [
        [k + 1 for k in numbers if (place[blob == k] == c).float().mean() >= SHARE]
        for c in range(len(centres))
    ]


def draw_blobs(axis: Axes, points: Tensor, blob: Tensor, centres: Tensor, title: str, behind: Tensor) -> None:
    """`points` in the colour and marker of the blob they began in; beside each centre the numbers of who is there."""
    points = points.detach()
    axis.scatter(*behind.T, s=3, color="#cccccc")
    for k in range(int(blob.max()) + 1):
        axis.scatter(*points[blob == k].T, s=9, marker=MARKERS[k], color=plt.cm.viridis(k / 7))
    outwards = centres / centres.norm(dim=1, keepdim=True)
    for centre, direction, numbers in zip(centres, outwards, who_is_where(points, blob, centres)):
        x, y = (centre + 0.42 * direction).tolist()
        text = axis.text(
            x, y, " ".join(map(str, numbers)), ha="center", va="center", fontsize=11, weight="bold"
        )
        text.set_path_effects([withStroke(linewidth=3, foreground="white")])
    axis.set(xlim=(-HALF, HALF), ylim=(-HALF, HALF), xticks=[], yticks=[], aspect="equal", title=title)
    axis.spines[:].set_visible(False)


def journeys_figure(
    journeys: dict[str, tuple[Tensor, Tensor]],
    start: Tensor,
    blob: Tensor,
    b: Tensor,
    homes: Tensor,
    places: Tensor,
) -> Figure:
    """A row for each translator by its name: domain A, where its points go, and where they come back to.

    `homes` and `places` are the centres of the blobs of A and of B; a journey is (gone, returned), each like `start`.
    """
    figure, axes = plt.subplots(
        len(journeys), 3, figsize=(8, 2.75 * len(journeys)), layout="constrained", squeeze=False
    )
    for row, (name, (gone, returned)) in zip(axes, journeys.items()):
        draw_blobs(row[0], start, blob, homes, "A", start)
        draw_blobs(row[1], gone, blob, places, f"{name}: to B", b)
        draw_blobs(row[2], returned, blob, homes, f"{name}: and back", start)
    return figure
