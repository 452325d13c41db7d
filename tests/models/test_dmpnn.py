"""Directed message passing: the equations of the paper, order of atoms, padding and packing."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from written_molecules import ATOM_SIZES, BOND_SIZES, drawn_graphs

from jaxmed.models import DMPNN

COLUMNS = {**drawn_graphs(9), "features": np.random.default_rng(3).normal(size=(9, 2))}
GRAPHS = {name: jnp.asarray(column) for name, column in COLUMNS.items()}
GRAPHS["features"] = GRAPHS["features"].astype(jnp.float32)


def begun(**changes):
    network = DMPNN(2, ATOM_SIZES, BOND_SIZES, **{"width": 5, "hidden": 4, **changes})
    return network, network.init(jax.random.key(0), GRAPHS)


def one_hot(codes, sizes):
    return np.concatenate([np.eye(size)[code - 1] for code, size in zip(codes, sizes, strict=True)])


def by_hand(p, row, steps, readout):
    """One molecule, bond by bond, with the equations of Yang et al. 2019."""
    atoms = int((COLUMNS["atom"][row, :, 0] > 0).sum())
    x = [one_hot(code, ATOM_SIZES) for code in COLUMNS["atom"][row, :atoms]]
    joined = {}
    for codes, (v, w) in zip(COLUMNS["bond"][row], COLUMNS["bond_atoms"][row], strict=True):
        if codes[0]:
            joined[v, w] = joined[w, v] = one_hot(codes, BOND_SIZES)
    weight = np.concatenate([p["first_atom"]["kernel"], p["first_bond"]["kernel"]])
    first = {
        (v, w): np.maximum(np.concatenate([x[v], e]) @ weight, 0) for (v, w), e in joined.items()
    }
    before = {(v, w): np.concatenate([x[v], e]) @ weight for (v, w), e in joined.items()}
    h = first
    for _ in range(steps - 1):
        m = {(v, w): sum((h[k, u] for k, u in h if u == v and k != w), np.zeros(5)) for v, w in h}
        h = {edge: np.maximum(before[edge] + m[edge] @ p["update"]["kernel"], 0) for edge in h}
    seen = []
    for v in range(atoms):
        total = sum((h[k, u] for k, u in h if u == v), np.zeros(5))
        both = np.concatenate([x[v], total])
        seen.append(np.maximum(both @ p["atom"]["kernel"] + p["atom"]["bias"], 0))
    molecule = np.mean(seen, 0) if readout == "mean" else np.sum(seen, 0)
    joint = np.concatenate([molecule, COLUMNS["features"][row]])
    hidden = np.maximum(joint @ p["hidden_units"]["kernel"] + p["hidden_units"]["bias"], 0)
    return hidden @ p["logits"]["kernel"] + p["logits"]["bias"]


@pytest.mark.parametrize(("steps", "readout"), [(1, "mean"), (4, "sum")])
def test_equations_of_the_paper(steps, readout):
    network, variables = begun(steps=steps, readout=readout)
    found = network.apply(variables, GRAPHS)
    p = jax.tree.map(np.asarray, variables["params"])
    expected = [by_hand(p, row, steps, readout) for row in range(9)]
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_order_of_atoms_has_no_effect():
    network, variables = begun(steps=4)
    expected = network.apply(variables, GRAPHS)
    order = np.random.default_rng(1).permutation(7)  # new place -> old place, also of padding
    place = np.argsort(order)
    turned = {
        **GRAPHS,
        "atom": GRAPHS["atom"][:, order],
        "bond_atoms": jnp.asarray(place[COLUMNS["bond_atoms"]])[:, ::-1, ::-1],
        "bond": GRAPHS["bond"][:, ::-1],
    }
    found = network.apply(variables, turned)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_padding_has_no_effect():
    network, variables = begun(steps=4)
    expected = network.apply(variables, GRAPHS)
    longer = {
        name: jnp.pad(part, [(0, 0), (0, 3), (0, 0)]) if part.ndim == 3 else part
        for name, part in GRAPHS.items()
    }
    longer["bond_atoms"] = jnp.where(longer["bond"][:, :, :1] > 0, longer["bond_atoms"], 4)
    found = network.apply(variables, longer)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_molecules_of_a_batch_do_not_meet():
    network, variables = begun(steps=4)
    expected = network.apply(variables, GRAPHS)
    alone = [
        network.apply(variables, jax.tree.map(lambda x, r=row: x[r : r + 1], GRAPHS))
        for row in range(9)
    ]
    np.testing.assert_allclose(jnp.concatenate(alone), expected, rtol=1e-4, atol=1e-5)


def test_bonds_matter_and_their_direction_does_not_return():
    """A bond more changes what two atoms see; with one step no message has passed on."""
    network, variables = begun(steps=4)
    expected = np.asarray(network.apply(variables, GRAPHS))
    fewer = {**GRAPHS, "bond": GRAPHS["bond"].at[:, 0].set(0)}
    assert np.abs(np.asarray(network.apply(variables, fewer)) - expected)[1].max() > 1e-4


def test_fields_that_the_network_does_not_know_are_refused():
    network = DMPNN(2, (5, 3, 2), BOND_SIZES, width=5, hidden=4)
    with pytest.raises(ValueError, match="x has 2 fields of codes, but the network was made for 3"):
        network.init(jax.random.key(0), GRAPHS)
