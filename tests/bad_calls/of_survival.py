"""Survival statistics: times, events and predictions of rows."""

from __future__ import annotations

import numpy as np
from bad_calls.call import Call, call
from bad_calls.kinds import COUNT, INSIDE, OBJECT, POSITIVE, Kind, array
from bad_calls.of_numbers import weights

from jaxmed import metrics

ROWS = np.array([1.0, 2.0, 4.0, 8.0])
ENDS = np.array([1, 1, 0, 0])
_curve = np.array([[0.5, 0.25], [0.75, 0.5], [1.0, 0.5], [0.5, 0.5]])
_time_bad = [ROWS[:3], -ROWS, ROWS * np.nan, ROWS * np.inf]
_event_bad = [ENDS[:3], ENDS - 1, ENDS / 2, ENDS + 5, ENDS * np.nan]
_other_times = [
    [1.5, 1.5],
    [2.0, 1.5],
    [-1.0, 2.0],
    [1.5, np.nan],
    [1.5, 9.0],
    [1.5, 8.0],
]

time = (ROWS, array(1, more=_time_bad))
event = (ENDS, array(1, more=[*_event_bad, [1, 1, 0, 2]]))
compared = (ENDS, array(1, more=[*_event_bad, [0, 0, 0, 0], [1, 1, 0, 2]]))
train_time = (ROWS, array(1, more=_time_bad))
train_event = (ENDS, array(1, more=_event_bad))
risk = (np.array([3.0, 1.0, 2.0, 0.0]), array(1, more=[[1.0, 2.0], [np.nan, 1, 2, 3]]))
survival = (
    _curve,
    array(
        2,
        more=[_curve[:3], _curve[:, :1], _curve * 3, _curve - 1, _curve[:, ::-1], _curve * np.nan],
    ),
)
times = (np.array([1.5, 2.0]), array(1, more=_other_times))
# A risk without times suits any number of them.
columns = (times[0], times[1].also([1.5, 2.0, 3.0]))
# A prediction step may lie beyond what was observed.
steps = (times[0], array(1, more=[*_other_times[:4], [1.5, 2.0, 3.0]]))
probability = (
    np.array([0.5, 0.25, 0.75, 0.1]),
    array(1, more=[[0.5, 0.2], [2, 0, 0, 0], [-1, 0, 0, 0]]),
)
cause = (1, COUNT.also(2))
rows = {"time": time, "event": event, "weights": weights}
scored = {
    "time": time,
    "event": compared,
    "weights": weights,
    "train_time": train_time,
    "train_event": train_event,
    "cause": cause,
    "causes": (1, COUNT),
}
says = {"times": "times|survival|risk", "causes": "causes|event"}

CALLS: dict[str, Call] = {
    "metrics.kaplan_meier": call(metrics.kaplan_meier, **rows, level=(0.9, INSIDE)),
    "metrics.nelson_aalen": call(metrics.nelson_aalen, **rows),
    "metrics.aalen_johansen": call(metrics.aalen_johansen, **rows, causes=(1, COUNT)),
    "metrics.restricted_mean": call(
        metrics.restricted_mean,
        curve=(
            metrics.kaplan_meier(ROWS, ENDS),
            Kind([*OBJECT.bad, metrics.nelson_aalen(ROWS, ENDS)]),
        ),
        horizon=(3.0, POSITIVE.also(9)),
    ),
    "metrics.log_rank": call(
        metrics.log_rank,
        time=time,
        event=(ENDS, array(1, more=[*_event_bad, [0, 0, 0, 0]])),
        group=(
            np.array([0, 1, 0, 1]),
            Kind([*OBJECT.bad, [0, 1], [0, 0, 0, 0], [0, 1, np.nan, 1], np.zeros((4, 2))]),
        ),
    ),
    "metrics.harrell_c": call(
        metrics.harrell_c,
        time=time,
        event=compared,
        risk=risk,
        weights=weights,
        cause=cause,
        causes=(1, COUNT),
    ),
    "metrics.uno_c": call(
        metrics.uno_c, says, risk=risk, horizon=(3.0, POSITIVE.also(9, 0.5).optional()), **scored
    ),
    "metrics.antolini_c": call(
        metrics.antolini_c,
        says,
        time=time,
        event=compared,
        survival=survival,
        times=steps,
        weights=weights,
        cause=cause,
        causes=(1, COUNT),
    ),
    "metrics.brier_curve": call(
        metrics.brier_curve, says, survival=survival, times=columns, **scored
    ),
    "metrics.integrated_brier": call(
        metrics.integrated_brier, says, survival=survival, times=columns, **scored
    ),
    "metrics.auroc_at": call(
        metrics.auroc_at,
        says,
        risk=risk,
        times=times,
        **scored,
    ),
    "metrics.survival_at": call(
        metrics.survival_at,
        {"survival": "survival", "ends": "ends|times|survival"},
        survival=(_curve, array(2, more=[_curve[:, :1], _curve * 3, _curve[:, ::-1]])),
        ends=(np.array([1.5, 2.0]), array(1, more=[*_other_times[:4], [0.0, 1.0], [1.0]])),
        times=(np.array([1.0, 3.0]), array(1, more=_other_times[:4])),
    ),
    "metrics.calibration_at": call(
        metrics.calibration_at,
        time=time,
        event=compared,
        probability=probability,
        horizon=(3.0, POSITIVE.also(9)),
        weights=weights,
        groups=(1, COUNT),
        cause=cause,
        causes=(1, COUNT),
    ),
}
