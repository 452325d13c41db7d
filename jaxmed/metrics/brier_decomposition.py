"""Parts of the Brier score. Arguments and errors are those of `jaxmed.metrics`."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from jaxmed import checks
from jaxmed.metrics.arguments import check_sums, label_and_probabilities
from jaxmed.metrics.bins import BINNINGS, MOST_BINS, bin_sums, binned
from jaxmed.metrics.weighted import Probabilities, Result, Weights, as_columns, as_result, ratio
from jaxmed.typing import Num

__all__ = ["BrierDecomposition", "brier_decomposition"]


class BrierDecomposition(NamedTuple):
    """Parts of the Brier score; each a number, or [resamples].

    Attributes:
        reliability: mean squared gap between the frequency in a bin and its mean probability; 0 is
            calibrated.
        resolution: mean squared distance of the frequencies in bins from the one of all rows; high
            where the model tells rows apart.
        uncertainty: variance of the label, which no model changes.
        within_variance: variance of the probabilities inside of bins; 0 for distinct forecasts.
        within_covariance: twice the covariance of probabilities and labels inside of bins.
    """

    reliability: Result
    resolution: Result
    uncertainty: Result
    within_variance: Result
    within_covariance: Result

    @property
    def brier(self) -> Result:
        """The Brier score: what the parts add up to."""
        within = self.within_variance - self.within_covariance
        return self.reliability - self.resolution + self.uncertainty + within


def brier_decomposition(
    label: Num[np.ndarray, " rows"],
    probabilities: Probabilities,
    weights: Weights = None,
    *,
    bins: int | None = None,
    binning: str = "width",
) -> BrierDecomposition:
    """The Brier score as reliability - resolution + uncertainty, exactly.

    With bins, whose probabilities differ, two further parts make the sum exact: + their variance -
    twice their covariance with the label, inside of bins. With two classes the parts are those of
    the positive class, with more the sums over classes, as in `jaxmed.metrics.brier`.

    Args:
        label: [rows] classes.
        probabilities: [rows, classes].
        weights: [resamples, rows].
        bins: how many; by default one for each distinct probability. Where all are distinct, no
            bin can tell a frequency from chance: reliability and resolution are then both too high.
        binning: `width` or `mass`, for a number of bins.

    Returns:
        The parts, whose property `brier` is their sum.

    Example:
        >>> p = np.array([0.25, 0.25, 0.75, 0.75])
        >>> found = brier_decomposition(np.array([0, 1, 1, 1]), np.stack([1 - p, p], axis=1))
        >>> found.reliability, found.resolution, found.uncertainty
        (0.0625, 0.0625, 0.1875)

    References:
        Murphy, A new vector partition of the probability score, 1973, equation 9; Stephenson et
        al., Two extra components in the Brier score decomposition, 2008, equation 5.
    """
    if bins is not None:
        bins = checks.whole("bins", bins, most=MOST_BINS)
    checks.known("binning", binning, BINNINGS)
    label, probabilities = label_and_probabilities(label, probabilities)
    checks.shapes(label=(label, "rows"))
    check_sums(probabilities)
    columns = as_columns(weights, len(label))
    probabilities = probabilities.astype(np.float64)
    classes = probabilities.shape[1]
    each = [
        _parts(label == k, probabilities[:, k], columns, bins, binning)
        for k in ([1] if classes == 2 else range(classes))
    ]
    return BrierDecomposition(*(as_result(part, weights) for part in np.sum(each, axis=0)))


def _parts(
    happened: np.ndarray,
    probability: np.ndarray,
    columns: np.ndarray,
    bins: int | None,
    binning: str,
) -> np.ndarray:
    """The parts of the Brier score of one event, in their order [parts, resamples]."""
    order, first = binned(probability, bins, binning)
    y, p = happened[:, None].astype(np.float64), probability[:, None]
    rows, hits, predicted = (bin_sums(columns * each, order, first) for each in (1.0, y, p))
    total = rows.sum(axis=0)
    base = ratio(hits.sum(axis=0), total)
    filled = rows > 0
    frequency, mean = ratio(hits, rows), ratio(predicted, rows)

    def averaged(each: np.ndarray) -> np.ndarray:
        return ratio((rows * each).sum(axis=0, where=filled), total)

    # Which bin each row is in, to compare it with its bin's means.
    inside = np.empty(len(order), np.int64)
    inside[order] = np.repeat(np.arange(len(first)), np.diff(first, append=len(order)))
    from_mean, from_frequency = p - mean[inside], y - frequency[inside]
    present = columns > 0
    variance = (columns * from_mean**2).sum(axis=0, where=present)
    covariance = (columns * from_mean * from_frequency).sum(axis=0, where=present)
    return np.stack(
        [
            averaged((mean - frequency) ** 2),
            averaged((frequency - base) ** 2),
            base * (1 - base),
            ratio(variance, total),
            2 * ratio(covariance, total),
        ]
    )
