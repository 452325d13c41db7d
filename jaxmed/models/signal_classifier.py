"""A signal and numbers beside it, such as a heartbeat and the intervals around it."""

from __future__ import annotations

from collections.abc import Sequence

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxmed.models import input_checks
from jaxmed.models.intermediates import capture
from jaxmed.models.layers import Activation, Dropout, global_mean_pool
from jaxmed.models.layers.signal_pooling import max_over_all_time
from jaxmed.typing import Array, Float, Option


class SignalClassifier(nn.Module):
    """The pooled features of a signal joined with other numbers, and a perceptron on both.

    Pooled are the mean and the maximum over time of each channel. Intermediate values: `embedded`,
    the signal, which explanations explain where no other layer is named; `pooled`, `joined`.

    Attributes:
        outputs: logits of the classes, or 1 to regress.
        encoder: a backbone, such as `ResNet1dStages()` or `ConvStages()`.
        widths: units of each hidden layer of the perceptron.
        activation: of the hidden layers.
        dropout: probability of dropping an input of each layer, in [0, 1).

    >>> from jaxmed.models import ConvStages
    >>> network = SignalClassifier(4, ConvStages((8, 16)), widths=(16,))
    >>> x = (jnp.ones((2, 128, 4)), jnp.ones((2, 6)))
    >>> network.init_with_output(jax.random.key(0), x)[0].shape
    (2, 4)
    """

    outputs: int
    encoder: nn.Module
    widths: Sequence[int] = (64,)
    activation: Activation = jax.nn.relu
    dropout: Option = 0.0

    def __post_init__(self) -> None:
        input_checks.attributes(
            self,
            counts="outputs",
            sizes="widths",
            rates="dropout",
            functions="activation",
            modules="encoder",
        )
        super().__post_init__()

    @nn.compact
    def __call__(
        self, x: tuple[Array, Array], *, train: bool = False, mask: Array | None = None
    ) -> Float[Array, "batch outputs"]:
        """Compute logits.

        Args:
            x: signals [batch, time, channels], and numbers of each row [batch, numbers].
            train: whether dropout draws and batch normalization uses the batch.
            mask: 1 for real rows, 0 for padding [batch].

        Returns:
            [batch, outputs].

        Raises:
            ValueError: if the signals are not floating, or of another shape.
        """
        signal, numbers = x
        input_checks.signals(signal)
        signal = capture(self, "embedded", signal)
        found = self.encoder(signal, train=train, mask=mask)
        pooled = jnp.concatenate([global_mean_pool(found), max_over_all_time(found)], axis=-1)
        pooled = capture(self, "pooled", pooled)
        y = capture(self, "joined", jnp.concatenate([pooled, numbers], axis=-1))
        for layer, width in enumerate(self.widths, 1):
            y = Dropout(self.dropout)(y, train=train)
            y = self.activation(nn.Dense(width, dtype=y.dtype, name=f"hidden{layer}")(y))
        y = Dropout(self.dropout)(y, train=train)
        return nn.Dense(self.outputs, dtype=y.dtype, name="head")(y)
