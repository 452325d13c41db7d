"""Rare classes: weights against scikit-learn, adjusted logits against their closed form."""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.utils.class_weight import compute_class_weight

from jaxmed import losses
from jaxmed.losses import imbalance

_random = np.random.default_rng(0)
LABELS = _random.choice(4, 300, p=[0.6, 0.3, 0.08, 0.02])
TRUE = jnp.asarray(LABELS)
LOGITS = jnp.asarray(_random.normal(0, 2, (300, 4)), jnp.float32)


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(0, 2), min_size=1, max_size=60))
def test_weights_are_scikit_learns(labels):
    labels = np.array([0, 1, 2, *labels])
    expected = compute_class_weight("balanced", classes=np.arange(3), y=labels)
    found = np.asarray(imbalance.balanced_weights(labels, classes=3))
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    np.testing.assert_allclose(found[labels].mean(), 1, rtol=1e-5)
    np.testing.assert_allclose(
        imbalance.class_frequencies(labels, classes=3), np.bincount(labels) / len(labels), rtol=1e-6
    )


def test_under_balanced_weights_every_class_counts_the_same():
    weights = imbalance.balanced_weights(LABELS, classes=4)
    total = losses.cross_entropy(jnp.zeros((300, 4)), TRUE, class_weights=weights)
    by_class = np.bincount(LABELS, np.asarray(total))
    np.testing.assert_allclose(by_class, 300 / 4 * np.log(4), rtol=1e-5)


def test_under_positive_weights_findings_and_their_absence_count_the_same():
    labels = _random.binomial(1, [0.5, 0.1, 0.02], (400, 3))
    labels[0] = 1
    weights = imbalance.positive_weights(labels)
    both = np.where(labels == 1, weights, 1)
    np.testing.assert_allclose((both * labels).sum(0), (both * (1 - labels)).sum(0), rtol=1e-5)
    found = losses.multilabel_cross_entropy(
        jnp.zeros((400, 3)), jnp.asarray(labels), positive_weights=weights
    )
    np.testing.assert_allclose(found, both.mean(1) * np.log(2), rtol=1e-5)


@pytest.mark.parametrize("tau", [0.0, 0.5, 1.0, 2.0])
def test_the_adjusted_loss_is_that_of_the_paper(tau):
    """log(1 + sum over others of (pi_other / pi_own)^tau exp(f_other - f_own)), equation 10."""
    shares = imbalance.class_frequencies(LABELS, classes=4)
    logits = np.asarray(LOGITS, float)
    own = LABELS[:, None]
    ratio = (shares[None] / shares[own]) ** tau * np.exp(
        logits - np.take_along_axis(logits, own, 1)
    )
    others = np.arange(4)[None] != own
    expected = np.log1p((ratio * others).sum(1))
    loss = imbalance.logit_adjusted(losses.cross_entropy, shares, tau=tau)
    found = loss(LOGITS, TRUE)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)
    if tau == 0:
        plain = losses.cross_entropy(LOGITS, TRUE)
        np.testing.assert_array_equal(found, plain)


def test_two_classes_from_one_logit_are_adjusted_as_from_two():
    shares = np.array([0.9, 0.1], np.float32)
    logits, labels = LOGITS[:, 0], jnp.asarray(LABELS > 0).astype(jnp.int32)
    one = imbalance.logit_adjusted(losses.binary_cross_entropy, shares)(logits, labels)
    pairs = jnp.stack([jnp.zeros_like(logits), logits], 1)
    two = imbalance.logit_adjusted(losses.cross_entropy, shares)(pairs, labels)
    np.testing.assert_allclose(one, two, rtol=1e-4, atol=1e-6)


def test_a_focal_loss_without_focus_is_the_cross_entropy_here_too():
    shares = imbalance.class_frequencies(LABELS, classes=4)
    focal = functools.partial(losses.focal, gamma=0.0)
    found, expected = (
        imbalance.logit_adjusted(loss, shares)(LOGITS, TRUE)
        for loss in (focal, losses.cross_entropy)
    )
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


SHARES = np.array([0.95, 0.05], np.float32)
POINTS = np.linspace(-3, 5, 40)
DENSITIES = np.stack([stats.norm(0, 1).pdf(POINTS), stats.norm(2, 1).pdf(POINTS)], 1)


def bayes(shares):
    """What a perfect model predicts for two Gaussians in a population with such shares."""
    joint = DENSITIES * shares
    return joint / joint.sum(1, keepdims=True)


def test_the_minimum_of_the_adjusted_loss_is_the_balanced_task():
    """Its gradient vanishes at logits of equal shares, in the population of unequal ones."""
    loss = imbalance.logit_adjusted(losses.cross_entropy, SHARES)
    weights = jnp.asarray(bayes(SHARES), jnp.float32)

    def risk(logits, loss):
        each = [loss(logits, jnp.full(40, label)) for label in (0, 1)]
        return (weights[:, 0] * each[0] + weights[:, 1] * each[1]).sum()

    balanced = jnp.asarray(np.log(bayes(np.array([0.5, 0.5]))), jnp.float32)
    np.testing.assert_allclose(jax.grad(risk)(balanced, loss), 0, atol=1e-5)
    assert abs(jax.grad(risk)(balanced, losses.cross_entropy)).max() > 0.3


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: imbalance.class_frequencies(np.array([0, 2]), classes=3),
            "labels holds no example of class 1",
        ),
        (
            lambda: imbalance.class_frequencies(np.array([0, 3]), classes=2),
            "labels holds 3, but must be",
        ),
        (
            lambda: imbalance.class_frequencies(np.array([0]), classes=1),
            "classes is 1, but must be at",
        ),
        (
            lambda: imbalance.positive_weights(np.array([[1, 0], [1, 0]])),
            "labels holds no positive in column 1",
        ),
        (
            lambda: imbalance.logit_adjusted(losses.cross_entropy, SHARES, tau=-1),
            "tau is -1, but must be at least 0",
        ),
        (
            lambda: imbalance.logit_adjusted(losses.cross_entropy, SHARES)(LOGITS, TRUE),
            "shares has 2 classes, but the task has 4",
        ),
        (
            lambda: imbalance.logit_adjusted(losses.binary_cross_entropy, np.ones(3, np.float32))(
                LOGITS[:, 0], TRUE
            ),
            "shares has 3 classes, but the task has 2",
        ),
    ],
)
def test_what_cannot_be_balanced_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
