"""Packing: the same losses and gradients as with the padding, for every branch."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from written_molecules import ATOM_SIZES, BOND_SIZES, drawn_graphs

from jaxmed import tasks
from jaxmed.data import batches
from jaxmed.data.molecules import inputs
from jaxmed.models import DMPNN
from jaxmed.transforms import packed_graphs

COLUMNS = {**drawn_graphs(12, most=6), "label": np.linspace(-1, 1, 12).astype(np.float32)}
TASK = tasks.regression(DMPNN(1, ATOM_SIZES, BOND_SIZES, width=5, hidden=4), inputs=inputs.graphs())


def losses_and_gradient(task, batch):
    params, state = TASK.init(jax.random.key(0), batch, {})

    def total(params):
        losses, _ = task.loss(params, state, batch, jax.random.key(1))
        return jnp.where(batch["mask"] > 0, losses, 0).sum(), losses

    gradient, losses = jax.jit(jax.grad(total, has_aux=True))(params)
    return np.where(batch["mask"] > 0, losses, 0), gradient


@pytest.mark.parametrize("rows", [[0, 1, 2, 6, -1], [2, 9, 4, 1, 8], [5, 11, 5, 11, 5]])
def test_packing_changes_no_number(rows):
    """Batches that fit the first size, the second, and none."""
    batch = jax.tree.map(jnp.asarray, batches.take(COLUMNS, np.array(rows)))
    expected = losses_and_gradient(TASK, batch)
    found = losses_and_gradient(packed_graphs(TASK, (2, 4)), batch)
    for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


def test_predictions_are_packed_and_the_same():
    batch = {name: jnp.asarray(column[:5]) for name, column in COLUMNS.items()}
    params, state = TASK.init(jax.random.key(0), batch, {})
    expected = TASK.predict(params, state, batch)["value"]
    packed = packed_graphs(TASK, (3, 5))
    np.testing.assert_allclose(packed.predict(params, state, batch)["value"], expected, rtol=1e-4)
    program = jax.make_jaxpr(packed.predict)(params, state, batch)
    assert "cond" in {each.primitive.name for each in program.eqns}


def test_a_small_batch_is_computed_on_fewer_atoms():
    """Places of the branches, read from the program."""
    batch = jax.tree.map(jnp.asarray, batches.take(COLUMNS, np.array([0, 1, 7])))
    params, state = TASK.init(jax.random.key(0), batch, {})
    program = jax.make_jaxpr(packed_graphs(TASK, (2,)).loss)(
        params, state, batch, jax.random.key(1)
    )
    (switch,) = [each for each in program.eqns if each.primitive.name == "cond"]
    packed, padded = (str(branch) for branch in switch.params["branches"])
    assert "f32[7,5]" in packed  # 3 rows of 2 atoms and the spare one, 5 units
    assert "f32[19,5]" in padded  # 3 rows of 6 atoms and the spare one
    assert "f32[19,5]" not in packed


@pytest.mark.parametrize("sizes", [(), (4, 2), (0,)])
def test_sizes_are_checked(sizes):
    with pytest.raises(ValueError, match=r"^sizes"):
        packed_graphs(TASK, sizes)
