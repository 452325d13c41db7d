"""clDice: a loss that keeps tubular structures connected, such as vessels."""

import functools
from collections.abc import Iterator, Sequence

import jax
import jax.numpy as jnp
from jax import lax

from jaxmed import checks
from jaxmed.losses.segmentation import dice
from jaxmed.losses.voxels import (
    classes_first,
    mean_over_classes,
    of_each_class,
    smoothing,
    sum_over_space,
)
from jaxmed.typing import Array, Bool, Float, Int, Option


def cl_dice(
    logits: Float[Array, "batch *space classes"],
    labels: Int[Array, "batch *space"],
    *,
    alpha: Option = 0.5,
    iterations: int = 3,
    include_background: bool = False,
    smooth: Option = 1.0,
    class_weights: Float[Array, "classes"] | None = None,
) -> Float[Array, "batch"]:
    """Soft Dice loss mixed with the Dice of centerlines (clDice).

    With P the probabilities and T the truth of a class, S(.) their soft skeletons, s = `smooth`:

        precision   = (sum S(P) T + s) / (sum S(P) + s)
        sensitivity = (sum S(T) P + s) / (sum S(T) + s)
        loss = (1 - alpha) dice + alpha (1 - 2 precision sensitivity / (precision + sensitivity))

    The soft skeleton is what repeated erosions of grey values leave: minima over the neighbors
    along each axis, maxima over all 9 or 27 neighbors. A class that is absent in truth and
    prediction has the loss 0; one that is absent in one of them has a finite loss and gradient.
    Skeletons end where labels end, as at the edge of the image. Gradients are those of reverse mode
    (`jax.grad`); `jax.jvp` is refused.

    Args:
        logits: unnormalized log probabilities [batch, *space, classes].
        labels: true classes [batch, *space], in 0 .. classes - 1; -1 where a voxel does not count.
        alpha: share of the centerlines, in [0, 1]; the paper recommends at most 0.5. With 1 the
            loss is that of the centerlines alone.
        iterations: erosions of the skeleton, 1 to 100: at least half of the width, in voxels, of
            the thickest vessel.
        include_background: whether class 0, which has no centerline, is part of the mean.
        smooth: constant of all ratios, in voxels, at least 1e-12.
        class_weights: weight of each class in the mean [classes], divided by their sum; that of
            class 0 is not used without background.

    Returns:
        One loss per example [batch], in [0, 1].

    Raises:
        ValueError: if shapes disagree or an argument lies outside its range.

    References:
        Shit et al., clDice: a Novel Topology-Preserving Loss Function for Tubular Structure
        Segmentation, 2021, section 3 and algorithms 1 and 2.
    """
    checks.fraction("alpha", alpha)
    iterations = checks.whole("iterations", iterations, most=100)
    checks.flag("include_background", include_background)
    smoothing(smooth)
    overlap = dice(
        logits,
        labels,
        include_background=include_background,
        smooth=smooth,
        class_weights=class_weights,
    )
    logits, labels = classes_first(logits, labels)
    # The background's skeleton would cost as much as that of a structure, and not be used.
    first = 0 if include_background else 1
    true = of_each_class(labels, logits.shape[1])[:, first:].astype(logits.dtype)
    labelled = (labels >= 0)[:, None]
    probabilities = jnp.where(labelled, jax.nn.softmax(logits, axis=1)[:, first:], 0)
    precision = _share(_soft_skeleton(probabilities, labelled, iterations), true, smooth)
    sensitivity = _share(_soft_skeleton(true, labelled, iterations), probabilities, smooth)
    losses = 1 - 2 * precision * sensitivity / (precision + sensitivity)
    centers = mean_over_classes(
        jnp.pad(losses, ((0, 0), (first, 0))),
        include_background=include_background,
        class_weights=class_weights,
    )
    return overlap + alpha * (centers - overlap)


def _share(skeleton: Array, volume: Array, smooth: Option) -> Float[Array, "batch classes"]:
    """Which part of a skeleton lies within a volume."""
    return (sum_over_space(skeleton * volume) + smooth) / (sum_over_space(skeleton) + smooth)


def _soft_skeleton(
    maps: Float[Array, "batch classes *space"],
    labelled: Bool[Array, "batch 1 *space"],
    iterations: int,
) -> Float[Array, "batch classes *space"]:
    """What an opening removes, from the maps and after each erosion of them.

    Maps are in [0, 1]. Voxels without a label are above it in a minimum and below it in a maximum.
    """
    axes = tuple(range(2, maps.ndim))

    # Of each round only its beginning is kept for the gradient.
    @jax.checkpoint
    def eroded_once(state: tuple[Array, Array], _: None) -> tuple[tuple[Array, Array], None]:
        skeleton, left = state
        eroded = _least(jnp.where(labelled, left, 2), axes)
        opened = jnp.where(labelled, eroded, -1)
        for axis in axes:
            opened = -_least(-opened, (axis,))
        removed = jnp.where(labelled, jax.nn.relu(left - opened), 0)
        return (skeleton + (1 - skeleton) * removed, eroded), None

    start = (jnp.zeros_like(maps), maps)
    (skeleton, _), _ = lax.scan(eroded_once, start, length=iterations + 1)
    return skeleton


@functools.partial(jax.custom_vjp, nondiff_argnums=(1,))
def _least(maps: Array, axes: Sequence[int]) -> Array:
    """Minimum over a voxel and its two neighbors along each of the axes; outside is no neighbor.

    The gradient is shared equally among the voxels that have the minimum. Both directions read
    shifted views of a padded array, which is faster than the derivative that JAX finds.
    """
    return functools.reduce(jnp.minimum, _neighborhood(maps, axes, jnp.inf))


def _least_forward(maps: Array, axes: Sequence[int]) -> tuple[Array, tuple[Array, Array]]:
    least = _least(maps, axes)
    return least, (maps, least)


def _least_backward(
    axes: Sequence[int], saved: tuple[Array, Array], gradient: Array
) -> tuple[Array]:
    maps, least = saved
    equal = ((view == least).astype(maps.dtype) for view in _neighborhood(maps, axes, jnp.inf))
    shares = gradient / functools.reduce(jnp.add, equal)
    # A voxel is among the neighbors of its neighbors: it gets the share of those that took it.
    takers = zip(_neighborhood(least, axes, jnp.inf), _neighborhood(shares, axes, 0.0), strict=True)
    got = (jnp.where(view == maps, share, 0) for view, share in takers)
    return (functools.reduce(jnp.add, got),)


_least.defvjp(_least_forward, _least_backward)


def _neighborhood(maps: Array, axes: Sequence[int], outside: float) -> Iterator[Array]:
    """The maps themselves, and shifted by one voxel in both directions of each axis."""
    yield maps
    for axis in axes:
        width = [(1, 1) if each == axis else (0, 0) for each in range(maps.ndim)]
        padded = jnp.pad(maps, width, constant_values=outside)
        for start in (0, 2):
            yield lax.slice_in_dim(padded, start, start + maps.shape[axis], axis=axis)
