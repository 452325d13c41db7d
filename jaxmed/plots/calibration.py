"""Reliability diagram: whether predicted probabilities agree with observed frequencies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from jaxmed import checks
from jaxmed.plots import arguments
from jaxmed.plots.style import (
    BLUE,
    LEGEND,
    PALE,
    REFERENCE,
    SKY,
    VERMILLION,
    Axes,
    Figure,
    new_figure,
    tidy,
)
from jaxmed.plots.text import printed_classes

_Z = 1.96  # of a 95 % interval


class _Reliability(NamedTuple):
    """What one set of probabilities shows; points are of the bins that hold cases."""

    mean: np.ndarray
    frequency: np.ndarray
    errors: np.ndarray
    cases: np.ndarray


def reliability_diagram(
    label: np.ndarray,
    probabilities: np.ndarray,
    class_names: Sequence[str] | None = None,
    *,
    bins: int = 10,
    before: np.ndarray | None = None,
) -> Figure:
    """Observed frequency against predicted probability in bins, and the number of cases per bin.

    With two classes the probability is that of class 1, with more that of the predicted class; the
    labels of a multilabel task are pooled. Bars are 95 % Wilson intervals.

    Args:
        label: [rows] classes, or [rows, labels] of 0 and 1.
        probabilities: [rows, classes or labels].
        class_names: one per class.
        bins: number of bins of equal width, at least 1.
        before: the probabilities of the same rows before calibration, to be drawn beside, hollow
            and dashed.

    Returns:
        A figure with the diagram above a histogram of the predicted probabilities.

    Raises:
        ValueError: if `bins` is below 1, the names are not one per class, or `before` has another
            shape.

    References:
        Wilson, Probable inference, the law of succession, and statistical inference, 1927;
        Niculescu-Mizil and Caruana, Predicting good probabilities with supervised learning, 2005.
    """
    bins = checks.whole("bins", bins, most=10_000)
    label, probabilities = arguments.classified(label, probabilities)
    if class_names is not None:
        printed_classes(probabilities.shape[1], class_names)
    after = _reliability(label, probabilities, bins)
    figure = new_figure(4.8, 5.8)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[3.6, 1])
    upper.plot([0, 1], [0, 1], **REFERENCE, label="perfect calibration")
    centers = (np.arange(bins) + 0.5) / bins
    if before is None:
        _draw(upper, after, "observed, 95 % CI", fmt="o", color=BLUE)
        lower.bar(centers, after.cases, width=0.9 / bins, color=SKY)
    else:
        first = _reliability(label, _like(probabilities, before), bins)
        hollow = {"markerfacecolor": "white", "ls": (0, (3, 2)), "lw": 1}
        _draw(upper, after, "calibrated, 95 % CI", fmt="o-", color=BLUE, lw=1)
        _draw(upper, first, "before, 95 % CI", fmt="s", color=VERMILLION, **hollow)
        lower.bar(centers, after.cases, width=0.9 / bins, color=SKY)
        outline = {"fill": False, "edgecolor": VERMILLION, "ls": (0, (3, 2))}
        lower.bar(centers, first.cases, width=0.9 / bins, **outline)
    words = _axis_words(label, probabilities, class_names)
    upper.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), ylabel=words[1])
    upper.grid(color=PALE, lw=0.6)
    upper.legend(loc="upper left", **LEGEND)
    lower.set(xlabel=words[0], ylabel="Cases")
    tidy(upper)
    tidy(lower)
    return figure


def _like(probabilities: np.ndarray, before: object) -> np.ndarray:
    found = arguments.finite("before", before)
    if found.shape != probabilities.shape:
        raise ValueError(
            f"before has shape {found.shape}, but must be {probabilities.shape} as probabilities: "
            "pass those of the same rows."
        )
    if found.min() < -1e-6 or found.max() > 1 + 1e-6:
        raise ValueError(
            f"before ranges from {found.min()} to {found.max()}, but must lie in [0, 1]: apply "
            "softmax or sigmoid to logits."
        )
    return found


def _reliability(label: np.ndarray, probabilities: np.ndarray, bins: int) -> _Reliability:
    if label.ndim == 2:
        true, predicted = label.ravel() > 0, probabilities.ravel()
    elif probabilities.shape[1] == 2:
        true, predicted = label == 1, probabilities[:, 1]
    else:
        true, predicted = label == probabilities.argmax(-1), probabilities.max(-1)
    inside = np.clip((predicted * bins).astype(int), 0, bins - 1)
    count = np.bincount(inside, minlength=bins)
    filled = count > 0
    frequency = np.bincount(inside, true, bins)[filled] / count[filled]
    mean = np.bincount(inside, predicted, bins)[filled] / count[filled]
    low, high = _wilson(frequency, count[filled])
    errors = np.maximum([frequency - low, high - frequency], 0)
    return _Reliability(mean, frequency, errors, count)


def _draw(axes: Axes, found: _Reliability, words: str, **style: Any) -> None:
    points = found.mean, found.frequency, found.errors
    axes.errorbar(*points, ms=5, elinewidth=1.2, label=words, **style)


def _axis_words(
    label: np.ndarray, probabilities: np.ndarray, class_names: Sequence[str] | None
) -> tuple[str, str]:
    if label.ndim == 2:
        return "Predicted probability of a label", "Observed frequency of the label"
    if probabilities.shape[1] == 2:
        name = printed_classes(2, class_names)[1]
        return f"Predicted probability of {name}", f"Observed frequency of {name}"
    return "Probability of the predicted class", "Observed accuracy"


def _wilson(frequency: np.ndarray, count: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The 95 % Wilson interval of a frequency among `count` cases."""
    center = (frequency + _Z**2 / (2 * count)) / (1 + _Z**2 / count)
    half = np.sqrt(frequency * (1 - frequency) / count + _Z**2 / (4 * count**2))
    half *= _Z / (1 + _Z**2 / count)
    return center - half, center + half
