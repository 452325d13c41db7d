"""Sentences read in context: each is encoded alone, then the document is read as a sequence."""

from __future__ import annotations

from typing import TypeAlias

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxmed.models.layers.layers import Dropout
from jaxmed.models.recurrent import LSTM, Recurrent
from jaxmed.models.text import Pooling, max_over_time
from jaxmed.typing import Array, Bool, Float, Int, Option

Scores: TypeAlias = tuple[Array, tuple[Array, Array, Array], Array]
"""Emissions [batch, sentences, classes]; start, step and end of a chain; the real sentences."""


class SentenceTagger(nn.Module):
    """The role of each sentence of a document.

    Sentence encoder, bidirectional LSTM over the sentences, a score for every role, and scores
    of one role behind another. Jin and Szolovits 2018, section 3.

    Attributes:
        classes: roles.
        encoder: gives the states of a sentence, such as `RecurrentEncoder`.
        pooling: makes one vector of them.
        phrases: one more vector of a sentence, such as that of a `PhraseBag`.
        units: of the LSTM over sentences, in each direction.
        context: read the sentences around each one, and its place among them; without it each
            stands alone.
        chained: learn which role follows which; without it the labels are independent.
        dropout: of the sentence vectors and of what is read from them.
    """

    classes: int
    encoder: nn.Module
    pooling: Pooling = max_over_time
    phrases: nn.Module | None = None
    units: int = 128
    context: bool = True
    chained: bool = True
    dropout: Option = 0.3

    @nn.compact
    def __call__(
        self,
        tokens: Int[Array, "batch sentences time"],
        *,
        train: bool = False,
        mask: Array | None = None,
    ) -> Scores:
        """Token numbers, 0 behind the end of a sentence, sentences of 0 behind the last one."""
        del mask
        rows, sentences, time = tokens.shape
        each = tokens.reshape(rows * sentences, time)
        vectors = self.pooling(self.encoder(each, train=train), each != 0)
        if self.phrases is not None:
            bag = self.phrases(each, train=train).astype(vectors.dtype)
            vectors = jnp.concatenate([vectors, bag], axis=-1)
        x = Dropout(self.dropout)(vectors.reshape(rows, sentences, -1), train=train)
        real = (tokens != 0).any(-1)
        if self.context:
            x = jnp.concatenate([x, places(real).astype(x.dtype)], axis=-1)
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
            start, step, end = (jnp.zeros(shape) for shape in shapes)
            return start, step, end
        start, step, end = (
            self.param(name, nn.initializers.zeros, shape)
            for name, shape in zip(("start", "step", "end"), shapes, strict=True)
        )
        return start, step, end


def places(real: Bool[Array, "batch sentences"]) -> Float[Array, "batch sentences 30"]:
    """Where a sentence stands: counted from the start, from the end, and its tenth of the whole.

    Three groups of ten, a 1 in each; what is further than the ninth from an end counts as ninth.
    """
    count = real.sum(1, keepdims=True)
    before = jnp.arange(real.shape[1])[None]
    behind = jnp.maximum(count - 1 - before, 0)
    tenth = 10 * before // jnp.maximum(count, 1)
    found = (jnp.minimum(number, 9) for number in (before, behind, tenth))
    each = [jnp.broadcast_to(jax.nn.one_hot(n, 10), (*real.shape, 10)) for n in found]
    return jnp.where(real[..., None], jnp.concatenate(each, axis=-1), 0)
