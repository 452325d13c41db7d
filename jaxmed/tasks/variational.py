"""Variational autoencoders: a bound on the log likelihood of each example.

A network here is applied by the name of its halves, `method="encode"` and `method="decode"`, as
`jaxmed.models.autoencoder.VariationalAutoencoder` is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp

from jaxmed import checks, fitted
from jaxmed.batch_axis import row_keys
from jaxmed.metrics.streaming import Metric, mean_of
from jaxmed.models.intermediates import capture, captured
from jaxmed.tasks import arguments
from jaxmed.tasks.likelihood import Likelihood, bernoulli
from jaxmed.tasks.network import (
    Inputs,
    Network,
    first_values,
    fitted_part,
    in_training,
    inputs_and_added,
    variables,
)
from jaxmed.tasks.reconstruction import mean_squared_error
from jaxmed.tasks.row_means import row_means
from jaxmed.tasks.task import Model, Task
from jaxmed.typing import Array, Batch, Float, Key, ModelState, Outputs, Params


def variational(
    network: Network,
    *,
    inputs: Inputs,
    beta: float = 1.0,
    likelihood: Likelihood | None = None,
    draws: int = 8,
    metrics: Mapping[str, Metric] | None = None,
) -> Task:
    """A variational autoencoder: maximize a lower bound of the log likelihood of each example.

        ELBO = E_q log p(x|z) - KL(q(z|x) || N(0, 1)),   z = mean + deviation * noise

    The loss is E_q log p with its sign changed plus `beta` times KL, with one draw of z per
    example and step. Kingma and Welling 2014, equations 3 and 10; beta as in Higgins et al. 2017.

    Predictions are `reconstruction` from the mean of q and `error` [batch] against it, `latent`
    [batch, latent], that mean, and `elbo` and `kl` [batch] in nats, with beta 1. The expectation
    is taken over `draws` fixed draws, the same for every example, so that a prediction stays a
    function of its example.

    Args:
        network: `encode` gives mean and log variance, `decode` what the likelihood reads: a
            `models.VariationalAutoencoder`.
        inputs: what the network reads of a batch.
        beta: weight of KL, at least 0.
        likelihood: `bernoulli()` (the default) for pixels from 0 to 1, or `gaussian(deviation)`.
        draws: of z for each predicted ELBO.
        metrics: streaming metrics of training by name; by default the means of `elbo`, `kl` and
            `error`.

    Raises:
        ValueError: if `beta` is below 0 or `draws` below 1.
    """
    arguments.parts(network, metrics, inputs=inputs)
    checks.at_least("beta", beta, 0)
    draws = checks.whole("draws", draws, most=1_000_000)
    if likelihood is not None:
        checks.made_by("likelihood", likelihood, Likelihood, "such as likelihood.bernoulli() makes")
    of_pixels = likelihood or bernoulli()

    def loss(
        params: Params, state: ModelState, batch: Batch, key: Key
    ) -> tuple[Array, tuple[ModelState, Outputs]]:
        latent_key, network_key = jax.random.split(key)
        x = fitted_part(inputs, state, "inputs")(batch)
        run = in_training(network, params, batch["mask"], network_key)
        (mean, log_variance), state = run(x, state, "encode")
        keys = row_keys(latent_key, x.shape[0])
        noise = jax.vmap(lambda k: jax.random.normal(k, mean.shape[1:], mean.dtype))(keys)
        z = reparameterized(mean, log_variance, noise)
        decoded, state = run(z, state, "decode")
        divergence = kl_to_standard_normal(mean, log_variance)
        found = of_pixels.log_density(decoded, x)
        outputs = {
            "elbo": found - divergence,
            "kl": divergence,
            "error": mean_squared_error(of_pixels.mean(decoded), x),
        }
        return beta * divergence - found, (state, outputs)

    def predict(params: Params, state: ModelState, batch: Batch) -> Outputs:
        x = fitted_part(inputs, state, "inputs")(batch)
        own = variables(params, state)
        mean, log_variance = network.apply(own, x, method="encode")
        return outputs_of(own, x, mean, log_variance, network.apply(own, mean, method="decode"))

    def intermediates(
        params: Params, state: ModelState, batch: Batch, added: Mapping[str, Any], key: Key | None
    ) -> tuple[Outputs, dict[str, Array]]:
        x, values, within = inputs_and_added(inputs, state, batch, added)
        own = variables(params, state)
        encoded, found = captured(network, own, x, within, key, _by_halves)
        return outputs_of(own, x, *encoded), {**values, **found}

    def outputs_of(
        own: Mapping[str, Any], x: Array, mean: Array, log_variance: Array, decoded: Array
    ) -> Outputs:
        rebuilt = of_pixels.mean(decoded)

        def drawn(noise: Array) -> Array:
            z = reparameterized(mean, log_variance, jnp.broadcast_to(noise[None], mean.shape))
            return of_pixels.log_density(network.apply(own, z, method="decode"), x)

        noises = jax.random.normal(jax.random.key(0), (draws, mean.shape[1]), mean.dtype)
        expected = jax.lax.map(drawn, noises).mean(0)
        divergence = kl_to_standard_normal(mean, log_variance)
        return {
            "reconstruction": rebuilt,
            "latent": mean,
            "error": mean_squared_error(rebuilt, x),
            "elbo": expected - divergence,
            "kl": divergence,
        }

    names = ("elbo", "kl", "error")
    return Task(
        first_values(network, inputs=inputs),
        loss,
        predict,
        {name: mean_of(name) for name in names} if metrics is None else metrics,
        row_means(*names, explained="error"),
        fitted.joined({"inputs": inputs}),
        fitted.missing(inputs),
        intermediates,
    )


def _by_halves(network: Any, x: Array, *, train: bool) -> tuple[Array, Array, Array]:
    """Mean of q, by the name `latent`, its log variance, and what is decoded from the mean."""
    mean, log_variance = network.encode(x, train=train)
    mean = capture(network, "latent", mean)
    return mean, log_variance, network.decode(mean, train=train)


def samples(
    network: Network,
    model: Model,
    key: Key,
    *,
    count: int,
    latent: int,
    likelihood: Likelihood | None = None,
) -> Array:
    """Means of p(x|z) for z drawn from the prior of a variational autoencoder.

    Args:
        network: the one that was trained.
        model: what training gave of it.
        key: of the draws.
        count: samples.
        latent: numbers in z.
        likelihood: as in `variational`.

    Returns:
        [count, ...], as the inputs were.
    """
    checks.whole("count", count)
    z = jax.random.normal(key, (count, latent))
    decoded = network.apply(variables(model.params, model.state), z, method="decode")
    return (likelihood or bernoulli()).mean(decoded)


def reparameterized(
    mean: Float[Array, "batch latent"],
    log_variance: Float[Array, "batch latent"],
    noise: Float[Array, "batch latent"],
) -> Float[Array, "batch latent"]:
    """The draw mean + deviation * noise, through which gradients reach mean and deviation."""
    return mean + jnp.exp(log_variance / 2) * noise


def kl_to_standard_normal(
    mean: Float[Array, "batch latent"], log_variance: Float[Array, "batch latent"]
) -> Float[Array, " batch"]:
    """KL(N(mean, variance) || N(0, 1)) summed over the latent numbers, in nats.

    Kingma and Welling 2014, appendix B.
    """
    return 0.5 * (jnp.exp(log_variance) + mean**2 - 1 - log_variance).sum(1)
