"""Lists, bins and statistics of events against loops over them, and nothing from the future."""

from __future__ import annotations

import numpy as np
import pytest

from jaxmed.data import records
from jaxmed.data.records import Variable

VARIABLES = (
    Variable("HR", "1/min", 0, 300),
    Variable("Temp", "°C", 0, 300),
    Variable("rate", "1/min", 0, 300, skewed=True),
)
UNTIL, BINS, STAYS = 12.0, 6, 5
SIZE = {"variables": len(VARIABLES), "until": UNTIL}


def made_up(seed=0, latest=UNTIL, events=60):
    rng = np.random.default_rng(seed)
    stay = np.sort(rng.integers(0, STAYS - 1, events))  # the last stay is empty
    time = rng.uniform(0, latest, events).round(2)
    time = np.concatenate([np.sort(time[stay == row]) for row in range(STAYS)])
    names = np.array([of.name for of in VARIABLES])[rng.integers(0, 3, events)]
    value = rng.uniform(1, 200, events)
    return records.from_event_columns(
        stay.astype(str),
        time,
        names,
        value,
        variables=VARIABLES,
        stays=[str(row) for row in range(STAYS)],
        allow_empty=True,
    )


def of(found, row, variable):
    """(time, value) of the events of one cell before the prediction time."""
    own = (found.stay == row) & (found.variable == variable) & (found.time <= UNTIL)
    return found.time[own], found.value[own]


def test_lists_hold_the_last_events_in_order():
    found = made_up()
    for most in (None, 7):
        columns = records.event_lists(found, until=UNTIL, most=most)
        for row in range(STAYS):
            own = found.stay == row
            count = min(own.sum(), most or 1000)
            assert columns["event_count"][row] == count
            kept = slice(own.sum() - count, None)
            for name, array in (
                ("event_variable", found.variable + 1),
                ("event_time", found.time),
                ("event_value", found.value),
            ):
                np.testing.assert_allclose(columns[name][row, :count], array[own][kept], rtol=1e-6)
                assert not columns[name][row, count:].any()
    assert columns["event_variable"].shape == (STAYS, 7)


def test_bins_are_means_with_the_time_since():
    found = made_up()
    columns = records.event_lists(found, until=UNTIL)
    grid = records.event_bins(columns, bins=BINS, **SIZE)
    width = UNTIL / BINS
    for row in range(STAYS):
        for variable in range(3):
            time, value = of(found, row, variable)
            since = 0.0
            for step in range(BINS):
                own = value[(time >= step * width) & (time < (step + 1) * width)]
                cell = row, step, variable
                since = since + width if step else 0.0
                assert grid["bin_elapsed"][cell] == pytest.approx(since)
                np.testing.assert_allclose(
                    grid["bin_value"][cell], own.mean() if len(own) else np.nan, rtol=1e-5
                )
                since = 0.0 if len(own) else since


def test_an_event_at_the_prediction_time_is_in_the_last_bin():
    columns = {
        "event_variable": np.array([[2, 2]]),
        "event_time": np.array([[11.9, 12.0]]),
        "event_value": np.array([[1.0, 4.0]]),
    }
    grid = records.event_bins(columns, bins=BINS, **SIZE)["bin_value"]
    assert grid[0, -1, 1] == 2.5
    assert np.isnan(grid).sum() == grid.size - 1


def test_statistics_are_those_of_numpy():
    found = made_up(events=90)
    columns = records.event_lists(found, until=UNTIL)
    table = records.event_summary(columns, **SIZE)
    names = records.summary_names(VARIABLES)
    assert table.shape == (STAYS, len(names) == len(set(names)) and len(names))
    for row in range(STAYS):
        for variable, name in enumerate(of.name for of in VARIABLES):
            time, value = of(found, row, variable)
            got = {
                key.partition(", ")[2]: table[row, place]
                for place, key in enumerate(names)
                if key.startswith(f"{name}, ")
            }
            assert got["log count"] == pytest.approx(np.log(1 + len(value)))
            if not len(value):
                assert sum(np.isnan(list(got.values()))) == len(got) - 1
                continue
            late = value[time > 9]
            expected = {
                "mean": value.mean(),
                "minimum": value.min(),
                "maximum": value.max(),
                "first": value[0],
                "last": value[-1],
                "deviation": value.std(),
                "slope": np.polyfit(time, value, 1)[0] if len(set(time)) > 1 else np.nan,
                "late mean": late.mean() if len(late) else np.nan,
                "hours since": UNTIL - time[-1],
            }
            for key, number in expected.items():
                np.testing.assert_allclose(got[key], number, rtol=2e-4, atol=1e-4, err_msg=key)


