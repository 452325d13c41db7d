"""A network of another width than the question needs is refused before the first step."""

from __future__ import annotations

import jax
import numpy as np
import optax
import pytest
from training.linear import train

from jaxmed import models, tasks
from jaxmed.data.inputs import features

ROWS = 12
FEATURES = np.random.default_rng(0).normal(size=(ROWS, 3)).astype(np.float32)
CLASS = (np.arange(ROWS) % 2).astype(np.int32)
MAKERS = {
    "binary": (lambda net: tasks.binary_classification(net, inputs=features()), 1, CLASS),
    "classes": (
        lambda net: tasks.classification(net, classes=5, inputs=features()),
        5,
        (np.arange(ROWS) % 5).astype(np.int32),
    ),
    "grades": (
        lambda net: tasks.ordinal_classification(net, classes=3, inputs=features()),
        2,
        (np.arange(ROWS) % 3).astype(np.int32),
    ),
    "findings": (
        lambda net: tasks.multilabel_classification(net, classes=("a", "b"), inputs=features()),
        2,
        np.eye(2, dtype=np.int32)[CLASS],
    ),
    "value": (lambda net: tasks.regression(net, inputs=features()), 1, FEATURES[:, 0]),
    "count": (
        lambda net: tasks.poisson_regression(net, inputs=features(), exposure=None),
        1,
        CLASS,
    ),
    "overdispersed count": (
        lambda net: tasks.negative_binomial_regression(net, inputs=features(), exposure=None),
        2,
        CLASS,
    ),
}


@pytest.mark.parametrize("kind", MAKERS)
def test_a_network_of_another_width_is_refused(kind):
    make, width, label = MAKERS[kind]
    columns = {"features": FEATURES, "label": label}
    for other in {1, 2, 3, 4, 5, 6} - {width}:
        message = rf"network gives outputs of shape \(\d+, {other}\), .* needs {width} per example"
        task = make(models.MLP((), other))
        with pytest.raises(ValueError, match=message):
            train(task, optax.sgd(0.1), columns, key=jax.random.key(0), epochs=1)
    done = train(make(models.MLP((), width)), optax.sgd(0.1), columns, epochs=1)
    assert np.isfinite(done.history[0]["train/loss"])
