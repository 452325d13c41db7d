"""The words and word pairs of a text as a bag: what linear models live on, beside an encoder."""

from __future__ import annotations

import flax.linen as nn
import jax.numpy as jnp

from jaxmed import checks
from jaxmed.models.layers.layers import Dropout
from jaxmed.typing import Array, Float, Int, Option


class PhraseBag(nn.Module):
    """One vector a text: the learned vectors of its phrases, added up.

    The sum is divided by the square root of the number of words. A phrase finds its vector by
    hashing, so that none is unknown and two may share one. Joulin et al. 2017, section 2.

    Attributes:
        width: of the vector.
        longest: words of a phrase; 2 for words and pairs of neighbours.
        bits: of the hash: there are 2 ** bits vectors, at most 2 ** 32.
        dropout: of phrases.
    """

    width: int = 64
    longest: int = 2
    bits: int = 16
    dropout: Option = 0.5

    @nn.compact
    def __call__(self, tokens: Int[Array, "batch time"], *, train: bool) -> Float[Array, "batch w"]:
        """Token numbers, 0 behind the end of a text -> [batch, width]; 0 of a text without any."""
        checks.positive("width", self.width)
        checks.positive("longest", self.longest)
        found = phrases(tokens, longest=self.longest, bits=self.bits)
        here = jnp.where(found >= 0, 1.0, 0.0)
        table = self.param("table", nn.initializers.normal(0.05), (2**self.bits, self.width))
        kept = Dropout(self.dropout)(here, train=train)
        words = jnp.maximum((tokens != 0).sum(1), 1)
        return (table[found] * kept[..., None]).sum(1) / jnp.sqrt(words)[:, None]


def phrases(
    tokens: Int[Array, "batch time"], *, longest: int, bits: int
) -> Int[Array, "batch phrases"]:
    """A number in [0, 2 ** bits) for each phrase of 1 to `longest` words, -1 where there is none.

    Args:
        tokens: numbers of words, 0 behind the end of a text.
        longest: words of a phrase.
        bits: of the numbers.

    Returns:
        [batch, time * longest]: the phrases that begin with the first word, shortest first, ...
    """
    words = tokens.astype(jnp.uint32)
    joined, real = words, tokens != 0
    found = []
    for length in range(1, longest + 1):
        if length > 1:
            after = jnp.pad(words[:, length - 1 :], ((0, 0), (0, length - 1)))[:, : words.shape[1]]
            joined, real = joined * 40503 + after, real & (after != 0)
        # Knuth's multiplicative hash: the high bits of a product with 2 ** 32 / golden ratio.
        number = (joined * jnp.uint32(2654435761)) >> jnp.uint32(32 - bits)
        found.append(jnp.where(real, number.astype(jnp.int32), -1))
    return jnp.stack(found, axis=-1).reshape(tokens.shape[0], -1)
