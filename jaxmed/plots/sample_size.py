"""Learning curve: a metric against the number of labeled training examples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from jaxmed import checks
from jaxmed.plots import arguments
from jaxmed.plots.style import COLORS, LEGEND, PALE, Figure, new_figure, tidy
from jaxmed.plots.text import plain


def learning_curve(
    sizes: Sequence[int], scores: Mapping[str, np.ndarray], *, metric: str = "AUROC"
) -> Figure:
    """One line per training method: mean and standard deviation over the seeds.

    Args:
        sizes: number of labeled examples of each column, ascending.
        scores: by name of the method, the metric on the test split [seeds, columns].
        metric: name of the metric.

    Returns:
        A figure with a logarithmic axis of sizes.

    Raises:
        ValueError: if there is no line, more lines than colors, or shapes disagree.
    """
    sizes = checks.wholes("sizes", sizes)
    checks.text("metric", metric)
    if not isinstance(scores, Mapping):
        raise ValueError(
            f"scores is {checks.shown(scores)}, but must map names of methods to arrays [seeds, "
            "columns]: pass a dict."
        )
    scores = {
        name: arguments.finite(f"scores[{name!r}]", line, "seeds columns")
        for name, line in scores.items()
    }
    if not scores:
        raise ValueError("scores is empty: give at least one line.")
    if len({len(line) for line in scores.values()}) > 1:
        counts = {name: len(line) for name, line in scores.items()}
        raise ValueError(
            f"scores has unequal numbers of seeds, {counts}: give every line as many seeds."
        )
    if len(scores) > len(COLORS):
        raise ValueError(
            f"scores has {len(scores)} lines, but there are {len(COLORS)} colors: give fewer lines."
        )
    for line in scores.values():
        checks.shapes(scores=(line, "seeds columns"), sizes=(np.asarray(sizes), "columns"))
    figure = new_figure(5.6, 4.0)
    axes = figure.subplots()
    for (name, line), color in zip(scores.items(), COLORS, strict=False):
        deviation = line.std(0, ddof=1) if len(line) > 1 else None
        axes.errorbar(
            sizes, line.mean(0), deviation, marker="o", ms=4, lw=1.6, capsize=3, elinewidth=1,
            color=color, label=plain(name),
        )  # fmt: skip
    axes.set_xscale("log")
    axes.set_xticks(list(sizes), [str(size) for size in sizes])
    axes.minorticks_off()
    seeds = len(next(iter(scores.values())))
    spread = f", mean ± SD of {seeds} seeds" if seeds > 1 else ""
    axes.set(xlabel="Labeled training examples (log scale)", ylabel=f"Test {plain(metric)}{spread}")
    axes.grid(axis="y", color=PALE, lw=0.6)
    axes.legend(loc="lower right", **LEGEND)
    tidy(axes)
    return figure
