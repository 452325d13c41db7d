"""A task under changes of its images: mixed with others in training, averaged over in testing."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp

from jaxmed.tasks import Task, mean_outputs
from jaxmed.typing import Array, Batch, Key, ModelState, Outputs, Params, Transform


def mixed(task: Task, change: Transform) -> Task:
    """The same task, trained on images that are mixtures of two, each with a label.

    loss = mixing * loss(label) + (1 - mixing) * loss(partner_label)

    No label is softened, so that any loss serves, of grades and of several findings too. The
    network runs once: only what follows its outputs is computed for both labels. Streaming metrics
    compare its outputs on mixtures with `label`, and are lower than those of a task that is not
    mixed.

    Args:
        task: of any kind that reads `label` in its loss. What its own `augment` does comes
            after `change`; place changes of single images into `change`, before the mixing.
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


def averaged(task: Task, changes: Sequence[Callable[[Array], Array]]) -> Task:
    """The same task, whose prediction is the mean over changed copies of every image.

    Probabilities and values are averaged; logits, of which the mean is not that of the
    probabilities, and whole numbers are left out. Training is as it was. Use changes that leave the
    label as it is. It costs as many predictions as there are changes.

    Args:
        task: that reads `image`.
        changes: `image -> image` of one image or volume, all giving one shape. The image itself
            counts only if it is among them, as `lambda image: image`. A random change takes part
            with a fixed key, the same for all images:
            `functools.partial(change, jax.random.key(0))`.
    """
    if not changes:
        raise ValueError("changes is empty: pass one or more, such as `lambda image: image`.")

    def predict(params: Params, model_state: ModelState, batch: Batch) -> Outputs:
        copies = jnp.stack([jax.vmap(change)(jnp.asarray(batch["image"])) for change in changes])

        def of(image: Array) -> Outputs:
            return task.predict(params, model_state, {**batch, "image": image})

        # One after another: a batch fits memory as it does without.
        return mean_outputs(jax.lax.map(of, copies))

    return dataclasses.replace(task, predict=predict)
