"""How uncertain a model is by its probabilities, and whether it is wrong where it is uncertain.

Selective prediction keeps the predictions of the most confident rows and leaves the others to a
person. Rows of equal confidence have no order, so every number here is its mean over all their
orders: it depends neither on the order of the rows nor on a random choice.
"""

from __future__ import annotations

import math
from typing import NamedTuple, TypeAlias

import numpy as np

from jaxmed import checks
from jaxmed.metrics.arguments import check_rows, class_probabilities, label_and_probabilities
from jaxmed.metrics.ranking import auroc
from jaxmed.typing import Float, Num

Confidence: TypeAlias = Num[np.ndarray, " rows"] | None
"""Higher is kept first; None for the largest probability of each row."""


def predictive_entropy(
    probabilities: Float[np.ndarray, "rows classes"],
) -> Float[np.ndarray, " rows"]:
    """Entropy of each row, -sum_k p_k log p_k, in nats: 0 if certain, log(classes) if it guesses.

    Args:
        probabilities: [rows, classes], rows sum to 1.

    Returns:
        [rows], in [0, log(classes)].

    Raises:
        ValueError: if a probability lies outside [0, 1] or a row does not sum to 1.

    Example:
        >>> predictive_entropy(np.array([[0.5, 0.5], [1.0, 0.0]])).round(4).tolist()
        [0.6931, 0.0]
    """
    return _entropy(class_probabilities(probabilities))


def mutual_information(
    probabilities: Float[np.ndarray, "members rows classes"],
) -> Float[np.ndarray, " rows"]:
    """How much members disagree: entropy of their mean minus the mean of their entropies, in nats.

    The entropy of the mean is the total uncertainty. The mean entropy is what stays where all
    members agree (aleatoric); the difference is what knowing the right member would remove
    (epistemic). Members are those of an ensemble or draws of dropout.

    Args:
        probabilities: [members, rows, classes], each row of each member sums to 1.

    Returns:
        [rows], in [0, log(members)]; 0 where all members say the same.

    Raises:
        ValueError: if a probability lies outside [0, 1] or a row does not sum to 1.

    Example:
        >>> members = np.array([[[1.0, 0.0], [0.5, 0.5]], [[0.0, 1.0], [0.5, 0.5]]])
        >>> mutual_information(members).round(4).tolist()
        [0.6931, 0.0]

    References:
        Houlsby et al., Bayesian Active Learning for Classification and Preference Learning, 2011,
        equation 2; Depeweg et al., Decomposition of Uncertainty, 2018.
    """
    found = checks.real_array("probabilities", probabilities, "members rows classes")
    if not found.size:
        raise ValueError(
            f"probabilities has shape {found.shape}, but must have a member, a row and a class."
        )
    members = np.stack([class_probabilities(each) for each in found])
    return np.maximum(_entropy(members.mean(0)) - _entropy(members).mean(0), 0)


class RiskCoverage(NamedTuple):
    """The error among the most confident rows, for every number of them.

    Attributes:
        coverage: share of the rows that is kept, 1/rows, 2/rows, ... 1.
        risk: error rate among them.
    """

    coverage: Float[np.ndarray, " rows"]
    risk: Float[np.ndarray, " rows"]

    @property
    def area(self) -> float:
        """AURC: the mean risk over all coverages; lower is better."""
        return float(self.risk.mean())


def risk_coverage(
    label: Num[np.ndarray, " rows"],
    probabilities: Float[np.ndarray, "rows classes"],
    *,
    confidence: Confidence = None,
) -> RiskCoverage:
    """The error rate of the k most confident rows, for k = 1 .. rows.

    Of rows of equal confidence each counts as wrong by the share of wrong rows among them: the
    mean over all their orders.

    Args:
        label: true class of each row [rows].
        probabilities: [rows, classes].
        confidence: [rows], higher is kept first, such as the negative entropy; by default the
            largest probability of each row.

    Returns:
        The curve; its `area` is the AURC.

    Raises:
        ValueError: if shapes disagree, there are no rows, or something is not finite.

    References:
        El-Yaniv and Wiener, On the Foundations of Noise-free Selective Classification, 2010;
        Geifman, Uziel and El-Yaniv, Bias-Reduced Uncertainty Estimation, 2019, equation 3.
    """
    label, probabilities, confidence = _selective(label, probabilities, confidence)
    wrong = (probabilities.argmax(1) != label).astype(np.float64)
    _, tied, counts = np.unique(-confidence, return_inverse=True, return_counts=True)
    share = np.bincount(tied, wrong) / counts
    kept = np.arange(1, len(label) + 1)
    return RiskCoverage(kept / len(label), np.cumsum(np.repeat(share, counts)) / kept)


