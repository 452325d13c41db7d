"""Coverage over re-splits: the beta-binomial law, on made-up scores and on PneumoniaMNIST."""

from __future__ import annotations

import numpy as np
import pytest
from evaluation.trust_arrays import pneumonia, reference
from scipy import stats

from jaxmed.evaluation import coverage_law, coverage_of_resplits, true_class_scores


@pytest.mark.parametrize(("rows", "tested", "level"), [(300, 848, 0.9), (40, 7, 0.95), (9, 1, 0.9)])
def test_the_law_is_that_of_scipy(rows, tested, level):
    k = int(np.ceil(round((rows + 1) * level, 9)))
    law = stats.betabinom(tested, k, rows + 1 - k)
    found = coverage_law(rows, tested, level)
    assert found == pytest.approx((law.mean() / tested, law.std() / tested), rel=1e-12)


@pytest.mark.data
@pytest.mark.parametrize("method", ["threshold", "aps"])
def test_resplits_of_pneumonia_follow_the_law(method, manual_dir):
    data, known = pneumonia(manual_dir), reference(manual_dir)["conformal"]["resplit_1000"]
    scores = np.concatenate([true_class_scores(*data[split], method=method) for split in data])
    n_cal, n_test = known["n_cal"], known["n_test"]
    assert len(scores) == n_cal + n_test
    mean, deviation = coverage_law(n_cal, n_test, 0.9)
    assert (mean, deviation) == pytest.approx((known["law_mean"], known["law_sd"]), abs=1e-9)
    found = coverage_of_resplits(scores, calibration=n_cal, level=0.9, splits=1000, seed=1)
    assert len(found) == 1000
    if method == "aps":  # two classes: an error scores 1, and equal scores cover more
        assert found.mean() >= mean - 3 * deviation / np.sqrt(1000)
        return
    assert abs(found.mean() - mean) < 3 * deviation / np.sqrt(1000)
    assert found.std() == pytest.approx(deviation, rel=0.1)
    assert (found.mean(), found.std()) == pytest.approx((known["mean"], known["sd"]), abs=0.003)
    law = stats.betabinom(n_test, 271, 30)
    assert stats.kstest(found * n_test, law.cdf).pvalue > 0.001


def test_each_split_is_one_of_sorted_scores():
    """Nine rows calibrate a level of 0.9 with their largest score; by brute force."""
    scores = np.arange(12.0)
    found = coverage_of_resplits(scores, calibration=9, splits=4000, seed=3)
    largest = stats.hypergeom  # how many of the 3 others lie above the largest of the 9
    assert {*np.round(found * 3)} == {0.0, 1.0, 2.0, 3.0}
    wanted = largest(12, 1, 9).pmf(1)  # the largest of all calibrates: all others are covered
    assert (found == 1).mean() == pytest.approx(wanted, abs=0.03)


def test_chunks_do_not_change_what_is_counted(monkeypatch):
    scores = np.random.default_rng(0).normal(size=50)
    whole = coverage_of_resplits(scores, calibration=20, splits=30, seed=2)
    monkeypatch.setattr("jaxmed.evaluation.coverage._NUMBERS", 200)
    np.testing.assert_array_equal(
        coverage_of_resplits(scores, calibration=20, splits=30, seed=2), whole
    )


def test_impossible_divisions_are_refused():
    scores = np.arange(30.0)
    with pytest.raises(ValueError, match="calibration is 30, but must be less than the 30"):
        coverage_of_resplits(scores, calibration=30)
    with pytest.raises(ValueError, match=r"calibration has 18 rows.* at least 19"):
        coverage_of_resplits(scores, calibration=18, level=0.95)
