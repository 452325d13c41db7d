"""Predictions: every row exactly once, whatever the batch size, the order and the placement."""

from __future__ import annotations

import dataclasses
import itertools

import jax
import numpy as np
import pytest
from tasks.kinds import FEATURES, KINDS, NUMBERS, ROWS, four_functions, untrained

from jaxmed.data.source import from_arrays
from jaxmed.evaluation import losses, predict
from jaxmed.runtime import placement
from jaxmed.tasks import Model

ROUNDING = 1e-6
"""Of a float32 sum of a few terms near one, which a matrix product of another shape may take in
another order."""


@pytest.mark.parametrize("name", ["binary", "multiclass", "multilabel", "ordinal", "regression"])
def test_no_batch_size_changes_a_row(name):
    model, columns = untrained(name), KINDS[name].columns
    whole = predict(model, columns)
    for batch_size in (1, 7, ROWS - 1, ROWS):
        part = predict(model, columns, batch_size=batch_size)
        assert list(part) == list(whole)
        for key, column in part.items():
            assert len(column) == ROWS
            np.testing.assert_allclose(column, whole[key], rtol=1e-6, atol=ROUNDING)
    for row in range(0, ROWS, 11):
        alone = predict(model, {key: column[row : row + 1] for key, column in columns.items()})
        for key, value in alone.items():
            np.testing.assert_allclose(value[0], whole[key][row], rtol=1e-6, atol=ROUNDING)


def test_a_source_predicts_as_its_columns():
    model, columns = untrained("multiclass"), KINDS["multiclass"].columns
    found = predict(model, from_arrays(columns), batch_size=7)
    np.testing.assert_allclose(
        found["probabilities"], predict(model, columns)["probabilities"], rtol=1e-6
    )


@pytest.mark.parametrize("place", [placement.pmap, placement.sharded])
def test_eight_devices_predict_as_one(place):
    model, columns = untrained("multiclass"), KINDS["multiclass"].columns
    found = predict(model, columns, batch_size=16, placement=place())
    wanted = predict(model, columns)
    for name, value in found.items():
        np.testing.assert_allclose(value, wanted[name], rtol=1e-5, atol=ROUNDING)


def test_no_label_is_needed():
    found = predict(untrained("binary"), {"features": FEATURES}, batch_size=7)
    assert found["probabilities"].shape == (ROWS, 2)


def test_columns_that_the_task_does_not_read_do_no_harm():
    model, columns = untrained("binary"), dict(KINDS["binary"].columns)
    more = columns | {
        "group": np.array([f"patient {row}" for row in range(ROWS)]),
        "name": np.array(["x"] * ROWS, object),
        "age": np.arange(ROWS, dtype=np.float64),
        "mask": np.zeros(ROWS, np.float32),
    }
    found = predict(model, more, batch_size=7)["probabilities"]
    np.testing.assert_allclose(found, predict(model, columns)["probabilities"], rtol=1e-6)


def test_each_batch_size_is_compiled_once():
    model, columns = untrained("binary"), KINDS["binary"].columns
    traced = itertools.count()

    def counted(*arguments):
        next(traced)
        return model.task.predict(*arguments)

    counting = Model(dataclasses.replace(model.task, predict=counted), model.params, model.state)
    for _ in range(3):
        predict(counting, columns, batch_size=8)
    assert next(traced) == 1
    twice = Model(counting.task, jax.tree.map(lambda leaf: 2 * leaf, model.params), model.state)
    predict(twice, columns, batch_size=8)  # other parameters are the same program
    assert next(traced) == 2


@pytest.mark.parametrize(
    ("columns", "options", "message"),
    [
        ({"features": np.zeros((0, 6), np.float32)}, {}, "data is empty: give it at least one"),
        ({"features": np.zeros((3, 6), np.float32)}, {"batch_size": 0}, "batch_size is 0, but"),
        ({}, {}, "data has no columns: pass a dict of arrays"),
        (
            {"features": np.zeros((3, 6), np.float32), "label": np.zeros(2, np.int32)},
            {},
            "data has columns of unequal length, .*3.*2.*: give each one row per example",
        ),
    ],
)
def test_bad_input_is_one_sentence(columns, options, message):
    with pytest.raises(ValueError, match=message):
        predict(untrained("binary"), columns, **options)


def test_losses_are_those_of_training_from_one_key():
    model = Model(four_functions(), 0.5, 0.0)
    found = losses(model, NUMBERS, batch_size=8)
    for row, x in enumerate(NUMBERS["x"]):
        batch_key = jax.random.fold_in(jax.random.key(0), row // 8)
        noise = float(jax.random.normal(jax.random.fold_in(batch_key, row % 8)))
        assert found[row] == pytest.approx((-x / 2 + noise) ** 2, rel=1e-4, abs=1e-6)
    np.testing.assert_array_equal(losses(model, NUMBERS, batch_size=8), found)
    other = losses(model, NUMBERS, batch_size=8, key=jax.random.key(1))
    assert (other != found).all()
