"""Probabilities divided by class frequencies, against Bayes' rule for two Gaussians."""

from __future__ import annotations

import dataclasses

import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from jaxmed import tasks
from jaxmed.models import MLP
from jaxmed.transforms.rebalanced import rebalanced

SHARES = np.array([0.95, 0.05], np.float32)
POINTS = np.linspace(-3, 5, 40)
DENSITIES = np.stack([stats.norm(0, 1).pdf(POINTS), stats.norm(2, 1).pdf(POINTS)], 1)


def bayes(shares):
    """What a perfect task predicts of two Gaussians in a population with such shares."""
    joint = DENSITIES * shares
    return joint / joint.sum(1, keepdims=True)


def perfect(params, model_state, batch):
    probabilities = jnp.asarray(bayes(SHARES), jnp.float32)
    return {"probabilities": probabilities, "logits": jnp.log(probabilities)}


TASK = dataclasses.replace(
    tasks.classification(MLP(widths=(), outputs=2), classes=2, inputs=lambda batch: batch["x"]),
    predict=perfect,
)


@pytest.mark.parametrize("tau", [0.0, 0.5, 1.0])
def test_rebalanced_probabilities_are_those_of_a_balanced_population(tau):
    """Dividing by pi^tau leaves the shares pi^(1 - tau); tau = 1 leaves equal ones."""
    task = rebalanced(TASK, SHARES, tau=tau)
    found = task.predict({}, {}, {})
    assert set(found) == {"probabilities"}
    np.testing.assert_allclose(found["probabilities"], bayes(SHARES ** (1 - tau)), rtol=1e-4)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: rebalanced(TASK, SHARES, tau=-1), "tau is -1, but must be at least 0"),
        (
            lambda: rebalanced(TASK, np.array([1, 0], np.float32)),
            "shares holds 0.0, but every share must be greater than 0",
        ),
    ],
)
def test_what_cannot_be_balanced_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
