"""Molecules from SMILES: the place where RDKit is imported, and how wrong rows are named."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from jaxmed import checks


def rdkit_module(name: str) -> Any:
    """A module of RDKit, such as "Chem".

    Raises:
        ImportError: RDKit is not installed.
    """
    import importlib

    try:
        return importlib.import_module(f"rdkit.{name}")
    except ImportError as error:
        raise ImportError(
            "molecules are read by RDKit, which is not installed: pip install 'jaxmed[molecules]'."
        ) from error


def smiles_of(smiles: Sequence[str] | np.ndarray) -> list[str]:
    """SMILES as a list of strings without blanks around them; refused where it is empty."""
    value = smiles.tolist() if isinstance(smiles, np.ndarray) else smiles
    found = checks.sequence("smiles", value, "SMILES strings")
    if not found:
        raise ValueError("smiles is empty, but must hold one molecule or more.")
    for row, each in enumerate(found):
        if not isinstance(each, str):
            raise ValueError(
                f"smiles is {checks.shown(each)} in row {row}, but must be a string: pass SMILES."
            )
    return [str(each).strip() for each in found]


def parsed(smiles: Sequence[str] | np.ndarray) -> list[Any]:
    """RDKit's molecule of each row; None where a SMILES is unreadable or holds no atom.

    Args:
        smiles: [rows].

    Raises:
        ImportError: RDKit is not installed.
        ValueError: `smiles` is empty or holds something other than strings.
    """
    chem, base = rdkit_module("Chem"), rdkit_module("rdBase")
    rows = smiles_of(smiles)
    with base.BlockLogs():  # a message per row on standard error otherwise
        molecules = [chem.MolFromSmiles(each) for each in rows]
    return [each if each is not None and each.GetNumAtoms() else None for each in molecules]


def readable(smiles: Sequence[str] | np.ndarray) -> list[Any]:
    """As `parsed`, but rows without a molecule are refused.

    Raises:
        ValueError: A SMILES is unreadable or holds no atom.
    """
    molecules = parsed(smiles)
    wrong = [row for row, each in enumerate(molecules) if each is None]
    if wrong:
        raise ValueError(
            f"smiles is {checks.shown(str(smiles[wrong[0]]))} in row {wrong[0]}, one of "
            f"{len(wrong)} that RDKit cannot read or that hold no atom: leave them out, "
            "molecules.faults(smiles) lists them."
        )
    return molecules
