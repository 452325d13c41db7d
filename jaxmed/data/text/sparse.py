"""Sparse features of texts: the few terms that each text has of a large vocabulary."""

from __future__ import annotations

from typing import Any

import numpy as np

from jaxmed import checks
from jaxmed.typing import Columns


def sparse_columns(matrix: Any, *, max_terms: int) -> Columns:
    """A sparse matrix as two dense columns: the heaviest terms of each row, and their weights.

    Args:
        matrix: [rows, terms], sparse, such as scikit-learn's `TfidfVectorizer` returns.
        max_terms: number of terms kept per row, those with the largest weights.

    Returns:
        `terms` [rows, max_terms] int32, from 1 to the number of terms, the heaviest first, 0 for
        padding; `weights` [rows, max_terms] float32, 0 for padding.
    """
    checks.positive("max_terms", max_terms)
    rows = matrix.tocsr()
    terms = np.zeros((rows.shape[0], max_terms), np.int32)
    weights = np.zeros((rows.shape[0], max_terms), np.float32)
    for row, (first, last) in enumerate(zip(rows.indptr[:-1], rows.indptr[1:], strict=True)):
        values = rows.data[first:last]
        kept = np.argsort(-values, kind="stable")[:max_terms]
        terms[row, : len(kept)] = rows.indices[first:last][kept] + 1
        weights[row, : len(kept)] = values[kept]
    return {"terms": terms, "weights": weights}
