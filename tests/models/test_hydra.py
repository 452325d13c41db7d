"""Hydra against the definition of the paper, by loops over kernels, groups and times."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

from jaxmed import fitted
from jaxmed.models import hydra
from jaxmed.models.hydra import competition, kernels_of

RNG = np.random.default_rng(0)
LENGTH, GROUPS, KERNELS = 40, 4, 3
SIGNAL = RNG.normal(size=(6, LENGTH, 2)).astype(np.float32)


def response(row, weights, dilation):
    """Places outside of the signal count as zero."""
    found = np.zeros(len(row))
    for time in range(len(row)):
        for k, weight in enumerate(weights):
            at = time + (k - 4) * dilation
            if 0 <= at < len(row):
                found[time] += weight * float(row[at])
    return found


def by_loops(row, weights):
    found = []
    for power, own in enumerate(weights):
        for half, x in enumerate((row, np.diff(row))):
            wins, losses = np.zeros((2, GROUPS // 2, KERNELS))
            for group in range(GROUPS // 2):
                first = (half * GROUPS // 2 + group) * KERNELS
                values = [response(x, own[:, first + k], 2**power) for k in range(KERNELS)]
                for time in range(len(x)):
                    now = [each[time] for each in values]
                    wins[group, np.argmax(now)] += max(now)
                    losses[group, np.argmin(now)] += 1
            found += [wins.ravel(), losses.ravel()]
    return np.concatenate(found)


def test_features_are_those_of_the_paper():
    weights = kernels_of(LENGTH, GROUPS, KERNELS, seed=1)
    assert weights.shape == (3, 9, GROUPS * KERNELS)  # 8 * 4 + 1 is within 40, 8 * 8 + 1 is not
    np.testing.assert_allclose(weights.sum(1), 0, atol=1e-6)
    np.testing.assert_allclose(np.abs(weights).sum(1), 1, rtol=1e-5)
    found = competition(jnp.asarray(SIGNAL[:2, :, 0]), weights, KERNELS)
    expected = [by_loops(row[:, 0], weights) for row in SIGNAL[:2]]
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_scaling_is_counted_and_keeps_zeros():
    read = hydra(groups=GROUPS, kernels=KERNELS)
    parts = [read.counts.sums({"signal": SIGNAL[:2]}), read.counts.sums({"signal": SIGNAL[2:]})]
    constants = read.counts.constants(fitted.added(*parts))
    found = np.asarray(read.apply(constants, {"signal": SIGNAL}))
    weights = kernels_of(LENGTH, GROUPS, KERNELS, seed=0)
    raw = [[by_loops(row[:, c], weights) for c in range(2)] for row in SIGNAL]
    root = np.sqrt(np.maximum(np.reshape(raw, (6, -1)), 0))
    spread = root.std(0, ddof=1) + (root == 0).mean(0) ** 4 + 1e-8
    expected = np.where(root == 0, 0, (root - root.mean(0)) / spread)
    np.testing.assert_allclose(found, expected, atol=2e-3)


def test_another_seed_gives_other_kernels():
    one, other = (kernels_of(LENGTH, 2, 2, seed) for seed in (0, 1))
    assert not np.allclose(one, other)


def test_other_inputs_are_refused():
    with pytest.raises(ValueError, match="groups is 3, but must be even"):
        hydra(groups=3)
    with pytest.raises(ValueError, match="at least 17 times"):
        hydra(groups=2).counts.sums({"signal": SIGNAL[:, :16]})
