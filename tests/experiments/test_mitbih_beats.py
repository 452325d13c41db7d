"""The parts of the experiment on MIT-BIH: rows that are kept, weights of classes, scores."""

from __future__ import annotations

import importlib

import numpy as np
import pytest
from sklearn.metrics import f1_score

script = importlib.import_module("experiments.signals.mitbih_beats")
RNG = np.random.default_rng(0)


def test_normal_beats_are_thinned_by_record_and_the_others_stay():
    group = np.repeat([7, 3, 9], [10, 4, 6])
    label = np.zeros(20, int)
    label[[2, 11, 19]] = (1, 2, 3)
    rows = script.thinned(label, group, most=3)
    assert (np.diff(rows) > 0).all()
    assert set(np.flatnonzero(label)) <= set(rows)
    for record, count in ((7, 3), (3, 3), (9, 3)):
        assert ((label[rows] == 0) & (group[rows] == record)).sum() == count
    assert {0, 9} <= set(rows)  # evenly spaced, both ends included
    assert len(script.thinned(label, group, most=100)) == 20


def test_left_out_beats_are_weighed_back():
    whole = np.repeat([0, 1, 2], [80, 15, 5])
    kept = np.repeat([0, 1, 2], [20, 15, 5])
    found = script.decision_weights(whole, kept, 3, 0.0)
    np.testing.assert_allclose(found, [4, 1, 1])
    found = script.decision_weights(whole, kept, 3, 1.0)
    np.testing.assert_allclose(found, [4 / 0.8, 1 / 0.15, 1 / 0.05])


def test_scores_by_class_are_those_of_scikit_learn_with_and_without_the_record():
    label = RNG.integers(0, 4, 200)
    group = np.where(np.arange(200) < 50, script.RECORD_232, 100)
    probabilities = RNG.dirichlet(np.ones(4), 200)
    found = script.by_class({"label": label, "group": group}, probabilities)
    decided = probabilities.argmax(1)
    for number, name in enumerate("NSVF"):
        for rows, prefix in ((slice(None), ""), (slice(50, None), "without record 232/")):
            expected = f1_score(label[rows] == number, decided[rows] == number)
            assert found[f"{prefix}f1_{name}"] == pytest.approx(expected)
    macro = f1_score(label[50:], decided[50:], average="macro")
    assert found["without record 232/f1_macro"] == pytest.approx(macro)
