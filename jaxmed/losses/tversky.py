"""Tversky losses: overlap that weighs false positives and false negatives apart.

Sums, unlabelled voxels and absent classes are as in `segmentation.py`.
"""

import jax.numpy as jnp

from jaxmed import checks
from jaxmed.losses.voxels import classes_first, mean_over_classes, overlap_sums, smoothing
from jaxmed.typing import Array, Float, Int, Option


def tversky(
    logits: Float[Array, "batch *space classes"],
    labels: Int[Array, "batch *space"],
    *,
    alpha: Option = 0.5,
    beta: Option = 0.5,
    include_background: bool = True,
    smooth: Option = 1e-5,
    class_weights: Float[Array, "classes"] | None = None,
) -> Float[Array, "batch"]:
    """Tversky loss: a Dice loss that weighs false positives and false negatives apart.

    With p = softmax(logits), t_k = 1 where the class is k, and s = `smooth`:

        TP_k = sum p_k t_k,  FP_k = sum p_k (1 - t_k),  FN_k = sum (1 - p_k) t_k
        loss_k = 1 - (TP_k + s) / (TP_k + alpha FP_k + beta FN_k + s)

    Args:
        logits: unnormalized log probabilities [batch, *space, classes].
        labels: true classes [batch, *space], in 0 .. classes - 1; -1 where a voxel does not count.
        alpha: weight of false positives, at least 0.
        beta: weight of false negatives, at least 0; more than `alpha` where missing a lesion is
            worse. Both 0.5 give `dice` with twice the `smooth`, both 1 the Jaccard loss.
        include_background: whether class 0 is part of the mean.
        smooth: constant, in voxels, at least 1e-12.
        class_weights: weight of each class in the mean [classes], divided by their sum; that of
            class 0 is not used without background.

    Returns:
        One loss per example [batch], in [0, 1].

    Raises:
        ValueError: if shapes disagree or an argument lies outside its range.

    Example:
        >>> labels = jnp.array([[[0, 0], [1, 1]]])
        >>> tversky(jnp.zeros((1, 2, 2, 2)), labels, alpha=1, beta=1, smooth=1)
        Array([0.5], dtype=float32)

    References:
        Salehi et al., Tversky Loss Function for Image Segmentation Using 3D Fully Convolutional
        Deep Networks, 2017, section 2.1.
    """
    logits, labels = classes_first(logits, labels)
    return mean_over_classes(
        _tversky_losses(logits, labels, alpha, beta, smooth),
        include_background=include_background,
        class_weights=class_weights,
    )


def focal_tversky(
    logits: Float[Array, "batch *space classes"],
    labels: Int[Array, "batch *space"],
    *,
    alpha: Option = 0.3,
    beta: Option = 0.7,
    gamma: Option = 4 / 3,
    include_background: bool = True,
    smooth: Option = 1e-5,
    class_weights: Float[Array, "classes"] | None = None,
) -> Float[Array, "batch"]:
    """Tversky loss of each class to the power 1 / gamma, the mean over classes.

    For gamma > 1, classes that are nearly right keep a larger gradient; the power is linear below
    1e-6, where its gradient would have no bound.

    Args:
        logits: unnormalized log probabilities [batch, *space, classes].
        labels: true classes [batch, *space], in 0 .. classes - 1; -1 where a voxel does not count.
        alpha: weight of false positives, at least 0. The paper calls this weight beta.
        beta: weight of false negatives, at least 0. The paper calls this weight alpha.
        gamma: greater than 0; 1 gives `tversky`.
        include_background: whether class 0 is part of the mean.
        smooth: constant, in voxels, at least 1e-12.
        class_weights: weight of each class in the mean [classes], divided by their sum; that of
            class 0 is not used without background.

    Returns:
        One loss per example [batch], in [0, 1].

    Raises:
        ValueError: if shapes disagree or an argument lies outside its range.

    References:
        Abraham and Khan, A Novel Focal Tversky Loss Function with Improved Attention U-Net for
        Lesion Segmentation, 2019, section 2.1.
    """
    logits, labels = classes_first(logits, labels)
    checks.positive("gamma", gamma)
    losses = _tversky_losses(logits, labels, alpha, beta, smooth)
    least = 1e-6
    above = jnp.maximum(losses, least) ** (1 / gamma)
    below = losses * least ** (1 / gamma - 1)
    return mean_over_classes(
        jnp.where(losses > least, above, below),
        include_background=include_background,
        class_weights=class_weights,
    )


def _tversky_losses(
    logits: Array, labels: Array, alpha: Option, beta: Option, smooth: Option
) -> Float[Array, "batch classes"]:
    """One minus the Tversky index of each class."""
    checks.at_least("alpha", alpha, 0)
    checks.at_least("beta", beta, 0)
    smoothing(smooth)
    both, predicted, truth = overlap_sums(logits, labels)
    wrong = alpha * (predicted - both) + beta * (truth - both)
    return wrong / (both + wrong + smooth)
