"""Agreement of predicted and measured values."""

from __future__ import annotations

import numpy as np

from jaxmed import checks
from jaxmed.plots import arguments
from jaxmed.plots.agreement import dots, draw_agreement
from jaxmed.plots.style import LEGEND, REFERENCE, Figure, new_figure, tidy
from jaxmed.plots.text import plain


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
    words = f" ({plain(unit)})" if unit else ""
    figure = new_figure(9.2, 4.4)
    left, right = figure.subplots(1, 2)
    both = np.concatenate([label, value]).astype(float)
    edge = 0.04 * (np.ptp(both) or 1.0)
    ends = (both.min() - edge, both.max() + edge)
    left.plot(ends, ends, **REFERENCE, label="predicted = measured")
    left.scatter(label, value, **dots(len(label)))
    left.set(xlim=ends, ylim=ends, xlabel=f"Measured{words}", ylabel=f"Predicted{words}")
    left.set_aspect("equal")
    left.legend(loc="upper left", **LEGEND)

    draw_agreement(right, label, value, unit=unit, names=("predicted", "measured"))
    right.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=2, **LEGEND)
    tidy(left)
    tidy(right)
    return figure
