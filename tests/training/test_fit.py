"""The host loop against gradient descent by hand, and every way to stop it."""

from __future__ import annotations

import json
import math

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from training.examples import EXAMPLES

from jaxmed.data import batches
from jaxmed.evaluation.evaluate import measure
from jaxmed.metrics.streaming import mean_of
from jaxmed.runs import checkpoint
from jaxmed.runtime import placement
from jaxmed.tasks import Task
from jaxmed.training import ema, gradients, stopping
from jaxmed.training.finite import NonFiniteError
from jaxmed.training.fit import ORDER, fit
from jaxmed.training.step import init_state

ROWS, BATCH, STEPS = 20, 8, 3  # the last of three batches is half padding
_random = np.random.default_rng(3)
FEATURES = _random.normal(size=(ROWS, 3)).astype(np.float32)
LABEL = (FEATURES @ np.array([1.0, -2.0, 0.5]) + _random.normal(size=ROWS)).astype(np.float32)
TRAIN = {"features": FEATURES, "label": LABEL}
VALIDATION = {
    "features": _random.normal(size=(9, 3)).astype(np.float32),
    "label": _random.normal(size=9).astype(np.float32),
}
KEY = jax.random.key(5)


def linear_predict(params, model_state, batch):
    return {"value": batch["features"] @ params["weight"]}


def linear_loss(params, model_state, batch, key):
    outputs = linear_predict(params, model_state, batch)
    return (outputs["value"] - batch["label"]) ** 2, (model_state, outputs)


def linear_init(key, batch):
    return {"weight": jax.random.normal(key, (3,))}, {}


LINEAR = Task(linear_init, linear_loss, linear_predict, {})
SGD = optax.sgd(0.05)


def train(task=LINEAR, optimizer=SGD, columns=TRAIN, *, key=KEY, **options):
    options = {"batch_size": BATCH, "epochs": 3} | options
    return fit(task, optimizer, columns, key=key, **options)


def visits() -> Task:
    """Its one parameter counts how often each row was visited, under `summed` and SGD of 1."""

    def loss(params, model_state, batch, key):
        return -params["visits"][batch["row"]], (model_state, {})

    return Task(
        lambda key, batch: ({"visits": jnp.zeros(ROWS)}, {}),
        loss,
        lambda params, model_state, batch: {"value": batch["label"] * 1.0},
        {},
    )


def summed(task):
    """The gradient of the sum of losses, not of their mean."""
    mean = gradients.mean(task)

    def gradient(*arguments):
        grads, model_state, sums = mean(*arguments)
        return jax.tree.map(lambda g: g * sums["count"], grads), model_state, sums

    return gradient


def count_visits(**options):
    columns = TRAIN | {"row": np.arange(ROWS, dtype=np.int32)}
    return train(visits(), optax.sgd(1.0), columns, gradient=summed, **options)


def by_hand(epochs: int) -> tuple[np.ndarray, list[float]]:
    """Gradient descent of the mean squared error in float64, over the same order of rows."""
    state = init_state(LINEAR, SGD, KEY, TRAIN)
    order = jax.random.fold_in(state.key, ORDER)
    weight, losses = np.asarray(state.params["weight"], np.float64), []
    for epoch in range(epochs):
        total = 0.0
        for line in batches.shuffled_rows(order, epoch, ROWS, BATCH):
            rows = line[line >= 0]
            error = FEATURES[rows] @ weight - LABEL[rows]
            total += (error**2).sum()
            weight = weight - 0.05 * 2 * error @ FEATURES[rows] / len(rows)
        losses.append(total / ROWS)
    return weight, losses


def test_fit_is_gradient_descent():
    weight, losses = by_hand(3)
    done = train()
    np.testing.assert_allclose(done.params["weight"], weight, rtol=1e-5)
    np.testing.assert_allclose([row["train/loss"] for row in done.history], losses, rtol=1e-5)
    assert [row["step"] for row in done.history] == [3, 6, 9]
    assert done.reason == "epochs"
    assert done.best_epoch == 3


