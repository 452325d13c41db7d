"""Several members of one task as a task: trained by one program, predicting by their mean."""

from __future__ import annotations

import dataclasses

import jax

from jaxmed import checks
from jaxmed.tasks import Task, mean_outputs
from jaxmed.typing import Array, Batch, Key, ModelState, Outputs, Params


def members(task: Task, count: int) -> Task:
    """`count` members with first values, dropout and augmentation of their own, on one batch.

    Parameters and model state get a leading axis of members, over which everything is `vmap`ped:
    the same `fit`, checkpoints and placements serve. The loss of an example is the sum over the
    members, so that each gets the gradient it would get alone; the outputs are their means
    (Lakshminarayanan et al. 2017, section 2.4: probabilities are averaged, not logits). An
    optimizer that looks at all parameters together, such as clipping by the global norm, sees
    all members.

    Args:
        task: of one member.
        count: how many, at least 1.
    """
    checks.at_least("count", count, 1)

    def init(key: Key, batch: Batch) -> tuple[Params, ModelState]:
        return jax.vmap(task.init, (0, None))(jax.random.split(key, count), batch)

    def loss(
        params: Params, model_state: ModelState, batch: Batch, key: Key
    ) -> tuple[Array, tuple[ModelState, Outputs]]:
        each = jax.vmap(task.loss, (0, 0, None, 0))
        losses, (model_state, outputs) = each(
            params, model_state, batch, jax.random.split(key, count)
        )
        return losses.sum(0), (model_state, mean_outputs(outputs))

    def predict(params: Params, model_state: ModelState, batch: Batch) -> Outputs:
        return mean_outputs(jax.vmap(task.predict, (0, 0, None))(params, model_state, batch))

    return dataclasses.replace(task, init=init, loss=loss, predict=predict)
