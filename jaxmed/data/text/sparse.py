"""Texts as the few terms that they have of a large vocabulary."""

from __future__ import annotations

from typing import Any

import numpy as np

from jaxmed import checks
from jaxmed.typing import Columns


def columns(matrix: Any, *, most: int) -> Columns:
    """A sparse matrix as two columns of one length.

    Args:
        matrix: [rows, terms], sparse, such as scikit-learn's `TfidfVectorizer` gives.
        most: terms kept of a row, those with the largest weights.

    Returns:
        `terms` [rows, most] int32, 1 to the number of terms, the heaviest first and 0 behind the
        last one; `weights` [rows, most] float32, 0 there.
    """
    checks.positive("most", most)
    rows = matrix.tocsr()
    terms = np.zeros((rows.shape[0], most), np.int32)
    weights = np.zeros((rows.shape[0], most), np.float32)
    for row, (first, last) in enumerate(zip(rows.indptr[:-1], rows.indptr[1:], strict=True)):
        values = rows.data[first:last]
        kept = np.argsort(-values, kind="stable")[:most]
        terms[row, : len(kept)] = rows.indices[first:last][kept] + 1
        weights[row, : len(kept)] = values[kept]
    return {"terms": terms, "weights": weights}
