"""Rows at a landmark, held to a loop over patients."""

from __future__ import annotations

import numpy as np
import pytest

from jaxmed.data import landmark_rows

RANDOM = np.random.default_rng(0)


def periods():
    parts = []
    for patient in range(40):
        ends = np.cumsum(RANDOM.uniform(0.5, 2, RANDOM.integers(1, 6)))
        begins = np.append(0, ends[:-1]) + (0.0 if patient % 3 else 0.2)
        event = np.zeros(len(ends), int)
        event[-1] = patient % 2
        parts.append((begins, ends, event, np.full(len(ends), patient)))
    start, time, event, group = map(np.concatenate, zip(*parts, strict=True))
    mixed = RANDOM.permutation(len(start))
    columns = {"start": start, "time": time, "event": event, "group": group, "x": time * 10}
    return {name: column[mixed] for name, column in columns.items()}


@pytest.mark.parametrize("at", [0.0, 0.1, 1.5, 4.0])
def test_rows_are_those_of_a_loop(at):
    columns = periods()
    expected = []
    for patient in range(40):
        own = [row for row in range(len(columns["x"])) if columns["group"][row] == patient]
        last = max(own, key=lambda row: columns["time"][row])
        expected += [
            (patient, columns["x"][row], columns["time"][last], columns["event"][last])
            for row in own
            if columns["start"][row] <= at < columns["time"][row]
        ]
    found = landmark_rows(columns, at)
    assert len(expected) > 10
    got = zip(*(found[name].tolist() for name in ("group", "x", "time", "event")), strict=True)
    assert list(got) == expected


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"start": [0.0, 0.5]}, "begins before the one before it has ended"),
        ({"event": [1, 0]}, "has an event before the last"),
        ({"time": [1.0, 1.5]}, "at is 3, but nobody is under observation"),
    ],
)
def test_what_is_refused(change, words):
    columns = {"start": [0.0, 1.0], "time": [1.0, 9.0], "event": [0, 1], "group": [5, 5]}
    arrays = {name: np.array(column) for name, column in (columns | change).items()}
    with pytest.raises(ValueError, match=words):
        landmark_rows(arrays, 3.0)
