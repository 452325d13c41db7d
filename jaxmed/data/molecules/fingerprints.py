"""Molecules as vectors: circular fingerprints and RDKit's descriptors."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from jaxmed import checks
from jaxmed.data.molecules.parse import rdkit_module, readable


def morgan_fingerprints(
    smiles: Sequence[str] | np.ndarray,
    *,
    radius: int = 2,
    bits: int = 2048,
    chirality: bool = False,
) -> np.ndarray:
    """Extended-connectivity fingerprints: which surroundings of atoms occur, hashed to bits.

    Args:
        smiles: [rows], all readable.
        radius: bonds around each atom, 2 for ECFP4 (whose number is the diameter).
        bits: length of the vector, at least 1.
        chirality: whether stereo centers are told apart.

    Returns:
        [rows, bits] uint8, 0 or 1.

    Raises:
        ImportError: RDKit is not installed.
        ValueError: A SMILES is unreadable.

    References:
        Rogers and Hahn, Extended-Connectivity Fingerprints, 2010.
    """
    radius = checks.whole("radius", radius, least=0, most=10)
    bits = checks.whole("bits", bits, most=2**20)
    checks.flag("chirality", chirality)
    generator = rdkit_module("Chem.rdFingerprintGenerator").GetMorganGenerator(
        radius=radius, fpSize=bits, includeChirality=chirality
    )
    return np.stack([generator.GetFingerprintAsNumPy(each) for each in readable(smiles)])


def descriptors(smiles: Sequence[str] | np.ndarray) -> np.ndarray:
    """RDKit's 2-D descriptors: weight, log P, surface areas, counts of groups and others.

    Args:
        smiles: [rows], all readable.

    Returns:
        [rows, descriptors] float32 in the order of `descriptor_names()`, NaN where a descriptor is
        not defined (such as a partial charge of a metal). They have long tails: clip or rank them
        before a network reads them.

    Raises:
        ImportError: RDKit is not installed.
        ValueError: A SMILES is unreadable.
    """
    functions = rdkit_module("Chem.Descriptors")._descList
    base = rdkit_module("rdBase")
    with base.BlockLogs():
        values = [[of(each) for _, of in functions] for each in readable(smiles)]
    found = np.array(values, np.float64)
    # The information content of large molecules overflows float32.
    found[~(np.abs(found) < np.finfo(np.float32).max)] = np.nan
    return found.astype(np.float32)


def descriptor_names() -> tuple[str, ...]:
    """The names of `descriptors`, in their order; they depend on the version of RDKit."""
    return tuple(name for name, _ in rdkit_module("Chem.Descriptors")._descList)
