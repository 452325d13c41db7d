"""Exact statistics of the ranking of rows. Arguments and errors are those of `jaxmed.metrics`."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from jaxmed import checks
from jaxmed.metrics.arguments import check_rows
from jaxmed.metrics.weighted import (
    Label,
    Probabilities,
    Result,
    Weights,
    mean_of_defined,
    of_probabilities,
    ratio,
)
from jaxmed.typing import Float, Num

__all__ = ["auroc", "average_precision", "rank_probabilities"]


def auroc(label: Label, probabilities: Probabilities, weights: Weights = None) -> Result:
    """Area under the ROC curve: P(a positive ranks above a negative), ties counting half.

    Example:
        >>> p = np.array([0.1, 0.4, 0.35, 0.8])
        >>> auroc(np.array([0, 0, 1, 1]), np.stack([1 - p, p], axis=1))
        0.75

    References:
        Hanley and McNeil, The meaning and use of the area under a ROC curve, 1982.
    """

    def area(ranking: _Ranking) -> np.ndarray:
        positive = ranking.weight.sum(axis=0)
        above = ranking.above + ranking.reached
        above /= 2
        # Positives rank above other positives positive^2 / 2 times: not a loss.
        lost = np.einsum("pr,pr->r", ranking.weight, above) - positive**2 / 2
        return 1 - ratio(lost, positive * ranking.negative)

    return _of_ranking(area, label, probabilities, weights)


def average_precision(
    label: Label, probabilities: Probabilities, weights: Weights = None
) -> Result:
    """Mean of the precision at the rank of each positive; summarizes the precision-recall curve.

    sum_t (recall_t - recall_{t-1}) precision_t over thresholds t, without interpolation.

    Example:
        >>> p = np.array([0.2, 0.9, 0.4, 0.8])
        >>> average_precision(np.array([0, 0, 1, 1]), np.stack([1 - p, p], axis=1))  # 1/2, 2/3
        0.5833333333333333

    References:
        Davis and Goadrich, The relationship between precision-recall and ROC curves, 2006.
    """

    def area(ranking: _Ranking) -> np.ndarray:
        hits = np.cumsum(ranking.weight, axis=0)[ranking.last]
        # No row is reached before the first row that a resample holds.
        precisions = np.divide(hits, ranking.reached, out=hits, where=ranking.reached > 0)
        positive = ranking.weight.sum(axis=0)
        return ratio(np.einsum("pr,pr->r", ranking.weight, precisions), positive)

    return _of_ranking(area, label, probabilities, weights)


def rank_probabilities(score: Num[np.ndarray, " rows"]) -> Float[np.ndarray, "rows 2"]:
    """Scores of any range as two columns that can be used as probabilities of a binary task.

    Column 1 is the fraction of rows with the same or a lower score, where ties get their mean rank;
    column 0 is the rest. AUROC and average precision depend on the order only and do not change.
    The columns are not calibrated: thresholds, the Brier score and the log loss mean nothing here.

    Args:
        score: any real numbers; higher means more likely positive.

    Returns:
        [rows, 2]; each row sums to 1.

    Example:
        >>> rank_probabilities(np.array([-300.0, 5.0, 5.0, 1e9]))[:, 1]
        array([0.25 , 0.625, 0.625, 1.   ])
    """
    score = checks.real_array("score", score, "rows")
    check_rows("score", score)
    _, place, count = np.unique(score, return_inverse=True, return_counts=True)
    middle = (np.cumsum(count) - (count - 1) / 2) / len(score)
    rank = middle[place]
    return np.stack([1 - rank, rank], axis=1)


class _Ranking(NamedTuple):
    """Where the positives rank among all rows, best first; weights are [positives, resamples].

    Attributes:
        weight: of each positive.
        above: total weight of all rows with a higher score.
        reached: total weight of all rows with its score or a higher one.
        last: the index of the last positive with its score [positives].
        negative: total weight of the other rows [resamples]; 0, and not nearly so, where there are
            none.
    """

    weight: np.ndarray
    above: np.ndarray
    reached: np.ndarray
    last: np.ndarray
    negative: np.ndarray


def _of_ranking(
    formula: Callable[[_Ranking], np.ndarray],
    label: Label,
    probabilities: Probabilities,
    weights: Weights,
) -> Result:
    """`formula` of the ranking by class 1 of two classes, or its mean over classes."""

    def one_against_rest(
        label: np.ndarray, probabilities: np.ndarray, columns: np.ndarray
    ) -> np.ndarray:
        classes = probabilities.shape[1]
        scores = [
            formula(_ranking(label == k, probabilities[:, k], columns))
            for k in ([1] if classes == 2 else range(classes))
        ]
        return mean_of_defined(np.stack(scores, axis=1))

    return of_probabilities(one_against_rest, label, probabilities, weights)


def _ranking(positive: np.ndarray, score: np.ndarray, columns: np.ndarray) -> _Ranking:
    order = np.argsort(-score, kind="stable")
    places = np.flatnonzero(positive[order])
    descending = -score[order]
    of_positives = descending[places]
    cumulative = np.zeros((len(score) + 1, columns.shape[1]))
    np.take(columns, order, axis=0, out=cumulative[1:], mode="clip")  # does not copy, as raise does
    np.cumsum(cumulative[1:], axis=0, out=cumulative[1:])
    return _Ranking(
        weight=columns[order[places]],
        above=cumulative[np.searchsorted(descending, of_positives, "left")],
        reached=cumulative[np.searchsorted(descending, of_positives, "right")],
        last=np.searchsorted(of_positives, of_positives, "right") - 1,
        negative=(~positive).astype(np.float64) @ columns,
    )
