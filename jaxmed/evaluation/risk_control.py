"""A threshold whose sensitivity on new patients is promised, not only measured."""

from __future__ import annotations

import dataclasses
import math
from fractions import Fraction

import numpy as np

from jaxmed import checks
from jaxmed.evaluation.conformal_quantile import exact
from jaxmed.metrics.arguments import positives_and_probability
from jaxmed.typing import Float, Int

GUARANTEES = ("probability", "expectation")


@dataclasses.dataclass(frozen=True)
class RiskControl:
    """A decision threshold, and what is promised of it.

    Attributes:
        threshold: positive is a probability at or above it; representable in float32.
        sensitivity: that was asked.
        guarantee: "probability" or "expectation".
        delta: of the first, the probability that the promise fails; else None.
        positives: calibration rows of the positive class.
        missed: of them, those below the threshold.
    """

    threshold: float
    sensitivity: float
    guarantee: str
    delta: float | None
    positives: int
    missed: int

    def __str__(self) -> str:
        if self.guarantee == "expectation":
            promise = f"sensitivity is at least {self.sensitivity:g} on average over calibrations"
        else:
            promise = (
                f"with a probability of {1 - (self.delta or 0):g} over calibrations, sensitivity "
                f"is at least {self.sensitivity:g}"
            )
        return (
            f"threshold {self.threshold:.6g}: {promise}, for positives like the {self.positives} "
            f"of the calibration, of which it misses {self.missed}"
        )


def risk_control(
    label: Int[np.ndarray, " rows"],
    probability: Float[np.ndarray, " rows"],
    *,
    sensitivity: float = 0.95,
    delta: float = 0.05,
    guarantee: str = "probability",
) -> RiskControl:
    """The highest threshold that keeps the sensitivity of new rows at or above what is asked.

    The threshold is the k-th smallest probability of the n positive calibration rows, so that it
    misses k - 1 of them, for the largest k with

        probability: P(Binomial(n, 1 - sensitivity) <= k - 1) <= delta
        expectation: k <= (n + 1) (1 - sensitivity)

    **Guaranteed**, if calibration positives and new positives are exchangeable (independent and of
    one distribution, for the first):

    - "probability": for a share of at least 1 - delta of all calibrations, the true sensitivity is
      at least what is asked (Learn then Test with the exact binomial p-value, tested from the
      lowest threshold on; the distribution-free tolerance limit of Wilks).
    - "expectation": averaged over calibrations, a new positive is found with at least that
      probability (conformal risk control). A single calibration lies below in nearly half of all
      cases.

    **Not guaranteed**: anything about specificity, about patients of one kind, or about rows from
    elsewhere.

    Args:
        label: 0 or 1 [rows], of rows that were not used for training.
        probability: of class 1 [rows], in [0, 1].
        sensitivity: asked, in (0, 1).
        delta: how often the promise may fail, in (0, 1); not used by "expectation".
        guarantee: "probability" or "expectation".

    Returns:
        The threshold for `transforms.with_threshold`, rounded down to float32.

    Raises:
        ValueError: if arrays disagree, or there are too few positive rows; it says how many are
            needed.

    Example:
        >>> label, p = np.ones(100, int), np.arange(100) / 128
        >>> risk_control(label, p, sensitivity=0.9).missed
        4
        >>> risk_control(label, p, sensitivity=0.9, guarantee="expectation").missed
        9

    References:
        Angelopoulos, Bates, Candès, Jordan and Lei, Learn then test, 2021; Wilks, Determination of
        sample sizes for setting tolerance limits, 1941; Angelopoulos, Bates, Fisch, Lei and
        Schuster, Conformal risk control, 2022, theorem 1.
    """
    checks.fraction("sensitivity", sensitivity, above_zero=True, below_one=True)
    checks.fraction("delta", delta, above_zero=True, below_one=True)
    checks.known("guarantee", guarantee, GUARANTEES)
    positive, probability = positives_and_probability(label, probability)
    scores = np.sort(probability[positive].astype(np.float64))
    rows = len(scores)
    risk = 1 - exact(sensitivity)
    if guarantee == "expectation":
        place = math.floor((rows + 1) * risk)
        least = math.ceil(1 / risk) - 1
    else:
        place = _misses_allowed(rows, risk, float(delta))
        least = math.ceil(math.log(delta) / math.log1p(-float(risk)) * (1 - 1e-12))
    if place == 0:
        raise ValueError(
            f"label has {rows} positive rows, but a sensitivity of {float(sensitivity):g} needs at "
            f"least {least}: add rows, or ask for less."
        )
    threshold = np.float32(scores[place - 1])
    if threshold > scores[place - 1]:
        threshold = np.nextafter(threshold, np.float32(-1))
    return RiskControl(
        float(threshold),
        float(sensitivity),
        guarantee,
        float(delta) if guarantee == "probability" else None,
        positives=rows,
        missed=int((scores < threshold).sum()),
    )


def _misses_allowed(rows: int, risk: Fraction, delta: float) -> int:
    """The largest k with P(Binomial(rows, risk) <= k - 1) <= delta; 0 where there is none."""
    p = float(risk)
    counts = np.arange(rows + 1)
    factorials = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, rows + 1)))])
    ways = factorials[rows] - factorials - factorials[::-1]
    below = np.cumsum(np.exp(ways + counts * math.log(p) + (rows - counts) * math.log1p(-p)))
    return int((below[:rows] <= delta).sum())
