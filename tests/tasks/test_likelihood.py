"""Likelihoods of pixels against SciPy's densities."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats

from jaxmed.tasks import likelihood


@pytest.mark.parametrize("kind", ["bernoulli", "gaussian"])
def test_likelihoods_are_those_of_scipy(kind):
    random = np.random.default_rng(1)
    decoded = random.normal(size=(3, 4, 4, 1))
    x = (random.random((3, 4, 4, 1)) > 0.5).astype(float)
    if kind == "bernoulli":
        ours, theirs = likelihood.bernoulli(), scipy.stats.bernoulli(1 / (1 + np.exp(-decoded)))
        expected, mean = theirs.logpmf(x), theirs.mean()
    else:
        ours, theirs = likelihood.gaussian(0.3), scipy.stats.norm(decoded, 0.3)
        expected, mean = theirs.logpdf(x), theirs.mean()
    found = ours.log_density(jnp.float32(decoded), jnp.float32(x))
    np.testing.assert_allclose(found, expected.sum((1, 2, 3)), rtol=1e-5)
    np.testing.assert_allclose(ours.mean(jnp.float32(decoded)), mean, rtol=1e-5)


def test_a_deviation_of_zero_is_refused():
    with pytest.raises(ValueError, match="deviation is 0"):
        likelihood.gaussian(0.0)
