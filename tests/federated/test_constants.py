"""Sums that clients make alone give the constants of all rows together."""

from __future__ import annotations

import numpy as np
import pytest

import jaxmed as jm
from jaxmed.data import inputs
from jaxmed.federated import iid_partition, merged_constants


def test_merged_constants_are_the_central_ones():
    """Features with missing values, of which a client may have none at all in a column."""
    random = np.random.default_rng(0)
    features = (random.normal(size=(60, 4)) * [1, 10, 1e3, 0] + [0, 5, 1e4, 3]).astype(np.float32)
    client = iid_partition(60, 7, seed=0)
    features[client == 2, 1] = np.nan
    features[random.random((60, 4)) < 0.1] = np.nan
    columns = {"features": features, "label": random.integers(0, 2, 60).astype(np.int32)}
    task = jm.tasks.binary_classification(
        jm.models.MLP(widths=(2,), outputs=1), inputs=inputs.features(fill="mean")
    )
    parts = [
        {name: column[client == number] for name, column in columns.items()} for number in range(7)
    ]
    central, merged = task.constants(columns), merged_constants(task, parts)
    for name in ("mean", "deviation"):
        np.testing.assert_array_equal(merged["inputs"][name], central["inputs"][name])
    np.testing.assert_allclose(
        merged["inputs"]["mean"], np.nanmean(features.astype(np.float64), 0), rtol=1e-6
    )


def test_clients_without_rows_are_refused():
    task = jm.tasks.regression(jm.models.MLP(widths=(), outputs=1), inputs=inputs.features())
    with pytest.raises(ValueError, match=r"clients\[1\] has no rows"):
        merged_constants(task, [{"features": np.ones((2, 3))}, {"features": np.ones((0, 3))}])
