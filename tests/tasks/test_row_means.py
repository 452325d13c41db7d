"""Tasks without a truth: means over the rows, weighted as a bootstrap weighs them."""

from __future__ import annotations

import numpy as np
import pytest

from jaxmed.tasks.row_means import row_means


def test_statistics_are_means_under_every_resample():
    random = np.random.default_rng(0)
    outputs = {"error": random.normal(size=9), "kl": random.normal(size=9), "latent": np.ones(9)}
    judge = row_means("error", "kl")
    table = judge.table({}, outputs)
    assert set(table) == {"error", "kl"}
    weights = random.integers(0, 3, (4, 9)).astype(float)
    for name, of in judge.statistics.items():
        assert of(table, None) == pytest.approx(outputs[name].mean())
        expected = [np.repeat(outputs[name], each.astype(int)).mean() for each in weights]
        np.testing.assert_allclose(of(table, weights), expected)


def test_the_answer_is_the_numbers_themselves():
    assert set(row_means("error").answer({"error": 1, "latent": 2})) == {"error"}
