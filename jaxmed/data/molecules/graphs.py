"""Molecules as padded columns: atoms, bonds, and which atoms a bond joins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from jaxmed import checks
from jaxmed.data.molecules.codes import ATOM_FIELDS, BOND_FIELDS, atom_codes, bond_codes
from jaxmed.data.molecules.parse import readable

GRAPH = ("atom", "bond", "bond_atoms")
"""The columns of a graph; the first tells how many atoms there are."""
BONDS_PER_ATOM = 1.15
"""Places for bonds that packing makes for each place of an atom; drugs have about 1.08."""
MOST_ATOMS = 2**15 - 1
"""What the column `bond_atoms` can number."""


def graph_columns(
    smiles: Sequence[str] | np.ndarray, *, most: int | None = None
) -> dict[str, np.ndarray]:
    """One graph per molecule, padded with 0; hydrogens are counted at their atoms.

    A bond b is two directed bonds, 2b from the first of its atoms to the second and 2b + 1 back,
    so the reverse of a directed bond d is d XOR 1 and needs no column.

    Args:
        smiles: [rows], all readable.
        most: atoms of the largest molecule that is accepted; by default of the largest there is.

    Returns:
        `atom` [rows, atoms, 8] uint8 and `bond` [rows, bonds, 4] uint8, codes of the fields
        `ATOM_FIELDS` and `BOND_FIELDS` from 1; `bond_atoms` [rows, bonds, 2] int16, places among
        the atoms of the molecule. All are 0 behind the last atom or bond; a molecule of one atom
        has no bond, so at least one column is there for it.

    Raises:
        ImportError: RDKit is not installed.
        ValueError: A SMILES is unreadable or a molecule is larger than `most`.

    Example:
        >>> columns = graph_columns(["CCO", "C"])
        >>> columns["bond_atoms"][0].tolist()
        [[0, 1], [1, 2]]
    """
    limit = MOST_ATOMS if most is None else checks.whole("most", most, most=MOST_ATOMS)
    molecules = readable(smiles)
    atoms = [each.GetNumAtoms() for each in molecules]
    large = [row for row, count in enumerate(atoms) if count > limit]
    if large:
        raise ValueError(
            f"smiles has a molecule of {atoms[large[0]]} atoms in row {large[0]}, one of "
            f"{len(large)} with more than {limit}: leave them out, or raise `most`."
        )
    rows, width = len(molecules), max(1, max(each.GetNumBonds() for each in molecules))
    columns = {
        "atom": np.zeros((rows, max(atoms), len(ATOM_FIELDS)), np.uint8),
        "bond": np.zeros((rows, width, len(BOND_FIELDS)), np.uint8),
        "bond_atoms": np.zeros((rows, width, 2), np.int16),
    }
    for row, molecule in enumerate(molecules):
        columns["atom"][row, : atoms[row]] = [atom_codes(atom) for atom in molecule.GetAtoms()]
        bonds = list(molecule.GetBonds())
        if bonds:
            columns["bond"][row, : len(bonds)] = [bond_codes(bond) for bond in bonds]
            ends = [(bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()) for bond in bonds]
            columns["bond_atoms"][row, : len(bonds)] = ends
    return columns


def atom_counts(columns: Mapping[str, np.ndarray]) -> np.ndarray:
    """How many atoms each molecule has [rows], for `batches.by_length`."""
    return _real(columns, "atom").sum(1)


def packed_sizes(columns: Mapping[str, np.ndarray], *, batch_size: int) -> tuple[int, ...]:
    """Sizes for `transforms.packed_graphs`: what shuffled batches of these molecules need.

    Args:
        columns: with `atom` and `bond`, of the training split.
        batch_size: molecules per step.

    Returns:
        Atoms per molecule: the mean and half a standard deviation of the mean of a batch above it,
        and the mean and three; whole numbers, bonds counted as 1/1.15 of an atom.
    """
    batch_size = checks.whole("batch_size", batch_size)
    bonds = _real(columns, "bond").sum(1) / BONDS_PER_ATOM
    need = np.maximum(atom_counts(columns), bonds)
    spread = need.std() / np.sqrt(batch_size)
    return tuple(sorted({int(np.ceil(need.mean() + times * spread)) for times in (0.5, 3.0)}))


def _real(columns: Mapping[str, np.ndarray], name: str) -> np.ndarray:
    """Where there is an atom, or a bond, and no padding [rows, places]."""
    checks.named_columns("columns", columns)
    if name not in columns or np.ndim(columns[name]) != 3 or not np.size(columns[name]):
        raise ValueError(
            f"columns has no {name!r} [rows, {name}s, fields], but must be graphs: make them with "
            "molecules.graph_columns."
        )
    return np.asarray(columns[name])[:, :, 0] > 0
