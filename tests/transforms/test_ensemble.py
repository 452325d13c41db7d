"""An ensemble trained as one task against its members trained one by one."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxmed import tasks
from jaxmed.data import inputs
from jaxmed.evaluation.evaluate import predict
from jaxmed.models import MLP
from jaxmed.training.step import TrainState, init_state, make_train_step
from jaxmed.transforms import ensemble

_random = np.random.default_rng(0)
FEATURES = _random.normal(size=(24, 4)).astype(np.float32)
COLUMNS = {"features": FEATURES, "label": (FEATURES[:, 0] > 0).astype(np.int32)}
BATCH = jax.tree.map(jnp.asarray, {**COLUMNS, "mask": (np.arange(24) < 20).astype(np.float32)})
ONE = tasks.classification(
    MLP(widths=(6,), outputs=2, dropout=0.3), classes=2, inputs=inputs.features(FEATURES)
)


def member(tree, number):
    return jax.tree.map(lambda leaf: leaf[number], tree)


def test_members_begin_differently_and_learn_as_they_would_alone():
    optimizer, together = optax.adam(0.05), ensemble.members(ONE, 3)
    state = init_state(together, optimizer, jax.random.key(0), BATCH)
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
            state.step, member(state.params, number), {}, optimizer.init(
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
    np.testing.assert_allclose(sums["loss"], total, rtol=1e-5)


def drawing_as(number):
    """The task of one member, drawing what that member of three draws."""

    def loss(params, model_state, batch, key):
        return ONE.loss(params, model_state, batch, jax.random.split(key, 3)[number])

    return tasks.Task(ONE.init, loss, ONE.predict, ONE.metrics)


def test_the_prediction_is_the_mean_of_the_probabilities():
    together = ensemble.members(ONE, 3)
    params, state = jax.jit(together.init)(jax.random.key(1), BATCH)
    found = predict(together, params, state, COLUMNS)["probabilities"]
    each = [predict(ONE, member(params, n), {}, COLUMNS)["probabilities"] for n in range(3)]
    np.testing.assert_allclose(found, np.mean(each, axis=0), rtol=1e-5)
    assert abs(each[0] - each[1]).max() > 0.01


def test_no_members_are_refused():
    with pytest.raises(ValueError, match="count is 0, but must be at least 1"):
        ensemble.members(ONE, 0)
