"""Concordance of predicted risks with the order of events: Harrell's, Uno's and Antolini's C.

All three are the probability that of two rows the one with the earlier event was predicted to be
more at risk. 1/2 is what chance gives, 1 is a perfect order. Concordance says nothing of whether
predicted probabilities are right: see `brier_curve` and `calibration_at`.

A pair of rows (i, j) is comparable if it is known that i had its event first: i has an event, and
either time_i < time_j, or time_i = time_j and j is censored. Two events at one time are not
comparable, except in `antolini_c`. Equal risks count 1/2.

With several causes, i has an event of `cause`, and a row with an event of another cause counts as
censored at its time. Its concordance is that among rows which are still free of every event.

Copies of one row in a resample are not compared with each other.
"""

import numpy as np

from jaxmed import checks
from jaxmed.metrics.censoring import TrainRows, censoring_of, inverse
from jaxmed.metrics.pairs import concordance_of
from jaxmed.metrics.survival_arguments import (
    check_cause,
    increasing_times,
    one_per_row,
    survival_at_times,
    time_and_event,
)
from jaxmed.metrics.weighted import Result, Weights, as_columns, as_result
from jaxmed.typing import Float, Num

__all__ = ["antolini_c", "harrell_c", "uno_c"]


def harrell_c(
    time: Num[np.ndarray, "rows"],
    event: Num[np.ndarray, "rows"],
    risk: Num[np.ndarray, "rows"],
    weights: Weights = None,
    *,
    cause: int = 1,
    causes: int = 1,
) -> Result:
    """Harrell's C: the fraction of comparable pairs whose earlier event has the higher risk.

    It depends on how rows are censored: late events are rarely part of a comparable pair. `uno_c`
    corrects this.

    Args:
        time: [rows], at least 0, in any unit.
        event: [rows], 0 censored, 1 .. causes the cause of the event.
        risk: [rows], any real numbers; higher means an earlier event.
        weights: [resamples, rows], at least 0: how often each row occurs in each resample.
        cause: whose events are predicted, in 1 .. causes.
        causes: number of causes.

    Returns:
        One number in [0, 1], or [resamples] if weights are given; NaN in a resample without a
        comparable pair.

    Raises:
        ValueError: if shapes disagree, an argument lies outside its range, or no pair of rows is
            comparable.

    Example:
        >>> harrell_c(np.array([1.0, 2.0, 3.0]), np.array([1, 1, 0]), np.array([3.0, 1.0, 2.0]))
        0.6666666666666666

    References:
        Harrell, Lee and Mark, Multivariable prognostic models, 1996, section 5.5.
    """
    time, event = time_and_event(time, event, causes)
    is_case = event == check_cause(event, cause, causes)
    risk = one_per_row("risk", risk, len(time))
    columns = as_columns(weights, len(time))
    _check_comparable(time, is_case)
    return as_result(_of_risk(time, is_case, risk, columns, columns), weights)


def uno_c(
    time: Num[np.ndarray, "rows"],
    event: Num[np.ndarray, "rows"],
    risk: Num[np.ndarray, "rows"],
    weights: Weights = None,
    *,
    horizon: float | None = None,
    train_time: TrainRows = None,
    train_event: TrainRows = None,
    cause: int = 1,
    causes: int = 1,
) -> Result:
    """Uno's C: Harrell's, with pairs weighted so that it does not depend on how rows are censored.

    A pair counts 1 / G(time_i)^2, where G is the probability of not being censored until the time
    of the earlier event, the time included, by Kaplan-Meier. Only event 0 is censoring here. Events
    at or after the horizon are left out.

    Args:
        time: [rows], at least 0, in any unit.
        event: [rows], 0 censored, 1 .. causes the cause of the event.
        risk: [rows], any real numbers; higher means an earlier event.
        weights: [resamples, rows], at least 0. G of the rows themselves is computed anew in each
            resample; that of training rows is held fixed.
        horizon: events before it count; by default all do, which is only possible if G is above 0
            at the last event.
        train_time: [train], times of the rows from which G is estimated; by default `time`.
        train_event: [train], events of these rows.
        cause: whose events are predicted, in 1 .. causes.
        causes: number of causes.

    Returns:
        One number in [0, 1], or [resamples] if weights are given; NaN in a resample without a
        comparable pair, or where G is 0 at an event that counts.

    Raises:
        ValueError: as `harrell_c`; if an event that counts lies where G is 0 or unknown; if no
            event lies before the horizon, or the horizon is beyond the last observed time.

    Example:
        >>> time, event = np.array([1.0, 2.0, 3.0, 4.0]), np.array([1, 0, 1, 0])
        >>> uno_c(time, event, np.array([2.0, 1.0, 1.0, 3.0]), horizon=4.0)
        0.38095238095238093

    References:
        Uno, Cai, Pencina, D'Agostino and Wei, On the C-statistics for evaluating overall adequacy
        of risk prediction procedures with censored survival data, 2011, equation 6.
    """
    time, event = time_and_event(time, event, causes)
    is_case = event == check_cause(event, cause, causes)
    risk = one_per_row("risk", risk, len(time))
    columns = as_columns(weights, len(time))
    censoring = censoring_of(time, event, columns, train_time, train_event, int(causes))
    if horizon is not None:
        checks.positive("horizon", horizon)
        horizon = float(horizon)
        if horizon > censoring.last:
            raise ValueError(
                f"horizon is {horizon:g}, but must be at most {censoring.last:g}, the last "
                "observed time of the rows from which censoring is estimated."
            )
        is_case &= time < horizon
        if not is_case.any():
            raise ValueError(
                f"horizon is {horizon:g}, before which no row has an event of the cause, so "
                "no two rows can be compared: choose a later one."
            )
    _check_comparable(time, is_case)
    latest = float(time[is_case].max())
    if not censoring.is_known(latest):
        raise ValueError(
            f"time holds an event at {latest:g}, where the censoring survival is 0 or unknown: "
            f"pass a horizon of at most {censoring.last:g}."
        )
    case_weights = np.zeros_like(columns)
    free = censoring.at(time[is_case])
    case_weights[is_case] = inverse(columns[is_case], free**2)
    return as_result(_of_risk(time, is_case, risk, columns, case_weights), weights)


