"""A linear layer on sparse features, of which each row has few."""

from __future__ import annotations

import flax.linen as nn
import jax.numpy as jnp

from jaxmed.models import input_checks
from jaxmed.models.layers import Dropout
from jaxmed.typing import Array, Float, Option


class SparseLinear(nn.Module):
    """x W + b for rows x that are mostly 0: only the other numbers are read and multiplied.

    With TF-IDF weights and `losses.squared_hinge` it is the support vector machine of texts
    (Joachims 1998), here with dropout of features. Variables: `kernel` [inputs, outputs] and
    `bias` [outputs], initially zero.

    Attributes:
        outputs: logits of the classes.
        inputs: number of features, such as terms of a vocabulary.
        dropout: of the features of a row, in [0, 1).

    >>> import jax
    >>> network = SparseLinear(outputs=2, inputs=1000)
    >>> x = (jnp.array([[7, 912, 0]]), jnp.array([[0.8, 0.6, 0.0]]))
    >>> network.init_with_output(jax.random.key(0), x)[0].shape
    (1, 2)
    """

    outputs: int
    inputs: int
    dropout: Option = 0.0

    def __post_init__(self) -> None:
        input_checks.attributes(self, counts="outputs inputs", rates="dropout")
        super().__post_init__()

    @nn.compact
    def __call__(
        self, x: tuple[Array, Array], *, train: bool = False, mask: Array | None = None
    ) -> Float[Array, "batch outputs"]:
        """Compute logits.

        Args:
            x: numbers of features [batch, most], 1 to `inputs` and 0 behind the last one, and
                their values [batch, most].
            train: whether dropout draws; the key is `rngs={"dropout": key}`.
            mask: unused; for the same signature as other networks.

        Returns:
            [batch, outputs].
        """
        del mask
        numbers, values = x
        kernel = self.param("kernel", nn.initializers.zeros, (self.inputs, self.outputs))
        bias = self.param("bias", nn.initializers.zeros, (self.outputs,))
        present = jnp.where(numbers > 0, values, 0)
        kept = Dropout(self.dropout)(present, train=train)
        return (kernel[numbers - 1] * kept[..., None]).sum(1) + bias[None]
