"""Learning from images without labels: predict hidden patches (masked autoencoders)."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import jax
import jax.numpy as jnp

from jaxmed import checks, fitted
from jaxmed.batch_axis import row_keys
from jaxmed.metrics.streaming import Metric
from jaxmed.tasks import arguments
from jaxmed.tasks.features import features_of
from jaxmed.tasks.network import Inputs, Network, first_values, fitted_part, in_training
from jaxmed.tasks.task import Task
from jaxmed.typing import Array, Batch, Key, ModelState, Outputs, Params


def masked_pixels(
    network: Network,
    *,
    inputs: Inputs,
    patch: int,
    share: float = 0.6,
    target: Callable[[Array, int], Array] | None = None,
    metrics: Mapping[str, Metric] | None = None,
) -> Task:
    """Predict the hidden patches of an image.

    The same number of patches is hidden in every image; which ones is drawn anew in every step.
    Hidden pixels are zeros. The loss of an image is the mean squared error over the
    hidden pixels only. In contrast to He et al. 2022, section 3, the network reads the whole grid.

    Predictions are `features` [batch, width] of the whole image.

    Args:
        network: [batch, *space, channels] to an image of the same shape, such as
            `models.MaskedAutoencoder`.
        inputs: what the network reads of a batch; zero should be its mean.
        patch: side of the square or cubic patches, in pixels; divides every side of the image.
        share: fraction of the patches that is hidden, in (0, 1); at least one is and one is not.
        target: what is predicted of the inputs; by default themselves, or `standardized_patches`.
        metrics: streaming metrics of training by name; by default none.

    Raises:
        ValueError: if `patch` or `share` is out of range, or (when the loss is computed) if the
            patch does not divide the sides of the images.

    References:
        He et al., Masked Autoencoders Are Scalable Vision Learners, 2022, section 3.
    """
    arguments.parts(network, metrics, inputs=inputs)
    _check_hiding(patch, share)
    if target is not None:
        checks.function("target", target, "(inputs, patch) -> what to predict")

    def loss(
        params: Params, state: ModelState, batch: Batch, key: Key
    ) -> tuple[Array, tuple[ModelState, Outputs]]:
        hide_key, network_key = jax.random.split(key)
        x = fitted_part(inputs, state, "inputs")(batch)
        hidden = hidden_pixels(hide_key, x.shape, patch=patch, share=share)
        wanted = x if target is None else target(x, patch)
        seen = jnp.where(hidden, 0, x)
        run = in_training(network, params, batch["mask"], network_key)
        found, state = run(seen, state)
        arguments.same_shape(found, x)
        every = tuple(range(1, x.ndim))
        errors = jnp.where(hidden, jnp.square(found - wanted), 0).sum(every)
        count = hidden.sum(every) * x.shape[-1]
        return errors / count, (state, {})

    return Task(
        first_values(network, inputs=inputs),
        loss,
        features_of(network, inputs),
        metrics or {},
        counts=fitted.joined({"inputs": inputs}),
        missing=fitted.missing(inputs),
    )


def hidden_pixels(key: Key, shape: Sequence[int], *, patch: int, share: float) -> Array:
    """Which pixels of each image are hidden: a random choice of patches, equally many in each.

    Args:
        key: of the choice; an image's own choice depends on its place in the whole batch.
        shape: (batch, *space, channels).
        patch: side of a patch, in pixels.
        share: fraction of the patches that is hidden, in (0, 1); at least one is and one is not.

    Returns:
        [batch, *space, 1], true where hidden.

    Raises:
        ValueError: if the patch does not divide every side, or is all of the image.
    """
    _check_hiding(patch, share)
    rows, *space, _ = shape
    grid = _grid(space, patch)
    patches = math.prod(grid)
    if patches < 2:
        raise ValueError(f"patch is {patch}, but one patch is all of the image: make it smaller.")
    count = min(max(round(share * patches), 1), patches - 1)
    order = jax.vmap(lambda k: jax.random.permutation(k, patches))(row_keys(key, rows))
    hidden = (order < count).reshape(rows, *grid, 1)
    for axis in range(1, len(space) + 1):
        hidden = jnp.repeat(hidden, patch, axis)
    return hidden


def standardized_patches(x: Array, patch: int) -> Array:
    """Each patch with mean 0 and variance 1, as a target for `masked_pixels`.

    He et al. 2022, section 3, "Reconstruction target".

    Args:
        x: [batch, *space, channels].
        patch: side of a patch, in pixels.

    Returns:
        The standardized patches in the shape of `x`.

    Raises:
        ValueError: if the patch does not divide every side.
    """
    patch = checks.whole("patch", patch)
    if not isinstance(x, jax.Array):
        x = jnp.asarray(checks.real_array("x", x), jnp.float32)
    if x.ndim < 3 or 0 in x.shape:
        raise ValueError(f"x has shape {x.shape}, but must be [batch, *space, channels].")
    rows, *space, channels = x.shape
    split = [part for places in _grid(space, patch) for part in (places, patch)]
    patches = x.reshape(rows, *split, channels)
    inner = (*range(2, 2 * len(space) + 1, 2), 2 * len(space) + 1)
    mean = patches.mean(inner, keepdims=True)
    deviation = jnp.sqrt(patches.var(inner, keepdims=True) + 1e-6)
    return ((patches - mean) / deviation).reshape(x.shape)


def _check_hiding(patch: int, share: float) -> None:
    checks.whole("patch", patch)
    checks.fraction("share", share, above_zero=True, below_one=True)


def _grid(space: Sequence[int], patch: int) -> list[int]:
    """How many patches there are along each side."""
    if any(side % patch for side in space):
        raise ValueError(
            f"patch is {patch}, which does not divide the sides {tuple(space)} of the images: "
            "choose a common divisor."
        )
    return [side // patch for side in space]
