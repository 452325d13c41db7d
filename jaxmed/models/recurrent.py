"""Recurrent networks for texts and other sequences.

Recurrent dropout is one mask per sequence, drawn once before the scan over time, so it costs
almost nothing.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxmed import checks
from jaxmed.batch_axis import row_keys
from jaxmed.models import input_checks
from jaxmed.models.intermediates import capture
from jaxmed.models.layers.dropout import Dropout
from jaxmed.models.layers.recurrent_cells import LSTM, Carry, Cell
from jaxmed.models.layers.recurrent_scan import scan_cell
from jaxmed.typing import Array, Bool, Float, Int, Option


class RecurrentEncoder(nn.Module):
    """Texts to states: an embedding and recurrent layers, in one direction or both.

    Intermediate value: `embedded` [batch, time, embedding].

    Attributes:
        vocabulary: number of tokens; token 0 is padding.
        embedding: width of the vector of a token.
        units: of each layer, first layer first.
        cell: `RNN`, `GRU` or `LSTM` of `jaxmed.models.layers`.
        bidirectional: whether to read in both directions.
        dropout: of the inputs of each layer, in [0, 1).
        recurrent_dropout: of the states of each layer, in [0, 1).
        zoneout: of each layer, in [0, 1).
        with_embedding: whether to return the embedding too, as one more array, for a pooling that
            weighs words by themselves; not for `last_state`.

    >>> encoder = RecurrentEncoder(10, embedding=4, units=(3,), bidirectional=True)
    >>> tokens = jnp.array([[5, 2, 0]])
    >>> states, _ = encoder.init_with_output(jax.random.key(0), tokens, train=False)
    >>> [state.shape for state in states]
    [(1, 3, 3), (1, 3, 3)]
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

    def __post_init__(self) -> None:
        input_checks.attributes(
            self,
            counts="vocabulary embedding",
            sizes="units",
            rates="dropout recurrent_dropout zoneout",
            flags="bidirectional with_embedding",
        )
        if not self.units:
            raise ValueError("units is (), but must name at least one layer.")
        checks.made_by("cell", self.cell, Cell, "layers.RNN, layers.GRU or layers.LSTM")
        super().__post_init__()

    @nn.compact
    def __call__(self, tokens: Int[Array, "batch time"], *, train: bool) -> tuple[Array, ...]:
        """Encode texts.

        Args:
            tokens: [batch, time], 0 behind the end of a text.
            train: whether dropout and zoneout draw; the key is `rngs={"dropout": key}`.

        Returns:
            The states of the last layer, one array [batch, time, units] per direction; behind the
            end of a text the last state is repeated.
        """
        real = tokens != 0
        # Looked up by time, as a recurrent layer reads: its transposition undoes this one.
        embed = nn.Embed(self.vocabulary, self.embedding, name="embedding")
        embedded = capture(self, "embedded", embed(tokens.T).swapaxes(0, 1))
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


class Recurrent(nn.Module):
    """One recurrent layer in one direction.

    Variables: `kernel` [width, gates * units], `recurrent_kernel` [units, gates * units], `bias`.
    The first starts as in Glorot and Bengio 2010, the second as an orthogonal matrix.

    Attributes:
        units: width of the state.
        cell: `RNN`, `GRU`, `LSTM` or another `Cell`.
        reverse: whether to read from the end.
        dropout: of the inputs, one mask per sequence. Gal and Ghahramani 2016, section 4.
        recurrent_dropout: of the state before its product with U, one mask per sequence.
        zoneout: probability in [0, 1) of each unit to keep its state for a step; its expectation
            in evaluation. Krueger et al. 2017, section 3.
    """

    units: int
    cell: Cell = LSTM
    reverse: bool = False
    dropout: Option = 0.0
    recurrent_dropout: Option = 0.0
    zoneout: float = 0.0

    def __post_init__(self) -> None:
        input_checks.attributes(
            self, counts="units", rates="dropout recurrent_dropout zoneout", flags="reverse"
        )
        checks.made_by("cell", self.cell, Cell, "layers.RNN, layers.GRU or layers.LSTM")
        super().__post_init__()

    @nn.compact
    def __call__(
        self, x: Float[Array, "batch time width"], real: Bool[Array, "batch time"], *, train: bool
    ) -> Float[Array, "batch time units"]:
        """The output of every step; behind the end of a sequence the last one is repeated.

        Args:
            x: [batch, time, width].
            real: true for the steps of a sequence, false for padding.
            train: whether dropout and zoneout draw.

        Returns:
            [batch, time, units].
        """
        rows, time, width = x.shape
        gates = self.cell.gates * self.units
        kernel = self.param("kernel", nn.initializers.glorot_uniform(), (width, gates))
        recurrent = self.param(
            "recurrent_kernel", nn.initializers.orthogonal(), (self.units, gates)
        )
        bias = self.param("bias", lambda _: self.cell.bias(self.units))
        drop_state = Dropout(self.recurrent_dropout, called="recurrent_dropout")
        keep_state = drop_state(jnp.ones((rows, self.units), x.dtype), train=train)
        keep = Dropout(self.dropout)(jnp.ones((rows, width), x.dtype), train=train)
        by_time = x.swapaxes(0, 1) * keep[None]
        inputs = by_time.reshape(-1, width) @ kernel.astype(x.dtype)
        inputs = (inputs + bias.astype(x.dtype)[None]).reshape(time, rows, gates)
        hold = self._hold(real, x.dtype, train=train)
        recurrent = recurrent.astype(x.dtype)
        outputs = scan_cell(self.cell, self.reverse, recurrent, inputs, keep_state, hold)
        return outputs.swapaxes(0, 1)

    def _hold(self, real: Array, dtype: jnp.dtype, *, train: bool) -> Carry:
        """How much of the carry stays as it was, in each step: see `scan_cell`."""
        ended = 1 - real.T[..., None].astype(dtype)
        if self.zoneout == 0:
            return (ended,)
        shape = (real.shape[1], self.units)

        def draw(key: Array) -> Array:
            keys = row_keys(key, real.shape[0])
            stays = jax.vmap(lambda k: jax.random.bernoulli(k, self.zoneout, shape))(keys)
            return stays.swapaxes(0, 1).astype(dtype)

        if not train:
            return (jnp.maximum(ended, self.zoneout),)
        keys = jax.random.split(self.make_rng("dropout"), self.cell.carried)
        return tuple(jnp.maximum(ended, draw(key)) for key in keys)
