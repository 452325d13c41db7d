"""Treatment effects: losses by hand, an effect that is found, and data that are refused."""

from __future__ import annotations

import re

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jaxmed as jm
from jaxmed import metrics, tasks
from jaxmed.data import inputs
from jaxmed.models import MLP, DragonNet, TARNet
from jaxmed.tasks.effects_judge import effects_judge
from jaxmed.training.step import init_state

RANDOM = np.random.default_rng(0)
ROWS = 300
X = RANDOM.normal(size=(ROWS, 2)).astype(np.float32)
T = (RANDOM.uniform(size=ROWS) < 1 / (1 + np.exp(-X[:, 0]))).astype(np.int32)
MU0, MU1 = 10 + 2 * X[:, 0], 13 + 2 * X[:, 0] + X[:, 1]
Y = np.where(T == 1, MU1, MU0).astype(np.float32)
COLUMNS = {"features": X, "treatment": T, "label": Y, "mu0": MU0, "mu1": MU1}
KNOWN = ("mu0", "mu1")
BATCH = {**{name: jnp.asarray(column) for name, column in COLUMNS.items()}, "mask": jnp.ones(ROWS)}


def plain(batch):
    return jnp.asarray(batch["features"])


def losses_of(task, seed=0):
    """Losses, outputs, and what the network gives, at first values that are not zero."""
    state = init_state(task, optax.sgd(0.1), jax.random.key(seed), COLUMNS)
    leaves, structure = jax.tree.flatten(state.params)
    random = np.random.default_rng(1)
    leaves = [random.normal(size=leaf.shape).astype(np.float32) * 0.5 for leaf in leaves]
    params = jax.tree.unflatten(structure, leaves)
    losses, _ = task.loss(params, state.model_state, BATCH, jax.random.key(2))
    return losses, task.predict(params, state.model_state, BATCH), params


