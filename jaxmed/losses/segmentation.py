"""Losses of the overlap between a segmentation and its truth, and cross entropy over voxels.

Logits are [batch, *space, classes] and labels [batch, *space], where space is [height, width] or
[depth, height, width]. A label of -1 marks a voxel that does not count. Sums run over the labelled
voxels of one example and one class, then the mean is taken over the classes, so that a small
structure counts as much as a large one. An example without a labelled voxel has the loss 0.

`smooth` keeps every loss and gradient finite, and decides what an absent class costs. A class that
is not in the truth, and is predicted with a total probability P, has the Dice loss
P / (P + smooth): 0 where it is not predicted either. A small `smooth` makes this nearly 1 with a
gradient near 0, as soon as there is one false voxel; with a large one, such as 1 or more, few false
voxels cost little and have a gradient that removes them.
"""

import jax
import jax.numpy as jnp

from jaxmed import checks
from jaxmed.losses.voxels import (
    Overlap,
    classes_first,
    mean_over_classes,
    of_each_class,
    overlap_sums,
    smoothing,
    sum_over_space,
    weight_of_each,
)
from jaxmed.typing import Array, Float, Int, Option


def dice(
    logits: Float[Array, "batch *space classes"],
    labels: Int[Array, "batch *space"],
    *,
    include_background: bool = True,
    smooth: Option = 1e-5,
    class_weights: Float[Array, "classes"] | None = None,
) -> Float[Array, "batch"]:
    """Soft Dice loss, the mean over classes of one minus the Dice coefficient.

    With p = softmax(logits), t_k = 1 where the class is k, and s = `smooth`:

        loss_k = 1 - (2 sum p_k t_k + s) / (sum p_k + sum t_k + s)

    Args:
        logits: unnormalized log probabilities [batch, *space, classes].
        labels: true classes [batch, *space], in 0 .. classes - 1; -1 where a voxel does not count.
        include_background: whether class 0 is part of the mean.
        smooth: constant, in voxels, at least 1e-12; what it does to an absent class is said above.
        class_weights: weight of each class in the mean [classes], divided by their sum; that of
            class 0 is not used without background.

    Returns:
        One loss per example [batch], in [0, 1].

    Raises:
        ValueError: if shapes disagree or an argument lies outside its range.

    Example:
        >>> dice(jnp.zeros((1, 2, 2, 2)), jnp.array([[[0, 0], [1, 1]]]), smooth=4)
        Array([0.25], dtype=float32)

    References:
        Milletari et al., V-Net, 2016, section 3, without its squares; Drozdzal et al., The
        Importance of Skip Connections in Biomedical Image Segmentation, 2016, section 2.
    """
    logits, labels = classes_first(logits, labels)
    smoothing(smooth)
    both, predicted, truth = overlap_sums(logits, labels)
    losses = 1 - (2 * both + smooth) / (predicted + truth + smooth)
    return mean_over_classes(
        losses, include_background=include_background, class_weights=class_weights
    )


def generalized_dice(
    logits: Float[Array, "batch *space classes"],
    labels: Int[Array, "batch *space"],
    *,
    include_background: bool = True,
    power: Option = 2.0,
    smooth: Option = 1e-5,
) -> Float[Array, "batch"]:
    """Generalized Dice loss: one ratio over all classes, each weighted by its volume.

    With p = softmax(logits), t_k = 1 where the class is k, n_k the number of its voxels:

        loss = 1 - (2 sum_k w_k sum p_k t_k + s) / (sum_k w_k (sum p_k + sum t_k) + s)

    with w_k = (n_min / n_k)^power, n_min that of the rarest class that is there. A common factor of
    the weights cancels, and this one makes s = `smooth` count in voxels, also in large volumes. A
    class that is not there has the largest weight, 1, so that its false voxels cost most.

    Args:
        logits: unnormalized log probabilities [batch, *space, classes].
        labels: true classes [batch, *space], in 0 .. classes - 1; -1 where a voxel does not count.
        include_background: whether class 0 is part of the sums.
        power: of the volume, at least 0: 2 is the published loss, 1 weighs less, 0 not at all.
        smooth: constant, in voxels of the rarest class, at least 1e-12.

    Returns:
        One loss per example [batch], in [0, 1].

    Raises:
        ValueError: if shapes disagree or an argument lies outside its range.

    References:
        Sudre et al., Generalised Dice Overlap as a Deep Learning Loss Function for Highly
        Unbalanced Segmentations, 2017, section 2.1.
    """
    logits, labels = classes_first(logits, labels)
    checks.flag("include_background", include_background)
    checks.at_least("power", power, 0)
    smoothing(smooth)
    sums = overlap_sums(logits, labels)
    both, predicted, truth = sums if include_background else Overlap(*(x[:, 1:] for x in sums))
    present = truth > 0
    rarest = jnp.min(truth, axis=1, keepdims=True, where=present, initial=jnp.inf)
    each = jnp.where(present, (rarest / jnp.maximum(truth, 1)) ** power, 1)
    shared, total = jnp.sum(each * both, axis=1), jnp.sum(each * (predicted + truth), axis=1)
    return 1 - (2 * shared + smooth) / (total + smooth)


