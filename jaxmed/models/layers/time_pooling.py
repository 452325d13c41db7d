"""Pooling over time: the states of a sequence to one vector."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxmed.typing import Array

Pooling: TypeAlias = Callable[[Sequence[Array], Array], Array]
"""(states, one array [batch, time, units] per direction; real [batch, time]) -> [batch, features].

`real` is true for the tokens of a sequence and false for the padding behind its end.
"""


def last_state(states: Sequence[Array], real: Array) -> Array:
    """The state after the last token; for a second direction, that after the first token.

    Args:
        states: of each direction [batch, tokens, units].
        real: true for tokens that are not padding [batch, tokens].

    Returns:
        [batch, directions * units].
    """
    del real  # encoders repeat the last state behind the end of a sequence
    return jnp.concatenate([states[0][:, -1], *(s[:, 0] for s in states[1:])], axis=-1)


def max_over_time(states: Sequence[Array], real: Array) -> Array:
    """Maximum of each unit over the real tokens; 0 for a sequence without any.

    Arguments and result have the shapes of `last_state`.
    """
    joined = jnp.concatenate(states, axis=-1)
    largest = jnp.where(real[..., None], joined, -jnp.inf).max(axis=1)
    return jnp.where(real.any(1)[:, None], largest, 0)


def mean_over_time(states: Sequence[Array], real: Array) -> Array:
    """Mean of each unit over the real tokens; 0 for a sequence without any.

    Arguments and result have the shapes of `last_state`.
    """
    joined = jnp.where(real[..., None], jnp.concatenate(states, axis=-1), 0)
    count = jnp.maximum(real.sum(1), 1)[:, None]
    return joined.sum(1) / count.astype(joined.dtype)


class AttentionPooling(nn.Module):
    """Mean over the tokens with learned weights, softmax of v . tanh(W h + b). Yang et al. 2016.

    Section 2.2, equations 5 to 7.
    """

    @nn.compact
    def __call__(self, states: Sequence[Array], real: Array) -> Array:
        """Arguments and result as in `Pooling`; 0 for a sequence without tokens."""
        joined = jnp.concatenate(states, axis=-1)
        hidden = jnp.tanh(nn.Dense(joined.shape[-1], dtype=joined.dtype)(joined))
        scores = nn.Dense(1, use_bias=False, dtype=joined.dtype)(hidden)[..., 0]
        weights = jax.nn.softmax(scores, where=real, axis=1)
        weights = jnp.where(real, weights, 0)
        return (weights[..., None] * joined).sum(1)
