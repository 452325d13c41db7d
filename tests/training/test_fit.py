"""The host loop against gradient descent by hand, and every way to stop it."""

from __future__ import annotations

import inspect
import json

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from contracts.examples import EXAMPLES
from training.linear import (
    BATCH,
    JUDGE,
    ROWS,
    SGD,
    STEPS,
    TRAIN,
    VALIDATION,
    by_hand,
    init,
    loss,
    predict,
    train,
)

import jaxmed as jm
from jaxmed.evaluation import compute_metrics
from jaxmed.metrics.streaming import mean_of
from jaxmed.tasks import Task
from jaxmed.training import ema, gradients, stopping


def visits() -> Task:
    """Its one parameter counts how often each row was visited, under `summed` and SGD of 1."""

    def loss(params, model_state, batch, key):
        return -params["visits"][batch["row"]], (model_state, {})

    return Task(
        lambda key, batch, constants: ({"visits": jnp.zeros(ROWS)}, {}),
        loss,
        lambda params, model_state, batch: {"value": batch["label"] * 1.0},
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


def test_fit_is_gradient_descent():
    weight, losses = by_hand(3)
    done = train()
    np.testing.assert_allclose(done.model.params["weight"], weight, rtol=1e-5)
    np.testing.assert_allclose([row["train/loss"] for row in done.history], losses, rtol=1e-5)
    assert [row["step"] for row in done.history] == [3, 6, 9]
    assert done.reason == "epochs"
    assert done.best_epoch == 3


def test_a_second_fit_of_one_task_is_not_traced_again():
    traced = []

    def counted(*arguments):
        traced.append(1)
        return loss(*arguments)

    task = Task(init, counted, predict, judge=JUDGE)
    first = train(task)
    once = len(traced)
    again = train(task, key=jax.random.key(6))
    assert len(traced) == once > 0
    assert not np.array_equal(first.model.params["weight"], again.model.params["weight"])
    train(task, optax.sgd(0.01))  # another optimizer is another program
    assert len(traced) > once


@pytest.mark.parametrize("batch_size", [1, 7, 8, 20, 64])
def test_every_example_is_visited_once_an_epoch(batch_size):
    done = count_visits(batch_size=batch_size, epochs=2)
    np.testing.assert_array_equal(done.model.params["visits"], np.full(ROWS, 2.0))


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
    counts = np.asarray(done.model.params["visits"])
    assert counts.sum() == epochs * ROWS + more * BATCH
    assert set(counts.tolist()) <= {float(epochs), float(epochs + (more > 0))}
    assert done.reason == reason


def test_the_order_is_another_for_another_key():
    def first_batch(seed):
        done = count_visits(key=jax.random.key(seed), epochs=1, steps=1)
        return np.flatnonzero(np.asarray(done.model.params["visits"])).tolist()

    assert first_batch(0) == first_batch(0)
    assert first_batch(0) != first_batch(1)


def test_training_stops_when_asked_to_with_the_reason():
    def second(history):
        return "enough" if len(history) == 2 else None

    done = train(epochs=9, stop=[lambda history: None, second])
    assert (len(done.history), done.reason) == (2, "enough")


def test_patience_ends_a_run_that_does_not_improve():
    monitor = stopping.lowest("rmse")
    done = train(
        optimizer=optax.sgd(0.0),
        epochs=9,
        validation=VALIDATION,
        monitor=monitor,
        patience=2,
    )
    assert len(done.history) == 3
    assert done.best_epoch == 1
    assert done.reason == "rmse has not improved for 2 rounds"


def test_a_target_ends_a_run():
    full = [row["train/loss"] for row in train(epochs=5).history]
    assert full == sorted(full, reverse=True)
    target = stopping.reached(stopping.lowest("train/loss"), (full[1] + full[2]) / 2)
    done = train(epochs=5, stop=[target])
    assert [row["train/loss"] for row in done.history] == full[:3]
    assert done.reason.startswith("train/loss has reached")


def test_the_kept_epoch_is_the_best_one_of_the_history():
    options = {"optimizer": optax.sgd(0.3), "validation": VALIDATION}
    done = train(epochs=6, monitor=stopping.lowest("mae"), **options)
    scores = [row["validation/mae"] for row in done.history]
    assert done.best_epoch == 1 + int(np.argmin(scores))
    assert done.best_epoch < 6  # or the test says nothing
    alone = train(epochs=done.best_epoch, **options)
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

    def rebuilding(params, model_state, batch, key):
        outputs = rebuilt(params, model_state, batch)
        return outputs["error"], (model_state, outputs)

    metrics = {"error": mean_of("error")} if name == "error" else {}
    monitor = stopping.lowest(name)
    done = train(
        Task(init, rebuilding, rebuilt, metrics), validation=VALIDATION, monitor=monitor,
        optimizer=optax.sgd(0.02), stop=[stopping.reached(monitor, 0.01)], epochs=60,
    )  # fmt: skip
    scores = [row[f"validation/{name}"] for row in done.history]
    assert done.best_epoch == 1 + int(np.argmin(scores))
    assert done.reason.startswith(f"{name} has reached")
    by_hand = (VALIDATION["features"] * (np.asarray(done.model.params["weight"]) - 1)) ** 2
    assert min(scores) == pytest.approx(by_hand.sum(1).mean(), rel=1e-5)


def test_validation_sees_the_averaged_parameters():
    optimizer = ema(SGD, decay=0.9)
    done = train(optimizer=optimizer, validation=VALIDATION)
    average = np.asarray(done.model.params["weight"])
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

    done = train(directory=tmp_path, loggers=[track], validation=VALIDATION)
    assert seen == done.history
    assert lines == [0, 1, 2]  # the caller's loggers come first
    text = (tmp_path / "metrics.jsonl").read_text()
    assert [json.loads(line) for line in text.splitlines()] == done.history


def test_columns_that_no_device_can_hold_stay_on_the_host():
    names = np.array([f"patient {row % 5}" for row in range(ROWS)])
    words = {"group": names, "name": names.astype(object)}
    done = train(columns=TRAIN | words, validation=TRAIN | words, epochs=1)
    np.testing.assert_array_equal(
        done.model.params["weight"], train(epochs=1).model.params["weight"]
    )


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
    jax.tree.map(np.testing.assert_array_equal, second.model.params, whole.model.params)
    assert second.history[-1]["train/loss"] == whole.history[-1]["train/loss"]
    assert int(first.state.step) == stop_at  # what was given is still there


def test_epochs_count_those_of_the_start():
    first = train(epochs=2)
    second = train(epochs=4, start=first.state)
    assert int(second.state.step) == 4 * STEPS
    np.testing.assert_array_equal(
        second.model.params["weight"], train(epochs=4).model.params["weight"]
    )


@pytest.mark.parametrize("limits", [{"epochs": 2}, {"epochs": 9, "steps": 4}, {"epochs": 1}])
@pytest.mark.parametrize("monitor", [None, stopping.lowest("train/loss")])
def test_a_start_that_has_taken_all_steps_already_is_refused(limits, monitor):
    first = train(epochs=2)
    with pytest.raises(ValueError, match=r"start has taken 6 steps .* ask for more steps or epoch"):
        train(**limits, start=first.state, monitor=monitor)


@pytest.mark.parametrize("every", [1, 2, 4, 7])
def test_more_frequent_measurements_leave_the_training_as_it_was(every):
    """Steps between two measurements are counted from step 0, across epochs."""
    once = train(epochs=3, validation=VALIDATION)
    often = train(epochs=3, validation=VALIDATION, every=every)
    steps = [*range(every, 3 * STEPS, every), 3 * STEPS]
    assert [row["step"] for row in often.history] == steps
    assert [row["epoch"] for row in often.history] == pytest.approx(
        [step / STEPS for step in steps], abs=1e-4
    )
    np.testing.assert_array_equal(often.state.params["weight"], once.state.params["weight"])
    # The mean loss of an epoch is that of its rounds, weighed by their examples.
    at = {row["step"]: row for row in often.history}
    for row in once.history:
        if row["step"] in at:
            assert at[row["step"]]["validation/rmse"] == row["validation/rmse"]


def test_the_loss_of_a_round_is_the_mean_over_its_examples():
    by_epoch = [row["train/loss"] for row in train(epochs=2).history]
    rounds = [row["train/loss"] for row in train(epochs=2, every=1).history]
    counts = np.array([BATCH, BATCH, ROWS - 2 * BATCH])
    for epoch in range(2):
        own = rounds[epoch * STEPS : (epoch + 1) * STEPS]
        assert by_epoch[epoch] == pytest.approx((own * counts).sum() / ROWS, rel=1e-5)


def test_parts_of_an_epoch_are_trained():
    assert [row["step"] for row in train(epochs=1.7).history] == [3, 5]
    assert [row["step"] for row in train(epochs=0.01).history] == [1]


def test_the_best_round_lies_within_an_epoch_too():
    done = train(
        optimizer=optax.sgd(0.3), epochs=4, validation=VALIDATION, every=1,
        monitor=stopping.lowest("mae"),
    )  # fmt: skip
    scores = [row["validation/mae"] for row in done.history]
    assert done.best == int(np.argmin(scores))
    assert compute_metrics(done.model, VALIDATION)["mae"] == min(scores)


def test_what_validation_measures_can_be_replaced():
    def measure(model, data):
        return {"norm": float(np.linalg.norm(model.params["weight"])), "rows": len(data["label"])}

    done = train(validation=VALIDATION, measure=measure, monitor=stopping.lowest("norm"))
    assert {row["validation/rows"] for row in done.history} == {9}
    norms = [row["validation/norm"] for row in done.history]
    assert np.linalg.norm(done.model.params["weight"]) == pytest.approx(min(norms))


def test_data_without_a_label_is_trained():
    """Columns of any names: the task alone says what it reads."""

    def own_loss(params, model_state, batch, key):
        return (batch["days"] - params["mean"]) ** 2, (model_state, {})

    days = np.arange(ROWS, dtype=np.float32)
    task = Task(
        lambda key, batch, constants: ({"mean": jnp.zeros(())}, {}),
        own_loss,
        lambda params, model_state, batch: {},
    )
    done = train(task, optax.sgd(0.5), {"days": days}, batch_size=ROWS, epochs=1)
    assert float(done.model.params["mean"]) == pytest.approx(days.mean())


@pytest.mark.parametrize("name", ["contrastive", "word prediction"])
@pytest.mark.slow
def test_tasks_without_labels_train_and_are_validated(name):
    example = EXAMPLES[name]
    assert "label" not in example.columns
    done = train(
        example.task, optax.adam(0.01), dict(example.columns), batch_size=16, epochs=2,
        validation=dict(example.columns), monitor=stopping.lowest("loss"),
    )  # fmt: skip
    assert all(np.isfinite(row["validation/loss"]) for row in done.history)


def test_without_progress_nothing_is_said(capfd):
    train(epochs=1)
    assert capfd.readouterr() == ("", "")


def test_progress_is_plain_lines_where_there_is_no_terminal(capfd):
    done = train(epochs=2, progress=True)
    said = capfd.readouterr()
    assert said.out == ""
    loss = done.history[-1]["train/loss"]
    assert said.err.splitlines() == [f"epoch 2  step 6/6  train loss {loss:.4g}"]


def test_fit_takes_at_most_twelve_parameters():
    assert len(inspect.signature(jm.fit).parameters) <= 12