def voxel_cross_entropy(
    logits: Float[Array, "batch *space classes"],
    labels: Int[Array, "batch *space"],
    *,
    class_weights: Float[Array, "classes"] | None = None,
) -> Float[Array, "batch"]:
    """Cross entropy, the mean over the labelled voxels of an example.

    With p = softmax(logits), y the class of a voxel and weights w (1 without):

        loss = -(sum w_y log p_y) / (sum w_y)

    Args:
        logits: unnormalized log probabilities [batch, *space, classes].
        labels: true classes [batch, *space], in 0 .. classes - 1; -1 where a voxel does not count.
        class_weights: weight of a voxel by its true class [classes], at least 0 and not all 0. An
            example whose voxels all have weight 0 has the loss 0.

    Returns:
        One loss per example [batch], in nats.

    Raises:
        ValueError: if shapes disagree or an argument lies outside its range.

    Example:
        >>> voxel_cross_entropy(jnp.zeros((1, 1, 2, 2)), jnp.array([[[0, -1]]]))  # log 2
        Array([0.6931472], dtype=float32)
    """
    logits, labels = classes_first(logits, labels)
    classes = logits.shape[1]
    each = weight_of_each(class_weights, classes).astype(logits.dtype)[None]
    true = of_each_class(labels, classes)
    log_p = sum_over_space(jnp.where(true, jax.nn.log_softmax(logits, axis=1), 0))
    surprise = -jnp.sum(log_p * each, axis=1)
    total = jnp.sum(sum_over_space(true) * each, axis=1)
    return jnp.where(total > 0, surprise / jnp.where(total > 0, total, 1), 0)


def dice_cross_entropy(
    logits: Float[Array, "batch *space classes"],
    labels: Int[Array, "batch *space"],
    *,
    dice_weight: Option = 1.0,
    cross_entropy_weight: Option = 1.0,
    include_background: bool = True,
    smooth: Option = 1e-5,
    class_weights: Float[Array, "classes"] | None = None,
) -> Float[Array, "batch"]:
    """Weighted sum of `dice` and `voxel_cross_entropy`, the loss of nnU-Net.

    The cross entropy has useful gradients from the start and for absent classes, the Dice loss
    does not drown small structures in background.

    Args:
        logits: unnormalized log probabilities [batch, *space, classes].
        labels: true classes [batch, *space], in 0 .. classes - 1; -1 where a voxel does not count.
        dice_weight: factor of the Dice loss, at least 0.
        cross_entropy_weight: factor of the cross entropy, at least 0.
        include_background: whether class 0 is part of the Dice loss; it always is part of the
            cross entropy.
        smooth: constant of the Dice loss, in voxels, at least 1e-12.
        class_weights: [classes], at least 0, used in both.

    Returns:
        One loss per example [batch].

    Raises:
        ValueError: if shapes disagree or an argument lies outside its range.

    References:
        Isensee et al., nnU-Net: a self-configuring method for deep learning-based biomedical image
        segmentation, 2021, online methods.
    """
    checks.at_least("dice_weight", dice_weight, 0)
    checks.at_least("cross_entropy_weight", cross_entropy_weight, 0)
    overlap = dice(
        logits,
        labels,
        include_background=include_background,
        smooth=smooth,
        class_weights=class_weights,
    )
    entropy = voxel_cross_entropy(logits, labels, class_weights=class_weights)
    return dice_weight * overlap + cross_entropy_weight * entropy
