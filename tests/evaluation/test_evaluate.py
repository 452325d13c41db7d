"""Evaluation: every example once, whatever the batch size, and numbers that others confirm."""

from __future__ import annotations

import csv
import dataclasses
import itertools

import jax
import numpy as np
import pytest
import sklearn.metrics as reference
from training.examples import EXAMPLES, ROWS

from jaxmed.batch_axis import row_keys
from jaxmed.evaluation import evaluate as module
from jaxmed.evaluation.evaluate import evaluate, mean_loss, measure, predict, write_predictions
from jaxmed.metrics.streaming import mean_of
from jaxmed.tasks import Task

KINDS = ["binary", "multiclass", "multilabel", "ordinal", "regression"]

ROUNDING = 1e-6
"""Of a float32 sum of a few terms near one, which a matrix product of another shape may take in
another order."""


def trained(name):
    example = EXAMPLES[name]
    params, model_state = example.task.init(jax.random.key(4), example.columns)
    return example.task, params, model_state, dict(example.columns)


@pytest.mark.parametrize("name", KINDS)
def test_no_batch_size_changes_a_row_or_a_metric(name):
    model = trained(name)
    *_, columns = model
    alone = [
        predict(*model[:3], {key: column[row : row + 1] for key, column in columns.items()})
        for row in range(0, ROWS, 11)
    ]
    whole = evaluate(*model, resamples=20)
    for batch_size in (1, 7, ROWS - 1, ROWS, 512):
        part = evaluate(*model, batch_size=batch_size, resamples=20)
        assert list(part.predictions) == list(whole.predictions)
        for key, column in part.predictions.items():
            assert len(column) == ROWS
            np.testing.assert_allclose(column, whole.predictions[key], rtol=1e-6, atol=ROUNDING)
        for key, value in part.metrics.items():
            np.testing.assert_allclose(value, whole.metrics[key], rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(whole.predictions["id"], np.arange(ROWS))
    np.testing.assert_array_equal(whole.predictions["label"], columns["label"])
    output = "value" if name == "regression" else "probabilities"
    for row, single in zip(range(0, ROWS, 11), alone, strict=True):
        np.testing.assert_allclose(
            whole.predictions[output][row], single[output][0], rtol=1e-6, atol=ROUNDING
        )


def test_rows_stay_in_order_with_their_own_ids():
    task, params, model_state, columns = trained("multiclass")
    straight = evaluate(task, params, model_state, columns, resamples=2)
    order = np.random.default_rng(0).permutation(ROWS)
    shuffled = {name: column[order] for name, column in columns.items()}
    shuffled["id"] = order.astype(np.int32) + 100
    found = evaluate(task, params, model_state, shuffled, batch_size=7, resamples=2)
    np.testing.assert_array_equal(found.predictions["id"], order + 100)
    np.testing.assert_allclose(
        found.predictions["probabilities"],
        straight.predictions["probabilities"][order],
        rtol=1e-6,
    )


def test_multiclass_metrics_are_those_of_scikit_learn():
    model = trained("multiclass")
    found = evaluate(*model, resamples=50)
    label, p = found.predictions["label"], found.predictions["probabilities"].astype(np.float64)
    p /= p.sum(1, keepdims=True)
    guess = p.argmax(1)
    expected = {
        "accuracy": reference.accuracy_score(label, guess),
        "balanced_accuracy": reference.balanced_accuracy_score(label, guess),
        "sensitivity": reference.recall_score(label, guess, average="macro"),
        "precision": reference.precision_score(label, guess, average="macro", zero_division=np.nan),
        "f1_macro": reference.f1_score(label, guess, average="macro"),
        "auroc": reference.roc_auc_score(label, p, multi_class="ovr"),
        "log_loss": reference.log_loss(label, p),
        "matthews_correlation": reference.matthews_corrcoef(label, guess),
        "cohen_kappa": reference.cohen_kappa_score(label, guess),
    }
    assert set(expected) < set(found.metrics)
    for name, value in expected.items():
        assert found.metrics[name].value == pytest.approx(value, abs=1e-6), name
        assert found.metrics[name].low <= value <= found.metrics[name].high


def test_binary_and_regression_metrics_are_those_of_scikit_learn():
    found = evaluate(*trained("binary"), resamples=10)
    label, p = found.predictions["label"], found.predictions["probabilities"][:, 1]
    assert found.metrics["auroc"].value == pytest.approx(reference.roc_auc_score(label, p))
    assert found.metrics["brier"].value == pytest.approx(
        reference.brier_score_loss(label, p), abs=1e-6
    )
    found = evaluate(*trained("regression"), resamples=10)
    label, value = found.predictions["label"], found.predictions["value"]
    assert found.metrics["r2"].value == pytest.approx(reference.r2_score(label, value), abs=1e-6)
    assert found.metrics["mae"].value == pytest.approx(
        reference.mean_absolute_error(label, value), abs=1e-6
    )


def test_validation_measures_what_evaluation_does():
    for name in KINDS:
        model = trained(name)
        whole = evaluate(*model, resamples=2)
        quick = measure(*model)
        assert quick == {key: value.value for key, value in whole.metrics.items()}


def rebuild(metrics):
    """A task without probabilities: it gives back half of a number, and draws noise in training."""

    def predict(params, model_state, batch):
        return {"rebuilt": batch["x"] * params, "error": jax.numpy.abs(batch["x"] * (1 - params))}

    def loss(params, model_state, batch, key):
        noise = jax.vmap(jax.random.normal)(row_keys(key, batch["x"].shape[0]))
        return (batch["x"] * params - batch["x"] + noise) ** 2, (model_state + 1, {})

    return Task(lambda key, batch: (0.5, 0.0), loss, predict, metrics)


NUMBERS = {"x": np.random.default_rng(2).normal(size=23).astype(np.float32)}


@pytest.mark.parametrize("batch_size", [1, 7, 23, 512])
def test_without_probabilities_the_metrics_of_the_task_are_measured(batch_size):
    vector = dataclasses.replace(mean_of("error"), result=lambda state: state["sum"] * np.ones(2))
    task = rebuild({"error": mean_of("error"), "vector": vector})
    found = measure(task, 0.5, 0.0, NUMBERS, batch_size=batch_size)
    assert found == {"error": pytest.approx(np.abs(NUMBERS["x"] / 2).mean(), rel=1e-6)}


def test_without_metrics_the_training_loss_is_measured_from_one_key():
    task = rebuild({})
    found = measure(task, 0.5, 0.0, NUMBERS, batch_size=512, loss_batch_size=7)
    key, total = jax.random.key(0), 0.0
    for row, x in enumerate(NUMBERS["x"]):
        own = jax.random.fold_in(jax.random.fold_in(key, row // 7), row % 7)
        total += (-x / 2 + float(jax.random.normal(own))) ** 2
    assert found == {"loss": pytest.approx(total / 23, rel=1e-5)}
    assert measure(task, 0.5, 0.0, NUMBERS, batch_size=7) == found
    assert mean_loss(task, 0.5, 0.0, NUMBERS, batch_size=7) == found["loss"]
    other = mean_loss(task, 0.5, 0.0, NUMBERS, batch_size=7, key=jax.random.key(1))
    assert other != found["loss"]


def test_a_metric_of_what_is_not_predicted_is_named():
    task = rebuild({"kl": mean_of("kl")})
    with pytest.raises(
        ValueError, match="hold kl, which reads 'kl', but there are only error, rebuilt"
    ):
        measure(task, 0.5, 0.0, NUMBERS)


def test_the_rows_of_a_patient_stay_together_in_the_bootstrap():
    """Every patient's rows copied four times: by row, the interval shrinks; by patient, not."""
    task, params, model_state, columns = trained("regression")
    copied = {name: np.repeat(column, 4, axis=0) for name, column in columns.items()}
    patient = np.repeat(np.arange(ROWS), 4)
    rows = evaluate(task, params, model_state, columns, resamples=400).metrics["mae"]
    by_row = evaluate(task, params, model_state, copied, resamples=400).metrics["mae"]
    copied["group"] = patient
    grouped = evaluate(task, params, model_state, copied, resamples=400)
    by_patient = grouped.metrics["mae"]
    assert by_patient.high - by_patient.low == pytest.approx(rows.high - rows.low, rel=1e-4)
    assert by_row.high - by_row.low < 0.65 * (by_patient.high - by_patient.low)
    np.testing.assert_array_equal(grouped.predictions["group"], patient)


def test_columns_that_the_task_does_not_read_do_no_harm():
    task, params, model_state, columns = trained("binary")
    expected = predict(task, params, model_state, columns)
    more = columns | {
        "group": np.array([f"patient {row}" for row in range(ROWS)]),
        "name": np.array(["x"] * ROWS, object),
        "age": np.arange(ROWS, dtype=np.float64),
        "mask": np.zeros(ROWS, np.float32),
    }
    found = evaluate(task, params, model_state, more, batch_size=7, resamples=2)
    np.testing.assert_allclose(
        found.predictions["probabilities"], expected["probabilities"], rtol=1e-6
    )
    assert found.predictions["group"][3] == "patient 3"


def test_no_label_is_needed_to_predict():
    task, params, model_state, columns = trained("binary")
    found = predict(task, params, model_state, {"features": columns["features"]}, batch_size=7)
    assert found["probabilities"].shape == (ROWS, 2)


def test_each_batch_size_is_compiled_once():
    task, params, model_state, columns = trained("binary")
    traced = itertools.count()

    def counted(*arguments):
        next(traced)
        return task.predict(*arguments)

    counting = dataclasses.replace(task, predict=counted)
    for _ in range(3):
        predict(counting, params, model_state, columns, batch_size=8)
    assert next(traced) == 1


@pytest.mark.parametrize(
    ("columns", "options", "message"),
    [
        ({"features": np.zeros((0, 6), np.float32)}, {}, "data is empty: give it at least one"),
        ({"features": np.zeros((3, 6), np.float32)}, {"batch_size": 0}, "batch_size is 0, but"),
        ({}, {}, "data is empty: give it at least one"),
        (
            {"features": np.zeros((3, 6), np.float32), "label": np.zeros(2, np.int32)},
            {},
            "data has columns of unequal length, .*3.*2.*: one row an example",
        ),
    ],
)
def test_bad_input_is_one_sentence(columns, options, message):
    task, params, model_state, _ = trained("binary")
    with pytest.raises(ValueError, match=message):
        predict(task, params, model_state, columns, **options)


def test_a_split_without_a_label_cannot_be_evaluated():
    task, params, model_state, columns = trained("binary")
    with pytest.raises(ValueError, match="data has the columns features, but needs a `label`"):
        evaluate(task, params, model_state, {"features": columns["features"]})


# predictions.csv


@pytest.mark.parametrize("name", KINDS)
def test_predictions_are_read_back_as_they_were(name, tmp_path):
    task, params, model_state, columns = trained(name)
    columns["group"] = np.array([f"ward 1, bed {row % 4}" for row in range(ROWS)])  # with a comma
    predictions = evaluate(task, params, model_state, columns, resamples=2).predictions
    path = tmp_path / "predictions.csv"
    write_predictions(path, predictions)
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == ROWS
    for key, column in predictions.items():
        if column.ndim == 1:
            read = np.array([row[key] for row in rows])
        else:
            names = [f"{key}_{index}" for index in range(column.shape[1])]
            read = np.array([[row[each] for each in names] for row in rows])
        np.testing.assert_array_equal(read.astype(column.dtype), column)
    assert [path.name for path in tmp_path.iterdir()] == ["predictions.csv"]


def test_class_names_head_the_columns(tmp_path):
    predictions = {"id": np.arange(2), "probabilities": np.array([[0.25, 0.75], [1.0, 0.0]])}
    path = tmp_path / "predictions.csv"
    write_predictions(path, predictions, class_names=["normal", "größer"])
    lines = path.read_text(encoding="utf-8").splitlines()
    assert lines == ["id,probabilities_normal,probabilities_größer", "0,0.25,0.75", "1,1.0,0.0"]
    with pytest.raises(
        ValueError, match="class_names has 1 names, but probabilities has 2 columns"
    ):
        write_predictions(path, predictions, class_names=["normal"])


def test_the_file_appears_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "predictions.csv"
    predictions = {"id": np.arange(3), "value": np.arange(3.0)}
    write_predictions(path, predictions)
    before = path.read_text()

    writer = csv.writer

    class FailingWriter:
        def __init__(self, file):
            self.writerow = writer(file).writerow

        def writerows(self, rows):
            self.writerow(next(iter(rows)))
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(module.csv, "writer", FailingWriter)
    with pytest.raises(OSError, match="No space left"):
        write_predictions(path, {"id": np.arange(9), "value": np.zeros(9)})
    assert path.read_text() == before
    assert list(tmp_path.iterdir()) == [path]
