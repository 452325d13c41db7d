"""Splits by scaffold: test molecules have ring systems that training molecules do not have."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from jaxmed import checks
from jaxmed.data.molecules.parse import rdkit_module, readable


def scaffolds(smiles: Sequence[str] | np.ndarray, *, chirality: bool = True) -> list[str]:
    """The Bemis-Murcko scaffold of each molecule: its rings and what joins them, as SMILES.

    Args:
        smiles: [rows], all readable.
        chirality: whether stereo centers of the scaffold are kept.

    Returns:
        [rows]; empty for a molecule without rings, so that all such are one scaffold.

    Raises:
        ImportError: RDKit is not installed.
        ValueError: A SMILES is unreadable.

    References:
        Bemis and Murcko, The Properties of Known Drugs 1: Molecular Frameworks, 1996.
    """
    checks.flag("chirality", chirality)
    murcko = rdkit_module("Chem.Scaffolds.MurckoScaffold")
    return [
        murcko.MurckoScaffoldSmiles(mol=each, includeChirality=chirality)
        for each in readable(smiles)
    ]


def scaffold_split(
    smiles: Sequence[str] | np.ndarray, fractions: Sequence[float] = (0.8, 0.1, 0.1)
) -> tuple[np.ndarray, ...]:
    """The rows of each part; molecules of one scaffold lie in one part.

    Scaffolds are taken by size, the largest first, of equal ones the one whose first row comes
    last, as DeepChem does. Each goes whole into the first part that has room for it, or else
    into the last. Nothing is drawn, so there is one such split of a table, and its test part holds
    rare scaffolds.

    Args:
        smiles: [rows], all readable.
        fractions: of the rows, of each part; they add up to 1.

    Returns:
        Row numbers of each part, increasing.

    Raises:
        ImportError: RDKit is not installed.
        ValueError: A SMILES is unreadable, or `fractions` do not add up to 1.
    """
    shares = checks.sequence("fractions", fractions, "fractions")
    for place, share in enumerate(shares):
        checks.fraction(f"fractions[{place}]", share)
    if not shares or abs(sum(shares) - 1) > 1e-6:
        raise ValueError(f"fractions is {checks.shown(shares)}, but must add up to 1.")
    members: dict[str, list[int]] = {}
    for row, scaffold in enumerate(scaffolds(smiles)):
        members.setdefault(scaffold, []).append(row)
    groups = sorted(members.values(), key=lambda rows: (len(rows), rows[0]), reverse=True)
    limits = np.cumsum(shares)[:-1] * len(smiles)
    parts: list[list[int]] = [[] for _ in shares]
    for group in groups:
        # DeepChem's rule: all parts up to this one together must not exceed their shares.
        for place, limit in enumerate(limits):
            if sum(map(len, parts[: place + 1])) + len(group) <= limit:
                parts[place] += group
                break
        else:
            parts[-1] += group
    return tuple(np.array(sorted(part), np.int64) for part in parts)
