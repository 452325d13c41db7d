"""A binary model that decides at another threshold than 1/2."""

from __future__ import annotations

import dataclasses

import jax.numpy as jnp
import numpy as np

from jaxmed.tasks import Model
from jaxmed.typing import Array, Batch, Key, ModelState, Outputs, Params, Tree

_BELOW, _ABOVE = (float(np.nextafter(np.float32(0.5), np.float32(side))) for side in (0, 1))


def with_threshold(model: Model, threshold: float) -> Model:
    """The same binary model with its odds divided by those of a threshold, which becomes 1/2.

        p' = p (1 - t) / (p (1 - t) + (1 - p) t)

    A case is positive if p >= t. Decisions by the more probable class, and with them accuracy,
    sensitivity and F1, are then those at the threshold. The order of examples stays, and with it
    AUROC and average precision. The probabilities are no longer calibrated to the data that the
    model was trained on; `probabilities_before_threshold` and what the model answers for a single
    example hold those before the change.

    Args:
        model: with two columns of probabilities.
        threshold: t in (0, 1), chosen on validation data. It becomes a value of the model, which is
            saved and exported with it.

    Returns:
        The model; its outputs are those of `model`, with `probabilities` [batch, 2] changed and
        `probabilities_before_threshold` [batch, 2] added.

    Raises:
        ValueError: if the threshold is out of range, or (when it predicts) if the model does not
            give two probabilities.
    """
    if not 0 < threshold < 1:
        raise ValueError(f"threshold is {threshold}, but must lie in (0, 1).")
    task = model.task

    def init(key: Key, batch: Batch, constants: Tree = None) -> tuple[Params, ModelState]:
        params, state = task.init(key, batch, constants)
        return params, {"model": state, "threshold": jnp.float32(threshold)}

    def loss(
        params: Params, state: ModelState, batch: Batch, key: Key
    ) -> tuple[Array, tuple[ModelState, Outputs]]:
        losses, (after, outputs) = task.loss(params, state["model"], batch, key)
        return losses, ({**state, "model": after}, outputs)

    def predict(params: Params, state: ModelState, batch: Batch) -> Outputs:
        outputs = task.predict(params, state["model"], batch)
        before = outputs["probabilities"]
        if before.ndim != 2 or before.shape[1] != 2:
            raise ValueError(
                f"model gives probabilities of shape {before.shape}, but a threshold decides "
                "between two classes [batch, 2]: leave it out."
            )
        t = state["threshold"]
        weighed = before * jnp.stack([t, 1 - t])[None]
        after = weighed / weighed.sum(-1, keepdims=True)
        # Rounding must not turn a decision around, nor a tie decide for the negative class.
        positive = before[:, 1:] >= t
        negative, present = after[:, :1], after[:, 1:]
        negative = jnp.where(positive, jnp.minimum(negative, _BELOW), jnp.maximum(negative, _ABOVE))
        present = jnp.where(positive, jnp.maximum(present, _ABOVE), jnp.minimum(present, _BELOW))
        after = jnp.concatenate([negative, present], axis=1)
        return {**outputs, "probabilities": after, "probabilities_before_threshold": before}

    def answer(outputs: Outputs) -> Outputs:
        chosen = jnp.argmax(outputs["probabilities"], axis=-1)
        before = outputs["probabilities_before_threshold"]
        said = jnp.take_along_axis(before, chosen[:, None], axis=1)[:, 0]
        return {"class": chosen, "probability": said}

    changed = dataclasses.replace(
        task,
        init=init,
        loss=loss,
        predict=predict,
        judge=dataclasses.replace(task.judge, answer=answer),
    )
    return Model(changed, model.params, {"model": model.state, "threshold": jnp.float32(threshold)})
