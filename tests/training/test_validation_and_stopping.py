"""What is measured in each round, which model is kept, when training stops, what is refused."""

from __future__ import annotations

import math

import numpy as np
import optax
import pytest
from contracts.examples import EXAMPLES
from training.linear import (
    FEATURES,
    LABEL,
    SGD,
    TRAIN,
    VALIDATION,
    linear_init,
    train,
)

from jaxmed.evaluation import compute_metrics
from jaxmed.metrics.streaming import mean_of
from jaxmed.runtime import placement
from jaxmed.tasks import Task
from jaxmed.training import stopping
from jaxmed.training.ema import ema
from jaxmed.training.options import Validation


def test_training_stops_when_asked_to_with_the_reason():
    def second(history):
        return "enough" if len(history) == 2 else None

    done = train(epochs=9, validation=Validation(stop=[lambda history: None, second]))
    assert (len(done.history), done.reason) == (2, "enough")


def test_patience_ends_a_run_that_does_not_improve():
    monitored = Validation(VALIDATION, monitor=stopping.lowest("rmse"), patience=2)
    done = train(optimizer=optax.sgd(0.0), epochs=9, validation=monitored)
    assert len(done.history) == 3
    assert done.best_epoch == 1
    assert done.reason == "rmse has not improved for 2 rounds"


def test_a_target_ends_a_run():
    full = [row["train/loss"] for row in train(epochs=5).history]
    assert full == sorted(full, reverse=True)
    target = stopping.reached(stopping.lowest("train/loss"), (full[1] + full[2]) / 2)
    done = train(epochs=5, validation=Validation(stop=[target]))
    assert [row["train/loss"] for row in done.history] == full[:3]
    assert done.reason.startswith("train/loss has reached")


def test_the_kept_epoch_is_the_best_one_of_the_history():
    monitored = Validation(VALIDATION, monitor=stopping.lowest("mae"))
    done = train(optimizer=optax.sgd(0.3), epochs=6, validation=monitored)
    scores = [row["validation/mae"] for row in done.history]
    assert done.best_epoch == 1 + done.best == 1 + int(np.argmin(scores))
    assert done.best_epoch < 6  # or the test says nothing
    alone = train(optimizer=optax.sgd(0.3), epochs=done.best_epoch)
    np.testing.assert_array_equal(done.model.params["weight"], alone.model.params["weight"])
    assert not np.array_equal(done.model.params["weight"], done.state.params["weight"])
    again = compute_metrics(done.model, VALIDATION)
    assert again["mae"] == min(scores)


@pytest.mark.parametrize("name", ["error", "loss"])
def test_a_task_without_probabilities_has_a_best_epoch_too(name):
    """By its own metric, or by its loss where it has none."""

    def rebuilt(params, model_state, batch):
        error = ((batch["features"] * (params["weight"] - 1)[None]) ** 2).sum(1)
        return {"error": error}

    def loss(params, model_state, batch, key):
        outputs = rebuilt(params, model_state, batch)
        return outputs["error"], (model_state, outputs)

    metrics = {"error": mean_of("error")} if name == "error" else {}
    monitor = stopping.lowest(name)
    monitored = Validation(VALIDATION, monitor=monitor, stop=[stopping.reached(monitor, 0.01)])
    task = Task(linear_init, loss, rebuilt, metrics)
    done = train(task, optax.sgd(0.02), validation=monitored, epochs=60)
    scores = [row[f"validation/{name}"] for row in done.history]
    assert done.best_epoch == 1 + int(np.argmin(scores))
    assert done.reason.startswith(f"{name} has reached")
    by_hand = (VALIDATION["features"] * (np.asarray(done.model.params["weight"]) - 1)) ** 2
    assert min(scores) == pytest.approx(by_hand.sum(1).mean(), rel=1e-5)


def test_validation_sees_the_averaged_parameters():
    optimizer = ema(SGD, decay=0.9)
    done = train(optimizer=optimizer, validation=Validation(VALIDATION))
    average = np.asarray(done.model.params["weight"])
    assert not np.allclose(average, done.state.params["weight"], rtol=1e-3)
    error = VALIDATION["features"] @ average - VALIDATION["label"]
    np.testing.assert_allclose(
        done.history[-1]["validation/rmse"], np.sqrt((error**2).mean()), rtol=1e-5
    )


def test_another_monitor_cannot_resume_a_run_whose_best_epoch_is_gone(tmp_path):
    second = train(epochs=2).model.params["weight"]
    passed = {"features": FEATURES, "label": FEATURES @ np.asarray(second)}  # no error at epoch 2
    lowest, highest = (
        Validation(passed, monitor=of("mae")) for of in (stopping.lowest, stopping.highest)
    )
    done = train(epochs=4, directory=tmp_path, validation=lowest)
    assert done.best_epoch == 2
    with pytest.raises(ValueError, match=r"monitor is mae, by which round \d is the best"):
        train(epochs=5, directory=tmp_path, validation=highest, resume=True)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"every": 0}, "every is 0, but must be greater than 0"),
        ({"patience": 3}, "patience is 3, but there is no monitor to be patient about: add one"),
        (
            {"monitor": stopping.highest("auroc")},
            "monitor is auroc, but there is no validation data: pass some",
        ),
    ],
)
def test_a_validation_that_cannot_be_is_refused_when_it_is_made(options, message):
    with pytest.raises(ValueError, match=message):
        Validation(**options)


