"""Rounds under every placement, silent rounds, resumed runs, and what is refused."""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from federated.federation import CLIENT, FEATURES, KEY, LABEL, LINEAR, RATE, TRAIN, train, weight_of

import jaxmed as jm
from jaxmed import federated
from jaxmed.data import inputs
from jaxmed.data.batches import PADDING, take
from jaxmed.federated import Cohorts, fed_adam, fed_avg, mean_update, scaffold
from jaxmed.federated.round_gradient import RoundShape, federated_task, round_gradient, server_of
from jaxmed.models import layers
from jaxmed.runtime import placement
from jaxmed.training import Execution, init_state, make_train_step

SGD = optax.sgd(RATE)
FOUR = np.array([*CLIENT[:-3], 3, 3, 3])
NORMALIZED = jm.tasks.binary_classification(
    jm.models.MLP(widths=(4,), outputs=1, dropout=0.2), inputs=inputs.features()
)
SICK = {"features": FEATURES, "label": (LABEL > 1).astype(np.int32)}


def params_of(trained):
    return np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(trained.model.params)])


@pytest.fixture(scope="module")
def mapped():
    """Four clients with dropout and momentum, all at once on one device."""
    return dropping_out(Cohorts(batch_size=2))


def dropping_out(cohorts, **options):
    algorithm = fed_avg(optax.sgd(0.2, 0.9))
    return train(
        algorithm, cohorts, task=NORMALIZED, columns=SICK, client=FOUR, rounds=2, **options
    )


def test_how_many_train_at_once_changes_rounding_only(mapped):
    found = dropping_out(Cohorts(batch_size=2, size=4, at_once=2))
    np.testing.assert_allclose(params_of(found), params_of(mapped), rtol=1e-4, atol=1e-6)
    assert found.history[-1]["train/loss"] == pytest.approx(mapped.history[-1]["train/loss"])


def test_devices_divide_the_clients(mapped):
    devices = Execution(placement=placement.sharded(jax.devices()[:4]))
    found = dropping_out(Cohorts(batch_size=2), execution=devices)
    np.testing.assert_allclose(params_of(found), params_of(mapped), rtol=1e-4, atol=1e-6)
    with pytest.raises(ValueError, match="size is 3 clients, which 4 devices do not divide"):
        dropping_out(Cohorts(batch_size=2, size=3), execution=devices)
    with pytest.raises(ValueError, match="placement is pmap"):
        dropping_out(Cohorts(batch_size=2), execution=Execution(placement=placement.pmap()))


def test_constants_are_those_of_all_clients_together(mapped):
    features = mapped.model.state["fitted"]
    leaves = jax.tree.leaves(features)
    expected = [FEATURES.astype(np.float64).std(0), FEATURES.astype(np.float64).mean(0)]
    for leaf, wanted in zip(leaves, expected, strict=True):
        np.testing.assert_allclose(leaf, wanted, rtol=1e-6)


@pytest.mark.parametrize(
    "algorithm",
    [fed_adam(SGD, learning_rate=0.1), scaffold(learning_rate=RATE)],
    ids=lambda algorithm: algorithm.name,
)
def test_a_round_in_which_nobody_reports_changes_nothing(algorithm):
    """Not even by momentum: before it, a round with reports has filled the optimizer."""
    task, cohorts = federated_task(LINEAR, algorithm, 3), Cohorts(batch_size=4)
    order = federated.CohortOrder(CLIENT, cohorts)
    shape = RoundShape(3, order.steps, 3, mean_update())
    server = server_of(LINEAR, algorithm)
    step = jax.jit(make_train_step(task, server, gradient=round_gradient(LINEAR, algorithm, shape)))
    sizes = np.bincount(CLIENT)[CLIENT].astype(np.float32)
    columns = {**TRAIN, "client": CLIENT.astype(np.int32), "client_rows": sizes}
    state = init_state(task, server, KEY, columns)
    (line,) = order(KEY, 0, len(CLIENT), order.rows)
    after, _ = step(state, take(columns, line))
    silent, sums = step(after, take(columns, np.full_like(line, PADDING)))
    assert float(sums["count"]) == 0
    assert int(silent.step) == 2
    assert (after.params["weight"] != state.params["weight"]).all()
    for name in ("params", "model_state", "opt_state"):
        pairs = zip(
            jax.tree.leaves(getattr(after, name)),
            jax.tree.leaves(getattr(silent, name)),
            strict=True,
        )
        for a, b in pairs:
            np.testing.assert_array_equal(a, b)


