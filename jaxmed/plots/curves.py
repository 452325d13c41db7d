"""ROC and precision-recall curves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from jaxmed.plots import arguments
from jaxmed.plots.style import COLORS, LEGEND, PALE, REFERENCE, Axes, Figure, new_figure, tidy
from jaxmed.plots.text import printed_classes


class Curve(NamedTuple):
    """One class: its name in the legend, the points of its curve, and the area under it."""

    name: str
    x: np.ndarray
    y: np.ndarray
    area: float


def roc_curves(
    label: np.ndarray, probabilities: np.ndarray, class_names: Sequence[str] | None = None
) -> Figure:
    """Sensitivity against 1 - specificity, of class 1 of two or of each class against the rest.

    Args:
        label: [rows] classes, or [rows, labels] of 0 and 1.
        probabilities: [rows, classes or labels].
        class_names: one per class.

    Returns:
        A figure with one curve per class that has cases and non-cases, and their AUROC.

    Raises:
        ValueError: if shapes disagree, the names are not one per class, or no class has a curve.
    """
    contrasts = _contrasts(label, probabilities, class_names)
    curves = [
        Curve(f"{name}, {positive.sum()} of {len(positive)}", *_roc(positive, score))
        for name, positive, score in contrasts
    ]
    of = _of_the_one(contrasts)
    figure, axes = _unit_square(
        len(curves), f"1 \N{MINUS SIGN} specificity{of}", f"Sensitivity{of}"
    )
    _draw(axes, curves, "default")
    axes.plot([0, 1], [0, 1], **REFERENCE, label="chance")
    _legend(figure, axes, curves, "AUROC", "lower right")
    return figure


def precision_recall_curves(
    label: np.ndarray, probabilities: np.ndarray, class_names: Sequence[str] | None = None
) -> Figure:
    """Precision against recall, of class 1 of two or of each class against the rest.

    The area is the average precision, sum_t (recall_t - recall_{t-1}) precision_t. A classifier at
    chance has the frequency of the class as its precision; the legend shows it.

    Args:
        label: [rows] classes, or [rows, labels] of 0 and 1.
        probabilities: [rows, classes or labels].
        class_names: one per class.

    Returns:
        A figure with one curve per class that has cases and non-cases, and their average precision.

    Raises:
        ValueError: if shapes disagree, the names are not one per class, or no class has a curve.
    """
    contrasts = _contrasts(label, probabilities, class_names)
    curves = [
        Curve(f"{name}, chance {positive.mean():.2g}", *_precision_recall(positive, score))
        for name, positive, score in contrasts
    ]
    of = _of_the_one(contrasts)
    figure, axes = _unit_square(
        len(curves),
        f"Recall (sensitivity){of}",
        f"Precision (positive predictive value){of}",
    )
    # The precision at a threshold belongs to the gain in recall that led to it: draw steps.
    _draw(axes, curves, "steps-pre")
    if len(contrasts) == 1:
        axes.axhline(contrasts[0][1].mean(), **REFERENCE, label="chance")
    _legend(figure, axes, curves, "Average precision", "lower left")
    return figure


def _contrasts(
    label: np.ndarray, probabilities: np.ndarray, class_names: Sequence[str] | None
) -> list[tuple[str, np.ndarray, np.ndarray]]:
    """Name, membership [rows] and score [rows] of each class that has cases and non-cases."""
    label, probabilities = arguments.classified(label, probabilities)
    classes = probabilities.shape[1]
    names = printed_classes(classes, class_names)
    of_class = label > 0 if label.ndim == 2 else label[:, None] == np.arange(classes)
    shown = [1] if label.ndim == 1 and classes == 2 else range(classes)
    contrasts = [(names[k], of_class[:, k], probabilities[:, k]) for k in shown]
    contrasts = [contrast for contrast in contrasts if 0 < contrast[1].sum() < len(label)]
    if not contrasts:
        raise ValueError(
            "label has no class with both cases and non-cases, so there is no curve: use a split "
            "with at least two classes."
        )
    return contrasts


def _of_the_one(contrasts: Sequence[tuple[str, np.ndarray, np.ndarray]]) -> str:
    """The class of the axes where there is one curve; the legend names those of several."""
    return f": {contrasts[0][0]}" if len(contrasts) == 1 else ""


def _thresholds(positive: np.ndarray, score: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of true and false positives at each distinct threshold, highest first."""
    order = np.argsort(-score, kind="stable")
    true = np.cumsum(positive[order])
    last = np.append(np.diff(score[order]) != 0, True)  # equal scores share one threshold
    true = true[last]
    return true, 1 + np.flatnonzero(last) - true


def _roc(positive: np.ndarray, score: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    true, false = (np.append(0, count) for count in _thresholds(positive, score))
    x, y = false / false[-1], true / true[-1]
    return x, y, float(np.trapezoid(y, x))


def _precision_recall(
    positive: np.ndarray, score: np.ndarray
) -> tuple[np.ndarray, np.ndarray, float]:
    true, false = _thresholds(positive, score)
    recall, precision = true / true[-1], true / (true + false)
    area = float(np.sum(np.diff(recall, prepend=0) * precision))
    return np.append(0, recall), np.append(precision[0], precision), area


def _unit_square(curves: int, x: str, y: str) -> tuple[Figure, Axes]:
    figure = new_figure(*((4.8, 4.8) if curves == 1 else (7.8, 4.3)))
    axes = figure.subplots()
    axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01), xlabel=x, ylabel=y)
    axes.set_aspect("equal")
    axes.grid(color=PALE, lw=0.6)
    tidy(axes)
    return figure, axes


def _draw(axes: Axes, curves: Sequence[Curve], drawstyle: str) -> None:
    """Draw one curve per class; if there are more than colors, name the five worst only."""
    by_area = sorted(curves, key=lambda curve: curve.area)
    few = len(curves) <= len(COLORS)
    named, others = (curves, []) if few else (by_area[:5], by_area[5:])
    for (name, x, y, area), color in zip(named, COLORS, strict=False):
        axes.plot(x, y, color=color, lw=1.7, drawstyle=drawstyle, label=f"{area:.3f}  {name}")
    for number, (_, x, y, _) in enumerate(others):
        span = f"{others[0].area:.3f} to {others[-1].area:.3f}  {len(others)} other classes"
        label = span if number == 0 else "_"
        axes.plot(x, y, color="#B3B3B3", lw=0.9, drawstyle=drawstyle, zorder=1.5, label=label)


def _legend(figure: Figure, axes: Axes, curves: Sequence[Curve], area: str, corner: str) -> None:
    """Areas and names: inside the axes for one curve, beside them for more."""
    if len(curves) == 1:
        axes.legend(loc=corner, title=area, **LEGEND)
        return
    mean = sum(curve.area for curve in curves) / len(curves)
    title = f"{area}, each against the rest\nmean of {len(curves)} classes {mean:.3f}"
    figure.legend(loc="outside right center", title=title, **LEGEND)
