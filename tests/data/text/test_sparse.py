"""Sparse rows as dense columns, against the whole matrix."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer

from jaxmed.data.text import sparse

TEXTS = ["a rash and a fever", "fever", "", "the drug helped and the rash went"]
MATRIX = TfidfVectorizer(token_pattern=r"\w+").fit_transform(TEXTS)


def test_columns_hold_the_matrix_heaviest_terms_first():
    found = sparse.sparse_columns(MATRIX, max_terms=8)
    dense = np.zeros((4, MATRIX.shape[1] + 1))
    for row, weight in enumerate(found["weights"]):
        dense[row, found["terms"][row]] += weight
    np.testing.assert_allclose(dense[:, 1:], MATRIX.toarray(), rtol=1e-6)
    assert (np.diff(found["weights"], axis=1) <= 0).all()
    assert not found["terms"][2].any()
    shorter = sparse.sparse_columns(MATRIX, max_terms=2)
    for name, column in shorter.items():
        np.testing.assert_array_equal(column, found[name][:, :2])
    with pytest.raises(ValueError, match="max_terms is 0"):
        sparse.sparse_columns(MATRIX, max_terms=0)
