"""Training on mixtures of two images: mixup, CutMix."""

from __future__ import annotations

import dataclasses

import jax
import jax.numpy as jnp

from jaxmed.tasks import Task
from jaxmed.typing import Array, Batch, Key, ModelState, Outputs, Params, Transform


def mixup(task: Task, change: Transform) -> Task:
    """The same task, trained on images that are mixtures of two, each with a label.

    loss = mixing * loss(label) + (1 - mixing) * loss(partner_label)

    No label is softened, so that any loss serves, of grades and of several findings too. The
    network runs once: only what follows its outputs is computed for both labels. Streaming metrics
    compare its outputs on mixtures with `label`, and are lower than those of a task that is not
    mixed.

    Args:
        task: of any kind that reads `label` in its loss. Changes of single images belong into
            `change`, before the mixing.
        change: gives the columns `partner_label` and `mixing`, such as `image_mixing.mixup(0.2)` or
            `image.in_turn(image.each_image(image.random_shift(2)), image_mixing.cutmix(1.0))`.
    """

    def loss(
        params: Params, model_state: ModelState, batch: Batch, key: Key
    ) -> tuple[Array, tuple[ModelState, Outputs]]:
        change_key, task_key = jax.random.split(key)
        after = change(change_key, batch)
        if "mixing" not in after:
            raise ValueError(
                "change gives no column `mixing`: pass image_mixing.mixup or image_mixing.cutmix, "
                "alone or as the last of `in_turn`."
            )

        def under(label: Array) -> tuple[Array, tuple[ModelState, Outputs]]:
            return task.loss(params, model_state, {**after, "label": label}, task_key)

        # Only what depends on the label is mapped, and the network does not.
        labels = jnp.stack([after["label"], after["partner_label"]])
        (own, partner), rest = jax.vmap(under)(labels)
        share = after["mixing"]
        return share * own + (1 - share) * partner, jax.tree.map(lambda leaf: leaf[0], rest)

    return dataclasses.replace(task, loss=loss)
