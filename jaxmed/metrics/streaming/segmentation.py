"""The streaming Dice coefficient of a segmentation."""

import jax.numpy as jnp

from jaxmed import checks
from jaxmed.metrics.streaming.metric import Metric, ratio
from jaxmed.metrics.streaming.outputs import real_rows
from jaxmed.metrics.streaming.undefined import nan_if_undefined
from jaxmed.typing import Array, Batch, Outputs, Tree


def dice(classes: int, *, include_background: bool = False) -> Metric:
    """Mean over classes of the Dice coefficient of all voxels of all rows together.

    The class of a voxel is the most probable one. Labels are `outputs["label"]`, where the outputs
    hold those that training has moved or cut out, and else those of the batch. Large cases count
    more than small ones, unlike in a mean over cases; classes that are neither true nor predicted
    in any row are left out. It serves to follow training, also on patches: report
    `metrics.segmentation_case` of whole cases.

    Voxels are counted exactly in each batch and summed as float32, whose range no data set leaves.

    Args:
        classes: number of classes, at least 2.
        include_background: whether class 0 is part of the mean.
    """
    classes = checks.whole("classes", classes, least=2, most=10_000)
    checks.flag("include_background", include_background)
    first = 0 if include_background else 1

    def update(state: Tree, outputs: Outputs, batch: Batch) -> Tree:
        label = outputs.get("label", batch["label"])
        predicted = _predicted_classes(outputs, label, batch, classes)
        real = real_rows(batch).reshape(-1, *[1] * (label.ndim - 1)) & (label >= 0)
        found = _of_each(predicted, classes) & real[:, None]
        true = _of_each(label, classes) & real[:, None]
        counts = {"intersection": found & true, "predicted": found, "truth": true}
        axes = (0, *range(2, found.ndim))
        return {
            name: state[name] + jnp.sum(each, axis=axes, dtype=jnp.int32).astype(jnp.float32)
            for name, each in counts.items()
        }

    def result(state: Tree) -> Array:
        total = (state["predicted"] + state["truth"])[first:]
        scores = ratio(2 * state["intersection"][first:], total)
        return ratio(jnp.sum(scores, where=total > 0), jnp.sum(total > 0))

    names = ("intersection", "predicted", "truth")
    metric = Metric(lambda: {name: jnp.zeros(classes) for name in names}, update, result)
    return nan_if_undefined(metric, "probabilities")


def _predicted_classes(outputs: Outputs, label: Array, batch: Batch, classes: int) -> Array:
    """The most probable class [batch, *space]; refused where shapes disagree."""
    probabilities = outputs["probabilities"]
    checks.shapes(mask=(batch["mask"], "batch"))
    if label.ndim < 2 or probabilities.shape != (*label.shape, classes):
        raise ValueError(
            f"probabilities has shape {probabilities.shape} and label {label.shape}, but they must "
            f"be [batch, *space, {classes}] and [batch, *space]: make the metric with the number "
            "of classes of the network."
        )
    return jnp.argmax(probabilities, axis=-1)


def _of_each(classes_of_voxels: Array, classes: int) -> Array:
    """Whether a voxel is of each class [batch, classes, *space]."""
    numbers = jnp.arange(classes).reshape(1, classes, *[1] * (classes_of_voxels.ndim - 1))
    return classes_of_voxels[:, None] == numbers
