"""How near predicted values come to measured ones."""

from __future__ import annotations

import numpy as np

from jaxmed import checks
from jaxmed.plots.style import BLUE, Figure, LEGEND, REFERENCE, VERMILLION, new_figure, plain, tidy


def regression_scatter(label: np.ndarray, value: np.ndarray, *, unit: str = "") -> Figure:
    """Predicted against measured, and the difference against the mean (Bland and Altman 1986).

    Args:
        label: [rows], measured.
        value: [rows], predicted.
        unit: of both, for the axes.
    """
    checks.shapes(label=(label, "rows"), value=(value, "rows"))
    unit = f" ({plain(unit)})" if unit else ""
    dot = {"color": BLUE, "alpha": float(np.clip(150 / len(label), 0.15, 0.7)), "linewidths": 0}
    figure = new_figure(9.2, 4.4)
    left, right = figure.subplots(1, 2)
    both = np.concatenate([label, value]).astype(float)
    edge = 0.04 * (np.ptp(both) or 1.0)
    ends = (both.min() - edge, both.max() + edge)
    left.plot(ends, ends, **REFERENCE, label="predicted = measured")
    left.scatter(label, value, s=16, **dot)
    left.set(xlim=ends, ylim=ends, xlabel=f"Measured{unit}", ylabel=f"Predicted{unit}")
    left.set_aspect("equal")
    left.legend(loc="upper left", **LEGEND)

    difference = np.asarray(value, float) - label
    bias, spread = difference.mean(), 1.96 * difference.std(ddof=min(1, len(label) - 1))
    right.scatter((value + label) / 2, difference, s=16, **dot)
    right.axhline(bias, color=VERMILLION, lw=1.3, label=_minus(f"mean {bias:.3g}"))
    limits = f"mean ± 1.96 SD, {bias - spread:.3g} to {bias + spread:.3g}"
    for line, words in ((bias - spread, limits), (bias + spread, "_")):
        right.axhline(line, color=VERMILLION, lw=1.1, ls=(0, (4, 3)), label=_minus(words))
    right.set_xlabel(f"Mean of predicted and measured{unit}")
    right.set_ylabel(f"Predicted \N{MINUS SIGN} measured{unit}")
    right.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=2, **LEGEND)
    tidy(left)
    tidy(right)
    return figure


def _minus(text: str) -> str:
    return text.replace("-", "\N{MINUS SIGN}")
