"""Net benefit against a loop over rows, and against a reference of fixed predictions."""

from __future__ import annotations

import json

import numpy as np
import pytest
from metrics.references import BINARY, MULTICLASS, agree

from jaxmed import metrics


def by_hand(label, probabilities, threshold, weight):
    """Of one threshold, row by row."""
    hits = wrong = 0.0
    for truth, (_, p), w in zip(label, probabilities, weight, strict=True):
        if p >= threshold:
            hits += w * (truth == 1)
            wrong += w * (truth == 0)
    return (hits - wrong * threshold / (1 - threshold)) / weight.sum()


@pytest.mark.parametrize("data", BINARY, ids=["no ties", "ties"])
def test_it_is_that_of_a_loop_over_rows(data):
    label, probabilities = data
    thresholds = np.array([0.9, 0.125, 0.3, 0.5, 0.999])  # in any order, some of them tied
    weights = np.random.default_rng(0).integers(0, 3, (4, len(label)))
    found = metrics.net_benefit(label, probabilities, thresholds, weights)
    expected = [[by_hand(label, probabilities, t, w) for t in thresholds] for w in weights]
    agree(found.model, expected)
    all_treated = np.ones_like(probabilities)
    expected = [[by_hand(label, all_treated, t, w) for t in thresholds] for w in weights]
    agree(found.treat_all, expected)
    agree(found.treat_none, np.zeros((4, 5)))
    unweighted = metrics.net_benefit(label, probabilities, thresholds)
    ones = metrics.net_benefit(label, probabilities, thresholds, np.ones((1, len(label))))
    for one, several in zip(unweighted, ones, strict=True):
        agree(one, several[0])


def test_treating_all_is_worth_nothing_where_the_threshold_is_the_prevalence():
    label, probabilities = BINARY[0]
    found = metrics.net_benefit(label, probabilities, [label.mean()])
    assert found.treat_all == pytest.approx(0)


def test_a_resample_without_rows_has_none():
    label, probabilities = BINARY[0]
    found = metrics.net_benefit(label, probabilities, [0.5], np.zeros((1, len(label))))
    assert np.isnan(np.concatenate(found)).all()


@pytest.mark.data
def test_it_is_that_of_the_reference(manual_dir):
    arrays = np.load(manual_dir / "trust_reference.npz")
    expected = json.loads((manual_dir / "trust_reference.json").read_text())["net_benefit_test"]
    logits = arrays["test_logits"].astype(np.float64)
    p = np.exp(logits - logits.max(1, keepdims=True))
    p /= p.sum(1, keepdims=True)
    thresholds = np.array([float(name) for name in expected])
    found = metrics.net_benefit(arrays["test_labels"], p, thresholds)
    of_model, of_all = (np.array([row[k] for row in expected.values()]) for k in ("model", "all"))
    np.testing.assert_allclose(found.model, of_model, rtol=0, atol=1e-6)
    np.testing.assert_allclose(found.treat_all, of_all, rtol=0, atol=1e-6)


@pytest.mark.parametrize("threshold", [0.0, 1.0, 1.5, np.nan])
def test_thresholds_without_an_exchange_rate_are_refused(threshold):
    with pytest.raises(ValueError, match=r"thresholds holds .*, but must lie in"):
        metrics.net_benefit(*BINARY[0], [0.5, threshold])


def test_more_than_two_classes_are_refused():
    with pytest.raises(ValueError, match="must be those of two classes"):
        metrics.net_benefit(*MULTICLASS[0], [0.5])
