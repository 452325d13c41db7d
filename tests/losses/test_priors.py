"""Losses with a counted prior equal those with weights made by hand, also counted in parts."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jaxmed as jm
from jaxmed import fitted, losses

LABEL = np.repeat(np.arange(3), [20, 8, 4]).astype(np.int32)
PRIOR = np.array([20, 8, 4]) / 32
RANDOM = np.random.default_rng(0)
LOGITS = jnp.asarray(RANDOM.normal(size=(32, 3)), jnp.float32)
LABELS = jnp.asarray(LABEL)


def counted(loss):
    parts = (LABEL[:7], LABEL[7:30], LABEL[30:])
    first, *others = (loss.counts.sums({"label": part}) for part in parts)
    for other in others:
        first = fitted.added(first, other)
    return loss.counts.constants(first)


def test_the_prior_is_counted_in_any_parts():
    np.testing.assert_allclose(counted(losses.class_balanced(classes=3))["prior"], PRIOR)


def test_balanced_weighs_each_class_alike():
    loss = losses.class_balanced(classes=3)
    found = np.asarray(loss.apply(counted(loss), LOGITS, LABELS))
    scores = np.exp(np.asarray(LOGITS))
    plain = -np.log(scores / scores.sum(1, keepdims=True))[np.arange(32), LABEL]
    np.testing.assert_allclose(found, plain / (3 * PRIOR[LABEL]), rtol=1e-5)


def test_prior_adjusted_adds_the_log_of_the_prior():
    loss = losses.prior_adjusted(classes=3, tau=0.5)
    moved = np.asarray(LOGITS) + 0.5 * np.log(PRIOR)
    reference = -np.log(np.exp(moved) / np.exp(moved).sum(1, keepdims=True))[np.arange(32), LABEL]
    np.testing.assert_allclose(
        loss.apply(counted(loss), LOGITS, LABELS), reference, rtol=1e-5, atol=1e-6
    )


def test_fit_counts_the_prior_into_the_model():
    task = jm.tasks.classification(
        jm.models.MLP(widths=(), outputs=3),
        classes=3,
        inputs=jm.data.inputs.features(),
        loss=losses.class_balanced(classes=3),
    )
    columns = {"features": RANDOM.normal(size=(32, 2)).astype(np.float32), "label": LABEL}
    trained = jm.fit(
        task, optax.sgd(0.1), columns, key=jax.random.key(0), batch_size=8, epochs=1,
        run=jm.Run(progress=False),
    )  # fmt: skip
    np.testing.assert_allclose(trained.model.state["fitted"]["loss"]["prior"], PRIOR, rtol=1e-6)


def test_a_class_without_examples_has_no_prior():
    loss = losses.class_balanced(classes=3)
    with pytest.raises(ValueError, match=r"train has \[1, 1, 0\] examples"):
        loss.counts.constants(loss.counts.sums({"label": np.array([0, 1])}))
