"""Loss and metrics during training."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

import numpy as np

from jaxmed import checks
from jaxmed.plots.style import (
    BLUE,
    COLORS,
    LEGEND,
    PALE,
    REFERENCE,
    VERMILLION,
    Axes,
    Figure,
    new_figure,
    tidy,
)
from jaxmed.plots.text import plain

DEFAULT_METRICS = tuple(
    f"validation/{name}"
    for name in (
        "auroc", "accuracy", "dice", "surface_dice",
        "sensitivity", "specificity", "f1", "r2", "mae",
    )
)  # fmt: skip
"""Metrics of the validation split that are drawn if they were measured."""
_LONGEST_LABEL = 18
"""Characters of the longest label with which a legend has three columns."""


def training_curve(
    history: Sequence[Mapping[str, float]],
    *,
    metrics: Sequence[str] | None = None,
    best_epoch: float | None = None,
    subjects: Mapping[str, str] | None = None,
) -> Figure:
    """Loss per epoch, and beside it metrics of the validation split.

    Args:
        history: one row per epoch, as loggers receive it: `epoch`, `train/loss` and so on. A row
            may lack what was not measured.
        metrics: names in the rows, such as "validation/auroc"; by default those of
            `DEFAULT_METRICS` that were measured.
        best_epoch: the epoch whose parameters were kept. By default the epoch of the lowest
            validation loss is marked, and the legend says so.
        subjects: what metrics are of, such as the positive class, by their names without
            "validation/"; shown behind the names.

    Returns:
        A figure with one panel, or two if there are metrics.

    Raises:
        ValueError: if `history` is empty.
    """
    history = checks.sequence("history", history, "rows, such as Fit.history")
    for number, row in enumerate(history):
        if not isinstance(row, Mapping) or "epoch" not in row:
            raise ValueError(
                f"history[{number}] is {checks.shown(row)}, but must map names to numbers, `epoch` "
                "among them: pass Fit.history."
            )
    if metrics is not None:
        metrics = checks.strings("metrics", metrics)
    if best_epoch is not None:
        checks.at_least("best_epoch", best_epoch, 0)
    if not history:
        raise ValueError("history is empty: train for at least one epoch.")
    measured = {name for row in history for name in row}
    if metrics is None:
        metrics = [name for name in DEFAULT_METRICS if name in measured]
    validation = "validation/loss" if "validation/loss" in measured else "validation/log_loss"
    for name in metrics:
        checks.known("metrics", name, measured)
    figure = new_figure(9.6 if metrics else 5.6, 3.9)
    panels = figure.subplots(1, 2 if metrics else 1, squeeze=False)[0]

    _draw(panels[0], history, ["train/loss", validation], [BLUE, VERMILLION], "", {})
    _scale_loss(panels[0])
    if metrics:
        _draw(panels[1], history, metrics, COLORS, "validation/", subjects or {})
        panels[1].set_ylabel("Metric on the validation split")

    reason = "best"
    epoch, loss = _series(history, validation)
    if best_epoch is None and epoch.size:
        best_epoch, reason = float(epoch[loss.argmin()]), "lowest validation loss"
    for axes in panels:
        if best_epoch is not None:
            label = f"epoch {round(float(best_epoch), 2):g}, {reason}" if axes is panels[0] else "_"
            axes.axvline(best_epoch, **REFERENCE, label=label)
        axes.set_xlabel("Epoch")
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.grid(axis="y", color=PALE, lw=0.6)
        tidy(axes)
        if axes.lines:
            # Long names in three columns would take the width of the panel beside.
            longest = max(len(str(line.get_label())) for line in axes.lines)
            ncols = 3 if longest <= _LONGEST_LABEL else 2
            axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=ncols, **LEGEND)
    return figure


def _draw(
    axes: Axes,
    history: Sequence[Mapping[str, float]],
    names: Sequence[str],
    colors: Sequence[str],
    prefix: str,
    subjects: Mapping[str, str],
) -> None:
    """One line per name that was measured; the legend shows the name without `prefix`."""
    marker = "o" if len(history) <= 30 else ""
    for name, color in zip(names, itertools.cycle(colors), strict=False):
        epoch, value = _series(history, name)
        if epoch.size:
            short = name.removeprefix(prefix)
            label = plain(short.replace("/", " "))
            if short in subjects:
                label = f"{label} ({plain(subjects[short], max_length=20)})"
            axes.plot(epoch, value, marker=marker, color=color, ms=3.5, label=label)


def _series(history: Sequence[Mapping[str, float]], name: str) -> tuple[np.ndarray, np.ndarray]:
    """The epochs at which `name` was measured and finite, and its values."""
    points = [(row["epoch"], row[name]) for row in history if np.isfinite(row.get(name, np.nan))]
    epoch, value = np.array(points, float).reshape(-1, 2).T
    return epoch, value


def _scale_loss(axes: Axes) -> None:
    """A logarithmic axis if the losses drawn span a factor of more than 30."""
    losses = np.concatenate([np.zeros(0), *(line.get_ydata() for line in axes.lines)])
    wide = losses.size > 0 and losses.min() > 0 and losses.max() > 30 * losses.min()
    if wide:
        axes.set_yscale("log")
        axes.yaxis.get_major_locator().set_params(subs=(1, 2, 5))
        axes.yaxis.set_major_formatter("{x:g}")
        axes.minorticks_off()
    axes.set_ylabel("Loss, mean per example" + (" (log scale)" if wide else ""))
