"""Effects from outcomes and propensities that were estimated on other rows (cross-fitted).

They are right if either the outcomes or the propensities are, and they judge predicted effects
where the true ones are not known.
"""

from typing import NamedTuple

import numpy as np

from jaxmed import checks
from jaxmed.metrics.arguments import label_and_value
from jaxmed.metrics.treatment import check_propensity, treatment_and
from jaxmed.metrics.weighted import Result, Weights, as_columns, as_result, mean
from jaxmed.typing import Num

__all__ = ["ArmOverlap", "AverageEffect", "arm_overlap", "average_effect", "dr_outcomes", "r_score"]


def dr_outcomes(
    outcome: Num[np.ndarray, "rows"],
    treatment: Num[np.ndarray, "rows"],
    mu0: Num[np.ndarray, "rows"],
    mu1: Num[np.ndarray, "rows"],
    propensity: Num[np.ndarray, "rows"],
) -> np.ndarray:
    """A noisy effect of each row, whose mean given x is the effect (doubly robust scores).

        mu1 - mu0 + t (y - mu1) / p - (1 - t) (y - mu0) / (1 - p)

    Args:
        outcome: y [rows].
        treatment: t [rows], 0 or 1, both there.
        mu0: [rows], outcomes without treatment, predicted by a model that has not seen the row.
        mu1: [rows], with treatment.
        propensity: p [rows], in (0, 1).

    Returns:
        [rows], in the unit of the outcome.

    Example:
        >>> y, t = np.array([3.0, 1.0]), np.array([1, 0])
        >>> dr_outcomes(y, t, np.zeros(2), np.full(2, 2.0), np.full(2, 0.5))
        array([4., 0.])

    References:
        Robins, Rotnitzky and Zhao, Estimation of regression coefficients when some regressors are
        not always observed, 1994; Kennedy, Towards optimal doubly robust estimation of
        heterogeneous causal effects, 2023, section 3.
    """
    t, y = treatment_and("outcome", outcome, treatment)
    _, low = label_and_value("mu0", mu0, y, "outcome")
    _, high = label_and_value("mu1", mu1, y, "outcome")
    p = _propensity(propensity, y)
    return high - low + np.where(t == 1, (y - high) / p, -(y - low) / (1 - p))


class AverageEffect(NamedTuple):
    """The average effect of a treatment and its interval, in the unit of the outcome."""

    value: float
    low: float
    high: float


def average_effect(scores: Num[np.ndarray, "rows"], *, level: float = 0.95) -> AverageEffect:
    """The mean of doubly robust scores, with a normal interval (AIPW).

    Args:
        scores: [rows], at least two, from `dr_outcomes` with cross-fitted models.
        level: of the interval, in (0, 1).

    Returns:
        The mean, and the mean plus or minus z standard errors.

    References:
        Chernozhukov et al., Double/debiased machine learning for treatment and structural
        parameters, 2018, section 5.
    """
    from statistics import NormalDist

    scores = checks.real_array("scores", scores, "rows").astype(np.float64)
    checks.real("level", level, "in (0, 1)", lambda found: 0 < found < 1)
    if len(scores) < 2 or not np.isfinite(scores).all():
        raise ValueError(
            f"scores has {len(scores)} rows, of which {int((~np.isfinite(scores)).sum())} are not "
            "finite, but must have two or more finite numbers: pass what dr_outcomes gives."
        )
    value = float(scores.mean())
    error = float(scores.std(ddof=1)) / len(scores) ** 0.5
    reach = NormalDist().inv_cdf((1 + float(level)) / 2) * error
    return AverageEffect(value, value - reach, value + reach)


def r_score(
    outcome: Num[np.ndarray, "rows"],
    treatment: Num[np.ndarray, "rows"],
    predicted: Num[np.ndarray, "rows"],
    mean_outcome: Num[np.ndarray, "rows"],
    propensity: Num[np.ndarray, "rows"],
    weights: Weights = None,
) -> Result:
    """How badly predicted effects explain what is left of the outcomes; lower is better.

        mean_i ((y_i - m_i) - (t_i - p_i) effect_i)^2

    It compares learners without knowing the true effects.

    Args:
        outcome: y [rows].
        treatment: t [rows], 0 or 1, both there.
        predicted: [rows], the effects.
        mean_outcome: m [rows], outcomes predicted without knowing the treatment.
        propensity: p [rows], in (0, 1).
        weights: [resamples, rows], at least 0.

    References:
        Nie and Wager, Quasi-oracle estimation of heterogeneous treatment effects, 2021, equation 4.
    """
    t, y = treatment_and("outcome", outcome, treatment)
    _, effect = label_and_value("predicted", predicted, y, "outcome")
    _, m = label_and_value("mean_outcome", mean_outcome, y, "outcome")
    residual = (y - m) - (t - _propensity(propensity, y)) * effect
    return as_result(mean(residual**2, as_columns(weights, len(y))), weights)


class ArmOverlap(NamedTuple):
    """Whether both arms can be compared.

    Attributes:
        outside: the share of rows whose propensity is below 0.05 or above 0.95.
        effective_rows: of the untreated and of the treated arm, after weighting by the inverse
            propensity: (sum w)^2 / sum w^2.
        difference: [columns], standardized differences of means, treated less untreated; above
            0.1 in absolute value is commonly called imbalance.
        weighted_difference: [columns], the same after weighting.
    """

    outside: float
    effective_rows: tuple[float, float]
    difference: np.ndarray
    weighted_difference: np.ndarray


def arm_overlap(
    features: Num[np.ndarray, "rows columns"],
    treatment: Num[np.ndarray, "rows"],
    propensity: Num[np.ndarray, "rows"],
) -> ArmOverlap:
    """How much of both arms is comparable, by propensities.

    Args:
        features: [rows, columns].
        treatment: [rows], 0 or 1, both there.
        propensity: [rows], in (0, 1).

    References:
        Austin, Balance diagnostics for comparing the distribution of baseline covariates between
        treatment groups in propensity-score matched samples, 2009.
    """
    features = checks.real_array("features", features, "rows columns").astype(np.float64)
    t, p = treatment_and("propensity", propensity, treatment)
    check_propensity(p)
    if len(features) != len(t) or not np.isfinite(features).all():
        raise ValueError(
            f"features has {len(features)} rows, of which "
            f"{int((~np.isfinite(features)).any(axis=1).sum())} are not finite, but must have "
            f"{len(t)} finite rows, as the treatment has: fill or leave out what is missing."
        )
    weights = np.where(t == 1, 1 / p, 1 / (1 - p))
    arms = [(t == arm) for arm in (0, 1)]
    spread = np.sqrt(sum(features[arm].var(axis=0) for arm in arms) / 2)
    spread = np.where(spread > 0, spread, 1.0)

    def difference(weights: np.ndarray) -> np.ndarray:
        low, high = (np.average(features[arm], axis=0, weights=weights[arm]) for arm in arms)
        return (high - low) / spread

    low, high = (float(w.sum() ** 2 / (w**2).sum()) for w in (weights[arm] for arm in arms))
    outside = float(((p < 0.05) | (p > 0.95)).mean())
    return ArmOverlap(outside, (low, high), difference(np.ones(len(t))), difference(weights))


def _propensity(propensity: np.ndarray, outcome: np.ndarray) -> np.ndarray:
    _, found = label_and_value("propensity", propensity, outcome, "outcome")
    check_propensity(found)
    return found
