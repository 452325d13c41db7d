"""Models whose explanations are known in closed form, and data for them.

Each model is made once, so that tests share the compiled programs of its task.
"""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp
import numpy as np

from jaxmed import tasks
from jaxmed.data import inputs
from jaxmed.models import MLP, ConvNet, layers
from jaxmed.tasks import Model

SIDE = 6


@functools.cache
def of_images() -> Model:
    """Two logits, 0 and a weighted sum of the pixels; the weights are `weights()`."""
    task = tasks.classification(MLP(widths=(), outputs=2), classes=2, inputs=inputs.unit_pixels)
    kernel = jnp.stack([jnp.zeros(SIDE * SIDE), jnp.asarray(weights()).ravel()], axis=1)
    params = {"Dense_0": {"kernel": kernel, "bias": jnp.zeros(2)}}
    return Model(task, params, {})


def weights() -> np.ndarray:
    return np.random.default_rng(3).normal(size=(SIDE, SIDE)).astype(np.float32)


def images(rows: int = 5) -> dict[str, np.ndarray]:
    random = np.random.default_rng(4)
    return {
        "image": random.integers(0, 256, (rows, SIDE, SIDE, 1), np.uint8),
        "label": np.arange(rows, dtype=np.int32) % 2,
    }


@functools.cache
def convolutional(norm=layers.BatchNorm) -> Model:
    """A small network with random parameters."""
    network = ConvNet(outputs=2, widths=(4, 6), depths=(1, 1), norm=norm)
    task = tasks.classification(network, classes=2, inputs=inputs.pixels())
    columns = images()
    params, state = task.init(jax.random.key(5), columns, task.constants(columns))
    return Model(task, params, state)
