"""Privacy of clients: bounds, noise, sampling and the ledger, each by hand."""

from __future__ import annotations

import dataclasses

import jax
import numpy as np
import optax
import pytest
from federated.federation import KEY, LINEAR

import jaxmed as jm
from jaxmed import privacy
from jaxmed.data import inputs
from jaxmed.federated import (
    Cohorts,
    fed_avg,
    federated_fit,
    private_federated_fit,
    private_update,
    scaffold,
)
from jaxmed.models import layers

CLIENTS, ROWS = 12, 17
CLIENT = np.arange(ROWS) % CLIENTS
RANDOM = np.random.default_rng(3)
FEATURES = RANDOM.normal(size=(ROWS, 3)).astype(np.float32)
LABEL = RANDOM.normal(size=ROWS).astype(np.float32)
TRAIN = {"features": FEATURES, "label": LABEL}
SGD = fed_avg(optax.sgd(0.05))
COHORTS = Cohorts(batch_size=4)
MECHANISM = privacy.DPSGD(
    units=CLIENTS, batch_size=6.0, steps=3, clip=0.1, noise_multiplier=0.0, delta=1e-2,
    capacity=12, unit="group",
)  # fmt: skip
QUIET = jm.Run(progress=False, artifacts=False)


def private(mechanism=MECHANISM, task=LINEAR, algorithm=SGD, columns=TRAIN, **options):
    options = {"run": QUIET, "key": KEY, "cohorts": COHORTS} | options
    return private_federated_fit(task, algorithm, columns, CLIENT, mechanism=mechanism, **options)


def test_without_noise_a_round_is_the_clipped_sum_over_expected_clients():
    """Everybody comes at rate 1; a step of plain SGD on at most two rows, by hand."""
    every = dataclasses.replace(MECHANISM, batch_size=12.0, steps=1)
    weight = np.asarray(jm.training.init_state(LINEAR, optax.sgd(1.0), KEY, TRAIN).params["weight"])
    total, norms = np.zeros(3), []
    for number in range(CLIENTS):
        rows = np.flatnonzero(number == CLIENT)
        x, y = FEATURES[rows].astype(np.float64), LABEL[rows]
        change = -0.05 * 2 * x.T @ (x @ weight - y) / len(rows)
        norms.append(np.linalg.norm(change))
        total += change * min(1, 0.1 / norms[-1])
    assert min(norms) < 0.1 < max(norms), "some are clipped, some are not"
    found = private(every).model.params["weight"]
    np.testing.assert_allclose(found, weight + total / 12, rtol=1e-5)


def test_no_client_moves_the_sum_further_than_its_bound():
    """Rows of one client replaced by huge ones: the step changes by at most 2 clip / expected."""
    huge = {**TRAIN, "label": np.where(CLIENT == 3, 1e6, LABEL).astype(np.float32)}
    one = dataclasses.replace(MECHANISM, batch_size=12.0, steps=1)
    apart = private(one).model.params["weight"] - private(one, columns=huge).model.params["weight"]
    assert 0 < np.linalg.norm(apart) <= 2 * 0.1 / 12


def test_noise_has_the_stated_deviation_and_another_key_other_noise():
    wide = {"features": np.zeros((ROWS, 3000), np.float32), "label": LABEL}
    init = jm.tasks.Task(
        lambda key, batch, constants: ({"weight": np.zeros(3000, np.float32)}, {}),
        LINEAR.loss,
        LINEAR.predict,
    )
    noisy = dataclasses.replace(MECHANISM, noise_multiplier=1.5, steps=1)
    found = [
        np.asarray(private(noisy, init, columns=wide, key=jax.random.key(n)).model.params["weight"])
        for n in (1, 2)
    ]
    for drawn in found:  # without any gradient the parameters are the noise
        assert drawn.std() == pytest.approx(1.5 * 0.1 / 6, rel=0.05)
        assert abs(drawn.mean()) < 4 * 1.5 * 0.1 / 6 / np.sqrt(3000)
    assert abs(np.corrcoef(*found)[0, 1]) < 0.1


def test_the_ledger_charges_each_round(tmp_path):
    run = jm.Run(tmp_path, progress=False, artifacts=False)
    noisy = dataclasses.replace(MECHANISM, noise_multiplier=1.0)
    trained = private(noisy, run=run)
    ledger = privacy.read_ledger(tmp_path)
    assert ledger.mechanisms == (noisy,)
    expected = privacy.epsilon_of([(0.5, 1.0, 3)], 1e-2, accountant="rdp")
    found = ledger.epsilon(accountant="rdp")
    assert found == pytest.approx(expected)  # twelve places for twelve clients: no overflow
    assert all(np.isnan(row["train/loss"]) for row in trained.history)
    with pytest.raises(ValueError, match="mechanism differs in noise_multiplier"):
        private(MECHANISM, run=dataclasses.replace(run, resume=True))


BATCH_NORM = jm.tasks.regression(
    jm.models.ConvNet(outputs=1, widths=(2,), depths=(1,), norm=layers.BatchNorm),
    inputs=inputs.signal,
)
COUNTING = jm.tasks.regression(jm.models.MLP(widths=(), outputs=1), inputs=inputs.features())


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"algorithm": scaffold(learning_rate=0.1)}, "algorithm is SCAFFOLD, which keeps numbers"),
        (
            {"task": BATCH_NORM, "columns": {"signal": FEATURES[..., None], "label": LABEL}},
            "changes the state of its model with every batch",
        ),
        ({"task": COUNTING}, "task counts constants from the private rows"),
        ({"cohorts": Cohorts(batch_size=4, size=3)}, "cohorts has size 3 and at_once None"),
        ({"mechanism": dataclasses.replace(MECHANISM, units=11)}, "made for 11: make it with"),
        ({"mechanism": dataclasses.replace(MECHANISM, unit="row")}, "protects each row"),
        (
            {"validation": jm.Validation(monitor=jm.lowest("train/loss"))},
            "monitor is train/loss, a number of the private rows",
        ),
    ],
)
def test_what_would_leak_is_refused(options, words):
    with pytest.raises(ValueError, match=words):
        private(**options)


def test_a_private_aggregation_needs_its_own_function():
    with pytest.raises(ValueError, match="use private_federated_fit"):
        federated_fit(
            LINEAR, SGD, TRAIN, CLIENT, COHORTS, key=KEY, rounds=1,
            aggregation=private_update(MECHANISM),
        )  # fmt: skip
