"""Every algorithm against NumPy by hand, on a least-squares problem with unequal clients."""

from __future__ import annotations

import jax
import numpy as np
import optax
import pytest
from federated import federation
from federated.federation import (
    CLIENT,
    FIRST,
    KEY,
    LINEAR,
    RATE,
    TRAIN,
    gradient,
    rounds_by_hand,
    train,
    weight_of,
)

import jaxmed as jm
from jaxmed.federated import (
    Cohorts,
    fed_adam,
    fed_avg,
    fed_prox,
    fed_yogi,
    mean_update,
    scaffold,
)
from jaxmed.training.fit import ORDER

ROUNDS = 4
SIZES = np.bincount(CLIENT)
COHORTS = Cohorts(batch_size=2, epochs=2)
ONE_STEP = Cohorts(batch_size=10)  # as many as the largest client has
START = np.asarray(FIRST.params["weight"], np.float64)


def averaged(cohorts, server, *, proximal=0.0, momentum=0.0, weights=SIZES):
    """Federated averaging: each client by itself, then the server's step on the mean change."""
    weight = START
    for clients in rounds_by_hand(cohorts, ROUNDS):
        changes, total = np.zeros(3), sum(weights[number] for number in clients)
        for number, batches in clients.items():
            own, speed = weight, np.zeros(3)
            for rows in batches:
                slope = gradient(own, rows) + proximal * (own - weight)
                speed = momentum * speed + slope
                own = own - RATE * speed
            changes += weights[number] / total * (own - weight)
        weight = weight + server(changes)
    return weight


class Adaptive:
    """Adam and Yogi of Reddi et al. 2021, algorithm 2."""

    def __init__(self, squares):
        self.mean, self.second, self.squares = np.zeros(3), np.full(3, 0.01**2), squares

    def __call__(self, change):
        self.mean = 0.8 * self.mean + 0.2 * change
        self.second = self.squares(self.second, change**2)
        return 0.3 * self.mean / (np.sqrt(self.second) + 0.01)


def adam(v, s):
    return 0.7 * v + 0.3 * s


def yogi(v, s):
    return v - 0.3 * s * np.sign(v - s)


def plain(change):
    return change


SGD = optax.sgd(RATE)
ADAPTIVE = {"learning_rate": 0.3, "b1": 0.8, "b2": 0.7, "tau": 0.01}


@pytest.mark.parametrize(
    ("algorithm", "expected"),
    [
        (fed_avg(SGD), lambda: averaged(COHORTS, plain)),
        (fed_avg(optax.sgd(RATE, 0.9)), lambda: averaged(COHORTS, plain, momentum=0.9)),
        (fed_prox(SGD, proximal=0.7), lambda: averaged(COHORTS, plain, proximal=0.7)),
        (fed_adam(SGD, **ADAPTIVE), lambda: averaged(COHORTS, Adaptive(adam))),
        (fed_yogi(SGD, **ADAPTIVE), lambda: averaged(COHORTS, Adaptive(yogi))),
    ],
    ids=["FedAvg", "FedAvg with momentum", "FedProx", "FedAdam", "FedYogi"],
)
def test_rounds_by_hand(algorithm, expected):
    np.testing.assert_allclose(weight_of(train(algorithm, COHORTS)), expected(), rtol=2e-5)


def scaffold_by_hand(cohorts, weights):
    """Karimireddy et al. 2020, algorithm 1, option II."""
    weight, common, own_of = START, np.zeros(3), np.zeros((3, 3))
    for clients in rounds_by_hand(cohorts, ROUNDS):
        change, renewed = np.zeros(3), own_of.copy()
        for number, batches in clients.items():
            own = weight
            for rows in batches:
                own = own - RATE * (gradient(own, rows) - own_of[number] + common)
            drift = (weight - own) / (len(batches) * RATE)
            renewed[number] = own_of[number] - common + drift
            change += weights[number] / sum(weights[each] for each in clients) * (own - weight)
        common = common + (renewed - own_of).sum(0) / 3
        weight, own_of = weight + change, renewed
    return weight, common, own_of


@pytest.mark.parametrize(
    ("cohorts", "weights"),
    [(COHORTS, "clients"), (Cohorts(batch_size=2, size=2, at_once=1, dropout=0.3), "rows")],
    ids=["all, unweighted", "drawn, dropping out, weighted"],
)
def test_scaffold_by_hand(cohorts, weights):
    trained = train(scaffold(learning_rate=RATE), cohorts, aggregation=mean_update(weights=weights))
    by_rows = SIZES if weights == "rows" else np.ones(3)
    weight, common, own = scaffold_by_hand(cohorts, by_rows)
    memory = trained.state.model_state["memory"]
    np.testing.assert_allclose(weight_of(trained), weight, rtol=2e-5)
    np.testing.assert_allclose(memory["own"]["weight"], own, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(memory["server"]["weight"], common, rtol=1e-4, atol=1e-5)


def test_drawn_clients_that_drop_out_are_left_out():
    cohorts = Cohorts(batch_size=2, size=2, dropout=0.4)
    seen = [len(clients) for clients in rounds_by_hand(cohorts, ROUNDS)]
    assert min(seen) < 2, "nobody dropped out: the test would not see it"
    trained = train(fed_avg(SGD), cohorts)
    np.testing.assert_allclose(weight_of(trained), averaged(cohorts, plain), rtol=2e-5)


def test_one_full_batch_step_of_all_clients_is_a_central_step():
    """The mean over clients, weighted by rows, of the mean gradients is the gradient of all."""
    weight = START
    for _ in range(ROUNDS):
        weight = weight - RATE * gradient(weight, np.arange(len(CLIENT)))
    np.testing.assert_allclose(weight_of(train(fed_avg(SGD), ONE_STEP)), weight, rtol=2e-5)


def test_one_client_with_one_step_is_central_training():
    alone = np.zeros(len(CLIENT), int)
    cohorts = Cohorts(batch_size=len(CLIENT))
    found = train(fed_avg(SGD), cohorts, client=alone)
    central = jm.fit(
        LINEAR, SGD, TRAIN, key=KEY, batch_size=len(CLIENT), steps=ROUNDS,
        run=jm.Run(progress=False, artifacts=False),
    )  # fmt: skip
    np.testing.assert_allclose(weight_of(found), central.model.params["weight"], rtol=1e-6)
    assert found.history[-1]["train/loss"] == pytest.approx(central.history[-1]["train/loss"])


def test_one_client_in_one_round_is_an_epoch_of_central_training():
    """Batches of two, in the order that the client drew: every step of it is a step of `fit`."""
    alone, cohorts = np.zeros(len(CLIENT), int), Cohorts(batch_size=2)
    order = jm.federated.CohortOrder(alone, cohorts)
    lines = order(jax.random.fold_in(FIRST.key, ORDER), 0, len(CLIENT), order.rows)
    central = jm.fit(
        LINEAR, SGD, TRAIN, key=KEY, batch_size=2, epochs=1,
        order=lambda key, epoch, rows, size: lines.reshape(-1, 2),
        run=jm.Run(progress=False, artifacts=False),
    )  # fmt: skip
    found = train(fed_avg(SGD), cohorts, client=alone, rounds=1)
    np.testing.assert_allclose(weight_of(found), central.model.params["weight"], rtol=1e-6)


def test_first_values_are_those_of_central_training():
    trained = train(fed_avg(optax.sgd(0.0)), ONE_STEP, rounds=1)
    np.testing.assert_array_equal(weight_of(trained), FIRST.params["weight"])
    assert trained.rows == federation.ROWS
