"""What a decoder's output says of pixels: the likelihoods of a variational autoencoder."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable

import jax

from jaxmed import checks
from jaxmed.typing import Array


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


def _summed(each: Array) -> Array:
    return each.sum(tuple(range(1, each.ndim)))
