"""What is said of an atom and of a bond, as small whole numbers; 0 is no atom and no bond.

A network makes one-hot vectors of them on the device: 8 bytes per atom travel instead of 300.
"""

from __future__ import annotations

from typing import Any

ELEMENTS = (*range(1, 37), 53)
"""Atomic numbers with a code of their own: hydrogen to krypton, and iodine."""
DEGREES = (0, 1, 2, 3, 4, 5)
CHARGES = (-2, -1, 0, 1, 2)
CHIRALITIES = ("CHI_UNSPECIFIED", "CHI_TETRAHEDRAL_CW", "CHI_TETRAHEDRAL_CCW")
HYDROGENS = (0, 1, 2, 3, 4)
HYBRIDIZATIONS = ("S", "SP", "SP2", "SP3", "SP3D", "SP3D2")
FLAGS = (False, True)
BOND_TYPES = ("SINGLE", "DOUBLE", "TRIPLE", "AROMATIC")
STEREO = ("STEREONONE", "STEREOANY", "STEREOZ", "STEREOE", "STEREOCIS", "STEREOTRANS")

ATOM_FIELDS: dict[str, tuple[Any, ...]] = {
    "element": ELEMENTS,
    "degree": DEGREES,
    "charge": CHARGES,
    "chirality": CHIRALITIES,
    "hydrogens": HYDROGENS,
    "hybridization": HYBRIDIZATIONS,
    "aromatic": FLAGS,
    "in ring": FLAGS,
}
"""Fields of an atom, and the values that have a code of their own: 1 for the first and so on."""
BOND_FIELDS: dict[str, tuple[Any, ...]] = {
    "type": BOND_TYPES,
    "conjugated": FLAGS,
    "in ring": FLAGS,
    "stereo": STEREO,
}
"""Fields of a bond, as `ATOM_FIELDS`."""


def code_of(field: tuple[Any, ...], value: Any) -> int:
    """The code of a value: its place from 1, or one more than there are for any other value.

    Example:
        >>> code_of(CHARGES, 0), code_of(CHARGES, 4)
        (3, 6)
    """
    return field.index(value) + 1 if value in field else len(field) + 1


def sizes(fields: dict[str, tuple[Any, ...]]) -> tuple[int, ...]:
    """How many codes each field has, without 0 and with that of other values."""
    return tuple(len(values) + 1 for values in fields.values())


ATOM_SIZES = sizes(ATOM_FIELDS)
BOND_SIZES = sizes(BOND_FIELDS)


def atom_codes(atom: Any) -> list[int]:
    """The codes of an atom of RDKit, one per field."""
    values = (
        atom.GetAtomicNum(),
        atom.GetTotalDegree(),
        atom.GetFormalCharge(),
        atom.GetChiralTag().name,
        atom.GetTotalNumHs(),
        atom.GetHybridization().name,
        atom.GetIsAromatic(),
        atom.IsInRing(),
    )
    return [
        code_of(field, value) for field, value in zip(ATOM_FIELDS.values(), values, strict=True)
    ]


def bond_codes(bond: Any) -> list[int]:
    """The codes of a bond of RDKit, one per field."""
    values = (
        bond.GetBondType().name,
        bond.GetIsConjugated(),
        bond.IsInRing(),
        bond.GetStereo().name,
    )
    return [
        code_of(field, value) for field, value in zip(BOND_FIELDS.values(), values, strict=True)
    ]
