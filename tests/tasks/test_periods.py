"""Rows that are periods of patients: hazards as if they were not divided, and lifelines' Cox."""

from __future__ import annotations

import json
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jaxmed as jm
from jaxmed.tasks import piecewise_hazard, proportional_hazards
from jaxmed.tasks.piecewise_hazard import piecewise_hazard_loss
from jaxmed.tasks.proportional_hazards import partial_likelihood_loss

FILE = json.loads(Path(__file__).with_name("periods_lifelines.json").read_text())
PERIODS = {
    "x": np.float32(FILE["x"])[:, None],
    "start": np.float32(FILE["start"]),
    "time": np.float32(FILE["time"]),
    "event": np.int32(FILE["event"]),
    "group": np.int32(FILE["patient"]),
}
ENDS = np.array([2.0, 5.0, 9.0, 14.0])
RANDOM = np.random.default_rng(0)


def plain(batch):
    return jnp.asarray(batch["x"])


def test_dividing_a_patient_into_periods_changes_neither_loss_nor_counts():
    time = RANDOM.uniform(1, 18, 50).astype(np.float32)
    event = RANDOM.integers(0, 2, 50)
    cut = (time * RANDOM.uniform(0.1, 0.9, 50)).astype(np.float32)
    log_hazard = jnp.float32(RANDOM.normal(size=(50, 4)))
    whole = piecewise_hazard_loss(log_hazard, jnp.asarray(time), jnp.float32(event), ends=ENDS)
    first = piecewise_hazard_loss(log_hazard, jnp.asarray(cut), jnp.zeros(50), ends=ENDS)
    given = jnp.asarray(time), jnp.float32(event), jnp.asarray(cut)
    second = piecewise_hazard_loss(log_hazard, *given, ends=ENDS)
    np.testing.assert_allclose(first + second, whole, rtol=1e-4, atol=1e-5)

    patients = {"x": np.zeros((50, 1), np.float32), "time": time, "event": event}
    divided = {
        "x": np.zeros((100, 1), np.float32),
        "start": np.append(np.zeros(50, np.float32), cut),
        "time": np.append(cut, time),
        "event": np.append(np.zeros(50, int), event),
    }
    make = {"network": jm.models.MLP(widths=(), outputs=4), "inputs": plain, "times": ENDS}
    counted = [
        piecewise_hazard(**make, start=start).constants(columns)
        for start, columns in ((None, patients), ("start", divided))
    ]
    for one, other in zip(*map(jax.tree.leaves, counted), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5)


def test_coxs_likelihood_with_late_entries_by_loops():
    log_ratio = RANDOM.normal(size=len(PERIODS["x"]))
    start, time, event = (PERIODS[name] for name in ("start", "time", "event"))
    total = 0.0
    for moment in set(time[event == 1].tolist()):
        risk = np.exp(log_ratio[(start < moment) & (moment <= time)]).sum()
        dying = np.flatnonzero((time == moment) & (event == 1))
        tied = np.exp(log_ratio[dying]).sum()
        for number, row in enumerate(dying):
            total -= log_ratio[row] - np.log(risk - number / len(dying) * tied)
    columns = (jnp.asarray(time), jnp.float32(event), jnp.ones(len(time)), jnp.asarray(start))
    losses = partial_likelihood_loss(jnp.float32(log_ratio), *columns)
    assert losses.sum() == pytest.approx(total, rel=1e-5)


def test_the_coefficient_of_lifelines():
    task = proportional_hazards(jm.models.MLP(widths=(), outputs=1), inputs=plain, start="start")
    trained = jm.fit(
        task, optax.adam(optax.cosine_decay_schedule(0.1, 200)), PERIODS, key=jax.random.key(0),
        batch_size=len(PERIODS["x"]), epochs=200, run=jm.Run(progress=False),
    )  # fmt: skip
    found = trained.model.params["Dense_0"]["kernel"][0, 0]
    assert found == pytest.approx(FILE["coefficient"], abs=2e-4)
    assert set(jm.evaluation.compute_metrics(trained.model, PERIODS)) == {"loss"}


@pytest.mark.parametrize("make", [piecewise_hazard, proportional_hazards])
def test_periods_that_end_before_they_begin_are_refused(make):
    more = {"times": ENDS} if make is piecewise_hazard else {}
    network = jm.models.MLP(widths=(), outputs=4 if more else 1)
    task = make(network, inputs=plain, start="start", **more)
    bad = {**PERIODS, "start": PERIODS["time"] + 1}
    with pytest.raises(ValueError, match="but a row is observed from 0 or later until after that"):
        jm.fit(
            task, optax.sgd(0.1), bad, key=jax.random.key(0), batch_size=20, epochs=1,
            run=jm.Run(progress=False),
        )  # fmt: skip
