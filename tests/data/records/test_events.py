"""Long tables of events: what is kept, and one sentence for each fault."""

from __future__ import annotations

import numpy as np
import pytest

from jaxmed.data import records
from jaxmed.data.records import Variable

VARIABLES = (Variable("HR", "1/min", 10, 300), Variable("Temp", "°C", 25, 45))
GOOD = {
    "stay": ["b", "a", "b", "a"],
    "time": [1.0, 0.5, 2.0, 0.5],
    "variable": ["HR", "Temp", "HR", "HR"],
    "value": [80, 36.5, 999, 70],
}


def read(**changes):
    arguments = {**GOOD, "variables": VARIABLES, "stays": ["a", "b"], **changes}
    columns = [arguments.pop(name) for name in GOOD]
    return records.from_event_columns(*columns, **arguments)


def test_events_are_ordered_by_stay_and_single_errors_left_out():
    found = read()
    assert found.stays == ("a", "b")
    assert found.stay.tolist() == [0, 0, 1]
    assert found.time.tolist() == [0.5, 0.5, 1.0]
    assert found.variable.tolist() == [1, 0, 0]
    assert found.value.tolist() == [36.5, 70, 80]
    assert found.dropped == {"HR": 1}


FAULTS = {
    "time goes back": (
        {"time": [2.0, 0.5, 1.0, 0.5]},
        r"time goes back from 2 to 1 in event 2, of stay 'b': sort the table",
    ),
    "negative time": ({"time": [-1.0, 0.5, 2.0, 0.5]}, r"time is -1 in event 0, but must be 0 or"),
    "NaN": ({"value": [80, np.nan, 90, 70]}, r"value is nan in event 1, but must be finite"),
    "after the outcome": (
        {"outcome_time": [np.nan, 1.5]},
        r"time is 2 in event 2, after the outcome of stay 'b' at 1\.5: leave out",
    ),
    "another unit": (
        {"variable": ["HR", "Temp", "HR", "Temp"], "value": [80, 97.7, 90, 98.6]},
        r"value lies outside 25 to 45 °C in 2 of 2 events of Temp, and its median is 98\.15: conv",
    ),
    "no value": (
        {"stays": ["a", "c", "b"]},
        r"stays holds 'c', one of 1 without any plausible value: .* or pass allow_empty=True",
    ),
    "unknown variable": (
        {"variable": ["HR", "temp", "HR", "HR"]},
        r"variable is 'temp' in event 1, which is not in variables: did you mean Temp\?",
    ),
    "unknown stay": ({"stay": ["b", "x", "b", "a"]}, r"stay is 'x' in event 1, which is not in st"),
    "duplicate stay": (
        {"stays": ["a", "b", "a"]},
        r"stays names 'a' twice: give each stay one",
    ),
    "outcomes": ({"outcome_time": [1.0]}, r"outcome_time has 1 values, but must have one for each"),
    "lengths": ({"value": [1.0]}, r"stay, time, variable and value are of unequal length"),
    "no variables": ({"variables": ()}, r"variables is empty, but must hold one Variable"),
    "no stays": ({"stays": ()}, r"stays is empty, but must name one stay or more"),
}


@pytest.mark.parametrize("case", FAULTS)
def test_bad_tables_are_refused_in_a_sentence(case):
    changes, message = FAULTS[case]
    with pytest.raises(ValueError, match=message) as caught:
        read(**changes)
    assert "\n" not in str(caught.value)


def test_an_outcome_at_the_time_of_an_event_is_not_before_it():
    assert len(read(outcome_time=[0.5, 2.0]).time) == 3
    assert read(stays=["a", "c", "b"], allow_empty=True).stay.tolist() == [0, 0, 2]


RANGES = {
    "order": (("HR", "1/min", 300, 10), "low is 300 and high is 10 for HR, but low must be less"),
    "name": (("", "1/min", 1, 3), "name is '', but must be a string"),
    "negative": (("HR", "1/min", -1, 3, True), "low is -1 for HR, but must be at least 0 where sk"),
}


@pytest.mark.parametrize("case", RANGES)
def test_variables_have_a_range(case):
    arguments, message = RANGES[case]
    with pytest.raises(ValueError, match=message):
        Variable(*arguments)


def test_csv_files_are_read_by_the_names_of_their_columns(tmp_path):
    path = tmp_path / "events.csv"
    path.write_text(
        "ward,hours,patient,what,amount\nx,0.5,a,HR,80\nx,1,a,Temp,\nx,1.5,a,Temp,37\nx,0,b,HR,70\n"
    )
    names = {"stay": "patient", "time": "hours", "variable": "what", "value": "amount"}
    found = records.from_event_csv(path, variables=VARIABLES, stays=["b", "a"], **names)
    assert found.stay.tolist() == [0, 1, 1]
    assert found.value.tolist() == [70, 80, 37]
    late = {"outcome_time": {"a": 1.0}}
    with pytest.raises(ValueError, match=r"time is 1.5 in event 1, after the outcome of stay 'a'"):
        records.from_event_csv(path, variables=VARIABLES, stays=["b", "a"], **names, **late)
    with pytest.raises(ValueError, match=r"outcome_time is 'c', which is unknown"):
        records.from_event_csv(
            path, variables=VARIABLES, stays=["b", "a"], **names, outcome_time={"c": 1.0}
        )
    with pytest.raises(ValueError, match="stay"):
        records.from_event_csv(path, variables=VARIABLES, stays=["b", "a"])
