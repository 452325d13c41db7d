"""Models that predict something for every place of an image, made by hand."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from jaxmed.models.layers import Conv
from jaxmed.tasks import Model, Task

CLASSES = 3


def model_of(logits) -> Model:
    """The model of `logits(params, image [batch, *space, channels])` [batch, *space, 3]."""

    def predict(params, state, batch):
        found = logits(params, jnp.asarray(batch["image"], jnp.float32))
        probabilities = jax.nn.softmax(found)
        volume = probabilities[..., 1].sum(tuple(range(1, probabilities.ndim - 1)))
        label = found.argmax(-1)
        return {"logits": found, "probabilities": probabilities, "volume": volume, "label": label}

    def refuse(*arguments):
        raise AssertionError("it is not trained here")

    return Model(Task(refuse, refuse, predict), {"scale": jnp.float32(0.5)}, {})


def pointwise() -> Model:
    """A place is predicted from its own first channel alone."""

    def logits(params, image):
        x = image[..., 0] / 128 - 1
        return params["scale"] * jnp.stack([x, -x, x**2], -1)

    return model_of(logits)


def of_position() -> Model:
    """What is predicted also depends on where a place lies in the window, unevenly."""

    def logits(params, image):
        x = image[..., 0] / 128 - 1
        for axis in range(1, x.ndim):
            shape = [1] * x.ndim
            shape[axis] = x.shape[axis]
            x = x + params["scale"] * jnp.cos(0.7 * axis * jnp.arange(shape[axis])).reshape(shape)
        return jnp.stack([x, -x, x**2], -1)

    return model_of(logits)


def convolution(axes: int = 2) -> Model:
    """One convolution of 3 along each axis, with zeros around the window."""
    network = Conv(CLASSES, (3,) * axes)
    params = network.init(jax.random.key(1), jnp.zeros((1, *(4,) * axes, 1)))["params"]
    model = model_of(lambda params, image: network.apply({"params": params}, image / 128 - 1))
    return Model(model.task, params, {})


def image_of(*shape: int, seed: int = 0) -> np.ndarray:
    """Pixels of a gray image or volume of this shape [*shape, 1]."""
    return np.random.default_rng(seed).integers(0, 256, (*shape, 1), np.uint8)
