"""What the experiment on mortality does around its networks, by hand."""

from __future__ import annotations

import importlib
import itertools

import jax
import numpy as np
import optax
import pytest
import small_data
from sklearn.metrics import log_loss, roc_auc_score

import jaxmed as jm
from jaxmed.data import catalogue

icu_mortality = importlib.import_module("experiments.records.icu_mortality")


def stays():
    return small_data.stays(catalogue.entry("physionet2012"), 0) | {"id": np.arange(60)}


def test_the_threshold_is_the_best_of_all():
    rng = np.random.default_rng(0)
    for _ in range(20):
        label = rng.integers(0, 2, 12)
        label[:2] = 0, 1
        probability = rng.integers(0, 6, 12) / 6
        found = icu_mortality.event_1_threshold(label, probability)

        def score(threshold, label=label, probability=probability):
            chosen = probability >= threshold
            hits = (label[chosen] == 1).sum()
            return min(hits / label.sum(), hits / max(1, chosen.sum()))

        assert score(found) == max(map(score, probability))


def test_statistics_hold_sums_of_urine_and_pressure_of_both_ways():
    urine, line, cuff = (icu_mortality.NUMBER[name] for name in ("Urine", "SysABP", "NISysABP"))
    columns = {
        "event_variable": np.array([[urine, urine, urine, cuff, line], [cuff, cuff, 0, 0, 0]]),
        "event_time": np.array([[1, 23.9, 24, 30, 40], [1, 2, 0, 0, 0]], np.float32),
        "event_value": np.array([[100, 50, 7, 90, 120], [80, 90, 0, 0, 0]], np.float32),
    }
    found = icu_mortality.statistics(columns)
    amounts, catheter = np.expm1(found[:, -4:-1]), found[:, -1]
    np.testing.assert_allclose(amounts, [[150, 7, 157], [np.nan] * 3], rtol=1e-5)
    assert catheter.tolist() == [1, 0]
    assert {85.0, 105.0} <= set(found[:, :34].ravel())  # means of both ways


def test_outcomes_and_scores_reach_no_network():
    """Another label and another SAPS-I change no column that is read."""
    columns = stays()
    other = {**columns, "label": 1 - columns["label"], "baseline_saps_1": columns["id"]}
    read = [icu_mortality.prepared(each, bins=6) for each in (columns, other)]
    for recipe in icu_mortality.VIEWS:
        settings = icu_mortality.Settings(recipe=recipe)
        first, second = (icu_mortality.read_by(settings, each) for each in read)
        assert not {"baseline_saps_1", "event_count"} & set(first)
        for name in set(first) - {"label"}:
            np.testing.assert_array_equal(first[name], second[name])


@pytest.mark.parametrize("recipe", icu_mortality.VIEWS)
def test_every_recipe_learns(recipe):
    settings = icu_mortality.Settings(
        recipe=recipe, members=1, bins=4, units=8, hidden=8, batch_size=30
    )
    columns = icu_mortality.read_by(settings, icu_mortality.prepared(stays(), bins=4))
    trained = jm.fit(
        icu_mortality.mortality(settings),
        optax.adam(1e-2),
        columns,
        key=jax.random.key(0),
        batch_size=30,
        steps=40,
        run=jm.Run(progress=False),
    )
    losses = [row["train/loss"] for row in trained.history]
    assert np.isfinite(losses).all()
    assert losses[-1] < losses[0]


def test_both_parts_of_set_a_are_joined():
    columns = icu_mortality.prepared(stays(), bins=4)
    settings = icu_mortality.Settings(recipe="event_set")
    whole = icu_mortality.read_by(settings, columns)
    first, second = (
        {name: x[rows] for name, x in whole.items()} for rows in (slice(9), slice(9, 60))
    )
    shorter = {
        name: first[name][:, :-1] for name in ("event_time", "event_value", "event_variable")
    }
    assert not first["event_variable"][:, -1].any()
    joined = icu_mortality.joined({**first, **shorter}, second)
    for name, column in whole.items():
        np.testing.assert_array_equal(joined[name], column)
    assert icu_mortality.steps_of(settings, {"label": np.zeros(4000)}) == 562


def test_baselines_have_the_scores_of_the_table(monkeypatch):
    monkeypatch.setitem(icu_mortality.BOOSTING, "max_iter", 5)
    columns = icu_mortality.prepared(stays(), bins=4)
    found, trees = icu_mortality.baselines(columns, columns, columns, refit=False)
    names = ("SAPS-I", "logistic regression", "boosted trees")
    scores = ("auroc", "average_precision", "log_loss", "event_1", "seconds")
    assert list(found) == [f"{name}/{score}" for name, score in itertools.product(names, scores)]
    assert found["boosted trees/auroc"] > found["SAPS-I/auroc"]
    assert len(trees) == 2
    assert roc_auc_score(columns["label"], trees[1]) == pytest.approx(found["boosted trees/auroc"])
    assert log_loss(columns["label"], trees[1]) == pytest.approx(found["boosted trees/log_loss"])