def aurc(
    label: Num[np.ndarray, " rows"],
    probabilities: Float[np.ndarray, "rows classes"],
    *,
    confidence: Confidence = None,
) -> float:
    """Area under the risk-coverage curve: the mean error rate over all coverages.

    Arguments and errors are those of `risk_coverage`. A confidence that says nothing gives the
    error rate of all rows.

    Example:
        >>> p = np.array([[0.1, 0.9], [0.4, 0.6]])
        >>> aurc(np.array([1, 0]), p)  # no error in the first, one in both
        0.25
    """
    return risk_coverage(label, probabilities, confidence=confidence).area


def error_of_retained(
    label: Num[np.ndarray, " rows"],
    probabilities: Float[np.ndarray, "rows classes"],
    *,
    retained: float = 0.5,
    confidence: Confidence = None,
) -> float:
    """Error rate of the most confident share of the rows: ceil(retained * rows) of them.

    Args:
        label: true class of each row [rows].
        probabilities: [rows, classes].
        retained: in (0, 1].
        confidence: as in `risk_coverage`.

    Returns:
        In [0, 1]; at a tie the mean over all choices of the tied rows.

    Raises:
        ValueError: as in `risk_coverage`, or if `retained` is out of range.
    """
    checks.fraction("retained", retained, above_zero=True)
    risk = risk_coverage(label, probabilities, confidence=confidence).risk
    return float(risk[_count(retained, len(risk)) - 1])


def auroc_of_retained(
    label: Num[np.ndarray, " rows"],
    probabilities: Float[np.ndarray, "rows classes"],
    *,
    retained: float = 0.5,
    confidence: Confidence = None,
) -> float:
    """AUROC of the most confident share of the rows: ceil(retained * rows) of them.

    It can be lower than that of all rows although the kept rows are easier: without the rows in
    between, one confident mistake ranks below all others. Report it with `error_of_retained`.

    Args:
        label: true class of each row [rows].
        probabilities: [rows, classes].
        retained: in (0, 1].
        confidence: as in `risk_coverage`.

    Returns:
        As `auroc`, in which rows that tie at the boundary count by the share of them that is
        kept; NaN where only one class is kept.

    Raises:
        ValueError: as in `risk_coverage`, or if `retained` is out of range.
    """
    checks.fraction("retained", retained, above_zero=True)
    label, probabilities, confidence = _selective(label, probabilities, confidence)
    count = _count(retained, len(label))
    boundary = np.sort(confidence)[len(label) - count]
    above, tied = confidence > boundary, confidence == boundary
    weights = above + tied * ((count - above.sum()) / tied.sum())
    return float(np.asarray(auroc(label, probabilities, weights[None]))[0])


def _count(retained: float, rows: int) -> int:
    # A share such as 0.07 of 100 rows is 7 of them, although the product is 7.000000000000001.
    return max(1, math.ceil(float(retained) * rows - 1e-9))


def _entropy(probabilities: np.ndarray) -> np.ndarray:
    """-sum p log p over the last axis, with 0 log 0 = 0."""
    probabilities = probabilities.clip(0, 1)
    logs = np.log(probabilities, where=probabilities > 0, out=np.zeros_like(probabilities))
    return np.abs((probabilities * logs).sum(-1))


def _selective(
    label: np.ndarray, probabilities: np.ndarray, confidence: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Classes [rows], probabilities [rows, classes] and confidence [rows], checked."""
    label = checks.real_array("label", label, "rows")
    label, probabilities = label_and_probabilities(label, probabilities)
    if confidence is None:
        return label, probabilities, probabilities.max(1)
    confidence = checks.real_array("confidence", confidence)
    checks.shapes(label=(label, "rows"), confidence=(confidence, "rows"))
    check_rows("confidence", confidence)
    return label, probabilities, confidence
