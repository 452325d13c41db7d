"""What holds for every loss: gradients, precision, extreme logits, separate rows."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from losses.examples import CASES, ROWS

from jaxmed import losses

each_loss = pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())


@each_loss
def test_gradient_is_the_finite_difference(case):
    loss, predictions, labels = case
    with jax.enable_x64(True):
        x, y = jnp.array(predictions, jnp.float64), jnp.array(labels)
        gradient = jax.jit(jax.grad(lambda x: loss(x, y).sum()))(x)
        compiled = jax.jit(loss)
        # Rows do not mix (tested below), so one column moves in all of them at once.
        columns = [...] if x.ndim == 1 else [(slice(None), k) for k in range(x.shape[1])]
        for column in columns:
            high, low = (compiled(x.at[column].add(step), y) for step in (1e-6, -1e-6))
            np.testing.assert_allclose(gradient[column], (high - low) / 2e-6, atol=1e-7, rtol=1e-6)


@each_loss
def test_half_precision_is_computed_in_float32(case):
    loss, predictions, labels = case
    half = jnp.array(predictions, jnp.bfloat16)
    actual = loss(half, jnp.array(labels))
    assert actual.dtype == jnp.float32
    np.testing.assert_array_equal(actual, loss(half.astype(jnp.float32), jnp.array(labels)))


@each_loss
def test_loss_and_gradient_are_finite_for_extreme_predictions(case):
    loss, predictions, labels = case

    @jax.jit
    def both(x, y):
        return loss(x, y), jax.grad(lambda x: loss(x, y).sum())(x)

    for scale in (0.0, 1e3, -1e3):
        values, gradient = both(jnp.array(predictions) * scale, jnp.array(labels))
        assert np.isfinite(values).all()
        assert np.isfinite(gradient).all()


@each_loss
def test_rows_do_not_mix_under_jit_and_vmap(case):
    loss, predictions, labels = case
    x, y = jnp.array(predictions), jnp.array(labels)
    whole = loss(x, y)
    assert whole.shape == (ROWS,)
    by_row = jax.jit(jax.vmap(lambda x, y: loss(x[None], y[None])[0]))(x, y)
    np.testing.assert_allclose(jax.jit(loss)(x, y), whole, rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(by_row, whole, rtol=1e-6, atol=1e-7)
    poisoned = loss(x.at[0].set(jnp.nan), y)
    np.testing.assert_array_equal(poisoned[1:], whole[1:])


def test_every_loss_is_a_case():
    others = {"balanced_weights", "class_frequencies", "positive_weights"}  # weights
    others |= {"logit_adjusted", "ordinal_probabilities"}  # of losses, and of logits
    others |= {"class_balanced", "prior_adjusted"}  # makers, with counts: test_priors.py
    covered = {loss.__name__ for loss, _, _ in CASES.values()}
    assert covered - {"<lambda>"} == set(losses.__all__) - others
