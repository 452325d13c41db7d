"""Contrastive learning from images without labels (SimCLR).

The network is built around an encoder such as `models.ConvStages`;
`transforms.initialized_from(task, {"encoder": model.params["encoder"]})` starts a classifier with
what it learned.
"""

from __future__ import annotations

from collections.abc import Mapping

import jax
import jax.numpy as jnp

from jaxmed import checks, fitted
from jaxmed.batch_axis import first_row, gathered
from jaxmed.metrics.streaming import Metric
from jaxmed.tasks import arguments
from jaxmed.tasks.features import features_of
from jaxmed.tasks.network import Inputs, Network, first_values, fitted_part, in_training
from jaxmed.tasks.task import Task
from jaxmed.typing import Array, Batch, Float, Key, ModelState, Outputs, Params, Transform


def contrastive(
    network: Network,
    *,
    inputs: Inputs,
    augment: Transform,
    temperature: float = 0.5,
    metrics: Mapping[str, Metric] | None = None,
) -> Task:
    """SimCLR: find the other view of the same image among all images of a batch.

    Two views of every image are drawn; the loss of an image is the mean `nt_xent` of its two views.
    The negatives are the views of all other real images in the step's batch, on all devices.
    `gradients.accumulated` makes the batch smaller, and with it the number of negatives.

    Predictions are `features` [batch, width], from the network's method of that name, of the image
    itself.

    Args:
        network: gives projections [batch, width] of any length, such as `models.Projector`.
        inputs: what the network reads of a batch.
        augment: `(key, batch) -> batch`, drawn once for each view; features become
            invariant to what it changes.
        temperature: of the softmax, above 0.
        metrics: streaming metrics of training by name; by default none.

    Raises:
        ValueError: if the temperature is not above 0.

    References:
        Chen et al., A Simple Framework for Contrastive Learning of Visual Representations, 2020,
        section 2.1 and algorithm 1.
    """
    arguments.parts(network, metrics, inputs=inputs, augment=augment)
    checks.positive("temperature", temperature)

    def loss(
        params: Params, state: ModelState, batch: Batch, key: Key
    ) -> tuple[Array, tuple[ModelState, Outputs]]:
        read = fitted_part(inputs, state, "inputs")
        views = []
        for view_key in jax.random.split(key):
            augment_key, network_key = jax.random.split(view_key)
            run = in_training(network, params, batch["mask"], network_key)
            found, state = run(read(augment(augment_key, batch)), state)
            views.append(found)
        losses = nt_xent(views[0], views[1], batch["mask"], temperature=temperature)
        return losses, (state, {})

    return Task(
        first_values(network, inputs=inputs),
        loss,
        features_of(network, inputs),
        metrics or {},
        counts=fitted.joined({"inputs": inputs}),
        missing=fitted.missing(inputs),
    )


def nt_xent(
    first: Float[Array, "batch width"],
    second: Float[Array, "batch width"],
    mask: Float[Array, " batch"],
    *,
    temperature: float,
) -> Float[Array, " batch"]:
    """The normalized, temperature-scaled cross entropy of two views of each image.

    Of view i with cosine similarities s and its other view j, over all real views k:

        loss_i = -log exp(s_ij / t) / sum_{k != i} exp(s_ik / t)

    Args:
        first: projections of the first views.
        second: of the second views of the same images.
        mask: 1 real, 0 padding, which is never a negative.
        temperature: t, above 0.

    Returns:
        [batch], the mean loss of both views, in nats; the negatives are those of all devices that
        share the batch. The loss of a padding row is finite and means nothing.

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


def _unit(x: Array) -> Array:
    # Under the square root, so that the gradient of a projection of zeros is zero and no NaN.
    return x * jax.lax.rsqrt(jnp.maximum(jnp.square(x).sum(1, keepdims=True), 1e-12))
