"""Risk-coverage curve: the error among the predictions that a model is most confident of."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from jaxmed import checks
from jaxmed.plots import arguments
from jaxmed.plots.style import COLORS, LEGEND, PALE, REFERENCE, Figure, new_figure, tidy
from jaxmed.plots.text import plain

_PATTERNS = ("solid", (0, (5, 2)), (0, (1, 1.5)), (0, (6, 2, 1, 2)))
"""Of lines, told apart without color."""


def risk_coverage_curves(curves: Mapping[str, tuple[np.ndarray, np.ndarray]]) -> Figure:
    """Error rate among the kept rows against the share of rows that is kept.

    A curve that rises from left to right belongs to a confidence that knows where the model is
    wrong; that of a useless confidence is flat.

    Args:
        curves: by name of the model or of the confidence, shares that are kept [points], in
            (0, 1] and ascending, and error rates [points] in [0, 1]: what
            `metrics.risk_coverage` gives.

    Returns:
        A figure with one curve per name, and the mean error over the coverages (AURC) in the
        legend.

    Raises:
        ValueError: if there is no curve, there are more than colors, or shapes disagree.
    """
    if not isinstance(curves, Mapping) or not curves:
        raise ValueError(
            f"curves is {checks.shown(curves)}, but must map names to what metrics.risk_coverage "
            "gives: pass a dict with at least one."
        )
    if len(curves) > len(COLORS):
        raise ValueError(
            f"curves has {len(curves)} lines, but there are {len(COLORS)} colors: give fewer lines."
        )
    figure = new_figure(5.6, 4.0)
    axes = figure.subplots()
    top = 0.0
    for number, (name, curve) in enumerate(curves.items()):
        coverage, risk = _checked(str(name), curve)
        area = float(risk.mean())
        axes.plot(
            coverage,
            risk,
            color=COLORS[number],
            linestyle=_PATTERNS[number % len(_PATTERNS)],
            lw=1.7,
            label=f"{area:.3f}  {plain(str(name))}",
        )
        axes.axhline(risk[-1], **REFERENCE)
        top = max(top, float(risk.max()))
    axes.set(xlim=(0, 1.01), ylim=(0, min(1.0, 1.1 * top) or 1.0))
    axes.set(xlabel="Coverage: share of cases that is kept", ylabel="Error rate of those")
    axes.grid(color=PALE, lw=0.6)
    axes.legend(loc="upper left", title="AURC (horizontal: error of all)", **LEGEND)
    tidy(axes)
    return figure


def _checked(name: str, curve: tuple[np.ndarray, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    called = f"curves[{name!r}]"
    if not isinstance(curve, tuple | list) or len(curve) != 2:
        raise ValueError(
            f"{called} is {checks.shown(curve)}, but must be a pair (coverage, risk): pass what "
            "metrics.risk_coverage gives."
        )
    coverage, risk = (arguments.finite(called, part, "points") for part in curve)
    if coverage.shape != risk.shape:
        raise ValueError(
            f"{called} has {len(coverage)} coverages and {len(risk)} risks, but must have as many "
            "of both: pass what metrics.risk_coverage gives."
        )
    if (
        not ((coverage > 0) & (coverage <= 1) & (risk >= 0) & (risk <= 1)).all()
        or (np.diff(coverage) <= 0).any()
    ):
        raise ValueError(
            f"{called} holds numbers that no curve has, but coverage must rise in (0, 1] and risk "
            "lie in [0, 1]: pass what metrics.risk_coverage gives."
        )
    return coverage, risk
