"""How much a label is worth: a metric against how many were used."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from jaxmed import checks
from jaxmed.plots.style import COLOURS, Figure, LEGEND, PALE, new_figure, plain, tidy


def label_curve(
    labels: Sequence[int], values: Mapping[str, np.ndarray], *, metric: str = "AUROC"
) -> Figure:
    """One line a way of training: mean and standard deviation over the seeds.

    Args:
        labels: how many labelled examples each column stands for, ascending.
        values: by name, [seeds, columns] of the metric on the test split.
        metric: what it is called.
    """
    if not values:
        raise ValueError("values is empty: give at least one line.")
    if len({len(found) for found in values.values()}) > 1:
        counts = {name: len(found) for name, found in values.items()}
        raise ValueError(f"values has unequal numbers of seeds, {counts}: give all lines as many.")
    figure = new_figure(5.6, 4.0)
    axes = figure.subplots()
    if len(values) > len(COLOURS):
        raise ValueError(f"values has {len(values)} lines, but at most {len(COLOURS)} can be told.")
    for (name, found), colour in zip(values.items(), COLOURS, strict=False):
        checks.shapes(values=(found, "seeds columns"), labels=(np.asarray(labels), "columns"))
        deviation = found.std(0, ddof=1) if len(found) > 1 else np.zeros(len(labels))
        axes.errorbar(
            labels, found.mean(0), deviation, marker="o", ms=4, lw=1.6, capsize=3, elinewidth=1,
            color=colour, label=plain(name),
        )  # fmt: skip
    axes.set_xscale("log")
    axes.set_xticks(list(labels), [str(count) for count in labels])
    axes.minorticks_off()
    seeds = {len(found) for found in values.values()}
    spread = f", mean ± SD of {seeds.pop()} seeds" if seeds != {1} else ""
    axes.set(
        xlabel="Labelled training examples (log scale)", ylabel=f"Test {plain(metric)}{spread}"
    )
    axes.grid(axis="y", color=PALE, lw=0.6)
    axes.legend(loc="lower right", **LEGEND)
    tidy(axes)
    return figure
