"""A score of every case as a dot, by class: the whole distribution, and not its mean alone."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from jaxmed import checks
from jaxmed.plots.agreement import dots
from jaxmed.plots.style import INK, PALE, VERMILLION, Axes, Figure, new_figure, tidy
from jaxmed.plots.text import minus, plain

_MOST = 40  # classes
_GOLDEN = 0.6180339887498949  # of its multiples, neighbors are far apart
_SPREAD = 0.28  # of the dots of a class, up and down


def score_dots(scores: Mapping[str, np.ndarray], *, metric: str = "Dice", unit: str = "") -> Figure:
    """The score of every case, one line of dots per class, with the median and the quartiles.

    Heights within a line mean nothing; they only keep dots apart. Scores that are not defined
    (NaN), such as a distance where the class is missing, are counted beside the name and not drawn.

    Args:
        scores: by name of the class, one score per case [cases]; at most 40 classes. A class needs
            at least one score that is defined.
        metric: what the scores are, for the axis.
        unit: of the scores, such as "mm"; empty where they have none.

    Returns:
        A figure with one panel.

    Raises:
        ValueError: if there is no class, one has no defined score, or a score is infinite.
    """
    if not isinstance(scores, Mapping) or not scores:
        raise ValueError(
            f"scores is {checks.shown(scores)}, but must map names of classes to scores [cases]: "
            "pass a dict with at least one."
        )
    if len(scores) > _MOST:
        raise ValueError(f"scores has {len(scores)} classes, but must have at most {_MOST}.")
    checks.text("metric", metric)
    if not isinstance(unit, str):
        raise ValueError(f"unit is {checks.shown(unit)}, but must be a string, such as 'mm'.")
    columns = {str(name): _column(str(name), column) for name, column in scores.items()}
    figure = new_figure(6.4, 0.62 * len(columns) + 0.9)
    axes = figure.subplots()
    names = []
    for line, (name, column) in enumerate(columns.items()):
        defined = np.sort(column[~np.isnan(column)])
        _draw_line(axes, line, defined)
        missing = len(column) - len(defined)
        note = f"\n{missing} of {len(column)} not defined" if missing else f"\n{len(column)} cases"
        names.append(f"{plain(name)}{note}")
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.grid(axis="x", color=PALE, lw=0.6)
    axes.set_xlabel(f"{plain(metric, max_length=60)}{f' ({plain(unit)})' if unit else ''}")
    axes.plot([], [], color=VERMILLION, lw=1.6, label="median (first to third quartile)")
    axes.legend(loc="lower left", bbox_to_anchor=(-0.01, 1), fontsize=8.5, frameon=False)
    tidy(axes)
    return figure


def _draw_line(axes: Axes, line: int, defined: np.ndarray) -> None:
    """Dots of one class in ascending order, its median and quartiles, and these in numbers."""
    height = line + _SPREAD * (2 * (np.arange(len(defined)) * _GOLDEN % 1) - 1)
    axes.scatter(defined, height, **dots(len(defined)))
    first, median, third = np.quantile(defined, [0.25, 0.5, 0.75])
    axes.plot([first, third], [line, line], color=VERMILLION, lw=1.6, solid_capstyle="butt")
    axes.plot([median, median], [line - 0.2, line + 0.2], color=VERMILLION, lw=2.2)
    axes.annotate(
        minus("{} ({} to {})".format(*map(_digits, (median, first, third)))),
        (1.01, line),
        xycoords=("axes fraction", "data"),
        va="center",
        fontsize=8.5,
        color=INK,
    )


def _digits(value: float) -> str:
    """Three digits, also where they are zeros."""
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:#.3g}".rstrip(".")


def _column(name: str, value: np.ndarray) -> np.ndarray:
    """Scores [cases] in float64, NaN where they are not defined."""
    called = f"scores[{name!r}]"
    found = checks.real_array(called, value, "cases").astype(float)
    if np.isinf(found).any():
        raise ValueError(
            f"{called} is infinite in some cases, but must be finite, or NaN where it is not "
            "defined: replace them."
        )
    if np.isnan(found).all():
        raise ValueError(f"{called} has no defined score, but must have one: leave the class out.")
    return found
