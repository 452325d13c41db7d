"""Molecules: SMILES as graphs, fingerprints and descriptors, with faults named and scaffold splits.

- `faults`: what is unreadable, a salt, a duplicate or too large, row by row.
- `graph_columns`: padded columns of atoms and bonds, codes instead of one-hot vectors.
- `morgan_fingerprints`, `descriptors`: vectors for forests, and beside a graph.
- `scaffold_split`, `read_index_file`: splits that others compare on.

    columns = molecules.graph_columns(smiles)
    columns["descriptors"] = molecules.descriptors(smiles)
    train, validation, test = molecules.scaffold_split(smiles)

They read SMILES with RDKit (`pip install 'jaxmed[molecules]'`); nothing else of jaxmed needs it.
"""

from jaxmed.data.molecules.codes import ATOM_FIELDS, ATOM_SIZES, BOND_FIELDS, BOND_SIZES
from jaxmed.data.molecules.fingerprints import descriptor_names, descriptors, morgan_fingerprints
from jaxmed.data.molecules.graphs import GRAPH, atom_counts, graph_columns, packed_sizes
from jaxmed.data.molecules.index_files import read_index_file
from jaxmed.data.molecules.row_faults import Fault, fault_counts, faults
from jaxmed.data.molecules.scaffold import scaffold_split, scaffolds

__all__ = [
    "ATOM_FIELDS",
    "ATOM_SIZES",
    "BOND_FIELDS",
    "BOND_SIZES",
    "GRAPH",
    "Fault",
    "atom_counts",
    "descriptor_names",
    "descriptors",
    "fault_counts",
    "faults",
    "graph_columns",
    "morgan_fingerprints",
    "packed_sizes",
    "read_index_file",
    "scaffold_split",
    "scaffolds",
]
