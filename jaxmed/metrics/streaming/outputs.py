"""What streaming metrics read of the outputs and the batch, with checked shapes."""

import jax.numpy as jnp

from jaxmed import checks
from jaxmed.typing import Array, Batch, Outputs


def real_rows(batch: Batch) -> Array:
    """[batch], true for rows that are not padding."""
    return batch["mask"] > 0


def class_probabilities(outputs: Outputs, batch: Batch, classes: int | None = None) -> Array:
    """The probabilities of a single-label task [batch, classes] in float32."""
    probabilities = outputs["probabilities"]
    checks.shapes(
        probabilities=(probabilities, "batch classes"),
        label=(batch["label"], "batch"),
        mask=(batch["mask"], "batch"),
    )
    if classes is not None and probabilities.shape[1] != classes:
        raise ValueError(
            f"probabilities has shape {probabilities.shape}, but the metric was made for "
            f"{classes} classes: make it with classes={probabilities.shape[1]}."
        )
    return probabilities.astype(jnp.float32)


def label_probabilities(outputs: Outputs, batch: Batch) -> Array:
    """The probabilities of a multilabel task [batch, labels] in float32."""
    checks.shapes(
        probabilities=(outputs["probabilities"], "batch labels"),
        label=(batch["label"], "batch labels"),
        mask=(batch["mask"], "batch"),
    )
    return outputs["probabilities"].astype(jnp.float32)


def output(name: str, outputs: Outputs, batch: Batch) -> Array:
    """An output with one number per row [batch], in float32."""
    checks.shapes(**{name: (outputs[name], "batch"), "mask": (batch["mask"], "batch")})
    return outputs[name].astype(jnp.float32)


def value_error(outputs: Outputs, batch: Batch) -> Array:
    """Predicted value minus label [batch] in float32."""
    checks.shapes(
        value=(outputs["value"], "batch"),
        label=(batch["label"], "batch"),
        mask=(batch["mask"], "batch"),
    )
    return outputs["value"].astype(jnp.float32) - batch["label"]
