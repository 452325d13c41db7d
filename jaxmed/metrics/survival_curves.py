"""Curves of observed survival: Kaplan-Meier, Nelson-Aalen, Aalen-Johansen and their mean.

All curves are step functions, constant from each time to before the next one. They assume that
censoring tells nothing about when an event would have happened. Where events and censored rows
share a time, the events come first.
"""

from statistics import NormalDist
from typing import NamedTuple

import numpy as np

from jaxmed import checks
from jaxmed.metrics.risk_sets import Counts, counts, incidences, share
from jaxmed.metrics.survival_arguments import time_and_event
from jaxmed.metrics.weighted import Result, Weights, as_columns
from jaxmed.typing import Num

__all__ = [
    "AalenJohansen",
    "KaplanMeier",
    "NelsonAalen",
    "aalen_johansen",
    "kaplan_meier",
    "nelson_aalen",
    "restricted_mean",
]


class KaplanMeier(NamedTuple):
    """Observed survival at each distinct time; [resamples, times] if weights are given.

    Attributes:
        times: all distinct times in increasing order [times], also those without an event.
        survival: probability of no event until the time, the time included. It is 1 before the
            first time.
        at_risk: rows that are observed at least until the time.
        events: rows whose event is at the time.
        variance: Greenwood's variance of `survival`; NaN where `survival` is 0.
        low: lower end of the log-log interval; NaN where `survival` is 0.
        high: its upper end.
    """

    times: np.ndarray
    survival: np.ndarray
    at_risk: np.ndarray
    events: np.ndarray
    variance: np.ndarray
    low: np.ndarray
    high: np.ndarray


class NelsonAalen(NamedTuple):
    """Cumulative hazard at each distinct time; [resamples, times] if weights are given.

    Attributes:
        times: all distinct times in increasing order [times].
        hazard: cumulative hazard; it is 0 before the first time.
        variance: of `hazard`.
    """

    times: np.ndarray
    hazard: np.ndarray
    variance: np.ndarray


class AalenJohansen(NamedTuple):
    """Cumulative incidence of each cause; its survival and incidences sum to 1 at every time.

    Attributes:
        times: all distinct times in increasing order [times].
        incidence: probability of an event of each cause until the time, the time included,
            [causes, times], or [resamples, causes, times] if weights are given.
        survival: probability of no event of any cause, [times] or [resamples, times].
    """

    times: np.ndarray
    incidence: np.ndarray
    survival: np.ndarray


