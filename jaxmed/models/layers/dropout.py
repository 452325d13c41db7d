"""Dropout of activations and of whole branches, equal under every placement.

What is dropped is a function of the key and of the row's place in the whole batch.
"""

from __future__ import annotations

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxmed import checks
from jaxmed.batch_axis import row_keys
from jaxmed.models.network import MONTE_CARLO
from jaxmed.typing import Array, Option


class Dropout(nn.Module):
    """Sets each activation to zero with probability `rate`, and scales the rest by 1/(1 - rate).

    Srivastava et al. 2014, section 4, scaled in training and not in evaluation.

    Attributes:
        rate: in [0, 1); may be a traced scalar, so that a sweep can search it.
        called: name of the rate in error messages.
    """

    rate: Option
    called: str = "dropout"

    def __post_init__(self) -> None:
        checks.fraction(self.called, self.rate, below_one=True)
        super().__post_init__()

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        """Drop activations.

        Args:
            x: [batch, ...].
            train: whether to drop; the key is `rngs={"dropout": key}`. With `rngs={"monte_carlo":
                key}` it drops in evaluation too, for Monte Carlo dropout.

        Returns:
            [batch, ...], of the same shape and type.
        """
        monte_carlo = not train and self.has_rng(MONTE_CARLO)
        stream = MONTE_CARLO if monte_carlo else "dropout"
        return _drop(self, x, x.shape[1:], train=train or monte_carlo, stream=stream)


class StochasticDepth(nn.Module):
    """Sets whole rows to zero with probability `rate`, and scales the rest by 1 / (1 - rate).

    Used on what a branch of a residual layer adds. Each call draws once per row, so that the
    attention and the perceptron of a layer are left out independently. Huang et al. 2016,
    section 3, scaled in training and not in evaluation.

    Attributes:
        rate: in [0, 1).
        called: name of the rate in error messages.
    """

    rate: Option
    called: str = "stochastic_depth"

    def __post_init__(self) -> None:
        checks.fraction(self.called, self.rate, below_one=True)
        super().__post_init__()

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        """[batch, ...] -> [batch, ...]; arguments and errors as in `Dropout`."""
        return _drop(self, x, (1,) * (x.ndim - 1), train=train)


def _drop(
    layer: Dropout | StochasticDepth,
    x: Array,
    draws: tuple[int, ...],
    *,
    train: bool,
    stream: str = "dropout",
) -> Array:
    """Drop parts of `x`; `draws` is the shape of the draws per row, `stream` names their key."""
    if not isinstance(layer.rate, jax.core.Tracer):  # a traced rate has no value to check
        train = train and float(layer.rate) > 0
    if not train:
        return x
    keys = row_keys(layer.make_rng(stream), x.shape[0])
    keep = jax.vmap(lambda key: jax.random.bernoulli(key, 1 - layer.rate, draws))(keys)
    return jnp.where(keep, x / (1 - layer.rate), 0)