def test_a_second_fit_of_one_task_is_not_traced_again():
    traced = []

    def loss(*arguments):
        traced.append(1)
        return linear_loss(*arguments)

    task = Task(linear_init, loss, linear_predict, {})
    first = train(task)
    once = len(traced)
    again = train(task, key=jax.random.key(6))
    assert len(traced) == once > 0
    assert not np.array_equal(first.params["weight"], again.params["weight"])
    train(task, optax.sgd(0.01))  # another optimizer is another program
    assert len(traced) > once


@pytest.mark.parametrize("batch_size", [1, 7, 8, 20, 64])
def test_every_example_is_visited_once_an_epoch(batch_size):
    done = count_visits(batch_size=batch_size, epochs=2)
    np.testing.assert_array_equal(done.params["visits"], np.full(ROWS, 2.0))


@pytest.mark.parametrize(
    ("limits", "expected_steps", "reason"),
    [
        ({"epochs": 2}, [3, 6], "epochs"),
        ({"epochs": 9, "steps": 4}, [3, 4], "steps"),
        ({"epochs": 9, "steps": 6}, [3, 6], "steps"),
        ({"epochs": 2, "steps": 600}, [3, 6], "epochs"),
        ({"epochs": 9, "steps": 1}, [1], "steps"),
    ],
)
def test_epochs_and_steps_are_exact(limits, expected_steps, reason):
    done = count_visits(**limits)
    assert [row["step"] for row in done.history] == expected_steps
    assert int(done.state.step) == expected_steps[-1]
    epochs, more = divmod(expected_steps[-1], STEPS)
    counts = np.asarray(done.params["visits"])
    assert counts.sum() == epochs * ROWS + more * BATCH
    assert set(counts.tolist()) <= {float(epochs), float(epochs + (more > 0))}
    assert done.reason == reason


def test_the_order_is_another_for_another_key():
    def first_batch(seed):
        done = count_visits(key=jax.random.key(seed), epochs=1, steps=1)
        return np.flatnonzero(np.asarray(done.params["visits"])).tolist()

    assert first_batch(0) == first_batch(0)
    assert first_batch(0) != first_batch(1)


def test_training_stops_when_asked_to_with_the_reason():
    def second(history):
        return "enough" if len(history) == 2 else None

    done = train(epochs=9, stop=[lambda history: None, second])
    assert (len(done.history), done.reason) == (2, "enough")


def test_patience_ends_a_run_that_does_not_improve():
    monitor = stopping.lowest("validation/rmse")
    done = train(
        optimizer=optax.sgd(0.0),
        epochs=9,
        validation=VALIDATION,
        best=monitor,
        stop=[stopping.patience(monitor, 2)],
    )
    assert len(done.history) == 3
    assert done.best_epoch == 1
    assert done.reason == "validation/rmse has not improved for 2 epochs"


def test_a_target_ends_a_run():
    full = [row["train/loss"] for row in train(epochs=5).history]
    assert full == sorted(full, reverse=True)
    target = stopping.reached(stopping.lowest("train/loss"), (full[1] + full[2]) / 2)
    done = train(epochs=5, stop=[target])
    assert [row["train/loss"] for row in done.history] == full[:3]
    assert done.reason.startswith("train/loss has reached")


