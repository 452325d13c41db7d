"""Outlines of regions in one image, or in the slice of a volume that shows most of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from jaxmed.plots.style import GRAY, INK, ORANGE, SKY, Axes, Figure

LOOKS: Mapping[str, tuple[str, Any]] = {
    "truth": (SKY, "solid"),
    "prediction": (ORANGE, (0, (3, 1.5))),
}
"""Color and line style, which tells the two apart without color."""
UNLABELED = "not labeled"
_HATCH = "...."
_MARGIN = 0.2  # around the outlines, as a share of their extent
_LEAST = 12  # pixels of the enlarged part
_WIDTH = 1.3  # of outlines
_ENTRY = 1.35  # inches that an entry of the legend takes

Part: TypeAlias = tuple[tuple[int, int], tuple[int, int]]
"""First and last row, first and last column, without the last ones."""


class Case(NamedTuple):
    """What is drawn of one case.

    Attributes:
        image: [height, width, channels].
        truth: [height, width].
        prediction: [height, width].
        place: of the slice in its volume, in words.
    """

    image: np.ndarray
    truth: np.ndarray
    prediction: np.ndarray
    place: str


def slice_of(image: np.ndarray, truth: np.ndarray, prediction: np.ndarray, background: int) -> Case:
    """An image as it is; of a volume, the slice along its first axis with the most foreground.

    Args:
        image: [*space, channels].
        truth: [*space]; what it has of foreground counts, and only without any the prediction.
        prediction: [*space].
        background: the class that is not foreground; -1 if there is none.
    """
    if truth.ndim == 2:
        return Case(image, truth, prediction, "")
    counts = _foreground(truth, background).sum((1, 2))
    if not counts.any():
        counts = _foreground(prediction, background).sum((1, 2))
    number = int(counts.argmax()) if counts.any() else len(counts) // 2
    place = f"slice {number + 1} of {len(counts)}"
    return Case(image[number], truth[number], prediction[number], place)


def part_around(case: Case, background: int) -> Part:
    """The rows and columns around all foreground with a margin; all of them where there is none.

    Args:
        case: of which truth and prediction are looked at.
        background: the class that is not foreground; -1 if there is none.
    """
    foreground = _foreground(case.truth, background) | _foreground(case.prediction, background)
    if not foreground.any():
        height, width = foreground.shape
        return (0, height), (0, width)
    rows, columns = (np.flatnonzero(foreground.any(axis)) for axis in (1, 0))
    extent = max(np.ptp(rows), np.ptp(columns)) + 1
    length = max(_LEAST, round((1 + 2 * _MARGIN) * extent))
    return _centered(rows, length, foreground.shape[0]), _centered(
        columns, length, foreground.shape[1]
    )


def draw_picture(axes: Axes, image: np.ndarray, aspect: float) -> None:
    """An image in gray or colors, without ticks."""
    image = np.clip(image.astype(float), 0, 1)
    image = image[..., 0] if image.shape[-1] == 1 else image
    axes.imshow(image, cmap="gray", vmin=0, vmax=1, aspect=aspect)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(False)


def draw_frame(axes: Axes, part: Part) -> None:
    """Where in the image the enlarged part lies."""
    from matplotlib.patches import Rectangle

    (top, bottom), (left, right) = part
    # Through the outermost pixels, so that it is whole where it reaches the edge.
    size = right - left - 1, bottom - top - 1
    frame = Rectangle((left, top), *size, fill=False, ec="white", lw=0.9)
    frame.set_path_effects(_dark_edge(1.9))
    axes.add_patch(frame)


def draw_outlines(axes: Axes, case: Case, numbers: Sequence[int], part: Part) -> None:
    """The outlines of all classes within a part of the image, and their numbers if several.

    Args:
        axes: that show the image.
        case: of which they are.
        numbers: of the classes.
        part: that is shown, enlarged.
    """
    for number in numbers:
        for name, classes in (("truth", case.truth), ("prediction", case.prediction)):
            color, style = LOOKS[name]
            _outline(axes, classes == number, color, style)
        if len(numbers) > 1:
            _number(axes, case, number)
    (top, bottom), (left, right) = part
    axes.set(xlim=(left - 0.5, right - 0.5), ylim=(bottom - 0.5, top - 0.5))


def draw_unlabeled(axes: Axes, case: Case) -> None:
    """Dots over the pixels that are not labeled."""
    if (case.truth < 0).any():
        filled = axes.contourf(case.truth < 0, [0.5, 1.5], colors="none", hatches=[_HATCH])
        filled.set(edgecolor=GRAY, linewidth=0)


def draw_legend(figure: Figure, names: Mapping[int, str], *, unlabeled: bool) -> None:
    """What lines and numbers mean, below the panels.

    Args:
        figure: with panels.
        names: of the classes that are outlined, by number.
        unlabeled: whether there are pixels without a label.
    """
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    handles: list[Any] = [
        Line2D([], [], color=color, ls=style, lw=1.8, label=label, path_effects=_dark_edge(2.6))
        for label, (color, style) in LOOKS.items()
    ]
    if unlabeled:
        handles.append(Patch(fc="white", ec=GRAY, hatch=_HATCH, lw=0, label=UNLABELED))
    if len(names) > 1:
        look: dict[str, Any] = {"ls": "none", "color": INK, "ms": 7}
        handles += [
            Line2D([], [], marker=f"${n}$", label=name, **look) for n, name in names.items()
        ]
    columns = min(len(handles), max(2, int(figure.get_figwidth() / _ENTRY)))
    figure.legend(
        handles=handles, loc="outside lower center", ncols=columns, fontsize=8.5, frameon=False,
        labelcolor=INK,
    )  # fmt: skip


def _foreground(classes: np.ndarray, background: int) -> np.ndarray:
    """Where a structure is; without a background, all but the most frequent class is one."""
    labeled = classes >= 0
    if background < 0 and labeled.any():
        background = int(np.bincount(classes[labeled]).argmax())
    return labeled & (classes != background)


def _centered(places: np.ndarray, length: int, side: int) -> tuple[int, int]:
    """As many pixels as `length` around these places, moved into the image."""
    length = min(length, side)
    start = (int(places[0]) + int(places[-1]) + 1 - length) // 2
    start = min(max(start, 0), side - length)
    return start, start + length


def _outline(axes: Axes, region: np.ndarray, color: str, style: Any) -> None:
    """The border of a region, closed at the edge of the image."""
    if not region.any():
        return
    height, width = region.shape
    closed = np.pad(region.astype(float), 1)
    drawn = axes.contour(
        np.arange(-1, width + 1), np.arange(-1, height + 1), closed, [0.5],
        colors=[color], linewidths=_WIDTH, linestyles=[style],
    )  # fmt: skip
    drawn.set_path_effects(_dark_edge(_WIDTH + 0.9))


def _number(axes: Axes, case: Case, number: int) -> None:
    """The number of a class, on the pixel of it that is nearest to its center."""
    region = np.argwhere(case.truth == number)
    if not len(region):
        region = np.argwhere(case.prediction == number)
    if not len(region):
        return
    row, column = region[((region - region.mean(0)) ** 2).sum(1).argmin()]
    written = axes.text(
        column, row, str(number), color="white", fontsize=8, ha="center", va="center"
    )
    written.set_path_effects(_dark_edge(1.6))


def _dark_edge(width: float) -> list[Any]:
    """A dark line beneath, so that a light one is seen on light ground."""
    from matplotlib.patheffects import withStroke

    return [withStroke(linewidth=width, foreground="#00000099")]
