"""What a search found: each setting against the score, one panel a setting."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np

from jaxmed import checks
from jaxmed.plots.style import COLOURS, Figure, LEGEND, PALE, new_figure, plain, tidy


def sweep(
    settings: Mapping[str, np.ndarray],
    scores: np.ndarray,
    *,
    best: int,
    logarithmic: Collection[str] = (),
    metric: str = "score",
) -> Figure:
    """One point a configuration and round: the last score of each, later rounds darker.

    Args:
        settings: [configurations] by name.
        scores: [rounds, configurations], NaN where a configuration had dropped out.
        best: the number of the chosen configuration, which is ringed.
        logarithmic: names of the settings whose axis is logarithmic.
        metric: what the scores are called.
    """
    if not settings:
        raise ValueError("settings is empty: give at least one setting.")
    rounds, count = scores.shape
    for name, values in settings.items():
        checks.shapes(**{name: (values, "configurations"), "scores": (scores[0], "configurations")})
    last = np.array([np.flatnonzero(~np.isnan(column)).max(initial=0) for column in scores.T])
    final = scores[last, np.arange(count)]
    figure = new_figure(3.0 * len(settings), 3.2)
    panels = figure.subplots(1, len(settings), sharey=True, squeeze=False)[0]
    for axes, (name, values) in zip(panels, settings.items(), strict=True):
        for number in range(rounds):
            here = last == number
            strength = 0.25 + 0.75 * (number + 1) / rounds
            label = f"out after round {number + 1}" if number < rounds - 1 else "to the end"
            axes.scatter(
                values[here], final[here], s=12, color=COLOURS[0], alpha=strength, lw=0, label=label
            )
        axes.scatter(
            values[best], final[best], s=70, facecolors="none", edgecolors=COLOURS[1], lw=1.6,
            label="chosen",
        )  # fmt: skip
        if name in logarithmic:
            axes.set_xscale("log")
        axes.set_xlabel(plain(name.replace("_", " ")))
        axes.grid(axis="y", color=PALE, lw=0.6)
        tidy(axes)
    panels[0].set_ylabel(plain(metric))
    panels[-1].legend(**LEGEND)
    return figure
