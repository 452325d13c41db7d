"""An encoder of events as a set: each event by itself, then attention over all of them."""

from __future__ import annotations

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxmed import checks
from jaxmed.models import input_checks
from jaxmed.models.intermediates import capture
from jaxmed.models.layers import Dropout, TransformerLayer
from jaxmed.typing import Array, Float, Option


class EventSet(nn.Module):
    """Logits of a list of events (variable, time, value), without any grid.

    An event becomes the sum of a vector of its variable and two small perceptrons of its time and
    its value. Layers of self-attention may follow. Each of several heads then averages the events
    with weights softmax(score), so that a head can look for one thing; the logits are linear in
    the averages, their number of events and their perceptron. Intermediate value: `embedded`
    [batch, events, width].

    Attributes:
        outputs: logits of the classes, or 1.
        kinds: of variables, how many there are.
        width: of the vector of an event; a multiple of `heads`.
        heads: of the attention.
        layers: of self-attention between the events, whose cost grows with the square of their
            number; 0 for attention as pooling alone.
        dropout: of events and activations, in [0, 1).

    References:
        Tipirneni and Reddy, Self-Supervised Transformer for Sparse and Irregularly Sampled
        Multivariate Clinical Time-Series (STraTS), 2022, section 4.2; Horn et al., Set Functions
        for Time Series, 2020.
    """

    outputs: int
    kinds: int
    width: int = 64
    heads: int = 4
    layers: int = 0
    dropout: Option = 0.2

    def __post_init__(self) -> None:
        input_checks.attributes(self, counts="outputs kinds width heads", rates="dropout")
        object.__setattr__(self, "layers", checks.whole("layers", self.layers, least=0, most=99))
        if self.width % self.heads:
            raise ValueError(
                f"width is {self.width}, but must be a multiple of the {self.heads} heads."
            )
        super().__post_init__()

    @nn.compact
    def __call__(
        self, x: tuple[Array, Array, Array], *, train: bool = False, mask: Array | None = None
    ) -> Float[Array, "batch outputs"]:
        """Compute logits.

        Args:
            x: numbers of variables from 1, 0 behind the last event; times; values; each
                [batch, events], as `data.records.inputs.event_lists_of(...)` gives them.
            train: whether dropout draws; the key is `rngs={"dropout": key}`.
            mask: unused; for the same signature as other networks.

        Returns:
            [batch, outputs]; for a stay without events those of no event.
        """
        del mask
        number, time, value = x
        real = number > 0
        kinds = nn.Embed(self.kinds + 1, self.width, name="variable")(number)
        event = kinds + self._curve(time, "time") + self._curve(value, "value")
        # What a value means depends on its variable: a product beside the sum.
        slope = nn.Embed(self.kinds + 1, self.width, name="slope")(number)
        event = capture(self, "embedded", event + slope * value[..., None])
        for _ in range(self.layers):
            event = TransformerLayer(self.heads, 2 * self.width, self.dropout, position=None)(
                event, real, train=train
            )
        event = jax.nn.relu(nn.Dense(self.width, name="event")(event))
        event = Dropout(self.dropout)(event, train=train)
        hidden = jnp.tanh(nn.Dense(self.width)(event))
        scores = nn.Dense(self.heads, name="scores")(hidden)
        kept = Dropout(self.dropout)(jnp.ones(number.shape), train=train) > 0
        attended = real & kept
        scores = jnp.where(attended[..., None], scores, -1e30)
        weights = jnp.where(attended[..., None], jax.nn.softmax(scores, axis=1), 0)
        pooled = jnp.einsum("bth,btw->bhw", weights, event)
        pooled = pooled.reshape(pooled.shape[0], self.heads * self.width)
        count = jnp.log1p(attended.sum(1))[:, None] / 6
        pooled = jnp.concatenate([pooled, count], axis=-1)
        hidden = jax.nn.relu(nn.Dense(self.width, name="hidden")(pooled))
        pooled = Dropout(self.dropout)(jnp.concatenate([pooled, hidden], axis=-1), train=train)
        return nn.Dense(self.outputs, name="logits")(pooled)

    def _curve(self, x: Array, name: str) -> Array:
        """A learned function of one number: STraTS, equation 2."""
        inner = nn.Dense(max(2, round(self.width**0.5)), name=f"{name}_in")(x[..., None])
        return nn.Dense(self.width, use_bias=False, name=f"{name}_out")(jnp.tanh(inner))
