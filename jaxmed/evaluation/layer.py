"""One intermediate value of a model, beside its predictions, for every row of a data set."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Literal, TypeAlias

import jax.numpy as jnp
import numpy as np

from jaxmed import checks
from jaxmed.data.source import Source
from jaxmed.evaluation.class_rows import checked_predictions
from jaxmed.evaluation.predict import predictions
from jaxmed.tasks import Model
from jaxmed.typing import Batch, Columns, ModelState, Outputs, Params

FEATURES = "features"
Reading: TypeAlias = Literal["mean", "flat"]
"""The mean over the places of a value, such as those of a map of an image, or all its numbers."""


def layer_batches(
    model: Model,
    data: Columns | Source,
    layer: str,
    batch_size: int = 512,
    *,
    reading: Reading = "mean",
    labeled: str | None = None,
) -> Iterator[tuple[dict[str, np.ndarray], dict[str, np.ndarray], np.ndarray]]:
    """Columns, outputs and the value of a layer, one batch after another, without padding.

    Args:
        model: with named intermediate values.
        data: columns or a source.
        layer: name of the value.
        batch_size: rows at a time.
        reading: "mean", over the places of the value, or "flat", all its numbers.
        labeled: name of the argument `data` for messages, where its targets are read and must be
            checked; None where they are not.

    Yields:
        Columns, outputs, and features [rows, width] in float64.

    Raises:
        ValueError: if the model names no values, or none of this name, or targets are not those of
            the task.
    """
    checks.made_by("model", model, Model, "a Model, such as fit(...).model")
    checks.text("layer", layer)
    model = _also_giving(model, layer, reading)
    if labeled is None:
        batches = predictions(model, data, batch_size)
    else:
        batches = checked_predictions(model, data, name=labeled, batch_size=batch_size)
    for columns, outputs in batches:
        features = outputs.pop(FEATURES)
        yield columns, outputs, features.astype(np.float64)


def _also_giving(model: Model, layer: str, reading: Reading) -> Model:
    """The model that also predicts the value of a layer; the same task at every call."""
    task = model.task
    if task.intermediates is None:
        raise ValueError(
            "model has no named intermediate values: use a model of one network, such as "
            "transforms.members(model)[0] of an ensemble."
        )
    name = ("layer", layer, reading)
    if name not in task.programs:

        def predict(params: Params, state: ModelState, batch: Batch) -> Outputs:
            outputs, values = Model(task, params, state).intermediates(batch)
            checks.known("layer", layer, values)
            value = values[layer].astype(jnp.float32)
            if reading == "mean":
                value = value.mean(tuple(range(1, value.ndim - 1)))
            return {**outputs, FEATURES: value.reshape(len(value), -1)}

        task.programs[name] = dataclasses.replace(task, predict=predict)
    return dataclasses.replace(model, task=task.programs[name])
