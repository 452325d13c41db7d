"""The search for the first leaf that is not finite."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from contracts.examples import EXAMPLES
from training.linear import FEATURES, KEY, LABEL, LINEAR, ROWS, TRAIN, climbing, train

from jaxmed.data import batches
from jaxmed.runs import checkpoint
from jaxmed.runtime import placement
from jaxmed.training import Execution, finite, gradients, init_state, make_train_step
from jaxmed.training.finite import NonFiniteError
from jaxmed.training.fit import ORDER


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


@pytest.mark.parametrize(
    ("task", "expected"),
    [
        (
            climbing(lambda height: jnp.where(height > 3.5, jnp.nan, -height)),
            "step 4, first in loss",
        ),
        (  # the loss at step 4 is still finite: sqrt(0) has no slope
            climbing(lambda height: jnp.sqrt(jnp.abs(4 - height)) * 1e-9 - height),
            "step 4, first in gradient of params height",
        ),
    ],
)
def test_a_nan_is_named_by_step_and_leaf_and_nothing_saved_is_lost(task, expected, tmp_path):
    with pytest.raises(NonFiniteError, match=expected):
        train(task, optax.sgd(1.0), directory=tmp_path, epochs=4)
    last = tmp_path / "checkpoints" / "last"
    assert checkpoint.latest(last) == 3
    state, notes = checkpoint.restore(last, init_state(task, optax.sgd(1.0), KEY, TRAIN))
    assert float(state.params["height"]) == 3
    assert [row["epoch"] for row in notes["history"]] == [1]
    assert (tmp_path / "metrics.jsonl").read_text().count("\n") == 1


def test_a_row_that_overflows_is_named_by_its_step():
    columns = {"features": FEATURES.copy(), "label": LABEL}
    columns["features"][11] = 1e25  # finite, but its square is not
    state = init_state(LINEAR, optax.sgd(0.1), KEY, columns)
    order = batches.shuffled_rows(jax.random.fold_in(state.key, ORDER), 0, ROWS, 1)
    step = np.flatnonzero(order[:, 0] == 11)[0]
    with pytest.raises(
        NonFiniteError, match=f"step {step}, first in loss. Nothing saved is lost: lower"
    ):
        train(columns=columns, batch_size=1)


def test_a_learning_rate_that_overflows_in_the_last_update_is_caught(tmp_path):
    with pytest.raises(NonFiniteError, match="step 0, first in its update of params/weight"):
        train(optimizer=optax.sgd(jnp.inf), epochs=1, steps=1, directory=tmp_path)
    assert checkpoint.latest(tmp_path / "checkpoints" / "last") is None


def test_a_nan_is_found_under_pmap_too():
    task = climbing(lambda height: jnp.where(height > 3.5, jnp.nan, -height))
    with pytest.raises(NonFiniteError, match="step 4, first in loss"):
        train(task, optax.sgd(1.0), execution=Execution(placement.pmap()))
