"""Hashed n-grams: the words and word pairs of a text as features without a vocabulary."""

from __future__ import annotations

import flax.linen as nn
import jax.numpy as jnp

from jaxmed import checks
from jaxmed.models import input_checks
from jaxmed.models.layers import Dropout
from jaxmed.typing import Array, Float, Int, Option


class HashedNgrams(nn.Module):
    """One vector per text: the sum of the learned vectors of its n-grams / sqrt(number of words).

    Each n-gram is mapped to a vector by hashing, so none is unknown and two may share one.
    Joulin et al. 2017, section 2. Variable: `table` [2^bits, width].

    Attributes:
        width: of the vector.
        longest: words in the longest n-gram; 2 for words and pairs of neighbors.
        bits: of the hash, 1 to 31: there are 2^bits vectors.
        dropout: of n-grams, in [0, 1).
    """

    width: int = 64
    longest: int = 2
    bits: int = 16
    dropout: Option = 0.5

    def __post_init__(self) -> None:
        input_checks.attributes(self, counts="width longest bits", rates="dropout")
        checks.whole("bits", self.bits, most=31)
        super().__post_init__()

    @nn.compact
    def __call__(self, tokens: Int[Array, "batch time"], *, train: bool) -> Float[Array, "batch w"]:
        """Sum the vectors.

        Args:
            tokens: [batch, time], 0 behind the end of a text.
            train: whether dropout draws; the key is `rngs={"dropout": key}`.

        Returns:
            [batch, width]; 0 for an empty text.
        """
        hashes = ngram_hashes(tokens, longest=self.longest, bits=self.bits)
        real = jnp.where(hashes >= 0, 1.0, 0.0)
        table = self.param("table", nn.initializers.normal(0.05), (2**self.bits, self.width))
        kept = Dropout(self.dropout)(real, train=train)
        words = jnp.maximum((tokens != 0).sum(1), 1)
        return (table[hashes] * kept[..., None]).sum(1) / jnp.sqrt(words)[:, None]


def ngram_hashes(
    tokens: Int[Array, "batch time"], *, longest: int, bits: int
) -> Int[Array, "batch ngrams"]:
    """A number in [0, 2^bits) for each n-gram of 1 to `longest` words.

    Args:
        tokens: [batch, time], 0 behind the end of a text.
        longest: words in the longest n-gram.
        bits: of the numbers, 1 to 31.

    Returns:
        [batch, time * longest]: the n-grams that begin with the first word, shortest first, then
        those of the second word, ...; -1 where there is none.

    Raises:
        ValueError: if `longest` is not positive, or `bits` is outside 1 to 31.
    """
    checks.whole("longest", longest)
    checks.whole("bits", bits, most=31)  # the numbers are int32
    words = tokens.astype(jnp.uint32)
    joined, real = words, tokens != 0
    hashes = []
    for length in range(1, longest + 1):
        if length > 1:
            after = jnp.pad(words[:, length - 1 :], ((0, 0), (0, length - 1)))[:, : words.shape[1]]
            joined, real = joined * 40503 + after, real & (after != 0)
        # Knuth's multiplicative hash: the high bits of a product with 2^32 / golden ratio.
        number = (joined * jnp.uint32(2654435761)) >> jnp.uint32(32 - bits)
        hashes.append(jnp.where(real, number.astype(jnp.int32), -1))
    return jnp.stack(hashes, axis=-1).reshape(tokens.shape[0], -1)
