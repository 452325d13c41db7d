"""A run that stopped and was resumed has the bits of one that did not, for several kinds."""

from __future__ import annotations

import jax
import numpy as np
import optax
import pytest
from contracts.examples import EXAMPLES, parameters

from jaxmed.training import Run, Validation, ema, fit

pytestmark = pytest.mark.slow  # trains


def bits(leaf):
    if jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.prng_key):
        leaf = jax.random.key_data(leaf)
    return np.asarray(leaf).tobytes()


@pytest.mark.parametrize(
    "name",
    parameters(
        "a counted prior", "batch norm and augmentation", "counts", "variational", "contrastive",
        "word prediction", "vision transformer",
    ),
)  # fmt: skip
def test_a_resumed_run_ends_with_the_same_bits(name, tmp_path):
    example = EXAMPLES[name]

    def train(steps, run):
        return fit(
            example.task,
            optimizer,
            dict(example.columns),
            key=jax.random.key(4),
            batch_size=8,
            steps=steps,
            # One program of two steps. XLA unrolls a loop of one step, and the tests' unoptimized
            # programs, unlike others, then round differently.
            validation=Validation(every=2),
            run=run,
        )

    optimizer = ema(optax.adam(0.01), decay=0.9)
    whole = train(12, Run(progress=False))
    directory = {"directory": tmp_path, "progress": False, "artifacts": False}
    train(8, Run(**directory))  # in the middle of the second epoch, which has six steps
    resumed = train(12, Run(**directory, resume=True))
    assert int(resumed.state.step) == 12
    ours, theirs = (
        jax.tree.leaves((each.state, each.model.params, each.model.state))
        for each in (resumed, whole)
    )
    assert [bits(leaf) for leaf in ours] == [bits(leaf) for leaf in theirs]
