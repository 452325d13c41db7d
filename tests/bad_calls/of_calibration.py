"""Calibration: its numbers, and the models that it makes."""

from __future__ import annotations

import numpy as np
from bad_calls.call import Call, call
from bad_calls.kinds import COLUMNS, COUNT, FLAG, OBJECT, Kind, array, word
from contracts.examples import EXAMPLES, begun

from jaxmed import evaluation, metrics
from jaxmed.evaluation.calibration import METHODS
from jaxmed.tasks import Model

EXAMPLE = EXAMPLES["binary"]
STATE = begun("binary")
_columns = dict(EXAMPLE.columns)
_one_class = {**_columns, "label": np.zeros_like(_columns["label"])}
SPLIT = COLUMNS.also({}, {"features": np.zeros((0, 6))}, {"label": np.zeros(3)})
TWO = np.arange(20) // 10
_p = np.where(TWO, 0.75, 0.25)
_p[[3, 15]] = 0.5, 0.375
P2 = np.stack([1 - _p, _p], axis=1)

_WEIGHTS = np.ones((3, 20))
WEIGHTS = (
    _WEIGHTS,
    array(2, empty=True, more=[-_WEIGHTS, _WEIGHTS * np.nan, _WEIGHTS[:, :2]]).optional(),
)
BINNED = {
    "weights": WEIGHTS,
    "bins": (4, COUNT.also(10**6)),
    "binning": ("width", word("width", "mass")),
}

label = (TWO, array(1, more=[[0, 1], TWO * 0, TWO + 1, TWO - 0.5, TWO - 1]))
probabilities = (P2, array(2, more=[P2 * 3, P2 - 1, P2 * np.nan, P2[:2], P2[:, :1]]))

of_any = (TWO + 0, array(1, more=[[0, 1], TWO + 1, TWO - 0.5, TWO - 1]))

CALLS: dict[str, Call] = {
    **{
        f"metrics.{function.__name__}": call(
            function, label=of_any, probabilities=probabilities, **BINNED
        )
        for function in (
            metrics.ece_positive,
            metrics.ece_top_class,
            metrics.class_wise_ece,
            metrics.mce_positive,
            metrics.mce_top_class,
            metrics.ace_positive,
        )
    },
    "metrics.squared_calibration_error": call(
        metrics.squared_calibration_error,
        label=of_any,
        probabilities=probabilities,
        debiased=(True, FLAG),
        **BINNED,
    ),
    "metrics.brier_decomposition": call(
        metrics.brier_decomposition,
        label=of_any,
        probabilities=probabilities,
        **{**BINNED, "bins": (4, COUNT.also(10**6).optional())},
    ),
    "metrics.calibration_slope_and_intercept": call(
        metrics.calibration_slope_and_intercept, label=label, probabilities=probabilities
    ),
    "evaluation.fit_calibration": call(
        evaluation.fit_calibration,
        {"label": "label|probabilities"},
        label=label,
        probabilities=probabilities,
        method=("platt", word(*METHODS)),
    ),
    "evaluation.calibrated": call(
        evaluation.calibrated,
        {"validation": "validation|data|label"},
        model=(
            Model(EXAMPLE.task, STATE.params, STATE.model_state),
            Kind([*OBJECT.bad, EXAMPLE.task, Model]),
        ),
        validation=(_columns, SPLIT.also(_one_class)),
        method=("temperature", word(*METHODS)),
        train=({"features": _columns["features"] + 9}, SPLIT.optional().also(_columns)),
    ),
}
