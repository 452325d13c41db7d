"""Shapes, weights and options that every loss checks."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import pytest
from losses.examples import LABELS, LOGITS, agree

from jaxmed import losses


def test_options_may_be_traced_for_a_sweep():
    x, y = jnp.array(LOGITS), jnp.array(LABELS)
    amounts = jnp.array([0.0, 0.1])
    smoothed = jax.vmap(lambda a: losses.cross_entropy(x, y, label_smoothing=a))(amounts)
    agree(smoothed[0], losses.cross_entropy(x, y))
    agree(smoothed[1], losses.cross_entropy(x, y, label_smoothing=0.1))
    faded = jax.jit(lambda gamma: losses.focal(x, y, gamma=gamma))(2.0)
    agree(faded, losses.focal(x, y))


def test_shapes_that_would_broadcast_are_refused():
    # The annotations already refuse them in the tests: look past the hook, as a user runs it.
    def unchecked(loss):
        while hasattr(loss, "__wrapped__"):
            loss = loss.__wrapped__
        return loss

    with pytest.raises(ValueError, match=r"labels has shape \(3, 1\), but must be \[batch\]"):
        unchecked(losses.squared_error)(jnp.ones(3), jnp.ones((3, 1)))
    with pytest.raises(ValueError, match="with batch = 3, as in logits"):
        unchecked(losses.cross_entropy)(jnp.ones((3, 2)), jnp.zeros(2, int))
    with pytest.raises(ValueError, match=r"class_weights has shape \(3,\), but must be \(2,\)"):
        unchecked(losses.cross_entropy)(
            jnp.ones((3, 2)), jnp.zeros(3, int), class_weights=jnp.ones(3)
        )
