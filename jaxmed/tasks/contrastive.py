"""Learning from images without labels: Tasks like any other, whose parameters start another task.

Each trains a network around a backbone, such as those of `jaxmed.models.backbone`, and
`pretraining.started(task, {"encoder": trained.params["encoder"]})` lets a classifier begin with it.
The columns need a `label`, as everywhere, which is never looked at: zeros will do.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp

from jaxmed import checks
from jaxmed.batch_axis import first_row, gathered, row_keys
from jaxmed.tasks import Inputs, Network, Task, first_values, in_training
from jaxmed.typing import Array, Batch, Float, Key, ModelState, Outputs, Params, Transform

Transformation: TypeAlias = Callable[[Array], Array]
"""Images [batch, height, width, channels] to as many of the same shape."""


def contrastive(
    network: Network, *, inputs: Inputs, augment: Transform, temperature: float = 0.5
) -> Task:
    """SimCLR: of all images in a batch, find the other view of the same one.

    Two views of every image are drawn; the loss of an image is the mean of its two views'
    `nt_xent`. The negatives are the views of all other real images in the step's batch, whatever
    the number of devices; `gradients.accumulated` makes the batch, and with it the task, smaller.
    Chen et al. 2020, section 2.1 and algorithm 1.

    Predictions are `features` [batch, width], from the network's method of that name, of the image
    itself.

    Args:
        network: gives projections [batch, width] of any length, such as `models.Projector`.
        inputs: what the network reads of a batch.
        augment: `(key, batch) -> batch`, drawn once for each view; what it changes is what the
            features learn to overlook.
        temperature: of the softmax, above 0.
    """
    checks.positive("temperature", temperature)

    def loss(
        params: Params, model_state: ModelState, batch: Batch, key: Key
    ) -> tuple[Array, tuple[ModelState, Outputs]]:
        views = []
        for view_key in jax.random.split(key):
            augment_key, network_key = jax.random.split(view_key)
            run = in_training(network, params, batch["mask"], network_key)
            found, model_state = run(inputs(augment(augment_key, batch)), model_state)
            views.append(found)
        losses = nt_xent(views[0], views[1], batch["mask"], temperature=temperature)
        return losses, (model_state, {})

    return Task(first_values(network, inputs), loss, _features(network, inputs), {})


def nt_xent(
    first: Float[Array, "batch width"],
    second: Float[Array, "batch width"],
    mask: Float[Array, " batch"],
    *,
    temperature: float,
) -> Float[Array, " batch"]:
    """The normalised, temperature-scaled cross entropy of two views of each image.

    Of view i with cosine similarities s and its other view j, over all real views k:

        loss_i = -log exp(s_ij / t) / sum_{k != i} exp(s_ik / t)

    Args:
        first: projections of the first views.
        second: of the second views of the same images.
        mask: 1 real, 0 padding, which is nobody's negative.
        temperature: t, above 0.

    Returns:
        The mean of the losses of both views, in nats; the negatives are those of all devices that
        share the batch. Of a padding row the number means nothing, but is finite.

    References:
        Chen et al., A Simple Framework for Contrastive Learning of Visual Representations, 2020,
        equation 1.
    """
    first, second = (_unit(view.astype(jnp.float32)) for view in (first, second))
    rows = mask.shape[0]
    every = jnp.concatenate([gathered(first), gathered(second)])
    real = jnp.tile(gathered(mask) > 0, 2)
    own = first_row(rows) + jnp.arange(rows)
    places = jnp.arange(len(every))

    def one_side(view: Array, other: Array, self_at: Array) -> Array:
        scores = view @ every.T / temperature
        seen = real[None] & (places[None] != self_at[:, None])
        # A padding row would have no score at all if it were the only one: it keeps its own pair.
        pair = (view * other).sum(1) / temperature
        rest = jnp.where(seen, scores, -jnp.inf)
        rest = jnp.where((mask > 0)[:, None], rest, pair[:, None])
        return jax.nn.logsumexp(rest, axis=1) - pair

    half = len(every) // 2
    return (one_side(first, second, own) + one_side(second, first, own + half)) / 2


def masked_pixels(
    network: Network,
    *,
    inputs: Inputs,
    patch: int,
    share: float = 0.6,
    target: Callable[[Array, int], Array] | None = None,
    augment: Transform | None = None,
) -> Task:
    """Fill in the patches of an image that were hidden.

    The same number of patches is hidden in every image, which and where is drawn anew in every
    step; hidden pixels are zeros. The loss of an image is the mean squared error over the
    hidden pixels only. He et al. 2022 (masked autoencoders), section 3, with a network that reads
    the whole grid.

    Predictions are `features` [batch, width] of the whole image.

    Args:
        network: [batch, *space, channels] to an image of the same shape, such as
            `models.MaskedAutoencoder`.
        inputs: what the network reads of a batch; zero should be its mean.
        patch: side of the square or cubic patches, in pixels; divides every side of the image.
        share: of the patches that is hidden, in (0, 1); at least one is and one is not.
        target: what is predicted of the inputs; by default themselves, or `standardised_patches`.
        augment: `(key, batch) -> batch`, in training only.
    """
    _check_hiding(patch, share)

    def loss(
        params: Params, model_state: ModelState, batch: Batch, key: Key
    ) -> tuple[Array, tuple[ModelState, Outputs]]:
        augment_key, hide_key, network_key = jax.random.split(key, 3)
        batch = batch if augment is None else augment(augment_key, batch)
        x = inputs(batch)
        hidden = hidden_pixels(hide_key, x.shape, patch=patch, share=share)
        wanted = x if target is None else target(x, patch)
        seen = jnp.where(hidden, 0, x)
        run = in_training(network, params, batch["mask"], network_key)
        found, model_state = run(seen, model_state)
        every = tuple(range(1, x.ndim))
        errors = jnp.where(hidden, jnp.square(found - wanted), 0).sum(every)
        count = hidden.sum(every) * x.shape[-1]
        return errors / count, (model_state, {})

    return Task(first_values(network, inputs), loss, _features(network, inputs), {})


def hidden_pixels(key: Key, shape: Sequence[int], *, patch: int, share: float) -> Array:
    """Which pixels of each image are hidden: a random choice of patches, equally many in each.

    Args:
        key: of the choice; an image's own choice depends on its place in the whole batch.
        shape: (batch, *space, channels).
        patch: side of a patch, in pixels.
        share: of the patches that is hidden, in (0, 1); at least one is and one is not.

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


