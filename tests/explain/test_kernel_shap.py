"""KernelSHAP from some coalitions, where the answer is known."""

from __future__ import annotations

import math

import jax.numpy as jnp
import numpy as np
import pytest
from explain.by_hand import formula

from jaxmed.explain import kernel_shap
from jaxmed.explain.kernel_shap import _coalitions

PLAYERS = 14
_random = np.random.default_rng(1)
X = _random.normal(size=(2, PLAYERS)).astype(np.float32)
LINEAR = _random.normal(size=PLAYERS).astype(np.float32)
PAIRS = np.triu(_random.normal(size=(PLAYERS, PLAYERS)), 1).astype(np.float32)
ZEROS = {"features": np.zeros((1, PLAYERS), np.float32)}


def score(x):
    return x @ LINEAR + jnp.einsum("ri,ij,rj->r", x, PAIRS, x)


# From a background of zeros each factor of a product gets half of it.
SHARES = X * LINEAR + 0.5 * X * (X @ PAIRS + X @ PAIRS.T)


def test_pairs_of_coalitions_are_exact_for_products_of_two():
    # Covert and Lee 2021: with its complement, a coalition has no error of second order.
    found = kernel_shap(formula(score), {"features": X}, ZEROS, target=1, samples=300)
    np.testing.assert_allclose(found, SHARES, atol=2e-5)


def test_products_of_three_are_met_better_with_more_samples():
    model = formula(lambda x: score(x) + 5 * x[:, 0] * x[:, 1] * x[:, 2] * x[:, 3])
    shares = SHARES.copy()
    shares[:, :4] += 5 / 4 * X[:, :4].prod(1, keepdims=True)
    errors = {}
    for samples in (40, 2**PLAYERS):
        found = kernel_shap(model, {"features": X}, ZEROS, target=1, samples=samples)
        errors[samples] = np.abs(found - shares).max()
        whole = score(X) + 5 * X[:, :4].prod(1)
        np.testing.assert_allclose(found.sum(1), whole, rtol=1e-4)  # whatever is drawn
    assert errors[2**PLAYERS] < 1e-4 < errors[40]


@pytest.mark.parametrize(("players", "samples"), [(5, 30), (8, 40), (9, 1000), (2, 10), (20, 300)])
def test_weights_are_those_of_the_sizes(players, samples):
    members, weights = _coalitions(players, samples, np.random.default_rng(0))
    assert len(members) <= samples
    sizes = members.sum(1)
    assert sizes.min() >= 1
    assert sizes.max() <= players - 1
    whole = {s: (players - 1) / (s * (players - s)) for s in range(1, players)}
    found = {s: weights[sizes == s].sum() for s in whole}
    if samples >= 2**players - 2:
        assert len(np.unique(members, axis=0)) == 2**players - 2
        expected = [whole[s] / math.comb(players, s) for s in sizes]
        np.testing.assert_allclose(weights, expected)
    # The smallest and largest are all there; all weights together are those of all coalitions.
    np.testing.assert_allclose([found[1], found[players - 1]], [whole[1], whole[players - 1]])
    np.testing.assert_allclose(weights.sum(), sum(whole.values()))


def test_too_few_samples_are_refused():
    with pytest.raises(ValueError, match=r"^samples is 27, but must be at least 28 for 14 players"):
        kernel_shap(formula(score), {"features": X}, ZEROS, samples=27)
