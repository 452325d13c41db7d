"""Prediction of each word from its context, to pretrain an encoder of texts without labels."""

from __future__ import annotations

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxmed.models import input_checks
from jaxmed.typing import Array, Float, Int


class WordPredictor(nn.Module):
    """Each word of a text from the words to its left and to its right, but not from itself.

    The left state of a bidirectional encoder before the word and the right state behind it, a
    hidden layer, and the product with the embedding of every word. Melamud et al. 2016
    (context2vec), section 3.1, with a softmax over the whole vocabulary.

    Attributes:
        encoder: a bidirectional `RecurrentEncoder` with one layer. With more layers the states
            would depend on the word itself.
        vocabulary: number of tokens, as in the encoder.
        hidden: width of the hidden layer.
    """

    encoder: nn.Module
    vocabulary: int
    hidden: int = 256

    def __post_init__(self) -> None:
        input_checks.attributes(self, counts="vocabulary hidden", modules="encoder")
        super().__post_init__()

    @nn.compact
    def __call__(
        self,
        tokens: Int[Array, "batch time"],
        at: Int[Array, "batch draws"],
        *,
        train: bool = False,
    ) -> Float[Array, "batch draws vocabulary"]:
        """Logits of every word at some positions.

        Args:
            tokens: [batch, time], 0 behind the end of a text.
            at: positions to predict [batch, draws], from 0.
            train: whether the dropout of the encoder draws.

        Returns:
            [batch, draws, vocabulary].
        """
        left, right, *_ = self.encoder(tokens, train=train)
        before = jnp.pad(left, ((0, 0), (1, 0), (0, 0)))[:, :-1]
        behind = jnp.pad(right, ((0, 0), (0, 1), (0, 0)))[:, 1:]
        x = jnp.take_along_axis(jnp.concatenate([before, behind], -1), at[..., None], axis=1)
        x = jax.nn.gelu(nn.Dense(self.hidden, dtype=x.dtype)(x))
        words = self.encoder.variables["params"]["embedding"]["embedding"].astype(x.dtype)
        x = nn.Dense(words.shape[1], dtype=x.dtype)(x)
        bias = self.param("bias", nn.initializers.zeros, (self.vocabulary,))
        return x @ words.T + bias.astype(x.dtype)[None, None]
