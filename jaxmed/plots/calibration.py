"""Reliability diagram: whether predicted probabilities agree with observed frequencies."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from jaxmed import checks
from jaxmed.plots import arguments
from jaxmed.plots.style import BLUE, LEGEND, PALE, REFERENCE, SKY, Figure, new_figure, tidy
from jaxmed.plots.text import printed_classes

_Z = 1.96  # of a 95 % interval


def reliability_diagram(
    label: np.ndarray,
    probabilities: np.ndarray,
    class_names: Sequence[str] | None = None,
    *,
    bins: int = 10,
) -> Figure:
    """Observed frequency against predicted probability in bins, and the number of cases per bin.

    With two classes the probability is that of class 1, with more that of the predicted class; the
    labels of a multilabel task are pooled. Bars are 95 % Wilson intervals.

    Args:
        label: [rows] classes, or [rows, labels] of 0 and 1.
        probabilities: [rows, classes or labels].
        class_names: one per class.
        bins: number of bins of equal width, at least 1.

    Returns:
        A figure with the diagram above a histogram of the predicted probabilities.

    Raises:
        ValueError: if `bins` is below 1 or the names are not one per class.

    References:
        Wilson, Probable inference, the law of succession, and statistical inference, 1927;
        Niculescu-Mizil and Caruana, Predicting good probabilities with supervised learning, 2005.
    """
    bins = checks.whole("bins", bins, most=10_000)
    label, probabilities = arguments.classified(label, probabilities)
    if class_names is not None:
        printed_classes(probabilities.shape[1], class_names)
    if label.ndim == 2:
        true, predicted = label.ravel() > 0, probabilities.ravel()
        words = ("Predicted probability of a label", "Observed frequency of the label")
    elif probabilities.shape[1] == 2:
        true, predicted = label == 1, probabilities[:, 1]
        name = printed_classes(2, class_names)[1]
        words = (f"Predicted probability of {name}", f"Observed frequency of {name}")
    else:
        true, predicted = label == probabilities.argmax(-1), probabilities.max(-1)
        words = ("Probability of the predicted class", "Observed accuracy")
    inside = np.clip((predicted * bins).astype(int), 0, bins - 1)
    count = np.bincount(inside, minlength=bins)
    filled = count > 0
    frequency = np.bincount(inside, true, bins)[filled] / count[filled]
    mean = np.bincount(inside, predicted, bins)[filled] / count[filled]
    low, high = _wilson(frequency, count[filled])
    errors = np.maximum([frequency - low, high - frequency], 0)

    figure = new_figure(4.8, 5.8)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[3.6, 1])
    upper.plot([0, 1], [0, 1], **REFERENCE, label="perfect calibration")
    upper.errorbar(
        mean,
        frequency,
        errors,
        fmt="o",
        ms=5,
        color=BLUE,
        elinewidth=1.2,
        label="observed, 95 % CI",
    )
    upper.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), ylabel=words[1])
    upper.grid(color=PALE, lw=0.6)
    upper.legend(loc="upper left", **LEGEND)
    lower.bar((np.arange(bins) + 0.5) / bins, count, width=0.9 / bins, color=SKY)
    lower.set(xlabel=words[0], ylabel="Cases")
    tidy(upper)
    tidy(lower)
    return figure


def _wilson(frequency: np.ndarray, count: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The 95 % Wilson interval of a frequency among `count` cases."""
    center = (frequency + _Z**2 / (2 * count)) / (1 + _Z**2 / count)
    half = np.sqrt(frequency * (1 - frequency) / count + _Z**2 / (4 * count**2))
    half *= _Z / (1 + _Z**2 / count)
    return center - half, center + half
