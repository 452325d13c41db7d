"""What makes survival curves, calibrates them and bounds times, and their figures."""

from __future__ import annotations

import numpy as np
from bad_calls.call import Call, call
from bad_calls.kinds import COLUMNS, INSIDE, OBJECT, POSITIVE, TEXT, Kind, array
from contracts.examples import EXAMPLES, begun

from jaxmed import evaluation, plots
from jaxmed.tasks import Model


def _model(name: str) -> Model:
    state = begun(name)
    return Model(EXAMPLES[name].task, state.params, state.model_state)


CURVES, RISKS = _model("survival"), _model("hazard ratios")
_rows = 3
_columns = {
    name: np.tile(column, (_rows, *[1] * (column.ndim - 1)))
    for name, column in EXAMPLES["survival"].columns.items()
}
_split = COLUMNS.also(
    {},
    {"features": _columns["features"]},
    {**_columns, "event": _columns["event"] * 0},
    {**_columns, "event": _columns["event"] + 1},
    {**_columns, "time": -_columns["time"]},
)
_others = Kind([*OBJECT.bad, EXAMPLES["regression"].task, _model("regression")])
_time, _event = _columns["time"].astype(float), _columns["event"]
_times = (_time, array(1, more=[_time[:3], -_time, _time * np.nan]))
_events = (_event, array(1, more=[_event[:3], _event + 1, _event * 0]))
_ends = array(1, more=[[0.0, 1.0], [2.0, 1.0], [1.0, np.nan]])
_numbers = np.linspace(0.1, 0.9, len(_time))
_group = plots.SurvivalGroup(_time, np.array([1.0, 2.0]), np.array([0.5, 0.25]))
_share = (np.array([0.25, 0.5]), array(1, more=[[0.25], [2.0, 3.0], [-1.0, 0.5], [np.nan, 0.5]]))

CALLS: dict[str, Call] = {
    "evaluation.with_baseline_hazard": call(
        evaluation.with_baseline_hazard,
        {"train": "train|data|features"},
        model=(RISKS, _others),
        train=(_columns, _split),
        times=(np.array([1.0, 2.0]), _ends.optional().also([1.0])),
    ),
    "evaluation.baseline_hazard": call(
        evaluation.baseline_hazard,
        {"time": "time|log_ratio", "event": "event|time"},
        time=_times,
        event=_events,
        log_ratio=(_numbers, array(1, more=[_numbers[:2], _numbers * np.nan])),
        times=(np.array([1.0, 2.0]), array(1, more=[[2.0, 1.0], [1.0, np.nan]])),
    ),
    "evaluation.calibrated_survival": call(
        evaluation.calibrated_survival,
        {"validation": "validation|data|features|event"},
        model=(CURVES, _others),
        validation=(_columns, _split),
    ),
    "evaluation.fit_hazard_calibration": call(
        evaluation.fit_hazard_calibration,
        {"hazard": "hazard|event", "event": "event|hazard"},
        hazard=_times,
        event=_events,
    ),
    "evaluation.conformal_time": call(
        evaluation.conformal_time,
        {"calibration": "calibration|data|features"},
        model=(CURVES, _others),
        calibration=(_columns, _split),
        coverage=(0.5, INSIDE.also(0.999)),
    ),
    "evaluation.event_level": call(
        evaluation.event_level,
        {"time": "time|reached", "event": "event|time", "reached": "reached|time"},
        time=_times,
        event=(_event, array(1, more=[_event[:3], _event + 1])),
        reached=(_numbers, array(1, more=[_numbers[:2], _numbers * np.nan, _numbers * 5])),
        coverage=(0.5, INSIDE.also(0.999)),
    ),
    "plots.survival_curves": call(
        plots.survival_curves,
        groups=(
            {"all": _group},
            Kind(
                [
                    *OBJECT.bad,
                    {},
                    {"a": 1},
                    {str(number): _group for number in range(9)},
                    {"a": _group._replace(time=np.empty(0))},
                    {"a": _group._replace(survival=np.array([0.5]))},
                ]
            ),
        ),
        unit=("days", Kind([value for value in TEXT.bad if not isinstance(value, str)])),
    ),
    "plots.survival_auroc": call(
        plots.survival_auroc,
        dict.fromkeys(("times", "auroc", "low", "high"), "times|auroc|low|high"),
        times=(np.array([1.0, 2.0]), array(1, more=[[2.0, 1.0], [1.0], [1.0, np.inf]])),
        auroc=_share,
        low=_share,
        high=_share,
    ),
    "plots.survival_calibration": call(
        plots.survival_calibration,
        {"predicted": "predicted|observed", "observed": "observed|predicted"},
        predicted=_share,
        observed=_share,
        rows=(np.array([3, 4]), array(1, more=[[3]])),
        horizon=(5.0, POSITIVE),
    ),
}
