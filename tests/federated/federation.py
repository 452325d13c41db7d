"""Three clients of a least-squares problem, and their training by hand in float64."""

from __future__ import annotations

import jax
import numpy as np
import optax

import jaxmed as jm
from jaxmed import federated
from jaxmed.federated import CohortOrder, Cohorts
from jaxmed.tasks import Task
from jaxmed.training import init_state
from jaxmed.training.fit import ORDER

ROWS = 17
CLIENT = np.array([0, 1, 2, 2, 0, 1, 2, 2, 2, 0, 1, 2, 2, 1, 2, 2, 2])  # 3, 4 and 10 rows
_random = np.random.default_rng(3)
FEATURES = _random.normal(size=(ROWS, 3)).astype(np.float32)
LABEL = (FEATURES @ [1.0, -2.0, 0.5] + CLIENT + _random.normal(size=ROWS)).astype(np.float32)
TRAIN = {"features": FEATURES, "label": LABEL}
KEY = jax.random.key(5)
RATE = 0.05


def predict(params, model_state, batch):
    return {"value": batch["features"] @ params["weight"]}


def loss(params, model_state, batch, key):
    outputs = predict(params, model_state, batch)
    return (outputs["value"] - batch["label"]) ** 2, (model_state, outputs)


def init(key, batch, constants):
    return {"weight": jax.random.normal(key, (3,))}, {}


LINEAR = Task(init, loss, predict)
FIRST = init_state(LINEAR, optax.sgd(RATE), KEY, TRAIN)


def train(algorithm, cohorts, *, rounds=4, task=LINEAR, columns=TRAIN, client=CLIENT, **options):
    options.setdefault("run", jm.Run(progress=False, artifacts=False))
    return federated.federated_fit(
        task, algorithm, columns, client, cohorts, key=KEY, rounds=rounds, **options
    )


def weight_of(trained) -> np.ndarray:
    return np.asarray(trained.model.params["weight"])


def gradient(weight: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Of the mean squared error over some rows."""
    x, y = FEATURES[rows].astype(np.float64), LABEL[rows].astype(np.float64)
    return 2 * x.T @ (x @ weight - y) / len(rows)


def rounds_by_hand(cohorts: Cohorts, rounds: int):
    """Of each round, the batches of each client that reports: its number and lists of rows."""
    order = CohortOrder(CLIENT, cohorts)
    for number in range(rounds):
        lines = order(jax.random.fold_in(FIRST.key, ORDER), number, ROWS, order.rows)
        steps = lines.reshape(order.size, order.steps, cohorts.batch_size)
        yield {
            int(CLIENT[own[own >= 0][0]]): [line[line >= 0] for line in own if (line >= 0).any()]
            for own in steps
            if (own >= 0).any()
        }
