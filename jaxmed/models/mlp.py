"""The multilayer perceptron."""

from __future__ import annotations

from collections.abc import Sequence

import flax.linen as nn
import jax

from jaxmed.models import input_checks
from jaxmed.models.intermediates import capture
from jaxmed.models.layers import Activation, Dropout
from jaxmed.typing import Array, Float, Option


class MLP(nn.Module):
    """Layers of a = f(W x + b), then a linear one. Intermediate values: `hidden1` and so on.

    Attributes:
        widths: units of each hidden layer, in order; none gives a linear model.
        outputs: units of the last layer: logits of the classes, or 1 to regress.
        activation: f, a function such as `jax.nn.relu`, `jax.nn.sigmoid`, `jax.numpy.tanh`
            or `jax.nn.gelu`.
        dropout: probability of setting a hidden activation to zero, in [0, 1).
        kernel_init: initializer of the hidden weights; He et al. 2015 suits ReLU.
        input_dropout: probability of setting an input to zero, in [0, 1), for many noisy inputs.

    >>> import jax.numpy as jnp
    >>> variables = MLP(widths=(4,), outputs=2).init(jax.random.key(0), jnp.ones((1, 3)))
    >>> sum(leaf.size for leaf in jax.tree.leaves(variables))
    26
    """

    widths: Sequence[int]
    outputs: int
    activation: Activation = jax.nn.relu
    dropout: Option = 0.0
    kernel_init: nn.initializers.Initializer = nn.initializers.he_normal()
    input_dropout: Option = 0.0

    def __post_init__(self) -> None:
        input_checks.attributes(
            self,
            counts="outputs",
            sizes="widths",
            rates="dropout input_dropout",
            functions="activation kernel_init",
        )
        super().__post_init__()

    @nn.compact
    def __call__(
        self, x: Array, *, train: bool = False, mask: Array | None = None
    ) -> Float[Array, "batch outputs"]:
        """Compute logits.

        Args:
            x: [batch, ...], floating; each row is flattened first.
            train: whether dropout draws; the key is `rngs={"dropout": key}`.
            mask: unused; for the same signature as other networks.

        Returns:
            [batch, outputs].
        """
        del mask
        x = x.reshape(x.shape[0], -1)
        x = Dropout(self.input_dropout, called="input_dropout")(x, train=train)
        for layer, width in enumerate(self.widths, 1):
            x = self.activation(nn.Dense(width, kernel_init=self.kernel_init, dtype=x.dtype)(x))
            x = capture(self, f"hidden{layer}", x)
            x = Dropout(self.dropout)(x, train=train)
        return nn.Dense(self.outputs, dtype=x.dtype)(x)