def kaplan_meier(
    time: Num[np.ndarray, "rows"],
    event: Num[np.ndarray, "rows"],
    weights: Weights = None,
    *,
    level: float = 0.95,
) -> KaplanMeier:
    """Probability of having no event until each time.

        S(t) = product over times u <= t of (1 - d(u) / n(u))

    with d(u) events among n(u) rows at risk. Greenwood's variance is S^2 sum d / (n (n - d)). The
    interval is normal for log(-log S), and so stays within [0, 1].

    Args:
        time: [rows], at least 0, in any unit.
        event: [rows], 1 event, 0 censored.
        weights: [resamples, rows], at least 0: how often each row occurs in each resample.
        level: nominal coverage of the interval at one time, in (0, 1).

    Returns:
        The curve with its variance and interval.

    Raises:
        ValueError: if shapes disagree or an argument lies outside its range.

    Example:
        >>> kaplan_meier(np.array([1.0, 2.0, 3.0]), np.array([1, 0, 1])).survival.round(4)
        array([0.6667, 0.6667, 0.    ])

    References:
        Kaplan and Meier, Nonparametric estimation from incomplete observations, 1958; Kalbfleisch
        and Prentice, The Statistical Analysis of Failure Time Data, 2002, section 1.4 (interval).
    """
    checks.fraction("level", level, above_zero=True, below_one=True)
    found = _counts(time, event, 1, weights)
    n, d = found.at_risk, found.events[0]
    survival = np.cumprod(1 - share(d, n), axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = np.cumsum(np.where(d > 0, d / (n * (n - d)), 0), axis=0)
        variance = survival**2 * spread
        margin = NormalDist().inv_cdf((1 + level) / 2) * np.sqrt(spread) / np.log(survival)
        # Where survival is 1, nothing varies; where it is 0, the logarithm is undefined.
        low, high = (
            np.where(survival < 1, survival ** np.exp(sign * margin), 1.0) for sign in (-1, 1)
        )
    undefined = survival <= 0
    variance, low, high = (np.where(undefined, np.nan, x) for x in (variance, low, high))
    columns = (_result(x, weights) for x in (survival, n, d, variance, low, high))
    return KaplanMeier(found.times, *columns)


def nelson_aalen(
    time: Num[np.ndarray, "rows"], event: Num[np.ndarray, "rows"], weights: Weights = None
) -> NelsonAalen:
    """Cumulative hazard: sum over times u <= t of d(u) / n(u), with variance sum d(u) / n(u)^2.

    Events that share a time count as simultaneous. lifelines spreads them by default, and gives
    this hazard with `nelson_aalen_smoothing=False`.

    Args:
        time: [rows], at least 0, in any unit.
        event: [rows], 1 event, 0 censored.
        weights: [resamples, rows], at least 0.

    Returns:
        The cumulative hazard and its variance.

    Raises:
        ValueError: if shapes disagree or an argument lies outside its range.

    Example:
        >>> nelson_aalen(np.array([1.0, 2.0, 4.0]), np.array([1, 1, 0])).hazard.round(4)
        array([0.3333, 0.8333, 0.8333])

    References:
        Aalen, Nonparametric inference for a family of counting processes, 1978.
    """
    found = _counts(time, event, 1, weights)
    rate = share(found.events[0], found.at_risk)
    variance = np.cumsum(share(rate, found.at_risk), axis=0)
    hazard = np.cumsum(rate, axis=0)
    return NelsonAalen(found.times, _result(hazard, weights), _result(variance, weights))


def aalen_johansen(
    time: Num[np.ndarray, "rows"],
    event: Num[np.ndarray, "rows"],
    causes: int,
    weights: Weights = None,
) -> AalenJohansen:
    """Cumulative incidence of competing causes.

        F_k(t) = sum over times u <= t of S(before u) d_k(u) / n(u)

    One minus Kaplan-Meier of cause k, with the others as censored, is larger: it is the incidence
    if the other causes did not exist and were independent of cause k.

    Args:
        time: [rows], at least 0, in any unit.
        event: [rows], 0 censored, 1 .. causes the cause of the event.
        causes: number of causes.
        weights: [resamples, rows], at least 0.

    Returns:
        Incidences by cause, and the survival of all causes.

    Raises:
        ValueError: if shapes disagree or an argument lies outside its range.

    Example:
        >>> found = aalen_johansen(np.array([1.0, 2.0, 3.0, 4.0]), np.array([1, 2, 0, 1]), causes=2)
        >>> found.incidence[:, -1], found.survival[-1]
        (array([0.75, 0.25]), np.float64(0.0))

    References:
        Aalen and Johansen, An empirical transition matrix for non-homogeneous Markov chains based
        on censored observations, 1978.
    """
    found = _counts(time, event, causes, weights)
    incidence, survival = incidences(found)
    of_all = incidence[..., 0] if weights is None else np.moveaxis(incidence, -1, 0)
    return AalenJohansen(found.times, of_all, _result(survival, weights))


def restricted_mean(curve: KaplanMeier, horizon: float) -> Result:
    """Mean time without an event until a horizon: the area below the survival curve.

    Args:
        curve: what `kaplan_meier` gives.
        horizon: above 0 and at most the last observed time, in the unit of the curve's times.

    Returns:
        One number in the unit of the times, or [resamples] for a curve of resamples; NaN in a
        resample that ends before the horizon and whose survival is above 0 there.

    Raises:
        ValueError: if `curve` is no Kaplan-Meier curve or the horizon lies outside its range.

    Example:
        >>> restricted_mean(kaplan_meier(np.array([1.0, 2.0]), np.array([1, 1])), 2.0)
        1.5

    References:
        Royston and Parmar, Restricted mean survival time, 2013.
    """
    checks.made_by("curve", curve, KaplanMeier, "what kaplan_meier(time, event) gives")
    checks.positive("horizon", horizon)
    last = float(curve.times[-1])
    if horizon > last:
        raise ValueError(
            f"horizon is {float(horizon):g}, but must be at most {last:g}, the last observed time."
        )
    inside = curve.times < horizon
    widths = np.diff(np.concatenate([[0.0], curve.times[inside], [float(horizon)]]))
    survival = np.atleast_2d(curve.survival)
    steps = np.concatenate([np.ones((len(survival), 1)), survival[:, inside]], axis=1)
    end = int(inside.sum())
    reached = (np.atleast_2d(curve.at_risk)[:, end] > 0) | (survival[:, end] <= 0)
    area = np.where(reached, steps @ widths, np.nan)
    return float(area[0]) if curve.survival.ndim == 1 else area


def _counts(time: np.ndarray, event: np.ndarray, causes: int, weights: Weights) -> Counts:
    time, event = time_and_event(time, event, causes)
    return counts(time, event, int(causes), as_columns(weights, len(time)))


def _result(values: np.ndarray, weights: Weights) -> np.ndarray:
    return values[:, 0] if weights is None else values.T