def antolini_c(
    time: Num[np.ndarray, "rows"],
    event: Num[np.ndarray, "rows"],
    survival: Float[np.ndarray, "rows times"],
    times: Num[np.ndarray, "times"],
    weights: Weights = None,
    *,
    cause: int = 1,
    causes: int = 1,
) -> Result:
    """Antolini's time-dependent C, for survival curves that may cross.

    A comparable pair (i, j) is concordant if the predicted survival of i is below that of j at the
    time of i's event. Predicted survival is a step function: its value at a time is that of the
    last of `times` at or before it, and before the first of them that of the first.

    Ties count as in pycox 0.3.0, `concordance_td("adj_antolini")`, to which this is equal:

    - time_i < time_j: the pair counts once; concordant 1, with equal predictions 1/2.
    - equal times, i has an event and j is censored: the pair counts twice, as it is met in both
      orders; concordant 1, with equal predictions 1/2.
    - equal times and two events: the pair counts twice; concordant 1 if the predictions are equal,
      else 1/2.

    Args:
        time: [rows], at least 0, in any unit.
        event: [rows], 0 censored, 1 .. causes the cause of the event.
        survival: [rows, times], predicted probability of no event until each time, in [0, 1], not
            increasing along times; with several causes 1 minus the cumulative incidence of `cause`.
        times: [times], strictly increasing, in the unit of `time`.
        weights: [resamples, rows], at least 0: how often each row occurs in each resample.
        cause: whose events are predicted, in 1 .. causes.
        causes: number of causes.

    Returns:
        One number in [0, 1], or [resamples] if weights are given; NaN in a resample without a
        comparable pair.

    Raises:
        ValueError: as `harrell_c`.

    Example:
        >>> survival = np.array([[0.2, 0.1], [0.9, 0.3], [0.8, 0.7]])
        >>> time, event = np.array([1.0, 2.0, 3.0]), np.array([1, 1, 0])
        >>> antolini_c(time, event, survival, np.array([1.0, 2.0]))
        1.0

    References:
        Antolini, Boracchi and Biganzoli, A time-dependent discrimination index for survival data,
        2005; Ishwaran, Kogalur, Blackstone and Lauer, Random survival forests, 2008, section 5.1
        (ties); Kvamme, Borgan and Scheel, Time-to-event prediction with neural networks and Cox
        regression, 2019 (ties).
    """
    time, event = time_and_event(time, event, causes)
    is_case = event == check_cause(event, cause, causes)
    times = increasing_times(times)
    survival = survival_at_times(survival, len(time), len(times))
    columns = as_columns(weights, len(time))
    _check_comparable(time, is_case, tied_events=True)
    order = np.argsort(time, kind="stable")
    time, is_case, survival, columns = (x[order] for x in (time, is_case, survival, columns))
    step = np.maximum(np.searchsorted(times, time, side="right") - 1, 0)
    by_time = np.ascontiguousarray(survival.T)

    def pairs(cases: np.ndarray, later: slice) -> tuple[np.ndarray, np.ndarray]:
        other = by_time[step[cases], later]
        own = by_time[step[cases], cases][:, None]
        tied = time[cases, None] == time[None, later]
        both = tied & is_case[None, later]
        comparable = (time[None, later] > time[cases, None]) + 2.0 * tied - both
        comparable[np.arange(len(cases)), cases - later.start] = 0
        agree = (own < other) + 0.5 * (own == other)
        agree[both] = np.where(own == other, 1.0, 0.5)[both]
        return comparable, comparable * agree

    return as_result(concordance_of(time, is_case, pairs, columns, columns), weights)


def _check_comparable(time: np.ndarray, is_case: np.ndarray, tied_events: bool = False) -> None:
    first = time[is_case].min()
    others = (time > first) | ((time == first) & (tied_events | ~is_case))
    if int(others.sum()) - bool(tied_events) < 1:
        raise ValueError(
            f"time holds no row that is observed beyond the first event at {first:g}, so no two "
            "rows can be compared: use rows that are observed for longer."
        )


def _of_risk(
    time: np.ndarray,
    is_case: np.ndarray,
    risk: np.ndarray,
    columns: np.ndarray,
    case_weights: np.ndarray,
) -> np.ndarray:
    order = np.argsort(time, kind="stable")
    time, is_case, risk = time[order], is_case[order], risk[order]

    def pairs(cases: np.ndarray, later: slice) -> tuple[np.ndarray, np.ndarray]:
        own = risk[cases, None]
        after = time[None, later] > time[cases, None]
        comparable = after | ((time[None, later] == time[cases, None]) & ~is_case[None, later])
        agree = (own > risk[None, later]) + 0.5 * (own == risk[None, later])
        return comparable.astype(np.float64), comparable * agree

    return concordance_of(time, is_case, pairs, columns[order], case_weights[order])
