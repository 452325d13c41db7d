"""Curves of survival with the number still observed, and calibration at a horizon."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from jaxmed import checks
from jaxmed.plots.style import COLORS, INK, LEGEND, REFERENCE, Figure, new_figure, tidy

_MOST_GROUPS = len(COLORS)


class SurvivalGroup(NamedTuple):
    """One group of rows.

    Attributes:
        time: of each row, when it had its event or was last seen [rows].
        times: at which `survival` steps down [steps], increasing.
        survival: observed, such as the Kaplan-Meier estimate [steps].
        predicted_times: of the predicted curve [points], increasing; empty without one.
        predicted: survival that was predicted [points].
    """

    time: np.ndarray
    times: np.ndarray
    survival: np.ndarray
    predicted_times: np.ndarray = np.empty(0)
    predicted: np.ndarray = np.empty(0)


def survival_curves(groups: Mapping[str, SurvivalGroup], *, unit: str = "") -> Figure:
    """Observed survival of groups as steps, predicted survival dashed, and the numbers at risk.

    Args:
        groups: by name, at most 6.
        unit: of time, for the axis.

    Returns:
        A figure with the curves above a table of the rows of each group that are still observed.

    Raises:
        ValueError: if there is no group, there are too many, or one has no rows.

    References:
        Kaplan and Meier, Nonparametric estimation from incomplete observations, 1958; Morris et
        al., Proposals on Kaplan-Meier plots in medical research, 2019 (numbers at risk).
    """
    if not isinstance(groups, Mapping) or not 1 <= len(groups) <= _MOST_GROUPS:
        raise ValueError(
            f"groups is {checks.shown(groups)}, but must map 1 to {_MOST_GROUPS} names to "
            "plots.SurvivalGroup: pass a dict."
        )
    if not isinstance(unit, str):
        raise ValueError(f"unit is {checks.shown(unit)}, but must be a string, such as 'days'.")
    for name, group in groups.items():
        if not isinstance(group, SurvivalGroup) or not len(group.time):
            raise ValueError(
                f"groups holds {checks.shown(group)} for {name!r}, but must hold a "
                "plots.SurvivalGroup with a row or more: leave others out."
            )
        if np.shape(group.times) != np.shape(group.survival):
            raise ValueError(
                f"groups holds {len(group.times)} times but {len(group.survival)} values of "
                f"survival for {name!r}: give one per time."
            )
    last = max(float(group.time.max()) for group in groups.values())
    figure = new_figure(5.6, 4.0 + 0.22 * len(groups))
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[12, 1 + len(groups)])
    for color, (name, group) in zip(COLORS, groups.items(), strict=False):
        times, survival = np.append(0, group.times), np.append(1, group.survival)
        upper.step(times, survival, where="post", color=color, lw=1.6, label=name)
        if len(group.predicted):
            times, survival = np.append(0, group.predicted_times), np.append(1, group.predicted)
            shown = times <= last
            upper.plot(times[shown], survival[shown], color=color, lw=1.2, ls=(0, (4, 2)))
    upper.set(ylabel="survival", ylim=(0, 1.02), xlim=(0, last))
    upper.legend(**LEGEND)
    tidy(upper)
    ticks = [tick for tick in upper.get_xticks() if 0 <= tick <= last]
    for line, (color, group) in enumerate(zip(COLORS, groups.values(), strict=False)):
        for tick in ticks:
            count = int((group.time >= tick).sum())
            lower.text(tick, -line, str(count), color=color, ha="center", va="center", fontsize=8)
    lower.set(ylim=(0.6 - len(groups), 0.6), yticks=[], ylabel="at risk")
    lower.set_xlabel(f"time, {unit}" if unit else "time")
    tidy(lower)
    lower.spines["left"].set_visible(False)
    lower.yaxis.label.set(rotation=0, ha="right", va="center")
    return figure


def survival_calibration(
    predicted: np.ndarray, observed: np.ndarray, rows: np.ndarray, horizon: float
) -> Figure:
    """Observed against predicted probability of an event until a horizon, a point per group.

    Args:
        predicted: mean of each group [groups], in [0, 1].
        observed: of each group [groups], in [0, 1].
        rows: of each group [groups].
        horizon: in the unit of time, for the axes.

    Returns:
        A figure; beside each point stands its number of rows.

    Raises:
        ValueError: if shapes disagree or a probability is none.
    """
    predicted, observed = (
        _shares(name, value) for name, value in (("predicted", predicted), ("observed", observed))
    )
    rows = checks.real_array("rows", rows, "groups")
    checks.positive("horizon", horizon)
    checks.shapes(
        predicted=(predicted, "groups"), observed=(observed, "groups"), rows=(rows, "groups")
    )
    figure = new_figure(4.6, 4.4)
    axes = figure.subplots()
    most = min(1.0, 1.08 * max(float(predicted.max()), float(observed.max()), 0.05))
    axes.plot([0, most], [0, most], **REFERENCE)
    axes.plot(predicted, observed, "o-", color=COLORS[0], ms=5, lw=1)
    for x, y, count in zip(predicted, observed, rows, strict=True):
        axes.annotate(
            f"{int(count):,}", (x, y), (6, -9), textcoords="offset points", fontsize=7.5, color=INK
        )
    axes.set(
        xlim=(0, most),
        ylim=(0, most),
        xlabel=f"predicted probability of an event until {horizon:g}",
        ylabel="observed",
    )
    tidy(axes)
    return figure


def _shares(name: str, value: np.ndarray) -> np.ndarray:
    """Probabilities [groups] in float64."""
    found = checks.real_array(name, value, "groups").astype(np.float64)
    if not ((found >= 0) & (found <= 1)).all():
        raise ValueError(
            f"{name} is {checks.shown(found.tolist())}, but must lie in [0, 1]: pass probabilities."
        )
    return found
