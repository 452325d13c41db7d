"""Padding, order and company of the rows of a batch change nothing, for every kind of task."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from contracts.examples import EXAMPLES, NAMES, ROWS, begun, parameters

from jaxmed.data import batches
from jaxmed.evaluation import predict
from jaxmed.tasks import Model
from jaxmed.training.step import make_train_step

LOOK_AT_OTHER_ROWS = ("batch norm and augmentation", "residual network", "contrastive", "mixtures",
                      "hazard ratios", "treatment effects", "probabilities of intervals, ranked",
                      "signals", "numbers beside a signal",
                      "masked pixels", "transformation prediction")  # fmt: skip
"""By batch statistics or by their loss: alone, a row has another one."""


def batch_of(name, rows):
    batch = batches.take(dict(EXAMPLES[name].columns), np.asarray(rows, np.int32))
    return jax.tree.map(jnp.asarray, batch)


def losses_of(name, batch, key):
    state = begun(name)
    run = jax.jit(EXAMPLES[name].task.loss)
    losses, _ = run(state.params, state.model_state, batch, key)
    return np.asarray(losses)


ROUNDED = {"residual network": 1e-4}
"""Of the largest number: batch norms of few pixels enlarge the rounding of sums, whose order
depends on the processor. A row of padding that counted would change a tenth."""


def expect_equal(name, ours, reference):
    def compare(a, b):
        of_largest = ROUNDED.get(name, 0) * float(np.max(np.abs(b), initial=0))
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6 + of_largest)

    jax.tree.map(compare, ours, reference)


@pytest.mark.parametrize("name", NAMES)
def test_padding_changes_nothing(name):
    step = jax.jit(make_train_step(EXAMPLES[name].task, optax.sgd(0.1)))
    padded, sums = step(begun(name), batch_of(name, [3, 5, 7, 8, -1, -1, -1, -1]))
    alone, expected = step(begun(name), batch_of(name, [3, 5, 7, 8]))
    expect_equal(name, padded.params, alone.params)
    expect_equal(name, padded.model_state, alone.model_state)
    expect_equal(name, sums, expected)


@pytest.mark.parametrize("name", parameters(*[each for each in EXAMPLES if each != "mixtures"]))
def test_neither_the_order_nor_the_company_of_a_row_changes_its_loss(name):
    """Each keeps its place, from which its random numbers are drawn."""
    batch = batch_of(name, [3, 5, 7, 8, 9, 14, -1, -1])
    key, real = jax.random.key(2), np.asarray(batch["mask"]) > 0
    losses = losses_of(name, batch, key)
    order = np.array([4, 6, 2, 0, 7, 5, 3, 1])
    permuted = losses_of(name, jax.tree.map(lambda x: x[order], batch), key)
    np.testing.assert_allclose(permuted[real[order]], losses[order][real[order]], 1e-5, 1e-6)
    if name in LOOK_AT_OTHER_ROWS:
        return

    def alone(row):
        """As per-example gradients map it: with dropout and augmentation of its own place."""
        one = jax.tree.map(lambda x: x[None], row)
        state = begun(name)
        return EXAMPLES[name].task.loss(state.params, state.model_state, one, key)[0][0]

    found = jax.jit(jax.vmap(alone))(batch)
    np.testing.assert_allclose(found[real], losses[real], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_a_prediction_depends_on_its_own_row_alone(name):
    columns = dict(EXAMPLES[name].columns)
    state = begun(name)
    model = Model(EXAMPLES[name].task, state.params, state.model_state)
    expected = predict(model, columns, batch_size=16)
    order = np.random.default_rng(0).permutation(ROWS)
    permuted = predict(model, {k: x[order] for k, x in columns.items()}, batch_size=16)
    assert permuted.keys() == expected.keys()
    for output, values in permuted.items():
        assert len(values) == ROWS
        np.testing.assert_allclose(
            values, expected[output][order], rtol=1e-4, atol=1e-5, err_msg=output
        )
