"""Inputs of networks that read records, against NumPy by hand."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

from jaxmed.data.records import inputs
from jaxmed.fitted import added

RNG = np.random.default_rng(0)
GRID = RNG.normal(5, 3, (7, 4, 2)).astype(np.float32)
GRID[RNG.random(GRID.shape) < 0.4] = np.nan
COLUMNS = {
    "bin_value": GRID,
    "bin_elapsed": RNG.uniform(0, 8, GRID.shape).astype(np.float32),
    "summary": GRID[:, 0],
    "event_variable": np.array([[1, 2, 1, 0], [2, 0, 0, 0]]),
    "event_time": np.array([[0.0, 2, 4, 0], [8, 0, 0, 0]]),
    "event_value": np.array([[1.0, 20, 3, 0], [40, 0, 0, 0]]),
}


def counted(fitted, columns=COLUMNS):
    return fitted.counts.constants(fitted.counts.sums(columns))


def halves(fitted):
    """Constants from the sums of two parts of the rows."""
    parts = [
        {name: column[rows] for name, column in COLUMNS.items()}
        for rows in (slice(None, 1), slice(1, None))
    ]
    return fitted.counts.constants(added(*(fitted.counts.sums(part) for part in parts)))


def test_bins_are_filled_with_the_last_value():
    fitted = inputs.bins(until=8.0, limit=1.5)
    value, present, elapsed = fitted.apply(counted(fitted), COLUMNS)
    flat = GRID.reshape(-1, 2)
    normal = np.clip((GRID - np.nanmean(flat, 0)) / np.nanstd(flat, 0), -1.5, 1.5)
    for row in range(7):
        for variable in range(2):
            last = 0.0
            for step in range(4):
                cell = row, step, variable
                last = last if np.isnan(normal[cell]) else normal[cell]
                assert value[cell] == pytest.approx(last, abs=1e-5)
                assert present[cell] == (not np.isnan(normal[cell]))
    np.testing.assert_allclose(elapsed, COLUMNS["bin_elapsed"] / 8, rtol=1e-6)
    for name, array in halves(fitted).items():
        np.testing.assert_allclose(array, counted(fitted)[name], rtol=1e-6)
    assert fitted.missing == {"bin_value"}


def test_clipped_columns_have_no_gaps():
    fitted = inputs.clipped("summary", limit=1.0)
    found = fitted.apply(counted(fitted), COLUMNS)
    column = COLUMNS["summary"]
    expected = np.clip((column - np.nanmean(column, 0)) / np.nanstd(column, 0), -1, 1)
    np.testing.assert_allclose(found, np.nan_to_num(expected), rtol=1e-4, atol=1e-5)


def test_a_channel_without_training_values_is_zero():
    fitted = inputs.clipped("summary")
    nothing = {"summary": np.stack([COLUMNS["summary"][:, 0], np.full(7, np.nan)], axis=1)}
    found = fitted.apply(counted(fitted, nothing), {"summary": np.float32([[1, 5], [2, np.nan]])})
    np.testing.assert_allclose(found[:, 1], 0, atol=1e-30)


def test_columns_say_what_was_measured():
    fitted = inputs.clipped("summary", measured=True)
    found = fitted.apply(counted(fitted), COLUMNS)
    np.testing.assert_array_equal(found[:, 2:], ~np.isnan(COLUMNS["summary"]))


def test_events_are_normalized_by_variable():
    fitted = inputs.event_lists_of(variables=3, until=8.0)
    number, time, value = fitted.apply(counted(fitted), COLUMNS)
    np.testing.assert_array_equal(number, COLUMNS["event_variable"])
    np.testing.assert_array_equal(time, COLUMNS["event_time"] / 8)
    np.testing.assert_allclose(value, [[-1, -1, 1, 0], [1, 0, 0, 0]], atol=1e-6)
    for name, array in halves(fitted).items():
        np.testing.assert_allclose(array, counted(fitted)[name], rtol=1e-6)


def test_joint_inputs_are_counted_and_applied_one_by_one():
    parts = (inputs.clipped("summary"), lambda batch: batch["event_time"], inputs.bins(until=8.0))
    fitted = inputs.joint(*parts)
    first, second, third = fitted.apply(counted(fitted), COLUMNS)
    np.testing.assert_array_equal(first, parts[0].apply(counted(parts[0]), COLUMNS))
    np.testing.assert_array_equal(second, COLUMNS["event_time"])
    for found, expected in zip(third, parts[2].apply(counted(parts[2]), COLUMNS), strict=True):
        np.testing.assert_array_equal(found, expected)
    assert fitted.missing == {"summary", "bin_value"}
    plain = inputs.joint(lambda batch: batch["event_time"])
    assert len(plain.apply(counted(plain), COLUMNS)) == 1


def test_a_gap_at_the_start_is_the_mean():
    found = inputs.carried_forward(jnp.array([[[jnp.nan], [3.0], [jnp.nan]]]))
    np.testing.assert_array_equal(found[0, :, 0], [0, 3, 3])


BAD = {
    "missing column": (
        lambda: counted(inputs.bins(until=8.0), {"features": GRID}),
        r"data has the columns features, but the network reads bin_value: make it with data.reco",
    ),
    "limit": (lambda: inputs.clipped("summary", limit=0), "limit is 0, but must be greater than 0"),
    "name": (lambda: inputs.clipped(""), "name is '', but must be a string"),
    "until": (lambda: inputs.bins(until=-1), "until is -1, but must be greater than 0"),
    "variables": (
        lambda: inputs.event_lists_of(variables=0, until=1.0),
        "variables is 0, but must be at least 1",
    ),
    "nothing": (lambda: inputs.joint(), "inputs is empty, but must hold one function"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_inputs_are_refused(case):
    make, message = BAD[case]
    with pytest.raises(ValueError, match=message):
        make()
