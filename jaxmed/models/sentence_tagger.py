"""Labels of the sentences of a document, each encoded alone and then read in context."""

from __future__ import annotations

from typing import TypeAlias

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxmed.models import input_checks
from jaxmed.models.layers import LSTM, Dropout, Pooling, max_over_time
from jaxmed.models.recurrent import Recurrent
from jaxmed.typing import Array, Bool, Float, Int, Option

Scores: TypeAlias = tuple[Array, tuple[Array, Array, Array], Array]
"""Emissions [batch, sentences, classes]; start, transitions and end of a `crf.Chain`; which
sentences are real [batch, sentences]."""


class SentenceTagger(nn.Module):
    """The label of each sentence of a document, such as its section.

    A sentence encoder, a bidirectional LSTM over the sentences, a score of every label, and scores
    of transitions between labels for a conditional random field (`jaxmed.models.crf`). Jin and
    Szolovits 2018, section 3.

    Attributes:
        classes: number of labels.
        encoder: computes the states of a sentence, such as `RecurrentEncoder(vocabulary)`.
        pooling: states to one vector, such as `layers.AttentionPooling()`.
        phrases: computes one more vector of a sentence, such as `HashedNgrams()`.
        units: of the LSTM over sentences, in each direction.
        context: whether to read the surrounding sentences and the position in the document;
            otherwise each sentence stands alone.
        chained: whether to learn transitions; otherwise their scores are 0, and the labels are
            independent.
        dropout: of the sentence vectors and of the layer before the scores, in [0, 1).
    """

    classes: int
    encoder: nn.Module
    pooling: Pooling = max_over_time
    phrases: nn.Module | None = None
    units: int = 128
    context: bool = True
    chained: bool = True
    dropout: Option = 0.3

    def __post_init__(self) -> None:
        input_checks.attributes(
            self,
            counts="classes units",
            rates="dropout",
            functions="pooling",
            flags="context chained",
            modules="encoder phrases",
        )
        super().__post_init__()

    @nn.compact
    def __call__(
        self,
        tokens: Int[Array, "batch sentences time"],
        *,
        train: bool = False,
        mask: Array | None = None,
    ) -> Scores:
        """Compute scores.

        Args:
            tokens: [batch, sentences, time], 0 behind the end of a sentence, and sentences of 0
                behind the last one.
            train: whether dropout draws; the key is `rngs={"dropout": key}`.
            mask: unused; for the same signature as other networks.

        Returns:
            Emissions [batch, sentences, classes]; the chain, of shapes [classes],
            [classes, classes] and [classes]; which sentences are real [batch, sentences].
        """
        del mask
        rows, sentences, time = tokens.shape
        single = tokens.reshape(rows * sentences, time)
        vectors = self.pooling(self.encoder(single, train=train), single != 0)
        if self.phrases is not None:
            more = self.phrases(single, train=train).astype(vectors.dtype)
            vectors = jnp.concatenate([vectors, more], axis=-1)
        x = Dropout(self.dropout)(vectors.reshape(rows, sentences, -1), train=train)
        real = (tokens != 0).any(-1)
        if self.context:
            x = jnp.concatenate([x, sentence_positions(real).astype(x.dtype)], axis=-1)
            forward = Recurrent(self.units, LSTM)(x, real, train=train)
            backward = Recurrent(self.units, LSTM, reverse=True)(x, real, train=train)
            x = jnp.concatenate([x, forward, backward], axis=-1)
        x = jax.nn.relu(nn.Dense(self.units, dtype=x.dtype)(x))
        x = Dropout(self.dropout)(x, train=train)
        emissions = nn.Dense(self.classes, dtype=x.dtype)(x)
        return emissions, self._chain(), real

    def _chain(self) -> tuple[Array, Array, Array]:
        shapes = ((self.classes,), (self.classes, self.classes), (self.classes,))
        if not self.chained:
            start, transitions, end = (jnp.zeros(shape) for shape in shapes)
            return start, transitions, end
        # "step" is the name of the transitions in saved models.
        start, transitions, end = (
            self.param(name, nn.initializers.zeros, shape)
            for name, shape in zip(("start", "step", "end"), shapes, strict=True)
        )
        return start, transitions, end


def sentence_positions(
    real: Bool[Array, "batch sentences"],
) -> Float[Array, "batch sentences 30"]:
    """The position of a sentence: from the start, from the end, and as a tenth of the document.

    Args:
        real: true for the sentences of a document, which come first, false for padding.

    Returns:
        [batch, sentences, 30]: three one-hot groups of ten, 0 for padding. Distances of more than
        9 from the start or the end count as 9.
    """
    count = real.sum(1, keepdims=True)
    before = jnp.arange(real.shape[1])[None]
    behind = jnp.maximum(count - 1 - before, 0)
    tenth = 10 * before // jnp.maximum(count, 1)
    numbers = (jnp.minimum(number, 9) for number in (before, behind, tenth))
    groups = [jnp.broadcast_to(jax.nn.one_hot(n, 10), (*real.shape, 10)) for n in numbers]
    return jnp.where(real[..., None], jnp.concatenate(groups, axis=-1), 0)
