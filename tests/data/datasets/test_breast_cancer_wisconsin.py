"""Breast Cancer Wisconsin against scikit-learn's table, with the disease as the positive class."""

import hashlib

import numpy as np
from sklearn.datasets import load_breast_cancer

from jaxmed.data import catalogue, columns


def _splits(name, **folders):
    return {
        split: columns(catalogue.open_split(name, split, **folders))
        for split in catalogue.entry(name).sizes
    }


def test_it_is_scikit_learns_table_with_the_disease_positive(tmp_path):
    entry = catalogue.ENTRIES["breast_cancer_wisconsin"]
    table = load_breast_cancer()
    assert entry.feature_names == tuple(table.feature_names)
    splits = _splits(entry.name, data_dir=tmp_path)
    for split, read in splits.items():
        assert read["features"].dtype == np.float32
        assert read["features"].shape == (entry.sizes[split], 30)
        np.testing.assert_array_equal(read["features"], np.float32(table.data[read["id"]]))
        malignant = table.target_names[table.target[read["id"]]] == "malignant"
        np.testing.assert_array_equal(read["label"], malignant)
        assert abs(malignant.mean() - 212 / 569) < 0.01
    _is_fixed_partition(splits, 569, "d329ed99fa1457db83b666129b4788eb")


def _is_fixed_partition(splits, rows, md5):
    """Every row is in one split, and the splits are those of the published results."""
    ids = [read["id"] for read in splits.values()]
    np.testing.assert_array_equal(np.sort(np.concatenate(ids)), range(rows))
    assert hashlib.md5(np.concatenate(ids).astype("<i4").tobytes()).hexdigest() == md5