def test_nothing_from_after_the_prediction_time_is_seen():
    """Later events that tell the outcome change no column that is made."""
    known = made_up()
    rows = np.repeat(np.arange(STAYS), 1)
    later = records.from_event_columns(
        np.concatenate([known.stay, rows]).astype(str),
        np.concatenate([known.time, np.full(STAYS, UNTIL + 0.01)]),
        np.array(["HR", "Temp", "rate"])[np.concatenate([known.variable, rows * 0])],
        np.concatenate([known.value, 299 * (rows % 2)]),
        variables=VARIABLES,
        stays=known.stays,
    )
    before = records.event_lists(known, until=UNTIL)
    after = records.event_lists(later, until=UNTIL)
    assert before.keys() == after.keys()
    for name, column in before.items():
        np.testing.assert_array_equal(after[name], column)
    # Lists that were made with a later time are cut again.
    leaking = records.event_lists(later, until=UNTIL + 1)
    assert leaking["event_count"].sum() == before["event_count"].sum() + STAYS
    for make in (
        lambda columns: records.event_bins(columns, bins=BINS, **SIZE)["bin_value"],
        lambda columns: records.event_summary(columns, **SIZE),
    ):
        np.testing.assert_array_equal(make(leaking), make(before))


def test_logarithms_of_skewed_variables_alone():
    columns = records.event_lists(made_up(), until=UNTIL)
    found = records.with_logarithms(columns, VARIABLES)["event_value"]
    skewed = columns["event_variable"] == 3
    np.testing.assert_array_equal(found[~skewed], columns["event_value"][~skewed])
    np.testing.assert_allclose(found[skewed], np.log1p(columns["event_value"][skewed]), rtol=1e-6)


def test_a_merged_variable_has_the_events_of_both():
    found = made_up()
    columns = records.event_lists(found, until=UNTIL)
    merged, left = records.with_merged(columns, VARIABLES, {"HR": "rate"})
    assert left == VARIABLES[1:]
    names = np.array(["", *(of.name for of in VARIABLES)])
    before, after = names[columns["event_variable"]], np.array(["", "Temp", "rate"])
    np.testing.assert_array_equal(
        after[merged["event_variable"]], np.where(before == "HR", "rate", before)
    )
    for name in ("event_time", "event_value", "event_count"):
        np.testing.assert_array_equal(merged[name], columns[name])


@pytest.mark.parametrize(
    ("into", "message"),
    [
        ({"Hr": "rate"}, r"into is 'Hr', which is unknown: did you mean HR\?"),
        ({"HR": "rat"}, r"into\['HR'\] is 'rat', which is unknown: did you mean rate\?"),
        ({"HR": "HR"}, r"into\['HR'\] is 'HR', which is given up itself"),
        ({"HR": "Temp"}, r"into\['HR'\] is 'Temp', which is in °C and not in 1/min"),
    ],
)
def test_what_cannot_be_merged_is_refused(into, message):
    columns = records.event_lists(made_up(), until=UNTIL)
    with pytest.raises(ValueError, match=message):
        records.with_merged(columns, VARIABLES, into)


BAD = {
    "no column": (lambda c: c.pop("event_time"), r"columns has no 'event_time', but must be those"),
    "variables": (
        lambda c: c.update(event_variable=c["event_variable"] + 1),
        r"columns has variables from 1 to 4 as event_variable, but must hold whole numbers",
    ),
    "shape": (
        lambda c: c.update(event_time=c["event_time"][:, :-1]),
        r"event_time has shape \(5, \d+\), but must be \[rows, events\] with events = ",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_other_columns_are_refused(case):
    change, message = BAD[case]
    columns = records.event_lists(made_up(), until=UNTIL)
    change(columns)
    for make in (
        lambda: records.event_bins(columns, bins=2, **SIZE),
        lambda: records.event_summary(columns, **SIZE),
        lambda: records.with_logarithms(columns, VARIABLES),
        lambda: records.with_merged(columns, VARIABLES, {}),
    ):
        with pytest.raises(ValueError, match=message):
            make()
