"""Integrated gradients of every kind of task add up to the difference of the scores."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from contracts.examples import COMPILED_LONG, EXAMPLES, begun

from jaxmed.explain import integrated_gradients
from jaxmed.tasks import Model

NAMES = [
    pytest.param(name, marks=pytest.mark.slow) if name in COMPILED_LONG else name
    for name, example in EXAMPLES.items()
    if example.task.intermediates is not None and example.task.judge.scores is not None
]


def test_the_kinds_that_are_explained_are_tried():
    assert len(NAMES) > 15


@pytest.mark.parametrize("name", NAMES)
def test_the_parts_add_up_to_the_difference(name):
    state, example = begun(name), EXAMPLES[name]
    model = Model(example.task, state.params, state.model_state)
    rows = {key: column[:2] for key, column in example.columns.items()}
    _, shapes = jax.eval_shape(lambda batch: model.intermediates(batch), rows)
    (layer,) = [name for name in shapes if name == "inputs" or name.endswith("embedded")]

    @jax.jit
    def run(more):
        outputs, values = model.intermediates(rows, added={layer: more})
        return example.task.judge.scores(outputs)[:, 0], values[layer]

    scores, values = run(jnp.zeros(shapes[layer].shape))
    # A short way, on which a network with norms and ReLUs is nearly smooth.
    baseline = values + 0.1 * jax.random.normal(jax.random.key(1), values.shape)
    without, _ = run(baseline - values)
    found = integrated_gradients(
        model, rows, target=0, baseline=np.asarray(baseline), steps=32, batch_size=64
    )
    assert found.shape == values.shape
    difference = np.asarray(scores - without)
    assert abs(difference).max() > 1e-4  # there is something to explain
    parts = found.reshape(len(found), -1).sum(1)
    # One kink of a ReLU in 32 steps is off by up to 1 / 64 of the change of the slope.
    assert abs(parts - difference).sum() < 0.04 * abs(difference).sum()
