"""The course of one stay: each variable over time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from jaxmed import checks
from jaxmed.plots import arguments
from jaxmed.plots.style import BLUE, GRAY, PALE, REFERENCE, Figure, new_figure, tidy
from jaxmed.plots.text import plain

_MOST = 40
"""Rows that fit on a page."""


def stay_timeline(
    time: Any,
    variable: Any,
    value: Any,
    *,
    names: Sequence[str],
    units: Sequence[str],
    until: float | None = None,
) -> Figure:
    """One row per variable that was measured, with its values over the hours of the stay.

    Rows have scales of their own; the numbers beside a row are its lowest and highest value.

    Args:
        time: [events], hours since the stay began.
        variable: [events], the place of each event's variable in `names`.
        value: [events].
        names: of the variables.
        units: of their values, as many.
        until: the prediction time in hours, drawn as a line; by default none.

    Returns:
        A figure with one row per variable with at least one value, in the order of `names`.

    Raises:
        ValueError: if there is no event, lengths disagree, or a variable has no name.
    """
    time = arguments.finite("time", time, "events")
    variable = arguments.finite("variable", variable, "events")
    value = arguments.finite("value", value, "events")
    checks.shapes(time=(time, "events"), variable=(variable, "events"), value=(value, "events"))
    names = checks.strings("names", names)
    units = tuple(str(unit) for unit in checks.sequence("units", units, "strings"))
    if len(units) != len(names):
        raise ValueError(
            f"units has {len(units)} entries, but must have one for each of the {len(names)} names."
        )
    if variable.dtype.kind not in "iu" or variable.min() < 0 or variable.max() >= len(names):
        raise ValueError(
            f"variable reaches from {variable.min()} to {variable.max()}, but must hold whole "
            f"numbers from 0 to {len(names) - 1}, places in names."
        )
    if until is not None:
        checks.positive("until", until)
    shown = np.unique(variable)
    if len(shown) > _MOST:
        raise ValueError(
            f"variable names {len(shown)} variables, but {_MOST} fit on a page: choose some."
        )
    figure = new_figure(7.0, 0.8 + 0.42 * len(shown))
    rows = figure.subplots(len(shown), 1, sharex=True, squeeze=False)[:, 0]
    end = max(float(time.max()), until or 0.0)
    for axes, place in zip(rows, shown.tolist(), strict=True):
        own = np.flatnonzero(variable == place)
        own = own[np.argsort(time[own], kind="stable")]
        axes.plot(time[own], value[own], color=BLUE, lw=0.8, marker=".", ms=3.5)
        if until is not None:
            axes.axvline(until, **REFERENCE)
        low, high = float(value[own].min()), float(value[own].max())
        margin = 0.15 * (high - low) or max(1.0, 0.05 * abs(high))
        axes.set(xlim=(0, 1.02 * end), ylim=(low - margin, high + margin), yticks=[])
        axes.set_ylabel(plain(names[place]), rotation=0, ha="right", va="center")
        axes.text(
            1.01,
            0.5,
            _range(low, high, plain(units[place])),
            transform=axes.transAxes,
            va="center",
            fontsize=7.5,
            color=GRAY,
        )
        axes.grid(axis="x", color=PALE, lw=0.6)
        tidy(axes)
        axes.spines["left"].set_visible(False)
        axes.tick_params(bottom=axes is rows[-1])
    rows[-1].set_xlabel("Hours since the stay began")
    return figure


def _range(low: float, high: float, unit: str) -> str:
    numbers = f"{low:g} to {high:g}" if high > low else f"{low:g}"
    return f"{numbers} {unit}".rstrip()
