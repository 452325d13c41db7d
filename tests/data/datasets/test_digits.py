"""Digits against scikit-learn's table."""

import hashlib

import numpy as np
from sklearn.datasets import load_digits

from jaxmed.data import catalogue, columns


def _splits(name, **folders):
    return {
        split: columns(catalogue.open_split(name, split, **folders))
        for split in catalogue.entry(name).sizes
    }


def test_digits_are_scikit_learns(tmp_path):
    table = load_digits()
    splits = _splits("digits", data_dir=tmp_path)
    for read in splits.values():
        np.testing.assert_array_equal(read["image"][..., 0], table.images[read["id"]])
        np.testing.assert_array_equal(read["label"], table.target[read["id"]])
        assert np.ptp(np.bincount(read["label"]) / len(read["label"])) < 0.02
    _is_fixed_partition(splits, 1797, "10074e1d30f0f28bd6f305e4007cef26")


def _is_fixed_partition(splits, rows, md5):
    """Every row is in one split, and the splits are those of the published results."""
    ids = [read["id"] for read in splits.values()]
    np.testing.assert_array_equal(np.sort(np.concatenate(ids)), range(rows))
    assert hashlib.md5(np.concatenate(ids).astype("<i4").tobytes()).hexdigest() == md5
