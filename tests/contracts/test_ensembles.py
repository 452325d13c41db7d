"""Members of an ensemble learn what they would learn alone, for several kinds of task."""

from __future__ import annotations

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from contracts.examples import EXAMPLES, parameters

from jaxmed.data import batches
from jaxmed.training.step import TrainState, init_state, make_train_step
from jaxmed.transforms import ensemble

MEMBERS = 3


def member(tree, number):
    return jax.tree.map(lambda leaf: leaf[number], tree)


@pytest.mark.parametrize(
    "name",
    parameters("dropout", "batch norm and augmentation", "counts", "variational", "contrastive"),
)
def test_members_learn_as_they_would_alone_and_the_mean_loss_is_reported(name):
    task, columns = EXAMPLES[name].task, dict(EXAMPLES[name].columns)
    optimizer = optax.sgd(0.05 if name != "variational" else 1e-3, momentum=0.9)
    together = ensemble(task, members=MEMBERS)
    lines = [np.arange(8), np.array([9, 11, 2, 30, 31, 32, -1, -1])]
    read = [jax.tree.map(jnp.asarray, batches.take(columns, line)) for line in lines]

    state = first = init_state(together, optimizer, jax.random.key(0), columns)
    step = jax.jit(make_train_step(together, optimizer))
    for batch in read:
        state, sums = step(state, batch)

    losses = []
    for number in range(MEMBERS):

        def loss(params, model_state, batch, key, number=number):
            own = jax.random.split(key, MEMBERS)[number]  # what that member of three draws
            return task.loss(params, model_state, batch, own)

        alone = dataclasses.replace(task, loss=loss)
        params, model_state = member((first.params, first.model_state), number)
        single = TrainState(first.step, params, model_state, optimizer.init(params), first.key)
        own_step = jax.jit(make_train_step(alone, optimizer))
        for batch in read:
            single, own_sums = own_step(single, batch)
        losses.append(float(own_sums["loss"]))
        jax.tree.map(
            lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5),
            member((state.params, state.model_state), number),
            (single.params, single.model_state),
        )
    assert len(set(losses)) == MEMBERS
    np.testing.assert_allclose(sums["loss"], np.mean(losses), rtol=1e-5)
