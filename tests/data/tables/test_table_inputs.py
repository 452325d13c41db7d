"""What a network reads of an encoded table, against loops in plain Python."""

from __future__ import annotations

import itertools
import math

import jax
import numpy as np
import pytest

from jaxmed.data.tables import Column, Schema
from jaxmed.data.tables.inputs import encoded

SCHEMA = Schema((
    Column("age", "number", cuts=(20, 40, 50, 90), missing=1),
    Column("sex", "category", ("female", "male")),
    Column("lactate", "number", cuts=(0.5, 2.0)),
))  # fmt: skip
FEATURES = np.array(
    [[30, 1, 0.5], [np.nan, 2, 2.0], [90, 0, 9.0], [45, np.nan, 1.0], [10, 1, np.nan]], np.float32
)


def by_hand(row, means, deviations, limit):
    """The columns of one row: z of the numbers, their pieces, categories, gaps."""
    z, pieces = [], []
    for name in (0, 2):
        x, cuts = float(row[name]), SCHEMA.columns[name].cuts
        if math.isnan(x):
            z.append(0.0)
            pieces += [0.0] * (len(cuts) - 1)
            continue
        z.append(limit * math.tanh((x - means[name]) / deviations[name] / limit))
        for a, b in itertools.pairwise(cuts):
            pieces.append(2 * min(max((x - a) / (b - a), 0), 1) - 1)
    return [*z, *pieces, float(row[1] == 1), float(row[1] == 2), float(math.isnan(row[0]))]


def test_the_encoding_is_that_of_its_formula():
    inputs = encoded(SCHEMA, limit=2.0)
    constants = inputs.counts.constants(inputs.counts.sums({"features": FEATURES}))
    found = np.asarray(jax.jit(inputs.apply)(constants, {"features": FEATURES}))
    means, deviations = np.nanmean(FEATURES, 0), np.nanstd(FEATURES, 0)
    wanted = [by_hand(row, means, deviations, 2.0) for row in FEATURES]
    np.testing.assert_allclose(found, wanted, atol=1e-6)
    assert inputs.missing == {"features"}


def test_the_constants_add_up_over_parts():
    inputs = encoded(SCHEMA)
    whole = inputs.counts.sums({"features": FEATURES})
    parts = [inputs.counts.sums({"features": FEATURES[rows]}) for rows in ([0, 1], [2, 3, 4])]
    for name, sums in whole.items():
        np.testing.assert_allclose(parts[0][name] + parts[1][name], sums)


def test_categories_alone_are_read_too():
    inputs = encoded(Schema((Column("sex", "category", ("f", "m"), missing=2),)))
    features = np.array([[1], [2], [0], [np.nan]], np.float32)
    constants = inputs.counts.constants(inputs.counts.sums({"features": features}))
    found = inputs.apply(constants, {"features": features})
    np.testing.assert_array_equal(found, [[1, 0, 0], [0, 1, 0], [0, 0, 0], [0, 0, 1]])


def test_features_of_another_table_are_refused():
    inputs = encoded(SCHEMA)
    with pytest.raises(ValueError, match=r"features of shape \(5, 2\), .*reads \[rows, 3\]"):
        inputs.counts.sums({"features": FEATURES[:, :2]})
    with pytest.raises(ValueError, match="features none"):
        inputs.apply({}, {"image": FEATURES})