def test_the_kept_epoch_is_the_best_one_of_the_history():
    options = {"optimizer": optax.sgd(0.3), "validation": VALIDATION}
    done = train(epochs=6, best=stopping.lowest("validation/mae"), **options)
    scores = [row["validation/mae"] for row in done.history]
    assert done.best_epoch == 1 + int(np.argmin(scores))
    assert done.best_epoch < 6  # or the test says nothing
    alone = train(epochs=done.best_epoch, **options)
    np.testing.assert_array_equal(done.params["weight"], alone.params["weight"])
    assert not np.array_equal(done.params["weight"], done.state.params["weight"])
    again = measure(LINEAR, done.params, done.model_state, VALIDATION)
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
    monitor = stopping.lowest(f"validation/{name}")
    done = train(
        Task(linear_init, loss, rebuilt, metrics), validation=VALIDATION, best=monitor,
        optimizer=optax.sgd(0.02), stop=[stopping.reached(monitor, 0.01)], epochs=60,
    )  # fmt: skip
    scores = [row[f"validation/{name}"] for row in done.history]
    assert done.best_epoch == 1 + int(np.argmin(scores))
    assert done.reason.startswith(f"validation/{name} has reached")
    by_hand = (VALIDATION["features"] * (np.asarray(done.params["weight"]) - 1)) ** 2
    assert min(scores) == pytest.approx(by_hand.sum(1).mean(), rel=1e-5)


def test_validation_sees_the_averaged_parameters():
    optimizer = ema.averaged(SGD, decay=0.9)
    done = train(optimizer=optimizer, validation=VALIDATION)
    average = np.asarray(done.params["weight"])
    assert not np.allclose(average, done.state.params["weight"], rtol=1e-3)
    error = VALIDATION["features"] @ average - VALIDATION["label"]
    np.testing.assert_allclose(
        done.history[-1]["validation/rmse"], np.sqrt((error**2).mean()), rtol=1e-5
    )


def test_a_row_of_the_history_holds_what_was_measured():
    done = train(EXAMPLES["multiclass"].task, columns=EXAMPLES["multiclass"].columns, epochs=1)
    assert list(done.history[0]) == ["epoch", "step", "train/loss", "train/accuracy", "seconds"]
    done = train(epochs=1, validation=VALIDATION)
    names = {"mae", "rmse", "r2"}
    assert {f"validation/{name}" for name in names} <= set(done.history[0])


def test_the_history_is_tracked_and_written_line_by_line(tmp_path):
    seen, lines = [], []

    def track(row):
        seen.append(dict(row))
        lines.append((tmp_path / "metrics.jsonl").read_text().count("\n"))

    done = train(directory=tmp_path, track=[track], validation=VALIDATION)
    assert seen == done.history
    assert lines == [0, 1, 2]  # the caller's trackers come first
    text = (tmp_path / "metrics.jsonl").read_text()
    assert [json.loads(line) for line in text.splitlines()] == done.history


@pytest.mark.parametrize("place", [placement.pmap, placement.sharded])
def test_placements_train_alike_and_resume_alike(place, tmp_path):
    example = EXAMPLES["multiclass"]
    expected = train(example.task, columns=example.columns, batch_size=16, epochs=2)

    def go(epochs, **options):
        return train(
            example.task,
            columns=example.columns,
            batch_size=16,
            epochs=epochs,
            where=place(),
            directory=tmp_path,
            **options,
        )

    go(1)
    done = go(2, resume=True)
    for ours, theirs in zip(
        jax.tree.leaves(done.params), jax.tree.leaves(expected.params), strict=True
    ):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)
    for ours, theirs in zip(done.history, expected.history, strict=True):
        assert ours["train/loss"] == pytest.approx(theirs["train/loss"], rel=1e-5)


def test_a_finished_run_resumes_to_the_same_result_at_once(tmp_path):
    monitor = stopping.lowest("validation/mae")
    options = {"directory": tmp_path, "validation": VALIDATION, "best": monitor}
    options |= {"optimizer": optax.sgd(0.3), "epochs": 4}
    done = train(**options)
    assert done.best_epoch < 4
    written = (tmp_path / "metrics.jsonl").read_text()

    def never(row):
        raise AssertionError

    again = train(**options, resume=True, track=[never])
    assert again.history == done.history
    assert (again.reason, again.best_epoch) == (done.reason, done.best_epoch)
    np.testing.assert_array_equal(again.params["weight"], done.params["weight"])
    np.testing.assert_array_equal(again.state.params["weight"], done.state.params["weight"])
    assert (tmp_path / "metrics.jsonl").read_text() == written


