"""Records of patients: tables, lists, bins and what networks read of them."""

from __future__ import annotations

import numpy as np
from bad_calls.call import Call, call
from bad_calls.kinds import (
    ARRAY,
    BELOW_ONE,
    COLUMNS,
    COUNT,
    COUNT_FROM_0,
    FLAG,
    FUNCTION,
    NUMBER,
    OBJECT,
    POSITIVE,
    TEXT,
    Kind,
)
from bad_calls.of_data import FOLDER, OPENED
from bad_calls.of_models import MLP
from bad_calls.of_results import closed

from jaxmed import models, plots
from jaxmed.data import records
from jaxmed.data.records import inputs

_HR = records.Variable("HR", "1/min", 10, 300)
_PULSE = records.Variable("pulse", "1/min", 10, 300)
_EVENTS = records.from_event_columns(["a"], [0.5], ["HR"], [80], variables=[_HR], stays=["a"])
_LISTS = records.event_lists(_EVENTS, until=2.0)
_TABLE = FOLDER / "events.csv"
_TABLE.write_text("stay,time,variable,value\na,0.5,HR,80\n")
_NO_LIST = [value for value in COLUMNS.bad if not isinstance(value, list | tuple | np.ndarray)]
_NO_DICT = [value for value in OBJECT.bad if not isinstance(value, dict)] + [{"b": 2.0}]
_NAMES = Kind([*_NO_LIST, [{}], [[1]], ["b"], [None]])
_VARIABLES = Kind([*_NO_LIST, [], [1], [None], ["HR"], [_HR, _HR], [records.Variable]])
_STAYS = Kind([*_NO_LIST, [], ["a", "a"], [{}], [[1]]])
_LISTED = Kind([*COLUMNS.bad, {"event_variable": np.zeros((1, 2), int)}])
_UNTIL = (2.0, POSITIVE)
_CELLS = {"variables": (1, COUNT), "until": _UNTIL}

CALLS: dict[str, Call] = {
    "data.records.Variable": call(
        records.Variable,
        name=("HR", TEXT),
        unit=("1/min", TEXT),
        low=(10, NUMBER.also(300, 400)),
        high=(300, NUMBER.also(10, 3)),
        skewed=(False, FLAG),
    ),
    "data.records.from_event_columns": call(
        records.from_event_columns,
        stay=(["a"], _NAMES),
        time=([0.5], ARRAY),
        variable=(["HR"], _NAMES),
        value=([80.0], ARRAY),
        variables=([_HR], _VARIABLES),
        stays=(["a"], _STAYS),
        outcome_time=([9.0], ARRAY.optional()),
        allow_empty=(False, FLAG),
    ),
    "data.records.from_event_csv": call(
        records.from_event_csv,
        path=(_TABLE, OPENED),
        variables=([_HR], _VARIABLES),
        stays=(["a"], _STAYS),
        stay=("stay", TEXT),
        time=("time", TEXT),
        variable=("variable", TEXT),
        value=("value", TEXT),
        outcome_time=({"a": 9.0}, Kind(_NO_DICT).optional()),
        allow_empty=(False, FLAG),
    ),
    "data.records.event_lists": call(
        records.event_lists,
        found=(_EVENTS, OBJECT),
        until=_UNTIL,
        most=(3, COUNT.optional()),
    ),
    "data.records.event_bins": call(
        records.event_bins, columns=(_LISTS, _LISTED), bins=(2, COUNT), **_CELLS
    ),
    "data.records.event_summary": call(records.event_summary, columns=(_LISTS, _LISTED), **_CELLS),
    "data.records.summary_names": call(records.summary_names, variables=([_HR], _VARIABLES)),
    "data.records.with_logarithms": call(
        records.with_logarithms, columns=(_LISTS, _LISTED), variables=([_HR], _VARIABLES)
    ),
    "data.records.with_merged": call(
        records.with_merged,
        columns=(_LISTS, _LISTED),
        variables=([_HR, _PULSE], _VARIABLES),
        into=({"HR": "pulse"}, Kind([*_NO_DICT, {"HR": "HR"}, {"HR": 1}, {"HR": "Temp"}])),
    ),
    "data.records.inputs.clipped": call(
        inputs.clipped, name=("summary", TEXT), limit=(4.0, POSITIVE), measured=(False, FLAG)
    ),
    "data.records.inputs.bins": call(inputs.bins, until=_UNTIL, limit=(4.0, POSITIVE)),
    "data.records.inputs.event_lists_of": call(
        inputs.event_lists_of, limit=(4.0, POSITIVE), **_CELLS
    ),
    "data.records.inputs.joint": call(
        lambda first: inputs.joint(first), {"first": "inputs"}, first=(len, FUNCTION)
    ),
    "models.GRUD": call(
        models.GRUD,
        outputs=(1, COUNT),
        units=(4, COUNT),
        dropout=(0.1, BELOW_ONE),
        head_dropout=(0.1, BELOW_ONE),
    ),
    "models.BinsGRU": call(
        models.BinsGRU,
        outputs=(1, COUNT),
        units=(4, COUNT),
        dropout=(0.1, BELOW_ONE),
        recurrent_dropout=(0.1, BELOW_ONE),
        head_dropout=(0.1, BELOW_ONE),
    ),
    "models.EventSet": call(
        models.EventSet,
        outputs=(1, COUNT),
        kinds=(3, COUNT),
        width=(4, COUNT.also(5)),
        heads=(2, COUNT.also(3)),
        layers=(0, COUNT_FROM_0),
        dropout=(0.1, BELOW_ONE),
    ),
    "models.SummedLogits": call(
        models.SummedLogits,
        networks=([MLP], Kind([*OBJECT.bad, [], [1], [None], [models.MLP]])),
    ),
    "plots.stay_timeline": call(
        closed(plots.stay_timeline),
        time=([0.5, 1.0], ARRAY),
        variable=([0, 0], ARRAY.also([0, 1], [0.5, 0.5], [-1, 0])),
        value=([80.0, 82.0], ARRAY),
        names=(["HR"], Kind([*_NO_LIST, [], [1], [None], ["a", "a"]])),
        units=(["1/min"], Kind([*_NO_LIST, [], ["a", "a"]])),
        until=(2.0, POSITIVE.optional()),
    ),
}
