"""Made-up graphs as columns, without RDKit."""

from __future__ import annotations

import numpy as np

ATOM_SIZES, BOND_SIZES = (5, 3), (4, 2)


def drawn_graphs(rows: int, *, seed: int = 0, most: int = 7) -> dict[str, np.ndarray]:
    """Trees with one ring each where there is room: `atom`, `bond` and `bond_atoms`."""
    random = np.random.default_rng(seed)
    columns = {
        "atom": np.zeros((rows, most, len(ATOM_SIZES)), np.uint8),
        "bond": np.zeros((rows, most, len(BOND_SIZES)), np.uint8),
        "bond_atoms": np.zeros((rows, most, 2), np.int16),
    }
    for row in range(rows):
        atoms = 1 + row % most
        ends = [(int(random.integers(0, atom)), atom) for atom in range(1, atoms)]
        if atoms > 3:
            ends.append((atoms - 1, int(random.integers(0, atoms - 2))))
        ends = list(dict.fromkeys(tuple(sorted(pair)) for pair in ends))
        columns["atom"][row, :atoms] = random.integers(1, np.array(ATOM_SIZES) + 1, (atoms, 2))
        if ends:
            count = len(ends)
            columns["bond"][row, :count] = random.integers(1, np.array(BOND_SIZES) + 1, (count, 2))
            columns["bond_atoms"][row, :count] = ends
    return columns
