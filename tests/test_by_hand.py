"""Forward and backward propagation written out by hand, beside `jax.grad` and one SGD step.

The introduction's formulas, for one hidden layer after another:
z = W x + b, a = f(z), delta = dL/da * f'(z), w <- w - alpha * delta * x.
"""

from __future__ import annotations

import jax
import numpy as np
import optax
import pytest

from jaxmed import tasks
from jaxmed.models import MLP
from jaxmed.training.step import init_state, make_train_step

ALPHA = 0.1


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


ACTIVATIONS = {
    "sigmoid": (jax.nn.sigmoid, sigmoid, lambda z: sigmoid(z) * (1 - sigmoid(z))),
    "tanh": (jax.numpy.tanh, np.tanh, lambda z: 1 - np.tanh(z) ** 2),
    "relu": (jax.nn.relu, lambda z: np.maximum(z, 0), lambda z: (z > 0).astype(z.dtype)),
}


def one_step_by_hand(params, x, label, f, slope):
    """Cross entropy of softmax, averaged over the rows, and w - alpha * dL/dw for every w."""
    layers = [
        {k: np.asarray(v, np.float64) for k, v in params[f"Dense_{i}"].items()} for i in (0, 1, 2)
    ]
    inputs, sums = [x.astype(np.float64)], []
    for number, layer in enumerate(layers):  # forward
        z = inputs[-1] @ layer["kernel"] + layer["bias"]
        sums.append(z)
        inputs.append(f(z) if number < 2 else z)
    logits = sums[-1]
    shares = np.exp(logits - logits.max(1, keepdims=True))
    shares /= shares.sum(1, keepdims=True)
    rows = np.arange(len(label))
    loss = -np.log(shares[rows, label]).mean()

    target = np.zeros_like(shares)
    target[rows, label] = 1
    delta = (shares - target) / len(label)  # dL/dz of the last layer
    stepped = {}
    for number in (2, 1, 0):  # backward
        layer = layers[number]
        stepped[f"Dense_{number}"] = {
            "kernel": layer["kernel"] - ALPHA * inputs[number].T @ delta,
            "bias": layer["bias"] - ALPHA * delta.sum(0),
        }
        if number:
            delta = delta @ layer["kernel"].T * slope(sums[number - 1])
    return loss, stepped


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_the_task_and_one_step_are_the_formulas(name):
    activation, f, slope = ACTIVATIONS[name]
    task = tasks.classification(
        MLP(widths=(5, 4), outputs=3, activation=activation),
        classes=3,
        inputs=lambda batch: jax.numpy.asarray(batch["features"]),
    )
    random = np.random.default_rng(0)
    x = random.normal(size=(7, 6)).astype(np.float32)
    label = random.integers(0, 3, 7).astype(np.int32)
    batch = {"features": x, "label": label, "mask": np.ones(7, np.float32)}
    optimizer = optax.sgd(ALPHA)
    state = init_state(task, optimizer, jax.random.key(0), batch)

    after, sums = jax.jit(make_train_step(task, optimizer))(state, batch)

    loss, expected = one_step_by_hand(state.params, x, label, f, slope)
    np.testing.assert_allclose(sums["loss"] / sums["count"], loss, rtol=1e-6)
    jax.tree.map(
        lambda ours, hand: np.testing.assert_allclose(ours, hand, rtol=1e-5, atol=1e-6),
        after.params,
        expected,
    )
