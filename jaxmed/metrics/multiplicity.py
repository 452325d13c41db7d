"""Adjustment of p values for the number of tests."""

import numpy as np

from jaxmed import checks
from jaxmed.typing import Float, Num

__all__ = ["holm"]


def holm(p_values: Num[np.ndarray, "tests"]) -> Float[np.ndarray, "tests"]:
    """P values adjusted so that any false alarm among all tests is as rare as the level says.

    The i-th smallest of m p values becomes the largest of (m - j + 1) p_j over j <= i, at most 1.
    It needs no independence of the tests.

    Args:
        p_values: [tests], in [0, 1]; NaN for a test that was not made, which does not count.

    Returns:
        The adjusted p values in the order given; NaN where `p_values` is.

    Raises:
        ValueError: if a p value lies outside [0, 1].

    Example:
        >>> holm(np.array([0.01, 0.04, 0.5]))
        array([0.03, 0.08, 0.5 ])

    References:
        Holm, A simple sequentially rejective multiple test procedure, 1979.
    """
    found = checks.real_array("p_values", p_values, "tests").astype(np.float64)
    wrong = found[(found < 0) | (found > 1)]
    if wrong.size:
        raise ValueError(f"p_values holds {wrong[0]:g}, but must lie in [0, 1]: correct it.")
    adjusted = np.full(len(found), np.nan)
    made = np.flatnonzero(~np.isnan(found))
    order = made[np.argsort(found[made], kind="stable")]
    factors = np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(factors * found[order]), 1)
    return adjusted
