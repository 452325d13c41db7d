"""Bland-Altman plots: how far two measurements of the same thing differ."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from jaxmed import checks
from jaxmed.plots import arguments
from jaxmed.plots.style import BLUE, LEGEND, VERMILLION, Axes, Figure, new_figure, tidy
from jaxmed.plots.text import minus, plain

_COLUMNS = 3
_MOST = 24  # panels


def volume_agreement(
    volumes: Mapping[str, tuple[np.ndarray, np.ndarray]], *, unit: str = "ml"
) -> Figure:
    """Bland-Altman plots of predicted and true volumes, one panel per class.

    Each panel shows the mean difference and the limits of agreement, mean ± 1.96 SD. Panels have
    axes of their own, as structures differ in size.

    Args:
        volumes: by name of the class, true volumes [cases] and predicted ones [cases]; at most 24
            classes.
        unit: of both, for the axes.

    Returns:
        A figure with one panel per class.

    Raises:
        ValueError: if there is no class, or shapes disagree.

    References:
        Bland and Altman, Statistical methods for assessing agreement between two methods of
        clinical measurement, 1986.
    """
    if not isinstance(volumes, Mapping) or not volumes:
        raise ValueError(
            f"volumes is {checks.shown(volumes)}, but must map names of classes to pairs (true, "
            "predicted): pass a dict with at least one."
        )
    if len(volumes) > _MOST:
        raise ValueError(f"volumes has {len(volumes)} classes, but must have at most {_MOST}.")
    if not isinstance(unit, str):
        raise ValueError(f"unit is {checks.shown(unit)}, but must be a string, such as 'ml'.")
    pairs = {str(name): _pair(str(name), pair) for name, pair in volumes.items()}
    columns = min(_COLUMNS, len(pairs))
    rows = -(-len(pairs) // columns)
    figure = new_figure(3.5 * columns + 0.4, 3.5 * rows)
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes, (name, (truth, predicted)) in zip(panels, pairs.items(), strict=False):
        draw_agreement(axes, truth, predicted, unit=unit, names=("predicted", "true"))
        axes.legend(
            loc="lower left", bbox_to_anchor=(-0.02, 1), title=plain(name), **LEGEND
        ).get_title().set_fontweight("bold")
        tidy(axes)
    for axes in panels[len(pairs) :]:
        axes.set_axis_off()
    return figure


def draw_agreement(
    axes: Axes, label: np.ndarray, value: np.ndarray, *, unit: str, names: tuple[str, str]
) -> None:
    """The Bland-Altman plot of two finite columns [rows], without a legend.

    Args:
        axes: to draw on.
        label: of the reference.
        value: of the method.
        unit: of both; may be empty.
        names: of the method and of the reference, for the axes.
    """
    unit = f" ({plain(unit)})" if unit else ""
    label, value = np.asarray(label, float), np.asarray(value, float)
    difference = value - label
    axes.scatter((value + label) / 2, difference, **dots(len(label)))
    spread = 1.96 * difference.std(ddof=min(1, len(difference) - 1))
    bias = difference.mean()
    low, high = bias - spread, bias + spread
    axes.axhline(bias, color=VERMILLION, lw=1.3, label=minus(f"mean {bias:.3g}"))
    words = minus(f"mean ± 1.96 SD, {low:.3g} to {high:.3g}")
    for limit, said in ((low, words), (high, "_")):
        axes.axhline(limit, color=VERMILLION, lw=1.1, ls=(0, (4, 3)), label=said)
    reach = max(spread, abs(difference - bias).max())
    if reach <= 1e-6 * abs(value).max():  # equal but for rounding
        reach = 0.01 * abs(value).max() or 1.0
    axes.set_ylim(bias - 1.1 * reach, bias + 1.1 * reach)
    method, reference = names
    axes.set_xlabel(f"Mean of {method} and {reference}{unit}")
    axes.set_ylabel(f"{method.capitalize()} \N{MINUS SIGN} {reference}{unit}")


def dots(rows: int) -> dict[str, object]:
    """The look of as many dots: the more, the paler."""
    return {
        "s": 16,
        "color": BLUE,
        "alpha": float(np.clip(150 / rows, 0.15, 0.7)),
        "linewidths": 0,
    }


def _pair(name: str, pair: tuple[np.ndarray, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    called = f"volumes[{name!r}]"
    if not isinstance(pair, tuple | list) or len(pair) != 2:
        raise ValueError(
            f"{called} is {checks.shown(pair)}, but must be a pair (true, predicted): pass two "
            "arrays of one number per case."
        )
    truth, predicted = (arguments.finite(called, part, "cases") for part in pair)
    if truth.shape != predicted.shape:
        raise ValueError(
            f"{called} has {len(truth)} true and {len(predicted)} predicted volumes, but must have "
            "as many of both: pass one of each per case."
        )
    return truth, predicted
