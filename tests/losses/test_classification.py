"""Cross entropies against scikit-learn and NumPy."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest
from losses.examples import (
    BINARY,
    CLASSES,
    LABELS,
    LOGITS,
    MULTI,
    ODDS,
    ROWS,
    WEIGHTS,
    agree,
    log_softmax,
)
from scipy import special
from sklearn.metrics import log_loss

from jaxmed import losses


def test_cross_entropy_is_scikit_learns_log_loss():
    mean = losses.cross_entropy(jnp.array(LOGITS), jnp.array(LABELS)).mean()
    probabilities = special.softmax(LOGITS.astype(np.float64), axis=1)
    agree(mean, log_loss(LABELS, probabilities, labels=range(CLASSES)))


def test_label_smoothing_is_cross_entropy_with_a_smoothed_label():
    actual = losses.cross_entropy(jnp.array(LOGITS), jnp.array(LABELS), label_smoothing=0.2)
    smoothed = 0.8 * np.eye(CLASSES)[LABELS] + 0.2 / CLASSES
    agree(actual, -(smoothed * log_softmax(LOGITS)).sum(axis=1))


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_class_weights_multiply_the_whole_loss_of_a_row(smoothing):
    plain = losses.cross_entropy(jnp.array(LOGITS), jnp.array(LABELS), label_smoothing=smoothing)
    weighted = losses.cross_entropy(
        jnp.array(LOGITS),
        jnp.array(LABELS),
        label_smoothing=smoothing,
        class_weights=jnp.array(WEIGHTS),
    )
    agree(weighted, np.asarray(plain) * WEIGHTS[LABELS])


def test_binary_cross_entropy_is_scikit_learns_log_loss_with_sample_weights():
    actual = losses.binary_cross_entropy(jnp.array(ODDS), jnp.array(BINARY), positive_weight=3.0)
    expected = log_loss(
        BINARY,
        special.expit(ODDS.astype(np.float64)),
        sample_weight=np.where(BINARY, 3.0, 1.0),
        normalize=False,
    )
    agree(actual.sum(), expected)


def test_binary_cross_entropy_is_cross_entropy_of_the_logits_zero_and_x():
    pair = jnp.stack([jnp.zeros(ROWS), jnp.array(ODDS)], axis=1)
    agree(
        losses.binary_cross_entropy(jnp.array(ODDS), jnp.array(BINARY)),
        losses.cross_entropy(pair, jnp.array(BINARY)),
    )


def test_multilabel_is_the_mean_of_binary_losses():
    logits, labels = jnp.array(LOGITS), jnp.array(MULTI)
    columns = [losses.binary_cross_entropy(logits[:, k], labels[:, k]) for k in range(CLASSES)]
    agree(losses.multilabel_cross_entropy(logits, labels), np.mean(columns, axis=0))


def test_multilabel_weights():
    logits, labels, weights = jnp.array(LOGITS), jnp.array(MULTI), jnp.array(WEIGHTS)
    columns = [
        losses.binary_cross_entropy(logits[:, k], labels[:, k], positive_weight=float(WEIGHTS[k]))
        for k in range(CLASSES)
    ]
    agree(
        losses.multilabel_cross_entropy(logits, labels, positive_weights=weights),
        np.mean(columns, axis=0),
    )
    plain = [losses.binary_cross_entropy(logits[:, k], labels[:, k]) for k in range(CLASSES)]
    agree(
        losses.multilabel_cross_entropy(logits, labels, label_weights=weights),
        np.average(plain, axis=0, weights=WEIGHTS),
    )


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: losses.cross_entropy(jnp.ones((3, 2)), jnp.zeros(3, int), label_smoothing=1.5),
            r"label_smoothing is 1\.5, but must lie in \[0, 1\]",
        ),
        (
            lambda: losses.binary_cross_entropy(jnp.ones(3), jnp.ones(3), positive_weight=-2.0),
            "positive_weight is -2.0, but must be at least 0",
        ),
    ],
)
def test_a_bad_option_is_named_with_its_value(call, message):
    with pytest.raises(ValueError, match=message):
        call()
