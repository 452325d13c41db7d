"""Reconstruction of the input: plain and denoising autoencoders.

A network here is applied by the name of its halves, `method="encode"` and `method="decode"`, as
those of `jaxmed.models.autoencoder` are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp

from jaxmed import checks, fitted
from jaxmed.batch_axis import row_keys
from jaxmed.metrics.streaming import Metric, mean_of
from jaxmed.models.intermediates import capture, captured
from jaxmed.tasks import arguments
from jaxmed.tasks.network import (
    Inputs,
    Network,
    first_values,
    fitted_part,
    in_training,
    inputs_and_added,
    variables,
)
from jaxmed.tasks.row_means import row_means
from jaxmed.tasks.task import Task
from jaxmed.typing import Array, Batch, Float, Key, ModelState, Outputs, Params

Noise: TypeAlias = Callable[[Key, Array], Array]
"""(key, what the network reads of one example [...]) -> the same, corrupted."""


def reconstruction(
    network: Network,
    *,
    inputs: Inputs,
    noise: Noise | None = None,
    metrics: Mapping[str, Metric] | None = None,
) -> Task:
    """Reconstruct the input; with `noise`, reconstruct the clean input from a corrupted one.

    The loss of an example is its mean squared error over all pixels and channels. Predictions are
    of the clean input: `reconstruction` [batch, ...], `latent` [batch, latent] and `error` [batch],
    in the unit of the inputs squared.

    Args:
        network: `encode` gives [batch, latent], `decode` what was read: a `models.Autoencoder`.
        inputs: what the network reads of a batch and is compared with.
        noise: corrupts one example, in training only, such as `gaussian_noise(0.3)`. Vincent et
            al. 2008, section 2.
        metrics: streaming metrics of training by name; by default the mean of `error`.

    Returns:
        A task. Its named values are `inputs`, `latent` and those of the two halves; explanations
        explain the error, unless told otherwise.
    """
    arguments.parts(network, metrics, inputs=inputs)
    if noise is not None:
        checks.function("noise", noise, "(key, example) -> example")

    def loss(
        params: Params, state: ModelState, batch: Batch, key: Key
    ) -> tuple[Array, tuple[ModelState, Outputs]]:
        noise_key, network_key = jax.random.split(key)
        x = fitted_part(inputs, state, "inputs")(batch)
        seen = x if noise is None else jax.vmap(noise)(row_keys(noise_key, x.shape[0]), x)
        run = in_training(network, params, batch["mask"], network_key)
        latent, state = run(seen, state, "encode")
        decoded, state = run(latent, state, "decode")
        errors = mean_squared_error(decoded, x)
        return errors, (state, {"error": errors})

    def outputs_of(x: Array, latent: Array, decoded: Array) -> Outputs:
        return {
            "reconstruction": decoded,
            "latent": latent,
            "error": mean_squared_error(decoded, x),
        }

    def predict(params: Params, state: ModelState, batch: Batch) -> Outputs:
        x = fitted_part(inputs, state, "inputs")(batch)
        own = variables(params, state)
        latent = network.apply(own, x, method="encode")
        return outputs_of(x, latent, network.apply(own, latent, method="decode"))

    def intermediates(
        params: Params, state: ModelState, batch: Batch, added: Mapping[str, Any], key: Key | None
    ) -> tuple[Outputs, dict[str, Array]]:
        x, values, within = inputs_and_added(inputs, state, batch, added)
        (latent, decoded), found = captured(
            network, variables(params, state), x, within, key, _by_halves
        )
        return outputs_of(x, latent, decoded), {**values, **found}

    return Task(
        first_values(network, inputs=inputs),
        loss,
        predict,
        {"error": mean_of("error")} if metrics is None else metrics,
        row_means("error", explained="error"),
        fitted.joined({"inputs": inputs}),
        fitted.missing(inputs),
        intermediates,
    )


def _by_halves(network: Any, x: Array, *, train: bool) -> tuple[Array, Array]:
    """The latent numbers, by the name `latent`, and what is decoded from them."""
    latent = capture(network, "latent", network.encode(x, train=train))
    return latent, network.decode(latent, train=train)


def mean_squared_error(decoded: Array, x: Array) -> Float[Array, " batch"]:
    """The mean over pixels and channels of (decoded - x)^2, one number per example."""
    arguments.same_shape(decoded, x)
    return jnp.square(decoded - x).mean(tuple(range(1, x.ndim)))


def gaussian_noise(deviation: float) -> Noise:
    """Noise that adds an independent normal number to every value.

    Args:
        deviation: standard deviation, in the unit of the inputs, above 0.

    Raises:
        ValueError: if the deviation is not above 0.
    """
    checks.positive("deviation", deviation)

    def corrupt(key: Key, x: Array) -> Array:
        return x + deviation * jax.random.normal(key, x.shape, x.dtype)

    return corrupt


def masking_noise(share: float) -> Noise:
    """Noise that sets each number to zero with probability `share`.

    Vincent et al. 2008, section 2.3.

    Args:
        share: in [0, 1).

    Raises:
        ValueError: if the share is out of range.
    """
    checks.fraction("share", share, below_one=True)

    def corrupt(key: Key, x: Array) -> Array:
        return jnp.where(jax.random.bernoulli(key, 1 - share, x.shape), x, 0)

    return corrupt
