"""What training holds on the device does not grow with the epochs."""

from __future__ import annotations

import gc

import jax
import optax
import pytest
from training.examples import EXAMPLES

from jaxmed.training import stopping
from jaxmed.training.fit import fit

pytestmark = pytest.mark.slow  # trains

EPOCHS = 12


@pytest.mark.parametrize("name", ["dropout", "text"])
def test_the_last_epoch_holds_as_many_arrays_as_the_second(name):
    held = {}

    def count(row):
        if row["epoch"] in (2, EPOCHS):
            gc.collect()
            arrays = jax.live_arrays()
            held[row["epoch"]] = len(arrays), sum(array.nbytes for array in arrays)

    example = EXAMPLES[name]
    fit(
        example.task,
        optax.adam(0.01),
        example.columns,
        key=jax.random.key(0),
        batch_size=16,
        epochs=EPOCHS,
        validation=example.columns,
        best=stopping.lowest("validation/log_loss"),
        track=[count],
    )
    assert held[2] == held[EPOCHS]
