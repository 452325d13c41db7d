"""Focal losses against their formula."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest
from losses.examples import BINARY, LABELS, LOGITS, ODDS, ROWS, WEIGHTS, agree, log_softmax

from jaxmed import losses


@pytest.mark.parametrize("gamma", [0.0, 0.5, 1.0, 2.0, 5.0])
def test_focal_is_its_formula(gamma):
    log_p = log_softmax(LOGITS)[np.arange(ROWS), LABELS]
    expected = -((1 - np.exp(log_p)) ** gamma) * log_p
    actual = losses.focal(jnp.array(LOGITS), jnp.array(LABELS), gamma=gamma)
    agree(actual, expected)
    weighted = losses.focal(
        jnp.array(LOGITS), jnp.array(LABELS), gamma=gamma, class_weights=jnp.array(WEIGHTS)
    )
    agree(weighted, expected * WEIGHTS[LABELS])


def test_binary_focal_is_focal_of_the_logits_zero_and_x():
    pair = jnp.stack([jnp.zeros(ROWS), jnp.array(ODDS)], axis=1)
    agree(
        losses.binary_focal(jnp.array(ODDS), jnp.array(BINARY), gamma=1.5, alpha=0.3),
        losses.focal(
            pair, jnp.array(BINARY), gamma=1.5, class_weights=jnp.array([0.7, 0.3], jnp.float32)
        ),
    )


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: losses.focal(jnp.ones((3, 2)), jnp.zeros(3, int), gamma=-1.0),
            "gamma is -1.0, but must be at least 0",
        ),
        (
            lambda: losses.binary_focal(jnp.ones(3), jnp.ones(3), alpha=2.0),
            "alpha is 2.0, but must lie in",
        ),
    ],
)
def test_a_bad_option_is_named_with_its_value(call, message):
    with pytest.raises(ValueError, match=message):
        call()
