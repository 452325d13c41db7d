"""Distances of treatment arms, held to loops, to exact transport, and to their own gradient."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

from jaxmed.tasks import mmd_balance, wasserstein_balance

RANDOM = np.random.default_rng(0)
ROWS, PADDING = 12, 3
H = RANDOM.normal(size=(ROWS + PADDING, 2)).astype(np.float32)
T = (np.arange(ROWS + PADDING) % 2).astype(np.float32)
H[T == 1] += 1
MASK = (np.arange(ROWS + PADDING) < ROWS).astype(np.float32)
TREATED, OTHERS = H[:ROWS][T[:ROWS] == 1], H[:ROWS][T[:ROWS] == 0]


def distance(balance, h=H, t=T, mask=MASK):
    shares = balance(jnp.asarray(h), jnp.asarray(t), jnp.asarray(mask))
    assert (np.asarray(shares)[mask == 0] == 0).all()
    return float(np.asarray(shares)[mask > 0].mean())


def test_the_discrepancy_by_loops():
    def mean_kernel(a, b):
        values = [np.exp(-((x - y) ** 2).sum() / (2 * 1.5**2)) for x in a for y in b]
        return sum(values) / len(values)

    expected = mean_kernel(TREATED, TREATED) + mean_kernel(OTHERS, OTHERS)
    expected -= 2 * mean_kernel(TREATED, OTHERS)
    assert distance(mmd_balance(1.5)) == pytest.approx(expected, rel=1e-4)


def test_the_cost_of_transport_is_nearly_the_exact_one():
    cost = ((TREATED[:, None] - OTHERS[None]) ** 2).sum(-1)
    exact = cost[linear_sum_assignment(cost)].mean()  # both arms have as many rows
    found = distance(wasserstein_balance(0.005, 2000))
    assert exact <= found * 1.001
    assert found == pytest.approx(exact, rel=0.02)
    assert distance(wasserstein_balance(10.0, 50)) == pytest.approx(cost.mean(), rel=0.01)


def test_the_gradient_of_transport_is_that_of_the_regularized_cost():
    cost = ((TREATED[:, None] - OTHERS[None]) ** 2).sum(-1)
    strength = 0.1 * cost.mean()

    def regularized(h):
        """The optimum by many iterations in float64, with the strength held fixed."""
        a, b = h[:ROWS][T[:ROWS] == 1], h[:ROWS][T[:ROWS] == 0]
        cost = ((a[:, None] - b[None]) ** 2).sum(-1)
        kernel, v = np.exp(-cost / strength), np.ones(len(b))
        for _ in range(5000):
            u = 1 / len(a) / (kernel @ v)
            v = 1 / len(b) / (kernel.T @ u)
        plan = u[:, None] * kernel * v[None]
        return (plan * cost).sum() + strength * (plan * np.log(plan)).sum()

    def mean(h):
        shares = wasserstein_balance(0.1, 500)(h, jnp.asarray(T), jnp.asarray(MASK))
        return (shares * MASK).sum() / ROWS

    found = jax.grad(mean)(jnp.asarray(H))
    h, moves = H.astype(np.float64), ((0, 0), (1, 1), (6, 0))
    for row, column in moves:
        step = np.zeros_like(h)
        step[row, column] = 1e-4
        numeric = (regularized(h + step) - regularized(h - step)) / 2e-4
        assert float(found[row, column]) == pytest.approx(numeric, rel=2e-3)


@pytest.mark.parametrize("balance", [mmd_balance(), wasserstein_balance()], ids=["mmd", "ot"])
def test_a_batch_of_one_arm_has_no_distance(balance):
    def mean(h):
        return balance(h, jnp.zeros(ROWS + PADDING), jnp.asarray(MASK)).sum()

    value, gradient = jax.value_and_grad(mean)(jnp.asarray(H))
    assert value == 0
    assert (np.asarray(gradient) == 0).all()


@pytest.mark.parametrize("balance", [mmd_balance(), wasserstein_balance()], ids=["mmd", "ot"])
def test_equal_arms_are_close_and_padding_does_not_count(balance):
    equal = H.copy()
    equal[1::2] = equal[:-1:2]
    assert distance(balance, equal) < 0.2 * distance(balance)
    other = H.copy()
    other[ROWS:] = 100
    assert distance(balance, other) == pytest.approx(distance(balance), rel=1e-5)
