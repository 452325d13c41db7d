"""Recurrent networks: only what must be sequential is inside the scan over time.

The projection of the inputs is one matrix product before it, the gradient of the recurrent
weights one after it, and recurrent dropout is one mask a sequence, drawn once. So dropout costs
next to nothing, where other frameworks leave their fast path for it.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxmed import checks
from jaxmed.batch_axis import row_keys
from jaxmed.models.layers.layers import Dropout
from jaxmed.typing import Array, Bool, Float, Int, Option

Carry: TypeAlias = tuple[Array, ...]
"""What a cell carries from step to step, each [batch, units]; the first is its output."""


@dataclasses.dataclass(frozen=True)
class Cell:
    """One step of a recurrent network, as a pure function.

    Attributes:
        gates: blocks of `units` in a projection.
        members: arrays in the carry.
        advance: `(inputs, state, carry) -> (carry, saved)`, where inputs = x W + b and
            state = h U are both [batch, gates * units], and saved is what `pull` needs.
        pull: `(saved, gradient of the new carry) -> gradients of (inputs, state, carry)`, one
            array for the first two where the cell adds them.
        bias: `(units,) -> b [gates * units]` at the start.
    """

    gates: int
    members: int
    advance: Callable[[Array, Array, Carry], tuple[Carry, Any]]
    pull: Callable[[Any, Carry], tuple[Array, Array, Carry]]
    bias: Callable[[int], Array]


def differentiated(
    gates: int, members: int, advance: Callable[[Array, Array, Carry], Carry]
) -> Cell:
    """A cell that starts without a bias, whose gradient is found by JAX.

    Args:
        gates: blocks of `units` in a projection.
        members: arrays in the carry.
        advance: `(inputs, state, carry) -> carry`.
    """

    def saving(inputs: Array, state: Array, carry: Carry) -> tuple[Carry, Any]:
        return jax.vjp(advance, inputs, state, carry)

    def pull(saved: Any, gradient: Carry) -> tuple[Array, Array, Carry]:
        return saved(gradient)

    return Cell(gates, members, saving, pull, lambda units: jnp.zeros(gates * units))


def _rnn(inputs: Array, state: Array, carry: Carry) -> Carry:
    del carry
    return (jnp.tanh(inputs + state),)


def _gru(inputs: Array, state: Array, carry: Carry) -> Carry:
    (r, z, n), (r_state, z_state, n_state) = (jnp.split(x, 3, axis=-1) for x in (inputs, state))
    reset, update = jax.nn.sigmoid(r + r_state), jax.nn.sigmoid(z + z_state)
    return ((1 - update) * jnp.tanh(n + reset * n_state) + update * carry[0],)


def _lstm(inputs: Array, state: Array, carry: Carry) -> tuple[Carry, tuple[Array, ...]]:
    i, f, g, o = jnp.split(inputs + state, 4, axis=-1)
    i, f, g, o = jax.nn.sigmoid(i), jax.nn.sigmoid(f), jnp.tanh(g), jax.nn.sigmoid(o)
    memory = f * carry[1] + i * g
    shown = jnp.tanh(memory)
    return (o * shown, memory), (i, f, g, o, shown, carry[1])


def _lstm_pull(saved: tuple[Array, ...], gradient: Carry) -> tuple[Array, Array, Carry]:
    """By hand: a sixth faster on a CPU than JAX's own, which saves twice as many arrays."""
    i, f, g, o, shown, before = saved
    output = gradient[0]
    memory = gradient[1] + output * (o * (1 - shown**2))
    gates = jnp.concatenate(
        [
            memory * (g * i * (1 - i)),
            memory * (before * f * (1 - f)),
            memory * (i * (1 - g**2)),
            output * (shown * o * (1 - o)),
        ],
        axis=-1,
    )
    return gates, gates, (jnp.zeros_like(output), memory * f)


RNN = differentiated(1, 1, _rnn)
"""h = tanh(x W + h U + b). Elman 1990."""
LSTM = Cell(
    4, 2, _lstm, _lstm_pull, lambda units: jnp.repeat(jnp.array([0.0, 1.0, 0.0, 0.0]), units)
)
"""Gates in the order input, forget, candidate, output; the forget gate starts open.

c = s(f) c + s(i) tanh(g), h = s(o) tanh(c). Hochreiter and Schmidhuber 1997; Gers et al. 2000;
Jozefowicz et al. 2015, section 3, for the bias of 1.
"""
GRU = differentiated(3, 1, _gru)
"""Gates in the order reset, update, candidate; the reset gate acts on h U.

h = (1 - z) tanh(n + r (h U_n)) + z h. Cho et al. 2014, in the form of Chung et al. 2014.
"""


