"""Piecewise constant hazards, held to loops, SciPy's integrals, and counts of events."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from scipy.integrate import quad

import jaxmed as jm
from jaxmed.tasks import discrete_time_survival, piecewise_hazard
from jaxmed.tasks.piecewise_hazard import piecewise_hazard_loss

RANDOM = np.random.default_rng(0)
ROWS = 200
ENDS = np.array([2.0, 5.0, 9.0, 20.0])
FEATURES = RANDOM.normal(size=(ROWS, 2)).astype(np.float32)
TIME = np.ceil(RANDOM.exponential(8, ROWS)).astype(np.float32)
TIME[:3] = 0
EVENT = RANDOM.integers(0, 2, ROWS)
EVENT[0] = 1
COLUMNS = {"features": FEATURES, "time": TIME, "event": EVENT}


def plain(batch):
    return jnp.asarray(batch["features"])


def task_of(outputs=4, **options):
    network = jm.models.MLP(widths=(), outputs=outputs)
    return piecewise_hazard(network, inputs=plain, times=ENDS, **options)


def begun(task):
    return task.init(jax.random.key(1), COLUMNS, task.constants(COLUMNS))


def interval_of(t):
    return next((k for k, end in enumerate(ENDS) if t <= end), None)


def test_the_loss_is_the_likelihood_by_integrals():
    log_hazard = RANDOM.normal(scale=0.5, size=(ROWS, 4)) - 2
    given = jnp.float32(log_hazard), jnp.asarray(TIME), jnp.float32(EVENT)
    losses = piecewise_hazard_loss(*given, ends=ENDS)
    assert TIME.max() > ENDS[-1]
    assert np.isin(TIME[EVENT == 1], ENDS).any()
    for row in range(40):
        until = min(TIME[row], ENDS[-1])
        inner = [end for end in ENDS if end < until]
        passed = quad(
            lambda t, row=row: np.exp(log_hazard[row, interval_of(t)]), 0, until,
            points=inner or None,
        )[0]  # fmt: skip
        own = interval_of(TIME[row])
        expected = passed - (EVENT[row] and own is not None and log_hazard[row, own or 0])
        assert losses[row] == pytest.approx(expected, abs=1e-4)


def test_a_network_of_zeros_predicts_events_over_time_spent():
    task = task_of()
    params, state = begun(task)
    zeros = jax.tree.map(jnp.zeros_like, params)
    found = np.exp(np.asarray(task.predict(zeros, state, COLUMNS)["logits"])[0])
    events, spent = np.zeros(4), np.zeros(4)
    for t, e in zip(TIME.tolist(), EVENT, strict=True):
        for k, end in enumerate(ENDS):
            start = ENDS[k - 1] if k else 0
            spent[k] += max(0, min(t, end) - start)
        if e and interval_of(t) is not None:
            events[interval_of(t)] += 1
    half = 0.5 * spent.sum() / events.sum()
    np.testing.assert_allclose(found, (events + 0.5) / (spent + half), rtol=1e-5)


def test_survival_is_the_exponential_of_the_hazard_that_has_passed():
    task = task_of(outputs=3, degree=2)
    params, state = begun(task)
    outputs = task.predict(params, state, COLUMNS)
    hazard = np.exp(np.asarray(outputs["logits"], np.float64))
    expected = np.exp(-np.cumsum(hazard * np.diff(ENDS, prepend=0), axis=1))
    np.testing.assert_allclose(outputs["survival"], expected, rtol=1e-5, atol=1e-7)


def test_censoring_within_long_intervals_does_not_raise_the_hazard():
    """Where hazards of discrete time are too high."""
    event_time, censored = RANDOM.exponential(10, 20_000), RANDOM.uniform(0, 20, 20_000)
    data = {
        "features": np.zeros((20_000, 2), np.float32),
        "time": np.minimum(event_time, censored),
        "event": (event_time <= censored).astype(int),
    }
    survival = {}
    for make in (piecewise_hazard, discrete_time_survival):
        network = jm.models.MLP(widths=(), outputs=1)
        task = make(network, inputs=plain, times=[10.0, 20.0], degree=0)
        params, state = task.init(jax.random.key(0), data, task.constants(data))
        zeros = jax.tree.map(jnp.zeros_like, params)
        survival[make] = np.asarray(task.predict(zeros, state, data)["survival"][0])
    truth = np.exp([-1.0, -2.0])
    np.testing.assert_allclose(survival[piecewise_hazard], truth, atol=0.01)
    assert (survival[discrete_time_survival] < truth - 0.02).all()


def test_a_time_without_any_event_is_refused():
    with pytest.raises(ValueError, match="no event until 20, the last of times"):
        jm.fit(
            task_of(), optax.sgd(0.1),
            {**COLUMNS, "event": np.zeros(ROWS, int)}, key=jax.random.key(0), batch_size=50,
            epochs=1, run=jm.Run(progress=False),
        )  # fmt: skip
