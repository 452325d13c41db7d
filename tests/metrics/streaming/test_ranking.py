"""The binned AUROC against the exact one and its error bound."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from metrics.streaming.cases import agree, streamed
from scipy import special
from sklearn import metrics as reference

from jaxmed.metrics import streaming


@pytest.mark.parametrize("spread", [0.1, 1.0, 10.0])
def test_the_binned_auroc_stays_within_its_error_bound(spread):
    rng = np.random.default_rng(3)
    label = rng.integers(0, 2, 2000)
    log_odds = spread * (rng.normal(size=2000) + label)
    positive = special.expit(log_odds).astype(np.float32)
    metric = streaming.auroc(2, bins=256)
    batch = {"label": jnp.array(label), "mask": jnp.ones(2000)}
    outputs = {"probabilities": jnp.stack([1 - positive, positive], axis=1)}
    state = jax.jit(metric.update)(metric.empty(), outputs, batch)
    (counts,) = state["sums"]
    shares = counts / counts.sum(axis=1, keepdims=True)
    negative_share, positive_share = np.asarray(shares)
    bound = (negative_share * positive_share).sum() / 2
    error = abs(jax.jit(metric.result)(state) - reference.roc_auc_score(label, positive))
    assert error <= bound + 1e-6


def test_certain_probabilities_have_a_bin():
    probabilities = np.array([[1, 0], [0, 1], [0.5, 0.5], [1e-30, 1]], np.float32)
    agree(streamed(streaming.auroc(2), [0, 1, 0, 1], probabilities), 1)


def test_a_class_without_examples_is_left_out_of_the_mean():
    label, probabilities = [0, 0, 1, 1], np.eye(3)[[0, 1, 1, 2]]
    agree(streamed(streaming.auroc(3), label, probabilities), (3 / 4 + 1 / 2) / 2)


def test_one_bin_is_refused():
    with pytest.raises(ValueError, match="bins is 1, but must be at least 2"):
        streaming.auroc(2, bins=1)
