"""Probabilities of intervals, held to pycox, loops, and finite gradients."""

from __future__ import annotations

import json
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jaxmed as jm
from jaxmed.tasks import probability_mass_survival
from jaxmed.tasks.probability_mass import mass_loss, ranking_loss

FILE = json.loads(Path(__file__).with_name("deephit_library.json").read_text())
ENDS = np.array([2.0, 5.0, 9.0, 20.0])
LOGITS, EVENT = jnp.float32(FILE["logits"]), jnp.float32(FILE["event"])
TIME = jnp.float32(ENDS[FILE["interval"]])
RANDOM = np.random.default_rng(0)


def test_both_losses_are_those_of_pycox():
    found = mass_loss(LOGITS, TIME, EVENT, ends=ENDS)
    np.testing.assert_allclose(found, FILE["mass_loss"], atol=2e-5)  # pycox adds 1e-7 in logarithms
    found = ranking_loss(LOGITS, TIME, EVENT, jnp.ones(24), ends=ENDS, scale=0.2)
    np.testing.assert_allclose(found, FILE["ranking_loss"], rtol=1e-5, atol=1e-7)
    assert np.count_nonzero(found) > 5


def test_padding_is_compared_with_none():
    padded = [jnp.concatenate([x, x[:6]]) for x in (LOGITS, TIME, EVENT)]
    mask = jnp.float32(np.arange(30) < 24)
    found = ranking_loss(*padded, mask, ends=ENDS, scale=0.2)
    np.testing.assert_allclose(found[:24], FILE["ranking_loss"], rtol=1e-5, atol=1e-7)
    np.testing.assert_array_equal(found[24:], 0)


def test_times_between_the_ends_and_beyond_by_loops():
    time = np.float32([0, 0, 1, 3, 3, 9.5, 20, 25, 25])
    event = np.float32([0, 1, 0, 0, 1, 0, 1, 1, 0])
    logits = RANDOM.normal(size=(9, 4))
    mass = np.exp(np.pad(logits, ((0, 0), (0, 1))))
    mass /= mass.sum(1, keepdims=True)
    expected = []
    for row in range(9):
        interval = int(np.searchsorted(ENDS, time[row]))
        if event[row] and interval < 4:
            expected.append(-np.log(mass[row, interval]))
        else:
            survived = int((time[row] >= ENDS).sum())
            expected.append(-np.log(mass[row, survived:].sum()))
    given = jnp.float32(logits), jnp.asarray(time), jnp.asarray(event)
    np.testing.assert_allclose(mass_loss(*given, ends=ENDS), expected, rtol=1e-5, atol=1e-6)
    for logits in (given[0], given[0] * 100):
        gradient = jax.grad(
            lambda f: (
                mass_loss(f, *given[1:], ends=ENDS)
                + ranking_loss(f, *given[1:], jnp.ones(9), ends=ENDS, scale=0.1)
            ).sum()
        )(logits)
        assert np.isfinite(gradient).all()


def test_survival_is_what_is_left_of_the_mass():
    task = probability_mass_survival(
        jm.models.MLP(widths=(), outputs=4), inputs=lambda b: jnp.asarray(b["x"]), times=ENDS
    )
    batch = {"x": RANDOM.normal(size=(7, 3)).astype(np.float32)}
    params, state = task.init(jax.random.key(0), batch, None)
    found = task.predict(params, state, batch)
    mass = np.exp(np.pad(np.asarray(found["logits"], np.float64), ((0, 0), (0, 1))))
    expected = 1 - np.cumsum(mass / mass.sum(1, keepdims=True), axis=1)[:, :-1]
    np.testing.assert_allclose(found["survival"], expected, atol=1e-6)


@pytest.mark.parametrize("ranking", [0.0, 0.5])
def test_it_learns_the_order_of_the_rows(ranking):
    random = np.random.default_rng(1)
    x = random.normal(size=(400, 2)).astype(np.float32)
    time = np.ceil(random.exponential(8 * np.exp(-x[:, 0]))).astype(np.float32)
    columns = {"x": x, "time": time, "event": (random.uniform(size=400) < 0.7).astype(int)}
    best = jm.metrics.harrell_c(time, columns["event"], x[:, 0])
    task = probability_mass_survival(
        jm.models.MLP(widths=(), outputs=4), inputs=lambda b: jnp.asarray(b["x"]), times=ENDS,
        ranking=ranking,
    )  # fmt: skip
    model = jm.fit(
        task, optax.adam(0.1), columns, key=jax.random.key(0), batch_size=100, epochs=10,
        run=jm.Run(progress=False),
    ).model  # fmt: skip
    found = jm.evaluation.compute_metrics(model, columns)["antolini_c"]
    assert found == pytest.approx(best, abs=0.03)
