"""Entropies against SciPy, selective prediction against brute force and the reference file."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pytest
from metrics import references
from scipy import special, stats
from sklearn.metrics import roc_auc_score

from jaxmed import metrics

LABEL, P = references.MULTICLASS[0]


def test_the_entropy_is_scipys():
    np.testing.assert_allclose(metrics.predictive_entropy(P), stats.entropy(P, axis=1), rtol=1e-12)
    certain = np.eye(3, dtype=np.float32)
    np.testing.assert_array_equal(metrics.predictive_entropy(certain), np.zeros(3))


def test_total_is_aleatoric_and_epistemic():
    members = np.random.default_rng(0).dirichlet([1, 2, 3], (5, 40))
    mean = members.mean(0)
    # The mean divergence of the members from their mean: another formula of the same number.
    expected = special.rel_entr(members, mean[None]).sum(-1).mean(0)
    found = metrics.mutual_information(members)
    np.testing.assert_allclose(found, expected, rtol=1e-9)
    aleatoric = stats.entropy(members, axis=2).mean(0)
    np.testing.assert_allclose(found + aleatoric, metrics.predictive_entropy(mean), rtol=1e-12)
    np.testing.assert_allclose(metrics.mutual_information(members[:1]), 0, atol=1e-15)


@pytest.mark.parametrize(("label", "probabilities"), references.MULTICLASS + references.BINARY)
def test_numbers_are_means_over_all_orders_of_tied_rows(label, probabilities):
    label, probabilities = label[:7], np.round(probabilities[:7], 1)
    probabilities[:, 0] += 1 - probabilities.sum(1)
    confidence = np.round(probabilities.max(1), 1)
    wrong = probabilities.argmax(1) != label
    orders = [
        order
        for order in map(list, itertools.permutations(range(7)))
        if (np.diff(confidence[order]) <= 0).all()
    ]
    assert len(orders) > 1
    risks = np.mean([np.cumsum(wrong[order]) / np.arange(1, 8) for order in orders], axis=0)
    found = metrics.risk_coverage(label, probabilities, confidence=confidence)
    np.testing.assert_allclose(found.coverage, np.arange(1, 8) / 7)
    np.testing.assert_allclose(found.risk, risks, atol=1e-12)
    np.testing.assert_allclose(
        metrics.aurc(label, probabilities, confidence=confidence), risks.mean()
    )
    for kept in range(1, 8):
        error = metrics.error_of_retained(
            label, probabilities, retained=kept / 7, confidence=confidence
        )
        np.testing.assert_allclose(error, risks[kept - 1], atol=1e-12)


def test_the_auroc_of_the_kept_rows_is_that_of_scikit_learn():
    label, probabilities = references.BINARY[0]
    for confidence in (None, np.random.default_rng(0).permutation(len(label))):
        given = probabilities.max(1) if confidence is None else confidence
        kept = np.argsort(-given)[: len(label) // 2]
        expected = roc_auc_score(label[kept], probabilities[kept, 1])
        found = metrics.auroc_of_retained(label, probabilities, confidence=confidence)
        np.testing.assert_allclose(found, expected)
    # All rows tie: each counts by one half, and the AUROC is that of all.
    found = metrics.auroc_of_retained(label, probabilities, confidence=np.zeros(len(label)))
    np.testing.assert_allclose(found, roc_auc_score(label, probabilities[:, 1]))


def test_useless_confidence_has_the_error_of_all_rows():
    error = 1 - metrics.accuracy(LABEL, P)
    np.testing.assert_allclose(metrics.aurc(LABEL, P, confidence=np.ones(len(LABEL))), error)
    assert metrics.aurc(LABEL, P) < error


@pytest.mark.parametrize(("retained", "rows"), [(0.07, 7), (0.075, 8), (0.001, 1), (1.0, 100)])
def test_how_many_rows_are_kept(retained, rows):
    label, probabilities = np.zeros(100, int), np.tile([[0.4, 0.6]], (100, 1))
    probabilities[:rows] = [0.6, 0.4]
    confidence = -np.arange(100.0)
    kept = {"retained": retained, "confidence": confidence}
    assert metrics.error_of_retained(label, probabilities, **kept) == 0
    if rows < 100:
        more = {**kept, "retained": (rows + 1) / 100}
        assert metrics.error_of_retained(label, probabilities, **more) > 0


@pytest.mark.data
def test_selective_prediction_is_that_of_the_reference_file(manual_dir):
    arrays = np.load(manual_dir / "trust_reference.npz")
    expected = json.loads((manual_dir / "trust_reference.json").read_text())["selective"]
    given = arrays["test_labels"], special.softmax(arrays["test_logits"], axis=1)
    curve = metrics.risk_coverage(*given)
    np.testing.assert_allclose(metrics.aurc(*given), expected["aurc"], atol=1e-6)
    np.testing.assert_allclose(curve.risk[-1], expected["error_all"], atol=1e-6)
    error = metrics.error_of_retained(*given, retained=0.5)
    np.testing.assert_allclose(error, expected["error_at_50"], atol=1e-6)


def test_what_is_no_probability_is_refused():
    with pytest.raises(ValueError, match="probabilities sums to 2 in row 0"):
        metrics.predictive_entropy(np.ones((1, 2)))
    with pytest.raises(ValueError, match=r"shape \(3, 1\), but must have one column per class"):
        metrics.predictive_entropy(np.ones((3, 1)))
    with pytest.raises(ValueError, match="probabilities ranges from"):
        metrics.mutual_information(np.array([[[2.0, -1.0]]]))
    with pytest.raises(ValueError, match="confidence is not finite in 150 of 150 rows"):
        metrics.aurc(LABEL, P, confidence=np.full(len(LABEL), np.nan))
    with pytest.raises(ValueError, match=r"retained is 0, but must lie in \(0, 1\]"):
        metrics.error_of_retained(LABEL, P, retained=0)
