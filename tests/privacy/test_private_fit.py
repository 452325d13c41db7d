"""`private_fit`: it learns, agrees with the steps by hand, resumes, keeps its ledger, leaks not."""

from __future__ import annotations

import dataclasses
import json
import math

import jax
import numpy as np
import optax
import pytest

import jaxmed as jm
from jaxmed.data import inputs
from jaxmed.privacy import (
    DPSGD,
    Ledger,
    dp_sgd,
    private_fit,
    read_ledger,
    secret_key,
    write_ledger,
)
from jaxmed.privacy.gradient import NOISE, normal_like
from jaxmed.training import init_state
from jaxmed.training.fit import ORDER

KEY = jax.random.key(5)
ROWS = 240
_random = np.random.default_rng(0)
FEATURES = _random.normal(size=(ROWS, 4)).astype(np.float32)
TRAIN = {"features": FEATURES, "label": (FEATURES[:, 0] > 0).astype(np.int32)}
QUIET = jm.Run(progress=False)
OPTIMIZER = optax.sgd(1.0)
MECHANISM = dp_sgd(
    units=ROWS, batch_size=40, steps=30, noise_multiplier=1.0, delta=1e-3, microbatch=8
)


def read(batch):
    return batch["features"]


NETWORK = jm.models.MLP(widths=(), outputs=1)
TASK = jm.tasks.binary_classification(NETWORK, inputs=read)
COUNTING = jm.tasks.binary_classification(NETWORK, inputs=inputs.features())


def train(task=TASK, columns=TRAIN, mechanism=MECHANISM, **options):
    return private_fit(task, OPTIMIZER, columns, mechanism, **{"key": KEY, "run": QUIET} | options)


def flat(tree):
    return np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(tree)])


def test_it_learns_and_its_history_says_nothing_of_the_rows():
    trained = train(validation=jm.Validation(TRAIN))
    assert trained.history[-1]["validation/auroc"] > 0.9
    assert [row["step"] for row in trained.history] == [6, 12, 18, 24, 30]
    assert trained.history[-1]["epoch"] == 5
    assert all(math.isnan(row["train/loss"]) for row in trained.history)
    assert all(math.isnan(row["train/accuracy"]) for row in trained.history)


def test_every_step_is_that_of_the_paper():
    """Logistic regression by hand in float64: clip each row, sum, add noise, divide."""
    mechanism = dataclasses.replace(MECHANISM, steps=4, clip=0.3)
    state = init_state(TASK, OPTIMIZER, KEY, TRAIN)
    order = mechanism.order()(jax.random.fold_in(state.key, ORDER), 0, ROWS, mechanism.rows)
    bias, kernel = (np.float64(leaf) for leaf in jax.tree.leaves(state.params))
    for step in range(4):
        rows = order[step][order[step] >= 0]
        x, y = FEATURES[rows].astype(float), TRAIN["label"][rows]
        error = 1 / (1 + np.exp(-(x @ kernel[:, 0] + bias[0]))) - y
        each = np.concatenate([error[:, None], error[:, None] * x], axis=1)
        each *= np.minimum(1, 0.3 / np.linalg.norm(each, axis=1))[:, None]
        key = jax.random.fold_in(jax.random.fold_in(state.key, step), NOISE)
        noise = flat(normal_like(key, state.params, 0.3))
        mean = (each.sum(0) + noise) / 40
        bias, kernel = bias - mean[:1], kernel - mean[1:, None]
    found = train(mechanism=mechanism).state.params
    np.testing.assert_allclose(flat(found), [*bias, *kernel[:, 0]], rtol=1e-4, atol=1e-6)


def test_the_parts_of_a_batch_change_rounding_only():
    whole = dataclasses.replace(MECHANISM, microbatches=1)
    np.testing.assert_allclose(
        flat(train().state.params), flat(train(mechanism=whole).state.params), rtol=1e-3, atol=1e-5
    )


def test_the_ledger_is_there_before_the_first_step_and_goes_on(tmp_path):
    seen = []
    run = jm.Run(
        tmp_path / "run", progress=False, artifacts=False,
        loggers=[lambda row: seen.append(read_ledger(tmp_path / "run").epsilon())],
    )  # fmt: skip
    ten = dataclasses.replace(MECHANISM, steps=12)
    train(mechanism=ten, run=run)
    assert seen == pytest.approx([ten.epsilon()] * 2)
    content = json.loads((tmp_path / "run" / "privacy.json").read_text())
    assert content["neighbors"] == "one row added or removed"
    assert content["epsilon"] < content["epsilon_rdp"]
    assert content["trainings"][0]["noise_multiplier"] == 1.0

    resumed = dataclasses.replace(run, resume=True)
    trained = train(run=resumed)
    np.testing.assert_array_equal(flat(trained.state.params), flat(train().state.params))
    assert read_ledger(tmp_path / "run") == Ledger((MECHANISM,), MECHANISM.delta)

    louder = dataclasses.replace(MECHANISM, noise_multiplier=2.0, clip=0.5)
    with pytest.raises(ValueError, match="mechanism differs in clip, noise_multiplier"):
        train(mechanism=louder, run=resumed)
    with pytest.raises(FileExistsError, match="holds a run already"):
        train(run=run)
    assert read_ledger(tmp_path / "run").mechanisms == (MECHANISM,)


