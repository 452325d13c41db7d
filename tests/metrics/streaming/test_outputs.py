"""Outputs and batches whose shapes disagree are refused."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest
from metrics.streaming.cases import streamed

from jaxmed.metrics import streaming


@pytest.mark.parametrize(
    ("metric", "label", "probabilities", "message"),
    [
        (
            streaming.f1(3),
            [0],
            np.ones((1, 2)),
            r"probabilities has shape \(1, 2\), .* make it with classes=2",
        ),
        (
            streaming.accuracy(),
            [[0]],
            np.ones((1, 2)),
            r"label has shape \(1, 1\), but must be \[batch\]",
        ),
        (
            streaming.multilabel_accuracy(),
            [[0]],
            np.ones((1, 2)),
            r"label has shape \(1, 1\), but must be \[batch, labels\] with labels = 2",
        ),
    ],
)
def test_bad_probabilities_are_named(metric, label, probabilities, message):
    with pytest.raises(ValueError, match=message):
        streamed(metric, label, probabilities)


@pytest.mark.parametrize("metric", [streaming.mae(), streaming.mean_of("value")])
def test_bad_values_are_named(metric):
    batch = {"label": jnp.ones(2), "mask": jnp.ones(2)}
    with pytest.raises(ValueError, match=r"value has shape \(2, 1\), but must be \[batch\]"):
        metric.update(metric.empty(), {"value": jnp.ones((2, 1))}, batch)
