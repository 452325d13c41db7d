"""The confusion matrix as a table of counts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from jaxmed import checks
from jaxmed.plots import arguments
from jaxmed.plots.style import INK, Axes, Figure, new_figure
from jaxmed.plots.text import percent, printed_classes


def confusion_matrix(
    label: np.ndarray, probabilities: np.ndarray, class_names: Sequence[str] | None = None
) -> Figure:
    """Counts of each true and predicted class, and their percentage of the true class.

    Args:
        label: true classes [rows].
        probabilities: [rows, classes]; the most probable class is the prediction.
        class_names: one per class.

    Returns:
        A figure with one cell per pair of classes, rows the true ones.

    Raises:
        ValueError: if shapes disagree or the names are not one per class.
    """
    label, probabilities = arguments.classified(label, probabilities)
    checks.shapes(label=(label, "rows"))
    classes = probabilities.shape[1]
    names = printed_classes(classes, class_names)
    flat = label.astype(int) * classes + probabilities.argmax(-1)
    counts = np.bincount(flat, minlength=classes**2).reshape(classes, classes)
    cell = float(np.interp(classes, [2, 23], [1.15, 0.43]))  # inches
    longest = 0.075 * max(map(len, names))
    figure = new_figure(classes * cell + longest + 1.4, classes * cell + min(longest, 1.2) + 1.2)
    axes = figure.subplots()
    _draw_cells(axes, counts)
    _name_axes(axes, names, counts.sum(1), upright=max(map(len, names)) * 0.09 < cell)
    return figure


def _draw_cells(axes: Axes, counts: np.ndarray) -> None:
    classes = len(counts)
    fractions = counts / np.maximum(counts.sum(1), 1)[:, None]
    size = float(np.interp(classes, [2, 23], [12, 6.5]))
    axes.imshow(fractions, cmap="Blues", vmin=0, vmax=1)
    for (true, predicted), count in np.ndenumerate(counts):
        if count or classes <= 7:  # in a large matrix, zeros would hide the mistakes
            ink = "white" if fractions[true, predicted] > 0.55 else INK
            text = f"{count}\n{percent(fractions[true, predicted])}"
            axes.text(predicted, true, text, ha="center", va="center", color=ink, fontsize=size)
    axes.set_xticks(np.arange(classes - 1) + 0.5, minor=True)
    axes.set_yticks(np.arange(classes - 1) + 0.5, minor=True)
    axes.grid(which="minor", color="white", lw=1)
    axes.tick_params(which="minor", length=0)
    axes.spines[:].set_visible(False)


def _name_axes(axes: Axes, names: list[str], cases: np.ndarray, *, upright: bool) -> None:
    axes.set_xticks(range(len(names)), names)
    axes.tick_params(axis="x", labelrotation=0 if upright else 45)
    for tick in [] if upright else axes.get_xticklabels():
        tick.set(ha="right", rotation_mode="anchor")
    rows = [f"{name} ({count})" for name, count in zip(names, cases, strict=True)]
    axes.set_yticks(range(len(names)), rows)
    axes.set_xlabel("Predicted class")
    axes.set_ylabel("True class (cases)")
    axes.set_title("Cases, and percentage of the true class", fontsize=9.5, color=INK)
    axes.tick_params(which="major", length=0, labelsize=9, labelcolor=INK)
    axes.xaxis.label.set(color=INK, fontsize=9.5)
    axes.yaxis.label.set(color=INK, fontsize=9.5)
