"""A source is predicted and evaluated as its columns are, under every placement."""

from __future__ import annotations

import dataclasses

import jax
import numpy as np
import optax
import pytest

import jaxmed as jm
from jaxmed.data import source
from jaxmed.runtime import placement
from jaxmed.training import init_state

RANDOM = np.random.default_rng(0)
COLUMNS = {
    "features": RANDOM.normal(size=(37, 3)).astype(np.float32),
    "label": (np.arange(37) % 2).astype(np.int32),
    "group": np.arange(37) // 3,
}


@dataclasses.dataclass(frozen=True)
class Unlisted:
    """A source whose columns cannot be seen, only its examples."""

    inner: source.Source

    def __len__(self):
        return len(self.inner)

    def __getitem__(self, index):
        return self.inner[index]


SOURCE = Unlisted(source.from_arrays(COLUMNS))
TASK = jm.tasks.binary_classification(
    jm.models.MLP(widths=(4,), outputs=1), inputs=jm.data.inputs.features()
)
STATE = init_state(TASK, optax.sgd(0.1), jax.random.key(0), COLUMNS)
MODEL = jm.Model(TASK, STATE.params, STATE.model_state)
PLACEMENTS = [placement.jit, placement.pmap, placement.sharded]


@pytest.mark.parametrize("place", PLACEMENTS)
@pytest.mark.parametrize("workers", [0, 1])
def test_predictions_are_those_of_the_columns(place, workers):
    expected = jm.predict(MODEL, COLUMNS)
    found = jm.predict(MODEL, SOURCE, batch_size=16, placement=place(), workers=workers)
    for name, column in expected.items():
        np.testing.assert_allclose(found[name], column, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("place", PLACEMENTS)
def test_evaluation_and_validation_are_those_of_the_columns(place):
    expected = jm.evaluate(MODEL, COLUMNS, resamples=20)
    found = jm.evaluate(MODEL, SOURCE, resamples=20, batch_size=16, placement=place())
    assert found.metrics.keys() == expected.metrics.keys()
    for name, interval in expected.metrics.items():
        np.testing.assert_allclose(found.metrics[name], interval, rtol=1e-5)
    np.testing.assert_array_equal(found.predictions["group"], COLUMNS["group"])
    numbers = jm.evaluation.compute_metrics(MODEL, SOURCE, placement=place())
    assert numbers["log_loss"] == pytest.approx(expected.metrics["log_loss"].value, rel=1e-5)
