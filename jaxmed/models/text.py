"""Texts: an encoder gives states, a pooling one vector a text, a linear layer the logits.

An encoder is called as `encoder(tokens, train=...)` with token numbers [batch, time], 0 behind the
end of a text, and returns its states [batch, time, width], one array a direction of reading.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxmed.models.layers.layers import Conv, Dropout
from jaxmed.typing import Array, Float, Int, Option

Pooling: TypeAlias = Callable[[Sequence[Array], Array], Array]
"""(states, one [batch, time, units] a direction; real [batch, time]) -> [batch, features]."""


def last_state(states: Sequence[Array], real: Array) -> Array:
    """The state after the last token, and of a second direction that after the first."""
    del real  # behind the end of a text the state stays what it was
    return jnp.concatenate([states[0][:, -1], *(s[:, 0] for s in states[1:])], axis=-1)


def max_over_time(states: Sequence[Array], real: Array) -> Array:
    """The largest value of each unit over the tokens of a text; 0 of a text without any."""
    joined = jnp.concatenate(states, axis=-1)
    largest = jnp.where(real[..., None], joined, -jnp.inf).max(axis=1)
    return jnp.where(real.any(1)[:, None], largest, 0)


def mean_over_time(states: Sequence[Array], real: Array) -> Array:
    """The mean of each unit over the tokens of a text; 0 of a text without any."""
    joined = jnp.where(real[..., None], jnp.concatenate(states, axis=-1), 0)
    count = jnp.maximum(real.sum(1), 1)[:, None]
    return joined.sum(1) / count.astype(joined.dtype)


class AttentionPooling(nn.Module):
    """A mean over the tokens with learned weights, softmax of v . tanh(W h). Yang et al. 2016."""

    @nn.compact
    def __call__(self, states: Sequence[Array], real: Array) -> Array:
        """As in `Pooling`."""
        joined = jnp.concatenate(states, axis=-1)
        hidden = jnp.tanh(nn.Dense(joined.shape[-1], dtype=joined.dtype)(joined))
        scores = nn.Dense(1, use_bias=False, dtype=joined.dtype)(hidden)[..., 0]
        weights = jax.nn.softmax(scores, where=real, axis=1)
        weights = jnp.where(real, weights, 0)
        return (weights[..., None] * joined).sum(1)


class ConvEncoder(nn.Module):
    """Texts to states: an embedding and one convolution over time for each width of window.

    With `max_over_time` it is the network of Kim 2014.

    Attributes:
        vocabulary: tokens, of which 0 is padding.
        embedding: width of a token's vector.
        features: channels of each convolution.
        windows: tokens that each convolution sees at once.
        dropout: of the embedding.
    """

    vocabulary: int
    embedding: int = 128
    features: int = 100
    windows: Sequence[int] = (3, 4, 5)
    dropout: Option = 0.2

    @nn.compact
    def __call__(self, tokens: Int[Array, "batch time"], *, train: bool) -> tuple[Array, ...]:
        """[batch, time, features * windows], alone in a tuple."""
        x = nn.Embed(self.vocabulary, self.embedding, name="embedding")(tokens)
        x = jnp.where((tokens != 0)[..., None], x, 0)
        x = Dropout(self.dropout)(x, train=train)
        seen = [jax.nn.relu(Conv(self.features, (window,))(x)) for window in self.windows]
        return (jnp.concatenate(seen, axis=-1),)


class TextClassifier(nn.Module):
    """What a text is about: with the defaults and a `RecurrentEncoder` that of introductions.

    Attributes:
        outputs: logits of the classes, or 1.
        encoder: gives the states, such as `RecurrentEncoder(vocabulary)`.
        pooling: `last_state`, `max_over_time`, `mean_over_time` or an `AttentionPooling()`.
        dropout: of the pooled vector.
    """

    outputs: int
    encoder: nn.Module
    pooling: Pooling = last_state
    dropout: Option = 0.0

    @nn.compact
    def __call__(
        self, tokens: Int[Array, "batch time"], *, train: bool = False, mask: Array | None = None
    ) -> Float[Array, "batch outputs"]:
        """Token numbers, 0 behind the end of a text -> logits."""
        del mask
        states = self.encoder(tokens, train=train)
        x = self.pooling(states, tokens != 0)
        x = Dropout(self.dropout)(x, train=train)
        return nn.Dense(self.outputs, dtype=x.dtype)(x)


class WordPredictor(nn.Module):
    """Each word of a text from the words to its left and those to its right, which it never sees.

    The left state of a bidirectional encoder with one layer before the word and the right state
    behind it, through a hidden layer, against the embedding of every word. Melamud et al. 2016
    (context2vec), section 3.1, with a softmax over the vocabulary.

    Attributes:
        encoder: a bidirectional `RecurrentEncoder` with one layer.
        vocabulary: tokens, as in the encoder.
        hidden: width of the hidden layer.
    """

    encoder: nn.Module
    vocabulary: int
    hidden: int = 256

    @nn.compact
    def __call__(
        self,
        tokens: Int[Array, "batch time"],
        at: Int[Array, "batch draws"],
        *,
        train: bool = False,
    ) -> Float[Array, "batch draws vocabulary"]:
        """Scores of every word at the places `at` of each text."""
        left, right, *_ = self.encoder(tokens, train=train)
        before = jnp.pad(left, ((0, 0), (1, 0), (0, 0)))[:, :-1]
        behind = jnp.pad(right, ((0, 0), (0, 1), (0, 0)))[:, 1:]
        x = jnp.take_along_axis(jnp.concatenate([before, behind], -1), at[..., None], axis=1)
        x = jax.nn.gelu(nn.Dense(self.hidden, dtype=x.dtype)(x))
        words = self.encoder.variables["params"]["embedding"]["embedding"].astype(x.dtype)
        x = nn.Dense(words.shape[1], dtype=x.dtype)(x)
        bias = self.param("bias", nn.initializers.zeros, (self.vocabulary,))
        return x @ words.T + bias.astype(x.dtype)[None, None]
