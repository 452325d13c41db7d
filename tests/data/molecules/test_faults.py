"""Every fault is found in its row, and nothing in sound rows."""

from __future__ import annotations

import numpy as np
import pytest

from jaxmed.data import molecules

SMILES = ["CCO", "C(", "OCC", "[Na+].[Cl-]", "", "c1ccccc1", "CC", "C1=CC=CC=C1", "CC"]


def kinds(found):
    return [(fault.row, fault.kind) for fault in found]


def test_faults_by_row():
    found = molecules.faults(SMILES, np.array([0, 0, 1, 0, 0, 1, 0, 1, 0]), most=5)
    assert kinds(found) == [
        (1, "unreadable"),
        (2, "opposite labels"),
        (3, "fragments"),
        (4, "no atom"),
        (5, "too large"),
        (7, "too large"),
        (7, "duplicate"),
        (8, "duplicate"),
    ]
    assert "row 0" in found[1].says
    assert molecules.fault_counts(found)["duplicate"] == 2


def test_labels_that_one_row_does_not_know_are_no_contradiction():
    labels = np.array([[0, np.nan], [-1, 1], [1, 1]])
    assert kinds(molecules.faults(["CO", "OC", "CO"], labels)) == [
        (1, "duplicate"),
        (2, "opposite labels"),
    ]


def test_a_sound_table_has_none():
    assert molecules.faults(["C", "CC", "CCC"], np.array([0, 1, 1])) == []


def test_labels_of_another_length_are_refused():
    with pytest.raises(
        ValueError, match=r"labels has shape \(2,\), but must have one row for each"
    ):
        molecules.faults(["C", "CC", "CCC"], np.array([0, 1]))
