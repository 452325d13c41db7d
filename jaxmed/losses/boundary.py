"""The boundary loss: wrong voxels cost their distance from the true boundary."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxmed import checks
from jaxmed.losses.voxels import (
    classes_first,
    mean_over_classes,
    of_each_class,
    sum_over_space,
)
from jaxmed.typing import Array, Bool, Float, Int


def boundary(
    logits: Float[Array, "batch *space classes"],
    labels: Int[Array, "batch *space"],
    *,
    spacing: Sequence[float] | None = None,
    include_background: bool = False,
    class_weights: Float[Array, "classes"] | None = None,
) -> Float[Array, "batch"]:
    """Boundary loss: the mean of probability times signed distance from the true boundary.

    With p = softmax(logits) and phi_k the signed distance from the boundary of class k, over the n
    labelled voxels of an example:

        loss_k = sum p_k phi_k / n

    phi_k(x) is the Euclidean distance between voxel centers from x to the nearest voxel of class k
    where x is of another class, and minus the distance to the nearest voxel of another class where
    x is of class k. The authors' code adds one voxel to it inside of the class. It is computed
    exactly, on the device and from the labels alone, so that it follows augmentation. It takes
    voxels x classes x the sum of the lengths of the axes operations.

    The loss may be negative: the truth has the lowest one, which is not 0. It says nothing of a
    class that is absent, or that fills the example, as there is no boundary: such a class has the
    loss 0 and no gradient. Alone it has flat regions, so add it to a loss of overlap:

        lambda logits, labels: losses.dice(logits, labels) + 0.01 * losses.boundary(logits, labels)

    Args:
        logits: unnormalized log probabilities [batch, *space, classes].
        labels: true classes [batch, *space], in 0 .. classes - 1; -1 where a voxel does not count.
        spacing: of the voxels along each axis of space, in mm, greater than 0, the same for all
            examples; without it distances are in voxels.
        include_background: whether class 0 is part of the mean.
        class_weights: weight of each class in the mean [classes], divided by their sum; that of
            class 0 is not used without background.

    Returns:
        One loss per example [batch], in voxels, or in mm with `spacing`.

    Raises:
        ValueError: if shapes disagree or an argument lies outside its range.

    References:
        Kervadec et al., Boundary Loss for Highly Unbalanced Segmentation, 2019, equations 5 and 7;
        Felzenszwalb and Huttenlocher, Distance Transforms of Sampled Functions, 2012, section 2
        (one axis after the other).
    """
    logits, labels = classes_first(logits, labels)
    steps = _steps(spacing, labels.ndim - 1)
    checks.flag("include_background", include_background)
    first = 0 if include_background else 1
    labelled = (labels >= 0)[:, None]
    inside = of_each_class(labels, logits.shape[1])[:, first:]
    distances = _signed_distances(inside, labelled & ~inside, steps)
    probabilities = jax.nn.softmax(logits, axis=1)[:, first:]
    sums = sum_over_space(jnp.where(labelled, probabilities * distances, 0))
    losses = sums / jnp.maximum(sum_over_space(labelled), 1)
    return mean_over_classes(
        jnp.pad(losses, ((0, 0), (first, 0))),
        include_background=include_background,
        class_weights=class_weights,
    )


def _signed_distances(
    inside: Bool[Array, "batch classes *space"],
    outside: Bool[Array, "batch classes *space"],
    steps: Sequence[float],
) -> Float[Array, "batch classes *space"]:
    """Distance from each voxel to the other side, negative inside; 0 where one side is empty."""
    space = tuple(range(2, inside.ndim))
    has_boundary = inside.any(space, keepdims=True) & outside.any(space, keepdims=True)
    to_inside, to_outside = (_distances(part, steps) for part in (inside, outside))
    return jnp.where(has_boundary, jnp.where(inside, -to_outside, to_inside), 0)


def _distances(
    sources: Bool[Array, "batch classes *space"], steps: Sequence[float]
) -> Float[Array, "batch classes *space"]:
    """Euclidean distance to the nearest source of the class; infinite where there is none."""
    squared = jnp.where(sources, 0.0, jnp.inf)
    for axis, step in enumerate(steps, 2):
        squared = _nearest_along(squared, axis, step)
    return jnp.sqrt(squared)


def _nearest_along(squared: Array, axis: int, step: float) -> Array:
    """The least of what each place along an axis has, plus the squared distance to it.

    A scan over the places: written as one minimum, XLA may keep the sum for all pairs of places.
    """
    lines = jnp.moveaxis(squared, axis, 0)
    places = np.arange(len(lines)) * step
    between = jnp.asarray((places[:, None] - places[None]) ** 2, squared.dtype)

    def nearer(least: Array, place: tuple[Array, Array]) -> tuple[Array, None]:
        line, distances = place
        there = line[None] + distances.reshape(-1, *[1] * line.ndim)
        return jnp.minimum(least, there), None

    least, _ = lax.scan(nearer, jnp.full_like(lines, jnp.inf), (lines, between))
    return jnp.moveaxis(least, 0, axis)


def _steps(spacing: Sequence[float] | None, axes: int) -> tuple[float, ...]:
    """The spacing as numbers; 1 without."""
    if spacing is None:
        return (1.0,) * axes
    found = checks.sequence("spacing", spacing, "numbers in mm")
    if len(found) != axes:
        raise ValueError(
            f"spacing has {len(found)} numbers, but labels has {axes} axes of space: give one "
            "number in mm per axis."
        )
    for number, each in enumerate(found):
        checks.positive(f"spacing[{number}]", each)
    return tuple(float(each) for each in found)
