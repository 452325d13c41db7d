"""Sparse rows as columns, and the layer that reads them, against dense matrices."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer

from jaxmed.data import inputs
from jaxmed.data.text import sparse
from jaxmed.models import TermSum

TEXTS = ["a rash and a fever", "fever", "", "the drug helped and the rash went"]
MATRIX = TfidfVectorizer(token_pattern=r"\w+").fit_transform(TEXTS)


def test_columns_hold_the_matrix_heaviest_terms_first():
    found = sparse.columns(MATRIX, most=8)
    dense = np.zeros((4, MATRIX.shape[1] + 1))
    for row, weight in enumerate(found["weights"]):
        dense[row, found["terms"][row]] += weight
    np.testing.assert_allclose(dense[:, 1:], MATRIX.toarray(), rtol=1e-6)
    assert (np.diff(found["weights"], axis=1) <= 0).all()
    assert not found["terms"][2].any()
    shorter = sparse.columns(MATRIX, most=2)
    for name, column in shorter.items():
        np.testing.assert_array_equal(column, found[name][:, :2])
    with pytest.raises(ValueError, match="most is 0"):
        sparse.columns(MATRIX, most=0)


def test_the_sum_over_terms_is_a_product_with_the_whole_matrix():
    network = TermSum(3, MATRIX.shape[1])
    read = inputs.terms(sparse.columns(MATRIX, most=8))
    variables = network.init(jax.random.key(0), read)
    random = np.random.default_rng(0)
    params = jax.tree.map(lambda w: random.normal(size=w.shape), variables["params"])
    found = network.apply({"params": jax.tree.map(jnp.float32, params)}, read)
    wanted = MATRIX.toarray() @ params["kernel"] + params["bias"]
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6)


def test_dropout_keeps_the_mean():
    network = TermSum(1, MATRIX.shape[1], dropout=0.4)
    read = inputs.terms(sparse.columns(MATRIX, most=8))
    variables = jax.tree.map(jnp.ones_like, network.init(jax.random.key(0), read))

    def logits(key):
        return network.apply(variables, read, train=True, rngs={"dropout": key})[:, 0]

    found = np.asarray(jax.jit(jax.vmap(logits))(jax.random.split(jax.random.key(1), 4000)))
    weights = np.asarray(MATRIX.toarray())
    wanted = weights.sum(1) + 1
    deviation = np.sqrt((weights**2).sum(1) * 0.4 / 0.6 / 4000)
    assert (np.abs(found.mean(0) - wanted) < 5 * deviation + 1e-6).all()
    assert found[:, 3].std() > 0.1