def test_resuming_where_nothing_is_starts_a_run(tmp_path):
    done = train(directory=tmp_path / "new", resume=True, epochs=1)
    assert len(done.history) == 1


def test_a_directory_with_a_run_is_refused_unless_resumed(tmp_path):
    train(directory=tmp_path, epochs=1)
    with pytest.raises(FileExistsError, match=r"directory is .*holds a run at step 3: resume it"):
        train(directory=tmp_path, epochs=1)


def test_another_monitor_cannot_resume_a_run_whose_best_epoch_is_gone(tmp_path):
    second = train(epochs=2).params["weight"]
    passed = {"features": FEATURES, "label": FEATURES @ np.asarray(second)}  # no error at epoch 2
    options = {"directory": tmp_path, "validation": passed}
    done = train(epochs=4, best=stopping.lowest("validation/mae"), **options)
    assert done.best_epoch == 2
    with pytest.raises(ValueError, match=r"best is validation/mae, by which epoch \d is the best"):
        train(epochs=5, best=stopping.highest("validation/mae"), resume=True, **options)


# NaN


def climbing(loss_at) -> Task:
    """Under SGD of 1 its parameter `height` is the number of steps taken."""

    def loss(params, model_state, batch, key):
        height = params["height"]
        losses = jnp.full(batch["label"].shape, loss_at(height))
        return losses, (model_state, {"value": batch["label"]})

    return Task(
        lambda key, batch: ({"height": jnp.zeros(())}, {}),
        loss,
        lambda params, model_state, batch: {"value": batch["label"]},
        {},
    )


@pytest.mark.parametrize(
    ("task", "expected"),
    [
        (
            climbing(lambda height: jnp.where(height > 3.5, jnp.nan, -height)),
            "step 4, first in loss",
        ),
        (  # the loss at step 4 is still finite: sqrt(0) has no slope
            climbing(lambda height: jnp.sqrt(jnp.abs(4 - height)) * 1e-9 - height),
            "step 4, first in gradient of params height",
        ),
    ],
)
def test_a_nan_is_named_by_step_and_leaf_and_nothing_saved_is_lost(task, expected, tmp_path):
    with pytest.raises(NonFiniteError, match=expected):
        train(task, optax.sgd(1.0), directory=tmp_path, epochs=4)
    last = tmp_path / "checkpoints" / "last"
    assert checkpoint.latest(last) == 3
    state, history = checkpoint.restore(last, init_state(task, optax.sgd(1.0), KEY, TRAIN))
    assert float(state.params["height"]) == 3
    assert [row["epoch"] for row in history] == [1]
    assert (tmp_path / "metrics.jsonl").read_text().count("\n") == 1


def test_a_row_that_overflows_is_named_by_its_step():
    columns = {"features": FEATURES.copy(), "label": LABEL}
    columns["features"][11] = 1e25  # finite, but its square is not
    state = init_state(LINEAR, SGD, KEY, columns)
    order = batches.shuffled_rows(jax.random.fold_in(state.key, ORDER), 0, ROWS, 1)
    step = np.flatnonzero(order[:, 0] == 11)[0]
    with pytest.raises(
        NonFiniteError, match=f"step {step}, first in loss. Nothing saved is lost: lower"
    ):
        train(columns=columns, batch_size=1)


def test_a_learning_rate_that_overflows_in_the_last_update_is_caught(tmp_path):
    with pytest.raises(NonFiniteError, match="step 0, first in its update of params/weight"):
        train(optimizer=optax.sgd(jnp.inf), epochs=1, steps=1, directory=tmp_path)
    assert checkpoint.latest(tmp_path / "checkpoints" / "last") is None


