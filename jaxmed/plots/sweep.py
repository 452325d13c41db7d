"""Results of a hyperparameter search: each setting against the score, one panel per setting."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np

from jaxmed import checks
from jaxmed.plots import arguments
from jaxmed.plots.style import COLORS, LEGEND, PALE, Figure, new_figure, tidy
from jaxmed.plots.text import plain


def sweep_scatter(
    settings: Mapping[str, np.ndarray],
    scores: np.ndarray,
    *,
    best: int,
    logarithmic: Collection[str] = (),
    metric: str = "score",
) -> Figure:
    """One point per configuration: its last score; configurations of later rounds are darker.

    Args:
        settings: by name, the value of each configuration [configurations].
        scores: [rounds, configurations]; NaN after a configuration was stopped.
        best: index of the chosen configuration, which is circled.
        logarithmic: names of the settings with a logarithmic axis.
        metric: name of the score.

    Returns:
        A figure with one panel per setting.

    Raises:
        ValueError: if there is no setting or shapes disagree.
    """
    if not isinstance(settings, Mapping):
        raise ValueError(
            f"settings is {checks.shown(settings)}, but must map names to numbers "
            "[configurations]: pass a dict."
        )
    settings = {
        name: arguments.finite(f"settings[{name!r}]", values) for name, values in settings.items()
    }
    scores = checks.real_array("scores", scores, "rounds configurations")
    best = checks.whole("best", best, least=0, most=max(scores.shape[1] - 1, 0))
    logarithmic = checks.strings("logarithmic", logarithmic)
    checks.text("metric", metric)
    if not scores.size:
        raise ValueError(f"scores has shape {scores.shape}, but must have at least one round.")
    if not settings:
        raise ValueError("settings is empty: give at least one setting.")
    rounds, count = scores.shape
    for name, values in settings.items():
        if values.shape != (count,):
            raise ValueError(
                f"settings has {name} of shape {values.shape}, but must have ({count},), as many "
                "as scores has configurations."
            )
    last = np.array([np.flatnonzero(~np.isnan(column)).max(initial=0) for column in scores.T])
    final = scores[last, np.arange(count)]
    figure = new_figure(3.0 * len(settings), 3.2)
    panels = figure.subplots(1, len(settings), sharey=True, squeeze=False)[0]
    for axes, (name, values) in zip(panels, settings.items(), strict=True):
        for number in range(rounds):
            here = last == number
            alpha = 0.25 + 0.75 * (number + 1) / rounds
            finished = number == rounds - 1
            label = "finished" if finished else f"stopped after round {number + 1}"
            axes.scatter(
                values[here], final[here], s=12, color=COLORS[0], alpha=alpha, lw=0, label=label
            )
        axes.scatter(
            values[best], final[best], s=70, facecolors="none", edgecolors=COLORS[1], lw=1.6,
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
