"""How training went."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

import numpy as np

from jaxmed.plots.style import (
    BLUE,
    COLOURS,
    Figure,
    LEGEND,
    PALE,
    REFERENCE,
    VERMILLION,
    new_figure,
    plain,
    tidy,
)

TELLING = tuple(
    f"validation/{name}"
    for name in ("auroc", "accuracy", "sensitivity", "specificity", "f1", "r2", "mae")
)
"""What a reader asks of a validation split first."""


def training_curve(
    history: Sequence[Mapping[str, float]],
    *,
    metrics: Sequence[str] | None = None,
    best_epoch: int | None = None,
) -> Figure:
    """Loss by epoch, and beside it the chosen metrics of the validation split.

    Args:
        history: one row an epoch, as trackers get them; a row may lack what it did not measure.
        metrics: names in the rows, such as "validation/auroc"; by default those of `TELLING`
            that were measured.
        best_epoch: the epoch whose parameters were kept. By default that of the lowest
            validation loss is marked, and labelled so.
    """
    if not history:
        raise ValueError("history is empty: train for at least one epoch.")
    measured = {name for row in history for name in row}
    if metrics is None:
        metrics = [name for name in TELLING if name in measured]
    unseen = "validation/loss" if "validation/loss" in measured else "validation/log_loss"
    figure = new_figure(9.6 if metrics else 5.6, 3.9)
    panels = figure.subplots(1, 2 if metrics else 1, squeeze=False)[0]
    marker = "o" if len(history) <= 30 else ""

    drawn = {}
    for name, colour in (("train/loss", BLUE), (unseen, VERMILLION)):
        epoch, loss = drawn[name] = _series(history, name)
        if epoch.size:
            label = plain(name.replace("/", " "))
            panels[0].plot(epoch, loss, marker=marker, color=colour, ms=3.5, label=label)
    losses = np.concatenate([loss for _, loss in drawn.values()])
    wide = losses.size > 0 and losses.min() > 0 and losses.max() > 30 * losses.min()
    if wide:
        panels[0].set_yscale("log")
        panels[0].yaxis.get_major_locator().set_params(subs=(1, 2, 5))
        panels[0].yaxis.set_major_formatter("{x:g}")
        panels[0].minorticks_off()
    panels[0].set_ylabel("Loss, mean of an example" + (" (log scale)" if wide else ""))
    for name, colour in zip(metrics, itertools.cycle(COLOURS), strict=False):
        epoch, value = _series(history, name)
        label = plain(name.removeprefix("validation/"))
        panels[1].plot(epoch, value, marker=marker, color=colour, ms=3.5, label=label)
    if metrics:
        panels[1].set_ylabel("Metric on the validation split")

    reason = "best"
    epoch, loss = drawn[unseen]
    if best_epoch is None and epoch.size:
        best_epoch, reason = int(epoch[loss.argmin()]), "lowest validation loss"
    for axes in panels:
        if best_epoch is not None:
            label = f"epoch {best_epoch}, {reason}" if axes is panels[0] else "_"
            axes.axvline(best_epoch, **REFERENCE, label=label)
        axes.set_xlabel("Epoch")
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.grid(axis="y", color=PALE, lw=0.6)
        tidy(axes)
        if axes.lines:
            axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3, **LEGEND)
    return figure


def _series(history: Sequence[Mapping[str, float]], name: str) -> tuple[np.ndarray, np.ndarray]:
    """The epochs at which `name` was measured and finite, and what it was."""
    points = [(row["epoch"], row[name]) for row in history if np.isfinite(row.get(name, np.nan))]
    epoch, value = np.array(points, float).reshape(-1, 2).T
    return epoch, value
