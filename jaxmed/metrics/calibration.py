"""Whether probabilities agree with frequencies. Arguments and errors are those of `jaxmed.metrics`.

Two different numbers are called expected calibration error (ECE), and have two names here:

- `ece_positive` compares the probability of the positive class with how often it is true.
- `ece_top_class` compares the probability of the predicted class with how often it is right. Of two
  classes it never sees a probability below 1/2: a bin holds rows decided for either class, and too
  high probabilities of one can hide too low ones of the other.

On one model of pneumonia the first is 0.186 and the second 0.123. netcal gives the first one for
two classes, whichever it is asked for.

Both depend on the bins: their number, and whether they are of equal width (`binning="width"`) or
hold equally many rows (`"mass"`, quantiles of all rows; equal probabilities stay together). Both
are biased upwards: also a perfectly calibrated model has an ECE above 0, the more the fewer rows a
bin has. `squared_calibration_error` takes that bias away.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from jaxmed import checks
from jaxmed.metrics.arguments import positives_and_score
from jaxmed.metrics.bins import BINNINGS, MOST_BINS, bin_sums, binned
from jaxmed.metrics.weighted import (
    Label,
    Probabilities,
    Result,
    Weights,
    mean_of_defined,
    of_probabilities,
    ratio,
)

__all__ = [
    "ace_positive",
    "class_wise_ece",
    "ece_positive",
    "ece_top_class",
    "mce_positive",
    "mce_top_class",
    "squared_calibration_error",
]

_Events: TypeAlias = Callable[[np.ndarray, np.ndarray], list[tuple[np.ndarray, np.ndarray]]]
"""(label, probabilities) -> what is compared: whether it happened and its probability, [rows]."""
_OfBins: TypeAlias = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]
"""Rows, hits and summed probability of each bin, all [bins, resamples] -> [resamples]."""
_MORE_CLASSES = "use ece_top_class or class_wise_ece, or compare one class with the rest"


def ece_positive(
    label: Label,
    probabilities: Probabilities,
    weights: Weights = None,
    *,
    bins: int = 15,
    binning: str = "width",
) -> Result:
    """Expected calibration error of the positive class of two.

    sum over bins of (rows in the bin / rows) |frequency - mean probability|. Of a multilabel task
    the mean over its labels.

    Args:
        label: [rows] of 0 and 1, or [rows, labels].
        probabilities: [rows, 2], or [rows, labels].
        weights: [resamples, rows].
        bins: how many, at least 1.
        binning: `width` or `mass`.

    Example:
        >>> p = np.array([0.25, 0.25, 0.75, 0.75])
        >>> ece_positive(np.array([0, 0, 1, 1]), np.stack([1 - p, p], axis=1))
        0.25

    References:
        Naeini et al., Obtaining Well Calibrated Probabilities Using Bayesian Binning, 2015,
        section "Calibration measures".
    """
    return _of_events(_positive, _expected, label, probabilities, weights, bins, binning)


def ece_top_class(
    label: Label,
    probabilities: Probabilities,
    weights: Weights = None,
    *,
    bins: int = 15,
    binning: str = "width",
) -> Result:
    """Expected calibration error of the predicted class: its probability against being right.

    Args:
        label: [rows] classes, or [rows, labels] of 0 and 1.
        probabilities: [rows, classes or labels].
        weights: [resamples, rows].
        bins: how many, at least 1; of equal width they cover [0, 1].
        binning: `width` or `mass`.

    Example:
        >>> p = np.array([0.25, 0.25, 0.75, 0.75])
        >>> ece_top_class(np.array([0, 1, 1, 1]), np.stack([1 - p, p], axis=1))  # 3 of 4 are right
        0.0

    References:
        Guo et al., On Calibration of Modern Neural Networks, 2017, equation 3.
    """
    return _of_events(_top_class, _expected, label, probabilities, weights, bins, binning)


def class_wise_ece(
    label: Label,
    probabilities: Probabilities,
    weights: Weights = None,
    *,
    bins: int = 15,
    binning: str = "width",
) -> Result:
    """Mean over classes of the expected calibration error of each class against the rest.

    Args:
        label: [rows] classes, or [rows, labels] of 0 and 1.
        probabilities: [rows, classes or labels].
        weights: [resamples, rows].
        bins: how many, at least 1.
        binning: `width` or `mass`.

    References:
        Kull et al., Beyond temperature scaling, 2019, section 2.
    """
    return _of_events(_each_class, _expected, label, probabilities, weights, bins, binning)


def mce_positive(
    label: Label,
    probabilities: Probabilities,
    weights: Weights = None,
    *,
    bins: int = 15,
    binning: str = "width",
) -> Result:
    """Maximum calibration error of the positive class of two: the largest gap of a bin.

    A bin of one row can have a gap near 1: the number says little where bins hold few rows. Of a
    multilabel task the mean over its labels.

    Args:
        label: [rows] of 0 and 1, or [rows, labels].
        probabilities: [rows, 2], or [rows, labels].
        weights: [resamples, rows].
        bins: how many, at least 1.
        binning: `width` or `mass`.

    References:
        Naeini et al., Obtaining Well Calibrated Probabilities Using Bayesian Binning, 2015.
    """
    return _of_events(_positive, _largest, label, probabilities, weights, bins, binning)


def mce_top_class(
    label: Label,
    probabilities: Probabilities,
    weights: Weights = None,
    *,
    bins: int = 15,
    binning: str = "width",
) -> Result:
    """Maximum calibration error of the predicted class, with the caveat of `mce_positive`.

    Args:
        label: [rows] classes, or [rows, labels] of 0 and 1.
        probabilities: [rows, classes or labels].
        weights: [resamples, rows].
        bins: how many, at least 1.
        binning: `width` or `mass`.

    References:
        Guo et al., On Calibration of Modern Neural Networks, 2017, equation 5.
    """
    return _of_events(_top_class, _largest, label, probabilities, weights, bins, binning)


def ace_positive(
    label: Label,
    probabilities: Probabilities,
    weights: Weights = None,
    *,
    bins: int = 15,
    binning: str = "width",
) -> Result:
    """Average calibration error of the positive class of two: the mean gap of bins that hold rows.

    Each bin counts the same, however many rows it holds, as in netcal's ACE. The adaptive
    calibration error of Nixon et al. 2019, of the same letters, is
    `class_wise_ece(..., binning="mass")`.

    Args:
        label: [rows] of 0 and 1, or [rows, labels].
        probabilities: [rows, 2], or [rows, labels].
        weights: [resamples, rows].
        bins: how many, at least 1.
        binning: `width` or `mass`.

    References:
        Neumann et al., Relaxed Softmax, 2018, section 3.
    """
    return _of_events(_positive, _average, label, probabilities, weights, bins, binning)


def squared_calibration_error(
    label: Label,
    probabilities: Probabilities,
    weights: Weights = None,
    *,
    bins: int = 15,
    binning: str = "mass",
    debiased: bool = True,
) -> Result:
    """Mean squared gap between frequency and mean probability in bins of the positive class of two.

    Debiased, a bin of n rows with frequency f contributes its squared gap minus the variance of the
    frequency, f (1 - f) / (n - 1). The mean over repeated samples is then the true error of the
    binned probabilities, and 0 for a calibrated model; a single number can be below 0. Bins of one
    row, whose variance is not known, are left out.

    Args:
        label: [rows] of 0 and 1, or [rows, labels].
        probabilities: [rows, 2], or [rows, labels].
        weights: [resamples, rows]; a weight counts how often a row occurs.
        bins: how many, at least 1.
        binning: `width` or `mass`.
        debiased: without it the plain mean of squared gaps, which is biased upwards.

    References:
        Kumar et al., Verified Uncertainty Calibration, 2019, definition 5.1; Bröcker, Estimating
        reliability and resolution of probability forecasts, 2012, has the same correction.
    """
    checks.flag("debiased", debiased)
    formula = _debiased if debiased else _squared
    return _of_events(_positive, formula, label, probabilities, weights, bins, binning)


def _of_events(
    events: _Events,
    formula: _OfBins,
    label: Label,
    probabilities: Probabilities,
    weights: Weights,
    bins: int,
    binning: str,
) -> Result:
    """The mean over events of a formula of their bins."""
    bins = checks.whole("bins", bins, most=MOST_BINS)
    checks.known("binning", binning, BINNINGS)

    def mean(label: np.ndarray, probabilities: np.ndarray, columns: np.ndarray) -> np.ndarray:
        found = []
        for happened, probability in events(label, probabilities):
            order, first = binned(probability, bins, binning)
            sums = (columns, columns * happened[:, None], columns * probability[:, None])
            found.append(formula(*(bin_sums(each, order, first) for each in sums)))
        return mean_of_defined(np.stack(found, axis=1))

    return of_probabilities(mean, label, probabilities, weights)


def _positive(label: np.ndarray, probabilities: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    return [positives_and_score(label, probabilities, _MORE_CLASSES)]


def _top_class(label: np.ndarray, probabilities: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    return [(label == probabilities.argmax(axis=1), probabilities.max(axis=1))]


def _each_class(
    label: np.ndarray, probabilities: np.ndarray
) -> list[tuple[np.ndarray, np.ndarray]]:
    return [(label == k, column) for k, column in enumerate(probabilities.T)]


# Formulas of bins: rows, hits and summed probability [bins, resamples]


def _expected(rows: np.ndarray, hits: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    return ratio(np.abs(hits - predicted).sum(axis=0), rows.sum(axis=0))


def _largest(rows: np.ndarray, hits: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    gaps = ratio(np.abs(hits - predicted), rows)
    return np.where(rows.any(axis=0), gaps.max(axis=0, initial=0, where=rows > 0), np.nan)


def _average(rows: np.ndarray, hits: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    return mean_of_defined(ratio(np.abs(hits - predicted), rows).T)


def _squared(rows: np.ndarray, hits: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    gaps = ratio(hits - predicted, rows) ** 2
    return ratio((rows * gaps).sum(axis=0, where=rows > 0), rows.sum(axis=0))


def _debiased(rows: np.ndarray, hits: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    several = rows > 1
    frequency = ratio(hits, rows)
    variance = ratio(frequency * (1 - frequency), np.where(several, rows - 1, 0))
    gaps = ratio(hits - predicted, rows) ** 2 - variance
    return ratio((rows * gaps).sum(axis=0, where=several), rows.sum(axis=0, where=several))
