"""Self-attention and the transformer layer around it, for texts and for patches of images."""

from __future__ import annotations

import math
from collections.abc import Callable

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxmed.models import input_checks
from jaxmed.models.intermediates import capture
from jaxmed.models.layers.dropout import Dropout, StochasticDepth
from jaxmed.typing import Array, Bool, Float, Option


def rotary(
    x: Float[Array, "batch time heads width"],
) -> Float[Array, "batch time heads width"]:
    """Rotary position embedding: rotate pairs of coordinates by an angle that grows with time.

    Pair i at position t is rotated by t / 10000^(2 i / width). The product of a query and a key
    then depends on their distance only. Su et al. 2021, section 3.2.2; here a pair is
    (i, i + width / 2) instead of (2 i, 2 i + 1), which needs no strided access.

    Args:
        x: queries or keys; width is even.

    Returns:
        The same shape and type; the length of each pair does not change.

    Raises:
        ValueError: if width is odd.
    """
    time, width = x.shape[1], x.shape[3]
    if width % 2:
        raise ValueError(
            f"x is {width} wide in each head, but must be even: its coordinates rotate in pairs."
        )
    # In float32 whatever x is: half precision cannot represent the positions of a long text.
    speed = 10_000.0 ** -(jnp.arange(0, width, 2, dtype=jnp.float32) / width)
    angle = jnp.outer(jnp.arange(time, dtype=jnp.float32), speed)[None, :, None]
    cos, sin = jnp.cos(angle), jnp.sin(angle)
    first, second = jnp.split(x.astype(jnp.float32), 2, axis=-1)
    rotated = [first * cos - second * sin, first * sin + second * cos]
    return jnp.concatenate(rotated, axis=-1).astype(x.dtype)


class SelfAttention(nn.Module):
    """Multi-head self-attention: softmax(Q K^T / sqrt(width / heads)) V.

    Vaswani et al. 2017, section 3.2. Intermediate value: `weights` [batch, heads, queries, keys],
    the softmax. It is 0 for keys that are padding, and 1 / time in a row without real tokens.

    Attributes:
        heads: number of heads; divides the width.
        position: applied to queries and keys [batch, time, heads, width]; None if the tokens
            carry their own positions.
    """

    heads: int
    position: Callable[[Array], Array] | None = rotary

    def __post_init__(self) -> None:
        input_checks.attributes(self, counts="heads", functions="position?")
        super().__post_init__()

    @nn.compact
    def __call__(
        self, x: Float[Array, "batch time width"], real: Bool[Array, "batch time"] | None
    ) -> Float[Array, "batch time width"]:
        """Attend to the real tokens.

        Args:
            x: [batch, time, width].
            real: true for real tokens, false for padding; None if all tokens are real.

        Returns:
            [batch, time, width]; the bias of the last layer in a row without real tokens.
        """
        rows, time, width = x.shape
        heads = (rows, time, 3, self.heads, width // self.heads)
        projected = nn.Dense(3 * width, dtype=x.dtype, name="query_key_value")(x).reshape(heads)
        query, key, value = (projected[:, :, part] for part in range(3))
        if self.position is not None:
            query, key = self.position(query), self.position(key)
        scores = jnp.einsum("bqhw,bkhw->bhqk", query, key, preferred_element_type=jnp.float32)
        scores = scores / math.sqrt(width // self.heads)
        if real is not None:
            # Without real tokens all scores are equally low, so the values are set to zero too.
            scores = jnp.where(real[:, None, None, :], scores, -1e30)
            value = jnp.where(real[:, :, None, None], value, 0)
        weights = capture(self, "weights", jax.nn.softmax(scores).astype(x.dtype))
        mixed = jnp.einsum("bhqk,bkhw->bqhw", weights, value)
        return nn.Dense(width, dtype=x.dtype, name="output")(mixed.reshape(x.shape))


class TransformerLayer(nn.Module):
    """y = x + attention(norm(x)), then y + W gelu(V norm(y)). Xiong et al. 2020, figure 1b.

    GELU (Hendrycks and Gimpel 2016) in its tanh form. Intermediate value: `tokens`, the result.

    Attributes:
        heads: of the attention.
        hidden: width of the perceptron.
        dropout: probability of dropping a number that attention or perceptron adds, in [0, 1).
        position: as in `SelfAttention`.
        stochastic_depth: probability of dropping all that one of them adds to a row, in [0, 1).
    """

    heads: int
    hidden: int
    dropout: Option
    position: Callable[[Array], Array] | None = rotary
    stochastic_depth: Option = 0.0

    def __post_init__(self) -> None:
        input_checks.attributes(
            self, counts="heads hidden", rates="dropout stochastic_depth", functions="position?"
        )
        super().__post_init__()

    @nn.compact
    def __call__(self, x: Array, real: Array | None, *, train: bool) -> Array:
        """[batch, time, width], real as in `SelfAttention` -> [batch, time, width]."""
        drop, drop_branch = Dropout(self.dropout), StochasticDepth(self.stochastic_depth)
        attention = SelfAttention(self.heads, self.position, name="attention")
        y = attention(_norm(x, "attention_norm"), real)
        x = x + drop_branch(drop(y, train=train), train=train)
        y = nn.Dense(self.hidden, dtype=x.dtype, name="hidden")(_norm(x, "hidden_norm"))
        y = nn.Dense(x.shape[-1], dtype=x.dtype, name="output")(jax.nn.gelu(y))
        return capture(self, "tokens", x + drop_branch(drop(y, train=train), train=train))


def _norm(x: Array, name: str) -> Array:
    return nn.LayerNorm(dtype=x.dtype, name=name)(x)