def test_the_loss_is_that_of_the_treatment_given():
    network = TARNet((4,), (3,))
    balance = tasks.mmd_balance()
    task = tasks.treatment_effects(
        network, inputs=plain, balance=balance, balance_weight=0.7, weigh_arms=True
    )
    losses, outputs, params = losses_of(task)
    found, h = network.apply({"params": params}, jnp.asarray(X), method="represented")
    z = (Y - Y.mean()) / Y.std()
    u = T.mean()
    expected = np.where(T == 1, 0.5 / u, 0.5 / (1 - u)) * (
        np.where(T == 1, found[:, 1], found[:, 0]) - z
    ) ** 2 + 0.7 * balance(h, jnp.float32(T), jnp.ones(ROWS))
    np.testing.assert_allclose(losses, expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(outputs["mu1"], found[:, 1] * Y.std() + Y.mean(), rtol=1e-4)
    np.testing.assert_allclose(outputs["effect"], outputs["mu1"] - outputs["mu0"], atol=1e-4)


def test_the_targeted_loss_by_hand():
    network = DragonNet((4,), (3,))
    task = tasks.targeted_effects(network, inputs=plain, propensity_weight=0.5, targeting=2.0)
    losses, outputs, params = losses_of(task)
    found = np.asarray(network.apply({"params": params}, jnp.asarray(X)), np.float64)
    z, p = (Y - Y.mean()) / Y.std(), 1 / (1 + np.exp(-found[:, 2]))
    mu = np.where(T == 1, found[:, 1], found[:, 0])
    c = T / np.clip(p, 0.01, 0.99) - (1 - T) / (1 - np.clip(p, 0.01, 0.99))
    entropy = -np.where(T == 1, np.log(p), np.log(1 - p))
    expected = (mu - z) ** 2 + 0.5 * entropy + 2 * (mu + found[:, 3] * c - z) ** 2
    np.testing.assert_allclose(losses, expected, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(outputs["propensity"], p, rtol=1e-4)
    moved = found[:, 1] + found[:, 3] / np.clip(p, 0.01, 0.99)
    np.testing.assert_allclose(outputs["mu1"], moved * Y.std() + Y.mean(), rtol=1e-3)


def test_targeting_solves_the_estimating_equation():
    """At the best perturbation, sum c (y - mu - e c) = 0 for the treatment given."""
    network = DragonNet((4,), (3,))
    task = tasks.targeted_effects(network, inputs=plain)

    def total(e, params):
        moved = {**params, "perturbation": jnp.full((1, 1), e)}
        return task.loss(moved, state, BATCH, jax.random.key(0))[0].sum()

    _, _, params = losses_of(task)
    state = init_state(task, optax.sgd(0.1), jax.random.key(0), COLUMNS).model_state
    slope = jax.grad(total)
    ends = float(slope(0.0, params)), float(slope(1.0, params))
    best = ends[0] / (ends[0] - ends[1])  # the loss is quadratic in e
    moved = {**params, "perturbation": jnp.full((1, 1), best)}
    outputs = task.predict(moved, state, BATCH)
    p = np.clip(outputs["propensity"], 0.01, 0.99)
    off = Y - np.where(T == 1, outputs["mu1"], outputs["mu0"])
    residual = np.where(T == 1, 1 / p, -1 / (1 - p)) * off
    assert abs(residual.mean()) < 1e-3 * np.abs(residual).mean()


@pytest.fixture(scope="module")
def trained():
    task = tasks.treatment_effects(MLP((), outputs=2), inputs=inputs.features(), known=KNOWN)
    return jm.fit(
        task,
        optax.adam(0.05),
        COLUMNS,
        key=jax.random.key(0),
        batch_size=ROWS,
        epochs=300,
        run=jm.Run(progress=False),
    ).model


def test_linear_effects_are_found_in_spite_of_confounding(trained):
    outputs = jm.predict(trained, COLUMNS)
    np.testing.assert_allclose(outputs["effect"], MU1 - MU0, atol=0.05)
    assert Y[T == 1].mean() - Y[T == 0].mean() > 3.5  # the naive difference; the effect is 3


def test_statistics_are_those_of_outcomes_given_and_of_known_effects(trained):
    outputs = jm.predict(trained, COLUMNS)
    table = trained.task.judge.table(COLUMNS, outputs)
    found = {name: of(table, None) for name, of in trained.task.judge.statistics.items()}
    value = np.where(T == 1, outputs["mu1"], outputs["mu0"])
    assert found["rmse"] == pytest.approx(np.sqrt(((value - Y) ** 2).mean()))
    assert found["root_pehe"] == pytest.approx(metrics.root_pehe(MU1 - MU0, outputs["effect"]))
    assert found["average_effect"] == pytest.approx(outputs["effect"].mean())
    weights = np.stack([T, 1 - T])
    of_arms = trained.task.judge.statistics["average_effect"](table, weights)
    expected = [outputs["effect"][T == 1].mean(), outputs["effect"][T == 0].mean()]
    np.testing.assert_allclose(of_arms, expected, rtol=1e-5)
    assert trained.task.judge.summary(table)[1] == ("with treatment", T.sum(), T.mean())


REFUSED = {
    "no treatment": ({"treatment": None}, "but needs `treatment`"),
    "three treatments": ({"treatment": T + (X[:, 0] > 2)}, "has the treatment 2 in row .* compare"),
    "one arm": ({"treatment": T * 0}, "has only rows with treatment 0, but an effect needs"),
    "no number": ({"treatment": T.astype(str)}, "but needs 0 or 1 per example"),
    "no outcome": ({"label": np.full(ROWS, np.nan)}, "label that is not finite"),
    "no known outcome": ({"mu1": np.full(ROWS, np.inf)}, "has a number in mu1 that is not finite"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_columns_that_cannot_tell_an_effect_are_refused(case):
    changed, words = REFUSED[case]
    columns = {k: v for k, v in {**COLUMNS, **changed}.items() if v is not None}
    task = tasks.treatment_effects(MLP((), outputs=2), inputs=plain, known=KNOWN)
    problem = task.judge.check(columns, training=True)
    assert problem is not None
    assert re.search(words, problem), problem


def test_one_arm_can_be_judged():
    task = tasks.treatment_effects(MLP((), outputs=2), inputs=plain)
    rows = {name: column[T == 1] for name, column in COLUMNS.items()}
    assert task.judge.check(rows, training=False) is None


def test_a_balance_needs_a_representation():
    with pytest.raises(ValueError, match="a balance needs a network with a method `represented`"):
        tasks.treatment_effects(MLP((), outputs=2), inputs=plain, balance=tasks.mmd_balance())


def test_effects_without_outcomes_are_judged_by_known_effects_alone():
    judge = effects_judge("treatment", KNOWN, outcomes=False)
    effect = np.asarray(MU1 - MU0 + 0.5, np.float32)
    table = judge.table(COLUMNS, {"effect": effect})
    found = {name: of(table, None) for name, of in judge.statistics.items()}
    assert set(found) == {"average_effect", "root_pehe", "ate_error"}
    assert found["root_pehe"] == pytest.approx(0.5, abs=1e-5)
    assert found["ate_error"] == pytest.approx(0.5, abs=1e-5)
    assert set(judge.answer({"effect": effect})) == {"effect"}