def test_a_nan_is_found_under_pmap_too():
    task = climbing(lambda height: jnp.where(height > 3.5, jnp.nan, -height))
    with pytest.raises(NonFiniteError, match="step 4, first in loss"):
        train(task, optax.sgd(1.0), where=placement.pmap())


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
        "train holds NaN or infinity in `features`, 1 rows, the first is row 7: impute",
    ),
    "infinite label": (
        {"features": FEATURES, "label": with_row(LABEL, 3, math.inf)},
        {},
        "train holds NaN or infinity in `label`, 1 rows, the first is row 3",
    ),
    "unequal": (
        {"features": FEATURES, "label": LABEL[:9]},
        {},
        "train has columns of unequal length, .*20.*9.*: one row an example",
    ),
    "validation": (
        TRAIN,
        {"validation": {"features": with_row(FEATURES, 4, math.nan), "label": LABEL}},
        "validation holds NaN or infinity in `features`, 1 rows, the first is row 4",
    ),
    "monitor without validation": (
        TRAIN,
        {"best": stopping.highest("validation/auroc")},
        "best is validation/auroc, but there is no `validation` split: pass one",
    ),
    "unknown monitor": (
        TRAIN,
        {"best": stopping.lowest("train/los")},
        "monitor is 'train/los', which is unknown: did you mean train/loss",
    ),
    "batch size": (
        TRAIN,
        {"batch_size": 20, "where": placement.sharded()},
        "batch_size is 20, which 8 devices do not divide: use a multiple of 8, such as 16",
    ),
    "no batch": (TRAIN, {"batch_size": 0}, "batch_size is 0, but must be greater than 0"),
    "no epochs": (TRAIN, {"epochs": 0}, "epochs is 0, but must be greater than 0"),
    "no steps": (TRAIN, {"steps": 0}, "steps is 0, but must be greater than 0"),
}
BAD_LABELS = {
    "outside": (
        with_row(MULTICLASS["label"], 6, 3),
        "train has the label 3 in row 6, outside the classes 0 to 2: mend the labels",
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
    done = train(example.task, columns=MULTICLASS, validation=some, epochs=1)
    assert math.isfinite(done.history[0]["validation/accuracy"])
    outside = some | {"label": np.array([0, 7], np.int32)}
    with pytest.raises(ValueError, match="validation has the label 7 in row 1, outside"):
        train(example.task, columns=MULTICLASS, validation=outside)


def test_columns_that_no_device_can_hold_stay_on_the_host():
    names = np.array([f"patient {row % 5}" for row in range(ROWS)])
    words = {"group": names, "name": names.astype(object)}
    done = train(columns=TRAIN | words, validation=TRAIN | words, epochs=1)
    np.testing.assert_array_equal(done.params["weight"], train(epochs=1).params["weight"])


@pytest.mark.parametrize(
    "stop_at", [2, 3, 4]
)  # within the first epoch, between two, within the second
def test_going_on_from_a_state_equals_never_having_stopped(stop_at):
    example = EXAMPLES["multiclass"]

    def trained(**options):
        return train(
            example.task, optax.adam(0.01), example.columns, batch_size=16, epochs=4, **options
        )

    first = trained(steps=stop_at)
    assert int(first.state.step) == stop_at
    second = trained(steps=8, start=first.state)
    whole = trained(steps=8)
    jax.tree.map(np.testing.assert_array_equal, second.params, whole.params)
    assert second.history[-1]["train/loss"] == whole.history[-1]["train/loss"]
    assert int(first.state.step) == stop_at  # what was given is still there


def test_epochs_after_a_start_are_further_epochs():
    first = train(epochs=2)
    second = train(epochs=2, start=first.state)
    assert int(second.state.step) == 4 * STEPS
    np.testing.assert_array_equal(second.params["weight"], train(epochs=4).params["weight"])


def test_a_start_beside_a_run_to_resume_is_refused(tmp_path):
    state = train(epochs=1).state
    with pytest.raises(ValueError, match="start is given and resume is True"):
        train(start=state, resume=True, directory=tmp_path)
