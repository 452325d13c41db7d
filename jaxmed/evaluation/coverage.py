"""How the coverage of conformal prediction varies from one calibration to the next."""

from __future__ import annotations

import math

import numpy as np

from jaxmed import checks
from jaxmed.evaluation.conformal_quantile import check_enough, quantile_rank
from jaxmed.metrics.arguments import check_rows
from jaxmed.typing import Float

_NUMBERS = 5_000_000
"""Scores that are shuffled at a time, which bounds the memory."""


def coverage_law(rows: int, tested: int, level: float) -> tuple[float, float]:
    """Mean and standard deviation of the coverage of `tested` rows, over calibrations.

    For exchangeable rows with distinct scores, the number of covered rows is beta-binomial: with
    k = ceil((rows + 1) level), its probability has the law Beta(k, rows + 1 - k).

    Args:
        rows: of the calibration set.
        tested: rows whose coverage is counted, at least 1.
        level: asked coverage, in (0, 1).

    Raises:
        ValueError: if there are too few calibration rows for the level.

    Example:
        >>> mean, deviation = coverage_law(300, 848, 0.9)
        >>> round(mean, 6), round(deviation, 6)
        (0.900332, 0.020065)

    References:
        Vovk, Conditional validity of inductive conformal predictors, 2012; Angelopoulos and Bates,
        A gentle introduction to conformal prediction, 2023, section 3.2.
    """
    rows, tested = checks.whole("rows", rows), checks.whole("tested", tested)
    check_enough(rows, level, "rows")
    covered = quantile_rank(level, rows)
    mean = covered / (rows + 1)
    variance = mean * (1 - mean) / (rows + 2) * (rows + 1 + tested) / tested
    return mean, math.sqrt(variance)


def coverage_of_resplits(
    scores: Float[np.ndarray, " rows"],
    *,
    calibration: int,
    level: float = 0.9,
    splits: int = 1000,
    seed: int = 0,
) -> Float[np.ndarray, " splits"]:
    """The coverage of the other rows, for many random choices of the calibration rows.

    Rows that are divided at random are exchangeable, so the results follow `coverage_law` as far as
    scores are distinct. A deviation is a fault of the scores or of the code, never of the data.

    Args:
        scores: of the truth of each row [rows], as `true_class_scores` gives.
        calibration: rows that calibrate; the others are covered or not.
        level: asked coverage, in (0, 1).
        splits: random divisions.
        seed: of the divisions.

    Returns:
        The share of covered rows of each division [splits].

    Raises:
        ValueError: if there are too few calibration rows for the level, or no others.
    """
    scores = checks.real_array("scores", scores, "rows").astype(np.float64)
    check_rows("scores", scores)
    calibration = checks.whole("calibration", calibration)
    splits = checks.whole("splits", splits, most=1_000_000)
    random = np.random.default_rng(checks.whole("seed", seed, least=0))
    check_enough(calibration, level, "calibration")
    rows = len(scores)
    if calibration >= rows:
        raise ValueError(
            f"calibration is {calibration}, but must be less than the {rows} scores: leave rows to "
            "be covered."
        )
    place = quantile_rank(level, calibration) - 1
    found = []
    chunk = max(_NUMBERS // rows, 1)
    for first in range(0, splits, chunk):
        many = np.tile(scores, (min(chunk, splits - first), 1))
        random.permuted(many, axis=1, out=many)
        thresholds = np.partition(many[:, :calibration], place, axis=1)[:, place]
        found.append((many[:, calibration:] <= thresholds[:, None]).mean(axis=1))
    return np.concatenate(found)
