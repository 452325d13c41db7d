"""Recurrent layers against step-by-step NumPy and Flax's own cells."""

from __future__ import annotations

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmed.models import (
    RecurrentEncoder,
    TextClassifier,
)
from jaxmed.models.layers.recurrent_cells import GRU, LSTM, RNN
from jaxmed.models.recurrent import Recurrent

pytestmark = pytest.mark.slow  # every cell is compiled several times


ROWS, TIME, WIDTH, UNITS = 4, 6, 3, 5


LENGTHS = np.array([6, 2, 1, 4])


REAL = jnp.asarray(np.arange(TIME)[None] < LENGTHS[:, None])


X = jnp.asarray(np.random.default_rng(1).normal(size=(ROWS, TIME, WIDTH)), jnp.float32)


CELLS = {"rnn": RNN, "gru": GRU, "lstm": LSTM}


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def by_hand(name, x, kernel, recurrent, bias, carry):
    """One step of one sequence in float64: (inputs, (h, c)) -> (h, c)."""
    h, c = carry
    a, b = x @ kernel + bias, h @ recurrent
    if name == "rnn":
        return np.tanh(a + b), c
    if name == "lstm":
        i, f, g, o = np.split(a + b, 4)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        return sigmoid(o) * np.tanh(c), c
    (r, z, n), (hr, hz, hn) = np.split(a, 3), np.split(b, 3)
    z = sigmoid(z + hz)
    return (1 - z) * np.tanh(n + sigmoid(r + hr) * hn) + z * h, c


def layer_and_variables(cell, **options):
    layer = Recurrent(UNITS, cell, **options)
    variables = layer.init(jax.random.key(0), X, REAL, train=False)
    params = jax.tree.map(lambda w: w + 0.1, variables["params"])  # no bias is zero
    return layer, {"params": params}


def run_by_hand(name, params, x, length, *, reverse=False):
    params = {key: np.asarray(value, np.float64) for key, value in params.items()}
    carry, states = (np.zeros(UNITS), np.zeros(UNITS)), {}
    for t in reversed(range(length)) if reverse else range(length):
        weights = (params["kernel"], params["recurrent_kernel"], params["bias"])
        carry = by_hand(name, np.asarray(x[t], np.float64), *weights, carry)
        states[t] = carry[0]
    return states


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("name", CELLS)
def test_every_state_is_that_of_a_loop_over_steps(name, reverse):
    layer, variables = layer_and_variables(CELLS[name], reverse=reverse)
    found = np.asarray(layer.apply(variables, X, REAL, train=False))
    for row, length in enumerate(LENGTHS):
        states = run_by_hand(name, variables["params"], X[row], length, reverse=reverse)
        for t, state in states.items():
            np.testing.assert_allclose(found[row, t], state, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", CELLS)
def test_behind_the_end_the_state_stays(name):
    layer, variables = layer_and_variables(CELLS[name])
    found = np.asarray(layer.apply(variables, X, REAL, train=False))
    for row, length in enumerate(LENGTHS):
        assert (found[row, length:] == found[row, length - 1]).all()


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize("reverse", [False, True])
def test_padding_changes_nothing_but_its_own_places(name, reverse):
    layer, variables = layer_and_variables(CELLS[name], reverse=reverse)

    def loss(x):
        states = layer.apply(variables, x, REAL, train=False)
        return jnp.where(REAL[..., None], states, 0).sum()

    other = jnp.where(REAL[..., None], X, 99.0)
    assert loss(X) == loss(other)
    slope = np.asarray(jax.grad(loss)(X))
    assert (slope[~np.asarray(REAL)] == 0).all()
    assert (slope[np.asarray(REAL)] != 0).any(axis=-1).all()


def flax_lstm(params):
    gates = dict(zip("ifgo", range(4), strict=True))
    kernel, recurrent, bias = (
        jnp.split(params[name], 4, axis=-1) for name in ("kernel", "recurrent_kernel", "bias")
    )
    inputs = {f"i{g}": {"kernel": kernel[n]} for g, n in gates.items()}
    states = {f"h{g}": {"kernel": recurrent[n], "bias": bias[n]} for g, n in gates.items()}
    return nn.LSTMCell(UNITS), inputs | states


def flax_gru(params):
    gates = dict(zip("rzn", range(3), strict=True))
    kernel, recurrent, bias = (
        jnp.split(params[name], 3, axis=-1) for name in ("kernel", "recurrent_kernel", "bias")
    )
    inputs = {f"i{g}": {"kernel": kernel[n], "bias": bias[n]} for g, n in gates.items()}
    states = {f"h{g}": {"kernel": recurrent[n]} for g, n in gates.items()}
    states["hn"]["bias"] = jnp.zeros(UNITS)
    return nn.GRUCell(UNITS), inputs | states


@pytest.mark.parametrize(("name", "theirs"), [("lstm", flax_lstm), ("gru", flax_gru)])
def test_states_and_gradients_are_those_of_the_cells_of_flax(name, theirs):
    layer, variables = layer_and_variables(CELLS[name])
    everywhere = jnp.ones((ROWS, TIME), bool)
    weights = jnp.asarray(np.random.default_rng(2).normal(size=(ROWS, TIME, UNITS)), jnp.float32)

    def ours(params, x):
        return (weights * layer.apply({"params": params}, x, everywhere, train=False)).sum()

    def of_flax(params, x):
        cell, cell_params = theirs(params)
        carry = cell.initialize_carry(jax.random.key(0), x[:, 0].shape)
        outputs = []
        for t in range(TIME):
            carry, output = cell.apply({"params": cell_params}, carry, x[:, t])
            outputs.append(output)
        return (weights * jnp.stack(outputs, axis=1)).sum()

    found = jax.value_and_grad(ours, argnums=(0, 1))(variables["params"], X)
    wanted = jax.value_and_grad(of_flax, argnums=(0, 1))(variables["params"], X)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=2e-4, atol=2e-5), found, wanted)


