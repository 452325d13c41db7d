"""What a model's answer rests on: outlines in a picture, and bars of features or words."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from jaxmed import checks
from jaxmed.plots.style import BLUE, INK, VERMILLION, Figure, new_figure, tidy
from jaxmed.plots.text import plain

_STRONGEST = 0.1  # of the pixels


def attributed_image(
    image: np.ndarray, attribution: np.ndarray | None = None, *, answer: str = "the answer"
) -> Figure:
    """The picture as it is, and with outlines around the tenth of the pixels that count most.

    Solid outlines surround what speaks for the answer, dashed ones what speaks against it, so that
    the figure reads without color. Nothing is outlined where all attributions are 0.

    Args:
        image: [height, width, 1 or 3]; uint8, or numbers that are shown from their lowest to their
            highest one.
        attribution: [height, width] or [height, width, channels], which are added; positive for the
            answer. None draws the picture alone.
        answer: what it is for, such as the predicted class.

    Returns:
        A figure with one panel, or two.

    Raises:
        ValueError: if a shape is another one, or a number is not finite.
    """
    image = checks.real_array("image", image)
    if image.ndim != 3 or image.shape[2] not in (1, 3) or 0 in image.shape:
        raise ValueError(f"image has shape {image.shape}, but must be [height, width, 1 or 3].")
    checks.text("answer", answer)
    heat = None if attribution is None else _heat(image, attribution)
    panels = 1 if heat is None else 2
    figure = new_figure(2.4 * panels, 2.6)
    for number, axes in enumerate(figure.subplots(1, panels, squeeze=False)[0]):
        axes.imshow(_shown(image), cmap="gray", vmin=0, vmax=1, interpolation="nearest")
        axes.set_xticks([])
        axes.set_yticks([])
        axes.spines[:].set_visible(False)
        if number and heat is not None:
            _outline(axes, heat)
            axes.set_title(f"for (solid), against (dashed)\n{plain(answer)}", fontsize=8, color=INK)
        elif panels == 2:
            axes.set_title("input\n", fontsize=8, color=INK)
    return figure


def _heat(image: np.ndarray, attribution: np.ndarray) -> np.ndarray:
    heat = checks.real_array("attribution", attribution).astype(float)
    if heat.ndim == 3:
        heat = heat.sum(axis=2)
    if heat.shape != image.shape[:2]:
        raise ValueError(
            f"attribution has shape {np.shape(attribution)}, but must be "
            f"[{image.shape[0]}, {image.shape[1]}], with or without channels, as the image."
        )
    if not np.isfinite(heat).all():
        raise ValueError("attribution holds NaN or infinity: explain with another method.")
    return heat


def _shown(image: np.ndarray) -> np.ndarray:
    """From 0 to 1, [height, width] or [height, width, 3]."""
    if image.dtype == np.uint8:
        found = image / 255
    else:
        low, high = np.nanmin(image), np.nanmax(image)
        found = (np.nan_to_num(image, nan=low) - low) / (high - low if high > low else 1)
    return found[..., 0] if found.shape[2] == 1 else found


def _outline(axes: object, heat: np.ndarray) -> None:
    threshold = np.quantile(np.abs(heat), 1 - _STRONGEST)
    strong = (np.abs(heat) >= threshold) & (heat != 0)
    styles = ((heat > 0, VERMILLION, "solid"), (heat < 0, BLUE, "dashed"))
    for side, color, style in styles:
        # A frame of nothing, so that outlines close at the edge; doubled for square corners.
        inside = np.kron(np.pad(strong & side, 1), np.ones((4, 4)))
        if not inside.any():
            continue
        down, right = ((np.arange(n) + 0.5) / 4 - 1.5 for n in inside.shape)
        for width, line in ((2.6, "white"), (1.3, color)):
            axes.contour(  # type: ignore[attr-defined]
                right, down, inside, levels=[0.5], colors=[line], linewidths=width,
                linestyles="solid" if line == "white" else style,
            )  # fmt: skip


def contribution_bars(contributions: Mapping[str, float], *, answer: str = "the answer") -> Figure:
    """Bars of what speaks for an answer, to the right, and against it, to the left and hatched.

    Args:
        contributions: by the name of a feature or word, at least one, in the order from top to
            bottom.
        answer: what they are of, such as the predicted class.

    Returns:
        A figure with one bar per name.

    Raises:
        ValueError: if there is none, or a contribution is not finite.
    """
    if not isinstance(contributions, Mapping) or not contributions:
        raise ValueError(
            f"contributions is {checks.shown(contributions)}, but must map names to numbers: pass "
            "a dict with at least one."
        )
    for name, number in contributions.items():
        checks.text("the name of a contribution", name)
        checks.finite(f"contributions[{name!r}]", number)
    checks.text("answer", answer)
    numbers = [float(number) for number in contributions.values()]
    figure = new_figure(6.0, 0.8 + 0.32 * len(numbers))
    axes = figure.subplots()
    for place, number in enumerate(numbers):
        style = {"color": VERMILLION} if number >= 0 else {"color": "white", "hatch": "///"}
        axes.barh(-place, number, height=0.7, edgecolor=INK, linewidth=0.8, **style)
    axes.axvline(0, color=INK, lw=0.8)
    axes.set_yticks([-place for place in range(len(numbers))], [plain(n) for n in contributions])
    axes.set_xlabel(f"Contribution to {plain(answer)}: against (hatched), for (filled)")
    tidy(axes)
    return figure
