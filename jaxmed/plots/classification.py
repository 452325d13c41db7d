"""How well predicted probabilities tell classes apart, and whether they can be believed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np

from jaxmed import checks
from jaxmed.plots.style import (
    Axes,
    BLUE,
    COLOURS,
    Figure,
    INK,
    LEGEND,
    PALE,
    REFERENCE,
    SKY,
    new_figure,
    percent,
    plain,
    tidy,
)

Contrast: TypeAlias = tuple[str, np.ndarray, np.ndarray]
"""A class: its name, whether each row is of it, and the score each row got for it."""
Curve: TypeAlias = tuple[str, np.ndarray, np.ndarray, float]
"""A class: its name, x, y and the area under the curve."""


def roc_curves(
    label: np.ndarray, probabilities: np.ndarray, class_names: Sequence[str] | None = None
) -> Figure:
    """Sensitivity against 1 - specificity, for the second of two classes or each against the rest.

    Args:
        label: [rows] classes, or [rows, classes] of 0 and 1 for findings that may coincide.
        probabilities: [rows, classes].
        class_names: one a class.
    """
    contrasts = _contrasts(label, probabilities, class_names)
    curves = [
        (f"{name}, {positive.sum()} of {len(positive)}", *_roc(positive, score))
        for name, positive, score in contrasts
    ]
    figure, axes = _unit_square(len(curves), "1 \N{MINUS SIGN} specificity", "Sensitivity")
    _family(axes, curves, "default")
    axes.plot([0, 1], [0, 1], **REFERENCE, label="chance")
    _legend(figure, axes, curves, "AUROC", "lower right")
    return figure


def precision_recall_curves(
    label: np.ndarray, probabilities: np.ndarray, class_names: Sequence[str] | None = None
) -> Figure:
    """Precision against recall, for the second of two classes or for each against the rest.

    The area is the average precision, the sum of precision times each gain in recall. Chance
    reaches the share of the class, which stands beside its area.

    Args:
        label: [rows] classes, or [rows, classes] of 0 and 1 for findings that may coincide.
        probabilities: [rows, classes].
        class_names: one a class.
    """
    contrasts = _contrasts(label, probabilities, class_names)
    curves = [
        (f"{name}, chance {positive.mean():.2g}", *_precision_recall(positive, score))
        for name, positive, score in contrasts
    ]
    figure, axes = _unit_square(
        len(curves), "Recall (sensitivity)", "Precision (positive predictive value)"
    )
    # Precision at a threshold holds for the gain in recall that led to it: steps, no slopes.
    _family(axes, curves, "steps-pre")
    if len(contrasts) == 1:
        axes.axhline(contrasts[0][1].mean(), **REFERENCE, label="chance")
    _legend(figure, axes, curves, "Average precision", "lower left")
    return figure


def confusion_matrix(
    label: np.ndarray, probabilities: np.ndarray, class_names: Sequence[str] | None = None
) -> Figure:
    """How many cases of each true class went to each predicted one, and which share of the row.

    Args:
        label: [rows] classes.
        probabilities: [rows, classes]; the largest is the prediction.
        class_names: one a class.
    """
    checks.shapes(label=(label, "rows"), probabilities=(probabilities, "rows classes"))
    classes = probabilities.shape[1]
    names = _names(classes, class_names)
    flat = label.astype(int) * classes + probabilities.argmax(-1)
    counts = np.bincount(flat, minlength=classes**2).reshape(classes, classes)
    cases = counts.sum(1)
    shares = counts / np.maximum(cases, 1)[:, None]

    cell = float(np.interp(classes, [2, 23], [1.15, 0.43]))  # inches
    size = float(np.interp(classes, [2, 23], [12, 6.5]))
    longest = 0.075 * max(map(len, names))
    figure = new_figure(classes * cell + longest + 1.4, classes * cell + min(longest, 1.2) + 1.2)
    axes = figure.subplots()
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for (true, guess), count in np.ndenumerate(counts):
        if count or classes <= 7:  # in a large matrix, zeros would drown the mistakes
            ink = "white" if shares[true, guess] > 0.55 else INK
            words = f"{count}\n{percent(shares[true, guess])}"
            axes.text(guess, true, words, ha="center", va="center", color=ink, fontsize=size)
    upright = max(map(len, names)) * 0.09 < cell
    axes.set_xticks(range(classes), names)
    axes.tick_params(axis="x", labelrotation=0 if upright else 45)
    for tick in [] if upright else axes.get_xticklabels():
        tick.set(ha="right", rotation_mode="anchor")
    rows = [f"{name} ({count})" for name, count in zip(names, cases, strict=True)]
    axes.set_yticks(range(classes), rows)
    axes.set_xlabel("Predicted class")
    axes.set_ylabel("True class (cases)")
    axes.set_title("Cases, and their share of the true class", fontsize=9.5, color=INK)
    axes.tick_params(length=0, labelsize=9, labelcolor=INK)
    axes.xaxis.label.set(color=INK, fontsize=9.5)
    axes.yaxis.label.set(color=INK, fontsize=9.5)
    axes.set_xticks(np.arange(classes - 1) + 0.5, minor=True)
    axes.set_yticks(np.arange(classes - 1) + 0.5, minor=True)
    axes.grid(which="minor", color="white", lw=1)
    axes.tick_params(which="minor", length=0)
    axes.spines[:].set_visible(False)
    return figure


def reliability(
    label: np.ndarray,
    probabilities: np.ndarray,
    class_names: Sequence[str] | None = None,
    *,
    bins: int = 10,
) -> Figure:
    """How often what was predicted with probability p came true, with the cases behind it.

    Of two classes the second is looked at; of more, the predicted class; of findings that may
    coincide, all together. Bars are 95 % Wilson intervals.

    Args:
        label: [rows] classes, or [rows, classes] of 0 and 1 for findings that may coincide.
        probabilities: [rows, classes].
        class_names: one a class.
        bins: of equal width.
    """
    checks.at_least("bins", bins, 1)
    if label.ndim == 2:
        true, stated = label.ravel() > 0, probabilities.ravel()
        what = ("Predicted probability of a finding", "Observed share with the finding")
    elif probabilities.shape[1] == 2:
        true, stated = label == 1, probabilities[:, 1]
        name = _names(2, class_names)[1]
        what = (f"Predicted probability of {name}", f"Observed share of {name}")
    else:
        true, stated = label == probabilities.argmax(-1), probabilities.max(-1)
        what = ("Probability of the predicted class", "Observed share correct")
    inside = np.clip((stated * bins).astype(int), 0, bins - 1)
    count = np.bincount(inside, minlength=bins)
    filled = count > 0
    n = count[filled]
    share = np.bincount(inside, true, bins)[filled] / n
    mean = np.bincount(inside, stated, bins)[filled] / n
    z = 1.96
    centre = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    errors = np.maximum([share - (centre - half), (centre + half) - share], 0)

    figure = new_figure(4.8, 5.8)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[3.6, 1])
    upper.plot([0, 1], [0, 1], **REFERENCE, label="perfect calibration")
    upper.errorbar(
        mean, share, errors, fmt="o", ms=5, color=BLUE, elinewidth=1.2, label="observed, 95 % CI"
    )
    upper.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), ylabel=what[1])
    upper.grid(color=PALE, lw=0.6)
    upper.legend(loc="upper left", **LEGEND)
    lower.bar((np.arange(bins) + 0.5) / bins, count, width=0.9 / bins, color=SKY)
    lower.set(xlabel=what[0], ylabel="Cases")
    tidy(upper)
    tidy(lower)
    return figure


def _names(classes: int, class_names: Sequence[str] | None) -> list[str]:
    if class_names is None:
        return [f"class {number}" for number in range(classes)]
    if len(class_names) != classes:
        raise ValueError(
            f"class_names has {len(class_names)} names, but probabilities has {classes} columns: "
            "give one name a class."
        )
    return [plain(name) for name in class_names]


def _contrasts(
    label: np.ndarray, probabilities: np.ndarray, class_names: Sequence[str] | None
) -> list[Contrast]:
    """Each class against the rest, where there are cases of both."""
    axes = "rows classes" if label.ndim == 2 else "rows"
    checks.shapes(label=(label, axes), probabilities=(probabilities, "rows classes"))
    classes = probabilities.shape[1]
    names = _names(classes, class_names)
    of_class = label > 0 if label.ndim == 2 else label[:, None] == np.arange(classes)
    shown = [1] if label.ndim == 1 and classes == 2 else range(classes)
    contrasts = [(names[k], of_class[:, k], probabilities[:, k]) for k in shown]
    contrasts = [contrast for contrast in contrasts if 0 < contrast[1].sum() < len(label)]
    if not contrasts:
        raise ValueError(
            "label holds no class with cases both of it and of the rest: there is no curve."
        )
    return contrasts


def _thresholds(positive: np.ndarray, score: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How many true and false positives each distinct threshold gives, from none to all."""
    order = np.argsort(-score, kind="stable")
    true = np.cumsum(positive[order])
    last = np.append(np.diff(score[order]) != 0, True)  # equal scores fall together
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


