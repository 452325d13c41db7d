"""A linear layer over thousands of terms, of which a text has few."""

from __future__ import annotations

import flax.linen as nn
import jax.numpy as jnp

from jaxmed import checks
from jaxmed.models.layers.layers import Dropout
from jaxmed.typing import Array, Float, Option


class TermSum(nn.Module):
    """x W + b for rows that are almost everywhere 0: only what is not 0 is read and multiplied.

    With terms weighed by their rarity (TF-IDF) and `losses.squared_hinge` it is the support vector
    machine of texts (Joachims 1998), here with dropout of terms.

    Attributes:
        outputs: logits of the classes.
        terms: in the vocabulary; the number of each is 1 to `terms`.
        dropout: of the terms of a text.
    """

    outputs: int
    terms: int
    dropout: Option = 0.0

    @nn.compact
    def __call__(
        self, x: tuple[Array, Array], *, train: bool = False, mask: Array | None = None
    ) -> Float[Array, "batch outputs"]:
        """Numbers of terms [batch, most], 0 behind the last, and their weights -> logits."""
        del mask
        checks.positive("terms", self.terms)
        numbers, weights = x
        kernel = self.param("kernel", nn.initializers.zeros, (self.terms, self.outputs))
        bias = self.param("bias", nn.initializers.zeros, (self.outputs,))
        here = jnp.where(numbers > 0, weights, 0)
        kept = Dropout(self.dropout)(here, train=train)
        return (kernel[numbers - 1] * kept[..., None]).sum(1) + bias[None]