@functools.partial(jax.custom_vjp, nondiff_argnums=(0, 1))
def recur(
    cell: Cell,
    reverse: bool,
    kernel: Float[Array, "units gates"],
    inputs: Float[Array, "time batch gates"],
    keep: Float[Array, "batch units"],
    hold: tuple[Array, ...],
) -> Float[Array, "time batch units"]:
    """The outputs of every step, from a carry of zeros.

    Args:
        cell: one step.
        reverse: from the last step to the first.
        kernel: U [units, gates * units].
        inputs: x W + b of every step.
        keep: what the output is multiplied with before U: the recurrent dropout of a sequence.
        hold: for each member of the carry, or one for all, [time, batch, 1 or units]: how much of
            it stays as it was: 1 behind the end of a text, and where zoneout says so.
    """
    return _run(cell, reverse, kernel, inputs, keep, hold)[0]


def _run(
    cell: Cell, reverse: bool, kernel: Array, inputs: Array, keep: Array, hold: Carry
) -> tuple[Array, Any]:
    """The output of every step [time, batch, units], and what each step saved for its gradient."""

    def body(carry: Carry, now: tuple[Array, Carry]) -> tuple[Carry, tuple[Array, Any]]:
        changed, saved = cell.advance(now[0], (carry[0] * keep) @ kernel, carry)
        after = tuple(
            held * old + (1 - held) * new
            for held, old, new in zip(_for_each(now[1], carry), carry, changed, strict=True)
        )
        return after, (after[0], saved)

    zeros = jnp.zeros((inputs.shape[1], kernel.shape[0]), inputs.dtype)
    return jax.lax.scan(body, (zeros,) * cell.members, (inputs, hold), reverse=reverse)[1]


Saved: TypeAlias = tuple[Array, Array, Array, Carry, Any]


def _recur_forward(
    cell: Cell, reverse: bool, kernel: Array, inputs: Array, keep: Array, hold: Carry
) -> tuple[Array, Saved]:
    outputs, saved = _run(cell, reverse, kernel, inputs, keep, hold)
    return outputs, (kernel, keep, outputs, hold, saved)


def _recur_backward(
    cell: Cell, reverse: bool, residuals: Saved, outputs_gradient: Array
) -> tuple[Array, Array, Array, Carry]:
    """Backpropagation through time.

    The scan holds the one product a step that must be in it; the gradient of the recurrent
    weights is one product of all steps after it.
    """
    kernel, keep, outputs, hold, saved = residuals
    units, gates = kernel.shape
    # Transposed once: XLA would do it in every step.
    back = jax.lax.optimization_barrier(kernel.T)

    def body(carry: Carry, now: tuple[Array, Carry, Any]) -> tuple[Carry, tuple[Array, ...]]:
        gradient, holds, step = now
        held = _for_each(holds, carry)
        d_after = (carry[0] + gradient, *carry[1:])
        d_changed = tuple((1 - h) * d for h, d in zip(held, d_after, strict=True))
        d_inputs, d_state, d_carry = cell.pull(step, d_changed)
        d_before = tuple(d + h * past for d, h, past in zip(d_carry, held, d_after, strict=True))
        # Where a cell adds its inputs and its state, one array is written and not two.
        found = (d_state,) if d_state is d_inputs else (d_state, d_inputs)
        return (d_before[0] + (d_state @ back) * keep, *d_before[1:]), found

    nothing = (jnp.zeros_like(outputs[0]),) * cell.members
    xs = (outputs_gradient, hold, saved)
    _, found = jax.lax.scan(body, nothing, xs, reverse=not reverse)
    d_states, d_inputs = found[0], found[-1]
    kept = (_one_later(outputs, reverse) * keep[None]).reshape(-1, units)
    d_kernel = kept.T @ d_states.reshape(-1, gates)
    # Dropout masks and the ends of texts are data: nothing learns from their gradient.
    return d_kernel, d_inputs, jnp.zeros_like(keep), jax.tree.map(jnp.zeros_like, hold)


def _for_each(hold: Carry, carry: Carry) -> Carry:
    return hold if len(hold) > 1 else hold * len(carry)


def _one_later(x: Array, reverse: bool) -> Array:
    """What stood before each step: the steps moved by one, with zeros at the start."""
    zeros = jnp.zeros_like(x[:1])
    return jnp.concatenate([x[1:], zeros] if reverse else [zeros, x[:-1]])


recur.defvjp(_recur_forward, _recur_backward)


