"""Losses of values against NumPy and SciPy."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest
from losses.examples import TARGETS, VALUES, agree
from scipy import special

from jaxmed import losses


def test_regression_losses_are_their_formulas():
    values, targets = jnp.array(VALUES), jnp.array(TARGETS)
    error = np.abs(VALUES.astype(np.float64) - TARGETS)
    agree(losses.squared_error(values, targets), error**2)
    agree(losses.absolute_error(values, targets), error)
    agree(losses.huber(values, targets, delta=1.5), special.huber(1.5, error))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: losses.huber(jnp.ones(3), jnp.ones(3), delta=0.0),
            "delta is 0.0, but must be greater than 0",
        ),
    ],
)
def test_a_bad_option_is_named_with_its_value(call, message):
    with pytest.raises(ValueError, match=message):
        call()
