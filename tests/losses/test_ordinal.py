"""The continuation-ratio model against its formula, row by row."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from losses.examples import CLASSES, GRADES, LABELS, WEIGHTS, agree
from scipy import special

from jaxmed import losses


def test_ordinal_is_its_formula_row_by_row():
    logits, labels = (np.asarray(x, np.float64) for x in GRADES)
    expected = []
    for row, grade in zip(logits, labels.astype(int), strict=True):
        log_likelihood = sum(special.log_expit(row[j]) for j in range(grade))
        if grade < CLASSES - 1:
            log_likelihood += special.log_expit(-row[grade])
        expected.append(-log_likelihood)
    actual = losses.ordinal(jnp.array(GRADES[0]), jnp.array(GRADES[1]))
    agree(actual, expected)
    weighted = losses.ordinal(
        jnp.array(GRADES[0]), jnp.array(GRADES[1]), class_weights=jnp.array(WEIGHTS)
    )
    agree(weighted, np.array(expected) * WEIGHTS[LABELS])


@settings(deadline=None, max_examples=30)
@given(npst.arrays(np.float32, (5, 3), elements=st.floats(-60, 60, width=32)))
def test_ordinal_loss_is_minus_the_log_of_ordinal_probabilities_that_sum_to_one(logits):
    probabilities = losses.ordinal_probabilities(jnp.array(logits))
    assert probabilities.shape == (5, 4)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-6)
    for grade in range(4):
        loss = losses.ordinal(jnp.array(logits), jnp.full(5, grade))
        np.testing.assert_allclose(jnp.exp(-loss), probabilities[:, grade], rtol=1e-4, atol=1e-30)
