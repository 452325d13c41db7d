"""A GRU over bins of time, with indicators of what was measured."""

from __future__ import annotations

import flax.linen as nn
import jax.numpy as jnp

from jaxmed.models import input_checks
from jaxmed.models.intermediates import capture
from jaxmed.models.layers import GRU, Dropout
from jaxmed.models.recurrent import Recurrent
from jaxmed.typing import Array, Float, Option


class BinsGRU(nn.Module):
    """Logits of a grid of bins: a GRU reads values carried forward, indicators and gaps.

    The logits are linear in the last state, the mean and the maximum of the states over time.
    Intermediate value: `embedded` [batch, bins, 3 * variables], what the GRU reads.

    Attributes:
        outputs: logits of the classes, or 1.
        units: width of the state.
        dropout: of the inputs, one mask per stay, in [0, 1).
        recurrent_dropout: of the states, one mask per stay, in [0, 1).
        head_dropout: of what the logits are computed from, in [0, 1).

    References:
        Lipton et al., Directly Modeling Missing Data in Sequences with RNNs, 2016 (indicators).
    """

    outputs: int
    units: int = 64
    dropout: Option = 0.2
    recurrent_dropout: Option = 0.1
    head_dropout: Option = 0.5

    def __post_init__(self) -> None:
        input_checks.attributes(
            self, counts="outputs units", rates="dropout recurrent_dropout head_dropout"
        )
        super().__post_init__()

    @nn.compact
    def __call__(
        self, x: tuple[Array, Array, Array], *, train: bool = False, mask: Array | None = None
    ) -> Float[Array, "batch outputs"]:
        """Compute logits.

        Args:
            x: values, whether they were measured, and times since the last one, each
                [batch, bins, variables], as `data.records.inputs.bins()` gives them.
            train: whether dropout draws; the key is `rngs={"dropout": key}`.
            mask: unused; for the same signature as other networks.

        Returns:
            [batch, outputs].
        """
        del mask
        grid = capture(self, "embedded", jnp.concatenate(x, axis=-1))
        layer = Recurrent(
            self.units, GRU, dropout=self.dropout, recurrent_dropout=self.recurrent_dropout
        )
        states = layer(grid, jnp.ones(grid.shape[:2], bool), train=train)
        pooled = jnp.concatenate([states[:, -1], states.mean(1), states.max(1)], axis=-1)
        pooled = Dropout(self.head_dropout)(pooled, train=train)
        return nn.Dense(self.outputs, name="logits")(pooled)
