"""Learning from normal images without labels: predict which transformation was applied."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp

from jaxmed import checks, fitted
from jaxmed.metrics.streaming import Metric
from jaxmed.tasks import arguments
from jaxmed.tasks.features import features_of
from jaxmed.tasks.network import Inputs, Network, first_values, fitted_part, in_training, variables
from jaxmed.tasks.row_means import row_means
from jaxmed.tasks.task import Task
from jaxmed.typing import Array, Batch, Key, ModelState, Outputs, Params

Transformation: TypeAlias = Callable[[Array], Array]
"""Images [batch, height, width, channels] to as many of the same shape."""


def transformation_prediction(
    network: Network,
    *,
    inputs: Inputs,
    transformations: Sequence[Transformation],
    metrics: Mapping[str, Metric] | None = None,
) -> Task:
    """Predict which transformation was applied to an image, as a score of how normal it is.

    Every image is seen under each transformation, and the loss of an image is the mean cross
    entropy over them. A network trained on normal images predicts the transformations of normal
    images best. Gidaris et al. 2018, section 2; Golan and El-Yaniv 2018, section 4.

    Predictions are `normality` [batch], the mean log probability of the right transformation
    (at most 0, high for what resembles the training images), and `features` [batch, width] of the
    image itself.

    Args:
        network: gives one logit per transformation, such as `models.PooledClassifier`.
        inputs: what the network reads of a batch.
        transformations: at least 2, of what the network reads; the identity is one of them:
            `geometric_transformations()`.
        metrics: streaming metrics of training by name; by default none.

    Raises:
        ValueError: for fewer than 2 transformations, or (when the loss is computed) for one that
            changes the shape.
    """
    arguments.parts(network, metrics, inputs=inputs)
    transformations = checks.sequence("transformations", transformations, "functions of images")
    for number, transformation in enumerate(transformations):
        checks.function(f"transformations[{number}]", transformation, "of images")
    if len(transformations) < 2:
        raise ValueError(
            f"transformations has {len(transformations)} members, but must have at least 2: use "
            "geometric_transformations()."
        )

    numbers = jnp.arange(len(transformations))

    def every(x: Array) -> Array:
        seen = [transform(x) for transform in transformations]
        for number, found in enumerate(seen):
            if found.shape != x.shape:
                raise ValueError(
                    f"transformations[{number}] makes images of shape {x.shape} into "
                    f"{found.shape}, but must keep the shape: choose another, or crop the images."
                )
        return jnp.stack(seen)

    def log_probability(logits: Array, number: Array) -> Array:
        if logits.ndim != 2 or logits.shape[1] != len(transformations):
            raise ValueError(
                f"network gives outputs of shape {logits.shape}, but this task needs one per "
                f"transformation, (batch, {len(transformations)}): change the width of its last "
                "layer."
            )
        return jnp.take(jax.nn.log_softmax(logits.astype(jnp.float32)), number, axis=1)

    def loss(
        params: Params, state: ModelState, batch: Batch, key: Key
    ) -> tuple[Array, tuple[ModelState, Outputs]]:
        x = fitted_part(inputs, state, "inputs")(batch)

        def one(state: ModelState, transformed: tuple[Array, Array]) -> tuple[Any, Array]:
            x, number = transformed
            own_key = jax.random.fold_in(key, number)
            logits, state = in_training(network, params, batch["mask"], own_key)(x, state)
            return state, log_probability(logits, number)

        # One after another and not side by side: dropout then depends on an image's place alone,
        # and the network is compiled once.
        state, found = jax.lax.scan(one, state, (every(x), numbers))
        return -found.mean(0), (state, {})

    def predict(params: Params, state: ModelState, batch: Batch) -> Outputs:
        def one(transformed: tuple[Array, Array]) -> Array:
            x, number = transformed
            logits = network.apply(variables(params, state), x, train=False)
            return log_probability(logits, number)

        x = fitted_part(inputs, state, "inputs")(batch)
        found = jax.lax.map(one, (every(x), numbers))
        features = features_of(network, inputs)(params, state, batch)
        return {"normality": found.mean(0), **features}

    return Task(
        first_values(network, inputs=inputs),
        loss,
        predict,
        metrics or {},
        row_means("normality"),
        fitted.joined({"inputs": inputs}),
        fitted.missing(inputs),
    )


def geometric_transformations(shift: int = 0) -> tuple[Transformation, ...]:
    """The eight symmetries of the square, alone or each moved by `shift` pixels in nine directions.

    Golan and El-Yaniv 2018, section 5.1: 72 with a shift. Pixels that come in from outside repeat
    the edge.

    Args:
        shift: in pixels; 0 for the eight alone.

    Returns:
        8 or 72 functions of images [batch, side, side, channels], which raise a ValueError for
        other shapes.
    """
    shift = checks.whole("shift", shift, least=0, most=2**20)
    steps = (0,) if shift == 0 else (0, -shift, shift)

    def transformation(turns: int, mirrored: bool, down: int, right: int) -> Transformation:
        def transform(x: Array) -> Array:
            if x.ndim != 4 or x.shape[1] != x.shape[2]:
                raise ValueError(
                    f"images have shape {x.shape}, but these transformations need squares "
                    "[batch, side, side, channels]: crop or pad them, or take slices of volumes."
                )
            x = jnp.flip(x, 2) if mirrored else x
            x = jnp.rot90(x, turns, (1, 2))
            height, width = x.shape[1:3]
            padded = jnp.pad(x, ((0, 0), (shift, shift), (shift, shift), (0, 0)), mode="edge")
            top, left = shift + down, shift + right
            return padded[:, top : top + height, left : left + width]

        return transform

    return tuple(
        transformation(turns, mirrored, down, right)
        for mirrored in (False, True)
        for down in steps
        for right in steps
        for turns in range(4)
    )
