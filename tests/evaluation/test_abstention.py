"""Thresholds of uncertainty against every possible one."""

from __future__ import annotations

import dataclasses

import jax.numpy as jnp
import numpy as np
import pytest
from tasks.kinds import KINDS, untrained

from jaxmed.evaluation import abstention_threshold, predict
from jaxmed.tasks import Model
from jaxmed.transforms import with_abstention, with_threshold

# Uncertain rows are wrong more often; many rows tie.
_random = np.random.default_rng(0)
P = np.round(_random.uniform(0.5, 1, 60), 2).astype(np.float32)
LABEL = (_random.random(60) < P).astype(np.int32)
COLUMNS = {"p": P, "label": LABEL}
BINARY = untrained("binary").task


def _predict(params, state, batch):
    return {"probabilities": jnp.stack([1 - batch["p"], batch["p"]], axis=1)}


MODEL = Model(dataclasses.replace(BINARY, predict=_predict), {}, {})


def answered(threshold, by):
    found = predict(with_abstention(MODEL, threshold=threshold, by=by), COLUMNS)
    return ~found["abstain"]


@pytest.mark.parametrize("by", ["entropy", "max_probability"])
@pytest.mark.parametrize("retained", [0.01, 0.5, 0.77, 1.0])
def test_the_share_is_answered_and_no_row_more_than_needed(by, retained):
    threshold = abstention_threshold(MODEL, COLUMNS, by=by, retained=retained, batch_size=16)
    kept = answered(threshold, by)
    assert kept.mean() >= retained
    # Without the rows of the least confident value that is answered, there would be too few.
    fewer = kept & (P[kept].min() < P)
    assert fewer.mean() < retained
    assert P[kept].min() > max(P[~kept], default=0)


@pytest.mark.parametrize("error", [0.05, 0.1, 0.15, 0.9])
def test_the_error_is_kept_with_as_many_rows_as_possible(error):
    threshold = abstention_threshold(MODEL, COLUMNS, by="max_probability", error=error)
    kept = answered(threshold, "max_probability")
    wrong = LABEL == 0
    possible = [(p <= P) for p in np.unique(P) if wrong[p <= P].mean() <= error]
    assert kept.sum() == max(rows.sum() for rows in possible)
    assert wrong[kept].mean() <= error


def test_errors_are_those_of_the_decided_class():
    decided = with_threshold(MODEL, 0.75)
    wrong = (P >= 0.75) != LABEL
    assert wrong.mean() > (LABEL == 0).mean()  # which counts as if it decided at one half
    error = float(wrong.mean()) - 0.01
    threshold = abstention_threshold(decided, COLUMNS, by="max_probability", error=error)
    kept = threshold >= 1 - P
    possible = [(p <= P) for p in np.unique(P) if wrong[p <= P].mean() <= error]
    assert kept.sum() == max(rows.sum() for rows in possible) < 60


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"p": P}, "^validation has the columns p, .*, but needs a `label`"),
        ({"p": P, "label": np.where(LABEL, 7, 0)}, "^validation has the label 7 in row "),
    ],
)
def test_true_classes_that_are_none_of_the_task_are_refused(columns, message):
    with pytest.raises(ValueError, match=message):
        abstention_threshold(MODEL, columns, error=0.9)
    assert abstention_threshold(MODEL, columns, retained=1) > 0  # which reads no classes


def test_what_cannot_be_chosen_is_refused():
    for given in ({}, {"retained": 0.5, "error": 0.1}):
        with pytest.raises(ValueError, match="must be one number and None: say which"):
            abstention_threshold(MODEL, COLUMNS, **given)
    all_wrong = {**COLUMNS, "label": np.zeros(60, np.int32)}
    with pytest.raises(ValueError, match=r"error is 0\.2, but the most certain rows are wrong"):
        abstention_threshold(MODEL, all_wrong, error=0.2)
    with pytest.raises(ValueError, match="does not answer with one of several classes"):
        abstention_threshold(untrained("regression"), KINDS["regression"].columns, error=0.2)
