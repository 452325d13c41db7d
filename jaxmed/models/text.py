"""Texts: an encoder gives states, a pooling one vector per text, a linear layer the logits.

An encoder is called as `encoder(tokens, train=...)` with tokens [batch, time], 0 behind the end of
a text, and returns its states [batch, time, width], one array per direction of reading.
"""

from __future__ import annotations

from collections.abc import Sequence

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxmed.models import input_checks
from jaxmed.models.intermediates import capture
from jaxmed.models.layers import Conv, Dropout, Pooling, last_state
from jaxmed.typing import Array, Float, Int, Option


class TextClassifier(nn.Module):
    """Logits of a text. The defaults with a `RecurrentEncoder` are the network of tutorials.

    Attributes:
        outputs: logits of the classes, or 1.
        encoder: computes the states, such as `RecurrentEncoder(vocabulary)`.
        pooling: `layers.last_state`, `layers.max_over_time`, `layers.mean_over_time` or a
            `layers.AttentionPooling()`.
        dropout: of the pooled vector, in [0, 1).
    """

    outputs: int
    encoder: nn.Module
    pooling: Pooling = last_state
    dropout: Option = 0.0

    def __post_init__(self) -> None:
        input_checks.attributes(
            self, counts="outputs", rates="dropout", functions="pooling", modules="encoder"
        )
        super().__post_init__()

    @nn.compact
    def __call__(
        self, tokens: Int[Array, "batch time"], *, train: bool = False, mask: Array | None = None
    ) -> Float[Array, "batch outputs"]:
        """Compute logits.

        Args:
            tokens: [batch, time], 0 behind the end of a text.
            train: whether dropout draws; the key is `rngs={"dropout": key}`.
            mask: unused; for the same signature as other networks.

        Returns:
            [batch, outputs].
        """
        del mask
        states = self.encoder(tokens, train=train)
        x = self.pooling(states, tokens != 0)
        x = Dropout(self.dropout)(x, train=train)
        return nn.Dense(self.outputs, dtype=x.dtype)(x)


class ConvEncoder(nn.Module):
    """Texts to states: an embedding and one convolution over time per width of window.

    With `layers.max_over_time` it is the network of Kim 2014. Intermediate value: `embedded`
    [batch, time, embedding].

    Attributes:
        vocabulary: number of tokens; token 0 is padding.
        embedding: width of the vector of a token.
        features: channels of each convolution.
        windows: width of the window of each convolution, in tokens.
        dropout: of the embedding, in [0, 1).
    """

    vocabulary: int
    embedding: int = 128
    features: int = 100
    windows: Sequence[int] = (3, 4, 5)
    dropout: Option = 0.2

    def __post_init__(self) -> None:
        input_checks.attributes(
            self, counts="vocabulary embedding features", sizes="windows", rates="dropout"
        )
        if not self.windows:
            raise ValueError("windows is (), but must name at least one width of a window.")
        super().__post_init__()

    @nn.compact
    def __call__(self, tokens: Int[Array, "batch time"], *, train: bool) -> tuple[Array, ...]:
        """[batch, time] -> one array [batch, time, features * number of windows] in a tuple."""
        x = nn.Embed(self.vocabulary, self.embedding, name="embedding")(tokens)
        x = capture(self, "embedded", x)
        x = jnp.where((tokens != 0)[..., None], x, 0)
        x = Dropout(self.dropout)(x, train=train)
        maps = [jax.nn.relu(Conv(self.features, (window,))(x)) for window in self.windows]
        return (jnp.concatenate(maps, axis=-1),)
