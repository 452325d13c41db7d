"""An ensemble trained as one task against its members trained one by one."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from scipy import stats

from jaxmed import tasks
from jaxmed.data import inputs
from jaxmed.evaluation import predict
from jaxmed.models import MLP
from jaxmed.tasks import Model
from jaxmed.training.step import TrainState, init_state, make_train_step
from jaxmed.transforms import ensemble, members, rebalanced

_random = np.random.default_rng(0)
FEATURES = _random.normal(size=(24, 4)).astype(np.float32)
COLUMNS = {"features": FEATURES, "label": (FEATURES[:, 0] > 0).astype(np.int32)}
BATCH = jax.tree.map(jnp.asarray, {**COLUMNS, "mask": (np.arange(24) < 20).astype(np.float32)})
ONE = tasks.classification(
    MLP(widths=(6,), outputs=2, dropout=0.3), classes=2, inputs=inputs.features()
)


def member(tree, number):
    return jax.tree.map(lambda leaf: leaf[number], tree)


def test_members_begin_differently_and_learn_as_they_would_alone():
    optimizer, together = optax.adam(0.05), ensemble(ONE, members=3)
    state = init_state(together, optimizer, jax.random.key(0), COLUMNS)
    kernels = state.params["Dense_0"]["kernel"]
    assert kernels.shape == (3, 4, 6)
    assert len(np.unique(np.asarray(kernels[:, 0, 0]))) == 3

    step = jax.jit(make_train_step(together, optimizer))
    after, sums = step(*step(state, BATCH)[:1], BATCH)
    own = jax.jit(
        lambda number, state: make_train_step(drawing_as(number), optimizer)(state, BATCH)
    )
    total = 0.0
    for number in range(3):
        single = TrainState(
            state.step, member(state.params, number),
            member(state.model_state, number), optimizer.init(
                member(state.params, number)
            ), state.key,
        )  # fmt: skip
        single, _ = own(number, single)
        single, second = own(number, single)
        total += second["loss"]
        jax.tree.map(
            lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6),
            single.params,
            member(after.params, number),
        )
    np.testing.assert_allclose(sums["loss"], total / 3, rtol=1e-5)  # the mean member's


def drawing_as(number):
    """The task of one member, drawing what that member of three draws."""

    def loss(params, model_state, batch, key):
        return ONE.loss(params, model_state, batch, jax.random.split(key, 3)[number])

    return tasks.Task(ONE.init, loss, ONE.predict, ONE.metrics, counts=ONE.counts)


def test_the_prediction_is_the_mean_of_the_probabilities():
    together = ensemble(ONE, members=3)
    params, state = jax.jit(together.init)(jax.random.key(1), BATCH, ONE.constants(COLUMNS))
    found = predict(Model(together, params, state), COLUMNS)["probabilities"]
    each = [
        predict(Model(ONE, member(params, n), member(state, n)), COLUMNS)["probabilities"]
        for n in range(3)
    ]
    np.testing.assert_allclose(found, np.mean(each, axis=0), rtol=1e-5)
    assert abs(each[0] - each[1]).max() > 0.01


def test_no_members_are_refused():
    with pytest.raises(ValueError, match="members is 0, but must be at least 1"):
        ensemble(ONE, members=0)


def test_members_predict_what_their_mean_is_of_and_how_much_they_differ():
    together = ensemble(ONE, members=3)
    params, state = jax.jit(together.init)(jax.random.key(1), BATCH, ONE.constants(COLUMNS))
    model = Model(together, params, state)
    found, each = predict(model, COLUMNS), members(model)
    assert len({id(one.task) for one in each}) == 1
    apart = np.float64([predict(one, COLUMNS)["probabilities"] for one in each])
    np.testing.assert_allclose(found["probabilities"], apart.mean(0), rtol=1e-5)
    total = stats.entropy(apart.mean(0), axis=1)
    np.testing.assert_allclose(found["entropy"], total, rtol=1e-5)
    disagreement = total - stats.entropy(apart, axis=2).mean(0)
    np.testing.assert_allclose(found["mutual_information"], disagreement, atol=1e-6)
    assert disagreement.max() > 1e-3
    _, values = each[2].intermediates(BATCH)
    hidden = jax.nn.relu(values["inputs"] @ params["Dense_0"]["kernel"][2])
    np.testing.assert_allclose(values["hidden1"], hidden, rtol=1e-5, atol=1e-6)


def test_a_number_has_members_but_no_entropy():
    one = tasks.regression(MLP((3,), 1), inputs=lambda batch: batch["features"])
    together = ensemble(one, members=2)
    model = Model(together, *jax.jit(together.init)(jax.random.key(1), BATCH, {}))
    assert set(predict(model, COLUMNS)) == {"value"}
    apart = [predict(each, COLUMNS)["value"] for each in members(model)]
    np.testing.assert_allclose(predict(model, COLUMNS)["value"], np.mean(apart, 0), rtol=1e-5)


def test_other_probabilities_have_no_entropy_of_the_first_ones():
    together = rebalanced(ensemble(ONE, members=2), np.array([0.25, 0.75]))
    params, state = jax.jit(together.init)(jax.random.key(1), BATCH, ONE.constants(COLUMNS))
    assert set(predict(Model(together, params, state), COLUMNS)) == {"probabilities"}


@pytest.mark.parametrize(
    "change",
    [lambda task: task, lambda task: rebalanced(ensemble(task, members=2), np.ones(2) / 2)],
)
def test_what_has_no_members_is_refused(change):
    with pytest.raises(ValueError, match=r"^model has no members, .*: pass the model"):
        members(Model(change(ONE), {}, {}))
