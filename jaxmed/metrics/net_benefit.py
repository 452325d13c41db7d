"""Net benefit: whether decisions by a model help more than treating all or none."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from jaxmed import checks
from jaxmed.metrics.arguments import positives_and_score
from jaxmed.metrics.weighted import Weights, as_columns, ratio
from jaxmed.typing import Float, Num

__all__ = ["NetBenefit", "net_benefit"]

_MOST_THRESHOLDS = 10_000


class NetBenefit(NamedTuple):
    """Net benefit [thresholds], or [resamples, thresholds] if weights are given.

    Attributes:
        model: of treating those whose probability reaches the threshold.
        treat_all: of treating everyone.
        treat_none: of treating no one, which is 0.
    """

    model: np.ndarray
    treat_all: np.ndarray
    treat_none: np.ndarray


def net_benefit(
    label: Num[np.ndarray, "rows"],
    probabilities: Float[np.ndarray, "rows classes"],
    thresholds: Num[np.ndarray, "thresholds"] | Sequence[float],
    weights: Weights = None,
) -> NetBenefit:
    """True positives per row, minus false positives per row at the exchange rate of a threshold.

        net benefit(t) = TP / n - FP / n * t / (1 - t)

    A threshold t says that (1 - t) / t unnecessary treatments are as bad as one missed case: at
    0.1, nine, so that up to ten people are treated to treat one case. A net benefit of 0.05 equals
    five cases per 100 people that are found without a treatment that was not needed. Thresholds are
    probabilities of disease at which one would treat, so the probabilities must be calibrated.

    Args:
        label: [rows], 0 or 1.
        probabilities: [rows, 2]; class 1 is the positive class.
        thresholds: [thresholds], in (0, 1); treated is `probability >= threshold`.
        weights: [resamples, rows], at least 0: how often each row occurs in each resample.

    Returns:
        Net benefit of the model, of treating all and of treating none.

    Raises:
        ValueError: if shapes disagree or an argument lies outside its range.

    Example:
        >>> p = np.array([0.2, 0.9, 0.4, 0.8])
        >>> found = net_benefit(np.array([0, 0, 1, 1]), np.stack([1 - p, p], axis=1), [0.5])
        >>> found.model, found.treat_all
        (array([0.]), array([0.]))

    References:
        Vickers and Elkin, Decision curve analysis: a novel method for evaluating prediction models,
        2006.
    """
    positive, score = positives_and_score(label, probabilities)
    thresholds = checked_thresholds(thresholds)
    columns = as_columns(weights, len(positive))
    # Rows in descending order: those that reach a threshold are the first of them.
    order = np.argsort(-score, kind="stable")
    treated = np.searchsorted(-score[order], -thresholds, side="right")
    sums = [_cumulative(columns[order] * kind[order, None]) for kind in (positive, ~positive)]
    total = columns.sum(axis=0)
    odds = (thresholds / (1 - thresholds))[:, None]
    model, treat_all = (
        _benefit(found, wrong, odds, total)
        for found, wrong in ((x[treated] for x in sums), (x[-1:] for x in sums))
    )
    results = (model, treat_all, np.where(total > 0, 0.0, np.nan) * np.ones_like(odds))
    return NetBenefit(*(x[:, 0] if weights is None else x.T for x in results))


def checked_thresholds(thresholds: np.ndarray | Sequence[float]) -> np.ndarray:
    """Thresholds [thresholds] in float64; refused where one lies outside of (0, 1)."""
    found = checks.real_array("thresholds", thresholds, "thresholds").astype(np.float64)
    if not 0 < len(found) <= _MOST_THRESHOLDS:
        raise ValueError(
            f"thresholds has {len(found):,} entries, but must have 1 to {_MOST_THRESHOLDS:,}: pass "
            "those that someone could decide by."
        )
    wrong = found[~((found > 0) & (found < 1))]
    if wrong.size:
        raise ValueError(
            f"thresholds holds {wrong[0]:g}, but must lie in (0, 1): pass probabilities at which "
            "one would treat."
        )
    return found


def _cumulative(columns: np.ndarray) -> np.ndarray:
    """Sums of the first 0 .. rows rows [rows + 1, resamples]."""
    sums = np.zeros((len(columns) + 1, columns.shape[1]))
    np.cumsum(columns, axis=0, out=sums[1:])
    return sums


def _benefit(
    found: np.ndarray, wrong: np.ndarray, odds: np.ndarray, total: np.ndarray
) -> np.ndarray:
    """Net benefit [thresholds, resamples] of what is found and wrongly called."""
    return ratio(found - wrong * odds, np.broadcast_to(total, (len(odds), len(total))))
