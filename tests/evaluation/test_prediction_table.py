"""One row per unit: pixels with their own patient, labels that are refused, rows that are found."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest
import sklearn.metrics as reference
from tasks.kinds import CLASSES, KINDS, NUMBERS, ROWS, four_functions, untrained

from jaxmed import tasks
from jaxmed.evaluation import evaluate
from jaxmed.evaluation.prediction_table import prediction_table
from jaxmed.metrics.streaming import mean_of
from jaxmed.models import MLP
from jaxmed.tasks import Judge, Model


def pixelwise(shape):
    """A model that says of every pixel of an image [rows, height, width] how bright it is."""

    def predict(params, state, batch):
        bright = batch["image"][..., 0] / 255
        return {"probabilities": jnp.stack([1 - bright, bright], axis=-1)}

    positions = tasks.sequence_labeling(
        MLP((), 2), classes=["background", "lesion"], inputs=lambda batch: batch["image"]
    )
    task = tasks.Task(positions.init, positions.loss, predict, judge=positions.judge)
    random = np.random.default_rng(0)
    columns = {
        "image": random.integers(0, 256, (*shape, 1), np.uint8),
        "label": random.integers(0, 2, shape).astype(np.int32),
    }
    return Model(task, {}, {}), columns


@pytest.mark.parametrize("shape", [(4, 4, 4), (4, 5, 6), (6, 4, 4)])
@pytest.mark.parametrize("batch_size", [3, 4, 512])
def test_pixels_belong_to_their_own_patient(shape, batch_size):
    """Also where there are as many images as scan lines."""
    model, columns = pixelwise(shape)
    columns["group"] = np.arange(shape[0]) + 10
    found = evaluate(model, columns, batch_size=batch_size, resamples=5)
    owner = np.repeat(np.arange(shape[0]) + 10, shape[1] * shape[2])
    np.testing.assert_array_equal(found.predictions["group"], owner)
    np.testing.assert_array_equal(found.predictions["label"], columns["label"].reshape(-1))
    bright = (columns["image"] / 255).reshape(-1)
    wanted = reference.roc_auc_score(columns["label"].reshape(-1), bright)
    assert found.metrics["auroc"].value == pytest.approx(wanted, abs=1e-6)


@pytest.mark.parametrize("name", [*CLASSES, "multilabel", "regression"])
def test_labels_of_images_are_refused_where_one_per_example_is_asked_for(name):
    """Before anything could broadcast them: there are as many rows as the labels have lines."""
    columns = dict(KINDS[name].columns)
    columns["label"] = np.zeros((ROWS, ROWS, 3), columns["label"].dtype)
    with pytest.raises(ValueError, match=rf"^data has labels of shape \({ROWS}, {ROWS}, 3\), but"):
        evaluate(untrained(name), columns)


def test_a_judge_with_other_units_than_examples_has_numbered_rows():
    """Two rows per example, whatever the batches; `group` cannot be known, and is left out."""

    def table(columns, outputs):
        return {"error": np.repeat(outputs["error"], 2)}

    judge = Judge(table=table, statistics={"error": lambda table, weights: table["error"].mean()})
    plain = four_functions()
    task = tasks.Task(plain.init, plain.loss, plain.predict, judge=judge)
    columns = {**NUMBERS, "id": np.arange(23) + 50, "group": np.zeros(23, np.int32)}
    for batch_size in (1, 5, 23):
        _, found = table_of(task, columns, batch_size)
        assert found["id"].tolist() == list(range(46))
        assert set(found) == {"id", "error"}


def table_of(task, columns, batch_size):
    return prediction_table(Model(task, 0.5, 0.0), columns, batch_size=batch_size)


def test_a_split_without_a_label_cannot_be_evaluated():
    columns = {"features": KINDS["binary"].columns["features"]}
    with pytest.raises(ValueError, match=r"^data has the columns features, but needs a `label`\.$"):
        evaluate(untrained("binary"), columns)


def test_a_wrong_label_is_found_in_its_row():
    columns = dict(KINDS["binary"].columns)
    columns["label"] = columns["label"].copy()
    columns["label"][37] = 7
    with pytest.raises(ValueError, match=r"^data has the label 7 in row 37, outside the classes"):
        evaluate(untrained("binary"), columns)
    with pytest.raises(
        ValueError, match=r"^data, rows counted from its row 32, has the label 7 in row 5, outside"
    ):
        evaluate(untrained("binary"), columns, batch_size=16)


def test_a_metric_of_what_is_not_predicted_is_named():
    model = Model(four_functions({"kl": mean_of("kl")}), 0.5, 0.0)
    with pytest.raises(
        ValueError, match="hold kl, which reads 'kl', but there are only error, rebuilt"
    ):
        evaluate(model, NUMBERS)