def _family(axes: Axes, curves: Sequence[Curve], drawstyle: str) -> None:
    """Draw a curve a class; of more than can be told apart, name the worst."""
    ranked = sorted(curves, key=lambda curve: curve[3])
    few = len(curves) <= len(COLOURS)
    named, others = (curves, []) if few else (ranked[:5], ranked[5:])
    for (name, x, y, area), colour in zip(named, COLOURS, strict=False):
        label = f"{area:.3f}  {name}"
        axes.plot(x, y, color=colour, lw=1.7, drawstyle=drawstyle, label=label)
    for number, (_, x, y, _) in enumerate(others):
        span = f"{others[0][3]:.3f} to {others[-1][3]:.3f}  {len(others)} other classes"
        words = span if number == 0 else "_"
        axes.plot(x, y, color="#B3B3B3", lw=0.9, drawstyle=drawstyle, zorder=1.5, label=words)


def _legend(figure: Figure, axes: Axes, curves: Sequence[Curve], area: str, corner: str) -> None:
    """Areas and names: inside the axes for one curve, beside them for more."""
    if len(curves) == 1:
        axes.legend(loc=corner, title=area, **LEGEND)
        return
    mean = sum(curve[3] for curve in curves) / len(curves)
    title = f"{area}, each against the rest\nmean of {len(curves)} classes {mean:.3f}"
    figure.legend(loc="outside right center", title=title, **LEGEND)
