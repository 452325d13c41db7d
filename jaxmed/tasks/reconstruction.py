"""Learning to give back what was read: autoencoders as Tasks, plain, denoising and variational.

A network here is applied by the name of its halves, `method="encode"` and `method="decode"`, as
those of `jaxmed.models.autoencoder` are.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import TypeAlias

import jax
import jax.numpy as jnp

from jaxmed import checks
from jaxmed.batch_axis import row_keys
from jaxmed.metrics.streaming import mean_of
from jaxmed.tasks import Inputs, Network, Task, first_values, in_training
from jaxmed.typing import Array, Batch, Float, Key, ModelState, Outputs, Params, Transform

Noise: TypeAlias = Callable[[Key, Array], Array]
"""(key, what the network reads of one example [...]) -> the same, corrupted."""


def reconstruction(
    network: Network,
    *,
    inputs: Inputs,
    noise: Noise | None = None,
    augment: Transform | None = None,
) -> Task:
    """Give back the input through a narrow layer; with `noise`, the clean from the corrupted one.

    The loss of an example is its mean squared error over all pixels and channels. Predictions are
    of the clean input: `reconstruction` [batch, ...], `latent` [batch, latent] and `error` [batch],
    in the unit of the inputs squared.

    Args:
        network: `encode` gives [batch, latent], `decode` what was read: a `models.Autoencoder`.
        inputs: what the network reads of a batch and is compared with.
        noise: corrupts one example, in training only, such as `gaussian_noise(0.3)`. Vincent et
            al. 2008, section 2.
        augment: `(key, batch) -> batch`, in training only; it changes the target as well.
    """

    def loss(
        params: Params, model_state: ModelState, batch: Batch, key: Key
    ) -> tuple[Array, tuple[ModelState, Outputs]]:
        augment_key, noise_key, network_key = jax.random.split(key, 3)
        batch = batch if augment is None else augment(augment_key, batch)
        x = inputs(batch)
        seen = x if noise is None else jax.vmap(noise)(row_keys(noise_key, x.shape[0]), x)
        run = in_training(network, params, batch["mask"], network_key)
        latent, model_state = run(seen, model_state, "encode")
        decoded, model_state = run(latent, model_state, "decode")
        errors = mean_squared_error(decoded, x)
        return errors, (model_state, {"error": errors})

    def predict(params: Params, model_state: ModelState, batch: Batch) -> Outputs:
        x = inputs(batch)
        variables = {"params": params, **model_state}
        latent = network.apply(variables, x, method="encode")
        decoded = network.apply(variables, latent, method="decode")
        return {
            "reconstruction": decoded,
            "latent": latent,
            "error": mean_squared_error(decoded, x),
        }

    return Task(first_values(network, inputs), loss, predict, {"error": mean_of("error")})


@dataclasses.dataclass(frozen=True)
class Likelihood:
    """p(x|z), given what a decoder made of z.

    Attributes:
        log_density: (decoded, x) -> log p(x|z) [batch], summed over pixels, in nats.
        mean: decoded -> E[x|z].
    """

    log_density: Callable[[Array, Array], Array]
    mean: Callable[[Array], Array]


def bernoulli() -> Likelihood:
    """Black or white pixels, of which the decoder gives the log odds.

    log p(x|z) = sum x log p + (1 - x) log(1 - p). For grey pixels from 0 to 1 it is a cross
    entropy and no density: its ELBO then compares models and images, but bounds no likelihood.
    Kingma and Welling 2014, appendix C.1.
    """

    def log_density(decoded: Array, x: Array) -> Array:
        each = x * jax.nn.log_sigmoid(decoded) + (1 - x) * jax.nn.log_sigmoid(-decoded)
        return _summed(each)

    return Likelihood(log_density, jax.nn.sigmoid)


def gaussian(deviation: float = 0.1) -> Likelihood:
    """Pixels around the decoder's output, with one standard deviation for all.

    Args:
        deviation: in the unit of the inputs, above 0; the smaller, the less the prior counts.
    """
    checks.positive("deviation", deviation)
    constant = math.log(deviation) + math.log(2 * math.pi) / 2

    def log_density(decoded: Array, x: Array) -> Array:
        return _summed(-(((x - decoded) / deviation) ** 2) / 2 - constant)

    return Likelihood(log_density, lambda decoded: decoded)


def variational(
    network: Network,
    *,
    inputs: Inputs,
    beta: float = 1.0,
    likelihood: Likelihood | None = None,
    augment: Transform | None = None,
    draws: int = 8,
) -> Task:
    """A variational autoencoder: bound the log likelihood of each example from below.

        ELBO = E_q log p(x|z) - KL(q(z|x) || N(0, 1)),   z = mean + deviation * noise

    The loss is E_q log p with its sign changed plus `beta` times KL, with one draw of z an
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
        augment: `(key, batch) -> batch`, in training only.
        draws: of z for each predicted ELBO.
    """
    checks.at_least("beta", beta, 0)
    checks.at_least("draws", draws, 1)
    of_pixels = likelihood or bernoulli()

    def loss(
        params: Params, model_state: ModelState, batch: Batch, key: Key
    ) -> tuple[Array, tuple[ModelState, Outputs]]:
        augment_key, latent_key, network_key = jax.random.split(key, 3)
        batch = batch if augment is None else augment(augment_key, batch)
        x = inputs(batch)
        run = in_training(network, params, batch["mask"], network_key)
        (mean, log_variance), model_state = run(x, model_state, "encode")
        keys = row_keys(latent_key, x.shape[0])
        noise = jax.vmap(lambda k: jax.random.normal(k, mean.shape[1:], mean.dtype))(keys)
        z = reparameterised(mean, log_variance, noise)
        decoded, model_state = run(z, model_state, "decode")
        divergence = kl_to_standard_normal(mean, log_variance)
        found = of_pixels.log_density(decoded, x)
        outputs = {
            "elbo": found - divergence,
            "kl": divergence,
            "error": mean_squared_error(of_pixels.mean(decoded), x),
        }
        return beta * divergence - found, (model_state, outputs)

    def predict(params: Params, model_state: ModelState, batch: Batch) -> Outputs:
        x = inputs(batch)
        variables = {"params": params, **model_state}
        mean, log_variance = network.apply(variables, x, method="encode")
        rebuilt = of_pixels.mean(network.apply(variables, mean, method="decode"))

        def drawn(noise: Array) -> Array:
            z = reparameterised(mean, log_variance, jnp.broadcast_to(noise[None], mean.shape))
            return of_pixels.log_density(network.apply(variables, z, method="decode"), x)

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

    streaming = {name: mean_of(name) for name in ("elbo", "kl", "error")}
    return Task(first_values(network, inputs), loss, predict, streaming)


def samples(
    network: Network,
    params: Params,
    model_state: ModelState,
    key: Key,
    *,
    count: int,
    latent: int,
    likelihood: Likelihood | None = None,
) -> Array:
    """Means of p(x|z) for z drawn from the prior of a variational autoencoder.

    Args:
        network: the one that was trained.
        params: its parameters.
        model_state: and what goes with them.
        key: of the draws.
        count: samples.
        latent: numbers in z.
        likelihood: as in `variational`.

    Returns:
        [count, ...], as the inputs were.
    """
    checks.at_least("count", count, 1)
    z = jax.random.normal(key, (count, latent))
    decoded = network.apply({"params": params, **model_state}, z, method="decode")
    return (likelihood or bernoulli()).mean(decoded)


def reparameterised(
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


def mean_squared_error(decoded: Array, x: Array) -> Float[Array, " batch"]:
    """The mean over pixels and channels of (decoded - x)^2, one number an example."""
    return jnp.square(decoded - x).mean(tuple(range(1, x.ndim)))


def gaussian_noise(deviation: float) -> Noise:
    """Add independent normal numbers to every pixel.

    Args:
        deviation: in the unit of the inputs, above 0.
    """
    checks.positive("deviation", deviation)

    def corrupt(key: Key, x: Array) -> Array:
        return x + deviation * jax.random.normal(key, x.shape, x.dtype)

    return corrupt


def masking_noise(share: float) -> Noise:
    """Set each number to zero with probability `share`. Vincent et al. 2008, section 2.3.

    Args:
        share: in [0, 1).
    """
    checks.fraction("share", share, below_one=True)

    def corrupt(key: Key, x: Array) -> Array:
        return jnp.where(jax.random.bernoulli(key, 1 - share, x.shape), x, 0)

    return corrupt


def _summed(each: Array) -> Array:
    return each.sum(tuple(range(1, each.ndim)))
