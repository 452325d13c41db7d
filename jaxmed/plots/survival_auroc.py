"""AUROC over time: how well who has had the event is told from who has not, at each time."""

from __future__ import annotations

import numpy as np

from jaxmed import checks
from jaxmed.plots.style import COLORS, REFERENCE, Figure, new_figure, tidy


def survival_auroc(
    times: np.ndarray, auroc: np.ndarray, low: np.ndarray, high: np.ndarray
) -> Figure:
    """AUROC at each time with its interval.

    Args:
        times: [times], strictly increasing.
        auroc: `metrics.auroc_at` [times], in [0, 1].
        low: lower ends of the intervals [times].
        high: upper ends [times].

    Returns:
        A figure with a line, a band, and 0.5, which is chance, dashed.

    Raises:
        ValueError: if shapes disagree, times do not increase or a value is no area.
    """
    times = checks.real_array("times", times, "times").astype(np.float64)
    if not np.isfinite(times).all() or (np.diff(times) <= 0).any():
        raise ValueError(
            f"times is {checks.shown(times.tolist())}, but must be finite and strictly increasing: "
            "sort it and leave out repetitions."
        )
    lines = {}
    for name, value in (("auroc", auroc), ("low", low), ("high", high)):
        lines[name] = checks.real_array(name, value, "times").astype(np.float64)
        if not ((lines[name] >= 0) & (lines[name] <= 1)).all():
            raise ValueError(
                f"{name} is {checks.shown(lines[name].tolist())}, but must lie in [0, 1]: pass "
                "areas under the ROC curve."
            )
    checks.shapes(times=(times, "times"), **{name: (line, "times") for name, line in lines.items()})
    figure = new_figure(5.0, 3.4)
    axes = figure.subplots()
    axes.axhline(0.5, **REFERENCE)
    axes.fill_between(times, lines["low"], lines["high"], color=COLORS[0], alpha=0.2, lw=0)
    axes.plot(times, lines["auroc"], "o-", color=COLORS[0], ms=4, lw=1.4)
    least = min(0.45, float(lines["low"].min(initial=1.0)) - 0.02)
    axes.set(xlabel="time", ylabel="AUROC of events until then", ylim=(max(0.0, least), 1.0))
    tidy(axes)
    return figure
