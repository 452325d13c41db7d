"""TracIn against a closed form, and against training again without an example."""

from __future__ import annotations

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from jaxmed import explain, tasks
from jaxmed.models import MLP
from jaxmed.tasks import Model

TASK = tasks.regression(MLP(widths=(), outputs=1), inputs=lambda batch: batch["features"])


def columns(rows, seed):
    random = np.random.default_rng(seed)
    x = random.normal(size=(rows, 2)).astype(np.float32)
    noise = random.normal(size=rows)
    return {"features": x, "label": (x @ [1.0, -2.0] + 0.5 + noise).astype(np.float32)}


def model(weights):
    layer = {"kernel": jnp.asarray(weights[:2, None], jnp.float32)}
    return Model(TASK, {"Dense_0": {**layer, "bias": jnp.asarray(weights[2:], jnp.float32)}}, {})


def with_one(data):
    return np.concatenate([data["features"], np.ones((len(data["label"]), 1))], axis=1)


def descent(data, *, rate=0.02, steps=10):
    """Weights before each step of gradient descent on the sum of squared errors, and at last."""
    weights, x = [np.zeros(3)], with_one(data)
    for _ in range(steps):
        residual = x @ weights[-1] - data["label"]
        weights.append(weights[-1] - rate / 12 * 2 * residual @ x)
    return np.stack(weights)


@pytest.mark.parametrize("parameters", [None, ("Dense_0/kernel",), ("Dense_0",)])
def test_influence_of_a_linear_regression_in_closed_form(parameters):
    train, cases = columns(12, 0), columns(5, 1)
    random = np.random.default_rng(2)
    weights, rates = random.normal(size=(3, 3)), (0.1, 0.2, 0.3)
    found = explain.influence(
        [model(each) for each in weights], rates, cases, train, parameters=parameters, batch_size=4
    )
    x, z = with_one(train), with_one(cases)
    kept = slice(0, 2) if parameters == ("Dense_0/kernel",) else slice(0, 3)
    expected = np.zeros((5, 12))
    for each, rate in zip(weights, rates, strict=True):
        of_train = 2 * (x @ each - train["label"])[:, None] * x[:, kept]
        of_cases = 2 * (z @ each - cases["label"])[:, None] * z[:, kept]
        expected += rate * of_cases @ of_train.T
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


def test_an_example_with_influence_is_missed_when_it_is_left_out():
    train, cases = columns(12, 3), columns(6, 4)

    def loss(weights):
        return (with_one(cases) @ weights - cases["label"]) ** 2

    weights = descent(train)
    checkpoints = [model(each) for each in weights[:-1]]
    found = explain.influence(checkpoints, [0.02 / 12] * 10, cases, train)
    missed = np.empty((6, 12))
    for row in range(12):
        rest = {name: np.delete(column, row, axis=0) for name, column in train.items()}
        missed[:, row] = loss(descent(rest)[-1]) - loss(weights[-1])
    assert stats.spearmanr(found.ravel(), missed.ravel())[0] > 0.85
    large = np.abs(found) > np.median(np.abs(found))
    assert (np.sign(found[large]) == np.sign(missed[large])).mean() > 0.9


def test_a_loss_that_compares_rows_is_refused():
    def joined(params, state, batch, key):
        losses, rest = TASK.loss(params, state, batch, key)
        return losses - losses.mean(), rest

    other = dataclasses.replace(TASK, loss=joined)
    train, first = columns(4, 0), model(np.zeros(3))
    with pytest.raises(ValueError, match="loss of a row depends on the other rows"):
        explain.influence([Model(other, first.params, {})], [0.1], train, train)


def test_dropout_draws_alike_for_all_rows():
    network = MLP(widths=(8,), outputs=1, dropout=0.5)
    task = tasks.regression(network, inputs=lambda batch: batch["features"])
    train = columns(7, 0)
    first = Model(task, *task.init(jax.random.key(0), jax.device_put(train), {}))
    found = explain.influence([first], [0.1], train, train, batch_size=3)
    np.testing.assert_allclose(found, found.T, rtol=1e-4, atol=1e-6)
    other = explain.influence([first], [0.1], train, train, key=jax.random.key(1), batch_size=3)
    assert not np.allclose(found, other)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"learning_rates": [0.1, 0.2]}, "learning_rates has 2 numbers, but checkpoints has 1"),
        ({"parameters": ["Dense_1"]}, "parameters is 'Dense_1', which is unknown"),
        ({"checkpoints": []}, "checkpoints is empty"),
        ({"key": 1}, "key is 1, but must be"),
    ],
)
def test_what_cannot_be_traced_is_refused(change, words):
    data = columns(4, 0)
    good = {"checkpoints": [model(np.zeros(3))], "learning_rates": [0.1]}
    if "key" in change:
        change = {"key": jax.random.split(jax.random.key(0))}
        words = "key is .*, but must be"
    with pytest.raises(ValueError, match=words):
        explain.influence(**{**good, "data": data, "train": data, **change})
