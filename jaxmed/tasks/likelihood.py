"""Likelihoods of pixels given the output of a decoder, for variational autoencoders."""

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
    """Black or white pixels; the decoder gives the log odds of white.

    log p(x|z) = sum x log p + (1 - x) log(1 - p). For gray pixels from 0 to 1 it is a cross
    entropy, not a density: the ELBO then compares models and images, but does not bound a
    likelihood. Kingma and Welling 2014, appendix C.1.
    """

    def log_density(decoded: Array, x: Array) -> Array:
        each = x * jax.nn.log_sigmoid(decoded) + (1 - x) * jax.nn.log_sigmoid(-decoded)
        return _summed(each)

    return Likelihood(log_density, jax.nn.sigmoid)


def gaussian(deviation: float = 0.1) -> Likelihood:
    """Normally distributed pixels; the decoder gives their means.

        log p(x|z) = -sum ((x - mean) / deviation)^2 / 2 + log(deviation) + log(2 pi) / 2

    Args:
        deviation: standard deviation of all pixels, in the unit of the inputs, above 0; the
            smaller, the less the prior counts.

    Raises:
        ValueError: if the deviation is not above 0.
    """
    checks.positive("deviation", deviation)
    constant = math.log(deviation) + math.log(2 * math.pi) / 2

    def log_density(decoded: Array, x: Array) -> Array:
        return _summed(-(((x - decoded) / deviation) ** 2) / 2 - constant)

    return Likelihood(log_density, lambda decoded: decoded)


def _summed(each: Array) -> Array:
    return each.sum(tuple(range(1, each.ndim)))
