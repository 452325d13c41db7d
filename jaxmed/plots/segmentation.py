"""True and predicted outlines over images, readable without color."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

import numpy as np

from jaxmed import checks
from jaxmed.plots import outlines
from jaxmed.plots.arguments import finite
from jaxmed.plots.style import INK, Figure, new_figure
from jaxmed.plots.text import plain

_MOST_CASES = 8
_NONE = -1  # no class
_WIDTH, _HEIGHT = 2.2, 2.1  # inches of a picture, at most
_LETTERS, _FEWEST_LETTERS = 12, 10  # of a title, in an inch and in a line


def segmentation_overlay(
    images: np.ndarray,
    truth: np.ndarray,
    prediction: np.ndarray,
    *,
    titles: Sequence[str] = (),
    class_names: Sequence[str] | None = None,
    background: int | None = 0,
    spacing: np.ndarray | None = None,
) -> Figure:
    """Images, and below each the part around its structures, enlarged, with their outlines.

    Solid outlines are true, dashed ones predicted; numbers tell classes apart where there are
    several. Of a volume, the slice along its first axis with the most true foreground is shown;
    without any, the one with the most predicted foreground, or the middle one. Pixels that are not
    labeled are dotted. Without a background, the most frequent class is not looked for.

    Args:
        images: [cases, *space, channels] in [0, 1], channels 1 or 3; at most 8 cases. Values
            outside are clipped.
        truth: classes [cases, *space], -1 where there is no label.
        prediction: classes [cases, *space].
        titles: one for each case, such as "worst, Dice 0.71"; may be left out.
        class_names: of the classes 0, 1, ..., for the legend; may be left out.
        background: the class that is not outlined; None outlines all.
        spacing: length of a pixel or voxel along each axis of the space [cases, axes], for the
            proportions of the pictures; by default 1.

    Returns:
        A figure with two panels per case.

    Raises:
        ValueError: if shapes disagree, a class is no whole number or has no name, or a length is
            not positive.
    """
    images = _images(images)
    truth = _classes("truth", truth, images, least=-1)
    prediction = _classes("prediction", prediction, images, least=0)
    left_out = _NONE if background is None else checks.whole("background", background, least=0)
    aspects = _aspects(spacing, images)
    cases = [
        outlines.slice_of(image, true, predicted, left_out)
        for image, true, predicted in zip(images, truth, prediction, strict=True)
    ]
    found = {int(n) for case in cases for n in np.unique([case.truth, case.prediction])}
    numbers = sorted(found - {-1, left_out})
    names = _names(class_names, numbers)
    said = _titles(titles, cases, aspects)

    figure = new_figure(max(2.3 * len(cases), 3.4), 5.2)
    grid = figure.subplots(2, len(cases), squeeze=False)
    for upper, lower, case, title, aspect in zip(*grid, cases, said, aspects, strict=True):
        for axes in (upper, lower):
            outlines.draw_picture(axes, case.image, aspect)
            outlines.draw_unlabeled(axes, case)
        part = outlines.part_around(case, left_out)
        outlines.draw_frame(upper, part)
        outlines.draw_outlines(lower, case, numbers, part)
        upper.set_title(title, fontsize=8.5, color=INK)
        lower.set_xlabel(case.place, fontsize=8, color=INK)
    outlines.draw_legend(figure, names, unlabeled=any((case.truth < 0).any() for case in cases))
    return figure


def _images(images: np.ndarray) -> np.ndarray:
    found = finite("images", images)
    if found.ndim not in (4, 5) or found.shape[-1] not in (1, 3) or min(found.shape[1:-1]) < 2:
        raise ValueError(
            f"images has shape {found.shape}, but must be [cases, height, width, channels] or "
            "[cases, depth, height, width, channels] with 1 or 3 channels and sides of at least 2."
        )
    if len(found) > _MOST_CASES:
        raise ValueError(
            f"images has {len(found)} cases, but must have at most {_MOST_CASES}: choose some."
        )
    return found


def _classes(name: str, value: np.ndarray, images: np.ndarray, *, least: int) -> np.ndarray:
    found = finite(name, value)
    if found.shape != images.shape[:-1]:
        raise ValueError(
            f"{name} has shape {found.shape}, but must be {images.shape[:-1]}, one class per pixel "
            "of images."
        )
    wrong = found[(found < least) | (found > 127) | (found != np.floor(found))]
    if wrong.size:
        raise ValueError(
            f"{name} holds {wrong[0]}, but must hold classes from {least} to 127: convert it."
        )
    return found.astype(np.int8)


def _titles(
    titles: Sequence[str], cases: Sequence[outlines.Case], aspects: Sequence[float]
) -> list[str]:
    """Titles in lines that are no wider than the pictures below them."""
    found = checks.sequence("titles", titles, "strings")
    for number, title in enumerate(found):
        checks.text(f"titles[{number}]", title)
    if found and len(found) != len(cases):
        raise ValueError(f"titles has {len(found)} titles, but images has {len(cases)} cases.")
    lines = []
    for title, case, aspect in zip(found, cases, aspects, strict=False):
        height, width = case.truth.shape
        inches = min(_WIDTH, _HEIGHT * width / (height * aspect))
        letters = max(_FEWEST_LETTERS, int(inches * _LETTERS))
        lines.append("\n".join(textwrap.wrap(plain(title, max_length=70), letters)))
    return lines or [""] * len(cases)


def _names(class_names: Sequence[str] | None, numbers: Sequence[int]) -> dict[int, str]:
    """The names of the classes that are outlined."""
    if class_names is None:
        return {number: f"class {number}" for number in numbers}
    found = checks.sequence("class_names", class_names, "strings")
    for number, name in enumerate(found):
        checks.text(f"class_names[{number}]", name)
    if numbers and numbers[-1] >= len(found):
        raise ValueError(
            f"class_names has {len(found)} names, but there is a class {numbers[-1]}: give one "
            "name per class, that of the background too."
        )
    return {number: plain(found[number]) for number in numbers}


def _aspects(spacing: np.ndarray | None, images: np.ndarray) -> list[float]:
    """How much longer the height of a pixel is than its width, in each case."""
    if spacing is None:
        return [1.0] * len(images)
    found = finite("spacing", spacing, "cases axes").astype(float)
    if found.shape != (len(images), images.ndim - 2) or (found <= 0).any():
        raise ValueError(
            f"spacing is {checks.shown(spacing)}, but must be {(len(images), images.ndim - 2)} "
            "lengths above 0, one per case and axis: leave it out where they are not known."
        )
    return (found[:, -2] / found[:, -1]).tolist()
