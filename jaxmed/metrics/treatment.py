"""How well effects of a treatment are estimated, and what treating by them is worth.

The effect of a row is what it would gain by the treatment, mu1 - mu0. It is known only where both
outcomes were simulated; `root_pehe` and `ate_error` need it. The other statistics need outcomes,
the treatment given and the probability of it.
"""

from typing import NamedTuple

import numpy as np

from jaxmed import checks
from jaxmed.metrics.arguments import check_rows, label_and_value
from jaxmed.metrics.weighted import Result, Weights, as_columns, as_result, mean, ratio
from jaxmed.typing import Float, Num

__all__ = ["UpliftCurve", "ate_error", "policy_value", "qini", "root_pehe", "uplift_curve"]


def root_pehe(
    effect: Num[np.ndarray, "rows"], predicted: Num[np.ndarray, "rows"], weights: Weights = None
) -> Result:
    """Root of the precision in estimation of heterogeneous effects (PEHE).

        sqrt(mean_i (predicted_i - effect_i)^2)

    Args:
        effect: [rows], the known effects mu1 - mu0, in the unit of the outcome.
        predicted: [rows], the estimated ones.
        weights: [resamples, rows], at least 0.

    Example:
        >>> root_pehe(np.array([1.0, 2.0]), np.array([4.0, -1.0]))
        3.0

    References:
        Hill, Bayesian nonparametric modeling for causal inference, 2011, section 4.
    """
    effect, predicted = label_and_value("predicted", predicted, effect, "effect")
    squares = (predicted - effect) ** 2
    return as_result(np.sqrt(mean(squares, as_columns(weights, len(effect)))), weights)


def ate_error(
    effect: Num[np.ndarray, "rows"], predicted: Num[np.ndarray, "rows"], weights: Weights = None
) -> Result:
    """Absolute error of the average treatment effect (ATE).

        |mean_i predicted_i - mean_i effect_i|

    Args:
        effect: [rows], the known effects mu1 - mu0, in the unit of the outcome.
        predicted: [rows], the estimated ones.
        weights: [resamples, rows], at least 0.

    Example:
        >>> ate_error(np.array([1.0, 2.0]), np.array([4.0, -1.0]))
        0.0
    """
    effect, predicted = label_and_value("predicted", predicted, effect, "effect")
    differences = predicted - effect
    return as_result(np.abs(mean(differences, as_columns(weights, len(effect)))), weights)


def policy_value(
    outcome: Num[np.ndarray, "rows"],
    treatment: Num[np.ndarray, "rows"],
    treat: Num[np.ndarray, "rows"],
    propensity: Num[np.ndarray, "rows"],
    weights: Weights = None,
) -> Result:
    """The mean outcome if each row were treated as a policy says.

    Rows that were treated as the policy says stand for all, each weighted by the inverse of the
    probability p_i of the treatment it was given:

        sum_i [t_i = d_i] y_i / p_i / sum_i [t_i = d_i] / p_i

    This assumes that nothing outside of the propensity decides on both treatment and outcome.

    Args:
        outcome: y [rows].
        treatment: t [rows], 0 or 1, what was given.
        treat: d [rows], 0 or 1, what the policy says.
        propensity: [rows], in (0, 1), the probability of treatment 1; in a trial a constant.
        weights: [resamples, rows], at least 0.

    Returns:
        The value in the unit of the outcome; NaN where no row was treated as the policy says.

    Example:
        >>> y, t, d = np.array([1.0, 2.0, 3.0]), np.array([0, 1, 1]), np.array([0, 1, 0])
        >>> policy_value(y, t, d, np.full(3, 0.5))
        1.5

    References:
        Hajek, Comment on an essay of Basu, 1971; Athey and Wager, Policy learning with
        observational data, 2021.
    """
    treatment, outcome = treatment_and("outcome", outcome, treatment)
    treat = _zeros_and_ones("treat", treat, len(outcome))
    propensity = checks.real_array("propensity", propensity)
    checks.shapes(propensity=(propensity, "rows"), outcome=(outcome, "rows"))
    check_propensity(propensity)
    given = np.where(treatment == 1, propensity, 1 - propensity)
    share = (treatment == treat) / given
    columns = as_columns(weights, len(outcome))
    return as_result(ratio((share * outcome) @ columns, share @ columns), weights)


class UpliftCurve(NamedTuple):
    """Gains of treating the rows with the largest predicted effects first.

    Each has one number per distinct predicted effect, and 0 before the first: [points], or
    [resamples, points] if weights are given.

    Attributes:
        share: of the rows that are treated.
        gain: in outcome per row of the data (Qini curve).
        random: the same where the rows to treat are drawn at random, a straight line.
    """

    share: np.ndarray
    gain: np.ndarray
    random: np.ndarray


