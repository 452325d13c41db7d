"""Decision curve: net benefit over the thresholds at which one would treat."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from jaxmed import checks
from jaxmed.plots import arguments
from jaxmed.plots.style import COLORS, INK, LEGEND, PALE, REFERENCE, Figure, new_figure, tidy
from jaxmed.plots.text import plain

_LINES = ("-", (0, (5, 2)), "-.", (0, (1, 1.5)))
_MARKERS = ("o", "s", "^", "D")


def decision_curve(
    thresholds: np.ndarray | Sequence[float],
    net_benefit: Mapping[str, np.ndarray],
    treat_all: np.ndarray | Sequence[float],
    *,
    positive: str,
    band: tuple[np.ndarray, np.ndarray] | None = None,
    level: float = 0.95,
) -> Figure:
    """Net benefit of one or more models, of treating all and of treating none.

    A model is of use at a threshold where its line is above both others. Lines differ by pattern
    and marker, so that the figure can be read without color.

    Args:
        thresholds: [thresholds], ascending, in (0, 1).
        net_benefit: of each model by its name [thresholds], at most four.
        treat_all: [thresholds], `metrics.net_benefit(...).treat_all`.
        positive: the name of the class that would be treated.
        band: lower and upper end of the interval of the first model [thresholds], or None.
        level: nominal coverage of the band, in (0, 1).

    Returns:
        A figure; the vertical axis ends a little below 0, where no line is of use.

    Raises:
        ValueError: if there is no model, more than four, or shapes disagree.

    References:
        Vickers and Elkin, Decision curve analysis: a novel method for evaluating prediction models,
        2006; Vickers, van Calster and Steyerberg, A simple, step-by-step guide to interpreting
        decision curve analysis, 2019.
    """
    checks.text("positive", positive)
    checks.fraction("level", level, above_zero=True, below_one=True)
    x = arguments.finite("thresholds", thresholds, "thresholds")
    if not ((x > 0) & (x < 1)).all() or (np.diff(x) <= 0).any():
        raise ValueError("thresholds must ascend and lie in (0, 1), but do not: sort them.")
    if not isinstance(net_benefit, Mapping) or not 0 < len(net_benefit) <= len(_LINES):
        raise ValueError(
            f"net_benefit is {checks.shown(net_benefit)}, but must map one to {len(_LINES)} names "
            "of models to arrays [thresholds]: pass a dict."
        )
    checks.strings("net_benefit", list(net_benefit))
    of_all = _line("treat_all", treat_all, x)
    lines = {name: _line("net_benefit", line, x) for name, line in net_benefit.items()}
    figure = new_figure(5.8, 4.2)
    axes = figure.subplots()
    axes.axhline(0, color=INK, lw=1, label=f"treat none as {plain(positive)}")
    axes.plot(x, of_all, **REFERENCE, label=f"treat all as {plain(positive)}")
    for number, (name, line) in enumerate(lines.items()):
        axes.plot(
            x, line, color=COLORS[number], lw=1.8, ls=_LINES[number], marker=_MARKERS[number],
            ms=4, markevery=max(1, len(x) // 10), label=plain(name),
        )  # fmt: skip
    if band is not None:
        low, high = _band(band, x)
        axes.fill_between(
            x, low, high, color=COLORS[0], alpha=0.15, lw=0, label=f"its {100 * level:g} % interval"
        )
    top = max(line.max() for line in (*lines.values(), of_all))
    top = top if top > 0 else 0.01
    axes.set(xlim=(0, 1), ylim=(-0.25 * top, 1.1 * top))
    axes.set(xlabel=f"Threshold probability of {plain(positive)}", ylabel="Net benefit per patient")
    axes.grid(color=PALE, lw=0.6)
    axes.legend(loc="upper right", **LEGEND)
    tidy(axes)
    return figure


def _line(name: str, value: np.ndarray | Sequence[float], thresholds: np.ndarray) -> np.ndarray:
    line = arguments.finite(name, value)
    checks.shapes(thresholds=(thresholds, "thresholds"), **{name: (line, "thresholds")})
    return line


def _band(band: tuple[np.ndarray, np.ndarray], x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    ends = checks.sequence("band", band, "two arrays [thresholds]")
    if len(ends) != 2:
        raise ValueError(
            f"band has {len(ends)} arrays, but must have two: the lower and upper end."
        )
    low, high = (_line("band", end, x) for end in ends)
    return low, high
