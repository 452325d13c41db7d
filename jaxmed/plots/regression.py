"""Agreement of predicted and measured values."""

from __future__ import annotations

import numpy as np

from jaxmed import checks
from jaxmed.plots import arguments
from jaxmed.plots.style import BLUE, LEGEND, REFERENCE, VERMILLION, Axes, Figure, new_figure, tidy
from jaxmed.plots.text import minus, plain


def regression_scatter(label: np.ndarray, value: np.ndarray, *, unit: str = "") -> Figure:
    """Predicted against measured values, and a Bland-Altman plot of their difference.

    The Bland-Altman plot shows the mean difference and the limits of agreement, mean ± 1.96 SD.

    Args:
        label: measured values [rows].
        value: predicted values [rows].
        unit: of both, for the axes.

    Returns:
        A figure with two panels.

    Raises:
        ValueError: if shapes disagree.

    References:
        Bland and Altman, Statistical methods for assessing agreement between two methods of
        clinical measurement, 1986.
    """
    label, value = (arguments.finite(*each) for each in (("label", label), ("value", value)))
    checks.shapes(label=(label, "rows"), value=(value, "rows"))
    if not isinstance(unit, str):
        raise ValueError(f"unit is {checks.shown(unit)}, but must be a string, such as 'mm'.")
    unit = f" ({plain(unit)})" if unit else ""
    dots = {
        "s": 16,
        "color": BLUE,
        "alpha": float(np.clip(150 / len(label), 0.15, 0.7)),
        "linewidths": 0,
    }
    figure = new_figure(9.2, 4.4)
    left, right = figure.subplots(1, 2)
    both = np.concatenate([label, value]).astype(float)
    edge = 0.04 * (np.ptp(both) or 1.0)
    ends = (both.min() - edge, both.max() + edge)
    left.plot(ends, ends, **REFERENCE, label="predicted = measured")
    left.scatter(label, value, **dots)
    left.set(xlim=ends, ylim=ends, xlabel=f"Measured{unit}", ylabel=f"Predicted{unit}")
    left.set_aspect("equal")
    left.legend(loc="upper left", **LEGEND)

    difference = np.asarray(value, float) - label
    right.scatter((value + label) / 2, difference, **dots)
    _draw_limits(right, difference)
    right.set_xlabel(f"Mean of predicted and measured{unit}")
    right.set_ylabel(f"Predicted \N{MINUS SIGN} measured{unit}")
    right.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=2, **LEGEND)
    tidy(left)
    tidy(right)
    return figure


def _draw_limits(axes: Axes, difference: np.ndarray) -> None:
    """The mean difference and the limits of agreement, as horizontal lines."""
    spread = 1.96 * difference.std(ddof=min(1, len(difference) - 1))
    bias = difference.mean()
    low, high = bias - spread, bias + spread
    axes.axhline(bias, color=VERMILLION, lw=1.3, label=minus(f"mean {bias:.3g}"))
    words = minus(f"mean ± 1.96 SD, {low:.3g} to {high:.3g}")
    for limit, label in ((low, words), (high, "_")):
        axes.axhline(limit, color=VERMILLION, lw=1.1, ls=(0, (4, 3)), label=label)
