"""What is wrong with a table of molecules, row by row."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Literal, TypeAlias

import numpy as np

from jaxmed import checks
from jaxmed.data.molecules.parse import parsed, rdkit_module, smiles_of

Kind: TypeAlias = Literal[
    "unreadable", "no atom", "fragments", "duplicate", "opposite labels", "too large"
]


@dataclasses.dataclass(frozen=True)
class Fault:
    """One thing that is wrong with a row.

    Attributes:
        row: from 0.
        kind: "unreadable", "no atom", "fragments" (a salt, a solvent or a mixture), "duplicate" (of
            an earlier row, by canonical SMILES), "opposite labels" (a duplicate whose labels differ
            from those of the earlier row) or "too large".
        says: one sentence for a reader.
    """

    row: int
    kind: Kind
    says: str


def faults(
    smiles: Sequence[str] | np.ndarray,
    labels: np.ndarray | None = None,
    *,
    most: int | None = None,
) -> list[Fault]:
    """The faults of a table of molecules, in the order of rows; nothing is changed or left out.

    Args:
        smiles: [rows].
        labels: [rows] or [rows, tasks], NaN or -1 where there is none; duplicates are compared by
            what both rows know. By default labels are not compared.
        most: atoms of the largest molecule that is accepted; by default any.

    Raises:
        ImportError: RDKit is not installed.
        ValueError: `smiles` is empty, or labels have another number of rows.

    Example:
        >>> [fault.kind for fault in faults(["CO", "C(", "OC"])]
        ['unreadable', 'duplicate']
    """
    rows = smiles_of(smiles)
    known = None if labels is None else _labels(labels, len(rows))
    limit = None if most is None else checks.whole("most", most)
    chem = rdkit_module("Chem")
    first: dict[str, int] = {}
    found: list[Fault] = []
    for row, molecule in enumerate(parsed(rows)):
        shown = checks.shortened(rows[row])
        if molecule is None:
            kind: Kind = "unreadable" if rows[row] else "no atom"
            found.append(Fault(row, kind, f"{shown} is no molecule that RDKit can read"))
            continue
        if limit is not None and molecule.GetNumAtoms() > limit:
            atoms = molecule.GetNumAtoms()
            found.append(Fault(row, "too large", f"{shown} has {atoms} atoms, more than {limit}"))
        parts = len(chem.GetMolFrags(molecule))
        if parts > 1:
            found.append(Fault(row, "fragments", f"{shown} consists of {parts} separate parts"))
        earlier = first.setdefault(chem.MolToSmiles(molecule), row)
        if earlier == row:
            continue
        if known is not None and _differ(known[earlier], known[row]):
            says = f"{shown} is the molecule of row {earlier} with another label"
            found.append(Fault(row, "opposite labels", says))
        else:
            found.append(Fault(row, "duplicate", f"{shown} is the molecule of row {earlier}"))
    return found


def fault_counts(found: Sequence[Fault]) -> Mapping[str, int]:
    """How many faults of each kind there are, the most frequent first."""
    return dict(Counter(fault.kind for fault in found).most_common())


def _labels(labels: np.ndarray, rows: int) -> np.ndarray:
    values = checks.real_array("labels", labels).astype(np.float64)
    if values.ndim not in (1, 2) or len(values) != rows:
        raise ValueError(
            f"labels has shape {values.shape}, but must have one row for each of the {rows} "
            "molecules."
        )
    return values.reshape(rows, -1)


def _differ(a: np.ndarray, b: np.ndarray) -> bool:
    both = ~(np.isnan(a) | np.isnan(b) | (a == -1) | (b == -1))
    return bool((a[both] != b[both]).any())
