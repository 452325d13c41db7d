"""What the losses of segmentation share: arguments, sums over labelled voxels, means over classes.

A label of -1 marks a voxel that is not labelled, or padding outside of the volume. It enters no
sum. Inside of these losses classes stand before space: a CPU computes along the last axis, which
then is long.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxmed import checks
from jaxmed.losses.arguments import class_labels, predicted, weights
from jaxmed.typing import AnyArray, Array, Bool, Float, Int


class Overlap(NamedTuple):
    """Sums over the labelled voxels of each example [batch, classes].

    Attributes:
        both: of the probability of a class where it is the true one.
        predicted: of its probability over all voxels.
        truth: how many voxels are of the class.
    """

    both: Float[Array, "batch classes"]
    predicted: Float[Array, "batch classes"]
    truth: Float[Array, "batch classes"]


def classes_first(logits: AnyArray, labels: AnyArray) -> tuple[Array, Array]:
    """Logits [batch, classes, *space] and labels [batch, *space].

    Args:
        logits: [batch, *space, classes], with two or three axes of space.
        labels: [batch, *space], in -1 .. classes - 1.
    """
    logits = predicted("logits", logits)
    if logits.ndim not in (4, 5) or logits.shape[-1] < 2:
        raise ValueError(
            f"logits has shape {logits.shape}, but must be [batch, height, width, classes] or "
            "[batch, depth, height, width, classes] with at least 2 classes."
        )
    labels = class_labels(labels, logits.shape[-1], least=-1)
    if labels.shape != logits.shape[:-1]:
        raise ValueError(
            f"labels has shape {labels.shape}, but must be {logits.shape[:-1]}, the batch and "
            f"space of logits, which has shape {logits.shape}."
        )
    return jnp.moveaxis(logits, -1, 1), labels


def of_each_class(
    labels: Int[Array, "batch *space"], classes: int
) -> Bool[Array, "batch classes *space"]:
    """Whether the label of a voxel is each of the classes; false for all where it is -1.

    A comparison, which XLA fuses with the sum over it: no one-hot array is kept in memory.
    """
    numbers = jnp.arange(classes, dtype=labels.dtype)
    return labels[:, None] == numbers.reshape(1, classes, *[1] * (labels.ndim - 1))


def sum_over_space(maps: Array) -> Float[Array, "batch classes"]:
    """The sum over all axes but the first two; of truths, how many there are."""
    dtype = jnp.promote_types(maps.dtype, jnp.float32)
    return jnp.sum(maps, axis=tuple(range(2, maps.ndim)), dtype=dtype)


def overlap_sums(
    logits: Float[Array, "batch classes *space"], labels: Int[Array, "batch *space"]
) -> Overlap:
    """The sums that overlap losses are made of, with p = softmax(logits)."""
    probabilities = jax.nn.softmax(logits, axis=1)
    true = of_each_class(labels, logits.shape[1])
    return Overlap(
        both=sum_over_space(jnp.where(true, probabilities, 0)),
        predicted=sum_over_space(jnp.where((labels >= 0)[:, None], probabilities, 0)),
        truth=sum_over_space(true),
    )


def mean_over_classes(
    losses: Float[Array, "batch classes"],
    *,
    include_background: bool,
    class_weights: AnyArray | None,
) -> Float[Array, "batch"]:
    """The weighted mean over the classes, or over all but class 0.

    Args:
        losses: of each class.
        include_background: whether class 0 is one of them.
        class_weights: [classes], at least 0 and not all 0; equal weights without.
    """
    checks.flag("include_background", include_background)
    first = 0 if include_background else 1
    each = weight_of_each(class_weights, losses.shape[1], first)
    shares = (each / jnp.sum(each)).astype(losses.dtype)
    return jnp.sum(losses[:, first:] * shares[None], axis=1)


def weight_of_each(
    class_weights: AnyArray | None, classes: int, first: int = 0
) -> Float[Array, "classes"]:
    """The weights of the classes from `first` on, 1 without; refused where they are all 0."""
    if class_weights is None:
        return jnp.ones(classes - first)
    each = weights("class_weights", class_weights, "class", classes)[first:]
    if not isinstance(each, jax.core.Tracer) and not np.asarray(each).any():
        raise ValueError(
            "class_weights is 0 for all classes that count, but must be greater than 0 for one: "
            "give a class a weight."
        )
    return each


def smoothing(smooth: object) -> None:
    """Refuse a constant that could divide by zero, also in a gradient in float32."""
    checks.at_least("smooth", smooth, 1e-12)
