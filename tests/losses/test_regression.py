"""Losses of values against NumPy and SciPy."""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from losses.examples import LOGITS, TARGETS, VALUES, agree
from scipy import special
from sklearn.metrics import mean_pinball_loss

from jaxmed import losses


def test_regression_losses_are_their_formulas():
    values, targets = jnp.array(VALUES), jnp.array(TARGETS)
    error = np.abs(VALUES.astype(np.float64) - TARGETS)
    agree(losses.squared_error(values, targets), error**2)
    agree(losses.absolute_error(values, targets), error)
    agree(losses.huber(values, targets, delta=1.5), special.huber(1.5, error))


def test_pinball_is_that_of_scikit_learn():
    levels, values = (0.1, 0.5, 0.9), LOGITS[:, :3]
    found = losses.pinball(jnp.array(values), jnp.array(TARGETS), quantiles=levels)
    wanted = [
        mean_pinball_loss(TARGETS, values[:, column], alpha=level)
        for column, level in enumerate(levels)
    ]
    agree(found.mean(), np.mean(wanted))


def test_the_best_constant_of_pinball_is_the_quantile():
    labels = np.random.default_rng(0).normal(size=1001).astype(np.float32)
    constants = np.linspace(-2, 2, 401).astype(np.float32)
    for level in (0.1, 0.7):
        loss = functools.partial(losses.pinball, quantiles=(level,))
        each = jnp.broadcast_to(constants[:, None, None], (401, 1001, 1))
        means = jax.vmap(loss, (0, None))(each, jnp.array(labels)).mean(1)
        best = constants[int(np.argmin(means))]
        assert best == pytest.approx(np.quantile(labels, level), abs=0.011)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: losses.pinball(jnp.ones((3, 2)), jnp.ones(3)),
            "quantiles has 3 numbers, but values has 2 columns",
        ),
        (
            lambda: losses.pinball(jnp.ones((3, 2)), jnp.ones(3), quantiles=(0.9, 0.1)),
            "but must hold increasing numbers: sort them",
        ),
        (
            lambda: losses.huber(jnp.ones(3), jnp.ones(3), delta=0.0),
            "delta is 0.0, but must be greater than 0",
        ),
    ],
)
def test_a_bad_option_is_named_with_its_value(call, message):
    with pytest.raises(ValueError, match=message):
        call()
