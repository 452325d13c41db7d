"""The squared hinge against scikit-learn's support vector machine."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from losses.examples import RNG
from scipy import optimize
from sklearn.svm import LinearSVC

from jaxmed import losses


@pytest.mark.parametrize("weighted", [False, True])
def test_the_squared_hinge_is_that_of_support_vector_svms(weighted):
    rows = RNG.normal(size=(60, 5))
    label = np.arange(60) % 3
    weights = np.array([0.5, 1.0, 3.0], np.float32) if weighted else None
    C = 0.7
    svm = LinearSVC(
        C=C,
        fit_intercept=False,
        class_weight=dict(enumerate(weights)) if weighted else None,
        tol=1e-10,
        max_iter=100_000,
    ).fit(rows, label)

    def objective(kernel):
        found = losses.squared_hinge(
            jnp.asarray(rows, jnp.float32) @ kernel.reshape(5, 3),
            jnp.asarray(label),
            class_weights=None if weights is None else jnp.asarray(weights),
        )
        return 0.5 * (kernel**2).sum() + C * found.sum()

    value = jax.jit(jax.value_and_grad(objective))
    best = optimize.minimize(
        lambda w: [np.asarray(x, np.float64) for x in value(jnp.asarray(w, jnp.float32))],
        np.zeros(15),
        jac=True,
    )
    np.testing.assert_allclose(best.x.reshape(5, 3), svm.coef_.T, atol=2e-3)
