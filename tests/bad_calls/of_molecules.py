"""Molecules: SMILES, graphs, splits, the network, and several targets with missing labels."""

from __future__ import annotations

import json

import jax.numpy as jnp
import numpy as np
from bad_calls.call import Call, call
from bad_calls.kinds import (
    BELOW_ONE,
    COLUMNS,
    COUNT,
    COUNT_FROM_0,
    COUNTS,
    FLAG,
    FUNCTION,
    PATH,
    TEXTS,
    Kind,
    array,
    word,
)
from bad_calls.of_changes import TASK
from bad_calls.of_data import FOLDER
from bad_calls.of_tasks import common

from jaxmed import losses, models, tasks, transforms
from jaxmed.data import inputs, molecules
from jaxmed.data.molecules import inputs as molecule_inputs

_NO_SMILES = [value for value in COLUMNS.bad if not isinstance(value, str)]
_LISTED = Kind([*_NO_SMILES, [1], [None], [b"C"], [["C"]], "C"])
_READ = _LISTED.also(["C", "C("], [""], ["Q"])
_SMILES = (["C", "CCO"], _READ)
_GRAPHS = molecules.graph_columns(["C", "CCO"])
_GRAPH_COLUMNS = Kind([*COLUMNS.bad, {"atom": np.zeros(2)}, {"bond": np.zeros((2, 0, 4))}])
_INDEX = FOLDER / "index.json"
_INDEX.write_text(json.dumps({"train": [0], "valid": [1], "test": [2]}))
_FRACTIONS = Kind([*COUNTS.bad[:30], (), (0.5, 0.4), (1.5, -0.5), (0.5, float("nan"))])
_LOGITS = jnp.array([[0.5, -1.0], [2.0, 0.0]])
_KNOWN = np.array([[0, -1], [1, 1]])
_rows = [_KNOWN[:1], _KNOWN[:, :1]]
_targets = (["a", "b"], TEXTS.also([], ["a", "a"]))

CALLS: dict[str, Call] = {
    "data.molecules.graph_columns": call(
        molecules.graph_columns,
        {"most": "most|smiles"},
        smiles=_SMILES,
        most=(3, COUNT.optional().also(2)),
    ),
    "data.molecules.faults": call(
        molecules.faults,
        smiles=(["C", "CCO"], _LISTED),
        labels=(np.array([0, 1]), Kind([1, "a", np.zeros(3), np.zeros((2, 1, 1)), ["a", "b"]])),
        most=(3, COUNT.optional()),
    ),
    "data.molecules.morgan_fingerprints": call(
        molecules.morgan_fingerprints,
        smiles=_SMILES,
        radius=(2, COUNT_FROM_0),
        bits=(64, COUNT),
        chirality=(False, FLAG),
    ),
    "data.molecules.descriptors": call(molecules.descriptors, smiles=_SMILES),
    "data.molecules.scaffolds": call(molecules.scaffolds, smiles=_SMILES, chirality=(True, FLAG)),
    "data.molecules.scaffold_split": call(
        molecules.scaffold_split, smiles=_SMILES, fractions=((0.5, 0.5), _FRACTIONS)
    ),
    "data.molecules.read_index_file": call(
        molecules.read_index_file,
        {"rows": "rows|path"},
        path=(_INDEX, PATH),
        rows=(3, COUNT.also(2)),
    ),
    "data.molecules.atom_counts": call(molecules.atom_counts, columns=(_GRAPHS, _GRAPH_COLUMNS)),
    "data.molecules.packed_sizes": call(
        molecules.packed_sizes, columns=(_GRAPHS, _GRAPH_COLUMNS), batch_size=(2, COUNT)
    ),
    "data.molecules.inputs.graphs": call(
        molecule_inputs.graphs, features=(inputs.features(), FUNCTION.optional())
    ),
    "models.DMPNN": call(
        models.DMPNN,
        outputs=(1, COUNT),
        atom_sizes=((3, 2), COUNTS),
        bond_sizes=((2,), COUNTS),
        width=(4, COUNT),
        steps=(3, COUNT),
        hidden=(4, COUNT),
        dropout=(0.1, BELOW_ONE),
        readout=("mean", word("mean", "sum")),
    ),
    "transforms.packed_graphs": call(
        transforms.packed_graphs, task=TASK, sizes=((2, 4), COUNTS.also((4, 2), (2, 2), (0, 1), ()))
    ),
    "losses.partial_cross_entropy": call(
        losses.partial_cross_entropy,
        logits=(_LOGITS, array(2)),
        labels=(_KNOWN, array(2, more=[*_rows, _KNOWN + 1, _KNOWN - 1])),
    ),
    "losses.partial_squared_error": call(
        losses.partial_squared_error,
        values=(_LOGITS, array(2)),
        labels=(_KNOWN, array(2, more=_rows)),
    ),
    "tasks.multitask_classification": call(
        tasks.multitask_classification,
        **common,
        targets=_targets,
        loss=(losses.partial_cross_entropy, FUNCTION),
    ),
    "tasks.multitask_regression": call(
        tasks.multitask_regression,
        **common,
        targets=_targets,
        loss=(losses.partial_squared_error, FUNCTION),
    ),
}
