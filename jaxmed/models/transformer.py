"""Self-attention, the layer around it, and an encoder of texts: every token looks at every other.

`vit.py` makes images of the same layers.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxmed import checks
from jaxmed.models.intermediates import named
from jaxmed.models.layers.layers import Dropout, StochasticDepth
from jaxmed.typing import Array, Bool, Float, Int, Option


def rotary(
    x: Float[Array, "batch time heads width"],
) -> Float[Array, "batch time heads width"]:
    """Turn pairs of coordinates by an angle that grows with the place in the text.

    Pair i of the coordinates at place t turns by t / 10000^(2 i / width). The product of a query
    and a key then depends on how far they are apart, and not on where they are. Su et al. 2021,
    section 3.2.2; a pair is (i, i + width / 2), which reorders the paper's (2 i, 2 i + 1) and
    needs no strides.

    Args:
        x: queries or keys; width is even.

    Returns:
        As many numbers, each pair as long as before.

    Raises:
        ValueError: if width is odd.
    """
    time, width = x.shape[1], x.shape[3]
    if width % 2:
        raise ValueError(
            f"x is {width} wide in each head, but must be even: its coordinates turn in pairs."
        )
    # In float32 whatever x is: half precision cannot count the places of a long text.
    speed = 10_000.0 ** -(jnp.arange(0, width, 2, dtype=jnp.float32) / width)
    angle = jnp.outer(jnp.arange(time, dtype=jnp.float32), speed)[None, :, None]
    cos, sin = jnp.cos(angle), jnp.sin(angle)
    first, second = jnp.split(x.astype(jnp.float32), 2, axis=-1)
    turned = [first * cos - second * sin, first * sin + second * cos]
    return jnp.concatenate(turned, axis=-1).astype(x.dtype)


class SelfAttention(nn.Module):
    """Attention of the real tokens to one another, in several heads.

    softmax(Q K^T / sqrt(width / heads)) V. Vaswani et al. 2017, section 3.2. The softmax is kept
    as the intermediate value `weights` [batch, heads, queries, keys]: 0 to keys that are padding,
    which still ask as queries, and 1 / time each where no token is real.

    Attributes:
        heads: side by side.
        turn: applied to queries and keys, for their positions; None where tokens carry their own.
    """

    heads: int
    turn: Callable[[Array], Array] | None = rotary

    @nn.compact
    def __call__(
        self, x: Float[Array, "batch time width"], real: Bool[Array, "batch time"] | None
    ) -> Float[Array, "batch time width"]:
        """Attend to the tokens that are `real`; None says that all are.

        Padding is never attended to; without a real token the output is the bias alone.
        """
        rows, time, width = x.shape
        heads = (rows, time, 3, self.heads, width // self.heads)
        projected = nn.Dense(3 * width, dtype=x.dtype, name="query_key_value")(x).reshape(heads)
        query, key, value = (projected[:, :, part] for part in range(3))
        if self.turn is not None:
            query, key = self.turn(query), self.turn(key)
        scores = jnp.einsum("bqhw,bkhw->bhqk", query, key, preferred_element_type=jnp.float32)
        scores = scores / math.sqrt(width // self.heads)
        if real is not None:
            # Of a text without any token all scores are equally low: its values are made zero.
            scores = jnp.where(real[:, None, None, :], scores, -1e30)
            value = jnp.where(real[:, :, None, None], value, 0)
        weights = named(self, "weights", jax.nn.softmax(scores).astype(x.dtype))
        seen = jnp.einsum("bhqk,bkhw->bqhw", weights, value)
        return nn.Dense(width, dtype=x.dtype, name="output")(seen.reshape(x.shape))


class TransformerLayer(nn.Module):
    """x + attention(norm(x)), then x + W gelu(V norm(x)). Xiong et al. 2020, figure 1b.

    The result is kept as the intermediate value `tokens`.

    Attributes:
        heads: of the attention.
        hidden: width of the perceptron.
        dropout: of what attention and perceptron add, a number at a time.
        turn: as in `SelfAttention`.
        stochastic_depth: of what each of them adds, a whole row at a time.
    """

    heads: int
    hidden: int
    dropout: Option
    turn: Callable[[Array], Array] | None = rotary
    stochastic_depth: Option = 0.0

    @nn.compact
    def __call__(self, x: Array, real: Array | None, *, train: bool) -> Array:
        """[batch, time, width], real [batch, time] or None where all are -> the same shape."""
        drop, leave_out = Dropout(self.dropout), StochasticDepth(self.stochastic_depth)
        attention = SelfAttention(self.heads, self.turn, name="attention")
        seen = attention(_norm(x, "attention_norm"), real)
        x = x + leave_out(drop(seen, train=train), train=train)
        y = nn.Dense(self.hidden, dtype=x.dtype, name="hidden")(_norm(x, "hidden_norm"))
        y = nn.Dense(x.shape[-1], dtype=x.dtype, name="output")(jax.nn.gelu(y))
        return named(self, "tokens", x + leave_out(drop(y, train=train), train=train))


def _norm(x: Array, name: str) -> Array:
    return nn.LayerNorm(dtype=x.dtype, name=name)(x)


class TransformerEncoder(nn.Module):
    """Texts to states: an embedding, layers of self-attention, a layer norm.

    The norms stand before attention and products (Xiong et al. 2020), so that training needs no
    warm-up of the learning rate. GELU (Hendrycks and Gimpel 2016) is taken in its tanh form.
    Kernels start as in LeCun et al. 1998, with variance 1 / inputs, and so do the tokens' vectors,
    with variance 1 / width; biases start at zero. Intermediate values, of each layer:
    `TransformerLayer_0/attention/weights` [batch, heads, queries, keys] and
    `TransformerLayer_0/tokens` [batch, time, width].

    Attributes:
        vocabulary: tokens, of which 0 is padding.
        width: of a token's vector and of each state; a multiple of 2 heads.
        heads: attentions side by side in each layer.
        layers: how many.
        hidden: width of the perceptron in each layer; 4 times `width` by default.
        dropout: of the embedding and of what each layer adds. Vaswani et al. 2017, section 5.4.

    >>> encoder = TransformerEncoder(10, width=8, heads=2, layers=1)
    >>> shapes = jax.eval_shape(
    ...     lambda key: encoder.init(key, jnp.ones((1, 3), int), train=False), jax.random.key(0)
    ... )
    >>> sum(leaf.size for leaf in jax.tree.leaves(shapes))  # 10 * 8 + 12 * 8 * 8 + 13 * 8 + 2 * 8
    968
    """

    vocabulary: int
    width: int = 128
    heads: int = 4
    layers: int = 2
    hidden: int | None = None
    dropout: Option = 0.1

    @nn.compact
    def __call__(self, tokens: Int[Array, "batch time"], *, train: bool) -> tuple[Array, ...]:
        """The states [batch, time, width], alone in a tuple.

        Behind the end of a text stands the state of its last token, as in `RecurrentEncoder`, so
        that every pooling reads real tokens only.
        """
        self._check()
        real = tokens != 0
        x = nn.Embed(self.vocabulary, self.width, name="embedding")(tokens)
        x = Dropout(self.dropout)(x, train=train)
        hidden = 4 * self.width if self.hidden is None else self.hidden
        for _ in range(self.layers):
            x = TransformerLayer(self.heads, hidden, self.dropout)(x, real, train=train)
        x = _norm(x, "norm")
        last = jnp.maximum(real.sum(1) - 1, 0)
        ending = jnp.take_along_axis(x, last[:, None, None], axis=1)
        return (jnp.where(real[..., None], x, ending),)

    def _check(self) -> None:
        for name in ("width", "heads", "layers"):
            checks.positive(name, getattr(self, name))
        if self.width % (2 * self.heads):
            raise ValueError(
                f"width is {self.width}, but must be a multiple of {2 * self.heads}, 2 for each of "
                f"the {self.heads} heads: rotary positions turn the coordinates of a head in pairs."
            )