def test_dropout_draws_one_mask_a_sequence_for_inputs_and_one_for_states():
    ones = jnp.ones((64, TIME, WIDTH))
    layer = Recurrent(UNITS, RNN, dropout=0.5)
    real = jnp.ones((64, TIME), bool)
    variables = layer.init(jax.random.key(0), ones, real, train=False)
    kernel = jnp.eye(WIDTH, UNITS)
    params = {
        "kernel": kernel,
        "recurrent_kernel": jnp.zeros((UNITS, UNITS)),
        "bias": jnp.zeros(UNITS),
    }
    assert jax.tree.map(jnp.shape, params) == jax.tree.map(jnp.shape, dict(variables["params"]))
    states = layer.apply(
        {"params": params}, ones, real, train=True, rngs={"dropout": jax.random.key(1)}
    )
    dropped = np.asarray(states[..., :WIDTH] == 0)
    assert (dropped == dropped[:, :1]).all()  # the same at every step
    assert 0.3 < dropped[:, 0].mean() < 0.7
    np.testing.assert_allclose(np.asarray(states)[..., :WIDTH][~dropped], np.tanh(2), rtol=1e-5)

    # h_1 = tanh(1), h_2 = tanh(1 + keep * h_1): the mask shows in every later step.
    layer = Recurrent(UNITS, RNN, recurrent_dropout=0.5)
    params |= {"kernel": jnp.ones((WIDTH, UNITS)) / WIDTH, "recurrent_kernel": jnp.eye(UNITS)}
    states = np.asarray(
        layer.apply({"params": params}, ones, real, train=True, rngs={"dropout": jax.random.key(1)})
    )
    first = np.tanh(1.0)
    kept = np.isclose(states[:, 1], np.tanh(1 + 2 * first), rtol=1e-5)
    assert np.isclose(states[:, 1][~kept], first, rtol=1e-5).all()
    assert 0.3 < kept.mean() < 0.7
    assert np.isclose(states[:, -1][~kept], first, rtol=1e-5).all()


def test_zoneout_keeps_states_in_training_and_mixes_them_after():
    layer = Recurrent(UNITS, RNN, zoneout=0.4)
    ones, real = jnp.ones((400, 2, WIDTH)), jnp.ones((400, 2), bool)
    params = {
        "kernel": jnp.ones((WIDTH, UNITS)) / WIDTH,
        "recurrent_kernel": jnp.zeros((UNITS, UNITS)),
        "bias": jnp.zeros(UNITS),
    }
    states = np.asarray(
        layer.apply({"params": params}, ones, real, train=True, rngs={"dropout": jax.random.key(1)})
    )
    kept = states[:, 0] == 0
    assert abs(kept.mean() - 0.4) < 4 * np.sqrt(0.24 / kept.size)
    np.testing.assert_allclose(states[:, 0][~kept], np.tanh(1.0), rtol=1e-5)
    mixed = np.asarray(layer.apply({"params": params}, ones, real, train=False))
    np.testing.assert_allclose(mixed[:, 0], 0.6 * np.tanh(1.0), rtol=1e-5)
    np.testing.assert_allclose(mixed[:, 1], (0.4 * 0.6 + 0.6) * np.tanh(1.0), rtol=1e-5)


def test_the_network_of_the_introductions_has_its_parameters():
    network = TextClassifier(outputs=1, encoder=RecurrentEncoder(vocabulary=20_000))
    shapes = jax.eval_shape(network.init, jax.random.key(0), jnp.zeros((1, 5), jnp.int32))
    count = sum(leaf.size for leaf in jax.tree.leaves(shapes))
    assert count == 20_000 * 128 + 4 * ((128 + 64) * 64 + 64) + 64 + 1
