"""Losses keep their digits at logits of 1e4, by SciPy in float64, and have finite gradients."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import special

from jaxmed import losses

S = 1e4
LOGITS = np.array(
    [[S, S - 0.3, -S], [S, -S, -S], [-S, S, S - 3], [0.1, -S, -0.2], [20, 0, 0], [-S, 1 - S, -S]],
    np.float32,
)
LABELS = np.array([0, 1, 0, 2, 0, 2])
ODDS = np.array([S, S, -S, -S, 20, -20, 0.5, 88, -88], np.float32)
SIGNS = np.array([1, 0, 1, 0, 1, 1, 0, 0, 1])
GRADES = np.array([[S, S], [S, -S], [-S, S], [-S, -S], [S, 0.3], [0.3, -S]], np.float32)


def log_sigmoid(x):
    return -np.logaddexp(0, -np.asarray(x, np.float64))


def against(logits, labels):
    """log((1 - p) / p) of the true class."""
    rows = zip(logits.astype(np.float64), labels, strict=True)
    return np.array([special.logsumexp(np.delete(row, y)) - row[y] for row, y in rows])


def focused(log_odds_against, gamma):
    """(1 - p)^gamma times -log p."""
    others = log_sigmoid(log_odds_against)
    return -log_sigmoid(-log_odds_against) * np.exp(gamma * others)


def sequential():
    rows = GRADES.astype(np.float64)
    beyond = np.array([log_sigmoid(row[:y]).sum() for row, y in zip(rows, LABELS, strict=True)])
    stops = [log_sigmoid(-row[y]) if y < 2 else 0 for row, y in zip(rows, LABELS, strict=True)]
    return -(beyond + np.array(stops))


OF_TWO = np.where(SIGNS == 1, -ODDS, ODDS).astype(np.float64)  # log odds against the truth
LOGS = special.log_softmax(LOGITS.astype(np.float64), axis=1)
TRUE = np.arange(3) == LABELS[:, None]
CASES = {
    "cross_entropy": (losses.cross_entropy, LOGITS, LABELS, focused(against(LOGITS, LABELS), 0)),
    "smoothed": (
        lambda x, y: losses.cross_entropy(x, y, label_smoothing=0.1),
        LOGITS,
        LABELS,
        -(LOGS * (0.9 * TRUE + 0.1 / 3)).sum(1),
    ),
    "binary": (losses.binary_cross_entropy, ODDS, SIGNS, focused(OF_TWO, 0)),
    "ordinal": (losses.ordinal, GRADES, LABELS, sequential()),
    "squared_hinge": (
        losses.squared_hinge,
        LOGITS,
        LABELS,
        (np.maximum(0, 1 - np.where(TRUE, LOGITS, -LOGITS).astype(np.float64)) ** 2).sum(1),
    ),
} | {
    f"{name}, gamma {gamma}": case
    for gamma in (0.5, 2.0)
    for name, case in {
        "focal": (
            lambda x, y, gamma=gamma: losses.focal(x, y, gamma=gamma),
            LOGITS,
            LABELS,
            focused(against(LOGITS, LABELS), gamma),
        ),
        "binary_focal": (
            lambda x, y, gamma=gamma: losses.binary_focal(x, y, gamma=gamma),
            ODDS,
            SIGNS,
            focused(OF_TWO, gamma),
        ),
    }.items()
}


@pytest.mark.parametrize("name", CASES)
def test_large_logits_keep_their_digits(name):
    loss, logits, labels, wanted = CASES[name]

    def total(x):
        found = loss(x, jnp.asarray(labels))
        return found.sum(), found

    gradient, found = jax.grad(total, has_aux=True)(jnp.asarray(logits))
    # exp amplifies the rounding of its argument; what is below 1e-30 may be 0.
    np.testing.assert_allclose(np.asarray(found, np.float64), wanted, rtol=2e-6, atol=1e-30)
    assert np.isfinite(gradient).all()
