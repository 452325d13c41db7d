"""Graphs of known molecules, fingerprints and descriptors."""

from __future__ import annotations

import numpy as np
import pytest

from jaxmed.data import molecules
from jaxmed.data.molecules.codes import code_of

ETHANOL, BENZENE, METHANE = "CCO", "c1ccccc1", "C"


def field(name, codes):
    return codes[..., list(molecules.ATOM_FIELDS).index(name)].tolist()


def test_atoms_and_bonds_of_known_molecules():
    columns = molecules.graph_columns([ETHANOL, BENZENE, METHANE])
    atom, bond, ends = (columns[name] for name in molecules.GRAPH)
    assert atom.shape == (3, 6, 8)
    assert bond.shape == (3, 6, 4)
    carbon, oxygen = molecules.ATOM_FIELDS["element"].index(6), 7
    assert field("element", atom[0]) == [carbon + 1, carbon + 1, oxygen + 1, 0, 0, 0]
    assert field("hydrogens", atom[0]) == [4, 3, 2, 0, 0, 0]  # 3, 2 and 1, counted from 1
    assert field("aromatic", atom[1]) == [2] * 6
    assert field("aromatic", atom[0])[:3] == [1] * 3
    assert ends[0, :2].tolist() == [[0, 1], [1, 2]]
    assert not bond[0, 2:].any()
    assert not bond[2].any()
    assert (bond[1, :, 0] == molecules.BOND_FIELDS["type"].index("AROMATIC") + 1).all()
    assert molecules.atom_counts(columns).tolist() == [3, 6, 1]


def test_degrees_follow_from_the_bonds():
    """Heavy neighbors counted from `bond_atoms`, and hydrogens, make RDKit's total degree."""
    columns = molecules.graph_columns(["CC(=O)Nc1ccc(O)cc1", "C[C@H](N)C(=O)O", "O=S(=O)(O)O"])
    for row in range(3):
        real = columns["bond"][row, :, 0] > 0
        neighbors = np.bincount(columns["bond_atoms"][row][real].ravel(), minlength=20)
        atoms = columns["atom"][row][columns["atom"][row, :, 0] > 0]
        for place, codes in enumerate(atoms):
            hydrogens = field("hydrogens", codes) - 1
            assert field("degree", codes) - 1 == neighbors[place] + hydrogens


def test_every_code_is_within_its_size():
    strange = ["[Xe]", "[U+5]", "F[P-](F)(F)(F)(F)F", "[2H]C", "C/C=C/C", "N->[Pt]", "[Na+].[Cl-]"]
    columns = molecules.graph_columns(strange)
    for name, sizes in (("atom", molecules.ATOM_SIZES), ("bond", molecules.BOND_SIZES)):
        assert (columns[name] <= np.array(sizes)).all()
    assert field("element", columns["atom"][0, 0]) == len(molecules.ATOM_FIELDS["element"]) + 1
    assert code_of((1, 2), 7) == 3


def test_mirror_images_differ_in_one_code():
    columns = molecules.graph_columns(["C[C@H](N)C(=O)O", "C[C@@H](N)C(=O)O"])
    assert (columns["atom"][0] != columns["atom"][1]).sum() == 1
    one = molecules.morgan_fingerprints(["C[C@H](N)C(=O)O", "C[C@@H](N)C(=O)O"], chirality=True)
    assert (one[0] != one[1]).any()


@pytest.mark.parametrize("smiles", [["C", "C(", ""], np.array(["C", "Q"])])
def test_what_cannot_be_read_is_refused_by_row(smiles):
    with pytest.raises(ValueError, match=r"^smiles is .* in row 1, one of .* leave them out"):
        molecules.graph_columns(smiles)


def test_large_molecules_are_refused_by_row():
    with pytest.raises(ValueError, match="a molecule of 6 atoms in row 1, one of 1 with more than"):
        molecules.graph_columns([ETHANOL, BENZENE], most=5)
    assert molecules.graph_columns([ETHANOL, BENZENE], most=6)["atom"].shape[1] == 6


def test_places_of_packing_hold_a_mean_batch():
    columns = molecules.graph_columns([ETHANOL, BENZENE, METHANE, "CC"] * 5)
    low, high = molecules.packed_sizes(columns, batch_size=4)
    assert 3 <= low < high <= 6
    assert molecules.packed_sizes(molecules.graph_columns([ETHANOL]), batch_size=4) == (3,)


def test_descriptors_are_those_of_rdkit():
    from rdkit import Chem
    from rdkit.Chem import Descriptors

    names, found = molecules.descriptor_names(), molecules.descriptors([ETHANOL, "[Na+].[Cl-]"])
    assert found.shape == (2, len(names))
    assert found.dtype == np.float32
    weight = Descriptors.MolWt(Chem.MolFromSmiles(ETHANOL))
    assert found[0, names.index("MolWt")] == pytest.approx(weight)
    assert not np.isinf(found).any()
    assert found[0, names.index("NumHDonors")] == 1


def test_fingerprints_count_as_documented():
    prints = molecules.morgan_fingerprints([METHANE, "C", ETHANOL], bits=512)
    assert prints.shape == (3, 512)
    assert prints[0].sum() == 1
    np.testing.assert_array_equal(prints[0], prints[1])
    near = molecules.morgan_fingerprints([ETHANOL], radius=0)
    assert near.sum() == 3  # three kinds of atoms