def test_a_number_of_training_can_be_monitored_without_validation_data():
    monitored = Validation(monitor=stopping.highest("train/loss"), patience=2)  # which falls
    done = train(epochs=9, validation=monitored)
    assert (done.best, len(done.history)) == (0, 3)
    assert done.reason == "train/loss has not improved for 2 rounds"


def test_a_round_is_as_many_steps_as_are_asked_for_and_changes_no_step():
    done = train(epochs=2, validation=Validation(VALIDATION, every=2))
    assert [(row["step"], row["epoch"]) for row in done.history] == [
        (2, 0.6667),
        (4, 1.3333),
        (6, 2),
    ]
    whole = train(epochs=2)
    np.testing.assert_array_equal(done.model.params["weight"], whole.model.params["weight"])


def test_another_measure_takes_the_place_of_the_metrics():
    def first_weight(model, data):
        assert data is VALIDATION
        return {"first": float(model.params["weight"][0])}

    monitor = stopping.highest("first")
    done = train(validation=Validation(VALIDATION, monitor=monitor, measure=first_weight))
    found = [row["validation/first"] for row in done.history]
    assert float(done.model.params["weight"][0]) == max(found) == found[done.best]
    assert "validation/mae" not in done.history[0]


# Bad input


def with_row(column, row, value):
    changed = column.copy()
    changed[row] = value
    return changed


MULTICLASS = dict(EXAMPLES["multiclass"].columns)
BAD = {
    "no label": ({"features": FEATURES}, {}, "train has the columns features, but needs a `label`"),
    "empty": ({"features": FEATURES[:0], "label": LABEL[:0]}, {}, "train is empty: give it"),
    "NaN": (
        {"features": with_row(FEATURES, 7, math.nan), "label": LABEL},
        {},
        "train holds NaN or infinity in `features`, 1 rows, the first is row 7: leave",
    ),
    "infinite label": (
        {"features": FEATURES, "label": with_row(LABEL, 3, math.inf)},
        {},
        "train holds NaN or infinity in `label`, 1 rows, the first is row 3",
    ),
    "unequal": (
        {"features": FEATURES, "label": LABEL[:9]},
        {},
        "train has columns of unequal length, .*20.*9.*: one row per example",
    ),
    "validation": (
        TRAIN,
        {"validation": Validation({"features": with_row(FEATURES, 4, math.nan), "label": LABEL})},
        "validation holds NaN or infinity in `features`, 1 rows, the first is row 4",
    ),
    "unknown monitor": (
        TRAIN,
        {"validation": Validation(monitor=stopping.lowest("train/los"))},
        "monitor is 'train/los', which is unknown: did you mean train/loss",
    ),
    "batch size": (
        TRAIN,
        {"batch_size": 20, "place": placement.sharded()},
        "batch_size is 20, which 8 devices do not divide: use a multiple of 8, such as 16",
    ),
    "no batch": (TRAIN, {"batch_size": 0}, "batch_size is 0, but must be greater than 0"),
    "no epochs": (TRAIN, {"epochs": 0}, "epochs is 0, but must be greater than 0"),
    "neither": (TRAIN, {"epochs": None}, "epochs and steps are both missing: say how long"),
    "no steps": (TRAIN, {"steps": 0}, "steps is 0, but must be greater than 0"),
}
BAD_LABELS = {
    "outside": (
        with_row(MULTICLASS["label"], 6, 3),
        "train has the label 3 in row 6, outside the classes 0 to 2: correct the labels",
    ),
    "negative": (with_row(MULTICLASS["label"], 2, -1), "train has the label -1 in row 2, outside"),
    "missing": (
        np.where(MULTICLASS["label"] == 1, 0, MULTICLASS["label"]),
        r"train has no example of class 1 \(of 3\): leave that class out",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_one_sentence(name):
    columns, options, message = BAD[name]
    with pytest.raises(ValueError, match=message) as caught:
        train(columns=columns, **options)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", BAD_LABELS)
def test_labels_that_do_not_fit_the_task_are_refused(name):
    label, message = BAD_LABELS[name]
    with pytest.raises(ValueError, match=message):
        train(EXAMPLES["multiclass"].task, columns=MULTICLASS | {"label": label})


def test_a_class_may_be_missing_from_validation_but_not_lie_outside():
    example = EXAMPLES["multiclass"]
    some = {name: column[:2] for name, column in MULTICLASS.items()}
    done = train(example.task, columns=MULTICLASS, validation=Validation(some), epochs=1)
    assert math.isfinite(done.history[0]["validation/accuracy"])
    outside = some | {"label": np.array([0, 7], np.int32)}
    with pytest.raises(ValueError, match="validation has the label 7 in row 1, outside"):
        train(example.task, columns=MULTICLASS, validation=Validation(outside))