def uplift_curve(
    outcome: Num[np.ndarray, "rows"],
    treatment: Num[np.ndarray, "rows"],
    predicted: Num[np.ndarray, "rows"],
    weights: Weights = None,
) -> UpliftCurve:
    """The Qini curve: what is gained by treating a share of the rows, those of most effect first.

    Of the k rows with the largest predicted effects, n1 treated ones with outcomes that sum to y1
    and n0 others with y0:

        gain(k) = (y1 - y0 n1 / n0) / n

    which is y1 / n as long as n0 is 0. Rows of equal prediction are taken together. It is the gain
    of a trial, where the treatment is given at random.

    Args:
        outcome: [rows], higher is better.
        treatment: [rows], 0 or 1, both there.
        predicted: [rows], estimated effects, of which only the order counts.
        weights: [resamples, rows], at least 0.

    References:
        Radcliffe, Using control groups to target on predicted lift: building and assessing uplift
        models, 2007, section 5.
    """
    treatment, outcome = treatment_and("outcome", outcome, treatment)
    predicted, _ = label_and_value("outcome", outcome, predicted, "predicted")
    columns = as_columns(weights, len(outcome))
    order = np.argsort(-predicted, kind="stable")
    last = np.append(np.flatnonzero(np.diff(predicted[order])), len(order) - 1)

    def sums(rows: np.ndarray) -> np.ndarray:
        cumulative = np.cumsum(columns[order] * rows[order, None], axis=0)[last]
        return np.concatenate([np.zeros((1, columns.shape[1])), cumulative])

    treated, others = sums(treatment == 1), sums(treatment == 0)
    y1, y0 = sums(outcome * (treatment == 1)), sums(outcome * (treatment == 0))
    every = columns.sum(axis=0)
    share = ratio(treated + others, np.broadcast_to(every, treated.shape))
    taken = y0 * np.nan_to_num(ratio(treated, others))
    gain = ratio(y1 - taken, np.broadcast_to(every, treated.shape))
    found = (share, gain, share * gain[-1])
    return UpliftCurve(*(x[:, 0] if weights is None else x.T for x in found))


def qini(
    outcome: Num[np.ndarray, "rows"],
    treatment: Num[np.ndarray, "rows"],
    predicted: Num[np.ndarray, "rows"],
    weights: Weights = None,
) -> Result:
    """The area between the Qini curve and the line of random treatment (Qini coefficient).

    0 where the order of the predicted effects says nothing, below 0 where it misleads. It is not
    divided by the area of a perfect order, so it is in the unit of the outcome.

    Args:
        outcome: [rows], higher is better.
        treatment: [rows], 0 or 1, both there; given at random, as in a trial.
        predicted: [rows], estimated effects, of which only the order counts.
        weights: [resamples, rows], at least 0.

    References:
        Radcliffe, Using control groups to target on predicted lift: building and assessing uplift
        models, 2007, section 5.
    """
    curve = uplift_curve(outcome, treatment, predicted, weights)
    area = np.trapezoid(curve.gain - curve.random, curve.share, axis=-1)
    return as_result(np.atleast_1d(area), weights)


def check_propensity(propensity: Float[np.ndarray, "rows"]) -> None:
    """Refuse propensities that are not in (0, 1), at which nothing can be compared."""
    check_rows("propensity", propensity)
    bad = np.flatnonzero(~((propensity > 0) & (propensity < 1)))
    if bad.size:
        raise ValueError(
            f"propensity is {propensity[bad[0]]:g} in row {bad[0]} ({bad.size} such rows), but "
            "must lie in (0, 1): leave rows out that are always or never treated, or clip it."
        )


def treatment_and(
    name: str, value: np.ndarray, treatment: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The treatment [rows] of 0 and 1, both there, and another column in float64."""
    given, value = label_and_value(name, value, treatment, "treatment")
    given = _zeros_and_ones("treatment", given, len(value))
    if given.all() or not given.any():
        raise ValueError(
            f"treatment is {given[0]:g} in all {len(given)} rows, but both arms must have rows: "
            "pass treated rows and others."
        )
    return given, value


def _zeros_and_ones(name: str, value: np.ndarray, rows: int) -> np.ndarray:
    value = checks.real_array(name, value, "rows")
    if len(value) != rows:
        raise ValueError(f"{name} has {len(value)} rows, but must have {rows}, as the outcome has.")
    wrong = value[~np.isin(value, (0, 1))]
    if wrong.size:
        raise ValueError(
            f"{name} holds {wrong[0]:g}, but must hold 0 and 1: compare two treatments at a time."
        )
    return value
