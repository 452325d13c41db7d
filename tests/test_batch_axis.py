"""Random numbers of a row are its own, whether it is in a batch or mapped alone."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmed import models, tasks
from jaxmed.batch_axis import by_place, row_keys

ROWS = 4
KEY = jax.random.key(7)
TASK = tasks.regression(
    models.MLP((32,), 1, dropout=0.5), inputs=lambda batch: batch["features"]
)  # fmt: skip
# Four rows that differ in nothing but their number.
BATCH = {
    "features": jnp.ones((ROWS, 3)),
    "label": jnp.zeros(ROWS),
    "mask": jnp.ones(ROWS),
}
NUMBERS = jnp.array([3, 0, 6, 5])


@pytest.mark.parametrize("name", ["place", "id"])
def test_gradients_of_rows_mapped_alone_are_those_of_the_batch(name):
    batch = {**BATCH, name: NUMBERS}
    params, state = TASK.init(jax.random.key(0), batch, {})

    def losses(params, batch):
        return TASK.loss(params, state, batch, KEY)[0]

    def alone(params, row):
        return losses(params, jax.tree.map(lambda x: x[None], row))[0]

    # Of the batch by forward differentiation, of the rows backward.
    whole = jax.jit(jax.jacfwd(losses))(params, batch)
    rows = jax.jit(jax.vmap(jax.grad(alone), (None, 0)))(params, batch)
    for ours, theirs in zip(jax.tree.leaves(rows), jax.tree.leaves(whole), strict=True):
        assert ours.shape == theirs.shape
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)
    for leaf in jax.tree.leaves(rows):
        if leaf.size > ROWS:  # of more than the last bias: no two rows share a mask
            assert len({row.tobytes() for row in np.asarray(leaf)}) == ROWS


def test_a_batch_made_of_another_keeps_its_places():
    draw = by_place(lambda params, state, batch, key: row_keys(key, len(batch["features"])))
    nested = by_place(
        lambda params, state, batch, key: draw(
            params, state, {"features": jnp.repeat(batch["features"], 2, 0)}, key
        )
    )
    batch = {**BATCH, "place": NUMBERS}
    whole = jax.random.key_data(nested({}, {}, batch, KEY))
    one = {name: column[2:3] for name, column in batch.items()}
    np.testing.assert_array_equal(jax.random.key_data(nested({}, {}, one, KEY)), whole[4:6])
    counted = [
        jax.random.fold_in(KEY, int(n)) for number in NUMBERS for n in (2 * number, 2 * number + 1)
    ]
    np.testing.assert_array_equal(whole, [jax.random.key_data(each) for each in counted])
