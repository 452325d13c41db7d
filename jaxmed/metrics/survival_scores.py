"""Scores of predictions at given times: Brier score and AUROC, weighted for censoring.

A row that is censored before a time tells nothing about it. It is left out, and the rows that are
known stand for it: with G(u) the probability of not being censored until u (u included, by
Kaplan-Meier), a row whose event was at u counts 1 / G(u), and one that is observed beyond t counts
1 / G(t). This is right if censoring depends neither on the event nor on what the model sees.

G is that of the training rows if `train_time` and `train_event` are given, and is then the same in
all resamples. By default it is that of the rows themselves, computed anew in each resample. Only
event 0 is censoring. A statistic is NaN in a resample in which G is 0 at a time.

With several causes, predictions are those of one `cause`: a row with an event of another cause is
known never to have one of this cause.
"""

import numpy as np

from jaxmed import checks
from jaxmed.metrics.censoring import TrainRows, censoring_of, inverse
from jaxmed.metrics.survival_arguments import (
    check_cause,
    increasing_times,
    one_per_row,
    per_row_and_time,
    survival_at_times,
    time_and_event,
)
from jaxmed.metrics.weighted import Result, Weights, as_columns, as_result, ratio
from jaxmed.typing import Float, Num

__all__ = ["auroc_at", "brier_curve", "integrated_brier"]


def brier_curve(
    time: Num[np.ndarray, "rows"],
    event: Num[np.ndarray, "rows"],
    survival: Float[np.ndarray, "rows times"],
    times: Num[np.ndarray, "times"],
    weights: Weights = None,
    *,
    train_time: TrainRows = None,
    train_event: TrainRows = None,
    cause: int = 1,
    causes: int = 1,
) -> np.ndarray:
    """Brier score at each time: mean weighted squared distance of survival from the truth.

        BS(t) = 1/n sum_i (y_i(t) - S(t | x_i))^2 w_i(t)

    where y_i(t) is 0 if row i had its event of `cause` until t and else 1, and w_i(t) is
    1 / G(time_i) after an event of any cause until t, 1 / G(t) for a row observed beyond t, and 0
    for a row that is censored until t. 0 is perfect; a survival of 1/2 for all rows gives 1/4 on
    average.

    Args:
        time: [rows], at least 0, in any unit.
        event: [rows], 0 censored, 1 .. causes the cause of the event.
        survival: [rows, times], predicted probability of no event until each time, in [0, 1], not
            increasing along times; with several causes 1 minus the cumulative incidence of `cause`.
        times: [times], strictly increasing, at most the last observed time, in the unit of `time`.
        weights: [resamples, rows], at least 0: how often each row occurs in each resample.
        train_time: [train], times of the rows from which G is estimated; by default `time`.
        train_event: [train], events of these rows.
        cause: whose events are predicted, in 1 .. causes.
        causes: number of causes.

    Returns:
        [times], or [resamples, times] if weights are given.

    Raises:
        ValueError: if shapes disagree or an argument lies outside its range, no row has an event of
            the cause, or G is 0 or unknown at one of the times.

    Example:
        >>> survival = np.array([[0.5], [0.9]])
        >>> brier_curve(np.array([1.0, 3.0]), np.array([1, 1]), survival, np.array([2.0]))
        array([0.13])

    References:
        Graf, Schmoor, Sauerbrei and Schumacher, Assessment and comparison of prognostic
        classification schemes for survival data, 1999, section 3; Schoop, Beyersmann, Schumacher
        and Binder, Quantifying the predictive accuracy of time-to-event models in the presence of
        competing risks, 2011.
    """
    time, event = time_and_event(time, event, causes)
    cause = check_cause(event, cause, causes)
    times = increasing_times(times)
    survival = survival_at_times(survival, len(time), len(times))
    columns = as_columns(weights, len(time))
    censoring = censoring_of(time, event, columns, train_time, train_event, int(causes))
    censoring.check(times, time)
    scores = np.empty((len(times), columns.shape[1]))
    for k, t in enumerate(times):
        ended, beyond = (time <= t) & (event > 0), time > t
        truth = ~((time <= t) & (event == cause))
        loss = (truth - survival[:, k]) ** 2
        of_ended = loss[ended] @ inverse(columns[ended], censoring.at(time[ended]))
        of_beyond = _divided(loss[beyond] @ columns[beyond], censoring.at(times[k : k + 1])[0])
        scores[k] = ratio(of_ended + of_beyond, columns.sum(axis=0))
    return scores[:, 0] if weights is None else scores.T


def integrated_brier(
    time: Num[np.ndarray, "rows"],
    event: Num[np.ndarray, "rows"],
    survival: Float[np.ndarray, "rows times"],
    times: Num[np.ndarray, "times"],
    weights: Weights = None,
    *,
    train_time: TrainRows = None,
    train_event: TrainRows = None,
    cause: int = 1,
    causes: int = 1,
) -> Result:
    """Mean of `brier_curve` over time: its integral by trapezoids over the range of the times.

    Args:
        time: as for `brier_curve`, like all arguments.
        event: [rows].
        survival: [rows, times].
        times: [times], at least two.
        weights: [resamples, rows].
        train_time: [train].
        train_event: [train].
        cause: whose events are predicted.
        causes: number of causes.

    Returns:
        One number, or [resamples] if weights are given.

    Raises:
        ValueError: as `brier_curve`, or if there is one time only.

    Example:
        >>> survival = np.array([[0.5, 0.5], [0.9, 0.7]])
        >>> time, event, times = np.array([1.0, 3.0]), np.array([1, 1]), np.array([1.5, 2.0])
        >>> round(integrated_brier(time, event, survival, times), 4)
        0.15

    References:
        Graf, Schmoor, Sauerbrei and Schumacher, 1999, section 3.
    """
    times = increasing_times(times)
    if len(times) < 2:
        raise ValueError("times has 1 entry, but must have at least 2: add a later one.")
    curve = brier_curve(
        time,
        event,
        survival,
        times,
        weights,
        train_time=train_time,
        train_event=train_event,
        cause=cause,
        causes=causes,
    )
    area = np.trapezoid(curve, times, axis=-1) / (times[-1] - times[0])
    return as_result(np.atleast_1d(area), weights)


