"""Conformal prediction: sets, intervals, coverage, and models that give them."""

from __future__ import annotations

import numpy as np
from bad_calls.call import Call, call
from bad_calls.kinds import COLUMNS, COUNT, COUNT_FROM_0, INSIDE, OBJECT, TEXTS, Kind, array, word
from contracts.examples import EXAMPLES, begun

from jaxmed import evaluation
from jaxmed.evaluation import conformal
from jaxmed.tasks import Model

EXAMPLE = EXAMPLES["binary"]
STATE = begun("binary")
MODEL = (
    Model(EXAMPLE.task, STATE.params, STATE.model_state),
    Kind([*OBJECT.bad, EXAMPLE.task, Model]),
)
CALIBRATION = {**EXAMPLE.columns, "id": np.arange(44, dtype=np.int32)}
TRAIN = {**CALIBRATION, "features": -CALIBRATION["features"]}
LABEL = np.arange(24) % 2
P = np.where(LABEL == 1, 0.75, 0.25) + np.arange(24) / 1000
P = np.stack([1 - P, P], axis=1)
level = (0.75, INSIDE.also(0.999))
label = (LABEL.tolist(), array(1, more=[[0, 1], [0.5] * 24, [2] * 24, [-1] * 24]))
probabilities = (P, array(2, more=[P * 3, P - 1, P * np.nan, P[:2], P[:, :1]]))
measured = np.linspace(0, 1, 24)
values = (measured, array(1, more=[measured * np.nan, measured[:3]]))
GROUPS = Kind([x for x in array(1).bad if x is not None], lambda good: [np.asarray(good)])
_pairs = [*OBJECT.bad, (1.0,), (-1, 1), (0.5, 0), (0.5, 1.5), ("a", 1), (1, 2, 3)]
PAIR = Kind([x for x in _pairs if x is not None], lambda good: [list(good), np.array(good)])

CALLS: dict[str, Call] = {
    "fit_sets": call(
        evaluation.fit_sets,
        {"label": "label|probabilities", "level": "level|calibration"},
        label=label,
        probabilities=probabilities,
        level=level,
        method=("threshold", word("threshold", "aps", "raps")),
        weights=(np.ones(24), array(1, more=[-np.ones(24), np.zeros(24), np.ones(3)]).optional()),
    ),
    "fit_sets of groups": call(
        evaluation.fit_sets,
        label=LABEL,
        probabilities=P,
        level=0.75,
        by=([0] * 12 + [1] * 12, GROUPS),
        method="aps",
        seed=(3, COUNT_FROM_0.optional()),
    ),
    "fit_sets of RAPS": call(
        evaluation.fit_sets,
        label=LABEL,
        probabilities=P,
        method="raps",
        level=0.75,
        regularization=((0.5, 2), PAIR),
    ),
    "ConformalSets": call(
        # Of other rows than are asked for: in float32 equal scores would not stay equal.
        evaluation.fit_sets(LABEL, 0.05 + 0.9 * P, by=LABEL).sets,
        {"probabilities": "probabilities|groups"},
        probabilities=probabilities,
        groups=LABEL,
    ),
    "fit_intervals": call(
        evaluation.fit_intervals,
        {"label": "label|predicted", "level": "level|calibration"},
        label=values,
        predicted=(measured + 0.5, values[1]),
        level=level,
        method=("residual", word("residual", "cqr")),
        by=(LABEL, GROUPS),
    ),
    "ConformalIntervals": call(
        evaluation.fit_intervals(measured, measured).intervals,
        predicted=(measured, array(1, more=[measured * np.nan])),
    ),
    "conformal_quantile": call(
        evaluation.conformal_quantile,
        {"scores": "scores|calibration", "level": "level|calibration"},
        scores=(measured, array(1, more=[measured * np.nan])),
        level=level,
    ),
    "smallest_calibration": call(evaluation.smallest_calibration, level=(0.75, INSIDE)),
    "true_class_scores": call(
        evaluation.true_class_scores,
        {"label": "label|probabilities"},
        label=label,
        probabilities=probabilities,
        method=("threshold", word("threshold", "aps")),
    ),
    "coverage_law": call(
        evaluation.coverage_law,
        {"level": "level|rows"},
        rows=(30, COUNT.also(2)),
        tested=(8, COUNT),
        level=level,
    ),
    "coverage_of_resplits": call(
        evaluation.coverage_of_resplits,
        {"level": "level|calibration", "scores": "scores|calibration"},
        scores=(measured, array(1, more=[measured * np.nan])),
        calibration=(12, COUNT.also(24)),
        level=level,
        splits=(3, COUNT),
        seed=(0, COUNT_FROM_0),
    ),
    "conformal_report": call(
        evaluation.conformal_report,
        {"label": "label|sets"},
        label=label,
        sets=(P > 0.5, Kind([*array(2).bad, P], lambda good: [good.tolist(), np.asarray(good)])),
        classes=(["a", "b"], TEXTS.also(["a"], ["a", "b", "c"]).optional()),
        level=(0.75, INSIDE),
    ),
    "exchangeability_test": call(
        evaluation.exchangeability_test,
        {
            "calibration": "calibration|probabilities",
            "new": "new|probabilities",
            "calibration_label": "calibration_label|label|probabilities",
            "new_label": "new_label|label|probabilities",
        },
        calibration=(P, probabilities[1]),
        new=(P * 0.9 + 0.05, probabilities[1]),
        calibration_label=label,
        new_label=label,
        calibration_groups=(LABEL, GROUPS),
        new_groups=(np.arange(24), GROUPS),
        classes=(["a", "b"], TEXTS.also(["a"], ["a", "b", "c"]).optional()),
        alpha=(0.05, INSIDE),
    ),
    "risk_control": call(
        evaluation.risk_control,
        {"sensitivity": "sensitivity|label", "delta": "delta|label"},
        label=(LABEL, array(1, more=[[0, 1], [0.5] * 24, [2] * 24, [-1] * 24, [0] * 24])),
        probability=(P[:, 1], array(1, more=[P[:, 1] * np.nan, P[:, 1] + 1, -P[:, 1]])),
        sensitivity=(0.5, INSIDE),
        delta=(0.25, INSIDE),
        guarantee=("probability", word("probability", "expectation")),
    ),
    "conformal": call(
        conformal,
        {"level": "level|calibration", "calibration": "calibration|data|train"},
        model=MODEL,
        calibration=(CALIBRATION, COLUMNS.also({}, {"label": np.zeros(3)})),
        level=level,
        method=("threshold", word("threshold", "aps", "raps").optional()),
        by=("class", word("class").optional()),
        train=(TRAIN, Kind([x for x in COLUMNS.bad if x is not None]).also(CALIBRATION)),
        batch_size=(64, COUNT),
    ),
}
CALLS = {f"evaluation.{name}": line for name, line in CALLS.items()}
