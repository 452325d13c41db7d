"""Training on mixtures of two images: mixup, CutMix."""

from __future__ import annotations

import dataclasses

import jax
import jax.numpy as jnp

from jaxmed import checks
from jaxmed.tasks.task import A_TASK, Task
from jaxmed.typing import Array, Batch, Key, ModelState, Outputs, Params, Transform


def mixup(task: Task, change: Transform) -> Task:
    """The same task, trained on images that are mixtures of two, each with a label.

        loss = mixing * loss(label) + (1 - mixing) * loss(partner_label)

    No label is softened, so any loss can be used, also those of grades and of several findings.
    The network runs once per batch; only what follows its outputs is computed for both labels.
    Streaming metrics compare the outputs on mixtures with `label`, so they are lower than without
    mixing. Predictions are unchanged.

    Args:
        task: of any kind that reads `label` in its loss.
        change: gives the columns `partner_label` and `mixing`, such as `augment.random_mixup(0.2)`.
            Changes of single images go before the mixing, as in
            `augment.compose(augment.per_image(change), augment.random_cutmix(1.0))`.

    Raises:
        ValueError: (when the loss is computed) if `change` gives no `mixing`.

    References:
        Zhang et al., mixup: Beyond Empirical Risk Minimization, 2018. Yun et al., CutMix, 2019.
    """
    checks.made_by("task", task, Task, A_TASK)
    checks.function("change", change, "(key, batch) -> batch")

    def loss(
        params: Params, model_state: ModelState, batch: Batch, key: Key
    ) -> tuple[Array, tuple[ModelState, Outputs]]:
        change_key, task_key = jax.random.split(key)
        after = change(change_key, batch)
        if "mixing" not in after:
            raise ValueError(
                "change gives no column `mixing`: pass augment.random_mixup or "
                "augment.random_cutmix, alone or as the last of `augment.compose`."
            )

        def under(label: Array) -> tuple[Array, tuple[ModelState, Outputs]]:
            return task.loss(params, model_state, {**after, "label": label}, task_key)

        # Only what depends on the label is mapped, and the network does not.
        labels = jnp.stack([after["label"], after["partner_label"]])
        (own, partner), rest = jax.vmap(under)(labels)
        share = after["mixing"]
        return share * own + (1 - share) * partner, jax.tree.map(lambda leaf: leaf[0], rest)

    return dataclasses.replace(task, loss=loss)