def auroc_at(
    time: Num[np.ndarray, "rows"],
    event: Num[np.ndarray, "rows"],
    risk: Num[np.ndarray, "rows"] | Num[np.ndarray, "rows times"],
    times: Num[np.ndarray, "times"],
    weights: Weights = None,
    *,
    train_time: TrainRows = None,
    train_event: TrainRows = None,
    cause: int = 1,
    causes: int = 1,
) -> np.ndarray:
    """Cumulative/dynamic AUROC at each time: P(a case ranks above a control), ties counting half.

    Cases at t had their event of `cause` until t and count 1 / G(time_i). Controls are observed
    beyond t and count 1 / G(t); with several causes so are rows with an event of another cause
    until t, which count 1 / G(time_i).

    Args:
        time: [rows], at least 0, in any unit.
        event: [rows], 0 censored, 1 .. causes the cause of the event.
        risk: [rows], or [rows, times] if it changes with time; any real numbers, higher means more
            likely to have had the event by the time.
        times: [times], strictly increasing, at most the last observed time, in the unit of `time`.
        weights: [resamples, rows], at least 0: how often each row occurs in each resample.
        train_time: [train], times of the rows from which G is estimated; by default `time`.
        train_event: [train], events of these rows.
        cause: whose events are predicted, in 1 .. causes.
        causes: number of causes.

    Returns:
        [times], or [resamples, times] if weights are given; NaN in a resample without cases or
        controls.

    Raises:
        ValueError: as `brier_curve`, or if there are no cases or no controls at one of the times.

    Example:
        >>> time, event = np.array([1.0, 2.0, 3.0, 4.0]), np.array([1, 1, 0, 1])
        >>> auroc_at(time, event, np.array([4.0, 1.0, 2.0, 0.0]), np.array([2.0]))
        array([0.75])

    References:
        Uno, Cai, Tian and Wei, Evaluating prediction rules for t-year survivors with censored
        regression models, 2007; Hung and Chiang, Estimation methods for time-dependent AUC models
        with survival data, 2010; Blanche, Dartigues and Jacqmin-Gadda, Estimating and comparing
        time-dependent areas under receiver operating characteristic curves for censored event times
        with competing risks, 2013, definition 2 (controls with several causes).
    """
    time, event = time_and_event(time, event, causes)
    cause = check_cause(event, cause, causes)
    times = increasing_times(times)
    risk = _risk_at_times(risk, len(time), len(times))
    columns = as_columns(weights, len(time))
    censoring = censoring_of(time, event, columns, train_time, train_event, int(causes))
    censoring.check(times, time)
    areas = np.empty((len(times), columns.shape[1]))
    for k, t in enumerate(times):
        is_case = (time <= t) & (event == cause)
        is_control = (time > t) | ((time <= t) & (event > 0) & ~is_case)
        if not is_case.any() or not is_control.any():
            missing = "controls" if is_case.any() else "cases"
            raise ValueError(
                f"times holds {t:g}, at which there are no {missing} among {len(time)} rows, but "
                "must lie between an event of the cause and the last observed time."
            )
        free = censoring.at(np.minimum(time, t))
        areas[k] = _area(
            risk[is_case, k],
            inverse(columns[is_case], free[is_case]),
            risk[is_control, k],
            inverse(columns[is_control], free[is_control]),
        )
    return areas[:, 0] if weights is None else areas.T


def _risk_at_times(risk: np.ndarray, rows: int, times: int) -> np.ndarray:
    risk = checks.real_array("risk", risk)
    if risk.ndim == 2:
        return per_row_and_time("risk", risk, rows, times)
    return np.broadcast_to(one_per_row("risk", risk, rows)[:, None], (rows, times))


def _area(
    of_cases: np.ndarray, cases: np.ndarray, of_controls: np.ndarray, controls: np.ndarray
) -> np.ndarray:
    """AUROC [resamples] from risks and weights [.., resamples] of cases and controls."""
    order = np.argsort(of_controls, kind="stable")
    ascending = of_controls[order]
    below = np.zeros((len(order) + 1, controls.shape[1]))
    np.cumsum(controls[order], axis=0, out=below[1:])
    left, right = (np.searchsorted(ascending, of_cases, side) for side in ("left", "right"))
    won = np.einsum("cr,cr->r", cases, below[left] + below[right]) / 2
    return ratio(won, cases.sum(axis=0) * below[-1])


def _divided(part: np.ndarray, free: np.ndarray) -> np.ndarray:
    return ratio(part, np.broadcast_to(free, part.shape))
