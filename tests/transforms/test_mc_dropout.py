"""Dropout in evaluation: each draw one network, their mean, and files that say the same."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from contracts.examples import EXAMPLES, begun
from scipy import stats

from jaxmed import metrics
from jaxmed.deploy import export, load
from jaxmed.evaluation import predict
from jaxmed.tasks import Model
from jaxmed.transforms import ensemble, mc_dropout, with_threshold

STATE, COLUMNS = begun("dropout"), dict(EXAMPLES["dropout"].columns)
MODEL = Model(EXAMPLES["dropout"].task, STATE.params, STATE.model_state)
RATE, SAMPLES = 0.4, 400


@pytest.fixture(scope="module")
def many():
    return mc_dropout(MODEL, samples=SAMPLES, key=jax.random.key(1))


@pytest.fixture(scope="module")
def found(many):
    return predict(many, COLUMNS)


def drawn_by_hand(rng, samples):
    """Probabilities [samples, rows, 3] of the perceptron with hidden units dropped, in NumPy."""
    inner = jax.device_get(MODEL.intermediates({k: jnp.asarray(v) for k, v in COLUMNS.items()})[1])
    last = jax.device_get(MODEL.params["Dense_1"])
    hidden = np.asarray(inner["hidden1"], np.float64)
    keep = rng.random((samples, 1, hidden.shape[1])) >= RATE
    logits = (hidden[None] * keep / (1 - RATE)) @ last["kernel"] + last["bias"]
    exp = np.exp(logits - logits.max(-1, keepdims=True))
    return exp / exp.sum(-1, keepdims=True)


def test_predictions_are_means_over_networks_without_some_units(found):
    by_hand = drawn_by_hand(np.random.default_rng(0), 20_000)
    error = by_hand.std(0) / np.sqrt(SAMPLES)
    assert "logits" not in found
    assert (np.abs(found["probabilities"] - by_hand.mean(0)) < 5 * error + 1e-6).all()
    expected = metrics.mutual_information(by_hand)
    np.testing.assert_allclose(found["mutual_information"], expected, atol=0.02)
    assert expected.max() > 0.1
    entropy = stats.entropy(np.float64(found["probabilities"]), axis=1)
    np.testing.assert_allclose(found["entropy"], entropy, rtol=1e-5)


def test_all_rows_of_a_batch_are_predicted_with_the_same_networks(many, found):
    """So neither the company of a row nor its place changes what is said of it."""
    order = np.random.default_rng(0).permutation(len(COLUMNS["label"]))
    shuffled = {name: column[order] for name, column in COLUMNS.items()}
    again = predict(many, shuffled, batch_size=8)
    for name, values in found.items():
        np.testing.assert_allclose(again[name], values[order], rtol=1e-4, atol=1e-6)


def test_an_export_says_the_same(tmp_path):
    few = mc_dropout(MODEL, samples=3, key=jax.random.key(1))
    export(few, tmp_path, COLUMNS)
    loaded = predict(load(tmp_path), {"features": COLUMNS["features"][:5]})
    expected = predict(few, COLUMNS)
    assert loaded.keys() == expected.keys()
    for name, values in loaded.items():
        np.testing.assert_allclose(values, expected[name][:5], rtol=1e-4, atol=1e-6)


def test_the_key_is_the_only_chance(found):
    same = predict(mc_dropout(MODEL, samples=SAMPLES, key=jax.random.key(1)), COLUMNS)
    other = predict(mc_dropout(MODEL, samples=SAMPLES, key=jax.random.key(2)), COLUMNS)
    np.testing.assert_array_equal(same["probabilities"], found["probabilities"])
    assert np.abs(other["probabilities"] - found["probabilities"]).max() > 1e-4


def test_a_network_without_dropout_is_refused():
    task, columns = EXAMPLES["binary"].task, EXAMPLES["binary"].columns
    model = Model(task, begun("binary").params, begun("binary").model_state)
    with pytest.raises(ValueError, match="no dropout that draws in evaluation, so nothing varies"):
        predict(mc_dropout(with_threshold(model, 0.3), samples=2, key=jax.random.key(0)), columns)


def test_a_mean_of_members_has_no_dropout_of_its_own():
    model = Model(ensemble(MODEL.task, members=2), {}, {})
    with pytest.raises(ValueError, match="it is not of one network: pass one member"):
        mc_dropout(model, samples=2, key=jax.random.key(0))