class Recurrent(nn.Module):
    """One layer in one direction.

    Attributes:
        units: width of the state.
        cell: `RNN`, `GRU`, `LSTM` or one of your own.
        reverse: read from the end.
        dropout: of the inputs, one mask a sequence. Gal and Ghahramani 2016, section 4.
        recurrent_dropout: of the state before its product with U, one mask a sequence.
        zoneout: probability of each unit to keep its state for a step; its expectation where
            not training. Krueger et al. 2017, section 3.
    """

    units: int
    cell: Cell = LSTM
    reverse: bool = False
    dropout: Option = 0.0
    recurrent_dropout: Option = 0.0
    zoneout: float = 0.0

    @nn.compact
    def __call__(
        self, x: Float[Array, "batch time width"], real: Bool[Array, "batch time"], *, train: bool
    ) -> Float[Array, "batch time units"]:
        """The output of every step; behind the end of a text it stays what it was there."""
        checks.fraction("zoneout", self.zoneout, below_one=True)
        rows, time, width = x.shape
        gates = self.cell.gates * self.units
        kernel = self.param("kernel", nn.initializers.glorot_uniform(), (width, gates))
        recurrent = self.param(
            "recurrent_kernel", nn.initializers.orthogonal(), (self.units, gates)
        )
        bias = self.param("bias", lambda _: self.cell.bias(self.units))
        forget = Dropout(self.recurrent_dropout, called="recurrent_dropout")
        keep = forget(jnp.ones((rows, self.units), x.dtype), train=train)
        kept = Dropout(self.dropout)(jnp.ones((rows, width), x.dtype), train=train)
        by_time = x.swapaxes(0, 1) * kept[None]
        inputs = by_time.reshape(-1, width) @ kernel.astype(x.dtype)
        inputs = (inputs + bias.astype(x.dtype)[None]).reshape(time, rows, gates)
        hold = self._hold(real, x.dtype, train=train)
        outputs = recur(self.cell, self.reverse, recurrent.astype(x.dtype), inputs, keep, hold)
        return outputs.swapaxes(0, 1)

    def _hold(self, real: Array, dtype: jnp.dtype, *, train: bool) -> Carry:
        ended = 1 - real.T[..., None].astype(dtype)
        if self.zoneout == 0:
            return (ended,)
        shape = (real.shape[1], self.units)

        def stays(key: Array) -> Array:
            keys = row_keys(key, real.shape[0])
            drawn = jax.vmap(lambda k: jax.random.bernoulli(k, self.zoneout, shape))(keys)
            return drawn.swapaxes(0, 1).astype(dtype)

        if not train:
            return (jnp.maximum(ended, self.zoneout),)
        keys = jax.random.split(self.make_rng("dropout"), self.cell.members)
        return tuple(jnp.maximum(ended, stays(key)) for key in keys)


class RecurrentEncoder(nn.Module):
    """Texts to states: an embedding and recurrent layers, in one direction or both.

    Attributes:
        vocabulary: tokens, of which 0 is padding.
        embedding: width of a token's vector.
        units: of each layer, the first first.
        cell: `RNN`, `GRU` or `LSTM`.
        bidirectional: read in both directions.
        dropout: of the inputs of each layer.
        recurrent_dropout: of the states of each layer.
        zoneout: of each layer.
        with_embedding: give the embedding too, as one more array, for a pooling that weighs
            words by themselves; not for `last_state`.
    """

    vocabulary: int
    embedding: int = 128
    units: Sequence[int] = (64,)
    cell: Cell = LSTM
    bidirectional: bool = False
    dropout: Option = 0.2
    recurrent_dropout: Option = 0.2
    zoneout: float = 0.0
    with_embedding: bool = False

    @nn.compact
    def __call__(self, tokens: Int[Array, "batch time"], *, train: bool) -> tuple[Array, ...]:
        """The states of the last layer [batch, time, units], one array a direction."""
        real = tokens != 0
        # Looked up by time, as a recurrent layer reads: its transposition undoes this one.
        embed = nn.Embed(self.vocabulary, self.embedding, name="embedding")
        embedded = embed(tokens.T).swapaxes(0, 1)
        states: tuple[Array, ...] = (embedded,)
        for units in self.units:
            layer = functools.partial(
                Recurrent,
                units,
                self.cell,
                dropout=self.dropout,
                recurrent_dropout=self.recurrent_dropout,
                zoneout=self.zoneout,
            )
            x = jnp.concatenate(states, axis=-1)
            states = (layer()(x, real, train=train),)
            if self.bidirectional:
                states = (*states, layer(reverse=True)(x, real, train=train))
        return (*states, embedded) if self.with_embedding else states
