"""A binary model that decides at another threshold than 1/2."""

from __future__ import annotations

import dataclasses

import jax.numpy as jnp

from jaxmed.tasks import Model
from jaxmed.typing import Array, Batch, Key, ModelState, Outputs, Params, Tree


def with_threshold(model: Model, threshold: float) -> Model:
    """The same binary model with its odds divided by those of a threshold, which becomes 1/2.

        p' = p (1 - t) / (p (1 - t) + (1 - p) t)

    Decisions by the more probable class, and with them accuracy, sensitivity and F1, are then
    those at the threshold. The order of examples stays, and with it AUROC and average precision;
    the probabilities are no longer those of the data the model was trained on. What the model
    answers for a single example has the probability before the change.

    Args:
        model: with two columns of probabilities.
        threshold: t in (0, 1), chosen on validation data. It becomes a value of the model, which is
            saved and exported with it.
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
        weights = jnp.stack([state["threshold"], 1 - state["threshold"]])[None]
        weighed = before * weights
        after = weighed / weighed.sum(-1, keepdims=True)
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
