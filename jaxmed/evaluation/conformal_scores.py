"""Nonconformity scores: how badly each class fits a row, by its predicted probabilities.

A conformal set holds the classes whose score is at most a threshold that was counted on calibration
rows. The functions take arrays of NumPy or of JAX, so that calibration and a compiled model compute
the same numbers.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np

from jaxmed import checks
from jaxmed.evaluation.conformal_arguments import classes_and_probabilities, regularization_of
from jaxmed.evaluation.conformal_quantile import check_enough, quantile_rank
from jaxmed.typing import Float, Int

METHODS = ("threshold", "aps", "raps")
PENALTIES = (0.001, 0.01, 0.1, 0.2, 0.5)
"""Tried for RAPS, as by Angelopoulos et al. (2021), appendix E."""
_TUNING = 0.2
"""Share of the calibration rows that chooses the regularization of RAPS and nothing else."""


def class_scores(
    xp: ModuleType,
    method: str,
    probabilities: Any,
    *,
    draws: Any = None,
    penalty: Any = 0.0,
    free_rank: Any = 1,
) -> Any:
    """The score of each class in each row [rows, classes].

    With classes ranked from the most probable one, of which rank 1 is the first:

        threshold: 1 - p
        aps:       sum of the probabilities of lower ranks + u p
        raps:      that of aps + penalty max(rank - free_rank, 0)

    where u is 1, or uniform in [0, 1) where it is drawn. APS is summed from the last class on,
    1 - (sum of the later ones) - (1 - u) p: the last class scores exactly 1 then, however sums are
    rounded, and a threshold of 1 holds all classes. Of equally probable classes the first comes
    first.

    Args:
        xp: numpy or jax.numpy.
        method: one of `METHODS`.
        probabilities: [rows, classes].
        draws: u [rows], or None.
        penalty: of RAPS, at least 0; it may be traced, as the next.
        free_rank: of RAPS, up to which a rank costs nothing.
    """
    if method == "threshold":
        return 1 - probabilities
    probabilities = probabilities / probabilities.sum(axis=1, keepdims=True)
    order = xp.argsort(-probabilities, axis=1, stable=True)
    ranks = xp.argsort(order, axis=1, stable=True)  # from 0
    descending = xp.take_along_axis(probabilities, order, axis=1)
    from_here = xp.cumsum(descending[:, ::-1], axis=1)[:, ::-1]
    later = xp.concatenate([from_here[:, 1:], xp.zeros_like(from_here[:, :1])], axis=1)
    scores = 1 - xp.take_along_axis(later, ranks, axis=1)
    if draws is not None:
        scores = scores - (1 - draws[:, None]) * probabilities
    if method == "raps":
        scores = scores + penalty * xp.maximum(ranks + 1 - free_rank, 0)
    return scores


def true_class_scores(
    label: Int[np.ndarray, " rows"],
    probabilities: Float[np.ndarray, "rows classes"],
    *,
    method: str = "threshold",
) -> Float[np.ndarray, " rows"]:
    """The nonconformity score of the true class of each row, without randomization.

    Args:
        label: true classes [rows].
        probabilities: [rows, classes].
        method: "threshold", 1 - p of the true class; or "aps", the probability of the classes down
            to the true one.

    Raises:
        ValueError: if the arrays disagree or lie outside their range.

    Example:
        >>> true_class_scores(np.array([1, 1]), np.array([[0.25, 0.75], [0.75, 0.25]]))
        array([0.25, 0.75])
    """
    checks.known("method", method, METHODS[:2])
    label, probabilities = classes_and_probabilities(label, probabilities)
    return of_label(class_scores(np, method, probabilities), label)


def of_label(scores: np.ndarray, label: np.ndarray) -> np.ndarray:
    """The score of the true class of each row [rows]."""
    return np.take_along_axis(scores, label[:, None], axis=1)[:, 0]


def regularized(
    method: str,
    label: np.ndarray,
    probabilities: np.ndarray,
    level: float,
    draws: np.ndarray | None,
    given: Any,
    seed: int,
) -> tuple[np.ndarray, float, int]:
    """The rows that calibrate, and the penalty and free rank of their scores.

    For RAPS without given ones, a fifth of the rows chooses them and calibrates nothing else.

    Args:
        method: of the scores.
        label: true classes [rows].
        probabilities: [rows, classes].
        level: asked coverage.
        draws: u [rows], or None.
        given: a penalty and a free rank, or None.
        seed: of the rows that choose.
    """
    rows = np.arange(len(label))
    if method != "raps":
        if given is not None:
            raise ValueError(
                f"regularization is {checks.shown(given)}, but the method {method} has none: leave "
                "it out."
            )
        return rows, 0.0, 1
    if given is not None:
        return rows, *regularization_of(given)
    count = int(_TUNING * len(rows))
    check_enough(len(rows) - count, level, "calibration without the fifth that chooses RAPS")
    mixed = np.random.default_rng([seed, 2]).permutation(rows)
    tuning = mixed[:count]
    penalty, free_rank = tuned_regularization(
        label[tuning], probabilities[tuning], level, None if draws is None else draws[tuning]
    )
    return np.sort(mixed[count:]), penalty, free_rank


def tuned_regularization(
    label: np.ndarray, probabilities: np.ndarray, level: float, draws: np.ndarray | None
) -> tuple[float, int]:
    """The penalty and free rank of RAPS, chosen on rows that calibrate nothing else.

    The free rank is the conformal quantile of the rank of the true class; of `PENALTIES` the one
    that gives the smallest sets of these rows is taken, calibrated on themselves (Angelopoulos et
    al., 2021, appendix E).

    Args:
        label: true classes [rows].
        probabilities: [rows, classes] in float64.
        level: asked coverage.
        draws: u [rows], or None.
    """
    place = min(quantile_rank(level, len(label)), len(label)) - 1  # of few rows the last
    order = np.argsort(-probabilities, axis=1, kind="stable")
    ranks = np.argsort(order, axis=1)
    free_rank = 1 + int(np.sort(of_label(ranks, label))[place])
    sizes = []
    for penalty in PENALTIES:
        scores = class_scores(
            np, "raps", probabilities, draws=draws, penalty=penalty, free_rank=free_rank
        )
        threshold = np.sort(of_label(scores, label))[place]
        sizes.append((scores <= threshold).sum())
    return PENALTIES[int(np.argmin(sizes))], free_rank
