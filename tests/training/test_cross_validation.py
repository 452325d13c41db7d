"""Cross-validation: all folds as one program, held to one after another and to scikit-learn."""

from __future__ import annotations

import jax
import numpy as np
import optax
import pytest
from sklearn.metrics import roc_auc_score

import jaxmed as jm
from jaxmed.training.cross_validation import Fold

RANDOM = np.random.default_rng(0)
ROWS = 60
FEATURES = RANDOM.normal(5, 3, size=(ROWS, 4)).astype(np.float32)
COLUMNS = {
    "features": FEATURES,
    "label": (FEATURES[:, 0] + RANDOM.normal(size=ROWS) > 5).astype(np.int32),
}
TASK = jm.tasks.binary_classification(
    jm.models.MLP(widths=(4,), outputs=1, dropout=0.3), inputs=jm.data.inputs.features()
)


def validated(columns=COLUMNS, **options):
    settings = {"folds": 3, "batch_size": 8, "epochs": 3} | options
    return jm.cross_validate(TASK, optax.adam(0.01), columns, key=jax.random.key(0), **settings)


@pytest.mark.slow
@pytest.mark.parametrize(
    "options",
    [{}, {"held_out": 0.25, "monitor": jm.lowest("log_loss"), "patience": 1, "epochs": 5}],
)
def test_together_gives_the_numbers_of_one_after_another(options):
    joint, single = (validated(together=together, **options) for together in (True, False))
    assert (joint.together, single.together) == (True, False)
    for ours, theirs in zip(joint.models, single.models, strict=True):
        jax.tree.map(
            lambda a, b: np.testing.assert_allclose(a, b, rtol=2e-4, atol=1e-5),
            (ours.params, ours.state),
            (theirs.params, theirs.state),
        )
    assert [len(history) for history in joint.histories] == [
        len(history) for history in single.histories
    ]
    for ours, theirs in zip(joint.histories, single.histories, strict=True):
        for row, other in zip(ours, theirs, strict=True):
            assert row["train/loss"] == pytest.approx(other["train/loss"], rel=1e-4)


@pytest.mark.slow
def test_each_row_is_predicted_once_by_a_model_that_was_not_trained_on_it():
    folds = [
        Fold(np.setdiff1d(np.arange(ROWS), test), np.empty(0, int), test)
        for test in np.split(RANDOM.permutation(ROWS), 3)
    ]
    result = validated(folds=folds)
    predictions = result.evaluation.predictions
    np.testing.assert_array_equal(predictions["id"], np.arange(ROWS))
    np.testing.assert_array_equal(predictions["label"], COLUMNS["label"])
    for model, fold in zip(result.models, folds, strict=True):
        own = jm.predict(model, {"features": FEATURES[fold.test]})["probabilities"]
        np.testing.assert_allclose(predictions["probabilities"][fold.test], own, rtol=1e-5)
        constants = model.state["fitted"]["inputs"]
        np.testing.assert_allclose(constants["mean"], FEATURES[fold.train].mean(0), rtol=1e-5)
        np.testing.assert_allclose(constants["deviation"], FEATURES[fold.train].std(0), rtol=1e-4)
    positive = predictions["probabilities"][:, 1]
    assert result.evaluation.metrics["auroc"].value == pytest.approx(
        roc_auc_score(COLUMNS["label"], positive)
    )
    values = [fold["accuracy"] for fold in result.metrics]
    assert result.mean("accuracy") == pytest.approx((np.mean(values), np.std(values, ddof=1)))


def test_patients_are_never_divided_and_classes_are_in_proportion():
    patients = np.repeat(np.arange(20), 3)
    columns = {**COLUMNS, "label": (patients % 2).astype(np.int32), "group": patients}
    result = validated(columns, folds=5, epochs=1)
    assert len(result.evaluation.predictions["id"]) == ROWS
    assert result.evaluation.predictions["group"].tolist() == patients.tolist()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"monitor": jm.lowest("log_loss")}, "monitor is log_loss, but nothing is held out"),
        ({"folds": 7, "batch_size": 17, "together": True}, "folds make unequally many batches"),
    ],
)
def test_what_cannot_be_done_is_refused(options, sentence):
    with pytest.raises(ValueError, match=sentence):
        validated(**options)


def test_folds_of_which_only_some_hold_rows_out():
    parts = np.array_split(np.arange(ROWS), 3)
    folds = [
        Fold(parts[1], np.empty(0, int), parts[0]),
        Fold(parts[2], parts[0], parts[1]),
        Fold(parts[0], parts[1], parts[2]),
    ]
    joint, single = (validated(folds=folds, epochs=1, together=t) for t in (True, False))
    for ours, theirs in zip(joint.histories, single.histories, strict=True):
        assert ours[0].keys() == theirs[0].keys() - {"seconds"}
        for name, value in ours[0].items():
            assert value == pytest.approx(theirs[0][name], rel=1e-4), name
    assert "validation/log_loss" not in joint.histories[0][0]
    with pytest.raises(ValueError, match="nothing is held out to monitor with in fold 0"):
        validated(folds=folds, monitor=jm.lowest("log_loss"))