def test_a_silent_round_is_no_number_in_the_history():
    trained = train(fed_avg(SGD), Cohorts(batch_size=4, dropout=0.8), rounds=6)
    losses = [row["train/loss"] for row in trained.history]
    assert np.isnan(losses).any()
    assert np.isfinite(losses).any()
    assert np.isfinite(weight_of(trained)).all()


def test_a_resumed_federation_has_the_bits_of_an_uninterrupted_one(tmp_path):
    algorithm, cohorts = scaffold(learning_rate=RATE), Cohorts(batch_size=4, dropout=0.3)
    run = jm.Run(tmp_path, progress=False, artifacts=False)
    train(algorithm, cohorts, rounds=2, run=run)
    resumed = jm.Run(tmp_path, progress=False, artifacts=False, resume=True)
    found = train(algorithm, cohorts, rounds=5, run=resumed)
    np.testing.assert_array_equal(weight_of(found), weight_of(train(algorithm, cohorts, rounds=5)))


def test_a_hundred_clients_are_one_program():
    client = np.arange(300) % 100
    columns = {"features": np.tile(FEATURES, (18, 1))[:300], "label": np.tile(LABEL, 18)[:300]}
    task = jm.tasks.regression(jm.models.MLP(widths=(8,), outputs=1), inputs=inputs.features())
    algorithm = fed_avg(SGD)
    trained = train(
        algorithm, Cohorts(batch_size=2), rounds=3, task=task, columns=columns, client=client
    )
    losses = [row["train/loss"] for row in trained.history]
    assert losses[2] < losses[0]
    programs = federated_task(task, algorithm, 100).programs
    compiled = [program for name, program in programs.items() if name[0] == "epoch"]
    assert [program._cache_size() for program in compiled] == [1]


def test_batch_statistics_are_averaged_by_rows():
    """After one round of one step without learning: 0.9 of the old and 0.1 of the clients' own."""
    network = jm.models.ConvNet(outputs=1, widths=(2,), depths=(1,), norm=layers.BatchNorm)
    task = jm.tasks.regression(network, inputs=inputs.signal)
    random = np.random.default_rng(0)
    columns = {
        "signal": random.normal(size=(6, 5, 1)).astype(np.float32),
        "label": np.zeros(6, np.float32),
    }
    client = np.array([0, 0, 1, 1, 1, 1])
    silent = fed_avg(optax.sgd(0.0))
    found = train(
        silent, Cohorts(batch_size=4), rounds=1, task=task, columns=columns, client=client
    )
    norm = functools.reduce(
        lambda tree, name: tree[name], ("batch_stats", "BatchNorm_0"), found.model.state
    )
    kernel = jnp.asarray(found.model.params["Conv_0"]["kernel"])
    means = []
    for number in (0, 1):
        x = np.pad(columns["signal"][client == number], ((0, 0), (1, 1), (0, 0)))
        y = sum(x[:, k : k + 5] @ np.asarray(kernel[k]) for k in range(3))
        means.append(0.1 * y.mean((0, 1)))
    expected = (2 * means[0] + 4 * means[1]) / 6
    np.testing.assert_allclose(norm["mean"], expected, rtol=1e-4, atol=1e-6)


def test_clients_of_one_class_are_warned_of():
    client = np.where(SICK["label"] > 0, 0, np.arange(len(CLIENT)) % 2)
    with pytest.warns(UserWarning, match=r"client 1 has rows of one class only \(1 of 2 clients\)"):
        train(
            fed_avg(SGD), Cohorts(batch_size=8), task=NORMALIZED, columns=SICK, client=client,
            rounds=1,
        )  # fmt: skip


def test_what_no_federation_can_be_made_of_is_refused():
    some = Cohorts(batch_size=4)
    with pytest.raises(ValueError, match="leaves client 1 without any row"):
        train(fed_avg(SGD), some, client=2 * (CLIENT > 0).astype(int))
    with pytest.raises(ValueError, match="client has 16 rows, but train has 17"):
        train(fed_avg(SGD), some, client=CLIENT[1:])
    with pytest.raises(ValueError, match="train holds a column `client`"):
        train(fed_avg(SGD), some, columns={**TRAIN, "client": CLIENT})
    with pytest.raises(ValueError, match="at_once is 2, which does not divide the 3 clients"):
        train(fed_avg(SGD), Cohorts(batch_size=4, at_once=2))