def test_what_was_charged_stays_charged(tmp_path):
    """A run that asked for 30 steps and was killed after 6 goes on to 12: 30 are charged."""
    run = jm.Run(tmp_path, progress=False, artifacts=False)
    train(mechanism=dataclasses.replace(MECHANISM, steps=6), run=run)
    write_ledger(tmp_path, Ledger((MECHANISM,), MECHANISM.delta))
    train(
        mechanism=dataclasses.replace(MECHANISM, steps=12),
        run=dataclasses.replace(run, resume=True),
    )
    assert read_ledger(tmp_path).mechanisms[-1].steps == 30


def test_a_second_training_adds_up(tmp_path):
    first = Ledger((MECHANISM,), MECHANISM.delta)
    trained = train(key=jax.random.key(6))
    onward = dataclasses.replace(MECHANISM, steps=36)
    run = jm.Run(tmp_path, progress=False, artifacts=False, start=trained.state)
    with pytest.raises(ValueError, match="start is given, but earlier is empty"):
        train(mechanism=onward, run=run)
    train(mechanism=onward, run=run, earlier=[first])
    found = read_ledger(tmp_path)
    assert found.mechanisms == (MECHANISM, onward)
    assert found.epsilon() > max(MECHANISM.epsilon(), onward.epsilon())


def test_a_run_that_was_not_private_is_not_resumed(tmp_path):
    jm.fit(
        TASK, OPTIMIZER, TRAIN, key=KEY, batch_size=MECHANISM.rows, steps=6,
        run=jm.Run(tmp_path, progress=False, artifacts=False),
    )  # fmt: skip
    with pytest.raises(ValueError, match=r"has no privacy.json and was not private"):
        train(run=jm.Run(tmp_path, progress=False, resume=True))


def test_patients_are_protected_as_a_whole():
    patient = np.arange(ROWS) // 3
    columns = {**TRAIN, "group": patient}
    with pytest.raises(ValueError, match="several rows of one `group`"):
        train(columns=columns)
    mechanism = dp_sgd(
        units=80, batch_size=20, steps=20, noise_multiplier=1.0, delta=1e-3, microbatch=8,
        unit="group", rows_per_unit=2,
    )  # fmt: skip
    trained = train(columns=columns, mechanism=mechanism)
    assert trained.state.step == 20
    with pytest.raises(ValueError, match="has no column `group`"):
        train(mechanism=mechanism)


def test_what_the_task_counts_is_refused_or_declared_public():
    with pytest.raises(ValueError, match=r"task counts constants .* public_constants"):
        train(COUNTING)
    assert train(COUNTING, public_constants=True).state.step == 30


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (
            {"mechanism": dataclasses.replace(MECHANISM, units=100)},
            r"train has 240 rows, but the mechanism was made for 100: .* dp_sgd\(units=240\)",
        ),
        (
            {"validation": jm.Validation(monitor=jm.lowest("train/loss"))},
            "monitor is train/loss, a number of the private rows",
        ),
        ({"columns": {"features": FEATURES}}, "needs a `label`"),
    ],
)
def test_what_would_leak_is_refused(options, words):
    with pytest.raises(ValueError, match=words):
        train(**options)


def test_a_ledger_that_was_changed_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"has no privacy.json"):
        read_ledger(tmp_path)
    path = write_ledger(tmp_path, Ledger((MECHANISM,), 1e-3))
    for broken in (path.read_text()[:-30], path.read_text().replace('"format": 1', '"format": 2')):
        path.write_text(broken)
        with pytest.raises(ValueError, match=r"whose privacy.json is no ledger"):
            read_ledger(tmp_path)
    mixed = dataclasses.replace(MECHANISM, unit="group")
    with pytest.raises(ValueError, match="protect different units, group and row"):
        Ledger((MECHANISM, mixed), 1e-3)


def test_a_ledger_without_noise_promises_nothing(tmp_path):
    none = DPSGD(
        units=ROWS, batch_size=40, steps=3, clip=math.inf, noise_multiplier=0.0, delta=1e-3,
        capacity=80,
    )  # fmt: skip
    write_ledger(tmp_path, Ledger((none,), 1e-3))
    assert read_ledger(tmp_path).mechanisms == (none,)
    assert json.loads((tmp_path / "privacy.json").read_text())["epsilon"] == "Infinity"


def test_secret_keys_differ():
    assert len({tuple(jax.random.key_data(secret_key()).tolist()) for _ in range(9)}) == 9
