"""GRU-D: a recurrent network for values with gaps, whose inputs and states decay with time."""

from __future__ import annotations

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxmed.models import input_checks
from jaxmed.models.intermediates import capture
from jaxmed.models.layers import GRU, Dropout
from jaxmed.typing import Array, Float, Option


class GRUD(nn.Module):
    """Logits of a grid of bins with gaps.

    With x the value of a bin or the last one before it, m whether the bin holds a value, and d the
    time since the last value, each by variable:

        g_x = exp(-max(0, w d + b))           of each variable by itself
        g_h = exp(-max(0, d W + b))           of each unit, from the gaps of all variables
        x' = m x + (1 - m) g_x x              towards 0, the mean of the training split
        h' = GRU(g_h h, [x', m])

    The logits are linear in the last state, the mean and the maximum of the states over time.
    Intermediate value: `embedded` [batch, bins, 2 * variables], x' beside m.

    Attributes:
        outputs: logits of the classes, or 1.
        units: width of the state.
        dropout: of the inputs and states, one mask per stay, in [0, 1).
        head_dropout: of what the logits are computed from, in [0, 1).

    References:
        Che et al., Recurrent Neural Networks for Multivariate Time Series with Missing Values,
        2018, equations 9 to 14; here the reset gate acts on h U, as in `layers.GRU`.
    """

    outputs: int
    units: int = 64
    dropout: Option = 0.2
    head_dropout: Option = 0.5

    def __post_init__(self) -> None:
        input_checks.attributes(self, counts="outputs units", rates="dropout head_dropout")
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
        value, present, elapsed = x
        rows, _, variables = value.shape
        weight = self.param("decay", nn.initializers.constant(0.5), (variables,))
        bias = self.param("decay_bias", nn.initializers.zeros, (variables,))
        decay = _decay(elapsed * weight[None, None] + bias[None, None])
        value = value * (present + (1 - present) * decay)
        small = nn.initializers.normal(0.05)
        state_decay = _decay(nn.Dense(self.units, kernel_init=small, name="state_decay")(elapsed))
        seen = capture(self, "embedded", jnp.concatenate([value, present], axis=-1))
        keep = Dropout(self.dropout)(jnp.ones((rows, 2 * variables), value.dtype), train=train)
        inputs = nn.Dense(
            3 * self.units, kernel_init=nn.initializers.glorot_uniform(), name="inputs"
        )(seen * keep[:, None])
        keep_state = Dropout(self.dropout)(jnp.ones((rows, self.units)), train=train)
        kernel = self.param(
            "recurrent_kernel", nn.initializers.orthogonal(), (self.units, 3 * self.units)
        )

        def step(state: Array, now: tuple[Array, Array]) -> tuple[Array, Array]:
            decayed = state * now[1]
            (after,), _ = GRU.step(now[0], (decayed * keep_state) @ kernel, (decayed,))
            return after, after

        by_time = (inputs.swapaxes(0, 1), state_decay.swapaxes(0, 1))
        _, states = jax.lax.scan(step, jnp.zeros((rows, self.units), value.dtype), by_time)
        pooled = jnp.concatenate([states[-1], states.mean(0), states.max(0)], axis=-1)
        pooled = Dropout(self.head_dropout)(pooled, train=train)
        return nn.Dense(self.outputs, name="logits")(pooled)


def _decay(gap: Array) -> Array:
    return jnp.exp(-jnp.maximum(gap, 0))
