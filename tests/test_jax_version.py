"""The JAX that is installed computes what NumPy computes; one that does not is refused."""

from __future__ import annotations

import jax
import numpy as np
import pytest

from jaxmed import jax_version


@pytest.mark.parametrize("shape", [(8, 10, 4000), (8, 10, 3280), (8, 3, 16000), (32, 16, 4000)])
def test_sums_of_scaled_rows(shape):
    """What jaxlib 0.10.2 gets wrong, as in a sum of clipped gradients."""
    rows = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    scales = np.arange(1, shape[0] + 1, dtype=np.float32)
    found = jax.jit(lambda a, s: (a * s[:, None, None]).sum(0))(rows, scales)
    expected = np.einsum("abc,a->bc", rows.astype(np.float64), scales)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-3)


def test_a_sum_over_rows_that_were_multiplied():
    """The reproduction of jax-ml/jax issue 39103, where only the last of 32,769 rows is wrong."""
    rows = np.zeros((32_769, 3), np.float32)
    rows[:, 0] = np.arange(len(rows))
    squares = jax.jit(jax.vmap(lambda row: ((np.eye(3, dtype=np.float32) @ row) ** 2).sum()))
    np.testing.assert_allclose(squares(rows), rows[:, 0].astype(np.float64) ** 2, rtol=1e-6)


def test_a_version_that_computes_wrong_numbers_is_refused():
    jax_version.check_jaxlib("0.10.1")
    with pytest.raises(ImportError, match=r"jaxlib is 0\.10\.2, .*: install another version"):
        jax_version.check_jaxlib("0.10.2")