def standardised_patches(x: Array, patch: int) -> Array:
    """Each patch less its mean, over its deviation: a target that asks for structure.

    He et al. 2022, section 3, "Reconstruction target".

    Args:
        x: [batch, *space, channels].
        patch: side of a patch, in pixels.
    """
    rows, *space, channels = x.shape
    split = [part for places in _grid(space, patch) for part in (places, patch)]
    patches = x.reshape(rows, *split, channels)
    inner = (*range(2, 2 * len(space) + 1, 2), 2 * len(space) + 1)
    mean = patches.mean(inner, keepdims=True)
    deviation = jnp.sqrt(patches.var(inner, keepdims=True) + 1e-6)
    return ((patches - mean) / deviation).reshape(x.shape)


def _check_hiding(patch: int, share: float) -> None:
    checks.positive("patch", patch)
    if not 0 < share < 1:
        raise ValueError(f"share is {share}, but must lie in (0, 1).")


def _grid(space: Sequence[int], patch: int) -> list[int]:
    """How many patches there are along each side."""
    if any(side % patch for side in space):
        raise ValueError(
            f"patch is {patch}, which does not divide the sides {tuple(space)} of the images: "
            "choose a common divisor."
        )
    return [side // patch for side in space]


def transformation_prediction(
    network: Network,
    *,
    inputs: Inputs,
    transformations: Sequence[Transformation],
    augment: Transform | None = None,
) -> Task:
    """Which transformation was made? Learned from normal images, it tells abnormal ones.

    Every image is seen under each transformation, and the loss of an image is the mean cross
    entropy over them. A network that has only seen normal images recognises the transformations of
    normal images best. Gidaris et al. 2018, section 2; Golan and El-Yaniv 2018, section 4.

    Predictions are `normality` [batch], the mean log probability of the right transformation
    (at most 0, high for what resembles the training images), and `features` [batch, width] of the
    image itself.

    Args:
        network: gives one logit a transformation, such as `models.PooledClassifier`.
        inputs: what the network reads of a batch.
        transformations: at least 2, of what the network reads; the identity is one of them:
            `geometric_transformations()`.
        augment: `(key, batch) -> batch`, in training only.
    """
    checks.at_least("transformations", len(transformations), 2)

    numbers = jnp.arange(len(transformations))

    def every(x: Array) -> Array:
        seen = [transform(x) for transform in transformations]
        for number, found in enumerate(seen):
            if found.shape != x.shape:
                raise ValueError(
                    f"transformations[{number}] makes images of shape {x.shape} into "
                    f"{found.shape}, but must keep the shape: choose another, or crop the images."
                )
        return jnp.stack(seen)

    def log_probability(logits: Array, number: Array) -> Array:
        return jnp.take(jax.nn.log_softmax(logits.astype(jnp.float32)), number, axis=1)

    def loss(
        params: Params, model_state: ModelState, batch: Batch, key: Key
    ) -> tuple[Array, tuple[ModelState, Outputs]]:
        augment_key, network_key = jax.random.split(key)
        batch = batch if augment is None else augment(augment_key, batch)

        def one(model_state: ModelState, transformed: tuple[Array, Array]) -> tuple[Any, Array]:
            x, number = transformed
            own_key = jax.random.fold_in(network_key, number)
            logits, model_state = in_training(network, params, batch["mask"], own_key)(
                x, model_state
            )
            return model_state, log_probability(logits, number)

        # One after another and not side by side: dropout then depends on an image's place alone,
        # and the network is compiled once.
        model_state, found = jax.lax.scan(one, model_state, (every(inputs(batch)), numbers))
        return -found.mean(0), (model_state, {})

    def predict(params: Params, model_state: ModelState, batch: Batch) -> Outputs:
        variables = {"params": params, **model_state}

        def one(transformed: tuple[Array, Array]) -> Array:
            x, number = transformed
            return log_probability(network.apply(variables, x, train=False), number)

        found = jax.lax.map(one, (every(inputs(batch)), numbers))
        features = _features(network, inputs)(params, model_state, batch)
        return {"normality": found.mean(0), **features}

    return Task(first_values(network, inputs), loss, predict, {})


def geometric_transformations(shift: int = 0) -> tuple[Transformation, ...]:
    """The eight symmetries of the square, alone or each moved by `shift` pixels in nine directions.

    Golan and El-Yaniv 2018, section 5.1: 72 with a shift. Pixels that come in from outside repeat
    the edge. The images are [batch, side, side, channels]; others raise a ValueError.

    Args:
        shift: in pixels; 0 for the eight alone.
    """
    checks.at_least("shift", shift, 0)
    steps = (0,) if shift == 0 else (0, -shift, shift)

    def transformation(turns: int, mirrored: bool, down: int, right: int) -> Transformation:
        def transform(x: Array) -> Array:
            if x.ndim != 4 or x.shape[1] != x.shape[2]:
                raise ValueError(
                    f"images have shape {x.shape}, but these symmetries are those of squares "
                    "[batch, side, side, channels]: crop or pad them, or take slices of volumes."
                )
            x = jnp.flip(x, 2) if mirrored else x
            x = jnp.rot90(x, turns, (1, 2))
            height, width = x.shape[1:3]
            padded = jnp.pad(x, ((0, 0), (shift, shift), (shift, shift), (0, 0)), mode="edge")
            top, left = shift + down, shift + right
            return padded[:, top : top + height, left : left + width]

        return transform

    return tuple(
        transformation(turns, mirrored, down, right)
        for mirrored in (False, True)
        for down in steps
        for right in steps
        for turns in range(4)
    )


def _features(network: Network, inputs: Inputs) -> Callable[[Params, ModelState, Batch], Outputs]:
    def predict(params: Params, model_state: ModelState, batch: Batch) -> Outputs:
        variables = {"params": params, **model_state}
        return {"features": network.apply(variables, inputs(batch), method="features")}

    return predict


def _unit(x: Array) -> Array:
    # Under the square root, so that the gradient of a projection of zeros is zero and no NaN.
    return x * jax.lax.rsqrt(jnp.maximum(jnp.square(x).sum(1, keepdims=True), 1e-12))
