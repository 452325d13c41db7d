"""Coverage with exact intervals against SciPy, by class, and sizes of sets."""

from __future__ import annotations

import numpy as np
import pytest
from evaluation.trust_arrays import pneumonia
from scipy import stats

from jaxmed.evaluation import conformal_report, fit_sets

NAMES = ("normal", "pneumonia")


def test_shares_and_intervals_are_those_of_scipy():
    random = np.random.default_rng(0)
    label, sets = random.integers(0, 3, 80), random.uniform(size=(80, 4)) < 0.6
    found = conformal_report(label, sets, ["a", "b", "c", "none"], level=0.9)
    covered = np.array([row[k] for row, k in zip(sets, label, strict=True)])
    each = {"all": (found.coverage, covered)} | {
        name: (found.by_class[name], covered[label == k]) for k, name in enumerate("abc")
    }
    for interval, rows in each.values():
        exact = stats.binomtest(int(rows.sum()), len(rows)).proportion_ci(0.9, method="exact")
        assert interval == pytest.approx((rows.mean(), exact.low, exact.high), abs=1e-9)
    assert np.isnan(found.by_class["none"]).all()
    assert found.rows["none"] == 0
    assert found.mean_size == pytest.approx(sets.sum() / 80)
    assert found.sizes == {n: np.mean(sets.sum(1) == n) for n in range(5)}


@pytest.mark.data
def test_the_published_test_split_is_not_covered_as_asked(manual_dir):
    data = pneumonia(manual_dir)
    label, probabilities = data["test"]
    found = conformal_report(label, fit_sets(*data["val"]).sets(probabilities), NAMES)
    assert found.coverage.value == pytest.approx(0.7051282051282052, abs=1e-6)
    assert found.by_class["normal"].value == pytest.approx(0.2564102564102564, abs=1e-6)
    assert found.coverage.high < 0.9
    said = str(found).splitlines()
    assert said[1].split()[:3] == ["all", "624", "0.705"]
    assert said[2].split()[:3] == ["normal", "234", "0.256"]


def test_wrong_arrays_are_refused():
    sets = np.ones((3, 2), bool)
    with pytest.raises(ValueError, match="label holds 2, but must be a class in 0"):
        conformal_report(np.full(3, 2), sets)
    with pytest.raises(ValueError, match="classes has 1 names, but sets has 2 columns"):
        conformal_report(np.zeros(3, int), sets, ["a"])
