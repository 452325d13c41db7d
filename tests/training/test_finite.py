"""The search for the first leaf that is not finite."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from training.examples import EXAMPLES

from jaxmed.data import batches
from jaxmed.training import finite, gradients
from jaxmed.training.step import init_state, make_train_step


@pytest.mark.parametrize("bad", [jnp.nan, jnp.inf, -jnp.inf])
def test_the_first_leaf_that_is_not_finite_is_named(bad):
    tree = {
        "a": jnp.arange(3),  # whole numbers always are
        "b": [jnp.ones(2), jnp.array([0.0, bad])],
        "c": jnp.array(bad),
    }
    assert finite.first_non_finite(tree) == "b/1"
    assert finite.first_non_finite({"half": jnp.array(bad, jnp.bfloat16)}) == "half"


def test_a_finite_tree_has_none():
    largest = jnp.array(np.finfo(np.float32).max)
    assert finite.first_non_finite({"x": largest, "n": np.array([1]), "none": {}}) is None


def located(rows_of_steps, *, learning_rate=0.1, spoil=lambda columns: columns):
    example = EXAMPLES["multiclass"]
    columns = spoil({name: np.array(column) for name, column in example.columns.items()})
    optimizer = optax.sgd(learning_rate)
    state = init_state(example.task, optimizer, jax.random.key(0), example.columns)
    step = make_train_step(example.task, optimizer)
    lines = np.asarray(rows_of_steps, np.int32)
    return finite.locate(
        step, gradients.mean(example.task), state, [batches.take(columns, line) for line in lines]
    )


def test_a_batch_with_nan_is_named():
    def spoil(columns):
        columns["features"][5, 2] = np.nan
        return columns

    assert located([[0, 1], [2, 3], [4, 5]], spoil=spoil) == "step 2, first in batch features"


def test_an_update_that_overflows_is_named_by_its_step_and_leaf():
    found = located([[0, 1]], learning_rate=jnp.inf)
    assert found == "step 0, first in its update of params/Dense_0/bias"


def test_parameters_that_were_lost_on_the_way_are_named_before_what_they_spoil():
    found = located([[0, 1], [2, 3]], learning_rate=jnp.inf)
    assert found == "step 1, first in params Dense_0/bias"
