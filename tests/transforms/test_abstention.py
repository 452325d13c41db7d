"""Where a model abstains: the measure, the threshold, its answers and its files."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from contracts.examples import EXAMPLES, begun
from scipy import stats
from tasks.kinds import untrained

from jaxmed.deploy import answers, export, load
from jaxmed.evaluation import compute_metrics, predict
from jaxmed.tasks import Model
from jaxmed.transforms import ensemble, with_abstention, with_threshold

COLUMNS = dict(EXAMPLES["binary"].columns)
STATE = begun("binary")
MODEL = Model(EXAMPLES["binary"].task, STATE.params, STATE.model_state)
PLAIN = predict(MODEL, COLUMNS)
P = np.float64(PLAIN["probabilities"])
MEASURED = {
    "entropy": stats.entropy(P, axis=1),
    "max_probability": 1 - P.max(1),
}


@pytest.mark.parametrize("by", MEASURED)
def test_it_abstains_above_the_threshold_and_changes_nothing_else(by):
    threshold = float(np.median(MEASURED[by]))
    model = with_abstention(MODEL, threshold=threshold, by=by)
    found = predict(model, COLUMNS)
    np.testing.assert_allclose(found["uncertainty"], MEASURED[by], rtol=1e-4, atol=1e-6)
    assert found["abstain"].sum() == len(P) // 2
    np.testing.assert_array_equal(found["abstain"], found["uncertainty"] > np.float32(threshold))
    for name, values in PLAIN.items():
        np.testing.assert_array_equal(found[name], values)
    assert compute_metrics(model, COLUMNS) == compute_metrics(MODEL, COLUMNS)


def test_a_file_says_where_it_abstains(tmp_path):
    threshold = float(np.median(MEASURED["entropy"]))
    model = with_abstention(with_threshold(MODEL, 0.3), threshold=threshold)
    export(model, tmp_path, COLUMNS)
    said = answers(load(tmp_path), {"features": COLUMNS["features"]})
    assert set(said) == {"class", "probability", "uncertainty", "abstain"}
    np.testing.assert_array_equal(said["abstain"], predict(model, COLUMNS)["abstain"])
    assert said["abstain"].dtype == bool
    assert len(set(said["abstain"])) == 2


def test_disagreement_is_what_the_members_give():
    task = ensemble(MODEL.task, members=2)
    batch = {name: jnp.asarray(column) for name, column in COLUMNS.items()}
    many = Model(task, *jax.jit(task.init)(jax.random.key(0), batch, task.constants(COLUMNS)))
    given = predict(many, COLUMNS)["mutual_information"]
    model = with_abstention(many, threshold=float(np.median(given)), by="mutual_information")
    found = predict(model, COLUMNS)
    np.testing.assert_array_equal(found["uncertainty"], given)
    assert found["abstain"].sum() == len(P) // 2
    with pytest.raises(ValueError, match="by is 'mutual_information', but the model gives logits"):
        predict(with_abstention(MODEL, threshold=0.1, by="mutual_information"), COLUMNS)


def test_what_has_no_classes_cannot_abstain():
    for name in ("regression", "multilabel"):
        with pytest.raises(ValueError, match="does not answer with one of several classes"):
            with_abstention(untrained(name), threshold=0.5)
    with pytest.raises(ValueError, match="by is 'entropi', which is unknown: did you mean entropy"):
        with_abstention(MODEL, threshold=0.5, by="entropi")
    with pytest.raises(ValueError, match="threshold is -1, but must be at least 0"):
        with_abstention(MODEL, threshold=-1)
